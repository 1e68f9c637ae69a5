//! The processes of the reference. A start line makes one forget the lines before it, so a process
//! runs one case after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dkv20_described::{Description, Reference};
use dkv20_exam::reports::visible;
use dkv20_exam::{Breakdown, Conversation, Failure, Interrupt, PortSpec};

/// A reference that has failed this often is not started again.
const FAILURES_MAX: usize = 3;
/// How many processes that run no case are kept.
const IDLE_MAX: usize = 4;

/// The reference's program, and its processes that run no case now.
pub(super) struct Processes {
    pub(super) spec: PortSpec,
    pub(super) description: Arc<Description>,
    pub(super) timeout: Duration,
    pub(super) interrupt: Interrupt,
    pub(super) idle: Mutex<Vec<Conversation>>,
    pub(super) failures: Mutex<Vec<Failure>>,
}

impl Processes {
    fn idle(&self) -> MutexGuard<'_, Vec<Conversation>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a process that runs no case now.
    pub(super) fn lend(self: &Arc<Self>) -> Result<Process, Failure> {
        match self.idle().pop() {
            Some(idle) => Ok(self.running(idle)),
            None => self.lend_new(),
        }
    }

    /// Returns a process that has run nothing yet.
    pub(super) fn lend_new(self: &Arc<Self>) -> Result<Process, Failure> {
        self.start().map(|conversation| self.running(conversation))
    }

    fn running(self: &Arc<Self>, conversation: Conversation) -> Process {
        Process { processes: Arc::clone(self), conversation: Some(conversation), due: 0 }
    }

    /// Starts a process, unless too many have failed: each may have taken the whole time limit.
    fn start(&self) -> Result<Conversation, Failure> {
        if let Some(failure) = self.failures().get(FAILURES_MAX - 1) {
            return Err(failure.clone());
        }
        let hello = &self.description.hello;
        let (timeout, interrupt) = (self.timeout, self.interrupt.clone());
        let conversation = Conversation::start(&self.spec, hello.as_bytes(), timeout, interrupt)
            .map_err(|breakdown| self.failure(&breakdown))?;
        let greeting = conversation.greeting();
        if self.description.is_greeting(greeting) {
            return Ok(conversation);
        }
        let (name, greeting) = (&self.spec.name, String::from_utf8_lossy(greeting));
        Err(Failure::Reference(visible(&format!(
            "{name}: `{hello}`: the answer `{greeting}` is no greeting; answer it as \
             `protocol.greeting` says"
        ))))
    }

    fn failure(&self, breakdown: &Breakdown) -> Failure {
        match breakdown.external_cause() {
            Some(Failure::Interrupted) => return Failure::Interrupted,
            Some(cause) => return Failure::Reference(format!("{}: {cause}", self.spec.command[0])),
            None => {}
        }
        let failure = self.own_failure(breakdown);
        self.failures().push(failure.clone());
        failure
    }

    fn failures(&self) -> MutexGuard<'_, Vec<Failure>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_failure(&self, breakdown: &Breakdown) -> Failure {
        let last_words = breakdown.stderr.lines().last().unwrap_or_default();
        let words = if last_words.is_empty() { String::new() } else { format!(" ({last_words})") };
        let remedy = breakdown.remedy();
        let text = format!("{}: {breakdown}{words}; {remedy}", self.spec.name);
        Failure::Reference(visible(&text))
    }
}

/// A process of the reference that runs a case. It can run others after it if it has answered every
/// line.
pub(super) struct Process {
    processes: Arc<Processes>,
    conversation: Option<Conversation>,
    /// How many answers were not received.
    due: usize,
}

impl Reference for Process {
    type Failure = Failure;

    fn send(&mut self, line: &[u8]) -> Result<(), Failure> {
        if let Some(conversation) = &mut self.conversation {
            conversation.send(line);
            self.due += 1;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let answer = self.conversation.as_mut().map(Conversation::receive);
        let ended = || Failure::Reference("it had failed before".into());
        let answer = answer.ok_or_else(ended)?.map_err(|breakdown| {
            self.conversation = None;
            self.processes.failure(&breakdown)
        })?;
        self.due -= 1;
        Ok(answer)
    }
}

impl Process {
    /// Sends the lines and returns their answers.
    pub(super) fn answers(&mut self, lines: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
        for line in lines {
            self.send(line)?;
        }
        lines.iter().map(|_| self.receive()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut idle = self.processes.idle();
        if self.due == 0 && idle.len() < IDLE_MAX {
            idle.extend(self.conversation.take());
        }
    }
}
