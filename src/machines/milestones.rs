//! Milestones: events that lines cause in the reference. An exam that causes none has shown nothing.

use std::collections::BTreeSet;
use std::fmt;

use dkv20_exam::Tally;

use super::oracle::{Oracle, View};
use crate::error::ErrorCode;

/// Something that can happen to a cluster, or an error that can be the answer to a line. The texts
/// below say what each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Milestone {
    Election,
    ElectionByTerm,
    Truncation,
    LaggingSnapshot,
    ConflictingSnapshot,
    Demotion,
    LateCommit,
    NoQuorum,
    Error(ErrorCode),
}

impl Milestone {
    /// The milestones that are not errors.
    pub(super) const OF_CLUSTERS: [Self; 8] = [
        Self::Election,
        Self::ElectionByTerm,
        Self::Truncation,
        Self::LaggingSnapshot,
        Self::ConflictingSnapshot,
        Self::Demotion,
        Self::LateCommit,
        Self::NoQuorum,
    ];

    /// Those that a few lines reach. The other two need a longer log that conflicts.
    pub(super) const FREQUENT: [Self; 6] = [
        Self::Election,
        Self::Truncation,
        Self::LaggingSnapshot,
        Self::Demotion,
        Self::LateCommit,
        Self::NoQuorum,
    ];

    /// Returns every milestone, in the order of reports.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let errors = ErrorCode::ALL.iter().map(|code| Self::Error(*code));
        Self::OF_CLUSTERS.into_iter().chain(errors)
    }

    fn position(self) -> usize {
        Self::all().position(|milestone| milestone == self).expect("`all` lists every milestone")
    }
}

/// Returns the positions of milestones in `Milestone::all`.
pub(super) fn positions(milestones: impl IntoIterator<Item = Milestone>) -> Vec<usize> {
    milestones.into_iter().map(Milestone::position).collect()
}

/// Returns the positions of the errors.
pub(super) fn errors(codes: &[ErrorCode]) -> Vec<usize> {
    positions(codes.iter().map(|code| Milestone::Error(*code)))
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Election => "elections",
            Self::ElectionByTerm => "elections decided by the last term against a longer log",
            Self::Truncation => "truncated logs",
            Self::LaggingSnapshot => "snapshots for a log that ended too early",
            Self::ConflictingSnapshot => "snapshots for a log that conflicts",
            Self::Demotion => "demoted leaders",
            Self::LateCommit => "pending entries that were committed later",
            Self::NoQuorum => "times without a leader",
            Self::Error(code) => return write!(f, "`err {code}`"),
        })
    }
}

/// Counts the milestones of one session, line by line.
#[derive(Default)]
pub(super) struct MilestoneCounter {
    /// Index and term of each entry that was pending when it was proposed and is not committed yet.
    pending: BTreeSet<(u64, u64)>,
}

impl MilestoneCounter {
    /// Counts the error that the answer is, if it is one.
    pub(super) fn count_answer(answer: &str, tally: &mut Tally) {
        if let Some(code) = error_of(answer) {
            tally.count(Milestone::Error(code).position());
        }
    }

    /// Forgets the cluster.
    pub(super) fn start_cluster(&mut self) {
        self.pending.clear();
    }

    /// Counts what a line has done to the cluster, by the views before and after it.
    pub(super) fn count_step(
        &mut self,
        session: &Oracle,
        (old, new): (&View, &View),
        answer: &str,
        tally: &mut Tally,
    ) {
        let mut reached = |milestone: Milestone| tally.count(milestone.position());
        events(session, old, new).into_iter().for_each(&mut reached);
        self.pending.extend(pending_entry(answer));
        self.pending.retain(|(index, term)| {
            let is_committed = *index <= new.replicas[new.leader].commit_index;
            if is_committed && session.term_at(new.leader, *index) == Some(*term) {
                reached(Milestone::LateCommit);
            }
            !is_committed
        });
    }
}

fn error_of(answer: &str) -> Option<ErrorCode> {
    let code = answer.strip_prefix("err ")?.split(' ').next()?;
    ErrorCode::ALL.iter().copied().find(|known| known.as_str() == code)
}

/// Returns index and term of an entry that is pending according to the answer.
fn pending_entry(answer: &str) -> Option<(u64, u64)> {
    let fields = answer.strip_prefix("ok pending index=")?;
    let (index, term) = fields.split_once(" term=")?;
    Some((index.parse().ok()?, term.parse().ok()?))
}

/// Returns the milestones of clusters that a step reached, which the session has just run: `old` is
/// the cluster before it, `new` after it. A late commit is not among them.
pub(super) fn events(session: &Oracle, old: &View, new: &View) -> Vec<Milestone> {
    let mut reached = Vec::new();
    if new.term > old.term {
        reached.push(Milestone::Election);
        let winner = &old.replicas[new.leader];
        let mut replicas = old.replicas.iter().zip(&new.replicas);
        if replicas.any(|(old, new)| old.last > winner.last && !new.is_isolated) {
            reached.push(Milestone::ElectionByTerm);
        }
    }
    if new.replicas[new.leader].is_isolated {
        reached.push(Milestone::NoQuorum);
    }
    for (id, (old_replica, replica)) in old.replicas.iter().zip(&new.replicas).enumerate() {
        if old_replica.leads && !replica.leads {
            reached.push(Milestone::Demotion);
        }
        // Compaction keeps the last entry's term known, so an entry that is gone was replaced.
        if session.term_at(id, old_replica.last) != Some(old_replica.last_term) {
            reached.push(if replica.base == old_replica.base {
                Milestone::Truncation
            } else if old_replica.last < old.replicas[new.leader].base {
                Milestone::LaggingSnapshot
            } else {
                Milestone::ConflictingSnapshot
            });
        }
    }
    reached
}
