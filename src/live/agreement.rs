//! The checkpoints of several followers, side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::Checkpoint;

/// How many bytes of checkpoints are kept for those of other followers. The others are read again.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// The bytes of a checkpoint beside its texts, about.
const OVERHEAD_BYTES: usize = 128;

/// Reports whether two answers to an observer's line count as the same. They are not equal.
pub trait IsSame: Fn(&str, &[u8], &[u8]) -> bool {}

impl<F: Fn(&str, &[u8], &[u8]) -> bool> IsSame for F {}

/// The checkpoints of one index by their followers.
pub type Row = BTreeMap<String, Checkpoint>;

/// How two checkpoints of an index differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A program has failed.
    Failure,
    /// The answers to the observer at this position are the first that differ.
    Observer(usize),
    /// The answers to the observers are the same, and those to the entries before are not.
    Digest,
}

/// How far a follower has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The index of its last checkpoint.
    pub last: u64,
    /// The greatest index at which it agreed with another follower; 0 if there is none.
    pub agreed: u64,
}

/// The checkpoints that have come. Memory is bounded: those of the lowest indexes are dropped.
pub(crate) struct Agreement<S> {
    observers: Vec<String>,
    is_same: S,
    kept: BTreeMap<u64, Row>,
    kept_bytes: usize,
    kept_bytes_max: usize,
    /// Rows below this index may have been dropped.
    kept_from: u64,
    followers: BTreeMap<String, Standing>,
    /// The index at which followers are noted, and those that have come to it.
    noted: Option<(u64, BTreeSet<String>)>,
}

/// The outcome of taking a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing of its index that is known differs.
    Agreed,
    /// A checkpoint of its index differs from another, or is of a failure.
    Differs,
    /// The others of its index are not kept: the row has to be read.
    Dropped,
}

impl<S: IsSame> Agreement<S> {
    pub(crate) fn new(observers: Vec<String>, is_same: S) -> Self {
        Self {
            observers,
            is_same,
            kept: BTreeMap::new(),
            kept_bytes: 0,
            kept_bytes_max: KEPT_BYTES_MAX,
            kept_from: 0,
            followers: BTreeMap::new(),
            noted: None,
        }
    }

    pub(crate) fn followers(&self) -> &BTreeMap<String, Standing> {
        &self.followers
    }

    /// Returns the checkpoints of an index, unless they have been dropped.
    pub(crate) fn row(&self, index: u64) -> Option<&Row> {
        self.kept.get(&index)
    }

    /// Notes from now on which followers have come to an index.
    pub(crate) fn note(&mut self, index: u64) {
        self.noted = Some((index, BTreeSet::new()));
    }

    /// Returns the followers that have come to the noted index.
    pub(crate) fn noted(&self) -> impl Iterator<Item = &str> {
        self.noted.iter().flat_map(|(_, names)| names).map(String::as_str)
    }

    /// Takes a checkpoint, which may have come before, or replace one.
    pub(crate) fn take(&mut self, index: u64, follower: &str, checkpoint: Checkpoint) -> Taken {
        let standing = self.followers.entry(follower.into()).or_default();
        standing.last = standing.last.max(index);
        if index < self.kept_from && !self.kept.contains_key(&index) {
            return Taken::Dropped;
        }
        let row = self.kept.entry(index).or_default();
        self.kept_bytes += bytes(&checkpoint);
        if let Some(replaced) = row.insert(follower.into(), checkpoint) {
            self.kept_bytes -= bytes(&replaced);
        }
        let row = row.clone();
        self.drop_surplus();
        self.settle(index, &row)
    }

    /// Takes all checkpoints of an index as they are now. Returns how they differ, if they do.
    pub(crate) fn take_row(&mut self, index: u64, row: &Row) -> Option<Difference> {
        if let Some(kept) = self.kept.get_mut(&index) {
            self.kept_bytes -= kept.values().map(bytes).sum::<usize>();
            self.kept_bytes += row.values().map(bytes).sum::<usize>();
            kept.clone_from(row);
        }
        (self.settle(index, row) == Taken::Differs).then(|| self.difference(row)).flatten()
    }

    /// Notes that the checkpoints of a row agree, unless they differ.
    fn settle(&mut self, index: u64, row: &Row) -> Taken {
        if self.difference(row).is_some() {
            return Taken::Differs;
        }
        for follower in row.keys() {
            let standing = self.followers.entry(follower.clone()).or_default();
            standing.last = standing.last.max(index);
            if row.len() > 1 {
                standing.agreed = standing.agreed.max(index);
            }
            if let Some((_, names)) = self.noted.as_mut().filter(|(noted, _)| *noted == index) {
                names.insert(follower.clone());
            }
        }
        Taken::Agreed
    }

    fn drop_surplus(&mut self) {
        while self.kept_bytes > self.kept_bytes_max && self.kept.len() > 1 {
            let Some((index, row)) = self.kept.pop_first() else { break };
            self.kept_bytes -= row.values().map(bytes).sum::<usize>();
            self.kept_from = index + 1;
        }
    }

    /// Returns the first difference between the checkpoints of an index.
    fn difference(&self, row: &Row) -> Option<Difference> {
        let mut checkpoints = row.values();
        let first = checkpoints.next()?;
        if matches!(first, Checkpoint::Failed { .. }) {
            return Some(Difference::Failure);
        }
        checkpoints.filter_map(|other| self.between(first, other)).min()
    }

    fn between(&self, one: &Checkpoint, other: &Checkpoint) -> Option<Difference> {
        difference(&self.observers, &self.is_same, one, other)
    }
}

/// Returns the first difference between two checkpoints. That of a failure differs from all.
pub fn difference(
    observers: &[String],
    is_same: &impl IsSame,
    one: &Checkpoint,
    other: &Checkpoint,
) -> Option<Difference> {
    let (
        Checkpoint::Applied { answers, digest },
        Checkpoint::Applied { answers: others, digest: other_digest },
    ) = (one, other)
    else {
        return Some(Difference::Failure);
    };
    let end = answers.len().max(others.len());
    let differs = |position: &usize| match (answers.get(*position), others.get(*position)) {
        (Some(one), Some(other)) => {
            let observer = observers.get(*position).map_or("", String::as_str);
            !are_same(observer, is_same, one, other)
        }
        _ => true,
    };
    let observer = (0..end).find(differs).map(Difference::Observer);
    observer.or_else(|| (digest != other_digest).then_some(Difference::Digest))
}

fn are_same(observer: &str, is_same: &impl IsSame, one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (Checkpoint::answer(one), Checkpoint::answer(other)) {
        (Some(one), Some(other)) => is_same(observer, &one, &other),
        // Only a hash is known of an answer.
        _ => false,
    }
}

/// Returns about how many bytes a checkpoint takes.
fn bytes(checkpoint: &Checkpoint) -> usize {
    OVERHEAD_BYTES
        + match checkpoint {
            Checkpoint::Applied { answers, digest } => {
                answers.iter().chain(digest).map(String::len).sum::<usize>()
            }
            Checkpoint::Failed { failure } => failure.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(answer: &str) -> Checkpoint {
        Checkpoint::of_answers([answer.as_bytes()], None)
    }

    fn with_digest(digest: &str) -> Checkpoint {
        Checkpoint::of_answers([&b"ok"[..]], Some(digest.into()))
    }

    fn exact() -> Agreement<impl IsSame> {
        Agreement::new(vec!["hash 0".into()], |_: &str, _: &[u8], _: &[u8]| false)
    }

    fn row<const N: usize>(row: [(&str, Checkpoint); N]) -> Row {
        row.into_iter().map(|(name, checkpoint)| (name.to_owned(), checkpoint)).collect()
    }

    #[test]
    fn equal_checkpoints_agree() {
        let mut agreement = exact();
        agreement.note(20);
        for (index, follower) in [(10, "a"), (20, "a"), (10, "b"), (30, "a"), (20, "b"), (30, "c")]
        {
            assert_eq!(agreement.take(index, follower, applied("ok 1")), Taken::Agreed);
        }
        let standings = agreement.followers();
        assert_eq!(standings["a"], Standing { last: 30, agreed: 30 });
        assert_eq!(standings["b"], Standing { last: 20, agreed: 20 }, "it lags");
        assert_eq!(standings["c"], Standing { last: 30, agreed: 30 });
        assert_eq!(agreement.noted().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_first_difference_is_that_of_an_observer() {
        let agreement = exact();
        let difference = |one: &Checkpoint, other| agreement.between(one, &other);
        let answers = |answers: [&'static str; 2]| {
            Checkpoint::of_answers(answers.map(str::as_bytes), Some("00".into()))
        };
        let one = answers(["a", "b"]);
        assert_eq!(difference(&one, answers(["a", "b"])), None);
        assert_eq!(difference(&one, answers(["a", "c"])), Some(Difference::Observer(1)));
        assert_eq!(difference(&one, answers(["c", "c"])), Some(Difference::Observer(0)));
        assert_eq!(difference(&one, applied("a")), Some(Difference::Observer(1)), "one is missing");
        assert_eq!(
            difference(&with_digest("0"), with_digest("1")),
            Some(Difference::Digest),
            "only an answer to an entry was wrong"
        );
    }

    #[test]
    fn a_follower_alone_differs_only_if_it_has_failed() {
        let mut agreement = exact();
        assert_eq!(agreement.take(10, "a", applied("ok 1")), Taken::Agreed);
        assert_eq!(agreement.followers()["a"], Standing { last: 10, agreed: 0 });
        assert_eq!(agreement.take(13, "a", Checkpoint::of_failure("it ended")), Taken::Differs);
        assert_eq!(agreement.take(20, "b", applied("ok 1")), Taken::Agreed);
        let with_failure = row([("a", applied("ok 1")), ("b", Checkpoint::of_failure("it ended"))]);
        assert_eq!(agreement.difference(&with_failure), Some(Difference::Failure));
    }

    #[test]
    fn a_checkpoint_is_replaced_by_a_later_one() {
        let mut agreement = exact();
        agreement.take(10, "a", applied("ok 1"));
        assert_eq!(agreement.take(10, "b", applied("ok 2")), Taken::Differs);
        let replaced = row([("a", applied("ok 2")), ("b", applied("ok 2"))]);
        assert_eq!(agreement.take_row(10, &replaced), None);
        assert_eq!(agreement.take(10, "c", applied("ok 2")), Taken::Agreed);
        assert_eq!(agreement.take(10, "c", applied("ok 1")), Taken::Differs);
    }

    #[test]
    fn loose_answers_are_compared_as_bytes() {
        let is_same = |observer: &str, one: &[u8], other: &[u8]| {
            observer == "log" && one.first() == other.first()
        };
        let agreement = Agreement::new(vec!["value".into(), "log".into()], is_same);
        let answers = |answers: [&[u8]; 2]| Checkpoint::of_answers(answers, None);
        let one = answers([b"1", b"\xff\"1"]);
        assert_eq!(agreement.between(&one, &answers([b"1", b"\xff\"2"])), None);
        let other = answers([b"1", b"\xfe\"1"]);
        assert_eq!(agreement.between(&one, &other), Some(Difference::Observer(1)));
        let other = answers([b"12", b"\xff\"1"]);
        assert_eq!(agreement.between(&one, &other), Some(Difference::Observer(0)));
        let long = |end: &str| "1".repeat(5_000) + end;
        let (one, other) = (long("a"), long("b"));
        let [one, other] = [&one, &other].map(|text| answers([b"1", text.as_bytes()]));
        assert_eq!(agreement.between(&one, &other), None, "no hashes");
    }

    #[test]
    fn memory_is_bounded_and_dropped_rows_are_read() {
        let mut agreement = exact();
        agreement.kept_bytes_max = 10 * bytes(&applied("ok 1"));
        for index in 1..=100 {
            assert_eq!(agreement.take(index, "a", applied("ok 1")), Taken::Agreed);
            assert!(agreement.kept.len() <= 10 && agreement.kept_bytes <= agreement.kept_bytes_max);
        }
        assert_eq!(agreement.take(90, "b", applied("ok 2")), Taken::Dropped);
        assert_eq!(agreement.take(95, "b", applied("ok 2")), Taken::Differs);
        let read = row([("a", applied("ok 1")), ("b", applied("ok 2"))]);
        assert_eq!(agreement.take_row(90, &read), Some(Difference::Observer(0)));
        let read = row([("a", applied("ok 1")), ("b", applied("ok 1"))]);
        assert_eq!(agreement.take_row(80, &read), None);
        assert_eq!(agreement.followers()["b"], Standing { last: 95, agreed: 80 });
    }
}
