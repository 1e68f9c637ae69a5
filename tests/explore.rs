//! `dkv20 explore`: each of its rules is held against a cluster that is wrong on purpose.
//!
//! The wrong cluster is section 4 of the definition in its most literal form, with one fault.

#![cfg(feature = "explore")]

use dkv20::explore::{
    Answer, Counterexample, History, RULES, ReplicaView, Report, Settings, System, View, events,
    explore, line_of, trace_of,
};
use dkv20::trace::Trace;
use dkv20::{Cluster, Command, ErrorCode, Op, OrderedMap, Outcome, Role};

type Entry = (u64, Op);

/// What is wrong with a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    ElectionKeepsTheTerm,
    StepDownForgetsTheTerm,
    NobodyStepsDown,
    PartitionForgetsTheCommitIndex,
    CompactDropsWhatIsPending,
    PendingEntriesLoseTheirOp,
    /// Where nobody else still holds that one.
    SnapshotLeavesAnotherEntry,
    MinorityElects,
    PartitionDropsTheLog,
    LowestIdIsElected,
    MinorityCommits,
    DelIsNotApplied,
    IsolatedDumpsAnotherTerm,
    DumpIsBigEndian,
    EverythingIsAnsweredAsCommitted,
    IdsAreCheckedOneByOne,
    HealForgetsTheLast,
    SettleCompacts,
    CompactPanics,
    NothingIsAccepted,
}

#[derive(Clone, Debug)]
struct Replica {
    term: u64,
    role: Role,
    base: u64,
    base_term: u64,
    log: Vec<Entry>,
    /// The entries at 1, 2 and so on up to the commit index, compacted away or not.
    applied: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Twin {
    fault: Fault,
    replicas: Vec<Replica>,
    isolated: Vec<bool>,
    leader: usize,
    term: u64,
}

impl Replica {
    fn commit(&self) -> u64 {
        self.applied.len() as u64
    }

    fn last(&self) -> u64 {
        self.base + self.log.len() as u64
    }

    fn after(&self, index: u64) -> Vec<Entry> {
        self.log[position(index - self.base)..].to_vec()
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        match index.checked_sub(self.base)? {
            0 => Some(self.base_term),
            offset => self.log.get(position(offset) - 1).map(|entry| entry.0),
        }
    }

    fn end(&self) -> (u64, u64) {
        (self.term_at(self.last()).unwrap(), self.last())
    }

    fn commit_to(&mut self, index: u64) {
        while self.commit() < index {
            let entry = self.log[position(self.commit() - self.base)].clone();
            self.applied.push(entry);
        }
    }

    fn compact_to(&mut self, index: u64) {
        let (term, log) = (self.term_at(index).unwrap(), self.after(index));
        (self.base, self.base_term, self.log) = (index, term, log);
    }

    fn map(&self, fault: Fault) -> OrderedMap {
        let mut map = OrderedMap::new();
        for (_, op) in &self.applied {
            match op {
                Op::Put { key, value } => map.insert(key, value),
                Op::Del { key } if fault != Fault::DelIsNotApplied => map.remove(key),
                _ => {}
            }
        }
        map
    }

    fn dump(&self, fault: Fault, isolated: bool) -> Vec<u8> {
        let map = self.map(fault);
        let mut term = self.applied.last().map_or(0, |entry| entry.0);
        if fault == Fault::IsolatedDumpsAnotherTerm && isolated && term > 0 {
            term += 1;
        }
        let numbers = [self.commit(), term, map.len() as u64].map(u64::to_le_bytes).concat();
        let mut out = [b"DKVS\x01\0\0\0", &numbers[..]].concat();
        for bytes in map.into_iter().flat_map(|(key, value)| [key, value]) {
            let length = u32::try_from(bytes.len()).unwrap();
            let is_big_endian = fault == Fault::DumpIsBigEndian;
            out.extend(if is_big_endian { length.to_be_bytes() } else { length.to_le_bytes() });
            out.extend_from_slice(bytes);
        }
        out
    }
}

fn position(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

impl Twin {
    fn new(replica_count: usize, fault: Fault) -> Self {
        let replica = |id| Replica {
            term: 1,
            role: if id == 0 { Role::Leader } else { Role::Follower },
            base: 0,
            base_term: 0,
            log: Vec::new(),
            applied: Vec::new(),
        };
        Self {
            fault,
            replicas: (0..replica_count).map(replica).collect(),
            isolated: vec![false; replica_count],
            leader: 0,
            term: 1,
        }
    }

    fn reachable(&self) -> Vec<usize> {
        (0..self.replicas.len()).filter(|id| !self.isolated[*id]).collect()
    }

    fn has_quorum(&self) -> bool {
        self.reachable().len() > self.replicas.len() / 2
    }

    fn propose(&mut self, op: &Op) -> Result<Outcome, ErrorCode> {
        check_key(op)?;
        if self.isolated[self.leader] || self.fault == Fault::NothingIsAccepted {
            return Err(ErrorCode::NoLeader);
        }
        self.append(self.leader, op);
        self.settle();
        Ok(self.outcome(self.leader))
    }

    fn propose_at(&mut self, id: usize, op: &Op) -> Result<Outcome, ErrorCode> {
        let replica = self.replicas.get(id).ok_or(ErrorCode::UnknownReplica)?;
        check_key(op)?;
        if replica.role != Role::Leader || self.fault == Fault::NothingIsAccepted {
            return Err(ErrorCode::NotLeader);
        }
        if self.isolated[id] {
            self.append(id, op);
            return Ok(self.outcome(id));
        }
        self.propose(op)
    }

    fn append(&mut self, id: usize, op: &Op) {
        let replica = &mut self.replicas[id];
        replica.log.push((replica.term, op.clone()));
    }

    /// Of the last entry of a log.
    fn outcome(&self, id: usize) -> Outcome {
        let (term, index) = self.replicas[id].end();
        let committed = index <= self.replicas[id].commit()
            || self.fault == Fault::EverythingIsAnsweredAsCommitted;
        Outcome { committed, index, term }
    }

    fn check_ids(&self, ids: &[usize]) -> Result<(), ErrorCode> {
        let known = ids.iter().all(|id| *id < self.replicas.len());
        if known { Ok(()) } else { Err(ErrorCode::UnknownReplica) }
    }

    fn partition(&mut self, ids: &[usize]) -> Result<(), ErrorCode> {
        if self.fault != Fault::IdsAreCheckedOneByOne {
            self.check_ids(ids)?;
        }
        for id in ids {
            *self.isolated.get_mut(*id).ok_or(ErrorCode::UnknownReplica)? = true;
            let replica = &mut self.replicas[*id];
            if self.fault == Fault::PartitionForgetsTheCommitIndex {
                replica.applied.truncate(position(replica.base));
            }
            if self.fault == Fault::PartitionDropsTheLog && *id > 0 {
                replica.log.clear();
            }
        }
        self.settle();
        Ok(())
    }

    fn heal(&mut self) {
        let kept = self.fault == Fault::HealForgetsTheLast;
        let healed = self.replicas.len() - usize::from(kept);
        self.isolated[..healed].fill(false);
        self.settle();
    }

    fn heal_ids(&mut self, ids: &[usize]) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        for id in ids {
            self.isolated[*id] = false;
        }
        self.settle();
        Ok(())
    }

    fn compact(&mut self, ids: &[usize]) -> Result<(), ErrorCode> {
        self.check_ids(ids)?;
        for id in ids {
            let replica = &mut self.replicas[*id];
            assert!(self.fault != Fault::CompactPanics || replica.commit() == 0, "on purpose");
            let drops_all = self.fault == Fault::CompactDropsWhatIsPending;
            replica.compact_to(if drops_all { replica.last() } else { replica.commit() });
        }
        Ok(())
    }

    fn settle(&mut self) {
        if self.fault == Fault::SettleCompacts {
            let settled =
                self.replicas.iter_mut().filter(|replica| replica.base < replica.commit());
            settled.for_each(|replica| replica.compact_to(replica.base + 1));
        }
        let reachable = self.reachable();
        let elects = match self.fault {
            Fault::MinorityElects => !reachable.is_empty(),
            _ => self.has_quorum(),
        };
        if self.isolated[self.leader] && elects {
            self.elect(&reachable);
        }
        if self.isolated[self.leader] {
            for id in reachable {
                if self.fault != Fault::NobodyStepsDown {
                    self.replicas[id].role = Role::Follower;
                }
                if self.fault == Fault::StepDownForgetsTheTerm {
                    self.replicas[id].term = 1;
                }
            }
            return;
        }
        for id in &reachable {
            if *id != self.leader {
                self.replicate(*id);
            }
        }
        let leader = &self.replicas[self.leader];
        let commits = self.has_quorum() || self.fault == Fault::MinorityCommits;
        let commit = if commits { leader.last() } else { leader.commit() };
        for id in reachable {
            self.replicas[id].commit_to(commit);
        }
    }

    fn elect(&mut self, reachable: &[usize]) {
        self.leader = reachable[0];
        for id in reachable {
            let is_ahead = self.replicas[*id].end() > self.replicas[self.leader].end();
            if is_ahead && self.fault != Fault::LowestIdIsElected {
                self.leader = *id;
            }
        }
        self.term += u64::from(self.fault != Fault::ElectionKeepsTheTerm);
        for id in reachable {
            self.replicas[*id].term = self.term;
            self.replicas[*id].role = Role::Follower;
        }
        self.replicas[self.leader].role = Role::Leader;
        self.append(self.leader, &Op::NoOp);
    }

    fn replicate(&mut self, id: usize) {
        let leader = self.replicas[self.leader].clone();
        let is_gone = |(other, known): (usize, &Replica)| other == id || known.log.is_empty();
        let all_are_gone = self.replicas.iter().enumerate().all(is_gone);
        let leaves_another = self.fault == Fault::SnapshotLeavesAnotherEntry && all_are_gone;
        let loses_ops = self.fault == Fault::PendingEntriesLoseTheirOp && !self.has_quorum();
        let replica = &mut self.replicas[id];
        (replica.term, replica.role) = (leader.term, Role::Follower);
        let b = leader.base.max(replica.base);
        if replica.last() < b || replica.term_at(b) != leader.term_at(b) {
            let commit = leader.commit();
            replica.applied.clone_from(&leader.applied);
            (replica.base, replica.base_term) = (commit, leader.term_at(commit).unwrap());
            replica.log = leader.after(commit);
            if leaves_another {
                replica.log.insert(0, (replica.base_term, Op::del("another")));
                replica.base -= 1;
                replica.base_term = replica.applied.iter().rev().nth(1).map_or(0, |entry| entry.0);
            }
            return;
        }
        let mut m = b;
        while m < replica.last() && replica.term_at(m + 1) == leader.term_at(m + 1) {
            m += 1;
        }
        replica.log.truncate(position(m - replica.base));
        let mut replayed = leader.after(m);
        if loses_ops {
            for entry in &mut replayed {
                entry.1 = Op::NoOp;
            }
        }
        replica.log.extend(replayed);
    }
}

fn check_key(op: &Op) -> Result<(), ErrorCode> {
    match op {
        Op::Put { key, .. } | Op::Del { key } if key.is_empty() => Err(ErrorCode::KeyLength),
        _ => Ok(()),
    }
}

impl System for Twin {
    fn run(&mut self, command: &Command) -> Answer {
        let everybody: Vec<_> = (0..self.replicas.len()).collect();
        match command {
            Command::Propose { op } => return self.propose(op).map(Some),
            Command::ProposeAt { id, op } => return self.propose_at(*id, op).map(Some),
            Command::Partition { ids } => self.partition(ids)?,
            Command::Heal => self.heal(),
            Command::HealIds { ids } => self.heal_ids(ids)?,
            Command::Compact => self.compact(&everybody)?,
            Command::CompactIds { ids } => self.compact(ids)?,
            other => panic!("{other:?} is no event"),
        }
        Ok(None)
    }

    fn view(&self) -> View {
        let view = |(replica, isolated): (&Replica, &bool)| ReplicaView {
            term: replica.term,
            role: replica.role,
            base: replica.base,
            base_term: replica.base_term,
            entries: replica.log.clone(),
            commit_index: replica.commit(),
            map: replica.map(self.fault),
            dump: replica.dump(self.fault, *isolated),
        };
        View {
            leader: self.leader,
            term: self.term,
            isolated: self.isolated.clone(),
            replicas: self.replicas.iter().zip(&self.isolated).map(view).collect(),
        }
    }
}

fn settings(depth: u32) -> Settings {
    Settings { depth, time: None, thread_count: 1 }
}

fn explored<S: System>(system: &S, depth: u32) -> Report {
    explore(system, &settings(depth), |_| {})
}

fn counterexample(replica_count: usize, fault: Fault) -> Counterexample {
    let report = explored(&Twin::new(replica_count, fault), 4);
    report.counterexample.unwrap_or_else(|| panic!("{fault:?} is not noticed"))
}

/// A fault, how many replicas show it, the commands that do, and the rules that they break.
type Row = (Fault, usize, &'static [&'static str], &'static [&'static str]);

/// Each fault breaks one rule alone, where there is such a fault. A log that ends below its commit
/// index breaks both rules that say so; and an election that does not look at logs is here as a
/// mistake of the kind that is made.
const FAULTS: [Row; 19] = [
    (Fault::ElectionKeepsTheTerm, 3, &["partition 0"], &["one-leader-a-term"]),
    (Fault::StepDownForgetsTheTerm, 3, &["partition 0", "partition 1"], &["terms-never-fall"]),
    (
        Fault::PartitionForgetsTheCommitIndex,
        1,
        &["put k r0-t1-i1", "partition 0"],
        &["commits-never-fall"],
    ),
    (
        Fault::CompactDropsWhatIsPending,
        1,
        &["partition 0", "at 0 put k r0-t1-i1", "compact 0"],
        &["indexes-in-order"],
    ),
    (
        Fault::PendingEntriesLoseTheirOp,
        4,
        &["partition 0", "partition 2", "del k"],
        &["logs-match"],
    ),
    (
        Fault::SnapshotLeavesAnotherEntry,
        3,
        &["partition 0", "compact", "heal 0"],
        &["commits-agree"],
    ),
    (Fault::MinorityElects, 3, &["partition 0", "partition 0 1 2", "heal 0"], &["leader-complete"]),
    (
        Fault::NobodyStepsDown,
        3,
        &["partition 0", "partition 0 1 2", "heal 0"],
        &["current-leader-leads"],
    ),
    (
        Fault::PartitionDropsTheLog,
        2,
        &["put k r0-t1-i1", "partition 1"],
        &["indexes-in-order", "no-truncation"],
    ),
    (
        Fault::LowestIdIsElected,
        3,
        &["partition 0", "partition 1", "heal 0"],
        &["commits-agree", "leader-complete", "no-truncation", "equal-commit-equal-dump"],
    ),
    (Fault::MinorityCommits, 2, &["partition 1", "put k r0-t1-i1"], &["minority-commits-nothing"]),
    (Fault::DelIsNotApplied, 1, &["put k r0-t1-i1", "del k"], &["map-is-fold"]),
    (
        Fault::IsolatedDumpsAnotherTerm,
        2,
        &["put k r0-t1-i1", "partition 0"],
        &["equal-commit-equal-dump"],
    ),
    (Fault::DumpIsBigEndian, 1, &["put k r0-t1-i1"], &["load-gives-dump"]),
    (
        Fault::EverythingIsAnsweredAsCommitted,
        1,
        &["partition 0", "at 0 put k r0-t1-i1"],
        &["answer-is-true"],
    ),
    (Fault::IdsAreCheckedOneByOne, 1, &["partition 0 1"], &["error-changes-nothing"]),
    (Fault::HealForgetsTheLast, 2, &["partition 1", "heal"], &["heal-makes-equal"]),
    (Fault::SettleCompacts, 1, &["put k r0-t1-i1", "partition"], &["settle-is-done"]),
    (Fault::CompactPanics, 1, &["put k r0-t1-i1", "compact 0"], &["no-panic"]),
];

/// A mistake of each kind is noticed, by the rule that it breaks, and in no more steps than needed.
#[test]
fn each_fault_breaks_its_rule() {
    for (fault, replica_count, commands, rules) in FAULTS {
        let found = counterexample(replica_count, fault);
        let lines: Vec<_> = found.commands.iter().map(line_of).collect();
        let broken: Vec<_> = found.broken.iter().map(|broken| broken.rule).collect();
        assert_eq!(lines, commands, "{fault:?}: {:?}", found.broken);
        assert_eq!(broken, rules, "{fault:?}: {:?}", found.broken);
    }
}

#[test]
fn each_rule_has_a_fault() {
    for rule in &RULES {
        let breaks = |row: &Row| row.3.contains(&rule.name);
        assert!(FAULTS.iter().any(breaks), "nothing breaks {}", rule.name);
    }
}

#[test]
fn a_cluster_without_fault_breaks_nothing_and_has_the_states_of_the_reference() {
    for replica_count in 1..=5 {
        let twin = explored(&Twin::new(replica_count, Fault::None), 4);
        let reference = explored(&Cluster::new(replica_count).unwrap(), 4);
        assert_eq!(twin.counterexample, None);
        assert_eq!(twin, reference);
        assert_eq!(reference.vacuous(replica_count), [""; 0]);
    }
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let cluster = Cluster::new(3).unwrap();
    let several = Settings { thread_count: 3, ..settings(5) };
    assert_eq!(explore(&cluster, &several, |_| {}), explored(&cluster, 5));
}

/// Within how many events each rule is put to the test is stated; here it is found.
#[test]
fn each_rule_is_put_to_the_test_within_the_events_stated() {
    for replica_count in 1..=5 {
        let cluster = Cluster::new(replica_count).unwrap();
        for depth in 1..=4 {
            let report = explored(&cluster, depth);
            for (rule, tested) in RULES.iter().zip(report.tested) {
                let stated = rule.tested_within(replica_count).is_some_and(|due| due <= depth);
                assert_eq!(tested > 0, stated, "{} of {replica_count}, {depth}", rule.name);
            }
        }
    }
}

#[test]
fn a_rule_that_was_never_put_to_the_test_is_named() {
    let report = explored(&Twin::new(1, Fault::NothingIsAccepted), 2);
    assert_eq!(report.counterexample, None);
    let vacuous = report.vacuous(1);
    assert!(vacuous.contains(&"commits-never-fall"), "{vacuous:?}");
    assert!(!vacuous.contains(&"error-changes-nothing"), "{vacuous:?}");
}

/// The states that all sequences of events lead to, gone through without remembering any: none is
/// missing from those that were counted.
#[test]
fn every_sequence_leads_to_a_state_that_was_counted() {
    fn go(cluster: &Cluster, history: &History, depth: u32, seen: &mut Vec<(View, History)>) {
        let view = cluster.view();
        let history = history.after(&view).into_owned();
        if depth > 0 {
            for event in events(2) {
                let mut next = cluster.clone();
                let _ = next.run(&event.command(&view, &history));
                go(&next, &history, depth - 1, seen);
            }
        }
        if !seen.contains(&(view.clone(), history.clone())) {
            seen.push((view, history));
        }
    }
    let cluster = Cluster::new(2).unwrap();
    let mut seen = Vec::new();
    go(&cluster, &History::default(), 3, &mut seen);
    assert_eq!(explored(&cluster, 3).states, seen.len());
}

#[test]
fn a_counterexample_is_a_trace() {
    let found = counterexample(2, Fault::MinorityCommits);
    let text = trace_of(2, &found);
    let trace = Trace::parse(text.as_bytes()).unwrap();
    assert_eq!(trace.check(), None);
    let commands: Vec<_> = trace.steps().map(|step| step.command.clone()).collect();
    assert_eq!(commands[..3], [&b"new 2"[..], b"partition 1", b"put k r0-t1-i1"]);
    assert_eq!(commands.len(), 3 + 1 + 2 * 3);
    let comment = "# minority-commits-nothing: 1 reachable of 2 commit up to index 1\n";
    assert!(text.starts_with(comment), "{text}");
}

#[cfg(feature = "cli")]
mod program {
    use std::process::{Command, Output};

    fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dkv20"));
        let Output { status, stdout, stderr } =
            command.arg("explore").args(arguments).output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("it writes text");
        (status.code(), text(stdout), text(stderr))
    }

    #[test]
    fn prints_levels_rules_and_a_summary() {
        let (status, out, err) = run(&["--replicas", "2", "--depth", "3"]);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        let lines: Vec<_> = out.lines().collect();
        assert!(lines[4].starts_with("    3          25            0 "), "{out}");
        assert!(out.contains("\nno-panic                           270  "), "{out}");
        let summary = "explore: 18 rules hold: depth 3, 40 states, 270 transitions, ";
        assert!(lines[lines.len() - 1].starts_with(summary), "{out}");
    }

    #[test]
    fn refuses_in_one_line_what_cannot_be_explored() {
        for arguments in [
            ["--replicas", "0"],
            ["--replicas", "65"],
            ["--replicas", "x"],
            ["--depth", "0"],
            ["--depth", "4294967296"],
            ["--seconds", "0"],
        ] {
            let (status, out, err) = run(&arguments);
            assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}");
            assert!(err.starts_with("error: ") && err.contains(arguments[0]), "{err}");
        }
    }

    #[test]
    fn refuses_a_trace_that_cannot_be_written_before_it_starts() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/broken.trace");
        for file in [missing.as_path(), folder.path()] {
            let file = file.to_str().unwrap();
            let (status, out, err) = run(&["--trace", file]);
            assert_eq!((status, out.as_str()), (Some(3), ""), "{file}");
            assert!(err.starts_with(&format!("dkv20: {file}: cannot be written: ")), "{err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    }

    #[test]
    fn nothing_judged_is_no_pass() {
        let (status, _, err) = run(&["--seconds", "0.000000001"]);
        assert_eq!(status, Some(3));
        assert_eq!(err, "dkv20: the time ended before a step was judged\n");
    }

    #[test]
    fn help_has_an_example() {
        let (status, out, _) = run(&["--help"]);
        assert_eq!(status, Some(0));
        assert!(out.contains("Example") && out.contains("dkv20 explore --replicas 3"), "{out}");
    }
}
