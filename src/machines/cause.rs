//! A divergence while its cause is looked for: the first wrong step, the port, and the facts so far.

use dkv20_exam::{Ask, Evidence};

use super::commands::canonical;
use super::inquiry::Inquiry;
use super::oracle::command;
use super::step::Step;
use crate::protocol::Command;

/// How much of a line is shown.
const LINE_LENGTH_SHOWN: usize = 80;

/// Numbers of sections, the most probable first.
pub(super) type Sections = Vec<&'static str>;

pub(super) struct Cause<'a> {
    pub(super) evidence: Evidence<'a>,
    pub(super) step: Step,
    pub(super) port: Inquiry<'a>,
    pub(super) facts: Vec<String>,
}

impl<'a> Cause<'a> {
    pub(super) fn new(evidence: Evidence<'a>, ask: Ask<'a>) -> Self {
        let end = evidence.lines.len().min(evidence.step + 1);
        let step = Step::of(&evidence.lines[..end]);
        Self { evidence, step, port: Inquiry::new(ask), facts: Vec::new() }
    }

    /// Returns the lines up to the first wrong step, itself included.
    pub(super) fn lines_to_step(&self) -> &'a [Vec<u8>] {
        &self.evidence.lines[..self.evidence.lines.len().min(self.evidence.step + 1)]
    }

    /// Returns the line at which the port diverged.
    pub(super) fn line(&self) -> &'a [u8] {
        self.evidence.divergence.line(self.evidence.lines)
    }

    /// Returns the command of that line.
    pub(super) fn command(&self) -> Option<Command> {
        command(self.line())
    }

    /// Returns the port's answer to a question after the first wrong step.
    pub(super) fn ask(&mut self, question: &str) -> Option<Vec<u8>> {
        self.port.answer(self.lines_to_step(), question)
    }

    /// Reports whether the port's answer is right if the first wrong step has another form: single
    /// spaces, numbers without leading zeros, byte strings in hex.
    pub(super) fn is_right_in_canonical_form(&mut self) -> bool {
        let canonical = self.step.command.as_ref().and_then(canonical);
        canonical.is_some_and(|line| self.is_right_with(&line))
    }

    /// Reports whether the port's answer is right if another line is in place of the first wrong
    /// step, and states that.
    fn is_right_with(&mut self, line: &str) -> bool {
        let mut lines = self.evidence.lines.to_vec();
        lines.truncate(self.evidence.divergence.step + 1);
        if lines[self.evidence.step] == line.as_bytes() {
            return false;
        }
        lines[self.evidence.step] = line.as_bytes().to_vec();
        let Some(question) = lines.pop() else { return false };
        let answers = self.port.answers(&lines, &[question]);
        let answer = answers.and_then(|mut answers| answers.pop());
        let is_right = answer.is_some() && answer == self.evidence.divergence.expected;
        if is_right {
            let shown: String = line.chars().take(LINE_LENGTH_SHOWN).collect();
            self.facts.push(format!("the port is right with the line `{shown}` instead"));
        }
        is_right
    }

    /// Reports whether the port, which accepts a number far above a limit, refuses the line with the
    /// least one above it.
    pub(super) fn is_misread(&mut self, before: &[Vec<u8>], line_above_limit: &str) -> bool {
        let is_misread = self.port.is_right(before, line_above_limit) == Some(true);
        if is_misread {
            let fact = format!("the port refuses `{line_above_limit}`, so it misreads the number");
            self.facts.push(fact);
        }
        is_misread
    }

    /// Returns the section of the step's command. A leader that is reachable proposes as if it were
    /// not named, so that only the naming is of section 4.2.
    pub(super) fn own_section(&mut self) -> &'static str {
        let own = section_of_command(&self.step);
        let Some(Command::ProposeAt { id, op }) = &self.step.command else { return own };
        if self.step.is_isolated(*id) || self.step.is_refused() {
            return own;
        }
        let line = canonical(&Command::Propose { op: op.clone() });
        let is_right = line.is_some_and(|line| self.is_right_with(&line));
        if is_right { own } else { "4.1" }
    }
}

/// Returns the section of a command: that of its own rule if it has one.
pub(super) fn section_of_command(step: &Step) -> &'static str {
    match &step.command {
        Some(Command::Mix { .. } | Command::Draw { .. }) => "6",
        Some(Command::Load { .. } | Command::Hash { .. } | Command::Dump { .. }) => "5",
        Some(Command::New { .. }) => "4",
        Some(Command::Propose { .. }) => "4.1",
        Some(Command::ProposeAt { .. }) => "4.2",
        Some(Command::Partition { .. } | Command::Heal | Command::HealIds { .. }) => {
            if step.settles_something() { "4.4" } else { "4.3" }
        }
        Some(Command::Compact | Command::CompactIds { .. }) => "4.5",
        Some(Command::Workload { .. }) => "7",
        Some(Command::Scenario { .. }) => "9",
        Some(Command::Chaos { .. }) => "10",
        _ => "8",
    }
}
