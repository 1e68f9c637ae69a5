//! The exam of one port.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::asker::{Asked, Asker};
use crate::case::{Case, Task};
use crate::divergence::{Actual, Divergence};
use crate::expected::Ledger;
use crate::finding::Finding;
use crate::findings::{Incidents, Outcome, Reported};
use crate::machine::Machine;
use crate::port::{Failure, PortSpec};
use crate::prepared::{CaseKey, Counts, Preparation, Prepared, with_prepared};
use crate::report::{CaseReport, CaseVerdict, LevelReport, PortReport};
use crate::reports::counted;
use crate::selection::{Part, Selection};
use crate::tasks::{investigate_task, subject, try_task, usual_divergence, usual_session};

/// After this many failing cases the rest of a suite is not asked, unless differences are expected.
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
    /// The id of the case that is asked now, perhaps together with those after it.
    pub case: &'a str,
    /// How many cases were asked before.
    pub done: usize,
    /// How many of them failed.
    pub failed: usize,
}

pub(crate) struct PortExam<'a> {
    machine: &'a dyn Machine,
    selection: &'a Selection<'a>,
    /// The part of the cases that is asked.
    part: Part,
    asker: Asker<'a>,
    /// The port's greeting; empty if it is not a port.
    greeting: String,
    unknown: BTreeSet<String>,
    cases: Vec<CaseReport>,
    /// How many cases were left that are not among `cases`.
    unlisted: usize,
    /// How many cases of each level passed that are not among `cases`.
    further_passed: BTreeMap<usize, usize>,
    /// How many cases failed.
    failed: usize,
    /// How many cases of each suite failed, apart from wrong answers in drawn cases, after which the
    /// port goes on.
    stopped_by: BTreeMap<String, usize>,
    /// The findings of which no incident was taken down.
    findings: Vec<Reported>,
    incidents: Incidents,
    ledger: Ledger,
    hang_count: usize,
    notes: Vec<String>,
}

impl<'a> PortExam<'a> {
    pub(crate) fn new(spec: PortSpec, selection: &'a Selection<'a>, part: Part) -> Self {
        let machine = selection.machine;
        let expected = selection.settings.expected.iter();
        let expected: Vec<_> =
            expected.filter(|expected| expected.port == spec.name).cloned().collect();
        Self {
            machine,
            selection,
            part,
            asker: Asker::new(machine, spec, selection.settings.limits.clone(), selection),
            greeting: String::new(),
            unknown: BTreeSet::new(),
            cases: Vec::new(),
            unlisted: 0,
            further_passed: BTreeMap::new(),
            failed: 0,
            stopped_by: BTreeMap::new(),
            findings: Vec::new(),
            incidents: Incidents::new(expected.clone()),
            ledger: Ledger::new(expected),
            hang_count: 0,
            notes: Vec::new(),
        }
    }

    pub(crate) fn run(mut self, progress: &dyn Fn(Progress<'_>)) -> PortReport {
        let started = Instant::now();
        match self.asker.examinee.greet() {
            Ok(greeting) => {
                self.greeting = greeting;
                self.find_unknown_words();
            }
            Err(divergence) if divergence.external_cause().is_some() => {}
            Err(divergence) => {
                let stderr = self.asker.examinee.stderr_tail();
                let finding = Finding::no_greeting(self.machine, divergence);
                let finding = Finding { stderr, ..finding };
                self.findings.push(Reported { finding, cases: Vec::new() });
            }
        }
        let unlisted_reason = self.take_selected(progress);
        if let Some(time) = self.selection.settings.time {
            self.take_further(started + time, progress);
        }
        let (findings, is_whole) = self.investigate(started.elapsed());
        self.asker.examinee.stop();
        let levels = (1..=self.selection.settings.level_max).map(|number| self.level(number));
        let levels = levels.collect();
        let (expected, unseen) = self.ledger.close(is_whole);
        let external_cause = self.asker.examinee.external_cause();
        // After the greeting an interruption is the exam's and not this port's alone.
        let external_cause = external_cause
            .filter(|cause| self.greeting.is_empty() || **cause != Failure::Interrupted);
        PortReport {
            name: self.asker.examinee.spec.name.clone(),
            command: self.asker.examinee.spec.command_line(),
            levels,
            external_cause: external_cause.map(ToString::to_string),
            greeting: self.greeting,
            cases: self.cases,
            unlisted: self.unlisted,
            unlisted_reason,
            further_passed: self.further_passed.values().sum(),
            findings,
            expected,
            unseen,
            notes: [self.asker.examinee.notes(), self.notes].concat(),
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    /// Investigates what was collected, and takes down in the ledger what is expected. Returns the
    /// other findings, and whether the whole plan was asked and looked into, so that every expected
    /// difference should have been seen.
    fn investigate(&mut self, asked_for: Duration) -> (Vec<Finding>, bool) {
        let incidents = std::mem::take(&mut self.incidents);
        let of_tasks = std::mem::take(&mut self.findings);
        let examinee = &mut self.asker.examinee;
        let Outcome { reported, unexplained, refuted } = incidents.investigate(examinee, asked_for);
        self.refute(&refuted);
        if unexplained > 0 {
            let cases = counted(unexplained, "failing case");
            self.notes.push(format!(
                "{cases} not investigated, since the time for that was over, and not explained by \
                 an expected difference"
            ));
        }
        let mut findings = Vec::new();
        for Reported { finding, cases } in reported.into_iter().chain(of_tasks) {
            match self.ledger.position_of(&finding) {
                None => findings.push(finding),
                Some(position) => self.expect(position, finding, &cases),
            }
        }
        let is_left_out = |case: &CaseReport| {
            matches!(case.verdict, CaseVerdict::NotAttempted | CaseVerdict::NotAsked)
        };
        let is_whole = self.selection.is_whole()
            && unexplained == 0
            && self.unlisted == 0
            && !self.cases.iter().any(is_left_out)
            && !self.asker.examinee.is_stopped();
        (findings, is_whole)
    }

    /// Takes back that these cases failed: the reference is not deterministic.
    fn refute(&mut self, cases: &[String]) {
        let reason = self.reason_to_end();
        let ids: BTreeSet<_> = cases.iter().collect();
        for case in self.cases.iter_mut().filter(|case| ids.contains(&case.id)) {
            (case.verdict, case.divergence) = (CaseVerdict::NotAsked, None);
            case.reason.clone_from(&reason);
        }
    }

    /// Takes down an expected finding that stands for these cases.
    fn expect(&mut self, position: usize, finding: Finding, cases: &[String]) {
        let because = &self.ledger.expected()[position].because;
        let ids: BTreeSet<_> = cases.iter().collect();
        for case in &mut self.cases {
            if case.verdict == CaseVerdict::Failed && ids.contains(&case.id) {
                case.verdict = CaseVerdict::Expected;
                case.reason = case.reason.take().map(|reason| expected_reason(&reason, because));
            }
        }
        self.ledger.take(position, finding, cases.len());
    }

    /// Probes each command once to see whether the port knows it.
    fn find_unknown_words(&mut self) {
        let levels = self.machine.levels().iter();
        let words = levels.flat_map(|level| &level.words);
        let probes = words.filter_map(|word| Some((word, self.machine.probe(word)?)));
        let (words, probes): (Vec<_>, Vec<_>) = probes.unzip();
        if probes.is_empty() {
            return;
        }
        if let Ok(answers) = self.asker.examinee.ask(&probes) {
            let answered = words.into_iter().zip(&answers);
            let unknown = answered.filter(|(_, answer)| self.machine.is_unknown(answer));
            self.unknown = unknown.map(|(word, _)| word.clone()).collect();
        }
        self.asker.examinee.stop();
    }

    /// Asks the selected cases. If no other exam does, it makes the survey on the way.
    /// Returns why some are not listed, if that is so.
    fn take_selected(&mut self, progress: &dyn Fn(Progress<'_>)) -> Option<String> {
        let selection = self.selection;
        let cases = selection.cases_with_keys(self.part).map(Some);
        let (mut left, mut unlisted_reason) = (0, None);
        let can_count = self.part == Part::OfPort && self.reason_to_end().is_none();
        let counts = can_count.then(|| selection.start_survey()).flatten();
        let counts = self.take_prepared(cases, counts, |exam, cases| {
            left += usize::from(exam.asker.examinee.is_stopped());
            if left > LEFT_CASES_MAX {
                exam.unlisted = exam.selection.count_of(exam.part) - exam.cases.len();
                unlisted_reason = exam.reason_to_end();
                return ControlFlow::Break(());
            }
            let reports = exam.take(cases, progress);
            let count = reports.len();
            exam.cases.extend(reports);
            ControlFlow::Continue(count)
        });
        if let Some(counts) = counts {
            selection.finish_survey(counts);
        }
        let unmade = selection.count_of(self.part) - self.cases.len();
        if unlisted_reason.is_none() && unmade > 0 {
            // Cases after one of which the reference failed are not made.
            (self.unlisted, unlisted_reason) = (unmade, self.reason_to_end());
        }
        unlisted_reason
    }

    /// Asks generated cases beyond the selected ones until a deadline.
    fn take_further(&mut self, deadline: Instant, progress: &dyn Fn(Progress<'_>)) {
        let cases = self.selection.further_cases(self.part);
        self.take_prepared(cases, None, |exam, cases| {
            let suite = cases.first().map_or("", |first| first.case.suite());
            if Instant::now() >= deadline || exam.reason_to_stop(suite).is_some() {
                return ControlFlow::Break(());
            }
            let reports = exam.take(cases, progress);
            let count = reports.len();
            for report in reports {
                match report.verdict {
                    CaseVerdict::Passed => {
                        *exam.further_passed.entry(report.level).or_default() += 1;
                    }
                    CaseVerdict::Failed => exam.cases.push(report),
                    CaseVerdict::Expected | CaseVerdict::NotAttempted | CaseVerdict::NotAsked => {}
                }
            }
            ControlFlow::Continue(count)
        });
    }

    /// Prepares the cases and calls `take` with those that are ready, until it breaks: it returns how
    /// many of them it has taken.
    fn take_prepared(
        &mut self,
        cases: impl Iterator<Item = Option<(CaseKey, Case)>> + Send,
        counts: Option<Counts>,
        mut take: impl FnMut(&mut Self, &mut [Prepared]) -> ControlFlow<(), usize>,
    ) -> Option<Counts> {
        let is_asked = AtomicBool::new(self.reason_to_end().is_none());
        let interrupt = &self.selection.settings.limits.interrupt;
        let preparation =
            Preparation { machine: self.machine, interrupt, is_asked: &is_asked, counts };
        with_prepared(preparation, cases, |chunk| {
            let mut taken = 0;
            loop {
                match take(self, &mut chunk[taken..]) {
                    ControlFlow::Continue(count) => taken += count,
                    ControlFlow::Break(()) => return ControlFlow::Break(()),
                }
                is_asked.fetch_and(self.reason_to_end().is_none(), Ordering::Relaxed);
                if taken == chunk.len() {
                    return ControlFlow::Continue(());
                }
            }
        })
    }

    /// Takes the first of the cases, with those after it if they can be asked together. Returns a
    /// report on each.
    fn take(&mut self, cases: &mut [Prepared], progress: &dyn Fn(Progress<'_>)) -> Vec<CaseReport> {
        let Some(first) = cases.first_mut() else { return Vec::new() };
        let failed = self.failed;
        let done = self.cases.len() + self.further_passed.values().sum::<usize>();
        progress(Progress { port: 0, case: &first.case.id, done, failed });
        if let Some(obstacle) = first.obstacle.take() {
            self.asker.examinee.noted(obstacle);
        }
        if let Some((verdict, reason)) = self.left_out(&first.case) {
            return vec![match verdict {
                CaseVerdict::NotAttempted => self.not_attempted(first, reason, Duration::ZERO),
                verdict => report(first, verdict, Some(reason), Duration::ZERO),
            }];
        }
        let count = self.asker.batch_length(cases);
        let is_asked = |prepared: &&Prepared| {
            prepared.obstacle.is_none() && self.left_out(&prepared.case).is_none()
        };
        let count = cases[..count].iter().take_while(is_asked).count();
        let batch = &mut cases[..count];
        let Asked { passed, failed } = self.ask(batch);
        let passed = batch.iter().zip(passed);
        let mut reports: Vec<_> =
            passed.map(|(case, time)| report(case, CaseVerdict::Passed, None, time)).collect();
        if let Some((divergence, time)) = failed {
            reports.push(self.diverged(&batch[reports.len()], divergence, time));
        }
        reports
    }

    /// Asks the cases, or tries the task of the only one.
    fn ask(&mut self, batch: &mut [Prepared]) -> Asked {
        let case = &batch[0].case;
        if matches!(case.task, Task::Session | Task::Settled) {
            return self.asker.ask(batch);
        }
        let started = Instant::now();
        let outcome = try_task(&mut self.asker.examinee, case);
        let time = started.elapsed();
        match outcome {
            Ok(note) => {
                self.notes.extend(note.filter(|note| !self.notes.contains(note)));
                Asked { passed: vec![time], failed: None }
            }
            Err(divergence) => Asked { passed: Vec::new(), failed: Some((divergence, time)) },
        }
    }

    /// Adds the finding of a task, unless the port fails in a usual session, too.
    fn look_into_task(&mut self, case: &Case, task: &Task, divergence: &Divergence) {
        let examinee = &mut self.asker.examinee;
        let usual = usual_session(case);
        if let Some(divergence) = usual_divergence(examinee, &usual) {
            self.incidents.add(examinee, &usual, Vec::new, &divergence);
            return;
        }
        let finding = investigate_task(examinee, case, task, divergence);
        // It has run what the asker does not know of.
        examinee.stop();
        let is_known = |known: &&mut Reported| known.finding.fingerprint == finding.fingerprint;
        match self.findings.iter_mut().find(is_known) {
            Some(known) => known.cases.push(case.id.clone()),
            None => self.findings.push(Reported { finding, cases: vec![case.id.clone()] }),
        }
    }

    /// Returns the report on a case that diverged, and looks into it.
    fn diverged(
        &mut self,
        prepared: &Prepared,
        divergence: Divergence,
        time: Duration,
    ) -> CaseReport {
        if let Some(cause) = divergence.external_cause() {
            let reason = self.external_reason(cause);
            return report(prepared, CaseVerdict::NotAsked, Some(reason), time);
        }
        let case = &prepared.case;
        if let Some(name) = self.unknown_in(&divergence) {
            self.unknown.insert(name.into());
            let reason = self.lacking(case).unwrap_or_default();
            return self.not_attempted(prepared, reason, time);
        }
        self.failed += 1;
        let is_quick = case.seed.is_some() && divergence.is_wrong_answer();
        if !is_quick {
            *self.stopped_by.entry(case.suite().to_owned()).or_default() += 1;
        }
        self.hang_count += usize::from(divergence.is_timeout());
        match &case.task {
            Task::Session => {
                let past = self.asker.past();
                self.incidents.add(&mut self.asker.examinee, case, past, &divergence);
            }
            // It is investigated by its choices alone.
            Task::Settled => {
                self.incidents.add(&mut self.asker.examinee, case, Vec::new, &divergence);
            }
            task => self.look_into_task(case, task, &divergence),
        }
        let reason = divergence.headline(&subject(case));
        let report = report(prepared, CaseVerdict::Failed, Some(reason), time);
        CaseReport { divergence: Some(divergence), ..report }
    }

    /// Returns the name of the command that the port does not know, if this is all that is wrong.
    fn unknown_in<'d>(&self, divergence: &'d Divergence) -> Option<&'d str> {
        let Actual::Answer(answer) = &divergence.actual else { return None };
        divergence.name.as_deref().filter(|_| self.machine.is_unknown(answer))
    }

    /// Returns the verdict of a case that is not put to the port, and its reason.
    fn left_out(&self, case: &Case) -> Option<(CaseVerdict, String)> {
        if let Some(reason) = self.reason_to_stop(case.suite()) {
            return Some((CaseVerdict::NotAsked, reason));
        }
        self.lacking(case).map(|reason| (CaseVerdict::NotAttempted, reason))
    }

    /// Returns why the case cannot be attempted, if the port lacks commands of it.
    fn lacking(&self, case: &Case) -> Option<String> {
        let lacking: Vec<_> = self.unknown_words(case).collect();
        (!lacking.is_empty()).then(|| format!("the port does not know {}", lacking.join(", ")))
    }

    /// Returns the commands of the case that the port does not know.
    fn unknown_words(&self, case: &Case) -> impl Iterator<Item = &str> {
        let has = |word: &&str| {
            case.lines.iter().any(|line| self.machine.word_of(line) == word.as_bytes())
                || case.names.iter().any(|name| **name == **word)
        };
        self.unknown.iter().map(String::as_str).filter(has)
    }

    /// Returns the report on a case of which the port lacks commands, as may be expected.
    fn not_attempted(&mut self, prepared: &Prepared, reason: String, time: Duration) -> CaseReport {
        let level = |word: &str| {
            let mut levels = self.machine.levels().iter();
            Some(levels.position(|level| level.words.iter().any(|known| known == word))? + 1)
        };
        let levels = self.unknown_words(&prepared.case).filter_map(level).collect();
        let (verdict, reason) = match self.ledger.take_lacking(&levels) {
            Some(because) => (CaseVerdict::Expected, expected_reason(&reason, because)),
            None => (CaseVerdict::NotAttempted, reason),
        };
        report(prepared, verdict, Some(reason), time)
    }

    /// Returns why no further case of the suite is asked, if that is so. The reason stays the same.
    fn reason_to_stop(&self, suite: &str) -> Option<String> {
        let stopped = self.stopped_by.get(suite).copied().unwrap_or_default();
        // Expected differences must not hide others, and only an investigation shows which are.
        if stopped >= FAILURES_PER_SUITE_MAX && self.ledger.is_empty() {
            return Some(format!("{FAILURES_PER_SUITE_MAX} cases of {suite} had failed"));
        }
        self.reason_to_end()
    }

    /// Returns why no further case of any suite is asked, if that is so.
    fn reason_to_end(&self) -> Option<String> {
        let external_cause = self.asker.examinee.external_cause();
        if self.greeting.is_empty() && external_cause.is_none() {
            Some("the program did not greet as a port".into())
        } else if self.hang_count >= HANGS_MAX {
            Some(format!("{HANGS_MAX} cases had taken the whole time limit"))
        } else if self.selection.settings.fail_fast && self.failed > 0 {
            Some("a case had failed (--fail-fast)".into())
        } else if let Some(cause) = external_cause {
            Some(self.external_reason(cause))
        } else {
            self.asker.examinee.is_stopped().then(|| self.external_reason(&Failure::Interrupted))
        }
    }

    fn external_reason(&self, cause: &Failure) -> String {
        match cause {
            Failure::Interrupted => "the exam was interrupted".into(),
            failed @ Failure::Reference(_) => failed.to_string(),
            cause if self.greeting.is_empty() => format!("the port cannot be run: {cause}"),
            cause => format!("the port cannot be run any more: {cause}"),
        }
    }

    fn level(&self, number: usize) -> LevelReport {
        let level = &self.machine.levels()[number - 1];
        let cases = || self.cases.iter().filter(|case| case.level == number);
        let count = |verdict| cases().filter(|case| case.verdict == verdict).count();
        let words = level.words.iter();
        LevelReport {
            number,
            name: level.name.clone(),
            is_only: self.machine.levels().len() == 1,
            unknown: words.filter(|word| self.unknown.contains(*word)).cloned().collect(),
            passed: count(CaseVerdict::Passed)
                + self.further_passed.get(&number).copied().unwrap_or_default(),
            failed: count(CaseVerdict::Failed),
            expected: count(CaseVerdict::Expected),
            left_out: count(CaseVerdict::NotAttempted)
                + count(CaseVerdict::NotAsked)
                + self.unlisted,
        }
    }
}

/// Returns the reason of a case that did not pass, as is expected.
fn expected_reason(reason: &str, because: &str) -> String {
    format!("{reason} (expected: {because})")
}

fn report(
    prepared: &Prepared,
    verdict: CaseVerdict,
    reason: Option<String>,
    time: Duration,
) -> CaseReport {
    let (id, level, seconds) = (prepared.case.id.clone(), prepared.level, time.as_secs_f64());
    CaseReport { id, level, verdict, reason, seconds, divergence: None }
}
