//! The commands as the exam sees them.

use std::sync::LazyLock;

use dkv20_exam::Level;

use crate::protocol::{Command, Hex, LINE_LENGTH_MAX, append_op};
use crate::replica::ReplicaId;

/// The levels of the exam.
pub(super) static LEVELS: LazyLock<[Level; 5]> = LazyLock::new(|| {
    let level = |name: &str, words: &str| Level {
        name: name.into(),
        words: words.split(' ').map(Into::into).collect(),
    };
    [
        level("numbers", "mix draw"),
        level("codec", "load"),
        level("cluster", "new noop put del status replica get hash dump log"),
        level("faults", "partition heal at compact"),
        level("scale", "workload scenario chaos"),
    ]
});

pub(super) const HELLO: &str = "hello";
pub(super) const GREETING_FORM: &str = "ok dkv20 1 NAME";

/// Reports whether an answer is a greeting.
pub(super) fn is_greeting(answer: &[u8]) -> bool {
    let name = answer.strip_prefix(b"ok dkv20 1 ");
    name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
}

/// Returns the first token of a line; empty if it has none.
pub(super) fn word_of(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').find(|token| !token.is_empty()).unwrap_or_default()
}

/// Reports whether the command makes or changes a cluster in one step.
pub(super) fn is_action(command: &Command) -> bool {
    matches!(
        command,
        Command::New { .. }
            | Command::Propose { .. }
            | Command::ProposeAt { .. }
            | Command::Partition { .. }
            | Command::Heal
            | Command::HealIds { .. }
            | Command::Compact
            | Command::CompactIds { .. }
    )
}

/// Reports whether the command only shows a part of a cluster.
pub(super) const fn is_observer(command: &Command) -> bool {
    matches!(
        command,
        Command::Status
            | Command::Replica { .. }
            | Command::Get { .. }
            | Command::Hash { .. }
            | Command::Dump { .. }
            | Command::Log { .. }
    )
}

/// Reports whether the command compacts replicas.
pub(super) const fn is_compaction(command: &Command) -> bool {
    matches!(command, Command::Compact | Command::CompactIds { .. })
}

/// Reports whether the command shows something and changes nothing.
pub(super) fn is_look(command: &Command) -> bool {
    !is_action(command)
        && !matches!(command, Command::Workload { .. } | Command::Chaos { .. } | Command::Quit)
}

/// Returns the command as a line in one form: single spaces, numbers without leading zeros, byte
/// strings in hex. Returns `None` if there is no such form, or it is too long for a line.
pub(super) fn canonical(command: &Command) -> Option<String> {
    let with_ids = |word: &str, ids: &[ReplicaId]| {
        ids.iter().fold(word.to_owned(), |line, id| format!("{line} {id}"))
    };
    let with_op = |mut line: String, op| {
        append_op(&mut line, op);
        line
    };
    let line = match command {
        Command::Hello => HELLO.into(),
        Command::New { size } => format!("new {size}"),
        Command::Propose { op } => with_op(String::new(), op),
        Command::ProposeAt { id, op } => with_op(format!("at {id} "), op),
        Command::Partition { ids } => with_ids("partition", ids),
        Command::Heal => "heal".into(),
        Command::HealIds { ids } => with_ids("heal", ids),
        Command::Compact => "compact".into(),
        Command::CompactIds { ids } => with_ids("compact", ids),
        Command::Status => "status".into(),
        Command::Replica { id } => format!("replica {id}"),
        Command::Get { id, key } => format!("get {id} {}", Hex(key)),
        Command::Hash { id } => format!("hash {id}"),
        Command::Dump { id } => format!("dump {id}"),
        Command::Log { id } => format!("log {id}"),
        Command::Load { bytes } => format!("load {}", Hex(bytes)),
        Command::Mix { z } => format!("mix {z}"),
        Command::Draw { seed, count } => format!("draw {seed} {count}"),
        Command::Workload { seed, keys, count } => format!("workload {seed} {keys} {count}"),
        Command::Chaos { seed, steps } => format!("chaos {seed} {steps}"),
        Command::Quit => "quit".into(),
        // A name has one form.
        Command::Scenario { .. } => return None,
    };
    (line.len() <= LINE_LENGTH_MAX).then_some(line)
}
