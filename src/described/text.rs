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
