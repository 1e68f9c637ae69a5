//! `live demo`, from the beginning to the end, and what it leaves behind.

#![cfg(all(unix, feature = "live"))]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
const NONE: &[&str] = &[];
/// How long a demo may take on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Returns the command; the temporary folder of the demo is in `folder`.
fn demo(program: &Path, folder: &TempDir, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(program);
    command.args(["live", "demo"]).args(arguments).stdin(Stdio::null());
    command.current_dir(folder.path()).env("TMPDIR", folder.path());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Returns the arguments for so many entries and two ports.
fn arguments(entries: &str) -> Vec<String> {
    let port = |name| format!("--port={name}={}", shell_words::join([PROGRAM, "serve"]));
    ["--entries".into(), entries.into()].into_iter().chain(["a", "b"].map(port)).collect()
}

#[track_caller]
fn assert_ended(output: &Output, status: i32, words: &[&str]) {
    let said =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    assert_eq!(output.status.code(), Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

/// Checks that nothing but these is in the folder.
#[track_caller]
fn assert_left(folder: &TempDir, names: &[&str]) {
    let entries = fs::read_dir(folder.path()).expect("the folder");
    let names_left: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names_left, names);
}

/// Returns the address of etcd in the first line of the demo.
fn address(line: &str) -> String {
    let url = line.split("http://").nth(1).unwrap_or_else(|| {
        panic!("{line}: without etcd, `bash scripts/setup.sh live` installs it")
    });
    url.split(' ').next().expect("an address").into()
}

#[test]
fn a_demo_ends_with_the_trace_of_a_wrong_follower() {
    let folder = folder();
    let output = demo(Path::new(PROGRAM), &folder, &arguments("2000")).output().expect("it starts");
    let words = [
        "log demo: 2000 entries, with a checkpoint every 100\n",
        "appended 2000 entries in ",
        "a: applied 2000 entries in ",
        "20 checkpoints, last at 2000\n",
        "agree at 2000: a, b: `hash 0` is `ok ",
        "log demo: drift at ",
        "wrong: wrong; the reference agrees with a, b\n",
        "wrong: the first wrong step is entry ",
        "dkv20 replay dkv20-findings/wrong-live-demo-",
    ];
    assert_ended(&output, 0, &words);
    assert_left(&folder, &["dkv20-findings"]);
    let address = address(&String::from_utf8_lossy(&output.stdout));
    assert!(TcpStream::connect(address).is_err(), "etcd has ended");
}

/// The wrong follower is found long before its end, and must not hold up the demo.
#[test]
fn a_follower_that_still_runs_does_not_hold_up_the_end() {
    let folder = folder();
    let mut command = demo(Path::new(PROGRAM), &folder, &arguments("50000"));
    let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
    let started = Instant::now();
    let status = loop {
        match child.try_wait().expect("a status") {
            Some(status) => break status,
            None if started.elapsed() > TIME_MAX => {
                child.kill().expect("it runs");
                panic!("it takes too long");
            }
            None => thread::sleep(Duration::from_millis(50)),
        }
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_signal_ends_a_demo_and_its_etcd() {
    let folder = folder();
    let mut command = demo(Path::new(PROGRAM), &folder, &arguments("1000000"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let address = address(&line);
    assert!(TcpStream::connect(&address).is_ok(), "etcd runs");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    stdout.read_to_string(&mut line).expect("the rest");
    assert_ended(&child.wait_with_output().expect("its output"), 3, &["dkv20: interrupted"]);
    assert_left(&folder, NONE);
    assert!(TcpStream::connect(&address).is_err(), "etcd has ended");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_brings_it() {
    let folder = folder();
    let mut command = demo(Path::new(PROGRAM), &folder, NONE);
    let output = command.env("PATH", folder.path()).output().expect("it starts");
    assert_ended(&output, 3, &["dkv20: etcd: ", "`bash scripts/setup.sh live` installs it"]);
    // A program without ports beside it.
    let alone = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let alone = alone.path().join("a/b");
    fs::create_dir_all(&alone).expect("a folder");
    fs::hard_link(PROGRAM, alone.join("dkv20")).expect("a link");
    let output = demo(&alone.join("dkv20"), &folder, NONE).output().expect("it starts");
    assert_ended(
        &output,
        3,
        &["there is no port go in ", "`bash scripts/build.sh live` builds it"],
    );
    let wrong = demo(Path::new(PROGRAM), &folder, &["--port", "wrong=cat"]).output();
    assert_ended(
        &wrong.expect("it starts"),
        2,
        &["--port wrong: the wrong follower has that name"],
    );
    assert_left(&folder, NONE);
}
