//! The exam's commands as a program: bad input is refused with one line and an exit status, and no
//! finding is lost.

#![cfg(all(unix, feature = "exam"))]

mod expected;
mod findings;
mod processes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
/// Conforms apart from `mix`; writes its process id, then takes a second for `draw`.
const WRONG_THEN_SLOW: &str = r#"
    while IFS= read -r line; do
        case $line in
            hello) echo "ok dkv20 1 slow" ;;
            mix*) echo "ok 1" ;;
            draw*) echo $$ >>"$1"; sleep 1; echo "err count" ;;
            *) echo "err unknown-command" ;;
        esac
    done"#;

/// Returns a `--port` argument for a shell script, which has the program as `$0`.
fn script(name: &str, script: &str, argument: &Path) -> String {
    let words = ["sh", "-c", script, PROGRAM, argument.to_str().expect("a UTF-8 path")];
    format!("{name}={}", shell_words::join(words))
}

fn right(name: &str) -> String {
    format!("{name}={PROGRAM} serve")
}

fn dkv20(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("its output is UTF-8")
}

/// Checks a refusal: the status, one line on standard error with these words, and nothing on standard
/// output.
fn assert_refused(folder: &Path, arguments: &[&str], status: i32, words: &[&str]) {
    let output = dkv20(folder, arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    let first = said.lines().next().unwrap_or_default();
    for word in words {
        assert!(first.contains(word), "{arguments:?}: {word:?} is not in {said:?}");
    }
    // After a usage error clap lists the possible values and refers to --help.
    let rest: Vec<_> = said
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.contains("possible"))
        .collect();
    assert!(rest.is_empty() || status == 2 && rest == ["For more information, try '--help'."]);
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file can be written");
    path
}

/// Answers as `serve` does; in addition `$1` is a file for what the script notes.
fn honest(more: &str) -> String {
    format!("{more}\nexec \"$0\" serve")
}

/// Answers `hello` as the function `greet` does, and any other command by the function `command`.
fn answering(functions: &str) -> String {
    format!(
        "greet() {{ echo 'ok dkv20 1 m'; }}\n{functions}\nwhile IFS= read -r line; do\n\
         case $line in hello) greet ;; '' | '#'*) ;; *) command ;; esac\ndone",
    )
}

/// Returns the objects of a kind in a report of JSON lines.
fn objects_of(folder: &Path, kind: &str) -> Vec<serde_json::Value> {
    let report = fs::read_to_string(folder.join("report.json")).expect("a report");
    let objects = report.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    objects.filter(|object: &serde_json::Value| object["type"] == kind).collect()
}

/// Runs an exam of one port with a script, and writes `report.json`.
fn exam_of(folder: &Path, port: &str, more: &[&str]) -> (i32, String) {
    let port = script("m", port, &folder.join("notes"));
    let exam = ["exam", "--port", &port, "--json", "report.json"];
    let output = dkv20(folder, &[&exam, more].concat());
    let said = text(&[&output.stdout[..], &output.stderr].concat());
    (output.status.code().expect("it exits"), said)
}

#[test]
fn a_port_that_cannot_be_started_is_an_error() {
    let folder = folder();
    written(folder.path(), "no-program", b"text");
    let exam = |port| ["exam", "--port", port];
    assert_refused(folder.path(), &exam("a=/no/such"), 3, &["port a: /no/such: ", "os error 2"]);
    assert_refused(folder.path(), &exam("a=./no-program"), 3, &["port a: ./no-program", "13"]);
    assert_refused(folder.path(), &exam("a="), 2, &["command is not empty"]);
    assert_refused(folder.path(), &exam("a"), 2, &["expected NAME=COMMAND"]);
    assert_refused(folder.path(), &exam("a b=x"), 2, &["a port's name"]);
    assert_refused(folder.path(), &exam("a='x"), 2, &["quote"]);
    assert_refused(folder.path(), &["exam"], 3, &["without --port", "tests/ports.toml"]);
}

#[test]
fn a_port_that_exits_at_once_is_not_a_port() {
    let folder = folder();
    let output = dkv20(folder.path(), &["exam", "--port", "a=sh -c 'echo why >&2; exit 7'"]);
    assert_eq!(output.status.code(), Some(3));
    let line = "dkv20: a: `hello`: expected `ok dkv20 1 NAME`, got the program exited (exit \
                status: 7)\n";
    assert_eq!(text(&output.stderr), line);
    let said = text(&output.stdout);
    assert!(said.contains("stderr    why\n"), "{said}");
    assert!(!said.contains("reached"), "no case was asked: {said}");

    let fuzz = ["fuzz", "--port", "a=false"];
    assert_refused(folder.path(), &fuzz, 3, &["port a: `hello`", "the program exited"]);
}

#[test]
fn duplicate_port_names_are_refused() {
    let folder = folder();
    let ports = ["exam", "--port", &right("a"), "--port", &right("a")];
    assert_refused(folder.path(), &ports, 2, &["two ports are called a"]);
}

#[test]
fn commands_in_a_port_file_are_relative_to_it() {
    let folder = folder();
    let ports = folder.path().join("below");
    fs::create_dir(&ports).expect("a folder can be made");
    std::os::unix::fs::symlink(PROGRAM, ports.join("port")).expect("a link can be made");
    let listed = "[[port]]\nname = \"a\"\ncommand = [\"./port\", \"serve\"]\n";
    written(&ports, "ports.toml", listed.as_bytes());
    let exam = ["exam", "--ports", "below/ports.toml", "--only", "case-01"];
    let output = dkv20(folder.path(), &exam);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("conforms: a, 1 case\n"), "{}", text(&output.stdout));

    written(folder.path(), "none.toml", b"[[port]]\nname = \"a\"\n");
    let none = ["exam", "--ports", "none.toml"];
    let output = dkv20(folder.path(), &none);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("missing field `command`"), "{}", text(&output.stderr));
    let gone = ["exam", "--ports", "gone.toml"];
    assert_refused(folder.path(), &gone, 3, &["gone.toml: No such file"]);
}

#[test]
fn an_unwritable_report_is_refused_before_the_exam() {
    let folder = folder();
    let port = script("slow", WRONG_THEN_SLOW, &folder.path().join("asked"));
    for report in ["--json", "--junit", "--markdown", "--html", "--traces"] {
        let exam = ["exam", "--port", &port, report, "/dev/null/report"];
        assert_refused(folder.path(), &exam, 3, &["/dev/null/report: cannot be written"]);
    }
    let exam = ["exam", "--port", &port, "--html", "."];
    assert_refused(folder.path(), &exam, 3, &["cannot be written", "directory"]);
    for command in [&["fuzz"][..], &["shrink", "x.lines"]] {
        written(folder.path(), "x.lines", b"draw 1 0\n");
        let traces = ["--port", &port, "--traces", "/dev/null/traces"];
        let arguments = [command, &traces].concat();
        assert_refused(folder.path(), &arguments, 3, &["/dev/null/traces: cannot be written"]);
    }
    assert!(!folder.path().join("asked").exists());
}

#[test]
fn arguments_out_of_range_are_refused() {
    let folder = folder();
    let right = right("a");
    for (argument, values) in [
        ("--shard", &["0/3", "4/3", "1", "1/0", "x/3"][..]),
        ("--level", &["0", "6", "x"]),
        ("--seconds", &["0", "-1", "x"]),
        ("--timeout", &["0", "x"]),
        ("--seed", &["-1", "18446744073709551616"]),
    ] {
        for value in values {
            let pair = format!("{argument}={value}");
            let exam = ["exam", "--port", &right, &pair];
            assert_refused(folder.path(), &exam, 2, &["invalid value", value, argument]);
        }
    }
    let nothing = ["exam", "--port", &right, "--only", "no-such-case"];
    assert_refused(folder.path(), &nothing, 3, &["no case matches --only, --level and --shard"]);
    let no_port = ["shrink", "x.lines"];
    written(folder.path(), "x.lines", b"mix 1\n");
    assert_refused(folder.path(), &no_port, 2, &["shrink needs at least one --port"]);
}

#[test]
fn a_malformed_trace_is_refused_with_line_and_column() {
    let folder = folder();
    written(folder.path(), "bad.trace", b"> mix 1\nmix 2\n");
    written(folder.path(), "false.trace", b"> mix 0\n< ok 1\n");
    let right = right("a");
    for command in
        [&["replay"][..], &["replay", "--port", &right], &["record"], &["shrink", "--port", &right]]
    {
        let with = |file| [command, &[file]].concat();
        assert_refused(folder.path(), &with("bad.trace"), 3, &["bad.trace: line 2, column 1: "]);
        assert_refused(folder.path(), &with("gone.trace"), 3, &["gone.trace: No such file"]);
    }
    let replay = ["replay", "false.trace"];
    assert_refused(folder.path(), &replay, 3, &["false.trace: not the reference's answers"]);
    let kept = fs::read(folder.path().join("bad.trace")).expect("it is still there");
    assert_eq!(kept, b"> mix 1\nmix 2\n");
    let snapshot = ["snapshot", "show", "gone"];
    assert_refused(folder.path(), &snapshot, 3, &["gone: No such file"]);
}

#[test]
fn shards_partition_the_cases() {
    let folder = folder();
    let list = |more: &[&str]| {
        let output = dkv20(folder.path(), &[&["exam", "--list"][..], more].concat());
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = list(&[]);
    let shards: Vec<_> = (1..=5).flat_map(|i| list(&["--shard", &format!("{i}/5")])).collect();
    assert_eq!(shards.len(), whole.len(), "a case is in two shards");
    assert_eq!(shards.iter().collect::<BTreeSet<_>>(), whole.iter().collect::<BTreeSet<_>>());
}

#[test]
fn a_deadline_ends_an_exam_whose_selection_has_no_further_cases() {
    let folder = folder();
    for only in ["case-01", "states/0", "lines/3"] {
        let more = ["--only", only, "--seconds", "0.2"];
        let (status, said) = exam_of(folder.path(), &honest(""), &more);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("conforms: m, 1 case\n"), "{said}");
    }
}

#[test]
fn further_cases_are_counted_and_not_listed() {
    let folder = folder();
    let more = ["--only", "lines", "--cases", "2", "--seconds", "0.5"];
    let (status, said) = exam_of(folder.path(), &honest(""), &more);
    assert_eq!(status, 0, "{said}");
    assert_eq!(objects_of(folder.path(), "case").len(), 2);
    let port = &objects_of(folder.path(), "port")[0];
    assert!(port["further_passed"].as_u64() > Some(0), "{port}");
}

#[test]
fn nothing_asked_is_refused() {
    let folder = folder();
    let right = right("m");
    let unmatched = ["exam", "--port", &right, "--only", "traces", "--only", "case-99"];
    assert_refused(folder.path(), &unmatched, 3, &["no case matches --only `case-99`"]);
    written(folder.path(), "empty.lines", b"");
    let shrink = ["shrink", "empty.lines", "--port", &right];
    assert_refused(folder.path(), &shrink, 3, &["nothing to ask: the file has no command"]);
}

/// A plan is refused only if a suite that it asks in whole cannot reach its milestones.
#[test]
fn a_plan_is_refused_if_what_it_asks_cannot_reach_its_milestones() {
    let folder = folder();
    let right = right("m");
    let with = |more: &[&'static str]| [&["exam", "--list", "--port", &right][..], more].concat();
    for more in [&[][..], &["--only", "states"], &["--shard", "2/3"], &["--level", "4"]] {
        let exam = [&with(more)[..], &["--states-depth", "2"]].concat();
        let words = ["--states-depth 2 is too small: suite states caused no"];
        assert_refused(folder.path(), &exam, 2, &words);
    }
    for more in [&["--only", "traces"][..], &["--only", "states/5"], &["--level", "3"]] {
        let exam = [&with(more)[..], &["--states-depth", "2"]].concat();
        assert_eq!(dkv20(folder.path(), &exam).status.code(), Some(0), "{exam:?}");
    }
}

#[test]
fn a_plan_of_zero_leaves_suites_out() {
    let folder = folder();
    let suites = |more: &[&str]| {
        let output = dkv20(folder.path(), &[&["exam", "--list"][..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let listed = text(&output.stdout);
        let suites = listed.lines().filter_map(|line| Some(line.split_once('/')?.0.to_owned()));
        suites.collect::<BTreeSet<_>>()
    };
    let whole = suites(&[]);
    let without = |left_out: &[&str]| {
        whole.iter().filter(|suite| !left_out.contains(&suite.as_str())).cloned().collect()
    };
    let generated = ["lines", "load", "histories", "keys", "bytes", "situations"];
    assert_eq!(suites(&["--cases", "0"]), without(&generated));
    assert_eq!(suites(&["--states-depth", "0"]), without(&["states"]));
    let right = right("m");
    let exam = ["exam", "--port", &right, "--cases", "0", "--states-depth", "0", "--level", "3"];
    let output = dkv20(folder.path(), &exam);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let exam = ["exam", "--port", &right, "--cases", "0", "--only", "histories"];
    let line = "no case matches --only, --level and --shard; --cases 0 leaves suites out";
    assert_refused(folder.path(), &exam, 3, &[line]);
}

#[test]
fn a_port_that_knows_no_command_is_incomplete() {
    let folder = folder();
    let young = answering("command() { echo 'err unknown-command'; }");
    let (status, said) = exam_of(folder.path(), &young, &["--level", "1", "--only", "case-09"]);
    assert_eq!(status, 1, "{said}");
    let verdict = "incomplete: m (1 case not attempted, since it does not know mix, draw)\n";
    assert!(said.ends_with(verdict), "{said}");
    assert_eq!(objects_of(folder.path(), "summary")[0]["verdict"], "incomplete");
    // A port that diverges does so whatever it lacks.
    let wrong = answering(
        "command() { case $line in mix*) echo 'ok 1' ;; *) echo 'err unknown-command' ;; esac; }",
    );
    let (status, said) = exam_of(folder.path(), &wrong, &["--level", "1", "--only", "lines"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("\ndiverges: m ("), "{said}");
}
