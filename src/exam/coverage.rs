//! What the lines made happen in the reference: an exam that caused nothing has shown nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::replica::Role;
use crate::session::Session;

/// Something that can happen to a cluster, or an error that a line can be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A new leader took over.
    Election,
    /// One did although another reachable replica had a longer log, of an older last term.
    ElectionByTerm,
    /// A replica dropped log entries that were not the leader's.
    Truncation,
    /// A replica got a snapshot because its log ended before the leader's began.
    LaggingSnapshot,
    /// A replica got a snapshot because its log was not the leader's where that began.
    ConflictingSnapshot,
    /// A replica that took itself for leader gave the role up.
    Demotion,
    /// An entry that was pending when it was proposed became committed.
    LateCommit,
    /// The current leader is isolated and nobody can be elected.
    NoQuorum,
    /// A line was answered with this error.
    Error(&'static str),
}

impl Event {
    /// What the traces must cause: everything that a session can show.
    pub const ALL: &'static [Self] = &[
        Self::Election,
        Self::ElectionByTerm,
        Self::Truncation,
        Self::LaggingSnapshot,
        Self::ConflictingSnapshot,
        Self::Demotion,
        Self::LateCommit,
        Self::NoQuorum,
        Self::Error("replica-count"),
        Self::Error("key-length"),
        Self::Error("value-length"),
        Self::Error("unknown-replica"),
        Self::Error("no-leader"),
        Self::Error("not-leader"),
        Self::Error("truncated"),
        Self::Error("bad-magic"),
        Self::Error("bad-version"),
        Self::Error("bad-term"),
        Self::Error("bad-count"),
        Self::Error("key-order"),
        Self::Error("trailing-bytes"),
        Self::Error("key-space"),
        Self::Error("count"),
        Self::Error("unknown-scenario"),
        Self::Error("unknown-command"),
        Self::Error("syntax"),
        Self::Error("no-cluster"),
    ];
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Election => "elections",
            Self::ElectionByTerm => "elections that the last term decided against a longer log",
            Self::Truncation => "tails truncated",
            Self::LaggingSnapshot => "snapshots for a log that ended too early",
            Self::ConflictingSnapshot => "snapshots for a log that conflicts",
            Self::Demotion => "leaders demoted",
            Self::LateCommit => "pending entries that committed later",
            Self::NoQuorum => "times without a leader",
            Self::Error(code) => return write!(f, "`err {code}`"),
        })
    }
}

/// How often each event happened.
pub type Tally = BTreeMap<Event, u64>;

/// Runs the lines on a session of the reference and counts into `tally` what happens.
pub fn observe(lines: &[Vec<u8>], tally: &mut Tally) {
    let mut session = Session::new();
    let mut pending = BTreeSet::new();
    for line in lines {
        let before = session.cluster().map(View::new);
        let mut answer = String::new();
        session.answer(line, &mut answer);
        count_error(&answer, tally);
        let (Some(before), Some(cluster)) = (before, session.cluster()) else { continue };
        if line.trim_ascii_start().starts_with(b"new") {
            pending.clear();
            continue;
        }
        before.count(cluster, tally);
        if let Some(entry) = pending_entry(&answer) {
            pending.insert(entry);
        }
        pending.retain(|(index, term)| {
            let leader = &cluster.replicas()[cluster.leader()];
            let committed = *index <= leader.commit_index();
            if committed && leader.term_at(*index) == Some(*term) {
                *tally.entry(Event::LateCommit).or_default() += 1;
            }
            !committed
        });
    }
}

fn count_error(answer: &str, tally: &mut Tally) {
    let code = answer.strip_prefix("err ").and_then(|rest| rest.split(' ').next());
    let known = |code: &str| ErrorCode::ALL.iter().find(|known| known.as_str() == code);
    if let Some(known) = code.and_then(known) {
        *tally.entry(Event::Error(known.as_str())).or_default() += 1;
    }
}

/// The index and the term of an entry that was answered to be pending.
fn pending_entry(answer: &str) -> Option<(u64, u64)> {
    let fields = answer.strip_prefix("ok pending index=")?;
    let (index, term) = fields.split_once(" term=")?;
    Some((index.parse().ok()?, term.parse().ok()?))
}

/// What is remembered of a cluster while a line runs.
struct View {
    term: u64,
    replicas: Vec<ReplicaView>,
}

struct ReplicaView {
    role: Role,
    base: u64,
    last: u64,
    last_term: u64,
}

impl View {
    fn new(cluster: &Cluster) -> Self {
        let view = |replica: &crate::replica::Replica| ReplicaView {
            role: replica.role(),
            base: replica.base(),
            last: replica.last(),
            last_term: replica.last_term(),
        };
        Self { term: cluster.term(), replicas: cluster.replicas().iter().map(view).collect() }
    }

    fn count(&self, after: &Cluster, tally: &mut Tally) {
        let mut happened = |event, count: usize| {
            if count > 0 {
                *tally.entry(event).or_default() += count as u64;
            }
        };
        if after.term() > self.term {
            happened(Event::Election, 1);
            happened(Event::ElectionByTerm, self.longer_logs_passed_over(after).min(1));
        }
        happened(Event::NoQuorum, usize::from(after.reachable_leader().is_none()));
        for (before, replica) in self.replicas.iter().zip(after.replicas()) {
            let demoted = before.role == Role::Leader && replica.role() == Role::Follower;
            happened(Event::Demotion, usize::from(demoted));
            // Compaction leaves the last entry's term known, so what is gone was replaced.
            if replica.term_at(before.last) != Some(before.last_term) {
                let event = if replica.base() == before.base {
                    Event::Truncation
                } else if before.last < self.replicas[after.leader()].base {
                    Event::LaggingSnapshot
                } else {
                    Event::ConflictingSnapshot
                };
                happened(event, 1);
            }
        }
    }

    /// How many replicas that could have been elected had a longer log than the winner.
    fn longer_logs_passed_over(&self, after: &Cluster) -> usize {
        let winner = &self.replicas[after.leader()];
        let reachable = |id: usize| after.is_partitioned(id) == Ok(false);
        let ids = (0..self.replicas.len()).filter(|id| reachable(*id));
        ids.filter(|id| self.replicas[*id].last > winner.last).count()
    }
}
