//! A cluster of replicas, some of them isolated (definition, section 4).

use crate::error::ErrorCode;
use crate::log::{DroppedTerms, EntryStore};
use crate::op::{Op, REPLICAS_MAX};
use crate::replica::{Replica, Role};

/// What became of a proposal that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it is committed: applied by every reachable replica. What is pending may commit
    /// later, or be truncated and never take effect.
    pub committed: bool,
    /// The index at which its entry stands, from 1.
    pub index: u64,
    /// The entry's term, from 1.
    pub term: u64,
}

/// 1 to 64 replicas, a set of isolated ones, a current leader and a current term.
///
/// Messages between reachable replicas arrive at once: every operation leaves nothing in flight.
/// An operation that answers with an error has changed nothing.
#[derive(Clone, Debug)]
pub struct Cluster {
    replicas: Vec<Replica>,
    entries: EntryStore,
    isolated: Vec<bool>,
    leader: usize,
    term: u64,
}

impl Cluster {
    /// `replica_count` replicas at term 1, replica 0 as leader, all reachable, with empty logs.
    ///
    /// Error `replica-count` unless there are 1 to 64.
    pub fn new(replica_count: usize) -> Result<Self, ErrorCode> {
        if !(1..=REPLICAS_MAX).contains(&replica_count) {
            return Err(ErrorCode::ReplicaCount);
        }
        let mut replicas: Vec<_> = (0..replica_count).map(Replica::new).collect();
        replicas[0].lead(1);
        let isolated = vec![false; replica_count];
        Ok(Self { replicas, entries: EntryStore::default(), isolated, leader: 0, term: 1 })
    }

    /// The number of replicas, 1 to 64.
    #[must_use]
    pub fn replica_count(&self) -> usize {
        self.replicas.len()
    }

    /// How many replicas have to be reachable for an entry to commit or a leader to be elected.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.replica_count() / 2 + 1
    }

    /// The current leader's id, whether it is isolated or not.
    #[must_use]
    pub fn leader(&self) -> usize {
        self.leader
    }

    /// The current leader's id; `None` while it is isolated.
    #[must_use]
    pub fn reachable_leader(&self) -> Option<usize> {
        (!self.isolated[self.leader]).then_some(self.leader)
    }

    /// The current term, from 1.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// The ids of the isolated replicas, ascending.
    pub fn isolated(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.replica_count()).filter(|id| self.isolated[*id])
    }

    /// Whether the replica is isolated. Error `unknown-replica`.
    pub fn is_partitioned(&self, id: usize) -> Result<bool, ErrorCode> {
        self.check_ids(&[id])?;
        Ok(self.isolated[id])
    }

    /// The replica, to look at. Error `unknown-replica`.
    pub fn replica(&self, id: usize) -> Result<&Replica, ErrorCode> {
        self.replicas.get(id).ok_or(ErrorCode::UnknownReplica)
    }

    /// All replicas, ids ascending.
    #[must_use]
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// The replica's log entries from `base` + 1 to `last`: index, term and op. Error
    /// `unknown-replica`.
    pub fn log_entries(
        &self,
        id: usize,
    ) -> Result<impl Iterator<Item = (u64, u64, &Op)>, ErrorCode> {
        Ok(self.replica(id)?.entries(&self.entries))
    }

    /// The SHA-256, in lower-case hex, of the replica's log entries, each as u64 index, u64 term
    /// and the encoded op (section 8, `log`). Error `unknown-replica`.
    pub fn log_hash(&self, id: usize) -> Result<String, ErrorCode> {
        Ok(self.replica(id)?.log_hash(&self.entries))
    }

    /// Proposes an op to the current leader (section 4.1).
    ///
    /// Errors, in this order: `key-length`, `value-length`; `no-leader` where the current leader
    /// is isolated.
    pub fn propose(&mut self, op: Op) -> Result<Outcome, ErrorCode> {
        op.check_limits()?;
        if self.isolated[self.leader] {
            return Err(ErrorCode::NoLeader);
        }
        let index = self.replicas[self.leader].append(op, &mut self.entries);
        self.settle();
        let committed = index <= self.replicas[self.leader].commit_index();
        Ok(Outcome { committed, index, term: self.term })
    }

    /// Proposes an op as a client that can reach only the replica `id` (section 4.2). A deposed
    /// leader that is isolated appends it to its own log, and nobody else hears of it.
    ///
    /// Errors, in this order: `unknown-replica`; `key-length`, `value-length`; `not-leader` where
    /// the replica's role is not leader.
    pub fn propose_at(&mut self, id: usize, op: Op) -> Result<Outcome, ErrorCode> {
        let replica = self.replicas.get_mut(id).ok_or(ErrorCode::UnknownReplica)?;
        op.check_limits()?;
        if replica.role() != Role::Leader {
            return Err(ErrorCode::NotLeader);
        }
        if self.isolated[id] {
            let index = replica.append(op, &mut self.entries);
            return Ok(Outcome { committed: false, index, term: replica.term() });
        }
        self.propose(op)
    }

    /// Isolates the replicas named; who is isolated already stays so (section 4.3). An empty list
    /// names nobody. Error `unknown-replica`.
    pub fn partition(&mut self, ids: &[usize]) -> Result<(), ErrorCode> {
        self.set_isolated(ids, true)
    }

    /// Makes every replica reachable (section 4.3).
    pub fn heal(&mut self) {
        self.isolated.fill(false);
        self.settle();
    }

    /// Makes the replicas named reachable; who is reachable already stays so (section 4.3). An
    /// empty list names nobody. Error `unknown-replica`.
    pub fn heal_ids(&mut self, ids: &[usize]) -> Result<(), ErrorCode> {
        self.set_isolated(ids, false)
    }

    /// Every replica, isolated ones too, drops its log entries up to its commit index (section
    /// 4.5). No map changes.
    pub fn compact(&mut self) {
        for id in 0..self.replica_count() {
            self.compact_replica(id);
        }
    }

    /// The replicas named drop their log entries up to their commit indexes (section 4.5). An
    /// empty list names nobody. Error `unknown-replica`.
    pub fn compact_ids(&mut self, ids: &[usize]) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        for id in ids {
            self.compact_replica(*id);
        }
        Ok(())
    }

    fn set_isolated(&mut self, ids: &[usize], isolated: bool) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        for id in ids {
            self.isolated[*id] = isolated;
        }
        self.settle();
        Ok(())
    }

    fn compact_replica(&mut self, id: usize) {
        let dropped = self.replicas[id].compact();
        self.release(&dropped);
    }

    /// Delivers every message there is (section 4.4). Running it again changes nothing.
    fn settle(&mut self) {
        if self.isolated[self.leader] && self.has_quorum() {
            self.elect();
        }
        if self.isolated[self.leader] {
            self.step_down_reachable();
        } else {
            self.replicate();
            self.commit();
        }
    }

    /// Step 1: the reachable replica with the greatest (`last_term`, `last`), and the lowest id
    /// among equals, takes the lead in a new term.
    fn elect(&mut self) {
        let log_end = |id: &usize| (self.replicas[*id].last_term(), self.replicas[*id].last());
        // max_by_key gives the last of equals, so the ids descend.
        let winner = (0..self.replica_count())
            .rev()
            .filter(|id| !self.isolated[*id])
            .max_by_key(log_end)
            .expect("a quorum is at least one replica");
        self.term += 1;
        self.leader = winner;
        for id in 0..self.replica_count() {
            if !self.isolated[id] {
                self.replicas[id].follow(self.term);
            }
        }
        self.replicas[winner].lead(self.term);
        self.replicas[winner].append(Op::NoOp, &mut self.entries);
    }

    /// Step 2: without a leader that can be reached, no reachable replica takes itself for one.
    fn step_down_reachable(&mut self) {
        for (replica, isolated) in self.replicas.iter_mut().zip(&self.isolated) {
            if !isolated {
                replica.step_down();
            }
        }
    }

    /// Step 3: the logs of the reachable replicas become the leader's.
    fn replicate(&mut self) {
        for id in 0..self.replica_count() {
            if id == self.leader || self.isolated[id] {
                continue;
            }
            let [replica, leader] = self
                .replicas
                .get_disjoint_mut([id, self.leader])
                .expect("the leader is another replica of this cluster");
            replica.follow(self.term);
            let dropped = replica.catch_up(leader);
            self.release(&dropped);
        }
    }

    /// Step 4: with a quorum the leader commits all that it has, and every reachable replica what
    /// the leader has committed.
    fn commit(&mut self) {
        let leader = &self.replicas[self.leader];
        let commit_index = if self.has_quorum() { leader.last() } else { leader.commit_index() };
        for (replica, isolated) in self.replicas.iter_mut().zip(&self.isolated) {
            if !isolated {
                replica.commit(commit_index, &self.entries);
            }
        }
    }

    fn has_quorum(&self) -> bool {
        self.isolated.iter().filter(|isolated| !**isolated).count() >= self.quorum()
    }

    /// Frees the entries of these terms that no replica has any more.
    fn release(&mut self, dropped: &DroppedTerms) {
        for term in dropped {
            self.entries.release(*term, self.replicas.iter().map(Replica::log));
        }
    }

    fn check_ids(&self, ids: &[usize]) -> Result<(), ErrorCode> {
        let known = ids.iter().all(|id| *id < self.replica_count());
        if known { Ok(()) } else { Err(ErrorCode::UnknownReplica) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn propose(cluster: &mut Cluster, count: usize) {
        for _ in 0..count {
            cluster.propose(Op::put("k", "v")).unwrap();
        }
    }

    #[test]
    fn an_entry_is_held_once() {
        let mut cluster = Cluster::new(REPLICAS_MAX).unwrap();
        propose(&mut cluster, 100);
        assert_eq!(cluster.entries.len(), 100);
    }

    #[test]
    fn compaction_frees_what_nobody_has() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 10);
        cluster.compact_ids(&[0, 1]).unwrap();
        assert_eq!(cluster.entries.len(), 10);
        cluster.compact_ids(&[2]).unwrap();
        assert_eq!(cluster.entries.len(), 0);
        propose(&mut cluster, 1);
        assert_eq!(cluster.entries.len(), 1);
    }

    #[test]
    fn a_truncated_tail_is_freed() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 2);
        cluster.partition(&[0]).unwrap();
        for _ in 0..10 {
            cluster.propose_at(0, Op::NoOp).unwrap();
        }
        assert_eq!(cluster.entries.len(), 2 + 1 + 10);
        cluster.heal();
        assert_eq!(cluster.entries.len(), 2 + 1);
    }

    #[test]
    fn a_tail_that_a_snapshot_replaces_is_freed() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 2);
        cluster.partition(&[0]).unwrap();
        cluster.propose_at(0, Op::NoOp).unwrap();
        propose(&mut cluster, 5);
        cluster.compact_ids(&[1, 2]).unwrap();
        assert_eq!(cluster.entries.len(), 3, "the deposed leader's");
        cluster.heal();
        assert_eq!(cluster.replicas[0].base(), 8);
        assert_eq!(cluster.entries.len(), 0);
    }

    #[test]
    fn a_follower_that_never_comes_back_keeps_only_what_it_has() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 4);
        cluster.partition(&[1]).unwrap();
        for _ in 0..10 {
            propose(&mut cluster, 100);
            cluster.compact_ids(&[0, 2]).unwrap();
            assert_eq!(cluster.entries.len(), 4, "those of replica 1");
        }
        cluster.heal();
        assert_eq!(cluster.replicas[1].dump_state(), cluster.replicas[0].dump_state());
        assert_eq!(cluster.entries.len(), 0);
    }

    #[test]
    fn a_term_with_a_gap_goes_on_where_it_left_off() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 3);
        cluster.partition(&[2]).unwrap();
        propose(&mut cluster, 3);
        cluster.compact_ids(&[0, 1]).unwrap();
        propose(&mut cluster, 2);
        assert_eq!(cluster.entries.len(), 3 + 2);
        let entries: Vec<_> = cluster.log_entries(0).unwrap().map(|entry| entry.0).collect();
        assert_eq!(entries, [7, 8]);
        cluster.heal();
        assert_eq!(cluster.log_entries(2).unwrap().count(), 0, "a snapshot at the commit index");
        assert_eq!(cluster.entries.len(), 2);
    }

    #[test]
    fn a_deposed_leader_that_returns_to_a_minority_steps_down() {
        let mut cluster = Cluster::new(5).unwrap();
        cluster.partition(&[0]).unwrap();
        cluster.partition(&[1, 2, 3]).unwrap();
        assert_eq!(cluster.replicas[0].role(), Role::Leader);
        cluster.heal_ids(&[0]).unwrap();
        let returned = &cluster.replicas[0];
        assert_eq!((returned.role(), returned.term()), (Role::Follower, 1));
        assert_eq!(cluster.propose_at(0, Op::NoOp), Err(ErrorCode::NotLeader));
        assert_eq!((cluster.reachable_leader(), cluster.term()), (None, 2));
    }

    #[test]
    fn settling_again_changes_nothing() {
        let mut cluster = Cluster::new(5).unwrap();
        propose(&mut cluster, 3);
        cluster.partition(&[0, 3]).unwrap();
        cluster.propose_at(0, Op::NoOp).unwrap();
        let before = format!("{cluster:?}");
        cluster.settle();
        assert_eq!(format!("{cluster:?}"), before);
    }

    #[test]
    fn an_empty_list_names_nobody() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 3);
        cluster.partition(&[2, 2]).unwrap();
        let before = format!("{cluster:?}");
        cluster.partition(&[]).unwrap();
        cluster.heal_ids(&[]).unwrap();
        cluster.compact_ids(&[]).unwrap();
        assert_eq!(format!("{cluster:?}"), before);
    }
}
