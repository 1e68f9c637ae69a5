//! Threads that prepare cases a little ahead of the port.
//!
//! Several makers take turns: the first prepares as many cases as a turn has, the second those after
//! them, and so on, each into a short queue of its own. The queues are emptied in the same order. So
//! the cases come in order, however many makers there are, and a maker that is far ahead waits.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::prepared::Prepared;

/// How many cases a turn has. They fill a chunk or two: with more, the other makers would wait.
pub(crate) const TURN_LENGTH: usize = 256;
/// A chunk has at most so many bytes of lines and answers, unless it has only one case. The port waits
/// at the end of each, so that short ones cost time.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// No case is added to a chunk that has taken this long, so that the port need not wait for a slow
/// reference.
const CHUNK_TIME_MAX: Duration = Duration::from_millis(500);
/// How many chunks of a maker wait for the port, at most.
const CHUNKS_AHEAD: usize = 2;

/// Returns the numbers below `count` of the cases of the maker that is at `position` among `makers`.
pub(crate) fn numbers_of(position: usize, makers: usize, count: u64) -> impl Iterator<Item = u64> {
    let length = TURN_LENGTH as u64;
    let turns = (position as u64 * length..count).step_by(makers * TURN_LENGTH);
    turns.flat_map(move |first| first..count.min(first.saturating_add(length)))
}

/// A maker of prepared cases.
pub(crate) struct Maker<I> {
    cases: I,
    turn_length: usize,
    /// How many cases the present turn still has.
    left: usize,
}

/// Cases of one turn, in order.
pub(crate) struct Chunk {
    cases: Vec<Prepared>,
    /// Whether it is the last chunk of the turn.
    ends_turn: bool,
}

impl<I: Iterator<Item = Option<Prepared>>> Maker<I> {
    /// Makes a maker of these cases, each of which is prepared when it is taken. `None` stands for one
    /// that is left out.
    pub(crate) const fn new(cases: I, turn_length: usize) -> Self {
        Self { cases, turn_length, left: turn_length }
    }
}

impl<I: Iterator<Item = Option<Prepared>>> Iterator for Maker<I> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let (mut cases, mut bytes, started) = (Vec::new(), 0, Instant::now());
        for case in self.cases.by_ref() {
            bytes += case.as_ref().map_or(0, |case| case.bytes);
            cases.extend(case);
            self.left -= 1;
            let ends_turn = self.left == 0;
            if ends_turn {
                self.left = self.turn_length;
            }
            if ends_turn || bytes >= CHUNK_BYTES_MAX || started.elapsed() >= CHUNK_TIME_MAX {
                return Some(Chunk { cases, ends_turn });
            }
        }
        (!cases.is_empty()).then_some(Chunk { cases, ends_turn: false })
    }
}

/// A maker at work.
enum Work<'scope, I> {
    /// It has a thread.
    Elsewhere {
        chunks: Receiver<Chunk>,
        /// The chunks that were taken: memory costs least if the thread that took it frees it.
        taken: Sender<Chunk>,
        thread: ScopedJoinHandle<'scope, ()>,
    },
    /// No thread could be started.
    Here(Maker<I>),
}

impl<'scope, I: Iterator<Item = Option<Prepared>> + Send> Work<'scope, I> {
    /// Starts the maker in `slot`.
    fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        slot: &'env Mutex<Option<Maker<I>>>,
    ) -> Option<Self> {
        let maker = || slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        let (taken, used) = channel();
        let make = move || {
            for chunk in maker().into_iter().flatten() {
                used.try_iter().for_each(drop::<Chunk>);
                if sender.send(chunk).is_err() {
                    break;
                }
            }
        };
        match thread::Builder::new().spawn_scoped(scope, make) {
            Ok(thread) => Some(Self::Elsewhere { chunks, taken, thread }),
            Err(_) => maker().map(Self::Here),
        }
    }

    fn next_chunk(&mut self) -> Option<Chunk> {
        match self {
            Self::Elsewhere { chunks, .. } => chunks.recv().ok(),
            Self::Here(maker) => maker.next(),
        }
    }

    fn give_back(&self, chunk: Chunk) {
        if let Self::Elsewhere { taken, .. } = self {
            // The thread may have ended.
            let _ = taken.send(chunk);
        }
    }

    /// Takes no more, so that the thread ends soon. Returns the thread.
    fn end(self) -> Option<ScopedJoinHandle<'scope, ()>> {
        match self {
            Self::Elsewhere { thread, .. } => Some(thread),
            Self::Here(_) => None,
        }
    }
}

/// Runs the makers, which take turns, while `consume` works on the cases that are ready: chunk by
/// chunk, in order, until it breaks.
pub(crate) fn with_prepared<I: Iterator<Item = Option<Prepared>> + Send>(
    makers: Vec<Maker<I>>,
    mut consume: impl FnMut(&mut [Prepared]) -> ControlFlow<()>,
) {
    let slots: Vec<_> = makers.into_iter().map(|maker| Mutex::new(Some(maker))).collect();
    thread::scope(|scope| {
        let mut works: Vec<_> = slots.iter().filter_map(|slot| Work::start(scope, slot)).collect();
        let mut turn = 0;
        while let Some(mut chunk) = works.get_mut(turn).and_then(Work::next_chunk) {
            let (flow, ends_turn) = (consume(&mut chunk.cases), chunk.ends_turn);
            works[turn].give_back(chunk);
            if flow.is_break() {
                break;
            }
            turn = (turn + usize::from(ends_turn)) % works.len();
        }
        // All end before one is waited for.
        let threads: Vec<_> = works.into_iter().filter_map(Work::end).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::case::{Case, Delivery};
    use crate::prepared::CaseKey;

    /// Every seventh fills a chunk.
    fn prepared(number: u64) -> Prepared {
        Prepared {
            key: CaseKey { suite: 0, number },
            case: Case::new("a/0".into(), Vec::new(), Delivery::Pipelined),
            level: 1,
            due: Vec::new(),
            obstacle: None,
            needs_fresh_session: false,
            bytes: if number.is_multiple_of(7) { CHUNK_BYTES_MAX } else { 100 },
        }
    }

    /// Runs so many makers, and adds to `made` the cases that they have made.
    fn consume_by(
        makers: usize,
        count: u64,
        made: &AtomicU64,
        consume: impl FnMut(&mut [Prepared]) -> ControlFlow<()>,
    ) {
        let maker = |position| {
            let numbers = numbers_of(position, makers, count);
            let counted = numbers.inspect(|_| _ = made.fetch_add(1, Ordering::Relaxed));
            // Every fifth is left out.
            let cases = counted.map(|number| (number % 5 > 0).then(|| prepared(number)));
            Maker::new(cases, TURN_LENGTH)
        };
        with_prepared((0..makers).map(maker).collect(), consume);
    }

    #[test]
    fn cases_come_in_order_however_many_makers_there_are() {
        let length = TURN_LENGTH as u64;
        for count in [0, 1, length - 1, length, 3 * length, 10 * length + 5] {
            for makers in 1..=4 {
                let mut numbers = Vec::new();
                consume_by(makers, count, &AtomicU64::new(0), |cases| {
                    numbers.extend(cases.iter().map(|case| case.key.number));
                    ControlFlow::Continue(())
                });
                let due: Vec<_> = (0..count).filter(|number| number % 5 > 0).collect();
                assert_eq!(numbers, due, "{makers} makers of {count}");
            }
        }
    }

    /// The numbers have no end, so makers that do not wait or do not stop hang this.
    #[test]
    fn makers_are_a_little_ahead_and_end_with_the_consumer() {
        for makers in 1..=4 {
            let (made, mut taken) = (AtomicU64::new(0), 0);
            consume_by(makers, u64::MAX, &made, |cases| {
                taken += cases.len() as u64;
                thread::sleep(Duration::from_millis(1));
                // Those that are left out count, too; and each maker has a chunk in its hand.
                let ahead = made.load(Ordering::Relaxed).saturating_sub(taken * 5 / 4);
                let ahead_max = (makers * (CHUNKS_AHEAD + 2) * TURN_LENGTH) as u64;
                assert!(ahead <= ahead_max, "{makers} makers: {ahead} cases");
                if taken < 500 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
    }

    #[test]
    #[should_panic(expected = "a maker's own words")]
    fn a_panic_of_a_maker_is_passed_on() {
        let cases = (0..).map(|number| match number {
            0..100 => Some(prepared(number)),
            _ => panic!("a maker's own words"),
        });
        with_prepared(vec![Maker::new(cases, TURN_LENGTH)], |_| ControlFlow::Continue(()));
    }
}
