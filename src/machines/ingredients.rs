//! The ingredients of an error: the events and errors at the first wrong step, or the oddities of
//! its line. Errors of which one has all ingredients of another probably have the same cause.

use std::collections::BTreeSet;

use dkv20_exam::{Actual, Divergence};

use super::commands::word_of;
use super::milestones::events;
use super::oracle::{Oracle, command};
use crate::protocol::Command;

/// The length from which on a token is odd.
const LONG_TOKEN_LENGTH: usize = 128;
/// The errors that say how a line is written, and not what it does.
const OF_WRITING: [&str; 4] = ["line-length", "unknown-command", "syntax", "no-cluster"];

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
    let mut found = oddities(line);
    found.extend(code_in(due.as_bytes()));
    if let (true, Actual::Answer(actual)) = (divergence.step == step, &divergence.actual) {
        found.extend(code_in(actual));
    }
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

/// Returns the code of an error answer, unless it is of the writing of lines.
fn code_in(answer: &[u8]) -> Option<String> {
    let code = std::str::from_utf8(answer).ok()?.strip_prefix("err ")?.split(' ').next()?;
    (!OF_WRITING.contains(&code)).then(|| code.to_owned())
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
        note(token.len() >= LONG_TOKEN_LENGTH && at > 0 && tokens_of_load(line), "long token");
        if let Some(digits) = token.strip_prefix(b"0x").filter(|_| at > 0) {
            note(digits.is_empty(), "0x");
            note(digits.len() % 2 == 1, "odd number of hex digits");
            note(!digits.iter().all(u8::is_ascii_hexdigit), "other than hex digits");
            note(digits.iter().any(u8::is_ascii_uppercase), "upper-case hex digits");
        }
    }
    odd
}

fn tokens_of_load(line: &[u8]) -> bool {
    word_of(line) != b"load"
}
