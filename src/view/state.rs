//! The observable state of a cluster, as frames tell it step by step.
#![expect(clippy::option_option, reason = "no leader is a value, and it may be unknown")]

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
    /// Applies the changes of a step of the reference.
    pub(super) fn apply(&mut self, frame: &Frame) {
        if let Some(count) = frame.cluster {
            let replica = |id| ReplicaState::new(if id == 0 { "leader" } else { "follower" });
            let replicas = (0..count).map(replica).collect();
            let isolated = Some(Vec::new());
            *self = Self { leader: Some(Some(0)), term: Some(1), isolated, replicas };
        }
        replace(&mut self.leader, frame.leader.as_ref());
        replace(&mut self.term, frame.term.as_ref());
        replace(&mut self.isolated, frame.isolated.as_ref());
        for (ids, change) in &frame.replicas {
            for id in ids {
                self.replicas[*id].apply(change);
            }
        }
    }

    /// Returns the changes from this state to the next one.
    pub(super) fn changes_to(&self, next: &Self) -> Frame {
        let mut frame = Frame {
            leader: changed(self.leader.as_ref(), next.leader.as_ref()),
            term: changed(self.term.as_ref(), next.term.as_ref()),
            isolated: changed(self.isolated.as_ref(), next.isolated.as_ref()),
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
    fn new(role: &str) -> Self {
        let (zero, hash, log_hash) = (Some(0), None, None);
        let (base, commit, last, keys) = (zero, zero, zero, zero);
        Self { role: Some(role.into()), term: Some(1), base, commit, last, keys, hash, log_hash }
    }

    fn apply(&mut self, change: &Change) {
        replace(&mut self.role, change.role.as_ref());
        replace(&mut self.term, change.term.as_ref());
        replace(&mut self.base, change.base.as_ref());
        replace(&mut self.commit, change.commit.as_ref());
        replace(&mut self.last, change.last.as_ref());
        replace(&mut self.keys, change.keys.as_ref());
        for (hash, new) in [(&mut self.hash, &change.hash), (&mut self.log_hash, &change.log_hash)]
        {
            if let Some(new) = new {
                hash.clone_from(new);
            }
        }
    }

    fn changes_to(&self, next: &Self) -> Change {
        let hash = |old: Option<&String>, new: Option<&String>| (old != new).then(|| new.cloned());
        Change {
            role: changed(self.role.as_ref(), next.role.as_ref()),
            term: changed(self.term.as_ref(), next.term.as_ref()),
            base: changed(self.base.as_ref(), next.base.as_ref()),
            commit: changed(self.commit.as_ref(), next.commit.as_ref()),
            last: changed(self.last.as_ref(), next.last.as_ref()),
            keys: changed(self.keys.as_ref(), next.keys.as_ref()),
            hash: hash(self.hash.as_ref(), next.hash.as_ref()),
            log_hash: hash(self.log_hash.as_ref(), next.log_hash.as_ref()),
            ..Change::default()
        }
    }
}

/// Returns the new value if it is another one and is known.
fn changed<T: Clone + PartialEq>(old: Option<&T>, new: Option<&T>) -> Option<T> {
    new.filter(|new| old != Some(new)).cloned()
}

fn replace<T: Clone>(value: &mut Option<T>, new: Option<&T>) {
    if new.is_some() {
        *value = new.cloned();
    }
}
