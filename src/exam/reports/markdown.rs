//! The report as Markdown.

use super::common::{
    State, UNSEEN_ADVICE, counted, duration, expected_reports, extent, findings, level_note,
    level_of, levels, port_notes, range, shown_by, unseen_entries, verdict_reason, visible,
};
use super::text::plain_finding;
use crate::expected::ExpectedEntry;
use crate::finding::Finding;
use crate::report::{ExamVerdict, PortReport, Report};
use crate::tally::Reached;

/// A CI summary of more than a mebibyte is dropped as a whole.
const BYTES_MAX: usize = 900_000;

/// Returns the report as Markdown (GitHub's), for the summary of a CI run: the verdict, a table of
/// ports and levels, notes on the ports, the expected differences, and the findings. It has less than
/// a mebibyte; findings beyond are counted.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = heading(report);
    text += &table(report);
    for error in &report.exam_errors {
        text += &format!("\n**Error of the exam:** {}\n", code(error));
    }
    text += &expected_lists(report);
    text += &ranges(report);
    let count = findings(report).count();
    for (position, (port, finding)) in findings(report).enumerate() {
        let block = finding_block(position + 1, port, finding);
        if text.len() + block.len() > BYTES_MAX {
            text += &format!("\n{} left out here.\n", counted(count - position, "finding"));
            break;
        }
        text += &block;
    }
    text
}

/// Returns the expected differences: those that were not seen, then those that were.
fn expected_lists(report: &Report) -> String {
    let unseen = unseen_entries(report)
        .map(|(port, entry)| format!("{}; {UNSEEN_ADVICE}", entry_line(port, entry)));
    let seen = expected_reports(report).map(|(port, expected)| {
        let shown = shown_by(expected).map(|shown| format!("; {}", code(&shown)));
        let entry = entry_line(port, &expected.entry);
        format!("{entry}; {}{}", extent(expected), shown.unwrap_or_default())
    });
    let list = |title: &str, lines: Vec<String>| {
        let list = lines.join("\n- ");
        if list.is_empty() { list } else { format!("\n**{title}:**\n\n- {list}\n") }
    };
    list("Expected and not seen", unseen.collect()) + &list("Expected differences", seen.collect())
}

fn entry_line(port: &PortReport, entry: &ExpectedEntry) -> String {
    let link = entry.link.as_ref().map(|link| format!(" ({})", escaped(&visible(link))));
    let (name, what) = (code(&port.name), code(&entry.what));
    format!("{name}, {what}: {}{}", escaped(&visible(&entry.because)), link.unwrap_or_default())
}

/// Returns the ranges that the cases reached, folded up; nothing if the machine has no measures.
fn ranges(report: &Report) -> String {
    if report.reached.is_empty() {
        return String::new();
    }
    let row = |reached: &Reached| {
        let name = escaped(&visible(&reached.measure));
        format!("| {name} | {} | {} |\n", escaped(&range(reached)), reached.distinct)
    };
    let rows: String = report.reached.iter().map(row).collect();
    let title = "<details><summary>Ranges reached in the reference</summary>";
    format!("\n{title}\n\n| measure | range | values |\n| --- | --- | --- |\n{rows}\n</details>\n")
}

fn heading(report: &Report) -> String {
    let verdict = report.verdict();
    let mark = if verdict == ExamVerdict::Conforms { "✅" } else { "❌" };
    let cases = counted(report.case_count, "case");
    format!(
        "## {mark} Exam\n\n**{}**: {}\n\n{cases} for each port, seed {}, {}.\n",
        verdict.as_str(),
        escaped(&verdict_reason(report)),
        report.seed,
        duration(report.seconds),
    )
}

fn table(report: &Report) -> String {
    let levels = levels(report);
    let titles: Vec<_> = levels.values().map(String::as_str).collect();
    let mut text = format!("\n| port | {} |\n", titles.join(" | "));
    text += &format!("| --- |{}\n", " --- |".repeat(levels.len()));
    for port in &report.ports {
        text += &format!("| {} |", code(&port.name));
        for number in levels.keys() {
            text += &format!(" {} |", cell(port, *number));
        }
        text.push('\n');
    }
    let notes = report.ports.iter().flat_map(|port| {
        port_notes(port)
            .into_iter()
            .map(|note| format!("- {}: {}\n", code(&port.name), escaped(&note)))
    });
    let notes: String = notes.collect();
    if notes.is_empty() { text } else { format!("{text}\n{notes}") }
}

fn cell(port: &PortReport, number: usize) -> String {
    let Some(level) = port.levels.iter().find(|level| level.number == number) else {
        return String::new();
    };
    let state = State::of(port, level);
    let note = level_note(port, level);
    let note = if note.is_empty() { note } else { format!("<br>{}", escaped(&note)) };
    format!("{} {}{note}", state.mark(), state.as_str())
}

fn finding_block(number: usize, port: &PortReport, finding: &Finding) -> String {
    let (name, level, case) = (code(&port.name), level_of(port, finding), code(&finding.case));
    let block = plain_finding(finding);
    // A fence is longer than any backticks in its block.
    let ticks = block.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(ticks.max(2) + 1);
    format!("\n### {number}. {name}, {level}: {case}\n\n{fence}text\n{block}{fence}\n")
}

/// Returns text as code within a line. It is an element with escaped text, since a code span would
/// end at a backtick and, in a table, at a `|`.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(&visible(text)))
}

/// Returns text with a character reference for each character that could be markup of Markdown, HTML
/// or a table: a reference never is.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        // A `:` before a space starts neither a URL nor an emoji.
        let is_plain =
            "-.,;/=()".contains(character) || character == ':' && characters.peek() == Some(&' ');
        if character.is_ascii_punctuation() && !is_plain {
            escaped += &format!("&#{};", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}
