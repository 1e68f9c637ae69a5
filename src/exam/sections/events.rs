//! Generated lives of a cluster. Each case draws its own weights, some of them 0, so that what is
//! rare under fair weights happens often in some case.

use super::draws::Draws;
use super::{Plan, Section, case, observation};
use crate::cluster::Cluster;
use crate::exam::case::Case;
use crate::exam::coverage::Event;
use crate::replica::{Replica, Role};
use crate::session::Session;

const NAME: &str = "events";
const SALT: u64 = 1;

/// Keys that ports get wrong: unsigned order, prefixes, NUL, what is no text, what looks like
/// something else.
const KEYS: [&str; 14] = [
    "a",
    "b",
    "0x7f",
    "0x80",
    "0xff",
    "0x",
    "0x6100",
    "0x610061",
    "aa",
    "0xc3",
    "none",
    "0X61",
    "key-000001",
    "key-000010",
];
const VALUES: [&str; 8] =
    ["0x", "0x00", "v", "0xff", "0xc328", "none", "0x0000000000000000", "a-longer-value-than-most"];

pub(super) fn section(plan: &Plan) -> Section {
    let seed = plan.seed;
    Section {
        name: NAME,
        about: "generated lives of a cluster: proposals, partitions, failover, heal, compaction",
        must_cause: &[
            Event::Election,
            Event::ElectionByTerm,
            Event::Truncation,
            Event::LaggingSnapshot,
            Event::ConflictingSnapshot,
            Event::Demotion,
            Event::LateCommit,
            Event::NoQuorum,
        ],
        count: plan.generated_count,
        make: Box::new(move |number| make(seed, number)),
    }
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let replica_count = match draws.below(24) {
        0 => 64,
        1 => draws.between(8, 12),
        _ => draws.between(1, 7),
    };
    let mut weights = [12, 4, 8, 4, 4, 2, 6, 2, 2, 1, 3, 1, 2, 1, 2, 2, 2, 1];
    for weight in &mut weights[1..] {
        *weight = if draws.one_in(3) { 0 } else { draws.between(1, *weight * 2) };
    }
    // The reference goes along, so that a line can mean the leader of the moment.
    let mut life = Life { session: Session::new(), lines: Vec::new() };
    life.add(format!("new {replica_count}"));
    for _ in 0..draws.between(5, 40) {
        if draws.one_in(60) {
            life.add_deposed_leader(&mut draws);
        } else {
            let event = life.session.cluster().map(|cluster| line(&mut draws, &weights, cluster));
            life.add(event.unwrap_or_default());
        }
    }
    life.lines.extend(observation(replica_count));
    case(NAME, number, life.lines)
}

/// The lines so far, and what they have made of the reference.
struct Life {
    session: Session,
    lines: Vec<Vec<u8>>,
}

impl Life {
    fn add(&mut self, line: String) {
        self.session.answer(line.as_bytes(), &mut String::new());
        self.lines.push(line.into_bytes());
    }

    fn leader(&self) -> usize {
        self.session.cluster().map_or(0, Cluster::leader)
    }

    /// What weights alone seldom bring about: a deposed leader with a tail comes back, to an
    /// election that its longer log must lose, or to a log that was compacted meanwhile.
    fn add_deposed_leader(&mut self, draws: &mut Draws) {
        let deposed = self.leader();
        self.add(format!("partition {deposed}"));
        for _ in 0..draws.between(1, 5) {
            self.add(format!("at {deposed} {}", op(draws)));
        }
        for _ in 0..draws.below(3) {
            self.add(op(draws));
        }
        match draws.below(3) {
            0 => self.add("compact".into()),
            1 => {}
            _ => self.add(format!("partition {}", self.leader())),
        }
        self.add(format!("heal {deposed}"));
    }
}

fn line(draws: &mut Draws, weights: &[usize], cluster: &Cluster) -> String {
    let replica_count = cluster.replica_count();
    match draws.weighted(weights) {
        0 => op(draws),
        1 => format!("at {} {}", id(draws, replica_count), op(draws)),
        2 => format!("at {} {}", leading_id(draws, cluster), op(draws)),
        3 => format!("partition {}", id(draws, replica_count)),
        4 => format!("partition {}", cluster.leader()),
        5 => format!("partition{}", ids(draws, replica_count)),
        6 => format!("heal {}", id(draws, replica_count)),
        7 => format!("heal{}", ids(draws, replica_count)),
        8 => "heal".into(),
        9 => "compact".into(),
        10 => format!("compact {}", id(draws, replica_count)),
        11 => format!("compact{}", ids(draws, replica_count)),
        12 => format!("get {} {}", id(draws, replica_count), key(draws)),
        13 => "status".into(),
        14 => format!("hash {}", id(draws, replica_count)),
        15 => format!("log {}", id(draws, replica_count)),
        16 => format!("replica {}", id(draws, replica_count)),
        _ => format!("dump {}", id(draws, replica_count)),
    }
}

/// A replica that takes itself for leader.
fn leading_id(draws: &mut Draws, cluster: &Cluster) -> usize {
    let leads = |replica: &&Replica| replica.role() == Role::Leader;
    let ids: Vec<_> = cluster.replicas().iter().filter(leads).map(Replica::id).collect();
    ids[draws.below(ids.len())]
}

fn op(draws: &mut Draws) -> String {
    match draws.below(10) {
        0 => "noop".into(),
        1..=3 => format!("del {}", key(draws)),
        _ => format!("put {} {}", key(draws), value(draws)),
    }
}

fn key(draws: &mut Draws) -> String {
    match draws.below(200) {
        0 => format!("0x{}", "6b".repeat(4_096)),
        1 => format!("0x{}", "6b".repeat(4_097)),
        _ => (*draws.pick(&KEYS)).into(),
    }
}

fn value(draws: &mut Draws) -> String {
    match draws.below(20) {
        0..10 => format!("v{}", draws.below(1_000)),
        _ => (*draws.pick(&VALUES)).into(),
    }
}

/// Mostly an id that exists.
fn id(draws: &mut Draws, replica_count: usize) -> usize {
    if draws.one_in(40) { replica_count + draws.below(3) } else { draws.below(replica_count) }
}

/// At least one, possibly the same one twice, possibly one that does not exist.
fn ids(draws: &mut Draws, replica_count: usize) -> String {
    let ids: Vec<_> = (0..draws.between(1, 4)).map(|_| id(draws, replica_count)).collect();
    ids.iter().fold(String::new(), |line, id| line + " " + &id.to_string())
}
