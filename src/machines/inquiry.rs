//! Questions to the port while a divergence is explained.

use dkv20_exam::Ask;

use super::oracle::Oracle;
use super::suites::common::observers;
use crate::replica::ReplicaId;

/// Snapshots that are longer than this by more than the reference's are not taken apart.
const EXCESS_BYTES_MAX: usize = 1 << 20;

/// The port, which is asked a few more lines on new processes. After a failure it is not asked again,
/// so that a port that hangs takes one time limit.
pub(super) struct Inquiry<'a> {
    ask: Ask<'a>,
    has_failed: bool,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(ask: Ask<'a>) -> Self {
        Self { ask, has_failed: false }
    }

    /// Returns the port's answer to `question` after `lines`, of which those without an answer are
    /// left out.
    pub(super) fn answer(&mut self, lines: &[Vec<u8>], question: &str) -> Option<Vec<u8>> {
        self.answers(lines, &[question.into()])?.pop()
    }

    /// Returns the port's answers to `questions` after `lines`.
    pub(super) fn answers(
        &mut self,
        lines: &[Vec<u8>],
        questions: &[Vec<u8>],
    ) -> Option<Vec<Vec<u8>>> {
        if self.has_failed {
            return None;
        }
        let mut session = Oracle::new();
        let mut asked = lines.to_vec();
        asked.extend_from_slice(questions);
        asked.retain(|line| session.run(line).is_some());
        let answers = (self.ask)(&asked);
        let answers = answers.filter(|answers| answers.len() == asked.len());
        self.has_failed = answers.is_none();
        let answers = answers?;
        let first = answers.len().checked_sub(questions.len())?;
        Some(answers[first..].to_vec())
    }

    /// Reports whether the port's answer to `question` after `lines` is right. Returns `None` if it
    /// has none, or none is due.
    pub(super) fn is_right(&mut self, lines: &[Vec<u8>], question: &str) -> Option<bool> {
        let due = Oracle::after(lines).run(question.as_bytes())?;
        Some(self.answer(lines, question)? == due.as_bytes())
    }

    /// Returns the port's snapshot of a replica after `lines`, unless it is much longer than that of
    /// the reference, whose length is `due_length`.
    pub(super) fn snapshot(
        &mut self,
        lines: &[Vec<u8>],
        id: ReplicaId,
        due_length: usize,
    ) -> Option<Vec<u8>> {
        let answer = self.answer(lines, &format!("dump {id}"))?;
        let digits = answer.strip_prefix(b"ok 0x")?;
        let is_tolerable = digits.len() / 2 <= due_length + EXCESS_BYTES_MAX;
        hex::decode(digits).ok().filter(|_| is_tolerable)
    }

    /// Returns the answers to the observers after `lines`: those that are due, and the port's.
    pub(super) fn observed(&mut self, lines: &[Vec<u8>]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let (observers, due) = observations(lines);
        let answers = self.answers(lines, &observers)?;
        Some(due.into_iter().zip(answers).collect())
    }
}

/// Returns the observers after `lines`, and the answers that are due to them.
pub(super) fn observations(lines: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut session = Oracle::after(lines);
    let lines = session.size().map(observers).unwrap_or_default();
    let answer = |line: &Vec<u8>| session.run(line).unwrap_or_default().into_bytes();
    let due = lines.iter().map(answer).collect();
    (lines, due)
}
