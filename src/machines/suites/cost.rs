//! Costs that must not grow with the length of the log (definition, section 4.4): the port is
//! measured against itself.

use dkv20_exam::{Case, Cost, Plan, Suite, Task};

use super::common::case;

const NAME: &str = "cost";
/// How many entries a short log has: enough for most keys of the workload.
const START_SIZE: usize = 2_000;
/// How many entries a part of a long log has, and how many parts that has.
const PART_SIZE: usize = 10_000;
const PART_COUNT: usize = 40;
const THOROUGH_PART_COUNT: usize = 400;

/// Two elections, since the deposed leader must be leader again the next time.
const DEPOSED: [&str; 5] = ["partition 0", "at 0 put a 1", "heal", "partition 1", "at 1 put a 1"];

pub(super) fn suite(plan: &Plan) -> Suite {
    let part_count = if plan.is_thorough { THOROUGH_PART_COUNT } else { PART_COUNT };
    let cost = |name: &str, subject: &str, section: &str, before: &[&str], measured: &str| {
        let bytes = |line: &&str| line.as_bytes().to_vec();
        let cost = Cost {
            subject: subject.into(),
            unit: "entries of the log".into(),
            start: vec![b"new 3".into(), format!("workload 3 1000 {START_SIZE}").into()],
            start_size: START_SIZE,
            part: vec![format!("workload 1 1000 {PART_SIZE}").into()],
            part_size: PART_SIZE,
            part_count,
            before: before.iter().map(bytes).collect(),
            measured: measured.into(),
            section: section.into(),
        };
        let lines = [b"new 3", measured.as_bytes()].map(<[u8]>::to_vec);
        // The workload that makes the log decides the level.
        let lines = [vec![b"workload 1 1000 0".to_vec()], lines.into()].concat();
        Case { task: Task::Cost(cost), ..case(NAME, name, lines) }
    };
    let missed = |count: &str| ["partition 2".to_owned(), format!("workload 2 1000 {count}")];
    let heal = |count: &str| {
        let subject = format!("heal of a replica that missed {count} entries");
        let before = missed(count);
        let before: Vec<_> = before.iter().map(String::as_str).collect();
        cost(&format!("heal-{count}"), &subject, "4.4", &before, "heal")
    };
    let truncation = "heal of a deposed leader with a tail";
    let cases = vec![
        cost("propose", "1,000 proposals", "4.1", &[], "workload 2 1000 1000"),
        heal("1"),
        heal("20"),
        cost("truncate", truncation, "4.4", &DEPOSED, "heal"),
        cost("status", "status", "8", &[], "status"),
        cost("compact", "compact of 10 entries", "4.5", &["workload 2 1000 10"], "compact"),
    ];
    Suite::of_cases(NAME, Vec::new(), cases)
}
