//! Pending entries: of a leader without a quorum, of the followers that it has left, and of several
//! generations of deposed leaders. They are committed late, or truncated.

use super::super::draws::Draws;
use super::super::history::History;
use super::{others, size};

/// The greatest number of lines that a tail is made of that no workload can make.
const WRITTEN_MAX: usize = 300;

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let size = size(draws, 1);
    let mut history = History::new(size);
    let count = draws.below(3);
    history.propose(draws, count);
    for _ in 0..draws.between(1, 3) {
        add_generation(&mut history, draws, length);
    }
    // The deposed leaders return one by one or all at once.
    if draws.one_in(2) {
        for id in others(draws, size, size) {
            history.add(format!("heal {id}"));
            history.look(draws, id);
        }
    }
    history.add("heal");
    history.look_around(draws);
    history.propose(draws, 1);
    history
}

/// Adds a leader's loss of its quorum, its tail, and the fate of that tail.
fn add_generation(history: &mut History, draws: &mut Draws, length: usize) {
    let leader = history.leader();
    if history.view().replicas[leader].is_isolated {
        history.add("heal");
    }
    let quorum = history.size / 2 + 1;
    let others = others(draws, history.size, leader);
    let (kept, lost) = others.split_at(draws.below(quorum).min(quorum.saturating_sub(2)));
    history.look(draws, leader);
    history.add_for("partition", lost);
    history.look_around(draws);
    let first = draws.below(length + 1);
    history.propose(draws, first);
    history.look_around(draws);
    history.propose(draws, length - first);
    history.look(draws, leader);
    match draws.below(4) {
        // They commit late.
        0 => history.add_for("heal", lost),
        // A follower that has the tail may win with it.
        1 => depose(history, draws, length, leader, lost),
        // They are truncated.
        _ => {
            history.add_for("partition", kept);
            depose(history, draws, length, leader, lost);
            history.add_for("heal", kept);
        }
    }
    history.look_around(draws);
}

/// Isolates a leader, adds to its tail, lets others go on without it, and compacts some.
fn depose(history: &mut History, draws: &mut Draws, length: usize, leader: usize, lost: &[usize]) {
    history.add(format!("partition {leader}"));
    let count = draws.below(length.min(WRITTEN_MAX) + 1);
    history.propose_at(leader, draws, count);
    history.look(draws, leader);
    history.add_for("heal", lost);
    // About as many as the tail has, since lengths are compared.
    let count = [0, 1, length.saturating_sub(1), length, length + 1][draws.below(5)];
    history.propose(draws, count);
    if draws.one_in(3) {
        history.add("compact");
    }
}
