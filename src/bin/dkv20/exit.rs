//! How the program ends.

use std::fmt;
use std::process::ExitCode;

use dkv20::{ErrorCode, ServeError};
#[cfg(feature = "exam")]
use dkv20_exam::Divergence;

/// The outcome of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "exam"), expect(dead_code, reason = "only the exam has other outcomes"))]
pub(crate) enum Exit {
    /// Done; a port conforms.
    Done = 0,
    /// A port diverges.
    Diverged = 1,
    /// The exam itself failed, or nothing was asked.
    Broken = 3,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: String,
}

#[cfg_attr(not(feature = "exam"), expect(dead_code, reason = "only the exam fails in other ways"))]
impl Failure {
    /// Input or output failed.
    pub(crate) fn failed(reason: impl fmt::Display) -> Self {
        Self { status: 1, message: format!("dkv20: {reason}") }
    }

    /// The arguments do not fit together.
    pub(crate) fn usage(reason: impl fmt::Display) -> Self {
        Self { status: 2, ..Self::failed(reason) }
    }

    /// A port, a file or a report cannot be used.
    pub(crate) fn broken(reason: impl fmt::Display) -> Self {
        Self { status: 3, ..Self::failed(reason) }
    }

    /// Checks that a divergence is the port's, and was not caused by an interruption or by this
    /// machine.
    #[cfg(feature = "exam")]
    pub(crate) fn unless_of_port(port: &str, divergence: &Divergence) -> Result<(), Self> {
        let cause = divergence.external_cause();
        cause.map_or(Ok(()), |cause| {
            Err(Self::broken(format!("port {port} could not be examined: {cause}")))
        })
    }

    /// Checks that the reference has not failed.
    #[cfg(feature = "exam")]
    pub(crate) fn unless_reference(
        port: &str,
        cause: Option<&dkv20_exam::Failure>,
    ) -> Result<(), Self> {
        match cause {
            Some(cause @ dkv20_exam::Failure::Reference(_)) => {
                Err(Self::broken(format!("port {port} could not be examined: {cause}")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn with_context(self, context: &str) -> Self {
        let message = format!("{} ({context})", self.message);
        Self { message, ..self }
    }

    /// Writes the message on standard error and returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        crate::complain(&self.message);
        self.status.into()
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self { status: 1, message: format!("err {code}") }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::failed(error)
    }
}
