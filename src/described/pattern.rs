//! Forms of lines as patterns: the lines that a form can make.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use crate::scope::{Filling, LineForm, Part, Scope};
use crate::text;
use crate::types::Values;

/// Any text of a line.
const ANY: &str = "(?s-u:.)*";

/// The lines that a form can make, whatever the ranges of integers and lengths are.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// It has a group for each hole of the line; `None` if the line is too long for a pattern.
    regex: Option<Regex>,
    /// For each group the position of its hole.
    holes: Vec<usize>,
}

impl Pattern {
    pub(crate) fn of(scope: &Scope, form: &LineForm) -> Self {
        let hole = |part: &Part| match part {
            Part::Literal(_) => None,
            Part::Hole(hole) => Some(*hole),
        };
        let values = |hole: usize| match form.holes[hole].filling {
            Filling::Variable(variable) => values_of(&scope.variables[variable].1),
            Filling::Type(id) => values_of(&scope.types[id].1),
            Filling::Pool(_) => ANY.into(),
        };
        // Values can be too many or too long for a pattern.
        let regex = compiled(form, values).or_else(|_| compiled(form, |_| ANY.into()));
        Self { regex: regex.ok(), holes: form.parts.iter().filter_map(hole).collect() }
    }

    /// Returns the values of the holes by their positions, or `None` if the form cannot have made
    /// the line. If a line can be read in several ways, only the one with the longest values from
    /// the left is tried.
    pub(crate) fn values<'l>(&self, line: &'l [u8]) -> Option<BTreeMap<usize, &'l [u8]>> {
        let groups = self.regex.as_ref()?.captures(line)?;
        let mut values = BTreeMap::new();
        for (hole, group) in self.holes.iter().zip(groups.iter().skip(1)) {
            let value = group?.as_bytes();
            if *values.entry(*hole).or_insert(value) != value {
                return None;
            }
        }
        Some(values)
    }
}

fn compiled(form: &LineForm, values: impl Fn(usize) -> String) -> Result<Regex, regex::Error> {
    let parts = form.parts.iter().map(|part| match part {
        Part::Literal(text) => regex::escape(&String::from_utf8_lossy(text)),
        Part::Hole(hole) => format!("({})", values(*hole)),
    });
    Regex::new(&format!("^{}$", parts.collect::<String>()))
}

/// Returns a pattern for the values of a type as they are written in a line.
fn values_of(values: &Values) -> String {
    match values {
        Values::Integer { .. } => "0|-?[1-9][0-9]*".into(),
        Values::Below(_) => "0|[1-9][0-9]*".into(),
        Values::Choice(choice) => any_of(choice.iter().map(|one| String::from_utf8_lossy(one))),
        Values::Text { pieces, writing, .. } => {
            let pieces = any_of(pieces.iter().map(|piece| text::written(piece, *writing)));
            let quote = text::quote(*writing);
            format!("{quote}(?:{pieces})*{quote}")
        }
        Values::Bytes(_) => "(?:[0-9a-f]{2})*".into(),
    }
}

fn any_of(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    texts.map(|text| regex::escape(text.as_ref())).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Type;
    use crate::scope::Allowed;
    use crate::template::Template;

    /// Returns the values in a line, joined; the type of `a` and of `b` is the same.
    fn values(toml: &str, form: &str, line: &str) -> Option<String> {
        let values = Values::of(&toml::from_str::<Type>(toml).unwrap()).unwrap();
        let types = vec![("a".into(), values.clone()), ("b".into(), values)];
        let scope = Scope { types, pools: vec!["pool".into()], ..Scope::default() };
        let form = scope.line(&Template::parse(form).unwrap(), Allowed::All).unwrap();
        let pattern = Pattern::of(&scope, &form);
        let values = pattern.values(line.as_bytes())?.into_values();
        Some(values.map(String::from_utf8_lossy).collect::<Vec<_>>().join("|"))
    }

    #[track_caller]
    fn assert_values(toml: &str, right: &[&str], wrong: &[&str]) {
        for value in right {
            let line = format!("x {value} y");
            assert_eq!(values(toml, "x {a} y", &line).as_deref(), Some(*value), "{toml}");
        }
        for value in wrong {
            let line = format!("x {value} y");
            assert_eq!(values(toml, "x {a} y", &line), None, "{toml}: {value}");
        }
    }

    #[test]
    fn a_value_is_written_as_its_type_has_it() {
        assert_values(
            "integer = '0 .. 3'",
            &["0", "-1", "907"],
            &["", "-0", "01", "+1", "1 ", "é"],
        );
        assert_values("below = 9", &["0", "10"], &["-1", "00", "1.0"]);
        assert_values("bytes = '0 .. 3'", &["", "00ff"], &["0", "0F", "0g"]);
        assert_values("choice = ['', 'a.c', 'é']", &["", "a.c", "é"], &["abc", "e", "a.ca.c"]);
        assert_values("choice = [\"a\\n\"]\nas = 'json'", &[r#""a\n""#], &["a"]);
        assert_values("text = 'a* '", &["", "a", "* a*"], &["b", "aab"]);
        assert_values("text = ['ab', 'é', '']", &["", "abéab"], &["a", "ba"]);
        let json = [r#""""#, r#""a\n\"a""#];
        assert_values(
            "text = \"a\\n\\\"\"\nas = 'json'",
            &json,
            &["", "a", "\"", r#""\""#, "\"b\""],
        );
        assert_values("text = 'aé'\nas = 'hex'", &["", "61c3a9"], &["c3", "62", "6"]);
    }

    #[test]
    fn an_entry_of_a_pool_is_any_text() {
        let of = |form: &str, line| values("below = 9", form, line);
        assert_eq!(of("x {a} {pool}", "x 1 a b\tc").as_deref(), Some("1|a b\tc"));
        assert_eq!(of("x {pool}", "x ").as_deref(), Some(""));
        assert_eq!(of("x {pool}", "x"), None);
        assert_eq!(of("x.{pool}", "x a"), None);
    }

    #[test]
    fn a_hole_has_the_same_value_everywhere() {
        let of = |form: &str, line| values("below = 9", form, line);
        assert_eq!(of("x {a} {a}", "x 1 1").as_deref(), Some("1"));
        assert_eq!(of("x {a} {a}", "x 1 2"), None);
        assert_eq!(of("x {a} {b}", "x 1 2").as_deref(), Some("1|2"));
        assert_eq!(of("x {a} {c:a}", "x 1 2").as_deref(), Some("1|2"));
    }

    #[test]
    fn values_that_are_too_long_are_any_text() {
        let toml = format!("choice = ['{}']", "a".repeat(1_000_000));
        assert_eq!(values(&toml, "x {a} y", "x z y").as_deref(), Some("z"));
        assert_eq!(values(&toml, "x {a} y", "x z"), None);
    }
}
