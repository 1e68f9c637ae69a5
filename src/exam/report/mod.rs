//! What is reported of an exam, in five forms: for a terminal, for programs (JSON lines, JUnit
//! XML), for the summary of a CI run (Markdown), and as a page to read (HTML).
//!
//! All of them are made of a [`Report`] alone. Whatever a port wrote stands in them as text: what
//! would not be seen, or would steer a terminal or a page, is shown as an escape. Only the JSON
//! lines hold strings as they are.

mod html;
mod json;
mod junit;
mod markdown;
mod text;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::exam::case::LEVELS;
use crate::exam::finding::Finding;
use crate::exam::run::{LevelReport, Outcome, PortReport, Report, Verdict};

pub use html::html;
pub use json::json_lines;
pub use junit::junit;
pub use markdown::markdown;
pub use text::text;

/// How many characters of a line are shown.
const LINE_CHARS_MAX: usize = 1_000;
/// How many lines of a shrunk trace, or of what a port wrote on standard error, are shown.
const LINES_MAX: usize = 40;

/// What a port has shown of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Every case passed.
    Conforms,
    /// A case failed.
    Diverges,
    /// The port lacks commands.
    NotAttempted,
    /// What was asked passed, but not everything was asked.
    Incomplete,
    /// Nothing was asked.
    NotAsked,
}

impl State {
    fn of(port: &PortReport, level: &LevelReport) -> Self {
        let is_found = port.findings.iter().any(|finding| finding.level == level.number);
        let lacks_commands = || {
            let cases = port.cases.iter().filter(|case| case.level == level.number);
            cases.clone().any(|case| case.verdict == Verdict::NotAttempted)
        };
        if !port.is_examined() {
            Self::NotAsked
        } else if level.failed > 0 || is_found {
            Self::Diverges
        } else if !level.unknown.is_empty() || lacks_commands() {
            Self::NotAttempted
        } else if level.conforms() {
            Self::Conforms
        } else if level.passed > 0 {
            Self::Incomplete
        } else {
            Self::NotAsked
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::Diverges => "diverges",
            Self::NotAttempted => "not attempted",
            Self::Incomplete => "incomplete",
            Self::NotAsked => "not asked",
        }
    }

    /// A mark for those who do not see its colour.
    const fn mark(self) -> &'static str {
        match self {
            Self::Conforms => "✓",
            Self::Diverges => "✗",
            Self::NotAttempted => "○",
            Self::Incomplete => "◐",
            Self::NotAsked => "–",
        }
    }
}

/// What there is to say of a level beside its state.
fn level_note(port: &PortReport, level: &LevelReport) -> String {
    let counts = [(level.passed, "passed"), (level.failed, "failed"), (level.left_out, "left out")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    // A fault that a case of a higher level showed.
    let found = port.findings.iter().filter(|finding| finding.level == level.number).count();
    if level.failed == 0 && found > 0 {
        parts.push(counted(found, "finding"));
    }
    if !level.unknown.is_empty() {
        parts.push(format!("unknown: {}", level.unknown.join(", ")));
    }
    parts.join("; ")
}

/// `4 faults`.
fn level_title(number: usize) -> String {
    let known = number.checked_sub(1).and_then(|position| LEVELS.get(position));
    known.map_or_else(|| number.to_string(), |(name, _)| format!("{number} {name}"))
}

/// The levels that any port was asked about, in order.
fn level_numbers(report: &Report) -> Vec<usize> {
    let levels = report.ports.iter().flat_map(|port| &port.levels);
    let numbers: std::collections::BTreeSet<_> = levels.map(|level| level.number).collect();
    numbers.into_iter().collect()
}

/// All findings, in the order of their ports.
fn findings(report: &Report) -> impl Iterator<Item = (&PortReport, &Finding)> {
    report.ports.iter().flat_map(|port| port.findings.iter().map(move |finding| (port, finding)))
}

const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Conforms => "conforms",
        Outcome::Diverges => "diverges",
        Outcome::Broken => "broken",
    }
}

/// The verdict and its reason in one line. It begins with the verdict's word.
fn verdict_line(report: &Report) -> String {
    let outcome = report.verdict();
    let reason = match outcome {
        Outcome::Conforms => conforming(report),
        Outcome::Diverges => diverging(report),
        Outcome::Broken => broken(report),
    };
    let interrupted = if report.is_interrupted { " (interrupted)" } else { "" };
    format!("{}: {reason}{interrupted}", outcome_word(outcome))
}

fn conforming(report: &Report) -> String {
    let names = joined(report.ports.iter().map(|port| visible(&port.name)));
    let case_count: usize = report.ports.iter().map(|port| port.cases.len()).sum();
    format!("{names}, {}", counted(case_count, "case"))
}

fn diverging(report: &Report) -> String {
    let ports = report.ports.iter().filter(|port| !port.conforms());
    joined(ports.map(|port| format!("{} ({})", visible(&port.name), shortcoming(port))))
}

/// Why a port does not conform.
fn shortcoming(port: &PortReport) -> String {
    let failed = port.count(Verdict::Failed);
    if !port.findings.is_empty() || failed > 0 {
        let findings = counted(port.findings.len(), "finding");
        return format!("{findings}, {} failed", counted(failed, "case"));
    }
    let not_attempted = port.count(Verdict::NotAttempted);
    if not_attempted > 0 {
        return format!("{} not attempted", counted(not_attempted, "case"));
    }
    format!("{} not asked", counted(port.count(Verdict::NotAsked), "case"))
}

/// Why an exam says nothing about its ports.
fn broken(report: &Report) -> String {
    if report.ports.is_empty() || report.case_count == 0 {
        return "nothing was asked".into();
    }
    let no_ports = report.ports.iter().filter(|port| !port.is_examined());
    let no_ports = no_ports.map(|port| format!("{} is no port", visible(&port.name)));
    let faults = report.harness_faults.iter().map(|fault| visible(fault));
    let diverging = report.ports.iter().filter(|port| port.is_examined());
    let diverging = diverging.filter(|port| !port.findings.is_empty());
    let diverging =
        diverging.map(|port| format!("{} diverges ({})", visible(&port.name), shortcoming(port)));
    let reasons: Vec<_> = no_ports.chain(faults).chain(diverging).collect();
    if reasons.is_empty() { "nothing was found".into() } else { reasons.join("; ") }
}

/// `a, b and c`.
fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    match parts.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    }
}

/// `1 case`, `2 cases`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn duration(seconds: f64) -> String {
    if seconds < 9.95 { format!("{seconds:.2} s") } else { format!("{seconds:.0} s") }
}

/// The text in one line, with escapes for what would not be seen, or would move what stands
/// around it: control characters, line separators, marks of direction and of no width.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (position, character) in text.chars().enumerate() {
        if position == LINE_CHARS_MAX {
            shown.push('…');
            break;
        }
        match character {
            '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
            '\0'..='\x1f' | '\x7f' => {
                let _infallible = write!(shown, "\\x{:02x}", u32::from(character));
            }
            character if is_unseen(character) => shown.extend(character.escape_unicode()),
            character => shown.push(character),
        }
    }
    shown
}

fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A text of several lines, line by line.
fn visible_lines(text: &str) -> Vec<String> {
    text.lines().map(visible).collect()
}

/// At most `LINES_MAX` lines: where there are more, the first and the last, the failing one
/// among them, and a line that says so.
fn excerpt<'a>(lines: &'a [String], mark: &str) -> Vec<Cow<'a, str>> {
    let shown = |lines: &'a [String]| lines.iter().map(|line| Cow::Borrowed(line.as_str()));
    if lines.len() <= LINES_MAX {
        return shown(lines).collect();
    }
    let half = LINES_MAX / 2;
    let left_out = Cow::Owned(format!("{mark}… {} more", lines.len() - 2 * half));
    shown(&lines[..half]).chain([left_out]).chain(shown(&lines[lines.len() - half..])).collect()
}

/// The shrunk trace's commands as a trace writes them.
fn shrunk_lines(finding: &Finding) -> Vec<String> {
    let lines: Vec<_> = finding.shrunk.iter().map(|line| format!("> {}", visible(line))).collect();
    excerpt(&lines, "# ").into_iter().map(Cow::into_owned).collect()
}

/// How many commands there are, whether some could be fewer, and how they must be delivered.
fn shrunk_title(finding: &Finding) -> String {
    let count = counted(finding.shrunk.len(), "command");
    let is_minimal =
        if finding.is_minimal { "none can be taken away" } else { "perhaps not the fewest" };
    match finding.delivery.as_str() {
        "marked" => format!("{count}, {is_minimal}"),
        delivery => format!("{count}, {is_minimal}; delivered {}", visible(delivery)),
    }
}

/// What was due, as a report shows it.
fn expected(finding: &Finding) -> String {
    let expected = finding.expected.as_deref();
    expected.map_or_else(|| "no further answer".into(), |answer| format!("`{}`", visible(answer)))
}

/// The end of what the port wrote on standard error.
fn stderr_lines(finding: &Finding) -> Vec<String> {
    let lines = visible_lines(&finding.stderr);
    lines[lines.len().saturating_sub(LINES_MAX)..].to_vec()
}

/// What casts doubt on a finding.
fn doubts(finding: &Finding) -> Vec<String> {
    let mut doubts = Vec::new();
    if !finding.same_answer_from.is_empty() {
        let names = joined(finding.same_answer_from.iter().map(|name| visible(name)));
        let verb = if finding.same_answer_from.len() == 1 { "gives" } else { "give" };
        doubts.push(format!("{names} {verb} the same answer: the reference may be wrong"));
    }
    if !finding.is_reproduced {
        doubts.push("not seen again when the same was asked again".into());
    }
    doubts
}
