//! The names of lines, as answers are compared and fingerprints are made by.

use std::collections::BTreeMap;
use std::sync::Arc;

use dkv20_described::{Command, Observer, Rules};

/// The end of the name of a dump, after the name of its observer.
const DUMP: &str = " dump";

/// The names of the lines of a machine.
pub(super) struct Names {
    /// The commands, in the order of the file.
    pub(super) commands: Vec<Arc<str>>,
    /// The observers, in the order of the file: the line, and the dump behind it.
    pub(super) observers: Vec<[Arc<str>; 2]>,
    all: BTreeMap<String, Arc<str>>,
}

impl Names {
    pub(super) fn new(rules: &Rules) -> Self {
        let commands: Vec<Arc<str>> =
            rules.commands.iter().map(|Command { name, .. }| name.as_str().into()).collect();
        let both = |Observer { name, .. }: &Observer| [name.clone(), format!("{name}{DUMP}")];
        let observers: Vec<_> = rules.observers.iter().map(both).collect();
        let observers: Vec<[Arc<str>; 2]> =
            observers.into_iter().map(|both| both.map(Into::into)).collect();
        let all = commands.iter().chain(observers.iter().flatten());
        let all = all.map(|name| (name.to_string(), Arc::clone(name))).collect();
        Self { commands, observers, all }
    }

    /// Returns the name of a line by its text; its first word if no command or observer made it.
    pub(super) fn of_line(&self, rules: &Rules, line: &[u8]) -> Arc<str> {
        let known = rules.name_of(line).and_then(|name| self.all.get(name));
        known.map_or_else(|| first_word(line), Arc::clone)
    }
}

/// Returns the first word of a line.
pub(super) fn first_word(line: &[u8]) -> Arc<str> {
    let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    String::from_utf8_lossy(word).into()
}

/// Returns the name in the file, and whether the line is the dump of the observer of that name.
pub(super) fn in_file(name: &str) -> (&str, bool) {
    name.strip_suffix(DUMP).map_or((name, false), |name| (name, true))
}
