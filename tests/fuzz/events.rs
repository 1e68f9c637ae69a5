//! Any sequence of actions on a cluster (definition, section 4): after each, the port shows what
//! the reference shows, and the reference violates no rule of the exploration.
//!
//! If `DKV20_FUZZ_COMMANDS` is set in the environment, the lines of a trace go to standard error,
//! each before it is run.

#![no_main]

use std::env;

use arbitrary::Arbitrary;
use dkv20::explore::{Action, History, State, Step, Tested, judge_state, judge_step};
use dkv20::reference::{Cluster, Op, Role};
use libfuzzer_sys::fuzz_target;

use pair::Pair;

#[path = "../pair/mod.rs"]
mod pair;

/// The rules and the comparison look at everything after each action.
const EVENTS_MAX: usize = 200;

#[derive(Debug, Arbitrary)]
struct Input {
    /// 1 to 7 replicas: a byte has a bit for each.
    size: u8,
    events: Vec<Event>,
}

#[derive(Debug, Arbitrary)]
enum Event {
    Propose(Change),
    /// At a replica, or at one that does not exist.
    ProposeAt(u8, Change),
    /// At one of the replicas that believe they are leader.
    ProposeAtLeader(u8, Change),
    Partition(u8),
    PartitionLeader,
    /// A partition of no replica, which only settles.
    Settle,
    Heal(u8),
    HealAll,
    Compact(u8),
    CompactAll,
    /// An action on these and on a replica that does not exist.
    Unknown(u8, Ids),
}

#[derive(Debug, Arbitrary)]
enum Ids {
    Partition,
    Heal,
    Compact,
}

#[derive(Debug, Arbitrary)]
enum Change {
    NoOp,
    Put(u8, u8),
    Del(u8),
    EmptyKey,
}

impl Change {
    fn op(&self) -> Op {
        match self {
            Self::NoOp => Op::NoOp,
            Self::Put(key, value) => Op::Put { key: key_of(*key), value: vec![*value] },
            Self::Del(key) => Op::Del { key: key_of(*key) },
            Self::EmptyKey => Op::Del { key: vec![] },
        }
    }
}

/// Few keys, so that they are met again; some are prefixes of others, some have high bytes.
fn key_of(choice: u8) -> Vec<u8> {
    vec![0x7e + choice % 4; usize::from(choice / 4 % 2) + 1]
}

impl Event {
    fn action(&self, cluster: &Cluster) -> Action {
        let size = cluster.replicas.len() as u64;
        let ids = |mask: &u8| (0..size).filter(|id| mask >> id & 1 == 1).collect::<Vec<_>>();
        match self {
            Self::Propose(change) => Action::Propose(change.op()),
            Self::ProposeAt(id, change) => {
                Action::ProposeAt(u64::from(*id) % (size + 1), change.op())
            }
            Self::ProposeAtLeader(choice, change) => {
                let replicas = (0..).zip(&cluster.replicas);
                let mut leaders = replicas.filter(|(_, replica)| replica.role == Role::Leader);
                let count = leaders.clone().count();
                let (id, _) = leaders.nth(usize::from(*choice) % count).expect("one is leader");
                Action::ProposeAt(id, change.op())
            }
            Self::Partition(mask) => Action::Partition(ids(mask)),
            Self::PartitionLeader => Action::Partition(vec![cluster.leader as u64]),
            Self::Settle => Action::Partition(vec![]),
            // The lines of the protocol have no empty list for these two.
            Self::Heal(mask) if ids(mask).is_empty() => Action::Heal,
            Self::Heal(mask) => Action::HealIds(ids(mask)),
            Self::HealAll => Action::Heal,
            Self::Compact(mask) if ids(mask).is_empty() => Action::Compact,
            Self::Compact(mask) => Action::CompactIds(ids(mask)),
            Self::CompactAll => Action::Compact,
            Self::Unknown(mask, word) => {
                let mut ids = ids(mask);
                ids.push(size);
                match word {
                    Ids::Partition => Action::Partition(ids),
                    Ids::Heal => Action::HealIds(ids),
                    Ids::Compact => Action::CompactIds(ids),
                }
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let size = u64::from(input.size) % 7 + 1;
    let show = |line: &str| {
        if env::var_os("DKV20_FUZZ_COMMANDS").is_some() {
            eprintln!("> {line}");
        }
    };
    show(&format!("new {size}"));
    let mut pair = Pair::new(size);
    let mut history = History::default().after(pair.reference()).into_owned();
    for event in input.events.iter().take(EVENTS_MAX) {
        let before = pair.reference().clone();
        let action = event.action(&before);
        show(&action.to_string());
        let mut after = before.clone();
        let answer = action.run(&mut after);
        pair.run_line(&action.to_string());
        assert_eq!(*pair.reference(), after);
        history = history.after(&after).into_owned();
        let tested = &mut Tested::default();
        let step = Step { before: &before, action: &action, answer: &answer, after: &after };
        assert_eq!(judge_step(&step, tested), []);
        assert_eq!(judge_state(&State::new(&after, &history), tested), []);
    }
});
