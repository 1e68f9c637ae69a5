//! Checks lines: of the start, commands, observers and exchanges.

use std::collections::BTreeMap;

use super::{Builder, name_of};
use crate::file;
use crate::key::Key;
use crate::mistake::Wrong;
use crate::names;
use crate::rules::{Capture, Command, Observer, Settle, SettleLine};
use crate::scope::{Allowed, Filling, LineForm, Scope};
use crate::template::Template;
use crate::types::Values;

const WEIGHT_MAX: u32 = 1_000;
const ROUNDS_MAX: u32 = 100;

impl Builder<'_, '_> {
    pub(super) fn line(
        &mut self,
        key: &Key,
        text: &str,
        scope: &Scope,
        allowed: Allowed,
    ) -> Option<LineForm> {
        let template = self.check(key, Template::parse(text))?;
        self.check(key, scope.line(&template, allowed))
    }

    pub(super) fn start(&mut self, scope: &Scope) -> Vec<LineForm> {
        let key = Key::of("case").name("start");
        let lines = &self.file.case.start;
        if lines.is_empty() {
            let reason = "no line makes a program forget the case before";
            self.wrong(&key, Wrong::new(reason, "at least one line"));
        }
        let lines = lines.iter().enumerate();
        lines
            .filter_map(|(position, line)| {
                self.line(&key.index(position), line, scope, Allowed::Variables)
            })
            .collect()
    }

    pub(super) fn commands(&mut self, scope: &Scope) -> Vec<Command> {
        let commands = self.file.commands.iter().enumerate();
        commands.filter_map(|(position, command)| self.command(position, command, scope)).collect()
    }

    pub(super) fn command(
        &mut self,
        position: usize,
        command: &file::Command,
        scope: &Scope,
    ) -> Option<Command> {
        let key = Key::of("commands").index(position);
        let weight = command.weight.unwrap_or(1);
        if !(1..=WEIGHT_MAX).contains(&weight) {
            let reason = format!("the weight {weight} is out of range");
            let allowed = format!("an integer from 1 to {WEIGHT_MAX}");
            self.wrong(&key.name("weight"), Wrong::new(reason, allowed));
        }
        let captures = self.captures(&key, &command.capture, scope);
        self.layout_name(&key, command.layout.as_deref());
        let form = self.line(&key.name("line"), &command.line, scope, Allowed::All);
        let name = self.name(&key, command.name.as_deref(), &command.line);
        let (layout, name, form) = (command.layout.clone(), name?, form?);
        Some(Command { name, form, weight, captures, layout })
    }

    pub(super) fn captures(
        &mut self,
        key: &Key,
        captures: &BTreeMap<String, String>,
        scope: &Scope,
    ) -> Vec<Capture> {
        let captures = captures.iter().filter_map(|(pool, pattern)| {
            let pattern = self.pattern(&key.name("capture").name(pool), pattern)?;
            let pool = scope.pools.iter().position(|other| other == pool)?;
            Some(Capture { pool, pattern })
        });
        captures.collect()
    }

    pub(super) fn observers(&mut self, scope: &Scope) -> Vec<Observer> {
        let observers = self.file.observers.iter().enumerate();
        observers.filter_map(|(at, observer)| self.observer(at, observer, scope)).collect()
    }

    pub(super) fn observer(
        &mut self,
        position: usize,
        observer: &file::Observer,
        scope: &Scope,
    ) -> Option<Observer> {
        let key = Key::of("observers").index(position);
        self.layout_name(&key, observer.layout.as_deref());
        let name = self.name(&key, observer.name.as_deref(), &observer.line);
        let form = self.line(&key.name("line"), &observer.line, scope, Allowed::Listed)?;
        for hole in &form.holes {
            if let Filling::Type(id) = hole.filling
                && let (name, Values::Text { .. } | Values::Bytes(_)) = &scope.types[id]
            {
                let reason = format!("the values of `{name}` cannot be listed");
                let allowed = "variables, and types with `integer`, `below` or `choice`";
                self.wrong(&key.name("line"), Wrong::new(reason, allowed));
            }
        }
        let dump = observer.dump.as_ref().and_then(|dump| {
            let key = key.name("dump");
            let template = self.check(&key, Template::parse(dump))?;
            let holes = form.holes.clone();
            let dump = self.check(&key, scope.line_after(&template, Allowed::Listed, holes))?;
            if let Some(hole) = dump.holes.get(form.holes.len()) {
                let reason = format!("`line` has no hole `{}`", hole.name);
                self.wrong(&key, Wrong::new(reason, "the holes of `line`"));
            }
            Some(dump)
        });
        Some(Observer { name: name?, form, dump, layout: observer.layout.clone() })
    }

    pub(super) fn name(&mut self, key: &Key, name: Option<&str>, line: &str) -> Option<String> {
        let found = name_of(name, line);
        if found.is_none() && Template::parse(line).is_ok() {
            let reason = "the line does not begin with a word";
            self.wrong(key, Wrong::new(reason, "`name` beside `line`"));
        }
        self.check(&key.name("name"), names::check_shown(found.as_ref()?))?;
        found
    }

    pub(super) fn settle(&mut self, scope: &Scope, observers: &[Observer]) -> Option<Settle> {
        let settle = self.file.settle.as_ref()?;
        let key = Key::of("settle");
        let rounds = settle.rounds.unwrap_or(1);
        if !(1..=ROUNDS_MAX).contains(&rounds) {
            let allowed = format!("an integer from 1 to {ROUNDS_MAX}");
            let reason = format!("{rounds} rounds are out of range");
            self.wrong(&key.name("rounds"), Wrong::new(reason, allowed));
        }
        for (name, is_empty) in
            [("exchange", settle.exchange.is_empty()), ("equal", settle.equal.is_empty())]
        {
            if is_empty {
                self.wrong(
                    &key.name(name),
                    Wrong::new("the list is empty", "at least one element"),
                );
            }
        }
        let known: Vec<_> = observers.iter().map(|observer| observer.name.clone()).collect();
        self.listed(&key.name("equal"), &settle.equal, &known);
        let position = |name: &String| known.iter().position(|other| other == name);
        let equal = settle.equal.iter().filter_map(position).collect();
        // The pools of an exchange are its own.
        let mut scope = scope.clone();
        scope.pools.clear();
        let (mut lines, mut holes) = (Vec::new(), Vec::new());
        for (position, line) in settle.exchange.iter().enumerate() {
            let key = key.name("exchange").index(position);
            let template = self.check(&key.name("line"), Template::parse(&line.line))?;
            let form = scope.line_after(&template, Allowed::All, std::mem::take(&mut holes));
            let form = self.check(&key.name("line"), form)?;
            holes.clone_from(&form.holes);
            self.listable(&key.name("line"), &form, &scope);
            for pool in line.capture.keys() {
                self.check(&key.name("capture").name(pool), names::check(pool));
                if !scope.pools.contains(pool) {
                    scope.pools.push(pool.clone());
                }
            }
            let captures = self.captures(&key, &line.capture, &scope);
            lines.push(SettleLine { form, captures });
        }
        Some(Settle { lines, rounds, equal })
    }

    /// Checks that the holes of an exchange are variables, indexes and pools.
    pub(super) fn listable(&mut self, key: &Key, form: &LineForm, scope: &Scope) {
        for hole in &form.holes {
            let Filling::Type(id) = hole.filling else { continue };
            let (name, values) = &scope.types[id];
            if !matches!(values, Values::Below(_)) {
                let reason = format!("the type `{name}` is no index");
                self.wrong(key, Wrong::new(reason, "variables, types with `below`, and pools"));
            }
        }
    }
}
