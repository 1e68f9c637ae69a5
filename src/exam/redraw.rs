//! The investigation of a case by the choices that it was drawn from: with observers after each step
//! from the beginning, and simplified by drawing it again.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::case::{Case, Delivery, Task};
use crate::divergence::Actual;
use crate::failing::{Failing, Profile};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::inquiry::{Inquiry, Stage, with_short_timeout};
use crate::machine::{Drawing, Explanation, Simplest};

/// How often a case is run to see whether it always fails.
const STEADINESS_RUNS: usize = 3;
/// How often the shrunk case of a steady port is run on new processes after it was confirmed on one.
const STEADY_CONFIRMATIONS: usize = 1;
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

/// How far reducing has come.
enum Reduction {
    Done(Box<Reduced>),
    Known,
    NotReproduced,
}

/// The simplest choices that fail, and how.
struct Reduced {
    simplest: Simplest,
    failing: Failing,
    fingerprint: String,
    is_minimal: bool,
    /// Whether the case failed alike each time at first.
    is_steady: bool,
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
            let reduced = match self.reduce_drawn(incident, drawing, is_known) {
                Reduction::Done(reduced) => *reduced,
                Reduction::Known => return Redrawn::Known,
                Reduction::NotReproduced => continue,
            };
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
        if incident.case.task == Task::Settled {
            // Its lines have no answers to compare with.
            let finding = self.retry_drawn(incident, drawing);
            return Redrawn::Found(Box::new((finding, Profile::default())));
        }
        Redrawn::NotReproduced
    }

    /// Counts how often a case fails that did not fail again when it was drawn again.
    fn retry_drawn(&mut self, incident: &Incident, drawing: &mut dyn Drawing) -> Finding {
        let first = Failing::of_case(&incident.case, incident.divergence.clone());
        let fingerprint = first.fingerprint(self.machine);
        let drawn = drawing.observed();
        let drawn = self.unless_failed(drawn);
        self.retry(&incident.case, &first, |inquiry| {
            let drawn = drawn.as_ref();
            drawn.is_some_and(|case| {
                inquiry.run_drawn_alike(case, first.delivery, &fingerprint).is_some()
            })
        })
    }

    /// Draws the case again and simplifies it unless its error is known.
    fn reduce_drawn(
        &mut self,
        incident: &Incident,
        drawing: &mut dyn Drawing,
        is_known: &mut dyn FnMut(Stage<'_>) -> bool,
    ) -> Reduction {
        // Answers that a port held back when it failed hide the line at which it did.
        let delivery = match incident.divergence.actual {
            Actual::Failed(_) => Delivery::Stepwise,
            Actual::Answer(_) | Actual::Unequal(_) | Actual::Missing | Actual::Extra(_) => {
                Delivery::Marked
            }
        };
        let observed = drawing.observed();
        let Some(observed) = self.unless_failed(observed) else { return Reduction::NotReproduced };
        // A flaky port may pass at first.
        let first = (0..FLAKY_RUNS).find_map(|_| self.runner.run_case(&observed, delivery));
        let Some(first) = first else { return Reduction::NotReproduced };
        let fingerprint = first.fingerprint(self.machine);
        let names = &observed.names[..observed.names.len().min(first.divergence.step + 1)];
        if is_known(Stage::Located { fingerprint: &fingerprint, names }) {
            return Reduction::Known;
        }
        let reduced = self.simplify(drawing, &observed, &first, fingerprint);
        reduced.map_or(Reduction::NotReproduced, |reduced| Reduction::Done(Box::new(reduced)))
    }

    /// Simplifies the case, which fails with observers. Returns `None` if it does not fail any more,
    /// or nothing more can be run.
    fn simplify(
        &mut self,
        drawing: &mut dyn Drawing,
        observed: &Case,
        first: &Failing,
        fingerprint: String,
    ) -> Option<Reduced> {
        let delivery = first.delivery;
        let is_steady = first.divergence.is_timeout()
            || (1..STEADINESS_RUNS)
                .all(|_| self.run_drawn_alike(observed, delivery, &fingerprint).is_some());
        let run_count = if is_steady { 1 } else { FLAKY_RUNS };
        let is_minimal = with_short_timeout(self, first, |inquiry| {
            inquiry.shrink_drawn(drawing, delivery, run_count, &fingerprint)
        });
        let simplest = drawing.shrunk(false);
        let mut simplest = self.unless_failed(simplest)?;
        let alike = self.run_often(&simplest.case, delivery, &fingerprint);
        let failing = if let Some(failing) = alike {
            failing
        } else {
            // Observers between the steps take part in the error.
            let observed = drawing.shrunk(true);
            let observed = self.unless_failed(observed)?;
            let (failing, thinned) = self.thin_out(observed, delivery, &fingerprint)?;
            simplest = thinned;
            failing
        };
        let is_observed = simplest.observers.contains(&(failing.lines.len() - 1));
        let failing = Failing { is_observed, ..failing };
        Some(Reduced { simplest, failing, fingerprint, is_minimal, is_steady })
    }

    /// Removes observers as long as the case fails alike: halves of them first, then smaller parts, and
    /// single ones in the end. Returns `None` if it does not fail with all of them.
    fn thin_out(
        &mut self,
        observed: Simplest,
        delivery: Delivery,
        fingerprint: &str,
    ) -> Option<(Failing, Simplest)> {
        let mut failing = self.run_often(&observed.case, delivery, fingerprint)?;
        let mut simplest = observed;
        let mut size = simplest.observers.len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < simplest.observers.len() && !self.runner.is_stopped() {
                let removed = simplest.observers.iter().skip(start).take(size).copied().collect();
                let thinner = without(&simplest, &removed);
                if let Some(thinned) = self.run_often(&thinner.case, delivery, fingerprint) {
                    (failing, simplest) = (thinned, thinner);
                } else {
                    start += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        Some((failing, simplest))
    }

    fn shrink_drawn(
        &mut self,
        drawing: &mut dyn Drawing,
        delivery: Delivery,
        run_count: usize,
        fingerprint: &str,
    ) -> bool {
        let budget = self.budget();
        let shrunk = drawing.shrink(budget, &mut |case| {
            let mut runs = 0..run_count;
            let failing = runs.find_map(|_| self.run_drawn_alike(case, delivery, fingerprint));
            if self.runner.is_stopped() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(failing.map(|failing| failing.divergence.step))
        });
        self.unless_failed(shrunk).unwrap_or_default()
    }

    /// Runs the case until it fails alike, but not often.
    fn run_often(&mut self, case: &Case, delivery: Delivery, fingerprint: &str) -> Option<Failing> {
        (0..FLAKY_RUNS).find_map(|_| self.run_drawn_alike(case, delivery, fingerprint))
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
        self.run_often(&simplest.case, failing.delivery, fingerprint).is_some()
            || self.runner.is_stopped()
    }

    fn profile_of_drawn(&self, reduced: &Reduced) -> Profile {
        let fingerprint = [reduced.fingerprint.clone()];
        let ingredients = reduced.simplest.commands.iter().cloned().chain(fingerprint).collect();
        Profile { ingredients, aspects: BTreeSet::new(), complaint: self.complaint.clone() }
    }

    fn finding_of_drawn(&mut self, case: &Case, reduced: Reduced) -> Finding {
        let Reduced { simplest, failing, fingerprint, is_minimal, is_steady } = reduced;
        let usual = self.confirmations(&failing);
        let count = if is_steady { usual.min(STEADY_CONFIRMATIONS) } else { usual };
        let (tries, occurrences) = self.repeat(count, |inquiry| {
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

/// Returns the case without the lines at these positions, which are observers.
fn without(simplest: &Simplest, removed: &BTreeSet<usize>) -> Simplest {
    fn kept<T: Clone>(all: &[T], removed: &BTreeSet<usize>) -> Vec<T> {
        let kept = all.iter().enumerate().filter(|(position, _)| !removed.contains(position));
        kept.map(|(_, value)| value.clone()).collect()
    }
    let case = &simplest.case;
    let moved = |position: &usize| position - removed.range(..position).count();
    Simplest {
        case: Case {
            lines: kept(&case.lines, removed),
            due: case.due.as_ref().map(|due| kept(due, removed)),
            names: kept(&case.names, removed),
            ..case.clone()
        },
        commands: simplest.commands.clone(),
        observers: simplest.observers.difference(removed).map(moved).collect(),
    }
}
