//! The sections behind an op that has a wrong effect on a map: its own effect, the bytes of its key
//! or value, or the other keys of the map.

use super::cause::{Cause, Sections, section_of_command};
use super::commands::canonical;
use super::fields::{entries, shown};
use super::oracle::{Oracle, command};
use crate::Op;
use crate::protocol::Command;
use crate::reference::Replica;
use crate::replica::ReplicaId;

/// A value that shows which key an op changes.
const MARK: &str = "the value of this op alone";

/// Returns the sections behind the wrong map of a replica that applies one op in the step.
pub(super) fn of_op(cause: &mut Cause<'_>, id: ReplicaId) -> Sections {
    let own = section_of_command(&cause.step);
    let lines = cause.lines_to_step();
    let op = cause.step.command.as_ref().and_then(op_of).cloned();
    let Some((op, key)) = op.as_ref().and_then(|op| Some((op, key_of(op)?))) else {
        return vec!["2", own];
    };
    let is_other = |other: &Op| key_of(other).is_some_and(|other| other != key);
    let alone = with_ops(lines, |other| is_other(other).then_some(Op::NoOp));
    if alone != lines && cause.port.is_right(&alone, &format!("dump {id}")) == Some(true) {
        cause.facts.push("with NoOps in place of the ops on other keys the port is right".into());
        let Some(other) = taken_for(cause, id, op) else { return vec!["3", "2"] };
        let text = format!("the port takes the key {} for the key {}", shown(key), shown(&other));
        cause.facts.push(text);
        // Two keys that the port compares wrongly are wrong without other keys, too.
        let pair = with_ops(lines, |op| {
            key_of(op).is_some_and(|known| known != key && known != other).then_some(Op::NoOp)
        });
        let is_of_pair = cause.port.is_right(&pair, &format!("dump {id}")) == Some(false);
        return if is_of_pair { vec!["1", "3"] } else { vec!["3", "1"] };
    }
    let Some(plain) = altered(cause, id, &alone, op) else { return vec!["2", own] };
    // A byte string consists of any bytes, but an op has the same effect for any length.
    if cause.port.is_right(&plain, &format!("dump {id}")) == Some(false) {
        cause.facts.push("the port is wrong with other bytes of the same length, too".into());
        return vec!["2", "1"];
    }
    vec!["1", "2"]
}

/// Returns the key that an op has changed in place of its own, if it is another key of the map.
fn taken_for(cause: &mut Cause<'_>, id: ReplicaId, op: &Op) -> Option<Vec<u8>> {
    let (_, before) = cause.lines_to_step().split_last()?;
    let known = replica_after(before, id)?.map;
    let marked = match op {
        Op::Put { key, .. } => Op::put(&key[..], MARK),
        _ => op.clone(),
    };
    let step = [cause.lines_to_step().last()?.clone()];
    let lines = [before, &with_ops(&step, |_| Some(marked.clone()))].concat();
    let expected = replica_after(&lines, id)?.dump_state();
    let actual = cause.port.snapshot(&lines, id, expected.len())?;
    let actual = entries(&actual);
    let is_changed = |other: &[u8]| match op {
        Op::Put { .. } => actual.get(other) == Some(&MARK.as_bytes()),
        _ => actual.len() + 1 == known.len() && !actual.contains_key(other),
    };
    let key = key_of(op)?;
    // A Del of a present key may change other keys as well.
    let can_be_taken = matches!(op, Op::Put { .. }) || !known.contains_key(key);
    let mut others = known.keys().filter(|other| **other != key);
    others.find(|other| can_be_taken && is_changed(other)).cloned()
}

/// If a Put has stored other bytes than its key or value, returns the lines with bytes in their place
/// that need no care, as many as before.
fn altered(
    cause: &mut Cause<'_>,
    id: ReplicaId,
    lines: &[Vec<u8>],
    op: &Op,
) -> Option<Vec<Vec<u8>>> {
    let Op::Put { key, value } = op else { return None };
    let (step, before) = lines.split_last()?;
    let old = replica_after(before, id)?.map.remove(&key[..]);
    let expected = replica_after(lines, id)?.dump_state();
    let actual = cause.port.snapshot(lines, id, expected.len())?;
    let (expected, actual) = (entries(&expected), entries(&actual));
    let plain = |bytes: &[u8]| {
        let filled = [b'a', b'b'].map(|byte| vec![byte; bytes.len()]);
        filled.into_iter().find(|filled| filled != bytes).unwrap_or_default()
    };
    let Some(stored) = actual.get(&key[..]) else {
        let strange = actual.keys().find(|known| !expected.contains_key(*known))?;
        let (strange, named) = (shown(strange), shown(key));
        cause.facts.push(format!("the port changes the key {strange} instead of {named}"));
        let renamed = plain(key);
        return Some(with_ops(lines, |other| match other {
            Op::Put { key: other, value } if other == key => {
                Some(Op::put(&renamed[..], value.clone()))
            }
            Op::Del { key: other } if other == key => Some(Op::del(&renamed[..])),
            _ => None,
        }));
    };
    // The value before this step is another mistake.
    if *stored == &value[..] || old.is_some_and(|old| *stored == &old[..]) {
        return None;
    }
    cause.facts.push(if value.starts_with(stored) {
        "the port keeps only the beginning of the value".into()
    } else {
        format!("the port keeps the value {}", shown(stored))
    });
    let step = with_ops(std::slice::from_ref(step), |_| Some(Op::put(&key[..], plain(value))));
    Some([before, &step].concat())
}

/// Returns a replica of the reference after these lines.
fn replica_after(lines: &[Vec<u8>], id: ReplicaId) -> Option<Replica> {
    Oracle::after(lines).cluster()?.replica(id).ok().cloned()
}

/// Returns the lines with other ops in some of the proposals.
pub(super) fn with_ops(lines: &[Vec<u8>], change: impl Fn(&Op) -> Option<Op>) -> Vec<Vec<u8>> {
    let changed = |line: &Vec<u8>| {
        let mut command = command(line)?;
        match &mut command {
            Command::Propose { op } | Command::ProposeAt { op, .. } => *op = change(op)?,
            _ => return None,
        }
        canonical(&command).map(String::into_bytes)
    };
    lines.iter().map(|line| changed(line).unwrap_or_else(|| line.clone())).collect()
}

const fn op_of(command: &Command) -> Option<&Op> {
    match command {
        Command::Propose { op } | Command::ProposeAt { op, .. } => Some(op),
        _ => None,
    }
}

fn key_of(op: &Op) -> Option<&[u8]> {
    match op {
        Op::NoOp => None,
        Op::Put { key, .. } | Op::Del { key } => Some(key),
    }
}
