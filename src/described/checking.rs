//! From the file as it is written to rules: every name and every value is checked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use regex::bytes::Regex;

use crate::equality::{Equality, Rewrite};
use crate::expected::Expected;
use crate::file::{self, File, Profile, Table};
use crate::key::Key;
use crate::layout::{self, FieldForm, Form, Layout, SIZE};
use crate::mistake::{Found, Wrong};
use crate::names;
use crate::rules::{Capture, Command, Observer, Rules, Settle, SettleLine};
use crate::scope::{Allowed, Ask, Filling, LineForm, Scope};
use crate::template::Template;
use crate::term::Range;
use crate::types::{Values, term};

/// The pattern of an error answer if the file has none.
const ERROR: &str = r"^err\b";
/// The number in the answer to an ask.
const NUMBER: &str = "-?[0-9]+";
/// The bytes in an answer.
const LAST_WORD: &str = r"\S*$";
/// The number of commands of a case if the file does not say it, and the greatest.
const LENGTH: (u32, u32) = (1, 30);
const CASE_LENGTH_MAX: u32 = 10_000;
const WEIGHT_MAX: u32 = 1_000;
const ROUNDS_MAX: u32 = 100;

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
        Some(Rules {
            scope,
            start,
            length: length.unwrap_or(LENGTH),
            is_swarm: self.file.case.swarm.unwrap_or(true),
            commands,
            observers,
            layouts,
            equality,
            settle,
            expected,
        })
    }

    // --- Names ----------------------------------------------------------------------------------

    fn scope(&mut self) -> Scope {
        let mut scope = Scope::default();
        let variables = Key::of("case").name("variables");
        for (name, written) in &self.file.case.variables {
            let key = variables.name(name);
            if let Some(values) = self.values(&key, written) {
                values.for_each_name(&mut |needed| {
                    let wrong = Wrong::new(format!("`{needed}` is not known there"), "integers");
                    self.is_right = false;
                    self.found.add(&key, wrong.reason, wrong.allowed);
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

    fn values(&mut self, key: &Key, written: &file::Type) -> Option<Values> {
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

    fn ask(&mut self, name: &str, ask: &file::Ask) -> Option<Ask> {
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
    fn meanings(&mut self, scope: &Scope) {
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

    fn names(&mut self, commands: &[Command], observers: &[Observer]) {
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

    // --- Lines ----------------------------------------------------------------------------------

    fn line(&mut self, key: &Key, text: &str, scope: &Scope, allowed: Allowed) -> Option<LineForm> {
        let template = self.check(key, Template::parse(text))?;
        self.check(key, scope.line(&template, allowed))
    }

    fn start(&mut self, scope: &Scope) -> Vec<LineForm> {
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

    fn commands(&mut self, scope: &Scope) -> Vec<Command> {
        let commands = self.file.commands.iter().enumerate();
        commands.filter_map(|(position, command)| self.command(position, command, scope)).collect()
    }

    fn command(
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

    fn captures(
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

    fn observers(&mut self, scope: &Scope) -> Vec<Observer> {
        let observers = self.file.observers.iter().enumerate();
        observers.filter_map(|(at, observer)| self.observer(at, observer, scope)).collect()
    }

    fn observer(
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

    fn name(&mut self, key: &Key, name: Option<&str>, line: &str) -> Option<String> {
        let found = name_of(name, line);
        if found.is_none() && Template::parse(line).is_ok() {
            let reason = "the line does not begin with a word";
            self.wrong(key, Wrong::new(reason, "`name` beside `line`"));
        }
        found
    }

    fn settle(&mut self, scope: &Scope, observers: &[Observer]) -> Option<Settle> {
        let settle = self.file.settle.as_ref()?;
        let key = Key::of("settle");
        let rounds = settle.rounds.unwrap_or(1);
        if !(1..=ROUNDS_MAX).contains(&rounds) {
            let allowed = format!("an integer from 1 to {ROUNDS_MAX}");
            let reason = format!("{rounds} rounds are out of range");
            self.wrong(&key.name("rounds"), Wrong::new(reason, allowed));
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
    fn listable(&mut self, key: &Key, form: &LineForm, scope: &Scope) {
        for hole in &form.holes {
            let Filling::Type(id) = hole.filling else { continue };
            let (name, values) = &scope.types[id];
            if !matches!(values, Values::Below(_)) {
                let reason = format!("the type `{name}` is no index");
                self.wrong(key, Wrong::new(reason, "variables, types with `below`, and pools"));
            }
        }
    }

    // --- Answers --------------------------------------------------------------------------------

    fn pattern(&mut self, key: &Key, pattern: &str) -> Option<Regex> {
        self.check(key, Regex::new(pattern).map_err(|error| unreadable(&error)))
    }

    fn equality(&mut self, commands: &[Command], observers: &[Observer]) -> Option<Equality> {
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

    fn expected(&mut self, commands: &[Command]) -> Vec<Expected> {
        let known: Vec<_> = commands.iter().map(|command| command.name.clone()).collect();
        let ports = self.file.programs.iter().filter(|(_, program)| !program.reference);
        let ports: Vec<_> = ports.map(|(name, _)| name.clone()).collect();
        let mut all = Vec::new();
        for (position, expected) in self.file.expected.iter().enumerate() {
            let key = Key::of("expected").index(position);
            self.listed(&key.name("commands"), &expected.commands, &known);
            if !ports.contains(&expected.port) && !self.file.programs.is_empty() {
                let allowed = names::list(ports.iter().map(String::as_str));
                let reason = format!("`{}` is no program beside the reference", expected.port);
                self.wrong(&key.name("port"), Wrong::new(reason, allowed));
            }
            let whole = regex::Regex::new(&format!("^(?:{})$", expected.difference));
            let whole = whole.map_err(|error| unreadable(&error));
            let Some(difference) = self.check(&key.name("difference"), whole) else { continue };
            all.push(Expected {
                port: expected.port.clone(),
                difference,
                commands: expected.commands.iter().cloned().collect(),
                because: expected.because.clone(),
                link: expected.link.clone(),
            });
        }
        all
    }

    // --- Layouts --------------------------------------------------------------------------------

    fn layout_name(&mut self, key: &Key, layout: Option<&str>) {
        if let Some(name) = layout.filter(|name| !self.file.layouts.contains_key(*name)) {
            let wrong =
                Wrong::new(format!("there is no layout `{name}`"), names_of(&self.file.layouts));
            self.wrong(&key.name("layout"), wrong);
        }
    }

    fn layouts(&mut self) -> BTreeMap<String, Layout> {
        let layouts = self.file.layouts.iter();
        layouts
            .filter_map(|(name, layout)| Some((name.clone(), self.layout(name, layout)?)))
            .collect()
    }

    fn layout(&mut self, name: &str, layout: &file::Layout) -> Option<Layout> {
        let key = Key::of("layouts").name(name);
        let bytes = layout.bytes.as_deref().unwrap_or(LAST_WORD);
        let bytes = self.pattern(&key.name("bytes"), bytes);
        let mut unordered = Vec::new();
        for (position, path) in layout.unordered.iter().enumerate() {
            if let Some(path) = path.strip_suffix("[]") {
                unordered.push(path.to_owned());
            } else {
                let wrong = Wrong::new(format!("`{path}` is no array"), "a path that ends in `[]`");
                self.wrong(&key.name("unordered").index(position), wrong);
            }
        }
        // The elements of an outer array are compared with those of the inner ones in order.
        unordered.sort_by_key(|path| Reverse(path.matches("[]").count()));
        let form = match (&layout.fields, &layout.command) {
            (Some(fields), None) => Form::Fields(self.fields(&key.name("fields"), fields)),
            (None, Some(command)) if !command.is_empty() => Form::Program(command.clone()),
            _ => {
                let wrong = Wrong::new(
                    "the layout has no fields",
                    "exactly one of `fields` and `command`, not empty",
                );
                self.wrong(&key, wrong);
                return None;
            }
        };
        Some(Layout { bytes: bytes?, form, unordered })
    }

    fn fields(&mut self, key: &Key, fields: &[Table<file::LayoutField>]) -> Vec<FieldForm> {
        let mut forms = Vec::new();
        for (position, field) in fields.iter().enumerate() {
            let key = key.index(position);
            let mut optional = |name: &str, number: &Option<file::Number>| {
                let number = number.as_ref().map(term).transpose();
                self.check(&key.name(name), number).flatten()
            };
            let (at, count) = (optional("at", &field.at), optional("count", &field.count));
            let Some(length) = self.check(&key.name("length"), term(&field.length)) else {
                continue;
            };
            let (path, writing) = (field.path.clone(), field.writing.unwrap_or_default());
            if path == SIZE {
                let wrong =
                    Wrong::new(format!("`{SIZE}` is the number of all bytes"), "another path");
                self.wrong(&key.name("path"), wrong);
            }
            forms.push(FieldForm { path, at, length, count, writing });
        }
        for (position, wrong) in layout::check(&forms) {
            self.wrong(&key.index(position), wrong);
        }
        forms
    }
}

/// Returns the name of a command or observer.
fn name_of(name: Option<&str>, line: &str) -> Option<String> {
    name.map(str::to_owned).or_else(|| Some(Template::parse(line).ok()?.word()?.to_owned()))
}

fn names_of<T>(table: &BTreeMap<String, T>) -> String {
    names::list(table.keys().map(String::as_str))
}

/// Returns a regular expression's mistake without the picture of where it is.
pub(crate) fn unreadable(error: &regex::Error) -> Wrong {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Wrong::new(
        format!("no regular expression: {reason}"),
        "a regular expression as in the crate `regex`",
    )
}
