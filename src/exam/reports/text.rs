//! The report for a terminal.

use super::common::{
    State, UNSEEN_ADVICE, doubts, expected, expected_reports, explanation, extent, findings,
    level_note, level_of, levels, port_notes, shown_by, shrunk_lines, shrunk_title, stderr_lines,
    step, unseen_entries, verdict_reason, visible, visible_whole,
};
use crate::expected::ExpectedEntry;
use crate::finding::Finding;
use crate::report::{ExamVerdict, PortReport, Report};

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BOLD: &str = "1";
const DIM: &str = "2";

/// Returns the report for a terminal, with ANSI colours if `colour`: the findings, the expected
/// differences, a table of ports and levels, and in the last line the verdict.
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
    text += &expected_blocks(report, paint);
    for error in &report.exam_errors {
        text += &format!("{} {}\n", paint.with(RED, "error of the exam:"), visible(error));
    }
    text += &table(report, paint);
    text += &reached(report, paint);
    let verdict = report.verdict();
    let colour = match verdict {
        ExamVerdict::Conforms => GREEN,
        ExamVerdict::Incomplete => YELLOW,
        ExamVerdict::Diverges | ExamVerdict::Broken => RED,
    };
    text += &format!("\n{}: {}\n", paint.with(colour, verdict.as_str()), verdict_reason(report));
    text
}

/// Returns the expected differences: those that were not seen, then those that were.
fn expected_blocks(report: &Report, paint: Paint) -> String {
    let unseen = unseen_entries(report).map(|(port, entry)| {
        let title = paint.with(RED, "expected and not seen");
        let mut block = entry_block(&title, port, entry, paint);
        block.row("note", UNSEEN_ADVICE);
        block.text + "\n"
    });
    let seen = expected_reports(report).map(|(port, expected)| {
        let title = paint.with(YELLOW, "expected difference");
        let mut block = entry_block(&title, port, &expected.entry, paint);
        block.row("seen in", &extent(expected));
        block.rows("shown by", shown_by(expected).into_iter());
        block.text + "\n"
    });
    unseen.chain(seen).collect()
}

fn entry_block(title: &str, port: &PortReport, entry: &ExpectedEntry, paint: Paint) -> Block {
    let text = format!("{title}  {}  {}\n", visible(&port.name), visible(&entry.what));
    let mut block = Block { text, paint };
    block.row("because", &visible(&entry.because));
    block.rows("link", entry.link.iter().map(|link| visible_whole(link)));
    block
}

/// Returns port, level and case.
fn place(port: &PortReport, finding: &Finding) -> String {
    let (name, case) = (visible(&port.name), visible(&finding.case));
    format!("{name}  {}  {case}", level_of(port, finding))
}

/// Returns all that is known of a finding, without colours.
pub(super) fn plain_finding(finding: &Finding) -> String {
    finding_block(finding, Paint(false))
}

fn finding_block(finding: &Finding, paint: Paint) -> String {
    let mut block = Block { text: String::new(), paint };
    block.row(&step(finding), &format!("> {}", visible(&finding.first_wrong())));
    block.row("expected", &paint.with(GREEN, &expected(finding)));
    block.row("actual", &paint.with(RED, &visible(&finding.actual)));
    block.rows("because", explanation(finding).into_iter());
    block.rows("note", doubts(finding).iter().map(|doubt| paint.with(YELLOW, doubt)));
    if finding.is_of_session {
        block.row("shrunk", &format!("to {}:", shrunk_title(finding)));
        block.rows("", shrunk_lines(finding).into_iter());
    }
    block.rows("stderr", stderr_lines(finding).into_iter());
    block.rows("trace", finding.trace.iter().map(|trace| visible_whole(trace)));
    block.rows("replay", finding.replay.iter().map(|replay| visible_whole(replay)));
    block.text
}

/// Rows, each with a label.
struct Block {
    text: String,
    paint: Paint,
}

impl Block {
    fn row(&mut self, label: &str, value: &str) {
        let label = self.paint.with(DIM, &format!("{label:<9}"));
        self.text += &format!("  {label} {value}\n");
    }

    /// Adds a row for each value. Only the first has the label.
    fn rows(&mut self, label: &str, values: impl Iterator<Item = String>) {
        for (position, value) in values.enumerate() {
            self.row(if position == 0 { label } else { "" }, &value);
        }
    }
}

/// Returns ports × levels, and below them notes.
fn table(report: &Report, paint: Paint) -> String {
    let names: Vec<_> = report.ports.iter().map(|port| visible(&port.name)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = paint.with(DIM, &padded("port", name_width));
    for title in levels(report).values() {
        text += &format!("  {}", paint.with(DIM, &padded(title, CELL_WIDTH)));
    }
    let mut text = format!("{}\n", text.trim_end());
    for (port, name) in report.ports.iter().zip(&names) {
        text += &format!("{}\n", row(port, &padded(name, name_width), paint));
    }
    text + &notes(report, paint)
}

/// The greatest width of the lines of ranges.
const LINE_WIDTH: usize = 98;
const CELL_WIDTH: usize = "not attempted".len();

fn row(port: &PortReport, name: &str, paint: Paint) -> String {
    let mut row = paint.with(BOLD, name);
    for level in &port.levels {
        let state = State::of(port, level);
        row += &format!("  {}", paint.with(colour_of(state), &padded(state.as_str(), CELL_WIDTH)));
    }
    row.trim_end().to_owned()
}

/// Returns a line for each level with more to say than its state, and for each note of a port.
fn notes(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for port in &report.ports {
        for level in &port.levels {
            let state = State::of(port, level);
            if matches!(state, State::Conforms | State::NotAsked) {
                continue;
            }
            let note = level_note(port, level);
            let level = level.phrase();
            let state = paint.with(colour_of(state), state.as_str());
            text += &format!("  {}, {level}: {state} ({note})\n", visible(&port.name));
        }
        for note in port_notes(port) {
            text += &format!("  {}: {note}\n", visible(&port.name));
        }
    }
    text
}

const fn colour_of(state: State) -> &'static str {
    match state {
        State::Conforms => GREEN,
        State::Diverges => RED,
        State::AsExpected | State::NotAttempted | State::Incomplete => YELLOW,
        State::NotAsked => DIM,
    }
}

/// Returns the greatest value of each measure, before its limit if it has one, in few lines.
fn reached(report: &Report, paint: Paint) -> String {
    let greatest = report.reached.iter().map(|reached| {
        let limit = reached.limit.map_or_else(String::new, |limit| format!("/{limit}"));
        format!("{} {}{limit}", visible(&reached.measure), reached.greatest)
    });
    let mut lines = vec!["reached:".to_owned()];
    for part in greatest {
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.chars().count() < LINE_WIDTH => {
                *line += &format!(" {part},");
            }
            _ => lines.push(format!(" {part},")),
        }
    }
    let text = lines.join("\n");
    let text = text.trim_end_matches(',');
    if report.reached.is_empty() { String::new() } else { format!("\n{}\n", paint.with(DIM, text)) }
}

/// Pads to a width in characters. Painted text cannot be padded, since its codes would count.
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
