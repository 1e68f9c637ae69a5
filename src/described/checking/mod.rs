//! From the file as it is written to rules: every name and every value is checked.

mod answers;
mod declarations;
mod layouts;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex::bytes::Regex;

use crate::file::{File, Profile};
use crate::key::Key;
use crate::mistake::{Found, Wrong};
use crate::names;
use crate::rules::Rules;
use crate::template::Template;
use crate::term::Range;

/// The number of commands of a case if the file has none, and the greatest.
const LENGTH: (u32, u32) = (1, 30);
const CASE_LENGTH_MAX: u32 = 10_000;

/// Makes the rules of a file, with the changes of a profile. Returns `None` if there are mistakes.
pub(crate) fn rules(
    file: &File,
    profile: Option<(&str, &Profile)>,
    found: &mut Found<'_>,
) -> Option<Rules> {
    let mut builder = Builder { file, profile, found, is_right: true };
    let rules = builder.rules();
    rules.filter(|_| builder.is_right)
}

struct Builder<'f, 't> {
    file: &'f File,
    profile: Option<(&'f str, &'f Profile)>,
    found: &'f mut Found<'t>,
    is_right: bool,
}

impl Builder<'_, '_> {
    fn wrong(&mut self, key: &Key, wrong: Wrong) {
        self.is_right = false;
        self.found.add(key, wrong.reason, wrong.allowed);
    }

    fn check<T>(&mut self, key: &Key, result: Result<T, Wrong>) -> Option<T> {
        result.map_err(|wrong| self.wrong(key, wrong)).ok()
    }

    fn rules(&mut self) -> Option<Rules> {
        let scope = self.scope();
        if !self.is_right {
            // Each line with a name that is wrong would be one more mistake.
            return None;
        }
        let start = self.start(&scope);
        let length = self.file.case.length.as_ref().and_then(|length| {
            self.check(
                &Key::of("case").name("length"),
                Range::parse_constant(length, (0, CASE_LENGTH_MAX)),
            )
        });
        let layouts = self.layouts();
        let commands = self.commands(&scope);
        let observers = self.observers(&scope);
        self.names(&commands, &observers);
        let equality = self.equality(&commands, &observers)?;
        let settle = self.settle(&scope, &observers);
        let expected = self.expected(&commands);
        let without: BTreeSet<_> = self.profile.iter().flat_map(|(_, p)| &p.without).collect();
        let commands: Vec<_> =
            commands.into_iter().filter(|command| !without.contains(&command.name)).collect();
        if commands.is_empty() && self.is_right {
            let key = self.profile.map_or(Key::of("commands"), |(name, _)| {
                Key::of("profiles").name(name).name("without")
            });
            self.wrong(&key, Wrong::new("no command is left", "at least one command"));
        }
        let types = self.file.types.values().chain(self.file.case.variables.values());
        let choices = types.flat_map(|written| written.choice.iter().flatten());
        Some(Rules {
            scope,
            choices: choices.cloned().collect(),
            start,
            length: length.unwrap_or(LENGTH),
            is_swarm: self.file.case.swarm.unwrap_or(true),
            commands,
            observers,
            layouts,
            equality,
            settle,
            expected,
            patterns: OnceLock::new(),
        })
    }

    /// Checks that each of the names is known.
    fn listed<'n>(
        &mut self,
        key: &Key,
        names: impl IntoIterator<Item = &'n String>,
        known: &[String],
    ) {
        for (position, name) in names.into_iter().enumerate() {
            if !known.contains(name) {
                let allowed = names::list(known.iter().map(String::as_str));
                let reason = format!("there is no `{name}`");
                self.wrong(&key.index(position), Wrong::new(reason, allowed));
            }
        }
    }

    fn pattern(&mut self, key: &Key, pattern: &str) -> Option<Regex> {
        self.check(key, Regex::new(pattern).map_err(|error| unreadable(&error)))
    }
}

/// Returns the name of a command or observer.
fn name_of(name: Option<&str>, line: &str) -> Option<String> {
    name.map(str::to_owned).or_else(|| Some(Template::parse(line).ok()?.word()?.to_owned()))
}

fn names_of<T>(table: &BTreeMap<String, T>) -> String {
    names::list(table.keys().map(String::as_str))
}

/// Returns a regular expression's mistake without the picture of its place.
pub(crate) fn unreadable(error: &regex::Error) -> Wrong {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Wrong::new(
        format!("no regular expression: {reason}"),
        "a regular expression as in the crate `regex`",
    )
}
