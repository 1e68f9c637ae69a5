//! Generated histories of a cluster: proposals, partitions, failover, heal and compaction. Each case
//! draws its own weights, some of them 0, so that steps that are rare under equal weights are
//! frequent in some cases; and how often it is looked at on the way.

use dkv20_exam::{Case, Plan, Suite};

use super::super::milestones::{Milestone, positions};
use super::super::oracle::View;
use super::common::generated;
use super::draws::Draws;
use super::history::History;
use super::looks::looks;
use super::ops::{key, op};

const NAME: &str = "histories";
const SALT: u64 = 1;
/// With more replicas not everything is looked at after each step.
const LOOKED_AT_SIZE_MAX: usize = 5;

pub(super) fn suite(plan: &Plan) -> Suite {
    generated(NAME, plan, positions(Milestone::OF_CLUSTERS), make)
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let mut weights = [12, 4, 8, 4, 4, 2, 6, 2, 2, 1, 3, 1, 2, 1, 2, 2, 2, 1];
    let mut history = History::new(size(&mut draws));
    for weight in &mut weights[1..] {
        *weight = if draws.one_in(3) { 0 } else { draws.between(1, *weight * 2) };
    }
    let looking = draws.below(8);
    let step_count = if draws.one_in(40) { draws.between(41, 400) } else { draws.between(5, 40) };
    for _ in 0..step_count {
        if draws.one_in(60) {
            add_deposed_leader(&mut history, &mut draws);
        } else {
            let step = line(&mut draws, &weights, &history.view());
            history.add(step);
        }
        look(&mut history, &mut draws, looking);
    }
    history.into_case(NAME, number)
}

/// Returns a number of replicas: mostly few, sometimes any.
fn size(draws: &mut Draws) -> usize {
    match draws.below(24) {
        0 => draws.between(13, 64),
        1 => draws.between(8, 12),
        _ => draws.between(1, 7),
    }
}

/// Adds the looks after a step. Some cases have none, so that what looking sets right stays wrong.
fn look(history: &mut History, draws: &mut Draws, looking: usize) {
    match looking {
        0 if history.size <= LOOKED_AT_SIZE_MAX => {
            let (size, key) = (history.size, key(draws));
            for line in looks(size, &[&key], draws.below(12)) {
                history.add(line);
            }
        }
        0..=2 => history.look_around(draws),
        3 | 4 if draws.one_in(3) => history.look_around(draws),
        _ => {}
    }
}

/// Adds a history that weights rarely produce: a deposed leader returns with uncommitted entries, and
/// either loses an election despite its longer log or finds the leader's log compacted.
fn add_deposed_leader(history: &mut History, draws: &mut Draws) {
    let deposed = history.leader();
    history.add(format!("partition {deposed}"));
    let count = draws.between(1, 5);
    history.propose_at(deposed, draws, count);
    let count = draws.below(3);
    history.propose(draws, count);
    match draws.below(3) {
        0 => history.add("compact"),
        1 => {}
        _ => {
            let leader = history.leader();
            history.add(format!("partition {leader}"));
        }
    }
    history.add(format!("heal {deposed}"));
}

fn line(draws: &mut Draws, weights: &[usize], cluster: &View) -> String {
    let size = cluster.replicas.len();
    match draws.weighted(weights) {
        0 => op(draws),
        1 => format!("at {} {}", id(draws, size), op(draws)),
        2 => format!("at {} {}", leading_id(draws, cluster), op(draws)),
        3 => format!("partition {}", id(draws, size)),
        4 => format!("partition {}", cluster.leader),
        5 => format!("partition{}", ids(draws, size)),
        6 => format!("heal {}", id(draws, size)),
        7 => format!("heal{}", ids(draws, size)),
        8 => "heal".into(),
        9 => "compact".into(),
        10 => format!("compact {}", id(draws, size)),
        11 => format!("compact{}", ids(draws, size)),
        12 => format!("get {} {}", id(draws, size), key(draws)),
        13 => "status".into(),
        14 => format!("hash {}", id(draws, size)),
        15 => format!("log {}", id(draws, size)),
        16 => format!("replica {}", id(draws, size)),
        _ => format!("dump {}", id(draws, size)),
    }
}

/// Returns a replica that believes it is leader.
fn leading_id(draws: &mut Draws, cluster: &View) -> usize {
    let ids: Vec<_> =
        (0..cluster.replicas.len()).filter(|id| cluster.replicas[*id].leads).collect();
    ids[draws.below(ids.len())]
}

/// Returns an id that mostly exists.
fn id(draws: &mut Draws, size: usize) -> usize {
    if draws.one_in(40) { size + draws.below(3) } else { draws.below(size) }
}

/// Returns one to four ids, possibly with duplicates and ids that do not exist.
fn ids(draws: &mut Draws, size: usize) -> String {
    let ids: Vec<_> = (0..draws.between(1, 4)).map(|_| id(draws, size)).collect();
    ids.iter().fold(String::new(), |line, id| line + " " + &id.to_string())
}
