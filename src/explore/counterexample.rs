//! A sequence of actions that violates a rule, as a trace.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::reference::Cluster;
use crate::session::Session;

use super::action::Action;
use super::rules::Violation;

/// A shortest sequence of actions that violates a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The actions, on a new cluster.
    pub actions: Vec<Action>,
    /// The violations by the last action, in the order of [`RULES`](super::RULES); at least one.
    pub violations: Vec<Violation>,
}

/// Returns the trace (definition, section 11) of a counterexample in a cluster of `size` replicas:
/// the violations as comments, the actions with the reference's answers, and the state of each
/// replica at the end.
///
/// It ends with a command that has no answer if that command panics.
#[must_use]
pub fn trace_of(size: u64, counterexample: &Counterexample) -> String {
    let mut text = String::new();
    for violation in &counterexample.violations {
        text += &format!("# {}: {}\n", violation.rule, violation.detail);
    }
    let mut lines = vec![format!("new {size}")];
    lines.extend(counterexample.actions.iter().map(ToString::to_string));
    lines.push("status".to_owned());
    for id in 0..size {
        lines.extend(["replica", "log", "dump"].map(|word| format!("{word} {id}")));
    }
    let mut session = Session::<Cluster>::default();
    for line in lines {
        text += &format!("> {line}\n");
        let mut answer = String::new();
        let run = || session.run_line(line.as_bytes(), &mut answer);
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            break;
        }
        text += &format!("< {answer}\n");
    }
    text
}
