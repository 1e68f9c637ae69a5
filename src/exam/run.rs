//! The exam itself: which cases are asked, of whom, and what came of them.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::exam::case::{Case, LEVELS, need_fresh_session, word};
use crate::exam::coverage::{self, Tally};
use crate::exam::examinee::{Actual, Divergence, Examinee};
use crate::exam::finding::{Finding, headline};
use crate::exam::fingerprint::fingerprint;
use crate::exam::investigate::investigate;
use crate::exam::port::{Failure, PortSpec};
use crate::exam::sections::{GENERATED_SECTIONS, Plan, Section, sections};
use crate::exam::shrink::Budget;

/// After how many failing cases the rest of a section is not asked any more.
const FAILURES_PER_SECTION_MAX: usize = 20;
/// After how many cases without an answer the rest of the exam is not asked any more.
const HANGS_MAX: usize = 3;
/// How many findings are looked into, and how many of one raw fingerprint.
const FINDINGS_MAX: usize = 40;
const FINDINGS_ALIKE_MAX: usize = 2;
/// How many lines a port is asked before it is started anew, so that memory stays flat.
const HISTORY_LINES_MAX: usize = 200_000;
/// Under how many generated cases a section is too short to be held to what it must cause.
const TELLING_CASES: usize = 300;

/// What to ask and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cases.
    pub plan: Plan,
    /// Only cases whose section, id or name is one of these; all where there are none.
    pub only: Vec<String>,
    /// Only cases of at most this level, 1 to 5.
    pub level_max: usize,
    /// Only every `.1`th case, beginning at `.0`, which counts from 1.
    pub shard: (usize, usize),
    /// Go on with generated cases for so long.
    pub time: Option<Duration>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Stop at the first failing case of a port.
    pub fail_fast: bool,
    /// How hard to look for the shortest trace.
    pub budget: Budget,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plan: Plan::default(),
            only: Vec::new(),
            level_max: LEVELS.len(),
            shard: (1, 1),
            time: None,
            timeout: Duration::from_secs(10),
            fail_fast: false,
            budget: Budget { time: Duration::from_secs(20), attempts: 5_000 },
        }
    }
}

/// What came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every answer was the reference's.
    Passed,
    /// The port diverged.
    Failed,
    /// The port does not know a command of the case.
    NotAttempted,
    /// The exam of this port, or of the section, was broken off before.
    NotAsked,
}

/// A case and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// The case's id.
    pub id: String,
    /// The highest level of a command in it.
    pub level: usize,
    /// What came of it.
    pub verdict: Verdict,
    /// Its divergence, as one line, where it failed.
    pub reason: Option<String>,
    /// How long it took.
    pub seconds: f64,
    #[serde(skip)]
    divergence: Option<Divergence>,
}

/// What came of one level.
#[derive(Clone, Debug, Serialize)]
pub struct LevelReport {
    /// 1 to 5.
    pub number: usize,
    /// Its name.
    pub name: &'static str,
    /// The commands that the port answers with `unknown-command`. Where there are any, the port
    /// has not reached this level.
    pub unknown: Vec<&'static str>,
    /// How many of its cases passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were not attempted or not asked.
    pub left_out: usize,
}

impl LevelReport {
    /// Whether the port has every command of this level, and every case asked of it passed.
    #[must_use]
    pub fn conforms(&self) -> bool {
        self.unknown.is_empty() && self.failed == 0 && self.left_out == 0 && self.passed > 0
    }
}

/// What came of a port.
#[derive(Clone, Debug, Serialize)]
pub struct PortReport {
    /// What the port is called.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// Its answer to `hello`.
    pub greeting: String,
    /// The levels that were asked about.
    pub levels: Vec<LevelReport>,
    /// Every case.
    pub cases: Vec<CaseResult>,
    /// What is wrong with it, each fault once.
    pub findings: Vec<Finding>,
    /// How long its exam took.
    pub seconds: f64,
}

impl PortReport {
    /// How many cases had this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// Whether it answered `hello` as a port does.
    #[must_use]
    pub fn is_examined(&self) -> bool {
        !self.greeting.is_empty()
    }

    /// Whether every case that was asked for was asked, and passed.
    #[must_use]
    pub fn conforms(&self) -> bool {
        self.count(Verdict::Passed) == self.cases.len() && self.findings.is_empty()
    }
}

/// What came of an exam.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed of the generated cases.
    pub seed: u64,
    /// How many cases each port was to be asked.
    pub case_count: usize,
    /// The ports, in the order in which they were named.
    pub ports: Vec<PortReport>,
    /// What the cases made happen in the reference.
    pub caused: Vec<(String, u64)>,
    /// Faults of the exam itself: what it should have caused and did not.
    pub harness_faults: Vec<String>,
    /// Whether it was interrupted.
    pub is_interrupted: bool,
    /// How long it took.
    pub seconds: f64,
}

/// What an exam comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every port answered every case as the reference does.
    Conforms,
    /// A port diverges, or has not reached a level that was asked about.
    Diverges,
    /// A port could not be examined, the exam did not cause what it should have, nothing was
    /// asked, or it was interrupted before anything was found.
    Broken,
}

impl Report {
    /// What the exam comes to.
    #[must_use]
    pub fn verdict(&self) -> Outcome {
        let is_examined = self.ports.iter().all(PortReport::is_examined);
        let has_findings = self.ports.iter().any(|port| !port.findings.is_empty());
        let is_broken = self.case_count == 0
            || self.ports.is_empty()
            || !is_examined
            || !self.harness_faults.is_empty()
            || self.is_interrupted && !has_findings;
        if is_broken {
            Outcome::Broken
        } else if self.ports.iter().all(PortReport::conforms) {
            Outcome::Conforms
        } else {
            Outcome::Diverges
        }
    }
}

/// How far an exam has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The port's position among those examined.
    pub port: usize,
    /// The case that is asked now.
    pub case: &'a str,
    /// How many cases were asked before.
    pub done: usize,
    /// How many failed.
    pub failed: usize,
}

/// The cases that the settings ask for, in order.
pub struct Selection {
    sections: Vec<Section>,
    chosen: Vec<(usize, usize)>,
    settings: Settings,
    /// What the cases cause is the same for every port.
    survey: OnceLock<Survey>,
}

/// What cases make happen in the reference.
struct Survey {
    caused: Tally,
    /// What they should cause and do not.
    faults: Vec<String>,
}

impl Selection {
    /// Chooses the cases.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let sections = sections(&settings.plan);
        let mut chosen = Vec::new();
        let (shard, shard_count) = settings.shard;
        let mut position = 0;
        for (section_number, section) in sections.iter().enumerate() {
            for number in 0..section.count() {
                let is_mine = position % shard_count == shard - 1;
                position += 1;
                if !is_mine {
                    continue;
                }
                let is_wanted = settings.only.is_empty() && settings.level_max == LEVELS.len()
                    || settings.wants(&section.case(number));
                if is_wanted {
                    chosen.push((section_number, number));
                }
            }
        }
        Self { sections, chosen, settings: settings.clone(), survey: OnceLock::new() }
    }

    /// How many cases there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.chosen.len()
    }

    /// The cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = Case> {
        self.chosen.iter().map(|(section, number)| self.sections[*section].case(*number))
    }

    /// Generated cases beyond those of the plan, without end.
    fn further_cases(&self) -> impl Iterator<Item = Case> {
        let (shard, shard_count) = self.settings.shard;
        let generated = |section: &&Section| GENERATED_SECTIONS.contains(&section.name);
        (0..)
            .flat_map(move |round: usize| {
                let number = self.settings.plan.generated_count + round * shard_count + shard - 1;
                self.sections.iter().filter(generated).map(move |section| section.case(number))
            })
            .filter(|case| self.settings.wants(case))
    }

    /// The sections, and for each how many of its cases were chosen.
    pub fn sections(&self) -> impl Iterator<Item = (&Section, usize)> {
        self.sections.iter().enumerate().map(|(number, section)| {
            (section, self.chosen.iter().filter(|(chosen, _)| *chosen == number).count())
        })
    }

    fn survey(&self) -> &Survey {
        self.survey.get_or_init(|| self.make_survey())
    }

    fn make_survey(&self) -> Survey {
        let mut caused = Tally::new();
        let mut faults = Vec::new();
        for (number, (section, chosen_count)) in self.sections().enumerate() {
            let mut tally = Tally::new();
            for (_, case) in self.chosen.iter().filter(|(chosen, _)| *chosen == number) {
                coverage::observe(&section.case(*case).lines, &mut tally);
            }
            let is_generated = GENERATED_SECTIONS.contains(&section.name);
            let is_telling =
                chosen_count == section.count() && (!is_generated || chosen_count >= TELLING_CASES);
            for event in section.must_cause.iter().filter(|_| is_telling) {
                if !tally.contains_key(event) {
                    faults.push(format!("section {} caused no {event}", section.name));
                }
            }
            for (event, count) in tally {
                *caused.entry(event).or_default() += count;
            }
        }
        Survey { caused, faults }
    }
}

impl Settings {
    fn wants(&self, case: &Case) -> bool {
        case.level() <= self.level_max
            && (self.only.is_empty() || self.only.iter().any(|wanted| matches_id(&case.id, wanted)))
    }
}

/// Whether an id is the one that is wanted, in the section, or of the name: `traces`,
/// `traces/case-15-deposed-tail-is-truncated`, `traces/case-15` and `case-15` all name that case.
fn matches_id(id: &str, wanted: &str) -> bool {
    let begins = |text: &str| {
        let rest = text.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '-']))
    };
    begins(id) || id.split_once('/').is_some_and(|(_, name)| begins(name))
}

/// Examines the ports, several at a time where there are processors for it.
pub fn examine(
    ports: &[PortSpec],
    selection: &Selection,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Report {
    let started = Instant::now();
    let settings = &selection.settings;
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(ports.len());
    let mut reports: Vec<(usize, PortReport)> = Vec::new();
    let survey = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(port) = ports.get(position) else { return done };
                let exam = PortExam::new(port.clone(), selection);
                done.push((
                    position,
                    exam.run(&|step| progress(Progress { port: position, ..step })),
                ));
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let survey = selection.survey();
        for handle in handles {
            reports.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        survey
    });
    reports.sort_by_key(|(position, _)| *position);
    let mut ports: Vec<_> = reports.into_iter().map(|(_, report)| report).collect();
    note_same_answers(&mut ports);
    Report {
        seed: settings.plan.seed,
        case_count: selection.count(),
        ports,
        caused: survey.caused.iter().map(|(event, count)| (event.to_string(), *count)).collect(),
        harness_faults: survey.faults.clone(),
        is_interrupted: crate::exam::port::INTERRUPTED.load(Ordering::Relaxed),
        seconds: started.elapsed().as_secs_f64(),
    }
}

/// Where ports agree with each other and not with the reference, the reference may be wrong.
fn note_same_answers(ports: &mut [PortReport]) {
    let answers: Vec<Vec<(String, Divergence)>> = ports
        .iter()
        .map(|port| {
            let failed = port.cases.iter();
            failed.filter_map(|case| Some((case.id.clone(), case.divergence.clone()?))).collect()
        })
        .collect();
    let names: Vec<_> = ports.iter().map(|port| port.name.clone()).collect();
    for (position, port) in ports.iter_mut().enumerate() {
        for finding in &mut port.findings {
            let own = answers[position].iter().find(|(id, _)| *id == finding.case);
            for (other, name) in names.iter().enumerate().filter(|(other, _)| *other != position) {
                let theirs = answers[other].iter().find(|(id, _)| *id == finding.case);
                if let (Some((_, own)), Some((_, theirs))) = (own, theirs)
                    && own.is_same_answer(theirs)
                {
                    finding.same_answer_from.push(name.clone());
                }
            }
        }
    }
}

/// The exam of one port.
struct PortExam<'a> {
    examinee: Examinee,
    selection: &'a Selection,
    unknown: BTreeSet<&'static str>,
    /// What the port was asked since it was started.
    history: Vec<Vec<u8>>,
    cases: Vec<CaseResult>,
    findings: Vec<Finding>,
    raw_fingerprints: Vec<String>,
    hang_count: usize,
    /// Whether it answered `hello` as a port does.
    is_port: bool,
}

impl<'a> PortExam<'a> {
    fn new(spec: PortSpec, selection: &'a Selection) -> Self {
        Self {
            examinee: Examinee::new(spec, selection.settings.timeout),
            selection,
            unknown: BTreeSet::new(),
            history: Vec::new(),
            cases: Vec::new(),
            findings: Vec::new(),
            raw_fingerprints: Vec::new(),
            hang_count: 0,
            is_port: false,
        }
    }

    fn run(mut self, progress: &dyn Fn(Progress<'_>)) -> PortReport {
        let started = Instant::now();
        let greeting = self.greet();
        self.is_port = !greeting.is_empty();
        if self.is_port {
            self.find_unknown_words();
        }
        let deadline = self.selection.settings.time.map(|time| started + time);
        for case in self.selection.cases() {
            self.report_progress(&case, progress);
            self.take(case);
        }
        if let Some(deadline) = deadline {
            for case in self.selection.further_cases() {
                if Instant::now() >= deadline || self.is_broken_off(&case) {
                    break;
                }
                self.report_progress(&case, progress);
                self.take(case);
            }
        }
        self.examinee.stop();
        let levels = (1..=self.selection.settings.level_max).map(|number| self.level(number));
        PortReport {
            name: self.examinee.spec().name.clone(),
            command: shell_words::join(&self.examinee.spec().command),
            greeting,
            levels: levels.collect(),
            cases: self.cases,
            findings: self.findings,
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    fn report_progress(&self, case: &Case, progress: &dyn Fn(Progress<'_>)) {
        let failed = self.cases.iter().filter(|case| case.verdict == Verdict::Failed).count();
        progress(Progress { port: 0, case: &case.id, done: self.cases.len(), failed });
    }

    /// Asks `hello`, which tells whether this is a port at all.
    fn greet(&mut self) -> String {
        let case = Case {
            id: "hello/hello".into(),
            lines: vec![b"hello".to_vec()],
            delivery: crate::exam::case::Delivery::Stepwise,
        };
        let expected = Some(b"ok dkv20 1 NAME".to_vec());
        let divergence = match self.examinee.start() {
            Ok(()) => {
                let greeting = self.examinee.greeting().unwrap_or_default().to_vec();
                if is_greeting(&greeting) {
                    return String::from_utf8_lossy(&greeting).into_owned();
                }
                Divergence { step: 0, expected, actual: Actual::Answer(greeting) }
            }
            Err(failure) => Divergence { step: 0, expected, actual: Actual::Failed(failure) },
        };
        self.findings.push(Finding::greeting(&case, divergence, self.examinee.stderr_tail()));
        String::new()
    }

    /// Asks each command once, to see whether it is known at all.
    fn find_unknown_words(&mut self) {
        let words: Vec<_> = LEVELS.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        let lines: Vec<Vec<u8>> = words.iter().map(|word| probe(word)).collect();
        if let Ok(answers) = self.examinee.ask(&lines) {
            let unknown = words.iter().zip(&answers);
            let unknown = unknown.filter(|(_, answer)| *answer == b"err unknown-command");
            self.unknown = unknown.map(|(word, _)| *word).collect();
        }
        self.examinee.stop();
    }

    fn take(&mut self, case: Case) {
        let started = Instant::now();
        let (verdict, divergence) = if self.is_broken_off(&case) {
            (Verdict::NotAsked, None)
        } else if case.lines.iter().any(|line| self.is_unknown(line)) {
            (Verdict::NotAttempted, None)
        } else {
            match self.ask(&case) {
                Ok(()) => (Verdict::Passed, None),
                Err(divergence) => match divergence.actual {
                    Actual::Failed(Failure::Interrupted) => (Verdict::NotAsked, None),
                    _ => (Verdict::Failed, Some(divergence)),
                },
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let reason = divergence.as_ref().map(|divergence| self.look_into(&case, divergence));
        let level = case.level();
        self.cases.push(CaseResult { id: case.id, level, verdict, reason, seconds, divergence });
    }

    fn ask(&mut self, case: &Case) -> Result<(), Divergence> {
        if need_fresh_session(&case.lines) || self.history.len() > HISTORY_LINES_MAX {
            self.examinee.stop();
        }
        if !self.examinee.is_running() {
            self.history.clear();
        }
        let outcome = self.examinee.run(&case.lines, case.delivery);
        if outcome.is_ok() {
            self.history.extend(case.lines_written());
        }
        outcome
    }

    /// Finds out what is behind a failing case, unless enough is known of its kind.
    fn look_into(&mut self, case: &Case, divergence: &Divergence) -> String {
        if matches!(&divergence.actual, Actual::Failed(failure) if failure.is_timeout()) {
            self.hang_count += 1;
        }
        let line = case.lines.get(divergence.step).map_or(&[][..], Vec::as_slice);
        let raw = fingerprint(line, divergence);
        let reason = headline(line, divergence);
        let alike = self.raw_fingerprints.iter().filter(|known| **known == raw).count();
        if alike < FINDINGS_ALIKE_MAX && self.findings.len() < FINDINGS_MAX {
            self.raw_fingerprints.push(raw);
            let budget = self.selection.settings.budget;
            let history = std::mem::take(&mut self.history);
            let finding =
                investigate(&mut self.examinee, case, &history, divergence.clone(), budget);
            if !self.findings.iter().any(|known| known.fingerprint == finding.fingerprint) {
                self.findings.push(finding);
            }
        }
        reason
    }

    fn is_unknown(&self, line: &[u8]) -> bool {
        self.unknown.iter().any(|unknown| unknown.as_bytes() == word(line))
    }

    /// Whether enough has failed already.
    fn is_broken_off(&self, case: &Case) -> bool {
        let failed = self.cases.iter().filter(|case| case.verdict == Verdict::Failed);
        let in_section = |other: &&CaseResult| other.id.split('/').next() == Some(case.section());
        crate::exam::port::INTERRUPTED.load(Ordering::Relaxed)
            || !self.is_port
            || self.hang_count >= HANGS_MAX
            || self.selection.settings.fail_fast && failed.clone().next().is_some()
            || failed.filter(in_section).count() >= FAILURES_PER_SECTION_MAX
    }

    fn level(&self, number: usize) -> LevelReport {
        let (name, words) = LEVELS[number - 1];
        let cases = || self.cases.iter().filter(|case| case.level == number);
        let count = |verdict| cases().filter(|case| case.verdict == verdict).count();
        LevelReport {
            number,
            name,
            unknown: words.iter().copied().filter(|word| self.unknown.contains(word)).collect(),
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            left_out: count(Verdict::NotAttempted) + count(Verdict::NotAsked),
        }
    }
}

/// `ok dkv20 1 NAME`, with a name of one token.
pub(crate) fn is_greeting(answer: &[u8]) -> bool {
    let name = answer.strip_prefix(b"ok dkv20 1 ");
    name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
}

/// A right use of the command that a session without a cluster answers, and that changes nothing:
/// a port that knows it answers anything but unknown-command.
fn probe(word: &str) -> Vec<u8> {
    let arguments = match word {
        // `new` of no replicas, so that there is still no cluster afterwards.
        "mix" | "new" | "replica" | "hash" | "dump" | "log" => " 0",
        "draw" => " 0 1",
        "load" => " 0x",
        "put" => " a b",
        "del" => " a",
        "get" => " 0 a",
        "at" => " 0 noop",
        "workload" => " 0 1 0",
        // There is none of that name: those that there are take long.
        "scenario" => " C",
        "chaos" => " 0 0",
        _ => "",
    };
    format!("{word}{arguments}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;

    #[test]
    fn the_reference_knows_every_probe_and_stays_without_a_cluster() {
        let mut session = Session::new();
        for word in LEVELS.iter().flat_map(|(_, words)| *words) {
            let mut answer = String::new();
            session.answer(&probe(word), &mut answer);
            assert!(!["err unknown-command", "err syntax"].contains(&answer.as_str()), "{word}");
        }
        assert!(session.cluster().is_none());
    }
}
