//! A session: command lines in, answers out (definition, sections 8 to 10).

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use crate::backend::{Backend, ReplicaStatus, SnapshotStatus};
use crate::chaos::{CHAOS_STEPS_MAX, ChaosLines};
use crate::cluster::{Cluster, Outcome};
use crate::error::{ErrorCode, LoadError};
use crate::op::check_key_length;
use crate::protocol::{Command, Hex, PROTOCOL_VERSION, parse};
use crate::scenario::scenario_script;
use crate::splitmix64::{SplitMix64, mix};
use crate::workload::{WorkloadCounts, run_workload};

const PORT_NAME: &str = "rust";
/// The greatest number of outputs that `draw` returns; the least is 1.
pub const DRAW_COUNT_MAX: u64 = 1_000;
/// The number of bytes that are gathered before they are hashed.
const HASH_CHUNK_SIZE: usize = 1 << 16;

/// A session of the port protocol. It has no cluster until `new` makes one.
///
/// The cluster is the port's [`Cluster`], or another [`Backend`], such as the reference's.
///
/// ```
/// let mut session = dkv20::Session::new();
/// let mut answer = String::new();
/// assert!(session.run_line(b"new 3", &mut answer));
/// assert_eq!(answer, "ok");
/// assert!(!session.run_line(b"# a comment", &mut answer));
/// ```
#[derive(Clone, Debug)]
pub struct Session<C = Cluster> {
    cluster: Option<C>,
    has_quit: bool,
}

/// The error of a command; it is displayed as the answer.
enum CommandError {
    Code(ErrorCode),
    Load(LoadError),
}

impl From<LoadError> for CommandError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<ErrorCode> for CommandError {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "err {code}"),
            Self::Load(error) => write!(f, "err {error}"),
        }
    }
}

impl Session {
    /// Returns a session of the port, without a cluster. [`Session::default`] makes one of any
    /// [`Backend`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C> Default for Session<C> {
    fn default() -> Self {
        Self { cluster: None, has_quit: false }
    }
}

impl<C: Backend> Session<C> {
    /// Returns the cluster, or `None` before the first `new` that was answered `ok`.
    #[must_use]
    pub fn cluster(&self) -> Option<&C> {
        self.cluster.as_ref()
    }

    /// Reports whether `quit` was answered. Lines after it get no answer.
    #[must_use]
    pub fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// Runs one line, given without its LF, and appends the answer to `out`, without an LF.
    ///
    /// Returns `false` if the line gets no answer: it has no tokens, is a comment, or follows `quit`.
    pub fn run_line(&mut self, line: &[u8], out: &mut String) -> bool {
        if self.has_quit {
            return false;
        }
        let start = out.len();
        let result = match parse(line) {
            Ok(None) => return false,
            Ok(Some(command)) => self.run(command, out),
            Err(code) => Err(code.into()),
        };
        if let Err(error) = result {
            out.truncate(start);
            append(out, format_args!("{error}"));
        }
        true
    }

    /// Runs a command and appends its `ok` answer.
    fn run(&mut self, command: Command, out: &mut String) -> Result<(), CommandError> {
        match command {
            Command::Hello => append(out, format_args!("ok dkv20 {PROTOCOL_VERSION} {PORT_NAME}")),
            Command::New { size } => {
                self.cluster = Some(C::new(size)?);
                out.push_str("ok");
            }
            Command::Load { bytes } => append_snapshot(out, &C::load_state(&bytes)?),
            Command::Mix { z } => append(out, format_args!("ok {}", mix(z))),
            Command::Draw { seed, count } => append_draws(out, seed, count)?,
            Command::Chaos { seed, steps } => {
                append(out, format_args!("ok digest={}", self.run_chaos(seed, steps)?));
            }
            Command::Scenario { name } => {
                append(out, format_args!("ok {}", run_scenario_on::<C>(&name)?));
            }
            Command::Quit => {
                self.has_quit = true;
                out.push_str("ok");
            }
            command => run_on_cluster(self.cluster_mut()?, command, out)?,
        }
        Ok(())
    }

    fn cluster_mut(&mut self) -> Result<&mut C, ErrorCode> {
        self.cluster.as_mut().ok_or(ErrorCode::NoCluster)
    }

    /// Runs the lines of section 10 and returns the digest of their transcript.
    fn run_chaos(&mut self, seed: u64, steps: u64) -> Result<String, ErrorCode> {
        self.cluster_mut()?;
        check_count(steps, 0, CHAOS_STEPS_MAX)?;
        let mut run = ChaosRun::new(seed);
        self.run_chaos_steps(&mut run, steps)?;
        self.end_chaos(run)
    }

    /// Runs the next steps of a chaos run.
    pub(crate) fn run_chaos_steps(
        &mut self,
        run: &mut ChaosRun,
        steps: u64,
    ) -> Result<(), ErrorCode> {
        run.lines.add_steps(steps);
        for _ in 0..steps {
            self.run_chaos_line(run)?;
        }
        run.hash_transcript();
        Ok(())
    }

    /// Runs the lines after the last step and returns the digest.
    pub(crate) fn end_chaos(&mut self, mut run: ChaosRun) -> Result<String, ErrorCode> {
        while self.run_chaos_line(&mut run)? {}
        run.hash_transcript();
        Ok(hex::encode(run.digest.finalize()))
    }

    /// Returns `false` if there is no further line.
    fn run_chaos_line(&mut self, run: &mut ChaosRun) -> Result<bool, ErrorCode> {
        let ChaosRun { lines, line, transcript, .. } = run;
        if !lines.next_line(self.cluster_mut()?, line) {
            return Ok(false);
        }
        append(transcript, format_args!("> {line}\n< "));
        self.run_line(line.as_bytes(), transcript);
        transcript.push('\n');
        if transcript.len() >= HASH_CHUNK_SIZE {
            run.hash_transcript();
        }
        Ok(true)
    }
}

/// A chaos run so far. A clone goes on with a clone of the session.
#[derive(Clone)]
pub(crate) struct ChaosRun {
    lines: ChaosLines,
    digest: Sha256,
    /// The part of the transcript that is not hashed yet.
    transcript: String,
    /// The line that is run.
    line: String,
}

impl ChaosRun {
    pub(crate) fn new(seed: u64) -> Self {
        let (digest, transcript, line) = (Sha256::new(), String::new(), String::new());
        Self { lines: ChaosLines::new(seed, 0), digest, transcript, line }
    }

    fn hash_transcript(&mut self) {
        self.digest.update(&self.transcript);
        self.transcript.clear();
    }
}

/// Runs a command that needs a cluster and appends its `ok` answer.
fn run_on_cluster<C: Backend>(
    cluster: &mut C,
    command: Command,
    out: &mut String,
) -> Result<(), ErrorCode> {
    match command {
        Command::Propose { op } => append_outcome(out, cluster.propose(op)?),
        Command::ProposeAt { id, op } => append_outcome(out, cluster.propose_at(id, op)?),
        Command::Partition { ids } => {
            cluster.partition(&ids)?;
            append_leadership(out, cluster);
        }
        Command::Heal => {
            cluster.heal();
            append_leadership(out, cluster);
        }
        Command::HealIds { ids } => {
            cluster.heal_ids(&ids)?;
            append_leadership(out, cluster);
        }
        Command::Compact => {
            cluster.compact();
            out.push_str("ok");
        }
        Command::CompactIds { ids } => {
            cluster.compact_ids(&ids)?;
            out.push_str("ok");
        }
        Command::Status => append_status(out, cluster),
        Command::Replica { id } => append_replica(out, cluster.replica_status(id)?),
        Command::Get { id, key } => {
            let value = cluster.get(id, &key)?;
            check_key_length(key.len())?;
            match value {
                Some(value) => append_bytes(out, value),
                None => out.push_str("ok none"),
            }
        }
        Command::Hash { id } => append(out, format_args!("ok {}", cluster.snapshot_hash(id)?)),
        Command::Dump { id } => append_bytes(out, &cluster.dump_state(id)?),
        Command::Log { id } => append(out, format_args!("ok {}", cluster.log_hash(id)?)),
        Command::Workload { seed, keys, count } => {
            append_counts(out, run_workload(cluster, seed, keys, count)?);
        }
        _ => unreachable!("`Session::run` runs the commands that need no cluster"),
    }
    Ok(())
}

/// Runs the scenario on a new session of the port and returns the snapshot hash that all its
/// replicas have at the end, in 64 lower-case hex digits (section 9).
///
/// # Errors
///
/// [`UnknownScenario`](ErrorCode::UnknownScenario) if no scenario has this name;
/// [`Diverged`](ErrorCode::Diverged) if a command fails or the replicas differ at the end.
pub fn run_scenario(name: &[u8]) -> Result<String, ErrorCode> {
    run_scenario_on::<Cluster>(name)
}

fn run_scenario_on<C: Backend>(name: &[u8]) -> Result<String, ErrorCode> {
    run_script::<C>(scenario_script(name).ok_or(ErrorCode::UnknownScenario)?)
}

fn run_script<'a, C: Backend>(lines: impl Iterator<Item = &'a str>) -> Result<String, ErrorCode> {
    let mut session = Session::<C>::default();
    for line in lines {
        let mut answer = String::new();
        session.run_line(line.as_bytes(), &mut answer);
        if answer.starts_with("err") {
            return Err(ErrorCode::Diverged);
        }
    }
    let cluster = session.cluster_mut()?;
    let first = cluster.snapshot_hash(0)?;
    for id in 1..cluster.size() {
        if cluster.snapshot_hash(id)? != first {
            return Err(ErrorCode::Diverged);
        }
    }
    Ok(first)
}

fn check_count(count: u64, least: u64, greatest: u64) -> Result<(), ErrorCode> {
    if (least..=greatest).contains(&count) { Ok(()) } else { Err(ErrorCode::Count) }
}

fn append_bytes(out: &mut String, bytes: &[u8]) {
    // Digits are appended in pieces, for each of which a long answer would grow.
    out.reserve("ok 0x".len() + 2 * bytes.len());
    append(out, format_args!("ok {}", Hex(bytes)));
}

fn append_outcome(out: &mut String, outcome: Outcome) {
    let word = if outcome.committed { "committed" } else { "pending" };
    append(out, format_args!("ok {word} index={} term={}", outcome.index, outcome.term));
}

fn append_leadership(out: &mut String, cluster: &impl Backend) {
    let (leader, term) = (cluster.leader(), cluster.term());
    if cluster.isolated_ids().contains(&leader) {
        append(out, format_args!("ok leader=none term={term}"));
    } else {
        append(out, format_args!("ok leader={leader} term={term}"));
    }
}

fn append_status(out: &mut String, cluster: &impl Backend) {
    append_leadership(out, cluster);
    let isolated: Vec<_> = cluster.isolated_ids().iter().map(u64::to_string).collect();
    let isolated = if isolated.is_empty() { "none".to_owned() } else { isolated.join(",") };
    append(out, format_args!(" quorum={} isolated={isolated}", cluster.quorum()));
}

fn append_replica(out: &mut String, replica: ReplicaStatus) {
    let ReplicaStatus { role, term, base, commit_index, last, key_count } = replica;
    let role = role.as_str();
    append(
        out,
        format_args!(
            "ok role={role} term={term} base={base} commit={commit_index} last={last} keys={key_count}"
        ),
    );
}

fn append_snapshot(out: &mut String, snapshot: &SnapshotStatus) {
    let SnapshotStatus { commit_index, term, key_count, snapshot_hash } = snapshot;
    append(
        out,
        format_args!(
            "ok commit={commit_index} term={term} keys={key_count} sha256={snapshot_hash}"
        ),
    );
}

fn append_draws(out: &mut String, seed: u64, count: u64) -> Result<(), ErrorCode> {
    check_count(count, 1, DRAW_COUNT_MAX)?;
    let mut draws = SplitMix64::new(seed);
    out.push_str("ok");
    for _ in 0..count {
        out.push(' ');
        append_number(out, draws.next());
    }
    Ok(())
}

/// Appends a number in decimal; for a thousand of them, formatting takes longer than drawing.
fn append_number(out: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(str::from_utf8(&digits[start..]).expect("digits are ASCII"));
}

fn append_counts(out: &mut String, counts: WorkloadCounts) {
    let WorkloadCounts { committed, pending, refused } = counts;
    append(out, format_args!("ok committed={committed} pending={pending} refused={refused}"));
}

fn append(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    /// Returns the answers to the lines that get one.
    fn answers(lines: &str) -> Vec<String> {
        let mut session = Session::new();
        let run_line = |line: &str| {
            let mut out = String::new();
            session.run_line(line.as_bytes(), &mut out).then_some(out)
        };
        lines.lines().filter_map(run_line).collect()
    }

    /// Runs the commands of a transcript, on the port and on the reference.
    #[track_caller]
    fn assert_transcript(transcript: &str) {
        assert_transcript_on(Session::new(), transcript);
        assert_transcript_on(Session::<reference::Cluster>::default(), transcript);
    }

    #[track_caller]
    fn assert_transcript_on<C: Backend>(mut session: Session<C>, transcript: &str) {
        let mut actual = String::new();
        for command in transcript.lines().filter_map(|line| line.strip_prefix("> ")) {
            append(&mut actual, format_args!("> {command}\n< "));
            assert!(session.run_line(command.as_bytes(), &mut actual));
            actual.push('\n');
        }
        assert_eq!(actual, transcript);
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
    fn failing_new_keeps_the_cluster() {
        assert_transcript(
            "> new 0\n< err replica-count\n> status\n< err no-cluster\n> new 64\n< ok\n\
             > noop\n< ok committed index=1 term=1\n> new 65\n< err replica-count\n\
             > new 18446744073709551615\n< err replica-count\n\
             > replica 63\n< ok role=follower term=1 base=0 commit=1 last=1 keys=0\n\
             > new 1\n< ok\n> replica 0\n< ok role=leader term=1 base=0 commit=0 last=0 keys=0\n",
        );
    }

    #[test]
    fn no_cluster_comes_after_syntax_and_before_other_errors() {
        let needs_cluster = [
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
        for line in needs_cluster {
            assert_eq!(answers(line), ["err no-cluster"], "{line}");
        }
        for line in ["put 0x", "status 1", "chaos 1 x", "workload 1 0", "get 9", "heal x"] {
            assert_eq!(answers(line), ["err syntax"], "{line}");
        }
    }

    #[test]
    fn errors_come_in_their_order() {
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
            let actual = answers(&format!("new 3\nnoop\n{line}\nreplica 0"));
            assert_eq!(actual[2..], [format!("err {code}"), untouched], "{line:.40}");
        }
    }

    #[test]
    fn counts_are_accepted_up_to_their_limits() {
        assert_eq!(answers("draw 1 1000")[0].split(' ').count(), 1_001);
        let actual = answers("new 1\nworkload 1 1000000 0\nworkload 1 1 1\nchaos 1 0");
        assert_eq!(
            actual[1..3],
            ["ok committed=0 pending=0 refused=0", "ok committed=1 pending=0 refused=0"]
        );
        assert!(actual[3].starts_with("ok digest="));
    }

    #[test]
    fn chaos_digests_the_transcript_of_its_lines() {
        let (seed, steps) = (5, 3_000);
        let mut session = Session::new();
        session.run_line(b"new 5", &mut String::new());
        let mut lines = ChaosLines::new(seed, steps);
        let (mut line, mut transcript) = (String::new(), String::new());
        while lines.next_line(session.cluster().unwrap(), &mut line) {
            append(&mut transcript, format_args!("> {line}\n< "));
            session.run_line(line.as_bytes(), &mut transcript);
            transcript.push('\n');
        }
        assert!(transcript.len() > 2 * HASH_CHUNK_SIZE, "the digest is fed in several pieces");
        let digest = hex::encode(Sha256::digest(transcript));
        let actual = answers(&format!("new 5\nchaos {seed} {steps}"));
        assert_eq!(actual[1], format!("ok digest={digest}"));
    }

    #[test]
    fn scenario_diverges_if_replicas_differ_or_a_command_fails() {
        let run = |script: &str| run_script::<Cluster>(script.lines());
        assert!(run("new 3\npartition 2\nnoop\nheal").is_ok());
        assert_eq!(run("new 3\npartition 1\nnoop"), Err(ErrorCode::Diverged));
        assert_eq!(run("new 3\npartition 2\nnoop"), Err(ErrorCode::Diverged));
        assert_eq!(run("new 3\nput 0x v"), Err(ErrorCode::Diverged));
    }

    #[test]
    fn scenario_leaves_the_cluster_alone() {
        assert_eq!(
            answers("new 1\nscenario A\nreplica 0").last().unwrap(),
            "ok role=leader term=1 base=0 commit=0 last=0 keys=0"
        );
    }

    #[test]
    fn lines_after_quit_get_no_answer() {
        assert_eq!(answers("quit\nmix 0\nquit\nnonsense"), ["ok"]);
        assert_eq!(answers("quit 1\nmix 0"), ["err syntax", "ok 0"]);
    }

    #[test]
    fn answers_are_appended() {
        let mut out = "before ".to_owned();
        let mut session = Session::new();
        assert!(session.run_line(b"mix 0", &mut out));
        assert!(!session.run_line(b"# c", &mut out));
        assert!(session.run_line(b"draw 1 0", &mut out));
        assert_eq!(out, "before ok 0err count");
    }
}
