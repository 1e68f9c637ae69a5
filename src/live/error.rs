//! Errors, as a user sees them.

/// A failure of an operation on a log. The text states the cause, the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// etcd could not be reached or used.
    #[error("etcd at {endpoint}: {reason}")]
    Etcd {
        /// The endpoint that was asked last.
        endpoint: String,
        /// The reason.
        reason: String,
    },
    /// A key of the log, or a line that is to be appended, is not as it must be.
    #[error("log {log}: {reason}")]
    Log {
        /// The name of the log.
        log: String,
        /// The reason.
        reason: String,
    },
    /// Another process has opened the writer.
    #[error("log {log}: another process appends as writer {writer}")]
    Replaced {
        /// The name of the log.
        log: String,
        /// The name of the writer.
        writer: String,
    },
    /// A program failed for a reason outside of it.
    #[error("program {name}: {reason}")]
    Program {
        /// The program's name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The interrupt was raised.
    #[error("interrupted")]
    Interrupted,
}
