//! The investigation of a case by the choices that it was drawn from: with observers after each step
//! from the beginning, and simplified by drawing it again.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::case::{Case, Delivery};
use crate::divergence::Actual;
use crate::failing::{Failing, Profile};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::inquiry::{Inquiry, Stage, with_short_timeout};
use crate::machine::{Drawing, Explanation, Simplest};

/// How often a case is run to see whether it always fails.
const STEADINESS_RUNS: usize = 3;
/// How often each candidate is run, at most, if the port is flaky.
const FLAKY_RUNS: usize = 6;

/// How the investigation of a drawn case ended.
pub(crate) enum Redrawn {
    /// The error was investigated.
    Found(Box<(Finding, Profile)>),
    /// It turned out to be known.
    Known,
    /// The case does not fail when it is drawn again.
    NotReproduced,
}

/// The simplest choices that fail, and how.
struct Reduced {
    simplest: Simplest,
    failing: Failing,
    fingerprint: String,
    is_minimal: bool,
}

impl Inquiry<'_, '_> {
    /// Reproduces, shrinks, confirms and explains a case by its choices: first on one process, then, if
    /// the result is not confirmed on a new one, all on new processes.
    pub(crate) fn redraw(
        &mut self,
        incident: &Incident,
        drawing: &mut dyn Drawing,
        is_known: &mut dyn FnMut(Stage<'_>) -> bool,
    ) -> Redrawn {
        for is_fresh in [false, true] {
            if self.runner.examinee.remembers && !is_fresh {
                continue;
            }
            self.runner.is_fresh = is_fresh;
            let Some(reduced) = self.reduce_drawn(incident, drawing) else { continue };
            let profile = self.profile_of_drawn(&reduced);
            if is_known(Stage::Profiled(&profile)) {
                return Redrawn::Known;
            }
            if !self.is_confirmed(&reduced) {
                self.runner.examinee.remembers = true;
                continue;
            }
            let finding = self.finding_of_drawn(&incident.case, reduced);
            return Redrawn::Found(Box::new((finding, profile)));
        }
        Redrawn::NotReproduced
    }

    /// Draws the case again and simplifies it. Returns `None` if it does not fail, or nothing more can be
    /// run.
    fn reduce_drawn(&mut self, incident: &Incident, drawing: &mut dyn Drawing) -> Option<Reduced> {
        let observed = drawing.observed();
        let observed = self.unless_failed(observed)?;
        // Answers that a port held back when it failed hide the line at which it did.
        let delivery = match incident.divergence.actual {
            Actual::Failed(_) => Delivery::Stepwise,
            Actual::Answer(_) | Actual::Missing | Actual::Extra(_) => Delivery::Marked,
        };
        let first = self.runner.run_case(&observed, delivery)?;
        let fingerprint = first.fingerprint(self.machine);
        let is_steady = first.divergence.is_timeout()
            || (1..STEADINESS_RUNS)
                .all(|_| self.run_drawn_alike(&observed, delivery, &fingerprint).is_some());
        let run_count = if is_steady { 1 } else { FLAKY_RUNS };
        let mut best = first.clone();
        let is_minimal = with_short_timeout(self, &first, |inquiry| {
            inquiry.shrink_drawn(drawing, run_count, &fingerprint, &mut best)
        });
        let simplest = drawing.shrunk();
        let simplest = self.unless_failed(simplest)?;
        let mut runs = 0..FLAKY_RUNS;
        let alike = runs.find_map(|_| self.run_drawn_alike(&simplest.case, delivery, &fingerprint));
        let (failing, simplest, is_minimal) = if let Some(failing) = alike {
            (failing, simplest, is_minimal)
        } else {
            // The observers between the steps take part in the error.
            let case = Case { lines: best.lines.clone(), ..best.case.clone()? };
            (best, Simplest { case, ..simplest }, false)
        };
        let failing = Failing { is_observed: simplest.is_observed, ..failing };
        Some(Reduced { simplest, failing, fingerprint, is_minimal })
    }

    fn shrink_drawn(
        &mut self,
        drawing: &mut dyn Drawing,
        run_count: usize,
        fingerprint: &str,
        best: &mut Failing,
    ) -> bool {
        let delivery = best.delivery;
        let budget = self.budget();
        let shrunk = drawing.shrink(budget, &mut |case| {
            let mut runs = 0..run_count;
            let failing = runs.find_map(|_| self.run_drawn_alike(case, delivery, fingerprint));
            if self.runner.is_stopped() {
                return ControlFlow::Break(());
            }
            let step = failing.as_ref().map(|failing| failing.divergence.step);
            if let Some(failing) = failing {
                *best = failing;
            }
            ControlFlow::Continue(step)
        });
        self.unless_failed(shrunk).unwrap_or_default()
    }

    fn run_drawn_alike(
        &mut self,
        case: &Case,
        delivery: Delivery,
        fingerprint: &str,
    ) -> Option<Failing> {
        let failing = self.runner.run_case(case, delivery)?;
        (failing.fingerprint(self.machine) == fingerprint).then_some(failing)
    }

    /// Reports whether the simplest case fails alike on a new process.
    fn is_confirmed(&mut self, reduced: &Reduced) -> bool {
        if self.runner.is_fresh || self.runner.is_stopped() {
            return true;
        }
        self.runner.is_fresh = true;
        let Reduced { simplest, failing, fingerprint, .. } = reduced;
        (0..FLAKY_RUNS)
            .any(|_| self.run_drawn_alike(&simplest.case, failing.delivery, fingerprint).is_some())
            || self.runner.is_stopped()
    }

    fn profile_of_drawn(&self, reduced: &Reduced) -> Profile {
        let fingerprint = [reduced.fingerprint.clone()];
        let ingredients = reduced.simplest.commands.iter().cloned().chain(fingerprint).collect();
        Profile { ingredients, aspects: BTreeSet::new(), complaint: self.complaint.clone() }
    }

    fn finding_of_drawn(&mut self, case: &Case, reduced: Reduced) -> Finding {
        let Reduced { simplest, failing, fingerprint, is_minimal } = reduced;
        let (tries, occurrences) = self.repeat(self.confirmations(&failing), |inquiry| {
            inquiry.run_drawn_alike(&simplest.case, failing.delivery, &fingerprint).is_some()
        });
        let Explanation { facts, sections } = self.explain(&failing, &failing);
        let finding = Finding::new(self.machine, case, &failing, &failing);
        Finding {
            is_step_of_shrunk: true,
            fingerprint,
            explanation: facts,
            sections,
            is_minimal,
            tries,
            occurrences,
            commands: simplest.commands,
            ..finding
        }
    }
}
