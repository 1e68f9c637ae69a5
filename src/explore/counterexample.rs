//! What breaks a rule, as a trace.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::protocol::Command;
use crate::session::Session;

use super::events::line_of;

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule's name.
    pub rule: &'static str,
    /// What was seen.
    pub detail: String,
}

/// A shortest sequence of commands that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The commands, on a cluster that was just made.
    pub commands: Vec<Command>,
    /// All rules that the last of them breaks, in the order of [`RULES`](super::RULES); at least
    /// one.
    pub broken: Vec<Broken>,
}

/// The trace (definition, section 11) of a counterexample in a cluster of so many replicas: the
/// broken rules as comments, the commands with the answers that this program gives, and what can
/// be seen of the replicas at the end.
///
/// A command that panics has no answer there, and none follows it.
#[must_use]
pub fn trace_of(replica_count: usize, counterexample: &Counterexample) -> String {
    let mut text = String::new();
    for broken in &counterexample.broken {
        text += &format!("# {}: {}\n", broken.rule, broken.detail);
    }
    let mut lines = vec![format!("new {replica_count}")];
    lines.extend(counterexample.commands.iter().map(line_of));
    lines.push("status".to_owned());
    for id in 0..replica_count {
        lines.extend(["replica", "log", "dump"].map(|word| format!("{word} {id}")));
    }
    let mut session = Session::new();
    for line in lines {
        text += &format!("> {line}\n");
        let mut answer = String::new();
        let asked = || session.answer(line.as_bytes(), &mut answer);
        if catch_unwind(AssertUnwindSafe(asked)).is_err() {
            break;
        }
        text += &format!("< {answer}\n");
    }
    text
}
