//! Generated lines, valid and invalid: tokens, numbers, byte strings, and the order of errors.

use dkv20_exam::{Case, Delivery, Plan, Suite};

use super::super::measures::Measure;
use super::super::milestones::errors;
use super::common::{case, generated};
use super::draws::Draws;
use super::words::{token, word};
use crate::error::ErrorCode;
use crate::op::KEY_LENGTH_MAX;

const NAME: &str = "lines";
const SALT: u64 = 2;

/// Each command's arguments: `n` a number, `i` an id, `r` a number of replicas, `k` a key space, `c`
/// a count, `b` a byte string, `s` a scenario, `o` an op, `*` any number of ids.
const FORMS: &str = "mix=n draw=nc load=b new=r noop= put=bb del=b status= replica=i get=ib hash=i \
    dump=i log=i partition=* heal=* at=io compact=* workload=nkc scenario=s chaos=nc frobnicate=n =";
pub(super) const NUMBERS: &str = "0 7 007 18446744073709551615 000000000000000000000000000000000000012 \
    9223372036854775808 4294967296 9999999999 9007199254740993 010 08 0777";
pub(super) const MALFORMED_NUMBERS: &str = "18446744073709551616 99999999999999999999999 +1 -1 -0 1e3 0x1 1.0 \
    1. .1 1_000 1,000 0b1 0o7 1n 1u 1/1 0-1 \u{661} \u{967} \u{ff11} \u{b2} \u{2460} \u{2160} \u{feff}1 \
    1\u{301} 1\u{200b} 1\r \t1 1\0 '1' \"1\" one NaN inf null true";
const BYTE_STRINGS: &str = "a 0x61 0x 0X61 0xAb 0x00ff x0 0 # 0x0a20 \r \u{fc} \\x61 \\ \" '' %20";
const MALFORMED_BYTE_STRINGS: [&str; 7] =
    ["0x6", "0xg0", "0x 61", "0x61\t62", "0x61\r", "0x0X61", "0x-1"];
/// Characters beside the hex digits in ASCII, and digits that are not ASCII.
const NO_HEX_DIGITS: &str =
    "g G / : @ ` x X - + _ . \0 \t \r \u{661} \u{ff11} \u{ff41} \u{430} \u{e9}";
/// Letters of commands, and characters that a change of case or a normal form makes of them.
const LOOKALIKES: [(&str, &str); 6] = [
    ("i", "\u{131}"),
    ("i", "\u{130}"),
    ("s", "\u{17f}"),
    ("a", "\u{430}"),
    ("t", "\u{ff54}"),
    ("e", "\u{e9}"),
];
/// Characters that other languages count as white space.
const OTHER_SPACES: &str =
    "\t \u{b} \u{c} \r \u{1c} \u{1f} \u{85} \u{a0} \u{2003} \u{2028} \u{3000} \u{feff} \0";
/// The greatest numbers of zeros, of ids and of spaces between two tokens.
const ZEROS_MAX: usize = 1 << 13;
const IDS_MAX: usize = 1 << 11;
const SPACES_MAX: usize = 1 << 13;

pub(super) fn suite(plan: &Plan) -> Suite {
    let must_cause = errors(&[
        ErrorCode::UnknownCommand,
        ErrorCode::Syntax,
        ErrorCode::NoCluster,
        ErrorCode::UnknownReplica,
        ErrorCode::Count,
    ]);
    generated(NAME, plan, must_cause, make).reaching([
        Measure::Tokens.reach(50, 10),
        Measure::Digits.reach(300, 15),
        Measure::LineBytes.reach(4_096, 80),
    ])
}

/// A case has the commands of a few levels or of all, so that a port that has only the first levels
/// is asked about them.
pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let all: Vec<_> = FORMS.split(' ').filter_map(|form| form.split_once('=')).collect();
    let forms = [&all[..2], &all[..3], &all[3..13], &all[3..17], &all][draws.below(5)];
    let mut lines: Vec<Vec<u8>> = Vec::new();
    // A session without a cluster needs a new process, so few cases have one.
    if !draws.one_in(25) && forms.len() > 3 {
        lines.push(b"new 3".to_vec());
    }
    for _ in 0..draws.between(4, 24) {
        lines.push(line(&mut draws, forms));
    }
    let delivery = match draws.below(12) {
        0 => Delivery::Split,
        1 => Delivery::Stepwise,
        2 => Delivery::Marked,
        _ => Delivery::Pipelined,
    };
    Case { delivery, ..case(NAME, number, lines) }
}

fn line(draws: &mut Draws, forms: &[(&str, &str)]) -> Vec<u8> {
    let (word, form) = forms[draws.below(forms.len())];
    let mut tokens = vec![word_bytes(draws, word)];
    for kind in form.chars() {
        put_argument(draws, kind, &mut tokens);
    }
    match draws.below(16) {
        0 => {
            tokens.pop();
        }
        1 => tokens.push(draws.pick(&["1", "x", "0x", "#"]).into()),
        2 if tokens.len() > 1 => {
            let position = draws.below(tokens.len());
            tokens.swap(0, position);
        }
        _ => {}
    }
    spaced(draws, &tokens)
}

fn word_bytes(draws: &mut Draws, word: &str) -> Vec<u8> {
    match draws.below(40) {
        0 => word.to_uppercase().into(),
        6 => {
            let (letter, other) = LOOKALIKES[draws.below(LOOKALIKES.len())];
            word.replacen(letter, other, 1).into()
        }
        7 if !word.is_empty() => {
            let mut bytes = word.as_bytes().to_vec();
            bytes[draws.below(word.len())].make_ascii_uppercase();
            bytes
        }
        8 if !word.is_empty() => word[..word.len() - 1].into(),
        9 => format!("{word}{}", draws.word("x s \u{301} \u{200b} = ; ,")).into(),
        10 => format!("{}{word}", draws.word(OTHER_SPACES)).into(),
        1 => format!("{word}\0").into(),
        2 => format!("\t{word}").into(),
        3 => format!("{word}\r").into(),
        4 => format!("#{word}").into(),
        5 => format!("0x{}", hex::encode(word)).into(),
        _ => word.into(),
    }
}

fn put_argument(draws: &mut Draws, kind: char, tokens: &mut Vec<Vec<u8>>) {
    match kind {
        'n' => tokens.push(number(draws)),
        'i' => tokens.push(small_number(draws, &["0", "1", "2", "3", "02", "64"])),
        'r' => tokens.push(small_number(draws, &["1", "2", "3", "5", "0", "64", "65", "003"])),
        'k' => tokens.push(small_number(draws, &["1", "64", "1000000", "0", "1000001"])),
        // Few counts between: a workload of millions takes long.
        'c' if draws.one_in(10) => tokens.push(draws.word(MALFORMED_NUMBERS).into()),
        'c' => tokens.push(draws.word("1 20 0 10000001 1000 1001 18446744073709551615").into()),
        'b' => tokens.push(byte_string(draws)),
        's' => tokens.push(draws.pick(&["a", "C", "0x41", "AB", "A\r"]).into()),
        'o' => put_op(draws, tokens),
        '*' => {
            let most = if draws.one_in(12) { draws.length(1, IDS_MAX) } else { 4 };
            for _ in 0..draws.below(most) {
                tokens.push(small_number(draws, &["0", "1", "2", "1", "3", "00"]));
            }
        }
        _ => unreachable!("a form has the letters that are listed above it"),
    }
}

fn put_op(draws: &mut Draws, tokens: &mut Vec<Vec<u8>>) {
    let (word, byte_strings) =
        [("noop", 0), ("put", 2), ("del", 1), ("get", 1), ("NOOP", 0)][draws.below(5)];
    tokens.push(word.into());
    for _ in 0..byte_strings {
        tokens.push(byte_string(draws));
    }
}

fn number(draws: &mut Draws) -> Vec<u8> {
    match draws.below(8) {
        0 if draws.one_in(12) => b"1\xff".into(),
        0 => draws.word(MALFORMED_NUMBERS).into(),
        1 if draws.one_in(4) => {
            let zeros = "0".repeat(draws.length(1, ZEROS_MAX));
            format!("{zeros}{}", draws.word("1 18446744073709551615 18446744073709551616 x")).into()
        }
        2 => (1_u64 << draws.below(64)).wrapping_sub(draws.next_u64() % 2).to_string().into(),
        3 => draws.digits().into(),
        4 => draws.word(NUMBERS).into(),
        _ => draws.next_u64().to_string().into(),
    }
}

fn small_number(draws: &mut Draws, usual: &[&str]) -> Vec<u8> {
    if draws.one_in(10) { number(draws) } else { draws.pick(usual).into() }
}

fn byte_string(draws: &mut Draws) -> Vec<u8> {
    match draws.below(12) {
        0 => (*draws.pick(&MALFORMED_BYTE_STRINGS)).into(),
        1 => {
            let length = draws.between(1, 6);
            let bytes = draws.bytes(length);
            bytes.into_iter().filter(|byte| *byte != b'\n').collect()
        }
        2 => format!("0x{}", "61".repeat(draws.length(1, KEY_LENGTH_MAX + 1))).into(),
        3 => malformed_hex(draws),
        4..7 => {
            let word = word(draws);
            token(draws, word)
        }
        _ => draws.word(BYTE_STRINGS).into(),
    }
}

/// Returns hex with one digit missing or replaced.
fn malformed_hex(draws: &mut Draws) -> Vec<u8> {
    let length = draws.length(1, 1 << 10);
    let digits = hex::encode(draws.bytes(length)).into_bytes();
    let (before, after) = digits.split_at(draws.below(digits.len()));
    let other = if draws.one_in(2) { "" } else { draws.word(NO_HEX_DIGITS) };
    [b"0x", before, other.as_bytes(), &after[1..]].concat()
}

fn spaced(draws: &mut Draws, tokens: &[Vec<u8>]) -> Vec<u8> {
    let mut line = Vec::new();
    if draws.one_in(8) {
        line.extend_from_slice(b"  ");
    }
    for (position, token) in tokens.iter().enumerate() {
        if position > 0 {
            let space = if draws.one_in(100) { draws.word(OTHER_SPACES) } else { " " };
            let count = match draws.below(80) {
                0 => draws.length(1, SPACES_MAX),
                1..10 => 3,
                _ => 1,
            };
            line.extend_from_slice(space.repeat(count).as_bytes());
        }
        line.extend_from_slice(token);
    }
    if draws.one_in(8) {
        line.push(b' ');
    }
    line
}
