//! One replica: its log, its commit index and its map (definition, section 3).

use sha2::{Digest, Sha256};

use crate::byte_string::ByteString;
use crate::log::{DroppedTerms, EntryStore, Log};
use crate::op::{Op, put_u64_le};
use crate::ordered_map::OrderedMap;
use crate::snapshot;

/// What a replica takes itself for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It appends what is proposed to it. A deposed leader that is isolated still does.
    Leader,
    /// It takes its log from the leader.
    Follower,
}

impl Role {
    /// `leader` or `follower`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
        }
    }
}

/// A replica of a [`Cluster`](crate::Cluster), which alone changes it.
///
/// Always `base` <= `commit_index` <= `last`, and the map is the result of applying the ops at
/// the indexes 1 to `commit_index`, in order, to an empty map.
#[derive(Clone, Debug)]
pub struct Replica {
    id: usize,
    term: u64,
    role: Role,
    log: Log,
    commit_index: u64,
    map: OrderedMap,
}

impl Replica {
    /// A follower at term 1 with an empty log and an empty map.
    pub(crate) fn new(id: usize) -> Self {
        Self {
            id,
            term: 1,
            role: Role::Follower,
            log: Log::default(),
            commit_index: 0,
            map: OrderedMap::new(),
        }
    }

    /// Its number in the cluster, from 0.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }

    /// The newest term that it has heard of, from 1.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// What it takes itself for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The index up to which its log has been compacted away, 0 at first.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.log.base()
    }

    /// The index up to which its ops are applied, 0 at first.
    #[must_use]
    pub fn commit_index(&self) -> u64 {
        self.commit_index
    }

    /// The index of its last log entry; `base` where the log is empty.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.log.last()
    }

    /// The term of the entry at `index`; `None` below `base` and above `last`, 0 at index 0.
    #[must_use]
    pub fn term_at(&self, index: u64) -> Option<u64> {
        self.log.term_at(index)
    }

    /// The term at `last`.
    #[must_use]
    pub fn last_term(&self) -> u64 {
        self.log.last_term()
    }

    /// The value that the key maps to; `None` where it is absent, as a key outside the limits of
    /// section 1 always is.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&ByteString> {
        self.map.get(key)
    }

    /// The map, keys ascending.
    #[must_use]
    pub fn map(&self) -> &OrderedMap {
        &self.map
    }

    /// The snapshot's bytes (section 5). Replicas at the same commit index give the same.
    #[must_use]
    pub fn dump_state(&self) -> Vec<u8> {
        snapshot::dump_state(self.commit_index, self.commit_term(), &self.map)
    }

    /// The SHA-256 of [`dump_state`](Self::dump_state) in lower-case hex, 64 characters, without
    /// the bytes ever being held in memory.
    #[must_use]
    pub fn snapshot_hash(&self) -> String {
        snapshot::snapshot_hash(self.commit_index, self.commit_term(), &self.map)
    }

    /// Does to the map what the op says (section 2).
    fn apply(map: &mut OrderedMap, op: &Op) {
        match op {
            Op::NoOp => {}
            Op::Put { key, value } => map.insert(key, value),
            Op::Del { key } => map.remove(key),
        }
    }

    /// Hears of `term`, and that somebody else leads it.
    pub(crate) fn follow(&mut self, term: u64) {
        self.term = term;
        self.role = Role::Follower;
    }

    /// Takes the lead in `term`.
    pub(crate) fn lead(&mut self, term: u64) {
        self.term = term;
        self.role = Role::Leader;
    }

    /// Gives up the lead; the term stays.
    pub(crate) fn step_down(&mut self) {
        self.role = Role::Follower;
    }

    /// Appends (its term, op) to its log and returns the entry's index.
    pub(crate) fn append(&mut self, op: Op, entries: &mut EntryStore) -> u64 {
        let index = self.log.append(self.term);
        entries.append(index, self.term, op);
        index
    }

    /// Makes its log the leader's, from a snapshot where its own does not reach into the leader's
    /// (section 4.4, step 3). Names the terms of which it dropped entries.
    pub(crate) fn catch_up(&mut self, leader: &Replica) -> DroppedTerms {
        let base = self.base().max(leader.base());
        if self.last() < base || self.term_at(base) != leader.term_at(base) {
            self.install_snapshot(leader)
        } else {
            self.truncate_and_replay(leader)
        }
    }

    /// Clears its map and takes the leader's, with the log entries after it.
    fn install_snapshot(&mut self, leader: &Replica) -> DroppedTerms {
        let dropped = self.log.terms();
        self.map.clone_from(&leader.map);
        self.commit_index = leader.commit_index;
        self.log = Log::new(leader.commit_index, leader.commit_term());
        self.log.extend(&leader.log, leader.commit_index);
        dropped
    }

    /// Drops the entries after the last one that it has in common with the leader, and appends
    /// the leader's.
    fn truncate_and_replay(&mut self, leader: &Replica) -> DroppedTerms {
        let agreed = self.log.agreement(&leader.log);
        assert!(agreed >= self.commit_index, "a committed entry is never dropped");
        let dropped = self.log.truncate(agreed);
        self.log.extend(&leader.log, agreed);
        dropped
    }

    /// Applies the ops up to `index`, which is at most `last`, and makes it the commit index.
    pub(crate) fn commit(&mut self, index: u64, entries: &EntryStore) {
        for (_, _, op) in entries.range(&self.log, self.commit_index + 1, index) {
            Self::apply(&mut self.map, op);
        }
        self.commit_index = index;
    }

    /// Drops its log entries up to the commit index (section 4.5). Names the terms of which it
    /// dropped entries.
    pub(crate) fn compact(&mut self) -> DroppedTerms {
        self.log.compact(self.commit_index)
    }

    /// Its log entries, indexes ascending: index, term and op.
    pub(crate) fn entries<'a>(
        &'a self,
        entries: &'a EntryStore,
    ) -> impl Iterator<Item = (u64, u64, &'a Op)> + 'a {
        entries.range(&self.log, self.base() + 1, self.last())
    }

    /// The SHA-256, in lower-case hex, of its log entries, each as u64 index, u64 term and the
    /// encoded op (section 8, `log`).
    pub(crate) fn log_hash(&self, entries: &EntryStore) -> String {
        let mut hasher = Sha256::new();
        let mut bytes = Vec::new();
        for (index, term, op) in self.entries(entries) {
            bytes.clear();
            put_u64_le(&mut bytes, index);
            put_u64_le(&mut bytes, term);
            op.encode(&mut bytes);
            hasher.update(&bytes);
        }
        hex::encode(hasher.finalize())
    }

    /// Which entries it has.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    fn commit_term(&self) -> u64 {
        self.term_at(self.commit_index).expect("the commit index is between base and last")
    }
}
