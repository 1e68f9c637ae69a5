//! Sections 1 to 5 of the definition (`docs/CONCEPTS.md`), as plainly as Rust can say them.
//!
//! Read this file next to the text: it follows its order and uses its words. Nothing in it is fast,
//! shared or clever. A log is a vector, a map is a `BTreeMap`, and a replica that catches up copies
//! what it lacks. It is the oracle of the exam, the model of the property tests, and the machine
//! whose states [`explore`](crate::explore) visits. The [`Cluster`](crate::Cluster) at the root of
//! this crate is a port like those in Go and C++, and is held to this one.
//!
//! ```
//! use dkv20::reference::{Cluster, Op};
//!
//! let mut cluster = Cluster::new(3)?;
//! cluster.propose(Op::Put { key: b"a".to_vec(), value: b"v".to_vec() })?;
//! assert_eq!(cluster.replicas[2].map[&b"a"[..]], b"v");
//! # Ok::<(), dkv20::ErrorCode>(())
//! ```
//!
//! Fields are public to be looked at, not to be changed. The errors of an operation are those of its
//! section; an operation that returns one has changed nothing.
#![expect(clippy::missing_errors_doc, reason = "the section named at each operation lists them")]
#![expect(clippy::must_use_candidate, reason = "an attribute a function would hide the algorithm")]

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{ErrorCode, LoadError};

// --- Section 1: limits --------------------------------------------------------------------------

/// The greatest number of replicas in a cluster; the least is 1.
pub const REPLICAS_MAX: u64 = 64;
/// The length in bytes of the longest key; the shortest has 1.
pub const KEY_LENGTH_MAX: usize = 4_096;
/// The length in bytes of the longest value; the shortest is empty.
pub const VALUE_LENGTH_MAX: usize = 1_048_576;

fn check_key_length(length: usize) -> Result<(), ErrorCode> {
    if (1..=KEY_LENGTH_MAX).contains(&length) { Ok(()) } else { Err(ErrorCode::KeyLength) }
}

fn check_value_length(length: usize) -> Result<(), ErrorCode> {
    if length <= VALUE_LENGTH_MAX { Ok(()) } else { Err(ErrorCode::ValueLength) }
}

// --- Section 2: operations ----------------------------------------------------------------------

/// The map of a replica. `Vec<u8>` compares byte by byte, unsigned, a proper prefix first.
pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// An operation on the map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "section 2 has a row for each")]
pub enum Op {
    NoOp,
    Put { key: Vec<u8>, value: Vec<u8> },
    Del { key: Vec<u8> },
}

impl Op {
    fn check_limits(&self) -> Result<(), ErrorCode> {
        match self {
            Self::NoOp => Ok(()),
            Self::Put { key, value } => {
                check_key_length(key.len())?;
                check_value_length(value.len())
            }
            Self::Del { key } => check_key_length(key.len()),
        }
    }

    /// Changes the map as the op says.
    fn apply(&self, map: &mut Map) {
        match self {
            Self::NoOp => {}
            Self::Put { key, value } => drop(map.insert(key.clone(), value.clone())),
            Self::Del { key } => drop(map.remove(key)),
        }
    }

    /// Appends the op's encoding to `out`. The op must be within its limits.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::NoOp => out.push(0),
            Self::Put { key, value } => {
                out.push(1);
                append_byte_string(out, key);
                append_byte_string(out, value);
            }
            Self::Del { key } => {
                out.push(2);
                append_byte_string(out, key);
            }
        }
    }
}

fn append_byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a length within its limit is a u32");
    out.extend(length.to_le_bytes());
    out.extend(bytes);
}

// --- Section 3: a replica -----------------------------------------------------------------------

/// The role that a replica believes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "section 3 says what they are")]
pub enum Role {
    Follower,
    Leader,
}

/// A replica; its id is its position in [`Cluster::replicas`].
///
/// Always `base <= commit <= last`, and `map` is the result of applying the ops at the indexes 1 to
/// `commit`, in that order, to an empty map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica {
    /// The newest term that the replica has observed, from 1.
    pub term: u64,
    /// The role that it believes it has.
    pub role: Role,
    /// The entries at the indexes `base + 1` to `last`, each a pair (term, op).
    pub log: Vec<(u64, Op)>,
    /// The index up to which the log has been compacted away.
    pub base: u64,
    /// The term of the entry that stood at `base`.
    pub base_term: u64,
    /// The commit index.
    pub commit: u64,
    /// The state machine.
    pub map: Map,
}

impl Replica {
    fn new() -> Self {
        let (log, map) = (Vec::new(), Map::new());
        Self { term: 1, role: Role::Follower, log, base: 0, base_term: 0, commit: 0, map }
    }

    /// The index of the last entry; `base` if the log holds none.
    pub fn last(&self) -> u64 {
        self.base + self.log.len() as u64
    }

    /// The term of the entry at `index`; `None` if it is unknown.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        match index.checked_sub(self.base)? {
            0 => Some(self.base_term),
            _ if index <= self.last() => Some(self.log[self.position_after(index) - 1].0),
            _ => None,
        }
    }

    /// The term of the entry at `last`.
    pub fn last_term(&self) -> u64 {
        self.log.last().map_or(self.base_term, |(term, _)| *term)
    }

    /// The term of the entry at the commit index.
    fn commit_term(&self) -> u64 {
        self.term_at(self.commit).expect("base <= commit <= last")
    }

    /// The position in `log` of the entry after `index`, which is from `base` to `last`.
    fn position_after(&self, index: u64) -> usize {
        usize::try_from(index - self.base).expect("a log in memory is indexed by usize")
    }

    fn entries_after(&self, index: u64) -> &[(u64, Op)] {
        &self.log[self.position_after(index)..]
    }

    /// Appends (its term, op) to its log and returns the entry's index.
    fn append(&mut self, op: Op) -> u64 {
        self.log.push((self.term, op));
        self.last()
    }

    /// Section 4.4, step 3, for one replica.
    fn catch_up(&mut self, leader: &Self) {
        self.term = leader.term;
        self.role = Role::Follower;
        let b = self.base.max(leader.base);
        if self.last() < b || self.term_at(b) != leader.term_at(b) {
            self.install_snapshot(leader);
        } else {
            self.truncate_and_replay(leader, b);
        }
    }

    fn install_snapshot(&mut self, leader: &Self) {
        self.map = leader.map.clone();
        self.commit = leader.commit;
        self.base = leader.commit;
        self.base_term = leader.commit_term();
        self.log = leader.entries_after(leader.commit).to_vec();
    }

    /// Two logs with the same term at an index agree up to that index, so m is searched from the
    /// top.
    fn truncate_and_replay(&mut self, leader: &Self, b: u64) {
        let mut m = self.last().min(leader.last());
        while m > b && self.term_at(m) != leader.term_at(m) {
            m -= 1;
        }
        assert!(m >= self.commit, "a committed entry is never dropped");
        self.log.truncate(self.position_after(m));
        self.log.extend_from_slice(leader.entries_after(m));
    }

    /// Applies the ops that are newly committed, in order.
    fn commit_to(&mut self, index: u64) {
        let newly_committed = self.position_after(self.commit)..self.position_after(index);
        for (_, op) in &self.log[newly_committed] {
            op.apply(&mut self.map);
        }
        self.commit = index;
    }

    /// Section 4.5, for one replica.
    fn compact(&mut self) {
        self.base_term = self.commit_term();
        self.log.drain(..self.position_after(self.commit));
        self.base = self.commit;
    }

    /// The snapshot's bytes (section 5).
    pub fn dump_state(&self) -> Vec<u8> {
        dump_state(self.commit, self.commit_term(), &self.map)
    }
}

// --- Section 4: a cluster -----------------------------------------------------------------------

/// The outcome of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the entry is committed; otherwise it is pending.
    pub committed: bool,
    /// The entry's index.
    pub index: u64,
    /// The entry's term.
    pub term: u64,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The replicas, by id.
    pub replicas: Vec<Replica>,
    /// The isolated ids.
    pub isolated: BTreeSet<usize>,
    /// The current leader's id.
    pub leader: usize,
    /// The current term.
    pub term: u64,
}

impl Cluster {
    /// A cluster of `size` replicas. Error: `replica-count` unless that is 1 to 64.
    pub fn new(size: u64) -> Result<Self, ErrorCode> {
        if !(1..=REPLICAS_MAX).contains(&size) {
            return Err(ErrorCode::ReplicaCount);
        }
        let mut replicas: Vec<_> = (0..size).map(|_| Replica::new()).collect();
        replicas[0].role = Role::Leader;
        Ok(Self { replicas, isolated: BTreeSet::new(), leader: 0, term: 1 })
    }

    /// More than half of all replicas, isolated or not.
    pub fn quorum(&self) -> usize {
        self.replicas.len() / 2 + 1
    }

    /// The ids that are not isolated, ascending.
    pub fn reachable(&self) -> Vec<usize> {
        (0..self.replicas.len()).filter(|id| !self.isolated.contains(id)).collect()
    }

    /// The replica `id`. Error: `unknown-replica` if `id` >= n.
    pub fn replica(&self, id: u64) -> Result<&Replica, ErrorCode> {
        self.check_id(id).map(|id| &self.replicas[id])
    }

    fn check_id(&self, id: u64) -> Result<usize, ErrorCode> {
        let known = usize::try_from(id).ok().filter(|id| *id < self.replicas.len());
        known.ok_or(ErrorCode::UnknownReplica)
    }

    fn check_ids(&self, ids: &[u64]) -> Result<Vec<usize>, ErrorCode> {
        ids.iter().map(|id| self.check_id(*id)).collect()
    }

    /// Section 4.1. Errors, in this order: `key-length`, `value-length`, `no-leader`.
    pub fn propose(&mut self, op: Op) -> Result<Outcome, ErrorCode> {
        op.check_limits()?;
        if self.isolated.contains(&self.leader) {
            return Err(ErrorCode::NoLeader);
        }
        let index = self.replicas[self.leader].append(op);
        self.settle();
        let committed = index <= self.replicas[self.leader].commit;
        Ok(Outcome { committed, index, term: self.term })
    }

    /// Section 4.2. Errors, in this order: `unknown-replica`, `key-length`, `value-length`,
    /// `not-leader`.
    pub fn propose_at(&mut self, id: u64, op: Op) -> Result<Outcome, ErrorCode> {
        let id = self.check_id(id)?;
        op.check_limits()?;
        if self.replicas[id].role != Role::Leader {
            return Err(ErrorCode::NotLeader);
        }
        if !self.isolated.contains(&id) {
            return self.propose(op);
        }
        let index = self.replicas[id].append(op);
        Ok(Outcome { committed: false, index, term: self.replicas[id].term })
    }

    /// Section 4.3. Error: `unknown-replica`.
    pub fn partition(&mut self, ids: &[u64]) -> Result<(), ErrorCode> {
        let ids = self.check_ids(ids)?;
        self.isolated.extend(ids);
        self.settle();
        Ok(())
    }

    /// Section 4.3, for all replicas.
    pub fn heal(&mut self) {
        self.isolated.clear();
        self.settle();
    }

    /// Section 4.3, for the replicas named. Error: `unknown-replica`.
    pub fn heal_ids(&mut self, ids: &[u64]) -> Result<(), ErrorCode> {
        let ids = self.check_ids(ids)?;
        self.isolated.retain(|id| !ids.contains(id));
        self.settle();
        Ok(())
    }

    /// Section 4.4.
    fn settle(&mut self) {
        let reachable = self.reachable();
        let has_quorum = reachable.len() >= self.quorum();
        if self.isolated.contains(&self.leader) && has_quorum {
            self.elect(&reachable);
        }
        if self.isolated.contains(&self.leader) {
            for id in reachable {
                self.replicas[id].role = Role::Follower;
            }
            return;
        }
        for id in reachable.iter().filter(|id| **id != self.leader) {
            let two = self.replicas.get_disjoint_mut([*id, self.leader]);
            let [replica, leader] = two.expect("the leader is another replica");
            replica.catch_up(leader);
        }
        let leader = &self.replicas[self.leader];
        let commit = if has_quorum { leader.last() } else { leader.commit };
        for id in reachable {
            self.replicas[id].commit_to(commit);
        }
    }

    /// Section 4.4, step 1, once it is known to take place.
    fn elect(&mut self, reachable: &[usize]) {
        let log_end = |id: usize| (self.replicas[id].last_term(), self.replicas[id].last());
        let mut winner = reachable[0];
        for id in reachable {
            // Among equals the lowest id wins, so a later one has to be greater.
            if log_end(*id) > log_end(winner) {
                winner = *id;
            }
        }
        self.leader = winner;
        self.term += 1;
        for id in reachable {
            self.replicas[*id].term = self.term;
            self.replicas[*id].role = Role::Follower;
        }
        self.replicas[winner].role = Role::Leader;
        self.replicas[winner].append(Op::NoOp);
    }

    /// Section 4.5, for all replicas.
    pub fn compact(&mut self) {
        self.replicas.iter_mut().for_each(Replica::compact);
    }

    /// Section 4.5, for the replicas named. Error: `unknown-replica`.
    pub fn compact_ids(&mut self, ids: &[u64]) -> Result<(), ErrorCode> {
        for id in self.check_ids(ids)? {
            self.replicas[id].compact();
        }
        Ok(())
    }
}

// --- Section 5: snapshots -----------------------------------------------------------------------

const MAGIC: &[u8] = b"DKVS";
const VERSION: u32 = 1;

/// The state that a snapshot's bytes stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit index.
    pub commit: u64,
    /// The term of the entry at the commit index; 0 if that is 0.
    pub term: u64,
    /// The keys and values.
    pub map: Map,
}

impl Snapshot {
    /// The bytes again.
    pub fn dump_state(&self) -> Vec<u8> {
        dump_state(self.commit, self.term, &self.map)
    }
}

fn dump_state(commit: u64, term: u64, map: &Map) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(VERSION.to_le_bytes());
    out.extend(commit.to_le_bytes());
    out.extend(term.to_le_bytes());
    out.extend((map.len() as u64).to_le_bytes());
    for (key, value) in map {
        append_byte_string(&mut out, key);
        append_byte_string(&mut out, value);
    }
    out
}

/// Reads a snapshot's bytes, or returns the first error of section 5 that it meets.
pub fn load_state(bytes: &[u8]) -> Result<Snapshot, LoadError> {
    let mut reader = Reader { bytes, offset: 0, field: 0 };
    let magic = reader.take(4)?;
    reader.require(magic == MAGIC, ErrorCode::BadMagic)?;
    let version = reader.u32()?;
    reader.require(version == VERSION, ErrorCode::BadVersion)?;
    let commit = reader.u64()?;
    let term = reader.u64()?;
    reader.require((commit == 0) == (term == 0), ErrorCode::BadTerm)?;
    let count = reader.u64()?;
    reader.require(count <= commit, ErrorCode::BadCount)?;
    let mut map = Map::new();
    for _ in 0..count {
        let key = reader.byte_string(check_key_length)?;
        let ascends = map.last_key_value().is_none_or(|(before, _)| *before < key);
        reader.require(ascends, ErrorCode::KeyOrder)?;
        let value = reader.byte_string(check_value_length)?;
        map.insert(key, value);
    }
    reader.field = reader.offset;
    reader.require(reader.offset == bytes.len(), ErrorCode::TrailingBytes)?;
    Ok(Snapshot { commit, term, map })
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// The offset of the field that was read last: the one that is judged.
    field: usize,
}

impl<'a> Reader<'a> {
    fn require(&self, holds: bool, code: ErrorCode) -> Result<(), LoadError> {
        if holds { Ok(()) } else { Err(LoadError { code, offset: self.field }) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], LoadError> {
        self.field = self.offset;
        self.require(self.bytes.len() - self.offset >= length, ErrorCode::Truncated)?;
        self.offset += length;
        Ok(&self.bytes[self.field..self.offset])
    }

    fn u32(&mut self) -> Result<u32, LoadError> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    fn u64(&mut self) -> Result<u64, LoadError> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().expect("eight bytes")))
    }

    fn byte_string(
        &mut self,
        check_length: fn(usize) -> Result<(), ErrorCode>,
    ) -> Result<Vec<u8>, LoadError> {
        let length = self.u32()? as usize;
        check_length(length).map_err(|code| LoadError { code, offset: self.field })?;
        Ok(self.take(length)?.to_vec())
    }
}
