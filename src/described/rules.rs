//! A checked file: everything that cases are drawn and compared by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::equality::{Equality, Status};
use crate::expected::Expected;
use crate::layout::Layout;
use crate::pattern::Pattern;
use crate::scope::{LineForm, Scope};

/// The rules by which cases are drawn and answers are compared: those of a file, or of one of its
/// profiles.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) scope: Scope,
    /// The choices of all types, as they are before they are written in a line.
    pub(crate) choices: BTreeSet<String>,
    pub(crate) start: Vec<LineForm>,
    /// The least and the greatest number of commands of a case.
    pub(crate) length: (u32, u32),
    /// Whether each case leaves out some commands.
    pub is_swarm: bool,
    /// The commands, in the order of the file; not none.
    pub commands: Vec<Command>,
    /// The observers, in the order of the file.
    pub observers: Vec<Observer>,
    /// The layouts by their names.
    pub layouts: BTreeMap<String, Layout>,
    /// Which answers count as the same.
    pub equality: Equality,
    /// Lines that make all replicas of one program equal.
    pub settle: Option<Settle>,
    /// The differences that are known.
    pub expected: Vec<Expected>,
    /// Compiled when they are first needed.
    pub(crate) patterns: OnceLock<Patterns>,
}

/// The patterns of the lines that can be read.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    /// Those of the start lines.
    pub(crate) start: Vec<Pattern>,
    /// Those of [`Rules::named_forms`].
    named: Vec<Pattern>,
}

/// A command.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its name.
    pub name: String,
    pub(crate) form: LineForm,
    pub(crate) weight: u32,
    pub(crate) captures: Vec<Capture>,
    /// The name of the layout of its answer.
    pub layout: Option<String>,
}

/// A value in answers.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) pool: usize,
    pub(crate) pattern: regex::bytes::Regex,
}

/// An observer.
#[derive(Clone, Debug)]
pub struct Observer {
    /// Its name.
    pub name: String,
    pub(crate) form: LineForm,
    /// It has the holes of `form`.
    pub(crate) dump: Option<LineForm>,
    /// The name of the layout of the answer to the dump or, without one, to the line.
    pub layout: Option<String>,
}

impl Observer {
    /// Reports whether another line shows the bytes behind the answer.
    #[must_use]
    pub const fn has_dump(&self) -> bool {
        self.dump.is_some()
    }
}

/// Lines after which the replicas of one program are equal.
#[derive(Clone, Debug)]
pub struct Settle {
    pub(crate) lines: Vec<SettleLine>,
    pub(crate) rounds: u32,
    /// The positions of the observers.
    pub(crate) equal: Vec<usize>,
}

/// A line of an exchange. Its holes are those of all lines up to it.
#[derive(Clone, Debug)]
pub(crate) struct SettleLine {
    pub(crate) form: LineForm,
    /// The pools of an exchange are its own.
    pub(crate) captures: Vec<Capture>,
}

impl Rules {
    /// Returns the name of the command or observer that made a line: the first command in the order
    /// of the file whose form the line has, or else the first such observer, by its line or its
    /// dump. Ranges are not known from a line, and an entry of a pool can be any text: of commands
    /// that differ only in those, the first has all lines.
    ///
    /// If no form is that of the line, it is the name of the one with the longest text before the
    /// first hole that the line begins with.
    #[must_use]
    pub fn name_of(&self, line: &[u8]) -> Option<&str> {
        let mut whole = self.named_forms().zip(&self.patterns().named);
        if let Some(((name, _), _)) = whole.find(|(_, pattern)| pattern.values(line).is_some()) {
            return Some(name);
        }
        let mut longest: Option<(&str, usize)> = None;
        for (name, form) in self.named_forms() {
            let length = form.prefix().len();
            if line.starts_with(form.prefix()) && longest.is_none_or(|(_, known)| known < length) {
                longest = Some((name, length));
            }
        }
        longest.map(|(name, _)| name)
    }

    /// Reports whether a line has the form of a command. Ranges are not known from a line.
    #[must_use]
    pub fn is_command(&self, line: &[u8]) -> bool {
        let commands = self.patterns().named.iter().take(self.commands.len());
        commands.into_iter().any(|pattern| pattern.values(line).is_some())
    }

    /// Returns the forms of the commands, and of the observers and their dumps, with their names.
    fn named_forms(&self) -> impl Iterator<Item = (&str, &LineForm)> {
        let commands = self.commands.iter().map(|command| (&*command.name, &command.form));
        let observers = self.observers.iter().flat_map(|observer| {
            let forms = [Some(&observer.form), observer.dump.as_ref()].into_iter().flatten();
            forms.map(|form| (&*observer.name, form))
        });
        commands.chain(observers)
    }

    pub(crate) fn patterns(&self) -> &Patterns {
        self.patterns.get_or_init(|| {
            let pattern = |form| Pattern::of(&self.scope, form);
            let start = self.start.iter().map(pattern).collect();
            let named = self.named_forms().map(|(_, form)| pattern(form)).collect();
            Patterns { start, named }
        })
    }
}

impl Capture {
    /// Returns the value in an answer, unless the answer is an error.
    pub(crate) fn value<'a>(&self, equality: &Equality, answer: &'a [u8]) -> Option<&'a [u8]> {
        if equality.status(answer) != Status::Ok {
            return None;
        }
        found(&self.pattern, answer)
    }
}

/// Returns the first group of the first match, or all of it.
pub(crate) fn found<'a>(pattern: &regex::bytes::Regex, answer: &'a [u8]) -> Option<&'a [u8]> {
    let groups = pattern.captures(answer)?;
    groups.get(1).or_else(|| groups.get(0)).map(|found| found.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::description::Description;
    use crate::draw::draw;
    use crate::fake::{Fault, notes, rules};
    use crate::source::Random;

    #[test]
    fn no_value_of_an_error_is_captured() {
        let equality = &rules().equality;
        let value = |pattern: &str, answer| {
            let capture = Capture { pool: 0, pattern: regex::bytes::Regex::new(pattern).unwrap() };
            capture.value(equality, answer).map(<[u8]>::to_vec)
        };
        assert_eq!(value(r"(\S+)$", b"ok 12"), Some(b"12".to_vec()));
        assert_eq!(value(r"\d", b"ok 12"), Some(b"1".to_vec()));
        assert_eq!(value(r"(\S+)$", b"err range"), None);
        assert_eq!(value(r"x", b"ok 12"), None);
    }

    #[test]
    fn a_line_has_the_name_of_the_first_form_that_it_has() {
        let text = r#"
            name = "a"
            case.start = ["new"]
            commands = [
                "delete {index} {count}",
                { name = "delete-nothing", line = "delete {index} 0" },
                { name = "style-plain", line = "style {index} plain" },
                "style {index} {style}",
                { line = "update {index}", capture.update = '\S+$' },
                { line = "apply {update}." },
                { name = "apply-junk", line = "apply {raw}" },
            ]
            observers = [
                { line = "hash {index}", dump = "dump {index}" },
                { name = "again", line = "update {index}" },
            ]
            [types]
            index = "0 .. 9"
            count = "1 .. 9"
            style = { choice = ["bold", "plain"] }
            raw = { bytes = "0 .. 9" }
        "#;
        let rules = Description::read(Path::new("a"), text).unwrap().rules;
        let name = |line: &str| rules.name_of(line.as_bytes()).unwrap();
        assert_eq!(name("delete 1 2"), "delete");
        assert_eq!(name("delete 1 0"), "delete", "ranges are not known");
        assert_eq!(name("style 1 plain"), "style-plain");
        assert_eq!(name("style 1 bold"), "style");
        assert_eq!(name("apply 00."), "apply");
        assert_eq!(name("apply 00"), "apply-junk");
        assert_eq!(name("hash 1"), "hash");
        let are_commands = ["delete 1 2", "style 1 bold", "apply 00"].map(str::as_bytes);
        assert!(are_commands.iter().all(|line| rules.is_command(line)));
        let others = ["hash 1", "dump 1", "new", "delete 1", "delete x 2", ""];
        assert!(!others.iter().any(|line| rules.is_command(line.as_bytes())));
        assert_eq!(name("dump 1"), "hash");
        assert_eq!(name("update 1"), "update", "commands come before observers");
    }

    #[test]
    fn a_line_that_is_drawn_has_the_name_of_its_command() {
        for seed in 0..50 {
            let mut reference = notes(Fault::None);
            let drawn = draw(rules(), &mut Random::new(seed, true), &mut reference).unwrap();
            assert_eq!(rules().name_of(&drawn.lines[0].text), None);
            for (position, line) in drawn.lines.iter().enumerate().skip(1) {
                let name = match drawn.name_of(position, rules()) {
                    "apply-junk" => "apply",
                    name => name,
                };
                assert_eq!(rules().name_of(&line.text), Some(name));
            }
        }
    }

    #[test]
    fn a_line_of_no_form_has_the_name_of_the_one_that_it_begins_like() {
        let name = |line: &str| rules().name_of(line.as_bytes());
        assert_eq!(name("insert 0 1 unquoted"), Some("insert"));
        assert_eq!(name("dump x"), Some("hash"));
        assert_eq!(name("apply"), None);
        assert_eq!(name("apply 1 00"), Some("apply"), "the first of two");
        assert_eq!(name("new 2"), None);
        assert_eq!(name(""), None);
    }
}
