//! The suite `settle` of described machines: replicas of one program that must be equal, in ports and
//! in the reference.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dkv20::machines::Described;
use dkv20_described::Description;
use dkv20_exam::{
    Budget, CaseVerdict, Difference, ExamVerdict, Expected, Finding, Interrupt, Limits, Plan,
    PortReport, PortSpec, Report, Selection, Settings, Shape, examine,
};

const TIE: &str = "keeps-its-own-at-the-same-clock";
const UNEQUAL: &str = "read: not equal after the exchange: another word 2";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/register")
}

/// A register with a fault, or the right one.
fn register(name: &str, fault: Option<&str>) -> PortSpec {
    let fault = fault.map_or(Vec::new(), |fault| vec!["--fault", fault]);
    let command = [&["python3", "register.py"][..], &fault].concat();
    let command = command.into_iter().map(String::from).collect();
    PortSpec { directory: Some(folder()), ..PortSpec::new(name, command) }
}

/// Examines ports by a file with some texts in place of others.
fn examined_by(
    replaced: &[(&str, &str)],
    reference: PortSpec,
    ports: &[PortSpec],
    only: &[&str],
) -> Report {
    let settings = Settings {
        plan: Plan { generated_count: 60, ..Plan::default() },
        only: only.iter().map(ToString::to_string).collect(),
        ..Settings::default()
    };
    examined(replaced, reference, ports, &settings)
}

fn examined(
    replaced: &[(&str, &str)],
    reference: PortSpec,
    ports: &[PortSpec],
    settings: &Settings,
) -> Report {
    let file = folder().join("register.toml");
    let mut text = fs::read_to_string(&file).expect("the file");
    for (old, new) in replaced {
        assert!(text.contains(old));
        text = text.replace(old, new);
    }
    let description = Description::read(&file, &text).expect("no mistakes");
    let (timeout, interrupt) = (Duration::from_secs(10), Interrupt::default());
    let machine = Described::new(description, None, reference, timeout, &folder(), &interrupt);
    let machine = machine.expect("a machine");
    examine(ports, &Selection::new(&machine, settings), &|_| {})
}

fn settled(reference: Option<&str>, ports: &[PortSpec]) -> Report {
    examined_by(&[], register("right", reference), ports, &["settle"])
}

fn suites(port: &PortReport) -> Vec<(&str, usize)> {
    let mut suites: Vec<(&str, usize)> = Vec::new();
    for case in &port.cases {
        let suite = case.id.split('/').next().expect("a suite");
        match suites.last_mut().filter(|(name, _)| *name == suite) {
            Some((_, count)) => *count += 1,
            None => suites.push((suite, 1)),
        }
    }
    suites
}

#[track_caller]
fn only_finding(port: &PortReport) -> &Finding {
    let shown = |finding: &Finding| format!("{}\n{:#?}", finding.fingerprint, finding.shrunk);
    let all = || port.findings.iter().map(shown).collect::<Vec<_>>().join("\n");
    let [finding] = &port.findings[..] else { panic!("{}: {}", port.name, all()) };
    finding
}

fn trace(finding: &Finding) -> String {
    let answers = finding.own_answers.as_ref().expect("answers of its own");
    let lines = finding.shrunk_lines.iter().zip(answers);
    let lines = lines.map(|(line, answer)| {
        format!("{} -> {}", String::from_utf8_lossy(line), String::from_utf8_lossy(answer))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_unequal(port: &PortReport) {
    let finding = only_finding(port);
    assert_eq!(finding.fingerprint, UNEQUAL);
    assert!(finding.case.starts_with("settle/"), "{}", finding.case);
    let lines = [
        "new 2 -> ok",
        "write 0 a -> ok",
        "write 1 b -> ok",
        "state 0 -> ok 1.0.a",
        "merge 1 1.0.a -> ok",
        "state 1 -> ok 1.1.b",
        "merge 0 1.1.b -> ok",
        "read 0 -> ok a",
        "read 1 -> ok a",
    ];
    assert_eq!(trace(finding), lines.join("\n"));
    assert_eq!(finding.headline(), "`read 1`: expected `ok a`, got `ok b`");
    assert!(finding.is_minimal && finding.is_reproduced, "{finding:#?}");
    assert!(finding.tries > 1 && finding.occurrences == finding.tries, "{finding:#?}");
    assert_eq!(finding.commands.iter().collect::<Vec<_>>(), ["write"]);
    assert_eq!(finding.explanation[0], "after the exchange it must have the answer to `read 0`");
}

#[test]
fn right_programs_settle() {
    let ports = [register("port", None)];
    let report = examined_by(&[], register("right", None), &ports, &[]);
    let [port, reference] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert!(port.conforms() && reference.conforms(), "{report:#?}");
    assert_eq!((&*port.name, &*reference.name), ("port", "right"));
    assert_eq!(suites(port), [("drawn", 60), ("settle", 60)]);
    assert_eq!(suites(reference), [("settle", 60)]);
}

#[test]
fn replicas_of_a_port_that_differ_are_found() {
    let report = settled(None, &[register("port", Some(TIE))]);
    let [port, reference] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert_unequal(port);
    assert!(reference.conforms(), "{reference:#?}");
}

#[test]
fn replicas_of_the_reference_that_differ_are_found() {
    let report = settled(Some(TIE), &[register("port", None)]);
    let [port, reference] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert!(port.conforms(), "{port:#?}");
    assert_unequal(reference);
    assert!(only_finding(reference).same_answer_from.is_empty());
}

#[test]
fn no_second_program_is_needed() {
    let report = settled(Some(TIE), &[]);
    let [reference] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert_unequal(reference);
}

/// The exchange has other commands, which do not count.
#[test]
fn a_difference_of_the_reference_can_be_expected() {
    let mut difference = Difference::new("read: not equal after the exchange: .*").expect("one");
    difference.commands = Some(["write".into()].into());
    let expected = Expected {
        port: "right".into(),
        shape: Shape::Difference(difference),
        because: "Each keeps its own.".into(),
        link: None,
    };
    let settings = Settings {
        plan: Plan { generated_count: 60, ..Plan::default() },
        expected: vec![expected],
        ..Settings::default()
    };
    let ends = [Some(TIE), None].map(|fault| {
        let report = examined(&[], register("right", fault), &[], &settings);
        let [reference] = &report.ports[..] else { panic!("{:#?}", report.ports) };
        assert!(reference.findings.is_empty(), "{reference:#?}");
        (report.verdict(), reference.expected.len(), reference.unseen.len())
    });
    assert_eq!(ends, [(ExamVerdict::Conforms, 1, 0), (ExamVerdict::Diverges, 0, 1)]);
}

#[test]
fn a_program_that_agrees_with_the_reference_is_named() {
    let report = settled(Some(TIE), &[register("port", Some(TIE))]);
    let [port, reference] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert_unequal(port);
    assert_unequal(reference);
    assert_eq!(only_finding(reference).same_answer_from, ["port"]);
}

#[test]
fn a_port_with_the_name_of_the_reference_takes_its_place() {
    let report = settled(None, &[register("right", Some(TIE))]);
    let [port] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert_unequal(port);
}

#[test]
fn the_reference_is_asked_only_cases_that_settle() {
    let ports = [register("port", None)];
    let report = examined_by(&[], register("right", None), &ports, &["drawn"]);
    assert_eq!(report.ports.len(), 1);
    let text = fs::read_to_string(folder().join("register.toml")).expect("the file");
    let settle = &text[text.find("[settle]").expect("it has one")..];
    let report = examined_by(&[(settle, "")], register("right", None), &ports, &[]);
    let [port] = &report.ports[..] else { panic!("{:#?}", report.ports) };
    assert_eq!(suites(port), [("drawn", 60)]);
}

/// The line `state 1` is one of the exchange.
#[test]
fn failures_of_a_process_are_findings_of_the_usual_kind() {
    for (fault, fingerprint) in [
        ("crashes", "state: exited-7"),
        ("answers-twice", "state: an extra line"),
        ("answers-nothing", "state: no answer, went on"),
    ] {
        let report = settled(None, &[register("port", Some(fault))]);
        let finding = only_finding(&report.ports[0]);
        assert_eq!(finding.fingerprint, fingerprint, "{fault}: {:?}", finding.shrunk);
        let lines = ["new 2", "state 0", "merge 1 0.0.-", "state 1"];
        assert_eq!(finding.shrunk, lines, "{fault}: {:?}", finding.shrunk);
        assert!(finding.is_minimal, "{fault}: {:?}", finding.shrunk);
        assert!(report.ports[1].conforms(), "{fault}");
    }
}

/// The answer and the `hello` after it are one line. Each try takes the whole time limit.
#[test]
fn an_answer_without_a_line_end_is_recognized() {
    let budget = Budget { time: Duration::from_secs(2), attempts: 100 };
    let settings = Settings {
        plan: Plan { generated_count: 20, ..Plan::default() },
        only: vec!["settle".into()],
        limits: Limits { timeout: Duration::from_secs(1), budget, ..Limits::default() },
        ..Settings::default()
    };
    let port = register("port", Some("leaves-out-the-line-end"));
    let report = examined(&[], register("right", None), &[port], &settings);
    assert_eq!(only_finding(&report.ports[0]).fingerprint, "state: no-line-end");
}

/// The port's replicas differ once.
#[test]
fn a_difference_that_does_not_occur_again_is_counted() {
    let once = "import os, sys
from register import Register
class Once(Register):
    def do_read(self, replica):
        seen = os.environ['SEEN']
        if replica == '1' and not os.path.exists(seen):
            open(seen, 'w').close()
            return 'other'
        return super().do_read(replica)
Once().serve(sys.stdout)";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seen = folder.path().join("seen").display().to_string();
    let command = ["python3", "-c", once].map(String::from).into();
    let environment = [("SEEN".into(), seen)].into();
    let port = PortSpec { command, environment, ..register("port", None) };
    let report = settled(None, &[port]);
    let finding = only_finding(&report.ports[0]);
    assert_eq!(finding.fingerprint, UNEQUAL);
    assert!(!finding.is_reproduced, "{finding:#?}");
    assert!(finding.tries > 10 && finding.occurrences == 1, "{finding:#?}");
    assert_eq!(report.ports[0].count(CaseVerdict::Failed), 1);
}

#[test]
fn a_port_without_a_command_is_not_asked_for_it() {
    let replaced = [("\"merge {to:replica} {state}\"", "\"merge-all {to:replica} {state}\"")];
    let report = examined_by(&replaced, register("right", None), &[register("port", None)], &[]);
    let port = &report.ports[0];
    assert!(port.findings.is_empty(), "{:#?}", port.findings);
    let not_attempted = port.cases.iter().filter(|it| it.verdict == CaseVerdict::NotAttempted);
    let reasons: Vec<_> = not_attempted.filter_map(|case| case.reason.as_deref()).collect();
    assert!(reasons.len() > 10, "{}", reasons.len());
    assert!(reasons.iter().all(|it| *it == "the port does not know merge-all"), "{reasons:?}");
}

#[test]
fn observers_that_are_equal_are_left_out() {
    let replaced = [
        (r#"["a", "b", "c"]"#, r#"["a"]"#),
        (r#"equal = ["read"]"#, r#"equal = ["read", "whole"]"#),
        ("[settle]", "[[observers]]\nname = \"whole\"\nline = \"state {replica}\"\n\n[settle]"),
    ];
    let report = examined_by(&replaced, register("right", Some(TIE)), &[], &["settle"]);
    let finding = only_finding(&report.ports[0]);
    assert_eq!(finding.fingerprint, "whole: not equal after the exchange: another word 2");
    let exchange = ["state 0", "merge 1 1.0.a", "state 1", "merge 0 1.1.a"];
    let lines = [&["new 2", "write 0 a", "write 1 a"][..], &exchange, &["state 0", "state 1"]];
    assert_eq!(finding.shrunk, lines.concat());
}
