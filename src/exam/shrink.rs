//! Delta debugging: the fewest lines that still show the same fault.

use std::time::{Duration, Instant};

/// When shrinking stops with what it has.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// How long it may take.
    pub time: Duration,
    /// How many candidates it may try.
    pub attempts: usize,
}

/// What shrinking came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The lines that are left.
    pub lines: Vec<Vec<u8>>,
    /// Whether it is known that none of them can be taken away.
    pub is_minimal: bool,
}

/// Takes lines away, and makes numbers smaller, as long as `fails` says that the fault is still
/// there. `fails` answers the candidate up to the line at which it fails.
pub fn shrink(
    lines: Vec<Vec<u8>>,
    budget: Budget,
    fails: impl FnMut(&[Vec<u8>]) -> Option<usize>,
) -> Shrunk {
    let mut search =
        Search { lines, fails, deadline: Instant::now() + budget.time, attempts: budget.attempts };
    let mut is_minimal = search.remove_lines();
    while is_minimal && search.simplify_lines() {
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

impl<F: FnMut(&[Vec<u8>]) -> Option<usize>> Search<F> {
    fn is_exhausted(&self) -> bool {
        self.attempts == 0 || Instant::now() >= self.deadline
    }

    /// Keeps the candidate where it still fails.
    fn try_lines(&mut self, mut candidate: Vec<Vec<u8>>) -> bool {
        if self.is_exhausted() {
            return false;
        }
        self.attempts -= 1;
        let Some(step) = (self.fails)(&candidate) else { return false };
        candidate.truncate(step + 1);
        self.lines = candidate;
        true
    }

    /// Takes away pieces, large ones first, from the end to the beginning. Answers whether a
    /// whole pass found no single line that can be taken away.
    fn remove_lines(&mut self) -> bool {
        let mut size = self.lines.len().div_ceil(2).max(1);
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
            let start = end.saturating_sub(size);
            let mut candidate = self.lines.clone();
            candidate.drain(start..end);
            removed |= !candidate.is_empty() && self.try_lines(candidate);
            end = start.min(self.lines.len());
        }
        removed
    }

    /// Makes numbers of the lines smaller, and byte strings shorter. Answers whether it could.
    fn simplify_lines(&mut self) -> bool {
        let mut simplified = false;
        for position in 0..self.lines.len() {
            let mut choices = simpler(self.lines.get(position).map_or(&[], Vec::as_slice));
            while let Some(choice) = choices.next() {
                let mut candidate = self.lines.clone();
                if position >= candidate.len() {
                    break;
                }
                candidate[position] = choice;
                if self.try_lines(candidate) {
                    simplified = true;
                    choices = simpler(self.lines.get(position).map_or(&[], Vec::as_slice));
                }
            }
        }
        simplified
    }
}

/// Lines like this one with a smaller size in it: fewer replicas, a lower count.
fn simpler(line: &[u8]) -> std::vec::IntoIter<Vec<u8>> {
    let text = String::from_utf8_lossy(line);
    let tokens: Vec<_> = text.split(' ').collect();
    let position = match tokens.as_slice() {
        ["new", _] => 1,
        ["draw" | "chaos", _, _] => 2,
        ["workload", _, _, _] => 3,
        _ => return Vec::new().into_iter(),
    };
    let Ok(number) = tokens[position].parse::<u64>() else { return Vec::new().into_iter() };
    let smaller = [number / 2, number - number / 4, number.saturating_sub(1)];
    let with = |number: u64| {
        let number = number.to_string();
        let mut tokens = tokens.clone();
        tokens[position] = &number;
        tokens.join(" ").into_bytes()
    };
    let lines: Vec<_> =
        smaller.iter().filter(|smaller| **smaller < number).map(|n| with(*n)).collect();
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUDGET: Budget = Budget { time: Duration::from_secs(60), attempts: 100_000 };

    fn numbered(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| format!("line {number}").into_bytes()).collect()
    }

    proptest! {
        #[test]
        fn what_is_needed_is_left_and_nothing_else(
            needed in prop::collection::btree_set(0..60_usize, 1..6),
        ) {
            let needed: Vec<_> = needed.into_iter().map(|n| format!("line {n}").into_bytes()).collect();
            let shrunk = shrink(numbered(60), BUDGET, |lines| {
                let has_all = needed.iter().all(|line| lines.contains(line));
                has_all.then(|| lines.iter().position(|line| line == needed.last().unwrap()).unwrap())
            });
            prop_assert!(shrunk.is_minimal);
            prop_assert_eq!(shrunk.lines, needed);
        }
    }

    #[test]
    fn sizes_are_made_smaller() {
        let lines = vec![b"new 7".to_vec(), b"workload 1 10 5000".to_vec(), b"hash 0".to_vec()];
        let shrunk = shrink(lines, BUDGET, |lines| {
            let count = |line: &[u8]| {
                String::from_utf8_lossy(line).split(' ').next_back()?.parse::<u64>().ok()
            };
            let large =
                lines.len() == 3 && count(&lines[0]) >= Some(3) && count(&lines[1]) >= Some(137);
            large.then_some(2)
        });
        let expected =
            ["new 3", "workload 1 10 137", "hash 0"].map(|line| line.as_bytes().to_vec());
        assert_eq!(shrunk, Shrunk { lines: expected.into(), is_minimal: true });
    }

    #[test]
    fn a_budget_that_is_used_up_is_told() {
        let budget = Budget { time: Duration::from_secs(60), attempts: 3 };
        let shrunk =
            shrink(numbered(60), budget, |lines| (lines.len() > 20).then(|| lines.len() - 1));
        assert!(!shrunk.is_minimal);
        assert!(shrunk.lines.len() > 20);
    }
}
