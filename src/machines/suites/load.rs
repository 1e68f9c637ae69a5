//! Generated snapshots, whole and damaged, for `load`.

use dkv20_exam::{Case, Plan, Suite};

use super::super::milestones::errors;
use super::common::{case, generated};
use super::draws::Draws;
use crate::error::ErrorCode;
use crate::protocol::Hex;

const NAME: &str = "load";
const SALT: u64 = 3;

pub(super) fn suite(plan: &Plan) -> Suite {
    let must_cause = errors(&[
        ErrorCode::Truncated,
        ErrorCode::BadMagic,
        ErrorCode::BadVersion,
        ErrorCode::BadTerm,
        ErrorCode::BadCount,
        ErrorCode::KeyLength,
        ErrorCode::ValueLength,
        ErrorCode::KeyOrder,
        ErrorCode::TrailingBytes,
    ]);
    generated(NAME, plan, must_cause, make)
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let lines = (0..4).map(|_| format!("load {}", Hex(&damaged(&mut draws))).into());
    case(NAME, number, lines.collect())
}

fn damaged(draws: &mut Draws) -> Vec<u8> {
    let mut keys: Vec<Vec<u8>> = (0..draws.below(6)).map(|_| key(draws)).collect();
    if !draws.one_in(6) {
        keys.sort();
        keys.dedup();
    }
    let mut bytes = snapshot(draws, &keys);
    match draws.below(8) {
        0 => bytes.truncate(draws.below(bytes.len() + 1)),
        1 => bytes.push(0),
        2 => {
            let position = draws.below(bytes.len());
            bytes[position] ^= 1 << draws.below(8);
        }
        // The first byte of a field, where damage has the most effect.
        3 => {
            let position = *draws.pick(&[&0_usize, &4, &8, &16, &24, &31, &32, &35]);
            if let Some(byte) = bytes.get_mut(position) {
                *byte = draws.byte();
            }
        }
        _ => {}
    }
    bytes
}

fn key(draws: &mut Draws) -> Vec<u8> {
    match draws.below(40) {
        0 => vec![],
        1 => vec![b'k'; 4_096],
        2 => vec![b'k'; 4_097],
        3..20 => {
            let length = draws.between(1, 3);
            draws.bytes(length)
        }
        _ => {
            let choices: [&[u8]; 6] = [b"a", b"ab", b"a\0", b"\x7f", b"\x80", b"\xff"];
            draws.pick(&choices).to_vec()
        }
    }
}

fn snapshot(draws: &mut Draws, keys: &[Vec<u8>]) -> Vec<u8> {
    let count = keys.len() as u64;
    let commit_index = match draws.below(12) {
        0 => count.saturating_sub(1),
        1 => 0,
        2 => u64::MAX,
        _ => count + draws.next_u64() % 3,
    };
    let term = match draws.below(12) {
        0 => 0,
        1 => 1,
        _ => u64::from(commit_index > 0) * draws.next_u64(),
    };
    let announced = match draws.below(20) {
        0 => 1 << 63,
        1 => count + 1,
        _ => count,
    };
    let mut out = b"DKVS".to_vec();
    let version: u32 = if draws.one_in(30) { 2 } else { 1 };
    out.extend(version.to_le_bytes());
    for number in [commit_index, term, announced] {
        out.extend(number.to_le_bytes());
    }
    for key in keys {
        put_byte_string(&mut out, key);
        if draws.one_in(40) {
            out.extend(1_048_577_u32.to_le_bytes());
        }
        let length = draws.below(4);
        put_byte_string(&mut out, &draws.bytes(length));
    }
    out
}

fn put_byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a generated key or value is short");
    out.extend(length.to_le_bytes());
    out.extend(bytes);
}
