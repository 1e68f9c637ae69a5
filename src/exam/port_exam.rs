//! The exam of one port.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::case::{Case, suite_of};
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::failing::fingerprint;
use crate::finding::Finding;
use crate::investigate::{HISTORY_LINES_MAX, investigate};
use crate::machine::Machine;
use crate::port::PortSpec;
use crate::report::{CaseReport, CaseVerdict, LevelReport, PortReport};
use crate::selection::Selection;

/// After this many failing cases the rest of a suite is not asked.
const FAILURES_PER_SUITE_MAX: usize = 20;
/// After this many cases without an answer the rest of the exam is not asked.
const HANGS_MAX: usize = 3;
/// How many divergences are investigated, and how many of one fingerprint.
const FINDINGS_MAX: usize = 40;
const FINDINGS_ALIKE_MAX: usize = 2;

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
    findings: Vec<Finding>,
    /// The fingerprints of the divergences that were investigated, as the cases showed them.
    investigated: Vec<String>,
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
            findings: Vec::new(),
            investigated: Vec::new(),
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
            Err(divergence) => {
                let stderr = self.examinee.stderr_tail();
                let finding = Finding::no_greeting(self.machine, divergence);
                self.findings.push(Finding { stderr, ..finding });
            }
        }
        for case in self.selection.cases() {
            self.take(case, progress);
        }
        if let Some(time) = self.selection.settings.time {
            for case in self.selection.further_cases() {
                if started.elapsed() >= time || self.is_stopped(&case) {
                    break;
                }
                self.take(case, progress);
            }
        }
        self.examinee.stop();
        let levels = (1..=self.selection.settings.level_max).map(|number| self.level(number));
        PortReport {
            name: self.examinee.spec.name.clone(),
            command: self.examinee.spec.command_line(),
            levels: levels.collect(),
            greeting: self.greeting,
            cases: self.cases,
            findings: self.findings,
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

    fn take(&mut self, case: Case, progress: &dyn Fn(Progress<'_>)) {
        let failed = self.cases.iter().filter(|case| case.verdict == CaseVerdict::Failed).count();
        progress(Progress { port: 0, case: &case.id, done: self.cases.len(), failed });
        let started = Instant::now();
        let (verdict, divergence) = if self.is_stopped(&case) {
            (CaseVerdict::NotAsked, None)
        } else if case.lines.iter().any(|line| self.is_unknown(line)) {
            (CaseVerdict::NotAttempted, None)
        } else {
            match self.ask(&case) {
                Ok(()) => (CaseVerdict::Passed, None),
                Err(divergence) if divergence.is_interrupt() => (CaseVerdict::NotAsked, None),
                Err(divergence) => (CaseVerdict::Failed, Some(divergence)),
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        if let Some(divergence) = &divergence {
            self.look_into(&case, divergence);
        }
        let reason = divergence.as_ref().map(|divergence| divergence.headline(&case.lines));
        let level = self.machine.level_of_all(&case.lines);
        self.cases.push(CaseReport { id: case.id, level, verdict, reason, seconds, divergence });
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

    /// Investigates a failing case, unless enough like it have been.
    fn look_into(&mut self, case: &Case, divergence: &Divergence) {
        self.hang_count += usize::from(divergence.is_timeout());
        let fingerprint = fingerprint(self.machine, &case.lines, divergence);
        let alike = self.investigated.iter().filter(|known| **known == fingerprint).count();
        if alike < FINDINGS_ALIKE_MAX && self.findings.len() < FINDINGS_MAX {
            self.investigated.push(fingerprint);
            let history = std::mem::take(&mut self.history);
            let finding = investigate(&mut self.examinee, case, &history, divergence.clone());
            if !self.findings.iter().any(|known| known.fingerprint == finding.fingerprint) {
                self.findings.push(finding);
            }
        }
    }

    fn is_unknown(&self, line: &[u8]) -> bool {
        let word = self.machine.word_of(line);
        self.unknown.iter().any(|unknown| unknown.as_bytes() == word)
    }

    /// Reports whether the case is not to be asked since enough has failed.
    fn is_stopped(&self, case: &Case) -> bool {
        let settings = &self.selection.settings;
        let failed = self.cases.iter().filter(|case| case.verdict == CaseVerdict::Failed);
        let in_suite = |other: &&CaseReport| suite_of(&other.id) == case.suite();
        settings.limits.interrupt.is_raised()
            || self.greeting.is_empty()
            || self.hang_count >= HANGS_MAX
            || settings.fail_fast && failed.clone().next().is_some()
            || failed.filter(in_suite).count() >= FAILURES_PER_SUITE_MAX
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
            passed: count(CaseVerdict::Passed),
            failed: count(CaseVerdict::Failed),
            left_out: count(CaseVerdict::NotAttempted) + count(CaseVerdict::NotAsked),
        }
    }
}
