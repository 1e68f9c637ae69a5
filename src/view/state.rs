//! The observable state of a cluster, as frames tell it step by step.

use super::data::{Change, Frame};

/// The state that the protocol shows. A value is `None` while it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) leader: Option<Option<usize>>,
    pub(super) term: Option<u64>,
    pub(super) isolated: Option<Vec<usize>>,
    pub(super) replicas: Vec<ReplicaState>,
}

/// That of a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplicaState {
    pub(super) role: Option<String>,
    pub(super) term: Option<u64>,
    pub(super) base: Option<u64>,
    pub(super) commit: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) keys: Option<u64>,
    pub(super) hash: Option<String>,
    pub(super) log_hash: Option<String>,
}

impl State {
    /// Returns the changes from this state to the next one.
    pub(super) fn changes_to(&self, next: &Self) -> Frame {
        let mut frame = Frame {
            leader: changed(&self.leader, &next.leader),
            term: changed(&self.term, &next.term),
            isolated: changed(&self.isolated, &next.isolated),
            ..Frame::default()
        };
        let unknown = ReplicaState::default();
        for (id, replica) in next.replicas.iter().enumerate() {
            let before = self.replicas.get(id).unwrap_or(&unknown);
            frame.add(id, before.changes_to(replica));
        }
        frame
    }
}

impl ReplicaState {
    fn changes_to(&self, next: &Self) -> Change {
        let hash = |old: &Option<String>, new: &Option<String>| (old != new).then(|| new.clone());
        Change {
            role: changed(&self.role, &next.role),
            term: changed(&self.term, &next.term),
            base: changed(&self.base, &next.base),
            commit: changed(&self.commit, &next.commit),
            last: changed(&self.last, &next.last),
            keys: changed(&self.keys, &next.keys),
            hash: hash(&self.hash, &next.hash),
            log_hash: hash(&self.log_hash, &next.log_hash),
            ..Change::default()
        }
    }
}

/// Returns the new value if it is another one and is known.
fn changed<T: Clone + PartialEq>(old: &Option<T>, new: &Option<T>) -> Option<T> {
    if old == new { None } else { new.clone() }
}
