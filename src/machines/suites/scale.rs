//! Large things: workloads, scenarios and chaos, with many steps behind one answer, and the longest
//! values.

use dkv20_exam::{Case, Plan, Suite};

use super::super::milestones::errors;
use super::common::{case, observers};
use crate::error::ErrorCode;

const NAME: &str = "scale";
const CHAOS_STEPS: usize = 2_000;
/// With more replicas than this chaos has fewer steps: each costs more.
const SMALL_MAX: usize = 7;
const CHAOS_STEPS_LARGE: usize = 150;

pub(super) fn suite(plan: &Plan) -> Suite {
    let must_cause = errors(&[ErrorCode::KeySpace, ErrorCode::UnknownScenario]);
    let mut cases = workloads(plan.seed);
    cases.push(out_of_range());
    cases.push(longest_values());
    for name in ["A", "B"] {
        let line = format!("scenario {name}").into_bytes();
        cases.push(case(NAME, format_args!("scenario-{name}"), vec![line]));
    }
    cases.push(on_cluster(3, "scenario-apart", &["put a b".into(), "scenario A".into()]));
    cases.extend(chaos(plan.seed));
    Suite::of_cases(NAME, must_cause, cases)
}

/// Makes a case of the lines on a new cluster, and of everything that can be seen afterwards.
fn on_cluster(size: usize, name: &str, lines: &[String]) -> Case {
    let new = format!("new {size}");
    let lines = std::iter::once(&new).chain(lines).map(|line| line.clone().into_bytes());
    case(NAME, name, lines.chain(observers(size)).collect())
}

fn workloads(seed: u64) -> Vec<Case> {
    let with_keys = |keys: u64| {
        on_cluster(3, &format!("workload-{keys}"), &[format!("workload {seed} {keys} 300")])
    };
    let mut cases: Vec<_> = [1, 7, 1_000, 1_000_000].map(with_keys).into();
    let refused = ["workload 1 5 20", "partition 0 1", "workload 2 5 20"].map(String::from);
    cases.push(on_cluster(3, "workload-refused", &refused));
    let pending = ["partition 1 2".into(), format!("workload {seed} 9 50"), "heal".into()];
    cases.push(on_cluster(3, "workload-pending", &pending));
    cases.push(on_cluster(2, "workload-zero", &[format!("workload {seed} 9 0")]));
    cases
}

fn out_of_range() -> Case {
    let lines = [
        "workload 1 0 1",
        "workload 1 1000001 1",
        "workload 1 1 10000001",
        "workload 1 0 10000001",
        "workload 18446744073709551615 1000000 1",
        "chaos 1 10000001",
        "scenario C",
        "scenario a",
        "chaos 1 0",
    ];
    on_cluster(2, "out-of-range", &lines.map(String::from))
}

fn longest_values() -> Case {
    let value = |length: usize| "v".repeat(length);
    let key = |length: usize| "\u{fc}".repeat(length);
    let lines = [
        format!("put a {}", value(1_048_576)),
        format!("put b {}", value(1_048_577)),
        format!("put {} v", key(2_048)),
        format!("put {} v", key(2_049)),
        format!("get 0 {}", key(2_049)),
    ];
    on_cluster(1, "longest-values", &lines)
}

fn chaos(seed: u64) -> Vec<Case> {
    let of_size = |size: usize| {
        let steps = if size > SMALL_MAX { CHAOS_STEPS_LARGE } else { CHAOS_STEPS };
        on_cluster(size, &format!("chaos-{size}"), &[format!("chaos {seed} {steps}")])
    };
    let mut cases: Vec<_> = (1..=64).map(of_size).collect();
    // Each is the leader when it is isolated, so that chaos draws among as many as there can be.
    let deposed = (0..32).map(|id| format!("partition {id}"));
    let lines: Vec<_> = deposed.chain([format!("chaos {seed} {CHAOS_STEPS_LARGE}")]).collect();
    cases.push(on_cluster(64, "chaos-most-leaders", &lines));
    let twice = [(); 2].map(|()| format!("chaos {seed} 300"));
    cases.push(on_cluster(5, "chaos-twice", &twice));
    cases
}
