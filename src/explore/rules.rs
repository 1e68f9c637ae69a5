//! The rules that must hold after every step.

use crate::reference::{Cluster, Map, Op, Replica, Role, load_state};

use super::action::{Action, Answer};
use super::history::{Entry, History, entry};
use super::system::System;

/// One step: the cluster before and after an action, and the action's result.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the parts of a step")]
pub struct Step<'a> {
    pub before: &'a Cluster,
    pub action: &'a Action,
    pub answer: &'a Answer,
    pub after: &'a Cluster,
}

/// A state: the cluster and its past.
#[derive(Clone, Debug)]
pub struct State<'a> {
    cluster: &'a Cluster,
    history: &'a History,
    /// By id; empty if the indexes of a replica are out of order, and no snapshot is defined.
    dumps: Vec<Vec<u8>>,
}

impl<'a> State<'a> {
    /// Returns the state that the system has, with the history that led there.
    pub fn new(system: &'a impl System, history: &'a History) -> Self {
        let cluster = system.cluster();
        let ids = 0..cluster.replicas.len();
        let dumps = if cluster.replicas.iter().all(has_indexes_in_order) {
            ids.map(|id| system.dump_state(id)).collect()
        } else {
            vec![]
        };
        Self { cluster, history, dumps }
    }
}

/// `Ok(true)` if the rule was tested, `Ok(false)` if it holds vacuously, and otherwise the
/// violation's detail.
type Verdict = Result<bool, String>;

/// The subject of a rule.
#[derive(Clone, Copy, Debug)]
enum Scope {
    /// Every step.
    Step(fn(&Step<'_>) -> Verdict),
    /// Every state.
    State(fn(&State<'_>) -> Verdict),
    /// That an action returns.
    Return,
}

/// A rule of sections 3 to 5 of the definition.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The rule's name.
    pub name: &'static str,
    /// The rule in one line.
    pub about: &'static str,
    scope: Scope,
    /// See [`Rule::tested_within`]; for clusters of one, of two, and of three or more replicas.
    tested_within: [Option<u32>; 3],
}

impl Rule {
    /// Returns the least number of actions that test the rule in a cluster of `size` replicas, or
    /// `None` if no actions do.
    #[must_use]
    pub fn tested_within(&self, size: u64) -> Option<u32> {
        let [of_one, of_two, of_more] = self.tested_within;
        match size {
            1 => of_one,
            2 => of_two,
            _ => of_more,
        }
    }
}

/// All rules.
pub static RULES: [Rule; 18] = [
    Rule {
        name: "one-leader-a-term",
        about: "at most one replica is ever leader of a term",
        scope: Scope::State(one_leader_a_term),
        tested_within: [None, None, Some(1)],
    },
    Rule {
        name: "terms-never-fall",
        about: "no replica's term falls, nor the cluster's",
        scope: Scope::Step(terms_never_fall),
        tested_within: [None, None, Some(1)],
    },
    Rule {
        name: "commits-never-fall",
        about: "no commit index falls",
        scope: Scope::Step(commits_never_fall),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "indexes-in-order",
        about: "base <= commit <= last",
        scope: Scope::State(indexes_in_order),
        tested_within: [Some(2); 3],
    },
    Rule {
        name: "logs-match",
        about: "logs with the same term at an index have the same entries up to it",
        scope: Scope::State(logs_match),
        tested_within: [None, Some(1), Some(1)],
    },
    Rule {
        name: "commits-agree",
        about: "a committed entry stays, and is the same in every committed prefix",
        scope: Scope::State(commits_agree),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "leader-complete",
        about: "the current leader has every committed entry",
        scope: Scope::State(leader_complete),
        tested_within: [None, None, Some(2)],
    },
    Rule {
        name: "current-leader-leads",
        about: "a reachable replica that believes it is leader is the current leader",
        scope: Scope::State(current_leader_leads),
        tested_within: [None, Some(1), Some(2)],
    },
    Rule {
        name: "no-truncation",
        about: "no log is truncated below its commit index",
        scope: Scope::Step(no_truncation),
        tested_within: [None, None, Some(4)],
    },
    Rule {
        name: "minority-commits-nothing",
        about: "less than a quorum commits nothing, nor does an isolated replica",
        scope: Scope::Step(minority_commits_nothing),
        tested_within: [Some(2); 3],
    },
    Rule {
        name: "map-is-fold",
        about: "the map, and the snapshot's, is the fold of the committed entries",
        scope: Scope::State(map_is_fold),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "equal-commit-equal-dump",
        about: "replicas at the same commit index dump the same bytes",
        scope: Scope::State(equal_commit_equal_dump),
        tested_within: [None, Some(1), Some(1)],
    },
    Rule {
        name: "load-gives-dump",
        about: "a dump loads, and what was loaded dumps the same bytes",
        scope: Scope::State(load_gives_dump),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "answer-is-true",
        about: "an accepted op is at the index answered, and committed if the answer says so",
        scope: Scope::Step(answer_is_true),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "error-changes-nothing",
        about: "an action that returns an error has changed nothing",
        scope: Scope::Step(error_changes_nothing),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "heal-makes-equal",
        about: "after heal all replicas have the leader's term, log, commit index and map",
        scope: Scope::Step(heal_makes_equal),
        tested_within: [None, Some(3), Some(2)],
    },
    Rule {
        name: "settle-is-done",
        about: "settling again changes nothing",
        scope: Scope::Step(settle_is_done),
        tested_within: [Some(2); 3],
    },
    Rule {
        name: "no-panic",
        about: "every action returns",
        scope: Scope::Return,
        tested_within: [Some(1); 3],
    },
];

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name.
    pub rule: &'static str,
    /// The violation, in one line.
    pub detail: String,
}

/// How often each rule was tested, in the order of [`RULES`].
pub type Tested = [u64; RULES.len()];

/// Returns the rules that a step violates, and counts those that it tests.
pub fn judge_step(step: &Step<'_>, tested: &mut Tested) -> Vec<Violation> {
    judge(tested, |rule| match rule.scope {
        Scope::Step(check) => check(step),
        Scope::State(_) => Ok(false),
        Scope::Return => Ok(true),
    })
}

/// Returns the rules that a state violates, and counts those that it tests.
pub fn judge_state(state: &State<'_>, tested: &mut Tested) -> Vec<Violation> {
    judge(tested, |rule| match rule.scope {
        Scope::State(check) => check(state),
        Scope::Step(_) | Scope::Return => Ok(false),
    })
}

fn judge(tested: &mut Tested, check: impl Fn(&Rule) -> Verdict) -> Vec<Violation> {
    let mut violations = vec![];
    for (rule, tested) in RULES.iter().zip(tested) {
        match check(rule) {
            Ok(was_tested) => *tested += u64::from(was_tested),
            Err(detail) => violations.push(Violation { rule: rule.name, detail }),
        }
    }
    violations
}

// --- The rules, in the order of RULES -----------------------------------------------------------

fn require(holds: bool, detail: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(detail()) }
}

/// The replicas with their ids.
fn each(cluster: &Cluster) -> impl Iterator<Item = (usize, &Replica)> + Clone {
    cluster.replicas.iter().enumerate()
}

/// Every two replicas, with their ids.
fn pairs(cluster: &Cluster) -> impl Iterator<Item = [(usize, &Replica); 2]> {
    each(cluster).flat_map(move |a| each(cluster).skip(a.0 + 1).map(move |b| [a, b]))
}

/// Every replica before and after a step, with its id.
fn both<'a>(step: &Step<'a>) -> impl Iterator<Item = (usize, &'a Replica, &'a Replica)> {
    let replicas = step.before.replicas.iter().zip(&step.after.replicas);
    replicas.enumerate().map(|(id, (before, after))| (id, before, after))
}

fn reachable_count(cluster: &Cluster) -> usize {
    cluster.replicas.len() - cluster.isolated.len()
}

fn commit_max(cluster: &Cluster) -> u64 {
    cluster.replicas.iter().map(|replica| replica.commit).max().unwrap_or(0)
}

fn has_indexes_in_order(replica: &Replica) -> bool {
    replica.base <= replica.commit && replica.commit <= replica.last()
}

/// Tested if several replicas believe they are leader.
fn one_leader_a_term(state: &State<'_>) -> Verdict {
    let leaders = each(state.cluster).filter(|(_, replica)| replica.role == Role::Leader);
    for (id, replica) in leaders.clone() {
        let first = state.history.leaders.get(&replica.term);
        require(first == Some(&id), || {
            format!("replica {id} leads term {}, which replica {first:?} has led", replica.term)
        })?;
    }
    Ok(leaders.count() > 1)
}

/// Tested if a term grows.
fn terms_never_fall(step: &Step<'_>) -> Verdict {
    let (before, after) = (step.before.term, step.after.term);
    require(after >= before, || format!("the cluster's term falls from {before} to {after}"))?;
    for (id, before, after) in both(step) {
        require(after.term >= before.term, || {
            format!("the term of replica {id} falls from {} to {}", before.term, after.term)
        })?;
    }
    Ok(both(step).any(|(_, before, after)| after.term > before.term))
}

/// Tested if a commit index grows.
fn commits_never_fall(step: &Step<'_>) -> Verdict {
    for (id, before, after) in both(step) {
        let (before, after) = (before.commit, after.commit);
        require(after >= before, || {
            format!("the commit index of replica {id} falls from {before} to {after}")
        })?;
    }
    Ok(both(step).any(|(_, before, after)| after.commit > before.commit))
}

/// Tested if a log is compacted.
fn indexes_in_order(state: &State<'_>) -> Verdict {
    for (id, replica) in each(state.cluster) {
        require(has_indexes_in_order(replica), || {
            let (base, commit, last) = (replica.base, replica.commit, replica.last());
            format!("replica {id} has base={base} commit={commit} last={last}")
        })?;
    }
    Ok(each(state.cluster).any(|(_, replica)| replica.base > 0))
}

/// Tested if two logs hold the same entry.
fn logs_match(state: &State<'_>) -> Verdict {
    let mut tested = false;
    for [(a_id, a), (b_id, b)] in pairs(state.cluster) {
        let has_same_term =
            |index: u64| a.term_at(index).is_some() && a.term_at(index) == b.term_at(index);
        let (first, last) = (a.base.max(b.base), a.last().min(b.last()));
        let Some(agreed) = (first..=last).rev().find(|index| has_same_term(*index)) else {
            continue;
        };
        for index in first..=agreed {
            // The entry at a base is known by its term alone.
            let has_same_op = match (entry(a, index), entry(b, index)) {
                (Some(a), Some(b)) => a.1 == b.1,
                _ => true,
            };
            require(has_same_term(index) && has_same_op, || {
                let term = a.term_at(agreed).unwrap_or_default();
                format!(
                    "the logs of replicas {a_id} and {b_id} both have term {term} at index \
                     {agreed}, but differ at index {index}"
                )
            })?;
        }
        tested |= agreed > first;
    }
    Ok(tested)
}

/// Reports whether the replica has this entry at `index`, as far as it knows its entries.
fn agrees(replica: &Replica, index: u64, committed: &Entry) -> bool {
    match entry(replica, index) {
        Some(entry) => entry == committed,
        None => index < replica.base || replica.term_at(index) == Some(committed.0),
    }
}

/// Tested if a log holds a committed entry.
fn commits_agree(state: &State<'_>) -> Verdict {
    for (id, replica) in each(state.cluster) {
        for index in 1..=replica.commit {
            let committed = state.history.entry(index).ok_or_else(|| {
                format!("replica {id} has committed index {index}, but no log has an entry there")
            })?;
            require(index > replica.last() || agrees(replica, index, committed), || {
                format!("replica {id} has committed another entry at index {index}")
            })?;
        }
    }
    Ok(each(state.cluster).any(|(_, replica)| replica.base < replica.commit.min(replica.last())))
}

/// Tested if the current term is later than that of a committed entry.
fn leader_complete(state: &State<'_>) -> Verdict {
    let leader = state.cluster.leader;
    for (index, committed) in (1..).zip(&state.history.committed) {
        require(agrees(&state.cluster.replicas[leader], index, committed), || {
            format!("the current leader, replica {leader}, lacks committed index {index}")
        })?;
    }
    Ok(state.history.committed.first().is_some_and(|entry| entry.0 < state.cluster.term))
}

/// Tested if the current leader is isolated and other replicas are not.
fn current_leader_leads(state: &State<'_>) -> Verdict {
    let (cluster, leader) = (state.cluster, state.cluster.leader);
    for (id, replica) in each(cluster) {
        let leads = replica.role == Role::Leader && !cluster.isolated.contains(&id);
        require(!leads || id == leader, || {
            format!("replica {id} is reachable and leads, but the current leader is {leader}")
        })?;
    }
    Ok(cluster.isolated.contains(&leader) && reachable_count(cluster) > 0)
}

/// Tested if a log loses an entry, and its commit index is not 0.
fn no_truncation(step: &Step<'_>) -> Verdict {
    let mut tested = false;
    for (id, before, after) in both(step) {
        let mut lost = (before.base + 1..=before.last())
            .filter(|index| *index > after.base && entry(after, *index) != entry(before, *index));
        if let Some(index) = lost.next() {
            require(index > before.commit, || {
                let commit = before.commit;
                format!("replica {id} at commit index {commit} has lost its entry at index {index}")
            })?;
            tested |= before.commit > 0;
        }
    }
    Ok(tested)
}

/// Tested if a proposal is accepted without a quorum.
fn minority_commits_nothing(step: &Step<'_>) -> Verdict {
    for (id, before, after) in both(step).filter(|(id, ..)| step.after.isolated.contains(id)) {
        require(after.commit <= before.commit, || {
            format!("replica {id} is isolated and commits up to index {}", after.commit)
        })?;
    }
    let (reachable, size) = (reachable_count(step.after), step.after.replicas.len());
    if reachable * 2 > size {
        return Ok(false);
    }
    let (before, after) = (commit_max(step.before), commit_max(step.after));
    require(after <= before, || {
        format!("{reachable} reachable of {size} commit up to index {after}")
    })?;
    Ok(matches!(step.answer, Ok(Some(_))))
}

/// Tested if an entry is committed.
fn map_is_fold(state: &State<'_>) -> Verdict {
    for (id, replica) in each(state.cluster) {
        let fold = fold(state.history.committed.iter().zip(1..=replica.commit));
        require(replica.map == fold, || {
            format!("replica {id} has the map {:?} instead of {fold:?}", replica.map)
        })?;
        let dump = state.dumps.get(id).map(|dump| load_state(dump));
        if let Some(Ok(snapshot)) = dump {
            require((snapshot.commit, &snapshot.map) == (replica.commit, &fold), || {
                let commit = replica.commit;
                format!("replica {id} dumps {snapshot:?} at commit index {commit} with {fold:?}")
            })?;
        }
    }
    Ok(commit_max(state.cluster) > 0)
}

/// The result of applying the entries to an empty map.
fn fold<'a>(entries: impl Iterator<Item = (&'a Entry, u64)>) -> Map {
    let mut map = Map::new();
    for ((_, op), _) in entries {
        match op {
            Op::NoOp => {}
            Op::Put { key, value } => drop(map.insert(key.clone(), value.clone())),
            Op::Del { key } => drop(map.remove(key)),
        }
    }
    map
}

/// Tested if two replicas have the same commit index, and it is not 0.
fn equal_commit_equal_dump(state: &State<'_>) -> Verdict {
    let mut tested = false;
    for [(a_id, a), (b_id, b)] in pairs(state.cluster) {
        if a.commit == b.commit {
            require(state.dumps.get(a_id) == state.dumps.get(b_id), || {
                let commit = a.commit;
                format!("replicas {a_id} and {b_id} at commit index {commit} dump different bytes")
            })?;
            tested |= a.commit > 0;
        }
    }
    Ok(tested)
}

/// Tested if a map is not empty.
fn load_gives_dump(state: &State<'_>) -> Verdict {
    for (id, dump) in state.dumps.iter().enumerate() {
        let hex = hex::encode;
        let snapshot = load_state(dump)
            .map_err(|error| format!("replica {id} dumps {}: {error}", hex(dump)))?;
        let again = snapshot.dump_state();
        require(again == *dump, || format!("{} is dumped again as {}", hex(dump), hex(&again)))?;
    }
    Ok(each(state.cluster).any(|(_, replica)| !replica.map.is_empty()))
}

/// Tested if a proposal is accepted.
fn answer_is_true(step: &Step<'_>) -> Verdict {
    let Ok(Some(outcome)) = step.answer else { return Ok(false) };
    let (id, op) = match step.action {
        Action::Propose(op) => (step.before.leader as u64, op),
        Action::ProposeAt(id, op) => (*id, op),
        _ => return Err("an action that is no proposal has the result of one".to_owned()),
    };
    let proposer = step.after.replica(id).map_err(|_| format!("replica {id} does not exist"))?;
    let entry = entry(proposer, outcome.index);
    require(entry == Some(&(outcome.term, op.clone())), || {
        format!("replica {id} has {entry:?} at index {}", outcome.index)
    })?;
    require(outcome.committed == (outcome.index <= proposer.commit), || {
        let (committed, commit) = (outcome.committed, proposer.commit);
        format!("committed is {committed}, but the commit index of replica {id} is {commit}")
    })?;
    Ok(true)
}

/// Tested if the action returns an error.
fn error_changes_nothing(step: &Step<'_>) -> Verdict {
    let Err(code) = step.answer else { return Ok(false) };
    require(step.before == step.after, || format!("{code} was returned after a change"))?;
    Ok(true)
}

/// Tested if the logs or the maps differ before all replicas are healed.
fn heal_makes_equal(step: &Step<'_>) -> Verdict {
    if *step.action != Action::Heal {
        return Ok(false);
    }
    let (cluster, leader) = (step.after, &step.after.replicas[step.after.leader]);
    require(cluster.isolated.is_empty(), || {
        format!("after heal the isolated ids are {:?}", cluster.isolated)
    })?;
    for (id, replica) in each(cluster) {
        let other = |what| format!("after heal replica {id} has another {what} than the leader");
        require((replica.role == Role::Leader) == (id == cluster.leader), || {
            format!("after heal replica {id} has the role {:?}", replica.role)
        })?;
        require(replica.term == cluster.term, || other("term"))?;
        require(replica.commit == replica.last(), || {
            format!("after heal replica {id} has entries that are not committed")
        })?;
        require(replica.commit == leader.commit, || other("commit index"))?;
        let mut indexes = replica.base.max(leader.base)..=leader.last();
        let is_same = |index: u64| match (entry(replica, index), entry(leader, index)) {
            (Some(own), Some(leaders)) => own == leaders,
            _ => replica.term_at(index) == leader.term_at(index),
        };
        require(indexes.all(is_same), || other("log"))?;
        require(replica.map == leader.map, || other("map"))?;
    }
    let differ = |[(_, a), (_, b)]: [(usize, &Replica); 2]| {
        (a.last(), a.last_term(), a.commit, &a.map) != (b.last(), b.last_term(), b.commit, &b.map)
    };
    Ok(pairs(step.before).any(differ))
}

/// Tested if a replica is isolated.
fn settle_is_done(step: &Step<'_>) -> Verdict {
    let settles = matches!(step.action, Action::Partition(ids) if ids.is_empty());
    require(!settles || step.before == step.after, || {
        "a partition of no replica changed something".to_owned()
    })?;
    Ok(settles && !step.before.isolated.is_empty())
}
