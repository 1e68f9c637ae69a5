//! Several clusters one after the other in a session: a new one must have nothing of the old.

use super::super::draws::Draws;
use super::super::history::History;
use super::{others, size};

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let mut history = History::new(size(draws, 1));
    for _ in 0..draws.between(1, 4) {
        add_traces_of_use(&mut history, draws, length);
        let size = if draws.one_in(3) { history.size } else { size(draws, 1) };
        if draws.one_in(4) {
            // It changes nothing.
            history.add(format!("new {}", ["0", "65", "99999999"][draws.below(3)]));
            history.look_around(draws);
        }
        history.add_cluster(size);
        for _ in 0..draws.below(3) {
            history.look_around(draws);
        }
    }
    history.propose(draws, 2);
    history.look_around(draws);
    history
}

/// Leaves behind entries, keys, isolated replicas, terms, and what looking has made.
fn add_traces_of_use(history: &mut History, draws: &mut Draws, length: usize) {
    let (size, leader) = (history.size, history.leader());
    let count = draws.between(1, length);
    history.propose(draws, count);
    history.look_around(draws);
    let isolated = others(draws, size, size);
    history.add_for("partition", &isolated[..draws.between(1, size)]);
    if draws.one_in(2) {
        history.add(format!("at {leader} put a {count}"));
    }
    if draws.one_in(2) {
        history.add("compact");
    }
    history.look_around(draws);
}
