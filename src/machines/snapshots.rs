//! The sections behind a wrong snapshot, or a wrong hash of one.

use super::cause::{Cause, Sections, section_of_command};
use super::difference::Shape;
use super::digests::{REVERSED, cause_of_snapshot_hash, wrong_orders};
use super::fields::{FieldName, describe, entries, first_differing_field, ordered_entries, shown};
use super::oracle::command;
use super::{maps, remembered};
use crate::error::ErrorCode;
use crate::protocol::{Command, Hex};
use crate::reference::{Op, Replica, Snapshot, load_state};
use crate::replica::ReplicaId;

/// How many fields before a refused one are shown.
const FIELDS_SHOWN: usize = 6;
/// The longest string of a snapshot that a port is asked to load.
const LOADED_LENGTH_MAX: usize = 2_000_000;

/// Returns the sections behind a wrong hash of a replica's snapshot.
pub(super) fn of_hash(cause: &mut Cause<'_>, id: ReplicaId, got: &Shape<'_>) -> Sections {
    match compared(cause, id) {
        Comparison::Right => {
            let fact = format!("the snapshot of replica {id} is right, so its hash is wrong");
            cause.facts.push(fact);
            return vec!["5"];
        }
        Comparison::Wrong(sections) => return sections,
        Comparison::Impossible => {}
    }
    let snapshot = cause.step.replica_after(id).map(snapshot_of);
    let guessed =
        snapshot.and_then(|snapshot| cause_of_snapshot_hash(&snapshot, got.get("value")?));
    if let Some((fact, section)) = guessed {
        cause.facts.push(fact);
        return vec![section, "5"];
    }
    of_content(cause, id)
}

/// Returns the sections behind a wrong answer to `dump`.
pub(super) fn of_dump(cause: &mut Cause<'_>, id: ReplicaId) -> Sections {
    let Comparison::Wrong(sections) = compared(cause, id) else { return vec!["5"] };
    if is_right(cause, id) { vec!["8", "5"] } else { sections }
}

/// Reports whether the hash of a replica's snapshot is right, so that another answer that shows the
/// same state is wrong alone.
pub(super) fn is_right(cause: &mut Cause<'_>, id: ReplicaId) -> bool {
    let lines = cause.lines_to_step();
    let is_right = cause.port.is_right(lines, &format!("hash {id}")) == Some(true);
    if is_right {
        let fact = format!("the hash of replica {id} is right, so only the answer is wrong");
        cause.facts.push(fact);
    }
    is_right
}

fn snapshot_of(replica: &Replica) -> Snapshot {
    let term = replica.term_at(replica.commit).unwrap_or_default();
    Snapshot { commit: replica.commit, term, map: replica.map.clone() }
}

/// The port's snapshot, compared with the reference's.
enum Comparison {
    /// It could not be fetched.
    Impossible,
    Right,
    /// It is wrong, by these sections.
    Wrong(Sections),
}

/// Compares the port's snapshot with the reference's.
fn compared(cause: &mut Cause<'_>, id: ReplicaId) -> Comparison {
    let Some(replica) = cause.step.replica_after(id) else { return Comparison::Impossible };
    let expected = replica.dump_state();
    let lines = cause.lines_to_step();
    let Some(actual) = cause.port.snapshot(lines, id, expected.len()) else {
        return Comparison::Impossible;
    };
    let Some((field, text)) = first_differing_field(&expected, &actual) else {
        return Comparison::Right;
    };
    cause.facts.push(format!("snapshot of replica {id}: {text}"));
    Comparison::Wrong(of_field(cause, id, field, &expected, &actual))
}

/// Returns the sections behind a snapshot that differs first in this field.
fn of_field(
    cause: &mut Cause<'_>,
    id: ReplicaId,
    field: FieldName,
    expected: &[u8],
    actual: &[u8],
) -> Sections {
    if field == FieldName::Term {
        let own = section_of_command(&cause.step);
        let lines = cause.lines_to_step();
        if cause.port.is_right(lines, &format!("log {id}")) == Some(false) {
            cause.facts.push(format!("the log of replica {id} is wrong, too"));
            let is_follower = own == "4.1" && cause.step.leader() != Some(id);
            return vec![if is_follower { "4.4" } else { own }, "5"];
        }
        let is_from_elsewhere = own == "4.5" || cause.step.installs_snapshot(id);
        return if is_from_elsewhere { vec![own, "5"] } else { vec!["5"] };
    }
    if field.is_head() && field != FieldName::Count {
        return vec!["5"];
    }
    if entries(expected) == entries(actual) {
        return of_order(cause, id, actual);
    }
    // A map with too many keys for its commit index, or in the wrong order, is read all the same.
    let refused = load_state(actual).err().map(|error| error.code);
    if !matches!(refused, None | Some(ErrorCode::KeyOrder | ErrorCode::BadCount)) {
        return vec!["5"];
    }
    of_content(cause, id)
}

/// The snapshot has the right keys and values, but not in the right order, or something else is
/// between or behind them.
fn of_order(cause: &mut Cause<'_>, id: ReplicaId, actual: &[u8]) -> Sections {
    let keys: Vec<_> = ordered_entries(actual).into_iter().map(|(key, _)| key).collect();
    if keys.is_sorted() {
        return vec!["5"];
    }
    let again = cause.port.snapshot(cause.lines_to_step(), id, actual.len());
    if again.is_some_and(|again| again != actual && entries(&again) == entries(actual)) {
        cause.facts.push("its keys are in a random order: another process has another one".into());
        return vec!["5"];
    }
    let mut orders = wrong_orders(&keys);
    if is_order_of_insertion(cause.lines_to_step(), &keys) {
        orders.insert(0, "by time of insertion");
    }
    if orders.len() > 1 {
        // Any two keys that change places are sorted like that.
        orders.retain(|order| *order != REVERSED);
    }
    cause.facts.push(match orders.as_slice() {
        [] => "its keys are not sorted".into(),
        orders => format!("its keys are as if sorted {}", orders.join(", or ")),
    });
    vec!["5", "1"]
}

/// Reports whether the lines put these keys in this order.
fn is_order_of_insertion(lines: &[Vec<u8>], keys: &[&[u8]]) -> bool {
    let mut inserted: Vec<Vec<u8>> = Vec::new();
    for line in lines {
        match command(line) {
            Some(Command::New { .. }) => inserted.clear(),
            Some(Command::Propose { op: crate::Op::Put { key, .. } })
                if !inserted.iter().any(|known| **known == key[..]) =>
            {
                inserted.push(key.to_vec());
            }
            Some(Command::Propose { op: crate::Op::Del { key } }) => {
                inserted.retain(|known| **known != key[..]);
            }
            _ => {}
        }
    }
    inserted == keys
}

/// Returns the sections behind a map with wrong content, after fetching it.
pub(super) fn of_map(cause: &mut Cause<'_>, id: ReplicaId) -> Sections {
    match compared(cause, id) {
        Comparison::Wrong(sections) => sections,
        Comparison::Right | Comparison::Impossible => of_content(cause, id),
    }
}

/// Returns the sections behind a wrong answer to `get`.
pub(super) fn of_get(cause: &mut Cause<'_>, id: ReplicaId, key: &[u8]) -> Sections {
    if !is_right(cause, id) {
        return of_map(cause, id);
    }
    let replica = cause.step.replica_after(id);
    if replica.is_some_and(|replica| replica.map.contains_key(key)) {
        let del = format!("del {}", Hex(key)).into_bytes();
        let lines = [cause.lines_to_step(), &[del]].concat();
        if cause.port.is_right(&lines, &format!("dump {id}")) == Some(false) {
            let fact = "a Del of the key leaves a wrong map, so the map does not find it";
            cause.facts.push(fact.into());
            return vec!["3", "8"];
        }
    }
    vec!["8", "3"]
}

/// Returns the sections behind a map with wrong content, by what the step does to it.
fn of_content(cause: &mut Cause<'_>, id: ReplicaId) -> Sections {
    let own = section_of_command(&cause.step);
    let count = cause.step.newly_committed(id);
    if cause.step.installs_snapshot(id) {
        return vec!["4.4"];
    }
    match count {
        0 if remembered::is_left_by_a_snapshot(cause) => vec!["4.4", "3"],
        0 => {
            cause.facts.push(format!("no entry of replica {id} commits in this step"));
            vec!["3", own]
        }
        1 => maps::of_op(cause, id),
        _ => {
            cause.facts.push(format!("{count} entries of replica {id} commit in this step"));
            vec!["4.4", "2"]
        }
    }
}

/// The errors of lengths.
const LENGTHS: [Option<&str>; 2] = [Some("key-length"), Some("value-length")];

/// Returns the sections behind a wrong answer to `load`.
pub(super) fn of_load(
    cause: &mut Cause<'_>,
    bytes: &[u8],
    due: &Shape<'_>,
    got: &Shape<'_>,
) -> Sections {
    let offset = due.number("offset").into_iter().chain(got.number("offset")).max();
    if due.error().is_some() {
        // The reference does not read beyond the field that it refuses.
        let fields = describe(bytes);
        cause.facts.extend_from_slice(&fields[fields.len().saturating_sub(FIELDS_SHOWN)..]);
    } else if let Some(offset) = offset.filter(|_| got.error().is_some()) {
        let refused: Vec<_> = describe(bytes)
            .into_iter()
            .filter(|line| line.trim_start().starts_with(&format!("{offset} ")))
            .collect();
        cause.facts.extend(refused);
    }
    if due.error().is_none() && got.error().is_none() {
        return of_loaded_hash(cause, bytes, due, got);
    }
    if due.error() == got.error() {
        return vec!["5"];
    }
    if LENGTHS.contains(&got.error()) || LENGTHS.contains(&due.error()) && got.error().is_none() {
        return vec!["1", "5"];
    }
    if LENGTHS.contains(&due.error()) && !judges_complete(cause, bytes, due) {
        return vec!["1", "5"];
    }
    if due.error() == Some("key-order") || got.error() == Some("key-order") {
        return vec!["5", "1"];
    }
    vec!["5"]
}

fn of_loaded_hash(
    cause: &mut Cause<'_>,
    bytes: &[u8],
    due: &Shape<'_>,
    got: &Shape<'_>,
) -> Sections {
    let differing = due.differing(got);
    if differing != ["sha256"] {
        return vec!["5"];
    }
    cause.facts.push("the port reads the snapshot and dumps it as other bytes".into());
    let snapshot = load_state(bytes).ok();
    let guessed =
        snapshot.and_then(|snapshot| cause_of_snapshot_hash(&snapshot, got.get("sha256")?));
    match guessed {
        Some((fact, "1")) => {
            cause.facts.push(fact);
            vec!["1", "5"]
        }
        guessed => {
            cause.facts.extend(guessed.map(|(fact, _)| fact));
            vec!["5"]
        }
    }
}

/// Reports whether the port refuses the length in a snapshot that is complete. Of a shorter one the
/// answer does not show whether the length is judged too late or not at all.
fn judges_complete(cause: &mut Cause<'_>, bytes: &[u8], due: &Shape<'_>) -> bool {
    let offset = due.number("offset").and_then(|offset| usize::try_from(offset).ok());
    let length = offset.and_then(|at| <[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok());
    let Some(length) = length.map(u32::from_le_bytes) else { return true };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > LOADED_LENGTH_MAX {
        return true;
    }
    let long = vec![b'k'; length];
    let is_key = due.error() == Some("key-length");
    let (key, value) = if is_key { (long, Vec::new()) } else { (vec![b'k'], long) };
    let map = std::iter::once((key, value)).collect();
    let complete = Snapshot { commit: 1, term: 1, map }.dump_state();
    let Some(answer) = cause.port.answer(&[], &format!("load {}", Hex(&complete))) else {
        return true;
    };
    let is_refused = Shape::of(&answer).error() == due.error();
    if !is_refused {
        cause.facts.push(format!("the port accepts the length {length}"));
    }
    is_refused
}

/// Returns an op as text.
pub(super) fn shown_op(op: &Op) -> String {
    match op {
        Op::NoOp => "noop".into(),
        Op::Put { key, value } => format!("put {} {}", shown(key), shown(value)),
        Op::Del { key } => format!("del {}", shown(key)),
    }
}
