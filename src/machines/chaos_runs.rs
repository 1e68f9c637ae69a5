//! Long chaos runs of the reference. An investigation runs the beginning of one again and again, so
//! the reference is remembered as it was after some steps, and goes on from there.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::chaos::CHAOS_STEPS_MAX;
use crate::protocol::{Command, parse};
use crate::reference::Cluster;
use crate::session::{ChaosRun, Session};

/// Runs of fewer steps take less time than is worth it.
const STEPS_MIN: u64 = 16_384;
/// At most so many steps apart the reference is remembered while it runs.
const STEPS_APART: u64 = 16_384;
/// How many states of the reference are remembered.
const REMEMBERED_MAX: usize = 64;

/// A chaos run after some steps.
#[derive(Clone)]
struct Checkpoint {
    steps: u64,
    session: Session<Cluster>,
    run: ChaosRun,
}

/// The run on a new cluster that was run last.
#[derive(Default)]
struct Remembered {
    /// The size of the cluster, and the seed.
    key: (u64, u64),
    /// In ascending order of their steps.
    checkpoints: Vec<Checkpoint>,
}

static REMEMBERED: Mutex<Remembered> =
    Mutex::new(Remembered { key: (0, 0), checkpoints: Vec::new() });

/// Runs the line if it is a long chaos run on a new cluster, and returns its answer.
pub(super) fn run(session: &mut Session<Cluster>, line: &[u8]) -> Option<String> {
    if !line.starts_with(b"chaos ") || session.has_quit() {
        return None;
    }
    let Ok(Some(Command::Chaos { seed, steps })) = parse(line) else { return None };
    let cluster = session.cluster()?;
    let size = cluster.replicas.len() as u64;
    let is_long = (STEPS_MIN..=CHAOS_STEPS_MAX).contains(&steps);
    if !is_long || Cluster::new(size).as_ref() != Ok(cluster) {
        return None;
    }
    let key = (size, seed);
    let start = || Checkpoint { steps: 0, session: session.clone(), run: ChaosRun::new(seed) };
    let mut reached = remembered().before(key, steps).unwrap_or_else(start);
    while reached.steps < steps {
        let further = STEPS_APART.min(steps - reached.steps);
        reached.session.run_chaos_steps(&mut reached.run, further).ok()?;
        reached.steps += further;
        remembered().add(key, reached.clone());
    }
    let digest = reached.session.end_chaos(reached.run).ok()?;
    *session = reached.session;
    Some(format!("ok digest={digest}"))
}

fn remembered() -> MutexGuard<'static, Remembered> {
    REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remembered {
    /// Returns the last checkpoint of the run that is not beyond these steps.
    fn before(&self, key: (u64, u64), steps: u64) -> Option<Checkpoint> {
        let checkpoints = self.checkpoints.iter().filter(|_| self.key == key);
        checkpoints.take_while(|checkpoint| checkpoint.steps <= steps).last().cloned()
    }

    /// Adds a checkpoint. If there are too many, the one that is nearest to the one before it goes.
    fn add(&mut self, key: (u64, u64), checkpoint: Checkpoint) {
        if self.key != key {
            (self.key, self.checkpoints) = (key, Vec::new());
        }
        let steps_of = |known: &Checkpoint| known.steps;
        if let Err(position) = self.checkpoints.binary_search_by_key(&checkpoint.steps, steps_of) {
            self.checkpoints.insert(position, checkpoint);
        }
        if self.checkpoints.len() > REMEMBERED_MAX {
            let distance = |position: &usize| {
                self.checkpoints[*position].steps - self.checkpoints[position - 1].steps
            };
            let nearest = (1..self.checkpoints.len()).min_by_key(distance);
            nearest.map(|position| self.checkpoints.remove(position));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(size: u64) -> Session<Cluster> {
        let mut session = Session::default();
        session.run_line(format!("new {size}").as_bytes(), &mut String::new());
        session
    }

    /// Compares the answers to a run, and the clusters after it, with those of a session that
    /// remembers nothing.
    fn assert_same(size: u64, seed: u64, steps: u64) {
        let line = format!("chaos {seed} {steps}");
        let (mut plain, mut remembering) = (session(size), session(size));
        let mut due = String::new();
        plain.run_line(line.as_bytes(), &mut due);
        assert_eq!(run(&mut remembering, line.as_bytes()), Some(due), "{size} {line}");
        assert_eq!(plain.cluster(), remembering.cluster(), "{size} {line}");
    }

    #[test]
    fn a_run_is_the_same_whatever_is_remembered() {
        for steps in [40_000, 40_000, 20_000, 60_000, 39_999, STEPS_MIN] {
            assert_same(3, 7, steps);
        }
        assert_same(3, 8, 20_000);
        assert_same(2, 8, 20_000);
        assert_same(3, 7, 40_000);
    }

    #[test]
    fn other_lines_are_left_to_the_session() {
        let mut used = session(3);
        used.run_line(b"noop", &mut String::new());
        assert_eq!(run(&mut used, b"chaos 1 20000"), None);
        assert_eq!(run(&mut Session::default(), b"chaos 1 20000"), None);
        for line in ["chaos 1 16383", "chaos 1 10000001", "chaos 1", "chaos x 20000", "noop"] {
            assert_eq!(run(&mut session(3), line.as_bytes()), None, "{line}");
        }
        let mut ended = session(3);
        ended.run_line(b"quit", &mut String::new());
        assert_eq!(run(&mut ended, b"chaos 1 20000"), None);
    }

    #[test]
    fn few_states_are_remembered_and_the_first_and_the_last_are_among_them() {
        let checkpoint =
            |steps| Checkpoint { steps, session: Session::default(), run: ChaosRun::new(1) };
        let mut remembered = Remembered::default();
        let count = 3 * REMEMBERED_MAX as u64;
        (1..=count).for_each(|steps| remembered.add((3, 1), checkpoint(steps)));
        assert_eq!(remembered.checkpoints.len(), REMEMBERED_MAX);
        let before = |key, steps| remembered.before(key, steps).map(|checkpoint| checkpoint.steps);
        assert_eq!(before((3, 1), 1), Some(1));
        assert_eq!(before((3, 1), 0), None);
        assert_eq!(before((3, 2), count), None);
        assert!(before((3, 1), count) > Some(count / 2));
    }
}
