//! A session: command lines in, answers out (definition, sections 8 to 10).

use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Read, Write};

use sha2::{Digest, Sha256};

use crate::chaos::{CHAOS_STEPS_MAX, Chaos};
use crate::cluster::{Cluster, Outcome};
use crate::error::{ErrorCode, LoadError};
use crate::op::check_key_length;
use crate::protocol::{Command, Hex, LINE_LENGTH_MAX, PROTOCOL_VERSION, parse};
use crate::replica::Replica;
use crate::scenario::scenario_lines;
use crate::snapshot::{Snapshot, load_state};
use crate::splitmix64::{SplitMix64, mix};
use crate::workload::{Tally, WORKLOAD_COUNT_MAX, check_keys, workload};

const PORT_NAME: &str = "rust";
/// The most draws that one command may ask for.
const DRAW_COUNT_MAX: u64 = 1_000;
/// How many bytes are read, written or hashed at once.
const BUFFER_SIZE: usize = 1 << 16;

/// What one caller has: a cluster, once `new` has made one.
#[derive(Clone, Debug, Default)]
pub struct Session {
    cluster: Option<Cluster>,
    has_quit: bool,
}

/// Why a command is answered with `err`.
enum Refusal {
    Code(ErrorCode),
    Load(LoadError),
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "err {code}"),
            Self::Load(error) => write!(f, "err {} offset={}", error.code, error.offset),
        }
    }
}

impl Session {
    /// A session without a cluster.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its cluster, once a `new` was answered ok.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Whether `quit` was answered. Lines after it get no answer.
    #[must_use]
    pub fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// Runs a line, its LF taken off, and appends its answer without an LF to `out`. Answers
    /// whether there is one: a line without tokens, a comment, and all that comes after `quit`
    /// get none.
    pub fn answer(&mut self, line: &[u8], out: &mut String) -> bool {
        if self.has_quit {
            return false;
        }
        let start = out.len();
        let answered = match parse(line) {
            Ok(None) => return false,
            Ok(Some(command)) => self.run(command, out),
            Err(code) => Err(code.into()),
        };
        if let Err(refusal) = answered {
            out.truncate(start);
            put(out, format_args!("{refusal}"));
        }
        true
    }

    /// Runs a command and appends `ok…` to `out`.
    fn run(&mut self, command: Command, out: &mut String) -> Result<(), Refusal> {
        match command {
            Command::Hello => put(out, format_args!("ok dkv20 {PROTOCOL_VERSION} {PORT_NAME}")),
            Command::New { replica_count } => {
                self.cluster = Some(Cluster::new(replica_count)?);
                out.push_str("ok");
            }
            Command::Propose { op } => put_outcome(out, self.cluster_mut()?.propose(op)?),
            Command::ProposeAt { id, op } => {
                put_outcome(out, self.cluster_mut()?.propose_at(id, op)?);
            }
            Command::Partition { ids } => {
                self.cluster_mut()?.partition(&ids)?;
                put_leadership(out, self.cluster_mut()?);
            }
            Command::Heal => {
                self.cluster_mut()?.heal();
                put_leadership(out, self.cluster_mut()?);
            }
            Command::HealIds { ids } => {
                self.cluster_mut()?.heal_ids(&ids)?;
                put_leadership(out, self.cluster_mut()?);
            }
            Command::Compact => {
                self.cluster_mut()?.compact();
                out.push_str("ok");
            }
            Command::CompactIds { ids } => {
                self.cluster_mut()?.compact_ids(&ids)?;
                out.push_str("ok");
            }
            Command::Status => put_status(out, self.cluster_mut()?),
            Command::Replica { id } => put_replica(out, self.cluster_mut()?.replica(id)?),
            Command::Get { id, key } => {
                let replica = self.cluster_mut()?.replica(id)?;
                check_key_length(key.len())?;
                match replica.get(&key) {
                    Some(value) => put(out, format_args!("ok {}", Hex(value))),
                    None => out.push_str("ok none"),
                }
            }
            Command::Hash { id } => {
                let hash = self.cluster_mut()?.replica(id)?.snapshot_hash();
                put(out, format_args!("ok {hash}"));
            }
            Command::Dump { id } => {
                let dump = self.cluster_mut()?.replica(id)?.dump_state();
                put(out, format_args!("ok {}", Hex(&dump)));
            }
            Command::Log { id } => {
                put(out, format_args!("ok {}", self.cluster_mut()?.log_hash(id)?));
            }
            Command::Load { bytes } => put_snapshot(out, &load_state(&bytes)?),
            Command::Mix { z } => put(out, format_args!("ok {}", mix(z))),
            Command::Draw { seed, count } => put_draws(out, seed, count)?,
            Command::Workload { seed, keys, count } => {
                let cluster = self.cluster_mut()?;
                put_tally(out, run_workload(cluster, seed, keys, count)?);
            }
            Command::Chaos { seed, steps } => {
                put(out, format_args!("ok digest={}", self.chaos(seed, steps)?));
            }
            Command::Scenario { name } => put(out, format_args!("ok {}", scenario_hash(&name)?)),
            Command::Quit => {
                self.has_quit = true;
                out.push_str("ok");
            }
        }
        Ok(())
    }

    fn cluster_mut(&mut self) -> Result<&mut Cluster, ErrorCode> {
        self.cluster.as_mut().ok_or(ErrorCode::NoCluster)
    }

    /// Runs the lines of section 10 and answers the digest of their transcript.
    fn chaos(&mut self, seed: u64, steps: u64) -> Result<String, ErrorCode> {
        self.cluster_mut()?;
        check_count(steps, 0, CHAOS_STEPS_MAX)?;
        let mut lines = Chaos::new(seed, steps);
        let mut digest = Sha256::new();
        let mut line = String::new();
        let mut transcript = String::new();
        while lines.next_line(self.cluster_mut()?, &mut line) {
            put(&mut transcript, format_args!("> {line}\n< "));
            self.answer(line.as_bytes(), &mut transcript);
            transcript.push('\n');
            if transcript.len() >= BUFFER_SIZE {
                digest.update(&transcript);
                transcript.clear();
            }
        }
        digest.update(&transcript);
        Ok(hex::encode(digest.finalize()))
    }
}

/// Runs the scenario on a session of its own and answers the hash that all its replicas end at,
/// in lower-case hex (section 9).
///
/// Errors, in this order: `unknown-scenario`; `diverged` where a command of the scenario is
/// answered with an error, or the replicas differ at its end.
pub fn scenario_hash(name: &[u8]) -> Result<String, ErrorCode> {
    run_scenario(scenario_lines(name).ok_or(ErrorCode::UnknownScenario)?)
}

fn run_scenario<'a>(lines: impl Iterator<Item = &'a str>) -> Result<String, ErrorCode> {
    let mut session = Session::new();
    for line in lines {
        let mut answer = String::new();
        session.answer(line.as_bytes(), &mut answer);
        if answer.starts_with("err") {
            return Err(ErrorCode::Diverged);
        }
    }
    let cluster = session.cluster_mut()?;
    let mut hashes = cluster.replicas().iter().map(Replica::snapshot_hash);
    let first = hashes.next().ok_or(ErrorCode::Diverged)?;
    if hashes.all(|hash| hash == first) { Ok(first) } else { Err(ErrorCode::Diverged) }
}

fn run_workload(
    cluster: &mut Cluster,
    seed: u64,
    keys: u64,
    count: u64,
) -> Result<Tally, ErrorCode> {
    check_keys(keys)?;
    check_count(count, 0, WORKLOAD_COUNT_MAX)?;
    workload(cluster, seed, keys, count)
}

fn check_count(count: u64, least: u64, most: u64) -> Result<(), ErrorCode> {
    if (least..=most).contains(&count) { Ok(()) } else { Err(ErrorCode::Count) }
}

fn put_outcome(out: &mut String, outcome: Outcome) {
    let word = if outcome.committed { "committed" } else { "pending" };
    put(out, format_args!("ok {word} index={} term={}", outcome.index, outcome.term));
}

fn put_leadership(out: &mut String, cluster: &Cluster) {
    match cluster.reachable_leader() {
        Some(leader) => put(out, format_args!("ok leader={leader} term={}", cluster.term())),
        None => put(out, format_args!("ok leader=none term={}", cluster.term())),
    }
}

fn put_status(out: &mut String, cluster: &Cluster) {
    put_leadership(out, cluster);
    put(out, format_args!(" quorum={} isolated=", cluster.quorum()));
    let start = out.len();
    for id in cluster.isolated() {
        let comma = if out.len() == start { "" } else { "," };
        put(out, format_args!("{comma}{id}"));
    }
    if out.len() == start {
        out.push_str("none");
    }
}

fn put_replica(out: &mut String, replica: &Replica) {
    put(
        out,
        format_args!(
            "ok role={} term={} base={} commit={} last={} keys={}",
            replica.role().as_str(),
            replica.term(),
            replica.base(),
            replica.commit_index(),
            replica.last(),
            replica.map().len(),
        ),
    );
}

fn put_snapshot(out: &mut String, snapshot: &Snapshot) {
    put(
        out,
        format_args!(
            "ok commit={} term={} keys={} sha256={}",
            snapshot.commit_index(),
            snapshot.term(),
            snapshot.map().len(),
            snapshot.snapshot_hash(),
        ),
    );
}

fn put_draws(out: &mut String, seed: u64, count: u64) -> Result<(), ErrorCode> {
    check_count(count, 1, DRAW_COUNT_MAX)?;
    let mut draws = SplitMix64::new(seed);
    out.push_str("ok");
    for _ in 0..count {
        put(out, format_args!(" {}", draws.next_u64()));
    }
    Ok(())
}

fn put_tally(out: &mut String, tally: Tally) {
    let Tally { committed, pending, refused } = tally;
    put(out, format_args!("ok committed={committed} pending={pending} refused={refused}"));
}

fn put(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}

/// Why [`serve`] ended before its input did.
#[derive(Debug)]
pub enum ServeError {
    /// The input could not be read.
    Input(io::Error),
    /// The output could not be written: the reader of the answers is gone, for example.
    Output(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(f, "standard input: {error}"),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Answers the lines of `input` on `output` until the input ends or a `quit` is answered.
///
/// Answers are written at the latest before waiting for more input, and all that have been made
/// are written before an error is returned. A line that is longer than the limit is held no
/// longer than up to the limit.
pub fn serve(input: impl Read, output: impl Write) -> Result<(), ServeError> {
    let mut lines = Lines { input: BufReader::with_capacity(BUFFER_SIZE, input), line: Vec::new() };
    let mut answers = Answers { output, pending: String::new() };
    let mut session = Session::new();
    while !session.has_quit() {
        if !lines.has_whole_line() {
            answers.flush().map_err(ServeError::Output)?;
        }
        let Some(line) = lines.next_line().map_err(ServeError::Input)? else {
            break;
        };
        if session.answer(line, &mut answers.pending) {
            answers.end_line().map_err(ServeError::Output)?;
        }
    }
    answers.flush().map_err(ServeError::Output)
}

/// The lines of the input.
struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// Whether the next line can be had without waiting for input.
    fn has_whole_line(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }

    /// The next line, its LF taken off; `None` at the end of input. Of a line that is too long it
    /// gives one byte more than the limit and reads past the rest.
    fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let limit = LINE_LENGTH_MAX as u64 + 1;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > LINE_LENGTH_MAX {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(&self.line))
    }
}

/// The answers, gathered so that many are written at once.
struct Answers<W> {
    output: W,
    pending: String,
}

impl<W: Write> Answers<W> {
    fn end_line(&mut self) -> io::Result<()> {
        self.pending.push('\n');
        if self.pending.len() >= BUFFER_SIZE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.write_all(self.pending.as_bytes())?;
        self.pending.clear();
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    /// The answers to the lines, those without one left out.
    fn answers(lines: &str) -> Vec<String> {
        let mut session = Session::new();
        let answer = |line: &str| {
            let mut out = String::new();
            session.answer(line.as_bytes(), &mut out).then_some(out)
        };
        lines.lines().filter_map(answer).collect()
    }

    /// Runs a transcript as it stands in a trace.
    #[track_caller]
    fn assert_transcript(transcript: &str) {
        let mut session = Session::new();
        let mut given = String::new();
        for command in transcript.lines().filter_map(|line| line.strip_prefix("> ")) {
            put(&mut given, format_args!("> {command}\n< "));
            assert!(session.answer(command.as_bytes(), &mut given));
            given.push('\n');
        }
        assert_eq!(given, transcript);
    }

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn commands_without_a_cluster() {
        assert_transcript(
            "> hello\n< ok dkv20 1 rust\n> mix 0\n< ok 0\n\
             > draw 1234567 2\n< ok 6457827717110365317 3203168211198807973\n\
             > load DKVS\n< err truncated offset=4\n> load 0x\n< err truncated offset=0\n\
             > load 0x444b56530100000000000000000000000000000000000000000000000000000000\n\
             < err trailing-bytes offset=32\n\
             > scenario X\n< err unknown-scenario\n\
             > scenario A\n< ok e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a\n",
        );
    }

    #[test]
    fn commands_on_a_cluster() {
        let dump = "444b5653010000000100000000000000010000000000000001000000000000000100000061\
                    0100000062";
        let hash = hex::encode(Sha256::digest(hex::decode(dump).unwrap()));
        let log = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x01\0\0\0a\x01\0\0\0b";
        let log = hex::encode(Sha256::digest(log));
        assert_transcript(&format!(
            "> new 3\n< ok\n> log 0\n< ok {EMPTY}\n> put a b\n< ok committed index=1 term=1\n\
             > get 1 a\n< ok 0x62\n> get 1 b\n< ok none\n> hash 2\n< ok {hash}\n\
             > dump 2\n< ok 0x{dump}\n> log 2\n< ok {log}\n\
             > load 0x{dump}\n< ok commit=1 term=1 keys=1 sha256={hash}\n\
             > status\n< ok leader=0 term=1 quorum=2 isolated=none\n\
             > replica 2\n< ok role=follower term=1 base=0 commit=1 last=1 keys=1\n\
             > compact 2\n< ok\n> compact\n< ok\n\
             > replica 0\n< ok role=leader term=1 base=1 commit=1 last=1 keys=1\n\
             > workload 1 10 5\n< ok committed=5 pending=0 refused=0\n\
             > partition\n< ok leader=0 term=1\n> partition 2 0\n< ok leader=none term=1\n\
             > status\n< ok leader=none term=1 quorum=2 isolated=0,2\n\
             > noop\n< err no-leader\n> at 0 del a\n< ok pending index=7 term=1\n\
             > at 1 noop\n< err not-leader\n> workload 1 10 5\n< ok committed=0 pending=0 refused=5\n\
             > heal 2\n< ok leader=1 term=2\n> heal\n< ok leader=1 term=2\n\
             > noop\n< ok committed index=8 term=2\n> quit\n< ok\n",
        ));
    }

    #[test]
    fn a_new_that_fails_leaves_the_old_cluster() {
        assert_transcript(
            "> new 0\n< err replica-count\n> status\n< err no-cluster\n> new 64\n< ok\n\
             > noop\n< ok committed index=1 term=1\n> new 65\n< err replica-count\n\
             > new 18446744073709551615\n< err replica-count\n\
             > replica 63\n< ok role=follower term=1 base=0 commit=1 last=1 keys=0\n\
             > new 1\n< ok\n> replica 0\n< ok role=leader term=1 base=0 commit=0 last=0 keys=0\n",
        );
    }

    #[test]
    fn a_missing_cluster_comes_after_syntax_and_before_the_commands_own_errors() {
        let needs_one = [
            "noop",
            "put 0x 0x",
            "del 0x",
            "at 9 noop",
            "at 9 put 0x 0x",
            "partition 9",
            "heal",
            "heal 9",
            "compact",
            "compact 9",
            "status",
            "replica 9",
            "get 9 0x",
            "hash 9",
            "dump 9",
            "log 9",
            "workload 1 0 0",
            "workload 1 1 10000001",
            "chaos 1 10000001",
        ];
        for line in needs_one {
            assert_eq!(answers(line), ["err no-cluster"], "{line}");
        }
        for line in ["put 0x", "status 1", "chaos 1 x", "workload 1 0", "get 9", "heal x"] {
            assert_eq!(answers(line), ["err syntax"], "{line}");
        }
    }

    #[test]
    fn a_commands_own_errors_come_in_their_order() {
        let key = "k".repeat(4_097);
        let value = "v".repeat(1_048_577);
        for (line, code) in [
            (format!("put 0x {value}"), "key-length"),
            (format!("put {key} {value}"), "key-length"),
            (format!("put k {value}"), "value-length"),
            (format!("at 3 put 0x {value}"), "unknown-replica"),
            (format!("at 1 put 0x {value}"), "key-length"),
            (format!("at 1 put k {value}"), "value-length"),
            ("at 1 noop".into(), "not-leader"),
            ("partition 0 1 3".into(), "unknown-replica"),
            ("heal 3".into(), "unknown-replica"),
            ("compact 0 3".into(), "unknown-replica"),
            ("replica 3".into(), "unknown-replica"),
            ("get 3 0x".into(), "unknown-replica"),
            ("get 2 0x".into(), "key-length"),
            (format!("get 2 {key}"), "key-length"),
            ("hash 3".into(), "unknown-replica"),
            ("dump 3".into(), "unknown-replica"),
            ("log 18446744073709551615".into(), "unknown-replica"),
            ("draw 1 0".into(), "count"),
            ("draw 1 1001".into(), "count"),
            ("workload 1 0 10000001".into(), "key-space"),
            ("workload 1 1000001 1".into(), "key-space"),
            ("workload 1 1000000 10000001".into(), "count"),
            ("chaos 1 10000001".into(), "count"),
        ] {
            let untouched = "ok role=leader term=1 base=0 commit=1 last=1 keys=0".to_owned();
            let given = answers(&format!("new 3\nnoop\n{line}\nreplica 0"));
            assert_eq!(given[2..], [format!("err {code}"), untouched], "{line:.40}");
        }
    }

    #[test]
    fn counts_are_taken_up_to_their_limits() {
        assert_eq!(answers("draw 1 1000")[0].split(' ').count(), 1_001);
        let given = answers("new 1\nworkload 1 1000000 0\nworkload 1 1 1\nchaos 1 0");
        assert_eq!(
            given[1..3],
            ["ok committed=0 pending=0 refused=0", "ok committed=1 pending=0 refused=0"]
        );
        assert!(given[3].starts_with("ok digest="));
    }

    #[test]
    fn chaos_digests_the_transcript_that_its_lines_give() {
        let (seed, steps) = (5, 3_000);
        let mut session = Session::new();
        session.answer(b"new 5", &mut String::new());
        let mut chaos = Chaos::new(seed, steps);
        let (mut line, mut transcript) = (String::new(), String::new());
        while chaos.next_line(session.cluster().unwrap(), &mut line) {
            put(&mut transcript, format_args!("> {line}\n< "));
            session.answer(line.as_bytes(), &mut transcript);
            transcript.push('\n');
        }
        assert!(transcript.len() > 2 * BUFFER_SIZE, "the digest is fed in several pieces");
        let digest = hex::encode(Sha256::digest(transcript));
        let given = answers(&format!("new 5\nchaos {seed} {steps}"));
        assert_eq!(given[1], format!("ok digest={digest}"));
    }

    #[test]
    fn a_scenario_whose_replicas_differ_or_whose_commands_fail_has_diverged() {
        let run = |script: &str| run_scenario(script.lines());
        assert!(run("new 3\npartition 2\nnoop\nheal").is_ok());
        assert_eq!(run("new 3\npartition 1\nnoop"), Err(ErrorCode::Diverged));
        assert_eq!(run("new 3\npartition 2\nnoop"), Err(ErrorCode::Diverged));
        assert_eq!(run("new 3\nput 0x v"), Err(ErrorCode::Diverged));
    }

    #[test]
    fn a_scenario_does_not_touch_the_cluster() {
        assert_eq!(
            answers("new 1\nscenario A\nreplica 0").last().unwrap(),
            "ok role=leader term=1 base=0 commit=0 last=0 keys=0"
        );
    }

    #[test]
    fn after_quit_nothing_is_answered() {
        assert_eq!(answers("quit\nmix 0\nquit\nnonsense"), ["ok"]);
        assert_eq!(answers("quit 1\nmix 0"), ["err syntax", "ok 0"]);
    }

    #[test]
    fn an_answer_is_appended() {
        let mut out = "before ".to_owned();
        let mut session = Session::new();
        assert!(session.answer(b"mix 0", &mut out));
        assert!(!session.answer(b"# c", &mut out));
        assert!(session.answer(b"draw 1 0", &mut out));
        assert_eq!(out, "before ok 0err count");
    }

    /// Both ends of a caller: it gives its chunks one by one, and notes what it had been
    /// answered before each read.
    #[derive(Default)]
    struct Ends {
        chunks: RefCell<VecDeque<Vec<u8>>>,
        written: RefCell<Vec<u8>>,
        flushed: RefCell<Vec<u8>>,
        before_reads: RefCell<Vec<String>>,
    }

    impl Read for &Ends {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let flushed = String::from_utf8(self.flushed.borrow().clone()).unwrap();
            self.before_reads.borrow_mut().push(flushed);
            let Some(mut chunk) = self.chunks.borrow_mut().pop_front() else { return Ok(0) };
            let length = chunk.len().min(buffer.len());
            buffer[..length].copy_from_slice(&chunk[..length]);
            if length < chunk.len() {
                self.chunks.borrow_mut().push_front(chunk.split_off(length));
            }
            Ok(length)
        }
    }

    impl Write for &Ends {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.written.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushed.borrow_mut().clone_from(&self.written.borrow());
            Ok(())
        }
    }

    /// What had been answered before each read, and in the end.
    fn served(chunks: &[&str]) -> Vec<String> {
        let ends = Ends::default();
        ends.chunks.borrow_mut().extend(chunks.iter().map(|chunk| chunk.as_bytes().to_vec()));
        serve(&ends, &ends).unwrap();
        let mut all = ends.before_reads.take();
        all.push(String::from_utf8(ends.flushed.take()).unwrap());
        all
    }

    #[test]
    fn everything_is_flushed_before_a_read() {
        let chunks = ["mix 0\nmix", " 0\nm", "ix 0", "\n", "# c\n", "mix 0"];
        let before = [0, 1, 2, 2, 3, 3, 3, 4, 4].map(|count| "ok 0\n".repeat(count));
        assert_eq!(served(&chunks), before);
    }

    #[test]
    fn nothing_is_read_after_quit() {
        assert_eq!(served(&["mix 0\nquit\nmix 0\n", "mix 0\n"]), ["", "ok 0\nok\n"]);
    }

    #[test]
    fn many_answers_are_written_at_once() {
        struct Counter(usize);
        impl Write for Counter {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut counter = Counter(0);
        serve("mix 0\n".repeat(10_000).as_bytes(), &mut counter).unwrap();
        assert!(counter.0 < 10, "{} writes", counter.0);
    }

    #[test]
    fn chunks_make_no_difference() {
        let input =
            "new 3\n\n# c\nput a b\nnonsense\nat 0 put \u{e4} 0x0\n  get 1 a  \nmix 0\r\nlog 0";
        let whole = served(&[input]).pop().unwrap();
        assert_eq!(whole.lines().count(), 7);
        for size in [1, 2, 7] {
            let ends = Ends::default();
            ends.chunks.borrow_mut().extend(input.as_bytes().chunks(size).map(<[u8]>::to_vec));
            serve(&ends, &ends).unwrap();
            assert_eq!(String::from_utf8(ends.flushed.take()).unwrap(), whole, "chunks of {size}");
        }
    }

    #[test]
    fn an_overlong_line_is_skipped_whatever_its_chunks() {
        for more in [1, 2, BUFFER_SIZE] {
            let line = "x".repeat(LINE_LENGTH_MAX + more);
            let all = served(&["mix 0\n", &line, "\nmix 0\n"]);
            assert_eq!(all.last().unwrap(), "ok 0\nerr line-length\nok 0\n");
        }
        let line = " ".repeat(LINE_LENGTH_MAX - 5) + "mix 0";
        assert_eq!(served(&[&line, "\nmix 0"]).last().unwrap(), "ok 0\nok 0\n");
    }

    /// Fails once `left` calls have gone well.
    struct Failing<T> {
        left: usize,
        inner: T,
    }

    impl<T> Failing<T> {
        fn call(&mut self) -> io::Result<&mut T> {
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(&mut self.inner)
        }
    }

    impl<T: Read> Read for Failing<T> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.call()?.read(buffer)
        }
    }

    impl<T: Write> Write for Failing<T> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.call()?.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.inner.flush()
        }
    }

    #[test]
    fn a_writer_that_fails_is_an_output_error() {
        let output = Failing { left: 0, inner: Vec::new() };
        let error = serve(b"mix 0\n".as_slice(), output).unwrap_err();
        assert!(matches!(error, ServeError::Output(_)), "{error}");
        assert!(error.to_string().starts_with("standard output: "));
    }

    #[test]
    fn a_flush_that_fails_is_an_output_error() {
        struct Unflushable;
        impl Write for Unflushable {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let error = serve(b"mix 0\n".as_slice(), Unflushable).unwrap_err();
        assert!(matches!(error, ServeError::Output(_)), "{error}");
    }

    #[test]
    fn a_reader_that_fails_is_an_input_error_after_the_answers() {
        let mut output = Vec::new();
        let input = Failing { left: 1, inner: b"mix 0\nmix 0\nmi".as_slice() };
        let error = serve(input, &mut output).unwrap_err();
        assert!(matches!(error, ServeError::Input(_)), "{error}");
        assert!(error.to_string().starts_with("standard input: "));
        assert_eq!(output, b"ok 0\nok 0\n");
    }
}
