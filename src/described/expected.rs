//! Differences that are known.

use std::collections::BTreeSet;

/// A difference that is known.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The program that differs from the reference.
    pub port: String,
    /// A regular expression for the whole fingerprint.
    pub difference: String,
    /// The names of commands that suffice to show it.
    pub commands: BTreeSet<String>,
    /// The names of those of them that are needed to show it.
    pub needs: BTreeSet<String>,
    /// One sentence on the cause.
    pub because: String,
    /// A link to a report.
    pub link: Option<String>,
}
