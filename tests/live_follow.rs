//! `live follow` with a real server: its last line, its messages and its exit status.
//!
//! Each test has an etcd of its own.

#![cfg(all(unix, feature = "live"))]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use dkv20_exam::Interrupt;
use dkv20_live::{Access, Connection, Servers, Writer};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
/// How long anything may take on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(60);

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

/// An etcd, and a folder for its files.
struct Scene {
    servers: Servers,
    folder: TempDir,
    runtime: Runtime,
}

impl Scene {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = Runtime::new().expect("a runtime");
        let started = Servers::start(1, folder.path(), &[], Interrupt::default());
        let servers = runtime.block_on(started).unwrap_or_else(|error| {
            panic!("{error}: `bash scripts/setup.sh live` installs etcd");
        });
        Self { servers, folder, runtime }
    }

    /// Returns a command `dkv20 live follow` on the log `a`.
    fn follow(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["live", "follow", "--etcd", self.servers.endpoint(0), "--log", "a"]);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.follow(arguments).output().expect("the program starts")
    }

    fn append(&self, lines: &[String]) {
        let lines: Vec<_> = lines.iter().map(|line| line.clone().into_bytes()).collect();
        self.runtime.block_on(async {
            let access = Access::new(self.servers.endpoints(), Interrupt::default());
            let log = "a".parse().expect("a name");
            let writer = Writer::open(Connection::new(access), log, None, false).await;
            let mut writer = writer.expect("the writer opens");
            writer.append(&lines).await.expect("the lines are appended");
            writer.close().await;
        });
    }
}

fn puts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("put k{} v{number}", number % 100)).collect()
}

/// A follower that runs, and the lines of its standard error.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().try_into().expect("an id")).expect("not 0");
        kill_process(id, signal).expect("it takes signals");
    }

    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(TIME_MAX).expect("a line on standard error")
    }

    /// Asks for metrics until they have the words.
    #[track_caller]
    fn await_metrics(&self, words: &str) {
        loop {
            self.signal(Signal::USR1);
            let line = self.line();
            if line.contains(words) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it with a signal, and returns its standard output.
    fn end(mut self, signal: Signal) -> String {
        self.signal(signal);
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0));
        let mut said = String::new();
        self.child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn assert_ended(output: &Output, status: i32, words: &[&str]) {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let said = said.concat();
    assert_eq!(output.status.code(), Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

fn rust() -> String {
    format!("rust={}", shell_words::join([PROGRAM, "serve"]))
}

fn mode(mode: &str) -> String {
    let script = format!("MODE={mode}\n{PROGRAM_OF_MODES}");
    format!("modes={}", shell_words::join(["/bin/sh", "-c", &script]))
}

#[test]
fn a_follower_ends_at_an_index_with_a_summary() {
    let scene = Scene::start();
    scene.append(&puts(2_500));
    let rust = rust();
    for _ in 0..2 {
        let output = scene.output(&["--port", &rust, "--until", "2100"]);
        let recovered = "recovered from 0 gaps, 0 cancelled watches, 0 compactions, 0 silences, 0 lost \
                         connections\n";
        assert_ended(
            &output,
            0,
            &["rust: applied 2100 entries in ", "/s), 2 checkpoints, last at 2000; ", recovered],
        );
        assert!(output.stderr.is_empty());
    }
    let every = ["--port", &rust, "--every", "7"];
    assert_ended(&scene.output(&every), 2, &["--every 7: the log has checkpoints every 1000"]);
}

#[test]
fn a_follower_waits_for_entries_and_ends_by_a_signal() {
    let rust = rust();
    for signal in [Signal::INT, Signal::TERM] {
        let scene = Scene::start();
        let running = Running::start(scene.follow(&["--port", &rust, "--every", "10"]));
        let line = running.line();
        assert_eq!(line, "dkv20: follower rust: log a has no entries yet: waiting");
        scene.append(&puts(25));
        running.await_metrics("last checkpoint 20");
        running.await_metrics("follower rust: applied 25 of 25 (lag 0), ");
        let said = running.end(signal);
        assert!(said.starts_with("rust: applied 25 entries in "), "{said}");
        assert!(said.contains("/s), 2 checkpoints, last at 20; "), "{said}");
    }
}

#[test]
fn another_program_of_the_same_name_is_found_out() {
    let scene = Scene::start();
    scene.append(&puts(1_000));
    let until = ["--until", "1000"];
    let with =
        |mode: &str, more: &[&str]| scene.output(&[&["--port", mode], &until[..], more].concat());
    assert_ended(&with(&mode("one"), &[]), 0, &["1 checkpoint at 1000"]);
    let words = [
        "dkv20: log a: follower modes published other answers at index 1000 before",
        "--anew deletes its checkpoints and begins again",
    ];
    assert_ended(&with(&mode("two"), &[]), 3, &words);
    assert_ended(&with(&mode("two"), &["--anew"]), 0, &["1 checkpoint at 1000"]);
    assert_ended(&with(&mode("two"), &[]), 0, &["1 checkpoint at 1000"]);
}

#[test]
fn a_failed_program_ends_the_follower() {
    let scene = Scene::start();
    scene.append(&[puts(41), vec!["del crash".into()], puts(10)].concat());
    let output = scene.output(&["--port", &mode("one")]);
    let words = [
        "dkv20: program modes failed at entry 42: `del crash`: the program exited (exit status: 7); \
         the end of its standard error:\n  no more of it\n",
    ];
    assert_ended(&output, 1, &words);
    let output = scene.output(&["--port", &mode("wrong-start")]);
    let words =
        ["program modes: the answer to the start line `new 1` is an error: `err wrong-size`"];
    assert_ended(&output, 1, &words);
    let words = ["program a: the answer `` to `hello` is no greeting: `ok dkv20 1 NAME`"];
    assert_ended(
        &scene.output(&["--port", r"a=sh -c 'while read -r a; do echo; done'"]),
        1,
        &words,
    );
    let words = ["program a failed at the start: `hello`: the program exited (exit status: 4)"];
    assert_ended(&scene.output(&["--port", "a=sh -c 'exit 4'"]), 1, &words);
}

#[test]
fn wrong_use_is_explained() {
    let scene = Scene::start();
    scene.append(&puts(1));
    let rust = rust();
    let counter = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machines/counter/counter.toml");
    // The first follower writes the settings.
    assert_ended(&scene.output(&["--port", &rust, "--until", "1"]), 0, &["no checkpoint"]);
    let cases: [(&[&str], i32, &str); 5] = [
        (&[], 2, "name the program: --port NAME=COMMAND"),
        (&["--port", "rust"], 2, "--port rust: expected NAME=COMMAND"),
        (&["--port", "ä=true"], 2, "a name has 1 to 200 letters, digits and . _ -"),
        (&["--port", "a=/no/such/program"], 3, "port a: /no/such/program: "),
        (&["--port", &rust, "--machine", counter], 3, "it is a log of dkv20, not of counter"),
    ];
    for (arguments, status, words) in cases {
        assert_ended(&scene.output(arguments), status, &[words]);
    }
    let mut command = scene.follow(&["--port", &rust]);
    let output = command.env("DKV20_LOG", "a=b=c").output().expect("the program starts");
    assert_ended(&output, 2, &["DKV20_LOG=a=b=c: "]);
}

#[test]
fn without_etcd_a_follower_ends_when_its_patience_does() {
    let mut command = Command::new(PROGRAM);
    command.args([
        "live",
        "follow",
        "--etcd",
        "http://127.0.0.1:1",
        "--log",
        "a",
        "--patience",
        "1",
    ]);
    let output = command.args(["--port", &rust()]).output().expect("the program starts");
    assert_ended(&output, 3, &["dkv20: etcd at http://127.0.0.1:1: given up after 1 s: "]);
}
