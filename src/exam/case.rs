//! Cases, how they are delivered, and the suites that they come in.

use std::sync::Arc;

use serde::Serialize;

use crate::cost::Cost;
use crate::port::Failure;
use crate::program::Run;
use crate::start::Start;
use crate::tally::Reach;

/// How a case's lines reach the port, and which answers are awaited when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// All lines at once, then a `hello` whose greeting shows that no further answer comes.
    Pipelined,
    /// All lines at once with a `hello` after each, so that every answer is separate.
    Marked,
    /// One line, its answer, the next line.
    Stepwise,
    /// Like `Stepwise`, but each write ends within a line, at a place that its bytes decide.
    Split,
    /// All lines to a process of their own, then the end of its input, and its exit.
    ToEnd,
    /// Like `ToEnd`, without the last line's LF.
    ToEndWithoutLf,
}

impl Delivery {
    /// Every delivery.
    pub const ALL: [Self; 6] = [
        Self::Pipelined,
        Self::Marked,
        Self::Stepwise,
        Self::Split,
        Self::ToEnd,
        Self::ToEndWithoutLf,
    ];

    /// Returns the name in reports and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pipelined => "pipelined",
            Self::Marked => "marked",
            Self::Stepwise => "stepwise",
            Self::Split => "split",
            Self::ToEnd => "to-end",
            Self::ToEndWithoutLf => "to-end-without-lf",
        }
    }

    /// Reports whether it closes the port's input.
    #[must_use]
    pub const fn ends_input(self) -> bool {
        matches!(self, Self::ToEnd | Self::ToEndWithoutLf)
    }

    /// Reports whether an answer can be attributed to its line even if another one is missing.
    #[must_use]
    pub const fn separates_answers(self) -> bool {
        matches!(self, Self::Marked | Self::Stepwise)
    }
}

/// Lines for a port, or another thing to try with its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// `SUITE/NAME`, the same in every run with the same seed.
    pub id: String,
    /// The lines, without LF. For a task other than a session, the lines that stand for it: they
    /// decide its level.
    pub lines: Vec<Vec<u8>>,
    /// How they are delivered.
    pub delivery: Delivery,
    /// The way in which the port is tried.
    pub task: Task,
    /// The answers that are due, line by line, if making the case included running its lines.
    pub due: Option<Vec<Due>>,
    /// The names of the commands and observers that made the lines; none if the lines alone show
    /// all that their machine has to know.
    pub names: Vec<Arc<str>>,
    /// The seed of the choices that it was drawn from, if its machine draws cases.
    pub seed: Option<u64>,
    /// Why it could not be made, if that is so: the reference failed. Then it has no lines.
    pub obstacle: Option<Failure>,
}

/// The answer that is due for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// No answer.
    Nothing,
    /// This answer.
    Answer(Vec<u8>),
    /// The port's own greeting.
    Greeting,
}

/// The way in which a case tries a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// It sends the lines to a process of the port and compares the answers.
    Session,
    /// It sends the lines to a process of the port, then those of [`Machine::settle`], and compares
    /// only the replicas of the port. The case was drawn.
    ///
    /// [`Machine::settle`]: crate::Machine::settle
    Settled,
    /// The same, with a process of its own that is started in another way.
    Elsewhere(Start),
    /// It runs the port's program with other arguments.
    Program(Run),
    /// It measures whether something grows that must not.
    Cost(Cost),
}

impl Case {
    /// Makes a case of a session.
    #[must_use]
    pub fn new(id: String, lines: Vec<Vec<u8>>, delivery: Delivery) -> Self {
        let (task, due) = (Task::Session, None);
        Self { id, lines, delivery, task, due, names: Vec::new(), seed: None, obstacle: None }
    }

    /// Returns the name of the suite: the part of the id before the first `/`.
    #[must_use]
    pub fn suite(&self) -> &str {
        suite_of(&self.id)
    }

    /// Returns all lines that the delivery writes to a port that goes on afterwards.
    pub(crate) fn lines_written(&self, hello: &str) -> Vec<Vec<u8>> {
        let hello = || hello.as_bytes().to_vec();
        let mut lines = self.lines.clone();
        match self.delivery {
            Delivery::Pipelined => lines.push(hello()),
            Delivery::Marked => {
                lines = lines.into_iter().flat_map(|line| [line, hello()]).collect();
            }
            _ => {}
        }
        lines
    }
}

/// Returns the suite's name in a case id.
pub(crate) fn suite_of(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

/// Returns the part of a case id after the suite's name.
pub(crate) fn name_in(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, name)| name)
}

/// How many cases there are.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of the generated cases. The same seed makes the same cases.
    pub seed: u64,
    /// How many cases each generated suite has. With 0 they are left out.
    pub generated_count: usize,
    /// How many lines the longest path of an exhaustive suite has. With 0 such suites are left out.
    pub states_depth: usize,
    /// Whether suites also make cases that take a port seconds.
    pub is_thorough: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 1, generated_count: 600, states_depth: 4, is_thorough: false }
    }
}

/// Makes the case of a name.
pub type MakeNamed = Box<dyn Fn(&str) -> Case + Send + Sync>;

/// Cases of one kind. Each is made from its number alone, when it is needed.
pub struct Suite {
    /// The first part of its cases' ids.
    pub name: &'static str,
    /// The milestones that its cases together must reach.
    pub must_cause: Vec<usize>,
    /// The ranges of measures that its cases together must reach.
    pub must_reach: Vec<Reach>,
    /// Whether `make` accepts every number, not only those below `count`.
    pub is_generated: bool,
    /// Whether its cases compare no program with another, so that the reference is asked, too.
    pub asks_reference: bool,
    /// How many cases the plan has.
    pub count: usize,
    /// Returns the part of a case's id after `SUITE/`, without making the case.
    pub name_of: Box<dyn Fn(usize) -> String + Send + Sync>,
    /// Makes the case of a number.
    pub make: Box<dyn Fn(usize) -> Case + Send + Sync>,
}

impl Suite {
    /// Makes a suite of so many cases, which need not reach anything. Their numbers are their names.
    #[must_use]
    pub fn new(
        name: &'static str,
        count: usize,
        make: impl Fn(usize) -> Case + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            must_cause: Vec::new(),
            must_reach: Vec::new(),
            is_generated: false,
            asks_reference: false,
            count,
            name_of: Box::new(|number| number.to_string()),
            make: Box::new(make),
        }
    }

    /// Makes a suite of these cases, which must reach these milestones.
    #[must_use]
    pub fn of_cases(name: &'static str, must_cause: Vec<usize>, cases: Vec<Case>) -> Self {
        let cases = Arc::new(cases);
        let named = cases.clone();
        let suite = Self::new(name, named.len(), move |number| cases[number].clone());
        suite.named(move |number| name_in(&named[number].id).to_owned()).causing(must_cause)
    }

    /// Makes a suite of cases with these names. Each is made when it is needed.
    #[must_use]
    pub fn of_makers(name: &'static str, makers: Vec<(String, MakeNamed)>) -> Self {
        let makers = Arc::new(makers);
        let named = makers.clone();
        let make = move |number: usize| {
            let (name, make) = &makers[number];
            make(name)
        };
        Self::new(name, named.len(), make).named(move |number| named[number].0.clone())
    }

    /// Returns the suite, whose cases now have these names.
    #[must_use]
    pub fn named(mut self, name_of: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        self.name_of = Box::new(name_of);
        self
    }

    /// Returns the id of the case of a number.
    #[must_use]
    pub fn id_of(&self, number: usize) -> String {
        format!("{}/{}", self.name, (self.name_of)(number))
    }

    /// Returns the suite, which now must reach these milestones too.
    #[must_use]
    pub fn causing(mut self, milestones: Vec<usize>) -> Self {
        self.must_cause.extend(milestones);
        self
    }

    /// Returns the suite, which now must reach these ranges too.
    #[must_use]
    pub fn reaching(mut self, ranges: impl IntoIterator<Item = Reach>) -> Self {
        self.must_reach.extend(ranges);
        self
    }
}
