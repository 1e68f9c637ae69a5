//! Cases as they were drawn.

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;

use crate::equality::Status;
use crate::observe::{Observation, observations};
use crate::reference::Reference;
use crate::rules::Rules;
use crate::tape::{StepId, Tape};
use crate::values::Value;

/// The name of a start line whose first word has a hole.
const START: &str = "start";

/// A case as it was drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The lines, the start lines first.
    pub lines: Vec<Line>,
    /// The reference's answers to the first of the lines; to all of them after
    /// [`Drawn::receive`].
    pub answers: Vec<Vec<u8>>,
    /// The choices that made it.
    pub tape: Tape,
    pub(crate) variables: Vec<Value>,
}

/// A line of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line.
    pub text: Vec<u8>,
    /// The position of its command; `None` for a start line.
    pub command: Option<usize>,
    /// Its step; `None` for a start line.
    pub step: Option<StepId>,
    /// The values in it that were drawn, in order.
    pub values: Vec<LineValue>,
}

/// A value in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineValue {
    /// Its place in the line.
    pub range: Range<usize>,
    /// Its origin.
    pub origin: Origin,
}

/// The origin of a value in a line. The numbers are positions among the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable.
    Variable(usize),
    /// A type.
    Type(usize),
    /// An entry of a pool: the answer to the line of this step has it.
    Pool(usize, StepId),
}

/// Why no case was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDrawn<F> {
    /// The reference failed.
    Reference(F),
    /// The file is wrong in a way that shows only when a value is drawn.
    Mistake {
        /// The type or ask.
        key: String,
        /// The reason.
        reason: String,
    },
}

impl<F: fmt::Display> fmt::Display for NotDrawn<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(failure) => write!(formatter, "the reference: {failure}"),
            Self::Mistake { key, reason } => write!(formatter, "{key}: {reason}"),
        }
    }
}

impl NotDrawn<Infallible> {
    /// Returns the same reason for a reference that can fail.
    pub(crate) fn without_failure<F>(self) -> NotDrawn<F> {
        match self {
            Self::Mistake { key, reason } => NotDrawn::Mistake { key, reason },
        }
    }
}

impl Drawn {
    /// Receives the answers that were not received yet.
    ///
    /// # Errors
    ///
    /// The reference failed.
    pub fn receive<R: Reference>(&mut self, reference: &mut R) -> Result<(), R::Failure> {
        while self.answers.len() < self.lines.len() {
            self.answers.push(reference.receive()?);
        }
        Ok(())
    }

    /// Returns the name of the line at a position: that of its command; of a start line the first
    /// word in the file, which can be the name of a command too, or `start` if that has a hole. It
    /// is empty if there is no such line.
    #[must_use]
    pub fn name_of<'r>(&self, position: usize, rules: &'r Rules) -> &'r str {
        match self.lines.get(position).map(|line| line.command) {
            Some(Some(command)) => rules.commands.get(command).map_or("", |it| &it.name),
            Some(None) => rules.start.get(position).map_or("", |form| form.word().unwrap_or(START)),
            None => "",
        }
    }

    /// Returns the position of the first start line whose answer is an error, if there is one: then
    /// the case does not begin as it must.
    #[must_use]
    pub fn refused_start(&self, rules: &Rules) -> Option<usize> {
        let start = self.answers.iter().take(rules.start.len());
        start.into_iter().position(|answer| rules.equality.status(answer) != Status::Ok)
    }

    /// Returns the lines that show the state after the case.
    ///
    /// # Errors
    ///
    /// A term has no value, or there are too many lines.
    pub fn observations(&self, rules: &Rules) -> Result<Vec<Observation>, NotDrawn<Infallible>> {
        observations(rules, &self.variables)
            .map_err(|(key, reason)| NotDrawn::Mistake { key, reason })
    }

    /// Returns a line for people: captured values are named by the line that made them, from 1.
    #[must_use]
    pub fn named(&self, line: &Line, rules: &Rules) -> String {
        let (mut named, mut end) = (String::new(), 0);
        for LineValue { range, origin } in &line.values {
            let Origin::Pool(pool, maker) = origin else { continue };
            named += &String::from_utf8_lossy(&line.text[end..range.start]);
            let maker = self.lines.iter().position(|line| line.step == Some(*maker));
            let number = maker.map_or(0, |position| position + 1);
            named += &format!("<{} of line {number}>", rules.scope.pools[*pool]);
            end = range.end;
        }
        named + &String::from_utf8_lossy(&line.text[end..])
    }
}

#[cfg(test)]
mod tests {
    use crate::draw::draw;
    use crate::fake::{Fault, notes, rules};
    use crate::source::Random;

    #[test]
    fn every_line_and_every_observation_has_a_name() {
        let rules = rules();
        let drawn = draw(rules, &mut Random::new(1, true), &mut notes(Fault::None)).unwrap();
        assert_eq!(drawn.name_of(0, rules), "new");
        for (position, line) in drawn.lines.iter().enumerate().skip(1) {
            let name = drawn.name_of(position, rules);
            assert_eq!(name, rules.commands[line.command.unwrap()].name);
        }
        assert_eq!(drawn.name_of(drawn.lines.len(), rules), "");
        let observations = drawn.observations(rules).unwrap();
        let mut names: Vec<_> = observations.iter().map(|one| one.name(rules)).collect();
        names.dedup();
        assert_eq!(names, ["text", "hash"]);
    }
}
