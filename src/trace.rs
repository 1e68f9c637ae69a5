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
        // Right after its command: what stood between them would not stay there.
        match self.items.last_mut() {
            Some(Item::Step(step)) if step.answer.is_none() => {
                step.answer = Some(answer.to_vec());
                Ok(())
            }
            _ => self.fail(1, "an answer without a command before it"),
        }
    }

    fn fail(&self, column: usize, reason: &'static str) -> Result<(), ParseError> {
        Err(ParseError { line_number: self.line_number, column, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_refused(file: &[u8], line_number: usize, column: usize, reason: &str) {
        let error = Trace::parse(file).unwrap_err();
        assert_eq!((error.line_number, error.column), (line_number, column), "{error}");
        assert!(error.reason.contains(reason), "{error}");
    }

    fn parse_ok(file: &[u8]) -> Trace {
        Trace::parse(file).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_malformed_is_named_with_line_and_column() {
        assert_refused(b"# c\n> mix 0", 2, 8, "does not end with LF");
        assert_refused(b"# c", 1, 4, "does not end with LF");
        assert_refused(b"\n>mix 0\n", 2, 2, "space");
        assert_refused(b">\n", 1, 2, "space");
        assert_refused(b"> mix 0\n<ok\n", 2, 2, "space");
        assert_refused(b"> mix 0\n<\tok\n", 2, 2, "space");
        assert_refused(b"mix 0\n", 1, 1, "expected");
        assert_refused(b"\n\n # no comment\n", 3, 1, "expected");
        assert_refused(b"\r\n", 1, 1, "expected");
        assert_refused(b"\xff\n", 1, 1, "expected");
        assert_refused(b"< ok\n", 1, 1, "without a command");
        assert_refused(b"> mix 0\n< ok 0\n< ok 0\n", 3, 1, "without a command");
        assert_refused(b"> mix 0\n# c\n< ok 0\n", 3, 1, "without a command");
        assert_refused(b"> mix 0\n< ok 0\n# c\n\n< ok 0\n", 5, 1, "without a command");
    }

    #[test]
    fn only_commands_with_an_answer_that_does_not_name_the_port_are_taken() {
        assert_refused(b"> \n", 1, 3, "no answer");
        assert_refused(b"> new 1\n>   # c\n", 2, 3, "no answer");
        assert_refused(b"> hello\n< ok dkv20 1 rust\n", 1, 3, "names the port");
        assert_refused(b">  hello \n", 1, 3, "names the port");
        assert_refused(b"> quit\n< ok\n\n> mix 0\n", 4, 1, "quit");
        assert_refused(b"> quit\n> quit\n", 2, 1, "quit");
        let taken = parse_ok(
            b"> hello x\n< err syntax\n> \xff\n< err unknown-command\n> quit x\n\
            < err syntax\n> quit\n< ok\n# c\n",
        );
        assert_eq!(taken.check(), None);
    }

    #[test]
    fn an_error_says_where() {
        let error = Trace::parse(b"\nx\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2, column 1: expected"), "{error}");
    }

    #[test]
    fn steps_know_their_lines() {
        let trace = parse_ok(b"# c\n> new 1\n< ok\n\n> mix 0\n");
        let steps: Vec<_> = trace.steps().cloned().collect();
        let step = |line_number, command: &str, answer: Option<&str>| Step {
            line_number,
            command: command.into(),
            answer: answer.map(Into::into),
        };
        assert_eq!(steps, [step(2, "new 1", Some("ok")), step(5, "mix 0", None)]);
    }

    #[test]
    fn the_first_difference_is_found() {
        let trace = parse_ok(b"> new 1\n< ok\n> mix 0\n< ok 1\n> mix 0\n< ok 2\n");
        let difference = trace.check().unwrap();
        assert_eq!(difference.line_number, 3);
        assert_eq!(difference.command, b"mix 0");
        assert_eq!(
            (&difference.expected[..], &difference.actual[..]),
            (&b"ok 1"[..], &b"ok 0"[..])
        );
        assert_eq!(difference.to_string(), "line 3: > mix 0\n  expected: ok 1\n  actual:   ok 0");
    }

    #[test]
    fn an_answer_is_compared_byte_by_byte() {
        for answer in ["ok 0 ", "ok  0", "OK 0", "ok 0\r", ""] {
            let file = format!("> mix 0\n< {answer}\n");
            assert!(parse_ok(file.as_bytes()).check().is_some(), "{answer:?}");
        }
        assert_eq!(parse_ok(b"> mix 0\n< ok 0\n").check(), None);
    }

    #[test]
    fn an_answer_that_is_missing_differs() {
        let difference = parse_ok(b"> mix 0\n").check().unwrap();
        assert_eq!((difference.line_number, difference.expected), (1, vec![]));
    }

    #[test]
    fn a_trace_starts_without_a_cluster() {
        let mut trace = parse_ok(b"> status\n");
        for _ in 0..2 {
            trace.record();
            assert_eq!(trace.to_bytes(), b"> status\n< err no-cluster\n");
        }
    }

    #[test]
    fn record_replaces_answers_and_keeps_comments() {
        let mut trace = parse_ok(b"#1\n> new 1\n#2\n\n> put a b\n< wrong\n#\xff\n> get 0 a\n");
        trace.record();
        let recorded =
            b"#1\n> new 1\n< ok\n#2\n\n> put a b\n< ok committed index=1 term=1\n#\xff\n\
            > get 0 a\n< ok 0x62\n";
        assert_eq!(trace.to_bytes(), recorded);
        assert_eq!(trace.check(), None);
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        let text = prop::collection::vec(prop_oneof![Just(b' '), Just(b'a'), any::<u8>()], 0..6);
        let kinds: [&[u8]; 6] = [b"> ", b"> mix 0", b"> new", b"< ", b"#", b""];
        (prop::sample::select(kinds.to_vec()), text).prop_map(|(kind, text)| [kind, &text].concat())
    }

    proptest! {
        #[test]
        fn a_valid_file_is_written_as_it_was_read(lines in prop::collection::vec(line(), 0..6)) {
            let file: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
            if let Ok(mut trace) = Trace::parse(&file) {
                prop_assert_eq!(trace.to_bytes(), file);
                trace.record();
                prop_assert_eq!(trace.check(), None);
                prop_assert_eq!(Trace::parse(&trace.to_bytes()).unwrap().to_bytes(), trace.to_bytes());
            }
        }
    }
}
