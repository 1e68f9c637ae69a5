//! Milestones: events that lines cause in the reference. An exam that causes none has shown nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

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

/// Runs the lines on the reference, passes each answer to `answered` until that breaks, and adds what
/// happens to `counts`, which has a number for each of `Milestone::all`.
pub(super) fn count(
    lines: &[Vec<u8>],
    counts: &mut [u64],
    mut answered: impl FnMut(Option<String>) -> ControlFlow<()>,
) {
    let mut counter = Counter { session: Oracle::new(), pending: BTreeSet::new(), before: None };
    let mut reached = |milestone: Milestone| counts[milestone.position()] += 1;
    for line in lines {
        let answer = counter.session.run(line);
        counter.count(line, answer.as_deref().unwrap_or_default(), &mut reached);
        if answered(answer).is_break() {
            return;
        }
    }
}

struct Counter {
    session: Oracle,
    /// Index and term of each entry that was pending when it was proposed and is not committed yet.
    pending: BTreeSet<(u64, u64)>,
    before: Option<View>,
}

impl Counter {
    /// Counts what the line, which the session has just run, did.
    fn count(&mut self, line: &[u8], answer: &str, reached: &mut impl FnMut(Milestone)) {
        if let Some(code) = error_of(answer) {
            reached(Milestone::Error(code));
        }
        let after = self.session.view();
        let old = std::mem::replace(&mut self.before, after);
        let (Some(old), Some(new)) = (old, &self.before) else { return };
        if line.trim_ascii_start().starts_with(b"new") {
            self.pending.clear();
            return;
        }
        count_step(&self.session, &old, new, reached);
        self.pending.extend(pending_entry(answer));
        let session = &self.session;
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

fn count_step(session: &Oracle, old: &View, new: &View, reached: &mut impl FnMut(Milestone)) {
    if new.term > old.term {
        reached(Milestone::Election);
        let winner = &old.replicas[new.leader];
        let mut replicas = old.replicas.iter().zip(&new.replicas);
        if replicas.any(|(old, new)| old.last > winner.last && !new.is_isolated) {
            reached(Milestone::ElectionByTerm);
        }
    }
    if new.replicas[new.leader].is_isolated {
        reached(Milestone::NoQuorum);
    }
    for (id, (old_replica, replica)) in old.replicas.iter().zip(&new.replicas).enumerate() {
        if old_replica.leads && !replica.leads {
            reached(Milestone::Demotion);
        }
        // Compaction keeps the last entry's term known, so an entry that is gone was replaced.
        if session.term_at(id, old_replica.last) != Some(old_replica.last_term) {
            reached(if replica.base == old_replica.base {
                Milestone::Truncation
            } else if old_replica.last < old.replicas[new.leader].base {
                Milestone::LaggingSnapshot
            } else {
                Milestone::ConflictingSnapshot
            });
        }
    }
}
