//! How fast `explore` walks the states of the reference, beside the model checker stateright on the
//! same model: the same clusters, the same actions, and the rules that see a state alone (stateright's
//! properties do not see steps; `explore` judges both).
//!
//! `cargo bench --bench explore [REPLICAS DEPTH ROUNDS]` prints a row for each round, with one thread
//! each: stateright's depth-limited search with more threads can miss states.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use dkv20::explore::{Action, History, Settings, State, Tested, actions, explore, judge_state};
use dkv20::reference::Cluster;
use stateright::{Checker, Model, Property};

/// The reference and its history, as a model of stateright.
#[derive(Clone)]
struct Reference {
    size: u64,
}

impl Model for Reference {
    type State = (Cluster, History);
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        let cluster = Cluster::new(self.size).expect("1 to 64 replicas");
        let history = History::default().after(&cluster).into_owned();
        vec![(cluster, history)]
    }

    fn actions(&self, (cluster, history): &Self::State, list: &mut Vec<Action>) {
        list.extend(actions(cluster, history));
    }

    fn next_state(&self, (cluster, history): &Self::State, action: Action) -> Option<Self::State> {
        let mut cluster = cluster.clone();
        // A refused action changes nothing, which leads to a state that is known.
        let _ = action.run(&mut cluster);
        let history = history.after(&cluster).into_owned();
        Some((cluster, history))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("rules of a state", |_, (cluster, history)| {
            judge_state(&State::new(cluster, history), &mut Tested::default()).is_empty()
        })]
    }
}

/// The result of a walk: its numbers of states and of transitions, and its time.
struct Walk {
    states: usize,
    transitions: u64,
    time: Duration,
}

impl Walk {
    fn rate(&self) -> f64 {
        let transitions = u32::try_from(self.transitions).expect("a walk of minutes at most");
        f64::from(transitions) / self.time.as_secs_f64()
    }
}

fn walk_by_explore(size: u64, depth: u32, thread_count: usize) -> Walk {
    let cluster = Cluster::new(size).expect("1 to 64 replicas");
    let start = Instant::now();
    let report = explore(&cluster, &Settings { depth, time: None, thread_count }, |_| {});
    assert!(report.counterexample.is_none(), "the reference keeps its rules");
    Walk { states: report.states, transitions: report.transitions, time: start.elapsed() }
}

fn walk_by_stateright(size: u64, depth: u32) -> Walk {
    let start = Instant::now();
    // It counts the first state as depth 1.
    let checker =
        Reference { size }.checker().target_max_depth(depth as usize + 1).spawn_bfs().join();
    checker.assert_properties();
    let transitions = checker.state_count() as u64 - 1;
    Walk { states: checker.unique_state_count(), transitions, time: start.elapsed() }
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let numbers: Result<Vec<u32>, _> = arguments.map(|argument| argument.parse()).collect();
    let (size, depth, rounds) = match numbers.as_deref() {
        Ok([]) => (3, 9, 3),
        Ok([size @ 1..=64, depth, rounds]) => (*size, *depth, *rounds),
        _ => {
            eprintln!("usage: explore [REPLICAS DEPTH ROUNDS]");
            return ExitCode::from(2);
        }
    };
    println!("{size} replicas, depth {depth}; transitions a second, and stateright's share");
    println!("   states  transitions    2 threads     1 thread   stateright  share");
    for _ in 0..rounds {
        let parallel = walk_by_explore(size.into(), depth, 2);
        let single = walk_by_explore(size.into(), depth, 1);
        let peer = walk_by_stateright(size.into(), depth);
        println!(
            "{:>9} {:>12} {:>12.0} {:>12.0} {:>12.0} {:>6.2}",
            single.states,
            single.transitions,
            parallel.rate(),
            single.rate(),
            peer.rate(),
            peer.rate() / single.rate()
        );
        if single.states != peer.states {
            println!("stateright finds {} states", peer.states);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
