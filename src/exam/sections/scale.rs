//! What is large: workloads, the scenarios and chaos, many steps behind one answer, and the
//! longest values.

use super::{Plan, Section, case, observation};
use crate::exam::coverage::Event;

const NAME: &str = "scale";
const CHAOS_SIZES: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 12, 64];
const CHAOS_STEPS: usize = 2_000;

pub(super) fn section(plan: &Plan) -> Section {
    let mut cases = Vec::new();
    let mut add = |name: String, lines: Vec<String>, replica_count: usize| {
        let mut lines: Vec<_> = lines.into_iter().map(String::into_bytes).collect();
        if replica_count > 0 {
            lines.insert(0, format!("new {replica_count}").into_bytes());
            lines.extend(observation(replica_count));
        }
        cases.push(case(NAME, name, lines));
    };
    let seed = plan.seed;
    for keys in [1, 7, 1_000, 1_000_000] {
        add(format!("workload-{keys}"), vec![format!("workload {seed} {keys} 300")], 3);
    }
    add(
        "workload-refused".into(),
        vec!["workload 1 5 20".into(), "partition 0 1".into(), "workload 2 5 20".into()],
        3,
    );
    add(
        "workload-pending".into(),
        vec!["partition 1 2".into(), format!("workload {seed} 9 50"), "heal".into()],
        3,
    );
    add("workload-zero".into(), vec![format!("workload {seed} 9 0")], 2);
    add(
        "out-of-range".into(),
        [
            "workload 1 0 1",
            "workload 1 1000001 1",
            "workload 1 1 10000001",
            "workload 1 0 10000001",
            "workload 18446744073709551615 1000000 1",
            "chaos 1 10000001",
            "scenario C",
            "scenario a",
            "chaos 1 0",
        ]
        .map(String::from)
        .into(),
        2,
    );
    let value = |length: usize| "v".repeat(length);
    add(
        "longest-values".into(),
        vec![
            format!("put a {}", value(1_048_576)),
            format!("put b {}", value(1_048_577)),
            format!("put {} v", "\u{fc}".repeat(2_048)),
            format!("put {} v", "\u{fc}".repeat(2_049)),
            format!("get 0 {}", "\u{fc}".repeat(2_049)),
        ],
        1,
    );
    for name in ["A", "B"] {
        add(format!("scenario-{name}"), vec![format!("scenario {name}")], 0);
    }
    add("scenario-apart".into(), vec!["put a b".into(), "scenario A".into()], 3);
    for size in CHAOS_SIZES {
        let steps = if size == 64 { CHAOS_STEPS / 8 } else { CHAOS_STEPS };
        add(format!("chaos-{size}"), vec![format!("chaos {seed} {steps}")], size);
    }
    add("chaos-twice".into(), vec![format!("chaos {seed} 300"), format!("chaos {seed} 300")], 5);
    Section {
        name: NAME,
        about: "workloads, scenarios and chaos, many steps behind one answer, and the longest values",
        must_cause: &[Event::Error("key-space"), Event::Error("unknown-scenario")],
        count: cases.len(),
        make: Box::new(move |number| cases[number].clone()),
    }
}
