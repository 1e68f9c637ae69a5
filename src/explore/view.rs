//! What is seen of a system, and what is remembered of it.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::op::{Op, put_u64_le};
use crate::ordered_map::OrderedMap;
use crate::replica::Role;

/// A log entry: its term and its op.
pub type Entry = (u64, Op);

/// All that can be seen of a cluster (definition, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The current leader's id, isolated or not.
    pub leader: usize,
    /// The current term.
    pub term: u64,
    /// Whether each replica is isolated, by id.
    pub isolated: Vec<bool>,
    /// The replicas, by id.
    pub replicas: Vec<ReplicaView>,
}

/// All that can be seen of a replica (definition, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaView {
    /// The newest term that it has heard of.
    pub term: u64,
    /// What it takes itself for.
    pub role: Role,
    /// The index up to which its log has been compacted away.
    pub base: u64,
    /// The term of the entry that stood there, 0 at first.
    pub base_term: u64,
    /// The entries at `base` + 1, `base` + 2 and so on.
    pub entries: Vec<Entry>,
    /// The index up to which its ops are applied.
    pub commit_index: u64,
    /// The map.
    pub map: OrderedMap,
    /// The snapshot's bytes.
    pub dump: Vec<u8>,
}

impl View {
    /// How many replicas are reachable.
    #[must_use]
    pub fn reachable_count(&self) -> usize {
        self.isolated.iter().filter(|isolated| !**isolated).count()
    }

    /// Whether fewer replicas are reachable than a quorum: not more than half of all.
    #[must_use]
    pub fn is_minority(&self) -> bool {
        self.reachable_count() * 2 <= self.replicas.len()
    }

    /// The greatest commit index that a replica has.
    #[must_use]
    pub fn commit_index_max(&self) -> u64 {
        self.replicas.iter().map(|replica| replica.commit_index).max().unwrap_or(0)
    }
}

impl ReplicaView {
    /// The index of its last log entry, `base` where the log is empty.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// The entry at `index`; `None` where its log does not hold it.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        let position = index.checked_sub(self.base)?.checked_sub(1)?;
        self.entries.get(usize::try_from(position).ok()?)
    }

    /// The term at `index`; `None` below `base` and above `last`.
    #[must_use]
    pub fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base {
            return Some(self.base_term);
        }
        self.entry(index).map(|entry| entry.0)
    }
}

/// What a cluster's past has settled for good, however little of it the logs still hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The entries that have been committed, at the indexes 1, 2 and so on.
    pub committed: Vec<Entry>,
    /// Each term that somebody has led, and the first who was seen to; terms ascending.
    pub leaders: Vec<(u64, usize)>,
}

impl History {
    /// The history that a cluster has after `view` has been seen.
    #[must_use]
    pub fn after(&self, view: &View) -> Cow<'_, Self> {
        let mut history = Cow::Borrowed(self);
        for (id, replica) in view.replicas.iter().enumerate() {
            if replica.role == Role::Leader && history.leader_of(replica.term).is_none() {
                let leaders = &mut history.to_mut().leaders;
                leaders.push((replica.term, id));
                leaders.sort_unstable();
            }
            while (history.committed.len() as u64) < replica.commit_index
                && let Some(entry) = replica.entry(history.committed.len() as u64 + 1)
            {
                history.to_mut().committed.push(entry.clone());
            }
        }
        history
    }

    /// Who was first seen to lead the term.
    #[must_use]
    pub fn leader_of(&self, term: u64) -> Option<usize> {
        self.leaders.iter().find(|leader| leader.0 == term).map(|leader| leader.1)
    }

    /// The entry that was committed at `index`.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.committed.get(usize::try_from(index.checked_sub(1)?).ok()?)
    }
}

/// The first half of the SHA-256 of all that decides what comes next and how it is judged.
pub(super) fn fingerprint(view: &View, history: &History) -> u128 {
    let mut out = Vec::with_capacity(1 << 10);
    put_u64_le(&mut out, view.leader as u64);
    put_u64_le(&mut out, view.term);
    for (replica, isolated) in view.replicas.iter().zip(&view.isolated) {
        out.push(u8::from(*isolated) + 2 * u8::from(replica.role == Role::Leader));
        put_u64_le(&mut out, replica.term);
        put_u64_le(&mut out, replica.base);
        put_u64_le(&mut out, replica.base_term);
        put_entries(&mut out, &replica.entries);
        put_u64_le(&mut out, replica.commit_index);
        for (key, value) in &replica.map {
            Op::put(key.clone(), value.clone()).encode(&mut out);
        }
        put_u64_le(&mut out, replica.dump.len() as u64);
        out.extend_from_slice(&replica.dump);
    }
    put_entries(&mut out, &history.committed);
    for (term, id) in &history.leaders {
        put_u64_le(&mut out, *term);
        put_u64_le(&mut out, *id as u64);
    }
    let hash = Sha256::digest(&out);
    let half = hash.first_chunk().expect("a SHA-256 has 32 bytes");
    u128::from_le_bytes(*half)
}

fn put_entries(out: &mut Vec<u8>, entries: &[Entry]) {
    put_u64_le(out, entries.len() as u64);
    for (term, op) in entries {
        put_u64_le(out, *term);
        op.encode(out);
    }
}
