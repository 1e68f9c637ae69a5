//! `live follow` with a real server: its last line, its messages and its exit status.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::program::{Running, file, on_terminal, port, run};
use crate::scene::{Scene, live_at, puts};

/// A program that does with `$MODE` as its name says, and else serves dkv20 badly: each answer is
/// `ok`.
const PROGRAM_OF_MODES: &str = r#"
while read -r line; do
  case $line in
    hello) echo "ok dkv20 1 modes";;
    'new 1') if [ "$MODE" = wrong-start ]; then echo "err wrong-size"; else echo ok; fi;;
    'del crash') echo "no more of it" >&2; exit 7;;
    *) echo "ok $MODE";;
  esac
done
"#;

fn mode(mode: &str) -> String {
    let script = format!("MODE={mode}\n{PROGRAM_OF_MODES}");
    format!("modes={}", shell_words::join(["/bin/sh", "-c", &script]))
}

#[test]
fn a_follower_ends_at_an_index_with_a_summary() {
    let scene = Scene::start();
    scene.append(&puts(2_500));
    let rust = port("rust");
    for _ in 0..2 {
        let end = scene.run("follow", &["--port", &rust, "--until", "2100"]);
        let recovered = "recovered from 0 gaps, 0 cancelled watches, 0 compactions, 0 silences, 0 lost \
                         connections\n";
        end.assert_ended(
            0,
            &["rust: applied 2100 entries in ", "/s), 2 checkpoints, last at 2000; ", recovered],
        );
        assert!(end.stderr.is_empty());
    }
    let every = ["--port", &rust, "--every", "7"];
    scene.run("follow", &every).assert_ended(2, &["--every 7: the log has checkpoints every 1000"]);
}

#[test]
fn a_follower_waits_for_entries_and_ends_by_a_signal() {
    let rust = port("rust");
    for signal in [Signal::INT, Signal::TERM] {
        let scene = Scene::start();
        let arguments = ["--port", &rust, "--every", "10"];
        let running = Running::start(&mut scene.live("follow", &arguments));
        let line = running.stderr.next();
        assert_eq!(line, "dkv20: follower rust: log a has no entries yet: waiting\n");
        scene.append(&puts(25));
        running.await_metrics("last checkpoint 20");
        running.await_metrics("follower rust: applied 25 of 25 (lag 0), ");
        running.signal(signal);
        let end = running.end();
        end.assert_ended(0, &[]);
        let said = end.stdout;
        assert!(said.starts_with("rust: applied 25 entries in "), "{said}");
        assert!(said.contains("/s), 2 checkpoints, last at 20; "), "{said}");
    }
}

#[test]
fn another_program_of_the_same_name_is_found_out() {
    let scene = Scene::start();
    scene.append(&puts(1_000));
    let until = ["--until", "1000"];
    let with = |mode: &str, more: &[&str]| {
        scene.run("follow", &[&["--port", mode], &until[..], more].concat())
    };
    with(&mode("one"), &[]).assert_ended(0, &["1 checkpoint at 1000"]);
    let words = [
        "dkv20: log a: follower modes published other answers at index 1000 before",
        "--anew deletes its checkpoints and begins again",
    ];
    with(&mode("two"), &[]).assert_ended(3, &words);
    with(&mode("two"), &["--anew"]).assert_ended(0, &["1 checkpoint at 1000"]);
    with(&mode("two"), &[]).assert_ended(0, &["1 checkpoint at 1000"]);
}

#[test]
fn a_failed_program_ends_the_follower() {
    let scene = Scene::start();
    scene.append(&[puts(41), vec!["del crash".into()], puts(10)].concat());
    let end = scene.run("follow", &["--port", &mode("one")]);
    let words = [
        "dkv20: program modes failed at entry 42: `del crash`: the program exited (exit status: 7); \
         the end of its standard error:\n  no more of it\n",
    ];
    end.assert_ended(1, &words);
    let end = scene.run("follow", &["--port", &mode("wrong-start")]);
    let words =
        ["program modes: the answer to the start line `new 1` is an error: `err wrong-size`"];
    end.assert_ended(1, &words);
    let end = scene.run("follow", &["--port", r"a=sh -c 'while read -r a; do echo; done'"]);
    let words = ["program a: the answer `` to `hello` is no greeting: `ok dkv20 1 NAME`"];
    end.assert_ended(1, &words);
    let words = ["program a failed at the start: `hello`: the program exited (exit status: 4)"];
    scene.run("follow", &["--port", "a=sh -c 'exit 4'"]).assert_ended(1, &words);
}

#[test]
fn wrong_use_is_explained() {
    let scene = Scene::start();
    scene.append(&puts(1));
    let rust = port("rust");
    let counter = file("machines/counter/counter.toml");
    // The first follower writes the settings.
    scene.run("follow", &["--port", &rust, "--until", "1"]).assert_ended(0, &["no checkpoint"]);
    let cases: [(&[&str], i32, &str); 5] = [
        (&[], 2, "name the program: --port NAME=COMMAND"),
        (&["--port", "rust"], 2, "--port rust: expected NAME=COMMAND"),
        (&["--port", "ä=true"], 2, "a name has 1 to 200 letters, digits and . _ -"),
        (&["--port", "a=/no/such/program"], 3, "port a: /no/such/program: "),
        (&["--port", &rust, "--machine", &counter], 3, "it is a log of dkv20, not of counter"),
    ];
    for (arguments, status, words) in cases {
        scene.run("follow", arguments).assert_ended(status, &[words]);
    }
    let mut command = scene.live("follow", &["--port", &rust]);
    let end = run(command.env("DKV20_LOG", "a=b=c"));
    end.assert_ended(2, &["DKV20_LOG=a=b=c: "]);
}

#[test]
fn without_etcd_a_follower_ends_when_its_patience_does() {
    let arguments = ["--patience", "1", "--port", &port("rust")];
    let end = run(&mut live_at("http://127.0.0.1:1", "follow", &arguments));
    end.assert_ended(3, &["dkv20: etcd at http://127.0.0.1:1: given up after 1 s: "]);
}

#[test]
fn a_signal_before_the_log_is_open_ends_a_follower() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let running = Running::start(&mut live_at(&url, "follow", &["--port", &port("rust")]));
    let _connection = listener.accept().expect("a connection, to which nothing answers");
    running.signal(Signal::TERM);
    running.end().assert_ended(0, &["rust: ended by a signal before the first entry\n"]);
}

/// Another program than `append` has written the log: the port is not to blame.
#[test]
fn a_line_that_is_no_command_is_an_error_of_the_log() {
    for (line, shown) in [("quit", "quit"), ("# a", "# a"), ("hello\n", "")] {
        let scene = Scene::start();
        let lines = ["noop", line, "noop"].map(String::from);
        let put = |index: usize| {
            let key = format!("a/entry/{index:020}");
            scene.etcdctl(&["put", "--", &key, &lines[index - 1]]);
        };
        (1..=3).for_each(put);
        let end = scene.run("follow", &["--port", &port("rust"), "--every", "1"]);
        end.assert_ended(3, &["dkv20: log a: entry 2"]);
        if !shown.is_empty() {
            let words = format!("entry 2 is `{shown}`: an entry is `put KEY VALUE`, `del KEY` or");
            end.assert_ended(3, &[&words]);
            let checkpoints = scene.etcdctl(&["get", "--prefix", "--keys-only", "a/checkpoint/"]);
            assert!(!checkpoints.contains("02/rust"), "a failure of the program: {checkpoints}");
        }
    }
}

#[test]
fn the_summary_has_a_line_of_its_own_on_a_terminal() {
    let scene = Scene::start();
    scene.append(&puts(1));
    let rust = ["--port", &port("rust")];
    let mut running = Running::start(&mut on_terminal(&scene.live("follow", &rust)));
    // Drawings have no line end; the echo of this has.
    running.write(b"\n").expect("it reads");
    let drawn = running.stdout.next();
    // It draws every 100 ms.
    thread::sleep(Duration::from_millis(500));
    running.write(b"\x03").expect("it reads");
    let end = running.end();
    let text = drawn + &end.stdout;
    assert_eq!(end.status, Some(0), "{text:?}");
    let (before, _) = text.split_once("rust: applied 1 entry in ").expect("a summary");
    assert!(before.contains("follower rust: applied 1 of 1"), "{text:?}");
    assert!(before.ends_with("\x1b[2K"), "{text:?}");
}

#[test]
fn log_messages_have_no_colours_if_none_are_wanted() {
    let scene = Scene::start();
    scene.append(&puts(1));
    for (variable, value, has_colours) in
        [("NO_COLOR", "1", false), ("TERM", "dumb", false), ("TERM", "xterm", true)]
    {
        let arguments = ["--port", &port("rust"), "--until", "1"];
        let mut command = on_terminal(&scene.live("follow", &arguments));
        let end = run(command.env("DKV20_LOG", "debug").env(variable, value));
        end.assert_ended(0, &["DEBUG"]);
        assert_eq!(end.stdout.contains('\x1b'), has_colours, "{:?}", end.stdout);
    }
}
