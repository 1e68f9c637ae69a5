//! Clusters of every size: the quorum to the replica, and ids up to the last.

use dkv20_exam::{Case, Plan, Suite};

use super::super::measures::Measure;
use super::super::milestones::{Milestone, positions};
use super::draws::Draws;
use super::history::History;

const NAME: &str = "sizes";
const SALT: u64 = 12;
const SIZE_MAX: usize = 64;

pub(super) fn suite(plan: &Plan) -> Suite {
    let must_cause = positions(Milestone::FREQUENT);
    let seed = plan.seed;
    let make = move |number: usize| make(seed, number + 1);
    let must_reach = [Measure::Replicas.reach(64, 64), Measure::IsolatedReplicas.reach(64, 64)];
    let name_of = |number: usize| (number + 1).to_string();
    let suite = Suite::new(NAME, SIZE_MAX, make).named(name_of);
    suite.causing(must_cause).reaching(must_reach)
}

fn make(seed: u64, size: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, size);
    let mut history = History::new(size);
    history.add("put a 1");
    add_quorum(&mut history, &mut draws);
    add_high_leader(&mut history, &mut draws);
    add_every_leader(&mut history, &mut draws);
    add_most_leaders(&mut history, &mut draws);
    add_all_isolated(&mut history);
    history.into_case(NAME, size)
}

/// Adds what a leader can do with exactly a quorum and with one replica less.
fn add_quorum(history: &mut History, draws: &mut Draws) {
    let size = history.size;
    let (quorum, last) = (size / 2 + 1, size - 1);
    let spare: Vec<_> = (quorum..size).collect();
    history.add_for("partition", &spare);
    history.add("put b 2");
    look(history);
    // Among the last of the quorum: 0 itself if it is alone.
    history.add(format!("partition {}", quorum - 1));
    history.add("put c 3");
    look(history);
    history.add("status");
    history.add(format!("heal {}", quorum - 1));
    look(history);
    history.add("compact");
    history.add("partition 0");
    history.add("status");
    history.add(format!("heal {last}"));
    history.add("at 0 put d 4");
    history.add("put e 5");
    look(history);
    history.add("heal");
    look(history);
    history.look_around(draws);
}

/// Adds an election that the last replica alone can win, since only it has the tail of the leader.
fn add_high_leader(history: &mut History, draws: &mut Draws) {
    let (leader, last) = (history.leader(), history.size - 1);
    let rest: Vec<_> = (0..last).filter(|id| *id != leader).collect();
    history.add_for("partition", &rest);
    history.add("put f 6");
    history.look(draws, last);
    history.add(format!("partition {leader}"));
    history.add("status");
    history.add_for("heal", &rest);
    history.add("status");
    history.add(format!("at {last} noop"));
    look(history);
    history.add(format!("partition {last}"));
    history.add("put g 7");
    history.add(format!("at {last} del a"));
    history.add("compact");
    history.add("heal");
    look(history);
}

/// Adds elections in which half of the replicas, drawn at random, are isolated one by one.
fn add_every_leader(history: &mut History, draws: &mut Draws) {
    let size = history.size;
    for _ in 0..size.div_ceil(2) {
        let id = if draws.one_in(2) { history.leader() } else { draws.below(size) };
        history.add(format!("partition {id}"));
        if draws.one_in(4) {
            history.add(format!("at {id} put {id} {size}"));
        }
    }
    history.add("noop");
    history.add("status");
    let id = draws.below(size);
    history.add(format!("heal {id}"));
    history.look(draws, id);
    history.add("heal");
}

/// Adds elections until there is no quorum: each leader but the last is isolated, and still believes
/// that it leads. They return all at once.
fn add_most_leaders(history: &mut History, draws: &mut Draws) {
    for _ in 0..=history.size - (history.size / 2 + 1) {
        let leader = history.leader();
        history.add(format!("partition {leader}"));
        history.add(format!("at {leader} put {leader} {}", draws.below(100)));
    }
    history.add("status");
    history.add("heal");
    look(history);
}

/// Adds a partition of every replica at once, and their return at once, all of them by name.
fn add_all_isolated(history: &mut History) {
    let all: Vec<_> = (0..history.size).collect();
    history.add_for("partition", &all);
    history.add("status");
    history.add("put h 8");
    let leader = history.leader();
    history.add(format!("at {leader} put i 9"));
    history.add_for("compact", &all);
    history.add_for("heal", &all);
    history.add("status");
}

/// Adds a look at the first replica and at the last, and at those around the middle.
fn look(history: &mut History) {
    let last = history.size - 1;
    for id in [0, last / 2, last.div_ceil(2), last] {
        history.add(format!("replica {id}"));
        history.add(format!("hash {id}"));
    }
}
