//! Texts that several formats share.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use crate::case::Delivery;
use crate::expected::{ExpectedEntry, ExpectedReport};
use crate::finding::Finding;
use crate::report::{CaseReport, CaseVerdict, ExamVerdict, LevelReport, PortReport, Report};
use crate::tally::Reached;

/// How many characters of a line are shown.
const LINE_CHARS_MAX: usize = 1_000;
/// How many lines of a shrunk trace, or of standard error, are shown.
const LINES_MAX: usize = 40;

/// The state of a port at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Every case passed.
    Conforms,
    /// Every case passed or did not pass, as is expected.
    AsExpected,
    /// A case failed.
    Diverges,
    /// The port lacks commands.
    NotAttempted,
    /// Some cases passed and the others were not asked.
    Incomplete,
    /// Nothing was asked.
    NotAsked,
}

impl State {
    pub(super) fn of(port: &PortReport, level: &LevelReport) -> Self {
        let is_found = port.findings.iter().any(|finding| finding.level == level.number);
        let lacks_commands = || {
            let mut cases = port.cases.iter().filter(|case| case.level == level.number);
            cases.any(|case| case.verdict == CaseVerdict::NotAttempted)
        };
        if !port.is_examined() {
            Self::NotAsked
        } else if level.failed > 0 || is_found {
            Self::Diverges
        } else if level.expected > 0 && level.conforms() {
            Self::AsExpected
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

    pub(super) const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// Returns a mark for readers who do not see its colour.
    pub(super) const fn mark(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Conforms => ("conforms", "✓"),
            Self::AsExpected => ("as expected", "≈"),
            Self::Diverges => ("diverges", "✗"),
            Self::NotAttempted => ("not attempted", "○"),
            Self::Incomplete => ("incomplete", "◐"),
            Self::NotAsked => ("not asked", "–"),
        }
    }
}

/// Returns counts, findings and unknown commands of a level.
pub(super) fn level_note(port: &PortReport, level: &LevelReport) -> String {
    let counts =
        [(level.passed, "passed"), (level.failed, "failed"), (level.expected, "as expected")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    // A case of a higher level can show an error of this one.
    let found = port.findings.iter().filter(|finding| finding.level == level.number).count();
    if level.failed == 0 && found > 0 {
        parts.push(counted(found, "finding"));
    }
    if !level.unknown.is_empty() {
        parts.push(format!("unknown: {}", level.unknown.join(", ")));
    }
    parts.extend(left_out(port, level));
    parts.join("; ")
}

/// Returns how many cases of a level were left out. Why they were not asked does not depend on the
/// level; it is among the port's notes.
fn left_out(port: &PortReport, level: &LevelReport) -> Vec<String> {
    let lacking = port
        .levels
        .iter()
        .filter(|lower| lower.number <= level.number && !lower.unknown.is_empty());
    let lacking = joined(lacking.map(LevelReport::phrase));
    let not_attempted = format!("not attempted, since the port lacks commands of {lacking}");
    let verdicts =
        [(CaseVerdict::NotAttempted, not_attempted.as_str()), (CaseVerdict::NotAsked, "not asked")];
    let parts = verdicts.iter().filter_map(|(verdict, words)| {
        let cases = port.cases.iter();
        let alike = |case: &&CaseReport| case.level == level.number && case.verdict == *verdict;
        let count = cases.filter(alike).count();
        (count > 0).then(|| format!("{} {words}", counted(count, "case")))
    });
    parts.collect()
}

/// Returns what is to be said of a port beside its levels and findings: which cases were not asked
/// and why, which are not listed, and its oddities.
pub(super) fn port_notes(port: &PortReport) -> Vec<String> {
    let mut notes = not_asked(port);
    if port.unlisted > 0 {
        notes.push(format!("cases not asked that are not listed: {}", port.unlisted));
    }
    if port.further_passed > 0 {
        let count = counted(port.further_passed, "further generated case");
        notes.push(format!("{count} passed, not listed"));
    }
    notes.extend(port.notes.iter().map(|note| visible(note)));
    notes
}

/// Returns for each reason how many cases were not asked.
fn not_asked(port: &PortReport) -> Vec<String> {
    let groups = port.not_asked().into_iter();
    let group =
        |(reason, count)| format!("{} not asked: {}", counted(count, "case"), visible(reason));
    groups.map(group).collect()
}

/// Returns a finding's level, such as `level 2 codec`; the name alone of an only level.
pub(super) fn level_of(port: &PortReport, finding: &Finding) -> String {
    let level = port.levels.iter().find(|level| level.number == finding.level);
    level.map_or_else(|| format!("level {}", finding.level), LevelReport::phrase)
}

/// Returns the numbers and titles of the levels that any port was asked about.
pub(super) fn levels(report: &Report) -> BTreeMap<usize, String> {
    let levels = report.ports.iter().flat_map(|port| &port.levels);
    levels.map(|level| (level.number, level.title())).collect()
}

/// Returns all findings, in the order of their ports.
pub(super) fn findings(report: &Report) -> impl Iterator<Item = (&PortReport, &Finding)> {
    report.ports.iter().flat_map(|port| port.findings.iter().map(move |finding| (port, finding)))
}

/// Returns all expected differences that were seen, in the order of their ports.
pub(super) fn expected_reports(
    report: &Report,
) -> impl Iterator<Item = (&PortReport, &ExpectedReport)> {
    report.ports.iter().flat_map(|port| port.expected.iter().map(move |expected| (port, expected)))
}

/// Returns all expected differences that were not seen, in the order of their ports.
pub(super) fn unseen_entries(
    report: &Report,
) -> impl Iterator<Item = (&PortReport, &ExpectedEntry)> {
    report.ports.iter().flat_map(|port| port.unseen.iter().map(move |entry| (port, entry)))
}

/// The advice on an expected difference that was not seen.
pub(super) const UNSEEN_ADVICE: &str = "remove the entry, or correct it";

/// Returns how many cases and findings an expected difference stands for.
pub(super) fn extent(expected: &ExpectedReport) -> String {
    let cases = counted(expected.cases, "case");
    if expected.findings == 0 {
        return cases;
    }
    format!("{cases}, {}", counted(expected.findings, "finding"))
}

/// Returns the last line of the shortest trace of an expected difference, and its wrong answer.
pub(super) fn shown_by(expected: &ExpectedReport) -> Option<String> {
    expected.shortest.as_ref().map(|finding| visible(&finding.headline()))
}

/// Returns the verdict in one line: its word, a colon and a space, and the reason.
#[must_use]
pub fn verdict_line(report: &Report) -> String {
    format!("{}: {}", report.verdict().as_str(), verdict_reason(report))
}

/// Returns the reason of the verdict in one line.
pub(super) fn verdict_reason(report: &Report) -> String {
    let reason = match report.verdict() {
        ExamVerdict::Conforms => conforming(report),
        ExamVerdict::Diverges | ExamVerdict::Incomplete => diverging(report),
        ExamVerdict::Broken => broken(report),
    };
    let interrupted = if report.is_interrupted { " (interrupted)" } else { "" };
    format!("{reason}{interrupted}")
}

fn conforming(report: &Report) -> String {
    let names = joined(report.ports.iter().map(|port| visible(&port.name)));
    let case_count: usize = report.ports.iter().map(PortReport::case_count).sum();
    let cases = counted(case_count, "case");
    let expected: usize = report.ports.iter().map(|port| port.expected.len()).sum();
    if expected == 0 {
        return format!("{names}, {cases}");
    }
    format!("{names}, {cases}, with {}", counted(expected, "expected difference"))
}

fn diverging(report: &Report) -> String {
    let ports = report.ports.iter().filter(|port| !port.conforms());
    joined(ports.map(|port| format!("{} ({})", visible(&port.name), shortcoming(port))))
}

/// Returns why a port does not conform.
fn shortcoming(port: &PortReport) -> String {
    let mut errors = Vec::new();
    if port.has_errors() {
        let failed = counted(port.count(CaseVerdict::Failed), "case");
        errors.push(format!("{}, {failed} failed", counted(port.findings.len(), "finding")));
    }
    if !port.unseen.is_empty() {
        let unseen = counted(port.unseen.len(), "expected difference");
        errors.push(format!("{unseen} not seen"));
    }
    if !errors.is_empty() {
        return errors.join(", ");
    }
    let not_attempted = port.count(CaseVerdict::NotAttempted);
    if not_attempted > 0 {
        let (count, unknown) = (counted(not_attempted, "case"), port.unknown().join(", "));
        return format!("{count} not attempted, since it does not know {unknown}");
    }
    not_asked(port).join("; ")
}

/// Returns why an exam does not judge its ports.
fn broken(report: &Report) -> String {
    if report.ports.is_empty() || report.case_count == 0 {
        return "nothing was asked".into();
    }
    let no_ports = report.ports.iter().filter(|port| !port.is_examined()).map(|port| {
        if let Some(cause) = &port.external_cause {
            return format!("{} could not be examined: {}", visible(&port.name), visible(cause));
        }
        let hello = port.findings.first().map_or("", |finding| &finding.command);
        let (name, hello) = (visible(&port.name), visible(hello));
        format!("{name} is not a port (its `{hello}` was not answered)")
    });
    let errors = report.exam_errors.iter().map(|error| visible(error));
    let diverging = report.ports.iter().filter(|port| port.is_examined());
    let diverging = diverging.filter(|port| !port.findings.is_empty());
    let diverging =
        diverging.map(|port| format!("{} diverges ({})", visible(&port.name), shortcoming(port)));
    let reasons: Vec<_> = no_ports.chain(errors).chain(diverging).collect();
    if !reasons.is_empty() {
        return reasons.join("; ");
    }
    let is_asked = report.ports.iter().any(PortReport::is_asked);
    if is_asked { "nothing was found".into() } else { "nothing was asked".into() }
}

/// Returns `a, b and c`.
fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    match parts.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    }
}

/// Returns `1 case`, `2 cases`.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let plural = if count == 1.into() { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Returns the least and the greatest value, and the limit if there is one.
pub(super) fn range(reached: &Reached) -> String {
    let limit = reached.limit.map_or_else(String::new, |limit| format!(" (limit {limit})"));
    format!("{} to {}{limit}", reached.least, reached.greatest)
}

pub(super) fn duration(seconds: f64) -> String {
    if seconds < 9.95 { format!("{seconds:.2} s") } else { format!("{seconds:.0} s") }
}

/// Returns the text in one line, with escapes for characters that are invisible or change the text
/// around them: control characters, line separators, marks of direction and of no width. A long
/// text is cut.
#[must_use]
pub fn visible(text: &str) -> String {
    visible_up_to(LINE_CHARS_MAX, text)
}

/// Returns the same for a command or a file name, which is of no use if it is cut.
pub(super) fn visible_whole(text: &str) -> String {
    visible_up_to(usize::MAX, text)
}

fn visible_up_to(characters_max: usize, text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (position, character) in text.chars().enumerate() {
        if position == characters_max {
            shown.push('…');
            break;
        }
        match character {
            '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
            '\0'..='\x1f' | '\x7f' => {
                let _infallible = write!(shown, "\\x{:02x}", u32::from(character));
            }
            character if is_invisible(character) => shown.extend(character.escape_unicode()),
            character => shown.push(character),
        }
    }
    shown
}

fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the finding's explanation, fit to be shown.
pub(super) fn explanation(finding: &Finding) -> Vec<String> {
    finding.because().iter().map(|line| visible(line)).collect()
}

/// Returns the shrunk trace's commands in the form of a trace. Of more than `LINES_MAX` only the
/// first and the last are left, the failing one among them.
pub(super) fn shrunk_lines(finding: &Finding) -> Vec<String> {
    let mut lines: Vec<_> =
        finding.shrunk.iter().map(|line| format!("> {}", visible(line))).collect();
    if lines.len() > LINES_MAX {
        let (half, count) = (LINES_MAX / 2, lines.len());
        lines.splice(half..count - half, [format!("# … {} more", count - 2 * half)]);
    }
    lines
}

/// Returns how many commands there are, whether some can be removed, and how they are delivered.
pub(super) fn shrunk_title(finding: &Finding) -> String {
    let count = counted(finding.shrunk.len(), "command");
    let is_minimal =
        if finding.is_minimal { "none can be removed" } else { "perhaps not the fewest" };
    match finding.delivery {
        Delivery::Marked => format!("{count}, {is_minimal}"),
        delivery => format!("{count}, {is_minimal}; delivered {}", delivery.as_str()),
    }
}

/// Returns the number of the first wrong step, or that there is none.
pub(super) fn step(finding: &Finding) -> String {
    if finding.is_of_session { format!("step {}", finding.step) } else { "tried".into() }
}

/// Returns the answer that was due.
pub(super) fn expected(finding: &Finding) -> String {
    let expected = finding.expected.as_deref();
    expected.map_or_else(|| "no further answer".into(), |answer| format!("`{}`", visible(answer)))
}

/// Returns the end of what the port wrote on standard error.
pub(super) fn stderr_lines(finding: &Finding) -> Vec<String> {
    let lines: Vec<_> = finding.stderr.lines().map(visible).collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].to_vec()
}

/// Returns what casts doubt on a finding.
pub(super) fn doubts(finding: &Finding) -> Vec<String> {
    let mut doubts = Vec::new();
    if !finding.same_answer_from.is_empty() {
        let names = joined(finding.same_answer_from.iter().map(|name| visible(name)));
        let verb = if finding.same_answer_from.len() == 1 { "has" } else { "have" };
        doubts.push(format!("{names} {verb} the same answer: the reference may be wrong"));
    }
    if !finding.is_reproduced {
        doubts.push("not reproduced when the same lines were sent again".into());
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_not_cut() {
        let long = "x".repeat(LINE_CHARS_MAX + 1);
        assert_eq!(visible(&long).chars().count(), LINE_CHARS_MAX + 1);
        assert!(visible(&long).ends_with('…'));
        assert_eq!(visible_whole(&long), long);
    }
}
