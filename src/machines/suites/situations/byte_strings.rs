//! Keys and values of all lengths on several replicas: committed, pending, truncated, missed by a
//! follower, and in a snapshot that is installed.

use super::super::draws::Draws;
use super::super::history::History;
use super::super::ops::byte_string;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let mut history = History::new(draws.between(2, 4));
    for _ in 0..draws.between(1, 3) {
        let length = draws.length(length / 2, length);
        let op = op(draws, length);
        add_op(&mut history, draws, &op);
    }
    history.add("heal");
    history
}

/// Adds an op, with looks at what becomes of it.
fn add_op(history: &mut History, draws: &mut Draws, op: &str) {
    let (leader, follower) = (history.leader(), (history.leader() + 1) % history.size);
    match draws.below(4) {
        0 => history.add(op),
        1 => {
            history.add(format!("partition {follower}"));
            history.add(op);
            history.look_around(draws);
            if draws.one_in(2) {
                history.add("compact");
            }
            history.add(format!("heal {follower}"));
        }
        _ => {
            history.add(format!("partition {leader}"));
            history.add(format!("at {leader} {op}"));
            history.look(draws, leader);
            history.add(format!("heal {leader}"));
        }
    }
    let key = op.split(' ').nth(1).unwrap_or_default();
    for id in [leader, follower] {
        history.add(format!("log {id}"));
        history.add(format!("get {id} {key}"));
        history.add(format!("hash {id}"));
    }
}

/// Returns an op whose key, value or both have about this length.
fn op(draws: &mut Draws, length: usize) -> String {
    let short = draws.between(1, 3);
    let key_length = match draws.below(3) {
        0 => length.clamp(1, KEY_LENGTH_MAX + 1),
        _ => short,
    };
    let key = byte_string(draws, key_length);
    match draws.below(8) {
        0 => format!("del {key}"),
        1 => format!("put {key} {}", byte_string(draws, short)),
        _ => format!("put {key} {}", byte_string(draws, length.min(VALUE_LENGTH_MAX + 1))),
    }
}
