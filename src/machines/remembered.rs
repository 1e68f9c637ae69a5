//! Whether an answer is wrong only because of earlier questions, or of earlier snapshots between
//! replicas: lines that should not matter are left out.

use super::cause::{Cause, Sections};
use super::commands::{is_compaction, is_observer};
use super::oracle::{Oracle, command, makes_cluster};
use crate::protocol::Command;

/// Returns the sections if the port is right unless it was asked before. Then it remembers an answer,
/// or a part of one.
pub(super) fn of_answer(cause: &mut Cause<'_>) -> Option<Sections> {
    if let Some(Command::Load { .. }) = cause.command() {
        return of_load(cause);
    }
    let observer = cause.command().filter(is_observer)?;
    let before = &cause.evidence.lines[..cause.evidence.divergence.step];
    let step = before.get(cause.evidence.step);
    // An observer that changes something is another mistake.
    if step.is_some_and(|line| is_line_of(line, is_observer)) {
        return None;
    }
    let kept = without(before, is_observer)?;
    let question = std::str::from_utf8(cause.line()).ok()?;
    if !cause.port.is_right(&kept, question)? {
        return None;
    }
    cause.facts.push("the port is right if it was not asked before".into());
    Some(match observer {
        Command::Dump { .. } => vec!["5", "8"],
        Command::Hash { id }
            if cause.port.is_right(before, &format!("dump {id}")) != Some(true) =>
        {
            vec!["5", "8"]
        }
        Command::Hash { .. } => vec!["8", "5"],
        _ => vec!["8"],
    })
}

/// Returns the sections if the port is right unless it loaded a snapshot before: it remembers an
/// answer, or a refused snapshot has left something.
fn of_load(cause: &mut Cause<'_>) -> Option<Sections> {
    let before = &cause.evidence.lines[..cause.evidence.divergence.step];
    let is_load = |command: &Command| matches!(command, Command::Load { .. });
    let kept = without(before, is_load)?;
    let question = std::str::from_utf8(cause.line()).ok()?;
    if !cause.port.is_right(&kept, question)? {
        return None;
    }
    cause.facts.push("the port is right if it loaded no snapshot before".into());
    let mut reference = Oracle::new();
    let last = before.iter().rfind(|line| is_line_of(line, is_load))?;
    let is_refused = reference.run(last).is_some_and(|answer| answer.starts_with("err"));
    Some(if is_refused { vec!["5", "8"] } else { vec!["8", "5"] })
}

/// Reports whether the port is right unless a replica installed a snapshot before the first wrong
/// step. Then the snapshot has left something wrong.
pub(super) fn is_left_by_a_snapshot(cause: &mut Cause<'_>) -> bool {
    let before = &cause.evidence.lines[..cause.evidence.divergence.step];
    let Some((_, before_step)) = cause.lines_to_step().split_last() else { return false };
    if !has_snapshot(before_step) {
        return false;
    }
    let Some(kept) = without(before, is_compaction) else { return false };
    let Ok(question) = std::str::from_utf8(cause.line()) else { return false };
    let is_left = cause.port.is_right(&kept, question) == Some(true);
    if is_left {
        cause.facts.push(
            "without the compactions, so that no replica installs a snapshot, the port is right"
                .into(),
        );
    }
    is_left
}

fn is_line_of(line: &[u8], is_kind: fn(&Command) -> bool) -> bool {
    command(line).is_some_and(|command| is_kind(&command))
}

/// Returns the lines without those of a kind, if there are any.
fn without(lines: &[Vec<u8>], is_kind: fn(&Command) -> bool) -> Option<Vec<Vec<u8>>> {
    let kept: Vec<_> = lines.iter().filter(|line| !is_line_of(line, is_kind)).cloned().collect();
    (kept.len() < lines.len()).then_some(kept)
}

/// Reports whether a replica installs a snapshot in the last cluster of these lines.
fn has_snapshot(lines: &[Vec<u8>]) -> bool {
    let mut session = Oracle::new();
    let mut bases: Vec<u64> = Vec::new();
    let mut is_installed = false;
    for line in lines {
        session.run(line);
        let Some(view) = session.view() else { continue };
        let now: Vec<_> = view.replicas.iter().map(|replica| replica.base).collect();
        if makes_cluster(line) {
            is_installed = false;
        } else if !is_line_of(line, is_compaction) {
            is_installed |= bases != now;
        }
        bases = now;
    }
    is_installed
}
