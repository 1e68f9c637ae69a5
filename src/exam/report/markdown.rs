//! The report as Markdown.

use crate::exam::finding::Finding;
use crate::exam::report::{
    State, counted, doubts, duration, expected, findings, level_note, level_numbers, level_title,
    outcome_word, shrunk_lines, shrunk_title, verdict_line, visible,
};
use crate::exam::run::{Outcome, PortReport, Report};

/// A CI summary holds no more than a mebibyte, and is lost whole where there is more.
const BYTES_MAX: usize = 900_000;

/// The report as Markdown (GitHub's), for the summary of a CI run: the verdict, a table of ports
/// and levels, and the findings. It has under a mebibyte; findings beyond that are counted.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = heading(report);
    text += &table(report);
    for fault in &report.harness_faults {
        text += &format!("\n**Fault of the exam:** {}\n", code(fault));
    }
    let count = findings(report).count();
    for (position, (port, finding)) in findings(report).enumerate() {
        let section = finding_section(position + 1, port, finding);
        if text.len() + section.len() > BYTES_MAX {
            text += &format!("\n{} left out here.\n", counted(count - position, "finding"));
            break;
        }
        text += &section;
    }
    text
}

fn heading(report: &Report) -> String {
    let outcome = report.verdict();
    let mark = if outcome == Outcome::Conforms { "✅" } else { "❌" };
    let line = verdict_line(report);
    let word = outcome_word(outcome);
    let cases = counted(report.case_count, "case");
    format!(
        "## {mark} Exam\n\n**{word}**: {}\n\n{cases} for each port, seed {}, {}.\n",
        escaped(&line[word.len() + 2..]),
        report.seed,
        duration(report.seconds),
    )
}

fn table(report: &Report) -> String {
    let levels = level_numbers(report);
    let titles: Vec<_> = levels.iter().map(|number| level_title(*number)).collect();
    let mut text = format!("\n| port | {} |\n", titles.join(" | "));
    text += &format!("| --- |{}\n", " --- |".repeat(levels.len()));
    for port in &report.ports {
        text += &format!("| {} |", code(&port.name));
        for number in &levels {
            text += &format!(" {} |", cell(port, *number));
        }
        text.push('\n');
    }
    text
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

fn finding_section(number: usize, port: &PortReport, finding: &Finding) -> String {
    let mut text = format!(
        "\n### {number}. {}, level {}: {}\n\n",
        code(&port.name),
        level_title(finding.level),
        code(&finding.case),
    );
    for doubt in doubts(finding) {
        text += &format!("**Note:** {}\n\n", escaped(&doubt));
    }
    text += &format!("First bad step: {}, {}\n\n", finding.step, code(&finding.first_bad()));
    let answers = [
        format!("expected {}", expected(finding)),
        format!("actual   {}", visible(&finding.actual)),
    ];
    let explanation = finding.explanation.iter().map(|line| visible(line));
    let lines: Vec<_> = answers.into_iter().chain(explanation).collect();
    text += &fenced("text", &lines);
    text += &format!("\nShrunk to {}:\n\n", escaped(&shrunk_title(finding)));
    text += &fenced("text", &shrunk_lines(finding));
    if let Some(trace) = &finding.trace {
        text += &format!("\nTrace: {}\n", code(trace));
    }
    if let Some(replay) = &finding.replay {
        text += &format!("\n{}", fenced("sh", &[visible(replay)]));
    }
    text
}

/// Lines as a block of code. Its fence is longer than any that they hold.
fn fenced(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run_of_backticks(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_run_of_backticks(line: &str) -> usize {
    line.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Text as code within a line. A code span ends at a backtick, and in a table at a `|` even then,
/// so this is an element with escaped text.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(&visible(text)))
}

/// Text with a character reference for whatever Markdown, HTML or a table could take for its own:
/// a reference never counts as markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        // A `:` before a space begins neither an address nor an emoji.
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
