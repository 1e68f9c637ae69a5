//! From a divergence to what the author of a port needs: the first wrong step, the fewest lines that
//! show it, and an explanation.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::case::{Case, Delivery};
use crate::divergence::{Actual, Divergence, shown};
use crate::examinee::Examinee;
use crate::failing::Failing;
use crate::finding::Finding;
use crate::machine::{Evidence, Explanation, Machine};
use crate::port::Failure;
use crate::shrink::shrink_until;

/// With up to this many lines the state is observed after each of them; with more, in two passes.
const OBSERVED_LINES_MAX: usize = 1_500;
/// How many of the lines that a port ran before are tried if the case alone does not fail.
pub(crate) const HISTORY_LINES_MAX: usize = 200_000;
/// How long an answer may take while a hang is shrunk.
const SHRINK_TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// How often the shrunk lines are run again to see whether they always fail, unless the port hangs.
const CONFIRMATIONS: usize = 4;
/// How often a case that did not fail again is run again, unless the port hangs.
const RETRIES: usize = 10;

/// Investigates the divergence of a case. `history` is what the port has run before the case since
/// it was started. If this is interrupted, the finding holds what is known by then.
pub fn investigate(
    examinee: &mut Examinee<'_>,
    case: &Case,
    history: &[Vec<u8>],
    divergence: Divergence,
) -> Finding {
    let machine = examinee.machine;
    let first = Failing::of_case(case, divergence);
    let stderr = examinee.stderr_tail();
    let unfinished_line = examinee.unfinished_line();
    let mut inquiry = Inquiry { machine, examinee, run_count: 0 };
    let mut finding = match inquiry.reproduce(&first, history) {
        Some(reproduced) => inquiry.reduce(case, reproduced),
        None => inquiry.retry(case, &first),
    };
    let mut facts = Vec::new();
    if let Some(failure) = examinee.external_cause() {
        let reason = match failure {
            Failure::Interrupted => "was interrupted".into(),
            failure => format!("could not go on: {failure}"),
        };
        facts.push(format!("the investigation {reason}; fewer commands may show the error"));
        (finding.is_interrupted, finding.is_minimal) = (true, false);
    }
    if finding.occurrences < finding.tries {
        let (occurrences, tries) = (finding.occurrences, finding.tries);
        facts.push(format!("flaky: it occurred in {occurrences} of {tries} tries"));
        finding.is_minimal = false;
    }
    if examinee.is_other_greeting(&first.divergence.actual) {
        facts.push("the port's NAME changed within a session".into());
    }
    if !unfinished_line.is_empty() && is_read_to_the_end(&first) {
        let written = shown(&unfinished_line);
        facts.push(format!("it had written `{written}` without a line end"));
    }
    finding.explanation.splice(0..0, facts);
    Finding { stderr, ..finding }
}

struct Inquiry<'a, 'm> {
    machine: &'m dyn Machine,
    examinee: &'a mut Examinee<'m>,
    run_count: usize,
}

impl Inquiry<'_, '_> {
    /// Locates, shrinks, confirms and explains.
    fn reduce(&mut self, case: &Case, reproduced: Failing) -> Finding {
        let located = self.locate(reproduced);
        let fingerprint = located.fingerprint(self.machine);
        let (shrunk, is_minimal) = self.shrink(&located, &fingerprint);
        let confirmations = if shrunk.divergence.is_timeout() { 0 } else { CONFIRMATIONS };
        let (tries, occurrences) = self.repeat(&shrunk, &fingerprint, confirmations);
        let blamed = located.lines_to_step().last();
        let is_step_of_shrunk = !blamed.is_some_and(|line| shrunk.lines.contains(line));
        let blamed_of_shrunk = self.blame(&shrunk);
        let Explanation { facts, sections } = self.explain(&shrunk, &blamed_of_shrunk);
        let blamed = if is_step_of_shrunk { blamed_of_shrunk } else { located };
        let finding = Finding::new(self.machine, case, &blamed, &shrunk);
        Finding {
            is_step_of_shrunk,
            fingerprint,
            explanation: facts,
            sections,
            is_minimal,
            tries,
            occurrences,
            ..finding
        }
    }

    /// Counts how often a case fails that did not fail again at first.
    fn retry(&mut self, case: &Case, first: &Failing) -> Finding {
        let fingerprint = first.fingerprint(self.machine);
        let reproductions = self.run_count;
        let retries = if first.divergence.is_timeout() { 0 } else { RETRIES };
        let (tries, occurrences) = self.repeat(first, &fingerprint, retries);
        let finding = Finding::new(self.machine, case, first, first);
        let is_reproduced = occurrences > 1 || self.examinee.is_stopped();
        Finding { is_reproduced, tries: tries + reproductions, occurrences, ..finding }
    }

    /// Runs the lines again on new processes. Returns how often they were run and how often they
    /// failed alike, with the time that is known to have been one.
    fn repeat(&mut self, failing: &Failing, fingerprint: &str, count: usize) -> (usize, usize) {
        let (mut tries, mut occurrences) = (1, 1);
        for _ in 0..count {
            let is_alike = self.run_alike(&failing.lines, failing, fingerprint).is_some();
            if self.examinee.is_stopped() {
                break;
            }
            tries += 1;
            occurrences += usize::from(is_alike);
        }
        (tries, occurrences)
    }

    /// Runs the lines on a new process. Returns `None` if they do not fail.
    fn run_fresh(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        self.examinee.stop();
        self.run(lines, delivery)
    }

    /// Runs the lines on the running process, if there is one.
    fn run(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        let outcome = self.examinee.run(lines, delivery);
        self.run_count += usize::from(!self.examinee.is_stopped());
        let divergence = outcome.err()?;
        if divergence.external_cause().is_some() {
            return None;
        }
        let mut lines = lines.to_vec();
        if is_exact(&divergence, delivery) {
            lines.truncate(divergence.step + 1);
        }
        Some(Failing { lines, delivery, divergence, is_observed: false, is_expanded: false })
    }

    /// Runs what most probably fails again, in this order: the lines up to the divergence with
    /// their answers separated, the case as it was, and the case after all that came before it.
    fn reproduce(&mut self, first: &Failing, history: &[Vec<u8>]) -> Option<Failing> {
        let is_failure = matches!(first.divergence.actual, Actual::Failed(_));
        if first.delivery == Delivery::Pipelined && is_failure {
            // Answers that a port held back when it failed hide the line at which it did.
            if let Some(failing) = self.run_fresh(&first.lines, Delivery::Stepwise) {
                return Some(failing);
            }
        } else if first.delivery == Delivery::Pipelined {
            // An extra line may belong to a comment after the last command.
            let is_extra = matches!(first.divergence.actual, Actual::Extra(_));
            let line_count = if is_extra { first.lines.len() } else { first.divergence.step + 1 };
            let lines = &first.lines[..first.lines.len().min(line_count)];
            if let Some(failing) = self.run_fresh(lines, Delivery::Marked) {
                return Some(failing);
            }
        }
        if let Some(failing) = self.run_fresh(&first.lines, first.delivery) {
            return Some(failing);
        }
        let skipped = history.len().saturating_sub(HISTORY_LINES_MAX);
        let lines = [&history[skipped..], &first.lines].concat();
        let separating = if is_failure { Delivery::Stepwise } else { Delivery::Marked };
        let deliveries = [separating, Delivery::Pipelined];
        deliveries.into_iter().find_map(|delivery| self.run_fresh(&lines, delivery))
    }

    /// Goes back from where the error was seen to where it began.
    fn locate(&mut self, failing: Failing) -> Failing {
        let delivery = failing.delivery;
        if !delivery.separates_answers() {
            return failing;
        }
        let expanded = self.machine.expand(&failing.lines);
        let expanded = expanded.and_then(|lines| self.run_fresh(&lines, delivery));
        let is_expanded = expanded.is_some();
        let failing = expanded.unwrap_or(failing);
        let located = self.observe_steps(&failing.lines, delivery).unwrap_or(failing);
        Failing { is_expanded, ..located }
    }

    /// Finds the first wrong step of shrunk lines. A port that hangs would take the whole time limit.
    fn blame(&mut self, shrunk: &Failing) -> Failing {
        let delivery = match shrunk.delivery {
            Delivery::Pipelined => Delivery::Marked,
            delivery => delivery,
        };
        let is_observable = delivery.separates_answers() && !shrunk.divergence.is_timeout();
        let observed = is_observable.then(|| self.observe_steps(&shrunk.lines, delivery)).flatten();
        Failing { is_expanded: false, ..observed.unwrap_or_else(|| shrunk.clone()) }
    }

    /// Observes the state after each line to find the first that differs.
    fn observe_steps(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        let mut start = 0;
        if lines.len() > OBSERVED_LINES_MAX {
            let stride = lines.len().div_ceil(OBSERVED_LINES_MAX);
            let (line_count, _) = self.first_seen(lines, delivery, 0, stride)?;
            start = line_count.saturating_sub(stride);
        }
        let (line_count, observer) = self.first_seen(lines, delivery, start, 1)?;
        let mut lines = lines[..line_count].to_vec();
        let is_observed = observer.is_some();
        lines.extend(observer);
        let failing = self.run_fresh(&lines, delivery)?;
        let is_observed = is_observed && failing.lines.len() == lines.len();
        Some(Failing { is_observed, ..failing })
    }

    /// Observes the state after every `stride`th line beyond `start`. Returns the number of lines
    /// up to the first difference and, if the line's own answer is right, the observer that shows
    /// it.
    fn first_seen(
        &mut self,
        lines: &[Vec<u8>],
        delivery: Delivery,
        start: usize,
        stride: usize,
    ) -> Option<(usize, Option<Vec<u8>>)> {
        let mut session = self.machine.session();
        let mut sent = Vec::new();
        // For each line sent: how many of `lines` come up to it, and whether it is an observer.
        let mut origins = Vec::new();
        for (line_count, line) in (1..).zip(lines) {
            if self.examinee.is_stopped() {
                return None;
            }
            session.run_line(line);
            sent.push(line.clone());
            origins.push((line_count, false));
            if line_count > start && line_count % stride == 0 {
                let observers = session.observers();
                origins.extend(observers.iter().map(|_| (line_count, true)));
                sent.extend(observers);
            }
        }
        let failing = self.run_fresh(&sent, delivery)?;
        let step = failing.divergence.step;
        let (line_count, is_observer) = *origins.get(step)?;
        Some((line_count, is_observer.then(|| sent[step].clone())))
    }

    /// Shrinks. Returns the lines and whether they are known to be minimal.
    fn shrink(&mut self, located: &Failing, fingerprint: &str) -> (Failing, bool) {
        let timeout = self.examinee.limits.timeout;
        if !located.divergence.is_timeout() {
            return self.shrink_twice(located, fingerprint);
        }
        // Each candidate that still hangs takes the whole time limit.
        self.examinee.limits.timeout = timeout.min(SHRINK_TIMEOUT_MAX);
        let (shrunk, is_minimal) = self.shrink_twice(located, fingerprint);
        self.examinee.limits.timeout = timeout;
        // It may only have been slow.
        let confirmed = self.run_alike(&shrunk.lines, &shrunk, fingerprint);
        confirmed.map_or_else(|| (located.clone(), false), |failing| (failing, is_minimal))
    }

    /// Shrinks in two passes: the first reuses one process for its candidates, which is fast; the
    /// second starts a process for each, since what a candidate leaves behind can mislead the
    /// search. An interruption leaves lines that are known to fail on a new process.
    fn shrink_twice(&mut self, located: &Failing, fingerprint: &str) -> (Failing, bool) {
        let machine = self.machine;
        let budget = self.examinee.limits.budget;
        let simpler = |line: &[u8]| machine.simpler(line);
        let shrunk = shrink_until(located.lines.clone(), budget, simpler, |lines| {
            let failing = self.run_candidate(lines, located.delivery);
            let failing = failing.filter(|failing| failing.fingerprint(machine) == fingerprint);
            self.unless_stopped(failing.map(|failing| failing.lines.len().saturating_sub(1)))
        });
        let mut best = match self.run_alike(&shrunk.lines, located, fingerprint) {
            // A budget that the first pass has used up is too small for the second.
            Some(failing) if !shrunk.is_minimal => return (failing, false),
            Some(failing) => failing,
            None => located.clone(),
        };
        let start = best.clone();
        let shrunk = shrink_until(
            start.lines.clone(),
            budget,
            |_| Vec::new(),
            |lines| {
                let failing = self.run_alike(lines, &start, fingerprint);
                let step = failing.as_ref().map(|failing| failing.lines.len().saturating_sub(1));
                if let Some(failing) = failing {
                    best = failing;
                }
                self.unless_stopped(step)
            },
        );
        (best, shrunk.is_minimal)
    }

    fn unless_stopped<T>(&self, value: T) -> ControlFlow<(), T> {
        if self.examinee.is_stopped() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(value)
    }

    /// Runs the lines on a process that has run other lines, unless that changes what they mean.
    fn run_candidate(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        if self.machine.needs_fresh_session(lines) {
            self.examinee.stop();
        }
        self.run(lines, delivery)
    }

    /// Runs the lines on a new process. Returns `None` unless they fail with the fingerprint.
    fn run_alike(
        &mut self,
        lines: &[Vec<u8>],
        start: &Failing,
        fingerprint: &str,
    ) -> Option<Failing> {
        let failing = self.run_fresh(lines, start.delivery)?;
        let is_alike = failing.fingerprint(self.machine) == fingerprint;
        is_alike.then_some(Failing { is_expanded: start.is_expanded, ..failing })
    }

    /// Explains shrunk lines, whose first wrong step is the last line of `blamed`. After an
    /// interruption too little is known.
    fn explain(&mut self, failing: &Failing, blamed: &Failing) -> Explanation {
        let mut ask = |lines: &[Vec<u8>]| {
            self.examinee.stop();
            let answers = self.examinee.ask(lines).ok();
            self.examinee.stop();
            answers
        };
        let divergence = &failing.divergence;
        let step = blamed.lines_to_step().len().saturating_sub(1).min(divergence.step);
        let evidence = Evidence { lines: &failing.lines, divergence, step };
        let explanation = self.machine.explain(&evidence, &mut ask);
        if self.examinee.is_stopped() { Explanation::default() } else { explanation }
    }
}

/// Reports whether the port wrote nothing more before it was ended. The output of one that wrote a
/// wrong answer is read no further, so its last line may be cut anywhere.
fn is_read_to_the_end(first: &Failing) -> bool {
    match &first.divergence.actual {
        Actual::Failed(Failure::Flood) => false,
        Actual::Failed(_) => true,
        Actual::Answer(_) | Actual::Missing | Actual::Extra(_) => first.delivery.ends_input(),
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
