//! The port beside the reference: the same lines to both, and a comparison of everything they show.

use std::ops::Range;

use dkv20::reference::{self, Op};
use dkv20::{Backend, ErrorCode, LoadError, ReplicaStatus, Session, SnapshotStatus};

pub(crate) struct Pair {
    port: Session,
    reference: Session<reference::Cluster>,
}

impl Pair {
    /// Clusters of `size` replicas.
    pub(crate) fn new(size: u64) -> Self {
        let mut pair = Self { port: Session::new(), reference: Session::default() };
        pair.run_line(&format!("new {size}"));
        pair
    }

    /// Runs the line on both, compares them, and returns the answer.
    pub(crate) fn run_line(&mut self, line: &str) -> String {
        let (mut answer, mut expected) = (String::new(), String::new());
        self.port.run_line(line.as_bytes(), &mut answer);
        self.reference.run_line(line.as_bytes(), &mut expected);
        assert_eq!(answer, expected, "{line}");
        self.assert_equal();
        answer
    }

    pub(crate) fn reference(&self) -> &reference::Cluster {
        self.reference.cluster().expect("`new` makes a cluster")
    }

    fn assert_equal(&self) {
        let port = self.port.cluster().expect("`new` makes a cluster");
        let reference = self.reference();
        assert_eq!(shown(port), shown(reference));
        let is_isolated = |id| reference.isolated.contains(&id);
        let leader = Some(reference.leader).filter(|id| !is_isolated(*id));
        assert_eq!(port.reachable_leader(), leader.map(|id| id as u64));
        for (id, plain) in reference.replicas.iter().enumerate() {
            let replica = &port.replicas()[id];
            assert_eq!(port.is_partitioned(replica.id()), Ok(is_isolated(id)));
            let entries = replica.entries().map(|e| (e.index, e.term, Op::from(e.op.clone())));
            let expected = (plain.base + 1..).zip(plain.log.clone());
            assert!(entries.eq(expected.map(|(index, (term, op))| (index, term, op))));
            let map = replica.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
            assert!(map.eq(plain.map.iter().map(|(key, value)| (&key[..], &value[..]))));
            assert!(plain.map.keys().all(|key| replica.get(key).is_some()));
            let terms = |range: Range<u64>| range.map(|index| replica.term_at(index));
            let range = plain.base.saturating_sub(1)..plain.last() + 2;
            assert!(terms(range.clone()).eq(range.map(|index| plain.term_at(index))));
            assert_eq!(replica.last_term(), plain.last_term());
        }
    }
}

/// A replica as the commands show it: its status, the hashes of its log and of its dump, the dump
/// as text, and the result of loading it.
type ReplicaShown = (ReplicaStatus, [String; 3], Result<SnapshotStatus, LoadError>);

/// A cluster as the commands show it: size, quorum, leader, term, isolated ids, and the replicas,
/// with one that does not exist.
type Shown = ([u64; 4], Vec<u64>, Vec<Result<ReplicaShown, ErrorCode>>);

fn shown<C: Backend>(cluster: &C) -> Shown {
    let numbers = [cluster.size(), cluster.quorum(), cluster.leader(), cluster.term()];
    let replica = |id| {
        let dump = cluster.dump_state(id)?;
        let texts =
            [cluster.log_hash(id)?, cluster.snapshot_hash(id)?, dump.escape_ascii().to_string()];
        Ok((cluster.replica_status(id)?, texts, C::load_state(&dump)))
    };
    (numbers, cluster.isolated_ids(), (0..=cluster.size()).map(replica).collect())
}
