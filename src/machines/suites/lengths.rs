//! Keys and values around every power of two, each on its own: with an entry's or a snapshot's header
//! they fill a buffer to the byte.

use dkv20_exam::{Case, Suite};

use super::common::case;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

const NAME: &str = "lengths";
/// What precedes a value whose key has one byte: nothing, the rest of its op, of its entry in the hash
/// of a log, and of a snapshot.
const HEADER_LENGTHS: [usize; 4] = [0, 10, 26, 41];
/// The exponents of the powers of two, from that of a length that fits into seven bits.
const FIRST_EXPONENT: u32 = 7;
const LAST_EXPONENT: u32 = 20;

pub(super) fn suite() -> Suite {
    let lengths = lengths();
    let count = 1 + lengths.len();
    let make = Box::new(move |number: usize| match number.checked_sub(1) {
        None => keys(),
        Some(position) => value(lengths[position]),
    });
    Suite { name: NAME, must_cause: vec![], is_generated: false, count, make }
}

fn lengths() -> Vec<usize> {
    let around = |exponent: u32| {
        HEADER_LENGTHS.into_iter().flat_map(move |header| {
            let length = (1 << exponent) - header;
            [length, length + 1]
        })
    };
    let mut lengths: Vec<_> = (FIRST_EXPONENT..=LAST_EXPONENT).flat_map(around).collect();
    lengths.retain(|length| *length <= VALUE_LENGTH_MAX);
    lengths.sort_unstable();
    lengths
}

/// Makes a case in which a follower gets the value as an entry, another one in a snapshot, and a third
/// one has it in a tail that is truncated.
fn value(length: usize) -> Case {
    let value = letters(length);
    let put = format!("put a {value}");
    let mut lines = vec!["new 3".to_owned(), "partition 2".into(), put.clone()];
    lines.extend(["log 1", "hash 1", "compact", "heal", "hash 2", "partition 0"].map(String::from));
    lines.extend([format!("at 0 {put}"), "log 0".into(), "put b 1".into(), "heal".into()]);
    lines.extend(["log 0", "hash 0", "get 2 a", "replica 2"].map(String::from));
    case(NAME, format_args!("value-{length}"), lines.into_iter().map(String::into_bytes).collect())
}

/// Makes a case with a key of each of these lengths, each of which begins with the one before it.
fn keys() -> Case {
    let exponents = 1..=KEY_LENGTH_MAX.ilog2();
    let around =
        exponents.flat_map(|exponent| [(1 << exponent) - 1, 1 << exponent, (1 << exponent) + 1]);
    let mut lengths: Vec<usize> = around.collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut lines = vec!["new 3".to_owned(), "partition 2".into()];
    for length in &lengths {
        lines.push(format!("put {} {length}", letters(*length)));
        lines.push("hash 1".into());
    }
    lines.extend(["compact", "heal", "hash 2"].map(String::from));
    for length in &lengths {
        lines.push(format!("get 2 {}", letters(*length)));
        lines.push(format!("del {}", letters(*length)));
        lines.push("hash 2".into());
    }
    lines.push("log 2".into());
    case(NAME, "keys", lines.into_iter().map(String::into_bytes).collect())
}

fn letters(length: usize) -> String {
    ('a'..='z').cycle().take(length).collect()
}
