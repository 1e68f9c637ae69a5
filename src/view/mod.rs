//! A trace as a page: each step on the reference, beside a port if there is one, in one HTML file
//! that needs no network.
//!
//! [`watch`] runs lines on the reference and records the changes of each, [`of_cluster`] makes the
//! data of a page of them, [`add_port`] adds a port that was [overheard](overhear), and [`page`] writes
//! it. For described machines [`of_described`] does all of the first three.

mod bytes;
mod compose;
mod data;
mod explained;
mod hashes;
mod lines;
mod looks;
mod maps;
mod page;
mod port;
mod sides;
mod snapshots;
mod state;
mod terms;
mod watch;

pub use bytes::Bytes;
pub use compose::{add_port, of_cluster};
pub use data::{
    Change, ComparedField, ComparedSnapshot, End, Entry, EntryOp, FirstDifference, Frame, Kind,
    LogChange, Mark, Observed, PortFrame, Section, Step, View,
};
pub use explained::sections_of;
pub use lines::{of_described, of_own_answers};
pub use page::page;
pub use port::{Overheard, Program, overhear};
pub use watch::{Look, Watched, watch};
