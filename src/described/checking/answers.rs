//! Checks which answers are the same, and the known differences.

use super::{Builder, unreadable};
use crate::equality::{Equality, Rewrite};
use crate::expected::Expected;
use crate::key::Key;
use crate::mistake::Wrong;
use crate::names;
use crate::rules::{Command, Observer};

/// The pattern of an error answer if the file has none.
const ERROR: &str = r"^err\b";

impl Builder<'_, '_> {
    pub(super) fn equality(
        &mut self,
        commands: &[Command],
        observers: &[Observer],
    ) -> Option<Equality> {
        let error = self.file.protocol.error.as_deref().unwrap_or(ERROR);
        let error = self.pattern(&Key::of("protocol").name("error"), error)?;
        let commands = commands.iter().map(|command| command.name.clone());
        let observers = observers.iter().map(|observer| observer.name.clone());
        let known: Vec<_> = commands.chain(observers).collect();
        let base = (Key::of("equality"), &self.file.equality);
        let changed = self.profile.map(|(name, changes)| {
            (Key::of("profiles").name(name).name("equality"), &changes.equality)
        });
        let tables: Vec<_> = changed.into_iter().chain([base]).collect();
        let errors = tables.iter().find_map(|(_, equality)| equality.errors);
        let status_only = tables.iter().find_map(|(key, equality)| {
            equality.status_only.as_ref().map(|names| (key.name("status-only"), names))
        });
        if let Some((key, names)) = &status_only {
            self.listed(key, *names, &known);
        }
        let rewrites = tables.iter().find_map(|(key, equality)| {
            equality.rewrite.as_ref().map(|rewrites| (key.name("rewrite"), rewrites))
        });
        let mut checked = Vec::new();
        for (position, rewrite) in
            rewrites.iter().flat_map(|(_, rewrites)| rewrites.iter().enumerate())
        {
            let key = rewrites.as_ref().map(|(key, _)| key.index(position)).unwrap_or_default();
            self.listed(&key.name("of"), rewrite.of.iter().flatten(), &known);
            checked.extend(self.pattern(&key.name("pattern"), &rewrite.pattern).map(|pattern| {
                let of = rewrite.of.as_ref().map(|of| of.iter().cloned().collect());
                Rewrite { pattern, with: rewrite.with.clone().into_bytes(), of }
            }));
        }
        let status_only = status_only.map(|(_, names)| names.iter().cloned().collect());
        Some(Equality {
            error,
            errors: errors.unwrap_or_default(),
            status_only: status_only.unwrap_or_default(),
            rewrites: checked,
        })
    }

    pub(super) fn expected(&mut self, commands: &[Command]) -> Vec<Expected> {
        let known: Vec<_> = commands.iter().map(|command| command.name.clone()).collect();
        // Replicas of the reference can differ, too.
        let can_differ = |reference: bool| !reference || self.file.settle.is_some();
        let programs = self.file.programs.iter();
        let ports = programs.filter(|(_, program)| can_differ(program.reference));
        let ports: Vec<_> = ports.map(|(name, _)| name.clone()).collect();
        let mut all = Vec::new();
        for (position, expected) in self.file.expected.iter().enumerate() {
            let key = Key::of("expected").index(position);
            self.listed(&key.name("commands"), &expected.commands, &known);
            for (position, needed) in expected.needs.iter().enumerate() {
                if !expected.commands.contains(needed) {
                    let allowed = names::list(expected.commands.iter().map(String::as_str));
                    let reason = format!("`{needed}` is not among `commands`");
                    let key = key.name("needs").index(position);
                    self.wrong(&key, Wrong::new(reason, allowed));
                }
            }
            if !ports.contains(&expected.port) && !self.file.programs.is_empty() {
                let allowed = names::list(ports.iter().map(String::as_str));
                let reason = format!("`{}` is no program that can differ", expected.port);
                self.wrong(&key.name("port"), Wrong::new(reason, allowed));
            }
            let whole = regex::Regex::new(&format!("^(?:{})$", expected.difference));
            let whole = whole.map_err(|error| unreadable(&error));
            if self.check(&key.name("difference"), whole).is_none() {
                continue;
            }
            all.push(Expected {
                port: expected.port.clone(),
                difference: expected.difference.clone(),
                commands: expected.commands.iter().cloned().collect(),
                needs: expected.needs.iter().cloned().collect(),
                because: expected.because.clone(),
                link: expected.link.clone(),
            });
        }
        all
    }
}
