//! Every small state: all sequences of cluster events up to a depth, and rules that must hold
//! after each.
//!
//! [`explore`] goes through the states of a [`System`] breadth first. What it knows of a system is
//! its [`View`] alone, and what must be remembered beside it, because compaction drops it, is the
//! [`History`]. The [`RULES`] are functions of these two; they share no code with the reference.

mod counterexample;
mod events;
mod rules;
mod search;
mod view;

pub use counterexample::{Broken, Counterexample, trace_of};
pub use events::{Event, events, line_of};
pub use rules::{RULES, Rule, Scope, Step, Verdict};
pub use search::{Level, Report, Settings, explore};
pub use view::{Entry, History, ReplicaView, View};

use crate::cluster::{Cluster, Outcome};
use crate::error::ErrorCode;
use crate::protocol::Command;

/// What an event is answered: a proposal with its outcome, the others with nothing.
pub type Answer = Result<Option<Outcome>, ErrorCode>;

/// What can be explored: a cluster, or in a test something that is wrong on purpose.
pub trait System: Clone + Sync {
    /// Runs a command of section 4 of the definition. Others are not asked for.
    fn run(&mut self, command: &Command) -> Answer;

    /// All that can be seen of it. What it does next may depend on nothing else.
    fn view(&self) -> View;
}

impl System for Cluster {
    fn run(&mut self, command: &Command) -> Answer {
        match command {
            Command::Propose { op } => return self.propose(op.clone()).map(Some),
            Command::ProposeAt { id, op } => return self.propose_at(*id, op.clone()).map(Some),
            Command::Partition { ids } => self.partition(ids)?,
            Command::Heal => self.heal(),
            Command::HealIds { ids } => self.heal_ids(ids)?,
            Command::Compact => self.compact(),
            Command::CompactIds { ids } => self.compact_ids(ids)?,
            _ => unreachable!("an event is a command of section 4"),
        }
        Ok(None)
    }

    fn view(&self) -> View {
        let isolated = self.replicas().iter().map(|replica| {
            self.is_partitioned(replica.id()).expect("a replica of the cluster is known to it")
        });
        let replicas = self.replicas().iter().map(|replica| {
            let entries =
                self.log_entries(replica.id()).expect("a replica of the cluster is known to it");
            ReplicaView {
                term: replica.term(),
                role: replica.role(),
                base: replica.base(),
                base_term: replica.term_at(replica.base()).expect("a log knows its base's term"),
                entries: entries.map(|(_, term, op)| (term, op.clone())).collect(),
                commit_index: replica.commit_index(),
                map: replica.map().clone(),
                dump: replica.dump_state(),
            }
        });
        View {
            leader: self.leader(),
            term: self.term(),
            isolated: isolated.collect(),
            replicas: replicas.collect(),
        }
    }
}
