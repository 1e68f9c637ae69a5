//! The file as it is written: its tables and keys, before they are checked against each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::{Mistakes, mistake_at};
use crate::notation::{Alphabet, Number, OrText, Short, Table};

/// A described machine: the programs that implement it, and the cases that are drawn for them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A machine of `dkv20 machine check`")]
pub(crate) struct File {
    /// The name of the machine in reports.
    pub(crate) name: String,
    /// The forms that all programs share.
    #[serde(default)]
    pub(crate) protocol: Table<Protocol>,
    /// The programs; one of them is the reference.
    #[serde(default)]
    pub(crate) programs: BTreeMap<String, Table<Program>>,
    /// How a case begins and how long it is.
    pub(crate) case: Table<Case>,
    /// Questions to the reference while a case is made: a line whose answer has a number.
    #[serde(default)]
    pub(crate) asks: BTreeMap<String, OrText<Ask>>,
    /// The types of holes.
    #[serde(default)]
    pub(crate) types: BTreeMap<String, OrText<Type>>,
    /// The commands that cases are made of.
    pub(crate) commands: Vec<OrText<Command>>,
    /// Lines that show the state and change nothing.
    #[serde(default)]
    pub(crate) observers: Vec<OrText<Observer>>,
    /// The fields of byte strings in answers.
    #[serde(default)]
    pub(crate) layouts: BTreeMap<String, Table<Layout>>,
    /// Which answers count as the same.
    #[serde(default)]
    pub(crate) equality: Table<Equality>,
    /// Lines that make all replicas of one program equal.
    pub(crate) settle: Option<Table<Settle>>,
    /// Differences that are known. One that is not seen is reported too.
    #[serde(default)]
    pub(crate) expected: Vec<Table<Expected>>,
    /// Changes for a run: fewer commands, narrower types, a looser equality.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Table<Profile>>,
}

/// The forms that all programs share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Protocol {
    /// The line that is answered at any time and changes nothing; `hello` by default.
    pub(crate) hello: Option<String>,
    /// A regular expression for the answer to it; by default any answer.
    pub(crate) greeting: Option<String>,
    /// A regular expression for an error answer; `^err\b` by default. The group `class`, or else
    /// the first one, is the error's class; without groups the whole answer is.
    pub(crate) error: Option<String>,
    /// A regular expression for the answer to a command that the program does not know; by
    /// default no answer is one.
    pub(crate) unknown: Option<String>,
}

/// A program.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Program {
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// The folder to start it in, relative to this file's; by default this file's.
    pub(crate) directory: Option<PathBuf>,
    /// Variables for its environment beside the inherited ones.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// How many seconds an answer may take; by default that of the command line.
    pub(crate) timeout: Option<f64>,
    /// Whether it is the reference.
    #[serde(default)]
    pub(crate) reference: bool,
}

/// How a case begins and how long it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The lines that begin a case and make a program forget the one before. Their holes are
    /// variables.
    pub(crate) start: Vec<String>,
    /// Types of variables that are drawn once a case.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, OrText<Type>>,
    /// How many commands a case has, `LOW .. HIGH`; `1 .. 30` by default.
    pub(crate) length: Option<String>,
    /// Whether each case leaves out some of the commands at random, so that the others occur more
    /// often together; true by default.
    pub(crate) swarm: Option<bool>,
}

/// A question to the reference while a case is made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// The line. Its holes are variables, and earlier holes of the command that is drawn.
    pub(crate) line: String,
    /// A regular expression that finds the number in the answer: its first group, or all of it;
    /// `-?[0-9]+` by default.
    pub(crate) number: Option<String>,
}

/// The values of a hole: exactly one of `integer`, `below`, `choice`, `text` and `bytes`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Type {
    /// Integers from LOW to HIGH, both included: `LOW .. HIGH`.
    pub(crate) integer: Option<String>,
    /// An index: integers from 0 to below this.
    pub(crate) below: Option<Number>,
    /// One of these values.
    pub(crate) choice: Option<Vec<String>>,
    /// Text of these characters or, as a list, of these pieces.
    pub(crate) text: Option<Alphabet>,
    /// Bytes: how many, `LOW .. HIGH`. They are written as hex digits.
    pub(crate) bytes: Option<String>,
    /// How many characters or pieces a text has, `LOW .. HIGH`; `0 .. 8` by default.
    pub(crate) length: Option<String>,
    /// Integers that are drawn often, if they are in the range; by default both ends and their
    /// neighbours.
    pub(crate) edges: Option<Vec<Number>>,
    /// How a choice or a text is written; `raw` by default.
    #[serde(rename = "as")]
    pub(crate) writing: Option<Writing>,
}

/// How text is written in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Writing {
    /// As a JSON string, in quotes.
    Json,
    /// As the hex digits of its UTF-8.
    Hex,
    /// As it is.
    #[default]
    Raw,
}

/// A command.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    /// The line, with holes in braces: `{TYPE}`, `{NAME:TYPE}`, `{VARIABLE}` or `{POOL}`.
    pub(crate) line: String,
    /// The name in reports, profiles and elsewhere; the line's first word by default.
    pub(crate) name: Option<String>,
    /// How often it is drawn compared with the others, 1 to 1000; 1 by default.
    pub(crate) weight: Option<u32>,
    /// Values of its answer that later commands use: for each pool a regular expression, whose
    /// first group, or all of it, is the value.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
    /// The layout of the bytes in its answer.
    pub(crate) layout: Option<String>,
}

/// Lines that show the state: one for each assignment of values to their holes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Observer {
    /// The line. Its holes are variables, and types whose values can be listed.
    pub(crate) line: String,
    /// The name in reports; the line's first word by default.
    pub(crate) name: Option<String>,
    /// A line that shows the bytes of a hash, asked if the answers differ. It has the holes of
    /// `line`.
    pub(crate) dump: Option<String>,
    /// The layout of the bytes in the answer to `dump` or, without it, to `line`.
    pub(crate) layout: Option<String>,
}

/// The fields of a byte string: either `fields`, or a `command` that lists them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layout {
    /// A regular expression for the hex digits in an answer: its first group, or all of it; by
    /// default the last word.
    pub(crate) bytes: Option<String>,
    /// The fields, in order.
    pub(crate) fields: Option<Vec<Table<LayoutField>>>,
    /// A program that answers `fields HEX` with a JSON list of objects with `path`, `offset`,
    /// `length` and `value`, or with another line if the bytes do not have the layout.
    pub(crate) command: Option<Vec<String>>,
    /// Arrays whose order means nothing, such as `entries[]`.
    #[serde(default)]
    pub(crate) unordered: Vec<String>,
}

/// A field of a byte string.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LayoutField {
    /// Its name. With `count`, it ends in `[]`.
    pub(crate) path: String,
    /// The offset of its first byte; by default the end of the field before it. The terms of a
    /// field are over integers before it and `size`, the number of all bytes.
    pub(crate) at: Option<Number>,
    /// How many bytes it has.
    pub(crate) length: Number,
    /// How many of it there are.
    pub(crate) count: Option<Number>,
    /// How its value is shown; `hex` by default.
    #[serde(rename = "as")]
    pub(crate) writing: Option<FieldWriting>,
}

/// How the value of a field is shown. Only integers can be used in terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FieldWriting {
    /// An unsigned integer of up to 8 bytes, the least significant byte first.
    LittleEndian,
    /// An unsigned integer of up to 8 bytes, the most significant byte first.
    BigEndian,
    /// Hex digits.
    #[default]
    Hex,
    /// UTF-8.
    Text,
}

/// Which answers count as the same.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Equality {
    /// When two error answers are the same; `exactly` by default.
    pub(crate) errors: Option<ErrorEquality>,
    /// Names of commands and observers of which only counts whether the answer is an error.
    pub(crate) status_only: Option<Vec<String>>,
    /// Replacements in both answers before they are compared.
    pub(crate) rewrite: Option<Vec<Table<Rewrite>>>,
}

/// When two error answers are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ErrorEquality {
    /// If they are equal.
    #[default]
    Exactly,
    /// If they have the same class.
    Class,
    /// Always.
    Any,
}

/// A replacement in answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rewrite {
    /// A regular expression.
    pub(crate) pattern: String,
    /// The text in place of each match; `$1` is the first group.
    pub(crate) with: String,
    /// The names of the commands and observers whose answers are rewritten; by default all.
    pub(crate) of: Option<Vec<String>>,
}

/// Lines after which the replicas of one program are equal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    /// Lines that are run for each assignment of different indexes to their holes, with the
    /// program's own answers in the pools.
    pub(crate) exchange: Vec<OrText<SettleLine>>,
    /// How often the whole exchange is run, 1 to 100; 1 by default.
    pub(crate) rounds: Option<u32>,
    /// The names of observers whose answers must then be the same for every index.
    pub(crate) equal: Vec<String>,
}

/// A line of an exchange.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleLine {
    /// The line. Its holes are variables, indexes, and values captured by lines before it.
    pub(crate) line: String,
    /// Values of its answer that later lines use, as for a command.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
}

/// A difference that is known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// The program that differs from the reference.
    pub(crate) port: String,
    /// A regular expression for the whole fingerprint of the difference.
    pub(crate) difference: String,
    /// The names of commands that suffice to show it: the minimal trace has no others.
    pub(crate) commands: Vec<String>,
    /// The names of those commands that are needed to show it: the minimal trace has each of
    /// them.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// One sentence on the cause.
    pub(crate) because: String,
    /// A link to a report.
    pub(crate) link: Option<String>,
}

/// Changes for a run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Names of commands that are left out.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// Types in place of those of the same name.
    #[serde(default)]
    pub(crate) types: BTreeMap<String, OrText<Type>>,
    /// Keys in place of those of `equality`.
    #[serde(default)]
    pub(crate) equality: Table<Equality>,
}

impl Short for Command {
    const FORM: &'static str = "a line, or a table with the key `line`";

    fn of_text(line: String) -> Self {
        Self { line, ..Self::default() }
    }
}

impl Short for Observer {
    const FORM: &'static str = Command::FORM;

    fn of_text(line: String) -> Self {
        Self { line, ..Self::default() }
    }
}

impl Short for SettleLine {
    const FORM: &'static str = Command::FORM;

    fn of_text(line: String) -> Self {
        Self { line, ..Self::default() }
    }
}

impl Short for Ask {
    const FORM: &'static str = Command::FORM;

    fn of_text(line: String) -> Self {
        Self { line, number: None }
    }
}

impl Short for Type {
    const FORM: &'static str = "a range `LOW .. HIGH`, or a table";

    fn of_text(range: String) -> Self {
        Self { integer: Some(range), ..Self::default() }
    }
}

impl File {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The first mistake: the text is not TOML, a key is unknown or missing, or a value has the wrong
    /// type.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Mistakes> {
        let mistake = |key: &str, error: &toml::de::Error| {
            let position = error.span().map_or(0, |span| span.start);
            let (reason, allowed) = split_reason(error.message());
            let mistake = mistake_at(text, position, &key, reason, allowed);
            Mistakes { file: file.into(), mistakes: vec![mistake] }
        };
        let deserializer = toml::Deserializer::parse(text).map_err(|error| mistake("", &error))?;
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let path = error.path().to_string();
            mistake(if path == "." { "" } else { &path }, error.inner())
        })
    }
}

/// Splits a message of serde, such as "unknown field `a`, expected `b` or `c`", into the reason and
/// the values that are allowed, in words of the file's format.
fn split_reason(message: &str) -> (String, String) {
    let (reason, allowed) = message.split_once(", expected ").unwrap_or((message, ""));
    let allowed = match allowed.strip_prefix("one of ").unwrap_or(allowed) {
        "f64" => "a number",
        "u32" => "an integer from 0 to 4294967295",
        allowed => allowed,
    };
    let reason = reason.strip_suffix(" as i128").unwrap_or(reason);
    // Only the second word: those after it are the file's.
    let mut words: Vec<_> = reason.splitn(3, ' ').collect();
    if let Some(word @ &mut ("field" | "variant")) = words.get_mut(1) {
        *word = if *word == "field" { "key" } else { "value" };
    }
    (words.join(" "), allowed.into())
}
