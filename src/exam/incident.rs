//! Divergences as they are kept until they are investigated.

use crate::case::Case;
use crate::divergence::{Actual, Divergence};
use crate::examinee::Examinee;
use crate::port::Failure;

/// A divergence, and what is needed to investigate it later.
pub(crate) struct Incident {
    pub(crate) case: Case,
    pub(crate) divergence: Divergence,
    /// The lines that the port had run before the case since it was started.
    pub(crate) history: Vec<Vec<u8>>,
    /// The end of what the port wrote on standard error.
    pub(crate) stderr: String,
    /// The bytes that the port wrote after its last LF.
    pub(crate) unfinished_line: Vec<u8>,
}

impl Incident {
    /// Takes down a divergence that the port just had. A port that goes on has no last words yet.
    pub(crate) fn new(
        examinee: &mut Examinee<'_>,
        case: &Case,
        history: Vec<Vec<u8>>,
        divergence: Divergence,
    ) -> Self {
        let (stderr, unfinished_line) = if examinee.is_running() {
            (String::new(), Vec::new())
        } else {
            (examinee.stderr_tail(), examinee.unfinished_line())
        };
        Self { case: case.clone(), divergence, history, stderr, unfinished_line }
    }

    /// Returns how a port ended, with its last words, if it had any. Digits in them are left out:
    /// they may be ids of threads.
    pub(crate) fn complaint(&self) -> Option<String> {
        let Actual::Failed(failure @ Failure::Exited(_)) = &self.divergence.actual else {
            return None;
        };
        let words = self.stderr.trim().replace(|char: char| char.is_ascii_digit(), "");
        (!words.is_empty()).then(|| format!("{}: {words}", failure.kind()))
    }
}
