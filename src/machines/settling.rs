//! Whether a port settles at all after a partition or a heal.

use super::cause::Cause;
use super::inquiry::observations;
use crate::protocol::Command;

/// Reports whether the step changes at most the roles of the port's replicas, and a further command
/// that only settles makes up for it. Then the port settles, but not in this step.
pub(super) fn is_missing(cause: &mut Cause<'_>) -> bool {
    let lines = cause.lines_to_step();
    let Some((_, before)) = lines.split_last() else { return false };
    let Some(settling) = settling_line(cause) else { return false };
    let (observers, due_before) = observations(before);
    let Some(after) = cause.port.answers(lines, &observers) else { return false };
    // The first answer is that to `status`.
    let without_role = |answer: &Vec<u8>| {
        let tokens = answer.split(|byte| *byte == b' ');
        tokens.filter(|token| !token.starts_with(b"role=")).collect::<Vec<_>>().concat()
    };
    let others = |answers: &[Vec<u8>]| answers.iter().skip(1).map(without_role).collect::<Vec<_>>();
    if others(&after) != others(&due_before) {
        return false;
    }
    let lines = [lines, &[settling.clone().into_bytes()]].concat();
    let Some(settled) = cause.port.observed(&lines) else { return false };
    let is_made_up_for = settled.iter().all(|(due, actual)| due == actual);
    if is_made_up_for {
        cause.facts.push(format!("only a further `{settling}` makes the port settle"));
    }
    is_made_up_for
}

/// Returns a line that changes nothing in the reference but settles: a partition of no replica after
/// a heal, a heal of a reachable one after a partition.
fn settling_line(cause: &Cause<'_>) -> Option<String> {
    match cause.step.command {
        Some(Command::Heal | Command::HealIds { .. }) => Some("partition".into()),
        Some(Command::Partition { .. }) => {
            let mut ids = 0..cause.step.after.size()? as u64;
            ids.find(|id| !cause.step.is_isolated(*id)).map(|id| format!("heal {id}"))
        }
        _ => None,
    }
}
