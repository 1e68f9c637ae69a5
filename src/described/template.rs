//! Templates of lines: literal text, and holes in braces.

use crate::mistake::Wrong;
use crate::names;

/// The form of a template, for messages.
const FORM: &str =
    "`{TYPE}`, `{NAME:TYPE}`, `{VARIABLE}` or `{POOL}`, and `{{` and `}}` for braces";

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    /// A hole: its name and its filling, which are the same word if there is only one.
    Hole {
        name: String,
        filling: String,
    },
}

/// Checks that a text is one line, and not an empty one.
pub(crate) fn check_line(text: &str) -> Result<(), Wrong> {
    if text.contains(['\n', '\r']) {
        return Err(Wrong::new("a line has no line end", "one line"));
    }
    if text.trim().is_empty() {
        return Err(Wrong::new("the line is empty", "a word, then any text"));
    }
    Ok(())
}

/// Returns the first word of a line if it ends before the first hole, with the text up to that and
/// whether that is the whole line.
pub(crate) fn first_word(text: &str, is_whole: bool) -> Option<&str> {
    let (word, has_end) =
        text.split_once(char::is_whitespace).map_or((text, false), |(word, _)| (word, true));
    Some(word).filter(|word| (has_end || is_whole) && !word.is_empty())
}

impl Template {
    /// Parses a template.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        check_line(text)?;
        let wrong = |reason: String| Wrong::new(format!("in the line `{text}`: {reason}"), FORM);
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal += before;
            if from.starts_with("{{") || from.starts_with("}}") {
                literal += &from[..1];
                rest = &from[2..];
                continue;
            }
            let hole = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let Some((hole, after)) = hole else {
                return Err(wrong(format!("`{}` has no partner", &from[..1])));
            };
            let (name, filling) = hole.split_once(':').unwrap_or((hole, hole));
            for name in [name, filling] {
                names::check(name).map_err(|error| wrong(error.reason))?;
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Hole { name: name.into(), filling: filling.into() });
            rest = after;
        }
        literal += rest;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// Returns the first word if it has no hole.
    pub(crate) fn word(&self) -> Option<&str> {
        let Piece::Literal(text) = self.pieces.first()? else { return None };
        first_word(text, self.pieces.len() == 1)
    }

    /// Returns the holes: name and filling.
    pub(crate) fn holes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Hole { name, filling } => Some((&**name, &**filling)),
        })
    }

    /// Returns the line with the values of `fill` in the holes.
    pub(crate) fn fill<'v>(&self, mut fill: impl FnMut(&str) -> &'v [u8]) -> Vec<u8> {
        let mut line = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => line.extend_from_slice(text.as_bytes()),
                Piece::Hole { name, .. } => line.extend_from_slice(fill(name)),
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_have_a_name_and_a_filling() {
        let template = Template::parse("send {client} {to:client} x{n}y").unwrap();
        let holes: Vec<_> = template.holes().collect();
        assert_eq!(holes, [("client", "client"), ("to", "client"), ("n", "n")]);
        let line = template.fill(|name| if name == "to" { b"to" } else { b"-" });
        assert_eq!(line, b"send - to x-y");
        assert_eq!(template.word(), Some("send"));
    }

    #[test]
    fn doubled_braces_are_literal() {
        let template = Template::parse("put {{\"a\":{v}}}").unwrap();
        assert_eq!(template.fill(|_| b"1"), b"put {\"a\":1}");
    }

    #[test]
    fn the_word_is_the_first_if_it_is_literal() {
        let word = |text| Template::parse(text).unwrap().word().map(str::to_owned);
        assert_eq!(word("hash"), Some("hash".into()));
        assert_eq!(word("hash {n}"), Some("hash".into()));
        assert_eq!(word("hash\t{n}"), Some("hash".into()));
        assert_eq!(word("hash{n}"), None);
        assert_eq!(word("{n} a"), None);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["", " ", "a {b", "a } b", "a {}", "a {1}", "a {b c}", "a {b:}", "a\nb", "a\rb"]
        {
            assert!(Template::parse(text).is_err(), "{text:?}");
        }
    }
}
