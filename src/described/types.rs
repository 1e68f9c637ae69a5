//! Types: the values that a hole can have.

use crate::file::{Type as Written, Writing};
use crate::mistake::Wrong;
use crate::notation::{Alphabet, Number};
use crate::term::{Range, Term};
use crate::text;

/// The keys of which each is a kind of type.
const KINDS: &str = "exactly one of `integer`, `below`, `choice`, `text` and `bytes`";
/// The length of a text if the file has none.
const LENGTH: &str = "0 .. 8";
/// The greatest length of a text or of bytes.
pub(crate) const LENGTH_MAX: i128 = 1 << 20;

/// The values of a type.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Integer {
        range: Range,
        /// `None` stands for both ends and their neighbours.
        edges: Option<Vec<Term>>,
    },
    /// An index below this.
    Below(Term),
    /// Each as it is written in a line.
    Choice(Vec<Vec<u8>>),
    Text {
        pieces: Vec<String>,
        length: Range,
        writing: Writing,
    },
    Bytes(Range),
}

/// Mistakes in a type: each with its key below that of the type.
pub(crate) type Faults = Vec<(&'static str, Wrong)>;

impl Values {
    /// Checks a type.
    pub(crate) fn of(written: &Written) -> Result<Self, Faults> {
        let kinds = [
            ("integer", written.integer.is_some()),
            ("below", written.below.is_some()),
            ("choice", written.choice.is_some()),
            ("text", written.text.is_some()),
            ("bytes", written.bytes.is_some()),
        ];
        let given: Vec<_> = kinds.iter().filter(|(_, is_given)| *is_given).collect();
        let [(kind, _)] = given.as_slice() else {
            let names: Vec<_> = given.iter().map(|(kind, _)| *kind).collect();
            let reason = match names.as_slice() {
                [] => "the type has no values".into(),
                names => format!("the type has {}", names.join(" and ")),
            };
            return Err(vec![("", Wrong::new(reason, KINDS))]);
        };
        let mut faults = misplaced(written, kind);
        let values = Self::of_kind(written, &mut faults);
        values.filter(|_| faults.is_empty()).ok_or(faults)
    }

    fn of_kind(written: &Written, faults: &mut Faults) -> Option<Self> {
        let mut check =
            |key, result: Result<_, Wrong>| result.map_err(|wrong| faults.push((key, wrong))).ok();
        if let Some(range) = &written.integer {
            let range = check("integer", Range::parse(range));
            let edges = written.edges.as_ref().map(|edges| edges.iter().map(term).collect());
            let edges = match edges {
                None => None,
                Some(Ok(edges)) => Some(edges),
                Some(Err(wrong)) => {
                    faults.push(("edges", wrong));
                    return None;
                }
            };
            return Some(Self::Integer { range: range?, edges });
        }
        if let Some(text) = &written.bytes {
            return Some(Self::Bytes(check("bytes", length(text))?));
        }
        if let Some(number) = &written.below {
            return below(number).map_err(|wrong| faults.push(("below", wrong))).ok();
        }
        let writing = written.writing.unwrap_or_default();
        if let Some(choice) = &written.choice {
            return choices(choice, writing).map_err(|wrong| faults.push(("choice", wrong))).ok();
        }
        let pieces = pieces(written.text.as_ref()?, writing);
        let length = check("length", length(written.length.as_deref().unwrap_or(LENGTH)));
        let pieces = pieces.map_err(|wrong| faults.push(("text", wrong))).ok();
        Some(Self::Text { pieces: pieces?, length: length?, writing })
    }

    /// Calls `take` with each name in the terms.
    pub(crate) fn for_each_name<'a>(&'a self, take: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Integer { range, edges } => {
                range.for_each_name(take);
                edges.iter().flatten().for_each(|edge| edge.for_each_name(take));
            }
            Self::Below(term) => term.for_each_name(take),
            Self::Choice(_) => {}
            Self::Text { length, .. } | Self::Bytes(length) => length.for_each_name(take),
        }
    }

    /// Reports whether the values are integers, which terms can use.
    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Below(_))
    }
}

/// Returns the mistakes of keys that mean nothing for this kind of type.
fn misplaced(written: &Written, kind: &str) -> Faults {
    let keys = [
        ("length", written.length.is_some(), &["text"][..]),
        ("edges", written.edges.is_some(), &["integer"]),
        ("as", written.writing.is_some(), &["choice", "text"]),
    ];
    let misplaced =
        keys.into_iter().filter(|(_, is_given, kinds)| *is_given && !kinds.contains(&kind));
    let fault = |(key, _, kinds): (&'static str, bool, &[&str])| {
        let reason = format!("`{key}` means nothing beside `{kind}`");
        (key, Wrong::new(reason, format!("only beside `{}`", kinds.join("` or `"))))
    };
    misplaced.map(fault).collect()
}

/// Parses a number as it is written in the file.
pub(crate) fn term(number: &Number) -> Result<Term, Wrong> {
    match number {
        Number::Integer(integer) => Ok(Term::Number(*integer)),
        Number::Term(text) => Term::parse(text),
    }
}

fn below(number: &Number) -> Result<Values, Wrong> {
    let term = term(number)?;
    match term.value(&mut |_| Err(())) {
        Ok(count) if count < 1 => {
            Err(Wrong::new(format!("no index is below {count}"), "an integer from 1 or a term"))
        }
        _ => Ok(Values::Below(term)),
    }
}

fn length(text: &str) -> Result<Range, Wrong> {
    let range = Range::parse(text)?;
    let is_possible = |length: i128| (0..=LENGTH_MAX).contains(&length);
    match range.value(&mut |_| Err(())) {
        Ok((low, high)) if !is_possible(low) || !is_possible(high) => {
            let allowed = format!("lengths from 0 to {LENGTH_MAX}");
            Err(Wrong::new(format!("the range `{text}` is no range of lengths"), allowed))
        }
        _ => Ok(range),
    }
}

fn choices(choice: &[String], writing: Writing) -> Result<Values, Wrong> {
    if choice.is_empty() {
        return Err(Wrong::new("no value can be drawn", "at least one value"));
    }
    let values = choice.iter().map(|value| {
        if let Some(obstacle) = text::obstacle(value, writing) {
            return Err(Wrong::new(format!("{value:?} cannot be written: {obstacle}"), "one line"));
        }
        let mut written = Vec::new();
        text::write(value, writing, &mut written);
        Ok(written)
    });
    values.collect::<Result<_, _>>().map(Values::Choice)
}

fn pieces(alphabet: &Alphabet, writing: Writing) -> Result<Vec<String>, Wrong> {
    let pieces = match alphabet {
        Alphabet::Characters(characters) => characters.chars().map(String::from).collect(),
        Alphabet::Pieces(pieces) => pieces.clone(),
    };
    if pieces.is_empty() {
        return Err(Wrong::new("no character can be drawn", "at least one character"));
    }
    for piece in &pieces {
        if let Some(obstacle) = text::obstacle(piece, writing) {
            return Err(Wrong::new(format!("{piece:?} cannot be written: {obstacle}"), "one line"));
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(toml: &str) -> Vec<(&'static str, String)> {
        let faults = Values::of(&toml::from_str(toml).unwrap()).err().unwrap_or_default();
        faults.into_iter().map(|(key, wrong)| (key, wrong.reason)).collect()
    }

    #[test]
    fn a_type_has_exactly_one_kind() {
        assert_eq!(faults(""), [("", "the type has no values".into())]);
        let both = "below = \"2\"\nbytes = \"0 .. 1\"";
        assert_eq!(faults(both), [("", "the type has below and bytes".into())]);
        assert_eq!(faults("below = \"n\""), []);
        for integer in ["2", "9223372036854775807", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(faults(&format!("below = {integer}")), [], "{integer}");
        }
    }

    #[test]
    fn a_key_that_means_nothing_is_refused() {
        let misplaced = "below = \"2\"\nlength = \"0 .. 1\"\nedges = [1]\nas = \"hex\"";
        let keys: Vec<_> = faults(misplaced).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["length", "edges", "as"]);
        assert_eq!(faults("integer = \"0 .. 9\"\nedges = [0, \"n - 1\"]"), []);
    }

    #[test]
    fn a_type_that_can_draw_nothing_is_refused() {
        for (toml, key) in [
            ("integer = \"2 .. 1\"", "integer"),
            ("below = \"0\"", "below"),
            ("below = -1", "below"),
            ("choice = []", "choice"),
            ("text = \"\"", "text"),
            ("text = []", "text"),
            ("text = \"a\"\nlength = \"2 .. 1\"", "length"),
            ("bytes = \"-1 .. 1\"", "bytes"),
            ("bytes = \"0 .. 9999999\"", "bytes"),
        ] {
            let keys: Vec<_> = faults(toml).into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, [key], "{toml}");
        }
    }

    #[test]
    fn a_raw_value_is_one_line() {
        assert_eq!(faults("choice = [\"a\\n\"]").len(), 1);
        assert_eq!(faults("choice = [\"a\\n\"]\nas = \"json\""), []);
        assert_eq!(faults("text = \"a\\r\"").len(), 1);
        assert_eq!(faults("text = \"a\\r\"\nas = \"hex\""), []);
    }

    #[test]
    fn edges_are_terms() {
        assert_eq!(faults("integer = \"0 .. 9\"\nedges = [\"+\"]")[0].0, "edges");
    }
}
