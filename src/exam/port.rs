//! A port to be examined, and the ways in which it can fail.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::Deserialize;

use crate::shell_syntax::check_words;

/// A program to examine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortSpec {
    /// The name in reports, unique in an exam.
    pub name: String,
    /// The program and its arguments; not empty.
    pub command: Vec<String>,
    /// The folder to start it in; the current one if there is none.
    pub directory: Option<PathBuf>,
    /// Variables for its environment beside the inherited ones.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How long an answer may take; as long as that of any port if it is `None`.
    #[serde(skip)]
    pub timeout: Option<Duration>,
}

impl PortSpec {
    /// Makes a port without a folder, variables or a time limit of its own.
    #[must_use]
    pub fn new(name: &str, command: Vec<String>) -> Self {
        let environment = BTreeMap::new();
        Self { name: name.into(), command, directory: None, environment, timeout: None }
    }

    /// Checks name and command.
    ///
    /// # Errors
    ///
    /// The name is empty or has white space, control characters or a slash, or the command is
    /// empty.
    pub fn validate(&self) -> Result<(), String> {
        let name = &self.name;
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/')
        {
            return Err("a port's name has no white space and no slash, and is not empty".into());
        }
        if self.command.is_empty() {
            return Err("a port's command is not empty".into());
        }
        Ok(())
    }

    /// Reads `NAME=COMMAND`, with a command as a shell's words.
    ///
    /// # Errors
    ///
    /// As [`PortSpec::validate`], or the text has no `=`, an open quote, or what only a shell
    /// understands.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("expected NAME=COMMAND")?;
        check_words(command)?;
        let command = shell_words::split(command).map_err(|error| error.to_string())?;
        let port = Self::new(name, command);
        port.validate().map(|()| port)
    }

    /// Returns the command, quoted for a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        shell_words::join(&self.command)
    }

    /// Returns the command line, for a POSIX shell in the same folder, of a program that takes these
    /// words and then `--port` with this port.
    #[must_use]
    pub fn program_line(&self, words: &[OsString]) -> String {
        let port = format!("{}={}", self.name, shell_words::join(self.whole_command()));
        // An argument that begins with a dash is an option unless it is joined to its own.
        let port = if port.starts_with('-') {
            vec![format!("--port={port}").into()]
        } else {
            vec!["--port".into(), port.into()]
        };
        Self::shell_line(&[words, &port].concat())
    }

    /// Returns the words as one line for a POSIX shell.
    #[must_use]
    pub fn shell_line(words: &[OsString]) -> String {
        let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(&b' ');
        let text = str::from_utf8(&line).ok();
        if let Some(text) = text.filter(|text| !text.chars().any(is_unprintable)) {
            return text.into();
        }
        // In a report such a character is shown as an escape, so only `printf` can make it again.
        let mut escaped = String::new();
        let octal = |byte: u8| format!("\\{byte:03o}");
        for chunk in line.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => escaped += "\\\\",
                    '%' => escaped += "%%",
                    '\'' => escaped += "\\047",
                    character if is_unprintable(character) => {
                        escaped.extend(character.to_string().bytes().map(octal));
                    }
                    character => escaped.push(character),
                }
            }
            escaped.extend(chunk.invalid().iter().copied().map(octal));
        }
        format!("eval \"$(printf '{escaped}')\"")
    }

    /// Returns a command that needs no folder and no environment of its own.
    fn whole_command(&self) -> Vec<String> {
        let mut words = Vec::new();
        if !self.environment.is_empty() {
            words.push("env".into());
            words.extend(self.environment.iter().map(|(name, value)| format!("{name}={value}")));
        }
        let directory = self.directory.as_deref();
        if directory.is_some() || !words.is_empty() {
            // The variables may have another PATH, and `cd` has a meaning for `-`.
            let directory = Path::new(".").join(directory.unwrap_or(Path::new("")));
            words.extend(["/bin/sh", "-c", r#"cd -- "$0" && exec "$@""#].map(String::from));
            words.push(directory.to_string_lossy().into_owned());
        }
        words.extend_from_slice(&self.command);
        words
    }
}

/// Returns the word in the quotes that a shell needs.
fn quoted(word: &OsStr) -> Vec<u8> {
    if let Some(text) = word.to_str() {
        return shell_words::quote(text).into_owned().into_bytes();
    }
    let parts: Vec<_> = word.as_bytes().split(|byte| *byte == b'\'').collect();
    [b"'", parts.join(&br"'\''"[..]).as_slice(), b"'"].concat()
}

/// Reports whether reports show the character as an escape.
fn is_unprintable(character: char) -> bool {
    !matches!(character, ' '..='~') && !character.is_alphanumeric()
}

/// The way in which a port failed to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It ran and wrote nothing within the time limit.
    NoAnswer,
    /// It wrote nothing within the time limit for its greeting.
    NoGreeting,
    /// A signal had stopped it, as SIGSTOP does, when the time limit ended.
    Stopped,
    /// Its answer came only when its input was closed.
    NotFlushed,
    /// It wrote a line without LF, and then nothing within the time limit.
    NoLineEnd,
    /// It exited.
    Exited(ExitStatus),
    /// It closed its standard output and went on.
    ClosedOutput,
    /// It closed its standard input and went on.
    ClosedInput,
    /// It writes without end.
    Flood,
    /// It did not exit after the end of its input.
    StillRunning,
    /// The exam was interrupted. This says nothing about the port.
    Interrupted,
    /// The operating system reported an error, such as that no process can be started. This says
    /// nothing about the port.
    System(String),
    /// The reference failed as a process, or is not deterministic. This says nothing about the port.
    Reference(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "the program exited ({status})"),
            Self::System(reason) => f.write_str(reason),
            Self::Reference(reason) => write!(f, "the reference failed: {reason}"),
            other => f.write_str(other.words().1),
        }
    }
}

impl Failure {
    /// Reports whether the failure took the whole time limit.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::NoAnswer
                | Self::NoGreeting
                | Self::Stopped
                | Self::NotFlushed
                | Self::NoLineEnd
                | Self::StillRunning
        )
    }

    /// Reports whether the cause is outside the port, so that it is not an error of the port.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        matches!(self, Self::Interrupted | Self::System(_) | Self::Reference(_))
    }

    /// Returns a word for fingerprints. It does not change from run to run.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Exited(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exited-{code}"),
                (None, Some(signal)) => format!("signal-{signal}"),
                (None, None) => "exited".into(),
            },
            other => other.words().0.into(),
        }
    }

    const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoAnswer => ("no-answer", "no answer in time"),
            Self::NoGreeting => (
                "no-answer",
                "no answer in time, while the program runs: if it starts slowly, raise --timeout",
            ),
            Self::Stopped => ("stopped", "no answer in time: a signal has stopped the program"),
            Self::NotFlushed => {
                ("not-flushed", "the answer is written only once the input is closed")
            }
            Self::NoLineEnd => ("no-line-end", "the answer has no line end"),
            Self::Exited(_) => ("exited", "the program exited"),
            Self::ClosedOutput => ("closed-output", "the program closed its standard output"),
            Self::ClosedInput => ("closed-input", "the program closed its standard input"),
            Self::Flood => ("flood", "the program writes without end"),
            Self::StillRunning => ("still-running", "the program did not exit in time"),
            Self::Interrupted => ("interrupted", "interrupted"),
            Self::System(_) => ("system", "the operating system reported an error"),
            Self::Reference(_) => ("reference", "the reference failed"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error.to_string())
    }
}
