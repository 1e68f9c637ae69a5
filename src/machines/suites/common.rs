//! Parts that several suites share.

use std::fmt::Display;

use dkv20_exam::{Case, Delivery, Plan, Suite};

/// Makes a suite whose cases are a function of the plan's seed and any number.
pub(super) fn generated(
    name: &'static str,
    plan: &Plan,
    must_cause: Vec<usize>,
    make: fn(u64, usize) -> Case,
) -> Suite {
    let seed = plan.seed;
    let suite = Suite::new(name, plan.generated_count, move |number| make(seed, number));
    Suite { is_generated: true, ..suite.causing(must_cause) }
}

pub(super) fn case(suite: &str, name: impl Display, lines: Vec<Vec<u8>>) -> Case {
    Case::new(format!("{suite}/{name}"), lines, Delivery::Pipelined)
}

/// Returns the lines that show everything in a cluster of this size.
pub(in super::super) fn observers(size: usize) -> Vec<Vec<u8>> {
    let mut lines = vec![b"status".to_vec()];
    for id in 0..size {
        lines.extend(["replica", "log", "hash"].map(|word| format!("{word} {id}").into_bytes()));
    }
    lines
}
