//! The hashes of snapshots and logs, each computed once for all replicas that have it.
#![expect(clippy::option_option, reason = "a hash may be unknown, or not be asked for")]

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::backend::append_entry;
use crate::reference::Replica;

/// How many bytes are hashed at most: of longer histories on large maps, later hashes are left out.
const HASHED_BYTES_MAX: u64 = 1 << 30;

/// The hashes of the cluster that was last begun.
pub(super) struct Hashes {
    with_logs: bool,
    bytes_left: u64,
    /// By commit index: committed entries are the same in all replicas.
    snapshots: HashMap<u64, Option<String>>,
    /// The log with this base that was hashed last. Most logs have grown since.
    logs: HashMap<u64, HashedLog>,
}

#[derive(Clone, Default)]
struct HashedLog {
    last: u64,
    last_term: u64,
    digest: Sha256,
}

impl Hashes {
    pub(super) fn new(with_logs: bool) -> Self {
        let (snapshots, logs) = (HashMap::new(), HashMap::new());
        Self { with_logs, bytes_left: HASHED_BYTES_MAX, snapshots, logs }
    }

    /// Forgets the cluster before.
    pub(super) fn begin(&mut self) {
        self.snapshots.clear();
        self.logs.clear();
    }

    /// Returns the hash of a replica's snapshot; `None` if it is left out.
    pub(super) fn of_snapshot(&mut self, replica: &Replica) -> Option<String> {
        if let Some(known) = self.snapshots.get(&replica.commit) {
            return known.clone();
        }
        let hash = (self.bytes_left > 0).then(|| {
            let bytes = replica.dump_state();
            self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
            hex::encode(Sha256::digest(bytes))
        });
        self.snapshots.insert(replica.commit, hash.clone());
        hash
    }

    /// Returns the hash of a replica's log, if logs are hashed; the inner value is `None` if it is
    /// left out.
    pub(super) fn of_log(&mut self, replica: &Replica) -> Option<Option<String>> {
        if !self.with_logs {
            return None;
        }
        if self.bytes_left == 0 {
            return Some(None);
        }
        let base = replica.base;
        let empty = HashedLog { last: base, last_term: replica.base_term, ..HashedLog::default() };
        let mut hashed = self.logs.remove(&base).unwrap_or_else(|| empty.clone());
        if replica.term_at(hashed.last) != Some(hashed.last_term) {
            hashed = empty;
        }
        let skipped = usize::try_from(hashed.last - base).expect("a log in memory");
        let mut bytes = Vec::new();
        for (index, (term, op)) in (hashed.last + 1..).zip(&replica.log[skipped..]) {
            append_entry(&mut bytes, index, *term, op);
        }
        self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
        hashed.digest.update(&bytes);
        (hashed.last, hashed.last_term) = (replica.last(), replica.last_term());
        let hash = hex::encode(hashed.digest.clone().finalize());
        self.logs.insert(base, hashed);
        Some(Some(hash))
    }
}
