//! The fields of a snapshot, as far as its bytes can be read, and the first in which two differ.

use std::fmt::Write as _;

use crate::protocol::Hex;

/// How many bytes of a field are shown.
const SHOWN_BYTES_MAX: usize = 40;

/// A piece of a snapshot with a meaning of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What it is, such as `commit index` or `length of key 3`.
    pub name: String,
    /// Where it begins, in bytes from the snapshot's first.
    pub offset: usize,
    /// Its bytes: fewer than the field has where the snapshot ends within it.
    pub bytes: &'a [u8],
}

impl Field<'_> {
    /// Its value: integers in decimal, byte strings in hex.
    #[must_use]
    pub fn value(&self) -> String {
        match self.number() {
            Some(number) => number.to_string(),
            _ if self.bytes.len() > SHOWN_BYTES_MAX => {
                let shown = Hex(&self.bytes[..SHOWN_BYTES_MAX]).to_string();
                format!("{shown}… ({} bytes)", self.bytes.len())
            }
            _ if self.bytes.is_empty() => "nothing".into(),
            _ => format!("{} \"{}\"", Hex(self.bytes), self.bytes.escape_ascii()),
        }
    }

    /// Its value where it is a whole integer field.
    fn number(&self) -> Option<u64> {
        let is_whole = self.is_number() && matches!(self.bytes.len(), 4 | 8);
        let value = || self.bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        is_whole.then(value)
    }

    fn is_number(&self) -> bool {
        self.name.contains("length")
            || ["version", "commit", "term", "number"]
                .iter()
                .any(|word| self.name.starts_with(word))
    }
}

/// The fields of a snapshot, front to back. Where a length announces more bytes than there are,
/// the field has those that are left; what comes after the last entry is one field.
#[must_use]
pub fn fields(snapshot: &[u8]) -> Vec<Field<'_>> {
    let mut reader = Reader { read: Vec::new(), rest: snapshot, offset: 0 };
    reader.take("magic", 4);
    reader.take("version", 4);
    reader.take("commit index", 8);
    reader.take("term", 8);
    reader.take("number of keys", 8);
    let mut key_number = 1;
    while !reader.rest.is_empty() && reader.offset >= 32 {
        reader.byte_string("key", key_number);
        reader.byte_string("value", key_number);
        key_number += 1;
    }
    reader.read
}

/// The fields of a snapshot as lines of text.
#[must_use]
pub fn describe(snapshot: &[u8]) -> Vec<String> {
    let line = |field: Field<'_>| format!("{:>8}  {}: {}", field.offset, field.name, field.value());
    fields(snapshot).into_iter().map(line).collect()
}

/// Says in which field two snapshots first differ: its name, its offset and both values. `None`
/// where they are the same.
#[must_use]
pub fn first_difference(expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (expected, actual) = (fields(expected), fields(actual));
    let position = expected.iter().zip(&actual).take_while(|(a, b)| a == b).count();
    let field = expected.get(position).or(actual.get(position))?;
    let mut text = format!("{} at offset {}", field.name, field.offset);
    // A length that differs says little without the bytes after it.
    if let Some(key) = key_before(&expected, position) {
        let _ = write!(text, " (after key {key})");
    }
    let value = |fields: &[Field<'_>]| match fields.get(position) {
        Some(field) if field.name.starts_with("length") => {
            let bytes = fields.get(position + 1).map_or("nothing".into(), Field::value);
            format!("{}, then {bytes}", field.value())
        }
        Some(field) => field.value(),
        None => "nothing: the snapshot ends here".into(),
    };
    let _ = write!(text, ": expected {}, actual {}", value(&expected), value(&actual));
    Some(text)
}

fn key_before(fields: &[Field<'_>], position: usize) -> Option<String> {
    let is_key = |field: &&Field<'_>| field.name.starts_with("key ");
    let before = fields[..position.min(fields.len())].iter().rev().find(is_key);
    before.map(Field::value)
}

struct Reader<'a> {
    read: Vec<Field<'a>>,
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, name: impl Into<String>, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        if !bytes.is_empty() {
            self.read.push(Field { name: name.into(), offset: self.offset, bytes });
        }
        self.rest = rest;
        self.offset += bytes.len();
        bytes
    }

    fn byte_string(&mut self, what: &str, number: usize) {
        let length = self.take(format!("length of {what} {number}"), 4);
        if let Ok(length) = <[u8; 4]>::try_from(length) {
            let length = u32::from_le_bytes(length);
            self.take(format!("{what} {number}"), usize::try_from(length).unwrap_or(usize::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::op::Op;

    fn dump(ops: &[Op]) -> Vec<u8> {
        let mut cluster = Cluster::new(1).unwrap();
        for op in ops {
            cluster.propose(op.clone()).unwrap();
        }
        cluster.replica(0).unwrap().dump_state()
    }

    #[test]
    fn names_the_first_field_that_differs() {
        let a = dump(&[Op::put("a", "v"), Op::put("b", "w")]);
        let b = dump(&[Op::put("a", "v"), Op::put("b", "x")]);
        assert_eq!(first_difference(&a, &a), None);
        assert_eq!(
            first_difference(&a, &b).unwrap(),
            "value 2 at offset 51 (after key 0x62 \"b\"): expected 0x77 \"w\", actual 0x78 \"x\"",
        );
        let mut commit = a.clone();
        commit[8] = 9;
        assert_eq!(
            first_difference(&a, &commit).unwrap(),
            "commit index at offset 8: expected 2, actual 9",
        );
    }

    #[test]
    fn a_snapshot_that_ends_early_or_late_is_told() {
        let a = dump(&[Op::put("a", "v")]);
        let difference = first_difference(&a, &a[..a.len() - 1]).unwrap();
        assert!(difference.ends_with("actual nothing: the snapshot ends here"), "{difference}");
        let mut longer = a.clone();
        longer.push(7);
        let difference = first_difference(&a, &longer).unwrap();
        assert!(difference.starts_with("length of key 2 at offset 42"), "{difference}");
    }

    #[test]
    fn the_fields_are_the_bytes() {
        let snapshot = dump(&[Op::put("a", ""), Op::put("b", vec![7; 100])]);
        for end in 0..=snapshot.len() {
            let fields = fields(&snapshot[..end]);
            let bytes: Vec<u8> = fields.iter().flat_map(|field| field.bytes).copied().collect();
            assert_eq!(bytes, snapshot[..end]);
        }
    }
}
