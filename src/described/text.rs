//! Values as they are written in a line.

use crate::file::Writing;

/// Appends the text.
pub(crate) fn write(text: &str, writing: Writing, line: &mut Vec<u8>) {
    let quote = quote(writing);
    for part in [quote, &written(text, writing), quote] {
        line.extend_from_slice(part.as_bytes());
    }
}

/// Returns the text before and after the pieces of a text.
pub(crate) const fn quote(writing: Writing) -> &'static str {
    match writing {
        Writing::Raw | Writing::Hex => "",
        Writing::Json => "\"",
    }
}

/// Returns a text, or a piece of one, without the quotes around it. The pieces of a text are
/// written one after the other.
pub(crate) fn written(piece: &str, writing: Writing) -> String {
    match writing {
        Writing::Raw => piece.into(),
        Writing::Hex => hex::encode(piece),
        Writing::Json => {
            let json = serde_json::Value::from(piece).to_string();
            json[1..json.len() - 1].into()
        }
    }
}

/// Returns the fewest and the most pieces of which a text can be written, or `None` if it is not made
/// of them.
pub(crate) fn count(line: &[u8], pieces: &[String], writing: Writing) -> Option<(i128, i128)> {
    let quote = quote(writing).as_bytes();
    let text = line.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut pieces: Vec<_> = pieces.iter().map(|piece| written(piece, writing)).collect();
    let count = pieces.len();
    pieces.retain(|piece| !piece.is_empty());
    let has_empty = pieces.len() < count;
    // The fewest and the most pieces before each position.
    let mut counts = vec![None; text.len() + 1];
    counts[0] = Some((0, 0));
    for start in 0..text.len() {
        let Some((fewest, most)) = counts[start] else { continue };
        for piece in pieces.iter().filter(|piece| text[start..].starts_with(piece.as_bytes())) {
            let end = &mut counts[start + piece.len()];
            let (known_fewest, known_most) = end.unwrap_or((fewest + 1, most + 1));
            *end = Some((known_fewest.min(fewest + 1), known_most.max(most + 1)));
        }
    }
    let (fewest, most) = counts[text.len()]?;
    Some((fewest, if has_empty { i128::MAX } else { most }))
}

/// Returns why a text cannot be written in a line, if that is so.
pub(crate) fn obstacle(text: &str, writing: Writing) -> Option<&'static str> {
    let has_line_end = text.contains(['\n', '\r']);
    (writing == Writing::Raw && has_line_end)
        .then_some("it has a line end, which only `json` and `hex` can write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_text_are_counted() {
        let counted = |line: &str, pieces: &[&str], writing| {
            let pieces: Vec<_> = pieces.iter().map(ToString::to_string).collect();
            count(line.as_bytes(), &pieces, writing)
        };
        let raw = |line, pieces: &[&str]| counted(line, pieces, Writing::Raw);
        assert_eq!(raw("", &["a"]), Some((0, 0)));
        assert_eq!(raw("aaab", &["a", "aa", "b"]), Some((3, 4)));
        assert_eq!(raw("ab", &["a", "b", ""]), Some((2, i128::MAX)));
        assert_eq!(raw("ac", &["a", "b"]), None);
        assert_eq!(counted(r#""a\n""#, &["a", "\n"], Writing::Json), Some((2, 2)));
        assert_eq!(counted("\"", &["\""], Writing::Json), None);
        assert_eq!(counted("61c3a9", &["a", "é"], Writing::Hex), Some((2, 2)));
    }

    #[test]
    fn text_is_written_as_json_as_hex_or_as_it_is() {
        let written = |writing| {
            let mut line = Vec::new();
            write("a\"\n😀", writing, &mut line);
            String::from_utf8(line).unwrap()
        };
        assert_eq!(written(Writing::Json), r#""a\"\n😀""#);
        assert_eq!(written(Writing::Hex), "61220af09f9880");
        assert_eq!(written(Writing::Raw), "a\"\n😀");
        let pieces = ["a\"", "\n😀"].map(|piece| super::written(piece, Writing::Json));
        assert_eq!(format!("\"{}\"", pieces.concat()), written(Writing::Json));
        assert!(obstacle("a\n", Writing::Raw).is_some());
        assert_eq!(obstacle("a\n", Writing::Json), None);
    }
}
