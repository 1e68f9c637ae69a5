//! Running lines again and again, to see whether and how they fail.

use crate::case::{Case, Delivery, Task};
use crate::divergence::{Actual, Divergence};
use crate::examinee::Examinee;
use crate::failing::{Failing, own_answers};
use crate::machine::Machine;
use crate::settle::settle;

/// A port, and how lines are run on it.
pub(crate) struct Runner<'a, 'm> {
    pub(crate) machine: &'m dyn Machine,
    pub(crate) examinee: &'a mut Examinee<'m>,
    /// Whether all lines are run on new processes, and not on one that has run others.
    pub(crate) is_fresh: bool,
    /// How often lines were run.
    pub(crate) run_count: usize,
}

impl Runner<'_, '_> {
    /// Runs the lines. Returns `None` if they do not fail.
    pub(crate) fn run(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        self.prepare(lines);
        let outcome = self.examinee.run_and_go_on(lines, delivery);
        self.failing(outcome, lines, delivery)
    }

    /// Runs a case that was drawn. Returns `None` if it does not fail.
    pub(crate) fn run_case(&mut self, case: &Case, delivery: Delivery) -> Option<Failing> {
        self.prepare(&case.lines);
        let mut ran = case.clone();
        let outcome = if case.task == Task::Settled {
            settle(self.examinee, &mut ran, delivery)
        } else {
            self.examinee.run_case(case, delivery)
        };
        let failing = self.failing(outcome, &ran.lines, delivery)?;
        Some(Failing { own_answers: own_answers(&ran), ..failing })
    }

    fn failing(
        &mut self,
        outcome: Result<(), Divergence>,
        lines: &[Vec<u8>],
        delivery: Delivery,
    ) -> Option<Failing> {
        self.run_count += usize::from(!self.examinee.is_stopped());
        let divergence = outcome.err()?;
        if divergence.external_cause().is_some() {
            return None;
        }
        let mut lines = lines.to_vec();
        if is_exact(&divergence, delivery) {
            lines.truncate(divergence.step + 1);
        }
        let (is_observed, is_expanded, own_answers) = (false, false, None);
        Some(Failing { lines, delivery, divergence, is_observed, is_expanded, own_answers })
    }

    /// Runs the lines. Returns `None` unless they fail with the fingerprint.
    pub(crate) fn run_alike(
        &mut self,
        lines: &[Vec<u8>],
        start: &Failing,
        fingerprint: &str,
    ) -> Option<Failing> {
        let failing = self.run(lines, start.delivery)?;
        let is_alike = failing.fingerprint(self.machine) == fingerprint;
        is_alike.then_some(Failing { is_expanded: start.is_expanded, ..failing })
    }

    /// Returns the positions of all lines whose answer is wrong; none if the port fails.
    pub(crate) fn wrong_answers(&mut self, lines: &[Vec<u8>]) -> Vec<usize> {
        self.prepare(lines);
        self.examinee.wrong_answers(lines).unwrap_or_default()
    }

    /// Ends the port if the lines need a new process.
    fn prepare(&mut self, lines: &[Vec<u8>]) {
        if self.is_fresh || self.machine.needs_fresh_session(lines) {
            self.examinee.stop();
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.examinee.is_stopped()
    }
}

/// Reports whether the port diverged at this very step: a port that failed may have held back
/// answers, unless each was awaited.
fn is_exact(divergence: &Divergence, delivery: Delivery) -> bool {
    match delivery {
        Delivery::Stepwise | Delivery::Split => true,
        Delivery::Pipelined | Delivery::Marked => !matches!(divergence.actual, Actual::Failed(_)),
        Delivery::ToEnd | Delivery::ToEndWithoutLf => false,
    }
}
