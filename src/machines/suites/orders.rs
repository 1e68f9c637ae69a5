//! Every command with every fault in every argument, alone and together: which error comes first.

use dkv20_exam::{Case, Suite};

use super::super::milestones::errors;
use super::common::case;
use crate::error::ErrorCode;
use crate::op::{KEY_LENGTH_MAX, VALUE_LENGTH_MAX};

const NAME: &str = "orders";

/// Each command and the kinds of its arguments, which are the keys of `CHOICES`.
const FORMS: [(&str, &str); 24] = [
    ("hello", ""),
    ("noop", ""),
    ("put", "p"),
    ("del", "k"),
    ("at", "jo"),
    ("at", "l"),
    ("partition", ""),
    ("partition", "ii"),
    ("heal", "ii"),
    ("compact", "ii"),
    ("status", ""),
    ("replica", "i"),
    ("get", "ik"),
    ("hash", "i"),
    ("dump", "i"),
    ("log", "i"),
    ("load", "b"),
    ("mix", "n"),
    ("draw", "nd"),
    ("workload", "nsc"),
    ("chaos", "nc"),
    ("scenario", "a"),
    ("new", "r"),
    ("Put", "k"),
];

/// The choices for an argument of each kind: right, malformed, and below and above its limits. `K` and
/// `V` stand for a key and a value that are too long.
const CHOICES: [(char, &str); 13] = [
    ('i', "0 1 3 x 18446744073709551616"),
    ('k', "a 0x K 0x6 0x61"),
    ('p', "a b,a 0x,0x b,K b,a V,0x V,0x6 b,a 0xg0,0x 0xg0"),
    ('j', "0 1 3 x"),
    ('l', "0 put a V,1 put a V,3 put a V,0 put 0x V"),
    ('b', "0x DKVS 0x444b56530 0X"),
    ('n', "7 x -1 18446744073709551616"),
    ('d', "2 0 1001 x"),
    ('s', "9 0 1000001 x"),
    ('c', "2 10000001 x"),
    ('a', "C a 0x41"),
    ('r', "0 65 x 3"),
    (
        'o',
        "noop,put,put a,put a b,put 0x b,put K b,put 0x6 b,put a b c,del,del a,\
           del 0x,del K,del a b,noop a,get,NOOP",
    ),
];

/// A session before the lines: without a cluster, with the leader 0, with the leader 1 beside a deposed
/// one, and without a leader.
const STATES: [(&str, &str); 4] = [
    ("no-cluster", ""),
    ("leader-0", "new 3"),
    ("leader-1", "new 3,partition 0"),
    ("no-leader", "new 3,partition 0 2"),
];

pub(super) fn suite() -> Suite {
    let must_cause = errors(&[
        ErrorCode::UnknownCommand,
        ErrorCode::Syntax,
        ErrorCode::NoCluster,
        ErrorCode::ReplicaCount,
        ErrorCode::UnknownReplica,
        ErrorCode::KeyLength,
        ErrorCode::ValueLength,
        ErrorCode::NoLeader,
        ErrorCode::NotLeader,
        ErrorCode::KeySpace,
        ErrorCode::Count,
    ]);
    let make = |number: usize| {
        let (form, state) = parts(number);
        make(form, state, name_of(number))
    };
    let count = FORMS.len() * STATES.len();
    Suite::new(NAME, count, make).named(name_of).causing(must_cause)
}

type Pair = (&'static str, &'static str);

/// Returns the form and the state of the case of a number.
fn parts(number: usize) -> (Pair, Pair) {
    (FORMS[number % FORMS.len()], STATES[number / FORMS.len()])
}

fn name_of(number: usize) -> String {
    let ((word, kinds), (state, _)) = parts(number);
    format!("{state}-{word}-{}", kinds.len())
}

fn make((word, kinds): Pair, (_, before): Pair, name: String) -> Case {
    let mut lines = vec![word.to_owned()];
    for kind in kinds.chars() {
        let longer = lines.iter().flat_map(|line| {
            let choices = choices(kind);
            choices.map(move |choice| format!("{line} {choice}"))
        });
        lines = longer.collect();
    }
    // One token more, and one or all fewer.
    let first = lines[0].clone();
    lines.push(format!("{first} x"));
    lines.push(format!("{first} 0x6"));
    lines.extend(first.rsplit_once(' ').map(|(fewer, _)| fewer.to_owned()));
    lines.push(word.to_owned());
    let before = before.split(',').map(str::to_owned);
    let lines = before.chain(lines).map(|line| written(&line));
    case(NAME, name, lines.collect())
}

fn choices(kind: char) -> impl Iterator<Item = &'static str> {
    let choices = CHOICES.iter().find(|(known, _)| *known == kind).map_or("", |(_, text)| *text);
    let separator = if "opl".contains(kind) { ',' } else { ' ' };
    choices.split(separator)
}

/// Replaces the marks of what is too long.
fn written(line: &str) -> Vec<u8> {
    let tokens = line.split(' ').map(|token| match token {
        "K" => format!("0x{}", "6b".repeat(KEY_LENGTH_MAX + 1)),
        "V" => "v".repeat(VALUE_LENGTH_MAX + 1),
        other => other.to_owned(),
    });
    tokens.collect::<Vec<_>>().join(" ").into_bytes()
}
