//! A divergence as it is reported.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::case::{Case, Delivery};
use crate::divergence::{Divergence, headline, shown};
use crate::failing::{Failing, fingerprint};
use crate::machine::{Evidence, Explanation, Machine};
use crate::port::PortSpec;

/// An error of a port: where it was found, the first wrong step, and the fewest lines that show it.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact and a key of the JSON lines")]
pub struct Finding {
    /// The id of the case.
    pub case: String,
    /// The level that a port must have reached to show it, from 1.
    pub level: usize,
    /// The number of lines up to the first wrong step, itself included: lines of the case, or of
    /// `shrunk` if `is_step_of_shrunk`.
    pub step: usize,
    /// Whether `step` counts the lines of `shrunk`, since the case's line at the first wrong step
    /// is not among them.
    pub is_step_of_shrunk: bool,
    /// Whether `step` counts the case's lines with those that stand for many written out.
    pub is_expanded: bool,
    /// The line at the first wrong step.
    pub step_line: String,
    /// The line whose answer differs: that one, or an observer after it.
    pub command: String,
    /// The answer that was due, if any.
    pub expected: Option<String>,
    /// The port's reaction.
    pub actual: String,
    /// The same for divergences that probably have the same cause.
    pub fingerprint: String,
    /// The known facts about the cause, line by line.
    pub explanation: Vec<String>,
    /// The numbers of the definition's sections that the port breaks, the most probable first.
    pub sections: Vec<String>,
    /// The fewest lines that show it, the failing one last.
    pub shrunk: Vec<String>,
    /// The names of the commands among those lines that may change something. A line that only
    /// shows something has none, even if its answer is the wrong one.
    pub commands: BTreeSet<String>,
    /// Whether it is known that no line can be removed.
    pub is_minimal: bool,
    /// Whether it occurred again when the same lines were sent again; true if this was not tried
    /// since the investigation was interrupted.
    pub is_reproduced: bool,
    /// How often the same lines were sent.
    pub tries: usize,
    /// How often the error occurred then. With fewer than `tries` the port is flaky.
    pub occurrences: usize,
    /// Whether the investigation was interrupted. The lines still show the error, but may not be
    /// the fewest.
    pub is_interrupted: bool,
    /// How the lines have to be delivered.
    pub delivery: Delivery,
    /// The end of what the port wrote on standard error.
    pub stderr: String,
    /// Names of other ports with the same wrong answer at the same step.
    pub same_answer_from: Vec<String>,
    /// The file of the trace, if it was written.
    pub trace: Option<String>,
    /// The command that shows the finding again, if a trace was written.
    pub replay: Option<String>,
    /// The address of a page on the finding, relative to the report in HTML, if one was written.
    pub page: Option<String>,
    /// Why there is a report in HTML but no such page.
    pub no_page: Option<String>,
    /// The lines of `shrunk` as bytes.
    #[serde(skip)]
    pub shrunk_lines: Vec<Vec<u8>>,
    /// The answers that are due for `shrunk_lines`, if they are the port's own: those before the
    /// failing line and, if the line was answered, the one that is due for it.
    #[serde(skip)]
    pub own_answers: Option<Vec<Vec<u8>>>,
    /// The lines up to the first wrong step, which `step` counts.
    #[serde(skip)]
    pub located_lines: Vec<Vec<u8>>,
    /// The number of the case's lines up to the first wrong step, itself included, if it was located
    /// in them. Unlike `step` it is known of lines that were made simpler, too.
    #[serde(skip)]
    pub step_of_case: Option<usize>,
    /// The port with the start that shows it, if that is not the usual one.
    #[serde(skip)]
    pub spec: Option<PortSpec>,
    /// Whether lines on the port's input show it. If not, only the case does.
    #[serde(skip)]
    pub is_of_session: bool,
    /// How the shrunk lines diverged.
    #[serde(skip)]
    pub(crate) divergence: Divergence,
}

impl Finding {
    /// `located` ends in the first wrong step, `shrunk` has the fewest lines.
    pub(crate) fn new(
        machine: &dyn Machine,
        case: &Case,
        located: &Failing,
        shrunk: &Failing,
    ) -> Self {
        Self {
            case: case.id.clone(),
            level: machine.level_of_all(&shrunk.lines),
            step: located.lines_to_step().len(),
            is_step_of_shrunk: false,
            is_expanded: located.is_expanded,
            step_line: located.step_line(),
            command: shown(shrunk.last_line()),
            expected: shrunk.divergence.expected.as_deref().map(shown),
            actual: shrunk.divergence.actual.shown(),
            fingerprint: located.fingerprint(machine),
            explanation: Vec::new(),
            sections: Vec::new(),
            shrunk: shrunk.lines.iter().map(|line| shown(line)).collect(),
            commands: commands(machine, case, &shrunk.lines),
            is_minimal: false,
            is_reproduced: true,
            tries: 1,
            occurrences: 1,
            is_interrupted: false,
            delivery: shrunk.delivery,
            stderr: String::new(),
            same_answer_from: Vec::new(),
            trace: None,
            replay: None,
            page: None,
            no_page: None,
            shrunk_lines: shrunk.lines.clone(),
            own_answers: shrunk.own_answers.clone(),
            located_lines: located.lines_to_step().to_vec(),
            step_of_case: None,
            spec: None,
            is_of_session: true,
            divergence: shrunk.divergence.clone(),
        }
    }

    /// A program that is not a port: its greeting is not as it must be.
    pub(crate) fn no_greeting(machine: &dyn Machine, divergence: Divergence) -> Self {
        let hello = machine.hello();
        let (id, lines) = (format!("{hello}/{hello}"), vec![hello.into()]);
        let case = Case::new(id, lines, Delivery::Stepwise);
        let evidence = Evidence { lines: &case.lines, divergence: &divergence, step: 0 };
        let Explanation { facts, sections } = machine.explain(&evidence, &mut |_| None);
        let first = Failing::of_case(&case, divergence);
        let finding = Self::new(machine, &case, &first, &first);
        Self { is_minimal: true, explanation: facts, sections, ..finding }
    }

    /// An error that no lines show, but `subject`, which has one line.
    pub(crate) fn of_task(
        machine: &dyn Machine,
        case: &Case,
        divergence: Divergence,
        subject: &[Vec<u8>],
    ) -> Self {
        let lines = subject.to_vec();
        let level = machine.level_of_all(&case.lines);
        let first = Failing::of_case(&Case { lines, ..case.clone() }, divergence);
        let finding = Self::new(machine, case, &first, &first);
        let (shrunk, commands, shrunk_lines, located_lines) = Default::default();
        let (is_minimal, is_of_session) = (true, false);
        let lines = Self { shrunk, commands, shrunk_lines, located_lines, ..finding };
        Self { level, is_minimal, is_of_session, ..lines }
    }

    /// Reports whether a divergence at one of `lines` has this fingerprint.
    #[must_use]
    pub fn has_fingerprint_of(
        &self,
        machine: &dyn Machine,
        lines: &[Vec<u8>],
        divergence: &Divergence,
    ) -> bool {
        fingerprint(machine, lines, divergence) == self.fingerprint
    }

    /// Returns the line at the first wrong step and, if its own answer was right, the observer that
    /// showed it.
    #[must_use]
    pub fn first_wrong(&self) -> String {
        let mut text = self.step_line.clone();
        if self.step_line != self.command {
            text += &format!("   (seen in the answer to: {})", self.command);
        }
        if self.is_expanded {
            text += "   (a step of the expanded lines)";
        }
        if self.is_step_of_shrunk {
            text += "   (a step of the shrunk commands)";
        }
        text
    }

    /// Returns what is known of the cause, line by line: the facts, and the sections of the
    /// definition.
    #[must_use]
    pub fn because(&self) -> Vec<String> {
        let reference = match self.sections.as_slice() {
            [] => None,
            [one] => Some(format!("definition, section {one}")),
            several => Some(format!("definition, sections {}", several.join(" and "))),
        };
        self.explanation.iter().cloned().chain(reference).collect()
    }

    /// Returns the divergence as one line of text.
    #[must_use]
    pub fn headline(&self) -> String {
        headline(&self.command, self.expected.as_deref(), &self.actual)
    }
}

/// Returns the names of the commands of those lines of the case: by its own names if it has some,
/// since several commands can make the same line.
fn commands(machine: &dyn Machine, case: &Case, lines: &[Vec<u8>]) -> BTreeSet<String> {
    if case.names.is_empty() {
        return acting(machine, lines);
    }
    let is_command = |name: &str| {
        machine.levels().iter().any(|level| level.words.iter().any(|word| word == name))
    };
    let named = case.lines.iter().zip(&case.names);
    let named = named.filter(|(line, name)| lines.contains(line) && is_command(name));
    named.map(|(_, name)| name.to_string()).collect()
}

/// Returns the names of the commands of those lines that may change something.
pub(crate) fn acting(machine: &dyn Machine, lines: &[Vec<u8>]) -> BTreeSet<String> {
    let lines = lines.iter().filter(|line| !machine.is_look(line));
    lines.map(|line| String::from_utf8_lossy(machine.word_of(line)).into_owned()).collect()
}
