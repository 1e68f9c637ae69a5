//! Runs programs, and checks how they end.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
/// The environment variable with the password for etcd.
pub(crate) const PASSWORD: &str = "DKV20_ETCD_PASSWORD";
/// How long anything may take on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Returns a command with empty input, and without what the environment says to the program.
pub(crate) fn command(program: impl AsRef<OsStr>, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).env_remove(PASSWORD).env_remove("DKV20_LOG");
    command
}

pub(crate) fn run(command: &mut Command) -> End {
    Running::start(command).end()
}

pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> End {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    // A command that ends early does not read it all.
    let _ = running.write(input);
    running.close();
    running.end()
}

/// Returns the command on a terminal: what is written to its input is typed, and its output is that
/// of the terminal.
pub(crate) fn on_terminal(command: &Command) -> Command {
    let spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut terminal = Command::new("python3");
    terminal.args(["-c", spawn]).arg(command.get_program()).args(command.get_args());
    terminal.env("TERM", "xterm").stdin(Stdio::piped());
    // The last four decide on colours: if CI is set, even a dumb terminal has them.
    for variable in [PASSWORD, "DKV20_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        terminal.env_remove(variable);
    }
    terminal
}

/// Returns the command with standard output on a full device.
pub(crate) fn to_full_device(command: &Command) -> Command {
    let mut shell = self::command("sh", &["-c", r#"exec "$0" "$@" >/dev/full"#]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

/// Returns a value for `--port`: a follower that is right.
pub(crate) fn port(name: &str) -> String {
    format!("{name}={}", shell_words::join([PROGRAM, "serve"]))
}

/// Returns the path of a file in the folder of tests.
pub(crate) fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    path.to_str().expect("a UTF-8 path").into()
}

#[track_caller]
pub(crate) fn wait_until<T: Display>(mut holds: impl FnMut() -> bool, missing: impl Fn() -> T) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < TIME_MAX, "{}", missing());
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program that runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| {
            let hint = "`bash scripts/setup.sh live` installs what these tests need";
            panic!("{}: {error}; {hint}", command.get_program().display());
        });
        let stdin = child.stdin.take();
        let stdout = Lines::of(child.stdout.take().expect("a pipe"));
        let stderr = Lines::of(child.stderr.take().expect("a pipe"));
        Self { child, stdin, stdout, stderr }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdin.as_mut().expect("a pipe").write_all(bytes)
    }

    /// Ends the input.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Asks for metrics until they have the words.
    #[track_caller]
    pub(crate) fn await_metrics(&self, words: &str) {
        let are_there = || {
            self.signal(Signal::USR1);
            self.stderr.next().contains(words)
        };
        wait_until(are_there, || format!("no metrics have {words:?}"));
    }

    /// Waits for the end, with the input open if it is not closed before.
    #[track_caller]
    pub(crate) fn end(mut self) -> End {
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        let status = self.child.wait().expect("it ends").code();
        End { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, with the bytes that end them.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).expect("UTF-8") > 0 {
                // The lines of a program that is dropped are not read.
                let _ = sender.send(std::mem::take(&mut line));
            }
        });
        Self(lines)
    }

    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.0.recv_timeout(TIME_MAX).expect("a line")
    }

    #[track_caller]
    fn rest(&self) -> String {
        let end = Instant::now() + TIME_MAX;
        let mut text = String::new();
        loop {
            match self.0.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => text += &line,
                Err(RecvTimeoutError::Disconnected) => return text,
                Err(RecvTimeoutError::Timeout) => panic!("it takes too long: {text}"),
            }
        }
    }
}

/// The end of a program, with the lines that were not read before.
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl End {
    /// Returns all that the program wrote.
    pub(crate) fn said(&self) -> String {
        [&*self.stdout, &*self.stderr].concat()
    }

    /// Checks the status, and that the program wrote all these words.
    #[track_caller]
    pub(crate) fn assert_ended(&self, status: i32, words: &[&str]) {
        let said = self.said();
        assert_eq!(self.status, Some(status), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said}");
        }
    }

    /// Checks the status, and that the message is in the only line of output or in a message on
    /// wrong arguments.
    #[track_caller]
    pub(crate) fn assert_failed(&self, status: i32, message: &str) {
        self.assert_ended(status, &[]);
        let Self { stdout, stderr, .. } = self;
        assert_eq!(stdout, "", "{stderr}");
        assert!(stderr.contains(message), "{message:?} is not in: {stderr}");
        let is_one_line = stderr.starts_with("dkv20: ") && stderr.lines().count() == 1;
        assert!(is_one_line || stderr.starts_with("error: "), "{stderr}");
    }

    /// Checks that the only line of output begins with the text.
    #[track_caller]
    pub(crate) fn assert_done(&self, text: &str) {
        self.assert_ended(0, &[]);
        let Self { stdout, stderr, .. } = self;
        assert_eq!(stderr, "", "{stdout}");
        assert!(stdout.starts_with(text), "{text:?} does not begin {stdout}");
        assert_eq!(stdout.lines().count(), 1, "{stdout}");
    }
}
