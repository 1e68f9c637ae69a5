//! What is reported of a divergence.

use serde::Serialize;

use crate::exam::case::{Case, Delivery, level_of, word};
use crate::exam::examinee::{Actual, Divergence};
use crate::exam::fingerprint::fingerprint;
use crate::exam::investigate::Failing;
use crate::trace::Trace;

/// A fault of a port: where it was found, the first bad step, and the fewest commands that show
/// it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The id of the case.
    pub case: String,
    /// The level that a port must have reached to show it, from 1.
    pub level: usize,
    /// How many lines come up to the first bad step, itself included.
    pub step: usize,
    /// Whether the case's workloads, chaos or scenario are written out, line by line, in what
    /// `step` counts.
    pub is_expanded: bool,
    /// The line at the first bad step.
    pub step_line: String,
    /// The line whose answer differs: that one, or a look at the state after it.
    pub command: String,
    /// The answer that was due, if any.
    pub expected: Option<String>,
    /// What the port did.
    pub actual: String,
    /// The same for the same fault.
    pub fingerprint: String,
    /// What is behind it, line by line.
    pub explanation: Vec<String>,
    /// The fewest lines that show it, the failing one last.
    pub shrunk: Vec<String>,
    /// Whether it is known that no line can be taken away.
    pub is_minimal: bool,
    /// Whether it was seen again when the same was asked again.
    pub is_reproduced: bool,
    /// How the lines have to be delivered.
    pub delivery: String,
    /// The end of what the port wrote on standard error.
    pub stderr: String,
    /// Names of other ports that gave the same answer at the same place.
    pub same_answer_from: Vec<String>,
    /// Where the trace was written, if it was.
    pub trace: Option<String>,
    /// The command that shows the fault again, if a trace was written.
    pub replay: Option<String>,
    #[serde(skip)]
    pub(crate) shrunk_lines: Vec<Vec<u8>>,
    #[serde(skip)]
    located_lines: Vec<Vec<u8>>,
}

impl Finding {
    pub(crate) fn new(
        case: &Case,
        located: &Failing,
        shrunk: &Failing,
        is_minimal: bool,
        fault: String,
        explanation: Vec<String>,
        stderr: String,
    ) -> Self {
        let level = shrunk.lines.iter().filter_map(|line| level_of(word(line))).max().unwrap_or(1);
        Self {
            case: case.id.clone(),
            level,
            step: located.step_line_count(),
            is_expanded: located.is_expanded,
            step_line: located.step_line(),
            command: shown(shrunk.last_line()),
            expected: shrunk.divergence.expected.as_deref().map(shown),
            actual: shown_actual(&shrunk.divergence.actual),
            fingerprint: fault,
            explanation,
            shrunk: shrunk.lines.iter().map(|line| shown(line)).collect(),
            is_minimal,
            is_reproduced: true,
            delivery: shrunk.delivery.as_str().into(),
            stderr,
            same_answer_from: Vec::new(),
            trace: None,
            replay: None,
            shrunk_lines: shrunk.lines.clone(),
            located_lines: located.lines[..located.step_line_count()].to_vec(),
        }
    }

    /// A divergence that was not seen again: the port does not always do the same.
    pub(crate) fn unreproduced(case: &Case, first: &Failing, stderr: String) -> Self {
        let fault = fingerprint(first.last_line(), &first.divergence);
        let why = "not seen again when the same was asked again: the port does not always answer \
                   alike";
        let mut finding = Self::new(case, first, first, false, fault, vec![why.into()], stderr);
        finding.is_reproduced = false;
        finding
    }

    /// A program that is no port: its `hello` is not answered as it must be.
    pub(crate) fn greeting(case: &Case, divergence: Divergence, stderr: String) -> Self {
        let first = Failing::of_case(case, divergence);
        let fault = fingerprint(first.last_line(), &first.divergence);
        let why = "definition, section 8: `hello` is answered `ok dkv20 1 NAME`".into();
        Self::new(case, &first, &first, true, fault, vec![why], stderr)
    }

    /// The shrunk lines as bytes, and how they have to be delivered.
    #[must_use]
    pub fn shrunk_lines(&self) -> (&[Vec<u8>], Delivery) {
        let named = |delivery: &Delivery| delivery.as_str() == self.delivery;
        let delivery = Delivery::ALL.into_iter().find(named).unwrap_or(Delivery::Marked);
        (&self.shrunk_lines, delivery)
    }

    /// The case's lines, written out where `is_expanded` says so, up to the first bad step.
    #[must_use]
    pub fn located_lines(&self) -> &[Vec<u8>] {
        &self.located_lines
    }

    /// Whether a divergence of other lines shows the same fault.
    #[must_use]
    pub fn is_same_fault(&self, case: &Case, divergence: &Divergence) -> bool {
        let line = case.lines.get(divergence.step).map_or(&[][..], Vec::as_slice);
        fingerprint(line, divergence) == self.fingerprint
    }

    /// The shrunk lines as a file that can be replayed, and its extension: a `trace` with the
    /// reference's answers, or `lines` where some of them get no answer, as in no trace they may.
    #[must_use]
    pub fn replayable(&self, port: &str) -> (&'static str, Vec<u8>) {
        let mut trace = format!("# {port}: {}\n# {}\n", self.case, self.headline()).into_bytes();
        for line in &self.shrunk_lines {
            trace.extend([b"> ", line.as_slice(), b"\n"].concat());
        }
        if let Ok(mut trace) = Trace::parse(&trace) {
            trace.record();
            return ("trace", trace.to_bytes());
        }
        let lines = self.shrunk_lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat());
        ("lines", lines.collect())
    }

    /// The line at the first bad step, and where it was seen if its own answer did not show it.
    #[must_use]
    pub fn first_bad(&self) -> String {
        let mut text = self.step_line.clone();
        if self.step_line != self.command {
            text += &format!("   (seen in the answer to: {})", self.command);
        }
        if self.is_expanded {
            text += "   (a step of the lines written out)";
        }
        text
    }

    /// The divergence as one line of text.
    #[must_use]
    pub fn headline(&self) -> String {
        headline_of(&self.command, self.expected.as_deref(), &self.actual)
    }
}

/// A divergence at a line, as one line of text.
#[must_use]
pub fn headline(line: &[u8], divergence: &Divergence) -> String {
    let expected = divergence.expected.as_deref().map(shown);
    headline_of(&shown(line), expected.as_deref(), &shown_actual(&divergence.actual))
}

fn headline_of(command: &str, expected: Option<&str>, actual: &str) -> String {
    match expected {
        Some(expected) => format!("`{command}`: expected `{expected}`, got {actual}"),
        None => format!("`{command}`: {actual}"),
    }
}

/// A line as it is shown: printable, and not too long.
pub(crate) fn shown(line: &[u8]) -> String {
    const SHOWN_MAX: usize = 240;
    let text = line.escape_ascii().to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], line.len()),
        None => text,
    }
}

fn shown_actual(actual: &Actual) -> String {
    match actual {
        Actual::Answer(answer) => format!("`{}`", shown(answer)),
        Actual::Missing => "no answer".into(),
        Actual::Extra(line) => format!("a further line that nobody asked for: `{}`", shown(line)),
        Actual::Failed(failure) => failure.to_string(),
    }
}

impl Divergence {
    /// Whether another port did the same at the same place.
    #[must_use]
    pub fn is_same_answer(&self, other: &Divergence) -> bool {
        matches!(self.actual, Actual::Answer(_)) && self == other
    }
}
