//! The adapter skeletons in each language implement the counter machine: they return the answers of
//! its trace, each before the next line is sent.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long an answer may take, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

fn machines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

fn skeleton(name: &str) -> PathBuf {
    machines().join("skeletons").join(name)
}

/// The commands of the trace with their answers.
fn trace() -> Vec<(String, String)> {
    let text = fs::read_to_string(machines().join("counter/counter.trace")).unwrap();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            pairs.push((command.to_owned(), String::new()));
        } else if let Some(answer) = line.strip_prefix("< ") {
            answer.clone_into(&mut pairs.last_mut().expect("a command before").1);
        }
    }
    assert!(pairs.len() > 50, "{} commands", pairs.len());
    pairs
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It has ended by itself if the test passed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends each line of the trace after the answer to the line before.
#[track_caller]
fn assert_returns_the_trace(program: &mut Command) {
    let child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = Killed(child.unwrap_or_else(|error| panic!("{program:?}: {error}")));
    let mut input = child.0.stdin.take().unwrap();
    let output = BufReader::new(child.0.stdout.take().unwrap());
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
    for (command, expected) in trace() {
        input.write_all(format!("{command}\n").as_bytes()).unwrap();
        let answer = answers.recv_timeout(PATIENCE);
        assert_eq!(answer.as_deref(), Ok(&*expected), "{program:?}: {command}");
    }
    drop(input);
    assert!(answers.recv_timeout(PATIENCE).is_err(), "{program:?}: an answer without a command");
    assert!(child.0.wait().unwrap().success(), "{program:?}");
}

/// Compiles a skeleton into a folder. `arguments` follow the compiler.
#[track_caller]
fn compile(compiler: &str, arguments: &[&str], source: &str, folder: &Path) {
    let mut command = Command::new(compiler);
    command.current_dir(folder).args(arguments).arg(skeleton(source));
    let status = command.status().unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(status.success(), "{command:?}");
}

#[test]
fn counter_machine_itself() {
    let program = machines().join("counter/counter.py");
    assert_returns_the_trace(Command::new("python3").arg(program));
}

#[test]
fn python() {
    assert_returns_the_trace(Command::new("python3").arg(skeleton("adapter.py")));
}

#[test]
#[ignore = "needs Node.js: scripts/verify.sh machines"]
fn javascript() {
    assert_returns_the_trace(Command::new("node").arg(skeleton("adapter.mjs")));
}

#[test]
#[ignore = "needs a JDK: scripts/verify.sh machines"]
fn java() {
    let folder = tempfile::tempdir().unwrap();
    compile("javac", &["-Xlint:all,-serial", "-Werror", "-d", "."], "Adapter.java", folder.path());
    let mut program = Command::new("java");
    assert_returns_the_trace(program.arg("-cp").arg(folder.path()).arg("Adapter"));
}

#[test]
#[ignore = "needs Go: scripts/verify.sh machines"]
fn go() {
    let folder = tempfile::tempdir().unwrap();
    compile("go", &["build", "-o", "adapter"], "adapter.go", folder.path());
    assert_returns_the_trace(&mut Command::new(folder.path().join("adapter")));
}

#[test]
fn rust() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--edition", "2024", "-D", "warnings", "-o", "adapter"];
    compile("rustc", &arguments, "adapter.rs", folder.path());
    assert_returns_the_trace(&mut Command::new(folder.path().join("adapter")));
}

#[test]
#[ignore = "needs a C++ compiler: scripts/verify.sh machines"]
fn cpp() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-o", "adapter"];
    compile("c++", &arguments, "adapter.cc", folder.path());
    assert_returns_the_trace(&mut Command::new(folder.path().join("adapter")));
}
