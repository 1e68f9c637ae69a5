//! The error codes of the definition, in one list.

use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// An error of the definition. An operation that returns one has changed nothing (section 1).
        ///
        /// ```
        /// assert_eq!(dkv20::ErrorCode::NoLeader.to_string(), "no-leader");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order in which this type lists them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the code's name in the protocol, such as `key-length`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

error_codes! {
    /// A cluster has 1 to 64 replicas (section 1).
    ReplicaCount = "replica-count",
    /// A key has 1 to 4,096 bytes (section 1).
    KeyLength = "key-length",
    /// A value has 0 to 1,048,576 bytes (section 1).
    ValueLength = "value-length",
    /// No replica has this id (section 4).
    UnknownReplica = "unknown-replica",
    /// The current leader is isolated (section 4.1).
    NoLeader = "no-leader",
    /// The replica's role is not leader (section 4.2).
    NotLeader = "not-leader",
    /// Fewer bytes are left than the snapshot's field needs (section 5).
    Truncated = "truncated",
    /// The snapshot does not begin with `DKVS` (section 5).
    BadMagic = "bad-magic",
    /// The snapshot's version is not 1 (section 5).
    BadVersion = "bad-version",
    /// Exactly one of the snapshot's commit index and term is 0 (section 5).
    BadTerm = "bad-term",
    /// The snapshot announces more keys than its commit index (section 5).
    BadCount = "bad-count",
    /// A key of the snapshot is not greater than the one before it (section 5).
    KeyOrder = "key-order",
    /// Bytes are left after the snapshot's last value (section 5).
    TrailingBytes = "trailing-bytes",
    /// A workload's key space has 1 to 1,000,000 keys (section 7).
    KeySpace = "key-space",
    /// A count is outside its command's range (section 8).
    Count = "count",
    /// No scenario has this name (section 9).
    UnknownScenario = "unknown-scenario",
    /// A scenario's replicas differ, or one of its commands failed (section 9).
    Diverged = "diverged",
    /// A line has more than 4,194,304 bytes (section 8).
    LineLength = "line-length",
    /// The line's first token is not a command, or `at` names no op (section 8).
    UnknownCommand = "unknown-command",
    /// Too few or too many tokens, or a malformed number or byte string (section 8).
    Syntax = "syntax",
    /// The command needs a cluster and the session has none (section 8).
    NoCluster = "no-cluster",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for ErrorCode {}

/// The reason why bytes are not a snapshot (section 5), displayed as in the protocol.
///
/// ```
/// let error = dkv20::load_state(b"DKVX").unwrap_err();
/// assert_eq!(error.to_string(), "bad-magic offset=0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The rule that is broken.
    pub code: ErrorCode,
    /// The offset of the field at fault, in bytes from the snapshot's first.
    pub offset: usize,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} offset={}", self.code, self.offset)
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct() {
        let names: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), 21);
    }

    #[test]
    fn load_error_displays_as_in_the_protocol() {
        let error = LoadError { code: ErrorCode::BadTerm, offset: 16 };
        assert_eq!(error.to_string(), "bad-term offset=16");
    }
}
