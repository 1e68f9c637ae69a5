//! Generated lines, valid and invalid: tokens, numbers, byte strings, and the order of errors.

use dkv20_exam::{Case, Plan, Suite};

use super::super::milestones::errors;
use super::common::{case, generated};
use super::draws::Draws;
use crate::error::ErrorCode;

const NAME: &str = "lines";
const SALT: u64 = 2;

/// Each command's arguments: `n` a number, `i` an id, `r` a number of replicas, `k` a key space, `c`
/// a count, `b` a byte string, `s` a scenario, `o` an op, `*` any number of ids.
const FORMS: &str = "mix=n draw=nc load=b new=r noop= put=bb del=b status= replica=i get=ib hash=i \
    dump=i log=i partition=* heal=* at=io compact=* workload=nkc scenario=s chaos=nc frobnicate=n =";
const NUMBERS: &str = "0 7 007 18446744073709551615 000000000000000000000000000000000000012 \
    9223372036854775808 4294967296 9999999999";
const MALFORMED_NUMBERS: &str = "18446744073709551616 99999999999999999999999 +1 -1 1e3 0x1 1.0 \
    1_000 \u{661} 1\r \t1 one";
const BYTE_STRINGS: &str = "a 0x61 0x 0X61 0xAb 0x00ff x0 0 # 0x0a20 \r \u{fc}";
const MALFORMED_BYTE_STRINGS: [&str; 7] =
    ["0x6", "0xg0", "0x 61", "0x61\t62", "0x61\r", "0x0X61", "0x-1"];

pub(super) fn suite(plan: &Plan) -> Suite {
    let must_cause = errors(&[
        ErrorCode::UnknownCommand,
        ErrorCode::Syntax,
        ErrorCode::NoCluster,
        ErrorCode::UnknownReplica,
        ErrorCode::Count,
    ]);
    generated(NAME, plan, must_cause, make)
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
    case(NAME, number, lines)
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
    match draws.below(30) {
        0 => word.to_uppercase().into(),
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
        'c' => tokens.push(small_number(draws, &["1", "20", "0", "10000001", "1000", "1001"])),
        'b' => tokens.push(byte_string(draws)),
        's' => tokens.push(draws.pick(&["a", "C", "0x41", "AB", "A\r"]).into()),
        'o' => put_op(draws, tokens),
        '*' => {
            for _ in 0..draws.below(4) {
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
        1..4 => draws.word(NUMBERS).into(),
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
        2 => format!("0x{}", "61".repeat(*draws.pick(&[&4_096, &4_097]))).into(),
        3 if draws.one_in(4) => format!("0x{}", "c3bc".repeat(2_049)).into(),
        _ => draws.word(BYTE_STRINGS).into(),
    }
}

fn spaced(draws: &mut Draws, tokens: &[Vec<u8>]) -> Vec<u8> {
    let mut line = Vec::new();
    if draws.one_in(8) {
        line.extend_from_slice(b"  ");
    }
    for (position, token) in tokens.iter().enumerate() {
        if position > 0 {
            line.extend_from_slice(if draws.one_in(8) { b"   " } else { b" " });
        }
        line.extend_from_slice(token);
    }
    if draws.one_in(8) {
        line.push(b' ');
    }
    line
}
