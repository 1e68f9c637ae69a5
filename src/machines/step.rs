//! The first wrong step, as the reference takes it.

use super::commands::is_compaction;
use super::oracle::{Oracle, ReplicaView, View, command, makes_cluster};
use crate::protocol::Command;
use crate::reference::Replica;
use crate::replica::ReplicaId;

/// How many events of a step are listed.
const EVENTS_MAX: usize = 4;

/// A line, and the reference before and after it.
pub(super) struct Step {
    /// The command; `None` if the line is none.
    pub(super) command: Option<Command>,
    /// The answer that is due.
    pub(super) due: Option<String>,
    /// The reference after it.
    pub(super) after: Oracle,
    /// Whether it replaced a cluster by a new one.
    pub(super) replaces_a_cluster: bool,
    /// The cluster before it, unless it made a new one.
    old: Option<View>,
    new: Option<View>,
}

impl Step {
    /// Runs `lines`, the last of which is the step.
    pub(super) fn of(lines: &[Vec<u8>]) -> Self {
        let (last, before) = lines.split_last().map_or((&[][..], &[][..]), |(a, b)| (a, b));
        let mut session = Oracle::after(before);
        let makes_cluster = makes_cluster(last);
        let replaces_a_cluster = makes_cluster && session.size().is_some();
        let old = session.view().filter(|_| !makes_cluster);
        let due = session.run(last);
        let new = session.view();
        let command = command(last);
        Self { command, due, after: session, replaces_a_cluster, old, new }
    }

    /// Reports whether the answer that is due is an error.
    pub(super) fn is_refused(&self) -> bool {
        self.due.as_deref().is_some_and(|due| due.starts_with("err "))
    }

    /// Returns a replica before and after the step, unless the step made the cluster.
    fn replica(&self, id: ReplicaId) -> Option<(&ReplicaView, &ReplicaView)> {
        let position = usize::try_from(id).ok()?;
        let old = self.old.as_ref()?.replicas.get(position)?;
        Some((old, self.new.as_ref()?.replicas.get(position)?))
    }

    /// Returns the reference's replica after the step.
    pub(super) fn replica_after(&self, id: ReplicaId) -> Option<&Replica> {
        self.after.cluster()?.replica(id).ok()
    }

    pub(super) fn is_isolated(&self, id: ReplicaId) -> bool {
        self.replica(id).is_some_and(|(_, new)| new.is_isolated)
    }

    /// Returns the current leader, isolated or not.
    pub(super) fn leader(&self) -> Option<ReplicaId> {
        self.new.as_ref().map(|new| new.leader as ReplicaId)
    }

    pub(super) fn newly_committed(&self, id: ReplicaId) -> u64 {
        let replica = self.replica(id);
        replica.map_or(0, |(old, new)| new.commit_index.saturating_sub(old.commit_index))
    }

    /// Reports whether the replica installs a snapshot.
    pub(super) fn installs_snapshot(&self, id: ReplicaId) -> bool {
        let is_compaction = self.command.as_ref().is_some_and(is_compaction);
        !is_compaction && self.replica(id).is_some_and(|(old, new)| old.base != new.base)
    }

    pub(super) fn has_election(&self) -> bool {
        matches!((&self.old, &self.new), (Some(old), Some(new)) if old.term < new.term)
    }

    /// Reports whether `settle` changes a term, a log or a commit index.
    pub(super) fn settles_something(&self) -> bool {
        let key = |view: &View| {
            let key = |replica: &ReplicaView| {
                (replica.leads, replica.base, replica.commit_index, replica.last, replica.last_term)
            };
            (view.term, view.replicas.iter().map(key).collect::<Vec<_>>())
        };
        self.old.as_ref().map(key) != self.new.as_ref().map(key)
    }

    /// Returns the events of the step as text, if it has any.
    pub(super) fn events(&self) -> Option<String> {
        let one_settle = matches!(
            self.command,
            Some(
                Command::Propose { .. }
                    | Command::ProposeAt { .. }
                    | Command::Partition { .. }
                    | Command::Heal
                    | Command::HealIds { .. }
            )
        );
        let (old, new) = (self.old.as_ref()?, self.new.as_ref().filter(|_| one_settle)?);
        let mut events = Vec::new();
        if self.has_election() {
            let (leader, term) = (new.leader, new.term);
            let (last_term, last) = (old.replicas[leader].last_term, old.replicas[leader].last);
            events.push(format!(
                "replica {leader} wins the election of term {term} with (last_term, last) = \
                 ({last_term}, {last})"
            ));
        } else if new.replicas[new.leader].is_isolated && !old.replicas[old.leader].is_isolated {
            events.push("no election takes place, for want of a quorum".into());
        }
        for (id, (before, after)) in old.replicas.iter().zip(&new.replicas).enumerate() {
            let is_last_kept = self.after.term_at(id, before.last) == Some(before.last_term);
            if before.base != after.base {
                events.push(format!("replica {id} installs a snapshot"));
            } else if !is_last_kept {
                events.push(format!("replica {id} truncates its log"));
            }
            if before.leads && !after.leads {
                events.push(format!("replica {id} is no longer leader"));
            }
        }
        let more = events.len().saturating_sub(EVENTS_MAX);
        events.truncate(EVENTS_MAX);
        if more > 0 {
            events.push(format!("and {more} more"));
        }
        (!events.is_empty()).then(|| format!("in the reference: {}", events.join("; ")))
    }
}
