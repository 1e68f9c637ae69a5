//! The sections behind a wrong workload, scenario or chaos run, and the draws behind its last line.

use sha2::{Digest as _, Sha256};

use super::cause::{Cause, Sections};
use super::difference::Shape;
use super::digests::hash_in;
use super::expand::expand;
use super::inquiry::observations;
use super::oracle::{Oracle, command, draw_line};
use crate::protocol::Command;
use crate::splitmix64::SplitMix64;
use crate::workload::KEYS_MAX;

/// Runs of more lines are not compared line by line.
const LINES_MAX: u64 = 30_000;

/// Returns the sections behind a wrong answer to `workload`.
pub(super) fn of_workload(cause: &mut Cause<'_>, due: &Shape<'_>, got: &Shape<'_>) -> Sections {
    let codes = [due.error(), got.error()];
    if codes.iter().flatten().any(|code| *code == "key-space") && codes.contains(&None) {
        return of_key_space(cause, got);
    }
    if codes != [None, None] {
        return vec!["8"];
    }
    push_last_op(cause);
    let Some(Command::Workload { count, .. }) = cause.step.command else { return vec!["7"] };
    let lines = cause.lines_to_step();
    let observed = cause.port.observed(lines);
    let is_state_right = observed.is_some_and(|all| all.iter().all(|(due, actual)| due == actual));
    let counts = ["committed", "pending", "refused"].map(|name| got.number(name));
    let sum = counts.iter().try_fold(0_u64, |sum, count| sum.checked_add((*count)?));
    // A refused op leaves the state as it was, so it is unknown whether it was proposed.
    let can_be_fewer = !is_state_right || due.number("refused") != Some(0);
    if sum != Some(count) && can_be_fewer {
        cause.facts.push(format!("the port's numbers do not add up to {count}"));
        return vec!["7", "8"];
    }
    if is_state_right {
        cause.facts.push("the state after it is right, so only the numbers are wrong".into());
        return vec!["8", "7"];
    }
    vec!["7"]
}

fn of_key_space(cause: &mut Cause<'_>, got: &Shape<'_>) -> Sections {
    let lines = cause.lines_to_step();
    let before = &lines[..lines.len().saturating_sub(1)];
    let least = KEYS_MAX + 1;
    let is_far_above = matches!(
        cause.step.command,
        Some(Command::Workload { keys, .. }) if got.error().is_none() && keys > least
    );
    let is_misread = is_far_above && cause.is_misread(before, &format!("workload 0 {least} 0"));
    if is_misread { vec!["8", "7"] } else { vec!["7", "8"] }
}

/// Returns the sections behind a wrong state after `workload`.
pub(super) fn of_workload_effect(cause: &mut Cause<'_>) -> Sections {
    push_last_op(cause);
    let Some(size) = cause.step.after.size() else { return vec!["7"] };
    let lines = cause.lines_to_step();
    let Some(workload) = lines.last() else { return vec!["7"] };
    let (_, on_new) = observations(&[format!("new {size}").into_bytes(), workload.clone()]);
    let observed = cause.port.observed(lines);
    let is_as_on_new = observed.is_some_and(|observed| {
        let actual = observed.iter().map(|(_, actual)| actual);
        lines.len() > 2 && actual.eq(&on_new)
    });
    if is_as_on_new {
        cause.facts.push("the state is that of a new cluster after this workload".into());
        return vec!["8", "7"];
    }
    vec!["7"]
}

/// States the draws of a workload's last op, and the op, if the workload has any.
fn push_last_op(cause: &mut Cause<'_>) {
    let Some(Command::Workload { seed, keys, count }) = cause.step.command else { return };
    if count == 0 || cause.step.is_refused() {
        return;
    }
    let mut draws = SplitMix64::new(seed);
    for _ in 0..3 * (count - 1) {
        draws.next();
    }
    let mut look_ahead = draws.clone();
    let [r1, r2, r3] = [(); 3].map(|()| look_ahead.next());
    if let Ok(line) = draw_line(&mut draws, keys) {
        let fact = format!("op {count} of the workload: draws {r1} {r2} {r3} make `{line}`");
        cause.facts.push(fact);
    }
}

/// Returns the section behind a wrong hash of a scenario.
pub(super) fn of_scenario(cause: &mut Cause<'_>) -> Sections {
    agrees_line_by_line(cause);
    vec!["9"]
}

/// Returns the section behind a wrong digest of a chaos run.
pub(super) fn of_chaos(cause: &mut Cause<'_>, actual: &[u8]) -> Sections {
    let Some(Command::Chaos { seed, steps }) = cause.step.command else { return vec!["10"] };
    if let Some(lines) = agrees_line_by_line(cause) {
        let run = lines_of_last(cause, &lines);
        let size = cause.step.after.size().unwrap_or_default();
        let step = run.len().checked_sub(3 * size + 1).and_then(|position| run.get(position));
        if let Some((line, _)) = step {
            push_step(cause, seed, steps, line);
        }
        let guess = hash_in(actual).and_then(|actual| guessed_digest(&run, size, actual));
        cause.facts.extend(guess.map(|text| format!("the digest is that of the text {text}")));
    }
    vec!["10"]
}

/// Reports whether the port has the right answers to the lines that the last line stands for, and
/// returns all lines then. States that, too.
fn agrees_line_by_line(cause: &mut Cause<'_>) -> Option<Vec<Vec<u8>>> {
    let lines = cause.lines_to_step();
    let count = |line: &Vec<u8>| match command(line) {
        Some(Command::Workload { count, .. }) => count,
        Some(Command::Chaos { steps, .. }) => steps,
        _ => 0,
    };
    if lines.iter().map(count).fold(0, u64::saturating_add) > LINES_MAX {
        return None;
    }
    let expanded = expand(lines)?;
    let mut session = Oracle::new();
    let mut asked = expanded.clone();
    let mut due = Vec::new();
    asked.retain(|line| {
        let answer = session.run(line);
        let is_answered = answer.is_some();
        due.extend(answer.map(String::into_bytes));
        is_answered
    });
    let answers = cause.port.answers(&[], &asked)?;
    if answers != due {
        return None;
    }
    let line_count = asked.len();
    cause
        .facts
        .push(format!("the port is right if the commands are written out as {line_count} lines"));
    Some(expanded)
}

/// Returns the lines that the last line stands for, and the answers that are due.
fn lines_of_last(cause: &Cause<'_>, expanded: &[Vec<u8>]) -> Vec<(Vec<u8>, String)> {
    let before = cause.lines_to_step().split_last().map_or(&[][..], |(_, before)| before);
    let before = expand(before).map_or(before.len(), |lines| lines.len());
    let mut session = Oracle::new();
    let run = expanded.iter().map(|line| (line.clone(), session.run(line).unwrap_or_default()));
    run.collect::<Vec<_>>().split_off(before.min(expanded.len()))
}

/// States the last step of a chaos run and, if that is so, that the port is right without it.
fn push_step(cause: &mut Cause<'_>, seed: u64, steps: u64, line: &[u8]) {
    let mut draws = SplitMix64::new(seed);
    for _ in 1..steps {
        for _ in 0..further_draws(draws.next()) {
            draws.next();
        }
    }
    let row = draws.next();
    let further: Vec<_> = (0..further_draws(row)).map(|_| format!(" {}", draws.next())).collect();
    let line = line.escape_ascii();
    let (e, further) = (row >> 57, further.concat());
    cause.facts.push(format!("step {steps}: draws {row}{further} (e is {e}) make `{line}`"));
    let fewer = format!("chaos {seed} {}", steps - 1);
    let Some((_, before)) = cause.lines_to_step().split_last() else { return };
    if cause.port.is_right(before, &fewer) == Some(true) {
        cause.facts.push(format!("the port's answer to `{fewer}` is right"));
    }
}

/// Returns how many draws the step of this row takes after it (definition, section 10).
const fn further_draws(row: u64) -> usize {
    match row >> 57 {
        0..56 => 3,
        56..76 => 4,
        84..88 | 104..106 | 110..112 | 127.. => 0,
        112..116 => 2,
        _ => 1,
    }
}

/// Returns how a wrong digest came about, if a guess is confirmed.
fn guessed_digest(run: &[(Vec<u8>, String)], size: usize, actual: &str) -> Option<&'static str> {
    let digest = |run: &mut dyn Iterator<Item = &(Vec<u8>, String)>, end: &[u8]| {
        let mut text = Vec::new();
        for (line, answer) in run {
            text.extend([b"> ", &line[..], b"\n< ", answer.as_bytes(), b"\n"].concat());
        }
        let text = text.strip_suffix(end).unwrap_or(&text);
        hex::encode(Sha256::digest(text)) == actual
    };
    let steps = &run[..run.len().saturating_sub(3 * size)];
    let is_accepted = |(_, answer): &&(Vec<u8>, String)| !answer.starts_with("err ");
    if digest(&mut run.iter(), b"\n") {
        return Some("without the last LF");
    }
    if digest(&mut steps.iter(), b"") {
        return Some("without the lines after the last step");
    }
    if digest(&mut run.iter().filter(is_accepted), b"") {
        return Some("without the lines whose answers are errors");
    }
    None
}
