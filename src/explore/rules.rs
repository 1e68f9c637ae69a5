//! What must hold after every step.

use std::collections::BTreeSet;

use crate::op::Op;
use crate::ordered_map::OrderedMap;
use crate::protocol::Command;
use crate::replica::Role;
use crate::snapshot::load_state;

use super::Answer;
use super::view::{Entry, History, ReplicaView, View};

/// One step: what was seen before and after a command, and what it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// What was seen before.
    pub before: &'a View,
    /// The command.
    pub command: &'a Command,
    /// Its answer.
    pub answer: &'a Answer,
    /// What is seen after it.
    pub after: &'a View,
}

/// Whether the rule was put to the test (that it holds is no wonder where it was not), or how it
/// is broken.
pub type Verdict = Result<bool, String>;

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// Every step.
    Step(fn(&Step<'_>) -> Verdict),
    /// Every state, with the history that it has.
    State(fn(&View, &History) -> Verdict),
    /// That a step ends at all.
    End,
}

/// A rule of sections 3 to 5 of the definition.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it says, in one line.
    pub about: &'static str,
    /// What it looks at.
    pub scope: Scope,
    /// Within how many events it is put to the test in clusters of one, of two, and of three or
    /// more replicas; `None` where it cannot be.
    tested_within: [Option<u32>; 3],
}

impl Rule {
    /// Within how many events the rule is put to the test in a cluster of so many replicas; `None`
    /// where it never is.
    #[must_use]
    pub fn tested_within(&self, replica_count: usize) -> Option<u32> {
        self.tested_within[replica_count.clamp(1, 3) - 1]
    }
}

/// All rules.
pub static RULES: [Rule; 18] = [
    Rule {
        name: "one-leader-a-term",
        about: "at most one replica ever leads a term",
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
        about: "logs that agree at an index and term agree before it, payload included",
        scope: Scope::State(logs_match),
        tested_within: [None, Some(1), Some(1)],
    },
    Rule {
        name: "commits-agree",
        about: "what was committed at an index stays, and is the same in every committed prefix",
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
        about: "a reachable replica that takes itself for the leader is the current one",
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
        about: "less than a quorum commits nothing, an isolated replica neither",
        scope: Scope::Step(minority_commits_nothing),
        tested_within: [Some(2); 3],
    },
    Rule {
        name: "map-is-fold",
        about: "the map, and the one in the snapshot, is the fold of the committed log",
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
        about: "a dump is accepted, and what was loaded dumps the same bytes",
        scope: Scope::State(load_gives_dump),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "answer-is-true",
        about: "an accepted op stands where the answer says, and is committed where it says so",
        scope: Scope::Step(answer_is_true),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "error-changes-nothing",
        about: "what is answered with an error has changed nothing",
        scope: Scope::Step(error_changes_nothing),
        tested_within: [Some(1); 3],
    },
    Rule {
        name: "heal-makes-equal",
        about: "after heal all replicas have the leader's term, log, commit index and dump",
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
        about: "every command is answered",
        scope: Scope::End,
        tested_within: [Some(1); 3],
    },
];

fn require(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}

/// The replicas with their ids.
fn each(view: &View) -> impl Iterator<Item = (usize, &ReplicaView)> + Clone {
    view.replicas.iter().enumerate()
}

/// Every two replicas, with their ids.
fn pairs(view: &View) -> impl Iterator<Item = [(usize, &ReplicaView); 2]> {
    each(view).flat_map(move |a| each(view).skip(a.0 + 1).map(move |b| [a, b]))
}

/// Every replica before and after a step, with its id.
fn both<'a>(step: &Step<'a>) -> impl Iterator<Item = (usize, &'a ReplicaView, &'a ReplicaView)> {
    let replicas = step.before.replicas.iter().zip(&step.after.replicas);
    replicas.enumerate().map(|(id, (before, after))| (id, before, after))
}

/// Tested where several replicas take themselves for the leader.
fn one_leader_a_term(view: &View, history: &History) -> Verdict {
    let leading = || each(view).filter(|(_, replica)| replica.role == Role::Leader);
    for (id, replica) in leading() {
        let first = history.leader_of(replica.term);
        require(first == Some(id), || {
            format!("replica {id} leads term {}, which replica {first:?} has led", replica.term)
        })?;
    }
    Ok(leading().nth(1).is_some())
}

/// Tested where a term grows.
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

/// Tested where a commit index grows.
fn commits_never_fall(step: &Step<'_>) -> Verdict {
    for (id, before, after) in both(step) {
        let (before, after) = (before.commit_index, after.commit_index);
        require(after >= before, || {
            format!("the commit index of replica {id} falls from {before} to {after}")
        })?;
    }
    Ok(both(step).any(|(_, before, after)| after.commit_index > before.commit_index))
}

/// Tested where a log is compacted.
fn indexes_in_order(view: &View, _: &History) -> Verdict {
    for (id, replica) in each(view) {
        let [base, commit, last] = [replica.base, replica.commit_index, replica.last()];
        require(base <= commit && commit <= last, || {
            format!("replica {id} has base={base} commit={commit} last={last}")
        })?;
    }
    Ok(view.replicas.iter().any(|replica| replica.base > 0))
}

/// Tested where two logs hold the same entry.
fn logs_match(view: &View, _: &History) -> Verdict {
    let mut tested = false;
    for [(a_id, a), (b_id, b)] in pairs(view) {
        let same_term =
            |index: u64| a.term_at(index).is_some() && a.term_at(index) == b.term_at(index);
        let (first, last) = (a.base.max(b.base), a.last().min(b.last()));
        let Some(agreed) = (first..=last).rev().find(|index| same_term(*index)) else { continue };
        for index in first..=agreed {
            let same_op = match (a.entry(index), b.entry(index)) {
                (Some(a), Some(b)) => a.1 == b.1,
                _ => true,
            };
            require(same_term(index) && same_op, || {
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

/// Tested where a log holds a committed entry.
fn commits_agree(view: &View, history: &History) -> Verdict {
    let mut tested = false;
    for (id, replica) in each(view) {
        for index in 1..=replica.commit_index {
            let fault = || format!("replica {id} has committed another entry at index {index}");
            let committed = history.entry(index).ok_or_else(|| {
                format!("replica {id} has committed index {index}, where no log has an entry")
            })?;
            if let Some(entry) = replica.entry(index) {
                require(entry == committed, fault)?;
                tested = true;
            } else if index == replica.base {
                require(replica.base_term == committed.0, fault)?;
            }
        }
    }
    Ok(tested)
}

/// Tested where the current leader leads a later term than that of a committed entry.
fn leader_complete(view: &View, history: &History) -> Verdict {
    let leader = &view.replicas[view.leader];
    for (index, committed) in (1..).zip(&history.committed) {
        let has = match leader.entry(index) {
            Some(entry) => entry == committed,
            None if index == leader.base => leader.base_term == committed.0,
            None => index < leader.base,
        };
        require(has, || {
            format!("the current leader, replica {}, lacks committed index {index}", view.leader)
        })?;
    }
    Ok(history.committed.first().is_some_and(|entry| entry.0 < view.term))
}

/// Tested where the current leader is isolated and others are not.
fn current_leader_leads(view: &View, _: &History) -> Verdict {
    for (id, replica) in each(view) {
        let leads = replica.role == Role::Leader && !view.isolated[id];
        require(!leads || id == view.leader, || {
            format!("replica {id} is reachable and leads, the current leader is {}", view.leader)
        })?;
    }
    Ok(view.isolated[view.leader] && view.reachable_count() > 0)
}

/// Tested where a log loses what is above a commit index that is not 0.
fn no_truncation(step: &Step<'_>) -> Verdict {
    let mut tested = false;
    for (id, before, after) in both(step) {
        let lost = |index: &u64| *index > after.base && after.entry(*index) != before.entry(*index);
        let mut held = before.base + 1..=before.last();
        let committed = held.clone().take_while(|index| *index <= before.commit_index);
        if let Some(index) = committed.into_iter().find(lost) {
            return Err(format!(
                "replica {id} has lost its entry at index {index}, its commit index being {}",
                before.commit_index
            ));
        }
        tested |= before.commit_index > 0 && held.any(|index| lost(&index));
    }
    Ok(tested)
}

/// Tested where less than a quorum accepts a proposal.
fn minority_commits_nothing(step: &Step<'_>) -> Verdict {
    for (id, before, after) in both(step).filter(|(id, ..)| step.after.isolated[*id]) {
        require(after.commit_index <= before.commit_index, || {
            format!("replica {id} is isolated and commits up to index {}", after.commit_index)
        })?;
    }
    if !step.after.is_minority() {
        return Ok(false);
    }
    let (before, after) = (step.before.commit_index_max(), step.after.commit_index_max());
    require(after <= before, || {
        let [reachable, all] = [step.after.reachable_count(), step.after.replicas.len()];
        format!("{reachable} reachable of {all} commit up to index {after}")
    })?;
    Ok(matches!(step.answer, Ok(Some(_))))
}

/// Tested where something is committed.
fn map_is_fold(view: &View, history: &History) -> Verdict {
    for (id, replica) in each(view) {
        let fold = fold(history.committed.iter().zip(1..=replica.commit_index));
        require(replica.map == fold, || {
            format!("replica {id} has the map {:?} and not {fold:?}", replica.map)
        })?;
        if let Ok(snapshot) = load_state(&replica.dump) {
            require(*snapshot.map() == fold, || {
                format!("replica {id} dumps the map {:?} and not {fold:?}", snapshot.map())
            })?;
            let commit_index = snapshot.commit_index();
            require(commit_index == replica.commit_index, || {
                format!("replica {id} dumps the commit index {commit_index}")
            })?;
        }
    }
    Ok(view.commit_index_max() > 0)
}

/// The map that these entries make of an empty one.
fn fold<'a>(entries: impl Iterator<Item = (&'a Entry, u64)>) -> OrderedMap {
    let mut map = OrderedMap::new();
    for ((_, op), _) in entries {
        match op {
            Op::NoOp => {}
            Op::Put { key, value } => map.insert(key, value),
            Op::Del { key } => map.remove(key),
        }
    }
    map
}

/// Tested where two replicas have the same commit index, and it is not 0.
fn equal_commit_equal_dump(view: &View, _: &History) -> Verdict {
    let mut tested = false;
    let equal = |[a, b]: &[(usize, &ReplicaView); 2]| a.1.commit_index == b.1.commit_index;
    for [a, b] in pairs(view).filter(equal) {
        require(a.1.dump == b.1.dump, || {
            let commit_index = a.1.commit_index;
            format!("replicas {} and {} at commit index {commit_index} dump otherwise", a.0, b.0)
        })?;
        tested |= a.1.commit_index > 0;
    }
    Ok(tested)
}

/// Tested where a map is not empty.
fn load_gives_dump(view: &View, _: &History) -> Verdict {
    let dumps: BTreeSet<_> = view.replicas.iter().map(|replica| &replica.dump).collect();
    for dump in dumps {
        let snapshot = load_state(dump)
            .map_err(|error| format!("{} is no snapshot: {error}", hex::encode(dump)))?;
        let again = snapshot.dump_state();
        require(again == *dump, || {
            format!("{} is dumped again as {}", hex::encode(dump), hex::encode(&again))
        })?;
    }
    Ok(view.replicas.iter().any(|replica| !replica.map.is_empty()))
}

/// Tested where a proposal is accepted.
fn answer_is_true(step: &Step<'_>) -> Verdict {
    let Ok(Some(outcome)) = step.answer else { return Ok(false) };
    let (id, op) = match step.command {
        Command::Propose { op } => (step.before.leader, op),
        Command::ProposeAt { id, op } => (*id, op),
        _ => return Err("what is no proposal is answered as one".to_owned()),
    };
    let proposer = &step.after.replicas[id];
    let entry = proposer.entry(outcome.index);
    require(entry == Some(&(outcome.term, op.clone())), || {
        format!("replica {id} has {entry:?} at index {}", outcome.index)
    })?;
    require(outcome.committed == (outcome.index <= proposer.commit_index), || {
        let (committed, commit_index) = (outcome.committed, proposer.commit_index);
        format!("committed is {committed}, the commit index of replica {id} {commit_index}")
    })?;
    Ok(true)
}

/// Tested where the answer is an error.
fn error_changes_nothing(step: &Step<'_>) -> Verdict {
    let Err(code) = step.answer else { return Ok(false) };
    require(step.before == step.after, || format!("answered {code}, and yet something changed"))?;
    Ok(true)
}

/// Tested where a heal of all meets replicas whose logs or snapshots differ.
fn heal_makes_equal(step: &Step<'_>) -> Verdict {
    if *step.command != Command::Heal {
        return Ok(false);
    }
    let (view, leader) = (step.after, &step.after.replicas[step.after.leader]);
    let isolated = view.isolated.iter().position(|isolated| *isolated);
    require(isolated.is_none(), || format!("replica {isolated:?} is isolated after heal"))?;
    for (id, replica) in each(view) {
        let fault = |what| format!("after heal replica {id} has another {what} than the leader");
        require((replica.role == Role::Leader) == (id == view.leader), || {
            format!("after heal replica {id} is a {}", replica.role.as_str())
        })?;
        require(replica.term == view.term, || fault("term"))?;
        require(replica.commit_index == replica.last(), || {
            format!("after heal replica {id} has entries that are not committed")
        })?;
        require(replica.commit_index == leader.commit_index, || fault("commit index"))?;
        let mut indexes = replica.base.max(leader.base)..=leader.last();
        let same_entry = |index: u64| match (replica.entry(index), leader.entry(index)) {
            (Some(own), Some(leaders)) => own == leaders,
            _ => replica.term_at(index) == leader.term_at(index),
        };
        require(indexes.all(same_entry), || fault("log"))?;
        require(replica.dump == leader.dump, || fault("dump"))?;
    }
    let end = |replica: &ReplicaView| (replica.last(), replica.term_at(replica.last()));
    let differ = |[a, b]: [(usize, &ReplicaView); 2]| a.1.dump != b.1.dump || end(a.1) != end(b.1);
    Ok(pairs(step.before).any(differ))
}

/// Tested where somebody is isolated while settle runs again.
fn settle_is_done(step: &Step<'_>) -> Verdict {
    let settles = matches!(step.command, Command::Partition { ids } if ids.is_empty());
    require(!settles || step.before == step.after, || {
        "a partition of nobody changed something".to_owned()
    })?;
    Ok(settles && step.before.isolated.contains(&true))
}
