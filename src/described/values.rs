//! Values of names while lines are made.

use crate::scope::{Filling, LineForm, Scope};
use crate::term::{NoValue, Range, Term};
use crate::text;
use crate::types::{LENGTH_MAX, Values};

/// The value of a variable or a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) text: Vec<u8>,
    /// Its number, if it is an integer.
    pub(crate) number: Option<i128>,
}

impl Value {
    pub(crate) fn of_number(number: i128) -> Self {
        Self { text: number.to_string().into_bytes(), number: Some(number) }
    }

    pub(crate) fn of_text(text: Vec<u8>) -> Self {
        Self { text, number: None }
    }
}

/// The greatest number of lines for which an observer stands.
const LINES_MAX: usize = 1 << 12;

/// Returns a value of the name: of a hole, or else of a variable.
pub(crate) fn known<'v>(
    name: &str,
    scope: &Scope,
    variables: &'v [Value],
    form: &LineForm,
    holes: &'v [Value],
) -> Option<&'v Value> {
    let hole = form.holes.iter().zip(holes).find(|(hole, _)| hole.name == name);
    let hole = hole.map(|(_, value)| value);
    hole.or_else(|| variables.get(scope.variable(name)?))
}

/// Returns the range of a length; an empty one if all are out of bounds.
pub(crate) fn length_range<E>(
    range: &Range,
    lookup: &mut dyn FnMut(&str) -> Result<i128, E>,
) -> Result<(i128, i128), NoValue<E>> {
    let (low, high) = range.value(lookup)?;
    Ok((low.max(0), high.min(LENGTH_MAX)))
}

/// Returns the number of indexes.
pub(crate) fn index_range<E>(
    below: &Term,
    lookup: &mut dyn FnMut(&str) -> Result<i128, E>,
) -> Result<(i128, i128), NoValue<E>> {
    let count = below.value(lookup)?;
    Ok((0, count.checked_sub(1).ok_or(NoValue::Overflow)?))
}

/// Returns the value that is written in a line, or `None` if the type, whose terms are over no names,
/// does not have it. Of a text that can be split in several ways, only the fewest and the most
/// pieces are compared with the range of its length.
pub(crate) fn read(values: &Values, written: &[u8]) -> Option<Value> {
    let mut no_name = |_: &str| Err(());
    let is_value = match values {
        Values::Integer { range, .. } => {
            return read_integer(range.value(&mut no_name).ok()?, written);
        }
        Values::Below(term) => return read_integer(index_range(term, &mut no_name).ok()?, written),
        Values::Choice(choice) => choice.iter().any(|one| one == written),
        Values::Text { pieces, length, writing } => {
            let (low, high) = length_range(length, &mut no_name).ok()?;
            let (fewest, most) = text::count(written, pieces, *writing)?;
            fewest <= high && low <= most
        }
        Values::Bytes(length) => {
            let (low, high) = length_range(length, &mut no_name).ok()?;
            let bytes = hex::decode(written).ok()?;
            let count = i128::try_from(bytes.len()).ok()?;
            (low..=high).contains(&count) && hex::encode(bytes).as_bytes() == written
        }
    };
    is_value.then(|| Value::of_text(written.into()))
}

fn read_integer((low, high): (i128, i128), written: &[u8]) -> Option<Value> {
    let value = Value::of_number(str::from_utf8(written).ok()?.parse().ok()?);
    // A sign or a zero in front is not written.
    let is_value = value.text == written && (low..=high).contains(&value.number?);
    is_value.then_some(value)
}

/// Returns all assignments of values to the holes of a line that has no pools and asks nothing.
pub(crate) fn assignments(
    scope: &Scope,
    form: &LineForm,
    variables: &[Value],
) -> Result<Vec<Vec<Value>>, String> {
    let mut assignments = vec![Vec::new()];
    for hole in &form.holes {
        let mut longer = Vec::new();
        for assigned in &assignments {
            for value in listed(scope, form, variables, assigned, hole.filling)? {
                if longer.len() >= LINES_MAX {
                    return Err(format!("it stands for more than {LINES_MAX} lines"));
                }
                longer.push([assigned.as_slice(), &[value]].concat());
            }
        }
        assignments = longer;
    }
    Ok(assignments)
}

/// Returns all values that can fill a hole.
fn listed(
    scope: &Scope,
    form: &LineForm,
    variables: &[Value],
    assigned: &[Value],
    filling: Filling,
) -> Result<Vec<Value>, String> {
    let (name, values) = match filling {
        Filling::Variable(variable) => return Ok(variables[variable..=variable].to_vec()),
        Filling::Type(id) => &scope.types[id],
        Filling::Pool(_) => return Ok(Vec::new()),
    };
    let mut lookup = |name: &str| {
        known(name, scope, variables, form, assigned).and_then(|value| value.number).ok_or(())
    };
    let range = match values {
        Values::Integer { range, .. } => range.value(&mut lookup),
        Values::Below(term) => index_range(term, &mut lookup),
        Values::Choice(choice) => {
            return Ok(choice.iter().cloned().map(Value::of_text).collect());
        }
        Values::Text { .. } | Values::Bytes(_) => {
            return Err(format!("the values of `{name}` cannot be listed"));
        }
    };
    let (low, high) = range.map_err(|error| format!("the type `{name}` has no range: {error}"))?;
    // One more than are allowed, so that it is noticed.
    let numbers = (low..=high).take(LINES_MAX + 1);
    Ok(numbers.map(Value::of_number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Type;

    #[track_caller]
    fn assert_read(toml: &str, right: &[&str], wrong: &[&str]) {
        let values = Values::of(&toml::from_str::<Type>(toml).unwrap()).unwrap();
        for text in right {
            let value = read(&values, text.as_bytes()).unwrap();
            assert_eq!(value.text, text.as_bytes(), "{toml}");
            assert_eq!(value.number.is_some(), values.is_integer(), "{toml}");
        }
        for text in wrong {
            assert_eq!(read(&values, text.as_bytes()), None, "{toml}: {text}");
        }
    }

    #[test]
    fn a_value_that_is_read_is_in_its_range() {
        let large = "9".repeat(60);
        assert_read("integer = '-3 .. 12'", &["-3", "0", "12"], &["-4", "13", "+1", "01", &large]);
        assert_read("below = 3", &["0", "2"], &["-1", "3", "", "x"]);
        assert_read("below = '1 / 0'", &[], &["0"]);
        assert_read("choice = ['', 'b']\nas = 'json'", &["\"\"", "\"b\""], &["", "b"]);
        assert_read("bytes = '1 .. 2'", &["0a", "00ff"], &["", "0A", "000000", "0"]);
        assert_read(
            "text = ['a', 'bc']\nlength = '2 .. 3'",
            &["aa", "bcabc"],
            &["a", "aaaa", "ab"],
        );
        assert_read("text = ['a', 'aa']\nlength = '2 .. 2'", &["aa", "aaa", "aaaa"], &["a"]);
        assert_read("text = ['a', '']\nlength = '2 .. 2'", &["", "a", "aa"], &["aaa"]);
    }
}
