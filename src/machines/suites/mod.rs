//! The suites: each case is made from the seed and its number alone.

mod draws;
mod histories;
mod lines;
mod load;
mod process;
mod scale;
mod states;
mod traces;

use dkv20_exam::{Case, Delivery, Plan, Suite};

/// Returns all suites, those that find most in little time first.
pub(super) fn suites(plan: &Plan) -> Vec<Suite> {
    vec![
        traces::suite(),
        lines::suite(plan),
        load::suite(plan),
        histories::suite(plan),
        states::suite(plan),
        scale::suite(plan),
        process::suite(),
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

/// Makes a suite whose cases are a function of the plan's seed and any number.
fn generated(
    name: &'static str,
    plan: &Plan,
    must_cause: Vec<usize>,
    make: fn(u64, usize) -> Case,
) -> Suite {
    let seed = plan.seed;
    let make = Box::new(move |number| make(seed, number));
    Suite { name, must_cause, is_generated: true, count: plan.generated_count, make }
}

fn case(suite: &str, name: impl std::fmt::Display, lines: Vec<Vec<u8>>) -> Case {
    Case { id: format!("{suite}/{name}"), lines, delivery: Delivery::Pipelined }
}

/// Returns the lines that show everything in a cluster of this size.
pub(super) fn observers(size: usize) -> Vec<Vec<u8>> {
    let mut lines = vec![b"status".to_vec()];
    for id in 0..size {
        lines.extend(["replica", "log", "hash"].map(|word| format!("{word} {id}").into_bytes()));
    }
    lines
}
