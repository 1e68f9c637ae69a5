//! Differences that are expected of a port, so that only others count.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use regex::Regex;
use serde::Serialize;

use crate::finding::Finding;

/// A known difference between a port and the reference.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The name of the port.
    pub port: String,
    /// The findings and cases that it stands for.
    pub shape: Shape,
    /// One sentence on the cause.
    pub because: String,
    /// A link to a report.
    pub link: Option<String>,
}

/// The findings and cases that a known difference stands for.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Findings that are alike.
    Difference(Difference),
    /// The port has not reached this level, from 1: it lacks commands of it, or its cases fail.
    /// Then it has not reached those above either, so this stands for every finding of this level
    /// or a higher one, and for every case that lacks only commands of these levels. It is seen if
    /// the port lacks a command of the level itself, or has a finding of it.
    Level(usize),
}

/// Findings that are alike.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The pattern as it was given.
    pattern: String,
    /// Matches whole fingerprints.
    fingerprint: Regex,
    /// The names of commands that suffice to show it: [`Finding::commands`] has no others. Any
    /// commands if it is `None`.
    pub commands: Option<BTreeSet<String>>,
    /// The names of commands without which it does not occur: [`Finding::commands`] has them all.
    pub needs: BTreeSet<String>,
}

impl Difference {
    /// Makes the difference of all findings whose whole fingerprint the pattern matches, a regular
    /// expression as in the crate `regex`.
    ///
    /// # Errors
    ///
    /// The pattern is no regular expression; the reason is one line.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{pattern}` is no regular expression: {reason}")
        });
        let (pattern, needs) = (pattern.to_owned(), BTreeSet::new());
        whole.map(|fingerprint| Self { pattern, fingerprint, commands: None, needs })
    }

    fn matches(&self, finding: &Finding) -> bool {
        let suffices = |commands: &BTreeSet<String>| finding.commands.is_subset(commands);
        self.fingerprint.is_match(&finding.fingerprint)
            && self.commands.as_ref().is_none_or(suffices)
            && self.needs.is_subset(&finding.commands)
    }
}

impl Expected {
    /// Reports whether it stands for the finding.
    pub(crate) fn matches(&self, finding: &Finding) -> bool {
        match &self.shape {
            Shape::Difference(difference) => difference.matches(finding),
            Shape::Level(level) => finding.level >= *level,
        }
    }

    fn entry(&self) -> ExpectedEntry {
        let (what, because) = (self.shape.to_string(), self.because.clone());
        ExpectedEntry { what, because, link: self.link.clone() }
    }
}

impl Display for Shape {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let difference = match self {
            Self::Difference(difference) => difference,
            Self::Level(level) => return write!(formatter, "level {level} is not reached"),
        };
        write!(formatter, "{}", difference.pattern)?;
        let joined = |names: &BTreeSet<String>| {
            names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let commands = difference.commands.as_ref().map(joined);
        let commands = commands.map(|names| format!("commands {names}"));
        let needs = (!difference.needs.is_empty()).then(|| joined(&difference.needs));
        let limits: Vec<_> =
            commands.into_iter().chain(needs.map(|names| format!("needs {names}"))).collect();
        if limits.is_empty() { Ok(()) } else { write!(formatter, " ({})", limits.join("; ")) }
    }
}

/// A known difference as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct ExpectedEntry {
    /// The findings that it stands for: the pattern with the names of commands, or a level.
    pub what: String,
    /// One sentence on the cause.
    pub because: String,
    /// A link to a report.
    pub link: Option<String>,
}

/// A known difference that was seen.
#[derive(Clone, Debug, Serialize)]
pub struct ExpectedReport {
    /// The difference.
    #[serde(flatten)]
    pub entry: ExpectedEntry,
    /// How many findings it stands for.
    pub findings: usize,
    /// How many cases.
    pub cases: usize,
    /// The shortest of the findings; none if the port only lacks commands.
    pub shortest: Option<Finding>,
}

/// The known differences of a port, and what was seen of each.
pub(crate) struct Ledger {
    expected: Vec<Expected>,
    seen: Vec<Seen>,
}

#[derive(Clone, Default)]
struct Seen {
    findings: Vec<Finding>,
    cases: usize,
    /// Whether the port lacks a command of the very level.
    lacks_command: bool,
}

impl Ledger {
    /// Makes the ledger of these differences, all of one port.
    pub(crate) fn new(expected: Vec<Expected>) -> Self {
        let seen = vec![Seen::default(); expected.len()];
        Self { expected, seen }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }

    pub(crate) fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// Returns the position of the first difference that stands for the finding.
    pub(crate) fn position_of(&self, finding: &Finding) -> Option<usize> {
        position(&self.expected, finding)
    }

    /// Takes down a finding that the difference stands for, and the number of its cases. Shorter
    /// findings come first.
    pub(crate) fn take(&mut self, position: usize, finding: Finding, cases: usize) {
        let seen = &mut self.seen[position];
        seen.findings.push(finding);
        seen.cases += cases;
    }

    /// Takes down a case that lacks commands of these levels. Returns why that is expected, if it is.
    pub(crate) fn take_lacking(&mut self, levels: &BTreeSet<usize>) -> Option<&str> {
        let covers = |expected: &Expected| match expected.shape {
            Shape::Level(level) => levels.first().filter(|least| **least >= level).map(|_| level),
            Shape::Difference(_) => None,
        };
        let found = self.expected.iter().enumerate();
        let (position, level) =
            found.into_iter().find_map(|(at, expected)| Some((at, covers(expected)?)))?;
        let seen = &mut self.seen[position];
        seen.cases += 1;
        seen.lacks_command |= levels.contains(&level);
        Some(&self.expected[position].because)
    }

    /// Returns the differences that stand for findings or cases and, if all that was asked
    /// `is_whole`, those that were not seen.
    pub(crate) fn close(self, is_whole: bool) -> (Vec<ExpectedReport>, Vec<ExpectedEntry>) {
        let (mut reports, mut unseen) = (Vec::new(), Vec::new());
        for (expected, seen) in self.expected.iter().zip(self.seen) {
            if is_whole && !seen.shows(&expected.shape) {
                unseen.push(expected.entry());
            }
            if seen.cases > 0 || !seen.findings.is_empty() {
                let (findings, cases) = (seen.findings.len(), seen.cases);
                let shortest = seen.findings.into_iter().next();
                let entry = expected.entry();
                reports.push(ExpectedReport { entry, findings, cases, shortest });
            }
        }
        (reports, unseen)
    }
}

impl Seen {
    fn shows(&self, shape: &Shape) -> bool {
        match shape {
            Shape::Difference(_) => !self.findings.is_empty(),
            Shape::Level(level) => {
                self.lacks_command || self.findings.iter().any(|finding| finding.level == *level)
            }
        }
    }
}

/// Returns the position of the first difference that stands for the finding.
pub(crate) fn position(expected: &[Expected], finding: &Finding) -> Option<usize> {
    expected.iter().position(|expected| expected.matches(finding))
}
