//! Generated maps whose keys are easily confused: words that look like something else, and long keys
//! that differ in one byte or are prefixes of each other.

use dkv20_exam::{Case, Plan, Suite};

use super::super::measures::Measure;
use super::common::{case, generated};
use super::draws::Draws;
use super::words::{alike, group, token};
use crate::op::KEY_LENGTH_MAX;

const NAME: &str = "keys";
const SALT: u64 = 4;

pub(super) fn suite(plan: &Plan) -> Suite {
    generated(NAME, plan, Vec::new(), make).reaching([
        Measure::KeyBytes.reach(1_000, 60),
        Measure::SharedKeyBytes.reach(1_000, 40),
        Measure::InstalledBytes.reach(2_000, 12),
    ])
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for _ in 0..draws.between(1, 3) {
        if draws.one_in(3) {
            let length = draws.length(1, KEY_LENGTH_MAX);
            keys.extend(alike(&mut draws, length));
        } else {
            keys.extend(group(&mut draws).iter().map(|key| key.to_vec()));
        }
    }
    let lags = draws.one_in(3);
    let mut lines = vec![if lags { b"new 3".to_vec() } else { b"new 1".into() }];
    if lags {
        lines.push(b"partition 2".into());
    }
    for _ in 0..draws.between(1, 2) * keys.len() {
        lines.push(line(&mut draws, &keys));
    }
    if lags {
        lines.push(draws.pick(&["compact", "noop"]).into());
        lines.push(b"heal".into());
    }
    for word in ["replica", "dump", "log", "hash"] {
        lines.push(format!("{word} {}", if lags { 2 } else { 0 }).into());
    }
    case(NAME, number, lines)
}

fn line(draws: &mut Draws, keys: &[Vec<u8>]) -> Vec<u8> {
    let key = &keys[draws.below(keys.len())];
    let key = token(draws, key);
    match draws.below(8) {
        0 => [b"del ", key.as_slice()].concat(),
        1 => [b"get 0 ", key.as_slice()].concat(),
        _ => {
            let value = &keys[draws.below(keys.len())];
            let value = token(draws, value);
            [b"put ", key.as_slice(), b" ", value.as_slice()].concat()
        }
    }
}
