//! Fuzzing: generated cases without end, and one finding for each cause.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::asker::{Asked, Asker};
use crate::case::Case;
use crate::divergence::Divergence;
use crate::expected::Expected;
use crate::failing::fingerprint;
use crate::finding::Finding;
use crate::findings::Errors;
use crate::incident::Incident;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::port::{Failure, PortSpec};
use crate::prepared::{CaseKey, Cases, Preparation, Prepared, with_prepared};

/// How many divergences of one fingerprint are investigated.
const INVESTIGATED_MAX: usize = 2;

/// How to fuzz, and for how long: without `time` and `case_count`, until interrupted.
#[derive(Clone, Debug)]
pub struct FuzzSettings {
    /// The seed of the first case; each further case has the next.
    pub seed: u64,
    /// How long to go on. The investigation of a finding is then ended as by an interruption.
    pub time: Option<Duration>,
    /// How many cases to ask.
    pub case_count: Option<u64>,
    /// The differences that are expected: they are no findings.
    pub expected: Vec<Expected>,
    /// The limits of the work.
    pub limits: Limits,
}

/// How far fuzzing has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct FuzzProgress {
    /// The seed from which fuzzing can be resumed: of the next case or, if the investigation of a
    /// finding was interrupted, of the first case that the same process was asked.
    pub next_seed: u64,
    /// How many cases were asked.
    pub cases: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many findings there are.
    pub findings: usize,
    /// How many were expected.
    pub expected: usize,
    /// How long it took.
    pub time: Duration,
}

/// The end of fuzzing.
#[derive(Clone, Debug)]
pub struct FuzzEnd {
    /// How far it came.
    pub progress: FuzzProgress,
    /// Oddities of the port that are not errors, as lines of text.
    pub notes: Vec<String>,
    /// Why it ended, if the cause is an interruption, the end of the time, or an error of the
    /// operating system.
    pub external_cause: Option<Failure>,
}

/// Sends generated cases to the port. Calls `found` with each finding unless it probably has the cause
/// of an earlier one, and `progress` after every case.
pub fn fuzz(
    machine: &dyn Machine,
    port: PortSpec,
    settings: &FuzzSettings,
    mut found: impl FnMut(Finding),
    mut progress: impl FnMut(FuzzProgress),
) -> FuzzEnd {
    let started = Instant::now();
    let interrupt = settings.limits.interrupt.until(settings.time.map(|time| started + time));
    let limits = Limits { interrupt: interrupt.clone(), ..settings.limits.clone() };
    let seeds = Seeds(machine);
    let expected = settings.expected.iter().filter(|expected| expected.port == port.name);
    let expected = expected.cloned().collect();
    let mut fuzzer = Fuzzer {
        machine,
        asker: Asker::new(machine, port, limits, &seeds),
        investigated: BTreeMap::new(),
        errors: Errors::new(None, expected),
    };
    let mut state = FuzzProgress { next_seed: settings.seed, ..FuzzProgress::default() };
    let is_asked = &AtomicBool::new(true);
    let preparation = Preparation { machine, interrupt: &interrupt, is_asked, counts: None };
    let case_count = settings.case_count.unwrap_or(u64::MAX);
    let keys = (0..case_count).map(|offset| key_of(settings.seed.wrapping_add(offset)));
    let cases = keys.map(|key| Some((key, seeds.case(key))));
    with_prepared(preparation, cases, |mut rest| {
        while !rest.is_empty() {
            if fuzzer.asker.examinee.is_stopped() {
                return ControlFlow::Break(());
            }
            let before = state.cases;
            fuzzer.take(rest, &mut state, &mut found, |state| {
                state.time = started.elapsed();
                progress(*state);
            })?;
            let taken = usize::try_from(state.cases - before).unwrap_or(rest.len());
            rest = &mut rest[taken..];
        }
        ControlFlow::Continue(())
    });
    state.time = started.elapsed();
    let examinee = &fuzzer.asker.examinee;
    let (notes, external_cause) = (examinee.notes(), examinee.external_cause().cloned());
    FuzzEnd { progress: state, notes, external_cause }
}

/// Cases by their seeds.
struct Seeds<'m>(&'m dyn Machine);

impl Cases for Seeds<'_> {
    fn case(&self, key: CaseKey) -> Case {
        self.0.fuzz_case(key.number)
    }
}

fn key_of(seed: u64) -> CaseKey {
    CaseKey { suite: 0, number: seed }
}

struct Fuzzer<'m> {
    machine: &'m dyn Machine,
    asker: Asker<'m>,
    /// How many divergences of each fingerprint there were, as the cases showed them.
    investigated: BTreeMap<String, usize>,
    errors: Errors,
}

impl Fuzzer<'_> {
    /// Asks the first of the cases, and calls `asked` after each. Breaks if it is interrupted.
    fn take(
        &mut self,
        cases: &mut [Prepared],
        state: &mut FuzzProgress,
        found: &mut impl FnMut(Finding),
        mut asked: impl FnMut(&mut FuzzProgress),
    ) -> ControlFlow<()> {
        if let Some(obstacle) = cases.first_mut().and_then(|first| first.obstacle.take()) {
            self.asker.examinee.noted(obstacle);
            return ControlFlow::Break(());
        }
        let count = self.asker.batch_length(cases);
        let Asked { passed, failed } = self.asker.ask(&mut cases[..count]);
        for _ in &passed {
            count_case(state);
            asked(state);
        }
        let Some((divergence, _)) = failed else { return ControlFlow::Continue(()) };
        if divergence.external_cause().is_some() {
            return ControlFlow::Break(());
        }
        let prepared = &cases[passed.len()];
        let first = self.asker.first_in_history().unwrap_or(prepared.key);
        let found_error = self.investigate(&prepared.case, divergence);
        let external_cause = self.asker.examinee.external_cause();
        if found_error.is_none() && matches!(external_cause, Some(Failure::Reference(_))) {
            // It is the reference that is wrong, not the port.
            return ControlFlow::Break(());
        }
        state.failed += 1;
        if let Some(finding) = found_error {
            let is_interrupted = finding.is_interrupted;
            if self.errors.expects(&finding) {
                state.expected += 1;
            } else {
                state.findings += 1;
                found(finding);
            }
            if is_interrupted {
                count_case(state);
                state.next_seed = first.number;
                return ControlFlow::Break(());
            }
        }
        count_case(state);
        asked(state);
        ControlFlow::Continue(())
    }

    fn investigate(&mut self, case: &Case, divergence: Divergence) -> Option<Finding> {
        let fingerprint = fingerprint(self.machine, &case.lines, &divergence);
        let times = self.investigated.entry(fingerprint.clone()).or_default();
        *times += 1;
        let is_enough = if case.names.is_empty() {
            *times > INVESTIGATED_MAX
        } else {
            self.errors.explain(case, &fingerprint)
        };
        if is_enough {
            return None;
        }
        let history = self.asker.history();
        let examinee = &mut self.asker.examinee;
        let incident = Incident::new(examinee, case, history, divergence);
        self.errors.add(examinee, &incident, &fingerprint).cloned()
    }
}

fn count_case(state: &mut FuzzProgress) {
    state.cases += 1;
    state.next_seed = state.next_seed.wrapping_add(1);
}
