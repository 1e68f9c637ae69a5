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
/// How many parts the log has that a leader has after its base, while a replica needs a snapshot.
const MISSED_PART_COUNT: usize = 20;

/// Two elections, since the deposed leader must be leader again the next time.
const DEPOSED: [&str; 5] = ["partition 0", "at 0 put a 1", "heal", "partition 1", "at 1 put a 1"];

pub(super) fn suite(plan: &Plan) -> Suite {
    let part_count = if plan.is_thorough { THOROUGH_PART_COUNT } else { PART_COUNT };
    let cost = |subject: &str, section: &str, before: &[&str], measured: &str| Cost {
        subject: subject.into(),
        unit: "entries of the log".into(),
        start: vec![b"new 3".into(), format!("workload 3 1000 {START_SIZE}").into()],
        start_size: START_SIZE,
        part: vec![format!("workload 1 1000 {PART_SIZE}").into()],
        part_size: PART_SIZE,
        part_count,
        is_renewed: false,
        before: before.iter().map(|line| line.as_bytes().to_vec()).collect(),
        measured: measured.into(),
        section: section.into(),
    };
    let heal = |count: usize| {
        let subject = format!("heal of a replica that missed {count} entries");
        let missed = format!("workload 2 1000 {count}");
        cost(&subject, "4.4", &["partition 2", &missed], "heal")
    };
    let truncation = "heal of a deposed leader with a tail";
    let compaction = "compact of 10 entries";
    let costs = [
        ("propose", cost("1,000 proposals", "4.1", &[], "workload 2 1000 1000")),
        ("heal-1", heal(1)),
        ("heal-20", heal(20)),
        ("truncate", cost(truncation, "4.4", &DEPOSED, "heal")),
        ("snapshot", snapshot(cost("heal of a replica that needs a snapshot", "4.4", &[], "heal"))),
        ("status", cost("status", "8", &[], "status")),
        ("compact", cost(compaction, "4.5", &["workload 2 1000 10"], "compact")),
    ];
    Suite::of_cases(NAME, Vec::new(), costs.map(|(name, cost)| case_of(name, cost)).into())
}

/// Makes the log grow after the leader's base, so that a replica that is below it needs a snapshot, of
/// a few keys. Once it has that, it needs another one only after a log that is as long.
fn snapshot(cost: Cost) -> Cost {
    let lines = |lines: &[&str]| lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    let [short, part] = [START_SIZE, PART_SIZE].map(|size| format!("workload 1 10 {size}"));
    Cost {
        start: lines(&["new 3", "partition 2", "noop", "compact 0", &short]),
        part: lines(&[&part]),
        part_count: MISSED_PART_COUNT,
        is_renewed: true,
        ..cost
    }
}

/// Makes a case, with lines that decide its level: the workload that makes the log does.
fn case_of(name: &str, cost: Cost) -> Case {
    let lines = vec![b"workload 1 1000 0".to_vec(), b"new 3".into(), cost.measured.clone()];
    Case { task: Task::Cost(cost), ..case(NAME, name, lines) }
}
