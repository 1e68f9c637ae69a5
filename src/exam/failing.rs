//! Lines that end in a divergence, and which divergences count as the same.

use std::collections::BTreeSet;

use crate::case::{Case, Delivery, Due, Task};
use crate::divergence::{Actual, Divergence, shown};
use crate::machine::Machine;

/// In a fingerprint: two replicas of one program differ.
const UNEQUAL: &str = "not equal after the exchange";

/// Lines, and the divergence that they end in.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    /// The lines, up to the one at which the port diverges.
    pub(crate) lines: Vec<Vec<u8>>,
    /// How they were delivered.
    pub(crate) delivery: Delivery,
    /// How the port diverged at the last of them.
    pub(crate) divergence: Divergence,
    /// Whether the last line is an observer, which shows what the line before it did.
    pub(crate) is_observed: bool,
    /// Whether lines of the case that stand for many are written out.
    pub(crate) is_expanded: bool,
    /// The answers that are due for the lines, if they are the port's own.
    pub(crate) own_answers: Option<Vec<Vec<u8>>>,
}

impl Failing {
    /// A case as it was run.
    pub(crate) fn of_case(case: &Case, divergence: Divergence) -> Self {
        Self {
            lines: case.lines.clone(),
            delivery: case.delivery,
            divergence,
            is_observed: false,
            is_expanded: false,
            own_answers: own_answers(case),
        }
    }

    /// Returns the lines up to the first wrong step, itself included.
    pub(crate) fn lines_to_step(&self) -> &[Vec<u8>] {
        let line_count = self.lines.len().min(self.divergence.step + 1);
        &self.lines[..line_count.saturating_sub(usize::from(self.is_observed))]
    }

    /// Returns the line at the first wrong step, for reports.
    pub(crate) fn step_line(&self) -> String {
        self.lines_to_step().last().map(|line| shown(line)).unwrap_or_default()
    }

    /// Returns the line at which the port diverges.
    pub(crate) fn last_line(&self) -> &[u8] {
        self.divergence.line(&self.lines)
    }

    pub(crate) fn fingerprint(&self, machine: &dyn Machine) -> String {
        fingerprint(machine, &self.lines, &self.divergence)
    }
}

/// Returns the port's own answers in a case that it has run.
pub(crate) fn own_answers(case: &Case) -> Option<Vec<Vec<u8>>> {
    let due = case.due.as_ref().filter(|_| case.task == Task::Settled)?;
    let answers = due.iter().map(|due| match due {
        Due::Answer(answer) => answer.clone(),
        Due::Nothing | Due::Greeting => Vec::new(),
    });
    Some(answers.collect())
}

/// The knowledge of an error's cause that its shrunk lines hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    /// All that takes part in the first wrong step.
    pub(crate) ingredients: BTreeSet<String>,
    /// The kinds of observers that show a wrong state after it.
    pub(crate) aspects: BTreeSet<String>,
    /// How the port ended, with its last words on standard error, if it had any.
    pub(crate) complaint: Option<String>,
}

impl Profile {
    /// Reports whether another error probably has the same cause: all that takes part in this one
    /// takes part in it, and what they make wrong is not entirely different. A port that ends
    /// with the same words does so for the same reason.
    pub(crate) fn explains(&self, other: &Self) -> bool {
        if self.complaint.is_some() && self.complaint == other.complaint {
            return true;
        }
        let is_apart = self.aspects.is_disjoint(&other.aspects)
            && !self.aspects.is_empty()
            && !other.aspects.is_empty();
        !self.ingredients.is_empty() && self.ingredients.is_subset(&other.ingredients) && !is_apart
    }
}

/// Returns a short text that stays the same while a trace is shrunk and its values change: the kind
/// of line, and how the answer is wrong.
pub(crate) fn fingerprint(
    machine: &dyn Machine,
    lines: &[Vec<u8>],
    divergence: &Divergence,
) -> String {
    let expected = divergence.expected.as_deref().unwrap_or_default();
    let name = divergence.name.as_deref();
    let difference = match &divergence.actual {
        Actual::Answer(actual) => machine.difference(name, expected, actual),
        Actual::Unequal(actual) => {
            // Of two replicas none is right. The order does not depend on which came first.
            let mut answers = [expected, actual];
            answers.sort_by_key(|answer| (answer.len(), *answer));
            format!("{UNEQUAL}: {}", machine.difference(name, answers[0], answers[1]))
        }
        Actual::Missing => "no answer, went on".into(),
        Actual::Extra(_) => "an extra line".into(),
        Actual::Failed(failure) => failure.kind(),
    };
    let name = name.map(str::to_owned);
    format!("{}: {difference}", name.unwrap_or_else(|| machine.kind_of(divergence.line(lines))))
}
