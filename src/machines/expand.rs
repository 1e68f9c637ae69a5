//! Lines that stand for many, written out: workloads, scenarios and chaos.

use dkv20_exam::Lines;

use super::oracle::{Oracle, command, draw_line, makes_cluster};
use super::suites::common::observers;
use crate::chaos::{CHAOS_STEPS_MAX, ChaosLines};
use crate::protocol::Command;
use crate::scenario::scenario_script;
use crate::splitmix64::SplitMix64;
use crate::workload::{KEYS_MAX, WORKLOAD_COUNT_MAX};

/// Returns the lines with every workload and chaos run written out, and a scenario if it is the
/// last line; `None` if there is nothing to write out.
pub(super) fn expand(lines: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if let Some(Command::Scenario { name }) = lines.last().and_then(|line| command(line)) {
        return expand_scenario(&name);
    }
    let mut session = Oracle::new();
    let mut expanded = Vec::new();
    for line in lines {
        expand_line(line, &mut session, &mut expanded);
    }
    (expanded.len() > lines.len()).then_some(expanded)
}

/// A scenario has a session of its own, so the lines before it do not matter.
fn expand_scenario(name: &[u8]) -> Option<Vec<Vec<u8>>> {
    let lines: Vec<_> = scenario_script(name)?.map(|line| line.as_bytes().to_vec()).collect();
    let mut expanded = expand(&lines)?;
    expanded.extend(observers(5));
    Some(expanded)
}

/// Returns lines that do the same as the first `count` of the lines written out, with a workload or a
/// chaos run cut short where the number falls within it.
pub(super) fn prefix(lines: &[Vec<u8>], count: usize) -> Lines {
    if let Some(Command::Scenario { name }) = lines.last().and_then(|line| command(line))
        && let Some(script) = scenario_script(&name)
    {
        let script: Vec<_> = script.map(|line| line.as_bytes().to_vec()).collect();
        let kept = prefix(&script, count);
        return if kept == script { lines.to_vec() } else { kept };
    }
    // Only the size of the cluster matters.
    let mut session = Oracle::new();
    let mut kept = Vec::new();
    let mut left = count as u64;
    for line in lines {
        if makes_cluster(line) {
            session.run(line);
        }
        let size = session.size().map(|size| size as u64);
        let (length, cut) = match (command(line), size) {
            (Some(Command::Workload { seed, keys, count }), Some(_))
                if (1..=KEYS_MAX).contains(&keys) && count <= WORKLOAD_COUNT_MAX =>
            {
                (count, format!("workload {seed} {keys} {left}"))
            }
            (Some(Command::Chaos { seed, steps }), Some(size)) if steps <= CHAOS_STEPS_MAX => {
                // The lines that close it change nothing.
                (steps + 3 * size, format!("chaos {seed} {}", left.min(steps)))
            }
            _ => (1, String::new()),
        };
        if left >= length {
            kept.push(line.clone());
        } else if left > 0 {
            kept.push(cut.into_bytes());
        }
        left = left.saturating_sub(length);
    }
    kept
}

fn expand_line(line: &[u8], session: &mut Oracle, expanded: &mut Vec<Vec<u8>>) {
    match command(line).filter(|_| session.size().is_some()) {
        Some(Command::Workload { seed, keys, count })
            if (1..=KEYS_MAX).contains(&keys) && count <= WORKLOAD_COUNT_MAX =>
        {
            let mut draws = SplitMix64::new(seed);
            for _ in 0..count {
                let line = draw_line(&mut draws, keys).expect("the key space is checked above");
                run(line.into(), session, expanded);
            }
        }
        Some(Command::Chaos { seed, steps }) if steps <= CHAOS_STEPS_MAX => {
            let mut lines = ChaosLines::new(seed, steps);
            while let Some(line) = session.chaos_line(&mut lines) {
                run(line.into(), session, expanded);
            }
        }
        _ => run(line.to_vec(), session, expanded),
    }
}

fn run(line: Vec<u8>, session: &mut Oracle, expanded: &mut Vec<Vec<u8>>) {
    session.run(&line);
    expanded.push(line);
}
