//! Whether a description fits its reference: it is deterministic, a start makes it forget, and
//! everything that the file describes occurs.

use std::ops::Range;

use crate::description::Description;
use crate::draw::draw;
use crate::drawn::{Drawn, NotDrawn, Origin};
use crate::equality::Status;
use crate::observe::Observation;
use crate::reference::Reference;
use crate::rules::Rules;
use crate::source::Random;

/// How many values of a type are shown.
const SAMPLES_MAX: usize = 6;

/// The facts about a description and its reference.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// The commands, in the order of the file.
    pub commands: Vec<CommandCheck>,
    /// The pools.
    pub pools: Vec<PoolCheck>,
    /// The types.
    pub types: Vec<TypeCheck>,
    /// The observers whose answer was an error, each with the first such line and its answer.
    pub failed_observers: Vec<(String, Vec<u8>, Vec<u8>)>,
    /// The first case whose start lines were refused: the line and its answer.
    pub refused_start: Option<(Vec<u8>, Vec<u8>)>,
    /// The first line to which a new process has another answer: the reference is not
    /// deterministic.
    pub fresh: Option<Disagreement>,
    /// The first line to which the same process has another answer after other cases: a start does
    /// not make it forget. It is only looked for if the reference is deterministic.
    pub reordered: Option<Disagreement>,
    /// The start lines of the first case, for other programs.
    pub start: Vec<Vec<u8>>,
    /// The observers after them.
    pub observations: Vec<Observation>,
}

/// How often a command occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandCheck {
    /// Its name.
    pub name: String,
    /// How often it was drawn.
    pub drawn: usize,
    /// How many of the answers were errors.
    pub errors: usize,
    /// The first line that the reference does not know, and its answer.
    pub unknown: Option<(Vec<u8>, Vec<u8>)>,
}

/// How often a pool was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolCheck {
    /// Its name.
    pub name: String,
    /// How many values were captured.
    pub filled: usize,
    /// How many lines use one.
    pub used: usize,
}

/// Values of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCheck {
    /// Its name.
    pub name: String,
    /// A few of its values; none if it does not occur.
    pub samples: Vec<Vec<u8>>,
}

/// A line to which the reference has two answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The lines of the case, up to this one.
    pub lines: Vec<Vec<u8>>,
    /// The answer when the case was drawn.
    pub first: Vec<u8>,
    /// The other answer.
    pub other: Vec<u8>,
}

/// A case with its observers: each line with its name and its answer.
type Run<'r> = Vec<(Vec<u8>, &'r str, Vec<u8>)>;

/// Draws a case for each of the seeds on one process of the reference, runs them again on another
/// one, and on that in the opposite order. The rules are those of the description or of one of its
/// profiles. `start` starts a process.
///
/// # Errors
///
/// The reference failed, or the file is wrong in a way that shows only when a value is drawn.
pub fn check<R: Reference>(
    description: &Description,
    rules: &Rules,
    seeds: Range<u64>,
    start: &mut dyn FnMut() -> Result<R, R::Failure>,
) -> Result<Check, NotDrawn<R::Failure>> {
    let mut check = Check::new(rules);
    let mut process = start().map_err(NotDrawn::Reference)?;
    let mut runs = Vec::new();
    for seed in seeds {
        let mut source = Random::new(seed, rules.is_swarm);
        let mut drawn = draw(rules, &mut source, &mut process)?;
        drawn.receive(&mut process).map_err(NotDrawn::Reference)?;
        check.count(description, rules, &drawn);
        if runs.is_empty() {
            let start = drawn.lines.iter().take(rules.start.len());
            check.start = start.map(|line| line.text.clone()).collect();
            check.observations = drawn.observations(rules).map_err(NotDrawn::without_failure)?;
        }
        let run = observed(rules, &drawn, &mut process)?;
        check.count_observers(rules, &run);
        runs.push(run);
    }
    let mut again = start().map_err(NotDrawn::Reference)?;
    let mut first_different = |runs: &mut dyn Iterator<Item = &Run<'_>>| {
        for run in runs {
            if let Some(disagreement) = run_again(rules, run, &mut again)? {
                return Ok(Some(disagreement));
            }
        }
        Ok(None)
    };
    check.fresh = first_different(&mut runs.iter()).map_err(NotDrawn::Reference)?;
    if check.fresh.is_none() {
        check.reordered = first_different(&mut runs.iter().rev()).map_err(NotDrawn::Reference)?;
    }
    Ok(check)
}

impl Check {
    fn new(rules: &Rules) -> Self {
        let commands = rules.commands.iter().map(|command| command.name.clone());
        let pools = rules.scope.pools.iter().cloned();
        let types = rules.scope.types.iter().map(|(name, _)| name.clone());
        Self {
            commands: commands.map(CommandCheck::new).collect(),
            pools: pools.map(|name| PoolCheck { name, filled: 0, used: 0 }).collect(),
            types: types.map(|name| TypeCheck { name, samples: Vec::new() }).collect(),
            ..Self::default()
        }
    }

    fn count(&mut self, description: &Description, rules: &Rules, drawn: &Drawn) {
        if let (None, Some(refused)) = (&self.refused_start, drawn.refused_start(rules)) {
            let (line, answer) = (&drawn.lines[refused], &drawn.answers[refused]);
            self.refused_start = Some((line.text.clone(), answer.clone()));
        }
        for (line, answer) in drawn.lines.iter().zip(&drawn.answers) {
            let Some(command) = line.command else { continue };
            let is_error = rules.equality.status(answer) != Status::Ok;
            let counted = &mut self.commands[command];
            counted.drawn += 1;
            counted.errors += usize::from(is_error);
            if counted.unknown.is_none() && description.is_unknown(answer) {
                counted.unknown = Some((line.text.clone(), answer.clone()));
            }
            for capture in &rules.commands[command].captures {
                let is_filled = capture.value(&rules.equality, answer).is_some();
                self.pools[capture.pool].filled += usize::from(is_filled);
            }
            for value in &line.values {
                match value.origin {
                    Origin::Variable(_) => {}
                    Origin::Pool(pool, _) => self.pools[pool].used += 1,
                    Origin::Type(id) => self.types[id].add(&line.text[value.range.clone()]),
                }
            }
        }
    }

    fn count_observers(&mut self, rules: &Rules, run: &Run<'_>) {
        // A start line can have the name of an observer.
        for (line, name, answer) in run.iter().skip(rules.start.len()) {
            let is_observer = rules.observers.iter().any(|observer| observer.name == *name);
            let is_known = self.failed_observers.iter().any(|(known, ..)| known == name);
            if is_observer && !is_known && rules.equality.status(answer) != Status::Ok {
                self.failed_observers.push(((*name).into(), line.clone(), answer.clone()));
            }
        }
    }
}

impl CommandCheck {
    const fn new(name: String) -> Self {
        Self { name, drawn: 0, errors: 0, unknown: None }
    }
}

impl TypeCheck {
    fn add(&mut self, value: &[u8]) {
        if self.samples.len() < SAMPLES_MAX && !self.samples.iter().any(|known| known == value) {
            self.samples.push(value.to_vec());
        }
    }
}

/// Asks the observers after a case, and returns all lines and answers.
fn observed<'r, R: Reference>(
    rules: &'r Rules,
    drawn: &Drawn,
    process: &mut R,
) -> Result<Run<'r>, NotDrawn<R::Failure>> {
    let lines = drawn.lines.iter().zip(&drawn.answers).enumerate();
    let mut run: Run<'_> = lines
        .map(|(at, (line, answer))| (line.text.clone(), drawn.name_of(at, rules), answer.clone()))
        .collect();
    for observation in drawn.observations(rules).map_err(NotDrawn::without_failure)? {
        let name = observation.name(rules);
        for line in [Some(observation.line), observation.dump].into_iter().flatten() {
            let answer = ask(process, &line).map_err(NotDrawn::Reference)?;
            run.push((line, name, answer));
        }
    }
    Ok(run)
}

/// Runs a case again. Returns the first line with another answer.
fn run_again<R: Reference>(
    rules: &Rules,
    run: &Run<'_>,
    process: &mut R,
) -> Result<Option<Disagreement>, R::Failure> {
    for (position, (line, name, first)) in run.iter().enumerate() {
        let other = ask(process, line)?;
        if !rules.equality.are_same(name, first, &other) {
            let lines = run[..=position].iter().map(|(line, ..)| line.clone()).collect();
            return Ok(Some(Disagreement { lines, first: first.clone(), other }));
        }
    }
    Ok(None)
}

fn ask<R: Reference>(process: &mut R, line: &[u8]) -> Result<Vec<u8>, R::Failure> {
    process.send(line)?;
    process.receive()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Closure, Fault, description, notes, rules};

    #[test]
    fn a_description_that_fits_has_no_disagreement() {
        let check = check(&description(), rules(), 0..100, &mut || Ok(notes(Fault::None))).unwrap();
        assert_eq!((&check.fresh, &check.reordered), (&None, &None));
        assert_eq!(check.refused_start, None);
        let [(name, line, answer)] = &check.failed_observers[..] else { panic!("{check:#?}") };
        assert!(name == "hash" && line.starts_with(b"dump ") && answer == b"err empty");
        for command in &check.commands {
            assert!(command.drawn > 20, "{command:?}");
            let share = command.errors * 100 / command.drawn;
            match &*command.name {
                "insert" | "delete" | "style" | "apply" => assert_eq!(share, 0),
                _ => assert!((1..90).contains(&share), "{command:?}"),
            }
        }
        let pool = &check.pools[0];
        assert!(pool.name == "update" && pool.filled > 20 && pool.used > 20, "{pool:?}");
        assert!(check.types.iter().all(|one| one.samples.len() >= 2), "{:?}", check.types);
    }

    #[test]
    fn a_reference_that_is_not_deterministic_is_found() {
        let mut starts = 0;
        let check = check(&description(), rules(), 0..20, &mut || {
            starts += 1;
            let (mut machine, seed) = (notes(Fault::None), starts);
            Ok(Closure::new(move |line| {
                if line.starts_with("style") {
                    return Some(format!("ok {seed}"));
                }
                crate::reference::Reference::send(&mut machine, line.as_bytes()).unwrap();
                let answer = crate::reference::Reference::receive(&mut machine).unwrap();
                Some(String::from_utf8(answer).unwrap())
            }))
        });
        let Disagreement { lines, first, other } = check.unwrap().fresh.unwrap();
        assert!(lines.last().unwrap().starts_with(b"style "));
        assert_eq!((&*first, &*other), (&b"ok 1"[..], &b"ok 2"[..]));
    }

    #[test]
    fn a_start_that_does_not_forget_is_found() {
        let check = check(&description(), rules(), 0..20, &mut || {
            let (mut machine, mut count) = (notes(Fault::None), 0);
            Ok(Closure::new(move |line| {
                if line.starts_with("style") {
                    count += 1;
                    return Some(format!("ok {count}"));
                }
                crate::reference::Reference::send(&mut machine, line.as_bytes()).unwrap();
                let answer = crate::reference::Reference::receive(&mut machine).unwrap();
                Some(String::from_utf8(answer).unwrap())
            }))
        });
        let check = check.unwrap();
        assert_eq!(check.fresh, None);
        let reordered = check.reordered.unwrap();
        assert!(reordered.lines.last().unwrap().starts_with(b"style "));
    }

    #[test]
    fn a_refused_start_is_found() {
        let mut start = || Ok(Closure::new(|_| Some("err no 0".into())));
        let check = check(&description(), rules(), 0..5, &mut start).unwrap();
        let (line, answer) = check.refused_start.unwrap();
        assert!(line.starts_with(b"new "));
        assert_eq!(answer, b"err no 0");
        assert_eq!(check.failed_observers.len(), 2);
    }
}
