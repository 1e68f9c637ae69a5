//! The `dkv20` program as a process: what a caller of the port protocol meets (definition,
//! section 8), and its other subcommands.

// Without the command line there is no program to run.
#![cfg(feature = "cli")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use std::{fs, iter};

/// How long an answer may take on a machine that has much else to do.
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

/// What a program has done: its exit status and all that it wrote.
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
    // A program that quits leaves the rest of its input unread: that is no fault of the writer's.
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

/// `serve` with a caller that waits for each answer.
struct Caller {
    program: Program,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Caller {
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
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("the program reads on");
    }

    fn answer(&mut self) -> String {
        self.answers.recv_timeout(DEADLINE).expect("an answer in time")
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n").as_bytes());
        self.answer()
    }

    /// Ends the input; what is still written, and the status.
    fn end(mut self) -> (Vec<String>, i32) {
        self.stdin = None;
        self.rest()
    }

    /// What is written up to the end of the output, and the status.
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
fn answers_one_command_at_a_time() {
    let mut caller = Caller::new();
    assert_eq!(caller.ask("hello"), "ok dkv20 1 rust");
    assert_eq!(caller.ask("status"), "err no-cluster");
    assert_eq!(caller.ask("new 3"), "ok");
    assert_eq!(caller.ask("put a v"), "ok committed index=1 term=1");
    assert_eq!(caller.ask("get 2 a"), "ok 0x76");
    assert_eq!(caller.ask("nonsense"), "err unknown-command");
    assert_eq!(caller.end(), (vec![], 0));
}

#[test]
fn answers_the_whole_lines_before_half_a_line() {
    let mut caller = Caller::new();
    caller.send(b"mix 0\n# a comment\n\nmi");
    assert_eq!(caller.answer(), "ok 0");
    caller.send(b"x 0");
    caller.send(b"0\nmix");
    assert_eq!(caller.answer(), "ok 0");
    assert_eq!(caller.end(), (vec!["err syntax".into()], 0));
}

#[test]
fn answers_pipelined_commands_in_their_order() {
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
fn comments_and_lines_without_tokens_get_no_answer() {
    let input = "\n   \n#\n# new 3\n  #x\n#hello\n mix  0 \n";
    assert_eq!(run(&["serve"], input), ended(0, "ok 0\n", ""));
    assert_eq!(run(&["serve"], "# nothing\n\n"), ended(0, "", ""));
    assert_eq!(run(&["serve"], ""), ended(0, "", ""));
}

#[test]
fn the_last_line_needs_no_lf() {
    assert_eq!(run(&["serve"], "mix 0\nmix 0"), ended(0, "ok 0\nok 0\n", ""));
    assert_eq!(run(&["serve"], "mix 0\n# no LF"), ended(0, "ok 0\n", ""));
}

#[test]
fn bytes_that_are_no_text_are_bytes() {
    let input = b"new 1\nput \0 \xff\xfe\nget 0 0x00\nput \xc3\x28\tx\r \r\nget 0 0xc32809780d\n\
        \xff\nmix 0\r\nmix\t0\nget 0 \0\r\n";
    let answers = "ok\nok committed index=1 term=1\nok 0xfffe\nok committed index=2 term=1\n\
        ok 0x0d\nerr unknown-command\nerr syntax\nerr unknown-command\nok none\n";
    assert_eq!(run(&["serve"], input), ended(0, answers, ""));
}

#[test]
fn a_line_of_exactly_the_limit_is_a_line() {
    let mut line = b"mix 0".to_vec();
    line.resize(LINE_LENGTH_MAX, b' ');
    assert_eq!(run(&["serve"], [&line[..], b"\nmix 0\n"].concat()), ended(0, "ok 0\nok 0\n", ""));
    assert_eq!(run(&["serve"], line.clone()), ended(0, "ok 0\n", ""), "without an LF too");
    line.push(b' ');
    assert_eq!(run(&["serve"], line), ended(0, "err line-length\n", ""));
}

#[test]
fn an_overlong_line_gets_one_answer_whatever_it_holds() {
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
fn the_longest_value_fits_in_a_line() {
    let value = "0x".to_owned() + &"aB".repeat(1_048_576);
    let answer = format!("ok\nok committed index=1 term=1\nok {}\n", value.to_lowercase());
    assert_eq!(run(&["serve"], format!("new 1\nput k {value}\nget 0 k\n")), ended(0, &answer, ""));
}

#[test]
fn quit_ends_the_program_and_nothing_comes_after_it() {
    assert_eq!(run(&["serve"], "quit\nmix 0\nnonsense\n"), ended(0, "ok\n", ""));
    // The end of input is not waited for.
    let mut caller = Caller::new();
    assert_eq!(caller.ask("quit"), "ok");
    assert_eq!(caller.rest(), (vec![], 0));
}

#[test]
fn a_quit_with_too_many_tokens_does_not_end_it() {
    assert_eq!(run(&["serve"], "quit now\nmix 0\n"), ended(0, "err syntax\nok 0\n", ""));
}

#[test]
fn a_reader_that_goes_away_is_an_error_and_no_panic() {
    let mut program = Program(start(&["serve"]));
    drop(program.0.stdout.take());
    let err = read_all(program.0.stderr.take().unwrap());
    let mut stdin = program.0.stdin.take().unwrap();
    stdin.write_all(b"mix 0\n").unwrap();
    let err = err.recv_timeout(DEADLINE).expect("it ends though its input goes on");
    assert!(err.starts_with("dkv20: standard output: "), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(program.status(), 1);
}

#[test]
fn scenario_reports_a_reader_that_went_away() {
    let mut program = Program(start(&["scenario", "A"]));
    drop(program.0.stdout.take());
    let err = read_all(program.0.stderr.take().unwrap()).recv_timeout(DEADLINE).unwrap();
    assert!(err.starts_with("dkv20: standard output: "), "{err}");
    assert_eq!((err.lines().count(), program.status()), (1, 1));
}

#[test]
fn usage_errors_have_a_status_of_their_own() {
    let usages: [&[&str]; 7] = [
        &[],
        &["nonsense"],
        &["serve", "now"],
        &["serve", "--fast"],
        &["scenario", "A", "B"],
        &["record"],
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
    let helps: [&[&str]; 4] =
        [&["--help"], &["serve", "--help"], &["scenario", "--help"], &["record", "--help"]];
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

/// Runs `record` on a file that holds `bytes`; what it did, and what the file holds then.
fn record(bytes: &[u8]) -> (Ended, Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("some.trace");
    fs::write(&file, bytes).unwrap();
    let name = file.to_str().unwrap();
    let ended = run(&["record", name], "");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    (ended, fs::read(&file).unwrap(), name.to_owned())
}

#[test]
fn record_writes_answers_and_keeps_comments() {
    let before = b"# \xff\n\n> new 1\n> mix 0\n< ok 1\n#\n> put a b\n< ok\n\n";
    let after = b"# \xff\n\n> new 1\n< ok\n> mix 0\n< ok 0\n#\n> put a b\n\
        < ok committed index=1 term=1\n\n";
    let (done, bytes, _) = record(before);
    assert_eq!(done, ended(0, "", ""));
    assert_eq!(bytes.escape_ascii().to_string(), after.escape_ascii().to_string());
    assert_eq!(record(after).1, after, "recording again changes nothing");
}

#[test]
fn record_leaves_a_malformed_file_as_it_was() {
    for (before, place) in [
        (b"> mix 0\n< ok 9\nnonsense\n".as_slice(), "line 3, column 1: "),
        (b"> mix 0\n>mix 0\n", "line 2, column 2: "),
        (b"> hello\n", "line 1, column 3: "),
        (b"> mix 0", "line 1, column 8: "),
    ] {
        let (Ended { status, out, err }, bytes, name) = record(before);
        assert_eq!((status, out.as_str(), bytes.as_slice()), (3, "", before));
        assert!(err.starts_with(&format!("dkv20: {name}: {place}")), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn record_names_a_file_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing.trace");
    let Ended { status, out, err } = run(&["record", file.to_str().unwrap()], "");
    assert_eq!((status, out.as_str()), (3, ""));
    assert!(err.starts_with(&format!("dkv20: {}: ", file.display())), "{err}");
    assert!(!file.exists());
}

#[test]
fn record_does_not_touch_a_file_that_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let [right, wrong] = ["right", "wrong"].map(|name| folder.path().join(name));
    fs::write(&right, "> mix 0\n< ok 0\n").unwrap();
    fs::write(&wrong, "> mix 0\n").unwrap();
    // A file that is not writable is rewritten by putting another in its place: the time tells.
    let modified = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    for file in [&right, &wrong] {
        fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    let names = [&right, &wrong].map(|file| file.to_str().unwrap());
    assert_eq!(run(&["record", names[0], names[1]], ""), ended(0, "", ""));
    assert_eq!(modified(&right), long_ago);
    assert_ne!(modified(&wrong), long_ago);
    assert_eq!(fs::read(&wrong).unwrap(), b"> mix 0\n< ok 0\n");
}

// Linux alone tells a process's greatest size in /proc.
#[cfg(target_os = "linux")]
#[test]
fn an_overlong_line_is_not_held_in_memory() {
    const LINE_SIZE: usize = 100_000_000;
    const PEAK_KIB_MAX: u64 = 32 * 1_024;

    let mut caller = Caller::new();
    let chunk = vec![b'x'; LINE_SIZE / 1_000];
    for _ in 0..1_000 {
        caller.send(&chunk);
    }
    caller.send(b"\n");
    assert_eq!(caller.answer(), "err line-length");
    let status = fs::read_to_string(format!("/proc/{}/status", caller.program.0.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak <= PEAK_KIB_MAX, "{peak} KiB");
    assert_eq!(caller.end(), (vec![], 0));
}
