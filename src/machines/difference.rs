//! How an answer differs from the one that was due.

/// Of an answer with more tokens only the first are looked at. None that is due has more than those
/// of `draw`.
const TOKENS_MAX: usize = 1_100;
/// Of a longer error code or field name only the beginning is kept.
const WORD_LENGTH_MAX: usize = 64;
/// No list of ids, and no number, is longer.
const NUMBERS_LENGTH_MAX: usize = 256;

/// Returns a description that does not depend on the values in the answers.
pub(super) fn difference(expected: &[u8], actual: &[u8]) -> String {
    let (expected, actual) = (Shape::of(expected), Shape::of(actual));
    if expected.status != actual.status {
        return format!("{} -> {}", expected.status, actual.status);
    }
    if !expected.has_names_of(&actual) {
        return format!("{} with other fields", expected.status);
    }
    let mut differing = expected.differing(&actual);
    differing.dedup();
    format!("{} with another {}", expected.status, differing.join(", "))
}

/// The parts of an answer.
pub(super) struct Shape<'a> {
    /// `ok`, `ok committed`, `err CODE`, or that it is neither.
    pub(super) status: String,
    /// Names and values; a value without a name is called `value`.
    fields: Vec<(String, &'a [u8])>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(answer: &'a [u8]) -> Self {
        let mut tokens = answer.split(|byte| *byte == b' ').take(TOKENS_MAX);
        let text = |token: &[u8]| {
            String::from_utf8_lossy(&token[..token.len().min(WORD_LENGTH_MAX)]).into_owned()
        };
        let mut status = match tokens.next() {
            Some(b"ok") => "ok".to_owned(),
            Some(b"err") => format!("err {}", text(tokens.next().unwrap_or_default())),
            _ => return Self { status: "no answer of the protocol".into(), fields: Vec::new() },
        };
        let mut fields = Vec::new();
        for (position, token) in tokens.enumerate() {
            match token.iter().position(|byte| *byte == b'=') {
                Some(end) => fields.push((text(&token[..end]), &token[end + 1..])),
                None if matches!(token, b"committed" | b"pending" | b"none") && position == 0 => {
                    status = format!("{status} {}", text(token));
                }
                None => fields.push(("value".into(), token)),
            }
        }
        Self { status, fields }
    }

    /// Returns the code of an error answer.
    pub(super) fn error(&self) -> Option<&str> {
        self.status.strip_prefix("err ")
    }

    /// Returns the field's value, if it is there and is text.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// Returns the field's value, if it is a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    fn has_names_of(&self, other: &Self) -> bool {
        let names = |shape: &Self| shape.fields.iter().map(|(name, _)| name.clone()).collect();
        let (left, right): (Vec<_>, Vec<_>) = (names(self), names(other));
        left == right
    }

    /// Returns the names of the fields whose values differ, if the names are the same.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        let differing = self.fields.iter().zip(&other.fields).filter(|(a, b)| a != b);
        differing.map(|((name, _), _)| name.clone()).collect()
    }

    /// Reports whether a right answer of the same kind could have this form: the same status and
    /// names, and values of the same kinds.
    pub(super) fn has_form_of(&self, due: &Self) -> bool {
        let forms = |shape: &Self| {
            let form = |(name, value): &(String, &[u8])| (name.clone(), Form::of(value));
            shape.fields.iter().map(form).collect::<Vec<_>>()
        };
        let (mut actual, due) = (forms(self), forms(due));
        for ((name, actual), (_, due)) in actual.iter_mut().zip(&due) {
            let can_be_none = matches!(name.as_str(), "leader" | "isolated");
            if can_be_none && matches!(actual, Form::None | Form::Numbers) {
                *actual = *due;
            }
        }
        actual == due
    }
}

/// The form of a value (definition, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A number, or several in ascending order.
    Numbers,
    Bytes,
    Hash,
    None,
    Word,
    Malformed,
}

impl Form {
    fn of(value: &[u8]) -> Self {
        let is_hex = |bytes: &[u8]| bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match value {
            b"none" => Self::None,
            b"leader" | b"follower" => Self::Word,
            [b'0', b'x', digits @ ..] if is_hex(digits) && digits.len() % 2 == 0 => Self::Bytes,
            _ if value.len() == 64 && is_hex(value) => Self::Hash,
            _ if is_ascending_numbers(value) => Self::Numbers,
            _ => Self::Malformed,
        }
    }
}

/// Reports whether the value is a number as answers have it, or several with commas between.
fn is_ascending_numbers(value: &[u8]) -> bool {
    if value.len() > NUMBERS_LENGTH_MAX {
        return false;
    }
    let number = |token: &[u8]| {
        let text = std::str::from_utf8(token).ok()?;
        text.parse::<u64>().ok().filter(|number| number.to_string() == text)
    };
    let numbers: Option<Vec<_>> = value.split(|byte| *byte == b',').map(number).collect();
    numbers.is_some_and(|numbers| numbers.is_sorted())
}
