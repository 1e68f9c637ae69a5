//! The machine whose ports are examined: everything that the engine asks of it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::case::{Case, Due, Plan, Suite};
use crate::divergence::Divergence;
use crate::limits::{Budget, Interrupt};
use crate::port::{Failure, PortSpec};
use crate::shrink::{Lines, Meaning};
use crate::tally::{Measure, Tally};

/// A machine: its reference, its cases, and the words that explain a difference.
///
/// Lines and answers are bytes without LF, since a port may write anything.
pub trait Machine: Meaning + Sync {
    /// Returns the levels, the lowest first. A port can conform to a level without knowing the
    /// commands of those above.
    fn levels(&self) -> &[Level];

    /// Starts a session of the reference.
    ///
    /// # Errors
    ///
    /// The reference cannot be run, which is external to every port.
    fn session(&self) -> Result<Box<dyn Session>, Failure>;

    /// Returns the lines that show the whole state of a session that has run these lines, and change
    /// nothing; none if there is no state yet. They depend on the last line that begins anew and the
    /// start lines after it alone.
    fn observers(&self, lines: &[Vec<u8>]) -> Vec<Vec<u8>>;

    /// Returns the line that every port answers with a greeting, at any time and without changing
    /// anything. The exam uses it as a marker between answers.
    fn hello(&self) -> &str;

    /// Returns the form of a greeting, for messages.
    fn greeting_form(&self) -> &str;

    /// Reports whether an answer is a greeting.
    fn is_greeting(&self, answer: &[u8]) -> bool;

    /// Reports whether a greeting can be told from other answers by its form.
    fn has_greeting_form(&self) -> bool {
        true
    }

    /// Returns the command word of a line; empty if the line has none.
    fn word_of<'a>(&self, line: &'a [u8]) -> &'a [u8];

    /// Returns the name of the command that made a line, if its machine compares answers by names.
    fn name_of(&self, _line: &[u8]) -> Option<Arc<str>> {
        None
    }

    /// Reports whether an answer to a line of this name counts as the one that is due, although its
    /// bytes are others.
    fn is_same(&self, _name: &str, _expected: &[u8], _actual: &[u8]) -> bool {
        false
    }

    /// Returns the choices that a case was drawn from, if its lines are simplified by those. Otherwise
    /// they are simplified line by line.
    fn drawing<'a>(&'a self, _case: &Case) -> Option<Box<dyn Drawing + 'a>> {
        None
    }

    /// Runs lines after which all replicas of a program are equal, on one that has run these. `ask`
    /// returns its answer to a line, or `None` if it cannot go on, which ends this. Returns lines
    /// whose answers must now be the same.
    ///
    /// # Errors
    ///
    /// The lines are not known, which is external to the program.
    fn settle(
        &self,
        _lines: &[Vec<u8>],
        _ask: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Vec<Equal>, Failure> {
        Ok(Vec::new())
    }

    /// Returns the reference's program, if it is one that can be asked as a port is.
    fn reference_port(&self) -> Option<PortSpec> {
        None
    }

    /// Runs lines again on a reference that has run nothing before, up to the one at which a port
    /// diverged. Returns the reason if its answer there is not the expected one: then the reference is
    /// not deterministic, and the divergence says nothing about the port. A reference in this process
    /// needs no such check.
    ///
    /// # Errors
    ///
    /// The reference failed.
    fn contradiction(
        &self,
        _lines: &[Vec<u8>],
        _divergence: &Divergence,
    ) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// Returns what fingerprints call the line: its command word, or a few words if it is not a known
    /// command.
    fn kind_of(&self, line: &[u8]) -> String;

    /// Returns a valid use of a command that leaves a new session as it is, if there is one. Otherwise
    /// it shows in a case that the port does not know the command.
    fn probe(&self, word: &str) -> Option<Vec<u8>>;

    /// Reports whether an answer says that the port does not know the command.
    fn is_unknown(&self, answer: &[u8]) -> bool;

    /// Reports whether lines begin as every case of the machine does. Lines that do not are no simpler
    /// ones in place of lines that do.
    fn begins_as_case(&self, _lines: &[Vec<u8>]) -> bool {
        true
    }

    /// Reports whether the lines mean something else to a session that has run other lines.
    fn needs_fresh_session(&self, lines: &[Vec<u8>]) -> bool;

    /// Reports whether a new session has this answer only since no other lines were run before, so
    /// that the lines need a fresh session.
    fn depends_on_session(&self, answer: &[u8]) -> bool;

    /// Returns the suites of a plan, those that find most in little time first. They may have fewer
    /// cases after an interruption.
    fn suites(&self, plan: &Plan, interrupt: &Interrupt) -> Vec<Suite>;

    /// Returns the case of a seed, for fuzzing.
    fn fuzz_case(&self, seed: u64) -> Case;

    /// Returns the milestones: what cases can make happen in the reference. Elsewhere a milestone
    /// is its position in this list.
    fn milestones(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the measures: quantities that lines have or cause in the reference, such as lengths.
    /// Elsewhere a measure is its position in this list.
    fn measures(&self) -> Vec<Measure> {
        Vec::new()
    }

    /// Runs the lines on a session of the reference, passes what is due for each to `due` until that
    /// breaks, and adds the milestones that they reach, and the values of measures, to the tally.
    /// `known` are the answers that are due, if they are known. Then lines that change nothing need
    /// not be run.
    fn run_and_tally(
        &self,
        lines: &[Vec<u8>],
        known: Option<Vec<Due>>,
        tally: &mut Tally,
        due: &mut dyn FnMut(Due) -> ControlFlow<()>,
    );

    /// Runs the lines on a session of the reference and adds the milestones that they reach, and
    /// the values of measures, to the tally.
    fn tally(&self, lines: &[Vec<u8>], tally: &mut Tally) {
        self.run_and_tally(lines, None, tally, &mut |_| ControlFlow::Continue(()));
    }

    /// Returns the lines with every line that stands for many written out, or `None` if no line
    /// does.
    fn expand(&self, _lines: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        None
    }

    /// Returns lines that do the same as the first `count` of those that `expand` returns, but stand
    /// for them where they can; all of `lines` if there are no more.
    fn prefix(&self, lines: &[Vec<u8>], count: usize) -> Lines {
        lines[..count.min(lines.len())].to_vec()
    }

    /// Describes how a wrong answer to a line, of this name if it has one, differs from the one that
    /// was due. The description does not depend on the values in the answers, so that it stays the
    /// same while a trace is shrunk.
    fn difference(&self, name: Option<&str>, expected: &[u8], actual: &[u8]) -> String;

    /// Returns what takes part in the first wrong step of shrunk lines, which is at the position
    /// `step` and shows in `divergence`: such as the errors, the events, or what is odd about the
    /// line. If all that takes part in one error takes part in another, they probably have the same
    /// cause.
    fn ingredients(
        &self,
        lines: &[Vec<u8>],
        step: usize,
        divergence: &Divergence,
    ) -> BTreeSet<String>;

    /// Explains a divergence. Everything in the explanation is known to hold: a part for which
    /// there is no evidence is left out.
    fn explain(&self, evidence: &Evidence<'_>, ask: Ask<'_>) -> Explanation;

    /// Returns about how many lines there are with those that stand for many written out: at most
    /// twice as many.
    fn written_out_count(&self, lines: &[Vec<u8>]) -> usize {
        let mut count = lines.len().max(1);
        while count < usize::MAX / 2 && self.prefix(lines, count) != lines {
            count *= 2;
        }
        count
    }

    /// Returns the level of the line's command, from 1; `None` if no level has it.
    fn level_of(&self, line: &[u8]) -> Option<usize> {
        let word = self.word_of(line);
        let has_word = |level: &Level| level.words.iter().any(|known| known.as_bytes() == word);
        self.levels().iter().position(has_word).map(|position| position + 1)
    }

    /// Returns the level that a port must have reached to answer the lines, from 1.
    fn level_of_all(&self, lines: &[Vec<u8>]) -> usize {
        lines.iter().filter_map(|line| self.level_of(line)).max().unwrap_or(1)
    }
}

/// A divergence that is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The lines that show it, the one at which the port diverges last.
    pub lines: &'a [Vec<u8>],
    /// How the port diverged.
    pub divergence: &'a Divergence,
    /// The position of the first wrong step: that of the divergence or, if the line there only
    /// observes, of a line before it.
    pub step: usize,
}

/// The known facts about the cause of a divergence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The facts, line by line.
    pub facts: Vec<String>,
    /// The numbers of the definition's sections that the port breaks, the most probable first.
    pub sections: Vec<String>,
}

/// Returns the answers of a new process of the port to lines that each get one, or `None` if the
/// process fails.
pub type Ask<'a> = &'a mut dyn FnMut(&[Vec<u8>]) -> Option<Vec<Vec<u8>>>;

/// Lines that a program answers alike if its replicas are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equal {
    /// The name by which the answers are compared.
    pub name: Arc<str>,
    /// The lines.
    pub lines: Vec<Vec<u8>>,
}

/// A session of the reference.
pub trait Session {
    /// Runs a line and returns what is due for it.
    ///
    /// # Errors
    ///
    /// The reference cannot go on, or was interrupted.
    fn run_line(&mut self, line: &[u8]) -> Result<Due, Failure>;

    /// Runs lines until `goes_on` returns `false`, and returns what is due for each. Answers of
    /// another process need not be awaited one by one.
    ///
    /// # Errors
    ///
    /// The reference cannot go on, or was interrupted.
    fn run_lines(
        &mut self,
        lines: &[Vec<u8>],
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Vec<Due>, Failure> {
        lines.iter().take_while(|_| goes_on()).map(|line| self.run_line(line)).collect()
    }
}

/// The choices that a case was drawn from. To draw it again takes the reference.
pub trait Drawing {
    /// Draws the case again, with observers after each step unless it is a [`Task::Settled`]. They come
    /// in the order in which they explain most, so that the first wrong answer is the one to report.
    ///
    /// [`Task::Settled`]: crate::Task::Settled
    ///
    /// # Errors
    ///
    /// The reference failed, or it is not deterministic: the lines are others.
    fn observed(&mut self) -> Result<Case, Failure>;

    /// Makes simpler choices as long as the case fails, and returns whether it is known that no step
    /// can be removed. `fails` returns the position of the line at which such a case fails, which is
    /// beyond its end if it fails after its own lines, or `None` if it does not fail; and it can end
    /// the search.
    ///
    /// # Errors
    ///
    /// The reference failed. The simplest choices so far are kept.
    fn shrink(
        &mut self,
        budget: Budget,
        fails: &mut dyn FnMut(&Case) -> ControlFlow<(), Option<usize>>,
    ) -> Result<bool, Failure>;

    /// Returns the case of the simplest choices that failed: without observers but the one that
    /// showed it, if one did, or with the observers after each step.
    ///
    /// # Errors
    ///
    /// The reference failed.
    fn shrunk(&mut self, is_observed: bool) -> Result<Simplest, Failure>;
}

/// The case of the simplest choices that fail.
#[derive(Clone, Debug)]
pub struct Simplest {
    /// Its lines up to the one at which it fails.
    pub case: Case,
    /// The names of its commands, without start lines and observers.
    pub commands: BTreeSet<String>,
    /// The positions of the lines that are observers.
    pub observers: BTreeSet<usize>,
}

/// A level of the exam.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its name.
    pub name: String,
    /// The commands that come with it.
    pub words: Vec<String>,
}
