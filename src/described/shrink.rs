//! Delta debugging on tapes: the fewest and simplest choices whose case still fails.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::time::Instant;

use crate::tape::{Choice, Kind, Tape};

/// Up to this many steps, pairs of steps are removed, and steps together with a lower value.
const PAIRED_STEPS_MAX: usize = 12;
/// The number of values that are tried in place of another one throughout.
const NAMES_MAX: i128 = 4;

/// How long to search.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When to end.
    pub deadline: Instant,
    /// How many tapes to try.
    pub attempts: usize,
}

/// The result of shrinking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The tape that is left, as it was replayed.
    pub tape: Tape,
    /// Whether it is known that no step can be removed, with those that use values that it
    /// made: the rest, with each value as near to its own as the ranges allow, does not fail.
    pub is_minimal: bool,
}

/// Removes steps and lowers values as long as the case fails.
///
/// `fails` replays a tape. It returns the choices that were then made, up to the step at which the
/// case fails; `None` if it does not fail; and it can end the search.
pub fn shrink(
    tape: Tape,
    budget: Budget,
    fails: impl FnMut(&Tape) -> ControlFlow<(), Option<Tape>>,
) -> Shrunk {
    let mut search =
        Search { tape, fails, budget, tried: HashSet::new(), hasher: RandomState::new() };
    let mut is_minimal = search.remove_steps();
    while is_minimal {
        let known = search.tape.clone();
        if !search.simplify() {
            break;
        }
        is_minimal = search.remove_steps();
        if !is_minimal && search.tape.steps.len() >= known.steps.len() {
            // Simpler values are worth less than the knowledge that no step can be removed.
            return Shrunk { tape: known, is_minimal: true };
        }
    }
    Shrunk { tape: search.tape, is_minimal }
}

struct Search<F> {
    /// The simplest tape that failed.
    tape: Tape,
    fails: F,
    budget: Budget,
    /// The hashes of the candidates that were tried.
    tried: HashSet<u64>,
    hasher: RandomState,
}

impl<F: FnMut(&Tape) -> ControlFlow<(), Option<Tape>>> Search<F> {
    fn is_exhausted(&self) -> bool {
        self.budget.attempts == 0 || Instant::now() >= self.budget.deadline
    }

    /// Keeps the choices of the candidate's replay if it fails and they are simpler.
    fn try_tape(&mut self, candidate: &Tape) -> bool {
        if self.is_exhausted() || !self.tried.insert(self.hasher.hash_one(candidate)) {
            return false;
        }
        self.budget.attempts -= 1;
        match (self.fails)(candidate) {
            ControlFlow::Continue(Some(tape)) if tape.is_simpler_than(&self.tape) => {
                self.tape = tape;
                true
            }
            ControlFlow::Continue(_) => false,
            ControlFlow::Break(()) => {
                self.budget.attempts = 0;
                false
            }
        }
    }

    /// Removes runs of steps, long ones first, then pairs. Reports whether a whole pass found no
    /// single step that can be removed.
    fn remove_steps(&mut self) -> bool {
        let mut size = self.tape.steps.len().div_ceil(2).max(1);
        loop {
            let removed = self.remove_runs(size);
            if self.is_exhausted() {
                return false;
            }
            match (size, removed) {
                (1, false) if self.remove_pair() => {}
                (1, false) => return !self.is_exhausted(),
                (1, true) => {}
                _ => size /= 2,
            }
        }
    }

    fn remove_runs(&mut self, size: usize) -> bool {
        let mut removed = false;
        let mut end = self.tape.steps.len();
        while end > 0 && !self.is_exhausted() {
            let start = end.saturating_sub(size);
            let candidate = self.tape.without(|position| (start..end).contains(&position));
            removed |= self.try_tape(&candidate);
            end = start.min(self.tape.steps.len());
        }
        removed
    }

    /// Removes two steps of few that are needed only together, such as one that undoes the other.
    fn remove_pair(&mut self) -> bool {
        let count = self.tape.steps.len();
        if count > PAIRED_STEPS_MAX {
            return false;
        }
        let mut pairs = (1..count).flat_map(|second| (0..second).map(move |first| (first, second)));
        pairs.any(|(first, second)| {
            let candidate = self.tape.without(|position| position == first || position == second);
            self.try_tape(&candidate)
        })
    }

    /// Lowers values until none can be lowered. Reports whether any could.
    fn simplify(&mut self) -> bool {
        let mut simplified = false;
        loop {
            let is_simpler = self.rename() | self.lower_each() | self.lower_and_remove();
            simplified |= is_simpler;
            if !is_simpler || self.is_exhausted() {
                return simplified;
            }
        }
    }

    fn choice(&self, position: usize) -> Option<Choice> {
        self.tape.choices().nth(position).copied()
    }

    /// Sets each choice to its lowest value or, if that does not fail, to one that is nearer by a half,
    /// a quarter and so on.
    fn lower_each(&mut self) -> bool {
        let mut lowered = false;
        let mut position = 0;
        while let Some(choice) = self.choice(position) {
            let mut gap = choice.lowest.saturating_sub(choice.value);
            while gap != 0 && !self.is_exhausted() {
                let Some(choice) = self.choice(position) else { break };
                let is_beyond = choice.value.abs_diff(choice.lowest) < gap.unsigned_abs();
                if !is_beyond && self.try_tape(&self.with(position, choice.value + gap)) {
                    lowered = true;
                } else {
                    gap /= 2;
                }
            }
            position += 1;
        }
        lowered
    }

    /// Returns the tape with another value of the choice at a position.
    fn with(&self, position: usize, value: i128) -> Tape {
        let mut tape = self.tape.clone();
        if let Some(choice) = tape.choices_mut().nth(position) {
            choice.value = value;
            if let Kind::Entry(maker) = &mut choice.kind {
                *maker = None;
            }
        }
        tape
    }

    /// Lowers one value by one and removes one step before it, or one later choice of the same step:
    /// a count goes with one of the things that it counts.
    fn lower_and_remove(&mut self) -> bool {
        let mut lowered = false;
        let mut position = 0;
        while let Some(choice) = self.choice(position) {
            let is_number = matches!(choice.kind, Kind::Value(_) | Kind::Part);
            if is_number && choice.value != choice.lowest && self.lower_at(position, choice) {
                lowered = true;
            } else {
                position += 1;
            }
            if self.is_exhausted() || self.tape.steps.len() > PAIRED_STEPS_MAX {
                break;
            }
        }
        lowered
    }

    fn lower_at(&mut self, position: usize, choice: Choice) -> bool {
        let lower = self.with(position, choice.value + choice.lowest.cmp(&choice.value) as i128);
        let Some((step, first)) = lower.step_of(position) else { return false };
        let later = position - first + 1..lower.steps[step].choices.len();
        let without_step = (0..step).map(|step| lower.without(|at| at == step));
        let without_choice = later.map(|choice| {
            let mut tape = lower.clone();
            tape.steps[step].choices.remove(choice);
            tape
        });
        without_step.chain(without_choice).any(|candidate| self.try_tape(&candidate))
    }

    /// Exchanges one value of a type for another, or replaces it, in all choices: a client has another
    /// name, or two become one.
    fn rename(&mut self) -> bool {
        let mut renamed = false;
        let used = self.tape.choices().filter_map(|choice| match choice.kind {
            Kind::Value(id) => Some((id, choice.value, choice.lowest)),
            _ => None,
        });
        let used: BTreeSet<_> = used.filter(|(_, value, lowest)| value > lowest).collect();
        for (id, value, lowest) in used {
            for other in lowest..value.min(lowest.saturating_add(NAMES_MAX)) {
                let mut replaced = self.tape.clone();
                let mut exchanged = self.tape.clone();
                for choice in replaced.choices_mut().chain(exchanged.choices_mut()) {
                    if choice.kind == Kind::Value(id) && choice.value == value {
                        choice.value = other;
                    }
                }
                for (choice, old) in exchanged.choices_mut().zip(self.tape.choices()) {
                    if choice.kind == Kind::Value(id) && old.value == other {
                        choice.value = value;
                    }
                }
                if self.try_tape(&replaced) || self.try_tape(&exchanged) {
                    renamed = true;
                    break;
                }
            }
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::draw::draw;
    use crate::fake::{Fault, notes, rules};
    use crate::reference::Reference as _;
    use crate::rules::Rules;
    use crate::source::{Random, Replay, Source};
    use crate::tape::tests::step;

    fn budget(attempts: usize) -> Budget {
        Budget { deadline: Instant::now() + Duration::from_secs(60), attempts }
    }

    /// Draws a case, runs it and its observers on a machine with a fault, and returns the choices up to
    /// the first difference, and the lines up to it.
    fn run(rules: &Rules, source: &mut dyn Source, fault: Fault) -> Option<(Tape, Vec<String>)> {
        let mut reference = notes(Fault::None);
        let mut drawn = draw(rules, source, &mut reference).unwrap();
        drawn.receive(&mut reference).unwrap();
        let mut port = notes(fault);
        let mut tape = Tape { variables: drawn.tape.variables.clone(), steps: Vec::new() };
        let mut steps = drawn.tape.steps.iter();
        let mut lines = Vec::new();
        for (line, answer) in drawn.lines.iter().zip(&drawn.answers) {
            if line.step.is_some() {
                tape.steps.extend(steps.next().cloned());
            }
            lines.push(drawn.named(line, rules));
            port.send(&line.text).unwrap();
            if port.receive().unwrap() != *answer {
                return Some((tape, lines));
            }
        }
        for observation in drawn.observations(rules).unwrap() {
            reference.send(&observation.line).unwrap();
            port.send(&observation.line).unwrap();
            if port.receive() != reference.receive() {
                lines.push(String::from_utf8(observation.line).unwrap());
                return Some((tape, lines));
            }
        }
        None
    }

    /// Shrinks the first failing case of the seeds.
    fn shrunk(fault: Fault, seeds: std::ops::Range<u64>) -> (Vec<String>, Shrunk, usize) {
        let rules = rules();
        let mut cases = seeds.filter_map(|seed| run(rules, &mut Random::new(seed, true), fault));
        let (tape, lines) = cases.next().expect("the fault is found");
        let last_word =
            |lines: &[String]| lines.last().unwrap().split(' ').next().unwrap().to_owned();
        let word = last_word(&lines);
        let mut attempts = 0;
        let fails = |tape: &Tape| {
            let failing = run(rules, &mut Replay::new(tape), fault);
            failing.filter(|(_, lines)| last_word(lines) == word)
        };
        let shrunk = shrink(tape, budget(5000), |tape| {
            attempts += 1;
            ControlFlow::Continue(fails(tape).map(|(tape, _)| tape))
        });
        let (replayed, lines) = fails(&shrunk.tape).expect("the shrunk tape fails");
        assert_eq!(replayed, shrunk.tape);
        for step in 0..replayed.steps.len() {
            assert!(fails(&replayed.without(|at| at == step)).is_none(), "step {step}: {lines:#?}");
        }
        (lines, shrunk, attempts)
    }

    #[test]
    fn a_fault_is_left_with_the_lines_that_it_needs() {
        for first in (0..200).step_by(20) {
            let (lines, shrunk, attempts) = shrunk(Fault::InsertLosesLetter, first..1000);
            assert!(shrunk.is_minimal, "{lines:#?}");
            assert_eq!(lines.len(), 4, "{lines:#?}");
            assert_eq!(lines[..2], ["new 1", "insert 0 0 \"a\""], "{lines:#?}");
            assert_eq!(lines[2], "insert 0 1 \"aa\"", "{lines:#?}");
            assert!(attempts < 500, "{attempts}");
        }
    }

    #[test]
    fn a_count_goes_with_what_it_counts() {
        for first in (0..200).step_by(20) {
            let (lines, shrunk, _) = shrunk(Fault::DeleteAllFails, first..1000);
            assert!(shrunk.is_minimal);
            assert_eq!(lines.len(), 3, "{lines:#?}");
            assert_eq!((&*lines[0], &*lines[2]), ("new 1", "delete 0 0 1"));
        }
    }

    #[test]
    fn a_captured_value_keeps_its_name() {
        for first in (0..200).step_by(20) {
            let (lines, shrunk, _) = shrunk(Fault::ApplyTakesAll, first..1000);
            assert!(shrunk.is_minimal);
            let updates = lines.iter().filter(|line| line.contains("<update of line")).count();
            assert!(
                updates == 1 || lines.iter().any(|line| line.starts_with("apply 0 ")),
                "{lines:#?}"
            );
            assert!(lines.len() <= 6, "{lines:#?}");
        }
    }

    /// A step fails if its first value is at least 3 and a later step has at least 5.
    fn fails(tape: &Tape) -> ControlFlow<(), Option<Tape>> {
        let first =
            |step: &crate::tape::Step| step.choices.first().map_or(0, |choice| choice.value);
        let start = tape.steps.iter().position(|step| first(step) >= 3);
        let end = start.and_then(|start| {
            let later = tape.steps[start + 1..].iter().position(|step| first(step) >= 5);
            later.map(|offset| start + 1 + offset)
        });
        ControlFlow::Continue(end.map(|end| Tape {
            variables: tape.variables.clone(),
            steps: tape.steps[..=end].to_vec(),
        }))
    }

    fn numbered(values: &[i128]) -> Tape {
        let steps = values.iter().enumerate().map(|(id, value)| step(id, &[*value])).collect();
        Tape { variables: Vec::new(), steps }
    }

    #[test]
    fn steps_go_and_values_come_down() {
        let tape = numbered(&[1, 0, 90, 2, 2, 1, 0, 4, 77, 3, 100]);
        let Shrunk { tape, is_minimal } = shrink(tape, budget(500), fails);
        let values: Vec<_> = tape.choices().map(|choice| choice.value).collect();
        assert_eq!((values, is_minimal), (vec![3, 5], true));
    }

    #[test]
    fn a_value_comes_down_with_a_step_or_with_a_choice_of_its_own() {
        let counts_steps = |tape: &Tape| {
            let is_count = |(at, step): (usize, &crate::tape::Step)| {
                at > 0 && i128::try_from(at) == Ok(step.choices[0].value)
            };
            let end = tape.steps.iter().enumerate().position(is_count);
            ControlFlow::Continue(
                end.map(|end| Tape { variables: Vec::new(), steps: tape.steps[..=end].to_vec() }),
            )
        };
        // Of more than two steps none can go alone, nor two.
        let shrunk = shrink(numbered(&[0, 0, 0, 0, 0, 0, 6]), budget(500), counts_steps);
        assert_eq!(shrunk.tape.choices().map(|choice| choice.value).collect::<Vec<_>>(), [0, 1]);
        let tape = Tape { variables: Vec::new(), steps: vec![step(0, &[3, 9, 9, 9])] };
        let shrunk = shrink(tape, budget(500), |tape| {
            let step = &tape.steps.first().map_or(&[][..], |step| &step.choices);
            let is_count = step.first().is_some_and(|first| {
                first.value > 0 && i128::try_from(step.len() - 1) == Ok(first.value)
            });
            ControlFlow::Continue(is_count.then(|| tape.clone()))
        });
        assert_eq!(shrunk.tape.choices().map(|choice| choice.value).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn steps_that_are_needed_only_together_go() {
        let fails = |tape: &Tape| {
            let has = |value| tape.choices().any(|choice| choice.value == value);
            let is_failing = has(1) == has(2) && has(9);
            ControlFlow::Continue(is_failing.then(|| tape.clone()))
        };
        let shrunk = shrink(numbered(&[1, 9, 2]), budget(500), fails);
        assert_eq!(shrunk.tape.choices().map(|choice| choice.value).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn steps_that_simpler_values_need_no_more_go() {
        let fails = |tape: &Tape| {
            let is_low = tape.choices().all(|choice| choice.value == 0);
            let is_failing = tape.steps.len() == 2 || tape.steps.len() == 1 && is_low;
            ControlFlow::Continue(is_failing.then(|| tape.clone()))
        };
        let shrunk = shrink(numbered(&[4, 9]), budget(500), fails);
        assert_eq!(shrunk.tape.steps.len(), 1);
        assert!(shrunk.is_minimal);
    }

    #[test]
    fn the_least_integer_is_lowered() {
        let is_least = |tape: &Tape| tape.choices().all(|choice| choice.value == i128::MIN);
        let shrunk = shrink(numbered(&[i128::MIN]), budget(500), |tape| {
            ControlFlow::Continue((tape.steps.len() == 1 && is_least(tape)).then(|| tape.clone()))
        });
        assert!(is_least(&shrunk.tape) && shrunk.is_minimal);
    }

    #[test]
    fn simpler_values_are_kept_only_if_no_step_can_be_removed_after_them() {
        let fails =
            |tape: &Tape| ControlFlow::Continue((tape.steps.len() == 1).then(|| tape.clone()));
        // One attempt to remove the step, and one to lower its value.
        let Shrunk { tape, is_minimal } = shrink(numbered(&[9]), budget(2), fails);
        assert!(is_minimal && tape == numbered(&[9]), "{tape:?}");
        let Shrunk { tape, is_minimal } = shrink(numbered(&[9]), budget(3), fails);
        assert!(is_minimal && tape == numbered(&[0]), "{tape:?}");
    }

    #[test]
    fn no_candidate_is_tried_twice() {
        let mut tried = HashSet::new();
        shrink(numbered(&[1, 0, 90, 2, 77, 3, 100]), budget(500), |tape| {
            assert!(tried.insert(tape.clone()), "{tape:?}");
            fails(tape)
        });
        assert!(tried.len() > 20, "{}", tried.len());
    }

    #[test]
    fn values_of_a_type_are_renamed_together() {
        let named = |values: &[i128]| {
            let mut tape = numbered(values);
            tape.choices_mut().for_each(|choice| choice.kind = Kind::Value(7));
            tape
        };
        // The first two clients are one, and the third is another one.
        let fails = |tape: &Tape| {
            let values: Vec<_> = tape.choices().map(|choice| choice.value).collect();
            let is_failing = matches!(values[..], [a, b, c] if a == b && a != c);
            ControlFlow::Continue(is_failing.then(|| tape.clone()))
        };
        let values = |shrunk: Shrunk| shrunk.tape.choices().map(|c| c.value).collect::<Vec<_>>();
        assert_eq!(values(shrink(named(&[2, 2, 1]), budget(500), fails)), [0, 0, 1]);
        assert_eq!(values(shrink(named(&[1, 1, 0]), budget(500), fails)), [0, 0, 1]);
    }

    #[test]
    fn a_used_up_budget_is_reported() {
        let tape = numbered(&[90; 64]);
        let shrunk = shrink(tape.clone(), budget(2), fails);
        assert!(!shrunk.is_minimal);
        let mut attempts = 0;
        let ended = shrink(tape, budget(500), |tape| {
            attempts += 1;
            if attempts > 3 { ControlFlow::Break(()) } else { fails(tape) }
        });
        assert!(!ended.is_minimal);
        assert_eq!(attempts, 4);
    }

    #[test]
    fn a_tape_that_is_not_simpler_is_not_kept() {
        let tape = numbered(&[3, 5]);
        let longer = numbered(&[3, 5, 0]);
        let shrunk =
            shrink(tape.clone(), budget(50), |_| ControlFlow::Continue(Some(longer.clone())));
        assert_eq!(shrunk.tape, tape);
    }
}
