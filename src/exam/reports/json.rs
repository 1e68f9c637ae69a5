//! The report as JSON lines.

use serde_json::{Map, Value, json};

use super::common::verdict_line;
use crate::report::{CaseVerdict, PortReport, Report};

/// The version of the format. Added keys do not change it.
const FORMAT: u32 = 2;

/// Returns the report as JSON, one object on each line. The key `type` is one of:
///
/// - `exam`, the first line: `format` (2), `version` of this crate, `seed` (a string of decimal
///   digits, since many readers hold numbers as doubles), `case_count`, `ports` (their names)
/// - `port`: `name`, `command`, `greeting`, `is_examined`, `external_cause` (why not, if the cause
///   is not the port; or null), `conforms`, `not_asked` (a list of `reason` and `count`),
///   `unlisted` (how many of those have no `case`), `further_passed` (how
///   many cases beyond the selected ones passed, which have none either), `notes` (lines),
///   `seconds`; then its levels, cases, findings and expected differences, each with `port`
/// - `level`: `number`, `name`, `unknown` (commands), `passed`, `failed`, `expected` (how many cases
///   did not pass, as is expected), `left_out`, `conforms`
/// - `case`: `id`, `level`, `verdict` (`passed`, `failed`, `expected`, `not-attempted`, `not-asked`),
///   `reason` (null if it passed), `seconds`
/// - `finding`: `case`, `level`, `step`, `is_expanded` (whether `step` counts the lines of the
///   case with those that stand for many written out), `is_step_of_shrunk` (whether `step` counts
///   the lines of `shrunk`), `step_line`, `command` (the line whose answer differs: the step's, or
///   an observer after it), `expected` (null if no answer is due), `actual`, `fingerprint`,
///   `explanation` (lines), `sections` (numbers of the definition's sections that it breaks, the
///   most probable first), `shrunk` (lines), `commands` (those of the lines that may change
///   something), `is_minimal`, `is_reproduced`, `tries` and
///   `occurrences` (how often the lines were sent, and failed), `is_interrupted` (whether the
///   investigation was), `delivery`, `stderr`, `same_answer_from` (names of ports), `trace`,
///   `replay`, `page` (its address, relative to the report in HTML; or null) and `no_page` (why there
///   is none although there is such a report; or null)
/// - `expected`, an expected difference that was seen: `what`, `because`, `link` (or null),
///   `findings` and `cases` (how many it stands for), `shortest` (the shortest of the findings, with
///   the keys of a `finding`, or null)
/// - `unseen`, an expected difference that was not seen: `what`, `because`, `link`
/// - `summary`, the last line, without which the report is incomplete: `verdict` (`conforms`,
///   `diverges`, `incomplete`, `broken`), `line` (the verdict with its reason), `passed`, `failed`,
///   `expected`, `not_attempted`, `not_asked` (numbers of cases), `findings` and `unseen` (the
///   numbers, of all ports), `caused` (a list of
///   `milestone` and `count`), `reached` (a list of `measure`, `least`, `greatest`, `distinct` and
///   `limit`, or null: the values that the cases have, and the greatest that the definition allows;
///   both lists are empty if no port greets),
///   `exam_errors`, `is_interrupted`, `seconds`
#[must_use]
pub fn json_lines(report: &Report) -> String {
    let names: Vec<_> = report.ports.iter().map(|port| &port.name).collect();
    let mut lines = line(&json!({
        "type": "exam",
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "seed": report.seed.to_string(),
        "case_count": report.case_count,
        "ports": names,
    }));
    for port in &report.ports {
        lines += &port_lines(port);
    }
    let count = |verdict| report.ports.iter().map(|port| port.count(verdict)).sum::<usize>();
    let caused = report.caused.iter();
    let caused = caused.map(|(milestone, count)| json!({"milestone": milestone, "count": count}));
    lines
        + &line(&json!({
            "type": "summary",
            "verdict": report.verdict(),
            "line": verdict_line(report),
            "passed": count(CaseVerdict::Passed),
            "failed": count(CaseVerdict::Failed),
            "expected": count(CaseVerdict::Expected),
            "not_attempted": count(CaseVerdict::NotAttempted),
            "not_asked": count(CaseVerdict::NotAsked),
            "findings": report.ports.iter().map(|port| port.findings.len()).sum::<usize>(),
            "unseen": report.ports.iter().map(|port| port.unseen.len()).sum::<usize>(),
            "caused": caused.collect::<Value>(),
            "reached": report.reached,
            "exam_errors": report.exam_errors,
            "is_interrupted": report.is_interrupted,
            "seconds": report.seconds,
        }))
}

fn port_lines(port: &PortReport) -> String {
    let not_asked = port.not_asked().into_iter();
    let not_asked = not_asked.map(|(reason, count)| json!({"reason": reason, "count": count}));
    let mut lines = line(&json!({
        "type": "port",
        "name": port.name,
        "command": port.command,
        "greeting": port.greeting,
        "is_examined": port.is_examined(),
        "external_cause": port.external_cause,
        "conforms": port.conforms(),
        "not_asked": not_asked.collect::<Value>(),
        "unlisted": port.unlisted,
        "further_passed": port.further_passed,
        "notes": port.notes,
        "seconds": port.seconds,
    }));
    let tagged = |kind: &str, value: Value| {
        let mut object =
            Map::from_iter([("type".into(), kind.into()), ("port".into(), json!(port.name))]);
        object.extend(value.as_object().cloned().unwrap_or_default());
        object
    };
    for level in &port.levels {
        let mut object = tagged("level", json!(level));
        object.insert("conforms".into(), level.conforms().into());
        lines += &line(&Value::Object(object));
    }
    let cases = port.cases.iter().map(|case| tagged("case", json!(case)));
    let findings = port.findings.iter().map(|finding| tagged("finding", json!(finding)));
    let expected = port.expected.iter().map(|expected| tagged("expected", json!(expected)));
    let unseen = port.unseen.iter().map(|entry| tagged("unseen", json!(entry)));
    let objects = cases.chain(findings).chain(expected).chain(unseen);
    lines.extend(objects.map(|object| line(&Value::Object(object))));
    lines
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
