//! Fuzzing: generated cases without end, one finding kept for each fault.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::exam::case::{Case, need_fresh_session};
use crate::exam::examinee::{Actual, Divergence, Examinee};
use crate::exam::finding::{Finding, shown};
use crate::exam::fingerprint::fingerprint;
use crate::exam::investigate::investigate;
use crate::exam::port::{Failure, INTERRUPTED, PortSpec};
use crate::exam::run::is_greeting;
use crate::exam::sections::generated_case;
use crate::exam::shrink::Budget;

/// After how many cases the port is started anew, so that what led to a finding can be told.
const CASES_PER_PROCESS: u64 = 2_000;
/// How many findings of one raw fingerprint are looked into.
const LOOKED_INTO_MAX: usize = 2;

/// How to fuzz, and for how long: until it is interrupted where no limit is set.
#[derive(Clone, Debug)]
pub struct FuzzSettings {
    /// The seed of the first case; each further case has the next.
    pub seed: u64,
    /// How long to go on.
    pub time: Option<Duration>,
    /// How many cases to ask.
    pub case_count: Option<u64>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How hard to look for the shortest trace.
    pub budget: Budget,
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub struct FuzzProgress {
    /// The seed of the next case: where to resume.
    pub next_seed: u64,
    /// How many cases were asked.
    pub cases: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many different faults were found.
    pub faults: usize,
    /// How long it took.
    pub time: Duration,
}

/// Whether the program answers `hello` as a port does; what it did otherwise.
pub fn greet(port: PortSpec, timeout: Duration) -> Result<(), String> {
    let mut examinee = Examinee::new(port, timeout);
    examinee.start().map_err(|failure| failure.to_string())?;
    match examinee.greeting() {
        Some(greeting) if is_greeting(greeting) => Ok(()),
        greeting => Err(format!("got `{}`", shown(greeting.unwrap_or_default()))),
    }
}

/// Asks cases and hands on what is found, each fault once, and after every case how far it is.
pub fn fuzz(
    port: PortSpec,
    settings: &FuzzSettings,
    mut found: impl FnMut(Finding),
    mut progress: impl FnMut(FuzzProgress),
) -> FuzzProgress {
    let started = Instant::now();
    let mut fuzzer = Fuzzer::new(port, settings);
    let mut state = FuzzProgress {
        next_seed: settings.seed,
        cases: 0,
        failed: 0,
        faults: 0,
        time: Duration::ZERO,
    };
    while !INTERRUPTED.load(Ordering::Relaxed)
        && settings.time.is_none_or(|time| state.time < time)
        && settings.case_count.is_none_or(|count| state.cases < count)
    {
        match fuzzer.ask(state.next_seed) {
            Outcome::Passed => {}
            Outcome::Interrupted => break,
            Outcome::Failed(finding) => {
                state.failed += 1;
                if let Some(finding) = finding {
                    state.faults += 1;
                    found(*finding);
                }
            }
        }
        state.cases += 1;
        state.next_seed = state.next_seed.wrapping_add(1);
        state.time = started.elapsed();
        progress(state);
    }
    state
}

enum Outcome {
    Passed,
    Interrupted,
    /// With a finding where the fault is new.
    Failed(Option<Box<Finding>>),
}

struct Fuzzer<'a> {
    examinee: Examinee,
    settings: &'a FuzzSettings,
    /// The seed of the first case that the running port was asked.
    process_seed: u64,
    /// How often each raw fingerprint was looked into.
    looked_into: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl<'a> Fuzzer<'a> {
    fn new(port: PortSpec, settings: &'a FuzzSettings) -> Self {
        Self {
            examinee: Examinee::new(port, settings.timeout),
            settings,
            process_seed: settings.seed,
            looked_into: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn ask(&mut self, seed: u64) -> Outcome {
        let case = generated_case(seed);
        let is_due = seed.wrapping_sub(self.process_seed) >= CASES_PER_PROCESS;
        if is_due || need_fresh_session(&case.lines) {
            self.examinee.stop();
        }
        if !self.examinee.is_running() {
            self.process_seed = seed;
        }
        match self.examinee.run(&case.lines, case.delivery) {
            Ok(()) => Outcome::Passed,
            Err(Divergence { actual: Actual::Failed(Failure::Interrupted), .. }) => {
                Outcome::Interrupted
            }
            Err(divergence) => Outcome::Failed(self.look_into(&case, seed, divergence)),
        }
    }

    fn look_into(
        &mut self,
        case: &Case,
        seed: u64,
        divergence: Divergence,
    ) -> Option<Box<Finding>> {
        let line = case.lines.get(divergence.step).map_or(&[][..], Vec::as_slice);
        let times = self.looked_into.entry(fingerprint(line, &divergence)).or_default();
        *times += 1;
        if *times > LOOKED_INTO_MAX {
            return None;
        }
        let before = seed.wrapping_sub(self.process_seed);
        let history = (0..before)
            .flat_map(|n| generated_case(self.process_seed.wrapping_add(n)).lines_written());
        let history: Vec<_> = history.collect();
        let finding =
            investigate(&mut self.examinee, case, &history, divergence, self.settings.budget);
        if self.faults.contains(&finding.fingerprint) {
            return None;
        }
        self.faults.push(finding.fingerprint.clone());
        Some(Box::new(finding))
    }
}
