//! What makes two divergences the same fault: how the answer is wrong, not the numbers in it.

use crate::exam::case::{level_of, word};
use crate::exam::examinee::{Actual, Divergence};

/// A short text that stays the same while a trace is shrunk and its numbers change.
#[must_use]
pub fn fingerprint(line: &[u8], divergence: &Divergence) -> String {
    let word = match word(line) {
        b"" => "blank line".into(),
        [b'#', ..] => "comment".into(),
        known if level_of(known).is_some() || matches!(known, b"hello" | b"quit") => {
            String::from_utf8_lossy(known).into_owned()
        }
        _ => "unknown command".into(),
    };
    let expected = divergence.expected.as_deref();
    let how = match &divergence.actual {
        Actual::Answer(actual) => difference(expected.unwrap_or_default(), actual),
        Actual::Missing => "no answer, went on".into(),
        Actual::Extra(_) => "a line that nobody asked for".into(),
        Actual::Failed(failure) => failure.kind(),
    };
    format!("{word}: {how}")
}

/// How an answer differs from the one that was due.
fn difference(expected: &[u8], actual: &[u8]) -> String {
    let (expected, actual) = (shape(expected), shape(actual));
    if expected.status != actual.status {
        return format!("{} -> {}", expected.status, actual.status);
    }
    let names =
        |shape: &Shape| shape.fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(&expected) != names(&actual) {
        return format!("{} with other fields", expected.status);
    }
    let differing = expected.fields.iter().zip(&actual.fields).filter(|(a, b)| a != b);
    let differing: Vec<_> = differing.map(|((name, _), _)| name.as_str()).collect();
    format!("{} with another {}", expected.status, differing.join(", "))
}

/// An answer, taken apart.
struct Shape {
    /// `ok`, `ok committed`, `err CODE` or what is neither.
    status: String,
    fields: Vec<(String, String)>,
}

fn shape(answer: &[u8]) -> Shape {
    let text = String::from_utf8_lossy(answer);
    let mut tokens = text.split(' ');
    let mut status = match tokens.next() {
        Some("ok") => "ok".to_owned(),
        Some("err") => format!("err {}", tokens.next().unwrap_or_default()),
        _ => return Shape { status: "no answer of the protocol".into(), fields: Vec::new() },
    };
    let mut fields = Vec::new();
    for (position, token) in tokens.enumerate() {
        match token.split_once('=') {
            Some((name, value)) => fields.push((name.into(), value.into())),
            None if matches!(token, "committed" | "pending" | "none") && position == 0 => {
                status = format!("{status} {token}");
            }
            None => fields.push(("value".into(), token.into())),
        }
    }
    Shape { status, fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, expected: &str, actual: &str) -> String {
        let actual = Actual::Answer(actual.into());
        fingerprint(
            line.as_bytes(),
            &Divergence { step: 0, expected: Some(expected.into()), actual },
        )
    }

    #[test]
    fn numbers_do_not_count_but_which_of_them_differ_does() {
        let a = of("heal 1", "ok leader=1 term=2", "ok leader=1 term=3");
        assert_eq!(a, "heal: ok with another term");
        assert_eq!(a, of("heal", "ok leader=4 term=5", "ok leader=4 term=9"));
        assert_ne!(a, of("heal", "ok leader=4 term=5", "ok leader=3 term=9"));
    }

    #[test]
    fn statuses_are_told_apart() {
        assert_eq!(of("hash 0", "ok ab", "ok cd"), "hash: ok with another value");
        assert_eq!(of("new 0", "err replica-count", "ok"), "new: err replica-count -> ok");
        assert_eq!(of("get 0 a", "ok none", "ok 0x"), "get: ok none -> ok");
        assert_eq!(
            of("put a b", "ok committed index=1 term=1", "ok pending index=1 term=1"),
            "put: ok committed -> ok pending",
        );
        assert_eq!(of("mix 1", "ok 5", "OK 5"), "mix: ok -> no answer of the protocol");
        assert_eq!(
            of("load 0x", "err truncated offset=0", "err truncated offset=1"),
            "load: err truncated with another offset"
        );
    }
}
