//! The comparison of a port's lines with the answers that are due, as they come.

use std::ops::ControlFlow;

use crate::divergence::{Actual, Divergence};
use crate::machine::Machine;
use crate::prepared::DueAnswer;

/// Answers that are due before a greeting.
pub(crate) struct Group<'a> {
    pub(crate) due: &'a [DueAnswer],
    /// The step to which an extra line is attributed.
    pub(crate) extra_step: usize,
    /// The step at which a failure happened if no answer is due any more.
    pub(crate) end_step: usize,
}

impl<'a> Group<'a> {
    /// Makes the only group of some lines.
    pub(crate) fn of_all(due: &'a [DueAnswer], line_count: usize) -> Self {
        let extra_step = due.last().map_or(0, |due| due.step);
        Self { due, extra_step, end_step: line_count.saturating_sub(1) }
    }
}

/// Compares lines with the answers that are due.
pub(crate) struct Comparison<'a> {
    machine: &'a dyn Machine,
    groups: &'a [Group<'a>],
    greeting: &'a [u8],
    /// How many groups are complete.
    pub(crate) group: usize,
    /// How many answers of the present group have come.
    position: usize,
    pub(crate) divergence: Option<Divergence>,
    /// Whether lines are taken after a divergence.
    pub(crate) reads_on: bool,
    /// How many lines, and how many greetings among them, are due from here on.
    lines_due: usize,
    greetings_due: usize,
    /// Whether that many came although there was a divergence.
    pub(crate) is_in_step: bool,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(
        machine: &'a dyn Machine,
        groups: &'a [Group<'a>],
        greeting: &'a [u8],
    ) -> Self {
        let due = || groups.iter().flat_map(|group| group.due);
        let greetings = due().filter(|due| due.answer == greeting).count();
        Self {
            machine,
            lines_due: groups.len() + due().count(),
            greetings_due: groups.len() + greetings,
            groups,
            greeting,
            group: 0,
            position: 0,
            divergence: None,
            reads_on: false,
            is_in_step: false,
        }
    }

    pub(crate) fn take(&mut self, line: &[u8]) -> ControlFlow<()> {
        self.lines_due = self.lines_due.saturating_sub(1);
        self.greetings_due = self.greetings_due.saturating_sub(usize::from(line == self.greeting));
        if self.divergence.is_some() {
            return self.read_on();
        }
        let group = &self.groups[self.group];
        let divergence = match group.due.get(self.position) {
            Some(due) if due.is_met_by(line, self.machine) => {
                self.position += 1;
                return ControlFlow::Continue(());
            }
            None if line == self.greeting => {
                (self.group, self.position) = (self.group + 1, 0);
                return continue_if(self.group < self.groups.len());
            }
            Some(due) if line == self.greeting => due.unlike(Actual::Missing),
            Some(due) => due.unlike(Actual::Answer(line.to_vec())),
            None => Divergence::new(group.extra_step, None, Actual::Extra(line.to_vec())),
        };
        self.reads_on &= divergence.is_wrong_answer();
        self.divergence = Some(divergence);
        self.read_on()
    }

    /// Goes on after a divergence until all greetings have come. If as many lines have come as were
    /// due, none is missing and none is left.
    fn read_on(&mut self) -> ControlFlow<()> {
        let is_end = self.lines_due == 0 || self.greetings_due == 0;
        self.is_in_step = self.reads_on && self.lines_due == 0 && self.greetings_due == 0;
        continue_if(self.reads_on && !is_end)
    }

    /// Returns the divergence of a port that reacts in this way to the next line whose answer is due,
    /// or to the last line if none is.
    pub(crate) fn diverged(&self, actual: Actual) -> Divergence {
        let group = self.groups.get(self.group);
        if let Some(due) = group.and_then(|group| group.due.get(self.position)) {
            return due.unlike(actual);
        }
        let step = group.or(self.groups.last()).map_or(0, |group| group.end_step);
        Divergence::new(step, None, actual)
    }

    /// Reports whether an answer is due.
    pub(crate) fn is_due(&self) -> bool {
        let group = self.groups.get(self.group);
        group.is_some_and(|group| group.due.get(self.position).is_some())
    }
}

impl DueAnswer {
    pub(crate) fn unlike(&self, actual: Actual) -> Divergence {
        let expected = Some(self.answer.clone());
        Divergence { name: self.name.clone(), ..Divergence::new(self.step, expected, actual) }
    }
}

pub(crate) fn continue_if(condition: bool) -> ControlFlow<()> {
    if condition { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
