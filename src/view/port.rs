//! A port that gets the lines: its answers, and the looks at its state after each step.

use std::time::Duration;

use dkv20_exam::{Failure, Interrupt, PortSpec, Transcript};

use super::looks::Looks;
use super::watch::Watched;
use crate::protocol::{Command, parse};

/// A program that gets lines, and how.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// The program.
    pub spec: &'a PortSpec,
    /// The line after each line, whose answer is always the same.
    pub hello: &'a str,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Ends it.
    pub interrupt: Interrupt,
    /// Whether it is asked further lines, so that a difference is explained.
    pub explains: bool,
}

impl Program<'_> {
    /// Sends the lines to a new process.
    ///
    /// # Errors
    ///
    /// An error that is not the program's.
    pub(super) fn transcript(&self, lines: &[Vec<u8>]) -> Result<Transcript, Failure> {
        let (hello, interrupt) = (self.hello.as_bytes(), self.interrupt.clone());
        let transcript = Transcript::of(self.spec, hello, lines, self.timeout, interrupt);
        match transcript.failure {
            Some(failure) if failure.is_external() => Err(failure),
            _ => Ok(transcript),
        }
    }
}

/// The output of a port of dkv20.
pub struct Overheard {
    /// The port's name.
    pub(super) name: String,
    /// For the lines, on one process.
    pub(super) answers: Transcript,
    /// For the lines and the looks between them, on another.
    pub(super) looked: Transcript,
    pub(super) looks: Looks,
}

/// Sends lines that the reference has run to a port.
///
/// # Errors
///
/// An error that is not the port's: an interruption, or one of the operating system.
pub fn overhear(
    program: &Program<'_>,
    lines: &[Vec<u8>],
    watched: &[Watched],
) -> Result<Overheard, Failure> {
    let mut answers = program.transcript(lines)?;
    let quits = |line: &Vec<u8>| matches!(parse(line), Ok(Some(Command::Quit)));
    let end = lines.iter().position(quits);
    if end.is_some_and(|end| answers.written.get(end).is_some_and(|lines| !lines.is_empty())) {
        answers.failure = None;
    }
    // It would take the time limit once more if it got the line at which it hangs.
    let count = if answers.failure.is_some() {
        answers.written.len().saturating_sub(1)
    } else {
        lines.len()
    };
    let count = count.min(end.unwrap_or(usize::MAX));
    let looks = Looks::new(&lines[..count], watched);
    let looked = program.transcript(&looks.lines)?;
    Ok(Overheard { name: program.spec.name.clone(), answers, looked, looks })
}
