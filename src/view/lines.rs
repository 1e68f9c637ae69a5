//! The data of a page of a described machine: lines, answers, and observers after each line.

use std::collections::HashMap;

use dkv20_exam::reports::visible;
use dkv20_exam::{Due, Failure, Machine as _, Meaning as _, shown};

use super::compose::{add_answers, end_of, first_difference, of_steps, step_of};
use super::data::{ComparedField, ComparedSnapshot, FirstDifference, Kind, Observed, Step, View};
use super::explained::{Difference, explained};
use super::port::Program;
use super::sides::{shown_answer, shown_pair};
use crate::machines::{Described, FileLine};

/// Up to this number of steps there are observers after each; of more steps, after so many of them.
const OBSERVED_STEPS_MAX: usize = 1_000;
/// The lines after the first of a case among which the other start lines are.
const START_LINES_MAX: usize = 64;
/// How many fields are shown.
const FIELDS_MAX: usize = 512;

/// Lines with the observers after each.
struct Observing {
    lines: Vec<Vec<u8>>,
    /// For each line, its position, and those of its observers after it.
    steps: Vec<(usize, usize)>,
}

impl Observing {
    fn new(machine: &Described, lines: &[Vec<u8>]) -> Self {
        let stride = lines.len().div_ceil(OBSERVED_STEPS_MAX).max(1);
        let mut observing = Self { lines: Vec::new(), steps: Vec::new() };
        let (mut start, mut observers) = (0, Vec::new());
        for (position, line) in lines.iter().enumerate() {
            if machine.begins_anew(line) {
                start = position;
            }
            if position < start + START_LINES_MAX {
                observers = machine.observers(&lines[start..=position]);
            }
            let own = observing.lines.len();
            observing.lines.push(line.clone());
            if position % stride == 0 || position + 1 == lines.len() {
                observing.lines.extend_from_slice(&observers);
            }
            observing.steps.push((own, observing.lines.len() - own - 1));
        }
        observing
    }
}

/// Returns the data of a page of lines of a described machine, and of a program that gets them, if
/// there is one.
///
/// # Errors
///
/// The reference failed, or an error that is not the program's.
pub fn of_described(
    title: &str,
    machine: &Described,
    lines: &[FileLine],
    program: Option<&Program<'_>>,
) -> Result<View, Failure> {
    let sent: Vec<_> = lines.iter().map(|line| line.line.clone()).collect();
    let due = answers(machine, &sent)?;
    let steps = lines.iter().zip(&due).map(|(line, due)| step_of(line, Some(due)));
    let mut view = of_steps(title, Kind::Lines, steps.collect());
    let observing = Observing::new(machine, &sent);
    let observed = answers(machine, &observing.lines)?;
    view.observers = observers(&observing, &observed);
    if let Some(program) = program {
        add_program(&mut view, machine, program, &sent, &due, &observing, &observed)?;
    }
    if view.observers.iter().all(Vec::is_empty) {
        view.observers.clear();
    }
    Ok(view)
}

/// Returns the data of a page of lines whose answers are known: those that are due, and the last of
/// the port, which differs. Replicas of one program are compared so, without the reference.
#[must_use]
pub fn of_own_answers(
    title: &str,
    port: &str,
    lines: &[FileLine],
    due: &[Vec<u8>],
    actual: String,
) -> View {
    let due = lines.iter().enumerate().map(|(position, line)| (line, due.get(position)));
    let steps = due.map(|(line, due)| {
        let port = Some(due.map(|due| shown(due)));
        Step { port, ..step_of(line, due.map(Vec::as_slice)) }
    });
    let mut view = of_steps(title, Kind::Lines, steps.collect());
    view.port = Some(visible(port));
    if let Some(last) = view.steps.last_mut() {
        (last.port, last.differs) = (Some(Some(actual)), true);
    }
    let step = first_difference(&mut view.steps, None).unwrap_or_default();
    view.divergence = Some(FirstDifference { step, ..FirstDifference::default() });
    view
}

/// Returns the reference's answers.
fn answers(machine: &Described, lines: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
    let due = machine.session()?.run_lines(lines, &|| true)?;
    let answer = |due| match due {
        Due::Answer(answer) => answer,
        Due::Nothing | Due::Greeting => Vec::new(),
    };
    Ok(due.into_iter().map(answer).collect())
}

fn observers(observing: &Observing, observed: &[Vec<u8>]) -> Vec<Vec<Observed>> {
    let of_step = |(own, count): &(usize, usize)| {
        let asked = |position: usize| Observed {
            line: shown(&observing.lines[position]),
            answer: observed.get(position).map(|answer| shown(answer)),
            port: None,
            differs: false,
        };
        (own + 1..=own + count).map(asked).collect()
    };
    observing.steps.iter().map(of_step).collect()
}

fn add_program(
    view: &mut View,
    machine: &Described,
    program: &Program<'_>,
    lines: &[Vec<u8>],
    due: &[Vec<u8>],
    observing: &Observing,
    observed: &[Vec<u8>],
) -> Result<(), Failure> {
    view.port = Some(visible(&program.spec.name));
    let is_same = |line: &[u8], due: &[u8], actual: &[u8]| {
        let name = machine.name_of(line).unwrap_or_default();
        due == actual
            || machine.is_same(&name, due, actual)
            || line == machine.hello().as_bytes() && machine.is_greeting(actual)
    };
    let answers = program.transcript(lines)?;
    let dues: Vec<_> = due.iter().map(|due| Some(&due[..])).collect();
    let is_own_same =
        |position: usize, due: &[u8], actual: &[u8]| is_same(&lines[position], due, actual);
    add_answers(&mut view.steps, &dues, &answers.written, &is_own_same);
    view.end = end_of(&answers, answers.written.len().saturating_sub(1));
    let sent = match answers.failure.as_ref().and(answers.written.len().checked_sub(1)) {
        // It would take the time limit once more if it got the line at which it hangs.
        Some(step) => &observing.lines[..observing.steps[step].0],
        None => &observing.lines[..],
    };
    let looked = program.transcript(sent)?;
    let mut wrong = HashMap::new();
    for (step, (own, count)) in observing.steps.iter().enumerate() {
        let positions = own + 1..=own + count;
        for (position, shown) in positions.zip(&mut view.observers[step]) {
            let written = looked.written.get(position).map_or(&[][..], Vec::as_slice);
            shown.port = Some(shown_answer(written));
            shown.differs = match written {
                [actual] => !is_same(&observing.lines[position], &observed[position], actual),
                _ => position < looked.written.len(),
            };
            if let (true, [actual]) = (shown.differs, written) {
                let [due, actual] = shown_pair(&observed[position], actual);
                (shown.answer, shown.port) = (Some(due), Some(Some(actual)));
            }
            if shown.differs {
                wrong.entry(step).or_insert(position);
            }
        }
    }
    let ended = looked.written.len().saturating_sub(1);
    let ended = observing.steps.partition_point(|(own, count)| own + count < ended);
    view.looks_end = end_of(&looked, ended);
    let Some(step) = first_difference(&mut view.steps, wrong.keys().min().copied()) else {
        return Ok(());
    };
    let at = wrong.get(&step).copied().filter(|_| !view.steps[step].differs);
    let difference = Difference {
        line: at.map(|at| &observing.lines[at][..]),
        due: Some(at.map_or(&due[step], |at| &observed[at])),
        actual: at
            .map_or_else(|| answers.written.get(step), |at| looked.written.get(at))
            .and_then(|written| written.first()),
    };
    let first = explained(machine, program, &lines[..=step], &difference);
    let line = difference.line.unwrap_or(&lines[step]);
    let snapshots = fields(machine, step, line, difference.answers()).into_iter().collect();
    view.divergence = Some(FirstDifference { snapshots, ..first });
    Ok(())
}

/// Returns the fields of two answers side by side, if they have a layout.
fn fields(
    machine: &Described,
    step: usize,
    line: &[u8],
    answers: [&[u8]; 2],
) -> Option<ComparedSnapshot> {
    let [expected, actual] = machine.fields(line, answers)?.map(|fields| fields.list);
    let by_path: HashMap<_, _> = actual.iter().map(|field| (&field.path, field)).collect();
    let known: HashMap<_, _> = expected.iter().map(|field| (&field.path, field)).collect();
    let both = expected.iter().map(|field| (Some(field), by_path.get(&field.path).copied()));
    let alone = actual.iter().filter(|field| !known.contains_key(&field.path));
    let all: Vec<_> = both.chain(alone.map(|field| (None, Some(field)))).collect();
    let compared = all.iter().take(FIELDS_MAX).filter_map(|(expected, actual)| {
        let field = expected.or(*actual)?;
        Some(ComparedField {
            offset: field.offset,
            meaning: field.path.clone(),
            reference: None,
            port: None,
            differs: expected.map(|it| &it.value) != actual.map(|it| &it.value),
            value: expected.map(|field| field.value.clone()),
            port_value: actual.map(|field| field.value.clone()),
        })
    });
    let fields: Vec<_> = compared.collect();
    let more = all.len() - fields.len();
    Some(ComparedSnapshot { step, of: shown(line), fields, more })
}
