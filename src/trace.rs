//! Trace files: commands and the answers that they must get (definition, section 11).

use std::convert::Infallible;
use std::fmt;
use std::mem;

use crate::backend::Backend;
use crate::cluster::Cluster;
use crate::protocol::{Command, parse};
use crate::reference;
use crate::session::Session;

/// A trace: steps, and the comments between them.
///
/// ```
/// use dkv20::trace::{check_trace, parse_trace};
///
/// let trace = parse_trace(b"> new 3\n< ok\n> put a v\n< ok committed index=9 term=1\n")?;
/// let mismatch = check_trace(&trace).unwrap_err();
/// assert_eq!((mismatch.step.line, &mismatch.actual[..]), (3, &b"ok committed index=1 term=1"[..]));
/// # Ok::<(), dkv20::trace::TraceError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    /// An empty line, or one that begins with `#`.
    Comment(Vec<u8>),
    Step(TraceStep),
}

/// A command and the answer that it must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// The number of the command's line in the file, from 1.
    pub line: usize,
    /// The command, without `> ` and LF.
    pub command: Vec<u8>,
    /// The answer, without `< ` and LF; `None` in a recording that has not been run yet.
    pub answer: Option<Vec<u8>>,
}

/// The reason why a file is not a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The number of the line at fault, from 1.
    pub line: usize,
    /// The byte at fault in that line, from 1.
    pub column: usize,
    /// The rule of section 11 that is broken.
    pub reason: &'static str,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

impl std::error::Error for TraceError {}

/// The first step whose answer differs from the one in the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceMismatch {
    /// The step, with the answer in the trace.
    pub step: TraceStep,
    /// The actual answer.
    pub actual: Vec<u8>,
}

impl fmt::Display for TraceMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.step.answer.as_deref().unwrap_or_default();
        writeln!(f, "line {}: > {}", self.step.line, self.step.command.escape_ascii())?;
        writeln!(f, "  expected: {}", expected.escape_ascii())?;
        write!(f, "  actual:   {}", self.actual.escape_ascii())
    }
}

impl std::error::Error for TraceMismatch {}

/// Parses a trace (section 11).
///
/// # Errors
///
/// The first line that breaks a rule: a line of another form, a command without an answer right
/// after it, a command that gets no answer or whose answer names the port, a command after `quit`.
pub fn parse_trace(bytes: &[u8]) -> Result<Trace, TraceError> {
    let trace = parse_recording(bytes)?;
    trace.check_answered().map(|()| trace)
}

/// Parses a trace in which commands may lack their answers, so that [`Trace::record`] can add them.
///
/// # Errors
///
/// Those of [`parse_trace`], but for a missing answer.
pub fn parse_recording(bytes: &[u8]) -> Result<Trace, TraceError> {
    let mut has_quit = false;
    parse_form(bytes, &mut |command| {
        if has_quit {
            return Err((1, "a command after `quit` gets no answer"));
        }
        match parse(command) {
            Ok(None) => return Err((3, "this line gets no answer")),
            Ok(Some(Command::Hello)) => return Err((3, "the answer to `hello` names the port")),
            Ok(Some(Command::Quit)) => has_quit = true,
            Ok(Some(_)) | Err(_) => {}
        }
        Ok(())
    })
}

/// Checks a command. It returns the column at fault and the rule that is broken.
type CheckCommand<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), (usize, &'static str)>;

/// Parses the form of a trace, whose commands may lack their answers and may be those of any machine.
pub(crate) fn parse_form(bytes: &[u8], check: CheckCommand<'_>) -> Result<Trace, TraceError> {
    let mut parser = Parser { items: Vec::new(), line: 0, check };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        parser.line += 1;
        parser.parse_line(line)?;
    }
    Ok(Trace { items: parser.items })
}

/// Runs the commands on a new session of the port and compares the answers.
///
/// # Errors
///
/// The first step whose answer differs. A missing answer differs from every other.
pub fn check_trace(trace: &Trace) -> Result<(), TraceMismatch> {
    check_trace_on::<Cluster>(trace)
}

pub(crate) fn check_trace_on<C: Backend>(trace: &Trace) -> Result<(), TraceMismatch> {
    let mut session = Session::<C>::default();
    for step in trace.steps() {
        let actual = answer(&mut session, &step.command);
        if step.answer.as_ref() != Some(&actual) {
            return Err(TraceMismatch { step: step.clone(), actual });
        }
    }
    Ok(())
}

impl Trace {
    /// Iterates over the steps.
    pub fn steps(&self) -> impl Iterator<Item = &TraceStep> {
        self.items.iter().filter_map(|item| match item {
            Item::Step(step) => Some(step),
            Item::Comment(_) => None,
        })
    }

    /// Iterates over the steps, each with the comments after the step before it. An empty line is a
    /// comment, too.
    pub fn commented_steps(&self) -> impl Iterator<Item = (Vec<&[u8]>, &TraceStep)> {
        let mut comments = Vec::new();
        self.items.iter().filter_map(move |item| match item {
            Item::Step(step) => Some((mem::take(&mut comments), step)),
            Item::Comment(line) => {
                comments.push(&line[..]);
                None
            }
        })
    }

    /// Checks that every command has an answer.
    pub(crate) fn check_answered(&self) -> Result<(), TraceError> {
        let Some(step) = self.steps().find(|step| step.answer.is_none()) else { return Ok(()) };
        let reason = "this command has no answer right after it";
        Err(TraceError { line: step.line, column: 1, reason })
    }

    /// Replaces every answer by the reference's.
    pub fn record(&mut self) {
        let mut session = Session::<reference::Cluster>::default();
        let answered: Result<(), Infallible> =
            self.record_with(|command| Ok(answer(&mut session, command)));
        let Ok(()) = answered;
    }

    /// Replaces every answer by the one that `answer` returns for the command, until it fails.
    pub(crate) fn record_with<E>(
        &mut self,
        mut answer: impl FnMut(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<(), E> {
        for item in &mut self.items {
            if let Item::Step(step) = item {
                step.answer = Some(answer(&step.command)?);
            }
        }
        Ok(())
    }

    /// Returns the bytes of the trace file.
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

fn answer<C: Backend>(session: &mut Session<C>, command: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    session.run_line(command, &mut out);
    out.into_bytes()
}

struct Parser<'a> {
    items: Vec<Item>,
    line: usize,
    check: CheckCommand<'a>,
}

impl Parser<'_> {
    fn parse_line(&mut self, line: &[u8]) -> Result<(), TraceError> {
        let Some(line) = line.strip_suffix(b"\n") else {
            return self.fail(line.len() + 1, "the last line does not end with LF");
        };
        match line {
            [] | [b'#', ..] => self.items.push(Item::Comment(line.to_vec())),
            [b'>', b' ', command @ ..] => self.command(command)?,
            [b'<', b' ', answer @ ..] => self.answer(answer)?,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'>' | b'#', ..] | [b'>', 0, ..] => {
                return self.fail(1, "UTF-16: save the file as UTF-8 without a byte order mark");
            }
            [0xef, 0xbb, 0xbf, ..] => {
                return self.fail(1, "a byte order mark: save the file without one");
            }
            [b'>' | b'<', ..] => return self.fail(2, "expected a space"),
            _ => return self.fail(1, "expected `> COMMAND`, `< ANSWER`, `#` or an empty line"),
        }
        Ok(())
    }

    fn command(&mut self, command: &[u8]) -> Result<(), TraceError> {
        if let Err((column, reason)) = (self.check)(command) {
            return self.fail(column, reason);
        }
        self.items.push(Item::Step(TraceStep {
            line: self.line,
            command: command.to_vec(),
            answer: None,
        }));
        Ok(())
    }

    fn answer(&mut self, answer: &[u8]) -> Result<(), TraceError> {
        match self.items.last_mut() {
            Some(Item::Step(step)) if step.answer.is_none() => {
                step.answer = Some(answer.to_vec());
                Ok(())
            }
            _ => self.fail(1, "an answer without a command right before it"),
        }
    }

    fn fail(&self, column: usize, reason: &'static str) -> Result<(), TraceError> {
        Err(TraceError { line: self.line, column, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_refused(file: &[u8], line: usize, column: usize, reason: &str) {
        let error = parse_trace(file).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{error}");
        assert!(error.reason.contains(reason), "{error}");
    }

    fn parse_ok(file: &[u8]) -> Trace {
        parse_trace(file).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn trace_error_has_line_and_column() {
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
        assert_refused(b"\xef\xbb\xbf> mix 0\n", 1, 1, "byte order mark");
        assert_refused(b"\xff\xfe>\0 \0m\0\n\0", 1, 1, "UTF-16");
        assert_refused(b"\xfe\xff\0>\0 \0m\0\n", 1, 1, "UTF-16");
        assert_refused(b">\0 \0m\0\n\0", 1, 1, "UTF-16");
        assert_refused(b"\0#\0\n", 1, 1, "UTF-16");
        assert_refused(b"\0>\0\n", 1, 1, "UTF-16");
        assert_refused(b"< ok\n", 1, 1, "without a command");
        assert_refused(b"> mix 0\n< ok 0\n< ok 0\n", 3, 1, "without a command");
        assert_refused(b"> mix 0\n# c\n< ok 0\n", 3, 1, "without a command");
        assert_refused(b"> mix 0\n\n< ok 0\n", 3, 1, "without a command");
        assert_refused(b"> mix 0\n< ok 0\n> mix 1\n> mix 0\n< ok 0\n", 3, 1, "no answer right");
        assert_refused(b"> mix 0\n< ok 0\n# c\n\n< ok 0\n", 5, 1, "without a command");
    }

    #[test]
    fn commands_without_a_comparable_answer_are_refused() {
        assert_refused(b"> \n", 1, 3, "gets no answer");
        assert_refused(b"> new 1\n>   # c\n", 2, 3, "no answer");
        assert_refused(b"> hello\n< ok dkv20 1 rust\n", 1, 3, "names the port");
        assert_refused(b">  hello \n", 1, 3, "names the port");
        assert_refused(b"> quit\n< ok\n\n> mix 0\n", 4, 1, "quit");
        assert_refused(b"> quit\n> quit\n", 2, 1, "quit");
        let taken = parse_ok(
            b"> hello x\n< err syntax\n> \xff\n< err unknown-command\n> quit x\n\
            < err syntax\n> quit\n< ok\n# c\n",
        );
        assert_eq!(check_trace(&taken), Ok(()));
    }

    #[test]
    fn trace_error_display() {
        let error = parse_trace(b"\nx\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2, column 1: expected"), "{error}");
    }

    #[test]
    fn steps_have_line_numbers() {
        let trace = parse_recording(b"# c\n> new 1\n< ok\n\n> mix 0\n").unwrap();
        let steps: Vec<_> = trace.steps().cloned().collect();
        let step = |line, command: &str, answer: Option<&str>| TraceStep {
            line,
            command: command.into(),
            answer: answer.map(Into::into),
        };
        assert_eq!(steps, [step(2, "new 1", Some("ok")), step(5, "mix 0", None)]);
    }

    #[test]
    fn mismatch_is_the_first_that_differs() {
        let trace = parse_ok(b"> new 1\n< ok\n> mix 0\n< ok 1\n> mix 0\n< ok 2\n");
        let mismatch = check_trace(&trace).unwrap_err();
        assert_eq!((mismatch.step.line, &mismatch.step.command[..]), (3, &b"mix 0"[..]));
        assert_eq!(mismatch.step.answer.as_deref(), Some(&b"ok 1"[..]));
        assert_eq!(mismatch.actual, b"ok 0");
        assert_eq!(mismatch.to_string(), "line 3: > mix 0\n  expected: ok 1\n  actual:   ok 0");
    }

    #[test]
    fn answers_are_compared_byte_by_byte() {
        for answer in ["ok 0 ", "ok  0", "OK 0", "ok 0\r", ""] {
            let file = format!("> mix 0\n< {answer}\n");
            assert!(check_trace(&parse_ok(file.as_bytes())).is_err(), "{answer:?}");
        }
        assert_eq!(check_trace(&parse_ok(b"> mix 0\n< ok 0\n")), Ok(()));
    }

    #[test]
    fn missing_answer_differs() {
        let trace = parse_recording(b"> mix 0\n").unwrap();
        assert_eq!(check_trace(&trace).unwrap_err().step.line, 1);
    }

    #[test]
    fn trace_starts_without_a_cluster() {
        let mut trace = parse_recording(b"> status\n").unwrap();
        for _ in 0..2 {
            trace.record();
            assert_eq!(trace.to_bytes(), b"> status\n< err no-cluster\n");
        }
    }

    #[test]
    fn record_replaces_answers_and_keeps_comments() {
        let mut trace =
            parse_recording(b"#1\n> new 1\n#2\n\n> put a b\n< wrong\n#\xff\n> get 0 a\n").unwrap();
        trace.record();
        let recorded =
            b"#1\n> new 1\n< ok\n#2\n\n> put a b\n< ok committed index=1 term=1\n#\xff\n\
            > get 0 a\n< ok 0x62\n";
        assert_eq!(trace.to_bytes(), recorded);
        assert_eq!(check_trace(&trace), Ok(()));
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        let text = prop::collection::vec(prop_oneof![Just(b' '), Just(b'a'), any::<u8>()], 0..6);
        let kinds: [&[u8]; 6] = [b"> ", b"> mix 0", b"> new", b"< ", b"#", b""];
        (prop::sample::select(kinds.to_vec()), text).prop_map(|(kind, text)| [kind, &text].concat())
    }

    proptest! {
        #[test]
        fn parsed_file_is_written_back_unchanged(lines in prop::collection::vec(line(), 0..6)) {
            let file: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
            if let Ok(mut trace) = parse_recording(&file) {
                prop_assert_eq!(trace.to_bytes(), file);
                trace.record();
                prop_assert_eq!(check_trace(&trace), Ok(()));
                prop_assert_eq!(parse_trace(&trace.to_bytes()).unwrap().to_bytes(), trace.to_bytes());
            }
        }
    }
}
