//! Cases that the reference has run before a port does.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::case::{Case, Due};
use crate::limits::Interrupt;
use crate::machine::{Machine, Session};
use crate::port::Failure;
use crate::tally::Tally;

/// From what a case can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CaseKey {
    /// The position of its suite.
    pub(crate) suite: usize,
    /// Its number in the suite, or its seed.
    pub(crate) number: u64,
}

/// A maker of cases.
pub(crate) trait Cases {
    fn case(&self, key: CaseKey) -> Case;
}

/// An answer that is due, and the step that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct DueAnswer {
    pub(crate) step: usize,
    pub(crate) answer: Vec<u8>,
    /// The name of the line, if the machine compares answers by names.
    pub(crate) name: Option<Arc<str>>,
    /// Whether it is the port's greeting, which `answer` has once a process of the port is known.
    is_greeting: bool,
}

impl DueAnswer {
    fn new(step: usize, due: Due) -> Option<Self> {
        let (answer, is_greeting) = match due {
            Due::Nothing => return None,
            Due::Answer(answer) => (answer, false),
            Due::Greeting => (Vec::new(), true),
        };
        Some(Self { step, answer, name: None, is_greeting })
    }

    /// Reports whether an answer counts as the one that is due.
    pub(crate) fn is_met_by(&self, answer: &[u8], machine: &dyn Machine) -> bool {
        let is_same = |name: &Arc<str>| machine.is_same(name, &self.answer, answer);
        answer == self.answer || self.name.as_ref().is_some_and(is_same)
    }

    pub(crate) fn greet(&mut self, greeting: &[u8]) {
        if self.is_greeting {
            self.answer = greeting.to_vec();
        }
    }
}

/// Returns the answers to the lines of a case that are known, with the names of the lines.
pub(crate) fn known_answers(case: &Case) -> Vec<DueAnswer> {
    let due = case.due.iter().flatten().cloned().enumerate();
    let answers = due.filter_map(|(step, due)| DueAnswer::new(step, due));
    answers.map(|due| DueAnswer { name: case.names.get(due.step).cloned(), ..due }).collect()
}

/// Returns the session's answers to the lines; too few after an interruption.
pub(crate) fn due_answers(
    machine: &dyn Machine,
    session: &mut dyn Session,
    lines: &[Vec<u8>],
    interrupt: &Interrupt,
) -> Result<Vec<DueAnswer>, Failure> {
    let due = session.run_lines(lines, &|| !interrupt.is_raised())?;
    let mut answers = Vec::with_capacity(due.len());
    answers.extend(due.into_iter().enumerate().filter_map(|(step, due)| DueAnswer::new(step, due)));
    for due in &mut answers {
        due.name = machine.name_of(&lines[due.step]);
    }
    Ok(answers)
}

/// A case, and what a new session of the reference answers.
pub(crate) struct Prepared {
    pub(crate) key: CaseKey,
    pub(crate) case: Case,
    /// The level that a port must have reached to answer it.
    pub(crate) level: usize,
    /// Too few after an interruption, if the case is not to be asked, or if the reference failed.
    pub(crate) due: Vec<DueAnswer>,
    /// Why the reference did not run it, if it failed.
    pub(crate) obstacle: Option<Failure>,
    pub(crate) needs_fresh_session: bool,
    /// The length of its lines and answers.
    pub(crate) bytes: usize,
}

impl Prepared {
    pub(crate) fn greet(&mut self, greeting: &[u8]) {
        for due in &mut self.due {
            due.greet(greeting);
        }
    }
}

/// The milestones and measures of the cases of each suite.
pub(crate) type Counts = Vec<Tally>;

/// Cases that are made ready to be asked, one by one; `None` stands for one that is left out. The case
/// of which the reference failed is the last one: it would fail again at each of the others, perhaps
/// after its whole time limit.
pub(crate) struct Preparation<'a, I> {
    pub(crate) machine: &'a dyn Machine,
    pub(crate) interrupt: &'a Interrupt,
    /// Whether the port is still asked.
    pub(crate) is_asked: &'a AtomicBool,
    /// Each is made when it is taken.
    pub(crate) cases: I,
    /// Set if milestones are to be counted.
    pub(crate) counts: Option<Counts>,
    /// Whether the reference has failed.
    pub(crate) has_failed: bool,
}

impl<I: Iterator<Item = Option<(CaseKey, Case)>>> Iterator for Preparation<'_, I> {
    type Item = Option<Prepared>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let case = self.cases.next()?;
        Some(case.map(|(key, case)| self.prepare(key, case)))
    }
}

impl<I: Iterator<Item = Option<(CaseKey, Case)>>> Preparation<'_, I> {
    /// Returns the counts of all cases, if they are asked for: also of those that nothing has taken.
    pub(crate) fn into_counts(mut self) -> Option<Counts> {
        while self.counts.is_some() && !self.interrupt.is_raised() && self.next().is_some() {}
        self.counts
    }

    fn prepare(&mut self, key: CaseKey, mut case: Case) -> Prepared {
        let (due, obstacle) = match self.due(key, &mut case) {
            Ok(due) => (due, case.obstacle.take()),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        self.has_failed = obstacle.is_some();
        let depends = |due: &DueAnswer| self.machine.depends_on_session(&due.answer);
        let line_bytes: usize = case.lines.iter().map(|line| line.len() + 1).sum();
        let answer_bytes: usize = due.iter().map(|due| due.answer.len() + 1).sum();
        Prepared {
            key,
            level: self.machine.level_of_all(&case.lines),
            needs_fresh_session: due.iter().any(depends),
            due,
            obstacle,
            bytes: line_bytes + answer_bytes,
            case,
        }
    }

    fn due(&mut self, key: CaseKey, case: &mut Case) -> Result<Vec<DueAnswer>, Failure> {
        let (interrupt, mut answers) = (self.interrupt, Vec::new());
        let (known, lines) = (case.due.take(), &case.lines);
        if let Some(counts) = self.counts.as_mut().filter(|_| !interrupt.is_raised()) {
            let mut step = 0;
            self.machine.run_and_tally(lines, known, &mut counts[key.suite], &mut |due| {
                answers.extend(DueAnswer::new(step, due));
                step += 1;
                if interrupt.is_raised() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        } else if let Some(due) = known {
            let due = due.into_iter().enumerate();
            answers.extend(due.filter_map(|(step, due)| DueAnswer::new(step, due)));
        } else if self.is_asked.load(Ordering::Relaxed) {
            let mut session = self.machine.session()?;
            answers = due_answers(self.machine, &mut *session, lines, interrupt)?;
        }
        for due in &mut answers {
            due.name = case.names.get(due.step).cloned().or(due.name.take());
        }
        Ok(answers)
    }
}
