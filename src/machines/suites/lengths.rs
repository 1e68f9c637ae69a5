//! Keys and values around every power of two, each on its own: with an entry's or a snapshot's header
//! they fill a buffer to the byte.

use dkv20_exam::{MakeNamed, Suite};

use super::super::measures::Measure;
use super::common::case;
use super::ops::letters;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

const NAME: &str = "lengths";
/// The bytes before a value whose key has one byte: none, those of its op, of its entry in the hash of
/// a log, and of a snapshot.
const HEADER_LENGTHS: [usize; 4] = [0, 10, 26, 41];
/// The exponents of the powers of two, from that of a length that fits into seven bits.
const FIRST_EXPONENT: u32 = 7;
const LAST_EXPONENT: u32 = 20;

pub(super) fn suite() -> Suite {
    let maker = |name: String, lines: fn(usize) -> Vec<Vec<u8>>, length: usize| {
        let make = move |name: &str| case(NAME, name, lines(length));
        (name, Box::new(make) as MakeNamed)
    };
    let lengths = lengths();
    let mut makers = vec![maker("keys".into(), keys, KEY_LENGTH_MAX)];
    let values = lengths.iter().map(|length| maker(format!("value-{length}"), value, *length));
    makers.extend(values);
    let missed = |length: &usize| maker(format!("missed-value-{length}"), missed_value, *length);
    makers.extend(lengths.iter().map(missed));
    let must_reach = [
        Measure::KeyBytes.reach(KEY_LENGTH_MAX as u64, 30),
        Measure::SharedKeyBytes.reach(KEY_LENGTH_MAX as u64 - 1, 30),
        Measure::ValueBytes.reach(VALUE_LENGTH_MAX as u64, 100),
        Measure::LagBytes.reach(VALUE_LENGTH_MAX as u64, 100),
        Measure::InstalledBytes.reach(VALUE_LENGTH_MAX as u64, 100),
    ];
    Suite::of_makers(NAME, makers).reaching(must_reach)
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

/// Returns lines in which a follower gets the value.
fn value(length: usize) -> Vec<Vec<u8>> {
    let lines = [
        "new 2",
        &format!("put a {}", letters(length)),
        "replica 1",
        "log 1",
        "hash 1",
        "get 1 a",
        "put a 1",
        "hash 1",
        "log 1",
    ];
    lines.map(Vec::from).into()
}

/// Returns lines in which a follower gets the value in a snapshot, and another one has it in a tail
/// that is truncated.
fn missed_value(length: usize) -> Vec<Vec<u8>> {
    let put = &format!("put a {}", letters(length));
    let lines = [
        "new 3",
        "partition 2",
        put,
        "compact",
        "heal",
        "hash 2",
        "partition 0",
        &format!("at 0 {put}"),
        "log 0",
        "put b 1",
        "heal",
        "log 0",
        "hash 0",
        "get 2 a",
        "replica 2",
    ];
    lines.map(Vec::from).into()
}

/// Returns lines with keys up to this length, each of which begins with the one before it.
fn keys(length_max: usize) -> Vec<Vec<u8>> {
    let exponents = 1..=length_max.ilog2();
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
    lines.into_iter().map(String::into_bytes).collect()
}
