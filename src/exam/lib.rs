//! An exam for ports of a deterministic machine: programs that read command lines and write one
//! answer line for each.
//!
//! A [`Machine`] describes what is examined: the reference, which runs in this process, and the
//! suites of cases. [`examine`] sends the cases to each port, compares every answer with the
//! reference's, and turns each difference into a [`Finding`]: the first wrong step, shrunk to the
//! fewest lines that show it, and explained. [`reports`] writes the outcome in five formats.
//! [`fuzz`] sends generated cases without end. A [`Conversation`] only sends lines and returns the
//! answers, and a [`Transcript`] holds all that a program writes for lines.
//!
//! Nothing here knows what the commands mean.

mod asker;
mod case;
mod comparison;
mod conversation;
mod cost;
mod divergence;
mod exam;
mod examinee;
mod expected;
mod failing;
mod finding;
mod findings;
mod fuzz;
mod groups;
mod guard;
mod incident;
mod inquiry;
mod investigate;
mod limits;
mod locate;
mod machine;
mod port;
mod port_exam;
mod prepared;
mod process;
mod processes;
mod program;
mod redraw;
mod report;
pub mod reports;
mod runner;
mod selection;
mod service;
mod settle;
mod shell_syntax;
mod shrink;
mod start;
mod start_error;
mod tally;
mod tasks;
mod transcript;

pub use case::{Case, Delivery, Due, MakeNamed, Plan, Suite, Task};
pub use conversation::{Breakdown, Cause, Conversation};
pub use cost::Cost;
pub use divergence::{Actual, Divergence, shown};
pub use exam::examine;
pub use examinee::Examinee;
pub use expected::{Difference, Expected, ExpectedEntry, ExpectedReport, Shape};
pub use finding::Finding;
pub use fuzz::{FuzzEnd, FuzzProgress, FuzzSettings, fuzz};
pub use groups::end_all_ports;
pub use guard::{GuardedFile, run_guard, use_guard};
pub use investigate::{investigate, investigate_unless_refuted};
pub use limits::{Budget, Interrupt, Limits};
pub use machine::{Ask, Drawing, Equal, Evidence, Explanation, Level, Machine, Session, Simplest};
pub use port::{Failure, PortSpec};
pub use port_exam::Progress;
pub use process::check_start;
pub use program::Run;
pub use report::{CaseReport, CaseVerdict, ExamVerdict, LevelReport, PortReport, Report};
pub use selection::{Selection, Settings, Shard};
pub use service::Service;
pub use shrink::{Lines, Meaning, Shrunk, shrink};
pub use start::Start;
pub use tally::{Measure, Reach, Reached, Tally};
pub use transcript::Transcript;
