//! The search: breadth first, so that the first counterexample is a shortest one.
//!
//! A state is kept as its fingerprint and as the event that first led to it from another; it is
//! made again, where it is needed, by running the events that lead to it. So a state costs some
//! dozens of bytes, whatever a cluster costs.

use std::any::Any;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::protocol::Command;

use super::counterexample::{Broken, Counterexample};
use super::events::{Event, events};
use super::rules::{RULES, Rule, Scope, Step};
use super::view::{History, View, fingerprint};
use super::{Answer, System};

/// How many states a thread takes at a time. What follows from a state and is not known yet is
/// kept until the whole batch is done.
const CHUNK_SIZE: usize = 64;
const CHUNKS_PER_BATCH: usize = 64;

/// How far to go.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most events that lead to a state, at least 1.
    pub depth: u32,
    /// When to stop, whatever has been reached.
    pub time: Option<Duration>,
    /// How many threads look at states, at least 1. What is found does not depend on it.
    pub thread_count: usize,
}

/// What was found among the states that so many events lead to, and no fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// How many events.
    pub depth: u32,
    /// How many states.
    pub states: usize,
    /// How many steps were taken from them.
    pub transitions: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The levels that were finished, from depth 0. From the states of the last one no step is
    /// taken where it is at the greatest depth.
    pub levels: Vec<Level>,
    /// How many states are known, and how many steps were taken, in unfinished levels too.
    pub states: usize,
    /// How many steps were taken.
    pub transitions: u64,
    /// How often each rule was put to the test, in the order of [`RULES`].
    pub tested: [u64; RULES.len()],
    /// What breaks a rule.
    pub counterexample: Option<Counterexample>,
    /// Whether the time ended before the greatest depth was reached.
    pub out_of_time: bool,
}

impl Report {
    /// The rules that must have been put to the test at the depth that was finished, and were
    /// not: what was found says nothing about them.
    #[must_use]
    pub fn vacuous(&self, replica_count: usize) -> Vec<&'static str> {
        let depth = self.levels.last().map_or(0, |level| level.depth);
        let due = |rule: &Rule| rule.tested_within(replica_count).is_some_and(|due| due <= depth);
        let rules = RULES.iter().zip(self.tested).filter(|(rule, count)| due(rule) && *count == 0);
        rules.map(|(rule, _)| rule.name).collect()
    }
}

/// Goes through all states that `settings.depth` events can lead to from `initial`, and holds each
/// state and each step against the [`RULES`]. `on_level` is called after each level.
///
/// It ends at the first level that shows a counterexample. What it finds is the same in every run,
/// the time apart.
pub fn explore<S: System>(
    initial: &S,
    settings: &Settings,
    mut on_level: impl FnMut(&Level),
) -> Report {
    let mut search = Search::new(initial, settings);
    let deadline = settings.time.map(|time| Instant::now() + time);
    let mut level = 0..1;
    for depth in 0..=settings.depth {
        let Some(found) = search.level(depth, level.clone(), deadline) else {
            search.report.out_of_time = true;
            break;
        };
        on_level(&found);
        search.report.levels.push(found);
        if search.fault.is_some() {
            break;
        }
        level = level.end..search.nodes.len();
        if level.is_empty() {
            break;
        }
    }
    search.into_report()
}

/// A state: the event that first led to it, and from which other state.
#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    event: u16,
}

/// Where a rule is broken: how many events lead there, the state, and the event from it, where it
/// is the step that breaks the rule. The least is the one to report.
type Fault = (u32, u32, Option<u16>);

struct Search<'a, S> {
    initial: &'a S,
    events: Vec<Event>,
    settings: &'a Settings,
    nodes: Vec<Node>,
    seen: HashSet<u128, BuildHasherDefault<LowHalf>>,
    fault: Option<Fault>,
    report: Report,
}

/// What was found in a chunk of a level.
struct Chunk {
    /// States that were not known when the batch began: fingerprints, and how one comes there.
    reached: Vec<(u128, Node)>,
    transitions: u64,
    tested: [u64; RULES.len()],
    fault: Option<Fault>,
}

#[derive(Clone)]
struct State<S> {
    system: S,
    view: View,
    history: History,
}

impl<'a, S: System> Search<'a, S> {
    fn new(initial: &'a S, settings: &'a Settings) -> Self {
        let root = State::initial(initial);
        Self {
            initial,
            events: events(root.view.replicas.len()),
            settings,
            nodes: vec![Node { parent: 0, event: 0 }],
            seen: HashSet::from_iter([fingerprint(&root.view, &root.history)]),
            fault: None,
            report: Report::default(),
        }
    }

    /// Looks at the states of a level, and takes every step from them where more events are
    /// allowed. `None` where the time ended before that was done.
    fn level(
        &mut self,
        depth: u32,
        level: Range<usize>,
        deadline: Option<Instant>,
    ) -> Option<Level> {
        let mut found = Level { depth, states: level.len(), transitions: 0 };
        for start in level.clone().step_by(CHUNK_SIZE * CHUNKS_PER_BATCH) {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            let end = level.end.min(start + CHUNK_SIZE * CHUNKS_PER_BATCH);
            for chunk in self.batch(depth, start..end) {
                found.transitions += chunk.transitions;
                self.take(chunk);
            }
        }
        Some(found)
    }

    fn batch(&self, depth: u32, batch: Range<usize>) -> Vec<Chunk> {
        let starts: Vec<_> = batch.clone().step_by(CHUNK_SIZE).collect();
        let next = AtomicUsize::new(0);
        let chunks = Mutex::new(Vec::new());
        let work = || {
            while let Some(start) = starts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let chunk = self.chunk(depth, *start..batch.end.min(start + CHUNK_SIZE));
                chunks.lock().expect("no worker panics with the lock").push((*start, chunk));
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.settings.thread_count.min(starts.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut chunks = chunks.into_inner().expect("no worker panics with the lock");
        chunks.sort_unstable_by_key(|(start, _)| *start);
        chunks.into_iter().map(|(_, chunk)| chunk).collect()
    }

    fn take(&mut self, chunk: Chunk) {
        self.report.transitions += chunk.transitions;
        for (sum, tested) in self.report.tested.iter_mut().zip(chunk.tested) {
            *sum += tested;
        }
        if let Some(fault) = chunk.fault {
            self.fault = Some(self.fault.map_or(fault, |known| known.min(fault)));
        }
        for (fingerprint, node) in chunk.reached {
            if self.seen.insert(fingerprint) {
                self.nodes.push(node);
            }
        }
    }

    fn chunk(&self, depth: u32, ids: Range<usize>) -> Chunk {
        let mut chunk =
            Chunk { reached: Vec::new(), transitions: 0, tested: [0; RULES.len()], fault: None };
        let mut path = Vec::new();
        for id in ids {
            let id = u32::try_from(id).expect("more than 2^32 states do not fit into memory");
            let state = self.state(&mut path, id, depth);
            let broken = judge_state(&state.view, &state.history, Some(&mut chunk.tested));
            if !broken.is_empty() {
                chunk.note((depth, id, None));
            }
            if depth < self.settings.depth {
                self.expand(&mut chunk, depth, id, state);
            }
        }
        chunk
    }

    /// Takes every step from a state.
    fn expand(&self, chunk: &mut Chunk, depth: u32, id: u32, state: &State<S>) {
        for (event, number) in self.events.iter().zip(0..) {
            chunk.transitions += 1;
            let mut system = state.system.clone();
            let command = event.command(&state.view, &state.history);
            let Ok((answer, after)) = run(&mut system, &command) else {
                chunk.note((depth + 1, id, Some(number)));
                continue;
            };
            let (before, command, answer) = (&state.view, &command, &answer);
            let step = Step { before, command, answer, after: &after };
            if !judge_step(&step, Some(&mut chunk.tested)).is_empty() {
                chunk.note((depth + 1, id, Some(number)));
            } else if after != state.view {
                let fingerprint = fingerprint(&after, &state.history.after(&after));
                if !self.seen.contains(&fingerprint) {
                    chunk.reached.push((fingerprint, Node { parent: id, event: number }));
                }
            }
        }
    }

    /// The state `id`, made by running the events that lead there. `path` has the states on the
    /// way to the one before, with which it mostly shares all but the last.
    fn state<'p>(&self, path: &'p mut Vec<(u32, State<S>)>, id: u32, depth: u32) -> &'p State<S> {
        let way = self.way(id, depth);
        let shared = way.iter().zip(path.iter()).take_while(|(id, known)| **id == known.0).count();
        path.truncate(shared);
        for id in &way[shared..] {
            let state = match path.last() {
                None => State::initial(self.initial),
                Some((_, parent)) => {
                    let mut state = parent.clone();
                    state.run(&self.events[usize::from(self.node(*id).event)]);
                    state
                }
            };
            path.push((*id, state));
        }
        &path.last().expect("a way has at least its end").1
    }

    /// The states on the way to one, itself included.
    fn way(&self, id: u32, depth: u32) -> Vec<u32> {
        let mut way = vec![id];
        for _ in 0..depth {
            way.push(self.node(way[way.len() - 1]).parent);
        }
        way.reverse();
        way
    }

    fn node(&self, id: u32) -> Node {
        self.nodes[id as usize]
    }

    fn into_report(mut self) -> Report {
        self.report.states = self.nodes.len();
        self.report.counterexample = self.fault.map(|fault| self.counterexample(fault));
        self.report
    }

    /// Goes the way to the fault once more.
    fn counterexample(&self, (depth, id, event): Fault) -> Counterexample {
        let way = self.way(id, depth - u32::from(event.is_some()));
        let events = way[1..].iter().map(|id| self.node(*id).event).chain(event);
        let mut state = State::initial(self.initial);
        let mut broken = judge_state(&state.view, &state.history, None);
        let mut commands = Vec::new();
        for event in events {
            let command = self.events[usize::from(event)].command(&state.view, &state.history);
            commands.push(command.clone());
            match run(&mut state.system, &command) {
                Err(panic) => broken = vec![Broken { rule: "no-panic", detail: message(&*panic) }],
                Ok((answer, after)) => {
                    let (before, command, answer) = (&state.view, &command, &answer);
                    broken = judge_step(&Step { before, command, answer, after: &after }, None);
                    state.see(after);
                    broken.extend(judge_state(&state.view, &state.history, None));
                }
            }
        }
        broken.sort_by_key(|broken| RULES.iter().position(|rule| rule.name == broken.rule));
        Counterexample { commands, broken }
    }
}

impl Chunk {
    fn note(&mut self, fault: Fault) {
        self.fault = Some(self.fault.map_or(fault, |known| known.min(fault)));
    }
}

impl<S: System> State<S> {
    fn initial(system: &S) -> Self {
        let view = system.view();
        let history = History::default().after(&view).into_owned();
        Self { system: system.clone(), view, history }
    }

    /// Takes a step that is known to be answered.
    fn run(&mut self, event: &Event) {
        let command = event.command(&self.view, &self.history);
        let _ = self.system.run(&command);
        self.see(self.system.view());
    }

    fn see(&mut self, view: View) {
        self.history = std::mem::take(&mut self.history).after(&view).into_owned();
        self.view = view;
    }
}

/// The answer and what is seen afterwards; or what it panicked with.
fn run<S: System>(
    system: &mut S,
    command: &Command,
) -> Result<(Answer, View), Box<dyn Any + Send>> {
    // Nobody looks at a system that has panicked.
    catch_unwind(AssertUnwindSafe(|| (system.run(command), system.view())))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// The rules that a step breaks. Where counts are given, those that it puts to the test are
/// counted.
fn judge_step(step: &Step<'_>, tested: Option<&mut [u64; RULES.len()]>) -> Vec<Broken> {
    judge(tested, |rule| match rule.scope {
        Scope::Step(check) => check(step),
        Scope::State(_) => Ok(false),
        Scope::End => Ok(true),
    })
}

/// The same for a state.
fn judge_state(
    view: &View,
    history: &History,
    tested: Option<&mut [u64; RULES.len()]>,
) -> Vec<Broken> {
    judge(tested, |rule| match rule.scope {
        Scope::State(check) => check(view, history),
        Scope::Step(_) | Scope::End => Ok(false),
    })
}

fn judge(
    mut tested: Option<&mut [u64; RULES.len()]>,
    check: impl Fn(&Rule) -> Result<bool, String>,
) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (number, rule) in RULES.iter().enumerate() {
        match check(rule) {
            Ok(was_tested) => {
                if let Some(tested) = &mut tested {
                    tested[number] += u64::from(was_tested);
                }
            }
            Err(detail) => broken.push(Broken { rule: rule.name, detail }),
        }
    }
    broken
}

/// Takes a fingerprint's low half for its hash: it is one already.
#[derive(Default)]
struct LowHalf(u64);

impl Hasher for LowHalf {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        unreachable!("a fingerprint is hashed as a number, not as {} bytes", bytes.len());
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }
}
