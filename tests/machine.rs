//! `machine check`: programs that do not answer as they must, references that are not as a reference
//! must be, and files with mistakes.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");

/// The machines with planted faults: the file and the program.
const MACHINES: [(&str, &str); 2] =
    [("counter/counter.toml", "counter/counter.py"), ("bytes/frame.toml", "bytes/frame.py")];

/// The faults of a process, with the words that report them. Most wait for the time limit.
const PROCESS_FAULTS: [(&str, &str); 8] = [
    ("hangs", "no answer in time"),
    ("crashes", "the program exited (exit status: 7)"),
    ("floods", "the program writes without end"),
    ("answers-twice", "a second line was written after the answer"),
    ("answers-nothing", "no answer, but one to the line after it"),
    ("leaves-out-the-line-end", "the answer has no line end"),
    ("prints-a-banner", "`Ready.` was written before the first answer"),
    ("never-flushes", "the answer is written only once the input is closed"),
];

/// A machine with a start line, two commands, an observer and a pool. The file's program comes from
/// the test.
const SMALL: &str = r#"
name = "small"
case.start = ["new"]
commands = [{ line = "make", capture.token = '^ok (\S+)$' }, "use {token}"]
observers = ["state"]
protocol.unknown = '^err unknown'
"#;

/// A program for it. `$1` is the case of a shell that comes before the right answers.
const RIGHT: &str = r#"
    while IFS= read -r line; do
        eval "case \$line in $1 hello | new) echo ok ;; make) echo ok t ;; *) echo ok done ;; esac"
    done"#;

/// Returns the command of the program in the file, with these answers before the right ones.
fn program(answers: &str) -> String {
    format!("{:?}", ["sh", "-c", RIGHT, "sh", answers])
}

fn machine(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines").join(name).display().to_string()
}

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(["machine", "check"]).args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn checked(arguments: &[&str]) -> Output {
    start(arguments).wait_with_output().expect("it exits")
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).expect("UTF-8")
}

#[track_caller]
fn assert_checked(output: &Output, status: i32, words: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

/// A file in a folder of its own.
fn written(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("machine.toml");
    fs::write(&file, text).expect("a file can be written");
    let file = file.display().to_string();
    (folder, file)
}

/// Checks the small machine with a reference that has these answers before the right ones.
fn small(answers: &str) -> Output {
    let (_folder, file) = written(SMALL);
    let reference = shell_words::join(["sh", "-c", RIGHT, "sh", answers]);
    checked(&[&file, "--cases", "20", "--reference", &reference])
}

#[test]
fn right_programs_are_good() {
    for (file, _) in MACHINES {
        let output = checked(&[&machine(file)]);
        assert_checked(&output, 0, &["good: 0 faults", "The answers are the same"]);
    }
    assert_checked(&small(""), 0, &["good: 0 faults", "  make ", "  token "]);
}

/// All at once, since they wait.
#[test]
fn each_fault_of_a_process_is_reported_with_its_line() {
    let mut children = Vec::new();
    for (file, program) in MACHINES {
        for (fault, words) in PROCESS_FAULTS {
            let reference = format!("python3 {} --fault {fault}", machine(program));
            let arguments = [&machine(file), "--json", "--reference", &reference];
            children.push((format!("{program} {fault}"), words, start(&arguments)));
        }
    }
    for (what, words, child) in children {
        let output = child.wait_with_output().expect("it exits");
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let faults = report["faults"].as_array().expect("a list");
        let [fault] = &faults[..] else { panic!("{what}: {report:#}") };
        let at_start = ["prints-a-banner", "never-flushes"].iter().any(|it| what.ends_with(it));
        let line = match what.split('.').next() {
            _ if at_start => "hello",
            Some("counter/counter") => "undo",
            _ => "pop",
        };
        assert_eq!((&fault["program"], &fault["line"]), (&"reference".into(), &line.into()));
        let reason = fault["reason"].as_str().expect("a reason");
        assert!(reason.contains(words), "{what}: {reason}");
        assert_ne!(fault["remedy"], "", "{what}");
    }
}

#[test]
fn a_start_that_does_not_forget_is_found() {
    let (file, program) = MACHINES[0];
    let reference = format!("python3 {} --fault start-keeps-the-log", machine(program));
    let output = checked(&[&machine(file), "--reference", &reference]);
    assert_checked(&output, 1, &["the answer is another one after other cases", "  > new "]);
}

#[test]
fn a_reference_that_is_not_deterministic_is_found() {
    let output = small("'use t') echo ok $$ ;;");
    assert_checked(&output, 1, &["`use t`: a new process has another answer", "  > make\n"]);
}

#[test]
fn faults_of_the_description_are_found() {
    let refused = "the answer is an error: `err";
    for (answers, words) in [
        ("new) echo err no ;;", ["`new`: ", refused]),
        ("state) echo err no ;;", ["`state`: ", refused]),
        ("make) echo err no ;;", ["the pool `token` was never filled", "`use` was never drawn"]),
        ("use*) echo err unknown ;;", ["the reference does not know `use`", "to do: "]),
        ("hello) n=$((n + 1)); echo ok $n ;;", ["the answer changes: ", "`hello`"]),
    ] {
        assert_checked(&small(answers), 1, &words);
    }
    let (_folder, file) = written(&format!("{SMALL}protocol.greeting = '^ok small'\n"));
    let reference = shell_words::join(["sh", "-c", RIGHT, "sh", ""]);
    let output = checked(&[&file, "--reference", &reference]);
    assert_checked(&output, 1, &["`hello`: the answer `ok` does not match `protocol.greeting`"]);
}

#[test]
fn the_other_programs_greet_and_answer_the_observers() {
    let other = |command: &str| {
        let right = program("");
        let (_folder, file) = written(&format!(
            "{SMALL}\n[programs]\na = {{ command = {right}, reference = true }}\nb = {{ command = \
             {command} }}\n"
        ));
        checked(&[&file, "--cases", "20"])
    };
    assert_checked(&other(&program("")), 0, &["good: 0 faults", "program b: sh"]);
    let unknown = other(&program("state) echo err unknown ;;"));
    assert_checked(&unknown, 0, &["  does not know: state"]);
    let refused = other(&program("state) echo err no ;;"));
    assert_checked(&refused, 1, &["fault: b: `state`: the answer is an error: `err no`"]);
    let crashed = other(&program("state) echo why >&2; exit 9 ;;"));
    assert_checked(&crashed, 1, &["fault: b: `state`: the program exited", "  stderr: why"]);
    let gone = other(r#"["./gone"]"#);
    assert_checked(&gone, 3, &["program b: ", "there is no such file", "broken: 0 faults"]);
}

#[test]
fn every_mistake_has_its_place() {
    let text = fs::read_to_string(machine("counter/counter.toml")).expect("the file");
    let text = text.replace("weight = 6", "weight = 0").replace("sub {down}", "sub {dwn}");
    let (_folder, file) = written(&text);
    let output = checked(&[&file]);
    let weight = "machine.toml:31:10: commands[0].weight: the weight 0 is out of range; allowed: ";
    let hole = "machine.toml:34:8: commands[1].line: `dwn` is not declared; allowed: ";
    assert_checked(&output, 1, &[weight, hole, "faulty: 2 mistakes"]);
    let report: Value = serde_json::from_slice(&checked(&[&file, "--json"]).stdout).expect("JSON");
    let mistake = &report["mistakes"][0];
    assert_eq!((&mistake["line"], &mistake["column"]), (&31.into(), &10.into()));
    assert_eq!(mistake["key"], "commands[0].weight");
}

#[test]
fn a_check_that_cannot_be_done_has_a_status_of_its_own() {
    let (file, none) = (machine(MACHINES[0].0), written(SMALL));
    let missing = checked(&[&file, "--reference", "/no/such/program"]);
    assert_checked(&missing, 3, &["program reference: ", "there is no such file"]);
    assert_checked(&checked(&["/no/such/file"]), 3, &["/no/such/file: "]);
    assert_checked(&checked(&[&file, "--profile", "x"]), 2, &["no such profile; it has none"]);
    assert_checked(&checked(&[&none.1]), 2, &["the file has no reference"]);
}

#[test]
fn a_file_that_is_no_text_cannot_be_read() {
    let (folder, file) = written("");
    for (bytes, reason) in [
        (&b"name = 'a'\n# \xff"[..], "machine.toml: line 2 is not UTF-8"),
        (&vec![b'#'; (16 << 20) + 1], "machine.toml: it has more than 16 MiB"),
    ] {
        fs::write(&file, bytes).expect("a file can be written");
        assert_checked(&checked(&[&file]), 3, &[reason]);
    }
    let folder = folder.path().display().to_string();
    assert_checked(&checked(&[&folder]), 3, &[&folder]);
}

#[test]
fn characters_that_control_a_terminal_are_escaped() {
    let (_folder, file) = written("name = 'a'\n\"b\\n\\u001b\" = 1\n");
    let mistake = ":2:1: b\\n\\x1b: unknown key `b\\n\\x1b`; allowed: ";
    assert_checked(&checked(&[&file]), 1, &[mistake, "faulty: 1 mistake\n"]);
    let (_folder, file) = written(&format!("{SMALL}profiles.\"\\u001b\" = {{}}\n"));
    let unknown = checked(&[&file, "--profile", "\u{7}"]);
    assert_checked(&unknown, 2, &["--profile \\x07: the file has no such profile; it has \\x1b"]);
    let missing = checked(&[&file, "--reference", "/\u{7}"]);
    assert_checked(&missing, 3, &["program reference: /\\x07: there is no such file"]);
}

#[test]
fn the_file_sets_the_environment_the_folder_and_the_time_limit() {
    let check = |answers: &str, keys: &str| {
        let command = program(answers);
        let (folder, file) = written(&format!(
            "{SMALL}programs.a = {{ command = {command}, reference = true, {keys} }}\n"
        ));
        fs::create_dir(folder.path().join("inner")).expect("a folder can be made");
        checked(&[&file, "--cases", "5", "--timeout", "60"])
    };
    let here = r#"make) [ "$TOKEN-${PWD##*/}" = t-inner ] && echo ok t || echo err no ;;"#;
    let output = check(here, "environment.TOKEN = 't', directory = 'inner'");
    assert_checked(&output, 0, &["good: 0 faults"]);
    let slow = check("make) sleep 9; sleep() { :; }; echo ok t ;;", "timeout = 3");
    assert_checked(&slow, 1, &["fault: a: `make`: no answer in time"]);
}

#[test]
fn an_observer_that_another_program_refuses_is_reported_once() {
    let small = SMALL.replace("[\"state\"]", "[\"state {place}\"]");
    for (answer, words) in [("no", "faulty: 1 fault\n"), ("unknown", "  does not know: state 0\n")]
    {
        let (right, other) = (program(""), program(&format!("state*) echo err {answer} ;;")));
        let (_folder, file) = written(&format!(
            "{small}types.place = '0 .. 9'\n[programs]\na = {{ command = {right}, reference = true \
             }}\nb = {{ command = {other} }}\n"
        ));
        let output = checked(&[&file, "--cases", "20"]);
        assert!(said(&output).contains(words), "{}", said(&output));
        assert!(!said(&output).contains("state 1"), "{}", said(&output));
    }
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    for (option, range) in [
        ("--cases=0", "from 1 to 100000"),
        ("--cases=100001", "from 1 to 100000"),
        ("--seed=-1", "from 0 to 9223372036854775807"),
        ("--seed=9223372036854775808", "from 0 to 9223372036854775807"),
        ("--timeout=0", "from 0.000000001 to 1000000"),
    ] {
        assert_checked(&checked(&["x", option]), 2, &[range]);
    }
}

#[test]
fn the_schema_is_printed() {
    let output = Command::new(PROGRAM).args(["machine", "schema"]).output().expect("it starts");
    let schema: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(schema["properties"]["commands"].is_object(), "{schema:#}");
}
