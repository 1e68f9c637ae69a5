//! Maps that grow and shrink key by key, in several orders, down to no key and again.

use super::super::draws::Draws;
use super::super::history::History;
use super::super::ops::letters;
use super::shuffle;

/// Only maps of many nodes show how they are merged.
const KEYS_PER_LENGTH: usize = 4;
/// How many looks a passage through all keys has, about.
const LOOKS: usize = 24;
/// Keys that are prefixes of each other have at most this length, so that there are not more of them.
const NESTED_MAX: usize = 512;
/// The greatest length of a prefix that keys share, and of the prefixes of all keys together.
const PREFIX_MAX: usize = 4_000;
const PREFIXES_MAX: usize = 1 << 18;

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let mut history = History::new(draws.between(1, 3));
    add_rounds(&mut history, draws, KEYS_PER_LENGTH * length);
    history
}

/// Adds rounds of growth and shrinkage of a map to and from `count` keys.
pub(in super::super) fn add_rounds(history: &mut History, draws: &mut Draws, count: usize) {
    let mut keys = keys(draws, count);
    for _ in 0..draws.between(1, 2) {
        order(draws, &mut keys);
        pass(history, draws, &keys, |draws, key| format!("put {key} v{}", draws.below(1_000)));
        // A follower that is isolated for now gets the small map as a snapshot or by entries.
        let isolates = history.size > 2 && draws.one_in(2);
        if isolates {
            history.add("partition 2");
        }
        order(draws, &mut keys);
        let kept = if draws.one_in(2) { 0 } else { draws.below(4).min(keys.len()) };
        pass(history, draws, &keys[kept..], |_, key| format!("del {key}"));
        if isolates {
            if draws.one_in(2) {
                history.add("compact");
            }
            history.add("heal");
            history.look(draws, 2);
        }
    }
}

/// Adds a line for each key, with looks at this key and another one now and then.
fn pass(
    history: &mut History,
    draws: &mut Draws,
    keys: &[String],
    line: impl Fn(&mut Draws, &str) -> String,
) {
    for key in keys {
        history.add(line(draws, key));
        if draws.one_in(1 + keys.len() / LOOKS) {
            let id = draws.below(history.size);
            let other = &keys[draws.below(keys.len())];
            history.add(format!("get {id} {key}"));
            history.add(format!("get {id} {other}"));
            history.add(format!("hash {id}"));
        }
    }
    let id = draws.below(history.size);
    history.add(format!("replica {id}"));
    history.add(format!("hash {id}"));
}

/// Returns different keys: short or long, with a short or a long prefix that they share.
fn keys(draws: &mut Draws, count: usize) -> Vec<String> {
    let prefix = letters(draws.length(1, PREFIX_MAX.min(1 + PREFIXES_MAX / count)));
    match draws.below(6) {
        0 => (0..count).map(|number| format!("key-{number:06}")).collect(),
        1 => (0..count).map(|number| number.to_string()).collect(),
        2 => (0..count).map(|number| format!("0x{:06x}", number * 257)).collect(),
        3 => (0..count).map(|number| format!("{prefix}{number}")).collect(),
        4 => (1..=count.min(NESTED_MAX)).map(letters).collect(),
        // The last byte first, so that neighbours in number are far apart in order.
        _ => {
            (0..count as u64).map(|number| format!("0x{:016x}", number.swap_bytes() | 1)).collect()
        }
    }
}

fn order(draws: &mut Draws, keys: &mut [String]) {
    match draws.below(5) {
        0 => keys.sort(),
        1 => keys.sort_by(|a, b| b.cmp(a)),
        2 => {
            // From the middle outwards.
            keys.sort();
            let half = keys.len() / 2;
            keys[..half].reverse();
        }
        _ => shuffle(draws, keys),
    }
}
