//! How an answer differs from the one that was due.

/// Returns a description that does not depend on the values in the answers.
pub(super) fn difference(expected: &[u8], actual: &[u8]) -> String {
    let (expected, actual) = (Shape::of(expected), Shape::of(actual));
    if expected.status != actual.status {
        return format!("{} -> {}", expected.status, actual.status);
    }
    if !expected.names().eq(actual.names()) {
        return format!("{} with other fields", expected.status);
    }
    let differing = expected.fields.iter().zip(&actual.fields).filter(|(a, b)| a != b);
    let mut differing: Vec<_> = differing.map(|((name, _), _)| name.as_str()).collect();
    differing.dedup();
    format!("{} with another {}", expected.status, differing.join(", "))
}

/// The parts of an answer.
struct Shape {
    /// `ok`, `ok committed`, `err CODE`, or that it is neither.
    status: String,
    /// Names and values.
    fields: Vec<(String, String)>,
}

impl Shape {
    fn of(answer: &[u8]) -> Self {
        let text = String::from_utf8_lossy(answer);
        let mut tokens = text.split(' ');
        let mut status = match tokens.next() {
            Some("ok") => "ok".to_owned(),
            Some("err") => format!("err {}", tokens.next().unwrap_or_default()),
            _ => return Self { status: "no answer of the protocol".into(), fields: Vec::new() },
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
        Self { status, fields }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }
}
