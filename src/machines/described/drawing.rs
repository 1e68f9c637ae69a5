//! Drawing a case again, from the same choices or from simpler ones.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Instant;

use dkv20_described::{Replay, Source, Tape, shrink};
use dkv20_exam::{Budget, Case, Delivery, Drawing, Failure, Simplest, Task};

use super::Machine;
use super::cases::{DrawnCase, NamedLine, case_of, run};
use super::reference::Process;

/// The choices of a case.
pub(super) struct Redrawing<'m> {
    machine: &'m Machine,
    seed: u64,
    /// The case as it was, with the id that it has.
    original: Case,
    /// The simplest choices that failed; those of the seed if there are none.
    tape: Option<Tape>,
    /// For each choices that failed the observer that showed it, if one did.
    shown_by: HashMap<Tape, Option<NamedLine>>,
}

/// A case as it is run: with observers after each step, unless it is settled.
struct Observed {
    drawn: DrawnCase,
    lines: Vec<NamedLine>,
    case: Case,
}

impl<'m> Redrawing<'m> {
    pub(super) fn new(machine: &'m Machine, case: &Case, seed: u64) -> Self {
        let (original, shown_by) = (case.clone(), HashMap::new());
        Self { machine, seed, original, tape: None, shown_by }
    }

    /// Draws a case and, unless it is settled, runs it again on the reference with observers after each
    /// step.
    fn observe(&self, source: &mut dyn Source) -> Result<Observed, Failure> {
        let mut process = self.machine.processes.lend()?;
        let drawn = self.machine.draw(source, &mut process)?;
        let lines = self.with_observers(&drawn);
        let case = self.run(&drawn, &lines, &mut process)?;
        self.check(&drawn, &lines, &case)?;
        Ok(Observed { drawn, lines, case })
    }

    /// Returns the lines of a case with observers after the last start line and after each step; a
    /// settled case has none.
    fn with_observers(&self, drawn: &DrawnCase) -> Vec<NamedLine> {
        if self.is_settled() {
            return self.machine.named(&drawn.drawn);
        }
        let start_count = drawn.drawn.lines.iter().filter(|line| line.command.is_none()).count();
        let mut lines = Vec::new();
        for line in self.machine.named(&drawn.drawn) {
            let position = line.position;
            lines.push(line);
            if position + 1 >= start_count {
                lines.extend(self.machine.observers(drawn, position, true));
            }
        }
        lines
    }

    fn is_settled(&self) -> bool {
        self.original.task == Task::Settled
    }

    /// Makes a case of lines, which are run on the reference unless it is settled.
    fn run(
        &self,
        drawn: &DrawnCase,
        lines: &[NamedLine],
        process: &mut Process,
    ) -> Result<Case, Failure> {
        if !self.is_settled() {
            return run(&self.original.id, lines, process);
        }
        let (id, answers) = (self.original.id.clone(), drawn.drawn.answers.clone());
        Ok(Case { task: Task::Settled, ..case_of(id, Delivery::Marked, lines, answers) })
    }

    /// Checks that the reference has the answers that it had when the case was drawn.
    fn check(&self, drawn: &DrawnCase, lines: &[NamedLine], case: &Case) -> Result<(), Failure> {
        let due = case.due.iter().flatten().zip(lines).filter(|(_, line)| !line.is_observer);
        for ((due, line), answer) in due.zip(&drawn.drawn.answers) {
            let dkv20_exam::Due::Answer(again) = due else { continue };
            if !self.machine.is_same(&line.name, answer, again) {
                return Err(self.not_deterministic(&line.text, answer, again));
            }
        }
        Ok(())
    }

    fn not_deterministic(&self, line: &[u8], one: &[u8], other: &[u8]) -> Failure {
        let [line, one, other] = [line, one, other].map(String::from_utf8_lossy);
        let name = &self.machine.processes.spec.name;
        Failure::Reference(format!(
            "{name}: `{line}`: `{one}`, and `{other}` when the same lines were run again, with \
             observers: it is not deterministic, or an observer changes something"
        ))
    }

    fn redraw(&self, process: &mut Process) -> Result<DrawnCase, Failure> {
        match &self.tape {
            Some(tape) => self.machine.draw(&mut Replay::new(tape), process),
            None => self.machine.draw(&mut *self.machine.source(self.seed), process),
        }
    }
}

/// Returns the choices up to the step of the line at a position.
fn cut(observed: &Observed, position: usize) -> (Tape, Option<NamedLine>) {
    let drawn = &observed.drawn.drawn;
    let line = observed.lines.get(position);
    let last = line.map_or(drawn.lines.len(), |line| line.position + 1);
    let step_count = drawn.lines[..last].iter().filter(|line| line.step.is_some()).count();
    let steps = drawn.tape.steps[..step_count].to_vec();
    let tape = Tape { variables: drawn.tape.variables.clone(), steps };
    (tape, line.filter(|line| line.is_observer).cloned())
}

impl Drawing for Redrawing<'_> {
    fn observed(&mut self) -> Result<Case, Failure> {
        let observed = self.observe(&mut *self.machine.source(self.seed))?;
        let lines = observed.lines.iter().filter(|line| !line.is_observer);
        for (line, original) in lines.zip(&self.original.lines) {
            if line.text != *original {
                return Err(self.not_deterministic(b"the lines of a case", original, &line.text));
            }
        }
        Ok(observed.case)
    }

    fn shrink(
        &mut self,
        budget: Budget,
        fails: &mut dyn FnMut(&Case) -> ControlFlow<(), Option<usize>>,
    ) -> Result<bool, Failure> {
        let whole = self.observe(&mut *self.machine.source(self.seed))?;
        let ControlFlow::Continue(Some(position)) = fails(&whole.case) else { return Ok(false) };
        let (start, shown_by) = cut(&whole, position);
        let mut shown = HashMap::from([(start.clone(), shown_by)]);
        let mut failed = None;
        let limits = dkv20_described::Budget {
            deadline: Instant::now() + budget.time,
            attempts: budget.attempts,
        };
        let shrunk = shrink(start, limits, |tape| {
            let candidate = match self.observe(&mut Replay::new(tape)) {
                Ok(candidate) => candidate,
                Err(failure) => {
                    failed = Some(failure);
                    return ControlFlow::Break(());
                }
            };
            let position = fails(&candidate.case)?;
            ControlFlow::Continue(position.map(|position| {
                let (tape, shown_by) = cut(&candidate, position);
                shown.insert(tape.clone(), shown_by);
                tape
            }))
        });
        (self.tape, self.shown_by) = (Some(shrunk.tape), shown);
        failed.map_or(Ok(shrunk.is_minimal), Err)
    }

    fn shrunk(&mut self, is_observed: bool) -> Result<Simplest, Failure> {
        let mut process = self.machine.processes.lend()?;
        let drawn = self.redraw(&mut process)?;
        let commands = drawn.drawn.lines.iter().filter_map(|line| line.command);
        let commands = commands.map(|command| self.machine.names.commands[command].to_string());
        let commands: BTreeSet<_> = commands.collect();
        let lines = if is_observed {
            self.with_observers(&drawn)
        } else {
            let observer = self.tape.as_ref().and_then(|tape| self.shown_by.get(tape));
            let observer = observer.cloned().flatten();
            self.machine.named(&drawn.drawn).into_iter().chain(observer).collect()
        };
        let case = self.run(&drawn, &lines, &mut process)?;
        let observers = (0..lines.len()).filter(|position| lines[*position].is_observer);
        Ok(Simplest { case, commands, observers: observers.collect() })
    }
}
