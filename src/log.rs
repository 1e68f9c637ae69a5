//! A replica's log, and the entries that all logs share.
//!
//! A term has one leader, which only appends (definition, section 4.4). So an index and a term
//! identify an entry: it is held once, in [`EntryStore`], and a [`Log`] says only how far it goes
//! in each term.

use std::collections::{BTreeMap, VecDeque};

use crate::op::Op;

/// A maximal piece of a log whose entries have the same term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    term: u64,
    /// The index of its last entry. It begins after the run before it, or after the base.
    last: u64,
}

/// Which entries a replica has: those at the indexes `base` + 1 to `last`, with their terms.
///
/// Terms ascend along the runs, and no run is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    base: u64,
    base_term: u64,
    runs: VecDeque<Run>,
}

/// The terms of which entries were dropped from a log.
pub(crate) type DroppedTerms = Vec<u64>;

impl Log {
    /// An empty log that begins after `base`.
    pub(crate) fn new(base: u64, base_term: u64) -> Self {
        Self { base, base_term, runs: VecDeque::new() }
    }

    /// The index up to which the log has been compacted away.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// The index of the last entry, `base` where the log is empty.
    pub(crate) fn last(&self) -> u64 {
        self.runs.back().map_or(self.base, |run| run.last)
    }

    /// The term at the last index.
    pub(crate) fn last_term(&self) -> u64 {
        self.runs.back().map_or(self.base_term, |run| run.term)
    }

    /// The term of the entry at `index`; `None` below the base and above the last index.
    pub(crate) fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.last() {
            return Some(self.last_term());
        }
        if index == self.base {
            return Some(self.base_term);
        }
        if index < self.base {
            return None;
        }
        self.runs.get(self.run_of(index)).map(|run| run.term)
    }

    /// Appends an entry of `term`, which is at least the last one, and returns its index.
    pub(crate) fn append(&mut self, term: u64) -> u64 {
        let index = self.last() + 1;
        self.push(Run { term, last: index });
        index
    }

    /// The m of section 4.4: the greatest index at which this log and `leader` agree, and so
    /// below it. They must agree at the greater of the two bases.
    pub(crate) fn agreement(&self, leader: &Log) -> u64 {
        let mut index = self.last().min(leader.last());
        while self.term_at(index) != leader.term_at(index) {
            // The two runs that hold this index differ throughout: go on below the one that
            // begins later.
            index = self.run_start(index).max(leader.run_start(index)) - 1;
        }
        index
    }

    /// Drops the entries after `index`, which is at least the base.
    #[must_use]
    pub(crate) fn truncate(&mut self, index: u64) -> DroppedTerms {
        let mut dropped = DroppedTerms::new();
        while let Some(run) = self.runs.back().copied()
            && run.last > index
        {
            dropped.push(run.term);
            self.runs.pop_back();
            if self.last() < index {
                self.runs.push_back(Run { last: index, ..run });
            }
        }
        dropped
    }

    /// Appends the entries of `leader` after `index`, at which this log ends and agrees with it.
    pub(crate) fn extend(&mut self, leader: &Log, index: u64) {
        for run in leader.runs.range(leader.run_of(index + 1)..) {
            self.push(*run);
        }
    }

    /// Drops the entries up to `index`, which the log has; its base is there afterwards.
    #[must_use]
    pub(crate) fn compact(&mut self, index: u64) -> DroppedTerms {
        let mut dropped = DroppedTerms::new();
        if index == self.base {
            return dropped;
        }
        self.base_term = self.term_at(index).expect("a log is compacted at an entry that it has");
        self.base = index;
        while let Some(run) = self.runs.front().filter(|run| run.last <= index) {
            dropped.push(run.term);
            self.runs.pop_front();
        }
        if let Some(run) = self.runs.front().filter(|run| run.term == self.base_term) {
            dropped.push(run.term);
        }
        dropped
    }

    /// The terms of all entries.
    pub(crate) fn terms(&self) -> DroppedTerms {
        self.runs.iter().map(|run| run.term).collect()
    }

    /// The pieces of one term in `first..=last`, as (term, first index, last index), ascending.
    /// The log must have these entries.
    fn pieces(&self, first: u64, last: u64) -> impl Iterator<Item = (u64, u64, u64)> {
        let mut next = first;
        self.runs.range(self.run_of(first)..).map_while(move |run| {
            let piece = (run.term, next, run.last.min(last));
            next = run.last + 1;
            (piece.1 <= last).then_some(piece)
        })
    }

    /// The first and the last index of the entries of `term`.
    fn span_of(&self, term: u64) -> Option<(u64, u64)> {
        let position = self.runs.binary_search_by_key(&term, |run| run.term).ok()?;
        Some((self.start_of(position), self.runs[position].last))
    }

    /// The position of the run that holds `index`; past the end where none does.
    fn run_of(&self, index: u64) -> usize {
        // Almost every question is about the log's end.
        match self.runs.len().checked_sub(1) {
            Some(back) if self.start_of(back) <= index && index <= self.runs[back].last => back,
            _ => self.runs.partition_point(|run| run.last < index),
        }
    }

    /// The first index of the run that holds `index`.
    fn run_start(&self, index: u64) -> u64 {
        self.start_of(self.run_of(index))
    }

    fn start_of(&self, position: usize) -> u64 {
        position.checked_sub(1).map_or(self.base, |before| self.runs[before].last) + 1
    }

    fn push(&mut self, run: Run) {
        match self.runs.back_mut() {
            Some(back) if back.term == run.term => back.last = run.last,
            _ => self.runs.push_back(run),
        }
    }
}

/// The entries of all logs of a cluster, each held once however many replicas have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryStore {
    terms: BTreeMap<u64, TermEntries>,
}

/// The entries of one term, which stand at consecutive indexes.
#[derive(Clone, Debug)]
struct TermEntries {
    first: u64,
    ops: VecDeque<Op>,
}

impl EntryStore {
    /// Stores the entry that the leader of `term` has appended at `index`.
    pub(crate) fn append(&mut self, index: u64, term: u64, op: Op) {
        let entries = self
            .terms
            .entry(term)
            .or_insert_with(|| TermEntries { first: index, ops: VecDeque::new() });
        assert_eq!(entries.end(), index, "the leader of a term only appends");
        entries.ops.push_back(op);
    }

    /// The entries that `log` has at the indexes `first` to `last`: index, term and op.
    pub(crate) fn range<'a>(
        &'a self,
        log: &'a Log,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = (u64, u64, &'a Op)> + 'a {
        log.pieces(first, last).flat_map(|(term, first, last)| {
            let ops = self.terms[&term].range(first, last);
            (first..).zip(ops).map(move |(index, op)| (index, term, op))
        })
    }

    /// Frees the entries of `term` that none of `logs` has any more. While the term still has
    /// its leader, which appends where it left off, the last ones stay.
    pub(crate) fn release<'a>(
        &mut self,
        term: u64,
        has_leader: bool,
        logs: impl Iterator<Item = &'a Log>,
    ) {
        let held = logs.filter_map(|log| log.span_of(term));
        let held = held.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        match (held, self.terms.get_mut(&term)) {
            (Some((first, last)), Some(entries)) => {
                entries.retain(first, if has_leader { u64::MAX } else { last });
            }
            (None, Some(_)) => {
                self.terms.remove(&term);
            }
            (_, None) => {}
        }
    }

    /// How many entries are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.terms.values().map(|entries| entries.ops.len()).sum()
    }
}

impl TermEntries {
    /// The index after the last entry.
    fn end(&self) -> u64 {
        self.first + self.ops.len() as u64
    }

    fn range(&self, first: u64, last: u64) -> impl Iterator<Item = &Op> {
        self.ops.range(self.position(first)..=self.position(last))
    }

    fn retain(&mut self, first: u64, last: u64) {
        if last < self.end() {
            self.ops.truncate(self.position(last) + 1);
        }
        self.ops.drain(..self.position(first));
        self.first = first;
        if self.ops.len() < self.ops.capacity() / 4 {
            self.ops.shrink_to(self.ops.len() * 2);
        }
    }

    fn position(&self, index: u64) -> usize {
        usize::try_from(index - self.first).expect("entries in memory are counted by usize")
    }
}
