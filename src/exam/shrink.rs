//! Delta debugging: the fewest lines that still fail.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::limits::Budget;

/// Up to this many lines, lines are removed one by one from the beginning.
const FEW_LINES_MAX: usize = 8;

/// The result of shrinking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The lines that are left.
    pub lines: Vec<Vec<u8>>,
    /// Whether it is known that none of them can be removed.
    pub is_minimal: bool,
}

/// Removes lines, and replaces lines by simpler ones, as long as the rest fails.
///
/// `simpler` returns replacements for a line. `fails` returns the position of the line at which a
/// candidate fails, or `None` if it does not.
pub fn shrink(
    lines: Vec<Vec<u8>>,
    budget: Budget,
    simpler: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    mut fails: impl FnMut(&[Vec<u8>]) -> Option<usize>,
) -> Shrunk {
    shrink_until(lines, budget, simpler, |lines| ControlFlow::Continue(fails(lines)))
}

/// Like [`shrink`], but `fails` can end the search.
pub(crate) fn shrink_until(
    lines: Vec<Vec<u8>>,
    budget: Budget,
    simpler: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    fails: impl FnMut(&[Vec<u8>]) -> ControlFlow<(), Option<usize>>,
) -> Shrunk {
    let mut search = Search::new(lines, budget, fails);
    let mut is_minimal = search.remove_lines();
    while is_minimal && search.simplify_lines(&simpler) {
        is_minimal = search.remove_lines();
    }
    Shrunk { lines: search.lines, is_minimal }
}

struct Search<F> {
    lines: Vec<Vec<u8>>,
    fails: F,
    deadline: Instant,
    attempts: usize,
}

impl<F: FnMut(&[Vec<u8>]) -> ControlFlow<(), Option<usize>>> Search<F> {
    fn new(lines: Vec<Vec<u8>>, budget: Budget, fails: F) -> Self {
        Self { lines, fails, deadline: Instant::now() + budget.time, attempts: budget.attempts }
    }

    fn is_exhausted(&self) -> bool {
        self.attempts == 0 || Instant::now() >= self.deadline
    }

    /// Keeps the candidate, up to the line at which it fails, if it fails.
    fn try_lines(&mut self, mut candidate: Vec<Vec<u8>>) -> bool {
        if self.is_exhausted() {
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

    /// Removes pieces, large ones first, from the end to the beginning. Reports whether a whole
    /// pass found no single line that can be removed.
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
                (1, false) => return true,
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

    /// Replaces lines by simpler ones. Reports whether it could.
    fn simplify_lines(&mut self, simpler: &impl Fn(&[u8]) -> Vec<Vec<u8>>) -> bool {
        let mut simplified = false;
        for position in 0..self.lines.len() {
            if self.is_exhausted() {
                break;
            }
            let choices_for = |lines: &[Vec<u8>]| {
                lines.get(position).map_or_else(Vec::new, |line| simpler(line)).into_iter()
            };
            let mut choices = choices_for(&self.lines);
            while let Some(choice) = choices.next() {
                let mut candidate = self.lines.clone();
                candidate[position] = choice;
                if self.try_lines(candidate) {
                    simplified = true;
                    choices = choices_for(&self.lines);
                }
            }
        }
        simplified
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
        shrink(lines, budget, |_| Vec::new(), fails)
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
        let simpler = |line: &[u8]| vec![line[..line.len() / 2].to_vec(), line[1..].to_vec()];
        let shrunk = shrink(vec![b"abcdefgh".to_vec()], BUDGET, simpler, |lines| {
            (lines[0].len() >= 3).then_some(0)
        });
        assert_eq!(shrunk, Shrunk { lines: vec![b"bcd".to_vec()], is_minimal: true });
    }

    #[test]
    fn a_search_can_be_ended() {
        let mut attempts = 0;
        let shrunk = shrink_until(
            numbered(60),
            BUDGET,
            |_| Vec::new(),
            |lines| {
                attempts += 1;
                if attempts > 3 {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue((lines.len() > 20).then(|| lines.len() - 1))
            },
        );
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
