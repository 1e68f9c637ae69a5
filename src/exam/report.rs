//! The result of an exam.

use serde::Serialize;

use crate::divergence::Divergence;
use crate::expected::{ExpectedEntry, ExpectedReport};
use crate::finding::Finding;
use crate::tally::Reached;

/// The outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseVerdict {
    /// Every answer was the reference's.
    Passed,
    /// The port diverged.
    Failed,
    /// The port diverged, or does not know a command of the case, and this is expected of it.
    Expected,
    /// The port does not know a command of the case.
    NotAttempted,
    /// The exam of this port, or its suite, was stopped before.
    NotAsked,
}

/// A case and its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// The case's id.
    pub id: String,
    /// The level that a port must have reached to answer it.
    pub level: usize,
    /// The outcome.
    pub verdict: CaseVerdict,
    /// The divergence as one line of text if it failed; the cause if it was not attempted or not
    /// asked; either, and why it is expected, if it is; none if it passed.
    pub reason: Option<String>,
    /// How long the port took. Of cases that it was asked together, each counts from the end of the
    /// answers to the one before it.
    pub seconds: f64,
    #[serde(skip)]
    pub(crate) divergence: Option<Divergence>,
}

/// The outcome of a level.
#[derive(Clone, Debug, Serialize)]
pub struct LevelReport {
    /// From 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Whether its machine has no other level.
    #[serde(skip)]
    pub is_only: bool,
    /// Its commands that the port does not know. A port that lacks some has not reached the level.
    pub unknown: Vec<String>,
    /// How many of its cases passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many did not pass, as is expected.
    pub expected: usize,
    /// How many were not attempted or not asked. Cases that an interruption left unlisted count in
    /// every level.
    pub left_out: usize,
}

impl LevelReport {
    /// Reports whether the port has every command of this level and passed every case, apart from
    /// what is expected.
    #[must_use]
    pub fn conforms(&self) -> bool {
        let is_complete = self.failed == 0 && self.left_out == 0;
        is_complete && (self.expected > 0 || self.unknown.is_empty() && self.passed > 0)
    }

    /// Returns number and name; the name alone of an only level.
    #[must_use]
    pub fn title(&self) -> String {
        if self.is_only { self.name.clone() } else { format!("{} {}", self.number, self.name) }
    }

    /// Returns the title as a part of a sentence.
    pub(crate) fn phrase(&self) -> String {
        let word = if self.is_only { "" } else { "level " };
        format!("{word}{}", self.title())
    }
}

/// The outcome of a port's exam.
#[derive(Clone, Debug, Serialize)]
pub struct PortReport {
    /// The port's name.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// Its greeting; empty if it is not a port.
    pub greeting: String,
    /// The levels that were asked about, in order.
    pub levels: Vec<LevelReport>,
    /// Every selected case, and of the generated cases beyond them those that failed.
    pub cases: Vec<CaseReport>,
    /// How many selected cases are neither asked nor listed, since an interruption or an error of the
    /// operating system left too many, or the reference failed, which makes them.
    pub unlisted: usize,
    /// Why those were not asked; none if there are none.
    pub unlisted_reason: Option<String>,
    /// How many generated cases beyond the selected ones passed. They are not listed, since there
    /// is no bound on their number.
    pub further_passed: usize,
    /// The port's errors, one for each fingerprint, apart from those that are expected.
    pub findings: Vec<Finding>,
    /// The expected differences that were seen.
    pub expected: Vec<ExpectedReport>,
    /// The expected differences that were not seen although every case was asked.
    pub unseen: Vec<ExpectedEntry>,
    /// Oddities that are not errors, as lines of text.
    pub notes: Vec<String>,
    /// Why it could not be examined, if the cause is not the port: an error of the operating
    /// system, or an interruption before its greeting.
    pub external_cause: Option<String>,
    /// How long its exam took.
    pub seconds: f64,
}

impl PortReport {
    /// Returns the number of cases with this verdict.
    #[must_use]
    pub fn count(&self, verdict: CaseVerdict) -> usize {
        let listed = self.cases.iter().filter(|case| case.verdict == verdict).count();
        let unlisted = match verdict {
            CaseVerdict::Passed => self.further_passed,
            CaseVerdict::NotAsked => self.unlisted,
            CaseVerdict::Failed | CaseVerdict::Expected | CaseVerdict::NotAttempted => 0,
        };
        listed + unlisted
    }

    /// Returns the reasons for which cases were not asked, in the order of the cases, each with the
    /// number of its cases.
    #[must_use]
    pub fn not_asked(&self) -> Vec<(&str, usize)> {
        let listed = self.cases.iter().filter(|case| case.verdict == CaseVerdict::NotAsked);
        let listed = listed.map(|case| (case.reason.as_deref(), 1));
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for (reason, count) in listed.chain([(self.unlisted_reason.as_deref(), self.unlisted)]) {
            let Some(reason) = reason else { continue };
            match groups.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, known_count)) => *known_count += count,
                None => groups.push((reason, count)),
            }
        }
        groups
    }

    /// Returns the commands of all levels that the port does not know.
    #[must_use]
    pub fn unknown(&self) -> Vec<&str> {
        self.levels.iter().flat_map(|level| &level.unknown).map(String::as_str).collect()
    }

    /// Returns the number of cases.
    #[must_use]
    pub fn case_count(&self) -> usize {
        self.cases.len() + self.unlisted + self.further_passed
    }

    /// Reports whether it could be examined: its greeting was right, and nothing outside the port
    /// was in the way.
    #[must_use]
    pub fn is_examined(&self) -> bool {
        !self.greeting.is_empty() && self.external_cause.is_none()
    }

    /// Reports whether the port was asked anything of a case: its lines, or whether it knows them.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.count(CaseVerdict::NotAsked) < self.case_count()
    }

    /// Reports whether it differs from the reference in another way than is expected: by a finding,
    /// or since an expected difference was not seen.
    #[must_use]
    pub fn diverges(&self) -> bool {
        self.has_errors() || !self.unseen.is_empty()
    }

    /// Reports whether it has errors that are not expected.
    pub(crate) fn has_errors(&self) -> bool {
        !self.findings.is_empty() || self.count(CaseVerdict::Failed) > 0
    }

    /// Reports whether every case was asked and passed, apart from what is expected.
    #[must_use]
    pub fn conforms(&self) -> bool {
        let as_due =
            [CaseVerdict::Passed, CaseVerdict::Expected].map(|verdict| self.count(verdict));
        as_due.iter().sum::<usize>() == self.case_count() && !self.diverges() && self.is_examined()
    }
}

/// The outcome of an exam.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed of the generated cases.
    pub seed: u64,
    /// How many cases were selected for each port.
    pub case_count: usize,
    /// The ports, in the order in which they were named, and then the reference, if it was asked cases
    /// that compare no program with another.
    pub ports: Vec<PortReport>,
    /// The milestones that the cases reached in the reference, and how often; none if no port greets.
    pub caused: Vec<(String, u64)>,
    /// The ranges that the cases reached in the reference; none if no port greets.
    pub reached: Vec<Reached>,
    /// Errors of the exam itself: milestones and ranges that it should have reached and did not.
    pub exam_errors: Vec<String>,
    /// Whether it was interrupted.
    pub is_interrupted: bool,
    /// How long it took.
    pub seconds: f64,
}

/// The verdict of an exam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExamVerdict {
    /// Every port answered every case as the reference does, apart from expected differences.
    Conforms,
    /// A port diverges, or an expected difference was not seen.
    Diverges,
    /// No port diverges, but one lacks commands that cases need.
    Incomplete,
    /// A port could not be examined, the exam did not reach its milestones, nothing was asked, or
    /// it was interrupted before anything was found.
    Broken,
}

impl ExamVerdict {
    /// Returns its word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::Diverges => "diverges",
            Self::Incomplete => "incomplete",
            Self::Broken => "broken",
        }
    }
}

impl Report {
    /// Returns the verdict.
    #[must_use]
    pub fn verdict(&self) -> ExamVerdict {
        let is_examined = self.ports.iter().all(PortReport::is_examined);
        let has_findings = self.ports.iter().any(|port| !port.findings.is_empty());
        let is_broken = self.case_count == 0
            || self.ports.is_empty()
            || !is_examined
            || !has_findings && !self.ports.iter().any(PortReport::is_asked)
            || !self.exam_errors.is_empty()
            || self.is_interrupted && !has_findings;
        if is_broken {
            ExamVerdict::Broken
        } else if self.ports.iter().all(PortReport::conforms) {
            ExamVerdict::Conforms
        } else if self.ports.iter().any(PortReport::diverges) {
            ExamVerdict::Diverges
        } else {
            ExamVerdict::Incomplete
        }
    }
}
