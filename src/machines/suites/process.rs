//! The program as a process: when it answers, how it reads, how it exits, what it depends on, and
//! its subcommand `scenario`.

use dkv20_exam::{Case, Delivery, Suite};

use super::super::milestones::errors;
use super::{environment, program};
use crate::error::ErrorCode;
use crate::protocol::LINE_LENGTH_MAX;

const NAME: &str = "process";

pub(super) fn suite() -> Suite {
    let all = [cases(), program::cases(NAME), environment::cases(NAME)].concat();
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
        ("no-input", Delivery::ToEnd, vec![]),
        ("comments-to-the-end", Delivery::ToEnd, comments),
        ("quit", Delivery::ToEnd, quit),
        ("many-before-reading", Delivery::Pipelined, mix(20_000)),
        ("longest-line", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX), b"mix 1".into()]),
        ("overlong-line", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX + 1), b"mix 1".into()]),
        ("overlong-comment", Delivery::Marked, vec![comment(LINE_LENGTH_MAX + 1)]),
        ("overlong-twice", Delivery::Marked, vec![padded(3 * LINE_LENGTH_MAX); 2]),
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

/// Returns a command that is valid apart from its length.
fn padded(length: usize) -> Vec<u8> {
    let mut line = b"mix 7".to_vec();
    line.resize(length, b' ');
    line
}

fn comment(length: usize) -> Vec<u8> {
    let mut line = b"# ".to_vec();
    line.resize(length, b'x');
    line
}
