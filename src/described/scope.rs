//! The names that a file declares, and the lines that are checked against them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::mistake::Wrong;
use crate::names;
use crate::template::{Piece, Template, first_word};
use crate::types::Values;

/// The names of a file. Each has one meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The variables in the order in which they are drawn.
    pub(crate) variables: Vec<(String, Values)>,
    pub(crate) types: Vec<(String, Values)>,
    pub(crate) asks: Vec<Ask>,
    pub(crate) pools: Vec<String>,
}

/// A question to the reference.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) name: String,
    pub(crate) line: Template,
    /// Finds the number in an answer.
    pub(crate) number: regex::bytes::Regex,
}

/// A line whose holes are known.
#[derive(Clone, Debug)]
pub(crate) struct LineForm {
    pub(crate) parts: Vec<Part>,
    /// The holes in the order in which they are drawn.
    pub(crate) holes: Vec<Hole>,
}

/// A part of a line.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Literal(Vec<u8>),
    /// The value of the hole at this position.
    Hole(usize),
}

/// A hole: its name, and what fills it.
#[derive(Clone, Debug)]
pub(crate) struct Hole {
    pub(crate) name: String,
    pub(crate) filling: Filling,
}

/// The content of a hole. The number is a position in the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    Variable(usize),
    Type(usize),
    Pool(usize),
}

/// The contents that the holes of a line can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Variables.
    Variables,
    /// Variables and types whose terms are over variables.
    Listed,
    /// Variables, types and pools.
    All,
}

impl Scope {
    pub(crate) fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|(other, _)| other == name)
    }

    fn type_of(&self, name: &str) -> Option<usize> {
        self.types.iter().position(|(other, _)| other == name)
    }

    pub(crate) fn ask(&self, name: &str) -> Option<&Ask> {
        self.asks.iter().find(|ask| ask.name == name)
    }

    fn pool(&self, name: &str) -> Option<usize> {
        self.pools.iter().position(|other| other == name)
    }

    /// Returns the names that have several meanings, with those.
    pub(crate) fn ambiguous(&self) -> Vec<(String, Vec<&'static str>)> {
        let variables = self.variables.iter().map(|(name, _)| (name, "a variable"));
        let types = self.types.iter().map(|(name, _)| (name, "a type"));
        let asks = self.asks.iter().map(|ask| (&ask.name, "an ask"));
        let pools = self.pools.iter().map(|pool| (pool, "a pool"));
        let mut meanings = BTreeMap::<_, Vec<_>>::new();
        for (name, meaning) in variables.chain(types).chain(asks).chain(pools) {
            meanings.entry(name.clone()).or_default().push(meaning);
        }
        meanings.into_iter().filter(|(_, meanings)| meanings.len() > 1).collect()
    }

    /// Checks the holes of a line.
    pub(crate) fn line(&self, template: &Template, allowed: Allowed) -> Result<LineForm, Wrong> {
        self.line_after(template, allowed, Vec::new())
    }

    /// Checks the holes of a line, some of which lines before it may have.
    pub(crate) fn line_after(
        &self,
        template: &Template,
        allowed: Allowed,
        holes: Vec<Hole>,
    ) -> Result<LineForm, Wrong> {
        let mut form = LineForm { parts: Vec::new(), holes };
        for piece in &template.pieces {
            let part = match piece {
                Piece::Literal(text) => Part::Literal(text.clone().into_bytes()),
                Piece::Hole { name, filling } => {
                    Part::Hole(self.hole(name, filling, allowed, &mut form.holes)?)
                }
            };
            form.parts.push(part);
        }
        Ok(form)
    }

    /// Returns the position of the hole, which is added to `holes` unless it is there.
    fn hole(
        &self,
        name: &str,
        filling: &str,
        allowed: Allowed,
        holes: &mut Vec<Hole>,
    ) -> Result<usize, Wrong> {
        let is_renamed = name != filling;
        if let Some(position) = holes.iter().position(|hole| hole.name == name) {
            if is_renamed && self.filling(filling, allowed)? != holes[position].filling {
                let reason = format!("the hole `{name}` has two types");
                return Err(Wrong::new(reason, "`{NAME}` for the value that it has already"));
            }
            return Ok(position);
        }
        let kind = self.filling(filling, allowed)?;
        let is_taken = self.variable(name).is_some()
            || self.ask(name).is_some()
            || self.pool(name).is_some()
            || self.type_of(name).is_some();
        if is_renamed && (is_taken || matches!(kind, Filling::Variable(_))) {
            let reason = format!("`{{{name}:{filling}}}` is another name for a value that has one");
            return Err(Wrong::new(reason, "a new name before the `:`, a type or pool after it"));
        }
        if let Filling::Type(id) = kind {
            self.check_terms(&self.types[id], allowed, holes)?;
        }
        holes.push(Hole { name: name.into(), filling: kind });
        Ok(holes.len() - 1)
    }

    fn filling(&self, name: &str, allowed: Allowed) -> Result<Filling, Wrong> {
        let variable = self.variable(name).map(Filling::Variable);
        let of_type = self.type_of(name).filter(|_| allowed != Allowed::Variables);
        let pool = self.pool(name).filter(|_| allowed == Allowed::All);
        let filling = variable.or(of_type.map(Filling::Type)).or(pool.map(Filling::Pool));
        filling.ok_or_else(|| {
            let reason = if self.pool(name).is_some() {
                format!("the pool `{name}` cannot be used here")
            } else if self.type_of(name).is_some() {
                format!("the type `{name}` cannot be used here: only variables are known")
            } else if self.ask(name).is_some() {
                format!("`{name}` is an ask, which only terms can use")
            } else {
                format!("`{name}` is not declared")
            };
            Wrong::new(reason, self.fillings(allowed))
        })
    }

    fn fillings(&self, allowed: Allowed) -> String {
        let variables = self.variables.iter().map(|(name, _)| &**name);
        let types = self.types.iter().map(|(name, _)| &**name);
        let types = types.filter(|_| allowed != Allowed::Variables);
        let pools = self.pools.iter().map(String::as_str).filter(|_| allowed == Allowed::All);
        names::list(variables.chain(types).chain(pools))
    }

    /// Checks that the names in a type's terms have values when it is drawn after these holes.
    fn check_terms(
        &self,
        (name, values): &(String, Values),
        allowed: Allowed,
        holes: &[Hole],
    ) -> Result<(), Wrong> {
        let mut names = BTreeSet::new();
        values.for_each_name(&mut |name| {
            names.insert(name);
        });
        for needed in names {
            let of_type = format!("the type `{name}` needs `{needed}`");
            if let Some(variable) = self.variable(needed) {
                if self.variables[variable].1.is_integer() {
                    continue;
                }
                return Err(Wrong::new(format!("{of_type}, which is no integer"), "integers"));
            }
            if let Some(hole) = holes.iter().find(|hole| hole.name == needed) {
                match hole.filling {
                    Filling::Type(id) if self.types[id].1.is_integer() => continue,
                    _ => {
                        return Err(Wrong::new(
                            format!("{of_type}, which is no integer"),
                            "integers",
                        ));
                    }
                }
            }
            let Some(ask) = self.ask(needed).filter(|_| allowed == Allowed::All) else {
                return Err(Wrong::new(
                    format!("{of_type}, which is not known there"),
                    self.in_terms(holes, allowed),
                ));
            };
            let is_known = |hole: &str| {
                self.variable(hole).is_some() || holes.iter().any(|known| known.name == hole)
            };
            if let Some((missing, _)) = ask.line.holes().find(|(hole, _)| !is_known(hole)) {
                return Err(Wrong::new(
                    format!("{of_type}, which asks about `{missing}`, which is not known there"),
                    "holes before this one in the same line, and variables",
                ));
            }
        }
        Ok(())
    }

    fn in_terms(&self, holes: &[Hole], allowed: Allowed) -> String {
        let variables = self.variables.iter().map(|(name, _)| &**name);
        let asks = self.asks.iter().map(|ask| &*ask.name).filter(|_| allowed == Allowed::All);
        names::list(variables.chain(holes.iter().map(|hole| &*hole.name)).chain(asks))
    }
}

impl fmt::Display for LineForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => {
                    let text = String::from_utf8_lossy(text);
                    formatter.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                Part::Hole(hole) => write!(formatter, "{{{}}}", self.holes[*hole].name)?,
            }
        }
        Ok(())
    }
}

impl LineForm {
    /// Returns the text before the first hole.
    pub(crate) fn prefix(&self) -> &[u8] {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            _ => &[],
        }
    }

    /// Returns the first word if it has no hole.
    pub(crate) fn word(&self) -> Option<&str> {
        first_word(str::from_utf8(self.prefix()).ok()?, self.parts.len() == 1)
    }

    /// Returns the line with the values in the holes.
    pub(crate) fn fill<'v>(&self, value: impl Fn(usize) -> &'v [u8]) -> Vec<u8> {
        let mut line = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => line.extend_from_slice(text),
                Part::Hole(hole) => line.extend_from_slice(value(*hole)),
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Type;

    fn scope() -> Scope {
        let values = |toml: &str| Values::of(&toml::from_str::<Type>(toml).unwrap()).unwrap();
        let ask = |name: &str, line: &str| Ask {
            name: name.into(),
            line: Template::parse(line).unwrap(),
            number: regex::bytes::Regex::new("[0-9]+").unwrap(),
        };
        Scope {
            variables: vec![
                ("n".into(), values("integer = \"1 .. 3\"")),
                ("mode".into(), values("choice = [\"1\", \"2\"]")),
            ],
            types: vec![
                ("client".into(), values("below = \"n\"")),
                ("index".into(), values("integer = \"0 .. len\"")),
                ("count".into(), values("integer = \"1 .. len - index\"")),
                ("word".into(), values("text = \"ab\"")),
                ("bad".into(), values("integer = \"0 .. word\"")),
                ("worse".into(), values("integer = \"0 .. mode\"")),
            ],
            asks: vec![ask("len", "len {client}")],
            pools: vec!["update".into()],
        }
    }

    fn reason(line: &str, allowed: Allowed) -> String {
        let template = Template::parse(line).unwrap();
        scope().line(&template, allowed).err().map(|wrong| wrong.reason).unwrap_or_default()
    }

    #[test]
    fn holes_are_variables_types_and_pools() {
        let template = Template::parse("x {client} {to:client} {client} {index} {update}").unwrap();
        let form = scope().line(&template, Allowed::All).unwrap();
        let fillings: Vec<_> = form.holes.iter().map(|hole| hole.filling).collect();
        let [client, index] = [Filling::Type(0), Filling::Type(1)];
        assert_eq!(fillings, [client, client, index, Filling::Pool(0)]);
        let line = form.fill(|hole| &b"0123"[hole..=hole]);
        assert_eq!(line, b"x 0 1 0 2 3");
        assert_eq!(form.to_string(), "x {client} {to} {client} {index} {update}");
    }

    #[test]
    fn the_first_word_has_no_hole() {
        let word = |line| {
            let form = scope().line(&Template::parse(line).unwrap(), Allowed::Variables).unwrap();
            form.word().map(str::to_owned)
        };
        assert_eq!(word("new {n}").as_deref(), Some("new"));
        assert_eq!(word("new").as_deref(), Some("new"));
        assert_eq!(word("new{n} x"), None);
        assert_eq!(word("{n} x"), None);
    }

    #[test]
    fn a_name_has_one_meaning() {
        assert_eq!(reason("x {other}", Allowed::All), "`other` is not declared");
        assert_eq!(reason("x {len}", Allowed::All), "`len` is an ask, which only terms can use");
        assert_eq!(reason("x {a:client} {a:word}", Allowed::All), "the hole `a` has two types");
        assert_eq!(reason("x {a:client} {a:client}", Allowed::All), "");
        for line in ["x {len:client}", "x {n:client}", "x {word:client}", "x {a:n}"] {
            assert!(reason(line, Allowed::All).contains("another name"), "{line}");
        }
        let mut scope = scope();
        assert_eq!(scope.ambiguous(), []);
        scope.pools.push("len".into());
        assert_eq!(scope.ambiguous(), [("len".into(), vec!["an ask", "a pool"])]);
    }

    #[test]
    fn a_term_needs_values_that_are_known() {
        assert_eq!(reason("x {client} {index} {count}", Allowed::All), "");
        let asks =
            "the type `index` needs `len`, which asks about `client`, which is not known there";
        assert_eq!(reason("x {index} {client}", Allowed::All), asks);
        let later = "the type `count` needs `index`, which is not known there";
        assert_eq!(reason("x {client} {count}", Allowed::All), later);
        let text = "the type `bad` needs `word`, which is no integer";
        assert_eq!(reason("x {word} {bad}", Allowed::All), text);
        let variable = "the type `worse` needs `mode`, which is no integer";
        assert_eq!(reason("x {worse}", Allowed::All), variable);
    }

    #[test]
    fn some_lines_know_only_variables() {
        assert_eq!(reason("new {n}", Allowed::Variables), "");
        assert!(reason("new {client}", Allowed::Variables).contains("only variables are known"));
        assert_eq!(reason("state {client}", Allowed::Listed), "");
        assert!(reason("x {update}", Allowed::Listed).contains("cannot be used here"));
        assert!(reason("x {client} {index}", Allowed::Listed).contains("needs `len`"));
    }
}
