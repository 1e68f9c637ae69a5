//! The sections that a port breaks whose answer to the first wrong step is right, but whose state
//! is wrong after it.

use super::cause::{Cause, Sections, section_of_command};
use super::commands::{canonical, is_action};
use super::difference::Shape;
use super::form::of_form;
use super::step::Step;
use super::{digests, generated, maps, remembered, settling, snapshots};
use crate::protocol::Command;
use crate::replica::ReplicaId;

/// How many entries of a log are shown.
const ENTRIES_SHOWN: usize = 5;

pub(super) fn sections(cause: &mut Cause<'_>, expected: &[u8], actual: &[u8]) -> Sections {
    let own = section_of_command(&cause.step);
    if cause.step.is_refused() {
        cause.facts.push("a refused command changes something".into());
        return vec!["1", own];
    }
    let (due, got) = (Shape::of(expected), Shape::of(actual));
    match &cause.step.command {
        Some(Command::Workload { .. }) => return generated::of_workload_effect(cause),
        Some(Command::Chaos { .. }) => return vec!["10"],
        Some(Command::Scenario { .. }) => return vec!["9", "8"],
        Some(Command::New { .. }) if cause.step.replaces_a_cluster => return vec!["8"],
        Some(command) if is_action(command) => {}
        // No other line changes anything.
        _ => return vec!["8"],
    }
    if due.status != got.status {
        return vec![own, "8"];
    }
    of_form(cause, &due, &got).unwrap_or_else(|| of_observer(cause, &due, &got))
}

/// Returns the sections behind a wrong answer to a line that shows the state.
pub(super) fn of_observer(cause: &mut Cause<'_>, due: &Shape<'_>, got: &Shape<'_>) -> Sections {
    match cause.command() {
        Some(Command::Status) => of_status(cause, due, got),
        Some(Command::Replica { id }) => of_replica(cause, id, &due.differing(got)),
        Some(Command::Log { id }) => of_log(cause, id, got),
        Some(Command::Hash { id } | Command::Dump { id }) => snapshots::of_hash(cause, id, got),
        Some(Command::Get { id, key }) => snapshots::of_get(cause, id, &key),
        _ => vec![section_of_command(&cause.step)],
    }
}

fn of_status(cause: &mut Cause<'_>, due: &Shape<'_>, got: &Shape<'_>) -> Sections {
    let differing = due.differing(got);
    let is_of_reach = is_of_reach(&cause.step);
    if differing.iter().any(|name| name == "isolated") {
        if reaches_the_right_replicas(cause) {
            return vec!["8", "4.3"];
        }
        return vec![if is_of_reach { "4.3" } else { "4" }];
    }
    if differing == ["quorum"] {
        return vec!["4", "8"];
    }
    vec![if is_of_reach { "4.4" } else { section_of_command(&cause.step) }]
}

/// Reports whether the port is right after a further proposal, except for the answer to `status`. Then
/// the right replicas are isolated.
fn reaches_the_right_replicas(cause: &mut Cause<'_>) -> bool {
    let is_leader_reachable =
        cause.step.leader().is_some_and(|leader| !cause.step.is_isolated(leader));
    let lines = [cause.lines_to_step(), &[b"noop".to_vec()]].concat();
    let observed = if is_leader_reachable { cause.port.observed(&lines) } else { None };
    // The first answer is that to `status`.
    let is_right =
        observed.is_some_and(|observed| observed.iter().skip(1).all(|(due, actual)| due == actual));
    if is_right {
        cause.facts.push("a further `noop` reaches the right replicas".into());
    }
    is_right
}

fn is_of_reach(step: &Step) -> bool {
    let command = step.command.as_ref();
    command.is_some_and(|command| {
        matches!(command, Command::Partition { .. } | Command::Heal | Command::HealIds { .. })
    })
}

/// Returns the sections behind differing fields of the answer to `replica`.
fn of_replica(cause: &mut Cause<'_>, id: ReplicaId, differing: &[String]) -> Sections {
    let differs_in = |names: &[&str]| differing.iter().all(|name| names.contains(&name.as_str()));
    if differs_in(&["commit", "keys"]) && snapshots::is_right(cause, id) {
        return vec!["8", "3"];
    }
    let own = cause.own_section();
    if matches!(own, "4" | "4.5") {
        return vec![own];
    }
    if is_of_reach(&cause.step) && settling::is_missing(cause) {
        return vec!["4.3", "4.4"];
    }
    if differs_in(&["keys"]) {
        return snapshots::of_map(cause, id);
    }
    if own == "4.2" {
        return vec![own];
    }
    if cause.step.is_isolated(id) && remembered::is_left_by_a_snapshot(cause) {
        return vec!["4.4", "4"];
    }
    if cause.step.is_isolated(id) {
        cause.facts.push(format!("replica {id} is isolated, and changes"));
        return if differs_in(&["role", "term"]) { vec!["4.4", "4"] } else { vec!["4", "4.4"] };
    }
    if own == "4.1" && cause.step.leader() == Some(id) && !differs_in(&["commit", "keys", "base"]) {
        return vec!["4.1", "4.4"];
    }
    vec!["4.4"]
}

fn of_log(cause: &mut Cause<'_>, id: ReplicaId, got: &Shape<'_>) -> Sections {
    let own = section_of_command(&cause.step);
    let Some(replica) = cause.step.replica_after(id) else { return vec![own] };
    let hash = got.get("value").unwrap_or_default();
    if let Some((fact, section)) = digests::cause_of_log_hash(replica, hash) {
        cause.facts.push(fact);
        return vec![section];
    }
    let first = replica.log.len().saturating_sub(ENTRIES_SHOWN);
    let indexes = replica.base + 1 + first as u64..;
    let entries = indexes.zip(&replica.log[first..]);
    let shown = |(index, (term, op)): (u64, &(u64, _))| {
        format!("    index {index}  term {term}  {}", snapshots::shown_op(op))
    };
    let title = format!("the log of replica {id} in the reference ends with");
    let lines: Vec<_> = std::iter::once(title).chain(entries.map(shown)).collect();
    if lines.len() > 1 {
        cause.facts.extend(lines);
    }
    match (own, cause.step.leader()) {
        // Its last index is right, and its entries before this one were.
        ("4.1", Some(leader)) if leader == id => of_entries(cause, id),
        ("4.1" | "4.3" | "4.4", _) if cause.step.is_isolated(id) => vec!["4", "4.4"],
        ("4.1" | "4.3" | "4.4", _) => vec!["4.4"],
        ("4", _) => vec!["8"],
        _ => vec![own],
    }
}

/// Returns the sections behind a wrong hash of the right entries: either their ops are encoded wrongly,
/// or their numbers are.
fn of_entries(cause: &mut Cause<'_>, id: ReplicaId) -> Sections {
    let lines = cause.lines_to_step();
    let entry = cause.step.command.as_ref().and_then(canonical).unwrap_or_default();
    let alone = [b"new 1".to_vec(), entry.into_bytes()];
    if lines.len() > alone.len() && cause.port.is_right(&alone, "log 0") == Some(true) {
        cause.facts.push("the hash of the last entry alone is right".into());
        return vec!["8", "2"];
    }
    let of_noops = maps::with_ops(lines, |_| Some(crate::Op::NoOp));
    if of_noops != lines && cause.port.is_right(&of_noops, &format!("log {id}")) == Some(false) {
        cause.facts.push("the hash of as many NoOps is wrong, too".into());
        return vec!["8", "2"];
    }
    vec!["2", "8"]
}
