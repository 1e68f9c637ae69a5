//! Hostile input at size: whatever a caller of `serve` sends, or fails to read, the program's memory
//! stays bounded, it ends cleanly, and no answer is half written.
//!
//! The Rust program is tested, and with `DKV20_PORTS=all` in the environment the Go and the C++ one
//! too, which must then be at `target/ports/go` and `target/ports/cpp` (`bash scripts/build.sh`).
//! Linux alone tells a process's greatest size in `/proc`.

#![cfg(all(feature = "cli", target_os = "linux"))]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take on a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(300);
/// What a program may ever hold. Each test sends or provokes several times as much.
const PEAK_KIB_MAX: u64 = 32 * 1_024;

/// The programs to test.
fn ports() -> &'static [PathBuf] {
    static PORTS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PORTS.get_or_init(|| {
        let mut ports = vec![PathBuf::from(env!("CARGO_BIN_EXE_dkv20"))];
        match env::var("DKV20_PORTS").as_deref() {
            Ok("all") => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ports");
                ports.extend(["go", "cpp"].map(|port| folder.join(port)));
            }
            Ok(other) => panic!("DKV20_PORTS is {other:?} and not \"all\""),
            Err(_) => {}
        }
        for port in &ports {
            assert!(port.exists(), "{} is missing: bash scripts/build.sh", port.display());
        }
        ports
    })
}

/// A `serve` that does not outlive its test.
struct Port {
    child: Child,
    stderr: mpsc::Receiver<String>,
    name: String,
}

/// How a program ended, and what it wrote on standard error.
#[derive(Debug)]
struct End {
    status: ExitStatus,
    err: String,
}

impl Port {
    fn start(program: &Path) -> (Self, ChildStdin, BufReader<ChildStdout>) {
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut pipe = child.stderr.take().unwrap();
        let (sender, stderr) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("the program's errors are text");
            // Nobody waits for it any more where the test has failed.
            let _ = sender.send(text);
        });
        let name = program.display().to_string();
        (Self { child, stderr, name }, stdin, BufReader::new(stdout))
    }

    /// The greatest size that it has had so far, in KiB.
    fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.expect("it has not ended").trim().trim_end_matches(" kB");
        peak.parse().unwrap()
    }

    fn assert_bounded(&self, what: &str) {
        let peak = self.peak_kib();
        println!("{}: {what}: {peak} KiB at most", self.name);
        assert!(peak <= PEAK_KIB_MAX, "{}: {what}: {peak} KiB", self.name);
    }

    /// Whether no thread of it runs or is ready to run.
    fn is_waiting(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        // A thread may end between the listing and the look at it.
        let stats =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
        stats
            .map(|stat| stat.rsplit(") ").next().unwrap_or_default().to_owned())
            .all(|state| state.starts_with('S'))
    }

    fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it has not ended");
    }

    fn end(&mut self) -> End {
        let err = self.stderr.recv_timeout(DEADLINE);
        let err = err.unwrap_or_else(|_| panic!("{} does not end", self.name));
        End { status: self.child.wait().unwrap(), err }
    }

    fn assert_ends_well(mut self) {
        let end = self.end();
        assert!(end.status.success() && end.err.is_empty(), "{}: {end:?}", self.name);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds` has answered yes so many times one after the other.
fn wait_until(what: &str, times: usize, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut held = 0;
    while held < times {
        assert!(start.elapsed() < DEADLINE, "{what}: not in time");
        held = if holds() { held + 1 } else { 0 };
        thread::sleep(Duration::from_millis(5));
    }
}

/// The next answer; where the output ends or is cut in an answer, that is a failure.
fn answer(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("an answer is text");
    assert!(line.ends_with('\n'), "the output is cut after {line:?}");
    line.pop();
    line
}

fn ask(stdin: &mut ChildStdin, stdout: &mut impl BufRead, line: &str) -> String {
    stdin.write_all(format!("{line}\n").as_bytes()).expect("the program reads on");
    answer(stdout)
}

/// What is left of the output up to its end.
fn rest(stdout: &mut impl Read) -> String {
    let mut text = String::new();
    stdout.read_to_string(&mut text).expect("answers are text");
    text
}

#[test]
fn a_line_of_100_mb_is_not_held() {
    let chunk = vec![b'x'; 1_000_000];
    for program in ports() {
        let (port, mut stdin, mut stdout) = Port::start(program);
        for start in ["", "put a ", "# ", "load 0x"] {
            stdin.write_all(start.as_bytes()).unwrap();
            for _ in 0..100 {
                stdin.write_all(&chunk).unwrap();
            }
            assert_eq!(ask(&mut stdin, &mut stdout, ""), "err line-length");
            port.assert_bounded("a line of 100 MB");
            assert_eq!(ask(&mut stdin, &mut stdout, "mix 0"), "ok 0");
        }
        // The last line, which no LF ends.
        for _ in 0..100 {
            stdin.write_all(&chunk).unwrap();
        }
        drop(stdin);
        assert_eq!(rest(&mut stdout), "err line-length\n");
        port.assert_ends_well();
    }
}

#[test]
fn a_count_that_lies_allocates_nothing() {
    const HEAD: &str = "load 0x444b565301000000";
    const MAX: &str = "ffffffffffffffff";
    const ONE: &str = "0100000000000000";
    const TWO_TO_THE_63: &str = "0000000000000080";
    let key = "0100000061";
    for program in ports() {
        let (port, mut stdin, mut stdout) = Port::start(program);
        let mut load =
            |fields: &[&str]| ask(&mut stdin, &mut stdout, &format!("{HEAD}{}", fields.concat()));
        assert_eq!(load(&[MAX, ONE, TWO_TO_THE_63]), "err truncated offset=32");
        assert_eq!(load(&[MAX, MAX, MAX]), "err truncated offset=32");
        assert_eq!(load(&[ONE, ONE, TWO_TO_THE_63]), "err bad-count offset=24");
        assert_eq!(load(&[MAX, ONE, TWO_TO_THE_63, key, "00000000"]), "err truncated offset=41");
        // Lengths that are within the limits, and those that are not.
        assert_eq!(load(&[MAX, ONE, MAX, "00100000"]), "err truncated offset=36");
        assert_eq!(load(&[MAX, ONE, MAX, "ffffffff"]), "err key-length offset=32");
        assert_eq!(load(&[MAX, ONE, MAX, key, "00001000"]), "err truncated offset=41");
        assert_eq!(load(&[MAX, ONE, MAX, key, "ffffffff"]), "err value-length offset=37");
        port.assert_bounded("a count of 2^63");
        drop(stdin);
        port.assert_ends_well();
    }
}

#[test]
fn a_thousand_sessions_leave_nothing_behind() {
    // 64 KiB in each; kept, they would be more than is allowed twice over.
    let value = "v".repeat(64 * 1_024);
    let session = format!(
        "new 5\nworkload 20 100 50\npartition 0\nput big {value}\nat 0 put stale 1\nat 0 noop\n\
         heal\ncompact 1 2\ndel big\nput big {value}\nnoop\nhash 0\nlog 4\n"
    );
    for program in ports() {
        let (port, mut stdin, mut stdout) = Port::start(program);
        let mut first = None;
        for _ in 0..1_000 {
            stdin.write_all(session.as_bytes()).unwrap();
            let answers: Vec<_> = (0..13).map(|_| answer(&mut stdout)).collect();
            assert!(answers.iter().all(|answer| answer.starts_with("ok")), "{answers:?}");
            assert_eq!(&answers, first.get_or_insert_with(|| answers.clone()));
        }
        port.assert_bounded("a thousand sessions");
        drop(stdin);
        assert_eq!(rest(&mut stdout), "");
        port.assert_ends_well();
    }
}

/// Bytes of the value that the answers below consist of, twice that in hex.
const VALUE_SIZE: usize = 64 * 1_024;
/// How many such answers are asked for: more bytes than a program may hold.
const ASKED: usize = 1_000;

/// A cluster whose key `k` has a long value.
fn with_long_value(program: &Path) -> (Port, ChildStdin, BufReader<ChildStdout>) {
    let (port, mut stdin, mut stdout) = Port::start(program);
    assert_eq!(ask(&mut stdin, &mut stdout, "new 1"), "ok");
    let put = format!("put k {}", "v".repeat(VALUE_SIZE));
    assert_eq!(ask(&mut stdin, &mut stdout, &put), "ok committed index=1 term=1");
    (port, stdin, stdout)
}

fn long_answer() -> String {
    format!("ok 0x{}", "76".repeat(VALUE_SIZE))
}

/// Commands with long answers, and between them comments that are longer than any pipe.
fn commands_with_long_answers() -> Vec<u8> {
    format!("get 0 k\n# {}\n", "c".repeat(1_024)).repeat(ASKED).into_bytes()
}

/// Sends commands until somebody takes no more; counts the bytes that were taken.
fn send_on(mut stdin: ChildStdin, bytes: Vec<u8>) -> (Arc<AtomicUsize>, thread::JoinHandle<()>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let sender = thread::spawn(move || {
        for chunk in bytes.chunks(512) {
            // A program that has ended takes nothing.
            if stdin.write_all(chunk).is_err() {
                return;
            }
            count.fetch_add(chunk.len(), Ordering::SeqCst);
        }
    });
    (taken, sender)
}

/// Waits until the program waits for its reader.
fn wait_until_stuck(port: &Port, taken: &AtomicUsize) {
    let mut before = 0;
    wait_until("the program stops reading", 20, || {
        let now = taken.load(Ordering::SeqCst);
        let is_same = now == before && now > 0;
        before = now;
        is_same && port.is_waiting()
    });
}

#[test]
fn a_reader_that_never_reads_stops_the_program_from_reading() {
    for program in ports() {
        let (port, stdin, mut stdout) = with_long_value(program);
        let commands = commands_with_long_answers();
        let size = commands.len();
        let (taken, sender) = send_on(stdin, commands);
        wait_until_stuck(&port, &taken);
        let stuck_at = taken.load(Ordering::SeqCst);
        assert!(stuck_at < size / 2, "{}: {stuck_at} of {size} bytes were read", port.name);
        port.assert_bounded("a reader that never reads");

        // It reads after all, and gets every answer whole.
        let expected = long_answer();
        for _ in 0..ASKED {
            assert!(answer(&mut stdout) == expected, "{}: another answer", port.name);
        }
        sender.join().unwrap();
        assert_eq!(rest(&mut stdout), "");
        assert_eq!(taken.load(Ordering::SeqCst), size);
        port.assert_ends_well();
    }
}

/// A program of whose long answers three were read and no more, so that it waits; and who sends to
/// it.
fn stuck_after_three_answers(
    program: &Path,
) -> (Port, BufReader<ChildStdout>, thread::JoinHandle<()>) {
    let (port, stdin, mut stdout) = with_long_value(program);
    let (taken, sender) = send_on(stdin, commands_with_long_answers());
    let expected = long_answer();
    for _ in 0..3 {
        assert!(answer(&mut stdout) == expected, "{}: another answer", port.name);
    }
    wait_until_stuck(&port, &taken);
    (port, stdout, sender)
}

#[test]
fn a_reader_that_goes_away_ends_the_program() {
    for program in ports() {
        let (mut port, stdout, sender) = stuck_after_three_answers(program);
        port.assert_bounded("a reader that goes away");
        drop(stdout);
        let end = port.end();
        assert_eq!(end.status.code(), Some(1), "{}: {end:?}", port.name);
        assert_eq!(end.err.lines().count(), 1, "{}: {end:?}", port.name);
        assert!(end.err.contains("standard output"), "{}: {end:?}", port.name);
        sender.join().unwrap();
    }
}

fn assert_ended_by_sigterm(port: &mut Port) {
    let end = port.end();
    assert_eq!(end.status.signal(), Some(Signal::TERM.as_raw()), "{}: {end:?}", port.name);
    assert_eq!(end.err, "", "{}", port.name);
}

#[test]
fn sigterm_ends_a_program_that_waits_for_input() {
    for program in ports() {
        let (mut port, mut stdin, mut stdout) = with_long_value(program);
        assert_eq!(ask(&mut stdin, &mut stdout, "noop"), "ok committed index=2 term=1");
        stdin.write_all(b"no").unwrap();
        port.terminate();
        assert_ended_by_sigterm(&mut port);
        assert_eq!(rest(&mut stdout), "", "{}: half a line is no command", port.name);
    }
}

#[test]
fn sigterm_ends_a_program_that_is_at_work() {
    for program in ports() {
        let (mut port, mut stdin, mut stdout) = with_long_value(program);
        stdin.write_all(b"mix 0\n").unwrap();
        assert_eq!(answer(&mut stdout), "ok 0");
        // Hours of work.
        stdin.write_all("chaos 1 10000000\n".repeat(100).as_bytes()).unwrap();
        wait_until("the program works", 3, || !port.is_waiting());
        port.terminate();
        assert_ended_by_sigterm(&mut port);
        assert_eq!(rest(&mut stdout), "", "{}: nothing has been answered", port.name);
    }
}

/// What a pipe takes of an answer before its reader stops is the caller's; all before it is whole,
/// and what is cut is the beginning of the answer, with no LF that would make it look whole.
#[test]
fn sigterm_ends_a_program_that_waits_for_its_reader() {
    for program in ports() {
        let (mut port, mut stdout, sender) = stuck_after_three_answers(program);
        port.terminate();
        assert_ended_by_sigterm(&mut port);
        let expected = long_answer();
        let text = rest(&mut stdout);
        let mut lines = text.split('\n').rev();
        let cut = lines.next().unwrap_or_default();
        assert!(expected.starts_with(cut), "{}: it is cut after {cut:?}", port.name);
        assert!(lines.all(|line| line == expected), "{}: another answer", port.name);
        sender.join().unwrap();
    }
}
