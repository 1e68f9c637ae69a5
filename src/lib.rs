//! A replicated key-value state machine that is defined to the byte.
//!
//! Two implementations of the definition (`docs/CONCEPTS.md`) return the same answers and the same
//! snapshots, byte for byte, whatever language they are in. This crate has two of them. The module
//! [`mod@reference`] is the plainest statement of sections 1 to 5, to be read beside the text.
//! Everything else is the Rust port, as fast as it can be, and held to the reference as the ports in
//! Go and C++ are.
//!
//! Begin with [`Cluster`]: it holds the [`Replica`]s and everything that can happen to them:
//! proposals, partitions, failover, heal and compaction. It has no clock and does no I/O; the same
//! calls produce the same bytes.
//!
//! ```
//! use dkv20::{Cluster, ErrorCode, Op, load_state};
//!
//! let mut cluster = Cluster::new(5)?;
//! assert_eq!(cluster.quorum(), 3);
//! assert!(cluster.propose(Op::put("a", "v"))?.committed);
//!
//! // Replica 0 leads. Without it the others elect a leader in a new term.
//! cluster.partition(&[0])?;
//! assert_eq!((cluster.reachable_leader(), cluster.term()), (Some(1), 2));
//! assert!(cluster.propose(Op::del("a"))?.committed);
//!
//! // The deposed leader still accepts proposals, but they never take effect.
//! let stale = cluster.propose_at(0, Op::put("a", "stale"))?;
//! assert!(!stale.committed);
//! cluster.heal();
//! assert_eq!(cluster.replica(0)?.get(b"a"), None);
//!
//! // Replicas at the same commit index dump the same bytes.
//! let dump = cluster.replica(0)?.dump_state();
//! assert!(cluster.replicas().iter().all(|replica| replica.dump_state() == dump));
//! let snapshot = load_state(&dump).expect("a dump is a snapshot");
//! assert_eq!(snapshot.commit_index(), 3);
//! # Ok::<(), ErrorCode>(())
//! ```
//!
//! A [`Session`] runs the commands of the port protocol on a cluster, and [`serve`] does so over a
//! pair of streams. Section numbers are those of the definition.

mod backend;
mod byte_string;
mod chaos;
mod cluster;
mod error;
#[cfg(feature = "explore")]
pub mod explore;
mod log;
#[cfg(feature = "exam")]
pub mod machines;
mod op;
pub mod ordered_map;
mod protocol;
pub mod reference;
mod replica;
mod scenario;
mod serve;
mod session;
mod snapshot;
mod splitmix64;
pub mod trace;
#[cfg(feature = "exam")]
pub mod view;
mod workload;

pub use backend::{Backend, ReplicaStatus, SnapshotStatus};
pub use byte_string::ByteString;
pub use chaos::CHAOS_STEPS_MAX;
pub use cluster::{Cluster, Outcome};
pub use error::{ErrorCode, LoadError};
pub use log::Entry;
pub use op::{KEY_LENGTH_MAX, Op, REPLICAS_MAX, VALUE_LENGTH_MAX, put_u32_le, put_u64_le};
pub use protocol::{Command, LINE_LENGTH_MAX, PROTOCOL_VERSION, parse};
pub use replica::{Replica, ReplicaId, Role};
pub use scenario::{SCENARIO_NAMES, scenario_script};
pub use serve::{ServeError, serve};
pub use session::{DRAW_COUNT_MAX, Session, run_scenario};
pub use snapshot::{Snapshot, load_state};
pub use splitmix64::{SplitMix64, mix};
pub use workload::{
    KEYS_MAX, WORKLOAD_COUNT_MAX, WorkloadCounts, decode_key, decode_op, draw_op, run_workload,
};

/// The README, so that its example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
