//! From lines that fail to the first wrong step, the fewest lines that show it, and an explanation.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::case::{Case, Delivery};
use crate::divergence::Actual;
use crate::failing::{Failing, Profile};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::limits::Budget;
use crate::locate::{Located, blame, fail_early, locate};
use crate::machine::{Evidence, Explanation, Machine};
use crate::port::Failure;
use crate::runner::Runner;
use crate::shrink::shrink_until;

/// How many of the lines that a port ran before are tried if the case alone does not fail.
pub(crate) const HISTORY_LINES_MAX: usize = 200_000;
/// How many lines at the end of many are tried alone.
const ENDING_LINES_MAX: usize = 1 << 15;
/// How long an answer may take while a hang is shrunk.
const SHRINK_TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// How often the shrunk lines are run again to see whether they always fail, unless the port hangs.
const CONFIRMATIONS: usize = 4;
/// Lines that stand for more than this are not run again once they have failed on a new process, or
/// only once if the port is one that remembers.
const CONFIRMED_LINES_MAX: usize = 100_000;
/// How often a case that did not fail again is run again, unless the port hangs.
const RETRIES: usize = 10;

/// The stages of an investigation at which an error may turn out to be known.
pub(crate) enum Stage<'a> {
    /// The first wrong step is known.
    Located {
        /// How it is wrong.
        fingerprint: &'a str,
        /// The names of the lines up to it; none if the case has none.
        names: &'a [Arc<str>],
    },
    /// The lines are shrunk and have a profile.
    Profiled(&'a Profile),
}

pub(crate) struct Inquiry<'a, 'm> {
    pub(crate) machine: &'m dyn Machine,
    pub(crate) runner: Runner<'a, 'm>,
    /// After it, no lines are shrunk.
    pub(crate) deadline: Option<Instant>,
    /// [`Incident::complaint`].
    pub(crate) complaint: Option<String>,
}

/// Lines and the state of knowledge about them.
struct Reduced {
    located: Failing,
    shrunk: Failing,
    /// The shrunk lines as they fail at their first wrong step.
    blamed: Failing,
    profile: Profile,
    fingerprint: String,
    is_minimal: bool,
}

/// How far reducing has come.
enum Reduction {
    Done(Box<Reduced>),
    Known,
    /// The lines failed on a process that had run others, and do not fail on a new one.
    Unconfirmed,
}

impl Inquiry<'_, '_> {
    /// Reproduces, locates, shrinks, confirms and explains. The lines are first run on one process,
    /// since to start one takes long, and a line that begins anew makes it forget the others. The
    /// result is confirmed on a new process; otherwise all is done again on new processes.
    pub(crate) fn inquire(
        &mut self,
        incident: &Incident,
        first: &Failing,
        mut is_known: impl FnMut(Stage<'_>) -> bool,
    ) -> Option<(Finding, Profile)> {
        let case = &incident.case;
        for is_fresh in [false, true] {
            if self.runner.examinee.remembers && !is_fresh {
                continue;
            }
            self.runner.is_fresh = is_fresh;
            let reproduced = self.reproduce(first).or_else(|| {
                is_fresh.then(|| self.reproduce_after(first, &incident.history)).flatten()
            });
            let Some(reproduced) = reproduced else { continue };
            match self.reduce(reproduced, &mut is_known) {
                Reduction::Done(reduced) => {
                    let profile = reduced.profile.clone();
                    return Some((self.finding(case, *reduced), profile));
                }
                Reduction::Known => return None,
                Reduction::Unconfirmed => self.runner.examinee.remembers = true,
            }
        }
        let fingerprint = first.fingerprint(self.machine);
        let finding = self.retry(case, first, |inquiry| {
            inquiry.runner.run_alike(&first.lines, first, &fingerprint).is_some()
        });
        Some((finding, Profile::default()))
    }

    /// Locates, shrinks and confirms.
    fn reduce(
        &mut self,
        reproduced: Failing,
        is_known: &mut impl FnMut(Stage<'_>) -> bool,
    ) -> Reduction {
        let located = locate(&mut self.runner, reproduced);
        let fingerprint = located.short.fingerprint(self.machine);
        if is_known(Stage::Located { fingerprint: &fingerprint, names: &[] }) {
            return Reduction::Known;
        }
        let start = self.ending(&located, &fingerprint);
        let (shrunk, is_minimal) = self.shrink(&start, &fingerprint);
        // A single line cannot be removed, even if the budget for shrinking is used up.
        let is_minimal = is_minimal || shrunk.lines.len() == 1;
        let is_located = located.is_certain && shrunk.lines == located.short.lines;
        let blamed = if is_located { located.short } else { blame(&mut self.runner, &shrunk) };
        let blamed = Failing { is_expanded: false, ..blamed };
        let located = located.whole;
        let profile = self.profile(&blamed);
        if is_known(Stage::Profiled(&profile)) {
            return Reduction::Known;
        }
        if !self.runner.is_fresh && !self.runner.is_stopped() {
            self.runner.is_fresh = true;
            if self.runner.run_alike(&shrunk.lines, &shrunk, &fingerprint).is_none()
                && !self.runner.is_stopped()
            {
                return Reduction::Unconfirmed;
            }
        }
        let reduced = Reduced { located, shrunk, blamed, profile, fingerprint, is_minimal };
        Reduction::Done(Box::new(reduced))
    }

    /// Returns the profile of the line at which the error was seen, without running the port.
    pub(crate) fn profile_as_seen(&self, first: &Failing) -> Profile {
        let divergence = &first.divergence;
        let ingredients = self.machine.ingredients(&first.lines, divergence.step, divergence);
        Profile { ingredients, aspects: BTreeSet::new(), complaint: self.complaint.clone() }
    }

    /// Returns what takes part in the error, and what it makes wrong.
    fn profile(&mut self, blamed: &Failing) -> Profile {
        let lines = blamed.lines_to_step();
        let step = lines.len().saturating_sub(1);
        let ingredients = self.machine.ingredients(&blamed.lines, step, &blamed.divergence);
        let mut aspects = BTreeSet::new();
        if blamed.divergence.is_wrong_answer() && blamed.delivery.separates_answers() {
            let observed = [lines, &self.machine.observers(lines)].concat();
            let wrong = self.runner.wrong_answers(&observed);
            let observers = wrong.iter().filter(|at| **at > step).map(|at| &observed[*at]);
            aspects.extend(observers.map(|line| self.machine.kind_of(line)));
        }
        Profile { ingredients, aspects, complaint: self.complaint.clone() }
    }

    /// Confirms and explains what was reduced.
    fn finding(&mut self, case: &Case, reduced: Reduced) -> Finding {
        let Reduced { located, shrunk, blamed, fingerprint, is_minimal, .. } = reduced;
        let (tries, occurrences) = self.repeat(self.confirmations(&shrunk), |inquiry| {
            inquiry.runner.run_alike(&shrunk.lines, &shrunk, &fingerprint).is_some()
        });
        let line = located.lines_to_step().last();
        let is_step_of_shrunk = !line.is_some_and(|line| shrunk.lines.contains(line));
        let step_of_case = (!located.is_expanded).then(|| located.lines_to_step().len());
        let Explanation { facts, sections } = self.explain(&shrunk, &blamed);
        let blamed = if is_step_of_shrunk { blamed } else { located };
        let finding = Finding::new(self.machine, case, &blamed, &shrunk);
        Finding {
            is_step_of_shrunk,
            step_of_case,
            fingerprint,
            explanation: facts,
            sections,
            is_minimal,
            tries,
            occurrences,
            ..finding
        }
    }

    /// Counts how often a case fails that did not fail again at first. `fails` runs it and reports
    /// whether it failed alike.
    pub(crate) fn retry(
        &mut self,
        case: &Case,
        first: &Failing,
        fails: impl FnMut(&mut Self) -> bool,
    ) -> Finding {
        let reproductions = self.runner.run_count;
        let retries = if first.divergence.is_timeout() { 0 } else { RETRIES };
        let (tries, occurrences) = self.repeat(retries, fails);
        let finding = Finding::new(self.machine, case, first, first);
        let is_reproduced = occurrences > 1 || self.runner.is_stopped();
        Finding { is_reproduced, tries: tries + reproductions, occurrences, ..finding }
    }

    /// Returns how often shrunk lines are run again.
    pub(crate) fn confirmations(&self, shrunk: &Failing) -> usize {
        if shrunk.divergence.is_timeout() {
            0
        } else if self.machine.written_out_count(&shrunk.lines) > CONFIRMED_LINES_MAX {
            usize::from(self.runner.examinee.remembers)
        } else {
            CONFIRMATIONS
        }
    }

    /// Runs lines again on new processes. `fails` reports whether they failed alike. Returns how often
    /// they were run and how often they failed alike, with the time that is known to have been one.
    pub(crate) fn repeat(
        &mut self,
        count: usize,
        mut fails: impl FnMut(&mut Self) -> bool,
    ) -> (usize, usize) {
        let (mut tries, mut occurrences) = (1, 1);
        for _ in 0..count {
            let is_alike = fails(self);
            if self.runner.is_stopped() {
                break;
            }
            tries += 1;
            occurrences += usize::from(is_alike);
        }
        (tries, occurrences)
    }

    /// Runs what most probably fails again: the lines up to the divergence with their answers
    /// separated, or the case as it was.
    fn reproduce(&mut self, first: &Failing) -> Option<Failing> {
        let (lines, delivery, divergence) = (&first.lines, first.delivery, &first.divergence);
        let is_failure = matches!(divergence.actual, Actual::Failed(_));
        let separated = match (delivery, is_failure) {
            (Delivery::Pipelined | Delivery::Marked, false) => {
                let failing = fail_early(&mut self.runner, lines, Delivery::Marked);
                if failing.is_some() || delivery == Delivery::Marked {
                    failing
                } else {
                    // An extra line may belong to a comment after the last command.
                    let is_extra = matches!(divergence.actual, Actual::Extra(_));
                    let count = if is_extra { lines.len() } else { divergence.step + 1 };
                    self.runner.run(&lines[..lines.len().min(count)], Delivery::Marked)
                }
            }
            // Answers that a port held back when it failed hide the line at which it did.
            (Delivery::Pipelined, true) => self.runner.run(lines, Delivery::Stepwise),
            (Delivery::Marked | Delivery::Stepwise, true) => None,
            // An error seldom depends on cut lines, or on the end of the input.
            (_, true) => {
                let failing = self.runner.run(lines, Delivery::Stepwise);
                failing.filter(|failing| failing.divergence.actual == divergence.actual)
            }
            (_, false) => {
                let failing = self.runner.run(lines, Delivery::Marked);
                failing.filter(|failing| failing.divergence == *divergence)
            }
        };
        separated.or_else(|| self.runner.run(lines, delivery))
    }

    /// Runs the case after all that came before it.
    fn reproduce_after(&mut self, first: &Failing, history: &[Vec<u8>]) -> Option<Failing> {
        let skipped = history.len().saturating_sub(HISTORY_LINES_MAX);
        let lines = [&history[skipped..], &first.lines].concat();
        let is_failure = matches!(first.divergence.actual, Actual::Failed(_));
        let separating = if is_failure { Delivery::Stepwise } else { Delivery::Marked };
        let deliveries = [separating, Delivery::Pipelined];
        deliveries.into_iter().find_map(|delivery| self.runner.run(&lines, delivery))
    }

    /// Returns the last few lines, if they fail alike after the last line that begins anew: most
    /// errors depend on little that came before.
    fn ending(&mut self, located: &Located, fingerprint: &str) -> Failing {
        let lines = &located.whole.lines;
        let beginning = lines.iter().rposition(|line| self.machine.begins_anew(line));
        let beginning = beginning.map(|at| lines[at].clone());
        let lengths = (0..).map(|shift| 1 << shift);
        for length in lengths.take_while(|length| *length <= ENDING_LINES_MAX.min(lines.len() / 2))
        {
            let ending = lines[lines.len() - length..].iter().cloned();
            let ending: Vec<_> = beginning.iter().cloned().chain(ending).collect();
            if let Some(failing) = self.runner.run_alike(&ending, &located.whole, fingerprint) {
                return failing;
            }
        }
        located.short.clone()
    }

    /// Shrinks. Returns the lines and whether they are known to be minimal.
    fn shrink(&mut self, located: &Failing, fingerprint: &str) -> (Failing, bool) {
        let (shrunk, is_minimal) = with_short_timeout(self, located, |inquiry| {
            inquiry.shrink_in_time(located, fingerprint)
        });
        if !located.divergence.is_timeout() {
            return (shrunk, is_minimal);
        }
        // It may only have been slow.
        let confirmed = self.runner.run_alike(&shrunk.lines, &shrunk, fingerprint);
        confirmed.map_or_else(|| (located.clone(), false), |failing| (failing, is_minimal))
    }

    /// Returns how much the shrinking of lines may cost.
    pub(crate) fn budget(&self) -> Budget {
        self.runner.examinee.limits.budget.until(self.deadline)
    }

    /// Returns the value unless the reference failed, which is noted.
    pub(crate) fn unless_failed<T>(&mut self, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.runner.examinee.noted(failure)).ok()
    }

    /// Shrinks. An interruption leaves lines that failed.
    fn shrink_in_time(&mut self, located: &Failing, fingerprint: &str) -> (Failing, bool) {
        let machine = self.machine;
        let budget = self.budget();
        let level = machine.level_of_all(&located.lines);
        let is_case = machine.begins_as_case(&located.lines);
        let mut best = located.clone();
        let shrunk = shrink_until(located.lines.clone(), budget, machine, |lines| {
            if machine.level_of_all(lines) > level || is_case && !machine.begins_as_case(lines) {
                return ControlFlow::Continue(None);
            }
            let failing = self.runner.run_alike(lines, located, fingerprint);
            let step = failing.as_ref().map(|failing| failing.lines.len().saturating_sub(1));
            if let Some(failing) = failing {
                best = failing;
            }
            self.unless_stopped(step)
        });
        if best.lines != shrunk.lines {
            // Simpler lines that could not be shrunk to the end.
            let failing = self.runner.run_alike(&shrunk.lines, located, fingerprint);
            return failing.map_or((best, false), |failing| (failing, shrunk.is_minimal));
        }
        (best, shrunk.is_minimal)
    }

    fn unless_stopped<T>(&self, value: T) -> ControlFlow<(), T> {
        if self.runner.is_stopped() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(value)
    }

    /// Explains shrunk lines, whose first wrong step is the last line of `blamed`. After an
    /// interruption too little is known.
    pub(crate) fn explain(&mut self, failing: &Failing, blamed: &Failing) -> Explanation {
        let mut ask = |lines: &[Vec<u8>]| {
            self.runner.examinee.stop();
            let answers = self.runner.examinee.ask(lines).ok();
            self.runner.examinee.stop();
            answers
        };
        let divergence = &failing.divergence;
        let step = blamed.lines_to_step().len().saturating_sub(1).min(divergence.step);
        let evidence = Evidence { lines: &failing.lines, divergence, step };
        let explanation = self.machine.explain(&evidence, &mut ask);
        if self.runner.is_stopped() { Explanation::default() } else { explanation }
    }
}

/// Shrinks lines that fail in this way. Each candidate that still hangs takes the whole time limit, so
/// that is shorter meanwhile.
pub(crate) fn with_short_timeout<'a, 'm, T>(
    inquiry: &mut Inquiry<'a, 'm>,
    failing: &Failing,
    shrink: impl FnOnce(&mut Inquiry<'a, 'm>) -> T,
) -> T {
    let timeout = inquiry.runner.examinee.limits.timeout;
    if failing.divergence.is_timeout() {
        inquiry.runner.examinee.limits.timeout = timeout.min(SHRINK_TIMEOUT_MAX);
    }
    let result = shrink(inquiry);
    inquiry.runner.examinee.limits.timeout = timeout;
    result
}
