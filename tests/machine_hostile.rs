//! Programs of described machines that misbehave: the right one is named, and nothing is lost.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// `odd.py KIND FAULT`: a counter, with a planted fault if there is one of the name, that is odd in a way.
const ODD: &str = "
import os, sys, time
sys.path[:0] = [FOLDER, FOLDER + '/..']
from counter import Counter
from planted import FAULTS
machine, cases, undone = FAULTS.get(sys.argv[2], Counter)(), 0, 0
kind = sys.argv[1]
for line in sys.stdin:
    line = line.rstrip('\\n')
    cases += line.startswith('new ')
    undone += line == 'undo'
    answer = machine.answer(line)
    if kind == 'crashes' and cases > 150: sys.exit(7)
    if kind == 'hangs' and cases > 150: time.sleep(1000)
    if kind == 'process' and line == 'len': answer = f'ok {os.getpid()}'
    if kind == 'remembers' and line == 'len': answer = f'ok {cases}'
    if kind == 'greeting' and line == 'hello': answer = 'ok other 2'
    if kind == 'lacks' and line == 'log': answer = 'err unknown log'
    if kind == 'flaky' and line == 'undo' and undone % 2 == 1: answer = 'ok 77'
    print(answer, flush=True)
";

fn counter(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/counter").join(name);
    path.to_str().expect("a UTF-8 path").into()
}

/// Examines or fuzzes a port with a reference, and returns the exit status and all that was printed.
#[track_caller]
fn run(command: &str, reference: [&str; 2], port: [&str; 2]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("odd.py");
    let odd = ODD.replace("FOLDER", &format!("{:?}", counter(".")));
    fs::write(&script, odd).expect("a file can be written");
    let line = |[kind, fault]: [&str; 2]| format!("python3 odd.py {kind} {fault}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_dkv20"));
    program.args([command, "--machine", &counter("counter.toml"), "--timeout", "1"]);
    program.args(["--cases", "400", "--reference", &line(reference)]);
    program.args(["--port", &format!("p={}", line(port))]);
    let started = Instant::now();
    let output = program.current_dir(folder.path()).stdin(Stdio::null()).output();
    let output = output.expect("the program starts");
    let time = started.elapsed();
    assert!(time < Duration::from_secs(60), "it took {time:?}");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[track_caller]
fn assert_said((status, said): &(Option<i32>, String), expected: i32, words: &[&str]) {
    assert_eq!(*status, Some(expected), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

const RIGHT: [&str; 2] = ["right", "none"];
const WRONG: [&str; 2] = ["right", "goes-below-zero"];

#[test]
fn what_was_found_before_the_reference_failed_is_reported() {
    for (kind, failure) in
        [("crashes", "exited (exit status: 7); "), ("hangs", "no answer in time")]
    {
        let examined = run("exam", [kind, "none"], WRONG);
        let words =
            ["finding 1 of 1", "`ok -1`", "the reference failed: reference: `new ", failure];
        assert_said(&examined, 3, &words);
        assert!(examined.1.contains("250 cases not asked: the reference failed"), "{}", examined.1);
        let fuzzed = run("fuzz", [kind, "none"], WRONG);
        assert_said(&fuzzed, 3, &["`ok -1`", "p: the reference failed: reference: `", failure]);
    }
}

#[test]
fn a_reference_that_is_not_deterministic_is_not_the_ports_fault() {
    for kind in ["process", "remembers"] {
        for command in ["exam", "fuzz"] {
            let output = run(command, [kind, "none"], RIGHT);
            let words = ["the reference failed: reference: `len`: `ok ", "it is not deterministic"];
            assert_said(&output, 3, &words);
            let said = &output.1;
            assert!(!said.contains("expected") && !said.contains(" 1 failed"), "{said}");
        }
    }
}

#[test]
fn a_reference_with_another_greeting_is_named() {
    for command in ["exam", "fuzz"] {
        let words = ["reference: `hello`: the answer `ok other 2` is no greeting; "];
        assert_said(&run(command, ["greeting", "none"], RIGHT), 3, &words);
    }
}

#[test]
fn an_observer_that_a_port_lacks_is_named() {
    let words = ["400 cases not attempted, since it does not know log"];
    assert_said(&run("exam", RIGHT, ["lacks", "none"]), 1, &words);
}

/// The first `undo` of a process is wrong, the second is not, and so on: of two runs of a candidate one
/// shows it.
#[test]
fn a_difference_that_comes_and_goes_is_shrunk_to_its_step() {
    let output = run("exam", RIGHT, ["flaky", "none"]);
    assert_said(&output, 1, &["> undo", "`ok 77`", "shrunk    to 2 commands, "]);
}
