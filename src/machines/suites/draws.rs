//! Random choices.

use crate::splitmix64::{SplitMix64, mix};

/// The bytes that a key or a value is stored with: its length (4), those of an op (5, 9), of an entry
/// in a log hash (16, 21, 25), and what precedes it in a snapshot (32, 36, 40).
const HEADER_LENGTHS: [usize; 10] = [0, 4, 5, 9, 16, 21, 25, 32, 36, 40];
/// A line or an answer around one byte string in hex has at most this many other characters.
const TEXT_LENGTH_MAX: usize = 16;

/// A source of choices for one case.
pub(super) struct Draws(SplitMix64);

impl Draws {
    /// Makes the source for case `number` of a suite from the plan's seed. Each suite has a `salt`
    /// of its own.
    pub(super) fn new(seed: u64, salt: u64, number: usize) -> Self {
        Self(SplitMix64::new(mix(seed) ^ mix(salt << 32 | number as u64)))
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.0.next()
    }

    /// Returns a number below `limit`, which is not 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next_u64() % limit as u64).unwrap_or_default()
    }

    /// Returns a number from `least` to `most`.
    pub(super) fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub(super) fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Returns one of the words, which have a space between them.
    pub(super) fn word<'a>(&mut self, words: &'a str) -> &'a str {
        let position = self.below(words.split(' ').count());
        words.split(' ').nth(position).unwrap_or_default()
    }

    /// Returns a position, each with the probability of its weight. Not all weights are 0.
    pub(super) fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (position, weight) in weights.iter().enumerate() {
            if rest < *weight {
                return position;
            }
            rest -= weight;
        }
        unreachable!("a number below the sum of the weights falls on one of them")
    }

    /// Returns a length in bytes from `least` to `most`, as often from one power of two to the next
    /// as between any other two. Most are near a power of two, as they are, with a header, or as hex
    /// digits in a line: there buffers are full and encodings of lengths grow.
    pub(super) fn length(&mut self, least: usize, most: usize) -> usize {
        let power = 1 << self.between(log2(least), log2(most));
        let length = match self.below(4) {
            0 => power + self.below(power),
            1 => power + 1 - self.below(3),
            2 => {
                let header_length = HEADER_LENGTHS[self.below(HEADER_LENGTHS.len())];
                (power + 1 - self.below(3)).saturating_sub(header_length)
            }
            _ => (2 * power).saturating_sub(self.below(TEXT_LENGTH_MAX + 1)) / 2,
        };
        length.clamp(least, most)
    }

    /// Returns a number in decimal whose count of digits is drawn first; it can be 2^64 or more.
    pub(super) fn digits(&mut self) -> String {
        let count = self.between(1, 21);
        (0..count).map(|_| char::from(b'0' + self.byte() % 10)).collect()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[0]
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}

/// Returns the logarithm to base 2, rounded down; 0 for 0.
fn log2(number: usize) -> usize {
    number.checked_ilog2().map_or(0, |exponent| exponent as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lengths_are_in_their_range_and_meet_its_boundaries() {
        let mut draws = Draws::new(1, 0, 0);
        let lengths: BTreeSet<_> = (0..20_000).map(|_| draws.length(1, 4_096)).collect();
        assert!(lengths.first() == Some(&1) && lengths.last() == Some(&4_096));
        for length in [127, 128, 129, 1_023, 1_024, 1_025, 2_048 - 9, 4_096 - 36, 4_095] {
            assert!(lengths.contains(&length), "{length}");
        }
        // `ok 0x` and an LF take 6 characters.
        assert!(lengths.contains(&((4_096 - 6) / 2)));
        assert!((1..100).all(|most| draws.length(most / 2, most) <= most));
    }
}
