//! `live demo`, from the beginning to the end, and what it leaves behind.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpStream;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::program::{PROGRAM, Running, command, port, run};
use crate::scene::folder;

const NONE: &[&str] = &[];

/// Returns the command; the temporary folder of the demo is in `folder`.
fn demo(program: impl AsRef<OsStr>, folder: &TempDir, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = command(program, &["live", "demo"]);
    command.args(arguments).current_dir(folder.path()).env("TMPDIR", folder.path());
    command
}

/// Returns the arguments for so many entries and two ports.
fn arguments(entries: &str) -> Vec<String> {
    let port = |name| format!("--port={}", port(name));
    ["--entries".into(), entries.into()].into_iter().chain(["a", "b"].map(port)).collect()
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
    let end = run(&mut demo(PROGRAM, &folder, &arguments("2000")));
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
    end.assert_ended(0, &words);
    assert_left(&folder, &["dkv20-findings"]);
    let address = address(&end.stdout);
    assert!(TcpStream::connect(address).is_err(), "etcd has ended");
}

/// The wrong follower is found long before its end, and must not hold up the demo.
#[test]
fn a_follower_that_still_runs_does_not_hold_up_the_end() {
    let folder = folder();
    run(&mut demo(PROGRAM, &folder, &arguments("50000"))).assert_ended(0, &[]);
}

#[test]
fn a_signal_ends_a_demo_and_its_etcd() {
    let folder = folder();
    let demo = Running::start(&mut demo(PROGRAM, &folder, &arguments("1000000")));
    let line = demo.stdout.next();
    let address = address(&line);
    assert!(TcpStream::connect(&address).is_ok(), "etcd runs");
    demo.signal(Signal::INT);
    demo.end().assert_ended(3, &["dkv20: interrupted"]);
    assert_left(&folder, NONE);
    assert!(TcpStream::connect(&address).is_err(), "etcd has ended");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_brings_it() {
    let folder = folder();
    let end = run(demo(PROGRAM, &folder, NONE).env("PATH", folder.path()));
    end.assert_ended(3, &["dkv20: etcd: ", "`bash scripts/setup.sh live` installs it"]);
    // A program without ports beside it.
    let alone = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let alone = alone.path().join("a/b");
    fs::create_dir_all(&alone).expect("a folder");
    fs::hard_link(PROGRAM, alone.join("dkv20")).expect("a link");
    let end = run(&mut demo(alone.join("dkv20"), &folder, NONE));
    end.assert_ended(3, &["there is no port go in ", "`bash scripts/build.sh live` builds it"]);
    let end = run(&mut demo(PROGRAM, &folder, &["--port", "wrong=cat"]));
    end.assert_ended(2, &["--port wrong: the wrong follower has that name"]);
    assert_left(&folder, NONE);
}
