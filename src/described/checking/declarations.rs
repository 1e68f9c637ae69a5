//! Checks names: of variables, types, asks, pools, commands and observers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Builder, name_of, names_of};
use crate::file;
use crate::key::Key;
use crate::mistake::Wrong;
use crate::names;
use crate::rules::{Command, Observer};
use crate::scope::{Ask, Scope};
use crate::template::Template;
use crate::types::Values;

/// The number in the answer to an ask.
const NUMBER: &str = "-?[0-9]+";

impl Builder<'_, '_> {
    pub(super) fn scope(&mut self) -> Scope {
        let mut scope = Scope::default();
        let variables = Key::of("case").name("variables");
        for (name, written) in &self.file.case.variables {
            let key = variables.name(name);
            if let Some(values) = self.values(&key, written) {
                values.for_each_name(&mut |needed| {
                    let reason = format!("`{needed}` is not known there");
                    self.wrong(&key, Wrong::new(reason, "integers"));
                });
                scope.variables.push((name.clone(), values));
            }
        }
        for (name, written) in &self.file.types {
            let narrowed = self.profile.and_then(|(profile, changes)| {
                let key = Key::of("profiles").name(profile).name("types").name(name);
                Some((key, changes.types.get(name)?))
            });
            let (key, written) = narrowed.unwrap_or((Key::of("types").name(name), written));
            if let Some(values) = self.values(&key, written) {
                scope.types.push((name.clone(), values));
            }
        }
        if let Some((profile, changes)) = self.profile {
            for name in changes.types.keys().filter(|name| !self.file.types.contains_key(*name)) {
                let key = Key::of("profiles").name(profile).name("types").name(name);
                let wrong =
                    Wrong::new(format!("there is no type `{name}`"), names_of(&self.file.types));
                self.wrong(&key, wrong);
            }
        }
        for (name, ask) in &self.file.asks {
            scope.asks.extend(self.ask(name, ask));
        }
        let pools = self.file.commands.iter().flat_map(|command| command.capture.keys());
        let pools: BTreeSet<_> = pools.cloned().collect();
        scope.pools = pools.into_iter().collect();
        self.meanings(&scope);
        scope
    }

    pub(super) fn values(&mut self, key: &Key, written: &file::Type) -> Option<Values> {
        let faults = match Values::of(written) {
            Ok(values) => return Some(values),
            Err(faults) => faults,
        };
        for (name, wrong) in faults {
            let key = if name.is_empty() { key.clone() } else { key.name(name) };
            self.wrong(&key, wrong);
        }
        None
    }

    pub(super) fn ask(&mut self, name: &str, ask: &file::Ask) -> Option<Ask> {
        let key = Key::of("asks").name(name);
        let line = self.check(&key.name("line"), Template::parse(&ask.line))?;
        if let Some((hole, filling)) = line.holes().find(|(hole, filling)| hole != filling) {
            let reason = format!("`{{{hole}:{filling}}}` draws a value");
            let allowed = "`{NAME}` of a variable, or of an earlier hole in the line that is drawn";
            self.wrong(&key.name("line"), Wrong::new(reason, allowed));
        }
        let number = ask.number.as_deref().unwrap_or(NUMBER);
        let number = self.pattern(&key.name("number"), number)?;
        Some(Ask { name: name.into(), line, number })
    }

    /// Checks that names are names, and that each has one meaning.
    pub(super) fn meanings(&mut self, scope: &Scope) {
        let file = self.file;
        let keys = |table: &Key, names: Vec<&String>| {
            names.into_iter().map(|name| (table.name(name), name.clone())).collect::<Vec<_>>()
        };
        let mut declared =
            keys(&Key::of("case").name("variables"), file.case.variables.keys().collect());
        declared.extend(keys(&Key::of("types"), file.types.keys().collect()));
        declared.extend(keys(&Key::of("asks"), file.asks.keys().collect()));
        for (position, command) in file.commands.iter().enumerate() {
            let table = Key::of("commands").index(position).name("capture");
            declared.extend(keys(&table, command.capture.keys().collect()));
        }
        for (key, name) in &declared {
            self.check(key, names::check(name));
        }
        for (name, meanings) in scope.ambiguous() {
            let key =
                declared.iter().rfind(|(_, other)| *other == name).map(|(key, _)| key.clone());
            let reason = format!("`{name}` is {}", meanings.join(" and "));
            self.wrong(&key.unwrap_or_default(), Wrong::new(reason, "one meaning for each name"));
        }
    }

    pub(super) fn names(&mut self, commands: &[Command], observers: &[Observer]) {
        let commands = commands.iter().map(|command| ("commands", &command.name));
        let observers = observers.iter().map(|observer| ("observers", &observer.name));
        let (mut known, mut positions) = (BTreeSet::new(), BTreeMap::new());
        for (table, name) in commands.chain(observers) {
            let position: &mut usize = positions.entry(table).or_default();
            let key = Key::of(table).index(*position);
            *position += 1;
            if !known.insert(name) {
                let reason = format!("the name `{name}` is taken");
                self.wrong(
                    &key,
                    Wrong::new(reason, "another `name`; by default it is the first word"),
                );
            }
        }
        if let Some((profile, changes)) = self.profile {
            let key = Key::of("profiles").name(profile).name("without");
            let commands: Vec<_> = self
                .file
                .commands
                .iter()
                .filter_map(|c| name_of(c.name.as_deref(), &c.line))
                .collect();
            self.listed(&key, &changes.without, &commands);
        }
    }
}
