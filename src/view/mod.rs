//! A trace as a page: each step on the reference, beside a port if there is one, in one HTML file
//! that needs no network.
//!
//! [`watch`] runs lines on the reference and records the changes of each, [`of_cluster`] makes the
//! data of a page of them, and [`page`] writes it.

mod bytes;
mod compose;
mod data;
mod hashes;
mod maps;
mod page;
mod terms;
mod watch;

pub use bytes::Bytes;
pub use compose::of_cluster;
pub use data::{
    Change, ComparedField, ComparedSnapshot, End, Entry, EntryOp, FirstDifference, Frame, Kind,
    LogChange, Mark, Observed, Step, View,
};
pub use page::page;
pub use watch::{Watched, watch};
