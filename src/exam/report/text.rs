//! The report for a terminal.

use crate::exam::finding::Finding;
use crate::exam::report::{
    State, doubts, expected, findings, level_note, level_numbers, level_title, outcome_word,
    shrunk_lines, shrunk_title, stderr_lines, verdict_line, visible,
};
use crate::exam::run::{Outcome, PortReport, Report};

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BOLD: &str = "1";
const DIM: &str = "2";

/// The report for a terminal, with ANSI colours if `colour`: the findings, then a table of ports
/// and levels, and in the last line the verdict.
#[must_use]
pub fn text(report: &Report, colour: bool) -> String {
    let paint = Paint(colour);
    let mut text = String::new();
    let count = findings(report).count();
    for (number, (port, finding)) in findings(report).enumerate() {
        let title = format!("finding {} of {count}", number + 1);
        text += &format!("{}  {}\n", paint.with(RED, &title), place(port, finding));
        text += &finding_block(finding, paint);
        text.push('\n');
    }
    for fault in &report.harness_faults {
        text += &format!("{} {}\n", paint.with(RED, "fault of the exam:"), visible(fault));
    }
    text += &table(report, paint);
    text += &format!("\n{}\n", painted_verdict(report, paint));
    text
}

/// Where a finding was made.
pub(super) fn place(port: &PortReport, finding: &Finding) -> String {
    let (name, case) = (visible(&port.name), visible(&finding.case));
    format!("{name}  level {}  {case}", level_title(finding.level))
}

/// All there is to say of a finding, without colours.
pub(super) fn plain_finding(finding: &Finding) -> String {
    finding_block(finding, Paint(false))
}

fn finding_block(finding: &Finding, paint: Paint) -> String {
    let mut block = Block { text: String::new(), paint };
    block.row(&format!("step {}", finding.step), &format!("> {}", visible(&finding.first_bad())));
    block.row("expected", &paint.with(GREEN, &expected(finding)));
    block.row("actual", &paint.with(RED, &visible(&finding.actual)));
    block.rows("because", finding.explanation.iter().map(|line| visible(line)));
    block.rows("note", doubts(finding).iter().map(|doubt| paint.with(YELLOW, doubt)));
    block.row("shrunk", &format!("to {}:", shrunk_title(finding)));
    block.rows("", shrunk_lines(finding).into_iter());
    block.rows("stderr", stderr_lines(finding).into_iter());
    block.rows("trace", finding.trace.iter().map(|trace| visible(trace)));
    block.rows("replay", finding.replay.iter().map(|replay| visible(replay)));
    block.text
}

/// Rows with a label each.
struct Block {
    text: String,
    paint: Paint,
}

impl Block {
    fn row(&mut self, label: &str, value: &str) {
        let label = self.paint.with(DIM, &format!("{label:<9}"));
        self.text += &format!("  {label} {value}\n");
    }

    /// A row, and further lines below it.
    fn rows(&mut self, label: &str, values: impl Iterator<Item = String>) {
        for (position, value) in values.enumerate() {
            self.row(if position == 0 { label } else { "" }, &value);
        }
    }
}

/// Ports × levels, and below it what the port does not know.
fn table(report: &Report, paint: Paint) -> String {
    let levels = level_numbers(report);
    let names: Vec<_> = report.ports.iter().map(|port| visible(&port.name)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = paint.with(DIM, &padded("port", name_width));
    for number in &levels {
        text += &format!("  {}", paint.with(DIM, &padded(&level_title(*number), CELL_WIDTH)));
    }
    let mut text = format!("{}\n", text.trim_end());
    for (port, name) in report.ports.iter().zip(&names) {
        text += &format!("{}\n", row(port, &padded(name, name_width), paint));
    }
    text + &notes(report, paint)
}

const CELL_WIDTH: usize = "not attempted".len();

fn row(port: &PortReport, name: &str, paint: Paint) -> String {
    let mut row = paint.with(BOLD, name);
    for level in &port.levels {
        let state = State::of(port, level);
        row += &format!("  {}", paint.with(colour_of(state), &padded(state.as_str(), CELL_WIDTH)));
    }
    row.trim_end().to_owned()
}

/// A line for each level of which there is more to say than its state.
fn notes(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for port in &report.ports {
        for level in &port.levels {
            let state = State::of(port, level);
            if matches!(state, State::Conforms | State::NotAsked) {
                continue;
            }
            let note = level_note(port, level);
            let title = level_title(level.number);
            let state = paint.with(colour_of(state), state.as_str());
            text += &format!("  {}, level {title}: {state} ({note})\n", visible(&port.name));
        }
    }
    text
}

const fn colour_of(state: State) -> &'static str {
    match state {
        State::Conforms => GREEN,
        State::Diverges => RED,
        State::NotAttempted | State::Incomplete => YELLOW,
        State::NotAsked => DIM,
    }
}

fn painted_verdict(report: &Report, paint: Paint) -> String {
    let outcome = report.verdict();
    let line = verdict_line(report);
    let word = outcome_word(outcome);
    let colour = if outcome == Outcome::Conforms { GREEN } else { RED };
    format!("{}{}", paint.with(colour, word), &line[word.len()..])
}

/// To a width in characters; `{:<width$}` counts them too, but not in text that is painted.
fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
