//! The milestones and the ranges of quantities that the cases of an exam reach in the reference.

use std::collections::BTreeSet;

use serde::Serialize;

/// A quantity that lines have, or cause in the reference, such as a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its name, with its unit if it has one.
    pub name: String,
    /// The greatest value that the machine allows; `None` if there is no limit.
    pub limit: Option<u64>,
}

/// The range of a measure that the cases of a suite together must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The measure.
    pub measure: usize,
    /// The greatest value is at least this.
    pub greatest: u64,
    /// There are at least this many different values.
    pub distinct: usize,
}

/// Counts of milestones and the values of measures.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: Vec<u64>,
    values: Vec<BTreeSet<u64>>,
    /// The value of each measure that was added last: most lines leave most values as they are.
    last: Vec<Option<u64>>,
}

impl Tally {
    /// Makes the tally of no line.
    #[must_use]
    pub fn new(milestone_count: usize, measure_count: usize) -> Self {
        Self {
            counts: vec![0; milestone_count],
            values: vec![BTreeSet::new(); measure_count],
            last: vec![None; measure_count],
        }
    }

    /// Counts a milestone once.
    pub fn count(&mut self, milestone: usize) {
        self.counts[milestone] += 1;
    }

    /// Adds a value of a measure.
    pub fn measure(&mut self, measure: usize, value: u64) {
        if self.last[measure].replace(value) != Some(value) {
            self.values[measure].insert(value);
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        for (values, others) in self.values.iter_mut().zip(other.values) {
            values.extend(others);
        }
    }

    /// Returns the count of a milestone.
    pub(crate) fn count_of(&self, milestone: usize) -> u64 {
        self.counts[milestone]
    }

    /// Returns the milestones that were reached.
    pub(crate) fn caused(&self, milestones: Vec<String>) -> Vec<(String, u64)> {
        let caused = milestones.into_iter().zip(self.counts.iter().copied());
        caused.filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the ranges of the measures that have values.
    #[must_use]
    pub fn reached(&self, measures: Vec<Measure>) -> Vec<Reached> {
        let ranges = measures.into_iter().zip(&self.values).filter_map(|(measure, values)| {
            let (least, greatest) = (*values.first()?, *values.last()?);
            let Measure { name, limit } = measure;
            Some(Reached { measure: name, least, greatest, distinct: values.len(), limit })
        });
        ranges.collect()
    }

    /// Returns how a measure falls short, if it does.
    pub(crate) fn shortfall(&self, reach: &Reach, measures: &[Measure]) -> Option<String> {
        let (values, name) = (&self.values[reach.measure], &measures[reach.measure].name);
        let greatest = values.last().copied().unwrap_or_default();
        if greatest < reach.greatest {
            return Some(format!("{name}: at most {greatest}, and {} is due", reach.greatest));
        }
        let (distinct, due) = (values.len(), reach.distinct);
        (distinct < due).then(|| format!("{name}: {distinct} different values, and {due} are due"))
    }
}

/// The range of a measure that an exam reached in the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// The measure's name.
    pub measure: String,
    /// The least value.
    pub least: u64,
    /// The greatest value.
    pub greatest: u64,
    /// How many different values there were.
    pub distinct: usize,
    /// The greatest value that the machine allows; `None` if there is no limit.
    pub limit: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures() -> Vec<Measure> {
        ["length", "size"].map(|name| Measure { name: name.into(), limit: Some(9) }).into()
    }

    #[test]
    fn a_range_has_its_ends_and_the_number_of_its_values() {
        let mut tally = Tally::new(0, 2);
        for value in [3, 7, 3] {
            tally.measure(1, value);
        }
        let size =
            Reached { measure: "size".into(), least: 3, greatest: 7, distinct: 2, limit: Some(9) };
        assert_eq!(tally.reached(measures()), [size]);
    }

    #[test]
    fn a_measure_falls_short_of_a_greater_value_and_of_more_values() {
        let mut tally = Tally::new(0, 2);
        let reach = |greatest, distinct| Reach { measure: 1, greatest, distinct };
        let shortfall = |tally: &Tally, reach| tally.shortfall(&reach, &measures());
        assert_eq!(shortfall(&tally, reach(1, 0)).unwrap(), "size: at most 0, and 1 is due");
        tally.measure(1, 7);
        tally.measure(1, 3);
        assert_eq!(shortfall(&tally, reach(7, 2)), None);
        assert_eq!(shortfall(&tally, reach(8, 2)).unwrap(), "size: at most 7, and 8 is due");
        let few = shortfall(&tally, reach(7, 3)).unwrap();
        assert_eq!(few, "size: 2 different values, and 3 are due");
    }

    #[test]
    fn tallies_add_up() {
        let mut sum = Tally::new(2, 1);
        for value in [5, 2] {
            let mut tally = Tally::new(2, 1);
            tally.count(1);
            tally.measure(0, value);
            sum.add(tally);
        }
        assert_eq!(sum.caused(vec!["a".into(), "b".into()]), [("b".into(), 2)]);
        assert_eq!((sum.reached(measures())[0].least, sum.reached(measures())[0].greatest), (2, 5));
    }
}
