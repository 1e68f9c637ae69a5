//! A cluster of replicas, of which some are isolated (definition, section 4).

use crate::error::ErrorCode;
use crate::op::{Op, REPLICAS_MAX};
use crate::replica::{Replica, ReplicaId, Role};

/// The outcome of a proposal that was accepted (definition, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the entry is committed. A pending entry may commit later, or be truncated and never
    /// take effect.
    pub committed: bool,
    /// The entry's index, from 1.
    pub index: u64,
    /// The entry's term, from 1.
    pub term: u64,
}

/// 1 to 64 replicas, of which some may be isolated, a current leader and a current term.
///
/// Reachable replicas exchange messages instantly: nothing is in flight after an operation. An
/// operation that returns an error has changed nothing. An empty list of ids names no replica.
///
/// ```
/// use dkv20::{Cluster, ErrorCode, Op};
///
/// let mut cluster = Cluster::new(5)?;
/// cluster.partition(&[3, 4])?;
/// assert!(cluster.propose(Op::put("a", "v"))?.committed, "3 of 5 are a quorum");
/// cluster.partition(&[2])?;
/// assert!(!cluster.propose(Op::del("a"))?.committed, "2 of 5 are not");
/// assert_eq!(cluster.isolated_ids().collect::<Vec<_>>(), [2, 3, 4]);
/// # Ok::<(), ErrorCode>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cluster {
    replicas: Vec<Replica>,
    isolated: Vec<bool>,
    /// Positions in `replicas` are the ids.
    leader: usize,
    term: u64,
}

impl Cluster {
    /// Returns a cluster of `size` replicas at term 1 with empty logs, all reachable; replica 0 is
    /// the leader.
    ///
    /// # Errors
    ///
    /// [`ReplicaCount`](ErrorCode::ReplicaCount) unless `size` is 1 to [`REPLICAS_MAX`].
    pub fn new(size: u64) -> Result<Self, ErrorCode> {
        if !(1..=REPLICAS_MAX).contains(&size) {
            return Err(ErrorCode::ReplicaCount);
        }
        let mut replicas: Vec<_> = (0..size).map(Replica::new).collect();
        replicas[0].become_leader(1);
        let isolated = vec![false; replicas.len()];
        Ok(Self { replicas, isolated, leader: 0, term: 1 })
    }

    /// Returns the number of replicas, 1 to 64. Their ids are 0 to `size - 1`.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.replicas.len() as u64
    }

    /// Returns the number of replicas that must be reachable for an entry to commit or a leader to
    /// be elected: more than half of all.
    #[must_use]
    pub fn quorum(&self) -> u64 {
        self.size() / 2 + 1
    }

    /// Returns the current leader's id, isolated or not.
    #[must_use]
    pub fn leader(&self) -> ReplicaId {
        self.leader as ReplicaId
    }

    /// Returns the current leader's id, or `None` while the leader is isolated.
    #[must_use]
    pub fn reachable_leader(&self) -> Option<ReplicaId> {
        (!self.isolated[self.leader]).then(|| self.leader())
    }

    /// Returns the current term, from 1.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Iterates over the ids of the isolated replicas, ascending.
    pub fn isolated_ids(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        (0..).zip(&self.isolated).filter(|(_, isolated)| **isolated).map(|(id, _)| id)
    }

    /// Reports whether the replica is isolated.
    ///
    /// # Errors
    ///
    /// [`UnknownReplica`](ErrorCode::UnknownReplica) if no replica has this id.
    pub fn is_partitioned(&self, id: ReplicaId) -> Result<bool, ErrorCode> {
        self.check_id(id).map(|id| self.isolated[id])
    }

    /// Returns the replica, to look at.
    ///
    /// # Errors
    ///
    /// [`UnknownReplica`](ErrorCode::UnknownReplica) if no replica has this id.
    pub fn replica(&self, id: ReplicaId) -> Result<&Replica, ErrorCode> {
        self.check_id(id).map(|id| &self.replicas[id])
    }

    /// Returns all replicas, ids ascending.
    #[must_use]
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// Proposes an op to the current leader (section 4.1).
    ///
    /// # Errors
    ///
    /// [`KeyLength`](ErrorCode::KeyLength), then [`ValueLength`](ErrorCode::ValueLength), if the op
    /// is outside its limits; [`NoLeader`](ErrorCode::NoLeader) if the current leader is isolated.
    pub fn propose(&mut self, op: Op) -> Result<Outcome, ErrorCode> {
        op.check_limits()?;
        if self.isolated[self.leader] {
            return Err(ErrorCode::NoLeader);
        }
        let index = self.replicas[self.leader].append(op);
        self.settle();
        let committed = index <= self.replicas[self.leader].commit_index();
        Ok(Outcome { committed, index, term: self.term })
    }

    /// Proposes an op as a client that can reach only the replica `id` (section 4.2). An isolated
    /// replica that believes it is leader appends the op to its own log alone.
    ///
    /// # Errors
    ///
    /// [`UnknownReplica`](ErrorCode::UnknownReplica) if no replica has this id; then
    /// [`KeyLength`](ErrorCode::KeyLength) and [`ValueLength`](ErrorCode::ValueLength); then
    /// [`NotLeader`](ErrorCode::NotLeader) if the replica is a follower.
    pub fn propose_at(&mut self, id: ReplicaId, op: Op) -> Result<Outcome, ErrorCode> {
        let id = self.check_id(id)?;
        op.check_limits()?;
        let replica = &mut self.replicas[id];
        if replica.role() != Role::Leader {
            return Err(ErrorCode::NotLeader);
        }
        if self.isolated[id] {
            let index = replica.append(op);
            return Ok(Outcome { committed: false, index, term: replica.term() });
        }
        self.propose(op)
    }

    /// Isolates the replicas named (section 4.3). An id may be named twice, or be isolated already.
    ///
    /// # Errors
    ///
    /// [`UnknownReplica`](ErrorCode::UnknownReplica) if no replica has one of the ids.
    pub fn partition(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.set_isolated(ids, true)
    }

    /// Makes every replica reachable (section 4.3).
    pub fn heal(&mut self) {
        self.isolated.fill(false);
        self.settle();
    }

    /// Makes the replicas named reachable (section 4.3). An id may be named twice, or be reachable
    /// already.
    ///
    /// # Errors
    ///
    /// [`UnknownReplica`](ErrorCode::UnknownReplica) if no replica has one of the ids.
    pub fn heal_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.set_isolated(ids, false)
    }

    /// Drops the log entries of every replica, isolated ones too, up to its commit index (section
    /// 4.5). No map changes.
    pub fn compact(&mut self) {
        self.replicas.iter_mut().for_each(Replica::compact);
    }

    /// Drops the log entries of the replicas named up to their commit indexes (section 4.5). No map
    /// changes.
    ///
    /// # Errors
    ///
    /// [`UnknownReplica`](ErrorCode::UnknownReplica) if no replica has one of the ids.
    pub fn compact_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        for id in self.check_ids(ids)? {
            self.replicas[id].compact();
        }
        Ok(())
    }

    fn set_isolated(&mut self, ids: &[ReplicaId], isolated: bool) -> Result<(), ErrorCode> {
        for id in self.check_ids(ids)? {
            self.isolated[id] = isolated;
        }
        self.settle();
        Ok(())
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

    /// Step 1: a reachable replica becomes leader of a new term.
    fn elect(&mut self) {
        self.leader = self.election_winner();
        self.term += 1;
        for (replica, isolated) in self.replicas.iter_mut().zip(&self.isolated) {
            if !isolated {
                replica.become_follower(self.term);
            }
        }
        self.replicas[self.leader].become_leader(self.term);
        self.replicas[self.leader].append(Op::NoOp);
    }

    /// The reachable replica with the greatest (`last_term`, `last`), the lowest id among equals.
    fn election_winner(&self) -> usize {
        // max_by_key returns the last of equals, so the ids descend.
        (0..self.replicas.len())
            .rev()
            .filter(|id| !self.isolated[*id])
            .max_by_key(|id| (self.replicas[*id].last_term(), self.replicas[*id].last()))
            .expect("a quorum is at least one replica")
    }

    /// Step 2: without a reachable leader, no reachable replica believes it is leader.
    fn step_down_reachable(&mut self) {
        for (replica, isolated) in self.replicas.iter_mut().zip(&self.isolated) {
            if !isolated {
                replica.step_down();
            }
        }
    }

    /// Step 3: the logs of the reachable replicas become the leader's.
    fn replicate(&mut self) {
        for id in 0..self.replicas.len() {
            if id == self.leader || self.isolated[id] {
                continue;
            }
            let [replica, leader] = self
                .replicas
                .get_disjoint_mut([id, self.leader])
                .expect("the leader is another replica of this cluster");
            replica.become_follower(self.term);
            replica.catch_up(leader);
        }
    }

    /// Step 4: with a quorum the leader commits all its entries; every reachable replica commits
    /// what the leader has committed.
    fn commit(&mut self) {
        let leader = &self.replicas[self.leader];
        let index = if self.has_quorum() { leader.last() } else { leader.commit_index() };
        for (replica, isolated) in self.replicas.iter_mut().zip(&self.isolated) {
            if !isolated {
                replica.commit_to(index);
            }
        }
    }

    fn has_quorum(&self) -> bool {
        self.isolated.iter().filter(|isolated| !**isolated).count() as u64 >= self.quorum()
    }

    /// Returns the replica's position.
    fn check_id(&self, id: ReplicaId) -> Result<usize, ErrorCode> {
        let known = usize::try_from(id).ok().filter(|id| *id < self.replicas.len());
        known.ok_or(ErrorCode::UnknownReplica)
    }

    fn check_ids(&self, ids: &[ReplicaId]) -> Result<Vec<usize>, ErrorCode> {
        ids.iter().map(|id| self.check_id(*id)).collect()
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
    fn deposed_leader_returning_to_a_minority_steps_down() {
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
    fn an_empty_list_names_no_replica() {
        let mut cluster = Cluster::new(3).unwrap();
        propose(&mut cluster, 3);
        cluster.partition(&[2, 2]).unwrap();
        let before = format!("{cluster:?}");
        cluster.partition(&[]).unwrap();
        cluster.heal_ids(&[]).unwrap();
        cluster.compact_ids(&[]).unwrap();
        assert_eq!(format!("{cluster:?}"), before);
    }

    #[test]
    fn ids_beyond_usize_are_unknown() {
        let mut cluster = Cluster::new(3).unwrap();
        assert_eq!(cluster.partition(&[0, u64::MAX]), Err(ErrorCode::UnknownReplica));
        assert_eq!(cluster.is_partitioned(0), Ok(false));
        assert_eq!(cluster.is_partitioned(3), Err(ErrorCode::UnknownReplica));
    }
}
