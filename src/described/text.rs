//! Values as they are written in a line.

use crate::file::Writing;

/// Appends the text.
pub(crate) fn write(text: &str, writing: Writing, line: &mut Vec<u8>) {
    match writing {
        Writing::Raw => line.extend_from_slice(text.as_bytes()),
        Writing::Hex => line.extend_from_slice(hex::encode(text).as_bytes()),
        Writing::Json => {
            let json = serde_json::Value::from(text).to_string();
            line.extend_from_slice(json.as_bytes());
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
        assert!(obstacle("a\n", Writing::Raw).is_some());
        assert_eq!(obstacle("a\n", Writing::Json), None);
    }
}
