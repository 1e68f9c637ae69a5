//! Files that can be replayed: traces (definition, section 11), and files of plain lines.

use dkv20_exam::Finding;

use super::oracle::{Oracle, command};
use crate::reference::Cluster;
use crate::trace::{Trace, TraceError, check_trace_on, parse_recording, parse_trace};

/// The line of a file of plain lines that comes after its comments and before its lines.
const LINES_MARK: &[u8] = b"# dkv20 lines";
const HINT: &str = "a trace has a line `> COMMAND` and below it `< ANSWER` (`dkv20 record` writes \
                    the answers), and plain lines come below a line `# dkv20 lines`";
const NOTHING: &str = "nothing to ask: the file has no command";

/// Returns the lines of a file that can be replayed, at least one, and whether it has their answers:
/// the commands of a trace whose answers are the reference's, or the lines below the line
/// `# dkv20 lines`, before which there are only comments. A file of plain lines without that line is accepted if `is_named_lines` and one of
/// its lines is a command, as earlier exams wrote it.
///
/// # Errors
///
/// The text of what is wrong: the file is neither, an answer is not the reference's, or there is no
/// line.
pub fn lines_of_trace(bytes: &[u8], is_named_lines: bool) -> Result<(Vec<Vec<u8>>, bool), String> {
    let lines = match lines_below_mark(bytes) {
        Some(lines) => (lines, false),
        None if is_named_lines && is_plain_lines(bytes) => (lines_in(bytes), false),
        None => {
            check_line_ends(bytes)?;
            let trace = parse_trace(bytes).map_err(|error| format!("{error}; {HINT}"))?;
            if let Err(mismatch) = check_trace_on::<Cluster>(&trace) {
                let mismatch = mismatch.to_string().replace("\n ", ";");
                return Err(format!("not the reference's answers: {mismatch}"));
            }
            (commands(&trace), true)
        }
    };
    if lines.0.is_empty() { Err(NOTHING.into()) } else { Ok(lines) }
}

/// Returns the trace with the reference's answers in place of its own, and how many differ.
///
/// # Errors
///
/// The text of what is wrong: the file is not a trace, or has no command.
pub fn record_trace(bytes: &[u8]) -> Result<(Vec<u8>, usize), String> {
    check_line_ends(bytes)?;
    let before = parse_recording(bytes).map_err(|error| format!("{error}; {HINT}"))?;
    if before.steps().next().is_none() {
        return Err(NOTHING.into());
    }
    let mut trace = before.clone();
    trace.record();
    let changed = before.steps().zip(trace.steps()).filter(|(old, new)| old != new).count();
    Ok((trace.to_bytes(), changed))
}

/// Returns the commands of a trace that is known to be right.
pub(super) fn commands(trace: &Trace) -> Vec<Vec<u8>> {
    trace.steps().map(|step| step.command.clone()).collect()
}

/// Returns a finding's shrunk lines as a file that can be replayed, and its extension: a `trace`
/// with the reference's answers, or `lines` if a trace cannot hold them, since one gets no answer.
/// The heading becomes comments, one for each of its lines.
#[must_use]
pub fn replay_file(finding: &Finding, heading: &[String]) -> (&'static str, Vec<u8>) {
    let heading = heading.iter().flat_map(|line| format!("# {}\n", one_line(line)).into_bytes());
    let heading: Vec<u8> = heading.collect();
    let mut session = Oracle::new();
    let mut trace = heading.clone();
    for line in &finding.shrunk_lines {
        let answer = session.run(line).unwrap_or_default();
        trace.extend([b"> ", line.as_slice(), b"\n< ", answer.as_bytes(), b"\n"].concat());
    }
    if parse_trace(&trace).is_ok() {
        return ("trace", trace);
    }
    let lines = finding.shrunk_lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat());
    ("lines", [heading, [LINES_MARK, b"\n"].concat(), lines.collect()].concat())
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
    let ends_in_cr = |line: &Vec<u8>| line.ends_with(b"\r");
    let is_wrong = |line: &Vec<u8>| line == b"\r" || ends_in_cr(line) && line.starts_with(b"< ");
    let all = lines.iter().all(ends_in_cr).then_some(0);
    let Some(at) = lines.iter().position(is_wrong).or(all.filter(|_| !lines.is_empty())) else {
        return Ok(());
    };
    let reason = "the line ends in CR LF: save the file with LF alone";
    Err(TraceError { line: at + 1, column: lines[at].len(), reason }.to_string())
}
