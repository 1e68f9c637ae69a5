//! Values of names while lines are made.

use crate::scope::{Filling, LineForm, Scope};
use crate::term::{NoValue, Range, Term};
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
