//! A program that is sent lines, and whose answers are returned: nothing is compared.

use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::divergence::shown;
use crate::limits::Interrupt;
use crate::port::{Failure, PortSpec};
use crate::process::{PortProcess, START_TIME_MIN};

/// How many greetings are asked for at the start: a banner is before the first, and the others are
/// equal.
const GREETINGS: usize = 3;

/// A running program. Dropping it ends the program and all that it started.
///
/// A `hello` follows each line. A missing answer, or one too many, is thereby noticed at its line.
pub struct Conversation {
    process: PortProcess,
    hello: Vec<u8>,
    greeting: Vec<u8>,
    timeout: Duration,
    /// Lines that were not written yet.
    unwritten: Vec<Vec<u8>>,
    answers: VecDeque<Vec<u8>>,
    /// It comes after the answers.
    breakdown: Option<Breakdown>,
}

/// A program that does not answer as it must, with the line to which it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// The line.
    pub line: Vec<u8>,
    /// The cause.
    pub cause: Cause,
    /// The end of the program's standard error.
    pub stderr: String,
}

/// The way in which a program does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It failed.
    Failed(Failure),
    /// It wrote this line before the first answer.
    Banner(Vec<u8>),
    /// It has another answer to each `hello`.
    ChangingGreeting(Vec<u8>, Vec<u8>),
    /// It has no answer to the line, but one to the next.
    NoAnswer,
    /// Its answer has no line end: the next answer is in the same line.
    NoLineEnd,
    /// It wrote this line after its answer.
    SecondLine(Vec<u8>),
}

impl Breakdown {
    /// Returns the cause if it is outside the program: see [`Failure::is_external`].
    #[must_use]
    pub fn external_cause(&self) -> Option<&Failure> {
        match &self.cause {
            Cause::Failed(failure) if failure.is_external() => Some(failure),
            _ => None,
        }
    }

    /// Returns how an adapter is mended; empty if the cause is outside the program.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match &self.cause {
            Cause::Failed(failure) => match failure {
                Failure::NoAnswer | Failure::NoGreeting => {
                    "answer each line, or raise the time limit"
                }
                Failure::Stopped => "let it run: a signal such as SIGSTOP has stopped it",
                Failure::NotFlushed => "flush standard output after each answer",
                Failure::NoLineEnd => "write a line end after each answer",
                Failure::Exited(_) => {
                    "answer an exception or a panic as an error, and go on until the end of input"
                }
                Failure::ClosedOutput | Failure::ClosedInput | Failure::StillRunning => {
                    "keep standard input and output open until the end of input, then exit"
                }
                Failure::Flood => "write one line for each line that was read",
                Failure::Interrupted | Failure::System(_) | Failure::Reference(_) => "",
            },
            Cause::Banner(_) => "write nothing before the first answer, or on standard error",
            Cause::ChangingGreeting(..) => "return the same greeting each time",
            Cause::NoAnswer => "answer each line, also an empty or a wrong one",
            Cause::NoLineEnd => "write a line end after each answer",
            Cause::SecondLine(_) => "write exactly one line for each line that was read",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::Banner(line) => {
                write!(f, "`{}` was written before the first answer", shown(line))
            }
            Self::ChangingGreeting(one, other) => {
                write!(f, "the answer changes: `{}`, then `{}`", shown(one), shown(other))
            }
            Self::NoAnswer => f.write_str("no answer, but one to the line after it"),
            Self::NoLineEnd => {
                f.write_str("the answer has no line end, and the next is in the same line")
            }
            Self::SecondLine(line) => {
                write!(f, "a second line was written after the answer: `{}`", shown(line))
            }
        }
    }
}

impl fmt::Display for Breakdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", shown(&self.line), self.cause)
    }
}

impl Conversation {
    /// Starts a program and takes its greeting: the answer to `hello`, a line that changes nothing.
    /// Each answer may take `timeout`, and the greeting ten seconds at least.
    ///
    /// # Errors
    ///
    /// The program cannot be started, or its first answers are not three equal lines.
    pub fn start(
        spec: &PortSpec,
        hello: &[u8],
        timeout: Duration,
        interrupt: Interrupt,
    ) -> Result<Self, Breakdown> {
        let failed = |failure| Breakdown {
            line: hello.to_vec(),
            cause: Cause::Failed(failure),
            stderr: String::new(),
        };
        let process = PortProcess::start(spec, interrupt).map_err(|error| failed(error.into()))?;
        let mut conversation = Self {
            process,
            hello: hello.to_vec(),
            greeting: Vec::new(),
            timeout,
            unwritten: Vec::new(),
            answers: VecDeque::new(),
            breakdown: None,
        };
        conversation.greet()?;
        Ok(conversation)
    }

    /// Returns the greeting.
    #[must_use]
    pub fn greeting(&self) -> &[u8] {
        &self.greeting
    }

    /// Sends a line. It may be written only when its answer is awaited.
    pub fn send(&mut self, line: &[u8]) {
        self.unwritten.push(line.to_vec());
    }

    /// Returns the answer to the first line that was sent and whose answer was not returned.
    ///
    /// # Errors
    ///
    /// The program does not answer that line, or not with one line. It is of no use any more: each
    /// later call returns the same error.
    ///
    /// # Panics
    ///
    /// All answers were returned.
    pub fn receive(&mut self) -> Result<Vec<u8>, Breakdown> {
        if self.answers.is_empty() && self.breakdown.is_none() {
            self.breakdown = self.exchange().err();
        }
        match (self.answers.pop_front(), &self.breakdown) {
            (None, Some(breakdown)) => Err(breakdown.clone()),
            (answer, _) => Ok(answer.expect("a line was sent before")),
        }
    }

    fn greet(&mut self) -> Result<(), Breakdown> {
        let hello = [&*self.hello, b"\n"].concat();
        let timeout = self.timeout.max(START_TIME_MIN);
        let (lines, outcome) = self.lines(&hello.repeat(GREETINGS), GREETINGS, timeout);
        if let Err(failure) = outcome {
            let failure = match failure {
                Failure::NoAnswer if lines.is_empty() => Failure::NoGreeting,
                other => other,
            };
            return Err(self.broken(self.hello.clone(), Cause::Failed(failure)));
        }
        let cause = match &lines[..] {
            [first, second, third] if first == second && second == third => None,
            [banner, second, third] if second == third => Some(Cause::Banner(banner.clone())),
            [first, second, ..] => Some(Cause::ChangingGreeting(first.clone(), second.clone())),
            _ => unreachable!("as many lines were taken as were asked for"),
        };
        if let Some(cause) = cause {
            return Err(self.broken(self.hello.clone(), cause));
        }
        self.greeting.clone_from(&lines[0]);
        Ok(())
    }

    /// Writes `input` and returns up to `count` lines; fewer if the program fails, or once one that
    /// must be the greeting is another.
    fn lines(
        &mut self,
        input: &[u8],
        count: usize,
        timeout: Duration,
    ) -> (Vec<Vec<u8>>, Result<(), Failure>) {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let greeting = &self.greeting;
        let outcome = self.process.exchange(input, timeout, |line| {
            lines.push(line.to_vec());
            let is_other =
                !greeting.is_empty() && lines.len().is_multiple_of(2) && line != greeting;
            if is_other || lines.len() == count {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        let outcome = outcome.map_err(|failure| self.process.detect_unflushed(failure));
        (lines, outcome)
    }

    /// Writes the lines and takes their answers, each followed by the greeting. On an error these are
    /// the answers to the lines before the one of the error.
    fn exchange(&mut self) -> Result<(), Breakdown> {
        let sent = std::mem::take(&mut self.unwritten);
        let line_end: &[u8] = b"\n";
        let marked = sent.iter().flat_map(|line| [&**line, line_end, &*self.hello, line_end]);
        let input = marked.collect::<Vec<_>>().concat();
        let (lines, outcome) = self.lines(&input, 2 * sent.len(), self.timeout);
        let pairs = lines.chunks(2);
        for (line, pair) in sent.iter().zip(pairs) {
            if pair.get(1).is_some_and(|marker| *marker == self.greeting) {
                self.answers.push_back(pair[0].clone());
                continue;
            }
            let answer = &pair[0];
            let is_cut = outcome.as_ref().is_err_and(|failure| !failure.is_timeout());
            let cause = match pair.get(1) {
                // It failed after the answer.
                None if is_cut => break,
                _ if *answer == self.greeting => Cause::NoAnswer,
                _ if !self.greeting.is_empty() && answer.ends_with(&self.greeting) => {
                    Cause::NoLineEnd
                }
                Some(second) => Cause::SecondLine(second.clone()),
                None => break,
            };
            return Err(self.broken(line.clone(), cause));
        }
        let Err(failure) = outcome else { return Ok(()) };
        // Of two lines without an answer, the two greetings are a pair.
        let is_missing = |at: &usize| self.answers[*at] == self.greeting && sent[*at] != self.hello;
        let missing = (0..self.answers.len()).find(is_missing).filter(|_| failure.is_timeout());
        let cause = if missing.is_some() { Cause::NoAnswer } else { Cause::Failed(failure) };
        self.answers.truncate(missing.unwrap_or(self.answers.len()));
        let line = sent[self.answers.len()].clone();
        Err(self.broken(line, cause))
    }

    fn broken(&mut self, line: Vec<u8>, cause: Cause) -> Breakdown {
        Breakdown { line, cause, stderr: self.process.stderr_tail() }
    }
}
