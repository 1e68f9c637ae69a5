//! The first difference, explained as the exam does.

use dkv20_exam::{Actual, Divergence, Evidence, Explanation, Machine, shown};

use super::data::{FirstDifference, Observed, Section};
use super::port::Program;
use super::sides::shown_pair;
use crate::machines::{section_title, section_url};

/// A wrong answer.
pub(super) struct Difference<'a> {
    /// The look after the step whose answer it is; `None` if it is the step's own.
    pub(super) line: Option<&'a [u8]>,
    /// The reference's answer; `None` if no answer is due.
    pub(super) due: Option<&'a [u8]>,
    /// The port's; `None` if it has none.
    pub(super) actual: Option<&'a Vec<u8>>,
}

impl<'a> Difference<'a> {
    /// Returns both answers; an empty one in place of none.
    pub(super) fn answers(&self) -> [&'a [u8]; 2] {
        [self.due.unwrap_or_default(), self.actual.map_or(&[], Vec::as_slice)]
    }

    fn observed(&self) -> Option<Observed> {
        let line = shown(self.line?);
        let [answer, port] = match (self.due, self.actual) {
            (Some(due), Some(actual)) => shown_pair(due, actual).map(Some),
            (due, actual) => [due.map(shown), actual.map(|actual| shown(actual))],
        };
        Some(Observed { line, answer, port: Some(port), differs: true })
    }
}

/// Returns the difference at the last of these lines, or in a look after it. The program is asked
/// further lines on new processes.
pub(super) fn explained(
    machine: &dyn Machine,
    program: &Program<'_>,
    lines: &[Vec<u8>],
    difference: &Difference<'_>,
) -> FirstDifference {
    let step = lines.len().saturating_sub(1);
    let first = FirstDifference { step, seen: difference.observed(), ..FirstDifference::default() };
    let (Some(due), Some(actual), true) = (difference.due, difference.actual, program.explains)
    else {
        return first;
    };
    let mut evident = lines.to_vec();
    evident.extend(difference.line.map(<[u8]>::to_vec));
    let name = evident.last().and_then(|line| machine.name_of(line));
    let actual = Actual::Answer(actual.clone());
    let divergence = Divergence::new(evident.len() - 1, Some(due.to_vec()), actual);
    let divergence = Divergence { name, ..divergence };
    let evidence = Evidence { lines: &evident, divergence: &divergence, step };
    let Explanation { facts, sections } = machine.explain(&evidence, &mut |lines| {
        let transcript = program.transcript(lines).ok().filter(|it| it.failure.is_none())?;
        transcript.written.into_iter().map(|written| written.into_iter().next()).collect()
    });
    FirstDifference { explanation: facts, sections: sections_of(&sections), ..first }
}

/// Returns sections of the definition by their numbers.
#[must_use]
pub fn sections_of(numbers: &[String]) -> Vec<Section> {
    let section = |number: &String| Section {
        number: number.clone(),
        title: section_title(number).unwrap_or_default().into(),
        url: section_url(number),
    };
    numbers.iter().map(section).collect()
}
