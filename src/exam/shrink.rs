//! Delta debugging: the fewest lines that still show the same fault.

use std::time::{Duration, Instant};

/// Up to how many lines are taken away one by one from the beginning.
const FEW_LINES_MAX: usize = 8;
/// The length from which on a token is made shorter.
const LONG_TOKEN_LENGTH: usize = 32;

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
/// there. `fails` answers the position of the line at which the candidate fails.
pub fn shrink(
    lines: Vec<Vec<u8>>,
    budget: Budget,
    fails: impl FnMut(&[Vec<u8>]) -> Option<usize>,
) -> Shrunk {
    let mut search = Search::new(lines, budget, fails);
    let mut is_minimal = search.remove_lines();
    while is_minimal && search.simplify_lines() {
        is_minimal = search.remove_lines();
    }
    Shrunk { lines: search.lines, is_minimal }
}

/// Takes lines away as `shrink` does, and leaves those that stay as they are.
pub fn remove(
    lines: Vec<Vec<u8>>,
    budget: Budget,
    fails: impl FnMut(&[Vec<u8>]) -> Option<usize>,
) -> Shrunk {
    let mut search = Search::new(lines, budget, fails);
    let is_minimal = search.remove_lines();
    Shrunk { lines: search.lines, is_minimal }
}

struct Search<F> {
    lines: Vec<Vec<u8>>,
    fails: F,
    deadline: Instant,
    attempts: usize,
}

impl<F: FnMut(&[Vec<u8>]) -> Option<usize>> Search<F> {
    fn new(lines: Vec<Vec<u8>>, budget: Budget, fails: F) -> Self {
        Self { lines, fails, deadline: Instant::now() + budget.time, attempts: budget.attempts }
    }

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
            let start = end.saturating_sub(size);
            let mut candidate = self.lines.clone();
            candidate.drain(start..end);
            removed |= !candidate.is_empty() && self.try_lines(candidate);
            end = start.min(self.lines.len());
        }
        removed
    }

    /// Makes sizes in the lines smaller, and tokens shorter. Answers whether it could.
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

/// Lines like this one with a smaller size in it: fewer replicas, a lower count, a shorter token.
fn simpler(line: &[u8]) -> std::vec::IntoIter<Vec<u8>> {
    let tokens: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let with = |position: usize, token: &[u8]| {
        let mut tokens = tokens.clone();
        tokens[position] = token;
        tokens.join(&b' ')
    };
    let sized = match tokens.as_slice() {
        [b"new", _] => Some(1),
        [b"draw" | b"chaos", _, _] => Some(2),
        [b"workload", _, _, _] => Some(3),
        _ => None,
    };
    let sized = sized.map(|position| (position, smaller(tokens[position]))).into_iter();
    let long = (0..tokens.len()).filter(|position| tokens[*position].len() >= LONG_TOKEN_LENGTH);
    let shorter = long.map(|position| (position, vec![half(tokens[position])]));
    let choices = sized.chain(shorter);
    let lines: Vec<_> = choices
        .flat_map(|(position, tokens)| tokens.into_iter().map(move |token| (position, token)))
        .map(|(position, token)| with(position, &token))
        .collect();
    lines.into_iter()
}

/// Numbers below this one; none where it is no number.
fn smaller(token: &[u8]) -> Vec<Vec<u8>> {
    let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<u64>().ok());
    let Some(number) = number else { return Vec::new() };
    // Ascending: a candidate that does not fail costs less than one that does.
    let shifts = 1..u64::BITS;
    let fractions = shifts.clone().rev().map(|shift| number >> shift);
    let smaller = fractions.chain(shifts.skip(1).map(|shift| number - (number >> shift)));
    let mut smaller: Vec<_> = smaller.chain(number.checked_sub(1)).collect();
    smaller.dedup();
    smaller.retain(|smaller| *smaller < number);
    smaller.into_iter().map(|number| number.to_string().into_bytes()).collect()
}

/// About the first half of a token; of an even length, as hex digits have it.
fn half(token: &[u8]) -> Vec<u8> {
    token[..token.len() / 4 * 2].to_vec()
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
    fn the_least_number_is_found_in_few_attempts() {
        let mut attempts = 0;
        let lines = vec![b"draw 1 9999999999".to_vec()];
        let shrunk = shrink(lines, BUDGET, |lines| {
            attempts += 1;
            let count = String::from_utf8_lossy(&lines[0]).split(' ').next_back()?.parse::<u64>();
            (count.ok()? > 1_000).then_some(0)
        });
        assert_eq!(shrunk.lines, [b"draw 1 1001"]);
        assert!(attempts < 500, "{attempts} attempts");
    }

    #[test]
    fn long_tokens_are_made_shorter() {
        let long = [b"put 0x".as_slice(), &b"6b".repeat(4_097), b" v"].concat();
        let shrunk = shrink(vec![long], BUDGET, |lines| (lines[0].len() > 40).then_some(0));
        let line = &shrunk.lines[0];
        assert!(line.starts_with(b"put 0x6b") && line.ends_with(b"6b v"), "{line:?}");
        assert!(line.len() <= 2 * 40 && line.len() % 2 == 0, "{}", line.len());
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
