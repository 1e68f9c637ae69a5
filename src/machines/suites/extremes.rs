//! The longest lines, numbers, logs and snapshots, the most tokens and clusters; the positions and
//! bytes in them are drawn.

use dkv20_exam::{MakeNamed, Plan, Suite};

use super::super::measures::Measure;
use super::common::{case, observers};
use super::draws::Draws;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};
use crate::protocol::LINE_LENGTH_MAX;

const NAME: &str = "extremes";
const SALT: u64 = 6;

type Lines = Vec<Vec<u8>>;

/// The name of a case, whether it takes a port seconds, and its lines.
type Extreme = (&'static str, bool, fn(&mut Draws) -> Lines);

const CASES: [Extreme; 22] = [
    ("many-ids", false, |draws| many_ids(draws, 5_000)),
    ("most-ids", true, |draws| many_ids(draws, 2_000_000)),
    ("many-zeros", false, |draws| zeros(draws, 10_000)),
    ("most-zeros", false, |draws| zeros(draws, LINE_LENGTH_MAX - 100)),
    ("many-nines", false, |_| nines()),
    ("many-spaces", false, |draws| spaces(draws, 10_000)),
    ("most-spaces", false, |draws| spaces(draws, LINE_LENGTH_MAX - 100)),
    ("many-silent-lines", false, |draws| silent_lines(draws, 40_000)),
    ("many-errors", false, |draws| errors(draws, 20_000)),
    ("limits-in-characters", false, |_| limits_in_characters()),
    ("most-draws", false, |draws| most_draws(draws)),
    ("many-clusters", false, |draws| clusters(draws, 3_000)),
    ("most-clusters", true, |draws| clusters(draws, 100_000)),
    ("longest-load-in-hex", false, |draws| longest_load(draws, true)),
    ("longest-load-as-bytes", false, |draws| longest_load(draws, false)),
    ("longest-entries", false, |draws| longest_entries(draws)),
    ("large-dump", false, |draws| large_dump(draws, 3)),
    ("largest-dump", true, |draws| large_dump(draws, 15)),
    ("long-log", false, |draws| long_log(draws, 131_080)),
    ("longest-log", true, |draws| long_log(draws, 1_048_600)),
    ("many-refused", true, |draws| many_refused(draws, 1_000_001)),
    ("many-steps", true, |draws| many_steps(draws, 1_000_001)),
];

pub(super) fn suite(plan: &Plan) -> Suite {
    let (seed, is_thorough) = (plan.seed, plan.is_thorough);
    let makers = CASES.iter().filter(|(_, is_slow, _)| is_thorough || !is_slow).zip(0..);
    let makers = makers.map(|((name, _, lines), number)| {
        let make = move |name: &str| case(NAME, name, lines(&mut Draws::new(seed, SALT, number)));
        ((*name).to_owned(), Box::new(make) as MakeNamed)
    });
    let suite = Suite::of_makers(NAME, makers.collect());
    let (tokens, clusters, answer, entries) = if is_thorough {
        (2_000_000, 100_000, 15 << 21, 1 << 20)
    } else {
        (5_000, 3_000, 3 << 21, 1 << 17)
    };
    suite.reaching([
        Measure::LineBytes.reach(LINE_LENGTH_MAX as u64, 30),
        Measure::Tokens.reach(tokens, 5),
        Measure::Digits.reach(LINE_LENGTH_MAX as u64 - 200, 5),
        Measure::LoadBytes.reach(LINE_LENGTH_MAX as u64 - 5, 2),
        Measure::ValueBytes.reach(VALUE_LENGTH_MAX as u64, 3),
        Measure::AnswerBytes.reach(answer, 5),
        Measure::Clusters.reach(clusters, 3_000),
        Measure::Draws.reach(1_000, 3),
        Measure::Index.reach(entries, 1),
        Measure::InstalledBytes.reach(VALUE_LENGTH_MAX as u64, 1),
        Measure::LagBytes.reach(VALUE_LENGTH_MAX as u64, 1),
    ])
}

fn text(lines: impl IntoIterator<Item = String>) -> Lines {
    lines.into_iter().map(String::into_bytes).collect()
}

/// Lines of many ids: all known, and with one that is not, or is malformed, at any place.
fn many_ids(draws: &mut Draws, count: usize) -> Lines {
    let mut lines = vec!["new 3".to_owned()];
    for word in ["partition", "heal", "compact", "partition", "heal"] {
        let mut ids = vec!["1"; count];
        ids[draws.below(count)] = draws.word("01 2 002 1");
        lines.push(format!("{word} {}", ids.join(" ")));
        lines.push("status".into());
        ids[draws.below(count)] = draws.word("3 64 18446744073709551615 x 1x -1");
        lines.push(format!("{word} {}", ids.join(" ")));
    }
    lines.extend(observers(3).into_iter().map(|line| String::from_utf8_lossy(&line).into_owned()));
    text(lines)
}

/// Numbers with many leading zeros.
fn zeros(draws: &mut Draws, count: usize) -> Lines {
    let zeros = "0".repeat(count - draws.below(64));
    let number = draws.next_u64();
    let few = &zeros[..count.min(1 << 16) - 64 - draws.below(64)];
    text([
        format!("mix {zeros}{number}"),
        format!("mix {few}18446744073709551616"),
        format!("mix {few}x"),
        format!("mix {few}"),
        format!("new {few}2"),
        format!("put {few}1 {few}"),
        format!("replica {few}1"),
        format!("at {few}0 noop"),
        format!("partition {few}1 {few}"),
        format!("heal {few}1"),
        format!("draw {few}3 {few}2"),
        format!("workload {few}3 {few}2 {few}1"),
        format!("chaos {few}3 {few}2"),
        format!("get 0 {few}1"),
    ])
}

/// Numbers of many digits that are too great.
fn nines() -> Lines {
    text([20, 100, 4_301, 100_000, LINE_LENGTH_MAX - 4].map(|count| {
        let nines = "9".repeat(count);
        format!("mix {nines}")
    }))
}

/// Comments and empty lines in a row.
fn silent_lines(draws: &mut Draws, count: usize) -> Lines {
    let silent = (0..count).map(|_| draws.word("# #x # # #").to_owned());
    let silent: Vec<_> = silent.collect();
    let runs = [silent, vec![String::new(); count], vec!["  ".to_owned(); count]];
    text(runs.into_iter().flat_map(|run| run.into_iter().chain(["mix 1".to_owned()])))
}

/// Refused commands in a row.
fn errors(draws: &mut Draws, count: usize) -> Lines {
    let refused = ["mix", "mix x", "frobnicate", "new 0", "get 0 0x", "at 3 noop", "put a", "load"];
    let refused = (0..count).map(|_| draws.pick(&refused).to_owned());
    text(["new 3".to_owned()].into_iter().chain(refused).chain(["mix 1".to_owned()]))
}

/// Keys and values that would be within their limits if these counted characters.
fn limits_in_characters() -> Lines {
    let of_bytes =
        |character: &str, bytes: usize| character.repeat(bytes.div_ceil(character.len()));
    let mut lines = vec!["new 1".to_owned()];
    for character in ["\u{e9}", "\u{20ac}", "\u{1f600}"] {
        let key = of_bytes(character, KEY_LENGTH_MAX + 1);
        let value = of_bytes(character, VALUE_LENGTH_MAX + 1);
        let (longest_key, longest_value) = (&key[character.len()..], &value[character.len()..]);
        lines.extend([
            format!("put {key} 1"),
            format!("get 0 {key}"),
            format!("put a {value}"),
            format!("put {longest_key} {longest_value}"),
            "hash 0".to_owned(),
        ]);
    }
    text(lines)
}

fn spaces(draws: &mut Draws, count: usize) -> Lines {
    let spaces = " ".repeat(count - draws.below(64));
    let few = &spaces[..count.min(1 << 16) - 64 - draws.below(64)];
    text([
        format!("{spaces}mix 1"),
        format!("mix{spaces}2"),
        format!("mix 3{spaces}"),
        spaces.clone(),
        format!("{few}# {few}"),
        format!("{few}new{few}3{few}"),
        format!("{few}put{few}a{few}b{few}"),
        format!("{few}at{few}0{few}noop"),
        format!("{few}at{few}0{few}"),
        format!("partition{few}"),
        format!("heal{few}1{few}2{few}x"),
        format!("{few}get{few}0{few}a"),
    ])
}

fn most_draws(draws: &mut Draws) -> Lines {
    let count = draws.length(2, 999);
    text([1_000, 1, count].map(|count| format!("draw {} {count}", draws.next_u64())))
}

fn clusters(draws: &mut Draws, count: usize) -> Lines {
    let mut lines: Vec<_> = (0..count).map(|_| format!("new {}", draws.between(1, 3))).collect();
    lines.extend(["new 1", "status", "put a b", "replica 1"].map(String::from));
    text(lines)
}

/// Snapshots whose line has the greatest length, whole and damaged at their end.
fn longest_load(draws: &mut Draws, in_hex: bool) -> Lines {
    let length = LINE_LENGTH_MAX - "load ".len();
    let length = if in_hex { (length - "0x".len()) / 2 } else { length };
    let (whole, last_value_length) = snapshot(length);
    let length_offset = length - last_value_length - 4;
    let damaged = |offset: usize, byte: fn(u8) -> u8| {
        let mut bytes = whole.clone();
        bytes[offset] = byte(bytes[offset]);
        bytes
    };
    let mut all = vec![
        damaged(length_offset, |byte| byte + 1),
        damaged(length_offset, |byte| byte - 1),
        damaged(length_offset - 1, |byte| byte - 1),
        damaged(length - 1 - draws.below(1 << 10), |byte| byte ^ 1),
        whole[..length - 1 - draws.below(8)].to_vec(),
    ];
    let damaged = [(); 2].map(|()| all.swap_remove(draws.below(all.len())));
    let lines = std::iter::once(whole).chain(damaged).map(|bytes| {
        if in_hex {
            [b"load 0x", hex::encode(bytes).as_bytes()].concat()
        } else {
            [b"load ", bytes.as_slice()].concat()
        }
    });
    lines.collect()
}

/// Returns a snapshot of this length, and the length of its last value. As bytes that stand for
/// themselves it is a token if no length in it has a byte that is a space or an LF.
fn snapshot(length: usize) -> (Vec<u8>, usize) {
    let keys = b"abcde";
    let rest = length - 32 - keys.len() * (4 + 1 + 4);
    let mut bytes = b"DKVS\x01\0\0\0".to_vec();
    for number in [keys.len() as u64, 1, keys.len() as u64] {
        bytes.extend(number.to_le_bytes());
    }
    let last = rest / keys.len() + rest % keys.len();
    for key in keys {
        let value_length = if key == &b'e' { last } else { rest / keys.len() };
        bytes.extend([1, 0, 0, 0, *key]);
        bytes.extend(u32::try_from(value_length).unwrap_or(u32::MAX).to_le_bytes());
        bytes.resize(bytes.len() + value_length, b'v');
    }
    (bytes, last)
}

/// The longest key and value, replayed by a follower and then in a snapshot that it installs.
fn longest_entries(draws: &mut Draws) -> Lines {
    let key = hex::encode(draws.bytes(KEY_LENGTH_MAX));
    let value = hex::encode(draws.bytes(VALUE_LENGTH_MAX));
    let other = hex::encode(draws.bytes(64));
    text([
        "new 3".into(),
        "partition 2".into(),
        format!("put 0x{key}00 0x{value}"),
        format!("put 0x{key} 0x{value}00"),
        format!("put 0x{key} 0x{value}"),
        format!("get 1 0x{key}"),
        format!("get 1 0x{key}00"),
        "heal".into(),
        format!("get 2 0x{key}"),
        "log 2".into(),
        "partition 2".into(),
        format!("put 0x{other} {}", "v".repeat(VALUE_LENGTH_MAX)),
        "compact".into(),
        "heal".into(),
        "hash 2".into(),
        format!("del 0x{key}"),
        "log 2".into(),
        "hash 2".into(),
    ])
}

/// A snapshot of many of the longest values.
fn large_dump(draws: &mut Draws, count: usize) -> Lines {
    let mut lines = vec!["new 1".to_owned()];
    for number in 0..count {
        let byte = char::from(b'a' + draws.byte() % 26);
        let length = VALUE_LENGTH_MAX - draws.below(2);
        lines.push(format!("put {number} {}", byte.to_string().repeat(length)));
    }
    lines.extend(["dump 0", "hash 0", "replica 0"].map(String::from));
    text(lines)
}

/// A log at whose length a program may compact it, or end a page or a list of its entries.
fn long_log(draws: &mut Draws, count: usize) -> Lines {
    let seed = draws.next_u64();
    let new = ["new 1".to_owned(), format!("workload {seed} 100 {count}")];
    let looks = observers(1).into_iter().map(|line| String::from_utf8_lossy(&line).into_owned());
    text(new.into_iter().chain(looks))
}

/// More proposals than a lower limit allows. They cost the least if they are refused.
fn many_refused(draws: &mut Draws, count: usize) -> Lines {
    let workload = format!("workload {} 1000000 {count}", draws.next_u64());
    text(["new 1".to_owned(), "partition 0".into(), workload, "replica 0".into()])
}

/// More steps of chaos than a lower limit allows.
fn many_steps(draws: &mut Draws, count: usize) -> Lines {
    text(["new 2".to_owned(), format!("chaos {} {count}", draws.next_u64()), "status".into()])
}
