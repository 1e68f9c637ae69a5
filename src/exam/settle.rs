//! Cases after which the replicas of one program must be equal. No answer of another program is
//! known.

use std::mem;
use std::sync::Arc;

use crate::case::{Case, Delivery, Due};
use crate::divergence::{Actual, Divergence};
use crate::examinee::Examinee;
use crate::machine::Equal;

/// A case that a port is running.
struct Settling<'e, 'm, 'c> {
    examinee: &'e mut Examinee<'m>,
    delivery: Delivery,
    /// All lines that were written, with the answers to the first of them.
    case: &'c mut Case,
    answers: Vec<Vec<u8>>,
}

/// Runs the lines of a case on a port, then the exchange, and compares its replicas. The case has
/// then all lines that the port has run, with its own answers. Of the lines that must have the same
/// answer it has only two that do not, the last with the answer of the other.
///
/// # Errors
///
/// The port failed, or does not know a command, or two replicas are not equal.
pub(crate) fn settle(
    examinee: &mut Examinee<'_>,
    case: &mut Case,
    delivery: Delivery,
) -> Result<(), Divergence> {
    let (lines, names) = (mem::take(&mut case.lines), mem::take(&mut case.names));
    let mut settling = Settling { examinee, delivery, case, answers: Vec::new() };
    let outcome = settling.run(&lines, names).and_then(|()| settling.settle(&lines));
    let answers = mem::take(&mut settling.answers);
    case.due = Some(answers.into_iter().map(Due::Answer).collect());
    outcome
}

impl Settling<'_, '_, '_> {
    /// Runs lines.
    fn run(&mut self, lines: &[Vec<u8>], names: Vec<Arc<str>>) -> Result<(), Divergence> {
        let first = self.case.lines.len();
        self.case.lines.extend_from_slice(lines);
        self.case.names.extend(names);
        let size = if self.delivery == Delivery::Stepwise { 1 } else { lines.len().max(1) };
        for lines in lines.chunks(size) {
            let ran = self.examinee.answers(lines, &mut self.answers);
            ran.map_err(|(step, actual)| self.divergence(step, None, actual))?;
        }
        let machine = self.examinee.machine;
        let new = self.answers.iter().enumerate().skip(first);
        let unknown = new.into_iter().find(|(_, answer)| machine.is_unknown(answer));
        unknown.map_or(Ok(()), |(step, answer)| {
            Err(self.divergence(step, None, Actual::Answer(answer.clone())))
        })
    }

    fn divergence(&self, step: usize, expected: Option<Vec<u8>>, actual: Actual) -> Divergence {
        let name = self.case.names.get(step).cloned();
        Divergence { name, ..Divergence::new(step, expected, actual) }
    }

    /// Runs further lines.
    fn run_further(&mut self, lines: &[Vec<u8>]) -> Result<(), Divergence> {
        let machine = self.examinee.machine;
        self.run(lines, lines.iter().filter_map(|line| machine.name_of(line)).collect())
    }

    /// Runs the exchange after the lines of the case, and compares the replicas.
    fn settle(&mut self, lines: &[Vec<u8>]) -> Result<(), Divergence> {
        let machine = self.examinee.machine;
        let mut ran = Ok(());
        let equal = machine.settle(lines, &mut |line| {
            ran = self.run_further(&[line.to_vec()]);
            ran.is_ok().then(|| self.answers.last().cloned()).flatten()
        });
        ran?;
        let failed = |failure| Divergence::failed(0, None, failure);
        for Equal { name, lines } in equal.map_err(failed)? {
            let first = self.answers.len();
            self.run_further(&lines)?;
            let answers = self.answers.split_off(first);
            let is_same = |answer: &Vec<u8>| {
                *answer == answers[0] || machine.is_same(&name, &answers[0], answer)
            };
            let unequal = answers.iter().position(|answer| !is_same(answer));
            // Lines that only observe take no part in what comes after them.
            self.case.lines.truncate(first);
            self.case.names.truncate(first);
            if let Some(unequal) = unequal {
                self.case.lines.extend([lines[0].clone(), lines[unequal].clone()]);
                self.case.names.extend([Arc::clone(&name), name]);
                self.answers.extend([answers[0].clone(), answers[0].clone()]);
                let actual = Actual::Unequal(answers[unequal].clone());
                return Err(self.divergence(first + 1, Some(answers[0].clone()), actual));
            }
        }
        Ok(())
    }
}
