//! Start lines that are read: the values of a case's variables, without the choices that made it.

use std::collections::BTreeMap;
use std::fmt;

use crate::observe::{Observation, observations};
use crate::rules::Rules;
use crate::scope::{Filling, LineForm};
use crate::values::{Value, read};

/// Why lines do not begin a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStart {
    /// The position of the first line that is wrong or missing.
    pub line: usize,
    /// The reason.
    pub reason: String,
}

/// Why the lines that show the state after a case are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotObserved {
    /// The case does not begin with start lines.
    Start(NotStart),
    /// The lines of an observer, or of the exchange, cannot be made.
    Observer {
        /// Its name; `settle` for the exchange.
        name: String,
        /// The reason.
        reason: String,
    },
}

impl fmt::Display for NotStart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {} of the case: {}", self.line + 1, self.reason)
    }
}

impl fmt::Display for NotObserved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(not_start) => not_start.fmt(formatter),
            Self::Observer { name, reason } => write!(formatter, "{name}: {reason}"),
        }
    }
}

impl std::error::Error for NotStart {}

impl std::error::Error for NotObserved {}

impl Rules {
    /// Returns the position of the first start line of the file that a line can be: it has its
    /// form, and the values in it are in the ranges and choices of its variables.
    #[must_use]
    pub fn is_start(&self, line: &[u8]) -> Option<usize> {
        (0..self.start.len()).find(|position| self.start_line(*position, line).is_ok())
    }

    /// Returns the values of variables as they are written in the start lines of a case, by their
    /// names. A variable that no start line has is not among them. The lines are those of the case;
    /// the ones after the start lines are not read.
    ///
    /// # Errors
    ///
    /// The lines do not begin a case, or a variable has two values in them.
    pub fn variables_of<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
    ) -> Result<BTreeMap<&str, Vec<u8>>, NotStart> {
        let values = self.variable_values(lines)?.into_iter();
        let named = self.scope.variables.iter().zip(values);
        Ok(named.filter_map(|((name, _), value)| Some((&**name, value?.text))).collect())
    }

    /// Returns the lines that show the state after a case with these lines, of which only the start
    /// lines are read.
    ///
    /// # Errors
    ///
    /// The lines do not begin a case, or an observer depends on a variable that no start line has,
    /// or it has too many lines or a term without a value.
    pub fn observations_of<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
    ) -> Result<Vec<Observation>, NotObserved> {
        let observers = self.observers.iter().map(|observer| (&*observer.name, &observer.form));
        let values = self.values_for(lines, observers)?;
        observations(self, &values).map_err(|(name, reason)| NotObserved::Observer { name, reason })
    }

    /// Returns the values of the variables in the start lines of a case; any value for those that no
    /// start line has. None of the forms, which come with names, depends on these.
    pub(crate) fn values_for<'f, L: AsRef<[u8]>>(
        &self,
        lines: &[L],
        forms: impl IntoIterator<Item = (&'f str, &'f LineForm)>,
    ) -> Result<Vec<Value>, NotObserved> {
        let values = self.variable_values(lines).map_err(NotObserved::Start)?;
        for (name, form) in forms {
            if let Some(unknown) = self.needed(form).into_iter().find(|at| values[*at].is_none()) {
                let variable = &self.scope.variables[unknown].0;
                let reason = format!("it needs the variable `{variable}`, which no start line has");
                return Err(NotObserved::Observer { name: name.into(), reason });
            }
        }
        let unknown = || Value::of_text(Vec::new());
        Ok(values.into_iter().map(|value| value.unwrap_or_else(unknown)).collect())
    }

    /// Returns the value of each variable; `None` for those that no start line has.
    fn variable_values<L: AsRef<[u8]>>(&self, lines: &[L]) -> Result<Vec<Option<Value>>, NotStart> {
        let mut values: Vec<Option<Value>> = vec![None; self.scope.variables.len()];
        for (position, form) in self.start.iter().enumerate() {
            let not_start = |reason| NotStart { line: position, reason };
            let missing = || not_start(format!("the start line `{form}` is missing"));
            let line = lines.get(position).ok_or_else(missing)?.as_ref();
            for (variable, value) in self.start_line(position, line).map_err(not_start)? {
                let known = values[variable].get_or_insert_with(|| value.clone());
                if *known != value {
                    let [one, other] = [known, &value].map(|it| String::from_utf8_lossy(&it.text));
                    let name = &self.scope.variables[variable].0;
                    let reason = format!("`{name}` is `{other}` here, and `{one}` before");
                    return Err(not_start(reason));
                }
            }
        }
        Ok(values)
    }

    /// Returns the values of variables in the start line of this position, or the reason why the
    /// line is not that.
    fn start_line(&self, position: usize, line: &[u8]) -> Result<Vec<(usize, Value)>, String> {
        let form = &self.start[position];
        let Some(found) = self.patterns().start[position].values(line) else {
            let line = String::from_utf8_lossy(line);
            return Err(format!("`{line}` is not a start line `{form}`"));
        };
        let mut values = Vec::new();
        for (hole, text) in found {
            // Start lines have no other holes.
            let Filling::Variable(variable) = form.holes[hole].filling else { continue };
            let (name, variable_values) = &self.scope.variables[variable];
            let value = read(variable_values, text).ok_or_else(|| {
                format!("`{}` is no value of the variable `{name}`", String::from_utf8_lossy(text))
            })?;
            values.push((variable, value));
        }
        Ok(values)
    }

    /// Returns the variables that the lines of a form depend on.
    fn needed(&self, form: &LineForm) -> Vec<usize> {
        let mut needed = Vec::new();
        for hole in &form.holes {
            match hole.filling {
                Filling::Variable(variable) => needed.push(variable),
                Filling::Type(id) => self.scope.types[id].1.for_each_name(&mut |name| {
                    needed.extend(self.scope.variable(name));
                }),
                Filling::Pool(_) => {}
            }
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::description::Description;
    use crate::draw::draw;
    use crate::fake::{Fault, example, notes, rules};
    use crate::source::Random;

    /// The rules of the example with other start lines and variables.
    fn with_start(start: &str, variables: &str) -> Rules {
        let text = example()
            .replace("[\"new {n}\"]", start)
            .replace("variables.n = \"1 .. 3\"", variables);
        Description::read(Path::new("a"), &text).unwrap_or_else(|error| panic!("{error}")).rules
    }

    fn shown(rules: &Rules, lines: &[&str]) -> String {
        match rules.variables_of(lines) {
            Ok(values) => {
                let values = values.iter();
                let values = values
                    .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
                values.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_values_of_variables_are_in_the_start_lines() {
        assert_eq!(shown(rules(), &["new 2"]), "n=2");
        assert_eq!(shown(rules(), &["new 3", "text 0"]), "n=3", "other lines are not read");
        let start = "[\"new {n}{undo}\", \"with {name} {n} {{}}\"]";
        let variables = "variables.n = \"1 .. 300\"\nvariables.name = { text = [\"ab\", \"é\"], \
            length = \"1 .. 2\", as = \"json\" }\nvariables.undo = { choice = [\"\", \" undo\"] }";
        let rules = with_start(start, variables);
        let lines = ["new 12 undo", "with \"abé\" 12 {}"];
        assert_eq!(shown(&rules, &lines), "n=12 name=\"abé\" undo= undo");
        assert_eq!(shown(&rules, &["new 300", "with \"é\" 300 {}"]), "n=300 name=\"é\" undo=");
    }

    #[test]
    fn lines_that_begin_no_case_have_a_reason() {
        let start = "[\"new {n}\", \"with {n} {n}\"]";
        let rules = with_start(start, "variables.n = \"1 .. 3\"");
        for (lines, reason) in [
            (&[][..], "line 1 of the case: the start line `new {n}` is missing"),
            (&["new 1"], "line 2 of the case: the start line `with {n} {n}` is missing"),
            (&["new x", "with 1 1"], "line 1 of the case: `new x` is not a start line `new {n}`"),
            (&["new 4", "with 4 4"], "line 1 of the case: `4` is no value of the variable `n`"),
            (&["new 1", "with 2 2"], "line 2 of the case: `n` is `2` here, and `1` before"),
            (
                &["new 1", "with 1 2"],
                "line 2 of the case: `with 1 2` is not a start line `with {n} {n}`",
            ),
        ] {
            assert_eq!(shown(&rules, lines), reason);
        }
    }

    #[test]
    fn a_start_line_has_its_form_and_values_of_its_variables() {
        let start = "[\"new {n}\", \"with {mode}\"]";
        let variables = "variables.n = \"1 .. 3\"\nvariables.mode = { bytes = \"1 .. 2\" }";
        let rules = with_start(start, variables);
        let position = |line: &str| rules.is_start(line.as_bytes());
        assert_eq!(position("new 3"), Some(0));
        assert_eq!(position("with 00ff"), Some(1));
        for line in ["new 0", "new 03", "new 3 ", "new", "with ", "with 0", "with 000000", "text 0"]
        {
            assert_eq!(position(line), None, "{line}");
        }
    }

    #[test]
    fn the_observations_are_those_of_the_case_that_was_drawn() {
        let rules = rules();
        for seed in 0..20 {
            let mut reference = notes(Fault::None);
            let drawn = draw(rules, &mut Random::new(seed, true), &mut reference).unwrap();
            let lines: Vec<_> = drawn.lines.iter().map(|line| line.text.clone()).collect();
            assert_eq!(rules.observations_of(&lines).unwrap(), drawn.observations(rules).unwrap());
        }
        let error = rules.observations_of(&["new 9"]).unwrap_err();
        assert_eq!(error.to_string(), "line 1 of the case: `9` is no value of the variable `n`");
    }

    #[test]
    fn an_observer_needs_its_variables() {
        let rules = with_start("[\"new\"]", "variables.n = \"1 .. 3\"");
        let error = rules.observations_of(&["new"]).unwrap_err().to_string();
        assert_eq!(error, "text: it needs the variable `n`, which no start line has");
        let rules =
            with_start("[\"new {n}\"]", "variables.n = \"1 .. 3\"\nvariables.m = \"1 .. 3\"");
        assert_eq!(shown(&rules, &["new 2"]), "n=2");
        assert_eq!(rules.observations_of(&["new 2"]).unwrap().len(), 4);
    }
}
