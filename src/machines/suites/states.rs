//! Every transition of a few replicas that few lines can reach, each once and by a shortest path,
//! with a look at everything before and after it.

use std::collections::{BTreeSet, VecDeque};

use dkv20_exam::{Interrupt, Plan, Suite};

use super::super::milestones::{Milestone, positions};
use super::super::oracle::Oracle;
use super::common::{case, observers};
use super::looks::looks;

const NAME: &str = "states";
/// The key of all proposals.
const KEY: &str = "k";
/// The numbers of replicas, and by how many lines their paths are shorter than the longest.
const SIZES: [(usize, usize); 5] = [(3, 0), (1, 0), (2, 0), (4, 2), (5, 2)];

/// A path, as the positions of its steps among those of its number of replicas: there are many paths.
struct Path {
    size: usize,
    steps: Vec<u8>,
}

pub(super) fn suite(plan: &Plan, interrupt: &Interrupt) -> Suite {
    let paths = SIZES
        .map(|(size, fewer)| transitions(size, plan.states_depth.saturating_sub(fewer), interrupt));
    let mut paths: Vec<_> = paths.into_iter().flatten().collect();
    paths.sort_by_key(|path| path.steps.len());
    let must_cause = positions(Milestone::FREQUENT);
    let count = paths.len();
    let make = move |number: usize| {
        let Path { size, steps } = &paths[number];
        let all_steps = steps_of(*size);
        let steps = steps.iter().map(|step| all_steps[usize::from(*step)].clone());
        let mut lines: Vec<_> =
            std::iter::once(format!("new {size}").into()).chain(steps).collect();
        let looks = looks(*size, &[KEY], number);
        lines.splice(lines.len() - 1..lines.len() - 1, looks.clone());
        lines.extend(looks);
        case(NAME, number, lines)
    };
    Suite::new(NAME, count, make).causing(must_cause)
}

/// Returns every possible step. The value of a proposal names its replica, so that entries of
/// different origin differ.
fn steps_of(size: usize) -> Vec<Vec<u8>> {
    let mut steps = vec![format!("put {KEY} x"), "heal".into(), "compact".into()];
    for id in 0..size {
        steps.push(format!("at {id} put {KEY} {id}"));
        steps.push(format!("partition {id}"));
        steps.push(format!("heal {id}"));
    }
    steps.into_iter().map(String::into_bytes).collect()
}

/// Returns the paths of at most `depth` steps whose last step is a transition that no earlier path
/// has taken, the shortest first. An interruption leaves those that are found by then.
fn transitions(size: usize, depth: usize, interrupt: &Interrupt) -> Vec<Path> {
    let all_steps = steps_of(size);
    let mut session = Oracle::new();
    session.run(format!("new {size}").as_bytes());
    let mut seen = BTreeSet::from([state_of(&mut session, size)]);
    let mut frontier = VecDeque::from([(session, Vec::new())]);
    let mut paths = Vec::new();
    while let Some((session, path)) = frontier.pop_front() {
        if path.len() == depth || interrupt.is_raised() {
            break;
        }
        for (position, step) in (0..).zip(&all_steps) {
            let mut next = session.clone();
            next.run(step);
            let mut steps = path.clone();
            steps.push(position);
            paths.push(Path { size, steps: steps.clone() });
            if seen.insert(state_of(&mut next, size)) {
                frontier.push_back((next, steps));
            }
        }
    }
    paths
}

/// Returns everything that the protocol shows of the session's cluster.
fn state_of(session: &mut Oracle, size: usize) -> Vec<Option<String>> {
    observers(size).iter().map(|line| session.run(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_ends_the_search() {
        let plan = Plan { states_depth: 8, ..Plan::default() };
        let interrupt = Interrupt::default();
        interrupt.raise();
        assert_eq!(suite(&plan, &interrupt).count, 0);
    }
}
