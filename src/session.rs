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
#[derive(Debug, Default)]
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
    let lines = scenario_lines(name).ok_or(ErrorCode::UnknownScenario)?;
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
