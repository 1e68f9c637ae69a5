//! Followers that lag, within the leader's log or beyond its base: each catches up by entries or by
//! a snapshot, once or again and again, while others are compacted at other points.

use super::super::draws::Draws;
use super::super::history::History;
use super::{others, size};

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let size = size(draws, 2);
    let mut history = History::new(size);
    let count = draws.below(length + 1);
    history.propose(draws, count);
    for _ in 0..draws.between(1, 3) {
        add_lag(&mut history, draws, length);
    }
    history.add("heal");
    history
}

fn add_lag(history: &mut History, draws: &mut Draws, length: usize) {
    let (leader, size) = (history.leader(), history.size);
    let others = others(draws, size, leader);
    // At most half of all replicas, so that the rest is mostly a quorum.
    let lagging = &others[..draws.between(1, size / 2)];
    for id in lagging {
        history.look(draws, *id);
    }
    history.add_for("partition", lagging);
    for _ in 0..draws.between(1, 3) {
        let count = draws.below(length + 1);
        history.propose(draws, count);
        compact(history, draws);
        history.look_around(draws);
    }
    if draws.one_in(3) {
        // Another leader has to bring them up to date.
        history.add(format!("partition {leader}"));
        history.propose(draws, 1);
    }
    for id in lagging {
        history.add(format!("heal {id}"));
        history.look(draws, *id);
        if draws.one_in(3) {
            let count = draws.below(3);
            history.propose(draws, count);
            compact(history, draws);
        }
    }
    history.look_around(draws);
    history.add(format!("heal {leader}"));
}

/// Compacts all replicas, a few, or none.
fn compact(history: &mut History, draws: &mut Draws) {
    match draws.below(4) {
        0 => history.add("compact"),
        1 | 2 => {
            let size = history.size;
            let ids: Vec<_> = (0..draws.between(1, 3)).map(|_| draws.below(size)).collect();
            history.add_for("compact", &ids);
        }
        _ => {}
    }
}
