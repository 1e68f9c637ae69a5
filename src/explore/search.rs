//! The search: breadth first, so that the first counterexample is a shortest one.
//!
//! A state is stored as its fingerprint and as the action that first led to it from another state;
//! it is made again, when it is needed, by running the actions that lead to it. So a state costs
//! some dozens of bytes, whatever the size of a cluster.

use std::any::Any;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::reference::Cluster;

use super::action::{Action, Answer, actions};
use super::counterexample::Counterexample;
use super::history::History;
use super::rules::{RULES, Rule, State, Step, Tested, Violation, judge_state, judge_step};
use super::system::System;

/// The number of states that are expanded before the new ones among their successors are known:
/// more take more memory, fewer leave threads idle.
const BATCH_SIZE: usize = 4_096;

/// The bounds of a search.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most actions that lead to a state, at least 1.
    pub depth: u32,
    /// How long the search may take; `None` for no limit.
    pub time: Option<Duration>,
    /// The number of threads, at least 1. The report does not depend on it.
    pub thread_count: usize,
}

/// The states that a number of actions lead to, and no smaller number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The number of actions.
    pub depth: u32,
    /// The number of states.
    pub states: usize,
    /// The number of steps that were taken from the states.
    pub transitions: u64,
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The levels that were finished, from depth 0. No step is taken from the states at the
    /// greatest depth.
    pub levels: Vec<Level>,
    /// The number of states that were found, in an unfinished level too.
    pub states: usize,
    /// The number of steps that were taken, in an unfinished level too.
    pub transitions: u64,
    /// How often each rule was tested.
    pub tested: Tested,
    /// The first violation.
    pub counterexample: Option<Counterexample>,
    /// Whether the time ended before the greatest depth was reached.
    pub out_of_time: bool,
}

impl Report {
    /// Returns the rules that must have been tested at the depth that was finished in a cluster of
    /// `size` replicas, and were not: the search shows nothing about them.
    #[must_use]
    pub fn vacuous(&self, size: u64) -> Vec<&'static str> {
        let depth = self.levels.last().map_or(0, |level| level.depth);
        let due = |rule: &Rule| rule.tested_within(size).is_some_and(|due| due <= depth);
        let rules = RULES.iter().zip(self.tested).filter(|(rule, count)| due(rule) && *count == 0);
        rules.map(|(rule, _)| rule.name).collect()
    }
}

/// Visits all states that `settings.depth` actions can lead to from `initial`, and checks each
/// state and each step against the [`RULES`]. Calls `on_level` after each level.
///
/// The search ends after the first level that has a violation. Its report is the same in every run,
/// unless the time ends.
pub fn explore<S: System + Clone + Sync>(
    initial: &S,
    settings: &Settings,
    mut on_level: impl FnMut(&Level),
) -> Report {
    let mut search = Search::new(initial, settings);
    let deadline = settings.time.map(|time| Instant::now() + time);
    let mut nodes = 0..1;
    for depth in 0..=settings.depth {
        let Some(level) = search.level(depth, nodes.clone(), deadline) else {
            search.report.out_of_time = true;
            break;
        };
        on_level(&level);
        search.report.levels.push(level);
        nodes = nodes.end..search.nodes.len();
        if search.first.is_some() || nodes.is_empty() {
            break;
        }
    }
    search.into_report()
}

/// A state: the action that first led to it, by its position in [`actions`], and from which state.
#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    action: u16,
}

/// The place of a violation: the step from a state, or the state itself if there is no
/// action. The least is a shortest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    depth: u32,
    node: u32,
    action: Option<u16>,
}

struct Search<'a, S> {
    initial: &'a S,
    settings: &'a Settings,
    nodes: Vec<Node>,
    seen: HashSet<u128>,
    first: Option<Site>,
    report: Report,
}

/// The findings in a part of a level.
#[derive(Default)]
struct Part {
    /// The fingerprints of states that were not known when the batch began, and how they are
    /// reached.
    reached: Vec<(u128, Node)>,
    transitions: u64,
    tested: Tested,
    first: Option<Site>,
}

/// A system that the search can continue from.
#[derive(Clone)]
struct Visit<S> {
    system: S,
    history: History,
}

impl<'a, S: System + Clone + Sync> Search<'a, S> {
    fn new(initial: &'a S, settings: &'a Settings) -> Self {
        let root = Visit::new(initial);
        Self {
            initial,
            settings,
            nodes: vec![Node { parent: 0, action: 0 }],
            seen: HashSet::from([fingerprint(root.system.cluster(), &root.history)]),
            first: None,
            report: Report::default(),
        }
    }

    /// Judges the states of a level, and takes every step from them unless they are at the greatest
    /// depth. Returns `None` if the time ends before.
    fn level(
        &mut self,
        depth: u32,
        nodes: Range<usize>,
        deadline: Option<Instant>,
    ) -> Option<Level> {
        let before = self.report.transitions;
        for start in nodes.clone().step_by(BATCH_SIZE) {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            for part in self.batch(depth, start..nodes.end.min(start + BATCH_SIZE)) {
                self.add(part);
            }
        }
        let transitions = self.report.transitions - before;
        Some(Level { depth, states: nodes.len(), transitions })
    }

    /// Divides the nodes among the threads.
    fn batch(&self, depth: u32, nodes: Range<usize>) -> Vec<Part> {
        let size = nodes.len().div_ceil(self.settings.thread_count);
        let parts = nodes.clone().step_by(size).map(|start| start..nodes.end.min(start + size));
        thread::scope(|scope| {
            let threads: Vec<_> =
                parts.map(|part| scope.spawn(move || self.part(depth, part))).collect();
            let parts = threads.into_iter().map(thread::ScopedJoinHandle::join);
            parts.map(|part| part.expect("the panics of `System::run` are caught")).collect()
        })
    }

    fn add(&mut self, part: Part) {
        self.report.transitions += part.transitions;
        for (sum, tested) in self.report.tested.iter_mut().zip(part.tested) {
            *sum += tested;
        }
        self.first = [self.first, part.first].into_iter().flatten().min();
        for (fingerprint, node) in part.reached {
            if self.seen.insert(fingerprint) {
                self.nodes.push(node);
            }
        }
    }

    fn part(&self, depth: u32, nodes: Range<usize>) -> Part {
        let mut part = Part::default();
        let mut known = vec![];
        for node in nodes {
            let node = u32::try_from(node).expect("2^32 states do not fit into memory");
            let visit = self.visit(&mut known, node, depth);
            if !judge_state(&visit.state(), &mut part.tested).is_empty() {
                part.note(Site { depth, node, action: None });
            }
            if depth < self.settings.depth {
                self.expand(&mut part, depth, node, visit);
            }
        }
        part
    }

    /// Takes every step from a state.
    fn expand(&self, part: &mut Part, depth: u32, node: u32, visit: &Visit<S>) {
        let before = visit.system.cluster();
        for (action, number) in visit.actions().iter().zip(0..) {
            part.transitions += 1;
            let mut system = visit.system.clone();
            let site = Site { depth: depth + 1, node, action: Some(number) };
            let Ok(answer) = run(&mut system, action) else {
                part.note(site);
                continue;
            };
            let after = system.cluster();
            let step = Step { before, action, answer: &answer, after };
            if !judge_step(&step, &mut part.tested).is_empty() {
                part.note(site);
            } else if after != before {
                let fingerprint = fingerprint(after, &visit.history.after(after));
                if !self.seen.contains(&fingerprint) {
                    part.reached.push((fingerprint, Node { parent: node, action: number }));
                }
            }
        }
    }

    /// Makes the state of a node by running the actions that lead to it. `known` has the states on
    /// the path to the node before, which mostly differs in the last action alone.
    fn visit<'k>(
        &self,
        known: &'k mut Vec<(u32, Visit<S>)>,
        node: u32,
        depth: u32,
    ) -> &'k Visit<S> {
        let path = self.path_to(node, depth);
        let shared = path.iter().zip(known.iter()).take_while(|(node, known)| **node == known.0);
        known.truncate(shared.count());
        for node in &path[known.len()..] {
            let visit = match known.last() {
                None => Visit::new(self.initial),
                Some((_, parent)) => {
                    let mut visit = parent.clone();
                    let action = &parent.actions()[usize::from(self.node(*node).action)];
                    let _ = visit.system.run(action);
                    visit.update_history();
                    visit
                }
            };
            known.push((*node, visit));
        }
        &known.last().expect("a path has at least its end").1
    }

    /// The nodes from the initial state to this one.
    fn path_to(&self, node: u32, depth: u32) -> Vec<u32> {
        let mut path = vec![node];
        for _ in 0..depth {
            path.push(self.node(path[path.len() - 1]).parent);
        }
        path.reverse();
        path
    }

    fn node(&self, node: u32) -> Node {
        self.nodes[node as usize]
    }

    fn into_report(mut self) -> Report {
        self.report.states = self.nodes.len();
        self.report.counterexample = self.first.map(|site| self.counterexample(site));
        self.report
    }

    /// Takes the steps to the site once more.
    fn counterexample(&self, site: Site) -> Counterexample {
        let path = self.path_to(site.node, site.depth - u32::from(site.action.is_some()));
        let numbers = path[1..].iter().map(|node| self.node(*node).action).chain(site.action);
        let mut visit = Visit::new(self.initial);
        let mut violations = judge_state(&visit.state(), &mut Tested::default());
        let mut actions = vec![];
        for number in numbers {
            let action = visit.actions().swap_remove(usize::from(number));
            violations = visit.step(&action);
            actions.push(action);
        }
        violations.sort_by_key(|violation| RULES.iter().position(|r| r.name == violation.rule));
        Counterexample { actions, violations }
    }
}

impl Part {
    fn note(&mut self, site: Site) {
        self.first = [self.first, Some(site)].into_iter().flatten().min();
    }
}

impl<S: System + Clone> Visit<S> {
    fn new(initial: &S) -> Self {
        let mut visit = Self { system: initial.clone(), history: History::default() };
        visit.update_history();
        visit
    }

    fn update_history(&mut self) {
        self.history = self.history.after(self.system.cluster()).into_owned();
    }

    fn state(&self) -> State<'_> {
        State::new(&self.system, &self.history)
    }

    fn actions(&self) -> Vec<Action> {
        actions(self.system.cluster(), &self.history)
    }

    /// Takes a step and returns what it, and the state that it leads to, violate.
    fn step(&mut self, action: &Action) -> Vec<Violation> {
        let before = self.system.cluster().clone();
        let answer = match run(&mut self.system, action) {
            Ok(answer) => answer,
            Err(panic) => return vec![Violation { rule: "no-panic", detail: message(&*panic) }],
        };
        self.update_history();
        let after = self.system.cluster();
        let step = Step { before: &before, action, answer: &answer, after };
        let mut violations = judge_step(&step, &mut Tested::default());
        violations.extend(judge_state(&self.state(), &mut Tested::default()));
        violations
    }
}

/// Returns the answer, or the panic's payload. The system is not used after a panic.
fn run(system: &mut impl System, action: &Action) -> Result<Answer, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| system.run(action)))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}

/// The first half of a SHA-256 of everything that decides what comes next and how it is judged.
fn fingerprint(cluster: &Cluster, history: &History) -> u128 {
    let mut bytes = Bytes(Vec::with_capacity(1 << 10));
    (cluster, history).hash(&mut bytes);
    let hash = Sha256::digest(&bytes.0);
    u128::from_le_bytes(*hash.first_chunk().expect("a SHA-256 has 32 bytes"))
}

/// Collects the bytes that are to be hashed.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the bytes are hashed by their owner")
    }
}
