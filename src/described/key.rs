//! Keys of the file, and their places in it.

use std::fmt;

use toml::de::{DeTable, DeValue};

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name(String),
    Index(usize),
}

/// A key of the file, such as `commands[2].line`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key(Vec<Part>);

impl Key {
    /// Returns the key of a name at the top of the file.
    pub(crate) fn of(name: &str) -> Self {
        Self::default().name(name)
    }

    /// Returns the key of a name below this one.
    #[must_use]
    pub(crate) fn name(&self, name: &str) -> Self {
        self.with(Part::Name(name.into()))
    }

    /// Returns the key of an element of this list.
    #[must_use]
    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(Part::Index(index))
    }

    fn with(&self, part: Part) -> Self {
        Self(self.0.iter().cloned().chain([part]).collect())
    }

    /// Returns the key as far as the file has it, and the position in bytes of its value. A table
    /// that is written as text has no keys below.
    pub(crate) fn place(&self, table: &DeTable<'_>) -> (Self, usize) {
        let mut place = (Self::default(), 0);
        let mut value: Option<&DeValue<'_>> = None;
        for part in &self.0 {
            let inner = match (part, value) {
                (Part::Name(name), None) => table.get(name.as_str()),
                (Part::Name(name), Some(DeValue::Table(table))) => table.get(name.as_str()),
                (Part::Index(index), Some(DeValue::Array(list))) => list.get(*index),
                _ => None,
            };
            let Some(inner) = inner else { break };
            value = Some(inner.get_ref());
            place = (place.0.with(part.clone()), inner.span().start);
        }
        place
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.0.iter().enumerate() {
            match part {
                Part::Name(name) if position == 0 => write!(formatter, "{name}")?,
                Part::Name(name) => write!(formatter, ".{name}")?,
                Part::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}
