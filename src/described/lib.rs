//! State machines described in a file: the file, the cases that are drawn from it, and the meaning
//! of a difference between two answers.
//!
//! [`Description::read`] checks a file. [`draw`] makes a case with the help of a [`Reference`], from
//! a [`Source`] of choices: [`Random`] ones, or the [`Replay`] of a [`Tape`] that [`shrink`] alters.
//! [`Rules::name_of`], [`Rules::is_start`], [`Rules::observations_of`] and [`Rules::settlement`] read
//! lines that were not drawn.

mod check;
mod checking;
mod description;
mod difference;
mod draw;
mod drawn;
mod equality;
mod expected;
#[cfg(test)]
mod fake;
mod file;
mod key;
mod layout;
mod mistake;
mod names;
mod notation;
mod observe;
mod pattern;
mod reference;
mod rules;
mod schema;
mod scope;
mod settle;
mod shrink;
mod source;
mod start;
mod tape;
mod template;
mod term;
mod text;
mod types;
mod values;

pub use check::{Check, CommandCheck, Disagreement, PoolCheck, TypeCheck, check};
pub use description::{Description, Program};
pub use difference::difference;
pub use draw::draw;
pub use drawn::{Drawn, Line, LineValue, NotDrawn, Origin};
pub use equality::{Equality, Status};
pub use expected::Expected;
pub use layout::{AskLayout, Field, Fields, Layout};
pub use mistake::{Mistake, Mistakes};
pub use observe::Observation;
pub use reference::Reference;
pub use rules::{Command, Observer, Rules, Settle};
pub use schema::schema;
pub use settle::{Equal, Settlement};
pub use shrink::{Budget, Shrunk, shrink};
pub use source::{Random, Replay, Source, Wish};
pub use start::{NotObserved, NotStart};
pub use tape::{Choice, Kind, Step, StepId, Tape};
