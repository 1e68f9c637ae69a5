//! Files that can be replayed: traces (definition, section 11), and files of plain lines. Those of a
//! described machine have the same form.

use dkv20_exam::{Due, Finding, Machine};

use super::oracle::{Oracle, command};
use crate::reference::Cluster;
use crate::trace::{Trace, TraceError, check_trace_on, parse_form, parse_recording, parse_trace};

/// The line of a file of plain lines that comes after its comments and before its lines.
const LINES_MARK: &[u8] = b"# dkv20 lines";
const HINT: &str = "a trace has a line `> COMMAND` and below it `< ANSWER` (`dkv20 record` writes \
                    the answers), and plain lines come below a line `# dkv20 lines`";
const NOTHING: &str = "nothing to ask: the file has no command";

/// Lines for a port, at least one, and the answers that are due for them if the file has them.
pub type ReplayLines = (Vec<Vec<u8>>, Option<Vec<Due>>);

/// Returns the lines of a file that can be replayed: the commands of a trace whose answers are the
/// reference's, or the lines below the line `# dkv20 lines`, before which there are only comments. A
/// file of plain lines without that line is accepted if `is_named_lines` and one of its lines is a
/// command, as earlier exams wrote it.
///
/// # Errors
///
/// The text of what is wrong: the file is neither, an answer is not the reference's, or there is no
/// line.
pub fn lines_of_trace(bytes: &[u8], is_named_lines: bool) -> Result<ReplayLines, String> {
    let lines = match lines_below_mark(bytes) {
        Some(lines) => (lines, None),
        None if is_named_lines && is_plain_lines(bytes) => (lines_in(bytes), None),
        None => {
            check_line_ends(bytes)?;
            let trace = parse_trace(bytes).map_err(hinted)?;
            if let Err(mismatch) = check_trace_on::<Cluster>(&trace) {
                let mismatch = mismatch.to_string().replace("\n ", ";");
                return Err(format!("not the reference's answers: {mismatch}"));
            }
            lines_with_answers(&trace, None)
        }
    };
    if lines.0.is_empty() { Err(NOTHING.into()) } else { Ok(lines) }
}

/// Returns the same for a described machine. The answers need not be those of its reference, and
/// every port may have a greeting of its own.
///
/// # Errors
///
/// The text of what is wrong: the file is neither a trace nor plain lines, or there is no line.
pub fn lines_of_described_trace(
    machine: &dyn Machine,
    bytes: &[u8],
) -> Result<ReplayLines, String> {
    let lines = if let Some(lines) = lines_below_mark(bytes) {
        (lines, None)
    } else {
        let trace = parse_described(bytes)?;
        trace.check_answered().map_err(hinted)?;
        lines_with_answers(&trace, Some(machine.hello().as_bytes()))
    };
    if lines.0.is_empty() { Err(NOTHING.into()) } else { Ok(lines) }
}

/// A line of a file, and what the file says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileLine {
    /// The line that a port gets.
    pub line: Vec<u8>,
    /// The number of the line in the file, from 1.
    pub number: usize,
    /// The comments before it, one a line, without their `#`.
    pub comment: String,
    /// The answer that the file has for it.
    pub answer: Option<Vec<u8>>,
}

/// Returns the lines of a file that can be replayed, at least one. Its answers need not be the
/// reference's, and may be missing.
///
/// # Errors
///
/// The text of what is wrong: the file is neither a trace nor plain lines, or there is no line.
pub fn file_lines(bytes: &[u8], is_named_lines: bool) -> Result<Vec<FileLine>, String> {
    if is_named_lines && lines_below_mark(bytes).is_none() && is_plain_lines(bytes) {
        return Ok(plain_file_lines(lines_in(bytes), 1));
    }
    file_lines_of(bytes, |bytes| {
        check_line_ends(bytes)?;
        parse_recording(bytes).map_err(hinted)
    })
}

/// Returns the same for a described machine.
///
/// # Errors
///
/// As [`file_lines`].
pub fn described_file_lines(bytes: &[u8]) -> Result<Vec<FileLine>, String> {
    file_lines_of(bytes, parse_described)
}

fn file_lines_of(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Result<Trace, String>,
) -> Result<Vec<FileLine>, String> {
    let lines = if let Some(lines) = lines_below_mark(bytes) {
        let number = lines_in(bytes).len() - lines.len() + 1;
        plain_file_lines(lines, number)
    } else {
        let trace = parse(bytes)?;
        let lines = trace.commented_steps().map(|(comments, step)| FileLine {
            line: step.command.clone(),
            number: step.line,
            comment: comment_of(&comments),
            answer: step.answer.clone(),
        });
        lines.collect()
    };
    if lines.is_empty() { Err(NOTHING.into()) } else { Ok(lines) }
}

fn plain_file_lines(lines: Vec<Vec<u8>>, first: usize) -> Vec<FileLine> {
    let line = |(number, line)| FileLine { line, number, ..FileLine::default() };
    (first..).zip(lines).map(line).collect()
}

/// Returns comments without their `#`. Empty lines are kept only between comments.
fn comment_of(comments: &[&[u8]]) -> String {
    let text = |line: &&[u8]| {
        let text = line.strip_prefix(b"#").unwrap_or(line);
        let text = text.strip_prefix(b" ").unwrap_or(text);
        one_line(&String::from_utf8_lossy(text))
    };
    comments.iter().map(text).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}

/// Returns the trace with the reference's answers in place of its own, and how many differ.
///
/// # Errors
///
/// The text of what is wrong: the file is not a trace, or has no command.
pub fn record_trace(bytes: &[u8]) -> Result<(Vec<u8>, usize), String> {
    check_line_ends(bytes)?;
    let mut session = Oracle::new();
    let before = parse_recording(bytes).map_err(hinted)?;
    recorded(&before, |command| Ok(session.run(command).unwrap_or_default().into_bytes()))
}

/// Returns the same for a described machine: `answer` returns its reference's answer to a command.
///
/// # Errors
///
/// The text of what is wrong: the file is not a trace, or has no command; or the error of `answer`.
pub fn record_described_trace(
    bytes: &[u8],
    answer: impl FnMut(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<(Vec<u8>, usize), String> {
    recorded(&parse_described(bytes)?, answer)
}

fn recorded(
    before: &Trace,
    answer: impl FnMut(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<(Vec<u8>, usize), String> {
    if before.steps().next().is_none() {
        return Err(NOTHING.into());
    }
    let mut trace = before.clone();
    trace.record_with(answer)?;
    let changed = before.steps().zip(trace.steps()).filter(|(old, new)| old != new).count();
    Ok((trace.to_bytes(), changed))
}

/// Returns the commands of a trace that is known to be right.
pub(super) fn commands(trace: &Trace) -> Vec<Vec<u8>> {
    trace.steps().map(|step| step.command.clone()).collect()
}

/// Returns the commands and the answers. The answer to `hello`, if it has one, is a greeting.
fn lines_with_answers(trace: &Trace, hello: Option<&[u8]>) -> ReplayLines {
    let due = trace.steps().map(|step| match &step.answer {
        _ if hello == Some(&step.command) => Due::Greeting,
        Some(answer) => Due::Answer(answer.clone()),
        None => Due::Nothing,
    });
    (commands(trace), Some(due.collect()))
}

/// Parses a trace of a described machine, whose commands may lack their answers.
fn parse_described(bytes: &[u8]) -> Result<Trace, String> {
    check_all_line_ends(&lines_in(bytes))?;
    parse_form(bytes, &mut |_| Ok(())).map_err(hinted)
}

fn hinted(error: TraceError) -> String {
    format!("{error}; {HINT}")
}

/// Returns a finding's shrunk lines as a file that can be replayed, and its extension: a `trace`
/// with the reference's answers, or `lines` if a trace cannot hold them, since one gets no answer.
/// The heading becomes comments, one for each of its lines.
#[must_use]
pub fn replay_file(finding: &Finding, heading: &[String]) -> (&'static str, Vec<u8>) {
    let mut session = Oracle::new();
    let answers = finding.shrunk_lines.iter().map(|line| session.run(line).unwrap_or_default());
    let trace = trace_of(finding, heading, answers.map(String::into_bytes));
    if parse_trace(&trace).is_ok() { ("trace", trace) } else { plain_lines_of(finding, heading) }
}

/// Returns the same for a described machine. If replicas of the port differ, the answers are its own;
/// otherwise the reference is asked for them. If that program fails, the lines have none.
#[must_use]
pub fn described_replay_file(
    machine: &dyn Machine,
    finding: &Finding,
    heading: &[String],
) -> (&'static str, Vec<u8>) {
    let lines = &finding.shrunk_lines;
    let answers = finding.own_answers.clone().unwrap_or_else(|| answers(machine, lines));
    if answers.len() < lines.len() {
        return plain_lines_of(finding, heading);
    }
    ("trace", trace_of(finding, heading, answers))
}

/// Returns the reference's answers; too few if it fails.
fn answers(machine: &dyn Machine, lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let due = machine.session().and_then(|mut session| session.run_lines(lines, &|| true));
    let answers = due.unwrap_or_default().into_iter().map_while(|due| match due {
        Due::Answer(answer) => Some(answer),
        Due::Nothing | Due::Greeting => None,
    });
    answers.collect()
}

fn trace_of(
    finding: &Finding,
    heading: &[String],
    answers: impl IntoIterator<Item = Vec<u8>>,
) -> Vec<u8> {
    let mut trace = comments(heading);
    for (line, answer) in finding.shrunk_lines.iter().zip(answers) {
        trace.extend([b"> ", line.as_slice(), b"\n< ", &answer, b"\n"].concat());
    }
    trace
}

fn plain_lines_of(finding: &Finding, heading: &[String]) -> (&'static str, Vec<u8>) {
    ("lines", lines_file(&finding.shrunk_lines, heading))
}

/// Returns lines as a file that can be replayed, with the extension `lines`. The heading becomes
/// comments, one for each of its lines.
#[must_use]
pub fn lines_file(lines: &[Vec<u8>], heading: &[String]) -> Vec<u8> {
    let mut file = [comments(heading), [LINES_MARK, b"\n"].concat()].concat();
    for line in lines {
        file.extend_from_slice(line);
        file.push(b'\n');
    }
    file
}

fn comments(heading: &[String]) -> Vec<u8> {
    heading.iter().flat_map(|line| format!("# {}\n", one_line(line)).into_bytes()).collect()
}

/// Returns the text with escapes in place of control characters.
fn one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

fn lines_in(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec()).collect()
}

/// Returns the lines below the mark, or `None` if the file does not begin with comments and it.
fn lines_below_mark(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut lines = lines_in(bytes);
    let mark = lines
        .iter()
        .take_while(|line| line.starts_with(b"#"))
        .position(|line| line == LINES_MARK)?;
    Some(lines.split_off(mark + 1))
}

/// Reports whether a line is a command and none begins as a trace's lines do.
fn is_plain_lines(bytes: &[u8]) -> bool {
    let lines = lines_in(bytes);
    let is_step = |line: &Vec<u8>| line.starts_with(b"> ") || line.starts_with(b"< ");
    lines.iter().any(|line| command(line).is_some()) && !lines.iter().any(is_step)
}

/// Refuses a file whose lines end in CR LF. Commands and comments may end in CR, so it takes an answer
/// or an empty line that does, or all lines.
fn check_line_ends(bytes: &[u8]) -> Result<(), String> {
    let lines = lines_in(bytes);
    let is_wrong =
        |line: &Vec<u8>| line == b"\r" || line.ends_with(b"\r") && line.starts_with(b"< ");
    let wrong = lines.iter().position(is_wrong);
    wrong.map_or_else(|| check_all_line_ends(&lines), |at| Err(wrong_line_end(&lines, at)))
}

/// Refuses lines that all end in CR LF.
fn check_all_line_ends(lines: &[Vec<u8>]) -> Result<(), String> {
    if lines.is_empty() || !lines.iter().all(|line| line.ends_with(b"\r")) {
        return Ok(());
    }
    Err(wrong_line_end(lines, 0))
}

fn wrong_line_end(lines: &[Vec<u8>], at: usize) -> String {
    let reason = "the line ends in CR LF: save the file with LF alone";
    TraceError { line: at + 1, column: lines[at].len(), reason }.to_string()
}
