//! A run of the port's program with other arguments than those that start a session.

use std::iter::repeat;
use std::ops::ControlFlow;

use crate::divergence::{Actual, Divergence};
use crate::limits::Limits;
use crate::port::{Failure, PortSpec};
use crate::process::PortProcess;

/// In a divergence: the words after a line of standard error, and those before an exit status.
const ON_STANDARD_ERROR: &[u8] = b" on standard error";
const EXIT_STATUS: &[u8] = b"exit status";
/// The argument that starts a session. A command without it has no other arguments to try.
const SESSION_ARGUMENT: &str = "serve";
/// A program that writes more lines than this is said to flood.
const OUTPUT_LINES_MAX: usize = 1_000;

/// A run of the program, and what is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The arguments in place of `serve`, which may have others before it.
    pub arguments: Vec<String>,
    /// A script for a POSIX shell that runs the program, which is `"$@"` there; empty if it is run
    /// without one.
    pub script: String,
    /// The run in words, for messages.
    pub subject: String,
    /// The lines that are due on standard output.
    pub output: Vec<Vec<u8>>,
    /// The lines of a session that corresponds to the run. If the port fails there, too, the run
    /// plays no part in the error.
    pub lines: Vec<Vec<u8>>,
    /// A line that is due on standard error, among any others.
    pub error: Option<Vec<u8>>,
    /// The exit status that is due.
    pub status: i32,
    /// The section of the definition that says so.
    pub section: String,
}

impl Run {
    /// Returns the port with these arguments, or `None` if its command does not end in `serve`.
    pub(crate) fn spec(&self, port: &PortSpec) -> Option<PortSpec> {
        let (last, words) = port.command.split_last()?;
        let is_session = last == SESSION_ARGUMENT && !words.is_empty();
        let program = words.iter().chain(&self.arguments).cloned();
        let shell = ["/bin/sh", "-c", &self.script, "sh"].map(String::from);
        let shell = shell.into_iter().filter(|_| !self.script.is_empty());
        let command = shell.chain(program).collect();
        is_session.then(|| PortSpec { command, ..port.clone() })
    }

    /// Runs the program.
    ///
    /// # Errors
    ///
    /// The first difference: of its output, then of its standard error, then of its exit status.
    pub(crate) fn try_on(&self, port: &PortSpec, limits: &Limits) -> Result<(), Divergence> {
        let due_status = [EXIT_STATUS, format!(": {}", self.status).as_bytes()].concat();
        let failed = |failure| Divergence::failed(0, Some(due_status.clone()), failure);
        let mut process = PortProcess::start(port, limits.interrupt.clone())
            .map_err(|error| failed(Failure::System(format!("{}: {error}", port.command[0]))))?;
        let mut output = Vec::new();
        let status = process.finish(&[], limits.timeout, |line| {
            output.push(line.to_vec());
            if output.len() > OUTPUT_LINES_MAX {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let status = status.map_err(failed)?;
        let error = process.stderr_tail();
        let unlike = |expected: Option<&[u8]>, actual| {
            Err(Divergence::new(0, expected.map(<[u8]>::to_vec), actual))
        };
        let due = self.output.iter().map(Some).chain(repeat(None));
        let written = output.iter().map(Some).chain(repeat(None));
        let count = self.output.len().max(output.len());
        let differing = due.zip(written).take(count).find(|(due, written)| due != written);
        match differing {
            Some((Some(due), Some(line))) => {
                return unlike(Some(due), Actual::Answer(line.clone()));
            }
            Some((Some(due), None)) => return unlike(Some(due), Actual::Missing),
            Some((None, Some(line))) => return unlike(None, Actual::Extra(line.clone())),
            _ => {}
        }
        if let Some(due) = &self.error
            && !error.lines().any(|line| line.as_bytes() == due)
        {
            let last = error.lines().last().unwrap_or_default();
            let on_error = |line: &[u8]| [line, ON_STANDARD_ERROR].concat();
            let due = on_error(due);
            let actual = match last {
                "" => Actual::Missing,
                last => Actual::Answer(on_error(last.as_bytes())),
            };
            return unlike(Some(&due), actual);
        }
        if status.code() == Some(self.status) {
            return Ok(());
        }
        unlike(Some(&due_status), Actual::Answer(status.to_string().into()))
    }

    /// Returns the part of a run that differs, for fingerprints.
    pub(crate) fn aspect(divergence: &Divergence) -> &'static str {
        match divergence.expected.as_deref() {
            Some(due) if due.starts_with(EXIT_STATUS) => "exit status of the program",
            Some(due) if due.ends_with(ON_STANDARD_ERROR) => "standard error of the program",
            _ => "output of the program",
        }
    }
}
