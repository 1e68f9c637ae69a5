//! Asks a port one case after the other, many of them in one exchange.
//!
//! A batch is the lines of several cases, with the `hello` that ends each. All of it is written at
//! once, so that neither side waits for the other after each case. The port reads what it would read
//! if each case were awaited, and the answers are compared in order; so the first wrong one belongs to
//! the same case, and the case after it begins on a new process. Only a port that fails as a process
//! may have held back answers to several cases: it is asked again, case by case, after all that it
//! had run before.

use std::slice;
use std::time::{Duration, Instant};

use crate::case::{Delivery, Task};
use crate::divergence::{Actual, Divergence};
use crate::examinee::Examinee;
use crate::inquiry::HISTORY_LINES_MAX;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::port::PortSpec;
use crate::prepared::{CaseKey, Cases, Prepared};
use crate::settle::settle;

/// A port that has run lines of more bytes than this is started again: they are run again if it
/// fails.
const HISTORY_BYTES_MAX: usize = 16 << 20;
/// How many cases before one that diverges are drawn again.
const DRAWN_HISTORY_MAX: usize = 32;

/// A port that is asked cases.
pub(crate) struct Asker<'m> {
    pub(crate) examinee: Examinee<'m>,
    cases: &'m dyn Cases,
    /// Whether cases are drawn with the help of the reference.
    draws: bool,
    /// The cases that the present process has passed, and their size.
    history: Vec<CaseKey>,
    size: Size,
    /// Whether the process has diverged.
    has_diverged: bool,
    /// How many cases the next batch has, at most.
    batch_size: usize,
}

/// The size of cases.
#[derive(Clone, Copy, Default)]
struct Size {
    /// The number of lines, with the `hello` after each case.
    lines: usize,
    /// The length of lines and answers.
    bytes: usize,
}

impl Size {
    fn add(&mut self, prepared: &Prepared) {
        self.lines += prepared.case.lines.len() + 1;
        self.bytes += prepared.bytes;
    }

    fn is_too_large(self) -> bool {
        self.lines > HISTORY_LINES_MAX || self.bytes > HISTORY_BYTES_MAX
    }
}

/// The outcome of the first cases of those that were to be asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The cases that passed, in order: for each, the time from the end of the answers to the case
    /// before it, or from the beginning of the exchange, to the end of its own.
    pub(crate) passed: Vec<Duration>,
    /// How the case after those diverged, if it did.
    pub(crate) failed: Option<(Divergence, Duration)>,
}

impl<'m> Asker<'m> {
    pub(crate) fn new(
        machine: &'m dyn Machine,
        spec: PortSpec,
        limits: Limits,
        cases: &'m dyn Cases,
    ) -> Self {
        Self {
            examinee: Examinee::new(machine, spec, limits),
            cases,
            draws: false,
            history: Vec::new(),
            size: Size::default(),
            has_diverged: false,
            batch_size: 1,
        }
    }

    /// Returns the lines that were written to the process before the case that diverged; only those of
    /// the last few cases if to make a case takes the reference.
    pub(crate) fn history(&self) -> Vec<Vec<u8>> {
        self.past()()
    }

    /// Returns a function that returns [`Asker::history`] as it is now: to make the cases again takes
    /// time.
    pub(crate) fn past(&self) -> impl FnOnce() -> Vec<Vec<u8>> + use<'m> {
        let (machine, cases) = (self.examinee.machine, self.cases);
        let keys = self.recent().to_vec();
        move || {
            let cases = keys.into_iter().map(|key| cases.case(key));
            // After one that the reference fails to make it would fail again.
            let cases = cases.take_while(|case| case.obstacle.is_none());
            cases.flat_map(|case| case.lines_written(machine.hello())).collect()
        }
    }

    /// Returns the first case that the process was asked before the one that diverged, if there is
    /// one.
    pub(crate) fn first_in_history(&self) -> Option<CaseKey> {
        self.recent().first().copied()
    }

    fn recent(&self) -> &[CaseKey] {
        let count = if self.draws { DRAWN_HISTORY_MAX } else { usize::MAX };
        &self.history[self.history.len().saturating_sub(count)..]
    }

    /// Returns how many of the cases, which are not none, are asked next.
    pub(crate) fn batch_length(&self, cases: &[Prepared]) -> usize {
        let can_be_shared = |prepared: &Prepared| {
            let case = &prepared.case;
            case.delivery == Delivery::Pipelined
                && case.task == Task::Session
                && prepared.obstacle.is_none()
        };
        if !can_be_shared(&cases[0]) {
            return 1;
        }
        let mut size = self.size;
        if self.is_new_process_due(&cases[0]) {
            size = Size::default();
        }
        let rest = cases[1..].iter().zip(cases.iter()).take_while(|(prepared, before)| {
            size.add(before);
            can_be_shared(prepared) && !prepared.needs_fresh_session && !size.is_too_large()
        });
        1 + rest.take(self.batch_size - 1).count()
    }

    fn is_new_process_due(&self, prepared: &Prepared) -> bool {
        !self.examinee.is_running()
            || self.has_diverged
            || self.size.is_too_large()
            || prepared.needs_fresh_session
            || prepared.case.delivery.ends_input()
    }

    /// Asks the cases, which are a batch: [`Asker::batch_length`].
    pub(crate) fn ask(&mut self, batch: &mut [Prepared]) -> Asked {
        if self.is_new_process_due(&batch[0]) {
            self.examinee.stop();
            self.history.clear();
            (self.size, self.has_diverged) = (Size::default(), false);
        }
        let (known, size) = (self.history.len(), self.size);
        let started = Instant::now();
        let asked = self.run(batch);
        let is_long = started.elapsed() > self.examinee.limits.batch_time;
        let Some((divergence, _)) = &asked.failed else {
            let size = if is_long { self.batch_size / 2 } else { self.batch_size * 2 };
            self.batch_size = size.clamp(1, self.examinee.limits.batch_max.get());
            return asked;
        };
        if self.examinee.is_running() {
            // It has answered the rest of the batch, too, and forgets it.
            self.batch_size = (self.batch_size / 2).max(1);
            return asked;
        }
        (self.batch_size, self.has_diverged) = (1, true);
        let is_failure = matches!(divergence.actual, Actual::Failed(_));
        if batch.len() == 1 || !is_failure || divergence.external_cause().is_some() {
            return asked;
        }
        let passed = self.history.split_off(known);
        self.size = size;
        let again = self.ask_singly(batch);
        self.has_diverged = again.failed.is_some();
        let took_too_long = divergence.is_timeout();
        if again.failed.is_some() || took_too_long && again.passed.len() == batch.len() {
            return again;
        }
        // It does not fail each time, or only among other cases.
        self.has_diverged = true;
        self.history.truncate(known);
        self.history.extend(passed);
        asked
    }

    /// Asks the cases of a failed batch one by one, on a new process that has run the history before.
    /// If it does not run that as before, none of the cases is asked.
    fn ask_singly(&mut self, batch: &mut [Prepared]) -> Asked {
        let mut asked = Asked::default();
        let outcome = self.examinee.run(&self.history(), Delivery::Pipelined);
        if let Err(divergence) = outcome {
            asked.failed =
                divergence.external_cause().is_some().then_some((divergence, Duration::ZERO));
            return asked;
        }
        for prepared in batch {
            let one = self.run(slice::from_mut(prepared));
            asked.passed.extend(one.passed);
            asked.failed = one.failed;
            if asked.failed.is_some() {
                break;
            }
        }
        asked
    }

    /// Runs cases on the port.
    fn run(&mut self, batch: &mut [Prepared]) -> Asked {
        self.draws |= batch.iter().any(|prepared| prepared.case.seed.is_some());
        let mut before = Instant::now();
        let mut passed = Vec::with_capacity(batch.len());
        let mut pass = || {
            let now = Instant::now();
            passed.push(now - before);
            before = now;
        };
        let outcome = match batch {
            [Prepared { case, .. }] if case.task == Task::Settled => {
                let delivery = case.delivery;
                settle(&mut self.examinee, case, delivery).map(|()| pass())
            }
            _ => self.examinee.run_prepared(batch, &mut pass),
        };
        if outcome.is_err() {
            // An interruption may come after the last case.
            passed.truncate(batch.len() - 1);
        }
        for prepared in &batch[..passed.len()] {
            self.history.push(prepared.key);
            self.size.add(prepared);
        }
        Asked { passed, failed: outcome.err().map(|divergence| (divergence, before.elapsed())) }
    }
}
