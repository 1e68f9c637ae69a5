//! Oversized hostile input to `serve`, and readers that do not read: memory stays bounded, the
//! program exits cleanly, and no answer is cut.
//!
//! Tests the Rust program and, with `DKV20_PORTS=all`, the Go and the C++ program at
//! `target/ports/go` and `target/ports/cpp` (`bash scripts/build.sh`). Needs Linux, whose `/proc`
//! has the peak memory of a process.

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

/// The time limit of each wait, long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);
/// The limit for a program's memory. Each test sends or requests several times as much.
const PEAK_KIB_MAX: u64 = 32 * 1_024;

/// Returns the programs to test.
fn ports() -> &'static [PathBuf] {
    static PORTS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PORTS.get_or_init(|| {
        let mut ports = vec![PathBuf::from(env!("CARGO_BIN_EXE_dkv20"))];
        match env::var("DKV20_PORTS").as_deref() {
            Ok("all") => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ports");
                ports.extend(["go", "cpp"].map(|port| folder.join(port)));
            }
            Ok(other) => panic!("DKV20_PORTS is {other:?}, expected \"all\""),
            Err(_) => {}
        }
        for port in &ports {
            assert!(port.exists(), "{} is missing: bash scripts/build.sh", port.display());
        }
        ports
    })
}

/// A `serve` process, killed at the end of its test.
struct Port {
    child: Child,
    stderr: mpsc::Receiver<String>,
    name: String,
}

/// A program's exit status and standard error.
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
            pipe.read_to_string(&mut text).expect("standard error is UTF-8");
            // There is no receiver if the test has failed.
            let _ = sender.send(text);
        });
        let name = program.display().to_string();
        (Self { child, stderr, name }, stdin, BufReader::new(stdout))
    }

    /// Returns its peak memory so far, in KiB.
    fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.expect("it has not exited").trim().trim_end_matches(" kB");
        peak.parse().unwrap()
    }

    fn assert_bounded(&self, what: &str) {
        let peak = self.peak_kib();
        println!("{}: {what}: peak memory {peak} KiB", self.name);
        assert!(peak <= PEAK_KIB_MAX, "{}: {what}: {peak} KiB", self.name);
    }

    /// Reports whether none of its threads runs or is ready to run.
    fn is_waiting(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        // A thread may exit after it was listed.
        let stats =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
        stats
            .map(|stat| stat.rsplit(") ").next().unwrap_or_default().to_owned())
            .all(|state| state.starts_with('S'))
    }

    fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it has not exited");
    }

    fn end(&mut self) -> End {
        let err = self.stderr.recv_timeout(DEADLINE);
        let err = err.unwrap_or_else(|_| panic!("{} does not exit", self.name));
        End { status: self.child.wait().unwrap(), err }
    }

    fn assert_exits_cleanly(mut self) {
        let end = self.end();
        assert!(end.status.success() && end.err.is_empty(), "{}: {end:?}", self.name);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // It may have exited by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds` has returned true this many times in a row.
fn wait_until(what: &str, times: usize, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut held = 0;
    while held < times {
        assert!(start.elapsed() < DEADLINE, "{what}: not in time");
        held = if holds() { held + 1 } else { 0 };
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the next answer. Fails at the end of the output and at a line without LF.
fn answer(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("an answer is UTF-8");
    assert!(line.ends_with('\n'), "the output is cut after {line:?}");
    line.pop();
    line
}

fn ask(stdin: &mut ChildStdin, stdout: &mut impl BufRead, line: &str) -> String {
    stdin.write_all(format!("{line}\n").as_bytes()).expect("the program reads on");
    answer(stdout)
}

/// Returns the rest of the output.
fn rest(stdout: &mut impl Read) -> String {
    let mut text = String::new();
    stdout.read_to_string(&mut text).expect("answers are UTF-8");
    text
}

#[test]
fn a_line_of_100_mb_is_not_kept() {
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
        // A last line without LF.
        for _ in 0..100 {
            stdin.write_all(&chunk).unwrap();
        }
        drop(stdin);
        assert_eq!(rest(&mut stdout), "err line-length\n");
        port.assert_exits_cleanly();
    }
}

#[test]
fn a_false_count_allocates_nothing() {
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
        // Lengths within the limits, and beyond them.
        assert_eq!(load(&[MAX, ONE, MAX, "00100000"]), "err truncated offset=36");
        assert_eq!(load(&[MAX, ONE, MAX, "ffffffff"]), "err key-length offset=32");
        assert_eq!(load(&[MAX, ONE, MAX, key, "00001000"]), "err truncated offset=41");
        assert_eq!(load(&[MAX, ONE, MAX, key, "ffffffff"]), "err value-length offset=37");
        port.assert_bounded("a count of 2^63");
        drop(stdin);
        port.assert_exits_cleanly();
    }
}

#[test]
fn a_thousand_sessions_do_not_leak() {
    // 64 KiB in each session: if they leaked, twice the limit.
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
        port.assert_exits_cleanly();
    }
}

/// The length of the value in the answers below, whose hex is twice as long.
const VALUE_SIZE: usize = 64 * 1_024;
/// The number of such answers requested: more bytes than a program may hold.
const ASKED: usize = 1_000;

/// Starts a program with a cluster whose key `k` has a long value.
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

/// Returns commands with long answers, and between them comments that fill every pipe.
fn commands_with_long_answers() -> Vec<u8> {
    format!("get 0 k\n# {}\n", "c".repeat(1_024)).repeat(ASKED).into_bytes()
}

/// Sends commands until the program exits or reads no more; counts the bytes that were sent.
fn send_on(mut stdin: ChildStdin, bytes: Vec<u8>) -> (Arc<AtomicUsize>, thread::JoinHandle<()>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let sender = thread::spawn(move || {
        for chunk in bytes.chunks(512) {
            // The program has exited.
            if stdin.write_all(chunk).is_err() {
                return;
            }
            count.fetch_add(chunk.len(), Ordering::SeqCst);
        }
    });
    (taken, sender)
}

/// Waits until the program is blocked by its reader.
fn wait_until_blocked(port: &Port, taken: &AtomicUsize) {
    let mut before = 0;
    wait_until("the program stops reading", 20, || {
        let now = taken.load(Ordering::SeqCst);
        let is_same = now == before && now > 0;
        before = now;
        is_same && port.is_waiting()
    });
}

#[test]
fn a_reader_that_never_reads_blocks_the_program() {
    for program in ports() {
        let (port, stdin, mut stdout) = with_long_value(program);
        let commands = commands_with_long_answers();
        let size = commands.len();
        let (taken, sender) = send_on(stdin, commands);
        wait_until_blocked(&port, &taken);
        let blocked_at = taken.load(Ordering::SeqCst);
        assert!(blocked_at < size / 2, "{}: {blocked_at} of {size} bytes were read", port.name);
        port.assert_bounded("a reader that never reads");

        // Once it reads, it gets every answer.
        let expected = long_answer();
        for _ in 0..ASKED {
            assert!(answer(&mut stdout) == expected, "{}: another answer", port.name);
        }
        sender.join().unwrap();
        assert_eq!(rest(&mut stdout), "");
        assert_eq!(taken.load(Ordering::SeqCst), size);
        port.assert_exits_cleanly();
    }
}

/// Starts a program that is blocked since only three of its long answers were read. Returns it with
/// its output and the thread that sends to it.
fn blocked_after_three_answers(
    program: &Path,
) -> (Port, BufReader<ChildStdout>, thread::JoinHandle<()>) {
    let (port, stdin, mut stdout) = with_long_value(program);
    let (taken, sender) = send_on(stdin, commands_with_long_answers());
    let expected = long_answer();
    for _ in 0..3 {
        assert!(answer(&mut stdout) == expected, "{}: another answer", port.name);
    }
    wait_until_blocked(&port, &taken);
    (port, stdout, sender)
}

#[test]
fn a_closed_output_ends_the_program() {
    for program in ports() {
        let (mut port, stdout, sender) = blocked_after_three_answers(program);
        port.assert_bounded("a closed output");
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
fn sigterm_ends_a_waiting_program() {
    for program in ports() {
        let (mut port, mut stdin, mut stdout) = with_long_value(program);
        assert_eq!(ask(&mut stdin, &mut stdout, "noop"), "ok committed index=2 term=1");
        stdin.write_all(b"no").unwrap();
        port.terminate();
        assert_ended_by_sigterm(&mut port);
        assert_eq!(rest(&mut stdout), "", "{}: half a line is not a command", port.name);
    }
}

#[test]
fn sigterm_ends_a_working_program() {
    for program in ports() {
        let (mut port, mut stdin, mut stdout) = with_long_value(program);
        stdin.write_all(b"mix 0\n").unwrap();
        assert_eq!(answer(&mut stdout), "ok 0");
        // Hours of work.
        stdin.write_all("chaos 1 10000000\n".repeat(100).as_bytes()).unwrap();
        wait_until("the program works", 3, || !port.is_waiting());
        port.terminate();
        assert_ended_by_sigterm(&mut port);
        assert_eq!(rest(&mut stdout), "", "{}: there is no answer", port.name);
    }
}

/// The pipe may hold the beginning of a cut answer, but no LF after it that would make it look
/// complete.
#[test]
fn sigterm_ends_a_blocked_program() {
    for program in ports() {
        let (mut port, mut stdout, sender) = blocked_after_three_answers(program);
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
