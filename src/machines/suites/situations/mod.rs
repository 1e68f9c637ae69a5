//! Generated situations, each of a drawn length: logs, tails, lags, maps, terms, keys and values
//! whose lengths are mostly near a power of two. The higher a case's number, the greater its lengths
//! may be, so the first cases are short and more cases reach further.

mod byte_strings;
mod lags;
mod maps;
mod runs;
mod sessions;
mod tails;
mod terms;

use dkv20_exam::{Case, Plan, Suite};

pub(super) use maps::add_rounds;
pub(super) use terms::add_terms;

use super::super::milestones::{Milestone, positions};
use super::common::generated;
use super::draws::Draws;
use super::history::History;

const NAME: &str = "situations";
const SALT: u64 = 11;
/// The kinds, by turns: a name, and the history of a length.
const KINDS: [(&str, Make); 7] = [
    ("tails", tails::make),
    ("lags", lags::make),
    ("maps", maps::make),
    ("byte-strings", byte_strings::make),
    ("terms", terms::make),
    ("sessions", sessions::make),
    ("runs", runs::make),
];
/// Lengths may reach this power of two at first, and twice as much after so many more cases.
const FIRST_EXPONENT: usize = 2;
const CASES_PER_EXPONENT: usize = 70;
const LAST_EXPONENT: usize = 14;
/// Only up to this length clusters are large: the reference's replicas do not share their entries.
const LENGTH_OF_LARGE_MAX: usize = 1 << 10;

type Make = fn(&mut Draws, usize) -> History;

pub(super) fn suite(plan: &Plan) -> Suite {
    generated(NAME, plan, positions(Milestone::OF_CLUSTERS), make).named(name_of)
}

fn name_of(number: usize) -> String {
    let (name, _) = KINDS[number % KINDS.len()];
    format!("{name}-{number}")
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let (_, make) = KINDS[number % KINDS.len()];
    let exponent = LAST_EXPONENT.min(FIRST_EXPONENT + number / CASES_PER_EXPONENT);
    let length = draws.length(1, 1 << exponent);
    make(&mut draws, length).into_case(NAME, name_of(number))
}

/// Returns a number of replicas from `least` on: mostly few, sometimes up to the limit.
fn size(draws: &mut Draws, least: usize, length: usize) -> usize {
    match draws.below(12) {
        0 if length <= LENGTH_OF_LARGE_MAX => draws.between(8, 64),
        _ => draws.between(least, 7),
    }
}

/// Returns the ids other than `id`, in a drawn order.
fn others(draws: &mut Draws, size: usize, id: usize) -> Vec<usize> {
    let mut others: Vec<_> = (0..size).filter(|other| *other != id).collect();
    shuffle(draws, &mut others);
    others
}

fn shuffle<T>(draws: &mut Draws, items: &mut [T]) {
    for end in (1..items.len()).rev() {
        items.swap(end, draws.below(end + 1));
    }
}
