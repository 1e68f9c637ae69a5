//! The cluster behind a session: the port's [`Cluster`], or the plain one of [`reference`].
//!
//! The two share nothing below this trait but the error codes, so that a mistake in one of them
//! shows as a difference between two sessions.

use sha2::{Digest, Sha256};

use crate::byte_string::ByteString;
use crate::cluster::{Cluster, Outcome};
use crate::error::{ErrorCode, LoadError};
use crate::op::Op;
use crate::reference;
use crate::replica::{Replica, ReplicaId, Role};
use crate::snapshot::load_state;

/// The state that the command `replica` shows (definition, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a replica, section 3")]
pub struct ReplicaStatus {
    pub role: Role,
    pub term: u64,
    pub base: u64,
    pub commit_index: u64,
    pub last: u64,
    pub key_count: usize,
}

/// The content of a snapshot that the command `load` shows (definition, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a snapshot, section 5")]
pub struct SnapshotStatus {
    pub commit_index: u64,
    pub term: u64,
    pub key_count: usize,
    pub snapshot_hash: String,
}

/// A cluster as the commands of section 8 use it.
///
/// ```
/// use dkv20::{Session, reference};
///
/// let mut session = Session::<reference::Cluster>::default();
/// let mut answer = String::new();
/// session.run_line(b"new 5", &mut answer);
/// assert_eq!(answer, "ok");
/// ```
///
/// Each method does what the section about it says and returns its errors in its order. A method that
/// returns an error has changed nothing.
#[expect(missing_docs, reason = "sections 3 to 5 define the methods")]
#[expect(clippy::missing_errors_doc, reason = "sections 3 to 5 list the errors")]
pub trait Backend: Sized {
    fn new(size: u64) -> Result<Self, ErrorCode>;
    fn size(&self) -> u64;
    fn quorum(&self) -> u64;
    fn leader(&self) -> ReplicaId;
    fn term(&self) -> u64;
    fn isolated_ids(&self) -> Vec<ReplicaId>;
    fn propose(&mut self, op: Op) -> Result<Outcome, ErrorCode>;
    fn propose_at(&mut self, id: ReplicaId, op: Op) -> Result<Outcome, ErrorCode>;
    fn partition(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode>;
    fn heal(&mut self);
    fn heal_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode>;
    fn compact(&mut self);
    fn compact_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode>;
    fn replica_status(&self, id: ReplicaId) -> Result<ReplicaStatus, ErrorCode>;
    fn get(&self, id: ReplicaId, key: &[u8]) -> Result<Option<&[u8]>, ErrorCode>;
    fn dump_state(&self, id: ReplicaId) -> Result<Vec<u8>, ErrorCode>;
    fn snapshot_hash(&self, id: ReplicaId) -> Result<String, ErrorCode>;
    fn log_hash(&self, id: ReplicaId) -> Result<String, ErrorCode>;
    fn load_state(bytes: &[u8]) -> Result<SnapshotStatus, LoadError>;
}

impl Backend for Cluster {
    fn new(size: u64) -> Result<Self, ErrorCode> {
        Self::new(size)
    }

    fn size(&self) -> u64 {
        self.size()
    }

    fn quorum(&self) -> u64 {
        self.quorum()
    }

    fn leader(&self) -> ReplicaId {
        self.leader()
    }

    fn term(&self) -> u64 {
        self.term()
    }

    fn isolated_ids(&self) -> Vec<ReplicaId> {
        self.isolated_ids().collect()
    }

    fn propose(&mut self, op: Op) -> Result<Outcome, ErrorCode> {
        self.propose(op)
    }

    fn propose_at(&mut self, id: ReplicaId, op: Op) -> Result<Outcome, ErrorCode> {
        self.propose_at(id, op)
    }

    fn partition(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.partition(ids)
    }

    fn heal(&mut self) {
        self.heal();
    }

    fn heal_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.heal_ids(ids)
    }

    fn compact(&mut self) {
        self.compact();
    }

    fn compact_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.compact_ids(ids)
    }

    fn replica_status(&self, id: ReplicaId) -> Result<ReplicaStatus, ErrorCode> {
        self.replica(id).map(|replica| ReplicaStatus {
            role: replica.role(),
            term: replica.term(),
            base: replica.base(),
            commit_index: replica.commit_index(),
            last: replica.last(),
            key_count: replica.key_count(),
        })
    }

    fn get(&self, id: ReplicaId, key: &[u8]) -> Result<Option<&[u8]>, ErrorCode> {
        self.replica(id).map(|replica| replica.get(key).map(ByteString::as_slice))
    }

    fn dump_state(&self, id: ReplicaId) -> Result<Vec<u8>, ErrorCode> {
        self.replica(id).map(Replica::dump_state)
    }

    fn snapshot_hash(&self, id: ReplicaId) -> Result<String, ErrorCode> {
        self.replica(id).map(Replica::snapshot_hash)
    }

    fn log_hash(&self, id: ReplicaId) -> Result<String, ErrorCode> {
        self.replica(id).map(Replica::log_hash)
    }

    fn load_state(bytes: &[u8]) -> Result<SnapshotStatus, LoadError> {
        load_state(bytes).map(|snapshot| SnapshotStatus {
            commit_index: snapshot.commit_index(),
            term: snapshot.term(),
            key_count: snapshot.key_count(),
            snapshot_hash: snapshot.snapshot_hash(),
        })
    }
}

impl Backend for reference::Cluster {
    fn new(size: u64) -> Result<Self, ErrorCode> {
        Self::new(size)
    }

    fn size(&self) -> u64 {
        self.replicas.len() as u64
    }

    fn quorum(&self) -> u64 {
        self.quorum() as u64
    }

    fn leader(&self) -> ReplicaId {
        self.leader as u64
    }

    fn term(&self) -> u64 {
        self.term
    }

    fn isolated_ids(&self) -> Vec<ReplicaId> {
        self.isolated.iter().map(|id| *id as u64).collect()
    }

    fn propose(&mut self, op: Op) -> Result<Outcome, ErrorCode> {
        self.propose(op.into()).map(Outcome::from)
    }

    fn propose_at(&mut self, id: ReplicaId, op: Op) -> Result<Outcome, ErrorCode> {
        self.propose_at(id, op.into()).map(Outcome::from)
    }

    fn partition(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.partition(ids)
    }

    fn heal(&mut self) {
        self.heal();
    }

    fn heal_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.heal_ids(ids)
    }

    fn compact(&mut self) {
        self.compact();
    }

    fn compact_ids(&mut self, ids: &[ReplicaId]) -> Result<(), ErrorCode> {
        self.compact_ids(ids)
    }

    fn replica_status(&self, id: ReplicaId) -> Result<ReplicaStatus, ErrorCode> {
        let replica = self.replica(id)?;
        Ok(ReplicaStatus {
            role: match replica.role {
                reference::Role::Follower => Role::Follower,
                reference::Role::Leader => Role::Leader,
            },
            term: replica.term,
            base: replica.base,
            commit_index: replica.commit,
            last: replica.last(),
            key_count: replica.map.len(),
        })
    }

    fn get(&self, id: ReplicaId, key: &[u8]) -> Result<Option<&[u8]>, ErrorCode> {
        Ok(self.replica(id)?.map.get(key).map(Vec::as_slice))
    }

    fn dump_state(&self, id: ReplicaId) -> Result<Vec<u8>, ErrorCode> {
        self.replica(id).map(reference::Replica::dump_state)
    }

    fn snapshot_hash(&self, id: ReplicaId) -> Result<String, ErrorCode> {
        self.dump_state(id).map(|dump| hash(&dump))
    }

    fn log_hash(&self, id: ReplicaId) -> Result<String, ErrorCode> {
        let replica = self.replica(id)?;
        let mut bytes = Vec::new();
        for (index, (term, op)) in (replica.base + 1..).zip(&replica.log) {
            append_entry(&mut bytes, index, *term, op);
        }
        Ok(hash(&bytes))
    }

    fn load_state(bytes: &[u8]) -> Result<SnapshotStatus, LoadError> {
        let snapshot = reference::load_state(bytes)?;
        Ok(SnapshotStatus {
            commit_index: snapshot.commit,
            term: snapshot.term,
            key_count: snapshot.map.len(),
            snapshot_hash: hash(&snapshot.dump_state()),
        })
    }
}

/// Appends an entry of the reference's log as `log` hashes it.
pub(crate) fn append_entry(out: &mut Vec<u8>, index: u64, term: u64, op: &reference::Op) {
    out.extend(index.to_le_bytes());
    out.extend(term.to_le_bytes());
    op.encode(out);
}

fn hash(bytes: &[u8]) -> String {
    let mut digits = [0; 64];
    hex::encode_to_slice(Sha256::digest(bytes), &mut digits).expect("32 bytes have 64 digits");
    str::from_utf8(&digits).expect("digits are ASCII").to_owned()
}

impl From<Op> for reference::Op {
    fn from(op: Op) -> Self {
        match op {
            Op::NoOp => Self::NoOp,
            Op::Put { key, value } => Self::Put { key: key.to_vec(), value: value.to_vec() },
            Op::Del { key } => Self::Del { key: key.to_vec() },
        }
    }
}

impl From<reference::Outcome> for Outcome {
    fn from(outcome: reference::Outcome) -> Self {
        let reference::Outcome { committed, index, term } = outcome;
        Self { committed, index, term }
    }
}
