//! Random choices.

use crate::splitmix64::{SplitMix64, mix};

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
        self.pick(&words.split(' ').collect::<Vec<_>>())
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

    pub(super) fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[0]
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}
