//! A replica's log, and the entries that all logs share.
//!
//! A term has one leader, which only appends (definition, section 4.4). So an index and a term
//! identify an entry: it is held once, in [`EntryStore`], and a [`Log`] says only how far it goes
//! in each term.

use std::cmp::Ordering;
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
        match index.cmp(&self.base) {
            Ordering::Less => None,
            Ordering::Equal => Some(self.base_term),
            Ordering::Greater => self.runs.get(self.run_of(index)).map(|run| run.term),
        }
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
            assert!(index > self.base.max(leader.base), "the logs agree at the greater base");
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
    /// By term and first index: ops that stand at consecutive indexes. Segments of one term
    /// neither overlap nor touch, so the entries that a log has of a term are all in one.
    segments: BTreeMap<(u64, u64), VecDeque<Op>>,
}

impl EntryStore {
    /// Stores the entry that the leader of `term` has appended at `index`.
    pub(crate) fn append(&mut self, index: u64, term: u64, op: Op) {
        match self.segments.range_mut((term, 0)..=(term, index)).next_back() {
            Some(((_, first), ops)) if first + ops.len() as u64 >= index => {
                assert_eq!(first + ops.len() as u64, index, "the leader of a term only appends");
                ops.push_back(op);
            }
            _ => {
                self.segments.insert((term, index), VecDeque::from([op]));
            }
        }
    }

    /// The entries that `log` has at the indexes `first` to `last`: index, term and op.
    pub(crate) fn range<'a>(
        &'a self,
        log: &'a Log,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = (u64, u64, &'a Op)> + 'a {
        log.pieces(first, last).flat_map(|(term, first, last)| {
            let ops = self.piece(term, first, last);
            (first..).zip(ops).map(move |(index, op)| (index, term, op))
        })
    }

    fn piece(&self, term: u64, first: u64, last: u64) -> impl Iterator<Item = &Op> {
        let ((_, start), ops) = self
            .segments
            .range(..=(term, first))
            .next_back()
            .expect("an entry that a log has is held");
        ops.range(count(first - start)..=count(last - start))
    }

    /// Frees the entries of `term` that none of `logs` has any more. It costs what is freed, and
    /// where a gap opens between what is left, what is left after it.
    pub(crate) fn release<'a>(&mut self, term: u64, logs: impl Iterator<Item = &'a Log>) {
        let held = merged(logs.filter_map(|log| log.span_of(term)).collect());
        let segments = self.segments.range((term, 0)..=(term, u64::MAX));
        let firsts: Vec<_> = segments.map(|((_, first), _)| *first).collect();
        for first in firsts {
            self.retain(term, first, &held);
        }
    }

    /// Drops from the segment that begins at `first` what is in none of the `held` spans.
    fn retain(&mut self, term: u64, first: u64, held: &[(u64, u64)]) {
        let Some(mut ops) = self.segments.remove(&(term, first)) else { return };
        let end = first + ops.len() as u64;
        let mut spans: Vec<_> = held.iter().filter(|span| (first..end).contains(&span.0)).collect();
        while let Some((start, last)) = spans.pop() {
            ops.truncate(count(last + 1 - first));
            let ops_before = count(start - first);
            if !spans.is_empty() {
                self.segments.insert((term, *start), ops.split_off(ops_before));
                continue;
            }
            ops.drain(..ops_before);
            if ops.len() < ops.capacity() / 4 {
                ops.shrink_to(ops.len() * 2);
            }
            self.segments.insert((term, *start), ops);
            return;
        }
    }

    /// How many entries are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.segments.values().map(VecDeque::len).sum()
    }
}

/// The spans (first and last index), ascending; those that overlap or touch made one.
fn merged(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    spans.dedup_by(|next, span| {
        let joins = next.0 <= span.1 + 1;
        if joins {
            span.1 = span.1.max(next.1);
        }
        joins
    });
    spans
}

/// A difference of indexes of entries that are in memory.
fn count(difference: u64) -> usize {
    usize::try_from(difference).expect("entries in memory are counted by usize")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::iter;

    use super::*;
    use crate::splitmix64::SplitMix64;

    const LOGS: usize = 4;

    /// A log as a plain vector of terms, and the replica's term while it leads.
    #[derive(Clone, Default)]
    struct Naive {
        base: u64,
        base_term: u64,
        terms: Vec<u64>,
        leads: Option<u64>,
    }

    impl Naive {
        fn last(&self) -> u64 {
            self.base + self.terms.len() as u64
        }

        fn term_at(&self, index: u64) -> Option<u64> {
            match index.checked_sub(self.base)? {
                0 => Some(self.base_term),
                position => self.terms.get(as_usize(position) - 1).copied(),
            }
        }

        fn compact(&mut self, index: u64) {
            self.base_term = self.term_at(index).unwrap();
            self.terms.drain(..as_usize(index - self.base));
            self.base = index;
        }

        fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
            (self.base + 1..).zip(self.terms.iter().copied())
        }
    }

    /// Several logs and their entries, each beside its naive twin.
    struct Logs {
        real: Vec<Log>,
        naive: Vec<Naive>,
        store: EntryStore,
        ops: BTreeMap<(u64, u64), Op>,
        term: u64,
    }

    impl Logs {
        fn new() -> Self {
            let (logs, naive) = (vec![Log::default(); LOGS], vec![Naive::default(); LOGS]);
            Self { real: logs, naive, store: EntryStore::default(), ops: BTreeMap::new(), term: 0 }
        }

        fn lead(&mut self, id: usize) {
            self.term += 1;
            self.naive[id].leads = Some(self.term);
            self.append(id);
        }

        fn append(&mut self, id: usize) {
            let term = self.naive[id].leads.unwrap();
            let index = self.real[id].append(term);
            let op = Op::put(format!("{index} {term}").as_str(), "");
            self.store.append(index, term, op.clone());
            self.naive[id].terms.push(term);
            assert_eq!(index, self.naive[id].last());
            assert_eq!(self.ops.insert((index, term), op), None, "one leader a term");
        }

        fn compact(&mut self, id: usize, index: u64) {
            let dropped = self.real[id].compact(index);
            self.naive[id].compact(index);
            self.release(&dropped);
        }

        /// What a replica does to catch up with a leader; `commit` is where a snapshot is taken.
        fn catch_up(&mut self, id: usize, leader: usize, commit: u64) {
            self.naive[id].leads = None;
            let leading = self.naive[leader].clone();
            let naive = &mut self.naive[id];
            let b = naive.base.max(leading.base);
            let dropped = if naive.last() < b || naive.term_at(b) != leading.term_at(b) {
                let dropped = self.real[id].terms();
                self.real[id] = Log::new(commit, leading.term_at(commit).unwrap());
                let theirs = self.real[leader].clone();
                self.real[id].extend(&theirs, commit);
                *naive = Naive { leads: None, ..leading };
                naive.compact(commit);
                dropped
            } else {
                let mut m = b;
                while m < naive.last().min(leading.last())
                    && naive.term_at(m + 1) == leading.term_at(m + 1)
                {
                    m += 1;
                }
                let theirs = self.real[leader].clone();
                assert_eq!(self.real[id].agreement(&theirs), m);
                let dropped = self.real[id].truncate(m);
                self.real[id].extend(&theirs, m);
                naive.terms.truncate(as_usize(m - naive.base));
                naive.terms.extend(leading.entries().filter(|(i, _)| *i > m).map(|(_, term)| term));
                dropped
            };
            self.release(&dropped);
        }

        fn release(&mut self, dropped: &DroppedTerms) {
            for term in dropped {
                self.store.release(*term, self.real.iter());
            }
        }

        fn check(&self) {
            for (log, naive) in self.real.iter().zip(&self.naive) {
                check(log, naive);
                let entries: Vec<_> =
                    naive.entries().map(|(i, term)| (i, term, &self.ops[&(i, term)])).collect();
                let range = |first, last| self.store.range(log, first, last).collect::<Vec<_>>();
                assert_eq!(range(log.base() + 1, log.last()), entries);
                let half = entries.len() / 2;
                assert_eq!(range(log.base() + 1 + half as u64, log.last()), entries[half..]);
                assert_eq!(range(log.base() + 1, log.base() + half as u64), entries[..half]);
            }
            let held: BTreeSet<_> = self.naive.iter().flat_map(Naive::entries).collect();
            assert_eq!(self.store.len(), held.len(), "every entry once, and no other");
        }
    }

    fn check(log: &Log, naive: &Naive) {
        assert_eq!((log.base(), log.last()), (naive.base, naive.last()));
        assert_eq!(Some(log.last_term()), naive.term_at(naive.last()));
        for index in 0..naive.last() + 3 {
            assert_eq!(log.term_at(index), naive.term_at(index), "index {index}");
        }
        assert!(log.runs.iter().is_sorted_by(|a, b| a.term < b.term));
        let ends: Vec<_> =
            iter::once(log.base).chain(log.runs.iter().map(|run| run.last)).collect();
        assert!(ends.is_sorted_by(|a, b| a < b), "no run is empty: {log:?}");
    }

    fn as_usize(number: u64) -> usize {
        usize::try_from(number).unwrap()
    }

    /// What a random run does next.
    fn step(logs: &mut Logs, draws: &mut SplitMix64) {
        let mut below = |bound: u64| draws.next_u64() % bound;
        let id = as_usize(below(LOGS as u64));
        let leading: Vec<_> = (0..LOGS).filter(|id| logs.naive[*id].leads.is_some()).collect();
        match below(16) {
            0 => logs.lead(id),
            1..4 => {
                let (base, last) = (logs.naive[id].base, logs.naive[id].last());
                logs.compact(id, base + below(last - base + 1));
            }
            _ if leading.is_empty() => {}
            4..7 => {
                let leader = leading[as_usize(below(leading.len() as u64))];
                let (base, last) = (logs.naive[leader].base, logs.naive[leader].last());
                let commit = base + below(last - base + 1);
                if id != leader {
                    logs.catch_up(id, leader, commit);
                }
            }
            _ => logs.append(leading[as_usize(below(leading.len() as u64))]),
        }
    }

    #[test]
    fn logs_do_what_naive_ones_do() {
        for seed in 0..60 {
            let mut draws = SplitMix64::new(seed);
            let mut logs = Logs::new();
            for _ in 0..150 {
                step(&mut logs, &mut draws);
                logs.check();
            }
        }
    }

    #[test]
    fn a_log_is_as_long_as_its_terms_are_many() {
        let mut log = Log::default();
        for index in 1..=10_000 {
            assert_eq!(log.append(1 + index / 5_000), index);
        }
        assert_eq!(log.runs.len(), 3);
    }

    #[test]
    fn a_truncated_tail_that_nobody_holds_is_freed() {
        let mut logs = Logs::new();
        logs.lead(0);
        logs.catch_up(1, 0, 0);
        (0..9).for_each(|_| logs.append(0));
        logs.lead(1);
        assert_eq!(logs.store.len(), 11);
        logs.catch_up(0, 1, 0);
        assert_eq!(logs.store.len(), 2);
        logs.check();
    }

    #[test]
    fn compaction_frees_what_the_last_holder_drops() {
        let mut logs = Logs::new();
        logs.lead(0);
        (0..9).for_each(|_| logs.append(0));
        logs.catch_up(1, 0, 0);
        logs.compact(0, 8);
        assert_eq!(logs.store.len(), 10, "1 still has them");
        logs.compact(1, 5);
        assert_eq!(logs.store.len(), 5);
        logs.compact(1, 10);
        assert_eq!(logs.store.len(), 2);
        logs.check();
    }

    #[test]
    fn a_lagging_follower_keeps_only_what_it_has() {
        let mut logs = Logs::new();
        logs.lead(0);
        logs.append(0);
        logs.catch_up(1, 0, 0);
        (0..98).for_each(|_| logs.append(0));
        logs.compact(0, 100);
        assert_eq!(logs.store.len(), 2, "the follower's, and none after them");
        logs.append(0);
        logs.append(0);
        assert_eq!(logs.store.len(), 4);
        logs.compact(0, 101);
        assert_eq!(logs.store.len(), 3);
        logs.check();
        logs.catch_up(1, 0, 102);
        assert_eq!(logs.store.len(), 1);
        logs.check();
    }

    /// Not at once, or a log that is compacted often would be copied as often; and not all, or the
    /// next entry would ask for it again.
    #[test]
    fn freed_entries_give_their_memory_back() {
        let capacity = |logs: &Logs| logs.store.segments.values().map(VecDeque::capacity).sum();
        let mut logs = Logs::new();
        logs.lead(0);
        (0..9_999).for_each(|_| logs.append(0));
        let full: usize = capacity(&logs);
        let kept = full / 4;
        logs.compact(0, 10_000 - kept as u64);
        assert_eq!(capacity(&logs), full);
        logs.compact(0, 10_000 - kept as u64 + 1);
        let left = capacity(&logs);
        assert!((2 * (kept - 1)..=full / 2).contains(&left), "{left} of {full} for {}", kept - 1);
        logs.compact(0, 9_990);
        let left = capacity(&logs);
        assert!(left < 1_000, "{left} for 10 entries");
    }
}
