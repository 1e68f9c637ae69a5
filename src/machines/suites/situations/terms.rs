//! Elections one after the other, so that terms grow without a new cluster.

use super::super::draws::Draws;
use super::super::history::History;
use super::size;

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let mut history = History::new(size(draws, 3));
    add_terms(&mut history, draws, length);
    history
}

/// Adds elections, each of which takes two lines, and something else now and then.
pub(in super::super) fn add_terms(history: &mut History, draws: &mut Draws, count: usize) {
    for _ in 0..count {
        let leader = history.leader();
        history.add(format!("partition {leader}"));
        match draws.below(4 + count) {
            0 => history.propose_at(leader, draws, 2),
            1 => history.propose(draws, 2),
            2 => history.look_around(draws),
            3 => history.add("compact"),
            _ => {}
        }
        history.add(format!("heal {leader}"));
    }
    history.look_around(draws);
}
