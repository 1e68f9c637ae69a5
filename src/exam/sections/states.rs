//! Every transition of a cluster of three replicas that few events can reach: each once, by a
//! shortest path.

use std::collections::{BTreeSet, VecDeque};

use super::{Plan, Section, case, observation};
use crate::exam::coverage::Event;
use crate::session::Session;

const NAME: &str = "states";
const REPLICA_COUNT: usize = 3;

pub(super) fn section(plan: &Plan) -> Section {
    let paths = transitions(plan.states_depth);
    Section {
        name: NAME,
        about: "every transition of three replicas, each by a shortest path",
        must_cause: &[
            Event::Election,
            Event::Truncation,
            Event::LaggingSnapshot,
            Event::Demotion,
            Event::LateCommit,
            Event::NoQuorum,
        ],
        count: paths.len(),
        make: Box::new(move |number| {
            let mut lines = vec![format!("new {REPLICA_COUNT}").into_bytes()];
            lines.extend(paths[number].iter().cloned());
            lines.extend(observation(REPLICA_COUNT));
            case(NAME, number, lines)
        }),
    }
}

/// What can happen in one step. A proposal says where it was made, so that entries of different
/// origin differ.
fn events() -> Vec<Vec<u8>> {
    let mut events = vec!["put k x".to_owned(), "heal".into(), "compact".into()];
    for id in 0..REPLICA_COUNT {
        events.push(format!("at {id} put k {id}"));
        events.push(format!("partition {id}"));
        events.push(format!("heal {id}"));
    }
    events.into_iter().map(String::into_bytes).collect()
}

/// The paths of at most `depth` events whose last event leads from a state by a transition that
/// no path before has taken, in order of their length.
fn transitions(depth: usize) -> Vec<Vec<Vec<u8>>> {
    let events = events();
    let mut session = Session::new();
    session.answer(format!("new {REPLICA_COUNT}").as_bytes(), &mut String::new());
    let mut seen = BTreeSet::from([state_of(&mut session)]);
    let mut frontier = VecDeque::from([(session, Vec::new())]);
    let mut paths = Vec::new();
    while let Some((session, path)) = frontier.pop_front() {
        if path.len() == depth {
            break;
        }
        for event in &events {
            let mut next = session.clone();
            next.answer(event, &mut String::new());
            let mut next_path = path.clone();
            next_path.push(event.clone());
            paths.push(next_path.clone());
            if seen.insert(state_of(&mut next)) {
                frontier.push_back((next, next_path));
            }
        }
    }
    paths
}

/// All that the protocol shows of a session's cluster.
fn state_of(session: &mut Session) -> String {
    let mut state = String::new();
    for line in observation(REPLICA_COUNT) {
        session.answer(&line, &mut state);
        state.push('\n');
    }
    state
}
