//! The processes of the reference. A start line makes one forget the lines before it, so a process
//! runs one case after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dkv20_described::Reference;
use dkv20_exam::reports::visible;
use dkv20_exam::{Breakdown, Conversation, Failure, Interrupt, PortSpec};

/// The reference's program, and its processes that run no case now.
pub(super) struct Processes {
    pub(super) spec: PortSpec,
    pub(super) hello: String,
    pub(super) timeout: Duration,
    pub(super) interrupt: Interrupt,
    pub(super) idle: Mutex<Vec<Conversation>>,
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

    fn start(&self) -> Result<Conversation, Failure> {
        let hello = self.hello.as_bytes();
        Conversation::start(&self.spec, hello, self.timeout, self.interrupt.clone())
            .map_err(|breakdown| self.failure(&breakdown))
    }

    fn failure(&self, breakdown: &Breakdown) -> Failure {
        match breakdown.external_cause() {
            Some(Failure::Interrupted) => return Failure::Interrupted,
            Some(cause) => return Failure::Reference(format!("{}: {cause}", self.spec.command[0])),
            None => {}
        }
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
        if self.due == 0 {
            self.processes.idle().extend(self.conversation.take());
        }
    }
}
