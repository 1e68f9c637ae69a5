//! Generated keys and values of all lengths, and what is made of them: entries, snapshots, answers.

use dkv20_exam::{Case, Plan, Suite};

use super::super::measures::Measure;
use super::common::{case, generated};
use super::draws::Draws;
use super::words::token;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

const NAME: &str = "bytes";
const SALT: u64 = 5;

pub(super) fn suite(plan: &Plan) -> Suite {
    generated(NAME, plan, Vec::new(), make).reaching([
        Measure::KeyBytes.reach(3_000, 120),
        Measure::ValueBytes.reach(1 << 15, 200),
        Measure::LagBytes.reach(5_000, 20),
        Measure::InstalledBytes.reach(5_000, 15),
        Measure::AnswerBytes.reach(1 << 16, 200),
    ])
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    // Few are long, and at least one of so many whatever the seed.
    let (shortest, longest) = match number % 64 {
        0 => (1 << 16, VALUE_LENGTH_MAX + 1),
        1..8 => (0, 1 << 17),
        _ => (0, 1 << 14),
    };
    let lags = draws.one_in(3);
    let mut lines = vec![if lags { b"new 3".to_vec() } else { b"new 1".into() }];
    if lags {
        lines.push(b"partition 2".into());
    }
    for _ in 0..draws.between(1, 4) {
        let key = key(&mut draws);
        let written = token(&mut draws, &key);
        // Often the sum of both is at a boundary.
        let length = draws.length(shortest, longest);
        let taken = if draws.one_in(2) { key.len() } else { 0 };
        let value = bytes(&mut draws, length.saturating_sub(taken));
        let value = token(&mut draws, &value);
        lines.push([b"put ", written.as_slice(), b" ", value.as_slice()].concat());
        if draws.one_in(2) {
            lines.push([b"get 0 ", written.as_slice()].concat());
        }
        if draws.one_in(6) {
            lines.push([b"del ", written.as_slice()].concat());
        }
        lines.push(draws.pick(&["dump 0", "log 0", "hash 0", "replica 0"]).into());
    }
    if lags {
        lines.push(draws.pick(&["compact", "noop"]).into());
        lines.push(b"heal".into());
        lines.extend(["replica 2", "log 2", "hash 2"].map(Vec::from));
    }
    lines.push(b"dump 0".into());
    case(NAME, number, lines)
}

fn key(draws: &mut Draws) -> Vec<u8> {
    let length = draws.length(1, KEY_LENGTH_MAX + 1);
    bytes(draws, length)
}

/// Returns bytes that are all the same, or any: as text, any but a space and LF.
fn bytes(draws: &mut Draws, length: usize) -> Vec<u8> {
    match draws.below(3) {
        0 => vec![draws.byte(); length],
        1 => draws.bytes(length),
        _ => {
            let mut text = draws.bytes(length);
            text.iter_mut().filter(|byte| matches!(byte, b' ' | b'\n')).for_each(|byte| *byte += 1);
            text
        }
    }
}
