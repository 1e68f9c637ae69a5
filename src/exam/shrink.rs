//! Delta debugging: the fewest and simplest lines that still fail.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::time::Instant;

use crate::limits::Budget;

/// Up to this many lines, lines are removed one by one from the beginning.
const FEW_LINES_MAX: usize = 8;
/// Up to this many lines, pairs of lines are removed that cannot be removed one by one.
const PAIRED_LINES_MAX: usize = 12;

/// Lines for a port.
pub type Lines = Vec<Vec<u8>>;

/// The meaning of lines, as far as shrinking has to know it.
pub trait Meaning {
    /// Reports whether the line makes a session forget all lines before it.
    fn begins_anew(&self, line: &[u8]) -> bool;

    /// Reports whether the line shows something and changes nothing.
    fn is_look(&self, line: &[u8]) -> bool;

    /// Returns lines to try in place of these, in the order to try them. Each is simpler by an order
    /// in which no descent is endless.
    fn simpler<'a>(&self, lines: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a>;
}

/// The result of shrinking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The lines that are left.
    pub lines: Lines,
    /// Whether it is known that none of them can be removed.
    pub is_minimal: bool,
}

/// Removes lines, and replaces lines by simpler ones, as long as the rest fails.
///
/// `fails` returns the position of the line at which a candidate fails, or `None` if it does not.
pub fn shrink(
    lines: Lines,
    budget: Budget,
    meaning: &dyn Meaning,
    mut fails: impl FnMut(&[Vec<u8>]) -> Option<usize>,
) -> Shrunk {
    shrink_until(lines, budget, meaning, |lines| ControlFlow::Continue(fails(lines)))
}

/// Like [`shrink`], but `fails` can end the search.
pub(crate) fn shrink_until(
    lines: Lines,
    budget: Budget,
    meaning: &dyn Meaning,
    fails: impl FnMut(&[Vec<u8>]) -> ControlFlow<(), Option<usize>>,
) -> Shrunk {
    let mut search = Search::new(lines, budget, fails);
    search.cut(meaning);
    let mut is_minimal = search.remove_lines();
    while is_minimal {
        let known = search.lines.clone();
        if !search.simplify(meaning) {
            break;
        }
        is_minimal = search.remove_lines();
        if !is_minimal && search.lines.len() >= known.len() {
            // Simpler lines are worth less than the knowledge that none can be removed.
            return Shrunk { lines: known, is_minimal: true };
        }
    }
    Shrunk { lines: search.lines, is_minimal }
}

struct Search<F> {
    lines: Lines,
    fails: F,
    deadline: Instant,
    attempts: usize,
    /// The hashes of the candidates that were tried.
    tried: HashSet<u64>,
    hasher: RandomState,
}

impl<F: FnMut(&[Vec<u8>]) -> ControlFlow<(), Option<usize>>> Search<F> {
    fn new(lines: Lines, budget: Budget, fails: F) -> Self {
        Self {
            lines,
            fails,
            deadline: Instant::now() + budget.time,
            attempts: budget.attempts,
            tried: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    fn is_exhausted(&self) -> bool {
        self.attempts == 0 || Instant::now() >= self.deadline
    }

    /// Keeps the candidate, up to the line at which it fails, if it fails.
    fn try_lines(&mut self, mut candidate: Lines) -> bool {
        if self.is_exhausted() || !self.tried.insert(self.hasher.hash_one(&candidate)) {
            return false;
        }
        self.attempts -= 1;
        let step = match (self.fails)(&candidate) {
            ControlFlow::Continue(Some(step)) => step,
            ControlFlow::Continue(None) => return false,
            ControlFlow::Break(()) => {
                self.attempts = 0;
                return false;
            }
        };
        candidate.truncate(step + 1);
        self.lines = candidate;
        true
    }

    /// Removes at once what most probably does nothing: all lines before the last that begins anew,
    /// and all looks but the last line.
    fn cut(&mut self, meaning: &dyn Meaning) {
        let last_beginning = self.lines.iter().rposition(|line| meaning.begins_anew(line));
        let start = last_beginning.unwrap_or_default();
        if start > 0 {
            self.try_lines(self.lines[start..].to_vec());
        }
        let mut acting = self.lines.clone();
        let last = acting.pop();
        acting.retain(|line| !meaning.is_look(line));
        acting.extend(last);
        if acting.len() < self.lines.len() {
            self.try_lines(acting);
        }
    }

    /// Removes pieces, large ones first, from the end to the beginning, then pairs of lines. Reports
    /// whether a whole pass found no single line that can be removed.
    fn remove_lines(&mut self) -> bool {
        let mut size = match self.lines.len() {
            0..=FEW_LINES_MAX => 1,
            length => length.div_ceil(2),
        };
        loop {
            let removed = self.remove_pieces(size);
            if self.is_exhausted() {
                return false;
            }
            match (size, removed) {
                (1, false) if self.remove_pair() => {}
                (1, false) => return !self.is_exhausted(),
                (1, true) => {}
                _ => size /= 2,
            }
        }
    }

    fn remove_pieces(&mut self, size: usize) -> bool {
        let mut removed = false;
        let mut end = self.lines.len();
        while end > 0 {
            if self.is_exhausted() {
                break;
            }
            let start = end.saturating_sub(size);
            let mut candidate = self.lines.clone();
            candidate.drain(start..end);
            removed |= !candidate.is_empty() && self.try_lines(candidate);
            end = start.min(self.lines.len());
        }
        removed
    }

    /// Removes two lines of few that are needed only together, such as one that undoes the other.
    fn remove_pair(&mut self) -> bool {
        let count = self.lines.len();
        if !(3..=PAIRED_LINES_MAX).contains(&count) {
            return false;
        }
        let mut pairs = (1..count).flat_map(|second| (0..second).map(move |first| (first, second)));
        pairs.any(|(first, second)| {
            let mut candidate = self.lines.clone();
            candidate.remove(second);
            candidate.remove(first);
            self.try_lines(candidate)
        })
    }

    /// Replaces lines by simpler ones until none of them fails. Reports whether it could.
    fn simplify(&mut self, meaning: &dyn Meaning) -> bool {
        let mut simplified = false;
        loop {
            let mut number = 0;
            let mut is_simpler = false;
            // After a success the search goes on at about the same place.
            while let Some(success) = self.try_simpler(meaning, number) {
                (number, is_simpler) = (success, true);
            }
            simplified |= is_simpler;
            if !is_simpler || self.is_exhausted() {
                return simplified;
            }
        }
    }

    /// Tries the simpler lines from a number on. Returns the number of those that fail.
    fn try_simpler(&mut self, meaning: &dyn Meaning, start: usize) -> Option<usize> {
        let lines = self.lines.clone();
        for (number, candidate) in meaning.simpler(&lines).enumerate().skip(start) {
            if self.is_exhausted() {
                break;
            }
            if self.try_lines(candidate) {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn remove(
        lines: Vec<Vec<u8>>,
        budget: Budget,
        fails: impl FnMut(&[Vec<u8>]) -> Option<usize>,
    ) -> Shrunk {
        shrink(lines, budget, &Halves, fails)
    }

    /// `new` begins anew, `look` is a look, and a word after `long ` is simpler by a half.
    struct Halves;

    impl Meaning for Halves {
        fn begins_anew(&self, line: &[u8]) -> bool {
            line == b"new"
        }

        fn is_look(&self, line: &[u8]) -> bool {
            line == b"look"
        }

        fn simpler<'a>(&self, lines: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a> {
            let is_long = |(_, line): &(usize, &Vec<u8>)| line.starts_with(b"long ");
            let long = lines.iter().enumerate().filter(is_long);
            Box::new(long.flat_map(|(at, line)| {
                let word = &line[5..];
                [&word[..word.len() / 2], &word[word.len().min(1)..]].map(|word| {
                    let mut lines = lines.to_vec();
                    lines[at] = [b"long ", word].concat();
                    lines
                })
            }))
        }
    }

    fn lines(texts: &[&str]) -> Lines {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    const BUDGET: Budget = Budget { time: Duration::from_secs(60), attempts: 100_000 };

    fn numbered(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| format!("line {number}").into_bytes()).collect()
    }

    proptest! {
        #[test]
        fn only_the_needed_lines_are_left(
            needed in prop::collection::btree_set(0..60_usize, 1..6),
        ) {
            let needed: Vec<_> = needed.into_iter().map(|n| format!("line {n}").into_bytes()).collect();
            let shrunk = remove(numbered(60), BUDGET, |lines| {
                let has_all = needed.iter().all(|line| lines.contains(line));
                has_all.then(|| lines.iter().position(|line| line == needed.last().unwrap()).unwrap())
            });
            prop_assert!(shrunk.is_minimal);
            prop_assert_eq!(shrunk.lines, needed);
        }
    }

    #[test]
    fn simpler_lines_are_kept_while_they_fail() {
        let long = lines(&["long abcdefgh"]);
        let shrunk = shrink(long, BUDGET, &Halves, |lines| (lines[0].len() >= 8).then_some(0));
        assert_eq!(shrunk, Shrunk { lines: lines(&["long bcd"]), is_minimal: true });
    }

    /// Each of these cuts is one attempt, so a budget for few is enough.
    #[test]
    fn what_does_nothing_goes_at_once() {
        let mut before = numbered(1_000);
        before.extend(lines(&["new", "a", "look", "b", "look", "look", "b", "look"]));
        let budget = Budget { time: Duration::from_secs(60), attempts: 2 };
        let needed = lines(&["new", "a", "b", "b", "look"]);
        let shrunk = remove(before, budget, |lines| {
            let mut rest = lines.iter();
            needed.iter().all(|line| rest.any(|other| other == line)).then(|| lines.len() - 1)
        });
        assert_eq!(shrunk, Shrunk { lines: needed.clone(), is_minimal: false });
    }

    #[test]
    fn lines_that_are_needed_only_together_are_removed() {
        let isolating = lines(&["new", "partition", "a", "heal", "b"]);
        let shrunk = remove(isolating, BUDGET, |lines| {
            let has = |word: &[u8]| lines.iter().any(|line| line == word);
            let is_healed = has(b"partition") == has(b"heal");
            (is_healed && has(b"new") && has(b"b")).then(|| lines.len() - 1)
        });
        assert_eq!(shrunk.lines, lines(&["new", "b"]));
    }

    #[test]
    fn a_search_can_be_ended() {
        let mut attempts = 0;
        let shrunk = shrink_until(numbered(60), BUDGET, &Halves, |lines| {
            attempts += 1;
            if attempts > 3 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue((lines.len() > 20).then(|| lines.len() - 1))
        });
        assert!(!shrunk.is_minimal);
        assert_eq!(attempts, 4);
    }

    #[test]
    fn a_used_up_budget_is_reported() {
        let budget = Budget { time: Duration::from_secs(60), attempts: 3 };
        let shrunk =
            remove(numbered(60), budget, |lines| (lines.len() > 20).then(|| lines.len() - 1));
        assert!(!shrunk.is_minimal);
        assert!(shrunk.lines.len() > 20);
    }
}
