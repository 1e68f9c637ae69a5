//! The system whose states are explored.

use crate::reference::Cluster;

use super::action::{Action, Answer};

/// A system to explore: the reference, or, in a test, the reference with a planted mistake.
pub trait System {
    /// Runs an action on the cluster. A panic is a violation.
    ///
    /// # Errors
    ///
    /// Those of the action's section of the definition.
    fn run(&mut self, action: &Action) -> Answer;

    /// Returns the cluster. Everything that the system does must follow from it.
    fn cluster(&self) -> &Cluster;

    /// Returns the snapshot's bytes of the replica `id`, for which `base <= commit <= last` holds.
    /// Must not panic.
    fn dump_state(&self, id: usize) -> Vec<u8> {
        self.cluster().replicas[id].dump_state()
    }
}

impl System for Cluster {
    fn run(&mut self, action: &Action) -> Answer {
        action.run(self)
    }

    fn cluster(&self) -> &Cluster {
        self
    }
}
