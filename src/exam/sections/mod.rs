//! What is asked: sections of cases, each case made when its turn comes from the seed and its
//! number alone.

mod draws;
mod events;
mod lines;
mod load;
mod process;
mod scale;
mod states;
mod traces;

use crate::exam::case::{Case, Delivery};
use crate::exam::coverage::Event;

/// How much is asked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the generated cases begin. The same seed gives the same cases.
    pub seed: u64,
    /// How many cases each generated section has.
    pub generated_count: usize,
    /// How many events the longest path of the exhaustive section has.
    pub states_depth: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 1, generated_count: 600, states_depth: 4 }
    }
}

/// Cases of one kind.
pub struct Section {
    /// Its name: what the ids of its cases begin with.
    pub name: &'static str,
    /// One line on what it asks.
    pub about: &'static str,
    /// What its cases, all together, must make happen in the reference.
    pub must_cause: &'static [Event],
    count: usize,
    make: Box<dyn Fn(usize) -> Case + Send + Sync>,
}

impl Section {
    /// How many cases it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The case of this number, below `count`.
    #[must_use]
    pub fn case(&self, number: usize) -> Case {
        (self.make)(number)
    }
}

/// The generated sections: any number makes a case.
pub const GENERATED_SECTIONS: [&str; 3] = ["lines", "load", "events"];

/// All sections, the quick and telling ones first.
#[must_use]
pub fn sections(plan: &Plan) -> Vec<Section> {
    vec![
        traces::section(),
        lines::section(plan),
        load::section(plan),
        events::section(plan),
        states::section(plan),
        scale::section(plan),
        process::section(),
    ]
}

/// The case of a seed, for fuzzing: mostly lives of a cluster.
#[must_use]
pub fn generated_case(seed: u64) -> Case {
    let case = match seed % 8 {
        6 => lines::make(seed, 0),
        7 => load::make(seed, 0),
        _ => events::make(seed, 0),
    };
    Case { id: format!("fuzz/{seed}"), ..case }
}

fn case(section: &str, name: impl std::fmt::Display, lines: Vec<Vec<u8>>) -> Case {
    Case { id: format!("{section}/{name}"), lines, delivery: Delivery::Pipelined }
}

/// The lines that look at everything in a cluster of `replica_count`.
#[must_use]
pub fn observation(replica_count: usize) -> Vec<Vec<u8>> {
    let mut lines = vec![b"status".to_vec()];
    for id in 0..replica_count {
        lines.extend(["replica", "log", "hash"].map(|word| format!("{word} {id}").into_bytes()));
    }
    lines
}
