//! The exam of one port.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::case::{Case, Task};
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::finding::Finding;
use crate::findings::Incidents;
use crate::investigate::HISTORY_LINES_MAX;
use crate::machine::Machine;
use crate::port::{Failure, PortSpec};
use crate::report::{CaseReport, CaseVerdict, LevelReport, PortReport};
use crate::selection::Selection;
use crate::tasks::{investigate_task, subject, try_task};

/// After this many failing cases the rest of a suite is not asked.
const FAILURES_PER_SUITE_MAX: usize = 20;
/// After this many cases without an answer the rest of the exam is not asked.
const HANGS_MAX: usize = 3;
/// A port that has run lines of more bytes than this is started again, since they are kept.
const HISTORY_BYTES_MAX: usize = 16 << 20;
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
    history_bytes: usize,
    cases: Vec<CaseReport>,
    /// How many cases were left that are not among `cases`.
    unlisted: usize,
    /// How many cases of each level passed that are not among `cases`.
    further_passed: BTreeMap<usize, usize>,
    /// How many cases of each suite failed.
    failed: BTreeMap<String, usize>,
    findings: Vec<Finding>,
    incidents: Incidents,
    hang_count: usize,
    notes: Vec<String>,
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
            history_bytes: 0,
            cases: Vec::new(),
            unlisted: 0,
            further_passed: BTreeMap::new(),
            failed: BTreeMap::new(),
            findings: Vec::new(),
            incidents: Incidents::default(),
            hang_count: 0,
            notes: Vec::new(),
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
        let (mut left, mut unlisted_reason) = (0, None);
        for case in self.selection.cases() {
            left += usize::from(self.examinee.is_stopped());
            if left > LEFT_CASES_MAX {
                self.unlisted = self.selection.count() - self.cases.len();
                unlisted_reason = self.reason_to_end();
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
            unlisted_reason,
            further_passed: self.further_passed.values().sum(),
            findings: self.findings,
            notes: [self.examinee.notes(), self.notes].concat(),
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
            if self.reason_to_stop(case.suite()).is_some() {
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
        let (verdict, reason, divergence) = self.judge(&case);
        let seconds = started.elapsed().as_secs_f64();
        if let Some(divergence) = &divergence {
            *self.failed.entry(case.suite().to_owned()).or_default() += 1;
            self.hang_count += usize::from(divergence.is_timeout());
            match &case.task {
                Task::Session => {
                    let history = std::mem::take(&mut self.history);
                    self.incidents.add(&mut self.examinee, &case, history, divergence);
                }
                task => self.look_into_task(&case, task, divergence),
            }
        }
        let level = self.machine.level_of_all(&case.lines);
        CaseReport { id: case.id, level, verdict, reason, seconds, divergence }
    }

    fn try_case(&mut self, case: &Case) -> Result<(), Divergence> {
        if case.task == Task::Session {
            return self.ask(case);
        }
        let note = try_task(&mut self.examinee, case)?;
        self.notes.extend(note.filter(|note| !self.notes.contains(note)));
        Ok(())
    }

    /// Adds the finding of a task.
    fn look_into_task(&mut self, case: &Case, task: &Task, divergence: &Divergence) {
        let finding = investigate_task(&mut self.examinee, case, task, divergence);
        if !self.findings.iter().any(|known| known.fingerprint == finding.fingerprint) {
            self.findings.push(finding);
        }
    }

    /// Returns the verdict, its reason, and the divergence if there is one.
    fn judge(&mut self, case: &Case) -> (CaseVerdict, Option<String>, Option<Divergence>) {
        if let Some(reason) = self.reason_to_stop(case.suite()) {
            return (CaseVerdict::NotAsked, Some(reason), None);
        }
        if let Some(reason) = self.lacking(case) {
            return (CaseVerdict::NotAttempted, Some(reason), None);
        }
        let Err(divergence) = self.try_case(case) else { return (CaseVerdict::Passed, None, None) };
        if let Some(cause) = divergence.external_cause() {
            return (CaseVerdict::NotAsked, Some(self.external_reason(cause)), None);
        }
        let reason = divergence.headline(&subject(case));
        (CaseVerdict::Failed, Some(reason), Some(divergence))
    }

    fn ask(&mut self, case: &Case) -> Result<(), Divergence> {
        let is_long =
            self.history.len() > HISTORY_LINES_MAX || self.history_bytes > HISTORY_BYTES_MAX;
        if is_long || self.machine.needs_fresh_session(&case.lines) {
            self.examinee.stop();
        }
        if !self.examinee.is_running() {
            self.history.clear();
            self.history_bytes = 0;
        }
        self.examinee.run(&case.lines, case.delivery)?;
        let written = case.lines_written(self.machine.hello());
        self.history_bytes += written.iter().map(Vec::len).sum::<usize>();
        self.history.extend(written);
        Ok(())
    }

    /// Returns why the case cannot be attempted, if the port lacks commands of it.
    fn lacking(&self, case: &Case) -> Option<String> {
        let has = |word: &&str| {
            case.lines.iter().any(|line| self.machine.word_of(line) == word.as_bytes())
        };
        let lacking: Vec<_> = self.unknown.iter().copied().filter(has).collect();
        (!lacking.is_empty()).then(|| format!("the port does not know {}", lacking.join(", ")))
    }

    /// Returns why no further case of the suite is asked, if that is so. The reason stays the same.
    fn reason_to_stop(&self, suite: &str) -> Option<String> {
        if self.failed.get(suite).is_some_and(|count| *count >= FAILURES_PER_SUITE_MAX) {
            return Some(format!("{FAILURES_PER_SUITE_MAX} cases of {suite} had failed"));
        }
        self.reason_to_end()
    }

    /// Returns why no further case of any suite is asked, if that is so.
    fn reason_to_end(&self) -> Option<String> {
        let external_cause = self.examinee.external_cause();
        if self.greeting.is_empty() && external_cause.is_none() {
            Some("the program did not greet as a port".into())
        } else if self.hang_count >= HANGS_MAX {
            Some(format!("{HANGS_MAX} cases had taken the whole time limit"))
        } else if self.selection.settings.fail_fast && !self.failed.is_empty() {
            Some("a case had failed (--fail-fast)".into())
        } else if let Some(cause) = external_cause {
            Some(self.external_reason(cause))
        } else {
            self.examinee.is_stopped().then(|| self.external_reason(&Failure::Interrupted))
        }
    }

    fn external_reason(&self, cause: &Failure) -> String {
        match cause {
            Failure::Interrupted => "the exam was interrupted".into(),
            cause if self.greeting.is_empty() => format!("the port cannot be run: {cause}"),
            cause => format!("the port cannot be run any more: {cause}"),
        }
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
