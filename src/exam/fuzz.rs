//! Fuzzing: generated cases without end, and one finding for each fingerprint.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::failing::fingerprint;
use crate::finding::Finding;
use crate::investigate::investigate;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::port::{Failure, PortSpec};

/// After this many cases the port is restarted, so that the lines that led to a finding are known.
const CASES_PER_PROCESS: u64 = 2_000;
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

/// Sends generated cases to the port. Calls `found` with each finding whose fingerprint is new, and
/// `progress` after every case.
pub fn fuzz(
    machine: &dyn Machine,
    port: PortSpec,
    settings: &FuzzSettings,
    mut found: impl FnMut(Finding),
    mut progress: impl FnMut(FuzzProgress),
) -> FuzzEnd {
    let started = Instant::now();
    let interrupt = settings.limits.interrupt.until(settings.time.map(|time| started + time));
    let limits = Limits { interrupt, ..settings.limits.clone() };
    let mut fuzzer = Fuzzer {
        machine,
        examinee: Examinee::new(machine, port, limits),
        process_seed: settings.seed,
        investigated: BTreeMap::new(),
        known: Vec::new(),
    };
    let mut state = FuzzProgress { next_seed: settings.seed, ..FuzzProgress::default() };
    while !fuzzer.examinee.is_stopped()
        && settings.case_count.is_none_or(|count| state.cases < count)
    {
        match fuzzer.run(state.next_seed) {
            Ok(()) => {}
            Err(divergence) if divergence.external_cause().is_some() => break,
            Err(divergence) => {
                state.failed += 1;
                if let Some(finding) = fuzzer.investigate(state.next_seed, divergence) {
                    state.findings += 1;
                    let is_interrupted = finding.is_interrupted;
                    found(finding);
                    if is_interrupted {
                        state.cases += 1;
                        state.next_seed = fuzzer.process_seed;
                        break;
                    }
                }
            }
        }
        state.cases += 1;
        state.next_seed = state.next_seed.wrapping_add(1);
        state.time = started.elapsed();
        progress(state);
    }
    state.time = started.elapsed();
    let (notes, external_cause) =
        (fuzzer.examinee.notes(), fuzzer.examinee.external_cause().cloned());
    FuzzEnd { progress: state, notes, external_cause }
}

struct Fuzzer<'m> {
    machine: &'m dyn Machine,
    examinee: Examinee<'m>,
    /// The seed of the first case that the running process was asked.
    process_seed: u64,
    /// How many divergences of each fingerprint there were, as the cases showed them.
    investigated: BTreeMap<String, usize>,
    /// The fingerprints of the findings.
    known: Vec<String>,
}

impl Fuzzer<'_> {
    fn case(&self, seed: u64) -> Case {
        self.machine.fuzz_case(seed)
    }

    fn run(&mut self, seed: u64) -> Result<(), Divergence> {
        let case = self.case(seed);
        let is_due = seed.wrapping_sub(self.process_seed) >= CASES_PER_PROCESS;
        if is_due || self.machine.needs_fresh_session(&case.lines) {
            self.examinee.stop();
        }
        if !self.examinee.is_running() {
            self.process_seed = seed;
        }
        self.examinee.run(&case.lines, case.delivery)
    }

    fn investigate(&mut self, seed: u64, divergence: Divergence) -> Option<Finding> {
        let case = self.case(seed);
        let fingerprint = fingerprint(self.machine, &case.lines, &divergence);
        let times = self.investigated.entry(fingerprint).or_default();
        *times += 1;
        if *times > INVESTIGATED_MAX {
            return None;
        }
        let seeds = (0..seed.wrapping_sub(self.process_seed))
            .map(|offset| self.process_seed.wrapping_add(offset));
        let history: Vec<_> =
            seeds.flat_map(|seed| self.case(seed).lines_written(self.machine.hello())).collect();
        let finding = investigate(&mut self.examinee, &case, &history, divergence);
        if self.known.contains(&finding.fingerprint) {
            return None;
        }
        self.known.push(finding.fingerprint.clone());
        Some(finding)
    }
}
