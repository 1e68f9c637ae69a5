//! The part of a cluster's past that the rules need.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::reference::{Cluster, Op, Replica, Role};

/// A log entry: its term and its op.
pub type Entry = (u64, Op);

/// Returns the entry at `index` of a replica's log, or `None` if the log does not hold it.
#[must_use]
pub fn entry(replica: &Replica, index: u64) -> Option<&Entry> {
    at(&replica.log, index.checked_sub(replica.base)?)
}

/// The entry at a position that is counted from 1.
fn at(entries: &[Entry], position: u64) -> Option<&Entry> {
    entries.get(usize::try_from(position.checked_sub(1)?).ok()?)
}

/// The facts that were settled for good, however little of them the cluster still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// The entries that were committed, at the indexes 1, 2 and so on.
    pub committed: Vec<Entry>,
    /// The first leader that was seen in each term.
    pub leaders: BTreeMap<u64, usize>,
}

impl History {
    /// Returns the history after a step that led to `cluster`.
    #[must_use]
    pub fn after(&self, cluster: &Cluster) -> Cow<'_, Self> {
        let mut history = Cow::Borrowed(self);
        for (id, replica) in cluster.replicas.iter().enumerate() {
            if replica.role == Role::Leader && !history.leaders.contains_key(&replica.term) {
                history.to_mut().leaders.insert(replica.term, id);
            }
            while (history.committed.len() as u64) < replica.commit
                && let Some(entry) = entry(replica, history.committed.len() as u64 + 1)
            {
                history.to_mut().committed.push(entry.clone());
            }
        }
        history
    }

    /// Returns the entry that was committed at `index`.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        at(&self.committed, index)
    }
}
