//! Implementations of one machine that follow one log in etcd, and are audited while they run.
//!
//! A *log* is a sequence of command lines in etcd, with dense indexes from 1. A [`Writer`] appends
//! lines, a [`Follower`] applies them to a program and publishes *checkpoints*: the answers of the
//! program's observers at fixed indexes. An [`Auditor`] compares the checkpoints of all followers.
//! [`Servers`] starts etcd on this machine.
//!
//! Nothing here knows what the lines mean.

mod access;
mod agreement;
mod applier;
mod auditor;
mod checkpoint;
mod connection;
mod entries;
mod error;
mod follower;
mod keys;
mod pairs;
mod publisher;
mod recoveries;
mod servers;
mod settings;
mod writer;

pub use access::{Access, Login, Tls};
pub use agreement::{Difference, IsSame, Row, Standing, difference};
pub use auditor::{Auditor, Drift};
pub use checkpoint::Checkpoint;
pub use connection::Connection;
pub use entries::{Entries, Entry};
pub use error::LiveError;
pub use follower::{FollowEnd, Follower, Status};
pub use keys::{LogName, check_name};
pub use pairs::{Pair, Pairs};
pub use recoveries::Recoveries;
pub use servers::Servers;
pub use settings::Settings;
pub use writer::{Appended, Writer};
