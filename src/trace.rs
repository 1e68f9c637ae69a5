//! Trace files: commands and the answers that they must get (definition, section 11).

use std::fmt;

use crate::protocol::{Command, parse};
use crate::session::Session;

/// A trace: its steps, and the comments between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    /// An empty line, or one that begins with `#`.
    Comment(Vec<u8>),
    Step(Step),
}

/// A command and the answer that it must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the command stands in the file, from 1.
    pub line_number: usize,
    /// The command line's bytes, without `> ` and LF.
    pub command: Vec<u8>,
    /// The answer's bytes, without `< ` and LF; `None` where none has been recorded yet.
    pub answer: Option<Vec<u8>>,
}

/// Why a file is not a trace, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line at fault, from 1.
    pub line_number: usize,
    /// The byte of the line at which the fault shows, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line_number, self.column, self.reason)
    }
}

impl std::error::Error for ParseError {}

/// The first step whose answer is not the one in the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where the command stands in the file, from 1.
    pub line_number: usize,
    /// The command line.
    pub command: Vec<u8>,
    /// The answer in the trace.
    pub expected: Vec<u8>,
    /// The answer that was given.
    pub actual: Vec<u8>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "line {}: > {}", self.line_number, self.command.escape_ascii())?;
        writeln!(f, "  expected: {}", self.expected.escape_ascii())?;
        write!(f, "  actual:   {}", self.actual.escape_ascii())
    }
}

impl Trace {
    /// Reads a trace. A command without an answer is taken too, so that one can be recorded.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut parser = Parser { items: Vec::new(), line_number: 0, has_quit: false };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            parser.line_number += 1;
            parser.line(line)?;
        }
        Ok(Self { items: parser.items })
    }

    /// The steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.items.iter().filter_map(|item| match item {
            Item::Step(step) => Some(step),
            Item::Comment(_) => None,
        })
    }

    /// Runs the commands on a session of their own and answers the first difference. An answer
    /// that has not been recorded differs from every other.
    #[must_use]
    pub fn check(&self) -> Option<Difference> {
        let mut session = Session::new();
        self.steps().find_map(|step| {
            let actual = answer(&mut session, &step.command);
            (step.answer.as_ref() != Some(&actual)).then(|| Difference {
                line_number: step.line_number,
                command: step.command.clone(),
                expected: step.answer.clone().unwrap_or_default(),
                actual,
            })
        })
    }

    /// Puts the reference's answers in place of those in the trace.
    pub fn record(&mut self) {
        let mut session = Session::new();
        for item in &mut self.items {
            if let Item::Step(step) = item {
                step.answer = Some(answer(&mut session, &step.command));
            }
        }
    }

    /// The bytes of the trace file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put_line = |parts: &[&[u8]]| {
            out.extend(parts.concat());
            out.push(b'\n');
        };
        for item in &self.items {
            match item {
                Item::Comment(line) => put_line(&[line]),
                Item::Step(step) => {
                    put_line(&[b"> ", &step.command]);
                    if let Some(answer) = &step.answer {
                        put_line(&[b"< ", answer]);
                    }
                }
            }
        }
        out
    }
}

fn answer(session: &mut Session, command: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    session.answer(command, &mut out);
    out.into_bytes()
}

struct Parser {
    items: Vec<Item>,
    line_number: usize,
    has_quit: bool,
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), ParseError> {
        let Some(line) = line.strip_suffix(b"\n") else {
            return self.fail(line.len() + 1, "the last line does not end with LF");
        };
        match line {
            [] | [b'#', ..] => self.items.push(Item::Comment(line.to_vec())),
            [b'>', b' ', command @ ..] => self.command(command)?,
            [b'<', b' ', answer @ ..] => self.answer(answer)?,
            [b'>' | b'<', ..] => return self.fail(2, "expected a space"),
            _ => return self.fail(1, "expected `> COMMAND`, `< ANSWER`, `#` or an empty line"),
        }
        Ok(())
    }

    fn command(&mut self, command: &[u8]) -> Result<(), ParseError> {
        if self.has_quit {
            return self.fail(1, "a command after `quit` gets no answer");
        }
        match parse(command) {
            Ok(None) => return self.fail(3, "this line gets no answer"),
            Ok(Some(Command::Hello)) => {
                return self.fail(3, "the answer to `hello` names the port");
            }
            Ok(Some(Command::Quit)) => self.has_quit = true,
            Ok(Some(_)) | Err(_) => {}
        }
        self.items.push(Item::Step(Step {
            line_number: self.line_number,
            command: command.to_vec(),
            answer: None,
        }));
        Ok(())
    }

    fn answer(&mut self, answer: &[u8]) -> Result<(), ParseError> {
        let line_number = self.line_number;
        let last_step = self.items.iter_mut().rev().find_map(|item| match item {
            Item::Step(step) => Some(step),
            Item::Comment(_) => None,
        });
        match last_step {
            Some(step) if step.answer.is_none() => step.answer = Some(answer.to_vec()),
            _ => {
                return Err(ParseError {
                    line_number,
                    column: 1,
                    reason: "an answer without a command before it",
                });
            }
        }
        Ok(())
    }

    fn fail(&self, column: usize, reason: &'static str) -> Result<(), ParseError> {
        Err(ParseError { line_number: self.line_number, column, reason })
    }
}
