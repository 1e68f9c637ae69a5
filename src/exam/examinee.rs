//! A port under examination beside the reference: both get the same lines, and the answers are
//! compared as they come.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::exam::case::Delivery;
use crate::exam::port::{Failure, PortProcess, PortSpec};
use crate::protocol::{Command, parse};
use crate::session::Session;

/// How many lines a port may write where none is due before that is called a flood.
const EXTRA_LINES_MAX: usize = 1_000;
/// How long a port may take to start and to answer `hello`, at the least.
const START_TIME_MIN: Duration = Duration::from_secs(10);
/// How long a port that gave no answer gets to show that it only did not flush it.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

/// Where the port did otherwise than the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The position of the line among those that were run.
    pub step: usize,
    /// The reference's answer; `None` where no answer is due.
    pub expected: Option<Vec<u8>>,
    /// What the port did.
    pub actual: Actual,
}

/// What a port did at the step at which it diverged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actual {
    /// It gave another answer.
    Answer(Vec<u8>),
    /// It gave none: what came instead, if anything, answers a later line.
    Missing,
    /// It gave the right answer and then this line, which nobody asked for.
    Extra(Vec<u8>),
    /// It gave none at all.
    Failed(Failure),
}

/// A port and the reference, side by side.
pub struct Examinee {
    spec: PortSpec,
    timeout: Duration,
    running: Option<Running>,
    last_stderr: String,
    last_unfinished_line: Vec<u8>,
}

struct Running {
    process: PortProcess,
    reference: Session,
    greeting: Vec<u8>,
}

impl Examinee {
    /// A port that is started when it is needed. An answer may take `timeout`.
    #[must_use]
    pub fn new(spec: PortSpec, timeout: Duration) -> Self {
        Self {
            spec,
            timeout,
            running: None,
            last_stderr: String::new(),
            last_unfinished_line: Vec::new(),
        }
    }

    /// The port.
    #[must_use]
    pub fn spec(&self) -> &PortSpec {
        &self.spec
    }

    /// How long an answer may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sets how long an answer may take.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Whether the port runs: its session, and the reference's, hold what the lines so far made.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends the port. The next lines meet a new one.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            self.remember(&mut running.process);
        }
    }

    fn remember(&mut self, process: &mut PortProcess) {
        self.last_stderr = process.stderr_tail();
        self.last_unfinished_line = process.unfinished_line().to_vec();
    }

    /// The end of what the port last wrote on standard error.
    pub fn stderr_tail(&mut self) -> String {
        self.stop();
        self.last_stderr.clone()
    }

    /// What the port last wrote without a line end after it.
    pub fn unfinished_line(&mut self) -> Vec<u8> {
        self.stop();
        self.last_unfinished_line.clone()
    }

    /// Starts the port unless it runs, and awaits its answer to `hello`.
    pub fn start(&mut self) -> Result<(), Failure> {
        if self.running.is_some() {
            return Ok(());
        }
        let mut process = PortProcess::start(&self.spec)
            .map_err(|error| Failure::System(format!("{}: {error}", self.spec.command[0])))?;
        let mut greeting = Vec::new();
        // A first start reads the program and all that it needs.
        let timeout = self.timeout.max(START_TIME_MIN);
        let answered = process.exchange(b"hello\n", timeout, |line| {
            greeting = line.to_vec();
            ControlFlow::Break(())
        });
        if let Err(failure) = answered {
            let failure = judge(&mut process, failure);
            self.remember(&mut process);
            return Err(failure);
        }
        self.running = Some(Running { process, reference: Session::new(), greeting });
        Ok(())
    }

    /// The port's answer to `hello`, once it runs.
    #[must_use]
    pub fn greeting(&self) -> Option<&[u8]> {
        self.running.as_ref().map(|running| running.greeting.as_slice())
    }

    /// Asks the port alone: its answers to lines that each get one. For what has no reference.
    pub fn ask(&mut self, lines: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
        self.start()?;
        let Some(running) = self.running.as_mut() else { return Ok(Vec::new()) };
        let mut answers = Vec::new();
        running.process.exchange(&joined(lines), self.timeout, |answer| {
            answers.push(answer.to_vec());
            if answers.len() < lines.len() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(answers)
    }

    /// Gives the lines to both and answers the first divergence. The port is stopped then, and
    /// after the deliveries that end it; otherwise it goes on.
    pub fn run(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Result<(), Divergence> {
        if matches!(delivery, Delivery::ToEnd | Delivery::ToEndWithoutLf) {
            self.stop();
        }
        if let Err(failure) = self.start() {
            return Err(Divergence { step: 0, expected: None, actual: Actual::Failed(failure) });
        }
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        let outcome = match delivery {
            Delivery::Pipelined => running.pipelined(lines, self.timeout),
            Delivery::Marked => running.marked(lines, self.timeout),
            Delivery::Stepwise => running.stepwise(lines, false, self.timeout),
            Delivery::Split => running.stepwise(lines, true, self.timeout),
            Delivery::ToEnd => running.until_end(lines, true, self.timeout),
            Delivery::ToEndWithoutLf => running.until_end(lines, false, self.timeout),
        };
        if outcome.is_err() || matches!(delivery, Delivery::ToEnd | Delivery::ToEndWithoutLf) {
            self.stop();
        }
        outcome
    }
}

/// The answers that are due, in order, with the step that each belongs to.
type Due = Vec<(usize, Vec<u8>)>;

/// What is compared while lines come in.
struct Comparison<'a> {
    due: &'a [(usize, Vec<u8>)],
    position: usize,
    greeting: &'a [u8],
    divergence: Option<Divergence>,
}

impl Running {
    fn due(&mut self, lines: &[Vec<u8>]) -> Due {
        let mut due = Due::new();
        for (step, line) in lines.iter().enumerate() {
            let mut answer = String::new();
            if self.reference.answer(line, &mut answer) {
                // A port has a name of its own.
                let is_hello = matches!(parse(line), Ok(Some(Command::Hello)));
                let answer = if is_hello { self.greeting.clone() } else { answer.into_bytes() };
                due.push((step, answer));
            }
        }
        due
    }

    fn pipelined(&mut self, lines: &[Vec<u8>], timeout: Duration) -> Result<(), Divergence> {
        let due = self.due(lines);
        let mut input = joined(lines);
        input.extend_from_slice(b"hello\n");
        let mut comparison = Comparison::new(&due, &self.greeting);
        let outcome = self.process.exchange(&input, timeout, |line| comparison.take(line));
        let divergence = comparison.divergence.take();
        let (step, expected) = comparison.due_now(lines.len());
        match (divergence, outcome) {
            (Some(divergence), _) => Err(divergence),
            (None, Ok(())) => Ok(()),
            (None, Err(failure)) => Err(Divergence {
                step,
                expected,
                actual: Actual::Failed(judge(&mut self.process, failure)),
            }),
        }
    }

    fn marked(&mut self, lines: &[Vec<u8>], timeout: Duration) -> Result<(), Divergence> {
        if lines.is_empty() {
            return Ok(());
        }
        let due = self.due(lines);
        let mut input = Vec::new();
        let mut expected = Vec::new();
        let mut answers = due.iter().peekable();
        for (step, line) in lines.iter().enumerate() {
            for part in [line, b"\nhello\n".as_slice()] {
                input.extend_from_slice(part);
            }
            expected.push(answers.next_if(|(answered, _)| *answered == step));
        }
        let mut marked = Marked { expected: &expected, greeting: &self.greeting, step: 0, seen: 0 };
        let mut divergence = None;
        let outcome = self.process.exchange(&input, timeout, |line| {
            divergence = marked.take(line);
            go_on_while(divergence.is_none() && marked.step < expected.len())
        });
        let (step, seen) = (marked.step, marked.seen);
        match (divergence, outcome) {
            (Some(divergence), _) => Err(divergence),
            (None, Ok(())) => Ok(()),
            (None, Err(failure)) => {
                let answer = expected.get(step).copied().flatten().filter(|_| seen == 0);
                let expected = answer.map(|(_, answer)| answer.clone());
                Err(Divergence {
                    step,
                    expected,
                    actual: Actual::Failed(judge(&mut self.process, failure)),
                })
            }
        }
    }

    /// Where lines are split, each write ends with the first half of the line after it.
    fn stepwise(
        &mut self,
        lines: &[Vec<u8>],
        split: bool,
        timeout: Duration,
    ) -> Result<(), Divergence> {
        let due = self.due(lines);
        let mut answers = due.iter().peekable();
        let mut input = Vec::new();
        let mut written_length = 0;
        for (step, line) in lines.iter().enumerate() {
            input.extend_from_slice(&line[written_length..]);
            input.push(b'\n');
            let half = lines.get(step + 1).filter(|_| split).map(|next| &next[..next.len() / 2]);
            input.extend_from_slice(half.unwrap_or_default());
            written_length = half.map_or(0, <[u8]>::len);
            if let Some(answer) = answers.next_if(|(answered, _)| *answered == step) {
                self.step(&input, answer, timeout)?;
                input.clear();
            }
        }
        Ok(())
    }

    /// One write and its one answer.
    fn step(
        &mut self,
        input: &[u8],
        (step, answer): &(usize, Vec<u8>),
        timeout: Duration,
    ) -> Result<(), Divergence> {
        let mut actual = None;
        let outcome = self.process.exchange(input, timeout, |line| {
            actual = Some(line.to_vec());
            ControlFlow::Break(())
        });
        let actual = match (outcome, actual) {
            (Ok(()), Some(actual)) if actual == *answer => return Ok(()),
            (Ok(()), Some(actual)) => Actual::Answer(actual),
            (Ok(()), None) => Actual::Missing,
            (Err(failure), _) => Actual::Failed(judge(&mut self.process, failure)),
        };
        Err(Divergence { step: *step, expected: Some(answer.clone()), actual })
    }

    fn until_end(
        &mut self,
        lines: &[Vec<u8>],
        final_lf: bool,
        timeout: Duration,
    ) -> Result<(), Divergence> {
        let due = self.due(lines);
        let mut input = joined(lines);
        if !final_lf {
            input.pop();
        }
        let mut answers = Vec::new();
        let outcome = self.process.finish(&input, timeout, |line| {
            answers.push(line.to_vec());
            go_on_while(answers.len() <= due.len() + EXTRA_LINES_MAX)
        });
        let mut comparison = Comparison::new(&due, &self.greeting);
        for answer in &answers {
            if comparison.take(answer).is_break() {
                break;
            }
        }
        if let Some(divergence) = comparison.divergence {
            return Err(divergence);
        }
        let (step, expected) = comparison.due_now(lines.len());
        match outcome {
            Ok(status) if status.success() && expected.is_none() => Ok(()),
            Ok(status) if status.success() => {
                Err(Divergence { step, expected, actual: Actual::Missing })
            }
            Ok(status) => {
                let actual = Actual::Failed(Failure::Exited(status));
                Err(Divergence { step, expected, actual })
            }
            Err(failure) => Err(Divergence { step, expected, actual: Actual::Failed(failure) }),
        }
    }
}

impl<'a> Comparison<'a> {
    fn new(due: &'a [(usize, Vec<u8>)], greeting: &'a [u8]) -> Self {
        Self { due, position: 0, greeting, divergence: None }
    }

    fn take(&mut self, line: &[u8]) -> ControlFlow<()> {
        let Some((step, answer)) = self.due.get(self.position) else {
            if line != self.greeting {
                let step = self.due.last().map_or(0, |(step, _)| *step);
                let actual = Actual::Extra(line.to_vec());
                self.divergence = Some(Divergence { step, expected: None, actual });
            }
            return ControlFlow::Break(());
        };
        if line == answer {
            self.position += 1;
            return ControlFlow::Continue(());
        }
        let actual =
            if line == self.greeting { Actual::Missing } else { Actual::Answer(line.to_vec()) };
        let expected = Some(answer.clone());
        self.divergence = Some(Divergence { step: *step, expected, actual });
        ControlFlow::Break(())
    }

    /// The step at which an answer is due now, and the answer; the last step where none is.
    fn due_now(&self, line_count: usize) -> (usize, Option<Vec<u8>>) {
        match self.due.get(self.position) {
            Some((step, answer)) => (*step, Some(answer.clone())),
            None => (line_count.saturating_sub(1), None),
        }
    }
}

/// What is compared where a `hello` follows each line.
struct Marked<'a> {
    expected: &'a [Option<&'a (usize, Vec<u8>)>],
    greeting: &'a [u8],
    step: usize,
    /// How many lines came at this step.
    seen: usize,
}

impl Marked<'_> {
    fn take(&mut self, line: &[u8]) -> Option<Divergence> {
        let step = self.step;
        let answer = self.expected[step].map(|(_, answer)| answer);
        let due = answer.filter(|_| self.seen == 0);
        if line == self.greeting && due.is_none_or(|answer| answer != line) {
            self.step += 1;
            self.seen = 0;
            let expected = due.cloned();
            return expected.map(|answer| Divergence {
                step,
                expected: Some(answer),
                actual: Actual::Missing,
            });
        }
        self.seen += 1;
        match due {
            Some(answer) if line == answer => None,
            Some(answer) => {
                let actual = Actual::Answer(line.to_vec());
                Some(Divergence { step, expected: Some(answer.clone()), actual })
            }
            None => Some(Divergence { step, expected: None, actual: Actual::Extra(line.to_vec()) }),
        }
    }
}

/// Tells a port that does not answer from one that only does not flush.
fn judge(process: &mut PortProcess, failure: Failure) -> Failure {
    if failure != Failure::NoAnswer {
        return failure;
    }
    let mut answered = false;
    let _ = process.finish(&[], FLUSH_GRACE, |_| {
        answered = true;
        ControlFlow::Break(())
    });
    if answered { Failure::NotFlushed } else { Failure::NoAnswer }
}

fn go_on_while(condition: bool) -> ControlFlow<()> {
    if condition { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// The lines as the port reads them.
fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
