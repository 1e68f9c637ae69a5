//! The suites: each case is made from the seed and its number alone.

pub(super) mod common;
mod draws;
mod growth;
mod histories;
mod history;
mod lengths;
mod lines;
mod load;
mod looks;
mod ops;
mod process;
mod scale;
mod situations;
mod sizes;
mod states;
mod traces;

use dkv20_exam::{Case, Plan, Suite};

use crate::splitmix64::mix;

/// Returns all suites, those that find most in little time first.
pub(super) fn suites(plan: &Plan) -> Vec<Suite> {
    vec![
        traces::suite(),
        lines::suite(plan),
        load::suite(plan),
        looks::suite(),
        histories::suite(plan),
        states::suite(plan),
        sizes::suite(plan),
        situations::suite(plan),
        lengths::suite(),
        scale::suite(plan),
        growth::suite(plan),
        process::suite(),
    ]
}

/// The numbers of generated situations in fuzzing: as the number grows, so do their lengths.
const FUZZED_SITUATIONS: u64 = 500;

/// Returns the case of a seed: mostly the history of a cluster.
pub(super) fn fuzz_case(seed: u64) -> Case {
    let case = match seed % 8 {
        4 | 5 => {
            let number = mix(seed) % FUZZED_SITUATIONS;
            situations::make(seed, usize::try_from(number).unwrap_or_default())
        }
        6 => lines::make(seed, 0),
        7 => load::make(seed, 0),
        _ => histories::make(seed, 0),
    };
    Case { id: format!("fuzz/{seed}"), ..case }
}
