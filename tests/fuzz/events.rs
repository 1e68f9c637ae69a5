//! Any sequence of events on a cluster (definition, section 4): the rules of the exploration hold
//! after each.
//!
//! With `DKV20_FUZZ_COMMANDS` in the environment the commands go to standard error as the lines of a
//! trace, each before it is run.

#![no_main]

use std::env;

use arbitrary::Arbitrary;
use dkv20::explore::{History, RULES, Scope, Step, System, line_of};
use dkv20::{Cluster, Command, Op};
use libfuzzer_sys::fuzz_target;

/// The rules look at all that there is after every step.
const EVENTS_MAX: usize = 200;

#[derive(Debug, Arbitrary)]
struct Input {
    /// 1 to 7 replicas, of which every mask of a byte is a set.
    size: u8,
    events: Vec<Event>,
}

#[derive(Debug, Arbitrary)]
enum Event {
    Propose(Change),
    /// To the replica, which may be one that is not there.
    ProposeAt(u8, Change),
    /// To one of those that take themselves for the leader.
    ProposeAtLeader(u8, Change),
    Partition(u8),
    PartitionLeader,
    /// Settle once more.
    PartitionNobody,
    Heal(u8),
    HealAll,
    Compact(u8),
    CompactAll,
    /// An id that is not there, behind these.
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
            Self::Put(key, value) => Op::put(key_of(*key).as_slice(), [*value].as_slice()),
            Self::Del(key) => Op::del(key_of(*key).as_slice()),
            Self::EmptyKey => Op::del(""),
        }
    }
}

/// Few keys, so that they meet again; some are prefixes of others, some have high bytes.
fn key_of(choice: u8) -> Vec<u8> {
    vec![0x7e + choice % 4; usize::from(choice / 4 % 2) + 1]
}

impl Event {
    fn command(&self, cluster: &Cluster) -> Command {
        let size = cluster.replica_count();
        let ids = |mask: &u8| (0..size).filter(|id| mask >> id & 1 == 1).collect::<Vec<_>>();
        // A list that is empty is written as the bare word, which for these two means all.
        let heal =
            |ids: Vec<_>| if ids.is_empty() { Command::Heal } else { Command::HealIds { ids } };
        let compact = |ids: Vec<_>| {
            if ids.is_empty() { Command::Compact } else { Command::CompactIds { ids } }
        };
        match self {
            Self::Propose(change) => Command::Propose { op: change.op() },
            Self::ProposeAt(id, change) => {
                Command::ProposeAt { id: usize::from(*id) % (size + 1), op: change.op() }
            }
            Self::ProposeAtLeader(choice, change) => {
                let leads = |id: &usize| cluster.replicas()[*id].role().as_str() == "leader";
                let leaders: Vec<_> = (0..size).filter(leads).collect();
                let id = leaders[usize::from(*choice) % leaders.len()];
                Command::ProposeAt { id, op: change.op() }
            }
            Self::Partition(mask) => Command::Partition { ids: ids(mask) },
            Self::PartitionLeader => Command::Partition { ids: vec![cluster.leader()] },
            Self::PartitionNobody => Command::Partition { ids: vec![] },
            Self::Heal(mask) => heal(ids(mask)),
            Self::HealAll => Command::Heal,
            Self::Compact(mask) => compact(ids(mask)),
            Self::CompactAll => Command::Compact,
            Self::Unknown(mask, word) => {
                let mut ids = ids(mask);
                ids.push(size);
                match word {
                    Ids::Partition => Command::Partition { ids },
                    Ids::Heal => Command::HealIds { ids },
                    Ids::Compact => Command::CompactIds { ids },
                }
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let shown = env::var_os("DKV20_FUZZ_COMMANDS").is_some();
    let size = usize::from(input.size) % 7 + 1;
    let mut cluster = Cluster::new(size).expect("a size within the limits");
    let mut view = cluster.view();
    let mut history = History::default().after(&view).into_owned();
    if shown {
        eprintln!("> new {size}");
    }
    for event in input.events.iter().take(EVENTS_MAX) {
        let command = event.command(&cluster);
        if shown {
            eprintln!("> {}", line_of(&command));
        }
        let answer = cluster.run(&command);
        let after = cluster.view();
        history = history.after(&after).into_owned();
        let step = Step { before: &view, command: &command, answer: &answer, after: &after };
        for rule in &RULES {
            let verdict = match rule.scope {
                Scope::Step(holds) => holds(&step),
                Scope::State(holds) => holds(&after, &history),
                Scope::End => Ok(true),
            };
            if let Err(fault) = verdict {
                panic!("{}: {fault}", rule.name);
            }
        }
        view = after;
    }
});
