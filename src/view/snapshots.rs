//! Snapshots that differ, field by field.

use dkv20_exam::Failure;

use super::data::{ComparedField, ComparedSnapshot};
use super::port::Program;
use crate::machines::fields::{FieldPair, side_by_side};
use crate::protocol::{Command, parse};
use crate::reference::Cluster;
use crate::replica::ReplicaId;
use crate::session::Session;

/// How many groups of fields that differ are shown: one for a key, with its value.
const GROUPS_MAX: usize = 64;
/// Of a longer field only the first bytes are shown.
const FIELD_LENGTH_MAX: usize = 64;

/// Returns the snapshots that explain a wrong answer to the last line: those in the answers, that of
/// the replica whose content the line shows, or the bytes to load. `answers` are the reference's and
/// the port's.
///
/// # Errors
///
/// An error that is not the port's.
pub(super) fn of_answers(
    program: &Program<'_>,
    lines: &[Vec<u8>],
    answers: [&[u8]; 2],
) -> Result<Vec<ComparedSnapshot>, Failure> {
    let step = lines.len().saturating_sub(1);
    match lines.last().and_then(|line| parse(line).ok().flatten()) {
        Some(Command::Load { bytes }) => {
            let (of, fields) = ("load".into(), loaded(&bytes, answers));
            Ok(vec![ComparedSnapshot { step, of, ..fields }])
        }
        Some(Command::Dump { id }) => {
            let [Some(expected), Some(actual)] = answers.map(dumped) else { return Ok(Vec::new()) };
            let (of, fields) = (format!("dump {id}"), fields(&expected, &actual));
            Ok(vec![ComparedSnapshot { step, of, ..fields }])
        }
        Some(Command::Hash { id } | Command::Get { id, .. }) => of_replica(program, lines, id),
        _ => Ok(Vec::new()),
    }
}

/// Returns the snapshots of a replica after the lines, if they differ.
///
/// # Errors
///
/// An error that is not the port's.
pub(super) fn of_replica(
    program: &Program<'_>,
    lines: &[Vec<u8>],
    id: ReplicaId,
) -> Result<Vec<ComparedSnapshot>, Failure> {
    let of = format!("dump {id}");
    let (expected, actual) = (due(lines, &of), asked(program, lines, &of)?);
    let (Some(expected), Some(actual)) = (expected, actual) else { return Ok(Vec::new()) };
    if expected == actual {
        return Ok(Vec::new());
    }
    let step = lines.len().saturating_sub(1);
    Ok(vec![ComparedSnapshot { step, of, ..fields(&expected, &actual) }])
}

/// Returns the bytes in an answer to `dump`.
fn dumped(answer: &[u8]) -> Option<Vec<u8>> {
    hex::decode(answer.strip_prefix(b"ok 0x")?).ok()
}

/// Returns the reference's snapshot.
fn due(lines: &[Vec<u8>], dump: &str) -> Option<Vec<u8>> {
    let mut session = Session::<Cluster>::default();
    let mut answer = String::new();
    for line in lines {
        session.run_line(line, &mut String::new());
    }
    session.run_line(dump.as_bytes(), &mut answer);
    dumped(answer.as_bytes())
}

/// Returns the port's snapshot.
fn asked(program: &Program<'_>, lines: &[Vec<u8>], dump: &str) -> Result<Option<Vec<u8>>, Failure> {
    let lines = [lines, &[dump.into()]].concat();
    let transcript = program.transcript(&lines)?;
    let answer = transcript.written.get(lines.len() - 1).and_then(|written| written.first());
    Ok(answer.and_then(|answer| dumped(answer)))
}

/// Returns the fields of two snapshots: those before the keys, and the keys that differ, each with the
/// key before it.
fn fields(expected: &[u8], actual: &[u8]) -> ComparedSnapshot {
    let groups = side_by_side(expected, actual);
    let differs = |at: usize| groups.get(at).is_some_and(|it| it.iter().any(FieldPair::differs));
    let is_near = |at: usize| at == 0 || differs(at) || differs(at + 1);
    let near = (0..groups.len()).filter(|at| is_near(*at)).take(2 * GROUPS_MAX);
    let fields: Vec<_> = near.flat_map(|at| &groups[at]).map(compared_field).collect();
    let more = groups.iter().map(Vec::len).sum::<usize>() - fields.len();
    ComparedSnapshot { step: 0, of: String::new(), fields, more }
}

/// Returns the fields of bytes to load. Those differ that one of the answers refuses.
fn loaded(bytes: &[u8], answers: [&[u8]; 2]) -> ComparedSnapshot {
    let refused = answers.map(|answer| {
        let answer = str::from_utf8(answer).ok()?;
        answer.rsplit_once("offset=")?.1.parse::<usize>().ok()
    });
    let groups = side_by_side(bytes, bytes);
    let pairs: Vec<_> = groups.iter().flatten().collect();
    let is_refused = |pair: &FieldPair<'_>| refused.contains(&Some(pair.offset));
    let first = pairs.iter().position(|pair| is_refused(pair)).unwrap_or_default();
    let (start, end) = (first.saturating_sub(GROUPS_MAX), first.saturating_add(GROUPS_MAX));
    let shown = pairs.iter().take(end).skip(start);
    let field = |pair: &&FieldPair<'_>| ComparedField {
        differs: refused[0] != refused[1] && is_refused(pair),
        ..compared_field(pair)
    };
    let fields: Vec<_> = shown.map(field).collect();
    let more = pairs.len() - fields.len();
    ComparedSnapshot { step: 0, of: String::new(), fields, more }
}

fn compared_field(pair: &FieldPair<'_>) -> ComparedField {
    let hex = |bytes: &[u8]| match bytes.get(..FIELD_LENGTH_MAX) {
        Some(beginning) if beginning.len() < bytes.len() => {
            format!("{}…", hex::encode(beginning))
        }
        _ => hex::encode(bytes),
    };
    let [value, port_value] = pair.values.clone();
    ComparedField {
        offset: pair.offset,
        meaning: pair.name.clone(),
        reference: pair.expected.map(hex),
        port: pair.actual.map(hex),
        differs: pair.differs(),
        value,
        port_value,
    }
}
