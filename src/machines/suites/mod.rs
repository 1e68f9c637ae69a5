//! The suites: each case is made from the seed and its number alone.

mod bytes;
pub(super) mod common;
mod corners;
mod cost;
mod dialects;
mod draws;
mod environment;
mod extremes;
mod growth;
mod histories;
mod history;
mod keys;
mod lengths;
mod lines;
mod load;
mod looks;
mod ops;
mod orders;
mod process;
mod program;
mod scale;
mod situations;
mod sizes;
mod states;
mod traces;
mod words;

use dkv20_exam::{Case, Interrupt, Plan, Suite};

use crate::splitmix64::mix;

/// Returns all suites, those that find most in little time first.
pub(super) fn suites(plan: &Plan, interrupt: &Interrupt) -> Vec<Suite> {
    vec![
        traces::suite(),
        lines::suite(plan),
        load::suite(plan),
        corners::suite(),
        looks::suite(),
        histories::suite(plan),
        keys::suite(plan),
        bytes::suite(plan),
        orders::suite(),
        states::suite(plan, interrupt),
        sizes::suite(plan),
        situations::suite(plan),
        lengths::suite(),
        scale::suite(plan),
        growth::suite(plan),
        extremes::suite(plan),
        process::suite(),
        cost::suite(plan),
    ]
}

/// The numbers of generated cases in fuzzing are below this. The lengths of situations grow with
/// their numbers.
const FUZZED_NUMBERS: u64 = 500;

/// Returns the case of a seed: mostly the history of a cluster. Cases that are huge or long for a few
/// numbers have drawn numbers.
pub(super) fn fuzz_case(seed: u64) -> Case {
    let number = usize::try_from(mix(seed) % FUZZED_NUMBERS).unwrap_or_default();
    let case = match seed % 16 {
        8..12 => situations::make(seed, number),
        12 => bytes::make(seed, number),
        13 => keys::make(seed, 0),
        14 => lines::make(seed, 0),
        15 => load::make(seed, number),
        _ => histories::make(seed, 0),
    };
    Case { id: format!("fuzz/{seed}"), ..case }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_the_id_by_which_it_is_chosen() {
        for suite in suites(&Plan::default(), &Interrupt::default()) {
            // Every fifth is enough for all kinds of names: those of a kind follow each other.
            for number in (0..suite.count).step_by(5) {
                assert_eq!((suite.make)(number).id, suite.id_of(number));
            }
        }
    }
}
