//! Cases that the reference has run before a port does: made on a thread of their own, a little
//! ahead of the port.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{Case, Due};
use crate::limits::Interrupt;
use crate::machine::{Machine, Session};
use crate::port::Failure;
use crate::tally::Tally;

/// A chunk has at most so many cases and, unless it has only one, bytes of lines and answers. The port
/// waits at the end of each, so that short ones cost time.
const CHUNK_CASES_MAX: usize = 256;
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// No case is added to a chunk that has taken this long, so that the port need not wait for a slow
/// reference.
const CHUNK_TIME_MAX: Duration = Duration::from_millis(500);
/// How many chunks wait for the port, at most.
const CHUNKS_AHEAD: usize = 2;

/// From what a case can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CaseKey {
    /// The position of its suite.
    pub(crate) suite: usize,
    /// Its number in the suite, or its seed.
    pub(crate) number: u64,
}

/// A maker of cases.
pub(crate) trait Cases {
    fn case(&self, key: CaseKey) -> Case;
}

/// An answer that is due, and the step that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct DueAnswer {
    pub(crate) step: usize,
    pub(crate) answer: Vec<u8>,
    /// The name of the line, if the machine compares answers by names.
    pub(crate) name: Option<Arc<str>>,
    /// Whether it is the port's greeting, which `answer` has once a process of the port is known.
    is_greeting: bool,
}

impl DueAnswer {
    fn new(step: usize, due: Due) -> Option<Self> {
        let (answer, is_greeting) = match due {
            Due::Nothing => return None,
            Due::Answer(answer) => (answer, false),
            Due::Greeting => (Vec::new(), true),
        };
        Some(Self { step, answer, name: None, is_greeting })
    }

    /// Reports whether an answer counts as the one that is due.
    pub(crate) fn is_met_by(&self, answer: &[u8], machine: &dyn Machine) -> bool {
        let is_same = |name: &Arc<str>| machine.is_same(name, &self.answer, answer);
        answer == self.answer || self.name.as_ref().is_some_and(is_same)
    }

    pub(crate) fn greet(&mut self, greeting: &[u8]) {
        if self.is_greeting {
            self.answer = greeting.to_vec();
        }
    }
}

/// Returns the answers to the lines of a case that are known, with the names of the lines.
pub(crate) fn known_answers(case: &Case) -> Vec<DueAnswer> {
    let due = case.due.iter().flatten().cloned().enumerate();
    let answers = due.filter_map(|(step, due)| DueAnswer::new(step, due));
    answers.map(|due| DueAnswer { name: case.names.get(due.step).cloned(), ..due }).collect()
}

/// Returns the session's answers to the lines; too few after an interruption.
pub(crate) fn due_answers(
    machine: &dyn Machine,
    session: &mut dyn Session,
    lines: &[Vec<u8>],
    interrupt: &Interrupt,
) -> Result<Vec<DueAnswer>, Failure> {
    let due = session.run_lines(lines, &|| !interrupt.is_raised())?;
    let mut answers = Vec::with_capacity(due.len());
    answers.extend(due.into_iter().enumerate().filter_map(|(step, due)| DueAnswer::new(step, due)));
    for due in &mut answers {
        due.name = machine.name_of(&lines[due.step]);
    }
    Ok(answers)
}

/// A case, and what a new session of the reference answers.
pub(crate) struct Prepared {
    pub(crate) key: CaseKey,
    pub(crate) case: Case,
    /// The level that a port must have reached to answer it.
    pub(crate) level: usize,
    /// Too few after an interruption, if the case is not to be asked, or if the reference failed.
    pub(crate) due: Vec<DueAnswer>,
    /// Why the reference did not run it, if it failed.
    pub(crate) obstacle: Option<Failure>,
    pub(crate) needs_fresh_session: bool,
    /// The length of its lines and answers.
    pub(crate) bytes: usize,
}

impl Prepared {
    pub(crate) fn greet(&mut self, greeting: &[u8]) {
        for due in &mut self.due {
            due.greet(greeting);
        }
    }
}

/// The milestones and measures of the cases of each suite.
pub(crate) type Counts = Vec<Tally>;

/// Makes cases ready to be asked.
pub(crate) struct Preparation<'a> {
    pub(crate) machine: &'a dyn Machine,
    pub(crate) interrupt: &'a Interrupt,
    /// Whether the port is still asked.
    pub(crate) is_asked: &'a AtomicBool,
    /// Set if milestones are to be counted.
    pub(crate) counts: Option<Counts>,
}

impl Preparation<'_> {
    fn prepare(&mut self, key: CaseKey, mut case: Case) -> Prepared {
        let (due, obstacle) = match self.due(key, &mut case) {
            Ok(due) => (due, case.obstacle.take()),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        let depends = |due: &DueAnswer| self.machine.depends_on_session(&due.answer);
        let line_bytes: usize = case.lines.iter().map(|line| line.len() + 1).sum();
        let answer_bytes: usize = due.iter().map(|due| due.answer.len() + 1).sum();
        Prepared {
            key,
            level: self.machine.level_of_all(&case.lines),
            needs_fresh_session: due.iter().any(depends),
            due,
            obstacle,
            bytes: line_bytes + answer_bytes,
            case,
        }
    }

    fn due(&mut self, key: CaseKey, case: &mut Case) -> Result<Vec<DueAnswer>, Failure> {
        let (interrupt, mut answers) = (self.interrupt, Vec::new());
        let (known, lines) = (case.due.take(), &case.lines);
        if let Some(counts) = self.counts.as_mut().filter(|_| !interrupt.is_raised()) {
            let mut step = 0;
            self.machine.run_and_tally(lines, known, &mut counts[key.suite], &mut |due| {
                answers.extend(DueAnswer::new(step, due));
                step += 1;
                if interrupt.is_raised() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        } else if let Some(due) = known {
            let due = due.into_iter().enumerate();
            answers.extend(due.filter_map(|(step, due)| DueAnswer::new(step, due)));
        } else if self.is_asked.load(Ordering::Relaxed) {
            let mut session = self.machine.session()?;
            answers = due_answers(self.machine, &mut *session, lines, interrupt)?;
        }
        for due in &mut answers {
            due.name = case.names.get(due.step).cloned().or(due.name.take());
        }
        Ok(answers)
    }

    /// Passes all cases to `take`, in chunks, until it returns `false`. Milestones are then still
    /// counted. The case of which the reference failed is the last one: it would fail again at each
    /// of the others, perhaps after its whole time limit.
    fn run(
        mut self,
        cases: impl Iterator<Item = Option<(CaseKey, Case)>>,
        mut take: impl FnMut(Vec<Prepared>) -> bool,
    ) -> Option<Counts> {
        let (mut chunk, mut tries, mut bytes) = (Vec::new(), 0, 0);
        let (mut is_taken, mut started) = (true, Instant::now());
        for case in cases {
            if !is_taken && (self.counts.is_none() || self.interrupt.is_raised()) {
                break;
            }
            tries += 1;
            if let Some((key, case)) = case {
                let prepared = self.prepare(key, case);
                bytes += prepared.bytes;
                let has_failed = prepared.obstacle.is_some();
                chunk.push(prepared);
                if has_failed {
                    break;
                }
            }
            let is_long = || started.elapsed() >= CHUNK_TIME_MAX;
            if tries >= CHUNK_CASES_MAX || bytes >= CHUNK_BYTES_MAX || is_long() {
                let full = std::mem::take(&mut chunk);
                (tries, bytes, started) = (0, 0, Instant::now());
                is_taken = is_taken && take(full);
            }
        }
        if is_taken {
            take(chunk);
        }
        self.counts
    }
}

/// Prepares the cases on another thread while `consume` works on those that are ready: chunk by chunk,
/// in order. A chunk may be empty, since `None` stands for a case that is left out. Returns the
/// counts, if they are asked for, of all cases.
pub(crate) fn with_prepared(
    preparation: Preparation<'_>,
    cases: impl Iterator<Item = Option<(CaseKey, Case)>> + Send,
    mut consume: impl FnMut(&mut [Prepared]) -> ControlFlow<()>,
) -> Option<Counts> {
    // If no thread can be started, this one does both.
    let work = Mutex::new(Some((preparation, cases)));
    let take_work = || work.lock().unwrap_or_else(PoisonError::into_inner).take();
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
        // An allocation costs least on the thread that made it.
        let (used_sender, used) = channel();
        let prepare = || {
            let (preparation, cases) = take_work()?;
            preparation.run(cases, move |chunk| {
                used.try_iter().for_each(drop::<Vec<Prepared>>);
                sender.send(chunk).is_ok()
            })
        };
        let Ok(thread) = thread::Builder::new().spawn_scoped(scope, prepare) else {
            let (preparation, cases) = take_work()?;
            return preparation.run(cases, |mut chunk| consume(&mut chunk).is_continue());
        };
        let _ = receiver.iter().try_for_each(|mut chunk| {
            let flow = consume(&mut chunk);
            let _ = used_sender.send(chunk);
            flow
        });
        // The other thread sees that nothing more is taken.
        drop(receiver);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
