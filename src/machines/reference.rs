//! The reference session, and what the exam sees of it.

use crate::chaos::Chaos;
use crate::error::ErrorCode;
use crate::protocol::{Command, parse, put_op};
use crate::replica::Role;
use crate::splitmix64::SplitMix64;
use crate::workload::draw_op;

/// The oracle of the exam.
type ReferenceSession = crate::session::Session;

/// A session of the reference.
#[derive(Clone)]
pub(super) struct Reference(ReferenceSession);

/// What the exam sees of a cluster.
pub(super) struct View {
    pub(super) term: u64,
    pub(super) leader: usize,
    pub(super) replicas: Vec<ReplicaView>,
}

/// What the exam sees of a replica.
pub(super) struct ReplicaView {
    pub(super) is_isolated: bool,
    /// Whether it believes it is leader.
    pub(super) leads: bool,
    pub(super) base: u64,
    pub(super) commit_index: u64,
    pub(super) last: u64,
    pub(super) last_term: u64,
}

impl Reference {
    pub(super) fn new() -> Self {
        Self(ReferenceSession::new())
    }

    /// Runs a line. Returns `None` if it gets no answer.
    pub(super) fn run(&mut self, line: &[u8]) -> Option<String> {
        let mut answer = String::new();
        self.0.answer(line, &mut answer).then_some(answer)
    }

    /// Returns the number of replicas, or `None` if there is no cluster.
    pub(super) fn size(&self) -> Option<usize> {
        Some(self.0.cluster()?.replica_count())
    }

    /// Returns what can be seen of the cluster, if there is one.
    pub(super) fn view(&self) -> Option<View> {
        let cluster = self.0.cluster()?;
        let replicas = cluster.replicas().iter().map(|replica| ReplicaView {
            is_isolated: cluster.is_partitioned(replica.id()) == Ok(true),
            leads: replica.role() == Role::Leader,
            base: replica.base(),
            commit_index: replica.commit_index(),
            last: replica.last(),
            last_term: replica.last_term(),
        });
        let replicas = replicas.collect();
        Some(View { term: cluster.term(), leader: cluster.leader(), replicas })
    }

    /// Returns the term of an entry in a replica's log, if it is known.
    pub(super) fn term_at(&self, id: usize, index: u64) -> Option<u64> {
        self.0.cluster()?.replica(id).ok()?.term_at(index)
    }

    /// Returns a replica's snapshot.
    pub(super) fn dump(&self, id: usize) -> Option<Vec<u8>> {
        Some(self.0.cluster()?.replica(id).ok()?.dump_state())
    }

    /// Returns the next line of a chaos run on the cluster as it is, unless the run is over.
    pub(super) fn chaos_line(&self, chaos: &mut Chaos) -> Option<String> {
        let mut line = String::new();
        self.0.cluster().filter(|cluster| chaos.next_line(cluster, &mut line))?;
        Some(line)
    }
}

/// Parses a line. Returns `None` for a line that is not a command.
pub(super) fn command(line: &[u8]) -> Option<Command> {
    parse(line).ok().flatten()
}

/// Reports whether the line makes a new cluster.
pub(super) fn makes_cluster(line: &[u8]) -> bool {
    let replicas = 1..=crate::op::REPLICAS_MAX;
    matches!(command(line), Some(Command::New { replica_count }) if replicas.contains(&replica_count))
}

/// Draws the next op of a workload and returns its line.
pub(super) fn draw_line(draws: &mut SplitMix64, keys: u64) -> Result<String, ErrorCode> {
    let mut line = String::new();
    put_op(&mut line, &draw_op(draws, keys)?);
    Ok(line)
}
