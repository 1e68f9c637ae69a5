//! The exam of one port.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::case::Case;
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::finding::Finding;
use crate::findings::Incidents;
use crate::investigate::HISTORY_LINES_MAX;
use crate::machine::Machine;
use crate::port::{Failure, PortSpec};
use crate::report::{CaseReport, CaseVerdict, LevelReport, PortReport};
use crate::selection::Selection;

/// After this many failing cases the rest of a suite is not asked.
const FAILURES_PER_SUITE_MAX: usize = 20;
/// After this many cases without an answer the rest of the exam is not asked.
const HANGS_MAX: usize = 3;
/// How many of the cases that an interruption leaves are listed.
const LEFT_CASES_MAX: usize = 10_000;

/// How far an exam has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The position of the port among those examined.
    pub port: usize,
    /// The id of the case that is asked now.
    pub case: &'a str,
    /// How many cases were asked before.
    pub done: usize,
    /// How many of them failed.
    pub failed: usize,
}

pub(crate) struct PortExam<'a> {
    machine: &'a dyn Machine,
    selection: &'a Selection<'a>,
    examinee: Examinee<'a>,
    /// The port's greeting; empty if it is not a port.
    greeting: String,
    unknown: BTreeSet<&'static str>,
    /// The lines that the port has run since it was started.
    history: Vec<Vec<u8>>,
    cases: Vec<CaseReport>,
    /// How many cases an interruption left that are not among `cases`.
    unlisted: usize,
    /// How many cases of each level passed that are not among `cases`.
    further_passed: BTreeMap<usize, usize>,
    /// How many cases of each suite failed.
    failed: BTreeMap<String, usize>,
    findings: Vec<Finding>,
    incidents: Incidents,
    hang_count: usize,
}

impl<'a> PortExam<'a> {
    pub(crate) fn new(spec: PortSpec, selection: &'a Selection<'a>) -> Self {
        let machine = selection.machine;
        Self {
            machine,
            selection,
            examinee: Examinee::new(machine, spec, selection.settings.limits.clone()),
            greeting: String::new(),
            unknown: BTreeSet::new(),
            history: Vec::new(),
            cases: Vec::new(),
            unlisted: 0,
            further_passed: BTreeMap::new(),
            failed: BTreeMap::new(),
            findings: Vec::new(),
            incidents: Incidents::default(),
            hang_count: 0,
        }
    }

    pub(crate) fn run(mut self, progress: &dyn Fn(Progress<'_>)) -> PortReport {
        let started = Instant::now();
        match self.examinee.greet() {
            Ok(greeting) => {
                self.greeting = greeting;
                self.find_unknown_words();
            }
            Err(divergence) if divergence.external_cause().is_some() => {}
            Err(divergence) => {
                let stderr = self.examinee.stderr_tail();
                let finding = Finding::no_greeting(self.machine, divergence);
                self.findings.push(Finding { stderr, ..finding });
            }
        }
        let mut left = 0;
        for case in self.selection.cases() {
            left += usize::from(self.examinee.is_stopped());
            if left > LEFT_CASES_MAX {
                self.unlisted = self.selection.count() - self.cases.len();
                break;
            }
            let report = self.take(case, progress);
            self.cases.push(report);
        }
        if let Some(time) = self.selection.settings.time {
            self.take_further(started + time, progress);
        }
        self.findings.extend(std::mem::take(&mut self.incidents).investigate(&mut self.examinee));
        self.examinee.stop();
        let levels = (1..=self.selection.settings.level_max).map(|number| self.level(number));
        let external_cause = self.examinee.external_cause();
        // After the greeting an interruption is the exam's and not this port's alone.
        let external_cause = external_cause
            .filter(|cause| self.greeting.is_empty() || **cause != Failure::Interrupted);
        PortReport {
            name: self.examinee.spec.name.clone(),
            command: self.examinee.spec.command_line(),
            levels: levels.collect(),
            external_cause: external_cause.map(ToString::to_string),
            greeting: self.greeting,
            cases: self.cases,
            unlisted: self.unlisted,
            further_passed: self.further_passed.values().sum(),
            findings: self.findings,
            notes: self.examinee.notes(),
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    /// Probes each command once to see whether the port knows it.
    fn find_unknown_words(&mut self) {
        let levels = self.machine.levels().iter();
        let words: Vec<_> = levels.flat_map(|level| level.words.iter().copied()).collect();
        let probes: Vec<_> = words.iter().map(|word| self.machine.probe(word)).collect();
        if let Ok(answers) = self.examinee.ask(&probes) {
            let answered = words.into_iter().zip(&answers);
            let unknown = answered.filter(|(_, answer)| self.machine.is_unknown(answer));
            self.unknown = unknown.map(|(word, _)| word).collect();
        }
        self.examinee.stop();
    }

    /// Asks generated cases beyond the selected ones until a deadline.
    fn take_further(&mut self, deadline: Instant, progress: &dyn Fn(Progress<'_>)) {
        for case in self.selection.further_cases() {
            if Instant::now() >= deadline || self.examinee.is_stopped() {
                break;
            }
            let Some(case) = case else { continue };
            if self.is_stopped(&case) {
                break;
            }
            let report = self.take(case, progress);
            match report.verdict {
                CaseVerdict::Passed => *self.further_passed.entry(report.level).or_default() += 1,
                CaseVerdict::Failed => self.cases.push(report),
                CaseVerdict::NotAttempted | CaseVerdict::NotAsked => {}
            }
        }
    }

    fn take(&mut self, case: Case, progress: &dyn Fn(Progress<'_>)) -> CaseReport {
        let failed = self.failed.values().sum();
        let done = self.cases.len() + self.further_passed.values().sum::<usize>();
        progress(Progress { port: 0, case: &case.id, done, failed });
        let started = Instant::now();
        let (verdict, divergence) = if self.is_stopped(&case) {
            (CaseVerdict::NotAsked, None)
        } else if case.lines.iter().any(|line| self.is_unknown(line)) {
            (CaseVerdict::NotAttempted, None)
        } else {
            match self.ask(&case) {
                Ok(()) => (CaseVerdict::Passed, None),
                Err(divergence) if divergence.external_cause().is_some() => {
                    (CaseVerdict::NotAsked, None)
                }
                Err(divergence) => (CaseVerdict::Failed, Some(divergence)),
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        if let Some(divergence) = &divergence {
            *self.failed.entry(case.suite().to_owned()).or_default() += 1;
            self.hang_count += usize::from(divergence.is_timeout());
            let history = std::mem::take(&mut self.history);
            self.incidents.add(&mut self.examinee, &case, history, divergence);
        }
        let reason = divergence.as_ref().map(|divergence| divergence.headline(&case.lines));
        let level = self.machine.level_of_all(&case.lines);
        CaseReport { id: case.id, level, verdict, reason, seconds, divergence }
    }

    fn ask(&mut self, case: &Case) -> Result<(), Divergence> {
        let is_long = self.history.len() > HISTORY_LINES_MAX;
        if is_long || self.machine.needs_fresh_session(&case.lines) {
            self.examinee.stop();
        }
        if !self.examinee.is_running() {
            self.history.clear();
        }
        self.examinee.run(&case.lines, case.delivery)?;
        self.history.extend(case.lines_written(self.machine.hello()));
        Ok(())
    }

    fn is_unknown(&self, line: &[u8]) -> bool {
        let word = self.machine.word_of(line);
        self.unknown.iter().any(|unknown| unknown.as_bytes() == word)
    }

    /// Reports whether the case is not to be asked since enough has failed.
    fn is_stopped(&self, case: &Case) -> bool {
        self.examinee.is_stopped()
            || self.greeting.is_empty()
            || self.hang_count >= HANGS_MAX
            || self.selection.settings.fail_fast && !self.failed.is_empty()
            || self.failed.get(case.suite()).is_some_and(|count| *count >= FAILURES_PER_SUITE_MAX)
    }

    fn level(&self, number: usize) -> LevelReport {
        let level = self.machine.levels()[number - 1];
        let cases = || self.cases.iter().filter(|case| case.level == number);
        let count = |verdict| cases().filter(|case| case.verdict == verdict).count();
        let words = level.words.iter().copied();
        LevelReport {
            number,
            name: level.name,
            unknown: words.filter(|word| self.unknown.contains(word)).collect(),
            passed: count(CaseVerdict::Passed)
                + self.further_passed.get(&number).copied().unwrap_or_default(),
            failed: count(CaseVerdict::Failed),
            left_out: count(CaseVerdict::NotAttempted)
                + count(CaseVerdict::NotAsked)
                + self.unlisted,
        }
    }
}
