//! Every small state of the reference: all sequences of actions up to a depth, and the rules that
//! must hold after each action.
//!
//! [`explore`] visits the states of a [`System`] breadth first. A state is a
//! [`reference::Cluster`](crate::reference::Cluster) and its [`History`]: facts that the cluster
//! itself forgets when it compacts its logs or elects a leader. The [`RULES`] are functions of the
//! two, and share no code with the operations of the reference.

mod action;
mod counterexample;
mod history;
mod rules;
mod search;
mod system;

pub use action::{Action, Answer, actions};
pub use counterexample::{Counterexample, trace_of};
pub use history::{Entry, History, entry};
pub use rules::{RULES, Rule, State, Step, Tested, Violation, judge_state, judge_step};
pub use search::{Level, Report, Settings, explore};
pub use system::System;
