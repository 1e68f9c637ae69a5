//! The port and the reference, on the same random commands, show the same after each.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use dkv20::reference::{Cluster, Role};
use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use pair::Pair;

mod pair;

const CASES: u32 = 300;
const EVENTS_MAX: usize = 80;

/// A line of the port protocol, or one that follows from the state.
#[derive(Clone, Debug)]
enum Event {
    Line(String),
    /// An op at one of the replicas that believe they are leader, counted round.
    AtLeader(usize, String),
    PartitionLeader,
    /// The heal of one of the isolated replicas other than the current leader, if there is one.
    HealOther(usize),
}

impl Event {
    fn line(&self, cluster: &Cluster) -> String {
        match self {
            Self::Line(line) => line.clone(),
            Self::AtLeader(position, op) => {
                let leads = |id: &usize| cluster.replicas[*id].role == Role::Leader;
                let leaders: Vec<_> = (0..cluster.replicas.len()).filter(leads).collect();
                format!("at {} {op}", leaders[position % leaders.len()])
            }
            Self::PartitionLeader => format!("partition {}", cluster.leader),
            Self::HealOther(position) => {
                let isolated = cluster.isolated.iter().filter(|id| **id != cluster.leader);
                let id = isolated.cycle().nth(*position);
                id.map_or("status".to_owned(), |id| format!("heal {id}"))
            }
        }
    }
}

/// How often the rare things happened in the reference.
#[derive(Debug, Default)]
struct Coverage {
    milestones: BTreeMap<&'static str, u32>,
    errors: BTreeSet<String>,
}

impl Coverage {
    fn add(&mut self, before: &Cluster, answer: &str, after: &Cluster) {
        if let Some(code) = answer.strip_prefix("err ") {
            self.errors.insert(code.to_owned());
        }
        let mut count = |milestone, happened| {
            *self.milestones.entry(milestone).or_default() += u32::from(happened);
        };
        let is_led = !after.isolated.contains(&after.leader);
        let is_elected = after.term > before.term;
        let (was_leader, leader) = (&before.replicas[after.leader], &after.replicas[after.leader]);
        count("election", is_elected);
        let has_pending = was_leader.last() > was_leader.commit;
        count("pending entry committed", has_pending && leader.commit > was_leader.commit);
        for (id, (old, new)) in before.replicas.iter().zip(&after.replicas).enumerate() {
            let is_deposed = (old.role, new.role) == (Role::Leader, Role::Follower);
            count("step-down", is_deposed && !is_led);
            count("demotion", is_deposed && is_led);
            count("compaction", old.base < new.base && old.commit == new.commit);
            if !is_led || id == after.leader || after.isolated.contains(&id) {
                continue;
            }
            count("election against a longer log", is_elected && old.last() > was_leader.last());
            let b = old.base.max(leader.base);
            let is_short = old.last() < b;
            let has_other_term = !is_short && old.term_at(b) != leader.term_at(b);
            count("snapshot for a short log", is_short);
            count("snapshot for another term", has_other_term);
            let keeps_all = new.term_at(old.last()) == Some(old.last_term());
            count("truncation", !is_short && !has_other_term && !keeps_all);
        }
    }

    /// A run in which something never happened shows nothing about it.
    fn assert_complete(&self) {
        println!("{self:?}");
        assert_eq!(self.milestones.len(), 9);
        assert!(self.milestones.values().all(|count| *count >= 10), "{self:?}");
        let errors = ["key-length", "no-leader", "not-leader", "unknown-replica", "value-length"];
        assert!(self.errors.iter().eq(&errors), "{self:?}");
    }
}

/// A size, the number of entries that are compacted at first, and events.
///
/// The numbers of entries are around the end of a block of the port's log. The events' weights are
/// drawn for each case: if some kinds are missing and others frequent, rare things happen more
/// often than with one mix for all.
fn case() -> impl Strategy<Value = (u64, u64, Vec<Event>)> {
    let weight = || prop_oneof![3 => Just(0_u32), 1 => Just(1), 2 => Just(8)];
    let size = prop_oneof![1..=7_u64, 3..=5_u64, Just(5)];
    let compacted = prop_oneof![Just(0), 490..=512_u64];
    (size, compacted, prop::collection::vec(weight(), 10)).prop_flat_map(
        |(size, compacted, weights)| {
            let events = prop::collection::vec(event(size, &weights), 1..=EVENTS_MAX);
            (Just(size), Just(compacted), events)
        },
    )
}

fn event(size: u64, weights: &[u32]) -> Union<BoxedStrategy<Event>> {
    // One in some dozens does not exist.
    let id = || prop_oneof![40 => 0..size, 1 => Just(size)].boxed();
    let position = || any::<usize>().prop_map(|position| position % 64);
    let with_ids = |word: &'static str| {
        let ids = prop::collection::vec(id(), 0..=usize::try_from(size).unwrap().div_ceil(2));
        let line = move |ids: Vec<u64>| {
            ids.iter().fold(word.to_owned(), |line, id| format!("{line} {id}"))
        };
        ids.prop_map(move |ids| Event::Line(line(ids))).boxed()
    };
    let word = |word: &str| Just(Event::Line(word.to_owned())).boxed();
    let strategies = [
        op().prop_map(Event::Line).boxed(),
        (id(), op()).prop_map(|(id, op)| Event::Line(format!("at {id} {op}"))).boxed(),
        (position(), op()).prop_map(|(position, op)| Event::AtLeader(position, op)).boxed(),
        with_ids("partition"),
        Just(Event::PartitionLeader).boxed(),
        word("heal"),
        with_ids("heal"),
        position().prop_map(Event::HealOther).boxed(),
        word("compact"),
        with_ids("compact"),
    ];
    // Ops are always proposed, and isolated replicas always return.
    let least = [1, 0, 1, 0, 1, 0, 0, 1, 0, 0];
    let weights = weights.iter().zip(least).map(|(weight, least)| *weight.max(&least));
    Union::new_weighted(weights.zip(strategies).filter(|(weight, _)| *weight > 0).collect())
}

fn op() -> impl Strategy<Value = String> {
    let keys = ["0x61", "0x6100", "0x6162", "0x62", "0x7f", "0x80", "0xff", "0x00"];
    let key = prop::sample::select(keys.to_vec());
    prop_oneof![
        40 => (key.clone(), any::<u16>()).prop_map(|(key, bits)| format!("put {key} 0x{bits:04x}")),
        20 => key.clone().prop_map(|key| format!("del {key}")),
        10 => Just("noop".to_owned()),
        5 => key.prop_map(|key| format!("put {key} 0x")),
        1 => Just("del 0x".to_owned()),
        1 => Just(format!("put {} 0x", "k".repeat(4_097))),
        1 => Just(()).prop_map(|()| format!("put k {}", "v".repeat(1_048_577))),
    ]
}

#[test]
fn port_equals_reference() {
    let coverage = RefCell::new(Coverage::default());
    // The same cases in every run, because of the coverage.
    let rng = TestRng::deterministic_rng(RngAlgorithm::XorShift);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new_with_rng(config, rng).run(&case(), |(size, compacted, events)| {
        let mut pair = Pair::new(size);
        if compacted > 0 {
            pair.run_line(&format!("workload 1 8 {compacted}"));
            pair.run_line("compact");
        }
        for event in &events {
            let before = pair.reference().clone();
            let answer = pair.run_line(&event.line(&before));
            coverage.borrow_mut().add(&before, &answer, pair.reference());
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    coverage.into_inner().assert_complete();
}
