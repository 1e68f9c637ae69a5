//! The sections that a port breaks whose own answer to the first wrong step is wrong.

use super::cause::{Cause, Sections, section_of_command};
use super::difference::Shape;
use super::form::of_form;
use super::{effects, generated, settling, snapshots};
use crate::op::{Op, REPLICAS_MAX};
use crate::protocol::Command;

/// Reports whether it is an error that section 8 defines for every command.
pub(super) fn is_error_of_the_protocol(answer: &[u8]) -> bool {
    let errors: [&[u8]; 4] =
        [b"err line-length", b"err unknown-command", b"err syntax", b"err no-cluster"];
    errors.contains(&answer)
}

pub(super) fn sections(cause: &mut Cause<'_>, expected: &[u8], actual: &[u8]) -> Sections {
    let (due, got) = (Shape::of(expected), Shape::of(actual));
    let is_of_protocol = is_error_of_the_protocol(expected)
        || is_error_of_the_protocol(actual)
        || !got.status.starts_with("ok") && got.error().is_none();
    let Some(command) = cause.command().filter(|_| !is_of_protocol) else { return vec!["8"] };
    if let Some(sections) = of_form(cause, &due, &got) {
        return sections;
    }
    match &command {
        Command::New { size } => of_new(cause, *size, &got),
        Command::Propose { .. } | Command::ProposeAt { .. } => of_proposal(cause, &due, &got),
        Command::Partition { .. } | Command::Heal | Command::HealIds { .. } => {
            of_partition(cause, &due, &got)
        }
        Command::Compact | Command::CompactIds { .. } => vec!["4.5"],
        Command::Load { bytes } => snapshots::of_load(cause, bytes, &due, &got),
        Command::Workload { .. } => generated::of_workload(cause, &due, &got),
        Command::Scenario { .. }
            if due.error().is_none() && matches!(got.error(), None | Some("diverged")) =>
        {
            generated::of_scenario(cause)
        }
        Command::Get { .. } if is_limit_alone(&due, &got) => vec!["1", "8"],
        // The errors of the other commands are in section 8 alone.
        _ if is_error(&due, &got) => vec!["8"],
        Command::Mix { .. } | Command::Draw { .. } => vec!["6"],
        Command::Get { id, key } => snapshots::of_get(cause, *id, key),
        Command::Dump { id } => snapshots::of_dump(cause, *id),
        Command::Chaos { .. } => generated::of_chaos(cause, actual),
        Command::Status | Command::Replica { .. } | Command::Log { .. } | Command::Hash { .. } => {
            effects::of_observer(cause, &due, &got)
        }
        _ => vec!["8"],
    }
}

fn of_new(cause: &mut Cause<'_>, size: u64, got: &Shape<'_>) -> Sections {
    let least = REPLICAS_MAX + 1;
    let is_misread =
        got.error().is_none() && size > least && cause.is_misread(&[], &format!("new {least}"));
    if is_misread { vec!["8", "1"] } else { vec!["1", "4"] }
}

fn is_error(due: &Shape<'_>, got: &Shape<'_>) -> bool {
    due.error().or(got.error()).is_some()
}

/// Reports whether one of the two refuses a length, and the other refuses nothing.
fn is_limit_alone(due: &Shape<'_>, got: &Shape<'_>) -> bool {
    matches!(
        (due.error(), got.error()),
        (Some("key-length" | "value-length"), None) | (None, Some("key-length" | "value-length"))
    )
}

fn of_proposal(cause: &mut Cause<'_>, due: &Shape<'_>, got: &Shape<'_>) -> Sections {
    let own = section_of_command(&cause.step);
    if is_limit_alone(due, got) {
        return if counts_digits(cause) { vec!["8", "1"] } else { vec!["1", own] };
    }
    if is_error(due, got) {
        return vec![own];
    }
    let own = cause.own_section();
    let lines = cause.lines_to_step();
    let Some(observed) = cause.port.observed(lines) else { return vec![own] };
    let is_state_right = observed.iter().all(|(due, actual)| due == actual);
    if is_state_right {
        cause.facts.push("the state after it is right, so only the answer is wrong".into());
        if own == "4.2" && due.status != got.status && is_pending_unknown(cause) {
            return vec!["4.1", own];
        }
        // No entry has the index 0.
        return if got.number("index") == Some(0) { vec!["1", own] } else { vec![own] };
    }
    if own == "4.2" {
        return vec![own];
    }
    if due.number("index") == got.number("index") { vec!["4.4", own] } else { vec![own, "4.4"] }
}

/// Reports whether the port judges the length of a byte string in hex wrongly, and that of a text of
/// as many bytes rightly.
fn counts_digits(cause: &mut Cause<'_>) -> bool {
    let Some((_, before)) = cause.lines_to_step().split_last() else { return false };
    let (prefix, op) = match &cause.step.command {
        Some(Command::Propose { op }) => (String::new(), op),
        Some(Command::ProposeAt { id, op }) => (format!("at {id} "), op),
        _ => return false,
    };
    let (word, lengths) = match op {
        Op::Put { key, value } => ("put", vec![key.len(), value.len()]),
        Op::Del { key } => ("del", vec![key.len()]),
        Op::NoOp => return false,
    };
    let line = |token: &dyn Fn(usize) -> String| {
        let tokens = lengths.iter().map(|length| token(*length)).collect::<Vec<_>>();
        format!("{prefix}{word} {}", tokens.join(" "))
    };
    // A token of no bytes exists only in hex.
    let hex = line(&|length| format!("0x{}", "61".repeat(length)));
    let text = line(&|length| if length == 0 { "0x".into() } else { "a".repeat(length) });
    let counts_digits = cause.port.is_right(before, &text) == Some(true)
        && cause.port.is_right(before, &hex) == Some(false);
    if counts_digits {
        cause.facts.push("the port is right with a text of the same length".into());
    }
    counts_digits
}

/// Reports whether a pending proposal to the current leader has a wrong outcome.
fn is_pending_unknown(cause: &mut Cause<'_>) -> bool {
    let lines = ["new 3", "partition 1 2"].map(|line| line.as_bytes().to_vec());
    let is_unknown = cause.port.is_right(&lines, "noop") == Some(false);
    if is_unknown {
        cause.facts.push("the outcome of a pending `noop` is wrong, too".into());
    }
    is_unknown
}

fn of_partition(cause: &mut Cause<'_>, due: &Shape<'_>, got: &Shape<'_>) -> Sections {
    if is_error(due, got) {
        return vec!["4.3"];
    }
    if let Some(section) = of_isolation(cause) {
        return vec![section];
    }
    if settling::is_missing(cause) {
        return vec!["4.3", "4.4"];
    }
    let leader = cause.step.leader();
    let shown = leader.filter(|leader| got.number("leader") == Some(*leader));
    let is_isolated = due.get("leader") == Some("none") && due.get("term") == got.get("term");
    if let Some(leader) = shown.filter(|_| is_isolated) {
        cause.facts.push(format!("replica {leader} is the current leader, but isolated"));
        return vec!["8"];
    }
    vec!["4.4"]
}

/// Returns the section if the set of isolated ids is wrong after the step.
fn of_isolation(cause: &mut Cause<'_>) -> Option<&'static str> {
    let mut session = cause.step.after.clone();
    let expected = session.run(b"status")?;
    let actual = cause.ask("status")?;
    let isolated = |answer: &[u8]| Shape::of(answer).get("isolated").map(String::from);
    let (expected, actual) = (isolated(expected.as_bytes())?, isolated(&actual)?);
    (expected != actual).then(|| {
        cause.facts.push(format!("isolated after it: expected {expected}, actual {actual}"));
        "4.3"
    })
}
