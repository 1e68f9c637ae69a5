//! Signals during the commands that start ports: no port is left running, no finding is lost, and
//! an interruption is never one.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
/// Writes the ids of itself and of a helper into the file `$1` when it is started, and is silent.
const SILENT: &str = r#"sleep 1000 & echo $$ $! >>"$1"; wait"#;
/// Has the same wrong answer to every command. It is silent if it is the `$2`th process that is
/// asked for a greeting.
const WRONG_THEN_SILENT: &str = r#"
    while IFS= read -r line; do
        case $line in
            hello)
                [ -n "$asked" ] || echo $$ >>"$1"
                asked=1
                [ "$(wc -l <"$1")" -lt "$2" ] || sleep 1000
                echo "ok dkv20 1 wrong" ;;
            '' | '#'*) ;;
            *) echo "ok 1" ;;
        esac
    done"#;

/// A port that appends a line to `ids` for each of its processes.
struct Scene {
    folder: TempDir,
    port: String,
}

impl Scene {
    fn new(script: &str, argument: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ids = folder.path().join("ids");
        let words = ["sh", "-c", script, PROGRAM, ids.to_str().expect("a UTF-8 path"), argument];
        let port = format!("m={}", shell_words::join(words));
        fs::write(folder.path().join("x.lines"), "mix 1\n").expect("a file can be written");
        Self { folder, port }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.start_with(&[arguments, &["--port", &self.port]].concat())
    }

    fn start_with(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    fn ids(&self) -> String {
        fs::read_to_string(self.path().join("ids")).unwrap_or_default()
    }

    /// Waits until `count` processes have written their ids.
    fn wait_for(&self, child: &mut Child, count: usize) {
        while self.ids().matches('\n').count() < count {
            assert!(child.try_wait().expect("a status").is_none(), "it exited by itself");
            std::thread::yield_now();
        }
    }

    /// Checks that every process that has written its id has been ended, and that no file is left
    /// but those named.
    fn assert_clean(&self, files: &[&str], what: &str) {
        assert_ended(&self.ids(), what);
        assert_eq!(self.left(files), [""; 0], "{what}");
    }

    /// Returns the names of the files beside these and the scene's own.
    fn left(&self, files: &[&str]) -> Vec<String> {
        let names = fs::read_dir(self.path()).expect("the folder can be read");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("UTF-8"));
        let is_known = |name: &str| ["ids", "x.lines"].iter().chain(files).any(|it| *it == name);
        names.filter(|name| !is_known(name)).collect()
    }
}

/// Checks that the processes end: the guard, or the system, may take its time.
fn assert_ended(ids: &str, what: &str) {
    for id in ids.split_whitespace() {
        let process = Pid::from_raw(id.parse().expect("an id")).expect("not 0");
        let is_ended = || test_kill_process(process).is_err() || is_zombie(process);
        wait_until(is_ended, &format!("{what}: process {id} runs"));
    }
}

/// Waits until the condition holds. The time limit ends a test that fails.
fn wait_until(condition: impl Fn() -> bool, otherwise: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{otherwise}");
        std::thread::yield_now();
    }
}

fn is_zombie(id: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).expect("an id");
    kill_process(Pid::from_raw(id).expect("not 0"), signal).expect("it runs");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

const COMMANDS: [&[&str]; 4] =
    [&["exam", "--only", "case-01"], &["fuzz"], &["replay", "x.lines"], &["shrink", "x.lines"]];

/// The port is silent from the start, so that its greeting is awaited.
#[test]
fn no_signal_leaves_a_port_behind() {
    for command in COMMANDS {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
            let scene = Scene::new(SILENT, "");
            let what = format!("{command:?} {signal:?}");
            let mut child = scene.start(command);
            // The check of the start ends the first process, perhaps before it writes its id.
            scene.wait_for(&mut child, 1);
            send(&child, signal);
            let output = child.wait_with_output().expect("it exits");
            let said = said(&output);
            assert_eq!(output.status.code(), Some(3), "{what}: {said}");
            assert!(said.contains("interrupted"), "{what}: {said}");
            assert!(!said.contains("not a port"), "{what}: {said}");
            scene.assert_clean(&[], &what);
        }
    }
}

#[test]
fn an_interrupted_machine_check_leaves_nothing_behind() {
    let scene = Scene::new(SILENT, "");
    let text = "name = \"m\"\ncase.start = [\"new\"]\ncommands = [\"get\"]\n";
    fs::write(scene.path().join("m.toml"), text).expect("a file can be written");
    let reference = scene.port.strip_prefix("m=").expect("a port");
    let mut child = scene.start_with(&["machine", "check", "m.toml", "--reference", reference]);
    scene.wait_for(&mut child, 1);
    send(&child, Signal::INT);
    let output = child.wait_with_output().expect("it exits");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("dkv20: interrupted"), "{}", said(&output));
    scene.assert_clean(&["m.toml"], "machine check");
}

/// The second signal is sent while the reference runs a line that takes minutes.
#[test]
fn a_second_signal_ends_the_program_at_once() {
    let scene = Scene::new(r#"echo $$ >>"$1"; exec "$0" serve"#, "");
    let long = "new 31\nworkload 1 1000 1000000\n";
    fs::write(scene.path().join("x.lines"), long).expect("a file can be written");
    for command in [&["replay", "x.lines"], &["shrink", "x.lines"]] {
        let mut child = scene.start(command);
        scene.wait_for(&mut child, 1);
        send(&child, Signal::INT);
        send(&child, Signal::TERM);
        let status = child.wait().expect("it exits");
        assert!(matches!(status.signal(), Some(2 | 15)), "{command:?}: {status}");
        scene.assert_clean(&[], "a second signal");
    }
}

/// The investigation is interrupted at its first process and at later ones.
#[test]
fn an_interrupted_investigation_keeps_the_finding() {
    // The exam itself asks two processes for a greeting.
    for silent in [3, 4, 6, 7] {
        let scene = Scene::new(WRONG_THEN_SILENT, &silent.to_string());
        let exam = ["exam", "--only", "case-01", "--traces", "found", "--json", "found.json"];
        let mut child = scene.start(&exam);
        scene.wait_for(&mut child, silent);
        send(&child, Signal::INT);
        let output = child.wait_with_output().expect("it exits");
        let what = format!("process {silent}: {}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{what}");
        assert!(what.contains("the investigation was interrupted"), "{what}");
        scene.assert_clean(&["found", "found.json"], &what);

        let report = fs::read_to_string(scene.path().join("found.json")).expect("a report");
        let objects = report.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let objects: Vec<serde_json::Value> = objects.collect();
        let findings = objects.iter().filter(|object| object["type"] == "finding");
        let [finding] = findings.collect::<Vec<_>>()[..] else { panic!("{report}") };
        assert_eq!(finding["actual"], "`ok 1`", "{what}");
        assert_eq!(finding["is_interrupted"], true, "{what}");
        assert_eq!(finding["is_minimal"], false, "{what}");
        let trace = finding["trace"].as_str().expect("a trace");

        // The replay shows the finding again.
        let again = Scene::new(WRONG_THEN_SILENT, "1000000");
        let trace = scene.path().join(trace);
        let delivery = finding["delivery"].as_str().expect("a delivery");
        let replay = ["replay", trace.to_str().expect("UTF-8"), "--delivery", delivery];
        let output = again.start(&replay).wait_with_output().expect("it exits");
        assert_eq!(output.status.code(), Some(1), "{what}\n{}", said(&output));
        assert!(said(&output).contains("got `ok 1`"), "{what}\n{}", said(&output));
    }
}

#[test]
fn fuzzing_resumes_at_what_was_interrupted() {
    // Fuzzing itself asks two processes for a greeting.
    for silent in [2, 3, 5] {
        let scene = Scene::new(WRONG_THEN_SILENT, &silent.to_string());
        let mut child = scene.start(&["fuzz", "--seed", "41", "--traces", "found"]);
        scene.wait_for(&mut child, silent);
        send(&child, Signal::INT);
        let output = child.wait_with_output().expect("it exits");
        let what = format!("process {silent}: {}", said(&output));
        assert!(what.contains("resume with --seed 41\n"), "{what}");
        assert_eq!(output.status.code(), Some(if silent == 2 { 3 } else { 1 }), "{what}");
        assert_eq!(what.contains("got `ok 1`"), silent != 2, "{what}");
        scene.assert_clean(&["found"], &what);
    }
}

/// The investigation of the finding would take longer than a test may.
#[test]
fn the_end_of_the_time_ends_an_investigation() {
    let scene = Scene::new(WRONG_THEN_SILENT, "3");
    let fuzz = ["fuzz", "--seconds", "5", "--timeout", "1000", "--traces", "found"];
    let output = scene.start(&fuzz).wait_with_output().expect("it exits");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the investigation was interrupted"), "{said}");
    scene.assert_clean(&["found"], "the end of the time");
}

/// The plan is so large that its survey takes longer than a test may.
#[test]
fn a_survey_of_many_cases_can_be_interrupted() {
    let scene = Scene::new(SILENT, "");
    let mut child = scene.start(&["exam", "--cases", "2000000"]);
    scene.wait_for(&mut child, 1);
    send(&child, Signal::INT);
    let output = child.wait_with_output().expect("it exits");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    scene.assert_clean(&[], "the survey");
}

// --- Killed -------------------------------------------------------------------------------------

/// Writes the ids of itself, of a helper, and of one outside of its process group. It does so after
/// the first line, which the check of the start does not send: that check ends the process, and a
/// helper whose parent has ended is not found.
const SILENT_WITH_HELPERS: &str =
    r#"read -r line; sleep 1000 & a=$!; setsid sleep 1000 & echo $$ $a $! >>"$1"; wait"#;

#[test]
fn a_killed_program_leaves_no_port_behind() {
    for command in COMMANDS {
        let scene = Scene::new(SILENT_WITH_HELPERS, "");
        let mut child = scene.start(command);
        scene.wait_for(&mut child, 1);
        send(&child, Signal::KILL);
        assert_eq!(child.wait().expect("it ends").signal(), Some(9));
        scene.assert_clean(&[], &format!("{command:?} killed"));
    }
}

/// The file of the program is removed before it starts its guard.
#[test]
fn a_removed_program_has_a_guard() {
    let scene = Scene::new(SILENT, "");
    fs::copy(PROGRAM, scene.path().join("copy")).expect("it can be copied");
    let line = r#"exec 9<copy; rm copy; exec /proc/self/fd/9 exam --port "$1""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", line, "sh", &scene.port]).current_dir(scene.path());
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().expect("the shell starts");
    scene.wait_for(&mut child, 1);
    send(&child, Signal::KILL);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(said(&output), "");
    scene.assert_clean(&[], "killed without its file");
}

/// Starts a guard, which reads records from its standard input.
fn guard() -> Child {
    let mut guard = Command::new(PROGRAM);
    guard.arg0("dkv20-guard").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    guard.spawn().expect("the program starts")
}

/// A program that is killed while it starts a port has not recorded the process group.
#[test]
fn a_port_that_was_just_started_is_ended() {
    let scene = Scene::new(SILENT, "");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let inode = fs::File::from(OwnedFd::from(reader.try_clone().expect("a descriptor")));
    let inode = inode.metadata().expect("its inode").ino();
    let mut port = Command::new("sh");
    let ids = scene.path().join("ids");
    port.args(["-c", SILENT, "sh"]).arg(ids).stdin(reader).process_group(0);
    let mut port = port.spawn().expect("the shell starts");
    scene.wait_for(&mut port, 1);

    let mut guard = guard();
    let mut records = guard.stdin.take().expect("a pipe");
    write!(records, "?{inode}\0").expect("it reads");
    drop(records);
    let output = guard.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    scene.assert_clean(&[], "the guard");
    assert_eq!(port.wait().expect("it ends").signal(), Some(9));
    drop(writer);
}

/// A signal for everything does not end the guard before what it guards.
#[test]
fn a_guard_ends_last() {
    let scene = Scene::new(SILENT, "");
    let mut guard = guard();
    let file = scene.path().join("file");
    let mut records = guard.stdin.take().expect("a pipe");
    let id = guard.id();
    let catches = || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("a status");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
        let caught = u64::from_str_radix(caught.expect("a mask"), 16).expect("a number");
        // SIGHUP, SIGINT, SIGQUIT, SIGTERM
        [1, 2, 3, 15].iter().all(|signal| caught >> (signal - 1) & 1 == 1)
    };
    wait_until(catches, "a signal is not caught");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        send(&guard, signal);
    }
    fs::write(&file, "").expect("a file can be written");
    write!(records, "f{}\0", file.display()).expect("it reads");
    drop(records);
    assert_eq!(guard.wait().expect("it ends").code(), Some(0));
    scene.assert_clean(&[], "the guard");
}

/// The system ends the program while it writes a file that is larger than allowed.
#[test]
fn a_program_that_ends_while_it_writes_leaves_no_part_of_a_file() {
    for report in ["--json", "--html"] {
        let scene = Scene::new(r#"exec "$0" serve"#, "");
        let line = r#"ulimit -c 0; ulimit -f 1; exec "$0" exam --only case-01 --port "$1" "$2" r"#;
        let mut shell = Command::new("sh");
        shell.args(["-c", line, PROGRAM, &scene.port, report]).current_dir(scene.path());
        let output = shell.output().expect("the shell starts");
        assert_eq!(output.status.signal(), Some(Signal::XFSZ.as_raw()), "{}", said(&output));
        wait_until(|| scene.left(&[]).is_empty(), "a file is left");
    }
}
