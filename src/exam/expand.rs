//! Lines that stand for many: a workload, a scenario and chaos, written out.

use crate::chaos::{CHAOS_STEPS_MAX, Chaos};
use crate::exam::sections::observation;
use crate::protocol::{Command, parse, put_op};
use crate::scenario::scenario_lines;
use crate::session::Session;
use crate::splitmix64::SplitMix64;
use crate::workload::{KEYS_MAX, WORKLOAD_COUNT_MAX, draw_op};

/// The lines with every workload and chaos written out, and a scenario where it is the last line.
/// `None` where there is nothing to write out.
#[must_use]
pub fn expand(lines: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if let Some(Ok(Some(Command::Scenario { name }))) = lines.last().map(|line| parse(line)) {
        return expand_scenario(&name);
    }
    let mut session = Session::new();
    let mut expanded = Vec::new();
    for line in lines {
        expand_line(line, &mut session, &mut expanded);
    }
    (expanded.len() > lines.len()).then_some(expanded)
}

/// A scenario has a session of its own, so what stood before it does not matter.
fn expand_scenario(name: &[u8]) -> Option<Vec<Vec<u8>>> {
    let lines: Vec<_> = scenario_lines(name)?.map(|line| line.as_bytes().to_vec()).collect();
    let mut expanded = expand(&lines)?;
    expanded.extend(observation(5));
    Some(expanded)
}

fn expand_line(line: &[u8], session: &mut Session, expanded: &mut Vec<Vec<u8>>) {
    let has_cluster = session.cluster().is_some();
    match parse(line) {
        Ok(Some(Command::Workload { seed, keys, count }))
            if has_cluster && (1..=KEYS_MAX).contains(&keys) && count <= WORKLOAD_COUNT_MAX =>
        {
            let mut draws = SplitMix64::new(seed);
            for _ in 0..count {
                let op = draw_op(&mut draws, keys).expect("the key space is checked above");
                let mut written = String::new();
                put_op(&mut written, &op);
                run(written.into_bytes(), session, expanded);
            }
        }
        Ok(Some(Command::Chaos { seed, steps })) if has_cluster && steps <= CHAOS_STEPS_MAX => {
            let mut chaos = Chaos::new(seed, steps);
            let mut written = String::new();
            while session.cluster().is_some_and(|cluster| chaos.next_line(cluster, &mut written)) {
                run(written.clone().into_bytes(), session, expanded);
            }
        }
        _ => run(line.to_vec(), session, expanded),
    }
}

fn run(line: Vec<u8>, session: &mut Session, expanded: &mut Vec<Vec<u8>>) {
    session.answer(&line, &mut String::new());
    expanded.push(line);
}
