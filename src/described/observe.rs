//! Observers: the lines that show the state.

use crate::rules::Rules;
use crate::values::{Value, assignments};

/// A line that shows something of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The position of the observer.
    pub observer: usize,
    /// The line.
    pub line: Vec<u8>,
    /// The line that shows the bytes behind its answer.
    pub dump: Option<Vec<u8>>,
}

impl Observation {
    /// Returns the name of the observer; an empty one if the rules do not have it.
    #[must_use]
    pub fn name<'r>(&self, rules: &'r Rules) -> &'r str {
        rules.observers.get(self.observer).map_or("", |observer| &observer.name)
    }
}

/// Returns the lines of all observers for a case with these variables.
///
/// # Errors
///
/// A term has no value, or there are too many lines; with the observer's name.
pub(crate) fn observations(
    rules: &Rules,
    variables: &[Value],
) -> Result<Vec<Observation>, (String, String)> {
    let mut observations = Vec::new();
    for (position, observer) in rules.observers.iter().enumerate() {
        let assignments = assignments(&rules.scope, &observer.form, variables)
            .map_err(|reason| (observer.name.clone(), reason))?;
        observations.extend(assignments.iter().map(|values| Observation {
            observer: position,
            line: observer.form.fill(|hole| &values[hole].text),
            dump: observer.dump.as_ref().map(|dump| dump.fill(|hole| &values[hole].text)),
        }));
    }
    Ok(observations)
}
