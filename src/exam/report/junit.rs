//! The report as JUnit XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use crate::exam::finding::Finding;
use crate::exam::report::{level_title, text, verdict_line, visible};
use crate::exam::run::{CaseResult, Outcome, PortReport, Report, Verdict};

/// The report as JUnit XML, of the form that Jenkins reads: a test suite `PORT/SECTION` for each
/// port and section, and in it a test case for each case.
///
/// A failure has the divergence as its message, and as its text the finding that was made of it,
/// if one was. Cases that were not attempted or not asked are skipped, with a message. What kept
/// the exam from saying anything is an error in a suite of its own, `exam`, so that no reader
/// takes a broken exam for one that passed.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut document = Document::new("dkv20 exam");
    document.set_time(time(report.seconds));
    for port in &report.ports {
        document.add_test_suites(suites(port));
    }
    if report.verdict() == Outcome::Broken {
        document.add_test_suite(suite_of_faults(report));
    }
    serialized(&document)
}

/// The schema that readers go by has no `skipped` at the root, where the serializer writes it.
fn serialized(document: &Document) -> String {
    // Writing into memory does not fail, and all that is written is UTF-8.
    let xml = document.to_string().expect("a string takes what is written to it");
    xml.replacen(&format!(" skipped=\"{}\"", document.skipped), "", 1)
}

/// The suites of a port: its sections, in the order in which they come.
fn suites(port: &PortReport) -> Vec<TestSuite> {
    let mut suites: Vec<(&str, TestSuite, f64)> = Vec::new();
    for (id, seconds, status) in tests(port) {
        let (section, name) = id.split_once('/').unwrap_or((id, id));
        let position = suites.iter().position(|(known, ..)| *known == section);
        let position = position.unwrap_or_else(|| {
            suites.push((section, new_suite(port, section), 0.0));
            suites.len() - 1
        });
        let (_, suite, suite_seconds) = &mut suites[position];
        *suite_seconds += seconds;
        suite.set_time(time(*suite_seconds));
        suite.add_test_case(test(port, section, name, seconds, status));
    }
    suites.into_iter().map(|(_, suite, _)| suite).collect()
}

/// The cases, with the seconds that they took; and what was found at no case of the plan, which
/// is that the program is no port at all.
fn tests(port: &PortReport) -> impl Iterator<Item = (&str, f64, TestCaseStatus)> {
    let cases = port.cases.iter().map(|case| (case.id.as_str(), case.seconds, status(port, case)));
    let is_other = |finding: &&Finding| !port.cases.iter().any(|case| case.id == finding.case);
    let others = port.findings.iter().filter(is_other);
    cases.chain(
        others.map(|finding| {
            (finding.case.as_str(), 0.0, failure(&finding.headline(), Some(finding)))
        }),
    )
}

fn test(
    port: &PortReport,
    section: &str,
    name: &str,
    seconds: f64,
    status: TestCaseStatus,
) -> TestCase {
    let mut test = TestCase::new(visible(name), status);
    test.set_classname(format!("{}.{}", visible(&port.name), visible(section)));
    test.set_time(time(seconds));
    test
}

fn new_suite(port: &PortReport, section: &str) -> TestSuite {
    let mut suite = TestSuite::new(format!("{}/{}", visible(&port.name), visible(section)));
    suite.add_property(("port", visible(&port.name).as_str()));
    suite.add_property(("command", visible(&port.command).as_str()));
    suite.add_property(("greeting", visible(&port.greeting).as_str()));
    suite
}

fn suite_of_faults(report: &Report) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let faults: Vec<_> = report.harness_faults.iter().map(|fault| visible(fault)).collect();
    status.set_message(verdict_line(report)).set_type("broken");
    status.set_description(faults.join("\n"));
    let mut test = TestCase::new("verdict", status);
    test.set_classname("exam").set_time(Duration::ZERO);
    let mut suite = TestSuite::new("exam");
    suite.add_test_case(test).set_time(Duration::ZERO);
    suite
}

fn status(port: &PortReport, case: &CaseResult) -> TestCaseStatus {
    match case.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => {
            let finding = port.findings.iter().find(|finding| finding.case == case.id);
            failure(case.reason.as_deref().unwrap_or_default(), finding)
        }
        Verdict::NotAttempted => skipped(&not_attempted(port)),
        Verdict::NotAsked => skipped("not asked: the exam of this port was broken off before"),
    }
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

fn not_attempted(port: &PortReport) -> String {
    let unknown = port.levels.iter().flat_map(|level| level.unknown.iter().copied());
    let unknown: Vec<_> = unknown.collect();
    format!("not attempted: the port does not know {}", unknown.join(", "))
}

fn failure(message: &str, finding: Option<&Finding>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(visible(message));
    status.set_type(finding.map_or("divergence".into(), |finding| visible(&finding.fingerprint)));
    status.set_description(match finding {
        Some(finding) => {
            format!("level {}\n{}", level_title(finding.level), text::plain_finding(finding))
        }
        None => visible(message),
    });
    status
}

/// What is no time counts as none.
fn time(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
