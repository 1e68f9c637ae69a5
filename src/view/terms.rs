//! The terms of a log's entries, which identify them: a term has one leader, and a leader only
//! appends, so an index and a term belong to one entry of a cluster.

use super::data::{Entry, LogChange};
use crate::reference::{Op, Replica};

/// More entries than this in one step are not listed.
const ENTRIES_MAX: usize = 64;

/// The terms of a log as it was last seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    base: u64,
    base_term: u64,
    last: u64,
    /// The first index of each run of entries with the same term. There may be runs of indexes up to
    /// `base`.
    runs: Vec<(u64, u64)>,
}

impl Terms {
    pub(super) const fn base(&self) -> u64 {
        self.base
    }

    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Returns the term of the entry at `index`; `None` if it is unknown.
    fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base {
            return Some(self.base_term);
        }
        let position = self.runs.partition_point(|(first, _)| *first <= index);
        let is_known = self.base < index && index <= self.last;
        is_known.then(|| self.runs[position - 1].1)
    }

    /// Follows the replica's log. Returns the changes, in order.
    pub(super) fn follow(
        &mut self,
        replica: &Replica,
        committed: &CommittedTerms,
    ) -> Vec<LogChange> {
        let mut changes = Vec::new();
        let (base, base_term) = (replica.base, replica.base_term);
        let is_kept = self.term_at(base) == Some(base_term);
        if base != self.base && !is_kept {
            // The snapshot has the effect of pending entries that were committed by others.
            let is_in_snapshot = |index: &u64| committed.may_have(*index, self.term_at(*index));
            let in_snapshot = (self.base + 1..=self.last.min(base)).rev().find(is_in_snapshot);
            let cut = in_snapshot.unwrap_or(self.base);
            if cut < self.last {
                changes.push(LogChange::Cut { cut });
            }
            changes.push(LogChange::Install { install: base, term: base_term });
            *self = Self { base, base_term, last: base, runs: Vec::new() };
        }
        let mut agreement = self.last.min(replica.last());
        while agreement > base && self.term_at(agreement) != replica.term_at(agreement) {
            agreement -= 1;
        }
        if agreement < self.last {
            changes.push(LogChange::Cut { cut: agreement });
            self.last = agreement;
            self.runs.retain(|(first, _)| *first <= agreement);
        }
        if base != self.base {
            changes.push(LogChange::Compact { compact: base });
            (self.base, self.base_term) = (base, base_term);
        }
        let skipped = usize::try_from(agreement - base).expect("a log in memory");
        self.append(&replica.log[skipped..], &mut changes);
        changes
    }

    fn append(&mut self, entries: &[(u64, Op)], changes: &mut Vec<LogChange>) {
        let first = self.last + 1;
        let mut runs: Vec<(u64, u64, u64)> = Vec::new();
        for (index, (term, _)) in (first..).zip(entries) {
            match runs.last_mut() {
                Some((_, last, of)) if of == term => *last = index,
                _ => runs.push((index, index, *term)),
            }
        }
        let known = self.term_at(self.last).filter(|_| self.last > self.base);
        let new = runs.iter().map(|(first, _, term)| (*first, *term));
        self.runs.extend(new.skip(usize::from(runs.first().map(|run| run.2) == known)));
        self.last += entries.len() as u64;
        if entries.len() > ENTRIES_MAX {
            changes.extend(runs.into_iter().map(|run| LogChange::Run { run }));
        } else if !entries.is_empty() {
            let entry = |(index, (term, op)): (u64, &(u64, Op))| Entry {
                index,
                term: *term,
                op: op.into(),
            };
            let entries = (first..).zip(entries).map(entry).collect();
            changes.push(LogChange::Entries { entries });
        }
    }
}

/// The terms of a cluster's committed entries, which no replica ever drops but by compaction.
#[derive(Clone, Debug, Default)]
pub(super) struct CommittedTerms {
    last: u64,
    /// The first index of each run of entries with the same term; `None` if no replica had them any
    /// more when they were first seen committed.
    runs: Vec<(u64, Option<u64>)>,
}

impl CommittedTerms {
    /// Follows the replicas.
    pub(super) fn follow(&mut self, replicas: &[Replica]) {
        let commit = replicas.iter().map(|replica| replica.commit).max().unwrap_or_default();
        for index in self.last + 1..=commit {
            let mut holders = replicas.iter().filter(|replica| replica.commit >= index);
            let term = holders.find_map(|replica| replica.term_at(index));
            if self.runs.last().is_none_or(|(_, last)| *last != term) {
                self.runs.push((index, term));
            }
        }
        self.last = self.last.max(commit);
    }

    /// Reports whether the committed entry at `index` may be of this term.
    fn may_have(&self, index: u64, term: Option<u64>) -> bool {
        let position = self.runs.partition_point(|(first, _)| *first <= index);
        let is_known = (1..=self.last).contains(&index);
        is_known && self.runs[position - 1].1.is_none_or(|known| Some(known) == term)
    }
}
