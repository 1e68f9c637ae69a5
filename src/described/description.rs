//! A described machine: its programs, and its rules with every profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;
use toml::de::DeTable;

use crate::checking::rules;
use crate::file::File;
use crate::key::Key;
use crate::mistake::{Found, Mistakes};
use crate::names;
use crate::rules::Rules;
use crate::template::check_line;

const HELLO: &str = "hello";

/// A described machine.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name in reports.
    pub name: String,
    /// The line that is answered at any time and changes nothing.
    pub hello: String,
    /// Matches the answer to it; `None` if any answer is right.
    pub greeting: Option<Regex>,
    /// Matches the answer to a command that a program does not know.
    pub unknown: Option<Regex>,
    /// The programs by their names. At most one of them is the reference.
    pub programs: BTreeMap<String, Program>,
    /// The rules without a profile.
    pub rules: Rules,
    /// The rules with each profile.
    pub profiles: BTreeMap<String, Rules>,
}

/// A program that implements the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The program and its arguments; not empty.
    pub command: Vec<String>,
    /// The folder to start it in, relative to the file's; the file's if there is none.
    pub directory: Option<PathBuf>,
    /// Variables for its environment beside the inherited ones.
    pub environment: BTreeMap<String, String>,
    /// How many seconds an answer may take; `None` if the file has no limit.
    pub timeout: Option<f64>,
    /// Whether it is the reference.
    pub is_reference: bool,
}

impl Description {
    /// Reads the text of a file. The path is only used in messages.
    ///
    /// # Errors
    ///
    /// All mistakes in it. If the text is not TOML, or a key has a wrong type, only the first.
    pub fn read(path: &Path, text: &str) -> Result<Self, Mistakes> {
        let file = File::parse(path, text)?;
        let table =
            DeTable::parse(text).map_or_else(|_| DeTable::default(), toml::Spanned::into_inner);
        let mut found = Found::new(text, &table);
        found.check(&Key::of("name"), names::check_shown(&file.name));
        let hello = file.protocol.hello.as_deref().unwrap_or(HELLO);
        found.check(&Key::of("protocol").name("hello"), check_line(hello));
        let greeting = pattern(&mut found, "greeting", file.protocol.greeting.as_deref());
        let unknown = pattern(&mut found, "unknown", file.protocol.unknown.as_deref());
        let programs = programs(&file, &mut found);
        let base = rules(&file, None, &mut found);
        let mut profiles = BTreeMap::new();
        // A mistake outside of the profiles would be found again in each of them.
        if base.is_some() {
            for (name, profile) in &file.profiles {
                let rules = rules(&file, Some((name, profile)), &mut found);
                profiles.extend(rules.map(|rules| (name.clone(), rules)));
            }
        }
        found.finish(path)?;
        let Some(base) = base else { unreachable!("without rules there is a mistake") };
        Ok(Self {
            hello: hello.into(),
            name: file.name,
            greeting,
            unknown,
            programs,
            rules: base,
            profiles,
        })
    }

    /// Reports whether an answer is that to a command that the program does not know.
    #[must_use]
    pub fn is_unknown(&self, answer: &[u8]) -> bool {
        self.unknown.as_ref().is_some_and(|unknown| unknown.is_match(answer))
    }

    /// Reports whether an answer to `hello` is right.
    #[must_use]
    pub fn is_greeting(&self, answer: &[u8]) -> bool {
        self.greeting.as_ref().is_none_or(|greeting| greeting.is_match(answer))
    }

    /// Returns the rules with a profile, or without one; `None` if there is no such profile.
    #[must_use]
    pub fn rules_of(&self, profile: Option<&str>) -> Option<&Rules> {
        profile.map_or(Some(&self.rules), |name| self.profiles.get(name))
    }
}

fn pattern(found: &mut Found<'_>, name: &str, pattern: Option<&str>) -> Option<Regex> {
    let result = Regex::new(pattern?).map_err(|error| crate::checking::unreadable(&error));
    found.check(&Key::of("protocol").name(name), result)
}

fn programs(file: &File, found: &mut Found<'_>) -> BTreeMap<String, Program> {
    let table = Key::of("programs");
    let references = file.programs.iter().filter(|(_, program)| program.reference);
    for (name, _) in references.skip(1) {
        let key = table.name(name).name("reference");
        found.add(&key, "there are two references", "`true` for one program");
    }
    let mut programs = BTreeMap::new();
    for (name, program) in &file.programs {
        let key = table.name(name);
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
        if name.is_empty() || name.contains(is_odd) {
            found.add(&key, "the name is empty, or has white space or a slash", "other characters");
        }
        if program.command.first().is_none_or(String::is_empty) {
            found.add(&key.name("command"), "there is no program", "a program and its arguments");
        }
        if program.command.iter().any(|word| word.contains('\0')) {
            found.add(&key.name("command"), "a word has a NUL", "words without NUL");
        }
        for (variable, value) in &program.environment {
            if variable.is_empty() || variable.contains(['=', '\0']) || value.contains('\0') {
                let reason = format!("no environment can have the variable {variable:?}");
                let allowed = "a name that is not empty and has no `=`; no NUL";
                found.add(&key.name("environment").name(variable), reason, allowed);
            }
        }
        let is_time = |seconds: f64| seconds > 0.0 && seconds <= 1e6;
        if !program.timeout.is_none_or(is_time) {
            let allowed = "seconds, above 0 and up to 1000000";
            found.add(&key.name("timeout"), "the time is out of range", allowed);
        }
        let program = Program {
            command: program.command.clone(),
            directory: program.directory.clone(),
            environment: program.environment.clone(),
            timeout: program.timeout,
            is_reference: program.reference,
        };
        programs.insert(name.clone(), program);
    }
    programs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::example;
    use crate::file::ErrorEquality;

    /// The mistakes of the example with one text in place of another.
    #[track_caller]
    fn mistakes(old: &str, new: &str) -> Vec<String> {
        assert!(example().contains(old), "{old}");
        let text = example().replacen(old, new, 1);
        let mistakes = Description::read(Path::new("notes.toml"), &text).err();
        mistakes
            .map(|mistakes| mistakes.to_string().lines().map(str::to_owned).collect())
            .unwrap_or_default()
    }

    #[track_caller]
    fn assert_mistake(old: &str, new: &str, expected: &str) {
        let mistakes = mistakes(old, new);
        assert!(mistakes.iter().any(|mistake| mistake.contains(expected)), "{new}: {mistakes:#?}");
    }

    #[test]
    fn the_reference_can_differ_only_after_an_exchange() {
        assert_eq!(mistakes("port = \"new\"", "port = \"old\""), [""; 0]);
        let text = crate::fake::example().replace("port = \"new\"", "port = \"old\"");
        let settle = text.find("[settle]").unwrap()..text.find("[[expected]]").unwrap();
        let without = [&text[..settle.start], &text[settle.end..]].concat();
        let error = Description::read(Path::new("a"), &without).unwrap_err().to_string();
        assert!(error.contains("`old` is no program that can differ; allowed: `new`"), "{error}");
    }

    #[test]
    fn the_examples_are_right() {
        for text in crate::fake::examples() {
            let error = Description::read(Path::new("a"), text).err();
            assert_eq!(error.map(|error| error.to_string()), None);
        }
        assert_eq!(mistakes("name = \"notes\"", "name = \"other\""), [""; 0]);
        let description = crate::fake::description();
        assert_eq!(description.rules.commands.len(), 6);
        assert_eq!(description.profiles["plain"].commands.len(), 4);
        assert_eq!(description.programs["new"].timeout, Some(5.0));
        assert!(description.programs["old"].is_reference);
        let errors = |rules: &Rules| rules.equality.errors;
        assert_eq!(errors(&description.rules), ErrorEquality::Class);
        assert_eq!(errors(&description.profiles["plain"]), ErrorEquality::Any);
    }

    #[test]
    fn an_exchange_has_lines() {
        let start = example().find("exchange = [").unwrap();
        let (before, from) = example().split_at(start);
        let (_, after) = from.split_once("\n]").unwrap();
        let text = format!("{before}exchange = []{after}");
        let error = Description::read(Path::new("a"), &text).unwrap_err().to_string();
        assert!(
            error.contains(": settle.exchange: the list is empty; allowed: at least one"),
            "{error}"
        );
    }

    #[test]
    fn inner_arrays_are_sorted_before_outer_ones() {
        let text = example().replace("[\"ids[]\"]", "[\"ids[]\", \"ids[].a[]\"]");
        let description = Description::read(Path::new("a"), &text).unwrap();
        assert_eq!(description.rules.layouts["update"].unordered, ["ids[].a", "ids"]);
    }

    #[test]
    fn a_mistake_has_a_place_a_key_and_what_is_allowed() {
        let mistake = mistakes("weight = 4", "wieght = 4").remove(0);
        let place =
            "notes.toml:37:1: commands[0].wieght: unknown key `wieght`; allowed: `line`, `name`, ";
        assert!(mistake.starts_with(place), "{mistake}");
        let mistake = mistakes("{client} {index} {word}", "{client} {indx} {word}").remove(0);
        let place =
            "notes.toml:36:8: commands[0].line: `indx` is not declared; allowed: `n`, `client`";
        assert!(mistake.starts_with(place), "{mistake}");
        let mistake = mistakes("below = \"n\"", "below = true").remove(0);
        assert!(
            mistake.starts_with("notes.toml:28:20: types.client.below: invalid type"),
            "{mistake}"
        );
        assert!(mistake.ends_with("; allowed: an integer, or a term as a string"), "{mistake}");
        let mistake = mistakes("[asks]", "[asks").remove(0);
        assert!(mistake.starts_with("notes.toml:24:6: "), "{mistake}");
    }

    #[test]
    fn all_mistakes_are_reported_in_their_order() {
        let text = example().replace("{to:client}", "{to:clint}").replace("0 .. 6", "6 .. 0");
        let mistakes = Description::read(Path::new("a"), &text).unwrap_err().mistakes;
        let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
        assert_eq!(keys, ["types.raw.bytes"], "names are checked once they are right");
        let text =
            example().replace("{to:client}", "{to:clint}").replace("weight = 4", "weight = 0");
        let mistakes = Description::read(Path::new("a"), &text).unwrap_err().mistakes;
        let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
        assert_eq!(keys, ["commands[0].weight", "commands[4].line", "settle.exchange[1]"]);
    }

    #[test]
    fn names_are_declared_and_have_one_meaning() {
        for (old, new, expected) in [
            (
                "len = \"len {client}\"",
                "client = \"len {client}\"",
                "`client` is a type and an ask",
            ),
            ("capture.update", "capture.word", "`word` is a type and a pool"),
            ("index = ", "9index = ", "`9index` is not a name"),
            (
                "status-only = [\"apply-junk\"]",
                "status-only = [\"x\"]",
                "equality.status-only[0]: there is no `x`",
            ),
            ("of = [\"text\"]", "of = [\"txt\"]", "equality.rewrite[0].of[0]: there is no `txt`"),
            (
                "without = [\"style\"",
                "without = [\"stile\"",
                "profiles.plain.without[0]: there is no `stile`",
            ),
            ("types.word = ", "types.wrd = ", "profiles.plain.types.wrd: there is no type `wrd`"),
            ("equal = [\"text\"", "equal = [\"txt\"", "settle.equal[0]: there is no `txt`"),
            ("layout = \"update\"", "layout = \"x\"", "commands[3].layout: there is no layout `x`"),
            (
                "port = \"new\"",
                "port = \"newer\"",
                "expected[0].port: `newer` is no program that can differ; allowed: `new`, `old`",
            ),
            (
                "commands = [\"insert\"",
                "commands = [\"x\"",
                "expected[0].commands[0]: there is no `x`",
            ),
            (
                "needs = [\"delete\"]",
                "needs = [\"delete\", \"update\"]",
                "notes.toml:94:20: expected[0].needs[1]: `update` is not among `commands`; allowed: `insert`, `delete`",
            ),
            ("name = \"apply-junk\"\n", "", "commands[5]: the name `apply` is taken"),
            (
                "capture.update = '^ok (\\S+)$'\nlayout",
                "layout",
                "commands[4].line: `update` is not declared",
            ),
        ] {
            assert_mistake(old, new, expected);
        }
    }

    #[test]
    fn lines_have_only_holes_that_are_known_there() {
        for (old, new, expected) in [
            ("new {n}", "new {client}", "case.start[0]: the type `client` cannot be used here"),
            ("start = [\"new {n}\"]", "start = []", "case.start: no line makes a program forget"),
            (
                "text {client}",
                "text {word}",
                "observers[0].line: the values of `word` cannot be listed",
            ),
            ("dump {client}", "dump {to:client}", "observers[1].dump: `line` has no hole `to`"),
            ("len {client}", "len {x:client}", "asks.len: `{x:client}` draws a value"),
            (
                "update {from:client}",
                "update {style}",
                "settle.exchange[0].line: the type `style` is no index",
            ),
            (
                "insert {client} {index}",
                "insert {index} {client}",
                "needs `len`, which asks about `client`",
            ),
            ("\"insert {client}", "\"{client}", "commands[0]: the line does not begin with a word"),
            (
                "variables.n = \"1 .. 3\"",
                "variables.n = \"1 .. m\"",
                "case.variables.n: `m` is not known there",
            ),
        ] {
            assert_mistake(old, new, expected);
        }
    }

    #[test]
    fn programs_can_be_started_and_names_can_be_shown() {
        for (old, new, expected) in [
            (
                "timeout = 5",
                "timeout = 99999999999999999999",
                "programs.new.timeout: invalid type: integer `99999999999999999999`; allowed: a number",
            ),
            ("timeout = 5", "timeout = 0", "programs.new.timeout: the time is out of range"),
            ("timeout = 5", "timeout = nan", "programs.new.timeout: the time is out of range"),
            ("[\"./notes\", \"serve\"]", "[]", "programs.new.command: there is no program"),
            ("[\"./notes\", ", "[\"\", ", "programs.new.command: there is no program"),
            ("\"serve\"]", "\"a\\u0000\"]", "programs.new.command: a word has a NUL"),
            (
                "{ RUST_BACKTRACE =",
                "{ \"A=B\" =",
                "programs.new.environment.A=B: no environment can have the variable \"A=B\"",
            ),
            ("{ RUST_BACKTRACE =", "{ \"\" =", "no environment can have the variable \"\""),
            ("hello = \"hello\"", "hello = \"a\\nb\"", "protocol.hello: a line has no line end"),
            ("hello = \"hello\"", "hello = \"\"", "protocol.hello: the line is empty"),
            ("name = \"notes\"", "name = \" \"", "name: the name \" \" is empty"),
            (
                "name = \"apply-junk\"",
                "name = \"a\\u001b\"",
                "commands[5].name: the name \"a\\u{1b}\" is empty or has control characters",
            ),
            ("timeout = 5", "reference = true", "there are two references"),
            ("'^err (?<class>\\S+)'", "'('", "protocol.error: no regular expression"),
            ("greeting = '^ok", "greeting = '[", "protocol.greeting: no regular expression"),
        ] {
            assert_mistake(old, new, expected);
        }
    }

    #[test]
    fn values_are_in_their_range() {
        for (old, new, expected) in [
            (
                "weight = 4",
                "weight = 0",
                "commands[0].weight: the weight 0 is out of range; allowed: an integer from 1",
            ),
            (
                "weight = 4",
                "weight = -1",
                "commands[0].weight: invalid value: integer `-1`; allowed: an",
            ),
            (
                "weight = 4",
                "variants = 4",
                "commands[0].variants: unknown key `variants`; allowed:",
            ),
            ("weight = 4", "fields = 4", "commands[0].fields: unknown key `fields`; allowed:"),
            (
                "length = \"1 .. 20\"",
                "length = \"1 .. 99999\"",
                "case.length: the range `1 .. 99999` is too wide",
            ),
            ("equal = [\"text\", \"hash\"]", "equal = []", "settle.equal: the list is empty"),
            ("rounds = 2", "rounds = 0", "settle.rounds: 0 rounds are out of range"),
            (
                "\"1 .. len - index\"",
                "\"1 .. len -\"",
                "types.count.integer: in the term `len -`: a value is missing",
            ),
            (
                "\"1 .. len - index\"",
                "\"1 .. 1 / 0\"",
                "types.count.integer: the range `1 .. 1 / 0` has no value: it divides",
            ),
            (
                "errors = \"class\"",
                "errors = \"kind\"",
                "equality.errors: unknown value `kind`; allowed: `exactly`",
            ),
            ("ids[]\"]", "ids\"]", "layouts.update.unordered[0]: `ids` is no array"),
            (
                "count = \"id_count\"",
                "count = \"text\"",
                "layouts.update.fields[2]: `text` is no integer before",
            ),
            ("path = \"text\"", "path = \"\"", "layouts.update.fields[3]: the path `` is empty"),
            (
                "path = \"id_count\"",
                "path = \"version\"",
                "layouts.update.fields[1]: the path `version` is empty or taken",
            ),
            (
                "path = \"version\"",
                "path = \"size\"",
                "layouts.update.fields[0].path: `size` is the number",
            ),
            (
                "bytes = '^ok ([0-9a-f]*)$'",
                "command = [\"x\"]",
                "layouts.update: the layout has no fields",
            ),
        ] {
            assert_mistake(old, new, expected);
        }
        let all = "without = [\"insert\", \"delete\", \"update\", \"apply\", \"style\"";
        assert_mistake("without = [\"style\"", all, "profiles.plain.without: no command is left");
    }

    proptest::proptest! {
        #[test]
        fn no_damaged_file_panics(at: proptest::sample::Index, removed in 0..40_usize, added in ".{0,3}") {
            let mut text: Vec<_> = example().chars().collect();
            let start = at.index(text.len());
            let end = (start + removed).min(text.len());
            text.splice(start..end, added.chars());
            let _ = Description::read(Path::new("a"), &String::from_iter(text));
        }
    }
}
