//! Cases: drawn lines and observers, with the reference's answers and the names of the lines.

use std::sync::Arc;

use dkv20_described::{Drawn, NotDrawn, Observation, Source, draw};
use dkv20_exam::{Case, Delivery, Due, Failure, Task};

use super::Machine;
use super::names::first_word;
use super::reference::Process;

/// A case that was drawn.
pub(super) struct DrawnCase {
    pub(super) drawn: Drawn,
    pub(super) observations: Vec<Observation>,
}

/// A line of a case with observers.
#[derive(Clone, Debug)]
pub(super) struct NamedLine {
    pub(super) text: Vec<u8>,
    pub(super) name: Arc<str>,
    /// The position of the drawn line that it is or comes after.
    pub(super) position: usize,
    pub(super) is_observer: bool,
}

impl Machine {
    /// Draws a case with a process of the reference, which has run it then.
    pub(super) fn draw(
        &self,
        source: &mut dyn Source,
        process: &mut Process,
    ) -> Result<DrawnCase, Failure> {
        let drawn = draw(&self.rules, source, process);
        let mut drawn = drawn.map_err(|failure| match failure {
            NotDrawn::Reference(failure) => failure,
            NotDrawn::Mistake { key, reason } => mistake(&format!("{key}: {reason}")),
        })?;
        drawn.receive(process)?;
        if let Some(position) = drawn.refused_start(&self.rules) {
            let [line, answer] = [&drawn.lines[position].text, &drawn.answers[position]]
                .map(|text| String::from_utf8_lossy(text));
            let name = &self.processes.spec.name;
            let reason = format!("{name}: `{line}`: the start line is refused: `{answer}`");
            return Err(Failure::Reference(reason));
        }
        let observations = drawn.observations(&self.rules).map_err(|failure| match failure {
            NotDrawn::Mistake { key, reason } => mistake(&format!("{key}: {reason}")),
        })?;
        Ok(DrawnCase { drawn, observations })
    }

    /// Returns the drawn lines with their names.
    pub(super) fn named(&self, drawn: &Drawn) -> Vec<NamedLine> {
        let named = |(position, line): (usize, &dkv20_described::Line)| NamedLine {
            text: line.text.clone(),
            name: line.command.map_or_else(
                || first_word(&line.text),
                |command| Arc::clone(&self.names.commands[command]),
            ),
            position,
            is_observer: false,
        };
        drawn.lines.iter().enumerate().map(named).collect()
    }

    /// Returns the observers after the drawn line of a position. Dumps are asked before the lines that
    /// stand for them, since they show more.
    pub(super) fn observers<'c>(
        &'c self,
        case: &'c DrawnCase,
        position: usize,
        with_dumps: bool,
    ) -> impl Iterator<Item = NamedLine> + 'c {
        case.observations.iter().flat_map(move |observation| {
            let [line, dump] = &self.names.observers[observation.observer];
            let dumps = observation.dump.as_ref().filter(|_| with_dumps).map(|text| (text, dump));
            dumps.into_iter().chain([(&observation.line, line)]).map(move |(text, name)| {
                NamedLine {
                    text: text.clone(),
                    name: Arc::clone(name),
                    position,
                    is_observer: true,
                }
            })
        })
    }

    /// Makes the case of a seed. It has observers at its end if answers are compared.
    pub(super) fn case(&self, id: String, seed: u64, delivery: Delivery, task: Task) -> Case {
        match self.try_case(id.clone(), seed, delivery, task) {
            Ok(case) => case,
            Err(obstacle) => {
                Case { obstacle: Some(obstacle), ..Case::new(id, Vec::new(), delivery) }
            }
        }
    }

    fn try_case(
        &self,
        id: String,
        seed: u64,
        delivery: Delivery,
        task: Task,
    ) -> Result<Case, Failure> {
        let mut process = self.processes.lend()?;
        let case = self.draw(&mut *self.source(seed), &mut process)?;
        if task == Task::Settled {
            let (lines, answers) = (self.named(&case.drawn), case.drawn.answers);
            return Ok(Case { seed: Some(seed), task, ..case_of(id, delivery, &lines, answers) });
        }
        let last = case.drawn.lines.len().saturating_sub(1);
        let observers: Vec<_> = self.observers(&case, last, false).collect();
        let observed = observers.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        let observed = process.answers(&observed)?;
        let answers = case.drawn.answers.iter().cloned().chain(observed).collect();
        let lines = [self.named(&case.drawn), observers].concat();
        Ok(Case { seed: Some(seed), task, ..case_of(id, delivery, &lines, answers) })
    }
}

/// Returns the failure of a case that cannot be made or settled.
pub(super) fn mistake(reason: &str) -> Failure {
    Failure::Reference(format!("a mistake in the file: {reason}"))
}

/// Runs lines on a process of the reference, and makes a case of them.
pub(super) fn run(id: &str, lines: &[NamedLine], process: &mut Process) -> Result<Case, Failure> {
    let texts: Vec<_> = lines.iter().map(|line| line.text.clone()).collect();
    let answers = process.answers(&texts)?;
    Ok(case_of(id.into(), Delivery::Marked, lines, answers))
}

pub(super) fn case_of(
    id: String,
    delivery: Delivery,
    lines: &[NamedLine],
    answers: Vec<Vec<u8>>,
) -> Case {
    Case {
        due: Some(answers.into_iter().map(Due::Answer).collect()),
        names: lines.iter().map(|line| Arc::clone(&line.name)).collect(),
        ..Case::new(id, lines.iter().map(|line| line.text.clone()).collect(), delivery)
    }
}
