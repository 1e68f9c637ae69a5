//! A case in the making: the lines so far, and the reference, which has run them.

use std::fmt::Display;

use dkv20_exam::{Case, Due};

use super::super::oracle::{Oracle, View, due_of};
use super::common::{case, observers};
use super::draws::Draws;
use super::ops::{key, op};

/// With snapshots longer than this, `dump` is left out: its answer is twice as long.
const DUMP_LENGTH_MAX: usize = 1 << 16;
/// More ops than this are asked for by `workload`, in parts, so that no answer takes long.
const OPS_WRITTEN_MAX: usize = 64;
const OPS_PART: usize = 20_000;
/// How many ops a part applies at most, on all replicas together.
const APPLIED_PART: usize = 100_000;

/// The lines so far, and a session that runs them when a line has to name the leader of the moment.
pub(super) struct History {
    /// The number of replicas.
    pub(super) size: usize,
    session: Oracle,
    lines: Vec<Vec<u8>>,
    /// The answers that are due for the first lines: those that the session has run.
    due: Vec<Due>,
}

impl History {
    /// Begins with a new cluster.
    pub(super) fn new(size: usize) -> Self {
        let mut history = Self { size, session: Oracle::new(), lines: Vec::new(), due: Vec::new() };
        history.add_cluster(size);
        history
    }

    /// Adds a new cluster.
    pub(super) fn add_cluster(&mut self, size: usize) {
        self.size = size;
        self.add(format!("new {size}"));
    }

    /// Adds a line that makes no new cluster.
    pub(super) fn add(&mut self, line: impl Into<Vec<u8>>) {
        self.lines.push(line.into());
    }

    fn run(&mut self) {
        let lines = &self.lines[self.due.len()..];
        self.due.extend(lines.iter().map(|line| due_of(self.session.run(line))));
    }

    /// Returns what can be seen of the cluster.
    pub(super) fn view(&mut self) -> View {
        self.run();
        self.session.view().expect("a history begins with a cluster")
    }

    pub(super) fn leader(&mut self) -> usize {
        self.view().leader
    }

    /// Adds the command for these ids; with no ids nothing, since some bare commands mean all.
    pub(super) fn add_for(&mut self, command: &str, ids: &[usize]) {
        if !ids.is_empty() {
            let words = ids.iter().map(ToString::to_string);
            let words: Vec<_> = std::iter::once(command.to_owned()).chain(words).collect();
            self.add(words.join(" "));
        }
    }

    /// Adds proposals to the current leader: line by line if they are few, otherwise as workloads.
    pub(super) fn propose(&mut self, draws: &mut Draws, count: usize) {
        if count > OPS_WRITTEN_MAX {
            let (seed, keys) = (draws.below(1_000), 1 + draws.below(2 * count));
            let part_max = OPS_PART.min(APPLIED_PART / self.size);
            for part in 0..count.div_ceil(part_max) {
                let count = part_max.min(count - part * part_max);
                self.add(format!("workload {} {keys} {count}", seed + part));
            }
        } else {
            (0..count).for_each(|_| self.add(op(draws)));
        }
    }

    /// Adds proposals at one replica.
    pub(super) fn propose_at(&mut self, id: usize, draws: &mut Draws, count: usize) {
        (0..count).for_each(|_| self.add(format!("at {id} {}", op(draws))));
    }

    /// Adds a look at one replica.
    pub(super) fn look(&mut self, draws: &mut Draws, id: usize) {
        match draws.below(6) {
            0 => self.add(format!("replica {id}")),
            1 => self.add(format!("log {id}")),
            2 => self.add(format!("hash {id}")),
            3 => self.add(format!("get {id} {}", key(draws))),
            4 if self.is_small(id) => self.add(format!("dump {id}")),
            _ => self.add("status"),
        }
    }

    /// Adds a few looks, at any replica.
    pub(super) fn look_around(&mut self, draws: &mut Draws) {
        for _ in 0..draws.between(1, 6) {
            let id = draws.below(self.size);
            self.look(draws, id);
        }
    }

    fn is_small(&mut self, id: usize) -> bool {
        self.run();
        self.session.size().is_some_and(|size| id < size)
            && self.session.snapshot_length(id) <= DUMP_LENGTH_MAX as u64
    }

    /// Ends with a look at everything. If the session has run lines, it runs the rest as well, so that
    /// no other session has to run them all again.
    pub(super) fn into_case(mut self, suite: &str, name: impl Display) -> Case {
        self.lines.extend(observers(self.size));
        let has_run = !self.due.is_empty();
        if has_run {
            self.run();
        }
        let due = has_run.then_some(self.due);
        Case { due, ..case(suite, name, self.lines) }
    }
}
