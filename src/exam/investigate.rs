//! From a divergence to what the author of a port needs: the first wrong step, the fewest lines that
//! show it, and an explanation.

use std::time::Duration;

use crate::case::{Case, Delivery};
use crate::divergence::{Actual, Divergence, shown};
use crate::examinee::Examinee;
use crate::failing::Failing;
use crate::finding::Finding;
use crate::machine::Machine;
use crate::shrink::{remove, shrink};

/// With up to this many lines the state is observed after each of them; with more, in two passes.
const OBSERVED_LINES_MAX: usize = 1_500;
/// How many of the lines that a port ran before are tried if the case alone does not fail.
pub(crate) const HISTORY_LINES_MAX: usize = 200_000;
/// How long an answer may take while a hang is shrunk.
const SHRINK_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// Investigates the divergence of a case. `history` is what the port has run before the case since
/// it was started.
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
    let mut inquiry = Inquiry { machine, examinee };
    let Some(reproduced) = inquiry.reproduce(&first, history) else {
        return Finding { stderr, ..Finding::unreproduced(machine, case, &first) };
    };
    let located = inquiry.locate(reproduced);
    let (shrunk, is_minimal) = inquiry.shrink(located.clone());
    let mut explanation = inquiry.explain(&shrunk);
    if !unfinished_line.is_empty() {
        let written = shown(&unfinished_line);
        explanation.insert(0, format!("it had written `{written}` without a line end"));
    }
    let finding = Finding::new(machine, case, &located, &shrunk);
    Finding { explanation, is_minimal, stderr, ..finding }
}

struct Inquiry<'a, 'm> {
    machine: &'m dyn Machine,
    examinee: &'a mut Examinee<'m>,
}

impl Inquiry<'_, '_> {
    /// Runs the lines on a new process. Returns `None` if they do not fail.
    fn run_fresh(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        self.examinee.stop();
        self.run(lines, delivery)
    }

    /// Runs the lines on the running process, if there is one.
    fn run(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        let divergence = self.examinee.run(lines, delivery).err()?;
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
        let (line_count, is_observer) = origins[step];
        Some((line_count, is_observer.then(|| sent[step].clone())))
    }

    /// Shrinks in two passes: the first reuses one process for its candidates, which is fast; the
    /// second starts a process for each, since what a candidate leaves behind can mislead the
    /// search. Returns the lines and whether they are known to be minimal.
    fn shrink(&mut self, located: Failing) -> (Failing, bool) {
        let machine = self.machine;
        let fingerprint = located.fingerprint(machine);
        let last = |failing: Failing| {
            let is_alike = failing.fingerprint(machine) == fingerprint;
            is_alike.then(|| failing.lines.len().saturating_sub(1))
        };
        let limits = self.examinee.limits.clone();
        if located.divergence.is_timeout() {
            // Each candidate that still hangs takes the whole time limit.
            self.examinee.limits.timeout = limits.timeout.min(SHRINK_TIMEOUT_MAX);
        }
        let simpler = |line: &[u8]| machine.simpler(line);
        let shrunk = shrink(located.lines.clone(), limits.budget, simpler, |lines| {
            last(self.run_candidate(lines, located.delivery)?)
        });
        let start = match self.run_alike(&shrunk.lines, &located, &fingerprint) {
            // A budget that the first pass has used up is too small for the second.
            Some(failing) if !shrunk.is_minimal => {
                self.examinee.limits.timeout = limits.timeout;
                return (failing, false);
            }
            Some(failing) => failing,
            None => located,
        };
        let shrunk = remove(start.lines.clone(), limits.budget, |lines| {
            last(self.run_fresh(lines, start.delivery)?)
        });
        self.examinee.limits.timeout = limits.timeout;
        match self.run_alike(&shrunk.lines, &start, &fingerprint) {
            Some(failing) => (failing, shrunk.is_minimal),
            None => (start, false),
        }
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

    fn explain(&mut self, failing: &Failing) -> Vec<String> {
        let mut ask = |lines: &[Vec<u8>]| {
            self.examinee.stop();
            let answers = self.examinee.ask(lines).ok();
            self.examinee.stop();
            answers
        };
        self.machine.explain(&failing.lines, &failing.divergence, &mut ask)
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
