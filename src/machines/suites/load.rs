//! Generated snapshots, whole and damaged, for `load`.

use dkv20_exam::{Case, Plan, Suite};

use super::super::measures::Measure;
use super::super::milestones::errors;
use super::common::{case, generated};
use super::draws::Draws;
use super::words::{token, word};
use crate::error::ErrorCode;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

const NAME: &str = "load";
const SALT: u64 = 3;
/// One case of so many has a huge snapshot.
const HUGE_PERIOD: usize = 60;
/// Magic, version, commit index, term and number of keys.
const FIELD_COUNT_BEFORE_KEYS: usize = 5;

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
        .reaching([Measure::LoadBytes.reach(1 << 16, 200), Measure::LoadedKeys.reach(40, 6)])
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let lines = (0..4).map(|line| {
        let bytes = damaged(&mut draws, line == 0 && number.is_multiple_of(HUGE_PERIOD));
        [b"load ", token(&mut draws, &bytes).as_slice()].concat()
    });
    case(NAME, number, lines.collect())
}

fn damaged(draws: &mut Draws, is_huge: bool) -> Vec<u8> {
    let mut fields = snapshot(draws, is_huge);
    // The first error counts, so few snapshots have two.
    let damage_count = [0, 1, 1, 1, 1, 2][draws.below(6)];
    let mut bytes_left = usize::MAX;
    for _ in 0..damage_count {
        bytes_left = bytes_left.min(damage(draws, &mut fields));
    }
    let mut bytes = fields.concat();
    bytes.truncate(bytes_left);
    bytes
}

/// Damages one of the fields, or those after it. Returns how many bytes are left.
fn damage(draws: &mut Draws, fields: &mut Vec<Vec<u8>>) -> usize {
    let position = draw_position(draws, fields.len());
    let offset: usize = fields[..position].iter().map(Vec::len).sum();
    let field = &mut fields[position];
    let length = field.len();
    match draws.below(8) {
        // At its begin, within it, before its last byte, or after it.
        0 => return offset + draws.length(0, length),
        1 => return offset + length.saturating_sub(1),
        2 => field.insert(draws.below(length + 1), 0),
        3 => drop(field.pop()),
        4 if length > 0 => field[draws.below(length)] ^= 1 << draws.below(8),
        5 if position > FIELD_COUNT_BEFORE_KEYS => {
            let other = position - (position - FIELD_COUNT_BEFORE_KEYS).min(4);
            fields[position] = fields[other].clone();
        }
        6 => {
            let trailing_length = draws.length(1, 64);
            fields.push(draws.bytes(trailing_length));
        }
        _ => set_number(draws, field),
    }
    usize::MAX
}

/// Returns the position of a field: one of the first ones, of the last ones, or any.
fn draw_position(draws: &mut Draws, count: usize) -> usize {
    match draws.below(3) {
        0 => draws.below(count.min(FIELD_COUNT_BEFORE_KEYS + 4)),
        1 => count - 1 - draws.below(count.min(8)),
        _ => draws.below(count),
    }
}

/// Replaces a field of 4 or 8 bytes by a number near it or near a limit.
fn set_number(draws: &mut Draws, field: &mut [u8]) {
    let number = field.iter().rev().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    let limits = [KEY_LENGTH_MAX as u64, VALUE_LENGTH_MAX as u64, 0, 1 << 31, 1 << 32, 1 << 63];
    let number = match draws.below(4) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number.swap_bytes() >> (64 - 8 * field.len().clamp(1, 8)),
        _ => {
            let limit = limits[draws.below(limits.len())];
            limit.wrapping_add(draws.next_u64() % 3).wrapping_sub(1)
        }
    };
    let bytes = number.to_le_bytes();
    let length = field.len().min(bytes.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

/// Returns the fields of a snapshot.
fn snapshot(draws: &mut Draws, is_huge: bool) -> Vec<Vec<u8>> {
    let key_count = match draws.below(24) {
        _ if is_huge => draws.between(2, 4),
        0 => draws.length(1, 600),
        _ => draws.below(6),
    };
    let mut keys: Vec<Vec<u8>> = (0..key_count).map(|_| key(draws, key_count)).collect();
    if !draws.one_in(8) {
        keys.sort();
        keys.dedup();
    }
    let count = keys.len() as u64;
    let commit_index = match draws.below(12) {
        0 => count.saturating_sub(1),
        1 => 0,
        2 => u64::MAX,
        3 => count,
        _ => count + draws.next_u64() % 3,
    };
    let term = match draws.below(12) {
        0 => 0,
        1 => 1,
        _ => u64::from(commit_index > 0) * draws.next_u64(),
    };
    let mut fields = vec![b"DKVS".to_vec(), 1_u32.to_le_bytes().to_vec()];
    fields.extend([commit_index, term, count].map(|number| number.to_le_bytes().to_vec()));
    for key in keys {
        put_byte_string(&mut fields, key);
        let length = match draws.below(16) {
            // At most four: the line is within its limit.
            _ if is_huge => draws.length(1 << 16, VALUE_LENGTH_MAX / 4),
            0 if key_count < 6 => draws.length(1, 1 << 14),
            _ => draws.below(4),
        };
        put_byte_string(&mut fields, draws.bytes(length));
    }
    fields
}

fn key(draws: &mut Draws, key_count: usize) -> Vec<u8> {
    match draws.below(20) {
        0 if key_count < 6 => vec![b'k'; draws.length(0, KEY_LENGTH_MAX + 1)],
        1 if key_count < 6 => {
            let length = draws.length(1, KEY_LENGTH_MAX);
            draws.bytes(length)
        }
        2..6 => word(draws).to_vec(),
        _ => {
            let length = draws.between(1, 3);
            draws.bytes(length)
        }
    }
}

fn put_byte_string(fields: &mut Vec<Vec<u8>>, bytes: Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("a generated key or value is short");
    fields.extend([length.to_le_bytes().to_vec(), bytes]);
}
