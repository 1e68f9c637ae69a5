//! The first step at which a port differs from the reference.

use std::sync::Arc;

use crate::port::Failure;

/// The first difference between a port and the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The position of the line among those that were run.
    pub step: usize,
    /// The name of the line, if its machine compares answers by names.
    pub name: Option<Arc<str>>,
    /// The reference's answer, or the port's own for another replica; `None` if no answer is due, or
    /// none is known.
    pub expected: Option<Vec<u8>>,
    /// The port's reaction.
    pub actual: Actual,
}

/// The reaction of a port at the step at which it diverged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actual {
    /// It wrote another answer.
    Answer(Vec<u8>),
    /// It wrote an answer that is not equal to its own answer for another replica.
    Unequal(Vec<u8>),
    /// It wrote no answer to this line, but went on to the next.
    Missing,
    /// It wrote this line though no answer was due.
    Extra(Vec<u8>),
    /// It failed as a process.
    Failed(Failure),
}

impl Divergence {
    /// Makes the divergence of a line without a name.
    #[must_use]
    pub const fn new(step: usize, expected: Option<Vec<u8>>, actual: Actual) -> Self {
        Self { step, name: None, expected, actual }
    }

    pub(crate) fn failed(step: usize, expected: Option<Vec<u8>>, failure: Failure) -> Self {
        Self::new(step, expected, Actual::Failed(failure))
    }

    /// Returns the line at which the port diverged; empty if it is none of `lines`.
    #[must_use]
    pub fn line<'a>(&self, lines: &'a [Vec<u8>]) -> &'a [u8] {
        lines.get(self.step).map_or(&[], Vec::as_slice)
    }

    /// Returns the divergence, which happened while `lines` ran, as one line of text.
    #[must_use]
    pub fn headline(&self, lines: &[Vec<u8>]) -> String {
        let expected = self.expected.as_deref().map(shown);
        headline(&shown(self.line(lines)), expected.as_deref(), &self.actual.shown())
    }

    /// Reports whether the port failed as a process, and in a way that took the whole time limit.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(&self.actual, Actual::Failed(failure) if failure.is_timeout())
    }

    /// Returns the cause if it is outside the port: an interruption or an error of the operating
    /// system. Then it is not an error of the port.
    #[must_use]
    pub const fn external_cause(&self) -> Option<&Failure> {
        match &self.actual {
            Actual::Failed(failure) if failure.is_external() => Some(failure),
            _ => None,
        }
    }

    /// Reports whether the port wrote an answer, and a wrong one.
    pub(crate) const fn is_wrong_answer(&self) -> bool {
        matches!(self.actual, Actual::Answer(_) | Actual::Unequal(_))
    }

    /// Reports whether another port wrote the same wrong answer at the same step.
    pub(crate) fn is_same_answer(&self, other: &Divergence) -> bool {
        self.is_wrong_answer() && self == other
    }
}

impl Actual {
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Answer(answer) | Self::Unequal(answer) => format!("`{}`", shown(answer)),
            Self::Missing => "no answer".into(),
            Self::Extra(line) => format!("an extra line: `{}`", shown(line)),
            Self::Failed(failure) => failure.to_string(),
        }
    }
}

pub(crate) fn headline(command: &str, expected: Option<&str>, actual: &str) -> String {
    match expected {
        Some(expected) => format!("`{command}`: expected `{expected}`, got {actual}"),
        None => format!("`{command}`: {actual}"),
    }
}

/// Returns a line with escapes for backslashes and for bytes that are not printable ASCII, so that no
/// two lines look alike. Quotes are left as they are, since many answers are JSON.
fn escaped(line: &[u8]) -> String {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\'' => char::from(*byte).to_string(),
        byte => byte.escape_ascii().to_string(),
    };
    line.iter().map(escaped).collect()
}

/// Returns a line as printable text of limited length.
#[must_use]
pub fn shown(line: &[u8]) -> String {
    const SHOWN_MAX: usize = 240;
    let text = escaped(line);
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], line.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_with_escapes_for_all_but_printable_characters() {
        assert_eq!(shown(br#"parse "a'""#), r#"parse "a'""#);
        assert_ne!(shown(br"\x07"), shown(b"\x07"));
        assert_eq!(shown("\x07\"\u{e9}\\".as_bytes()), r#"\x07"\xc3\xa9\\"#);
        assert_eq!(shown(&[b'a'; 241]), format!("{}… (241 bytes)", "a".repeat(240)));
    }
}
