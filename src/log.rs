//! A replica's log (definition, section 3), whose entries are shared with the other replicas' logs.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::op::Op;

/// The number of indexes in a block. A smaller one shares sooner and takes more pointers.
const BLOCK_SIZE: u64 = 512;

/// An entry of a replica's log.
///
/// ```
/// let mut cluster = dkv20::Cluster::new(3)?;
/// cluster.propose(dkv20::Op::NoOp)?;
/// let entry = cluster.replica(2)?.entries().next().expect("one entry");
/// assert_eq!((entry.index, entry.term, entry.op), (1, 1, &dkv20::Op::NoOp));
/// # Ok::<(), dkv20::ErrorCode>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The entry's index, from 1.
    pub index: u64,
    /// The term in which a leader appended it, from 1.
    pub term: u64,
    /// The operation.
    pub op: &'a Op,
}

/// The entries, each a pair (term, op), that a log has in one block of indexes.
type Chunk = Vec<(u64, Op)>;

/// The entries at the indexes `base + 1` to `last`.
///
/// Each block of [`BLOCK_SIZE`] indexes (1 to 512, 513 to 1,024, and so on) has one chunk. The first
/// chunk begins after `base`, the last one ends at `last`. Logs share a chunk once it reaches the end
/// of its block; a shared chunk is copied before it is changed. So an entry costs memory once, however
/// many replicas have it, apart from one block for each replica.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    base: u64,
    base_term: u64,
    last: u64,
    chunks: VecDeque<Arc<Chunk>>,
}

impl Log {
    /// An empty log that continues after `base`, the index of an entry of term `base_term`.
    pub(crate) fn new(base: u64, base_term: u64) -> Self {
        Self { base, base_term, last: base, chunks: VecDeque::new() }
    }

    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn last_term(&self) -> u64 {
        self.term_at(self.last).expect("the term at `last` is known")
    }

    /// The term at `index`; `None` below `base` and above `last`.
    pub(crate) fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base {
            return Some(self.base_term);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// The entry at `index`; `None` up to `base` and above `last`.
    pub(crate) fn get(&self, index: u64) -> Option<Entry<'_>> {
        let (chunk, offset) = self.locate(index)?;
        let (term, op) = &self.chunks[chunk][offset];
        Some(Entry { index, term: *term, op })
    }

    /// All entries, indexes ascending.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (self.base + 1..=self.last).filter_map(|index| self.get(index))
    }

    /// Appends (term, op) and returns the entry's index.
    pub(crate) fn append(&mut self, term: u64, op: Op) -> u64 {
        self.last_chunk().push((term, op));
        self.last += 1;
        self.last
    }

    /// The greatest index at which this log and the leader's have the same term. They must have one
    /// at or above both bases.
    ///
    /// Two logs with the same term at an index agree up to that index, so the search goes down from
    /// the top: it costs what `truncate` will drop.
    pub(crate) fn agreement(&self, leader: &Self) -> u64 {
        let mut index = self.last.min(leader.last);
        while self.term_at(index) != leader.term_at(index) {
            index -= 1;
        }
        index
    }

    /// Drops the entries after `index`, which must be from `base` to `last`.
    pub(crate) fn truncate(&mut self, index: u64) {
        if index == self.last {
            return;
        }
        match self.locate(index) {
            Some((chunk, offset)) => {
                self.chunks.truncate(chunk + 1);
                if self.chunks[chunk].len() > offset + 1 {
                    Arc::make_mut(&mut self.chunks[chunk]).truncate(offset + 1);
                }
            }
            None => self.chunks.clear(),
        }
        self.last = index;
    }

    /// Appends the leader's entries after this log's `last`. The logs must agree up to there, and
    /// `last` must not be below the leader's `base`.
    pub(crate) fn extend(&mut self, leader: &Self) {
        while let Some((chunk, offset)) = leader.locate(self.last + 1) {
            let chunk = &leader.chunks[chunk];
            let missing = &chunk[offset..];
            let end = self.last + missing.len() as u64;
            // The chunk can stand for this log's own if it begins where that does and is at its end.
            let first = self.last + 1 - offset as u64;
            if end.is_multiple_of(BLOCK_SIZE) && first == self.first_in_block_of(self.last + 1) {
                if offset > 0 {
                    self.chunks.pop_back();
                }
                self.chunks.push_back(Arc::clone(chunk));
            } else {
                self.last_chunk().extend_from_slice(missing);
            }
            self.last = end;
        }
    }

    /// Drops the entries up to `index`, which must be from `base` to `last` and becomes the base.
    pub(crate) fn compact(&mut self, index: u64) {
        self.base_term = self.term_at(index).expect("the term from `base` to `last` is known");
        match self.locate(index + 1) {
            Some((chunk, offset)) => {
                self.chunks.drain(..chunk);
                if offset > 0 {
                    self.chunks[0] = Arc::new(self.chunks[0][offset..].to_vec());
                }
            }
            None => self.chunks.clear(),
        }
        self.base = index;
    }

    /// The chunk to which the entry after `last` belongs.
    fn last_chunk(&mut self) -> &mut Chunk {
        if self.last.is_multiple_of(BLOCK_SIZE) || self.chunks.is_empty() {
            self.chunks.push_back(Arc::default());
        }
        Arc::make_mut(self.chunks.back_mut().expect("there is a chunk by now"))
    }

    /// The chunk that holds the entry at `index`, and its position there; `None` if none does.
    fn locate(&self, index: u64) -> Option<(usize, usize)> {
        if index <= self.base || index > self.last {
            return None;
        }
        let chunk = block_of(index) - block_of(self.base + 1);
        let offset = index - self.first_in_block_of(index);
        Some((as_usize(chunk), as_usize(offset)))
    }

    /// The first index above `base` in the block of `index`.
    fn first_in_block_of(&self, index: u64) -> u64 {
        self.base.max(block_of(index) * BLOCK_SIZE) + 1
    }
}

fn block_of(index: u64) -> u64 {
    (index - 1) / BLOCK_SIZE
}

/// Converts a difference of indexes of entries in memory.
fn as_usize(difference: u64) -> usize {
    usize::try_from(difference).expect("entries in memory are counted by usize")
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::splitmix64::SplitMix64;

    const LOGS: usize = 4;

    /// The same log as a plain vector.
    #[derive(Clone, Default)]
    struct Model {
        base: u64,
        base_term: u64,
        entries: Vec<(u64, Op)>,
    }

    impl Model {
        fn last(&self) -> u64 {
            self.base + self.entries.len() as u64
        }

        fn term_at(&self, index: u64) -> Option<u64> {
            match index.checked_sub(self.base)? {
                0 => Some(self.base_term),
                position => self.entries.get(as_usize(position) - 1).map(|(term, _)| *term),
            }
        }

        fn entries_after(&self, index: u64) -> &[(u64, Op)] {
            &self.entries[as_usize(index - self.base)..]
        }

        fn compact(&mut self, index: u64) {
            self.base_term = self.term_at(index).unwrap();
            self.entries.drain(..as_usize(index - self.base));
            self.base = index;
        }
    }

    /// Logs beside their models. Only the leader of a term appends in it.
    struct Checked {
        logs: Vec<Log>,
        models: Vec<Model>,
        leading: Vec<Option<u64>>,
        term: u64,
    }

    impl Checked {
        fn new() -> Self {
            let (logs, models) = (vec![Log::default(); LOGS], vec![Model::default(); LOGS]);
            Self { logs, models, leading: vec![None; LOGS], term: 0 }
        }

        fn lead(&mut self, id: usize) {
            self.term += 1;
            self.leading[id] = Some(self.term);
            self.append(id, 1);
        }

        fn append(&mut self, id: usize, count: u64) {
            let term = self.leading[id].unwrap();
            for _ in 0..count {
                let op = Op::put(format!("{} {term}", self.logs[id].last() + 1).as_str(), "");
                self.models[id].entries.push((term, op.clone()));
                assert_eq!(self.logs[id].append(term, op), self.models[id].last());
            }
        }

        fn compact(&mut self, id: usize, index: u64) {
            self.logs[id].compact(index);
            self.models[id].compact(index);
        }

        /// As a replica catches up; `commit` is where a snapshot is taken.
        fn catch_up(&mut self, id: usize, leader: usize, commit: u64) {
            self.leading[id] = None;
            let theirs = self.logs[leader].clone();
            let their_model = self.models[leader].clone();
            let model = &mut self.models[id];
            let b = model.base.max(their_model.base);
            if model.last() < b || model.term_at(b) != their_model.term_at(b) {
                self.logs[id] = Log::new(commit, theirs.term_at(commit).unwrap());
                *model = their_model;
                model.compact(commit);
            } else {
                let mut m = b;
                while m < model.last().min(their_model.last())
                    && model.term_at(m + 1) == their_model.term_at(m + 1)
                {
                    m += 1;
                }
                assert_eq!(self.logs[id].agreement(&theirs), m);
                self.logs[id].truncate(m);
                model.entries.truncate(as_usize(m - model.base));
                model.entries.extend_from_slice(their_model.entries_after(m));
            }
            self.logs[id].extend(&theirs);
        }

        fn check(&self) {
            for (log, model) in self.logs.iter().zip(&self.models) {
                assert_eq!((log.base(), log.last()), (model.base, model.last()));
                assert_eq!(Some(log.last_term()), model.term_at(model.last()));
                for index in model.base.saturating_sub(2)..model.last() + 3 {
                    assert_eq!(log.term_at(index), model.term_at(index), "index {index}");
                }
                let entries = log.entries().map(|entry| (entry.index, (entry.term, entry.op)));
                let expected =
                    (model.base + 1..).zip(&model.entries).map(|(i, (t, op))| (i, (*t, op)));
                assert!(entries.eq(expected));
            }
        }
    }

    fn random_step(logs: &mut Checked, draws: &mut SplitMix64) {
        let mut below = |bound: u64| draws.next() % bound;
        let id = as_usize(below(LOGS as u64));
        let leading: Vec<_> = (0..LOGS).filter(|id| logs.leading[*id].is_some()).collect();
        match below(16) {
            0 => logs.lead(id),
            1..4 => {
                let (base, last) = (logs.logs[id].base(), logs.logs[id].last());
                logs.compact(id, base + below(last - base + 1));
            }
            _ if leading.is_empty() => {}
            4..10 => {
                let leader = leading[as_usize(below(leading.len() as u64))];
                let (base, last) = (logs.logs[leader].base(), logs.logs[leader].last());
                let commit = base + below(last - base + 1);
                if id != leader {
                    logs.catch_up(id, leader, commit);
                }
            }
            _ => {
                let count = if below(4) == 0 { below(2 * BLOCK_SIZE) } else { 1 };
                logs.append(leading[as_usize(below(leading.len() as u64))], count);
            }
        }
    }

    #[test]
    fn logs_equal_plain_vectors() {
        for seed in 0..40 {
            let mut draws = SplitMix64::new(seed);
            let mut logs = Checked::new();
            for _ in 0..100 {
                random_step(&mut logs, &mut draws);
                logs.check();
            }
        }
    }

    /// A leader's log of `count` entries, and a follower's that has caught up entry by entry.
    fn leader_and_follower(count: u64) -> Checked {
        let mut logs = Checked::new();
        logs.lead(0);
        for _ in 1..count {
            logs.catch_up(1, 0, 0);
            logs.append(0, 1);
        }
        logs.catch_up(1, 0, 0);
        logs
    }

    #[test]
    fn full_chunks_are_shared() {
        let logs = leader_and_follower(2 * BLOCK_SIZE + 7);
        let [leader, follower, ..] = &logs.logs[..] else { unreachable!() };
        let shared: Vec<_> = leader
            .chunks
            .iter()
            .zip(&follower.chunks)
            .map(|(leader, follower)| ptr::eq(&raw const **leader, &raw const **follower))
            .collect();
        assert_eq!(shared, [true, true, false]);
    }

    #[test]
    fn truncating_a_shared_chunk_leaves_the_other_log_alone() {
        let mut logs = leader_and_follower(BLOCK_SIZE);
        logs.logs[1].truncate(3);
        assert_eq!((logs.logs[0].last(), logs.logs[0].entries().count()), (BLOCK_SIZE, 512));
        assert_eq!((logs.logs[1].last(), logs.logs[1].entries().count()), (3, 3));
    }

    /// Compaction within a chunk must free the ops before the new base, which may be large.
    #[test]
    fn compaction_frees_entries() {
        let mut logs = leader_and_follower(BLOCK_SIZE + 100);
        for log in &mut logs.logs[..2] {
            log.compact(BLOCK_SIZE + 60);
            let held: usize = log.chunks.iter().map(|chunk| chunk.len()).sum();
            assert_eq!(held, 40);
        }
        logs.logs[0].compact(BLOCK_SIZE + 100);
        assert!(logs.logs[0].chunks.is_empty());
    }
}
