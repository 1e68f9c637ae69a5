//! One replica: its log, its commit index and its map (definition, section 3).

use sha2::{Digest, Sha256};

use crate::byte_string::ByteString;
use crate::log::{Entry, Log};
use crate::op::{Op, put_u64_le};
use crate::ordered_map::{self, OrderedMap};
use crate::snapshot;

/// A replica's number in its cluster, from 0.
pub type ReplicaId = u64;

/// The role that a replica believes it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// It takes its log from the leader.
    #[default]
    Follower,
    /// It appends what is proposed to it. A deposed leader that is isolated still does.
    Leader,
}

impl Role {
    /// Returns `leader` or `follower`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Leader => "leader",
        }
    }
}

/// A replica of a [`Cluster`](crate::Cluster), which alone changes it.
///
/// Always `base <= commit_index <= last`, and the map is the result of applying the ops at the
/// indexes 1 to `commit_index`, in order, to an empty map.
///
/// ```
/// let mut cluster = dkv20::Cluster::new(3)?;
/// cluster.propose(dkv20::Op::put("color", "red"))?;
///
/// let replica = cluster.replica(2)?;
/// assert_eq!((replica.commit_index(), replica.term_at(1)), (1, Some(1)));
/// assert_eq!(replica.get(b"color").map(|value| value.as_slice()), Some(&b"red"[..]));
/// # Ok::<(), dkv20::ErrorCode>(())
/// ```
#[derive(Clone, Debug)]
pub struct Replica {
    id: ReplicaId,
    term: u64,
    role: Role,
    log: Log,
    commit_index: u64,
    map: OrderedMap,
}

impl Replica {
    /// A follower at term 1 with an empty log and an empty map.
    pub(crate) fn new(id: ReplicaId) -> Self {
        Self {
            id,
            term: 1,
            role: Role::Follower,
            log: Log::default(),
            commit_index: 0,
            map: OrderedMap::new(),
        }
    }

    /// Returns the replica's id.
    #[must_use]
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// Returns the newest term that the replica has observed, from 1.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Returns the role that the replica believes it has.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the index up to which the log has been compacted away, 0 at first.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.log.base()
    }

    /// Returns the index up to which the log is committed and applied, 0 at first.
    #[must_use]
    pub fn commit_index(&self) -> u64 {
        self.commit_index
    }

    /// Returns the index of the last log entry, or `base` if the log is empty.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.log.last()
    }

    /// Returns the term at `last`.
    #[must_use]
    pub fn last_term(&self) -> u64 {
        self.log.last_term()
    }

    /// Returns the term of the entry at `index`: 0 at index 0, `None` below `base` and above
    /// `last`.
    #[must_use]
    pub fn term_at(&self, index: u64) -> Option<u64> {
        self.log.term_at(index)
    }

    /// Iterates over the log entries from `base + 1` to `last`.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.log.entries()
    }

    /// Returns the number of keys in the map.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.map.len()
    }

    /// Returns the value that the key maps to, or `None` if the key is absent. A key outside the
    /// limits of section 1 is always absent.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&ByteString> {
        self.map.get(key)
    }

    /// Iterates over the keys and values, keys ascending in the order of section 1.
    #[must_use]
    #[expect(clippy::iter_without_into_iter, reason = "a replica is more than its map")]
    pub fn iter(&self) -> ordered_map::Iter<'_> {
        self.map.iter()
    }

    /// Returns the snapshot's bytes (section 5). Replicas at the same commit index return the same
    /// bytes.
    #[must_use]
    pub fn dump_state(&self) -> Vec<u8> {
        snapshot::dump_state(self.commit_index, self.commit_term(), &self.map)
    }

    /// Returns the SHA-256 of [`dump_state`](Self::dump_state) in 64 lower-case hex digits, without
    /// holding the bytes in memory.
    #[must_use]
    pub fn snapshot_hash(&self) -> String {
        snapshot::snapshot_hash(self.commit_index, self.commit_term(), &self.map)
    }

    /// Returns the SHA-256 of the log, in 64 lower-case hex digits: for each entry from `base + 1`
    /// to `last` its index as u64, its term as u64 and its encoded op (section 8, `log`).
    #[must_use]
    pub fn log_hash(&self) -> String {
        let mut hasher = Sha256::new();
        let mut bytes = Vec::new();
        for entry in self.entries() {
            bytes.clear();
            put_u64_le(&mut bytes, entry.index);
            put_u64_le(&mut bytes, entry.term);
            entry.op.encode(&mut bytes);
            hasher.update(&bytes);
        }
        hex::encode(hasher.finalize())
    }

    pub(crate) fn become_leader(&mut self, term: u64) {
        self.term = term;
        self.role = Role::Leader;
    }

    pub(crate) fn become_follower(&mut self, term: u64) {
        self.term = term;
        self.role = Role::Follower;
    }

    /// Becomes a follower and keeps its term.
    pub(crate) fn step_down(&mut self) {
        self.role = Role::Follower;
    }

    /// Appends (its term, op) to its log and returns the entry's index.
    pub(crate) fn append(&mut self, op: Op) -> u64 {
        self.log.append(self.term, op)
    }

    /// Makes its log the leader's (section 4.4, step 3).
    pub(crate) fn catch_up(&mut self, leader: &Self) {
        let base = self.base().max(leader.base());
        if self.last() < base || self.term_at(base) != leader.term_at(base) {
            self.install_snapshot(leader);
        } else {
            self.truncate_and_replay(leader);
        }
    }

    /// Replaces its map and its log by the leader's committed state and the entries after it.
    fn install_snapshot(&mut self, leader: &Self) {
        self.map.clone_from(&leader.map);
        self.commit_index = leader.commit_index;
        self.log = Log::new(leader.commit_index, leader.commit_term());
        self.log.extend(&leader.log);
    }

    /// Drops the entries after the last one that it shares with the leader, and appends the
    /// leader's.
    fn truncate_and_replay(&mut self, leader: &Self) {
        let agreement = self.log.agreement(&leader.log);
        assert!(agreement >= self.commit_index, "a committed entry is never dropped");
        self.log.truncate(agreement);
        self.log.extend(&leader.log);
    }

    /// Applies the ops after the commit index up to `index`, in order. `index` must be from the
    /// commit index to `last`.
    pub(crate) fn commit_to(&mut self, index: u64) {
        for index in self.commit_index + 1..=index {
            let entry = self.log.get(index).expect("base <= commit_index < index <= last");
            apply(entry.op, &mut self.map);
        }
        self.commit_index = index;
    }

    /// Drops its log entries up to the commit index (section 4.5).
    pub(crate) fn compact(&mut self) {
        self.log.compact(self.commit_index);
    }

    fn commit_term(&self) -> u64 {
        self.term_at(self.commit_index).expect("base <= commit_index <= last")
    }
}

/// Changes the map as the op says (section 2).
fn apply(op: &Op, map: &mut OrderedMap) {
    match op {
        Op::NoOp => {}
        Op::Put { key, value } => map.put(key, value),
        Op::Del { key } => map.remove(key),
    }
}
