//! A port that gets many cases at once is judged as if it got them one by one: the reports are the
//! same but for times.

#![cfg(all(unix, feature = "exam"))]

mod python;

use std::num::NonZeroUsize;
use std::time::Duration;

use dkv20::machines::Dkv20;
use dkv20_exam::reports::json_lines;
use dkv20_exam::{Budget, Limits, Plan, PortSpec, Report, Selection, Settings, examine};
use serde_json::Value;

use python::PYTHON;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ports/python");
const SUITES: [&str; 3] = ["lines", "load", "histories"];
/// The Python port with this code in front of each answer, which it may change. `count` is the number
/// of lines so far.
const CHANGED: &str = "
import os, sys, time
sys.path.insert(0, sys.argv[1])
import dkv20
answer_of, count = dkv20.Session.answer, 0
def answer(session, line):
    global count
    count += 1
    answer = answer_of(session, line)
    if True:
        CODE
    return answer
dkv20.Session.answer = answer
dkv20.serve(sys.stdin.buffer, sys.stdout.buffer)";

fn python(arguments: &[&str]) -> PortSpec {
    let command = [PYTHON.as_str(), "-E", "-s", "-S"].into_iter().chain(arguments.iter().copied());
    PortSpec::new("port", command.map(ToString::to_string).collect())
}

fn changed(code: &str) -> PortSpec {
    python(&["-c", &CHANGED.replace("CODE", code), FOLDER])
}

fn wrong(name: &str) -> PortSpec {
    python(&[&format!("{FOLDER}/wrong_ports.py"), name])
}

fn report(port: &PortSpec, suites: &[&str], batch_max: usize, timeout: u64) -> Report {
    let settings = Settings {
        plan: Plan { generated_count: 10, ..Plan::default() },
        only: suites.iter().map(ToString::to_string).collect(),
        limits: Limits {
            batch_max: NonZeroUsize::new(batch_max).expect("not 0"),
            batch_time: Duration::MAX,
            timeout: Duration::from_secs(timeout),
            budget: Budget { time: Duration::from_secs(600), attempts: 3 },
            ..Limits::default()
        },
        ..Settings::default()
    };
    examine(std::slice::from_ref(port), &Selection::new(&Dkv20, &settings), &|_| ())
}

/// Returns the report's JSON lines without times.
fn timeless(report: &Report) -> Vec<Value> {
    let lines = json_lines(report);
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let without_time = objects.map(|mut object| {
        object.as_object_mut().expect("an object").remove("seconds");
        object
    });
    without_time.collect()
}

#[track_caller]
fn assert_judged_alike(port: &PortSpec, suites: &[&str], timeout: u64) -> Report {
    let single = report(port, suites, 1, timeout);
    let together = report(port, suites, 1_000, timeout);
    for (one, other) in timeless(&single).iter().zip(&timeless(&together)) {
        assert_eq!(one, other);
    }
    assert_eq!(timeless(&single).len(), timeless(&together).len());
    single
}

#[track_caller]
fn assert_found(port: &PortSpec, suites: &[&str]) -> Report {
    let report = assert_judged_alike(port, suites, 60);
    assert!(!report.ports[0].findings.is_empty());
    report
}

#[test]
fn a_right_port() {
    let serve = [env!("CARGO_BIN_EXE_dkv20"), "serve"].map(str::to_owned);
    let report = assert_judged_alike(&PortSpec::new("port", serve.into()), &SUITES, 60);
    assert!(report.ports[0].conforms());
    assert!(assert_judged_alike(&changed("pass"), &SUITES, 60).ports[0].conforms());
}

#[test]
fn wrong_answers() {
    for name in ["isolated-leader-refuses", "seed-has-32-bits"] {
        assert_found(&wrong(name), &SUITES);
    }
}

/// The error depends on the lines of the cases before.
#[test]
fn an_error_after_many_lines() {
    let late = changed("if count > 25 and line.startswith(b'load'): answer = b'ok'");
    let report = assert_found(&late, &["load"]);
    assert!(report.ports[0].findings[0].shrunk_lines.len() > 10);
}

/// The port reads all that there is before it writes, so a crash loses answers of earlier cases.
#[test]
fn a_crash_with_answers_held_back() {
    assert_found(&wrong("exits-at-a-heal"), &["histories"]);
    assert_found(&changed("if count == 20: os._exit(7)"), &["load"]);
    assert_found(&changed("if count == 20: os.close(1); time.sleep(1000)"), &["load"]);
}

#[test]
fn a_port_that_hangs() {
    let report = assert_judged_alike(&changed("if count == 20: time.sleep(1000)"), &["load"], 2);
    assert!(!report.ports[0].findings.is_empty());
}

/// It writes only when it has read all that there is: a history, which has one `new`, takes less than
/// the time limit, and ten of them take more.
#[test]
fn a_port_that_needs_the_time_of_many_cases_is_right() {
    let slow = changed("if line.startswith(b'new'): time.sleep(1)");
    let report = assert_judged_alike(&slow, &["histories"], 8);
    assert!(report.ports[0].conforms());
}
