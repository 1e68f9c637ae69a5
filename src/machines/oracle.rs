//! The reference session, and what the exam sees of it.

use std::ops::Bound::{Excluded, Unbounded};

use dkv20_exam::Due;

use super::chaos_runs;
use super::commands::is_greeting;
use crate::chaos::ChaosLines;
use crate::error::ErrorCode;
use crate::protocol::{Command, append_op, parse};
use crate::reference::{Cluster, Op, Replica, Role};
use crate::session;
use crate::splitmix64::SplitMix64;
use crate::workload::draw_op;

/// The length of most answers is less than this.
const ANSWER_LENGTH: usize = 96;
/// The bytes of a snapshot before its keys.
const SNAPSHOT_HEADER_LENGTH: usize = 32;
/// The bytes before an entry's op.
const ENTRY_HEADER_LENGTH: usize = 16;

/// A session of the reference: the oracle of the exam.
#[derive(Clone)]
pub(super) struct Oracle(session::Session<Cluster>);

/// The part of a cluster that the exam looks at.
pub(super) struct View {
    pub(super) term: u64,
    pub(super) leader: usize,
    pub(super) replicas: Vec<ReplicaView>,
}

/// The part of a replica that the exam looks at.
pub(super) struct ReplicaView {
    pub(super) is_isolated: bool,
    /// Whether it believes it is leader.
    pub(super) leads: bool,
    pub(super) base: u64,
    pub(super) commit_index: u64,
    pub(super) last: u64,
    pub(super) last_term: u64,
    pub(super) key_count: usize,
}

impl Oracle {
    pub(super) fn new() -> Self {
        Self(session::Session::default())
    }

    /// Returns the session that has run these lines.
    pub(super) fn after(lines: &[Vec<u8>]) -> Self {
        let mut session = Self::new();
        for line in lines {
            session.run(line);
        }
        session
    }

    /// Runs a line. Returns `None` if it gets no answer.
    pub(super) fn run(&mut self, line: &[u8]) -> Option<String> {
        if let Some(answer) = chaos_runs::run(&mut self.0, line) {
            return Some(answer);
        }
        let mut answer = String::with_capacity(ANSWER_LENGTH);
        self.0.run_line(line, &mut answer).then_some(answer)
    }

    /// Returns the number of replicas, or `None` if there is no cluster.
    pub(super) fn size(&self) -> Option<usize> {
        self.0.cluster().map(|cluster| cluster.replicas.len())
    }

    /// Returns what can be seen of the cluster, if there is one.
    pub(super) fn view(&self) -> Option<View> {
        let cluster = self.0.cluster()?;
        let view = |(id, replica): (usize, &Replica)| ReplicaView {
            is_isolated: cluster.isolated.contains(&id),
            leads: replica.role == Role::Leader,
            base: replica.base,
            commit_index: replica.commit,
            last: replica.last(),
            last_term: replica.last_term(),
            key_count: replica.map.len(),
        };
        let replicas = cluster.replicas.iter().enumerate().map(view).collect();
        Some(View { term: cluster.term, leader: cluster.leader, replicas })
    }

    /// Returns the term of an entry in a replica's log, if it is known.
    pub(super) fn term_at(&self, id: usize, index: u64) -> Option<u64> {
        self.0.cluster()?.replicas.get(id)?.term_at(index)
    }

    /// Returns the number of bytes of a replica's entries after an index, as `log` hashes them.
    pub(super) fn log_length_after(&self, id: usize, index: u64) -> u64 {
        let replica = self.0.cluster().and_then(|cluster| cluster.replicas.get(id));
        let Some(replica) = replica else { return 0 };
        let skipped = usize::try_from(index.saturating_sub(replica.base)).unwrap_or(usize::MAX);
        let length = |(_, op): &(u64, Op)| ENTRY_HEADER_LENGTH + encoded_length(op);
        replica.log.iter().skip(skipped).map(length).sum::<usize>() as u64
    }

    /// Returns the length of a replica's snapshot in bytes.
    pub(super) fn snapshot_length(&self, id: usize) -> u64 {
        let replica = self.0.cluster().and_then(|cluster| cluster.replicas.get(id));
        let lengths = replica.into_iter().flat_map(|replica| &replica.map);
        let lengths = lengths.map(|(key, value)| 8 + key.len() + value.len());
        (SNAPSHOT_HEADER_LENGTH + lengths.sum::<usize>()) as u64
    }

    /// Returns how many bytes a key has in common with a neighbour of it in the current leader's
    /// map, at most.
    pub(super) fn shared_prefix_length(&self, key: &[u8]) -> usize {
        let Some(cluster) = self.0.cluster() else { return 0 };
        let map = &cluster.replicas[cluster.leader].map;
        let before = map.range::<[u8], _>((Unbounded, Excluded(key))).next_back();
        let after = map.range::<[u8], _>((Excluded(key), Unbounded)).next();
        let shared = |(other, _): (&Vec<u8>, &Vec<u8>)| {
            key.iter().zip(other).take_while(|(a, b)| a == b).count()
        };
        before.into_iter().chain(after).map(shared).max().unwrap_or_default()
    }

    /// Returns the cluster, if there is one.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        self.0.cluster()
    }

    /// Returns the next line of a chaos run on the cluster as it is, unless the run is over.
    pub(super) fn chaos_line(&self, lines: &mut ChaosLines) -> Option<String> {
        let mut line = String::new();
        let cluster = self.0.cluster()?;
        lines.next_line(cluster, &mut line).then_some(line)
    }
}

/// Returns the length of the op's encoding in bytes.
fn encoded_length(op: &Op) -> usize {
    match op {
        Op::NoOp => 1,
        Op::Put { key, value } => 9 + key.len() + value.len(),
        Op::Del { key } => 5 + key.len(),
    }
}

/// Parses a line. Returns `None` for a line that is not a command.
pub(super) fn command(line: &[u8]) -> Option<Command> {
    parse(line).ok().flatten()
}

/// Returns what is due for a line, by the reference's answer.
pub(super) fn due_of(answer: Option<String>) -> Due {
    match answer {
        None => Due::Nothing,
        Some(answer) if is_greeting(answer.as_bytes()) => Due::Greeting,
        Some(answer) => Due::Answer(answer.into_bytes()),
    }
}

/// Reports whether the line makes a new cluster.
pub(super) fn makes_cluster(line: &[u8]) -> bool {
    let sizes = 1..=crate::op::REPLICAS_MAX;
    matches!(command(line), Some(Command::New { size }) if sizes.contains(&size))
}

/// Draws the next op of a workload and returns its line.
pub(super) fn draw_line(draws: &mut SplitMix64, keys: u64) -> Result<String, ErrorCode> {
    let mut line = String::new();
    append_op(&mut line, &draw_op(draws, keys)?);
    Ok(line)
}
