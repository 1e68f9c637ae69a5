//! The exam's reports: a reader of each format accepts them, whatever a port wrote.

#![cfg(feature = "exam")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use std::num::NonZeroUsize;
use std::time::Duration;

use dkv20::machines::{Dkv20, section_url};
use dkv20_exam::reports::{self, json_lines, junit, markdown, text};
use dkv20_exam::{
    Budget, CaseVerdict, ExamVerdict, ExpectedEntry, ExpectedReport, Limits, PortSpec, Reached,
    Report, Selection, Settings, examine,
};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

/// Conforms apart from the term of the third leader.
const WRONG: &str = r#"
    echo "on standard error" >&2
    "$0" serve | while IFS= read -r answer; do
        case $answer in "ok leader=2 term=3") answer="ok leader=2 term=4" ;; esac
        printf '%s\n' "$answer"
    done"#;
/// Knows the greeting and no command.
const YOUNG: &str = r#"
    while read -r line; do
        case $line in hello) echo "ok dkv20 1 young" ;; *) echo "err unknown-command" ;; esac
    done"#;
const NO_PORT: &str = "cat";

/// Markup of each format, and invisible characters. It has one LF.
const HOSTILE: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\0\r\n]]> --> </pre></script><script>\
    alert(1)</script> ` ``` ```` ~~~ | \\| \\ & &amp; &#124; \"'> <b a='> {{ 7 * 7 }} {% raw %} {# \
    # * _e_ [x](y) @user https://example.org/ :tada: $x$ \u{202e}rtl\u{2066} \u{5d0}\u{5d1} \
    \u{200b}\u{2028}\u{feff}\u{ffff}\u{9b}31m `";
const HARMLESS: &str = "one\ntwo";

fn port(name: &str, script: &str) -> PortSpec {
    let command = ["sh", "-c", script, env!("CARGO_BIN_EXE_dkv20")].map(str::to_owned);
    PortSpec::new(name, command.into())
}

/// An exam of few cases.
fn exam(ports: &[(&str, &str)]) -> Report {
    let settings = Settings {
        only: ["case-01", "case-09", "case-14", "case-18"].map(str::to_owned).into(),
        limits: Limits {
            budget: Budget { time: Duration::from_secs(60), attempts: 500 },
            timeout: Duration::from_secs(60),
            ..Limits::default()
        },
        ..Settings::default()
    };
    let ports: Vec<_> = ports.iter().map(|(name, script)| port(name, script)).collect();
    examine(&ports, &Selection::new(&Dkv20, &settings), &|_| ())
}

/// A port that conforms, two with the same error, and one that lacks every command.
static MIXED: LazyLock<Report> = LazyLock::new(|| {
    let right = r#"exec "$0" serve"#;
    let mut report =
        exam(&[("right", right), ("wrong", WRONG), ("wrong-too", WRONG), ("young", YOUNG)]);
    let finding = &mut report.ports[1].findings[0];
    finding.trace = Some("findings/wrong.trace".into());
    finding.replay = Some("dkv20 replay findings/wrong.trace --port wrong".into());
    report
});

/// Returns the report of the wrong port if its error is expected, and another one that was not seen.
fn expecting() -> Report {
    let mut report = only("wrong");
    let port = &mut report.ports[0];
    let shortest = port.findings.pop();
    let entry = |what: &str, link: Option<&str>| ExpectedEntry {
        what: what.into(),
        because: "It is known.".into(),
        link: link.map(str::to_owned),
    };
    let seen = entry("partition: .*", Some("https://example.org/7"));
    port.expected = vec![ExpectedReport { entry: seen, findings: 1, cases: 1, shortest }];
    port.unseen = vec![entry("level 5 is not reached", None)];
    for case in &mut port.cases {
        if case.verdict == CaseVerdict::Failed {
            case.verdict = CaseVerdict::Expected;
        }
    }
    report
}

fn only(name: &str) -> Report {
    let mut report = MIXED.clone();
    report.ports.retain(|port| port.name == name);
    report
}

/// Returns the report with this text in place of all text that comes from ports or users.
fn filled(text: &str) -> Report {
    let mut report = MIXED.clone();
    report.exam_errors = vec![text.into()];
    report.caused = vec![(text.into(), u64::MAX)];
    let limit = Some(u64::MAX);
    report.reached =
        vec![Reached { measure: text.into(), least: 0, greatest: 1, distinct: 2, limit }];
    for (number, port) in report.ports.iter_mut().enumerate() {
        port.name = format!("{number}{text}");
        (port.command, port.greeting) = (text.into(), text.into());
        (port.notes, port.further_passed) = (vec![text.into()], 1);
        (port.unlisted, port.unlisted_reason) = (1, Some(text.into()));
        for case in &mut port.cases {
            case.id = text.into();
            case.reason = case.reason.as_ref().map(|_| text.into());
        }
        for finding in &mut port.findings {
            for field in [
                &mut finding.case,
                &mut finding.command,
                &mut finding.actual,
                &mut finding.fingerprint,
                &mut finding.stderr,
            ] {
                *field = text.into();
            }
            finding.expected = Some(text.into());
            finding.explanation = vec![text.into(); 2];
            finding.sections = vec![text.into(); 2];
            finding.shrunk = vec![text.into(); 99];
            finding.same_answer_from = vec![text.into()];
            (finding.trace, finding.replay) = (Some(text.into()), Some(text.into()));
        }
        let entry =
            ExpectedEntry { what: text.into(), because: text.into(), link: Some(text.into()) };
        let shortest = port.findings.first().cloned();
        port.unseen = shortest.iter().map(|_| entry.clone()).collect();
        port.expected = vec![ExpectedReport { entry, findings: 2, cases: 3, shortest }];
    }
    report
}

/// A program whose greeting is wrong.
static NO_PORTS: LazyLock<Report> = LazyLock::new(|| exam(&[("no-port", NO_PORT)]));

fn empty() -> Report {
    let mut report = MIXED.clone();
    report.ports.clear();
    report
}

#[test]
fn the_exams_are_as_the_tests_assume() {
    assert_eq!(MIXED.case_count, 4);
    let counts: Vec<_> = MIXED
        .ports
        .iter()
        .map(|port| {
            let count = |verdict| port.count(verdict);
            (
                count(CaseVerdict::Passed),
                count(CaseVerdict::Failed),
                count(CaseVerdict::NotAttempted),
            )
        })
        .collect();
    assert_eq!(counts, [(4, 0, 0), (3, 1, 0), (3, 1, 0), (0, 0, 4)]);
    assert_eq!(MIXED.ports[1].findings[0].same_answer_from, ["wrong-too"]);
    assert_eq!(NO_PORTS.ports[0].findings.len(), 1);
    assert_eq!(NO_PORTS.ports[0].count(CaseVerdict::NotAsked), 4);
}

fn html(report: &Report) -> String {
    reports::html(report, &section_url)
}

/// Returns the verdict in each format.
fn verdicts(report: &Report) -> [String; 4] {
    let text = text(report, false);
    let text = text.lines().last().unwrap().split(':').next().unwrap().to_owned();
    let markdown = markdown(report);
    let markdown = markdown.lines().nth(2).unwrap().split("**").nth(1).unwrap().to_owned();
    let html = html(report);
    let html = html.split("class=\"verdict ").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let json = objects(report).last().unwrap()["verdict"].as_str().unwrap().to_owned();
    [text, markdown, html, json]
}

#[test]
fn every_report_has_the_verdict() {
    let cases = [
        (MIXED.clone(), ExamVerdict::Diverges, "diverges"),
        (only("right"), ExamVerdict::Conforms, "conforms"),
        (only("young"), ExamVerdict::Incomplete, "incomplete"),
        (NO_PORTS.clone(), ExamVerdict::Broken, "broken"),
        (empty(), ExamVerdict::Broken, "broken"),
        (filled(HOSTILE), ExamVerdict::Broken, "broken"),
    ];
    for (report, verdict, word) in cases {
        assert_eq!(report.verdict(), verdict);
        assert_eq!(verdicts(&report), [word; 4]);
    }
}

// --- What is neither a case nor a finding ---

/// Answers nothing from the first command on.
const SILENT: &str = r#"
    while read -r line; do
        case $line in hello) echo "ok dkv20 1 silent" ;; *) cat >/dev/null ;; esac
    done"#;
/// Answers every command alike.
const WILD: &str = r##"
    while read -r line; do
        case $line in hello) echo "ok dkv20 1 wild" ;; "" | "#"*) ;; *) echo "ok 1" ;; esac
    done"##;

/// Returns the reasons for which cases of a suite were not asked, and how many. Before the third
/// case `event` happens.
fn not_asked(
    only: &str,
    port: &PortSpec,
    settings: Settings,
    event: impl Fn() + Sync,
) -> Vec<(String, usize)> {
    let budget = Budget { time: Duration::from_secs(60), attempts: 1 };
    // One by one, so that there is a third case before which something happens.
    let limits = Limits { budget, batch_max: NonZeroUsize::MIN, ..settings.limits };
    let settings = Settings { only: vec![only.into()], limits, ..settings };
    let selection = Selection::new(&Dkv20, &settings);
    let report = examine(std::slice::from_ref(port), &selection, &|progress| {
        if progress.done == 2 {
            event();
        }
    });
    let reasons = report.ports[0].not_asked();
    for (reason, count) in &reasons {
        let note = format!("{count} cases not asked: {reason}");
        assert_in_all(&report, &note);
    }
    let of_cases = report.ports[0].cases.iter();
    let of_cases = of_cases.filter(|case| case.verdict == CaseVerdict::NotAsked);
    assert!(of_cases.clone().count() > 0);
    assert!(of_cases.into_iter().all(|case| reasons[0].0 == *case.reason.as_ref().unwrap()));
    reasons.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect()
}

/// Checks that every format for people, and JUnit, has a text.
fn assert_in_all(report: &Report, part: &str) {
    assert_for_people(report, part);
    assert_in("JUnit", &plain(&junit(report)), part);
}

/// Checks that every format for people has a text.
fn assert_for_people(report: &Report, part: &str) {
    assert_in("text", &text(report, false), part);
    assert_in("Markdown", &plain(&markdown(report)), part);
    assert_in("HTML", &plain(&html(report)), part);
}

fn assert_in(format: &str, whole: &str, part: &str) {
    assert!(whole.contains(part), "{part:?} is not in {format}: {whole}");
}

/// Returns a text without character references.
fn plain(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';').unwrap();
        let number = number
            .strip_prefix('x')
            .map_or_else(|| number.parse(), |hexadecimal| u32::from_str_radix(hexadecimal, 16));
        plain.push(char::from_u32(number.unwrap()).unwrap());
        plain += rest;
    }
    plain.replace("&quot;", "\"").replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
}

#[test]
fn every_report_has_the_reason_why_cases_were_not_asked() {
    let usual = Settings::default;
    let right = port("right", r#"exec "$0" serve"#);
    let nothing = || ();
    let wild = port("wild", WILD);

    let found = not_asked("traces", &port("no-port", NO_PORT), usual(), nothing);
    assert_eq!(found, [("the program did not greet as a port".into(), 94)]);
    let fail_fast = Settings { fail_fast: true, ..usual() };
    let found = not_asked("traces", &wild, fail_fast, nothing);
    assert_eq!(found, [("a case had failed (--fail-fast)".into(), 93)]);
    let found = not_asked("traces", &wild, usual(), nothing);
    assert_eq!(found, [("20 cases of traces had failed".into(), 74)]);

    let mut short = usual();
    short.limits.timeout = Duration::from_millis(100);
    let found = not_asked("traces", &port("silent", SILENT), short, nothing);
    assert_eq!(found, [("3 cases had taken the whole time limit".into(), 91)]);

    let interrupted = usual();
    let interrupt = interrupted.limits.interrupt.clone();
    let found = not_asked("traces", &right, interrupted, || interrupt.raise());
    assert_eq!(found, [("the exam was interrupted".into(), 92)]);
}

/// Each case of the suite starts a process.
#[test]
fn every_report_has_the_reason_why_a_port_cannot_be_run() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("port");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dkv20"), &program).unwrap();
    let words = [program.to_str().unwrap().to_owned(), "serve".into()];
    let gone = PortSpec::new("gone", words.into());
    let found = not_asked("process", &gone, Settings::default(), || {
        let _ = std::fs::remove_file(&program);
    });
    let [(reason, _)] = found.as_slice() else { panic!("{found:?}") };
    let cause = format!("{}: there is no such file", program.display());
    assert!(reason.starts_with(&format!("the port cannot be run any more: {cause}")), "{reason}");
}

#[test]
fn every_report_has_the_notes_of_a_port() {
    let mut report = only("wrong");
    let port = &mut report.ports[0];
    port.notes = vec!["it leaks".into(), "its greeting changes".into()];
    port.further_passed = 1;
    (port.unlisted, port.unlisted_reason) = (7, Some("the exam was interrupted".into()));
    let finding = &mut port.findings[0];
    let long = "x".repeat(5_000);
    (finding.tries, finding.occurrences) = (9, 4);
    finding.replay = Some(long.clone());
    let command = "y".repeat(5_000);
    port.command.clone_from(&command);
    for part in [
        "it leaks",
        "its greeting changes",
        "1 further generated case passed, not listed",
        "7 cases not asked: the exam was interrupted",
        "cases not asked that are not listed: 7",
        &long,
    ] {
        assert_in_all(&report, part);
    }
    for page in [html(&report), junit(&report)] {
        assert!(page.contains(&command));
    }
    assert!(html(&report).contains("12 cases: 4 passed, 7 not asked, 1 failed"));
    let port = &of_type(&objects(&report), "port")[0].clone();
    assert_eq!(port["unlisted"], 7);
    let group = serde_json::json!([{"reason": "the exam was interrupted", "count": 7}]);
    assert_eq!(port["not_asked"], group);
}

/// The first try of every process is wrong, so that the error occurs only now and then.
#[test]
fn every_report_calls_a_flaky_port_flaky() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let script = format!(
        "echo x >>'{}'\n[ $(($(wc -l <'{0}') % 2)) = 0 ] || exec \"$0\" serve\n{WILD}",
        starts.display(),
    );
    let settings = Settings { only: vec!["case-01".into()], ..Settings::default() };
    let selection = Selection::new(&Dkv20, &settings);
    let report = examine(&[port("flaky", &script)], &selection, &|_| ());
    let [finding] = report.ports[0].findings.as_slice() else { panic!("{report:?}") };
    let (occurrences, tries) = (finding.occurrences, finding.tries);
    assert!(occurrences < tries);
    assert_in_all(&report, &format!("flaky: it occurred in {occurrences} of {tries} tries"));
}

// --- Expected differences ---

#[test]
fn every_format_has_the_expected_differences() {
    let mut report = expecting();
    assert_eq!(verdicts(&report), ["diverges"; 4]);
    let line = "wrong (1 expected difference not seen)";
    for part in
        [line, "It is known.", "partition: .*", "https://example.org/7", "1 case, 1 finding"]
    {
        assert_for_people(&report, part);
    }
    let shown = "`partition 1`: expected `ok leader=2 term=3`, got `ok leader=2 term=4`";
    assert_for_people(&report, shown);
    assert_in_all(&report, "remove the entry, or correct it");
    report.ports[0].unseen.clear();
    assert_eq!(verdicts(&report), ["conforms"; 4]);
    assert_for_people(&report, "wrong, 4 cases, with 1 expected difference");
}

// --- JSON lines ---

fn objects(report: &Report) -> Vec<Value> {
    let text = json_lines(report);
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn of_type<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["type"] == kind).collect()
}

#[test]
fn json_lines_hold_every_part_once() {
    let objects = objects(&MIXED);
    let counts = ["exam", "port", "level", "case", "finding", "summary", "expected", "unseen"]
        .map(|kind| of_type(&objects, kind).len());
    assert_eq!(counts, [1, 4, 20, 16, 2, 1, 0, 0]);
    assert_eq!(counts.iter().sum::<usize>(), objects.len());
    assert_eq!(objects[0]["type"], "exam");
    assert_eq!(objects[0]["ports"], serde_json::json!(["right", "wrong", "wrong-too", "young"]));
    let summary = objects.last().unwrap();
    let counts =
        ["passed", "failed", "expected", "not_attempted", "not_asked", "findings", "unseen"];
    assert_eq!(counts.map(|key| summary[key].as_u64().unwrap()), [10, 2, 0, 4, 0, 2, 0]);
    assert_eq!(summary["caused"].as_array().unwrap().len(), MIXED.caused.len());
}

#[test]
fn json_lines_have_the_documented_keys() {
    let objects = [objects(&MIXED), objects(&expecting())].concat();
    let keys = |kind| {
        let object = of_type(&objects, kind)[0].as_object().unwrap();
        object.keys().map(String::as_str).collect::<BTreeSet<_>>()
    };
    let documented = [
        ("exam", "type format version seed case_count ports"),
        (
            "port",
            "type name command greeting is_examined external_cause conforms not_asked unlisted \
             further_passed notes seconds",
        ),
        ("level", "type port number name unknown passed failed expected left_out conforms"),
        ("case", "type port id level verdict reason seconds"),
        (
            "finding",
            "type port case level step is_expanded is_step_of_shrunk step_line command expected \
             actual fingerprint explanation sections shrunk commands is_minimal is_reproduced tries \
             occurrences is_interrupted delivery stderr same_answer_from trace replay page no_page",
        ),
        ("expected", "type port what because link findings cases shortest"),
        ("unseen", "type port what because link"),
        (
            "summary",
            "type verdict line passed failed expected not_attempted not_asked findings unseen \
             caused reached exam_errors is_interrupted seconds",
        ),
    ];
    for (kind, expected) in documented {
        assert_eq!(keys(kind), expected.split_whitespace().collect(), "{kind}");
    }
}

#[test]
fn json_lines_hold_strings_as_they_are() {
    let objects = objects(&filled(HOSTILE));
    assert_eq!(objects.len(), 50);
    let finding = of_type(&objects, "finding")[0];
    for key in ["case", "command", "expected", "actual", "stderr", "trace", "replay"] {
        assert_eq!(finding[key], HOSTILE, "{key}");
    }
    assert_eq!(finding["shrunk"].as_array().unwrap().len(), 99);
    assert_eq!(objects.last().unwrap()["caused"][0]["count"], u64::MAX);
    assert_eq!(objects.last().unwrap()["reached"][0]["measure"], HOSTILE);
}

// --- JUnit XML ---

/// Checks the document against the schema with xmllint.
fn validate(xml: &str) -> Result<(), String> {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit.xsd");
    let mut xmllint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", schema, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint is needed (scripts/setup.sh exam)");
    xmllint.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
    let output = xmllint.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(errors.into_owned()) }
}

fn document(report: &Report) -> quick_junit::Report {
    let xml = junit(report);
    assert_eq!(validate(&xml), Ok(()));
    quick_junit::Report::deserialize_from_str(&xml).expect("it parses back")
}

fn suite_names(document: &quick_junit::Report) -> Vec<&str> {
    document.test_suites.iter().map(|suite| suite.name.as_str()).collect()
}

#[test]
fn the_schema_refuses_other_xml() {
    let xml = junit(&MIXED);
    for (right, wrong) in
        [("</properties>", "</properties><test/>"), ("time=\"", "time=\"x"), (" name=\"", " n=\"")]
    {
        let errors = validate(&xml.replacen(right, wrong, 1)).unwrap_err();
        assert!(errors.contains("Schemas validity error"), "{wrong}: {errors}");
    }
}

#[test]
fn junit_has_a_suite_for_each_port_and_suite() {
    let document = document(&MIXED);
    let expected = ["right/traces", "wrong/traces", "wrong-too/traces", "young/traces"];
    assert_eq!(suite_names(&document), expected);
    let counts = document.test_suites.iter();
    let counts: Vec<_> =
        counts.map(|suite| (suite.tests, suite.failures, suite.errors, suite.skipped)).collect();
    assert_eq!(counts, [(4, 0, 0, 0), (4, 1, 0, 0), (4, 1, 0, 0), (4, 0, 0, 4)]);
    assert_eq!((document.tests, document.failures), (16, 2));
}

/// Returns the message and the text of the first case that is not a success.
fn first_failure(document: &quick_junit::Report) -> (String, String) {
    use quick_junit::TestCaseStatus::{NonSuccess, Skipped};
    let mut cases = document.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let failure = cases.find_map(|case| match &case.status {
        NonSuccess { message, description, .. } | Skipped { message, description, .. } => {
            let whole = |text: &Option<quick_junit::XmlString>| {
                text.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default()
            };
            Some((whole(message), whole(description)))
        }
        quick_junit::TestCaseStatus::Success { .. } => None,
    });
    failure.expect("a case that is not a success")
}

#[test]
fn junit_describes_failures() {
    let (message, text) = first_failure(&document(&only("wrong")));
    assert_eq!(message, "`partition 1`: expected `ok leader=2 term=3`, got `ok leader=2 term=4`");
    for part in ["level 4 faults", "> new 5", "definition, section", "dkv20 replay findings/"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let (message, _) = first_failure(&document(&only("young")));
    assert_eq!(
        message,
        "not attempted: the port does not know at, get, heal, new, partition, put, replica, status"
    );
}

/// Readers count skipped cases as no failures.
#[test]
fn junit_has_a_failure_for_an_incomplete_exam() {
    let young = document(&only("young"));
    assert_eq!(suite_names(&young), ["young/traces", "exam"]);
    assert_eq!((young.errors, young.failures), (0, 1));
}

/// An expected difference is no failure, and one that was not seen is.
#[test]
fn junit_skips_what_is_expected() {
    let mut report = expecting();
    let expected = document(&report);
    assert_eq!(suite_names(&expected), ["wrong/traces", "wrong/expected"]);
    assert_eq!((expected.tests, expected.failures, expected.errors), (5, 1, 0));
    assert_eq!(expected.test_suites[0].skipped, 1);
    let (message, _) = first_failure(&expected);
    assert!(message.starts_with("as expected: `partition 1`: expected `ok"), "{message}");
    let unseen = &expected.test_suites[1].test_cases[0];
    assert_eq!(unseen.name.as_str(), "level 5 is not reached");
    report.ports[0].unseen.clear();
    let expected = document(&report);
    assert_eq!((suite_names(&expected), expected.failures), (vec!["wrong/traces"], 0));
}

#[test]
fn junit_has_an_error_for_a_broken_exam() {
    let no_port = document(&NO_PORTS);
    assert_eq!(suite_names(&no_port), ["no-port/traces", "no-port/hello", "exam"]);
    assert_eq!((no_port.errors, no_port.failures), (1, 1));
    let empty = document(&empty());
    assert_eq!((suite_names(&empty), empty.errors), (vec!["exam"], 1));
}

#[test]
fn junit_survives_hostile_text() {
    let hostile = document(&filled(HOSTILE));
    let harmless = document(&filled(HARMLESS));
    let shape = |document: &quick_junit::Report| {
        (document.tests, document.failures, document.errors, document.test_suites.len())
    };
    assert_eq!(shape(&hostile), shape(&harmless));
    let (message, text) = first_failure(&hostile);
    for shown in ["\\x1b[31mred", "\\x00\\r\\n]]> --> </pre></script>", "\\u{202e}rtl", "\\u{ffff}"]
    {
        assert!(message.contains(shown), "{shown:?} is not in {message}");
        assert!(text.contains(shown), "{shown:?} is not in {text}");
    }
}

// --- Markdown ---

/// Returns the blocks and elements of a Markdown text without their text.
fn markdown_structure(markdown: &str) -> Vec<String> {
    let parser = Parser::new_ext(markdown, Options::all());
    let structure = parser.filter_map(|event| match event {
        Event::Text(_) | Event::SoftBreak => None,
        Event::Start(Tag::CodeBlock(kind)) => Some(format!("code block {kind:?}")),
        event => Some(format!("{event:?}")),
    });
    structure.collect()
}

#[test]
fn markdown_survives_hostile_text() {
    let harmless = markdown_structure(&markdown(&filled(HARMLESS)));
    for text in [HOSTILE, "``````", "~~~", "|", "\\", "---", "# 1", "    4", ""] {
        let hostile = markdown(&filled(text));
        assert_eq!(markdown_structure(&hostile), harmless, "{text:?}");
        assert!(!hostile.contains(|c: char| c.is_control() && c != '\n'));
    }
}

#[test]
fn markdown_has_the_table_and_the_findings() {
    let text = markdown(&MIXED);
    assert!(text.contains("\n| port | 1 numbers | 2 codec | 3 cluster | 4 faults | 5 scale |\n"));
    assert_eq!(text.lines().filter(|line| line.starts_with("| <code>")).count(), 4);
    assert!(text.contains("### 1. <code>wrong</code>, level 4 faults"));
    assert!(
        text.contains("\n  expected  `ok leader=2 term=3`\n  actual    `ok leader=2 term=4`\n")
    );
    assert!(text.contains("> new "));
    assert!(text.contains("wrong-too has the same answer: the reference may be wrong"));
}

#[test]
fn markdown_stays_below_the_limit_of_a_summary() {
    let mut report = filled(&"`".repeat(900));
    let finding = report.ports[1].findings[0].clone();
    report.ports[1].findings = vec![finding; 100];
    let text = markdown(&report);
    assert!(text.len() < 1 << 20);
    assert!(text.trim_end().ends_with("findings left out here."));
}

// --- HTML ---

/// Returns the tags of a page, in order.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

#[test]
fn html_survives_hostile_text() {
    let hostile = html(&filled(HOSTILE));
    assert_eq!(tags(&hostile), tags(&html(&filled(HARMLESS))));
    assert!(!hostile.contains(|c: char| c.is_control() && c != '\n'));
    assert!(hostile.contains("{{ 7 * 7 }}"));
}

#[test]
fn html_needs_no_other_file() {
    // A link loads nothing until it is followed.
    let page = html(&MIXED).replace("<a href=\"https:", "<a href=\"");
    for reference in ["http:", "https:", "//", " src=", "@import", "url("] {
        assert!(!page.contains(reference), "{reference}");
    }
}

/// Only the sections of the definition are links, each to its own address.
#[test]
fn html_links_the_sections_of_an_explanation() {
    let mut report = only("wrong");
    let finding = &mut report.ports[0].findings[0];
    finding.explanation = vec!["the answer to 4.1 is 12".into(), "  4.3  12".into()];
    finding.sections = ["4.3", "99", "12"].map(String::from).into();
    let is_known = |section: &str| ["4.1", "4.3", "12"].contains(&section);
    let url = |section: &str| is_known(section).then(|| format!("https://example.org/#{section}"));
    let page = reports::html(&report, &url);
    let links: Vec<_> = page
        .split("<a href=\"")
        .skip(1)
        .filter_map(|rest| rest.split("</a>").next())
        .filter(|link| !link.starts_with('#'))
        .collect();
    let link = |section| format!("https:&#x2f;&#x2f;example.org&#x2f;#{section}\">{section}");
    assert_eq!(links, ["4.3", "12"].map(link));
    assert!(
        reports::html(&report, &|_| None)
            .contains("<li>definition, sections 4.3 and 99 and 12</li>")
    );
}

#[test]
fn html_has_the_whole_report() {
    let page = html(&MIXED);
    assert_eq!(page.matches("<article ").count(), 2);
    assert_eq!(page.matches("<td class=\"id\">").count(), 16);
    assert_eq!(page.matches("<td class=\"not-attempted\">").count(), 5);
    let marked = "ok leader=2 <mark>term=3</mark></pre>";
    assert!(page.contains(marked) && page.contains(&marked.replace("=3", "=4")));
    let section = "<li>definition, section <a href=\"https:&#x2f;&#x2f;github.com&#x2f;dkv20&#x2f;dkv20\
                   &#x2f;blob&#x2f;main&#x2f;docs&#x2f;CONCEPTS.md#44-settle\">4.4</a></li>";
    for part in
        [section, "findings&#x2f;wrong.trace", "on standard error", "elections", "#finding-2"]
    {
        assert!(page.contains(part), "{part}");
    }
}

// --- Text ---

#[test]
fn text_begins_with_the_findings_and_ends_with_the_verdict() {
    let text = text(&MIXED, false);
    let lines: Vec<_> = text.lines().collect();
    let block: Vec<_> = lines.iter().take_while(|line| !line.is_empty()).collect();
    assert!(block[0].starts_with("finding 1 of 2  wrong  level 4 faults  traces/case-14-"));
    assert_eq!(*block[2], "  expected  `ok leader=2 term=3`");
    assert_eq!(*block[3], "  actual    `ok leader=2 term=4`");
    assert_eq!(
        **block.last().unwrap(),
        "  replay    dkv20 replay findings/wrong.trace --port wrong"
    );
    let table = lines.iter().position(|line| line.starts_with("port ")).unwrap();
    let titles = "port       1 numbers      2 codec        3 cluster      4 faults       5 scale";
    assert_eq!(lines[table], titles);
    assert!(lines[table + 2].starts_with("wrong      conforms       not asked "));
    assert!(lines[table + 4].starts_with("young      not attempted  not attempted  not "));
    let unknown = "  young, level 1 numbers: not attempted (unknown: mix, draw; 1 case not attempted, \
                   since the port lacks commands of level 1 numbers)";
    assert!(lines.contains(&unknown), "{text}");
    assert_eq!(
        *lines.last().unwrap(),
        "diverges: wrong (1 finding, 1 case failed), wrong-too (1 finding, 1 case failed) and \
         young (4 cases not attempted, since it does not know mix, draw, load, new, noop, put, del, \
         status, replica, get, hash, dump, log, partition, heal, at, compact, workload, scenario, chaos)"
    );
}

#[test]
fn text_without_colours_is_the_same() {
    let (plain, painted) = (text(&MIXED, false), text(&MIXED, true));
    assert!(!plain.contains('\u{1b}'));
    let (first, rest) = painted.split_once('\u{1b}').unwrap();
    let uncoloured = rest.split('\u{1b}').map(|part| part.split_once('m').unwrap().1);
    let trimmed =
        |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&(first.to_owned() + &uncoloured.collect::<String>())), trimmed(&plain));
}

#[test]
fn text_cannot_control_a_terminal() {
    let hostile = text(&filled(HOSTILE), false);
    assert!(!hostile.contains(|c: char| c.is_control() && c != '\n'));
    assert!(!hostile.contains(['\u{202e}', '\u{2066}', '\u{2028}', '\u{feff}']));
    // The ranges are wrapped: how many lines they take depends on the length of the text.
    let unwrapped = |filler| Report { reached: Vec::new(), ..filled(filler) };
    let line_count = |filler| text(&unwrapped(filler), false).lines().count();
    assert_eq!(line_count(HOSTILE), line_count(HARMLESS));
}
