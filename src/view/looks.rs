//! The looks at a port after each step, and the state that its answers show.

use super::state::{ReplicaState, State};
use super::watch::{Look, Watched};

/// Up to this number of steps, hashes are asked for after each; of more steps, after so many of them.
const HASHED_STEPS_MAX: usize = 1_000;

/// The lines of a process that is looked at after each step.
pub(super) struct Looks {
    /// The lines and the looks after each, in order.
    pub(super) lines: Vec<Vec<u8>>,
    /// For each step, the position of the first look in `lines`, and the looks that are asked for.
    steps: Vec<(usize, Vec<Look>)>,
}

/// The port after a step.
pub(super) struct Seen {
    /// The state that it shows.
    pub(super) state: State,
    /// The looks whose answers differ, with the port's answers.
    pub(super) wrong: Vec<(Look, Vec<u8>)>,
}

impl Looks {
    pub(super) fn new(lines: &[Vec<u8>], watched: &[Watched]) -> Self {
        let stride = lines.len().div_ceil(HASHED_STEPS_MAX).max(1);
        let mut looks = Self { lines: Vec::new(), steps: Vec::new() };
        for (step, (line, watched)) in lines.iter().zip(watched).enumerate() {
            looks.lines.push(line.clone());
            let is_hashed = step % stride == 0 || step + 1 == lines.len();
            let asked = watched.looks.iter().filter(|look| is_hashed || !look.is_hash());
            let asked: Vec<_> = asked.cloned().collect();
            let first = looks.lines.len();
            looks.lines.extend(asked.iter().map(|look| look.line.clone().into_bytes()));
            looks.steps.push((first, asked));
        }
        looks
    }

    /// Returns the port after each step, as long as it answers; the inner value is `None` if nothing
    /// can be looked at. `written` is the output for each of the lines.
    pub(super) fn seen(&self, written: &[Vec<Vec<u8>>]) -> Vec<Option<Seen>> {
        let answers = |(first, looks): &(usize, Vec<Look>)| {
            let answers = written.get(*first..first + looks.len())?;
            answers.iter().all(|lines| !lines.is_empty()).then_some(answers)
        };
        let answered = self.steps.iter().map_while(|step| Some((&step.1, answers(step)?)));
        let seen = answered.map(|(looks, answers)| {
            let is_any = !looks.is_empty();
            is_any.then(|| Seen { state: state_of(looks, answers), wrong: wrong(looks, answers) })
        });
        seen.collect()
    }
}

impl Look {
    fn is_hash(&self) -> bool {
        self.line.starts_with("log ") || self.line.starts_with("hash ")
    }
}

fn wrong(looks: &[Look], answers: &[Vec<Vec<u8>>]) -> Vec<(Look, Vec<u8>)> {
    let differs = |(look, answer): &(&Look, &Vec<Vec<u8>>)| {
        let due = look.answer.as_ref().map(String::as_bytes);
        due.is_some_and(|due| answer.len() != 1 || answer[0] != due)
    };
    let wrong = looks.iter().zip(answers).filter(differs);
    wrong.map(|(look, answer)| (look.clone(), answer.join(&b'\n'))).collect()
}

fn state_of(looks: &[Look], answers: &[Vec<Vec<u8>>]) -> State {
    let mut state = State::default();
    for (look, answer) in looks.iter().zip(answers) {
        let answer = answer.first().and_then(|answer| str::from_utf8(answer).ok());
        let answer = answer.unwrap_or_default();
        match look.line.split_once(' ') {
            None => read_status(answer, &mut state),
            Some(("replica", _)) => state.replicas.push(replica_of(answer)),
            Some((word, _)) => {
                let hash = answer.strip_prefix("ok ").map(str::to_owned);
                let Some(replica) = state.replicas.last_mut() else { continue };
                if word == "log" { replica.log_hash = hash } else { replica.hash = hash }
            }
        }
    }
    state
}

/// Returns the value of a field `NAME=VALUE` of an answer.
fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.split(' ').find_map(|token| token.strip_prefix(name)?.strip_prefix('='))
}

fn number<T: std::str::FromStr>(answer: &str, name: &str) -> Option<T> {
    field(answer, name)?.parse().ok()
}

fn read_status(answer: &str, state: &mut State) {
    state.leader = match field(answer, "leader") {
        Some("none") => Some(None),
        Some(id) => id.parse().ok().map(Some),
        None => None,
    };
    state.term = number(answer, "term");
    state.isolated = match field(answer, "isolated") {
        Some("none") => Some(Vec::new()),
        Some(ids) => ids.split(',').map(|id| id.parse().ok()).collect(),
        None => None,
    };
}

fn replica_of(answer: &str) -> ReplicaState {
    ReplicaState {
        role: field(answer, "role").map(str::to_owned),
        term: number(answer, "term"),
        base: number(answer, "base"),
        commit: number(answer, "commit"),
        last: number(answer, "last"),
        keys: number(answer, "keys"),
        ..ReplicaState::default()
    }
}
