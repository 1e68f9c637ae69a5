//! A port beside the reference: both get the same lines, and the answers are compared as they
//! come.

use std::mem;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::case::{Case, Delivery};
use crate::comparison::{Comparison, Group, continue_if};
use crate::divergence::{Actual, Divergence, shown};
use crate::limits::{Interrupt, Limits};
use crate::machine::{Machine, Session};
use crate::port::{Failure, PortSpec};
use crate::prepared::{DueAnswer, Prepared, due_answers, known_answers};
use crate::process::{PortProcess, START_TIME_MIN};
use crate::start::Start;

/// With more lines than this after the last answer that is due, a port is said to flood.
const EXTRA_LINES_MAX: usize = 1_000;
/// The greatest length of all answers to lines that explain a divergence.
const ASKED_LENGTH_MAX: usize = 32 << 20;
/// How much is written to a port before the reference has run the lines: no more than a pipe takes.
const BEGINNING_LENGTH: usize = 4_096;

/// A port and the reference, side by side.
pub struct Examinee<'m> {
    pub(crate) machine: &'m dyn Machine,
    pub(crate) spec: PortSpec,
    pub(crate) limits: Limits,
    running: Option<Running<'m>>,
    last_stderr: String,
    last_unfinished_line: Vec<u8>,
    /// Why the port cannot be run any more; not an error of the port.
    external_cause: Option<Failure>,
    /// The first greeting, and the first that differs from it.
    greetings: Vec<Vec<u8>>,
    leaks: bool,
    /// Whether a port that diverged was found not to answer further lines.
    falls_silent: bool,
    /// Whether lines were found to fail only on a process that had run others.
    pub(crate) remembers: bool,
}

struct Running<'m> {
    machine: &'m dyn Machine,
    process: PortProcess,
    reference: Beside,
    interrupt: Interrupt,
    hello: String,
    greeting: Vec<u8>,
    /// The answer that is due for a `hello`: the greeting, or its form if that is wrong.
    due_greeting: Vec<u8>,
    /// The length of the input that was written before the answers were known.
    begun_length: usize,
    /// Whether the answers after a wrong one are read, too, so that the port can go on.
    reads_on: bool,
    /// Whether all of them were read.
    is_in_step: bool,
    /// Whether one of them did not come.
    is_silent: bool,
}

/// The session of the reference that has run the lines of the port's process.
enum Beside {
    /// There were none.
    NotYet,
    /// This one.
    Session(Box<dyn Session>),
    /// There is none: the answers to some lines were known before.
    Nowhere,
}

impl<'m> Examinee<'m> {
    /// Makes an examinee. The port is started when it is first needed. Its own time limit, if it has
    /// one, is in place of that of `limits`.
    #[must_use]
    pub fn new(machine: &'m dyn Machine, spec: PortSpec, limits: Limits) -> Self {
        let timeout = spec.timeout.unwrap_or(limits.timeout);
        let limits = Limits { timeout, ..limits };
        Self {
            machine,
            spec,
            limits,
            running: None,
            last_stderr: String::new(),
            last_unfinished_line: Vec::new(),
            external_cause: None,
            greetings: Vec::new(),
            leaks: false,
            falls_silent: false,
            remembers: false,
        }
    }

    /// Makes an examinee of the same port with another start.
    pub(crate) fn started(&self, start: &Start) -> Self {
        Self::new(self.machine, self.spec.started(start), self.limits.clone())
    }

    /// Returns why the port cannot be run any more, if the cause is not an error of the port: an
    /// interruption, or an error of the operating system.
    #[must_use]
    pub const fn external_cause(&self) -> Option<&Failure> {
        self.external_cause.as_ref()
    }

    /// Reports whether the work on the port has to stop, whatever the port does.
    pub(crate) fn is_stopped(&self) -> bool {
        self.external_cause.is_some() || self.limits.interrupt.is_raised()
    }

    /// Reports whether the port wrote a greeting that is not its own.
    pub(crate) fn is_other_greeting(&self, actual: &Actual) -> bool {
        let (Actual::Answer(line) | Actual::Extra(line)) = actual else { return false };
        self.machine.has_greeting_form()
            && self.machine.is_greeting(line)
            && !self.greetings.contains(line)
    }

    /// Returns oddities of the port that no case shows, as lines of text.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let [first, other] = self.greetings.as_slice() {
            let (first, other) = (shown(first), shown(other));
            notes.push(format!("its greeting changes between starts: `{first}`, then `{other}`"));
        }
        if self.leaks {
            notes.push(
                "it leaks processes: one that it started outlived it, or left its process group"
                    .into(),
            );
        }
        notes
    }

    /// Reports whether the port runs. Its session then holds the effects of the lines so far.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends the port. The next lines go to a new process.
    pub(crate) fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            self.remember(&mut running.process);
        }
    }

    fn remember(&mut self, process: &mut PortProcess) {
        self.leaks |= process.leaks();
        self.last_stderr = process.stderr_tail();
        self.last_unfinished_line = process.unfinished_line().to_vec();
    }

    /// Ends the port and returns the end of what it wrote on standard error.
    pub fn stderr_tail(&mut self) -> String {
        self.stop();
        self.last_stderr.clone()
    }

    /// Ends the port and returns what it wrote after its last LF.
    pub(crate) fn unfinished_line(&mut self) -> Vec<u8> {
        self.stop();
        self.last_unfinished_line.clone()
    }

    /// Starts the port unless it runs, and waits for its greeting.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        if self.running.is_some() {
            return Ok(());
        }
        if self.external_cause.is_none() && self.limits.interrupt.is_raised() {
            self.external_cause = Some(Failure::Interrupted);
        }
        if let Some(cause) = &self.external_cause {
            return Err(cause.clone());
        }
        self.start_process().map_err(|failure| self.noted(failure))
    }

    /// Notes a failure whose cause is outside the port. After an interruption no failure is known
    /// to be the port's.
    pub(crate) fn noted(&mut self, failure: Failure) -> Failure {
        let failure =
            if self.limits.interrupt.is_raised() { Failure::Interrupted } else { failure };
        if failure.is_external() {
            self.external_cause.get_or_insert_with(|| failure.clone());
        }
        failure
    }

    fn start_process(&mut self) -> Result<(), Failure> {
        let mut process = PortProcess::start(&self.spec, self.limits.interrupt.clone())
            .map_err(|error| Failure::System(format!("{}: {error}", self.spec.command[0])))?;
        let hello = self.machine.hello().to_owned();
        let mut greeting = Vec::new();
        // A first start reads the program and its libraries from disk.
        let timeout = self.limits.timeout.max(START_TIME_MIN);
        let answered = process.exchange(format!("{hello}\n").as_bytes(), timeout, |line| {
            greeting = line.to_vec();
            ControlFlow::Break(())
        });
        if let Err(failure) = answered {
            let failure = match process.detect_unflushed(failure) {
                Failure::NoAnswer => Failure::NoGreeting,
                other => other,
            };
            self.remember(&mut process);
            return Err(failure);
        }
        if self.greetings.is_empty() || self.greetings.len() == 1 && self.greetings[0] != greeting {
            self.greetings.push(greeting.clone());
        }
        let due_greeting = if self.machine.is_greeting(&greeting) {
            greeting.clone()
        } else {
            self.machine.greeting_form().into()
        };
        let interrupt = self.limits.interrupt.clone();
        self.running = Some(Running {
            machine: self.machine,
            process,
            reference: Beside::NotYet,
            interrupt,
            hello,
            greeting,
            due_greeting,
            begun_length: 0,
            reads_on: false,
            is_in_step: false,
            is_silent: false,
        });
        Ok(())
    }

    /// Starts the port unless it runs, and returns its greeting.
    ///
    /// # Errors
    ///
    /// The port fails, or its greeting is not as it must be.
    pub fn greet(&mut self) -> Result<String, Divergence> {
        let expected = Some(self.machine.greeting_form().into());
        if let Err(failure) = self.start() {
            return Err(Divergence::failed(0, expected, failure));
        }
        let greeting = self.running.as_ref().map(|running| running.greeting.clone());
        let greeting = greeting.unwrap_or_default();
        if self.machine.is_greeting(&greeting) {
            return Ok(String::from_utf8_lossy(&greeting).into_owned());
        }
        Err(Divergence::new(0, expected, Actual::Answer(greeting)))
    }

    /// Runs lines that each get an answer on the port alone, and returns its answers, or only the
    /// first of them if they are longer than those of any port that is right.
    pub(crate) fn ask(&mut self, lines: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
        self.start()?;
        let Some(running) = self.running.as_mut() else { return Ok(Vec::new()) };
        let mut answers = Vec::new();
        let mut length_left = ASKED_LENGTH_MAX;
        let outcome = running.process.exchange(&joined(lines), self.limits.timeout, |answer| {
            length_left = length_left.saturating_sub(answer.len());
            answers.push(answer.to_vec());
            continue_if(answers.len() < lines.len() && length_left > 0)
        });
        outcome.map(|()| answers).map_err(|failure| self.noted(failure))
    }

    /// Runs lines on the port and on the reference, and returns the positions of all lines whose
    /// answer is wrong.
    pub(crate) fn wrong_answers(&mut self, lines: &[Vec<u8>]) -> Result<Vec<usize>, Failure> {
        self.start()?;
        let due = self.running.as_mut().map_or_else(|| Ok(Vec::new()), |port| port.due(lines));
        let due = due.map_err(|failure| self.noted(failure))?;
        let answered: Vec<_> = due.iter().map(|due| lines[due.step].clone()).collect();
        let answers = self.ask(&answered)?;
        let pairs = due.into_iter().zip(answers);
        let is_wrong = |(due, answer): &(DueAnswer, Vec<u8>)| !due.is_met_by(answer, self.machine);
        Ok(pairs.filter(is_wrong).map(|(due, _)| due.step).collect())
    }

    /// Runs the lines on the port and on the reference. The port goes on afterwards, unless it
    /// diverged or the delivery ends its input.
    ///
    /// # Errors
    ///
    /// The first divergence.
    pub fn run(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Result<(), Divergence> {
        self.run_lines(lines, delivery, false)
    }

    /// Like [`Examinee::run`], but a port that wrote a wrong answer goes on, if it has answered every
    /// further line.
    ///
    /// # Errors
    ///
    /// The first divergence.
    pub(crate) fn run_and_go_on(
        &mut self,
        lines: &[Vec<u8>],
        delivery: Delivery,
    ) -> Result<(), Divergence> {
        self.run_lines(lines, delivery, !self.falls_silent)
    }

    /// Runs a case whose answers are known on the port alone, which goes on afterwards unless it failed
    /// or the delivery ends its input.
    ///
    /// # Errors
    ///
    /// The first divergence.
    pub fn run_case(&mut self, case: &Case, delivery: Delivery) -> Result<(), Divergence> {
        let mut due = known_answers(case);
        let reads_on = !self.falls_silent;
        self.run_on_process(delivery.ends_input(), |running, timeout| {
            (running.reads_on, running.reference) = (reads_on, Beside::Nowhere);
            for due in &mut due {
                due.greet(&running.due_greeting);
            }
            running.deliver(&case.lines, &due, delivery, timeout)
        })
    }

    /// Runs lines on the port, each with a `hello` after it, and adds their answers, whatever they
    /// are, to `answers`. The port goes on unless it failed.
    ///
    /// # Errors
    ///
    /// The port failed, or has no answer to a line or a second one: how, and the position that the
    /// line's answer has or would have among `answers`.
    pub(crate) fn answers(
        &mut self,
        lines: &[Vec<u8>],
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<(), (usize, Actual)> {
        let first = answers.len();
        let outcome = self.run_on_process(false, |running, timeout| {
            (running.reads_on, running.reference) = (false, Beside::Nowhere);
            running.answers(lines, answers, timeout)
        });
        outcome.map_err(|divergence| (first + divergence.step, divergence.actual))
    }

    fn run_lines(
        &mut self,
        lines: &[Vec<u8>],
        delivery: Delivery,
        reads_on: bool,
    ) -> Result<(), Divergence> {
        let reference = self.running.as_ref().map(|running| &running.reference);
        if matches!(reference, Some(Beside::Nowhere)) {
            self.stop();
        }
        self.run_on_process(delivery.ends_input(), |running, timeout| {
            running.reads_on = reads_on;
            if matches!(delivery, Delivery::Pipelined | Delivery::Marked) {
                running.begin(lines, delivery);
            }
            let due = running.due(lines).map_err(|failure| Divergence::failed(0, None, failure))?;
            running.deliver(lines, &due, delivery, timeout)
        })
    }

    /// Runs cases on the port that the reference has run, one or several that are pipelined. Calls
    /// `passed` after each case that passes. The port goes on as after [`Examinee::run`] or, if the
    /// cases are drawn and so begin with lines that make it forget, as after
    /// [`Examinee::run_and_go_on`].
    ///
    /// # Errors
    ///
    /// The first divergence.
    pub(crate) fn run_prepared(
        &mut self,
        cases: &mut [Prepared],
        passed: &mut dyn FnMut(),
    ) -> Result<(), Divergence> {
        let ends_input = cases.iter().any(|prepared| prepared.case.delivery.ends_input());
        let are_drawn = cases.iter().all(|prepared| prepared.case.seed.is_some());
        let reads_on = are_drawn && !self.falls_silent;
        self.run_on_process(ends_input, |running, timeout| {
            (running.reads_on, running.reference) = (reads_on, Beside::Nowhere);
            for prepared in &mut *cases {
                prepared.greet(&running.due_greeting);
            }
            match cases {
                [Prepared { case, due, .. }] if case.delivery != Delivery::Pipelined => {
                    running.deliver(&case.lines, due, case.delivery, timeout)?;
                    passed();
                    Ok(())
                }
                _ => {
                    let parts =
                        cases.iter().map(|Prepared { case, due, .. }| (&*case.lines, &**due));
                    running.pipelined(parts, timeout, passed)
                }
            }
        })
    }

    /// Runs something on a process of the port, which is ended before if its input will be, and
    /// after a divergence unless it is still in step.
    fn run_on_process(
        &mut self,
        ends_input: bool,
        run: impl FnOnce(&mut Running, Duration) -> Result<(), Divergence>,
    ) -> Result<(), Divergence> {
        if ends_input {
            self.stop();
        }
        if let Err(failure) = self.start() {
            return Err(Divergence::failed(0, None, failure));
        }
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        (running.is_in_step, running.is_silent) = (false, false);
        let outcome = run(running, self.limits.timeout);
        let is_in_step = running.is_in_step;
        self.falls_silent |= running.is_silent;
        if outcome.is_err() && !is_in_step || ends_input {
            self.stop();
        }
        if matches!(&outcome, Err(Divergence { actual, .. }) if !matches!(actual, Actual::Failed(_)))
        {
            // It was ended while it wrote on.
            self.last_unfinished_line.clear();
        }
        if self.limits.interrupt.is_raised() {
            // The reference may have stopped before the port, with too few answers.
            return Err(Divergence::failed(0, None, self.noted(Failure::Interrupted)));
        }
        outcome.inspect_err(|divergence| {
            if let Some(cause) = divergence.external_cause() {
                self.noted(cause.clone());
            }
        })
    }
}

impl Running<'_> {
    fn due(&mut self, lines: &[Vec<u8>]) -> Result<Vec<DueAnswer>, Failure> {
        let mut session = match mem::replace(&mut self.reference, Beside::Nowhere) {
            Beside::Session(session) => session,
            Beside::NotYet => self.machine.session()?,
            Beside::Nowhere => return Ok(Vec::new()),
        };
        let mut due = due_answers(self.machine, &mut *session, lines, &self.interrupt)?;
        self.reference = Beside::Session(session);
        for due in &mut due {
            due.greet(&self.due_greeting);
        }
        Ok(due)
    }

    /// Writes the beginning of the input that [`Running::deliver`] makes, so that the port and the
    /// reference run the first lines at the same time: a few lines may take both of them long.
    fn begin(&mut self, lines: &[Vec<u8>], delivery: Delivery) {
        let mut input = Vec::new();
        for line in lines {
            append_line(&mut input, line);
            if delivery == Delivery::Marked {
                append_line(&mut input, self.hello.as_bytes());
            }
            if input.len() >= BEGINNING_LENGTH {
                break;
            }
        }
        input.truncate(BEGINNING_LENGTH);
        self.begun_length = self.process.write_at_once(&input);
    }

    fn deliver(
        &mut self,
        lines: &[Vec<u8>],
        due: &[DueAnswer],
        delivery: Delivery,
        timeout: Duration,
    ) -> Result<(), Divergence> {
        match delivery {
            Delivery::Pipelined => self.pipelined([(lines, due)].into_iter(), timeout, &mut || {}),
            Delivery::Marked => self.marked(lines, due, timeout),
            Delivery::Stepwise | Delivery::Split => {
                self.stepwise(lines, due, delivery == Delivery::Split, timeout)
            }
            Delivery::ToEnd | Delivery::ToEndWithoutLf => {
                self.until_end(lines, due, delivery == Delivery::ToEnd, timeout)
            }
        }
    }

    /// Each part is the lines of a case and the answers that are due for them.
    fn pipelined<'a>(
        &mut self,
        parts: impl Iterator<Item = (&'a [Vec<u8>], &'a [DueAnswer])>,
        timeout: Duration,
        passed: &mut dyn FnMut(),
    ) -> Result<(), Divergence> {
        let mut input = Vec::new();
        let mut groups = Vec::new();
        for (lines, due) in parts {
            for line in lines {
                append_line(&mut input, line);
            }
            append_line(&mut input, self.hello.as_bytes());
            groups.push(Group::of_all(due, lines.len()));
        }
        self.compare(&input, &groups, timeout, passed)
    }

    fn marked(
        &mut self,
        lines: &[Vec<u8>],
        mut due: &[DueAnswer],
        timeout: Duration,
    ) -> Result<(), Divergence> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut input = Vec::new();
        let mut groups = Vec::new();
        for (step, line) in lines.iter().enumerate() {
            append_line(&mut input, line);
            append_line(&mut input, self.hello.as_bytes());
            let count = usize::from(due.first().is_some_and(|due| due.step == step));
            let (own, rest) = due.split_at(count);
            groups.push(Group { due: own, extra_step: step, end_step: step });
            due = rest;
        }
        self.compare(&input, &groups, timeout, &mut || {})
    }

    fn answers(
        &mut self,
        lines: &[Vec<u8>],
        answers: &mut Vec<Vec<u8>>,
        timeout: Duration,
    ) -> Result<(), Divergence> {
        let mut input = Vec::new();
        for line in lines {
            append_line(&mut input, line);
            append_line(&mut input, self.hello.as_bytes());
        }
        let (first, mut is_marker_due, mut wrong) = (answers.len(), false, None);
        let outcome = self.process.exchange(&input, timeout, |line| {
            let is_greeting = line == self.greeting;
            if !is_marker_due {
                let sent = &lines[answers.len() - first];
                if is_greeting && *sent != self.hello.as_bytes() {
                    wrong = Some(Actual::Missing);
                    return ControlFlow::Break(());
                }
                answers.push(line.to_vec());
            } else if !is_greeting {
                wrong = Some(Actual::Extra(line.to_vec()));
                return ControlFlow::Break(());
            }
            is_marker_due = !is_marker_due;
            continue_if(is_marker_due || answers.len() - first < lines.len())
        });
        let is_joined =
            is_marker_due && answers.last().is_some_and(|it| it.ends_with(&self.greeting));
        let wrong = wrong.or_else(|| {
            let failure = outcome.err()?;
            Some(Actual::Failed(self.process.detect_unflushed(failure)))
        });
        let wrong = wrong.map(|actual| match actual {
            Actual::Extra(_) | Actual::Failed(Failure::NoAnswer) if is_joined => {
                Actual::Failed(Failure::NoLineEnd)
            }
            actual => actual,
        });
        let step = answers.len() - first - usize::from(is_marker_due);
        wrong.map_or(Ok(()), |actual| Err(Divergence::new(step, None, actual)))
    }

    /// Writes `input` and compares the answers, in groups with a greeting after each. Calls
    /// `completed` after each group.
    fn compare(
        &mut self,
        input: &[u8],
        groups: &[Group<'_>],
        timeout: Duration,
        completed: &mut dyn FnMut(),
    ) -> Result<(), Divergence> {
        let mut comparison = Comparison::new(self.machine, groups, &self.greeting);
        comparison.reads_on = self.reads_on;
        let input = &input[mem::take(&mut self.begun_length)..];
        let outcome = self.process.exchange(input, timeout, |line| {
            let group = comparison.group;
            let flow = comparison.take(line);
            if comparison.group > group {
                completed();
            }
            flow
        });
        self.is_in_step = comparison.is_in_step;
        self.is_silent = comparison.divergence.is_some() && outcome.is_err();
        match (comparison.divergence.take(), outcome) {
            (Some(divergence), _) => Err(divergence),
            (None, Ok(())) => Ok(()),
            (None, Err(failure)) => {
                let failure = self.process.detect_unflushed(failure);
                Err(comparison.diverged(Actual::Failed(failure)))
            }
        }
    }

    /// If lines are split, each write ends within the line after it.
    fn stepwise(
        &mut self,
        lines: &[Vec<u8>],
        due: &[DueAnswer],
        split: bool,
        timeout: Duration,
    ) -> Result<(), Divergence> {
        let mut answers = due.iter().peekable();
        let mut input = Vec::new();
        let mut written_length = 0;
        for (step, line) in lines.iter().enumerate() {
            append_line(&mut input, &line[written_length..]);
            let begin = lines.get(step + 1).filter(|_| split).map(|next| &next[..cut(next)]);
            input.extend_from_slice(begin.unwrap_or_default());
            written_length = begin.map_or(0, <[u8]>::len);
            if let Some(due) = answers.next_if(|due| due.step == step) {
                let outcome = self.step(&input, due, timeout);
                if outcome.as_ref().is_err_and(Divergence::is_wrong_answer) {
                    // It has answered all that was written, and no reference is ahead of it.
                    let is_alone = matches!(self.reference, Beside::Nowhere);
                    self.is_in_step = self.reads_on && is_alone && !split;
                }
                outcome?;
                input.clear();
            }
        }
        if input.is_empty() {
            return Ok(());
        }
        // The last lines get no answer; the begin of the first of them may be written already.
        let last = lines.len() - 1;
        input.extend([self.hello.as_bytes(), b"\n"].concat());
        let groups = [Group { due: &[], extra_step: last, end_step: last }];
        self.compare(&input, &groups, timeout, &mut || {})
    }

    /// One write and its one answer.
    fn step(&mut self, input: &[u8], due: &DueAnswer, timeout: Duration) -> Result<(), Divergence> {
        let mut actual = None;
        let outcome = self.process.exchange(input, timeout, |line| {
            actual = Some(line.to_vec());
            ControlFlow::Break(())
        });
        match (outcome, actual) {
            (Ok(()), Some(actual)) if due.is_met_by(&actual, self.machine) => Ok(()),
            (Ok(()), Some(actual)) => Err(due.unlike(Actual::Answer(actual))),
            (Ok(()), None) => Err(due.unlike(Actual::Missing)),
            (Err(failure), _) => {
                Err(due.unlike(Actual::Failed(self.process.detect_unflushed(failure))))
            }
        }
    }

    fn until_end(
        &mut self,
        lines: &[Vec<u8>],
        due: &[DueAnswer],
        has_final_lf: bool,
        timeout: Duration,
    ) -> Result<(), Divergence> {
        let mut input = joined(lines);
        if !has_final_lf {
            input.pop();
        }
        let mut answers = Vec::new();
        let outcome = self.process.finish(&input, timeout, |line| {
            answers.push(line.to_vec());
            continue_if(answers.len() <= due.len() + EXTRA_LINES_MAX)
        });
        let groups = [Group::of_all(due, lines.len())];
        let mut comparison = Comparison::new(self.machine, &groups, &self.greeting);
        let _ = answers.iter().try_for_each(|answer| comparison.take(answer));
        if let Some(divergence) = comparison.divergence {
            return Err(divergence);
        }
        let actual = match outcome {
            Ok(status) if status.success() && !comparison.is_due() => return Ok(()),
            Ok(status) if status.success() => Actual::Missing,
            Ok(status) => Actual::Failed(Failure::Exited(status)),
            Err(failure) => Actual::Failed(failure),
        };
        Err(comparison.diverged(actual))
    }
}

/// Returns how many bytes of a line are written before its rest: none to all. It depends on the
/// line's bytes alone, so that a finding is the same whatever lines are before it, and is as often
/// within a character of several bytes as elsewhere.
fn cut(line: &[u8]) -> usize {
    let sum: usize = line.iter().map(|byte| usize::from(*byte)).sum();
    sum % (line.len() + 1)
}

/// Returns the lines with an LF after each.
fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut joined = Vec::new();
    for line in lines {
        append_line(&mut joined, line);
    }
    joined
}

fn append_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line);
    out.push(b'\n');
}
