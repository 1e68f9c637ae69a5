//! Explanations of a divergence: the field, the draws and the section behind it.

use dkv20_exam::{Actual, Ask, Divergence};

use super::commands::{GREETING_FORM, HELLO, word_of};
use super::fields::{describe, first_difference};
use super::oracle::{Oracle, command, draw_line};
use crate::protocol::Command;
use crate::replica::ReplicaId;
use crate::splitmix64::SplitMix64;

/// Explains a divergence, which happened while `lines` ran.
pub(super) fn explain(lines: &[Vec<u8>], divergence: &Divergence, ask: Ask<'_>) -> Vec<String> {
    let line = divergence.line(lines);
    let mut explanation = match command(line) {
        Some(Command::Hash { id } | Command::Dump { id }) => {
            compare_dumps(&lines[..divergence.step], id, ask).into_iter().collect()
        }
        Some(Command::Load { bytes }) => describe(&bytes),
        Some(Command::Chaos { .. } | Command::Scenario { .. }) => {
            vec!["line by line the port agrees: its draws, its script or its hash differs".into()]
        }
        _ => Vec::new(),
    };
    if explanation.is_empty() {
        let workload = |line: &Vec<u8>| match command(line) {
            Some(Command::Workload { seed, keys, count }) => Some(last_op(seed, keys, count)),
            _ => None,
        };
        explanation.extend(lines.iter().rev().find_map(workload));
    }
    let form = match word_of(line) {
        word if word == HELLO.as_bytes() => format!(": `{HELLO}` is answered `{GREETING_FORM}`"),
        _ => String::new(),
    };
    explanation.push(format!("definition, {}{form}", section_of(line, divergence)));
    explanation
}

/// Fetches the snapshot behind a hash and names the first field that differs.
fn compare_dumps(lines: &[Vec<u8>], id: ReplicaId, ask: Ask<'_>) -> Option<String> {
    let mut session = Oracle::new();
    let mut lines = lines.to_vec();
    lines.retain(|line| session.run(line).is_some());
    let expected = session.dump(id)?;
    lines.push(format!("dump {id}").into_bytes());
    let answers = ask(&lines)?;
    let actual = answers.last()?.strip_prefix(b"ok 0x")?;
    Some(match first_difference(&expected, &hex::decode(actual).ok()?) {
        Some(difference) => format!("snapshot of replica {id}: {difference}"),
        None => format!("the snapshot of replica {id} is right, so its hash is wrong"),
    })
}

/// Returns the draws of a workload's last op, and the op.
fn last_op(seed: u64, keys: u64, count: u64) -> String {
    let mut draws = SplitMix64::new(seed);
    for _ in 0..3 * count.saturating_sub(1) {
        draws.next();
    }
    let mut look_ahead = draws.clone();
    let [r1, r2, r3] = [(); 3].map(|()| look_ahead.next());
    match draw_line(&mut draws, keys) {
        Ok(line) => format!("op {count} of the workload: draws {r1} {r2} {r3} make `{line}`"),
        Err(code) => format!("the answer to the workload is `err {code}`"),
    }
}

/// Returns the section of the definition that says what is due: on the protocol, or on the command.
fn section_of(line: &[u8], divergence: &Divergence) -> &'static str {
    let of_the_protocol: [&[u8]; 4] =
        [b"err line-length", b"err unknown-command", b"err syntax", b"err no-cluster"];
    let is_protocol = match (&divergence.expected, &divergence.actual) {
        (Some(expected), Actual::Answer(actual)) => {
            of_the_protocol.iter().any(|answer| expected == answer || actual == answer)
        }
        _ => true,
    };
    if is_protocol {
        return "section 8";
    }
    match word_of(line) {
        b"mix" | b"draw" => "section 6",
        b"load" | b"hash" | b"dump" => "section 5",
        b"new" | b"status" => "section 4",
        b"noop" | b"put" | b"del" => "sections 4.1 and 4.4",
        b"at" => "section 4.2",
        b"partition" | b"heal" => "sections 4.3 and 4.4",
        b"compact" => "section 4.5",
        b"replica" | b"log" => "sections 3 and 4.4",
        b"get" => "sections 3 and 8",
        b"workload" => "section 7",
        b"scenario" => "section 9",
        b"chaos" => "section 10",
        _ => "section 8",
    }
}
