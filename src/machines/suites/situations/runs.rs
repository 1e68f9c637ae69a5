//! Workloads and chaos on clusters of all sizes and in all states: without a quorum, without a
//! leader, once more, and with looks between.

use super::super::draws::Draws;
use super::super::history::History;
use super::others;

/// Chaos ends with looks at each replica, which cost more than its steps.
const CHAOS_STEPS_MAX: usize = 4_096;

pub(super) fn make(draws: &mut Draws, length: usize) -> History {
    let size = draws.between(1, 64).min(draws.between(1, 64));
    let mut history = History::new(size);
    let (seed, keys) = (draws.next_u64(), draws.length(1, 1_000_000));
    let chaos_steps = length.min(CHAOS_STEPS_MAX / size + 1);
    for _ in 0..draws.between(1, 5) {
        match draws.below(6) {
            // The same numbers again, most of the time.
            0 | 1 => history.add(format!("workload {seed} {keys} {length}")),
            2 => history.add(format!("workload {} {keys} {}", draws.next_u64(), draws.below(9))),
            3 => history.add(format!("chaos {seed} {chaos_steps}")),
            4 => {
                let ids = others(draws, size, size);
                history.add_for("partition", &ids[..draws.between(1, size)]);
            }
            _ => {
                let ids = others(draws, size, size);
                history.add_for("heal", &ids[..draws.between(1, size)]);
            }
        }
        history.look_around(draws);
    }
    history
}
