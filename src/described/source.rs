//! Sources of choices: random ones, and those of a tape.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::tape::{Choice, Kind, StepId, Tape};

/// How often a random step is tried until its command can be drawn.
const TRIES_MAX: usize = 16;
/// A range with more values is drawn near its ends more often than elsewhere.
const FEW_VALUES_MAX: u128 = 64;

/// A choice that is to be made.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// An integer from `low` to `high`, which is at least `low`. Of the edges, those in the range
    /// are chosen more often.
    Integer {
        /// The least value.
        low: i128,
        /// The greatest value.
        high: i128,
        /// Values that are chosen more often.
        edges: &'a [i128],
    },
    /// A position below this count, which is not 0.
    Position(usize),
    /// A position in a pool, by the steps that made its entries; they are not none.
    Entry(&'a [StepId]),
}

/// A source of choices.
pub trait Source {
    /// Begins the next step, or returns `None` at the end. `commands` are the weights of all
    /// commands, which are not none; `length` is the least and the greatest number of steps.
    fn next_step(&mut self, commands: &[u32], length: (u32, u32)) -> Option<StepId>;

    /// Chooses a command for the step: its position. If it cannot be drawn now, another one is
    /// asked for, until there is none.
    fn command(&mut self) -> Option<usize>;

    /// Makes a choice, or returns `None` if the entry that was chosen does not exist any more.
    fn choose(&mut self, wish: Wish<'_>) -> Option<i128>;
}

impl Wish<'_> {
    /// Returns the least and the greatest value.
    pub(crate) fn range(&self) -> (i128, i128) {
        let last = |count: usize| i128::try_from(count).map_or(i128::MAX, |count| count - 1);
        match self {
            Self::Integer { low, high, .. } => (*low, *high),
            Self::Position(count) => (0, last(*count)),
            Self::Entry(makers) => (0, last(makers.len())),
        }
    }

    /// Returns the simplest value: the one nearest to 0.
    pub(crate) fn lowest(&self) -> i128 {
        let (low, high) = self.range();
        0.clamp(low, high)
    }
}

/// Random choices.
#[derive(Debug)]
pub struct Random {
    generator: Pcg64,
    is_swarm: bool,
    /// How many steps there are, once the first is asked for.
    length: Option<usize>,
    steps: usize,
    /// The weights of the commands, 0 for those that the case leaves out.
    weights: Vec<u32>,
    tries: usize,
}

impl Random {
    /// Makes the source of a seed. The same seed makes the same choices. With `is_swarm` each case
    /// leaves out some of the commands.
    #[must_use]
    pub fn new(seed: u64, is_swarm: bool) -> Self {
        let generator = Pcg64::seed_from_u64(seed);
        Self { generator, is_swarm, length: None, steps: 0, weights: Vec::new(), tries: 0 }
    }

    fn begin(&mut self, commands: &[u32], (least, greatest): (u32, u32)) -> usize {
        self.weights = commands.to_vec();
        if self.is_swarm && !self.generator.random_ratio(1, 4) {
            for weight in &mut self.weights {
                *weight *= u32::from(self.generator.random_ratio(1, 2));
            }
        }
        if self.weights.iter().all(|weight| *weight == 0) {
            self.weights = commands.to_vec();
        }
        usize::try_from(self.generator.random_range(least..=greatest)).unwrap_or(usize::MAX)
    }
}

impl Source for Random {
    fn next_step(&mut self, commands: &[u32], length: (u32, u32)) -> Option<StepId> {
        let length = match self.length {
            Some(length) => length,
            None => self.begin(commands, length),
        };
        self.length = Some(length);
        self.tries = 0;
        self.steps += 1;
        (self.steps <= length).then(|| StepId(self.steps - 1))
    }

    fn command(&mut self) -> Option<usize> {
        self.tries += 1;
        if self.tries > TRIES_MAX {
            return None;
        }
        let total: u64 = self.weights.iter().copied().map(u64::from).sum();
        let mut number = self.generator.random_range(0..total.max(1));
        self.weights.iter().position(|weight| {
            let weight = u64::from(*weight);
            let is_chosen = number < weight;
            number = number.saturating_sub(weight);
            is_chosen
        })
    }

    fn choose(&mut self, wish: Wish<'_>) -> Option<i128> {
        let (low, high) = wish.range();
        if let Wish::Integer { edges, .. } = wish
            && self.generator.random_ratio(1, 4)
        {
            let inside = || edges.iter().filter(|edge| (low..=high).contains(*edge));
            let count = inside().count();
            if count > 0 {
                return inside().nth(self.generator.random_range(0..count)).copied();
            }
        }
        if high.abs_diff(low) > FEW_VALUES_MAX && self.generator.random_ratio(1, 2) {
            // Of a wide range, as many small values as large ones, by their number of digits.
            let bits = 128 - high.abs_diff(low).leading_zeros();
            let greatest = 1_u128 << self.generator.random_range(0..bits);
            let offset = self.generator.random_range(0..=greatest);
            let lowest = wish.lowest();
            let is_up = high > lowest && (low == lowest || self.generator.random_ratio(1, 2));
            let value = if is_up {
                lowest.saturating_add_unsigned(offset)
            } else {
                lowest.saturating_sub_unsigned(offset)
            };
            return Some(value.clamp(low, high));
        }
        Some(self.generator.random_range(low..=high))
    }
}

/// The choices of a tape, as far as they are possible: a value outside the present range becomes the
/// nearest one inside, and if the tape has no choice, the simplest value is chosen.
#[derive(Clone, Debug)]
pub struct Replay<'t> {
    tape: &'t Tape,
    /// How many steps have begun.
    steps: usize,
    /// The choices of the present step that are left.
    choices: &'t [Choice],
}

impl<'t> Replay<'t> {
    /// Makes a source of the tape's choices.
    #[must_use]
    pub fn new(tape: &'t Tape) -> Self {
        Self { tape, steps: 0, choices: &tape.variables }
    }

    fn next(&mut self) -> Option<&'t Choice> {
        let (first, rest) = self.choices.split_first()?;
        self.choices = rest;
        Some(first)
    }
}

impl Source for Replay<'_> {
    fn next_step(&mut self, _: &[u32], _: (u32, u32)) -> Option<StepId> {
        let step = self.tape.steps.get(self.steps)?;
        self.steps += 1;
        self.choices = &step.choices;
        Some(step.id)
    }

    fn command(&mut self) -> Option<usize> {
        let choice = self.next().filter(|choice| choice.kind == Kind::Command)?;
        usize::try_from(choice.value).ok()
    }

    fn choose(&mut self, wish: Wish<'_>) -> Option<i128> {
        let (low, high) = wish.range();
        let Some(choice) = self.next() else { return Some(wish.lowest()) };
        if let (Wish::Entry(makers), Kind::Entry(Some(maker))) = (wish, choice.kind) {
            let position = makers.iter().position(|other| *other == maker)?;
            return i128::try_from(position).ok();
        }
        Some(choice.value.clamp(low, high))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tape::tests::step;

    proptest! {
        #[test]
        fn random_choices_are_in_the_range(seed: u64, a: i128, b: i128, edges: Vec<i128>) {
            let (low, high) = (a.min(b), a.max(b));
            let mut random = Random::new(seed, true);
            for _ in 0..20 {
                let value = random.choose(Wish::Integer { low, high, edges: &edges }).unwrap();
                prop_assert!((low..=high).contains(&value));
            }
        }

        #[test]
        fn replayed_choices_are_in_the_range(values: Vec<i128>, low in -9..9_i128, width in 0..9_i128) {
            let tape = Tape { variables: step(0, &values).choices, steps: Vec::new() };
            let mut replay = Replay::new(&tape);
            let high = low + width;
            for value in values {
                let chosen = replay.choose(Wish::Integer { low, high, edges: &[] });
                prop_assert_eq!(chosen, Some(value.clamp(low, high)));
            }
            let past_the_end = replay.choose(Wish::Integer { low, high, edges: &[] });
            prop_assert_eq!(past_the_end, Some(0.clamp(low, high)));
        }
    }

    #[test]
    fn edges_in_the_range_are_drawn_often() {
        let mut random = Random::new(1, true);
        let wish = Wish::Integer { low: 0, high: i128::MAX, edges: &[-1, 77_777] };
        let count = (0..1000).filter(|_| random.choose(wish) == Some(77_777)).count();
        assert!((150..350).contains(&count), "{count}");
    }

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let draw = |seed| {
            let mut random = Random::new(seed, true);
            let mut values = Vec::new();
            while random.next_step(&[1, 2, 3], (1, 30)).is_some() {
                values.push(random.command());
            }
            values
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_swarm_leaves_commands_out_of_some_cases() {
        let words = |is_swarm| {
            let cases = (0..100).filter(|seed| {
                let mut random = Random::new(*seed, is_swarm);
                random.next_step(&[1, 1], (1, 1));
                (0..10).filter_map(|_| random.command()).any(|command| command == 0)
            });
            cases.count()
        };
        assert!((40..90).contains(&words(true)), "{}", words(true));
        assert!(words(false) > 95);
    }

    #[test]
    fn an_entry_is_found_by_the_step_that_made_it() {
        let mut tape = Tape { variables: Vec::new(), steps: vec![step(4, &[1, 0, 5])] };
        let choices = &mut tape.steps[0].choices;
        choices[0].kind = Kind::Entry(Some(StepId(3)));
        choices[1].kind = Kind::Entry(Some(StepId(9)));
        choices[2].kind = Kind::Entry(None);
        let mut replay = Replay::new(&tape);
        assert_eq!(replay.next_step(&[1], (0, 9)), Some(StepId(4)));
        let makers = [StepId(3), StepId(5)];
        assert_eq!(replay.choose(Wish::Entry(&makers)), Some(0), "its position is now another one");
        assert_eq!(replay.choose(Wish::Entry(&makers)), None, "it does not exist any more");
        assert_eq!(replay.choose(Wish::Entry(&makers)), Some(1), "any entry: the nearest");
        assert_eq!(replay.next_step(&[1], (0, 9)), None);
    }
}
