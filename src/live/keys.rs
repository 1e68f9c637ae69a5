//! The keys of a log in etcd.
//!
//! ```text
//! LOG/settings                        the machine and its lines; written once
//! LOG/head                            the index of the last entry, in decimal
//! LOG/entry/INDEX                     a command line, without LF
//! LOG/writer/NAME                     how many lines the writer has appended
//! LOG/checkpoint/INDEX/FOLLOWER       the answers of a follower's observers after the entry
//! ```
//!
//! INDEX has 20 digits, so that the order of keys is that of indexes.

use std::fmt;
use std::str::FromStr;

/// The longest name of a log, a writer or a follower, in bytes.
const NAME_LENGTH_MAX: usize = 200;

/// The name of a log: the first part of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogName(String);

impl FromStr for LogName {
    type Err = String;

    /// Reads a name: 1 to 200 letters, digits, and `. _ - /`, without a slash at either end or two in
    /// a row.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_known = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let parts_are_good = text.split('/').all(|part| !part.is_empty());
        if text.len() <= NAME_LENGTH_MAX && text.chars().all(is_known) && parts_are_good {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "a log's name has 1 to {NAME_LENGTH_MAX} letters, digits and . _ - /, and no empty part \
             between slashes"
        ))
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the name of a writer or a follower: the last part of a key.
///
/// # Errors
///
/// It is not 1 to 200 letters, digits, and `. _ -`.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.chars().all(is_known) {
        return Ok(());
    }
    Err(format!("a name has 1 to {NAME_LENGTH_MAX} letters, digits and . _ -"))
}

/// A range of keys, without its end.
pub(crate) type KeyRange = (String, String);

impl LogName {
    pub(crate) fn settings(&self) -> String {
        format!("{self}/settings")
    }

    pub(crate) fn head(&self) -> String {
        format!("{self}/head")
    }

    pub(crate) fn entry(&self, index: u64) -> String {
        format!("{self}/entry/{index:020}")
    }

    /// Returns the range of the entries from `index` on.
    pub(crate) fn entries_from(&self, index: u64) -> KeyRange {
        (self.entry(index), format!("{self}/entry0"))
    }

    pub(crate) fn writer(&self, name: &str) -> String {
        format!("{self}/writer/{name}")
    }

    pub(crate) fn checkpoint(&self, index: u64, follower: &str) -> String {
        format!("{self}/checkpoint/{index:020}/{follower}")
    }

    /// Returns the range of the checkpoints at `index` and later ones.
    pub(crate) fn checkpoints_from(&self, index: u64) -> KeyRange {
        (format!("{self}/checkpoint/{index:020}/"), format!("{self}/checkpoint0"))
    }

    /// Returns the range of the checkpoints at `index`.
    pub(crate) fn checkpoints_of(&self, index: u64) -> KeyRange {
        let folder = format!("{self}/checkpoint/{index:020}");
        (format!("{folder}/"), format!("{folder}0"))
    }

    /// Returns the index of an entry's key.
    pub(crate) fn index_of_entry(&self, key: &[u8]) -> Option<u64> {
        let digits = key.strip_prefix(self.0.as_bytes())?.strip_prefix(b"/entry/")?;
        index(digits)
    }

    /// Returns the index and the follower of a checkpoint's key.
    pub(crate) fn place_of_checkpoint(&self, key: &[u8]) -> Option<(u64, String)> {
        let rest = key.strip_prefix(self.0.as_bytes())?.strip_prefix(b"/checkpoint/")?;
        let (digits, follower) = (rest.get(..20)?, rest.get(20..)?.strip_prefix(b"/")?);
        let follower = String::from_utf8(follower.to_vec()).ok()?;
        check_name(&follower).ok()?;
        Some((index(digits)?, follower))
    }
}

/// Reads an index of 20 digits. The first is 1.
fn index(digits: &[u8]) -> Option<u64> {
    let is_whole = digits.len() == 20 && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| is_whole)?.parse().ok().filter(|index| *index > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_sort_by_index() {
        let log: LogName = "a/b".parse().expect("a name");
        for index in [1, 9, 10, u64::MAX] {
            assert_eq!(log.index_of_entry(log.entry(index).as_bytes()), Some(index));
            let key = log.checkpoint(index, "go-1");
            assert_eq!(log.place_of_checkpoint(key.as_bytes()), Some((index, "go-1".into())));
            let (first, end) = log.entries_from(index);
            assert!(first == log.entry(index) && log.entry(u64::MAX) < end);
            let (first, end) = log.checkpoints_from(index);
            assert!(first <= key && log.checkpoint(u64::MAX, "z") < end);
            let (first, end) = log.checkpoints_of(index);
            assert!(first <= key && key < end);
            assert!(index == u64::MAX || end <= log.checkpoint(index + 1, "a"));
        }
        assert!(log.entry(9) < log.entry(10));
    }

    #[test]
    fn other_keys_are_of_no_log() {
        let log: LogName = "a".parse().expect("a name");
        for key in ["a/entry/1", "a/entry/0000000000000000000x", "a/entry/000000000000000000001"] {
            assert_eq!(log.index_of_entry(key.as_bytes()), None, "{key}");
        }
        assert_eq!(log.index_of_entry(b"ab/entry/00000000000000000001"), None);
        assert_eq!(log.index_of_entry(b"a/entry/99999999999999999999"), None, "beyond a u64");
        assert_eq!(log.index_of_entry(b"a/entry/00000000000000000000"), None, "the first is 1");
        for key in ["a/checkpoint/00000000000000000001", "a/checkpoint/00000000000000000001/a/b"] {
            assert_eq!(log.place_of_checkpoint(key.as_bytes()), None, "{key}");
        }
    }

    #[test]
    fn names_are_checked() {
        for name in ["", "/a", "a/", "a//b", "a b", "ä", "a\n", &"a".repeat(201)] {
            assert!(name.parse::<LogName>().is_err() && check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("a/b").is_err() && check_name("a.b_c-1").is_ok());
    }
}
