//! The report as an HTML page.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;

use super::common::{
    State, UNSEEN_ADVICE, counted, doubts, duration, expected, expected_reports, extent, findings,
    level_note, level_of, levels, port_notes, range, shown_by, shrunk_lines, shrunk_title,
    stderr_lines, unseen_entries, verdict_reason, visible, visible_whole,
};
use crate::expected::ExpectedEntry;
use crate::finding::Finding;
use crate::report::{CaseVerdict, PortReport, Report};
use crate::tally::Reached;

/// The extension turns escaping for HTML on.
const TEMPLATE_NAME: &str = "report.html";
const TEMPLATE: &str = include_str!("report.html");

/// Returns the report as one HTML file that needs no other and no network. It is complete without
/// scripts; with them, its cases can be searched.
#[must_use]
pub fn html(report: &Report, section_url: SectionUrl<'_>) -> String {
    render(page(report, section_url))
}

fn render(page: Value) -> String {
    let mut environment = Environment::new();
    let added = environment.add_template(TEMPLATE_NAME, TEMPLATE);
    let rendered = added.and_then(|()| environment.get_template(TEMPLATE_NAME)?.render(page));
    rendered.expect("the template is part of the program and fits the values")
}

const VERDICTS: [CaseVerdict; 5] = [
    CaseVerdict::Failed,
    CaseVerdict::Expected,
    CaseVerdict::NotAttempted,
    CaseVerdict::NotAsked,
    CaseVerdict::Passed,
];

/// Returns the values of the template. Strings are visible text, not yet escaped for HTML.
fn page(report: &Report, section_url: SectionUrl<'_>) -> Value {
    let levels = levels(report);
    let mut finding_count = 0;
    let ports = report.ports.iter().map(|port| {
        let value = port_value(port, &levels, finding_count);
        finding_count += port.findings.len();
        value
    });
    let findings = (1..)
        .zip(findings(report))
        .map(|(number, (port, finding))| finding_value(number, port, finding, section_url));
    let caused = report.caused.iter().map(|(milestone, count)| (visible(milestone), *count));
    let filters = VERDICTS.iter().map(|verdict| {
        let (class, label) = words(*verdict);
        let listed = report.ports.iter().flat_map(|port| &port.cases);
        let count = listed.filter(|case| case.verdict == *verdict).count();
        context! { class, label, count }
    });
    let notes = report.ports.iter().flat_map(|port| {
        let name = visible(&port.name);
        port_notes(port).into_iter().map(move |note| context! { port => name.clone(), note })
    });
    context! {
        version => env!("CARGO_PKG_VERSION"),
        verdict => report.verdict().as_str(),
        reason => verdict_reason(report),
        seed => report.seed.to_string(),
        time => duration(report.seconds),
        cases => counted(report.case_count, "case"),
        level_titles => levels.values().cloned().collect::<Vec<_>>(),
        errors => report.exam_errors.iter().map(|error| visible(error)).collect::<Vec<_>>(),
        ports => ports.collect::<Vec<_>>(),
        notes => notes.collect::<Vec<_>>(),
        findings => findings.collect::<Vec<_>>(),
        expected => expected_groups(report),
        filters => filters.collect::<Vec<_>>(),
        caused => caused.collect::<Vec<_>>(),
        reached => report.reached.iter().map(reached_row).collect::<Vec<_>>(),
    }
}

/// Returns the expected differences: those that were not seen, then those that were.
fn expected_groups(report: &Report) -> Vec<Value> {
    let unseen = unseen_entries(report)
        .map(|(port, entry)| context! { note => UNSEEN_ADVICE, ..entry_value(port, entry) });
    let seen = expected_reports(report).map(|(port, expected)| {
        let (note, shown_by) = (extent(expected), shown_by(expected));
        context! { note, shown_by, ..entry_value(port, &expected.entry) }
    });
    let (unseen, seen) = (unseen.collect::<Vec<_>>(), seen.collect::<Vec<_>>());
    vec![
        context! { title => "Expected and not seen", is_unseen => true, entries => unseen },
        context! { title => "Expected differences", is_unseen => false, entries => seen },
    ]
}

fn entry_value(port: &PortReport, entry: &ExpectedEntry) -> Value {
    let is_address = |link: &&String| ["https://", "http://"].iter().any(|it| link.starts_with(it));
    context! {
        port => visible(&port.name),
        what => visible(&entry.what),
        because => visible(&entry.because),
        link => entry.link.as_deref().map(visible_whole),
        url => entry.link.as_ref().filter(is_address),
    }
}

fn reached_row(reached: &Reached) -> Value {
    let values = counted(reached.distinct, "value");
    context! { measure => visible(&reached.measure), range => range(reached), values }
}

/// Returns a verdict's class in the style sheet, and its words.
const fn words(verdict: CaseVerdict) -> (&'static str, &'static str) {
    match verdict {
        CaseVerdict::Passed => ("passed", "passed"),
        CaseVerdict::Failed => ("failed", "failed"),
        CaseVerdict::Expected => ("as-expected", "as expected"),
        CaseVerdict::NotAttempted => ("not-attempted", "not attempted"),
        CaseVerdict::NotAsked => ("not-asked", "not asked"),
    }
}

/// `findings_before` is the number of findings of the ports before this one.
fn port_value(
    port: &PortReport,
    levels: &BTreeMap<usize, String>,
    findings_before: usize,
) -> Value {
    let cases = port.cases.iter().map(|case| {
        let (class, verdict) = words(case.verdict);
        let position = port.findings.iter().position(|finding| finding.case == case.id);
        context! {
            id => visible(&case.id),
            level => case.level,
            class,
            verdict,
            time => format!("{:.1} ms", case.seconds * 1_000.0),
            reason => visible(case.reason.as_deref().unwrap_or_default()),
            // 0 if there is none.
            finding => position.map_or(0, |position| findings_before + position + 1),
        }
    });
    let cells = levels.iter().map(|(number, title)| {
        let level = port.levels.iter().find(|level| level.number == *number);
        let state = level.map_or(State::NotAsked, |level| State::of(port, level));
        context! {
            level => title.clone(),
            class => state.as_str().replace(' ', "-"),
            mark => state.mark(),
            state => state.as_str(),
            note => level.map(|level| level_note(port, level)),
        }
    });
    context! {
        name => visible(&port.name),
        command => visible_whole(&port.command),
        greeting => visible(&port.greeting),
        time => duration(port.seconds),
        cells => cells.collect::<Vec<_>>(),
        counts => counts(port),
        cases => cases.collect::<Vec<_>>(),
    }
}

/// Returns `12 cases: 10 passed, 2 failed`.
fn counts(port: &PortReport) -> String {
    let counts = VERDICTS.iter().rev().map(|verdict| (port.count(*verdict), words(*verdict).1));
    let counts = counts.filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{}: {}", counted(port.case_count(), "case"), counts.join(", "))
}

fn finding_value(
    number: usize,
    port: &PortReport,
    finding: &Finding,
    section_url: SectionUrl<'_>,
) -> Value {
    let explanation = finding
        .explanation
        .iter()
        .map(|line| context! { text => visible(line), is_field => line.starts_with(' ') });
    let sections = finding
        .sections
        .iter()
        .map(|number| context! { number => visible(number), url => section_url(number) });
    let (expected, actual) = compared(&expected(finding), &visible(&finding.actual));
    context! {
        number,
        port => visible(&port.name),
        level => level_of(port, finding),
        case => visible(&finding.case),
        fingerprint => visible(&finding.fingerprint),
        step => finding.step,
        command => visible(&finding.first_wrong()),
        expected => Serde(expected),
        actual => Serde(actual),
        doubts => doubts(finding),
        explanation => explanation.collect::<Vec<_>>(),
        sections => sections.collect::<Vec<_>>(),
        shrunk_title => shrunk_title(finding),
        shrunk => shrunk_lines(finding),
        stderr => stderr_lines(finding),
        page => finding.page.as_deref(),
        no_page => finding.no_page.as_deref().map(visible),
        trace => finding.trace.as_deref().map(visible_whole),
        replay => finding.replay.as_deref().map(visible_whole),
    }
}

/// Returns the address of a section of the machine's definition, by its number.
pub type SectionUrl<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An answer, and the part that differs from the other answer.
#[derive(Debug, PartialEq, Serialize)]
struct Answer {
    before: String,
    differing: String,
    after: String,
}

/// Splits two answers, which are in backticks, into their common first tokens, the differing ones
/// and their common last tokens. Text that is not an answer is not compared.
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

/// Returns the text in backticks.
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

    /// `before` and `after` are the numbers of tokens that both have; each ends with its space.
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
    fn only_differing_tokens_are_marked() {
        let (expected, actual) = compared("`ok a=1 b=2`", "`ok a=2 b=2`");
        assert_eq!(expected, parts("ok ", "a=1", " b=2"));
        assert_eq!(actual, parts("ok ", "a=2", " b=2"));
    }

    #[test]
    fn parts_of_a_repeated_token_do_not_overlap() {
        let (expected, actual) = compared("`ok 1 1`", "`ok 1 1 1`");
        assert_eq!(expected, parts("ok 1 ", "", "1"));
        assert_eq!(actual, parts("ok 1 ", "1", " 1"));
    }

    #[test]
    fn text_that_is_not_an_answer_is_not_compared() {
        let (expected, actual) = compared("`ok`", "no answer in time");
        assert_eq!(expected, parts("ok", "", ""));
        assert_eq!(actual, parts("no answer in time", "", ""));
    }
}
