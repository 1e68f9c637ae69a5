//! The report as JUnit XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::common::{UNSEEN_ADVICE, level_of, port_notes, verdict_line, visible, visible_whole};
use super::text::plain_finding;
use crate::case::{name_in, suite_of};
use crate::expected::ExpectedEntry;
use crate::finding::Finding;
use crate::report::{CaseReport, CaseVerdict, ExamVerdict, PortReport, Report};

/// Returns the report as JUnit XML, in the form that Jenkins reads: a test suite `PORT/SUITE` for
/// each port and suite, with a test case for each case.
///
/// A failure has the divergence as its message and the finding, if there is one, as its text. Cases
/// that were not attempted or not asked, or did not pass as is expected, are skipped, with the reason.
/// An expected difference that was not seen is a failure in the suite `PORT/expected`. The standard
/// output of a port's first suite has the notes on the port. An exam that is broken or incomplete is an error or
/// a failure in a suite of its own, `exam`, so that no reader counts it as passed.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut document = Document::new("dkv20 exam");
    document.set_time(time(report.seconds));
    for port in &report.ports {
        document.add_test_suites(suites(port));
        document.add_test_suites(suite_of_unseen(port));
    }
    match report.verdict() {
        ExamVerdict::Broken => {
            document.add_test_suite(suite_of_exam(report, NonSuccessKind::Error));
        }
        ExamVerdict::Incomplete => {
            document.add_test_suite(suite_of_exam(report, NonSuccessKind::Failure));
        }
        ExamVerdict::Conforms | ExamVerdict::Diverges => {}
    }
    serialized(&document)
}

/// Serializes without the `skipped` at the root, which the schema does not have.
fn serialized(document: &Document) -> String {
    let xml = document.to_string().expect("writing UTF-8 to memory does not fail");
    xml.replacen(&format!(" skipped=\"{}\"", document.skipped), "", 1)
}

/// Returns the suites of a port, in order.
fn suites(port: &PortReport) -> Vec<TestSuite> {
    let mut suites: Vec<(&str, TestSuite, f64)> = Vec::new();
    for (id, seconds, status) in tests(port) {
        let suite_name = suite_of(id);
        let name = name_in(id);
        let position = suites.iter().position(|(known, ..)| *known == suite_name);
        let position = position.unwrap_or_else(|| {
            suites.push((suite_name, new_suite(port, suite_name), 0.0));
            suites.len() - 1
        });
        let (_, suite, suite_seconds) = &mut suites[position];
        *suite_seconds += seconds;
        suite.set_time(time(*suite_seconds));
        let mut test = TestCase::new(visible(name), status);
        test.set_classname(format!("{}.{}", visible(&port.name), visible(suite_name)));
        test.set_time(time(seconds));
        suite.add_test_case(test);
    }
    let mut suites: Vec<_> = suites.into_iter().map(|(_, suite, _)| suite).collect();
    if let (Some(first), notes @ [_, ..]) = (suites.first_mut(), port_notes(port).as_slice()) {
        first.set_system_out(notes.join("\n"));
    }
    suites
}

/// Returns ids, seconds and statuses of the cases, and of the finding at no case: that the program
/// is not a port.
fn tests(port: &PortReport) -> impl Iterator<Item = (&str, f64, TestCaseStatus)> {
    let cases = port.cases.iter().map(|case| (case.id.as_str(), case.seconds, status(port, case)));
    let is_other = |finding: &&Finding| !port.cases.iter().any(|case| case.id == finding.case);
    let others = port.findings.iter().filter(is_other);
    cases.chain(others.map(|finding| {
        (finding.case.as_str(), 0.0, failure(port, &finding.headline(), Some(finding)))
    }))
}

fn new_suite(port: &PortReport, name: &str) -> TestSuite {
    let mut suite = TestSuite::new(format!("{}/{}", visible(&port.name), visible(name)));
    suite.add_property(("port", visible(&port.name).as_str()));
    suite.add_property(("command", visible_whole(&port.command).as_str()));
    suite.add_property(("greeting", visible(&port.greeting).as_str()));
    suite
}

/// Returns a suite with a failure for each expected difference that was not seen, if there are any.
fn suite_of_unseen(port: &PortReport) -> Option<TestSuite> {
    let mut suite = new_suite(port, "expected");
    let test = |entry: &ExpectedEntry| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(format!("expected and not seen: {UNSEEN_ADVICE}")).set_type("unseen");
        let lines = [&entry.what, &entry.because].into_iter().chain(&entry.link);
        status.set_description(lines.map(|line| visible(line)).collect::<Vec<_>>().join("\n"));
        let mut test = TestCase::new(visible(&entry.what), status);
        test.set_classname(format!("{}.expected", visible(&port.name))).set_time(Duration::ZERO);
        test
    };
    suite.add_test_cases(port.unseen.iter().map(test)).set_time(Duration::ZERO);
    (!port.unseen.is_empty()).then_some(suite)
}

/// Returns a suite with the verdict as its only case.
fn suite_of_exam(report: &Report, kind: NonSuccessKind) -> TestSuite {
    let mut status = TestCaseStatus::non_success(kind);
    let errors: Vec<_> = report.exam_errors.iter().map(|error| visible(error)).collect();
    status.set_message(verdict_line(report)).set_type(report.verdict().as_str());
    status.set_description(errors.join("\n"));
    let mut test = TestCase::new("verdict", status);
    test.set_classname("exam").set_time(Duration::ZERO);
    let mut suite = TestSuite::new("exam");
    suite.add_test_case(test).set_time(Duration::ZERO);
    suite
}

fn status(port: &PortReport, case: &CaseReport) -> TestCaseStatus {
    match case.verdict {
        CaseVerdict::Passed => TestCaseStatus::success(),
        CaseVerdict::Failed => {
            let finding = port.findings.iter().find(|finding| finding.case == case.id);
            failure(port, case.reason.as_deref().unwrap_or_default(), finding)
        }
        CaseVerdict::Expected => skipped("as expected", case),
        CaseVerdict::NotAttempted => skipped("not attempted", case),
        CaseVerdict::NotAsked => skipped("not asked", case),
    }
}

fn skipped(what: &str, case: &CaseReport) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(format!("{what}: {}", visible(case.reason.as_deref().unwrap_or_default())));
    status
}

fn failure(port: &PortReport, message: &str, finding: Option<&Finding>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(visible(message));
    status.set_type(finding.map_or("divergence".into(), |finding| visible(&finding.fingerprint)));
    status.set_description(match finding {
        Some(finding) => {
            format!("{}\n{}", level_of(port, finding), plain_finding(finding))
        }
        None => visible(message),
    });
    status
}

/// Returns zero for a number that is not a duration.
fn time(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
