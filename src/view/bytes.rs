//! Byte strings as the page gets them.

use serde::{Serialize, Serializer};

/// How many bytes of a byte string the page shows.
const SHOWN_MAX: usize = 64;

/// A key or a value: its first bytes, and its length.
///
/// As JSON it is a string of hex digits or, if it is longer than 64 bytes, a list of the digits of the
/// first 64 and the length.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes {
    beginning: Vec<u8>,
    length: usize,
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        let beginning = bytes[..bytes.len().min(SHOWN_MAX)].to_vec();
        Self { beginning, length: bytes.len() }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = hex::encode(&self.beginning);
        if self.length > self.beginning.len() {
            (digits, self.length).serialize(serializer)
        } else {
            digits.serialize(serializer)
        }
    }
}
