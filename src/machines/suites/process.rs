//! The program as a process: when it answers, how it reads, how it exits, what it depends on, and
//! its subcommand `scenario`.

use dkv20_exam::{Case, Delivery, Suite};

use super::super::milestones::errors;
use super::{environment, program};
use crate::error::ErrorCode;
use crate::protocol::LINE_LENGTH_MAX;

const NAME: &str = "process";
/// The sizes that a buffer of an input may have.
const BLOCK_SIZES: [usize; 6] = [1 << 10, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16];
/// Last lines that a language may take for the end of the input, or for no line.
const LAST_WORDS: [&[u8]; 10] =
    [b"0", b"00", b"false", b"null", b"-1", b"EOF", b"\0", b"\x04", b"\x1a", b"quit"];

pub(super) fn suite() -> Suite {
    let ends = [ends_at_blocks(), ends_in_words()].concat();
    let all = [cases(), ends, program::cases(NAME), environment::cases(NAME)].concat();
    Suite::of_cases(NAME, errors(&[ErrorCode::LineLength]), all)
}

fn cases() -> Vec<Case> {
    let mix = |count: usize| (0..count).map(|z| format!("mix {z}").into_bytes()).collect();
    let comments: Vec<Vec<u8>> =
        ["", "# a comment", "mix 1", "   ", "  #x", "mix 2", "#", "mix 3"].map(Vec::from).into();
    let cluster: Vec<Vec<u8>> =
        ["new 3", "put a b", "partition 0", "status", "heal", "hash 0", "nonsense", "get 1 a"]
            .map(Vec::from)
            .into();
    let quit: Vec<Vec<u8>> = ["mix 1", "quit", "mix 2", "mix 3"].map(Vec::from).into();
    let spaced_quit: Vec<Vec<u8>> =
        [" hello  ", "quit 1", "#quit", "  quit  ", "mix 2"].map(Vec::from).into();
    // More than a pipe takes: a program that exits without waiting loses the rest.
    let many: Vec<Vec<u8>> = vec![b"draw 1 1000".into(); 100];
    let many_and_quit = [&many[..], &[b"quit".to_vec()]].concat();
    let all: Vec<(&str, Delivery, Vec<Vec<u8>>)> = vec![
        ("one-at-a-time", Delivery::Stepwise, mix(20)),
        ("one-at-a-time-cluster", Delivery::Stepwise, cluster.clone()),
        ("split-lines", Delivery::Split, mix(20)),
        ("split-lines-cluster", Delivery::Split, cluster.clone()),
        ("comments-one-at-a-time", Delivery::Stepwise, comments.clone()),
        ("comments", Delivery::Marked, comments.clone()),
        ("end-of-input", Delivery::ToEnd, mix(5)),
        ("end-of-input-cluster", Delivery::ToEnd, cluster.clone()),
        ("no-final-lf", Delivery::ToEndWithoutLf, mix(5)),
        ("no-final-lf-cluster", Delivery::ToEndWithoutLf, cluster),
        ("no-final-lf-comment", Delivery::ToEndWithoutLf, vec![b"mix 1".into(), b"# end".into()]),
        ("no-final-lf-zero", Delivery::ToEndWithoutLf, vec![b"0".into()]),
        ("no-input", Delivery::ToEnd, vec![]),
        ("comments-to-the-end", Delivery::ToEnd, comments),
        ("quit", Delivery::ToEnd, quit),
        ("quit-spaced", Delivery::ToEnd, spaced_quit),
        ("quit-after-much", Delivery::ToEnd, many_and_quit),
        ("end-after-much", Delivery::ToEnd, many.clone()),
        ("no-final-lf-after-much", Delivery::ToEndWithoutLf, many),
        ("many-before-reading", Delivery::Pipelined, mix(20_000)),
        ("longest-line", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX), b"mix 1".into()]),
        ("overlong-line", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX + 1), b"mix 1".into()]),
        ("overlong-comment", Delivery::Marked, vec![comment(LINE_LENGTH_MAX + 1)]),
        // It would be within the limit if this counted characters.
        ("overlong-in-bytes", Delivery::Pipelined, vec![wide(LINE_LENGTH_MAX + 6)]),
        ("overlong-twice", Delivery::Marked, vec![padded(3 * LINE_LENGTH_MAX); 2]),
        ("overlong-in-a-row", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX + 1); 2]),
        ("overlong-no-final-lf", Delivery::ToEndWithoutLf, vec![padded(LINE_LENGTH_MAX + 1)]),
        (
            "overlong-stepwise",
            Delivery::Stepwise,
            vec![padded(LINE_LENGTH_MAX + 7), b"mix 1".into()],
        ),
    ];
    all.into_iter()
        .map(|(name, delivery, lines)| Case::new(format!("{NAME}/{name}"), lines, delivery))
        .collect()
}

/// Makes cases whose input, last line or line before it ends where a block of the input does.
fn ends_at_blocks() -> Vec<Case> {
    let first = b"mix 1".to_vec();
    let around = |block: usize| {
        [
            ("line", Delivery::ToEndWithoutLf, vec![first.clone(), padded(block)]),
            ("rest", Delivery::ToEndWithoutLf, vec![first.clone(), padded(block - 6)]),
            ("input", Delivery::ToEndWithoutLf, vec![padded(block)]),
            ("lf", Delivery::ToEnd, vec![padded(block - 1), first.clone()]),
        ]
        .map(|(name, delivery, lines)| {
            Case::new(format!("{NAME}/block-{block}-{name}"), lines, delivery)
        })
    };
    BLOCK_SIZES.into_iter().flat_map(around).collect()
}

/// Makes cases whose last line has no LF and is easily taken for the end of the input.
fn ends_in_words() -> Vec<Case> {
    let ends = LAST_WORDS.iter().enumerate().map(|(number, word)| {
        let lines = vec![b"mix 1".to_vec(), word.to_vec()];
        Case::new(format!("{NAME}/last-word-{number}"), lines, Delivery::ToEndWithoutLf)
    });
    ends.collect()
}

/// Returns a command that is valid apart from its length.
fn padded(length: usize) -> Vec<u8> {
    let mut line = b"mix 7".to_vec();
    line.resize(length, b' ');
    line
}

/// Returns a command with an argument too many, of characters that have two bytes.
fn wide(length: usize) -> Vec<u8> {
    let mut line = b"mix 7 ".to_vec();
    line.extend("\u{e9}".repeat((length - line.len()) / 2).into_bytes());
    line
}

fn comment(length: usize) -> Vec<u8> {
    let mut line = b"# ".to_vec();
    line.resize(length, b'x');
    line
}
