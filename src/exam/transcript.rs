//! All that a program writes for lines, whatever it is: nothing is compared.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::limits::Interrupt;
use crate::port::{Failure, PortSpec};
use crate::process::{PortProcess, START_TIME_MIN};

/// How many bytes of output are kept. More is taken for output without end.
const LENGTH_MAX: usize = 256 << 20;

/// The output of a program, by the lines that it got.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// For each line the lines that the program wrote for it, usually one. If the program failed,
    /// there are fewer: the last is that of the line at which it did.
    pub written: Vec<Vec<Vec<u8>>>,
    /// How the program failed, if it did.
    pub failure: Option<Failure>,
    /// The end of its standard error.
    pub stderr: String,
}

impl Transcript {
    /// Sends the lines to a new process of the program, each with a `hello` after it, which changes
    /// nothing and whose answer ends the output for the line. Each answer may take `timeout`, and the
    /// first one ten seconds at least.
    #[must_use]
    pub fn of(
        spec: &PortSpec,
        hello: &[u8],
        lines: &[Vec<u8>],
        timeout: Duration,
        interrupt: Interrupt,
    ) -> Self {
        let mut process = match PortProcess::start(spec, interrupt) {
            Ok(process) => process,
            Err(error) => return Self { failure: Some(error.into()), ..Self::default() },
        };
        let timeout = spec.timeout.unwrap_or(timeout);
        let mut written = Vec::new();
        let outcome = greeting(&mut process, hello, timeout).and_then(|greeting| {
            exchange(&mut process, hello, &greeting, lines, timeout, &mut written)
        });
        let failure = outcome.err().map(|failure| process.detect_unflushed(failure));
        Self { written, failure, stderr: process.stderr_tail() }
    }
}

fn greeting(
    process: &mut PortProcess,
    hello: &[u8],
    timeout: Duration,
) -> Result<Vec<u8>, Failure> {
    let mut greeting = Vec::new();
    let answered =
        process.exchange(&[hello, b"\n"].concat(), timeout.max(START_TIME_MIN), |line| {
            greeting = line.to_vec();
            ControlFlow::Break(())
        });
    match answered {
        Ok(()) => Ok(greeting),
        Err(Failure::NoAnswer) => Err(Failure::NoGreeting),
        Err(failure) => Err(failure),
    }
}

fn exchange(
    process: &mut PortProcess,
    hello: &[u8],
    greeting: &[u8],
    lines: &[Vec<u8>],
    timeout: Duration,
    written: &mut Vec<Vec<Vec<u8>>>,
) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let line_end: &[u8] = b"\n";
    let input = lines.iter().flat_map(|line| [&**line, line_end, hello, line_end]);
    let input = input.collect::<Vec<_>>().concat();
    let (mut length, mut is_flood) = (0, false);
    written.push(Vec::new());
    let outcome = process.exchange(&input, timeout, |line| {
        length += line.len();
        is_flood = length > LENGTH_MAX;
        let count = written.len();
        let Some(current) = written.last_mut() else { return ControlFlow::Break(()) };
        // The answer to a `hello` among the lines is as its marker.
        let is_answer = current.is_empty() && lines[count - 1] == hello;
        if line != greeting || is_answer {
            current.push(line.to_vec());
        } else if count < lines.len() {
            written.push(Vec::new());
        } else {
            return ControlFlow::Break(());
        }
        if is_flood { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if is_flood { Err(Failure::Flood) } else { outcome }
}
