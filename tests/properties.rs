//! Random clusters under random events, held against a naive twin after every event.
//!
//! The twin is section 4 of the definition in its most literal form: every replica has a plain
//! vector of entries and every op that it ever applied, and nothing is clever.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use dkv20::{Cluster, ErrorCode, Op, Outcome, Replica, Role, load_state};
use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

const CASES: u32 = 300;
const EVENTS_MAX: usize = 80;

/// What can happen to a cluster. An id may be one beyond the cluster's.
#[derive(Clone, Debug)]
enum Event {
    Propose(Op),
    ProposeAt(usize, Op),
    /// To one of those that take themselves for the leader, counted round.
    ProposeAtLeading(usize, Op),
    Partition(Vec<usize>),
    PartitionLeader,
    Heal,
    HealIds(Vec<usize>),
    /// Of one of those that are isolated, the current leader apart; of nobody where there is none.
    HealOther(usize),
    Compact,
    CompactIds(Vec<usize>),
}

/// How often the rare things have happened.
#[derive(Debug, Default)]
struct Coverage {
    elections: u32,
    elections_by_last_term: u32,
    truncated_tails: u32,
    snapshots_for_short_log: u32,
    snapshots_for_other_term: u32,
    step_downs: u32,
    demotions: u32,
    pending_committed_later: u32,
    compactions: u32,
    errors: BTreeSet<ErrorCode>,
}

#[derive(Clone, Debug, PartialEq)]
struct TwinReplica {
    term: u64,
    role: Role,
    base: u64,
    base_term: u64,
    /// The entries at `base` + 1, `base` + 2 and so on.
    log: Vec<(u64, Op)>,
    commit: u64,
    /// The ops at 1, 2 and so on up to the commit index, compacted away or not.
    applied: Vec<Op>,
}

impl TwinReplica {
    fn last(&self) -> u64 {
        self.base + self.log.len() as u64
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base {
            return Some(self.base_term);
        }
        (self.base < index && index <= self.last()).then(|| self.entry(index).0)
    }

    fn last_term(&self) -> u64 {
        self.term_at(self.last()).unwrap()
    }

    fn entry(&self, index: u64) -> &(u64, Op) {
        &self.log[as_usize(index - self.base - 1)]
    }

    fn entries_after(&self, index: u64) -> Vec<(u64, Op)> {
        self.log[as_usize(index - self.base)..].to_vec()
    }

    fn append(&mut self, op: Op) -> u64 {
        self.log.push((self.term, op));
        self.last()
    }

    fn commit_to(&mut self, index: u64) {
        while self.commit < index {
            self.commit += 1;
            self.applied.push(self.entry(self.commit).1.clone());
        }
    }

    fn compact(&mut self) {
        let (log, term) = (self.entries_after(self.commit), self.term_at(self.commit).unwrap());
        (self.log, self.base, self.base_term) = (log, self.commit, term);
    }

    fn map(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut map = BTreeMap::new();
        for op in &self.applied {
            match op {
                Op::NoOp => {}
                Op::Put { key, value } => drop(map.insert(key.to_vec(), value.to_vec())),
                Op::Del { key } => drop(map.remove(key.as_slice())),
            }
        }
        map
    }

    fn dump(&self) -> Vec<u8> {
        let map = self.map();
        let term = self.term_at(self.commit).unwrap();
        let numbers = [self.commit, term, map.len() as u64].map(u64::to_le_bytes).concat();
        let mut out = [b"DKVS\x01\0\0\0", &numbers[..]].concat();
        for bytes in map.into_iter().flat_map(|(key, value)| [key, value]) {
            out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            out.extend(bytes);
        }
        out
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Twin {
    replicas: Vec<TwinReplica>,
    isolated: BTreeSet<usize>,
    leader: usize,
    term: u64,
    /// (index, term) of the entries that were answered as pending.
    pending: BTreeSet<(u64, u64)>,
}

impl Twin {
    fn new(replica_count: usize) -> Self {
        let replica = |id| TwinReplica {
            term: 1,
            role: if id == 0 { Role::Leader } else { Role::Follower },
            base: 0,
            base_term: 0,
            log: Vec::new(),
            commit: 0,
            applied: Vec::new(),
        };
        Self {
            replicas: (0..replica_count).map(replica).collect(),
            isolated: BTreeSet::new(),
            leader: 0,
            term: 1,
            pending: BTreeSet::new(),
        }
    }

    fn reachable(&self) -> Vec<usize> {
        (0..self.replicas.len()).filter(|id| !self.isolated.contains(id)).collect()
    }

    fn has_quorum(&self) -> bool {
        self.reachable().len() > self.replicas.len() / 2
    }

    fn leading(&self) -> Vec<usize> {
        let leads = |id: &usize| self.replicas[*id].role == Role::Leader;
        (0..self.replicas.len()).filter(leads).collect()
    }

    fn propose(&mut self, op: &Op, coverage: &mut Coverage) -> Result<Outcome, ErrorCode> {
        check_limits(op)?;
        if self.isolated.contains(&self.leader) {
            return Err(ErrorCode::NoLeader);
        }
        let leader = &mut self.replicas[self.leader];
        let (index, term) = (leader.append(op.clone()), leader.term);
        self.settle(coverage);
        let committed = index <= self.replicas[self.leader].commit;
        Ok(self.outcome(committed, index, term))
    }

    fn propose_at(
        &mut self,
        id: usize,
        op: &Op,
        coverage: &mut Coverage,
    ) -> Result<Outcome, ErrorCode> {
        let replica = self.replicas.get_mut(id).ok_or(ErrorCode::UnknownReplica)?;
        check_limits(op)?;
        if replica.role != Role::Leader {
            return Err(ErrorCode::NotLeader);
        }
        if self.isolated.contains(&id) {
            let (index, term) = (replica.append(op.clone()), replica.term);
            return Ok(self.outcome(false, index, term));
        }
        assert_eq!(id, self.leader, "a reachable leader is the current one");
        self.propose(op, coverage)
    }

    fn outcome(&mut self, committed: bool, index: u64, term: u64) -> Outcome {
        if !committed {
            self.pending.insert((index, term));
        }
        Outcome { committed, index, term }
    }

    fn check_ids(&self, ids: &[usize]) -> Result<(), ErrorCode> {
        let unknown = ids.iter().any(|id| *id >= self.replicas.len());
        if unknown { Err(ErrorCode::UnknownReplica) } else { Ok(()) }
    }

    fn partition(&mut self, ids: &[usize], coverage: &mut Coverage) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        self.isolated.extend(ids);
        self.settle(coverage);
        Ok(())
    }

    fn heal_ids(&mut self, ids: &[usize], coverage: &mut Coverage) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        self.isolated.retain(|id| !ids.contains(id));
        self.settle(coverage);
        Ok(())
    }

    fn compact_ids(&mut self, ids: &[usize], coverage: &mut Coverage) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        for id in ids {
            coverage.compactions += u32::from(self.replicas[*id].commit > self.replicas[*id].base);
            self.replicas[*id].compact();
        }
        Ok(())
    }

    fn settle(&mut self, coverage: &mut Coverage) {
        if self.isolated.contains(&self.leader) && self.has_quorum() {
            self.elect(coverage);
        }
        if self.isolated.contains(&self.leader) {
            for id in self.reachable() {
                coverage.step_downs += u32::from(self.replicas[id].role == Role::Leader);
                self.replicas[id].role = Role::Follower;
            }
            return;
        }
        for id in self.reachable().into_iter().filter(|id| *id != self.leader) {
            let leader = self.replicas[self.leader].clone();
            let replica = &mut self.replicas[id];
            coverage.demotions += u32::from(replica.role == Role::Leader);
            replica.term = leader.term;
            replica.role = Role::Follower;
            replicate(&leader, replica, coverage);
        }
        self.commit(coverage);
    }

    fn elect(&mut self, coverage: &mut Coverage) {
        let end = |id: usize| (self.replicas[id].last_term(), self.replicas[id].last());
        let reachable = self.reachable();
        let mut winner = reachable[0];
        for id in &reachable {
            if end(*id) > end(winner) {
                winner = *id;
            }
        }
        coverage.elections += 1;
        let longest = reachable.iter().map(|id| end(*id).1).max().unwrap();
        coverage.elections_by_last_term += u32::from(longest > end(winner).1);
        self.leader = winner;
        self.term += 1;
        for id in reachable {
            self.replicas[id].term = self.term;
            self.replicas[id].role = Role::Follower;
        }
        self.replicas[winner].role = Role::Leader;
        self.replicas[winner].append(Op::NoOp);
    }

    fn commit(&mut self, coverage: &mut Coverage) {
        let leader = &self.replicas[self.leader];
        let index = if self.has_quorum() { leader.last() } else { leader.commit };
        for index in leader.commit + 1..=index {
            let entry = (index, leader.term_at(index).unwrap());
            coverage.pending_committed_later += u32::from(self.pending.contains(&entry));
        }
        for id in self.reachable() {
            self.replicas[id].commit_to(index);
        }
    }
}

/// Step 3 of section 4.4, with m searched from b upwards.
fn replicate(leader: &TwinReplica, replica: &mut TwinReplica, coverage: &mut Coverage) {
    let b = leader.base.max(replica.base);
    if replica.last() < b || replica.term_at(b) != leader.term_at(b) {
        coverage.snapshots_for_short_log += u32::from(replica.last() < b);
        coverage.snapshots_for_other_term += u32::from(replica.last() >= b);
        replica.applied.clone_from(&leader.applied);
        replica.commit = leader.commit;
        replica.base = leader.commit;
        replica.base_term = leader.term_at(leader.commit).unwrap();
        replica.log = leader.entries_after(leader.commit);
        return;
    }
    let mut m = b;
    while m < replica.last().min(leader.last()) && replica.term_at(m + 1) == leader.term_at(m + 1) {
        m += 1;
    }
    assert!(m >= replica.commit, "no committed entry is ever dropped");
    coverage.truncated_tails += u32::from(m < replica.last());
    replica.log.truncate(as_usize(m - replica.base));
    replica.log.extend(leader.entries_after(m));
}

fn check_limits(op: &Op) -> Result<(), ErrorCode> {
    let (key, value) = match op {
        Op::NoOp => return Ok(()),
        Op::Put { key, value } => (key.len(), value.len()),
        Op::Del { key } => (key.len(), 0),
    };
    if !(1..=4_096).contains(&key) {
        return Err(ErrorCode::KeyLength);
    }
    if value <= 1_048_576 { Ok(()) } else { Err(ErrorCode::ValueLength) }
}

fn as_usize(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

/// The cluster, its twin, and what every event so far has promised.
struct Pair<'a> {
    cluster: Cluster,
    twin: Twin,
    coverage: &'a RefCell<Coverage>,
    /// Who has led each term.
    leaders: BTreeMap<u64, usize>,
    /// What has been committed at 1, 2 and so on.
    committed: Vec<(u64, Op)>,
}

impl Pair<'_> {
    fn run(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let coverage = &mut *self.coverage.borrow_mut();
        let (cluster, twin) = (&mut self.cluster, &mut self.twin);
        let everybody: Vec<_> = (0..twin.replicas.len()).collect();
        let (outcome, expected) = match event {
            Event::Propose(op) => (cluster.propose(op.clone()), twin.propose(op, coverage)),
            Event::ProposeAt(id, op) => {
                (cluster.propose_at(*id, op.clone()), twin.propose_at(*id, op, coverage))
            }
            Event::ProposeAtLeading(position, op) => {
                let leading = twin.leading();
                let id = leading[position % leading.len()];
                (cluster.propose_at(id, op.clone()), twin.propose_at(id, op, coverage))
            }
            Event::Partition(ids) => {
                without_outcome(cluster.partition(ids), twin.partition(ids, coverage))
            }
            Event::PartitionLeader => {
                let ids = [twin.leader];
                without_outcome(cluster.partition(&ids), twin.partition(&ids, coverage))
            }
            Event::Heal => {
                cluster.heal();
                without_outcome(Ok(()), twin.heal_ids(&everybody, coverage))
            }
            Event::HealIds(ids) => {
                without_outcome(cluster.heal_ids(ids), twin.heal_ids(ids, coverage))
            }
            Event::HealOther(position) => {
                let isolated = twin.isolated.iter().copied().filter(|id| *id != twin.leader);
                let ids: Vec<_> = isolated.cycle().nth(*position).into_iter().collect();
                without_outcome(cluster.heal_ids(&ids), twin.heal_ids(&ids, coverage))
            }
            Event::Compact => {
                cluster.compact();
                without_outcome(Ok(()), twin.compact_ids(&everybody, coverage))
            }
            Event::CompactIds(ids) => {
                without_outcome(cluster.compact_ids(ids), twin.compact_ids(ids, coverage))
            }
        };
        prop_assert_eq!(outcome, expected);
        coverage.errors.extend(outcome.err());
        Ok(())
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        compare(&self.cluster, &self.twin)?;
        self.check_settled()?;
        for replica in self.cluster.replicas() {
            if replica.role() == Role::Leader {
                let leader = *self.leaders.entry(replica.term()).or_insert(replica.id());
                prop_assert_eq!(leader, replica.id(), "term {} has two leaders", replica.term());
            }
        }
        self.check_committed()
    }

    /// Nothing is in flight: settling again changes neither of the two.
    fn check_settled(&self) -> Result<(), TestCaseError> {
        let mut twin = self.twin.clone();
        twin.settle(&mut Coverage::default());
        prop_assert_eq!(&twin, &self.twin);
        let mut cluster = self.cluster.clone();
        cluster.partition(&[]).unwrap();
        cluster.heal_ids(&[]).unwrap();
        cluster.compact_ids(&[]).unwrap();
        compare_fields(&cluster, &self.twin)
    }

    /// What is committed stays as it is, and is the same wherever it is held.
    fn check_committed(&mut self) -> Result<(), TestCaseError> {
        for replica in self.cluster.replicas() {
            let entries = self.cluster.log_entries(replica.id()).unwrap();
            for (index, term, op) in entries.filter(|entry| entry.0 <= replica.commit_index()) {
                let position = as_usize(index - 1);
                if position == self.committed.len() {
                    self.committed.push((term, op.clone()));
                }
                let committed = &self.committed[position];
                prop_assert_eq!((committed.0, &committed.1), (term, op), "index {}", index);
            }
        }
        Ok(())
    }
}

type Outcomes = (Result<Outcome, ErrorCode>, Result<Outcome, ErrorCode>);

/// Where an operation has no outcome, only the errors are compared.
fn without_outcome(actual: Result<(), ErrorCode>, expected: Result<(), ErrorCode>) -> Outcomes {
    let none = Outcome { committed: false, index: 0, term: 0 };
    (actual.map(|()| none), expected.map(|()| none))
}

fn compare(cluster: &Cluster, twin: &Twin) -> Result<(), TestCaseError> {
    compare_fields(cluster, twin)?;
    for (replica, expected) in cluster.replicas().iter().zip(&twin.replicas) {
        let dump = replica.dump_state();
        prop_assert_eq!(&dump, &expected.dump());
        prop_assert_eq!(load_state(&dump).map(|snapshot| snapshot.dump_state()), Ok(dump));
    }
    Ok(())
}

/// All but the maps.
fn compare_fields(cluster: &Cluster, twin: &Twin) -> Result<(), TestCaseError> {
    prop_assert_eq!((cluster.leader(), cluster.term()), (twin.leader, twin.term));
    prop_assert_eq!(cluster.isolated().collect::<BTreeSet<_>>(), twin.isolated.clone());
    let reachable = !twin.isolated.contains(&twin.leader);
    prop_assert_eq!(cluster.reachable_leader(), reachable.then_some(twin.leader));
    for (replica, expected) in cluster.replicas().iter().zip(&twin.replicas) {
        compare_replica(cluster, replica, expected)?;
    }
    Ok(())
}

fn compare_replica(
    cluster: &Cluster,
    replica: &Replica,
    expected: &TwinReplica,
) -> Result<(), TestCaseError> {
    prop_assert_eq!((replica.term(), replica.role()), (expected.term, expected.role));
    prop_assert_eq!(
        [replica.base(), replica.commit_index(), replica.last()],
        [expected.base, expected.commit, expected.last()]
    );
    prop_assert_eq!(replica.last_term(), expected.last_term());
    for index in 0..=expected.last() + 1 {
        prop_assert_eq!(replica.term_at(index), expected.term_at(index), "index {}", index);
    }
    let entries = (expected.base + 1..).zip(&expected.log);
    let entries: Vec<_> = entries.map(|(index, (term, op))| (index, *term, op)).collect();
    prop_assert_eq!(cluster.log_entries(replica.id()).unwrap().collect::<Vec<_>>(), entries);
    Ok(())
}

/// A size, and events whose weights are drawn anew for each case: where some kinds are missing
/// and others frequent, rare things happen more often than with one mix for all.
fn case() -> impl Strategy<Value = (usize, Vec<Event>)> {
    let weight = || prop_oneof![3 => Just(0_u32), 1 => Just(1), 2 => Just(8)];
    let size = prop_oneof![1..=7_usize, 3..=5_usize, Just(5)];
    (size, prop::collection::vec(weight(), 10)).prop_flat_map(|(size, weights)| {
        (Just(size), prop::collection::vec(event(size, &weights), 1..=EVENTS_MAX))
    })
}

fn event(size: usize, weights: &[u32]) -> Union<BoxedStrategy<Event>> {
    // One in some dozens is the first that the cluster has not.
    let id = || prop_oneof![40 => 0..size, 1 => Just(size)].boxed();
    let ids = || prop::collection::vec(id(), 0..=size.div_ceil(2)).boxed();
    let strategies = [
        op().prop_map(Event::Propose).boxed(),
        (id(), op()).prop_map(|(id, op)| Event::ProposeAt(id, op)).boxed(),
        (0..size, op()).prop_map(|(position, op)| Event::ProposeAtLeading(position, op)).boxed(),
        ids().prop_map(Event::Partition).boxed(),
        Just(Event::PartitionLeader).boxed(),
        Just(Event::Heal).boxed(),
        ids().prop_map(Event::HealIds).boxed(),
        (0..size).prop_map(Event::HealOther).boxed(),
        Just(Event::Compact).boxed(),
        ids().prop_map(Event::CompactIds).boxed(),
    ];
    // Something is always proposed, and somebody always comes back.
    let least = [1, 0, 1, 0, 1, 0, 0, 1, 0, 0];
    let weights = weights.iter().zip(least).map(|(weight, least)| *weight.max(&least));
    Union::new_weighted(weights.zip(strategies).filter(|(weight, _)| *weight > 0).collect())
}

fn op() -> impl Strategy<Value = Op> {
    let keys: [&[u8]; 8] = [b"a", b"a\0", b"ab", b"b", b"\x7f", b"\x80", b"\xff", b"\0"];
    let key = prop::sample::select(keys.to_vec());
    prop_oneof![
        40 => (key.clone(), any::<[u8; 2]>()).prop_map(|(key, value)| Op::put(key, &value)),
        20 => key.clone().prop_map(Op::del),
        10 => Just(Op::NoOp),
        5 => key.prop_map(|key| Op::put(key, "")),
        1 => Just(Op::del("")),
        1 => Just(Op::put(vec![b'k'; 4_097], "")),
        1 => Just(()).prop_map(|()| Op::put("k", vec![0; 1_048_577])),
    ]
}

#[test]
fn a_cluster_does_what_its_naive_twin_does() {
    let coverage = RefCell::default();
    // The same cases on every run: what the run covers is asserted below.
    let rng = TestRng::deterministic_rng(RngAlgorithm::XorShift);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new_with_rng(config, rng).run(&case(), |(size, events)| {
        let cluster = Cluster::new(size).unwrap();
        prop_assert_eq!(cluster.quorum(), size / 2 + 1);
        let mut pair = Pair {
            cluster,
            twin: Twin::new(size),
            coverage: &coverage,
            leaders: BTreeMap::new(),
            committed: Vec::new(),
        };
        pair.compare()?;
        for event in &events {
            pair.run(event)?;
            pair.compare()?;
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    assert_covered(&coverage.into_inner());
}

/// A run in which the rare things did not happen would show nothing about them.
fn assert_covered(coverage: &Coverage) {
    use ErrorCode::{KeyLength, NoLeader, NotLeader, UnknownReplica, ValueLength};

    println!("{coverage:?}");
    let counts = [
        coverage.elections,
        coverage.elections_by_last_term,
        coverage.truncated_tails,
        coverage.snapshots_for_short_log,
        coverage.snapshots_for_other_term,
        coverage.step_downs,
        coverage.demotions,
        coverage.pending_committed_later,
        coverage.compactions,
    ];
    assert!(counts.iter().all(|count| *count >= 10), "too few of something: {coverage:?}");
    let errors = [KeyLength, ValueLength, UnknownReplica, NoLeader, NotLeader];
    assert_eq!(coverage.errors, BTreeSet::from(errors));
}
