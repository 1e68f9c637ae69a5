//! Generated histories of a cluster: proposals, partitions, failover, heal and compaction. Each case
//! draws its own weights, some of them 0, so that steps that are rare under equal weights are
//! frequent in some cases.

use dkv20_exam::{Case, Due, Plan, Session as _, Suite};

use super::super::milestones::{Milestone, positions};
use super::super::oracle::{Oracle, View};
use super::common::{case, generated, observers};
use super::draws::Draws;

const NAME: &str = "histories";
const SALT: u64 = 1;

/// Keys that ports get wrong: unsigned order, prefixes, NUL, bytes that are not text, and words that
/// look like something else.
const KEYS: &str = "a b 0x7f 0x80 0xff 0x 0x6100 0x610061 aa 0xc3 none 0X61 key-000001 key-000010";
const VALUES: &str = "0x 0x00 v 0xff 0xc328 none 0x0000000000000000 a-longer-value-than-most";

pub(super) fn suite(plan: &Plan) -> Suite {
    generated(NAME, plan, positions(Milestone::OF_CLUSTERS), make)
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let size = match draws.below(24) {
        0 => 64,
        1 => draws.between(8, 12),
        _ => draws.between(1, 7),
    };
    let mut weights = [12, 4, 8, 4, 4, 2, 6, 2, 2, 1, 3, 1, 2, 1, 2, 2, 2, 1];
    for weight in &mut weights[1..] {
        *weight = if draws.one_in(3) { 0 } else { draws.between(1, *weight * 2) };
    }
    // The reference runs along, so that a line can name the leader of the moment.
    let mut history = History { session: Oracle::new(), lines: Vec::new(), due: Vec::new() };
    history.add(format!("new {size}"));
    for _ in 0..draws.between(5, 40) {
        if draws.one_in(60) {
            history.add_deposed_leader(&mut draws);
        } else {
            let step = history.session.view().map(|cluster| line(&mut draws, &weights, &cluster));
            history.add(step.unwrap_or_default());
        }
    }
    for observer in observers(size) {
        history.add_line(observer);
    }
    Case { due: Some(history.due), ..case(NAME, number, history.lines) }
}

/// The lines so far, and a session that has run them.
struct History {
    session: Oracle,
    lines: Vec<Vec<u8>>,
    due: Vec<Due>,
}

impl History {
    fn add(&mut self, line: String) {
        self.add_line(line.into_bytes());
    }

    fn add_line(&mut self, line: Vec<u8>) {
        self.due.push(self.session.run_line(&line));
        self.lines.push(line);
    }

    fn leader(&self) -> usize {
        self.session.view().map_or(0, |cluster| cluster.leader)
    }

    /// Adds a history that weights rarely produce: a deposed leader returns with uncommitted
    /// entries, and either loses an election despite its longer log or finds the leader's log
    /// compacted.
    fn add_deposed_leader(&mut self, draws: &mut Draws) {
        let deposed = self.leader();
        self.add(format!("partition {deposed}"));
        for _ in 0..draws.between(1, 5) {
            self.add(format!("at {deposed} {}", op(draws)));
        }
        for _ in 0..draws.below(3) {
            self.add(op(draws));
        }
        match draws.below(3) {
            0 => self.add("compact".into()),
            1 => {}
            _ => self.add(format!("partition {}", self.leader())),
        }
        self.add(format!("heal {deposed}"));
    }
}

fn line(draws: &mut Draws, weights: &[usize], cluster: &View) -> String {
    let size = cluster.replicas.len();
    match draws.weighted(weights) {
        0 => op(draws),
        1 => format!("at {} {}", id(draws, size), op(draws)),
        2 => format!("at {} {}", leading_id(draws, cluster), op(draws)),
        3 => format!("partition {}", id(draws, size)),
        4 => format!("partition {}", cluster.leader),
        5 => format!("partition{}", ids(draws, size)),
        6 => format!("heal {}", id(draws, size)),
        7 => format!("heal{}", ids(draws, size)),
        8 => "heal".into(),
        9 => "compact".into(),
        10 => format!("compact {}", id(draws, size)),
        11 => format!("compact{}", ids(draws, size)),
        12 => format!("get {} {}", id(draws, size), key(draws)),
        13 => "status".into(),
        14 => format!("hash {}", id(draws, size)),
        15 => format!("log {}", id(draws, size)),
        16 => format!("replica {}", id(draws, size)),
        _ => format!("dump {}", id(draws, size)),
    }
}

/// Returns a replica that believes it is leader.
fn leading_id(draws: &mut Draws, cluster: &View) -> usize {
    let ids: Vec<_> =
        (0..cluster.replicas.len()).filter(|id| cluster.replicas[*id].leads).collect();
    ids[draws.below(ids.len())]
}

fn op(draws: &mut Draws) -> String {
    match draws.below(10) {
        0 => "noop".into(),
        1..=3 => format!("del {}", key(draws)),
        _ => format!("put {} {}", key(draws), value(draws)),
    }
}

fn key(draws: &mut Draws) -> String {
    match draws.below(200) {
        0 => format!("0x{}", "6b".repeat(4_096)),
        1 => format!("0x{}", "6b".repeat(4_097)),
        _ => draws.word(KEYS).into(),
    }
}

fn value(draws: &mut Draws) -> String {
    match draws.below(20) {
        0..10 => format!("v{}", draws.below(1_000)),
        _ => draws.word(VALUES).into(),
    }
}

/// Returns an id that mostly exists.
fn id(draws: &mut Draws, size: usize) -> usize {
    if draws.one_in(40) { size + draws.below(3) } else { draws.below(size) }
}

/// Returns one to four ids, possibly with duplicates and ids that do not exist.
fn ids(draws: &mut Draws, size: usize) -> String {
    let ids: Vec<_> = (0..draws.between(1, 4)).map(|_| id(draws, size)).collect();
    ids.iter().fold(String::new(), |line, id| line + " " + &id.to_string())
}
