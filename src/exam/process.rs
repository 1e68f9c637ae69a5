//! A port's process: started, written to, read from, and ended, whatever it does.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, PipeWriter, Read, Write};
use std::ops::{ControlFlow, Range};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::groups;
use crate::limits::Interrupt;
use crate::port::{Failure, PortSpec};
use crate::start_error::explained;

/// The longest single wait, so that an interrupt is noticed.
const POLL_TIME_MAX: Duration = Duration::from_millis(50);
/// How many bytes of standard error are kept, from its end.
const STDERR_BYTES_MAX: usize = 4_096;
/// The longest line that is waited for. The reference's answers in an exam are far shorter.
const ANSWER_LENGTH_MAX: usize = 64 << 20;
const READ_BUFFER_SIZE: usize = 1 << 14;
const READS_AT_ONCE_MAX: usize = 16;
/// By how many time limits a port that still reads its input can extend a wait.
const EXTENSIONS_MAX: u32 = 10;
/// How long a port that has closed a stream has to exit, and how long the output of one that has
/// exited may be silent before it counts as ended.
const END_GRACE: Duration = Duration::from_millis(500);
/// The time limit for the first greeting is at least this.
pub(crate) const START_TIME_MIN: Duration = Duration::from_secs(10);
/// How long a port that did not answer has to show that it only did not flush its answer.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

/// A running port. Dropping it kills the process, all that is in its process group and, on Linux,
/// what has left the group.
pub(crate) struct PortProcess {
    child: Child,
    group: Pid,
    stdin: Option<PipeWriter>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    stderr_tail: VecDeque<u8>,
    /// Bytes read from the port; those before `inbox_start` have been taken as lines.
    inbox: Vec<u8>,
    inbox_start: usize,
    /// The bytes from `inbox_start` up to here hold no LF.
    inbox_scanned: usize,
    /// Whether it closed its input.
    refuses_input: bool,
    /// Whether it was seen to have exited although its output is still open.
    has_exited: bool,
    /// Whether it has left processes that are known to be its own.
    leaks: bool,
    interrupt: Interrupt,
}

impl PortProcess {
    /// Starts the port, with pipes for its three streams and a process group of its own.
    pub(crate) fn start(spec: &PortSpec, interrupt: Interrupt) -> io::Result<Self> {
        let mut command = Command::new(&spec.command[0]);
        command.args(&spec.command[1..]).envs(&spec.environment);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(directory) = &spec.directory {
            command.current_dir(directory);
        }
        let (mut child, group, stdin) =
            groups::start(&mut command).map_err(|error| explained(spec, &error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let process = Self {
            child,
            group,
            stdin: Some(stdin),
            stdout,
            stderr,
            stderr_tail: VecDeque::new(),
            inbox: Vec::new(),
            inbox_start: 0,
            inbox_scanned: 0,
            refuses_input: false,
            has_exited: false,
            leaks: false,
            interrupt,
        };
        for stream in process.streams() {
            rustix::io::ioctl_fionbio(stream, true)?;
        }
        Ok(process)
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn streams(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let stdin = self.stdin.as_ref().map(AsFd::as_fd);
        let stdout = self.stdout.as_ref().map(AsFd::as_fd);
        let stderr = self.stderr.as_ref().map(AsFd::as_fd);
        stdin.into_iter().chain(stdout).chain(stderr)
    }

    /// Writes as much of the input as it can without waiting, and returns the length. If the port does
    /// not take it, the next exchange sees why.
    pub(crate) fn write_at_once(&mut self, input: &[u8]) -> usize {
        let written = self.stdin.as_mut().and_then(|stdin| stdin.write(input).ok());
        written.unwrap_or_default()
    }

    /// Writes `input` and passes the lines that come back, without LF, to `take` until it breaks.
    /// Each line may take `timeout` from when the port has last read some of `input`. The rest of
    /// `input` is not written once `take` has broken.
    pub(crate) fn exchange(
        &mut self,
        input: &[u8],
        timeout: Duration,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let mut unwritten = input;
        let mut deadline = Deadline::new(timeout);
        loop {
            let taken_before = self.inbox_start;
            while let Some(line) = self.next_line() {
                if take(&self.inbox[line]).is_break() {
                    return Ok(());
                }
            }
            if self.inbox_start > taken_before {
                deadline = Deadline::new(timeout);
            }
            if self.inbox.len() - self.inbox_start > ANSWER_LENGTH_MAX {
                return Err(Failure::Flood);
            }
            if self.stdout.is_none() {
                return Err(self.end_without_answer(deadline.end));
            }
            self.transfer(&mut unwritten, &mut deadline).map_err(|failure| match failure {
                Failure::NoAnswer => self.cause_of_silence(),
                other => other,
            })?;
            if self.refuses_input || self.has_exited {
                deadline.end = deadline.end.min(Instant::now() + END_GRACE);
            }
        }
    }

    /// Writes `input`, closes the port's input, and passes on what it still writes until it exits.
    /// Each line, and the exit, may take `timeout`. If a process that the port started keeps the
    /// output open, the output ends soon after the port's exit; see [`PortProcess::leaks`].
    pub(crate) fn finish(
        &mut self,
        input: &[u8],
        timeout: Duration,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ExitStatus, Failure> {
        let mut unwritten = input;
        let mut deadline = Deadline::new(timeout);
        while self.stdout.is_some() {
            if unwritten.is_empty() {
                self.stdin = None;
            }
            match self.transfer(&mut unwritten, &mut deadline) {
                Err(Failure::NoAnswer) if self.is_exited()? => break,
                Err(Failure::NoAnswer) if self.is_stopped() => return Err(Failure::Stopped),
                Err(Failure::NoAnswer) => return Err(Failure::StillRunning),
                other => other?,
            }
            while let Some(line) = self.next_line() {
                deadline = Deadline::new(timeout);
                if take(&self.inbox[line]).is_break() {
                    return Err(Failure::Flood);
                }
            }
            if self.inbox.len() > ANSWER_LENGTH_MAX {
                return Err(Failure::Flood);
            }
            if self.has_exited {
                deadline.end = deadline.end.min(Instant::now() + END_GRACE);
            }
        }
        if self.inbox_start < self.inbox.len() {
            // A CR marks the last line, which has no LF, as unlike any answer.
            self.inbox.push(b'\r');
            let _ = take(&self.inbox[self.inbox_start..]);
            self.inbox.pop();
        }
        self.stdin = None;
        self.wait(deadline.end)
    }

    /// Replaces `NoAnswer` by `NotFlushed` if the port answers once its input is closed.
    pub(crate) fn detect_unflushed(&mut self, failure: Failure) -> Failure {
        if failure != Failure::NoAnswer {
            return failure;
        }
        let mut answered = false;
        let _ = self.finish(&[], FLUSH_GRACE, |_| {
            answered = true;
            ControlFlow::Break(())
        });
        if answered { Failure::NotFlushed } else { Failure::NoAnswer }
    }

    /// Ends the port. Reports whether it exited and left processes that held its output or, on
    /// Linux, had left its process group.
    pub(crate) fn leaks(&mut self) -> bool {
        let holds_output = self.has_exited && self.stdout.is_some();
        let _ = self.end();
        self.leaks || holds_output
    }

    /// Returns what it wrote after its last LF.
    pub(crate) fn unfinished_line(&self) -> &[u8] {
        let unread = &self.inbox[self.inbox_start..];
        let start = unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |lf| lf + 1);
        &unread[start..]
    }

    /// Returns the end of what it wrote on standard error.
    pub(crate) fn stderr_tail(&mut self) -> String {
        self.read_stderr();
        let (a, b) = self.stderr_tail.as_slices();
        String::from_utf8_lossy(&[a, b].concat()).into_owned()
    }

    /// Takes the next whole line, without LF, and returns its place in the inbox.
    fn next_line(&mut self) -> Option<Range<usize>> {
        let mut unscanned = &self.inbox[self.inbox_scanned..];
        // Reading from memory does not fail, and it finds a byte faster than an iterator does.
        let length = unscanned.skip_until(b'\n').unwrap_or_default();
        self.inbox_scanned += length;
        let end = self
            .inbox_scanned
            .checked_sub(1)
            .filter(|end| length > 0 && self.inbox[*end] == b'\n')?;
        let line = self.inbox_start..end;
        self.inbox_start = self.inbox_scanned;
        Some(line)
    }

    /// Waits until something can be read or written, then reads and writes.
    fn transfer(&mut self, unwritten: &mut &[u8], deadline: &mut Deadline) -> Result<(), Failure> {
        if self.interrupt.is_raised() {
            return Err(Failure::Interrupted);
        }
        let left = deadline.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::NoAnswer);
        }
        let is_quiet = self.poll(!unwritten.is_empty(), left.min(POLL_TIME_MAX))?;
        if is_quiet && !self.has_exited {
            // Its output up to the exit is read by the next calls.
            self.has_exited = self.is_exited()?;
        }
        self.read_stdout()?;
        self.read_stderr();
        let unwritten_before = unwritten.len();
        self.write(unwritten)?;
        if unwritten.len() < unwritten_before {
            deadline.extend();
        }
        Ok(())
    }

    /// Waits until something can be read or, if `writes`, written. Reports whether nothing happened.
    fn poll(&mut self, writes: bool, wait: Duration) -> Result<bool, Failure> {
        let mut streams: Vec<PollFd<'_>> = Vec::with_capacity(3);
        if let Some(stdin) = &self.stdin {
            // Without a flag only the end of the reader is reported.
            streams
                .push(PollFd::new(stdin, if writes { PollFlags::OUT } else { PollFlags::empty() }));
        }
        if let Some(stdout) = &self.stdout {
            streams.push(PollFd::new(stdout, PollFlags::IN));
        }
        if let Some(stderr) = &self.stderr {
            streams.push(PollFd::new(stderr, PollFlags::IN));
        }
        let wait = Timespec::try_from(wait).map_err(|error| Failure::System(error.to_string()))?;
        let count = match poll(&mut streams, Some(&wait)) {
            Ok(count) => count,
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(Failure::System(error.to_string())),
        };
        let is_closed =
            |stream: &PollFd<'_>| stream.revents().intersects(PollFlags::ERR.union(PollFlags::HUP));
        if self.stdin.is_some() && streams.first().is_some_and(is_closed) {
            self.stdin = None;
            self.refuses_input = true;
        }
        Ok(count == 0)
    }

    fn read_stdout(&mut self) -> Result<(), Failure> {
        let taken = std::mem::take(&mut self.inbox_start);
        self.inbox.drain(..taken);
        self.inbox_scanned -= taken;
        let mut buffer = [0; READ_BUFFER_SIZE];
        let Some(stdout) = self.stdout.as_mut() else { return Ok(()) };
        match read_some(stdout, &mut buffer)? {
            Some(0) => self.stdout = None,
            Some(length) => self.inbox.extend_from_slice(&buffer[..length]),
            None => {}
        }
        Ok(())
    }

    fn read_stderr(&mut self) {
        let mut buffer = [0; READ_BUFFER_SIZE];
        // A port that floods standard error must not keep the exam from its answers.
        for _ in 0..READS_AT_ONCE_MAX {
            let Some(stderr) = self.stderr.as_mut() else { return };
            match read_some(stderr, &mut buffer) {
                Ok(None) => return,
                Ok(Some(length)) if length > 0 => {
                    self.stderr_tail.extend(&buffer[..length]);
                    let excess = self.stderr_tail.len().saturating_sub(STDERR_BYTES_MAX);
                    self.stderr_tail.drain(..excess);
                }
                Ok(Some(_)) | Err(_) => self.stderr = None,
            }
        }
    }

    fn write(&mut self, unwritten: &mut &[u8]) -> Result<(), Failure> {
        let Some(stdin) = self.stdin.as_mut().filter(|_| !unwritten.is_empty()) else {
            return Ok(());
        };
        match stdin.write(unwritten) {
            Ok(length) => *unwritten = &unwritten[length..],
            Err(error) if is_transient(&error) => {}
            // Its earlier output is read first, as that may state the reason.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                *unwritten = &[];
                self.stdin = None;
                self.refuses_input = true;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Returns why the output ended while an answer was awaited.
    fn end_without_answer(&mut self, deadline: Instant) -> Failure {
        match self.wait(deadline.min(Instant::now() + END_GRACE)) {
            Ok(status) => Failure::Exited(status),
            Err(Failure::StillRunning) => Failure::ClosedOutput,
            Err(failure) => failure,
        }
    }

    /// Returns why no answer came in time, by the state that the port is in.
    fn cause_of_silence(&mut self) -> Failure {
        match self.is_exited() {
            Ok(true) => self.end().map_or_else(Failure::from, Failure::Exited),
            Err(failure) => failure,
            Ok(false) if self.refuses_input => Failure::ClosedInput,
            Ok(false) if self.is_stopped() => Failure::Stopped,
            Ok(false) if !self.unfinished_line().is_empty() => Failure::NoLineEnd,
            Ok(false) => Failure::NoAnswer,
        }
    }

    /// Reports whether the process has exited. It is not reaped, so that no other process can get
    /// the id of its group before the group is killed.
    pub(crate) fn is_exited(&self) -> Result<bool, Failure> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let exited = waitid(WaitId::Pid(self.group), options);
        exited.map(|status| status.is_some()).map_err(|error| Failure::System(error.to_string()))
    }

    fn is_stopped(&self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.group), options).is_ok_and(|status| status.is_some())
    }

    /// Ends the port, if it runs, and returns its exit status.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let (status, leaks) = groups::end(&mut self.child, self.group)?;
        self.leaks |= leaks;
        Ok(status)
    }

    fn wait(&mut self, deadline: Instant) -> Result<ExitStatus, Failure> {
        let mut pause = Duration::from_micros(100);
        loop {
            self.read_stderr();
            if self.is_exited()? {
                return Ok(self.end()?);
            }
            if self.interrupt.is_raised() {
                return Err(Failure::Interrupted);
            }
            if Instant::now() >= deadline {
                return Err(Failure::StillRunning);
            }
            // No portable call waits for a process with a time limit.
            std::thread::sleep(pause);
            pause = (pause * 2).min(POLL_TIME_MAX);
        }
    }
}

/// Starts a port's program and ends it at once.
///
/// # Errors
///
/// The program cannot be started.
pub fn check_start(spec: &PortSpec) -> io::Result<()> {
    PortProcess::start(spec, Interrupt::default()).map(drop)
}

impl Drop for PortProcess {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// When a wait for an answer ends.
#[derive(Clone, Copy)]
struct Deadline {
    end: Instant,
    timeout: Duration,
    /// It is never extended beyond this.
    last_end: Instant,
}

impl Deadline {
    fn new(timeout: Duration) -> Self {
        let now = Instant::now();
        Self { end: now + timeout, timeout, last_end: now + timeout * EXTENSIONS_MAX }
    }

    /// Extends the wait since the port reads its input: a long line takes a slow port some time.
    fn extend(&mut self) {
        self.end = (Instant::now() + self.timeout).min(self.last_end);
    }
}

/// Reads what is available: `Some(0)` at the end of the stream, `None` if nothing is available.
fn read_some(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match stream.read(buffer) {
        Ok(length) => Ok(Some(length)),
        Err(error) if is_transient(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
