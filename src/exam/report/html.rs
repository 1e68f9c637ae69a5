//! The report as a page.

use minijinja::value::Serde;
use minijinja::{Environment, Error};
use serde::Serialize;

use crate::exam::finding::Finding;
use crate::exam::report::{
    State, counted, doubts, duration, expected, findings, level_note, level_numbers, level_title,
    outcome_word, shrunk_lines, shrunk_title, stderr_lines, verdict_line, visible,
};
use crate::exam::run::{CaseResult, PortReport, Report, Verdict};

/// The name's ending switches the escaping of HTML on.
const TEMPLATE_NAME: &str = "report.html";
const TEMPLATE: &str = include_str!("report.html");

/// The report as one HTML file that needs no other and no network. It is all there without
/// scripts; with them, its cases can be searched.
#[must_use]
pub fn html(report: &Report) -> String {
    rendered(&Page::new(report))
}

fn rendered(page: &Page) -> String {
    try_to_render(page).expect("the template is part of the program and fits the page")
}

fn try_to_render(page: &Page) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.add_template(TEMPLATE_NAME, TEMPLATE)?;
    environment.get_template(TEMPLATE_NAME)?.render(Serde(page))
}

/// What the template shows. Every string is fit to be seen, and not escaped yet.
#[derive(Serialize)]
struct Page {
    version: &'static str,
    outcome: &'static str,
    /// The verdict's reason.
    reason: String,
    seed: String,
    time: String,
    case_count: usize,
    level_titles: Vec<String>,
    faults: Vec<String>,
    ports: Vec<PortView>,
    findings: Vec<FindingView>,
    filters: Vec<Filter>,
    caused: Vec<(String, u64)>,
}

#[derive(Serialize)]
struct PortView {
    name: String,
    command: String,
    greeting: String,
    time: String,
    cells: Vec<Cell>,
    /// How many cases came to what.
    counts: String,
    cases: Vec<CaseView>,
}

#[derive(Serialize)]
struct Cell {
    level: String,
    /// A class of the style sheet.
    class: String,
    mark: &'static str,
    state: &'static str,
    note: String,
}

#[derive(Serialize)]
struct CaseView {
    id: String,
    level: usize,
    class: &'static str,
    verdict: &'static str,
    time: String,
    reason: String,
    /// The number of the finding that was made of it; 0 where none was.
    finding: usize,
}

#[derive(Serialize)]
struct FindingView {
    /// From 1.
    number: usize,
    port: String,
    level: String,
    case: String,
    fingerprint: String,
    step: usize,
    command: String,
    expected: Answer,
    actual: Answer,
    doubts: Vec<String>,
    explanation: Vec<String>,
    shrunk_title: String,
    shrunk: Vec<String>,
    stderr: Vec<String>,
    trace: Option<String>,
    replay: Option<String>,
}

/// An answer, and what of it is not as in the other one.
#[derive(Debug, PartialEq, Serialize)]
struct Answer {
    before: String,
    differing: String,
    after: String,
}

/// A choice among the cases.
#[derive(Serialize)]
struct Filter {
    class: &'static str,
    label: &'static str,
    count: usize,
}

const VERDICTS: [Verdict; 4] =
    [Verdict::Failed, Verdict::NotAttempted, Verdict::NotAsked, Verdict::Passed];

impl Page {
    fn new(report: &Report) -> Self {
        let outcome = outcome_word(report.verdict());
        Self {
            version: env!("CARGO_PKG_VERSION"),
            outcome,
            reason: verdict_line(report)[outcome.len() + 2..].to_owned(),
            seed: report.seed.to_string(),
            time: duration(report.seconds),
            case_count: report.case_count,
            level_titles: level_numbers(report).into_iter().map(level_title).collect(),
            faults: report.harness_faults.iter().map(|fault| visible(fault)).collect(),
            ports: PortView::all(report),
            findings: findings(report)
                .enumerate()
                .map(|(position, (port, finding))| FindingView::new(position + 1, port, finding))
                .collect(),
            filters: filters(report),
            caused: report.caused.iter().map(|(event, count)| (visible(event), *count)).collect(),
        }
    }
}

fn filters(report: &Report) -> Vec<Filter> {
    let count = |verdict| report.ports.iter().map(|port| port.count(verdict)).sum();
    let filters = VERDICTS.into_iter().map(|verdict| {
        let (class, label) = words(verdict);
        Filter { class, label, count: count(verdict) }
    });
    filters.filter(|filter| filter.count > 0).collect()
}

/// A verdict's class in the style sheet, and its word.
const fn words(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Passed => ("passed", "passed"),
        Verdict::Failed => ("failed", "failed"),
        Verdict::NotAttempted => ("not-attempted", "not attempted"),
        Verdict::NotAsked => ("not-asked", "not asked"),
    }
}

impl PortView {
    fn all(report: &Report) -> Vec<Self> {
        let mut finding_count = 0;
        let ports = report.ports.iter().map(|port| {
            let view = Self::new(port, &level_numbers(report), finding_count);
            finding_count += port.findings.len();
            view
        });
        ports.collect()
    }

    /// `findings_before` is how many findings were made of the ports before this one.
    fn new(port: &PortReport, levels: &[usize], findings_before: usize) -> Self {
        let cases = port.cases.iter().map(|case| {
            let position = port.findings.iter().position(|finding| finding.case == case.id);
            CaseView::new(case, position.map_or(0, |position| findings_before + position + 1))
        });
        Self {
            name: visible(&port.name),
            command: visible(&port.command),
            greeting: visible(&port.greeting),
            time: duration(port.seconds),
            cells: levels.iter().map(|number| Cell::new(port, *number)).collect(),
            counts: counts(port),
            cases: cases.collect(),
        }
    }
}

/// `12 cases: 10 passed, 2 failed`.
fn counts(port: &PortReport) -> String {
    let counts = VERDICTS.iter().rev().map(|verdict| (port.count(*verdict), words(*verdict).1));
    let counts = counts.filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{}: {}", counted(port.cases.len(), "case"), counts.join(", "))
}

impl Cell {
    fn new(port: &PortReport, number: usize) -> Self {
        let level = port.levels.iter().find(|level| level.number == number);
        let state = level.map_or(State::NotAsked, |level| State::of(port, level));
        Self {
            level: level_title(number),
            class: state.as_str().replace(' ', "-"),
            mark: state.mark(),
            state: state.as_str(),
            note: level.map(|level| level_note(port, level)).unwrap_or_default(),
        }
    }
}

impl CaseView {
    fn new(case: &CaseResult, finding: usize) -> Self {
        let (class, verdict) = words(case.verdict);
        Self {
            id: visible(&case.id),
            level: case.level,
            class,
            verdict,
            time: format!("{:.1} ms", case.seconds * 1_000.0),
            reason: visible(case.reason.as_deref().unwrap_or_default()),
            finding,
        }
    }
}

impl FindingView {
    fn new(number: usize, port: &PortReport, finding: &Finding) -> Self {
        let (expected, actual) = compared(&expected(finding), &visible(&finding.actual));
        Self {
            number,
            port: visible(&port.name),
            level: level_title(finding.level),
            case: visible(&finding.case),
            fingerprint: visible(&finding.fingerprint),
            step: finding.step,
            command: visible(&finding.first_bad()),
            expected,
            actual,
            doubts: doubts(finding),
            explanation: finding.explanation.iter().map(|line| visible(line)).collect(),
            shrunk_title: shrunk_title(finding),
            shrunk: shrunk_lines(finding),
            stderr: stderr_lines(finding),
            trace: finding.trace.as_deref().map(visible),
            replay: finding.replay.as_deref().map(visible),
        }
    }
}

/// Two texts, with the tokens between their common beginning and their common end apart. Where
/// one is no answer, given in backticks, there is nothing to compare.
fn compared(expected: &str, actual: &str) -> (Answer, Answer) {
    let (Some(expected), Some(actual)) = (quoted(expected), quoted(actual)) else {
        return (Answer::whole(bare(expected)), Answer::whole(bare(actual)));
    };
    let left: Vec<_> = expected.split_inclusive(' ').collect();
    let right: Vec<_> = actual.split_inclusive(' ').collect();
    let before = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let (left_rest, right_rest) = (&left[before..], &right[before..]);
    let both_from_the_end = left_rest.iter().rev().zip(right_rest.iter().rev());
    let after = both_from_the_end.take_while(|(a, b)| a == b).count();
    (Answer::parted(&left, before, after), Answer::parted(&right, before, after))
}

/// What stands in backticks.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('`')?.strip_suffix('`')
}

fn bare(text: &str) -> &str {
    quoted(text).unwrap_or(text)
}

impl Answer {
    fn whole(text: &str) -> Self {
        Self { before: text.into(), differing: String::new(), after: String::new() }
    }

    /// `before` and `after` are how many tokens are alike in both; each ends with its space.
    fn parted(tokens: &[&str], before: usize, after: usize) -> Self {
        let after = tokens.len() - after;
        let differing = tokens[before..after].concat();
        let word = differing.trim_end_matches(' ');
        Self {
            before: tokens[..before].concat(),
            differing: word.to_owned(),
            after: differing[word.len()..].to_owned() + &tokens[after..].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(before: &str, differing: &str, after: &str) -> Answer {
        Answer { before: before.into(), differing: differing.into(), after: after.into() }
    }

    #[test]
    fn only_the_tokens_that_differ_are_marked() {
        let (expected, actual) = compared("`ok leader=1 term=2`", "`ok leader=2 term=2`");
        assert_eq!(expected, parts("ok ", "leader=1", " term=2"));
        assert_eq!(actual, parts("ok ", "leader=2", " term=2"));
    }

    #[test]
    fn an_answer_that_repeats_a_token_overlaps_nothing() {
        let (expected, actual) = compared("`ok 1 1`", "`ok 1 1 1`");
        assert_eq!(expected, parts("ok 1 ", "", "1"));
        assert_eq!(actual, parts("ok 1 ", "1", " 1"));
    }

    #[test]
    fn what_is_no_answer_is_not_compared() {
        let (expected, actual) = compared("`ok`", "no answer in time");
        assert_eq!(expected, parts("ok", "", ""));
        assert_eq!(actual, parts("no answer in time", "", ""));
    }
}
