//! Mistakes in a file: their places, and the values that are allowed there.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::key::Key;

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key, such as `commands[2].line`; empty if the file is not TOML.
    pub key: String,
    /// The reason why it is one.
    pub reason: String,
    /// The values that are allowed there; empty if the reason has them.
    pub allowed: String,
}

/// The mistakes of a file, in the order of their positions; not none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub file: PathBuf,
    /// The mistakes.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.mistakes.iter().enumerate() {
            if position > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{}:{mistake}", self.file.display())?;
        }
        Ok(())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, key, reason, allowed } = self;
        write!(formatter, "{line}:{column}: ")?;
        if !key.is_empty() {
            write!(formatter, "{key}: ")?;
        }
        write!(formatter, "{reason}")?;
        if !allowed.is_empty() {
            write!(formatter, "; allowed: {allowed}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Mistakes while they are found.
pub(crate) struct Found<'t> {
    text: &'t str,
    table: &'t DeTable<'t>,
    mistakes: Vec<(usize, Mistake)>,
}

impl<'t> Found<'t> {
    pub(crate) fn new(text: &'t str, table: &'t DeTable<'t>) -> Self {
        Self { text, table, mistakes: Vec::new() }
    }

    /// Adds a mistake at a key.
    pub(crate) fn add(&mut self, key: &Key, reason: impl Into<String>, allowed: impl Into<String>) {
        let (key, position) = key.place(self.table);
        let (reason, allowed) = (reason.into(), allowed.into());
        self.mistakes.push((position, mistake_at(self.text, position, &key, reason, allowed)));
    }

    /// Returns the value, or `None` after adding the mistake.
    pub(crate) fn check<T>(&mut self, key: &Key, result: Result<T, Wrong>) -> Option<T> {
        result.map_err(|wrong| self.add(key, wrong.reason, wrong.allowed)).ok()
    }

    /// Returns an error if there are mistakes.
    pub(crate) fn finish(mut self, file: &Path) -> Result<(), Mistakes> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        self.mistakes.sort_by_key(|(position, _)| *position);
        let mistakes = self.mistakes.into_iter().map(|(_, mistake)| mistake).collect();
        Err(Mistakes { file: file.into(), mistakes })
    }
}

/// A value that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The reason why it is one.
    pub(crate) reason: String,
    /// The values that are allowed.
    pub(crate) allowed: String,
}

impl Wrong {
    pub(crate) fn new(reason: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { reason: reason.into(), allowed: allowed.into() }
    }
}

/// Makes the mistake at a position in bytes.
pub(crate) fn mistake_at(
    text: &str,
    position: usize,
    key: &impl fmt::Display,
    reason: String,
    allowed: String,
) -> Mistake {
    let before = text.get(..position).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Mistake { line, column, key: key.to_string(), reason, allowed }
}
