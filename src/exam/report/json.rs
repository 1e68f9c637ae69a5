//! The report as JSON lines.

use serde::Serialize;

use crate::exam::finding::Finding;
use crate::exam::report::verdict_line;
use crate::exam::run::{CaseResult, LevelReport, Outcome, PortReport, Report, Verdict};

/// The version of what the lines hold. Keys may be added without a new one.
const FORMAT: u32 = 1;

/// The report as JSON, an object a line, each ended by LF. The key `type` tells what a line is:
///
/// - `exam`, the first line: `format` (1), `version` of this crate, `seed` (a string of decimal
///   digits, since many readers hold numbers as doubles), `case_count`, `ports` (their names)
/// - `port`: `name`, `command`, `greeting`, `is_examined`, `conforms`, `seconds`; then its levels,
///   cases and findings, each with `port`
/// - `level`: `number`, `name`, `unknown` (commands), `passed`, `failed`, `left_out`, `conforms`
/// - `case`: `id`, `level`, `verdict` (`passed`, `failed`, `not-attempted`, `not-asked`),
///   `reason` (or null), `seconds`
/// - `finding`: `case`, `level`, `step`, `is_expanded` (whether `step` counts the lines of the
///   case with workloads, chaos and scenarios written out), `step_line`, `command` (whose answer
///   differs: the step's line, or a look at the state after it), `expected` (or null where no
///   answer is due),
///   `actual`, `fingerprint`, `explanation` (lines), `shrunk` (lines), `is_minimal`,
///   `is_reproduced`, `delivery`, `stderr`, `same_answer_from` (names of ports), `trace` and
///   `replay` (or null)
/// - `summary`, the last line, without which the report is not whole: `verdict` (`conforms`,
///   `diverges`, `broken`), `line` (the same with its reason), `passed`, `failed`,
///   `not_attempted`, `not_asked`, `findings` (how many of all ports together), `caused` (a list
///   of `event` and `count`), `harness_faults`, `is_interrupted`, `seconds`
#[must_use]
pub fn json_lines(report: &Report) -> String {
    let mut lines = Lines(String::new());
    lines.push("exam", None, &ExamLine::new(report));
    for port in &report.ports {
        lines.push("port", None, &PortLine::new(port));
        let name = Some(port.name.as_str());
        for level in &port.levels {
            lines.push("level", name, &LevelLine { level, conforms: level.conforms() });
        }
        for case in &port.cases {
            lines.push::<CaseResult>("case", name, case);
        }
        for finding in &port.findings {
            lines.push::<Finding>("finding", name, finding);
        }
    }
    lines.push("summary", None, &SummaryLine::new(report));
    lines.0
}

struct Lines(String);

impl Lines {
    fn push<T: Serialize>(&mut self, kind: &'static str, port: Option<&str>, value: &T) {
        let line = serde_json::to_string(&Line { kind, port, value });
        // Only maps with keys that are no strings, and streams, can fail.
        self.0 += &line.expect("a report is made of structs of strings and numbers");
        self.0.push('\n');
    }
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a str>,
    #[serde(flatten)]
    value: &'a T,
}

#[derive(Serialize)]
struct ExamLine<'a> {
    format: u32,
    version: &'static str,
    seed: String,
    case_count: usize,
    ports: Vec<&'a str>,
}

impl<'a> ExamLine<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            seed: report.seed.to_string(),
            case_count: report.case_count,
            ports: report.ports.iter().map(|port| port.name.as_str()).collect(),
        }
    }
}

#[derive(Serialize)]
struct PortLine<'a> {
    name: &'a str,
    command: &'a str,
    greeting: &'a str,
    is_examined: bool,
    conforms: bool,
    seconds: f64,
}

impl<'a> PortLine<'a> {
    fn new(port: &'a PortReport) -> Self {
        Self {
            name: &port.name,
            command: &port.command,
            greeting: &port.greeting,
            is_examined: port.is_examined(),
            conforms: port.conforms(),
            seconds: port.seconds,
        }
    }
}

#[derive(Serialize)]
struct LevelLine<'a> {
    #[serde(flatten)]
    level: &'a LevelReport,
    conforms: bool,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    verdict: Outcome,
    line: String,
    passed: usize,
    failed: usize,
    not_attempted: usize,
    not_asked: usize,
    findings: usize,
    caused: Vec<CausedLine<'a>>,
    harness_faults: &'a [String],
    is_interrupted: bool,
    seconds: f64,
}

#[derive(Serialize)]
struct CausedLine<'a> {
    event: &'a str,
    count: u64,
}

impl<'a> SummaryLine<'a> {
    fn new(report: &'a Report) -> Self {
        let count = |verdict: Verdict| report.ports.iter().map(|port| port.count(verdict)).sum();
        let caused = report.caused.iter();
        Self {
            verdict: report.verdict(),
            line: verdict_line(report),
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            not_attempted: count(Verdict::NotAttempted),
            not_asked: count(Verdict::NotAsked),
            findings: report.ports.iter().map(|port| port.findings.len()).sum(),
            caused: caused.map(|(event, count)| CausedLine { event, count: *count }).collect(),
            harness_faults: &report.harness_faults,
            is_interrupted: report.is_interrupted,
            seconds: report.seconds,
        }
    }
}
