//! The `dkv20` program as a process: `serve`, as a client of the port protocol sees it (definition,
//! section 8), and `scenario`.
#![cfg(feature = "cli")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use std::{fs, iter};

/// The time limit of an answer, for a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const LINE_LENGTH_MAX: usize = 4_194_304;

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dkv20"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// The exit status of a program and everything that it wrote.
#[derive(Debug, PartialEq)]
struct Ended {
    status: i32,
    out: String,
    err: String,
}

fn ended(status: i32, out: &str, err: &str) -> Ended {
    Ended { status, out: out.into(), err: err.into() }
}

/// Runs the program over an input and waits for its end.
fn run(arguments: &[&str], input: impl Into<Vec<u8>>) -> Ended {
    let mut program = Program(start(arguments));
    let mut stdin = program.0.stdin.take().unwrap();
    let input = input.into();
    // A program that quits leaves the rest of its input unread, so a failing write is ignored.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let out = read_all(program.0.stdout.take().unwrap());
    let err = read_all(program.0.stderr.take().unwrap());
    let out = out.recv_timeout(DEADLINE).expect("standard output ends in time");
    let err = err.recv_timeout(DEADLINE).expect("standard error ends in time");
    writer.join().unwrap();
    Ended { status: program.status(), out, err }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("the program writes text");
        // Nobody waits for it any more where the deadline has passed.
        let _ = sender.send(text);
    });
    receiver
}

/// A process that does not outlive its test.
struct Program(Child);

impl Program {
    fn status(&mut self) -> i32 {
        self.0.wait().unwrap().code().expect("it exits and is not killed")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `serve` with a client that waits for each answer.
struct Client {
    program: Program,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Client {
    fn new() -> Self {
        let mut child = start(&["serve"]);
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, answers) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines();
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { program: Program(child), stdin, answers }
    }

    fn send(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("the program reads its input");
    }

    fn answer(&mut self) -> String {
        self.answers.recv_timeout(DEADLINE).expect("an answer in time")
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n").as_bytes());
        self.answer()
    }

    /// Ends the input. Returns the remaining answers and the exit status.
    fn end(mut self) -> (Vec<String>, i32) {
        self.stdin = None;
        self.rest()
    }

    /// Returns the answers up to the end of the output, and the exit status.
    fn rest(&mut self) -> (Vec<String>, i32) {
        let next = || match self.answers.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the output ends in time"),
        };
        (iter::from_fn(next).collect(), self.program.status())
    }
}

#[test]
fn serve_answers_one_command_at_a_time() {
    let mut client = Client::new();
    assert_eq!(client.ask("hello"), "ok dkv20 1 rust");
    assert_eq!(client.ask("status"), "err no-cluster");
    assert_eq!(client.ask("new 3"), "ok");
    assert_eq!(client.ask("put a v"), "ok committed index=1 term=1");
    assert_eq!(client.ask("get 2 a"), "ok 0x76");
    assert_eq!(client.ask("nonsense"), "err unknown-command");
    assert_eq!(client.end(), (vec![], 0));
}

#[test]
fn serve_answers_whole_lines_before_a_half() {
    let mut client = Client::new();
    client.send(b"mix 0\n# a comment\n\nmi");
    assert_eq!(client.answer(), "ok 0");
    client.send(b"x 0");
    client.send(b"0\nmix");
    assert_eq!(client.answer(), "ok 0");
    assert_eq!(client.end(), (vec!["err syntax".into()], 0));
}

#[test]
fn serve_answers_pipelined_commands_in_order() {
    let (mut input, mut answers) = ("new 3\n".to_owned(), "ok\n".to_owned());
    for index in 1..=20_000 {
        input.extend(["put k v", &index.to_string(), "\n"]);
        answers.extend(["ok committed index=", &index.to_string(), " term=1\n"]);
    }
    input += "get 0 k\n";
    answers += "ok 0x763230303030\n";
    assert_eq!(run(&["serve"], input), ended(0, &answers, ""));
}

#[test]
fn comments_and_blank_lines_get_no_answer() {
    let input = "\n   \n#\n# new 3\n  #x\n#hello\n mix  0 \n";
    assert_eq!(run(&["serve"], input), ended(0, "ok 0\n", ""));
    assert_eq!(run(&["serve"], "# nothing\n\n"), ended(0, "", ""));
    assert_eq!(run(&["serve"], ""), ended(0, "", ""));
}

#[test]
fn last_line_needs_no_lf() {
    assert_eq!(run(&["serve"], "mix 0\nmix 0"), ended(0, "ok 0\nok 0\n", ""));
    assert_eq!(run(&["serve"], "mix 0\n# no LF"), ended(0, "ok 0\n", ""));
}

#[test]
fn lines_may_be_any_bytes() {
    let input = b"new 1\nput \0 \xff\xfe\nget 0 0x00\nput \xc3\x28\tx\r \r\nget 0 0xc32809780d\n\
        \xff\nmix 0\r\nmix\t0\nget 0 \0\r\n";
    let answers = "ok\nok committed index=1 term=1\nok 0xfffe\nok committed index=2 term=1\n\
        ok 0x0d\nerr unknown-command\nerr syntax\nerr unknown-command\nok none\n";
    assert_eq!(run(&["serve"], input), ended(0, answers, ""));
}

#[test]
fn line_of_the_greatest_length_is_run() {
    let mut line = b"mix 0".to_vec();
    line.resize(LINE_LENGTH_MAX, b' ');
    assert_eq!(run(&["serve"], [&line[..], b"\nmix 0\n"].concat()), ended(0, "ok 0\nok 0\n", ""));
    assert_eq!(run(&["serve"], line.clone()), ended(0, "ok 0\n", ""), "without an LF too");
    line.push(b' ');
    assert_eq!(run(&["serve"], line), ended(0, "err line-length\n", ""));
}

#[test]
fn overlong_line_gets_one_answer() {
    let lines = [
        vec![b'x'; LINE_LENGTH_MAX + 1],
        vec![b'x'; 10_000_000],
        [b"# ".as_slice(), &vec![b'x'; LINE_LENGTH_MAX]].concat(),
        vec![b' '; LINE_LENGTH_MAX + 1],
        [b"mix 0 ".as_slice(), &vec![b' '; 2 * LINE_LENGTH_MAX]].concat(),
    ];
    for line in lines {
        let input = [b"mix 0\n", &line[..], b"\nmix 0\n"].concat();
        assert_eq!(run(&["serve"], input), ended(0, "ok 0\nerr line-length\nok 0\n", ""));
    }
}

#[test]
fn longest_value_fits_in_a_line() {
    let value = "0x".to_owned() + &"aB".repeat(1_048_576);
    let answer = format!("ok\nok committed index=1 term=1\nok {}\n", value.to_lowercase());
    assert_eq!(run(&["serve"], format!("new 1\nput k {value}\nget 0 k\n")), ended(0, &answer, ""));
}

#[test]
fn quit_ends_the_program() {
    assert_eq!(run(&["serve"], "quit\nmix 0\nnonsense\n"), ended(0, "ok\n", ""));
    // It does not wait for the end of the input.
    let mut client = Client::new();
    assert_eq!(client.ask("quit"), "ok");
    assert_eq!(client.rest(), (vec![], 0));
}

#[test]
fn quit_with_an_argument_is_a_syntax_error() {
    assert_eq!(run(&["serve"], "quit now\nmix 0\n"), ended(0, "err syntax\nok 0\n", ""));
}

#[test]
fn closed_output_of_serve_is_an_error() {
    let mut program = Program(start(&["serve"]));
    drop(program.0.stdout.take());
    let err = read_all(program.0.stderr.take().unwrap());
    let mut stdin = program.0.stdin.take().unwrap();
    stdin.write_all(b"mix 0\n").unwrap();
    let err = err.recv_timeout(DEADLINE).expect("it ends before its input does");
    assert!(err.starts_with("dkv20: standard output: "), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(program.status(), 1);
}

#[test]
fn closed_output_of_scenario_is_an_error() {
    let mut program = Program(start(&["scenario", "A"]));
    drop(program.0.stdout.take());
    let err = read_all(program.0.stderr.take().unwrap()).recv_timeout(DEADLINE).unwrap();
    assert!(err.starts_with("dkv20: standard output: "), "{err}");
    assert_eq!((err.lines().count(), program.status()), (1, 1));
}

#[test]
fn usage_errors_have_status_2() {
    let usages: [&[&str]; 6] = [
        &[],
        &["nonsense"],
        &["serve", "now"],
        &["serve", "--fast"],
        &["scenario", "A", "B"],
        &["--nonsense"],
    ];
    for arguments in usages {
        let Ended { status, out, err } = run(arguments, "mix 0\n");
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_printed() {
    assert_eq!(run(&["--version"], ""), ended(0, "dkv20 0.1.0\n", ""));
    let helps: [&[&str]; 3] = [&["--help"], &["serve", "--help"], &["scenario", "--help"]];
    for arguments in helps {
        let Ended { status, out, err } = run(arguments, "");
        assert_eq!((status, err.as_str()), (0, ""), "{arguments:?}");
        assert!(out.contains("Usage: dkv20"), "{arguments:?}: {out}");
    }
}

#[test]
fn scenario_prints_hashes() {
    let a = "A e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a\n";
    let b = "B 04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681\n";
    assert_eq!(run(&["scenario"], ""), ended(0, &format!("{a}{b}"), ""));
    assert_eq!(run(&["scenario", "A"], ""), ended(0, a, ""));
    assert_eq!(run(&["scenario", "B"], ""), ended(0, b, ""));
    for name in ["X", "a", "", "AB"] {
        assert_eq!(run(&["scenario", name], ""), ended(1, "", "err unknown-scenario\n"));
    }
}

// Only Linux has a process's peak memory in /proc.
#[cfg(target_os = "linux")]
#[test]
fn overlong_line_is_not_held_in_memory() {
    const LINE_SIZE: usize = 100_000_000;
    const PEAK_KIB_MAX: u64 = 32 * 1_024;

    let mut client = Client::new();
    let chunk = vec![b'x'; LINE_SIZE / 1_000];
    for _ in 0..1_000 {
        client.send(&chunk);
    }
    client.send(b"\n");
    assert_eq!(client.answer(), "err line-length");
    let status = fs::read_to_string(format!("/proc/{}/status", client.program.0.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak <= PEAK_KIB_MAX, "{peak} KiB");
    assert_eq!(client.end(), (vec![], 0));
}
