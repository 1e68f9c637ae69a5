//! Every transition of three replicas that few lines can reach, each once and by a shortest path.

use std::collections::{BTreeSet, VecDeque};

use dkv20_exam::{Interrupt, Plan, Suite};

use super::super::milestones::{Milestone, positions};
use super::super::oracle::Oracle;
use super::common::{case, observers};

const NAME: &str = "states";
const SIZE: usize = 3;

pub(super) fn suite(plan: &Plan, interrupt: &Interrupt) -> Suite {
    let paths = transitions(plan.states_depth, interrupt);
    let must_cause = positions([
        Milestone::Election,
        Milestone::Truncation,
        Milestone::LaggingSnapshot,
        Milestone::Demotion,
        Milestone::LateCommit,
        Milestone::NoQuorum,
    ]);
    let count = paths.len();
    let make = Box::new(move |number: usize| {
        let mut lines = vec![format!("new {SIZE}").into_bytes()];
        lines.extend(paths[number].iter().cloned());
        lines.extend(observers(SIZE));
        case(NAME, number, lines)
    });
    Suite { name: NAME, must_cause, is_generated: false, count, make }
}

/// Returns every possible step. The value of a proposal names its replica, so that entries of
/// different origin differ.
fn steps() -> Vec<Vec<u8>> {
    let mut steps = vec!["put k x".to_owned(), "heal".into(), "compact".into()];
    for id in 0..SIZE {
        steps.push(format!("at {id} put k {id}"));
        steps.push(format!("partition {id}"));
        steps.push(format!("heal {id}"));
    }
    steps.into_iter().map(String::into_bytes).collect()
}

/// Returns the paths of at most `depth` steps whose last step is a transition that no earlier path
/// has taken, the shortest first. An interruption leaves those that are found by then.
fn transitions(depth: usize, interrupt: &Interrupt) -> Vec<Vec<Vec<u8>>> {
    let steps = steps();
    let mut session = Oracle::new();
    session.run(format!("new {SIZE}").as_bytes());
    let mut seen = BTreeSet::from([state_of(&mut session)]);
    let mut frontier = VecDeque::from([(session, Vec::new())]);
    let mut paths = Vec::new();
    while let Some((session, path)) = frontier.pop_front() {
        if path.len() == depth || interrupt.is_raised() {
            break;
        }
        for step in &steps {
            let mut next = session.clone();
            next.run(step);
            let mut next_path = path.clone();
            next_path.push(step.clone());
            paths.push(next_path.clone());
            if seen.insert(state_of(&mut next)) {
                frontier.push_back((next, next_path));
            }
        }
    }
    paths
}

/// Returns everything that the protocol shows of the session's cluster.
fn state_of(session: &mut Oracle) -> Vec<Option<String>> {
    observers(SIZE).iter().map(|line| session.run(line)).collect()
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
