//! The exam's commands as a program: bad input is refused with one line and an exit status, and no
//! finding is lost.

#![cfg(all(unix, feature = "exam"))]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use dkv20::machines::Dkv20;
use dkv20_exam::{Budget, Case, Delivery, Examinee, Limits, PortSpec, investigate};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
/// Conforms apart from the term of the third leader.
const WRONG: &str = r#"
    "$0" serve | while IFS= read -r answer; do
        case $answer in "ok leader=2 term=3") answer="ok leader=2 term=4" ;; esac
        printf '%s\n' "$answer"
    done"#;
/// Conforms apart from answers that are a number, as of `mix` and `draw`: they have a digit too many.
const WRONG_NUMBERS: &str = r#"
    "$0" "$@" | while IFS= read -r answer; do
        case $answer in "ok "*[!0-9]*) ;; "ok "?*) answer="${answer}0" ;; esac
        printf '%s\n' "$answer"
    done"#;
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
    assert!(text(&output.stdout).contains("stderr    why\n"), "{}", text(&output.stdout));

    let fuzz = ["fuzz", "--port", "a=false"];
    assert_refused(folder.path(), &fuzz, 3, &["port a: `hello`", "the program exited"]);
}

/// The first mistake of many ports.
#[test]
fn a_missing_flush_is_reported() {
    let folder = folder();
    let held_back = r#"read -r line; cat >"$1"; echo "ok dkv20 1 held""#;
    let port = script("held", held_back, &folder.path().join("rest"));
    let output = dkv20(folder.path(), &["exam", "--port", &port]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stdout);
    assert!(said.contains("the answer is written only once the input is closed"), "{said}");
}

#[test]
fn an_answer_without_lf_is_shown() {
    let folder = folder();
    let script_text = r"printf 'ok dkv20 1 half\n'; while read -r line; do printf 'ok 0'; done";
    let port = script("half", script_text, Path::new("."));
    let output = dkv20(
        folder.path(),
        &["exam", "--port", &port, "--level", "1", "--timeout", "1", "--fail-fast"],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("the answer has no line end"), "{said}");
    assert!(said.contains("without a line end"), "{said}");
}

/// The exam reads no further than the wrong answer, in the middle of the long line.
#[test]
fn a_line_that_was_not_read_to_its_end_is_not_unfinished() {
    let folder = folder();
    let script_text = r#"while read -r line; do
        case $line in hello) echo "ok dkv20 1 wide" ;; *) printf 'ok 1\n%099999d\n' 0 ;; esac
    done"#;
    let port = script("wide", script_text, Path::new("."));
    let output = dkv20(folder.path(), &["exam", "--port", &port, "--level", "1", "--fail-fast"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(!said.contains("without a line end"), "{said}");
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

/// A finding is written as a trace; its replay command shows it again, and `shrink` cannot remove a
/// line.
#[test]
fn a_finding_replays() {
    let folder = folder();
    let port = script("wrong", WRONG, Path::new("."));
    let exam = ["exam", "--port", &port, "--only", "case-14", "--traces", "found"];
    let output = dkv20(folder.path(), &exam);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let found: Vec<_> = fs::read_dir(folder.path().join("found")).expect("traces").collect();
    assert_eq!(found.len(), 1);
    let trace = found[0].as_ref().expect("an entry").path();
    let trace = trace.to_str().expect("a UTF-8 path");

    let output = dkv20(folder.path(), &["replay", trace, "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("expected `ok leader=2 term=3"), "{said}");
    let output = dkv20(folder.path(), &["replay", trace, "--port", &right("right")]);
    assert_eq!(output.status.code(), Some(0));
    let output = dkv20(folder.path(), &["replay", trace]);
    assert_eq!(text(&output.stdout), "the reference: every answer is the one in the trace\n");

    let before = fs::read(trace).expect("the trace");
    let commands = |bytes: &[u8]| text(bytes).lines().filter(|line| line.starts_with('>')).count();
    let output = dkv20(folder.path(), &["shrink", trace, "--port", &port, "--traces", "again"]);
    assert_eq!(output.status.code(), Some(1));
    let again: Vec<_> = fs::read_dir(folder.path().join("again")).expect("traces").collect();
    let again = fs::read(again[0].as_ref().expect("an entry").path()).expect("the trace");
    assert_eq!(commands(&again), commands(&before));
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

/// Ctrl-C during an exam: the findings so far are shown, and the ports are ended.
#[test]
fn an_interrupt_shows_findings_and_ends_the_ports() {
    let folder = folder();
    let asked = folder.path().join("asked");
    let port = script("slow", WRONG_THEN_SLOW, &asked);
    let mut exam = Command::new(PROGRAM);
    // The only finding comes before the first slow case.
    exam.args(["exam", "--port", &port, "--level", "1", "--json", "found.json"]);
    exam.current_dir(folder.path()).stdin(Stdio::null());
    let mut exam = exam.stdout(Stdio::piped()).spawn().expect("the program starts");
    while !asked.exists() {
        assert!(exam.try_wait().expect("its status can be read").is_none(), "it exited by itself");
        std::thread::yield_now();
    }
    let process = Pid::from_raw(i32::try_from(exam.id()).expect("an id")).expect("not 0");
    kill_process(process, Signal::INT).expect("it runs");
    let stdout = exam.stdout.take().expect("a pipe");
    let lines: Vec<_> = BufReader::new(stdout).lines().map_while(Result::ok).collect();
    let status = exam.wait().expect("it exits");
    let said = lines.join("\n");
    assert!(matches!(status.code(), Some(1 | 3)), "{status}\n{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(folder.path().join("found.json").exists(), "the report is written");
    for port in fs::read_to_string(&asked).expect("the ports' ids").lines() {
        let port = Pid::from_raw(port.parse().expect("an id")).expect("not 0");
        assert!(kill_process(port, Signal::CONT).is_err(), "port {port:?} still runs");
    }
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

/// The program is removed when a process is asked to greet, at the first start and at later ones.
#[test]
fn a_program_that_vanishes_is_not_at_fault() {
    for processes in [1, 2, 3] {
        let folder = folder();
        let program = folder.path().join("program");
        std::os::unix::fs::symlink(PROGRAM, &program).expect("a link can be made");
        // The wrapper is removed; the process that runs goes on.
        let wrapper = format!(
            "#!/bin/sh\nread -r line\necho x >>notes\n\
             [ $(wc -l <notes) -lt {processes} ] || rm \"$0\"\n\
             echo 'ok dkv20 1 rust'\nexec ./program serve\n",
        );
        let path = written(folder.path(), "wrapper", wrapper.as_bytes());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&path, mode).expect("the mode can be set");
        let exam = ["exam", "--port", "m=./wrapper", "--json", "report.json", "--only", "process"];
        let output = dkv20(folder.path(), &exam);
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            said.contains("m could not be examined: ./wrapper: there is no such file"),
            "{said}"
        );
        assert_eq!(objects_of(folder.path(), "finding").len(), 0, "{said}");
    }
}

/// With some of the limits one port can be started at a time, and two cannot.
#[test]
fn too_few_file_descriptors_are_not_the_ports_fault() {
    let folder = folder();
    let exam = "exam --only traces --jobs 2 --port \"$1\" --port \"$2\"";
    let mut shortages = 0;
    for limit in 9..16 {
        let script = format!("ulimit -n {limit}; exec \"$0\" {exam}");
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, PROGRAM, &right("a"), &right("b")]);
        let output = limited.current_dir(folder.path()).output().expect("the shell starts");
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{limit}: {said}");
        assert!(!said.contains("diverges"), "{limit}: {said}");
        shortages += usize::from(said.contains("could not be examined: "));
    }
    assert!(shortages > 0, "no port was started with too few");
}

/// Checks that the processes whose ids are in a file have been ended.
fn assert_ended(ids: &Path) {
    let ids = fs::read_to_string(ids).expect("ids of processes");
    for id in ids.split_whitespace() {
        // A killed process whose parent is gone is a zombie until the system reaps it.
        let state = || fs::read_to_string(format!("/proc/{id}/stat"));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_crash_is_seen_though_a_helper_holds_the_pipes() {
    let folder = folder();
    let crashes = answering(r#"command() { sleep 1000 & echo $! >>"$1"; exit 7; }"#);
    let crashes =
        crashes.replace("command()", "file=$1; command()").replace(r#""$1""#, r#""$file""#);
    written(folder.path(), "x.lines", b"mix 0\n");
    let port = script("m", &crashes, &folder.path().join("notes"));
    let output = dkv20(folder.path(), &["shrink", "x.lines", "--port", &port, "--timeout", "1000"]);
    let said = text(&[&output.stdout[..], &output.stderr].concat());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the program exited (exit status: 7)"), "{said}");
    assert_ended(&folder.path().join("notes"));
}

#[test]
fn a_right_port_whose_helper_holds_its_output_passes() {
    let folder = folder();
    let leaky = honest(r#"sleep 1000 & echo $! >>"$1""#);
    let (status, said) =
        exam_of(folder.path(), &leaky, &["--only", "process", "--timeout", "1000"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("m: it leaks processes"), "{said}");
    assert_ended(&folder.path().join("notes"));
}

/// Linux alone says which processes have left their group.
#[cfg(target_os = "linux")]
#[test]
fn a_helper_that_leaves_the_process_group_is_ended() {
    // It has left the group once its id is in the file.
    let helper = r#"setsid sh -c 'echo $$ >>"$0"; exec sleep 1000' "$1" </dev/null >/dev/null 2>&1 &
        until grep -qx "$!" "$1" 2>/dev/null; do :; done"#;
    for helper in [helper, &format!("({helper})")] {
        let folder = folder();
        let leaky = honest(helper);
        let (status, said) = exam_of(folder.path(), &leaky, &["--only", "process"]);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("m: it leaks processes"), "{said}");
        assert_ended(&folder.path().join("notes"));
    }
}

/// A limit of processes: none for the program's threads, for its guard, or for the port.
#[test]
fn too_few_processes_are_not_the_ports_fault() {
    let folder = folder();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), mode).expect("the mode can be set");
    for limit in 1..8 {
        let mut limited = Command::new("prlimit");
        limited.args([&format!("--nproc={limit}"), PROGRAM, "exam", "--only", "case-01"]);
        limited.args(["--port", &right("m")]).current_dir(folder.path());
        if rustix::process::geteuid().is_root() {
            // Root has no such limit. No other process has this user.
            limited.uid(64_321).gid(64_321);
        }
        let Ok(output) = limited.output() else {
            eprintln!("not tested: there is no program prlimit");
            return;
        };
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{limit}: {}: {said}", output.status);
        assert!(!said.contains("diverges") && !said.contains("panicked"), "{limit}: {said}");
    }
}

/// The cause is what the port did, and not which time limit ended first.
#[test]
fn causes_of_silence_are_told_apart() {
    let folder = folder();
    written(folder.path(), "x.lines", b"mix 0\n");
    for (command, cause) in [
        ("exec 0<&-; sleep 1000", "the program closed its standard input"),
        ("exec 1>&- 2>&-; sleep 1000", "the program closed its standard output"),
        ("kill -STOP $$", "no answer in time: a signal has stopped the program"),
        ("printf 'ok 1'; sleep 1000", "the answer has no line end"),
        ("kill -SEGV $$", "the program exited (signal: 11 (SIGSEGV))"),
        ("exit 3", "the program exited (exit status: 3)"),
    ] {
        let port = answering(&format!("command() {{ {command}; }}"));
        let port = script("m", &port, Path::new("."));
        let shrink = ["shrink", "x.lines", "--port", &port, "--timeout", "1"];
        let output = dkv20(folder.path(), &shrink);
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains(&format!("got {cause}\n")), "{command}: {said}");
        assert!(!said.contains("flaky"), "{command}: {said}");
    }
}

#[test]
fn a_flaky_port_is_called_flaky() {
    let folder = folder();
    // Every second process is right, as far as case-01 is concerned.
    let flaky = r#"
        echo x >>"$1"
        if [ $(($(wc -l <"$1") % 2)) = 0 ]; then exec "$0" serve; fi
        "$0" serve | while IFS= read -r answer; do
            case $answer in "ok dkv20"*) ;; *) answer="ok 1" ;; esac
            printf '%s\n' "$answer"
        done"#;
    let (status, said) = exam_of(folder.path(), flaky, &["--only", "traces"]);
    assert_eq!(status, 1, "{said}");
    let findings = objects_of(folder.path(), "finding");
    assert!(!findings.is_empty(), "{said}");
    for finding in findings {
        let (tries, occurrences) = (finding["tries"].as_u64(), finding["occurrences"].as_u64());
        assert!(occurrences < tries && occurrences > Some(0), "{finding}");
        assert_eq!(finding["is_minimal"], false, "{finding}");
        let words =
            format!("flaky: it occurred in {} of {} tries", occurrences.unwrap(), tries.unwrap());
        assert!(said.contains(&words), "{words}: {said}");
    }
}

#[test]
fn a_name_that_changes_is_reported() {
    let folder = folder();
    let between = answering("greet() { echo \"ok dkv20 1 m$$\"; }\ncommand() { echo 'ok 1'; }");
    let (_, said) = exam_of(folder.path(), &between, &["--only", "case-01"]);
    assert!(said.contains("its greeting changes between starts: `ok dkv20 1 m"), "{said}");
    let within = r#"
        "$0" serve | while IFS= read -r answer; do
            case $answer in "ok dkv20 1 "*) n=$((n + 1)); answer="ok dkv20 1 m$n" ;; esac
            printf '%s\n' "$answer"
        done"#;
    let (status, said) = exam_of(folder.path(), within, &["--only", "case-01"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("NAME changed within a session"), "{said}");
}

/// The first wrong step is a line of the case or of the shrunk commands, and its text is always
/// among the shrunk commands.
#[test]
fn the_blamed_line_is_in_the_trace() {
    let folder = folder();
    let drifts = r#"
        "$0" serve | while IFS= read -r answer; do
            case $answer in "ok 0x"*) answer="ok 0x00" ;; "ok leader="*) answer="ok leader=9" ;; esac
            printf '%s\n' "$answer"
        done"#;
    let wrong = answering("command() { echo 'ok 1'; }");
    for (port, only) in [(drifts, "traces"), (&wrong, "lines"), (WRONG, "histories")] {
        let more = ["--only", only, "--cases", "40", "--fail-fast"];
        let (_, said) = exam_of(folder.path(), port, &more);
        let findings = objects_of(folder.path(), "finding");
        assert!(!findings.is_empty(), "{said}");
        for finding in findings {
            let shrunk = finding["shrunk"].as_array().expect("lines");
            assert!(shrunk.contains(&finding["step_line"]), "{finding}");
        }
    }
}

/// No budget for shrinking is needed to know that.
#[test]
fn a_single_command_is_the_fewest() {
    let command = ["sh", "-c", WRONG_NUMBERS, PROGRAM, "serve"].map(str::to_owned);
    let port = PortSpec::new("m", command.into());
    let budget = Budget { time: Duration::ZERO, attempts: 0 };
    let mut examinee = Examinee::new(&Dkv20, port, Limits { budget, ..Limits::default() });
    let mut investigated = |lines: &[&str]| {
        let lines = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let case = Case::new("case/1".into(), lines, Delivery::Marked);
        let divergence = examinee.run(&case.lines, case.delivery).expect_err("a wrong answer");
        let finding = investigate(&mut examinee, &case, &[], divergence);
        (finding.shrunk_lines.len(), finding.is_minimal)
    };
    assert_eq!(investigated(&["mix 1"]), (1, true));
    assert_eq!(investigated(&["new 1", "mix 1"]), (2, false));
}

/// Neither the environment, nor the arguments, nor the delivery has a part in it.
#[test]
fn an_error_of_every_session_is_one_finding() {
    let folder = folder();
    let port = script("m", WRONG_NUMBERS, Path::new("serve"));
    let cases = ["environment-time-zone-numbers", "program-input-file", "end-of-input"];
    let cases = cases.map(|case| format!("process/{case}"));
    let only: Vec<_> = cases.iter().flat_map(|case| ["--only", case]).collect();
    let exam = ["exam", "--port", &port, "--json", "report.json"];
    let output = dkv20(folder.path(), &[&exam, only.as_slice()].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let cases = objects_of(folder.path(), "case");
    assert_eq!(cases.iter().filter(|case| case["verdict"] == "failed").count(), 3, "{cases:?}");
    let findings = objects_of(folder.path(), "finding");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["shrunk"], serde_json::json!(["mix 0"]));
    assert_eq!(findings[0]["delivery"], "marked");
}

/// The delivery of the case that showed it has no part in it.
#[test]
fn an_error_of_one_delivery_is_shown_by_another() {
    let folder = folder();
    let crash = r#"while IFS= read -r line; do
        case $line in "mix "*) kill -9 $$; exit ;; esac
        printf '%s\n' "$line"
    done | "$0" "$@""#;
    for (wrong, delivery) in [(WRONG_NUMBERS, "marked"), (crash, "stepwise")] {
        let port = script("m", wrong, Path::new("serve"));
        let only = ["--only", "process/end-of-input"];
        let exam = ["exam", "--port", &port, "--json", "report.json"];
        let output = dkv20(folder.path(), &[&exam[..], &only].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let findings = objects_of(folder.path(), "finding");
        let deliveries: Vec<_> = findings.iter().map(|finding| &finding["delivery"]).collect();
        assert_eq!(deliveries, [delivery]);
    }
}

/// Ports that end at two commands, whose fingerprints and events have nothing in common.
#[test]
fn ports_that_end_with_the_same_words_have_one_error() {
    let folder = folder();
    for (words, count) in [("check 1 failed, process $$", 1), ("no ${line%% *}", 2)] {
        let port = format!(
            r#"while IFS= read -r line; do
                case $line in "mix "*|"load "*) echo "{words}" >&2; kill -9 $$; exit ;; esac
                printf '%s\n' "$line"
            done | "$0" serve"#
        );
        let only = ["--only", "traces", "--level", "2"];
        let (_, said) = exam_of(folder.path(), &port, &only);
        assert_eq!(objects_of(folder.path(), "finding").len(), count, "{words}: {said}");
    }
}

/// It shows in answers to `partition` and to `heal`, which have fingerprints of their own.
#[test]
fn fuzzing_reports_a_cause_once() {
    let folder = folder();
    let wrong = WRONG.replace("leader=2 term=3", "leader=1 term=2");
    let port = script("m", &wrong, Path::new("serve"));
    let fuzz = ["fuzz", "--port", &port, "--seed", "2", "--cases", "9"];
    let said = text(&dkv20(folder.path(), &fuzz).stdout);
    assert!(said.contains("`partition 0`") && said.contains(", 1 finding;"), "{said}");
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

#[test]
fn jobs_bound_how_many_ports_are_examined_at_a_time() {
    let folder = folder();
    let log = folder.path().join("log");
    let noting = |name: &str| {
        let port = format!(
            "read -r hello; echo {name} >>\"$1\"; echo 'ok dkv20 1 rust'; exec \"$0\" serve",
        );
        script(name, &port, &log)
    };
    let ports = [noting("a"), noting("b"), noting("c")];
    let ports = ports.iter().flat_map(|port| ["--port", port.as_str()]);
    let exam: Vec<_> =
        ["exam", "--only", "case-01", "--jobs", "1"].into_iter().chain(ports).collect();
    let output = dkv20(folder.path(), &exam);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let started = fs::read_to_string(&log).expect("a log");
    let mut in_order: Vec<_> = started.lines().collect();
    in_order.dedup();
    assert_eq!(in_order, ["a", "b", "c"]);
    assert_refused(folder.path(), &["exam", "--port", &right("m"), "--jobs", "0"], 2, &["--jobs"]);
}
