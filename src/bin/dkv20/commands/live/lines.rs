//! The lines that are to be appended: a thread reads or draws them ahead.

use std::io::{ErrorKind, Read};
use std::thread;

use dkv20::{ErrorCode, Op, SplitMix64, decode_op};
use dkv20_live::Writer;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::exit::Failure;

/// The length of a block of input. The lines that end in it are one chunk.
const BLOCK_LENGTH: usize = 65_536;
/// The number of chunks that wait: together with the lines being appended, a few megabytes.
const CHUNKS_MAX: usize = 32;
/// No more chunks are joined if there are as many lines: eight transactions. A chunk of drawn lines
/// has as many.
const GROUP_LINES: usize = 8 * Writer::BATCH_LINES_MAX;

/// The lines of an input, in groups of those that wait.
pub(super) struct Lines {
    receiver: Receiver<Chunk>,
    /// A chunk that has been received and is not the next group yet.
    waiting: Option<Chunk>,
}

/// A part of the input.
pub(super) enum Chunk {
    /// One line or more.
    Lines(Vec<Vec<u8>>),
    /// The end of the input.
    End,
    /// The input has an error, which the text describes.
    Failed(String),
}

/// The ops of a workload (definition, section 7).
#[derive(Clone, Copy)]
pub(super) struct Workload {
    pub(super) seed: u64,
    pub(super) keys: u64,
    pub(super) count: u64,
}

impl Lines {
    /// Reads lines from `input` after the first `skipped` ones. `check` returns why a line cannot be
    /// appended.
    pub(super) fn read(
        input: impl Read + Send + 'static,
        skipped: u64,
        check: impl Fn(&[u8]) -> Result<(), String> + Send + 'static,
    ) -> Result<Self, Failure> {
        Self::start(move |sender| {
            let mut reader =
                Reader { skipped, number: 0, is_within_line: false, line: Vec::new(), check };
            reader.read(input, sender)
        })
    }

    /// Draws the ops of a workload after the first `skipped` ones.
    pub(super) fn draw(workload: Workload, skipped: u64) -> Result<Self, Failure> {
        Self::start(move |sender| draw(workload, skipped, sender))
    }

    /// Starts a thread. A closed channel ends it.
    fn start(
        make: impl FnOnce(&Sender<Chunk>) -> Option<()> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (sender, receiver) = channel(CHUNKS_MAX);
        let thread = thread::Builder::new().name("lines".into());
        let started = thread.spawn(move || make(&sender));
        started.map_err(|error| Failure::broken(format!("no thread can be started: {error}")))?;
        Ok(Self { receiver, waiting: None })
    }

    /// Waits for lines and returns all that wait, up to some transactions of them. A call that is
    /// cancelled loses none.
    pub(super) async fn next(&mut self) -> Chunk {
        let first = match self.waiting.take() {
            Some(chunk) => Some(chunk),
            None => self.receiver.recv().await,
        };
        let mut lines = match first {
            Some(Chunk::Lines(lines)) => lines,
            Some(end) => return end,
            None => return Chunk::Failed("the thread that reads the input has ended".into()),
        };
        while lines.len() < GROUP_LINES {
            match self.receiver.try_recv() {
                Ok(Chunk::Lines(more)) => lines.extend(more),
                Ok(end) => {
                    self.waiting = Some(end);
                    break;
                }
                Err(_) => break,
            }
        }
        Chunk::Lines(lines)
    }
}

/// Splits an input into lines.
struct Reader<C> {
    skipped: u64,
    /// The number of lines so far.
    number: u64,
    /// Whether the input so far ends within a line.
    is_within_line: bool,
    /// The beginning of that line, unless it is skipped.
    line: Vec<u8>,
    check: C,
}

impl<C: Fn(&[u8]) -> Result<(), String>> Reader<C> {
    /// Returns `None` if the receiver has left.
    fn read(&mut self, mut input: impl Read, sender: &Sender<Chunk>) -> Option<()> {
        let mut block = vec![0; BLOCK_LENGTH];
        loop {
            let length = match input.read(&mut block) {
                Ok(0) => return self.end(sender),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = format!("line {}: cannot be read: {error}", self.number + 1);
                    return sender.blocking_send(Chunk::Failed(reason)).ok();
                }
            };
            let mut lines = Vec::new();
            let split = self.split(&block[..length], &mut lines);
            self.send(lines, split, sender)?;
        }
    }

    fn end(&mut self, sender: &Sender<Chunk>) -> Option<()> {
        let mut lines = Vec::new();
        // The last line may lack its LF.
        let split = if self.is_within_line { self.split(b"\n", &mut lines) } else { Ok(()) };
        self.send(lines, split, sender)?;
        let end = if self.number < self.skipped {
            Chunk::Failed(has_fewer(self.number, self.skipped))
        } else {
            Chunk::End
        };
        sender.blocking_send(end).ok()
    }

    /// Sends lines, and the error after them. Returns `None` if there is nothing more to read.
    fn send(
        &self,
        lines: Vec<Vec<u8>>,
        split: Result<(), String>,
        sender: &Sender<Chunk>,
    ) -> Option<()> {
        if !lines.is_empty() {
            sender.blocking_send(Chunk::Lines(lines)).ok()?;
        }
        let Err(reason) = split else { return Some(()) };
        let reason = format!("line {}: {reason}", self.number + 1);
        sender.blocking_send(Chunk::Failed(reason)).ok()?;
        None
    }

    /// Appends the lines that end in a block to `lines`, up to one with an error.
    fn split(&mut self, block: &[u8], lines: &mut Vec<Vec<u8>>) -> Result<(), String> {
        for part in block.split_inclusive(|byte| *byte == b'\n') {
            let content = part.strip_suffix(b"\n").unwrap_or(part);
            let is_skipped = self.number < self.skipped;
            if !is_skipped {
                if self.line.len() + content.len() > Writer::LINE_LENGTH_MAX {
                    let limit = Writer::LINE_LENGTH_MAX;
                    return Err(format!(
                        "it has more than {limit} bytes, which is all that a request to etcd takes"
                    ));
                }
                self.line.extend_from_slice(content);
            }
            self.is_within_line = content.len() == part.len();
            if self.is_within_line {
                continue;
            }
            if !is_skipped {
                let line = std::mem::take(&mut self.line);
                if line.is_empty() {
                    return Err("it is empty".into());
                }
                (self.check)(&line)?;
                lines.push(line);
            }
            self.number += 1;
        }
        Ok(())
    }
}

/// Returns `None` if the receiver has left.
fn draw(workload: Workload, skipped: u64, sender: &Sender<Chunk>) -> Option<()> {
    let Workload { seed, keys, count } = workload;
    if count < skipped {
        return sender.blocking_send(Chunk::Failed(has_fewer(count, skipped))).ok();
    }
    let mut draws = SplitMix64::new(seed);
    let mut lines = Vec::with_capacity(GROUP_LINES);
    for number in 0..count {
        let (r1, r2, r3) = (draws.next(), draws.next(), draws.next());
        if number < skipped {
            if number % 1_000_000 == 0 && sender.is_closed() {
                return None;
            }
            continue;
        }
        match decode_op(r1, r2, r3, keys) {
            Ok(op) => lines.push(line_of(&op)),
            Err(code) => return sender.blocking_send(Chunk::Failed(refused(code))).ok(),
        }
        if lines.len() == GROUP_LINES {
            sender.blocking_send(Chunk::Lines(std::mem::take(&mut lines))).ok()?;
        }
    }
    if !lines.is_empty() {
        sender.blocking_send(Chunk::Lines(lines)).ok()?;
    }
    sender.blocking_send(Chunk::End).ok()
}

fn refused(code: ErrorCode) -> String {
    format!("the workload cannot be drawn: {code}")
}

fn has_fewer(count: u64, skipped: u64) -> String {
    format!("the input has {count} lines, fewer than the {skipped} that the writer has appended")
}

/// Returns the command that proposes an op of a workload, with byte strings in hex.
fn line_of(op: &Op) -> Vec<u8> {
    let line = match op {
        Op::NoOp => "noop".into(),
        Op::Put { key, value } => {
            format!("put 0x{} 0x{}", hex::encode(&**key), hex::encode(&**value))
        }
        Op::Del { key } => format!("del 0x{}", hex::encode(&**key)),
    };
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor};

    use super::*;

    /// Input in pieces of one byte.
    struct Slow(Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    fn all(mut lines: Lines) -> (Vec<String>, Option<String>) {
        let mut texts = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        loop {
            match runtime.block_on(lines.next()) {
                Chunk::Lines(lines) => {
                    assert!(!lines.is_empty());
                    texts.extend(lines.into_iter().map(|l| String::from_utf8(l).expect("UTF-8")));
                }
                Chunk::End => return (texts, None),
                Chunk::Failed(reason) => return (texts, Some(reason)),
            }
        }
    }

    fn check(line: &[u8]) -> Result<(), String> {
        if line == b"bad" { Err("it is bad".into()) } else { Ok(()) }
    }

    #[test]
    fn lines_are_those_of_the_input() {
        let (count, limit) = (3_000, Writer::LINE_LENGTH_MAX);
        let many: String = (0..count).map(|number| number.to_string() + "\n").collect();
        let long = format!("{}\nx", "a".repeat(limit));
        for (input, skipped, expected, error) in [
            ("", 0, 0, None),
            ("a", 0, 1, None),
            ("a\nb\n", 0, 2, None),
            ("\0\r\n\u{e4}", 0, 2, None),
            (&many, 0, count, None),
            (&many, 2_999, 1, None),
            (&many, 3_000, 0, None),
            ("a\nbad\n", 2, 0, None),
            ("a\n\nb\n", 0, 1, Some("line 2: it is empty")),
            ("a\nb\nbad\nc\n", 1, 1, Some("line 3: it is bad")),
            ("a\nbad", 0, 1, Some("line 2: it is bad")),
            ("a\nb", 2, 0, None),
            ("a\nb", 3, 0, Some("the input has 2 lines, fewer than the 3 that")),
            (&long, 0, 2, None),
            (&format!("b\na{long}"), 0, 1, Some("line 2: it has more than 1433300 bytes")),
        ] {
            let shown = &input[..input.len().min(20)];
            let bytes = Cursor::new(input.as_bytes().to_vec());
            let (texts, reason) =
                all(Lines::read(bytes.clone(), skipped, check).expect("a thread"));
            assert_eq!((texts.len(), reason.is_some()), (expected, error.is_some()), "{shown:?}");
            assert!(reason.iter().all(|reason| reason.starts_with(error.unwrap())), "{reason:?}");
            let whole = input.lines().skip(usize::try_from(skipped).expect("few")).take(expected);
            assert!(input.contains('\r') || texts.iter().eq(whole), "{shown:?}");
            if input.len() < 100_000 {
                let slow = Lines::read(Slow(bytes), skipped, check).expect("a thread");
                assert_eq!(all(slow), (texts, reason), "{shown:?}");
            }
        }
    }

    #[test]
    fn workload_is_that_of_the_definition() {
        let workload = Workload { seed: 1, keys: 50, count: 2_500 };
        let (texts, error) = all(Lines::draw(workload, 0).expect("a thread"));
        assert_eq!((texts.len(), error), (2_500, None));
        let mut cluster = dkv20::Cluster::new(1).expect("a cluster");
        dkv20::run_workload(&mut cluster, 1, 50, 2_500).expect("a workload");
        let mut session = dkv20::Cluster::new(1).expect("a cluster");
        for line in &texts {
            let Ok(Some(dkv20::Command::Propose { op })) = dkv20::parse(line.as_bytes()) else {
                panic!("{line}")
            };
            session.propose(op).expect("an op within limits");
        }
        let dump = |cluster: &dkv20::Cluster| cluster.replica(0).expect("a replica").dump_state();
        assert_eq!(dump(&session), dump(&cluster));
        let (rest, _) = all(Lines::draw(workload, 2_000).expect("a thread"));
        assert_eq!(rest, texts[2_000..]);
        let (none, error) = all(Lines::draw(workload, 2_501).expect("a thread"));
        assert!(none.is_empty() && error.is_some_and(|error| error.contains("fewer than")));
    }
}
