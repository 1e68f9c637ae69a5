//! The suites: each case is made from the seed and its number alone.

pub(super) mod common;
mod cost;
mod draws;
mod histories;
mod lines;
mod load;
mod process;
mod scale;
mod states;
mod traces;

use dkv20_exam::{Case, Interrupt, Plan, Suite};

/// Returns all suites, those that find most in little time first.
pub(super) fn suites(plan: &Plan, interrupt: &Interrupt) -> Vec<Suite> {
    vec![
        traces::suite(),
        lines::suite(plan),
        load::suite(plan),
        histories::suite(plan),
        states::suite(plan, interrupt),
        scale::suite(plan),
        process::suite(),
        cost::suite(plan),
    ]
}

/// Returns the case of a seed: mostly the history of a cluster.
pub(super) fn fuzz_case(seed: u64) -> Case {
    let case = match seed % 8 {
        6 => lines::make(seed, 0),
        7 => load::make(seed, 0),
        _ => histories::make(seed, 0),
    };
    Case { id: format!("fuzz/{seed}"), ..case }
}
