//! The ingredients of an error: the events and errors at the first wrong step, or the oddities of
//! its line. Errors of which one has all ingredients of another probably have the same cause.

use std::collections::BTreeSet;

use dkv20_exam::{Actual, Divergence};

use super::commands::word_of;
use super::difference::Shape;
use super::milestones::events;
use super::oracle::{Oracle, command};
use crate::protocol::Command;

/// The length from which on a token is odd.
const LONG_TOKEN_LENGTH: usize = 128;
/// The errors that say how a line is written, and not what it does.
const OF_WRITING: [&str; 4] = [LINE_LENGTH, "unknown-command", "syntax", "no-cluster"];
const LINE_LENGTH: &str = "line-length";
/// The errors that say that a key or value is too short or too long.
const LENGTH_CODES: [&str; 2] = ["key-length", "value-length"];
/// How many arguments a command has at most: `at ID put KEY VALUE`.
const ARGUMENTS_MAX: usize = 4;
/// The bytes of the longest number in a snapshot.
const NUMBER_LENGTH: u64 = 8;
const LONG_TOKEN: &str = "long token";
const EMPTY_BYTES: &str = "0x";

/// Returns what takes part in the step at this position, which is wrong first, as `divergence` shows.
pub(super) fn ingredients(
    lines: &[Vec<u8>],
    step: usize,
    divergence: &Divergence,
) -> BTreeSet<String> {
    let Some(line) = lines.get(step) else { return BTreeSet::new() };
    let mut session = Oracle::new();
    lines[..step].iter().for_each(|line| drop(session.run(line)));
    let before = session.view();
    let due = session.run(line).unwrap_or_default();
    let actual = match &divergence.actual {
        Actual::Answer(actual) if divergence.step == step => actual,
        _ => &Vec::new(),
    };
    let mut found = of_writing(line, due.as_bytes(), actual);
    found.extend(codes_in(due.as_bytes(), actual));
    if let Actual::Failed(failure) = &divergence.actual {
        found.insert(failure.kind());
    }
    let command = command(line);
    if let Some(Command::Load { .. }) = command {
        found.insert("load".into());
    }
    if found.is_empty() || matches!(divergence.actual, Actual::Failed(_)) {
        let new_size = matches!(command, Some(Command::New { .. }));
        let views = before.zip(session.view()).filter(|_| !new_size);
        let events = views.map(|(old, new)| events(&session, &old, &new)).unwrap_or_default();
        if events.is_empty() {
            found.extend(doings(line, command.as_ref()));
        }
        found.extend(events.iter().map(ToString::to_string));
    }
    found
}

/// Returns what the command does; with whatever else it relies on.
fn doings(line: &[u8], command: Option<&Command>) -> Vec<String> {
    let words: &[&str] = match command {
        Some(Command::Propose { op } | Command::ProposeAt { op, .. }) => match op {
            crate::op::Op::NoOp => &["proposal"],
            crate::op::Op::Put { .. } => &["proposal", "put"],
            crate::op::Op::Del { .. } => &["proposal", "del"],
        },
        Some(Command::Draw { .. }) => &["mix", "draw"],
        Some(Command::Workload { .. }) => &["mix", "draw", "proposal", "put", "del", "workload"],
        Some(Command::Chaos { .. }) => {
            &["mix", "draw", "proposal", "put", "del", "workload", "chaos"]
        }
        Some(Command::Scenario { .. }) => {
            &["mix", "draw", "proposal", "put", "del", "workload", "scenario"]
        }
        _ => return vec![String::from_utf8_lossy(word_of(line)).into_owned()],
    };
    words.iter().map(ToString::to_string).collect()
}

/// Returns what is odd or wrong about the writing of a line, as far as it can matter for the answers.
fn of_writing(line: &[u8], due: &[u8], actual: &[u8]) -> BTreeSet<String> {
    if [due, actual].contains(&b"err line-length".as_slice()) {
        return BTreeSet::from([LINE_LENGTH.into()]);
    }
    let mut found = oddities(line);
    // Lengths at or beyond a limit are odd in themselves.
    if [due, actual].iter().any(|answer| LENGTH_CODES.contains(&code(answer).unwrap_or_default())) {
        found.retain(|oddity| ![LONG_TOKEN, EMPTY_BYTES].contains(&oddity.as_str()));
    }
    if due == b"err syntax" {
        found.insert(fault(line).into());
        if actual == b"err no-cluster" {
            found.insert("no-cluster before syntax".into());
        }
    }
    found
}

/// Returns the fault of a line whose answer is `err syntax`.
fn fault(line: &[u8]) -> &'static str {
    let tokens: Vec<_> = line.split(|byte| *byte == b' ').filter(|t| !t.is_empty()).collect();
    let takes_any_number = [&b"partition"[..], b"heal", b"compact"].contains(&word_of(line));
    let is_command = |tokens: &[&[u8]]| command(&tokens.join(&b' ')).is_some();
    if !takes_any_number && (1..tokens.len()).any(|count| is_command(&tokens[..count])) {
        return "too many tokens";
    }
    // `at` has a word among its arguments.
    let with_more =
        |count, last: &[&[u8]]| is_command(&[&tokens[..], &vec![&b"0"[..]; count], last].concat());
    if (0..ARGUMENTS_MAX).any(|count| with_more(count, &[b"0"]) || with_more(count, &[b"noop"])) {
        return "too few tokens";
    }
    "malformed token"
}

/// Returns the error codes of the two answers. If they are the same and the offsets are at most a
/// number apart, the offset is wrong, for whatever reason the bytes are refused; if they are further
/// apart, the port may have found another fault of the same kind.
fn codes_in(due: &[u8], actual: &[u8]) -> Vec<String> {
    let codes = [code_in(due), code_in(actual)];
    let offset = |answer| Shape::of(answer).number("offset");
    let distance = offset(due).zip(offset(actual)).map(|(due, actual)| due.abs_diff(actual));
    if codes[0] == codes[1] && distance.is_some_and(|distance| distance <= NUMBER_LENGTH) {
        return vec!["offset".into()];
    }
    codes.into_iter().flatten().collect()
}

/// Returns the code of an error answer, unless it is of the writing of lines.
fn code_in(answer: &[u8]) -> Option<String> {
    code(answer).filter(|code| !OF_WRITING.contains(code)).map(str::to_owned)
}

/// Returns the code of an error answer.
fn code(answer: &[u8]) -> Option<&str> {
    std::str::from_utf8(answer).ok()?.strip_prefix("err ")?.split(' ').next()
}

/// Returns what is odd about the writing of a line.
fn oddities(line: &[u8]) -> BTreeSet<String> {
    let mut odd = BTreeSet::new();
    let mut note = |condition: bool, what: &str| {
        if condition {
            odd.insert(what.to_owned());
        }
    };
    note(line.contains(&b'\r'), "CR");
    note(line.contains(&b'\t'), "tab");
    note(line.contains(&0), "NUL");
    note(line.iter().any(|byte| byte.is_ascii_control() && !b"\r\t\0".contains(byte)), "control");
    note(line.iter().any(|byte| !byte.is_ascii()), "not ASCII");
    note(line.starts_with(b" ") || line.ends_with(b" "), "space at an end");
    note(line.windows(2).any(|pair| pair == b"  "), "spaces");
    let tokens = line.split(|byte| *byte == b' ').filter(|token| !token.is_empty());
    for (at, token) in tokens.enumerate() {
        let number = token.strip_prefix(b"+").or(token.strip_prefix(b"-"));
        note(number.is_some(), "sign");
        note(at > 0 && token.contains(&b'#'), "# within");
        note(token.starts_with(b"0X"), "0X");
        note(at == 0 && token.iter().any(u8::is_ascii_uppercase), "upper-case word");
        let is_number = token.iter().all(u8::is_ascii_digit);
        note(is_number && token.len() > 1 && token[0] == b'0', "leading zero");
        note(is_number && token.len() >= 16, "great number");
        note(token.len() >= LONG_TOKEN_LENGTH && at > 0 && !is_load(line), LONG_TOKEN);
        if let Some(digits) = token.strip_prefix(b"0x").filter(|_| at > 0) {
            note(digits.is_empty(), EMPTY_BYTES);
            note(digits.len() % 2 == 1, "odd number of hex digits");
            note(!digits.iter().all(u8::is_ascii_hexdigit), "other than hex digits");
            note(digits.iter().any(u8::is_ascii_uppercase), "upper-case hex digits");
        }
    }
    odd
}

fn is_load(line: &[u8]) -> bool {
    word_of(line) == b"load"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ingredients of a wrong answer to a line after `new 1`.
    fn of_answer(line: &str, actual: &str) -> BTreeSet<String> {
        let actual = Actual::Answer(actual.into());
        let divergence = Divergence { step: 1, name: None, expected: None, actual };
        ingredients(&["new 1".into(), line.into()], 1, &divergence)
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_command_has_the_same_faults() {
        for (line, expected) in [
            ("quit 0", "too many tokens"),
            ("at 0 put a b c", "too many tokens"),
            ("workload 1 1 1 a", "too many tokens"),
            ("get", "too few tokens"),
            ("at", "too few tokens"),
            ("log a", "malformed token"),
            ("partition 0 a", "malformed token"),
            ("put 0x6 b c", "malformed token"),
        ] {
            assert_eq!(fault(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn ignored_tokens_are_one_error_whatever_the_command_does() {
        let least = of_answer("quit 0", "ok");
        assert_eq!(least, set(&["too many tokens"]));
        for actual in ["err no-cluster", "err replica-count", "ok"] {
            assert!(least.is_subset(&of_answer("new 0 0", actual)), "{actual}");
        }
        assert!(!least.is_subset(&of_answer("mix a", "ok 0")));
    }

    #[test]
    fn wrong_offsets_are_one_error_and_wrong_codes_are_not() {
        let offset = of_answer("load 0x", "err truncated offset=8");
        assert_eq!(offset, set(&[EMPTY_BYTES, "load", "offset"]));
        let further = of_answer("load 0x", "err truncated offset=9");
        assert_eq!(further, set(&[EMPTY_BYTES, "load", "truncated"]));
        let code = of_answer("load 0x", "err bad-magic offset=0");
        assert_eq!(code, set(&[EMPTY_BYTES, "load", "bad-magic", "truncated"]));
    }

    #[test]
    fn limits_are_one_error_however_the_bytes_are_written() {
        let too_long = format!("del {}", "k".repeat(usize::from(u8::MAX) * 1_000));
        for line in ["del 0x", &too_long] {
            assert_eq!(of_answer(line, "ok committed index=1 term=1"), set(&["key-length"]));
        }
        for line in ["mix 7   ", "mix 99999999999999999999"] {
            assert_eq!(of_answer(line, "err line-length"), set(&[LINE_LENGTH]));
        }
    }
}
