//! Generated keys and values of all lengths, and what is made of them: entries, snapshots, answers.

use dkv20_exam::{Case, Plan, Suite};

use super::super::measures::Measure;
use super::common::{case, generated};
use super::draws::Draws;
use super::words::token;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

const NAME: &str = "bytes";
const SALT: u64 = 5;
const SNAPSHOT_HEADER_LENGTH: usize = 32;
/// The bytes of a put in the hash of a log, without its key and value.
const PUT_LENGTH: usize = 25;

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
    let mut stored = Stored { log: 0, snapshot: SNAPSHOT_HEADER_LENGTH };
    for _ in 0..draws.between(1, 4) {
        let key = key(&mut draws);
        let written = token(&mut draws, &key);
        let (length, look) = stored.draw_value_length(&mut draws, key.len(), (shortest, longest));
        let value = bytes(&mut draws, length);
        let value = token(&mut draws, &value);
        lines.push([b"put ", written.as_slice(), b" ", value.as_slice()].concat());
        lines.push(look.into());
        lines.push([b"get 0 ", written.as_slice()].concat());
        if draws.one_in(6) {
            lines.push([b"del ", written.as_slice()].concat());
        }
    }
    if lags {
        lines.push(draws.pick(&["compact", "noop"]).into());
        lines.push(b"heal".into());
        lines.extend(["replica 2", "log 2", "hash 2"].map(Vec::from));
    }
    lines.push(b"dump 0".into());
    case(NAME, number, lines)
}

/// The lengths of the log and of the snapshot so far. A del makes them inexact.
struct Stored {
    log: usize,
    snapshot: usize,
}

impl Stored {
    /// Draws the length of a value for which the value itself, the log or the snapshot has the
    /// length that was drawn, and returns it with a line that shows that one whole.
    fn draw_value_length(
        &mut self,
        draws: &mut Draws,
        key_length: usize,
        (shortest, longest): (usize, usize),
    ) -> (usize, &'static str) {
        let any = draws.length(shortest, longest);
        let boundary = 1 << draws.between(6, 16);
        let nearly = boundary + 1 - draws.below(3);
        let (log, snapshot) = (self.log + PUT_LENGTH + key_length, self.snapshot + 8 + key_length);
        // An answer in hex has 5 other characters, and an LF.
        let in_hex = (boundary - 4 - draws.below(3)) / 2;
        let (wanted, look) = match draws.below(5) {
            0 => (nearly.checked_sub(log), "log 0"),
            1 => (nearly.checked_sub(snapshot), "hash 0"),
            2 => (in_hex.checked_sub(snapshot), "dump 0"),
            3 => (None, "replica 0"),
            _ => (None, "log 0"),
        };
        let length = wanted.filter(|length| *length >= shortest).unwrap_or(any);
        if key_length <= KEY_LENGTH_MAX && length <= VALUE_LENGTH_MAX {
            (self.log, self.snapshot) = (log + length, snapshot + length);
        }
        (length, look)
    }
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
