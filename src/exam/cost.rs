//! Costs that must not grow: the port is measured against itself.
//!
//! Two processes of the port run the same lines by turns, one after a short and one after a long
//! past. Each time is the least of many, so that it is not raised by whatever else the machine does;
//! and a difference counts only if it is there again when everything is measured anew.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::divergence::{Actual, Divergence};
use crate::limits::Limits;
use crate::port::{Failure, PortSpec};
use crate::process::PortProcess;

/// How often each of the two is measured, and if each time needs a past of its own.
const ROUNDS: usize = 30;
const ROUNDS_OF_RENEWED: usize = ROUNDS_MIN;
/// The rounds end after this time at the latest, but not before there were some.
const ROUNDS_TIME: Duration = Duration::from_secs(2);
const ROUNDS_MIN: usize = 5;
/// The long past is made in parts. No further part is begun after this time.
const PAST_TIME: Duration = Duration::from_secs(2);
/// A time grows if it is at least this many times as long...
const GROWTH: u32 = 4;
/// ... and by at least this much longer: below it, a larger process alone may explain the difference.
const GROWTH_MIN: Duration = Duration::from_micros(150);
/// How often a time must be found to grow, each time with new processes.
const CONFIRMATIONS: usize = 3;

/// A command whose cost must not depend on what came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The measured command, in words: `heal of a replica that missed 1,000 entries`.
    pub subject: String,
    /// The unit of what must not matter: `entries of the log`.
    pub unit: String,
    /// Lines that make a session with a short past.
    pub start: Vec<Vec<u8>>,
    /// How many units of the cause that past has.
    pub start_size: usize,
    /// Lines that make a part of a long past.
    pub part: Vec<Vec<u8>>,
    /// How many units of the cause a part adds.
    pub part_size: usize,
    /// How many parts a long past has, if the port is fast enough.
    pub part_count: usize,
    /// Whether the past is made anew each time, since the measured line can be run only once after it.
    pub is_renewed: bool,
    /// Lines before the measured one, each time.
    pub before: Vec<Vec<u8>>,
    /// The measured line.
    pub measured: Vec<u8>,
    /// The section of the definition that bounds the cost.
    pub section: String,
}

/// The least times after a short and a long past, and how long the pasts were.
struct Times {
    short: Duration,
    long: Duration,
    part_count: usize,
}

impl Times {
    fn grow(&self) -> bool {
        self.long >= self.short * GROWTH && self.long >= self.short + GROWTH_MIN
    }
}

impl Cost {
    /// Measures the cost on a port. `hello` is a line that every port answers.
    ///
    /// # Errors
    ///
    /// The times after a long past are longer, or the port fails.
    pub(crate) fn measure(
        &self,
        port: &PortSpec,
        limits: &Limits,
        hello: &str,
    ) -> Result<(), Divergence> {
        let mut last = None;
        for _ in 0..CONFIRMATIONS {
            let times = self.times(port, limits, hello);
            let due = || Some(b"answers".to_vec());
            let times = times.map_err(|failure| Divergence::failed(0, due(), failure))?;
            if !times.grow() {
                return Ok(());
            }
            last = Some(times);
        }
        last.map_or(Ok(()), |times| Err(self.growth(&times)))
    }

    fn growth(&self, times: &Times) -> Divergence {
        let Self { unit, start_size, part_size, .. } = self;
        let (short, long) = (times.short.as_micros(), times.long.as_micros());
        let expected = format!("{short} microseconds, as after {start_size} {unit}");
        let ratio = times.long.as_secs_f64() / times.short.as_secs_f64();
        let size = start_size + part_size * times.part_count;
        let actual = format!("{long} microseconds after {size} {unit}, {ratio:.0} times as long");
        let actual = Actual::Answer(actual.into());
        Divergence::new(0, Some(expected.into()), actual)
    }

    fn times(&self, port: &PortSpec, limits: &Limits, hello: &str) -> Result<Times, Failure> {
        let mut short = Measured::start(port, limits, hello)?;
        let mut long = Measured::start(port, limits, hello)?;
        let mut part_count = self.make_pasts(&mut short, &mut long, self.part_count)?;
        let rounds_end = Instant::now() + ROUNDS_TIME;
        let round_count = if self.is_renewed { ROUNDS_OF_RENEWED } else { ROUNDS };
        for round in 0..round_count {
            if round >= ROUNDS_MIN && Instant::now() >= rounds_end {
                break;
            }
            if round > 0 && self.is_renewed {
                part_count = self.make_pasts(&mut short, &mut long, part_count)?;
            }
            for measured in [&mut short, &mut long] {
                measured.run(&self.before)?;
                measured.measure(&self.measured)?;
            }
        }
        Ok(Times { short: short.least, long: long.least, part_count })
    }

    /// Makes the short past and the long one. Returns how many parts that has, at most `part_max`.
    fn make_pasts(
        &self,
        short: &mut Measured<'_>,
        long: &mut Measured<'_>,
        part_max: usize,
    ) -> Result<usize, Failure> {
        short.run(&self.start)?;
        long.run(&self.start)?;
        let end = Instant::now() + PAST_TIME;
        let mut part_count = 0;
        while part_count < part_max && Instant::now() < end {
            long.run(&self.part)?;
            part_count += 1;
        }
        Ok(part_count)
    }
}

/// A process that is measured.
struct Measured<'a> {
    process: PortProcess,
    limits: &'a Limits,
    least: Duration,
}

impl<'a> Measured<'a> {
    fn start(port: &PortSpec, limits: &'a Limits, hello: &str) -> Result<Self, Failure> {
        let process = PortProcess::start(port, limits.interrupt.clone())
            .map_err(|error| Failure::System(format!("{}: {error}", port.command[0])))?;
        let mut measured = Self { process, limits, least: Duration::MAX };
        measured.run(&[hello.into()])?;
        Ok(measured)
    }

    /// Runs lines, each of which has an answer.
    fn run(&mut self, lines: &[Vec<u8>]) -> Result<(), Failure> {
        if lines.is_empty() {
            return Ok(());
        }
        let input = [lines.join(&b'\n').as_slice(), b"\n"].concat();
        let mut missing = lines.len();
        self.process.exchange(&input, self.limits.timeout, |_| {
            missing -= 1;
            if missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    fn measure(&mut self, line: &[u8]) -> Result<(), Failure> {
        let line = [line.to_vec()];
        let start = Instant::now();
        self.run(&line)?;
        self.least = self.least.min(start.elapsed());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_grows_by_a_factor_and_by_a_time() {
        let grow = |short, long| {
            let [short, long] = [short, long].map(Duration::from_micros);
            Times { short, long, part_count: 2 }.grow()
        };
        assert!(grow(100, 400) && grow(10, 160));
        assert!(!grow(100, 399) && !grow(10, 159) && !grow(400, 100));
    }
}
