//! Drawn operations, keys and values.

use super::draws::Draws;
use crate::protocol::Hex;

/// Keys that ports get wrong: unsigned order, prefixes, NUL, bytes that are not text, and words that
/// look like something else.
const KEYS: &str = "a b 0x7f 0x80 0xff 0x 0x6100 0x610061 aa 0xc3 none 0X61 key-000001 key-000010";
const VALUES: &str = "0x 0x00 v 0xff 0xc328 none 0x0000000000000000 a-longer-value-than-most";
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz";
/// The greatest length of a drawn value, apart from those that a suite asks for.
const VALUE_LENGTH_MAX: usize = 1_024;

/// Returns an op as the end of a line.
pub(super) fn op(draws: &mut Draws) -> String {
    match draws.below(10) {
        0 => "noop".into(),
        1..=3 => format!("del {}", key(draws)),
        _ => format!("put {} {}", key(draws), value(draws)),
    }
}

pub(super) fn key(draws: &mut Draws) -> String {
    match draws.below(200) {
        0 => format!("0x{}", "6b".repeat(4_096)),
        1 => format!("0x{}", "6b".repeat(4_097)),
        2 | 3 => {
            let length = draws.length(1, 4_096);
            text(draws, length)
        }
        _ => draws.word(KEYS).into(),
    }
}

fn value(draws: &mut Draws) -> String {
    match draws.below(40) {
        0 => {
            let length = draws.length(0, VALUE_LENGTH_MAX);
            byte_string(draws, length)
        }
        1..20 => format!("v{}", draws.below(1_000)),
        _ => draws.word(VALUES).into(),
    }
}

/// Returns a byte string of this length: drawn bytes in hex, or letters.
pub(super) fn byte_string(draws: &mut Draws, length: usize) -> String {
    if length > 0 && draws.one_in(2) {
        text(draws, length)
    } else {
        Hex(&draws.bytes(length)).to_string()
    }
}

fn text(draws: &mut Draws, length: usize) -> String {
    let start = draws.below(ALPHABET.len());
    letters(start + length).split_off(start)
}

/// Returns as many letters, in a sequence that shows whether some are missing or moved.
pub(super) fn letters(length: usize) -> String {
    let mut letters = ALPHABET.repeat(length.div_ceil(ALPHABET.len()));
    letters.truncate(length);
    letters
}
