//! How two answers differ, in words that do not depend on the values in them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::equality::{Equality, Status};
use crate::layout::{Field, Fields};
use crate::rules::Rules;

/// The words of an answer from this one on are not distinguished.
const WORDS_MAX: usize = 8;

/// Returns how the answer of a port differs from the reference's. If there is a layout for their
/// bytes, `fields` are the fields of both, the reference's first, as far as they could be read. In
/// JSON, names of members that are choices of a type are data, and shown as `*`.
#[must_use]
pub fn difference(
    rules: &Rules,
    name: &str,
    answers: (&[u8], &[u8]),
    fields: Option<(&Fields, &Fields)>,
) -> String {
    describe(&rules.equality, &rules.choices, name, answers, fields)
}

fn describe(
    equality: &Equality,
    choices: &BTreeSet<String>,
    name: &str,
    (expected, actual): (&[u8], &[u8]),
    fields: Option<(&Fields, &Fields)>,
) -> String {
    let class = |class: &[u8]| {
        if equality.has_classes() {
            format!("error {}", String::from_utf8_lossy(class))
        } else {
            "an error".into()
        }
    };
    match (equality.status(expected), equality.status(actual)) {
        (Status::Ok, Status::Error(actual)) => format!("{} instead of ok", class(actual)),
        (Status::Error(expected), Status::Ok) => format!("ok instead of {}", class(expected)),
        (Status::Error(expected), Status::Error(actual)) if class(expected) != class(actual) => {
            format!("{} instead of {}", class(actual), class(expected))
        }
        (Status::Error(expected), Status::Error(_)) => {
            format!("{} in other words", class(expected))
        }
        (Status::Ok, Status::Ok) => {
            let fields = fields.and_then(|(expected, actual)| of_fields(expected, actual));
            let answers = || [expected, actual].map(|answer| equality.rewritten(name, answer));
            fields.unwrap_or_else(|| {
                let [expected, actual] = answers();
                of_json(&expected, &actual, choices).unwrap_or_else(|| of_words(&expected, &actual))
            })
        }
    }
}

/// Describes the first field that differs, or else the end of the fields that could be read.
fn of_fields(expected: &Fields, actual: &Fields) -> Option<String> {
    for position in 0..expected.list.len().max(actual.list.len()) {
        match (expected.list.get(position), actual.list.get(position)) {
            (Some(expected), Some(actual)) if expected.path != actual.path => {
                return Some(format!(
                    "{} in place of {}",
                    general(&actual.path),
                    general(&expected.path)
                ));
            }
            (Some(expected), Some(actual)) if expected.value != actual.value => {
                return Some(format!("another {}", general(&expected.path)));
            }
            (Some(expected), None) if actual.misfit.is_none() => {
                return Some(format!("no {}", general(&expected.path)));
            }
            (None, Some(actual)) if expected.misfit.is_none() => {
                return Some(format!("an extra {}", general(&actual.path)));
            }
            _ => {}
        }
    }
    of_ends(expected, actual)
}

/// Describes bytes that do not fit, if the fields before them are the same and those of the other
/// program go on.
fn of_ends(expected: &Fields, actual: &Fields) -> Option<String> {
    let place = |fields: &Fields| {
        let last = fields.list.last().map(|field: &Field| general(&field.path));
        last.map_or_else(|| "from the start".into(), |path| format!("after {path}"))
    };
    // A program whose bytes fit has read more than one whose bytes do not.
    let read = |fields: &Fields| (fields.misfit.is_none(), fields.list.len());
    match read(expected).cmp(&read(actual)) {
        Ordering::Equal => None,
        Ordering::Greater => Some(format!("bytes that do not fit {}", place(actual))),
        Ordering::Less => {
            let place = place(expected);
            Some(format!("bytes that fit instead of bytes that do not fit {place}"))
        }
    }
}

/// Returns a path without the positions in arrays.
fn general(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    let path = rest.fold(first, |path, rest| path + "[]" + rest);
    format!("`{path}`")
}

/// Describes the first difference in the JSON that both answers end in, after the same text.
fn of_json(expected: &[u8], actual: &[u8], choices: &BTreeSet<String>) -> Option<String> {
    let (before, expected) = json(expected)?;
    let (other, actual) = json(actual)?;
    if before != other {
        return None;
    }
    of_values(&expected, &actual, "", choices)
}

/// Returns the text before the JSON array or object that the answer ends in, and that.
fn json(answer: &[u8]) -> Option<(&[u8], Value)> {
    let start = answer.iter().position(|byte| matches!(byte, b'[' | b'{'))?;
    let (before, json) = answer.split_at(start);
    Some((before, serde_json::from_slice(json).ok()?))
}

fn of_values(
    expected: &Value,
    actual: &Value,
    path: &str,
    choices: &BTreeSet<String>,
) -> Option<String> {
    let shown = || if path.is_empty() { "value".into() } else { format!("`{path}`") };
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            let below = |name: &str| {
                let name = if choices.contains(name) { "*" } else { name };
                if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
            };
            for (name, expected) in expected {
                let Some(actual) = actual.get(name) else {
                    return Some(format!("no `{}`", below(name)));
                };
                let difference = of_values(expected, actual, &below(name), choices);
                if difference.is_some() {
                    return difference;
                }
            }
            let extra = actual.keys().find(|name| !expected.contains_key(*name));
            if let Some(name) = extra {
                return Some(format!("an extra `{}`", below(name)));
            }
            let is_other_order = expected.keys().ne(actual.keys());
            is_other_order.then(|| format!("another order of keys in {}", shown()))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let path = format!("{path}[]");
            match expected.len().cmp(&actual.len()) {
                Ordering::Less => Some(format!("an extra `{path}`")),
                Ordering::Greater => Some(format!("no `{path}`")),
                Ordering::Equal => {
                    let mut pairs = expected.iter().zip(actual);
                    pairs.find_map(|(one, other)| of_values(one, other, &path, choices))
                }
            }
        }
        _ if kind(expected) != kind(actual) => {
            Some(format!("{} instead of {} in {}", kind(actual), kind(expected), shown()))
        }
        _ => (expected != actual).then(|| format!("another {}", shown())),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Describes the first word that differs.
fn of_words(expected: &[u8], actual: &[u8]) -> String {
    let words = |answer: &[u8]| answer.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    let (expected, actual): (Vec<_>, Vec<_>) = (words(expected), words(actual));
    let position = expected.iter().zip(&actual).position(|(expected, actual)| expected != actual);
    match position {
        Some(position) if position < WORDS_MAX => format!("another word {}", position + 1),
        Some(_) => format!("another word after word {WORDS_MAX}"),
        None if expected.len() > actual.len() => "fewer words".into(),
        None => "more words".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equality::tests::equality;
    use crate::layout::tests::layout;

    fn words(expected: &str, actual: &str) -> String {
        let choices = ["key".into()].into();
        describe(&equality(), &choices, "a", (expected.as_bytes(), actual.as_bytes()), None)
    }

    #[test]
    fn errors_are_called_by_their_class() {
        assert_eq!(words("ok 1", "err range 1"), "error range instead of ok");
        assert_eq!(words("err range", "ok"), "ok instead of error range");
        assert_eq!(words("err range 1", "err type 1"), "error type instead of error range");
        assert_eq!(words("err range 1", "err range 2"), "error range in other words");
    }

    #[test]
    fn the_first_differing_word_is_named() {
        assert_eq!(words("ok 1 2", "ok 1 3"), "another word 3");
        assert_eq!(words("ok 1 2", "ok 1"), "fewer words");
        assert_eq!(words("ok", "ok 1"), "more words");
        assert_eq!(words("1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 8 0"), "another word after word 8");
    }

    #[test]
    fn the_first_differing_json_value_is_named() {
        let base = r#"ok {"a":[{"b":1}],"c":"x"}"#;
        for (actual, difference) in [
            (r#"ok {"a":[{"b":2}],"c":"x"}"#, "another `a[].b`"),
            (r#"ok {"a":[{"b":"1"}],"c":"x"}"#, "a string instead of a number in `a[].b`"),
            (r#"ok {"a":[{}],"c":"x"}"#, "no `a[].b`"),
            (r#"ok {"a":[],"c":"x"}"#, "no `a[]`"),
            (r#"ok {"a":[{"b":1},3],"c":"x"}"#, "an extra `a[]`"),
            (r#"ok {"a":[2,{"b":1}],"c":"x"}"#, "an extra `a[]`"),
            (r#"ok {"a":[{"b":1}],"c":"x","key":1}"#, "an extra `*`"),
            (r#"ok {"a":[{"b":1}],"c":"x","d":1}"#, "an extra `d`"),
            (r#"ok {"c":"x","a":[{"b":1}]}"#, "another order of keys in value"),
            (r#"no {"a":[{"b":1}],"c":"x"}"#, "another word 1"),
            (r#"ok {"a": [{"b":1}],"c":"x"}"#, "another word 2"),
        ] {
            assert_eq!(words(base, actual), difference);
        }
    }

    /// Returns how two answers with a layout differ.
    fn fields(unordered: &[&str], expected: &str, actual: &str) -> String {
        let layout = layout(unordered);
        let [one, other] = [expected, actual]
            .map(|answer| layout.fields(answer.as_bytes(), &mut |_| Err(String::new())).unwrap());
        let answers = (expected.as_bytes(), actual.as_bytes());
        describe(&equality(), &BTreeSet::new(), "a", answers, Some((&one, &other)))
    }

    #[test]
    fn the_first_differing_field_is_named() {
        let of = |actual| fields(&[], "ok 0702000102000161", actual);
        assert_eq!(of("ok 0702000102000261"), "another `ids[]`");
        assert_eq!(of("ok 070100010261"), "another `count`");
        assert_eq!(of("ok 0802000102000161"), "another `kind`");
    }

    #[test]
    fn bytes_that_do_not_fit_are_named_by_the_field_before() {
        let base = "ok 0702000102000161";
        let of = |actual| fields(&[], base, actual);
        assert_eq!(of("ok 070200010200"), "bytes that do not fit after `ids[]`");
        assert_eq!(of("ok 07"), "bytes that do not fit after `kind`");
        assert_eq!(of("ok zz"), "bytes that do not fit from the start");
        assert_eq!(of("ok 070200010300"), "another `ids[]`", "a field that was read differs");
        assert_eq!(of("ok 08"), "another `kind`");
        let without = "bytes that fit instead of bytes that do not fit after `kind`";
        assert_eq!(fields(&[], "ok 07", base), without);
        let both = |expected, actual| fields(&[], expected, actual);
        assert_eq!(both("ok 070200", "ok 07"), "bytes that do not fit after `kind`");
        assert_eq!(both("ok 07", "ok 0702"), "another word 2", "both end after the same field");
        let other_order = fields(&["ids"], base, "ok 0702000001");
        assert_eq!(other_order, "bytes that do not fit after `count`");
    }
}
