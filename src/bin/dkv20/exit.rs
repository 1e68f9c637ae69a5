//! How the program ends.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// The exit status of a command that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done; a port conforms.
    Done,
    /// 1: a port diverges.
    Diverged,
    /// 3: the exam itself failed, or nothing was asked.
    Broken,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Diverged => 1,
            Exit::Broken => 3,
        })
    }
}

/// What was asked for cannot be done: arguments that do not fit (2), or a port, a file or a
/// report that cannot be had (3).
#[derive(Debug)]
pub(crate) enum Refused {
    /// Exit status 2.
    Usage(String),
    /// Exit status 3.
    Broken(String),
}

impl Refused {
    /// A file that cannot be had, or holds what it should not.
    pub(crate) fn file(file: &Path, reason: impl fmt::Display) -> Self {
        Self::Broken(format!("{}: {reason}", file.display()))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) | Self::Broken(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Refused {}
