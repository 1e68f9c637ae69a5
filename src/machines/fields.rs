//! The fields of a snapshot (definition, section 5), and those in which two snapshots differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::snapshot::load_state;

/// How many bytes of a field are shown.
const SHOWN_BYTES_MAX: usize = 40;

/// The offset of the first entry.
const ENTRIES_OFFSET: usize = 32;

/// The meaning of a field's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldKind {
    /// A little-endian number.
    Number,
    /// A little-endian number: the length of the field after it.
    Length,
    Key,
    Value,
    Magic,
}

/// A field of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field<'a> {
    kind: FieldKind,
    /// Such as `commit index` or `length of key 3`.
    name: String,
    /// Its offset in bytes from the beginning of the snapshot.
    offset: usize,
    /// Its bytes, fewer than it should have if the snapshot ends within it.
    bytes: &'a [u8],
}

impl Field<'_> {
    /// Returns the value: numbers in decimal, byte strings in hex.
    fn value(&self) -> String {
        self.number().map_or_else(|| shown(self.bytes), |number| number.to_string())
    }

    /// Returns the value of a whole number field.
    fn number(&self) -> Option<u64> {
        let is_number = matches!(self.kind, FieldKind::Number | FieldKind::Length);
        let is_whole = is_number && matches!(self.bytes.len(), 4 | 8);
        let value = || self.bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        is_whole.then(value)
    }
}

/// Returns a byte string in hex and as text, or its beginning if it is long.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_BYTES_MAX {
        let beginning = hex::encode(&bytes[..SHOWN_BYTES_MAX]);
        return format!("0x{beginning}… ({} bytes)", bytes.len());
    }
    if bytes.is_empty() {
        return "nothing".into();
    }
    format!("0x{} \"{}\"", hex::encode(bytes), bytes.escape_ascii())
}

/// Returns the fields of a snapshot, in order, until its bytes end or `load_state` refuses them. The
/// field that it refuses is the last one.
fn fields(snapshot: &[u8]) -> Vec<Field<'_>> {
    let mut reader = Reader { read: Vec::new(), rest: snapshot, offset: 0 };
    reader.take(FieldKind::Magic, "magic", 4);
    reader.take(FieldKind::Number, "version", 4);
    reader.take(FieldKind::Number, "commit index", 8);
    reader.take(FieldKind::Number, "term", 8);
    reader.take(FieldKind::Number, "number of keys", 8);
    let mut key_number = 1;
    while !reader.rest.is_empty() && reader.offset >= ENTRIES_OFFSET {
        reader.byte_string(FieldKind::Key, &format!("key {key_number}"));
        reader.byte_string(FieldKind::Value, &format!("value {key_number}"));
        key_number += 1;
    }
    let mut fields = reader.read;
    if let Err(error) = load_state(snapshot) {
        fields.retain(|field| field.offset <= error.offset);
    }
    fields
}

/// Returns a line of text for each field of a snapshot, in columns: offset, name and value. They end
/// with the field that `load_state` refuses, if any.
#[must_use]
pub fn describe(snapshot: &[u8]) -> Vec<String> {
    let fields = fields(snapshot);
    let width = fields.iter().map(|field| field.name.len() + 1).max().unwrap_or_default();
    let line = |field: &Field<'_>| {
        format!("{:>8}  {:<width$} {}", field.offset, format!("{}:", field.name), field.value())
    };
    fields.iter().map(line).collect()
}

/// Returns the first field in which two snapshots differ: its name, its offset and both values.
/// Returns `None` if they are equal.
#[must_use]
pub fn first_difference(expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (expected, actual) = (fields(expected), fields(actual));
    let position = expected.iter().zip(&actual).take_while(|(a, b)| a == b).count();
    let field = expected.get(position).or(actual.get(position))?;
    let mut text = format!("{} at offset {}", field.name, field.offset);
    if let Some(key) = key_before(&expected, position) {
        let _ = write!(text, " (after key {key})");
    }
    let value = |fields: &[Field<'_>]| match fields.get(position) {
        Some(field) if field.kind == FieldKind::Length => {
            // A length says little without the bytes after it.
            let bytes = fields.get(position + 1).map_or("nothing".into(), Field::value);
            format!("{}, then {bytes}", field.value())
        }
        Some(field) => field.value(),
        None => "nothing: the snapshot ends here".into(),
    };
    let _ = write!(text, ": expected {}, actual {}", value(&expected), value(&actual));
    Some(text)
}

/// Returns all differences of two snapshots: of the fields before the entries, then of the entries,
/// keys ascending. Returns none if the snapshots are equal.
#[must_use]
pub fn all_differences(expected: &[u8], actual: &[u8]) -> Vec<String> {
    let (left, right) = (fields(expected), fields(actual));
    let heads = left.iter().zip(&right).take_while(|(field, _)| field.offset < ENTRIES_OFFSET);
    let heads = heads.filter(|(left, right)| left != right).map(|(left, right)| {
        let (name, offset) = (&left.name, left.offset);
        format!("{name} at offset {offset}: expected {}, actual {}", left.value(), right.value())
    });
    let (left, right) = (entries(&left), entries(&right));
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let of_key = |key: &[u8]| match (left.get(key), right.get(key)) {
        (expected, actual) if expected == actual => None,
        (Some(expected), Some(actual)) => {
            let position = expected.iter().zip(*actual).take_while(|(a, b)| a == b).count();
            let (expected, actual) = (shown(expected), shown(actual));
            Some(format!("expected {expected}, actual {actual}, other from byte {position} on"))
        }
        (Some(_), _) => Some("missing in the actual snapshot".into()),
        (None, _) => Some("in the actual snapshot alone".into()),
    };
    let entries =
        keys.iter().filter_map(|key| Some(format!("key {}: {}", shown(key), of_key(key)?)));
    let differences: Vec<_> = heads.chain(entries).collect();
    // Bytes after the last entry belong to no entry.
    let other = || first_difference(expected, actual).into_iter().collect();
    if differences.is_empty() { other() } else { differences }
}

/// Returns the values by their keys. An empty value has no field.
fn entries<'a>(fields: &[Field<'a>]) -> BTreeMap<&'a [u8], &'a [u8]> {
    let keys = fields.iter().enumerate().filter(|(_, field)| field.kind == FieldKind::Key);
    let value = |position: usize| fields.get(position).filter(|f| f.kind == FieldKind::Value);
    keys.map(|(at, key)| (key.bytes, value(at + 2).map_or(&[][..], |value| value.bytes))).collect()
}

fn key_before(fields: &[Field<'_>], position: usize) -> Option<String> {
    let is_key = |field: &&Field<'_>| field.kind == FieldKind::Key;
    let before = fields[..position.min(fields.len())].iter().rev().find(is_key);
    before.map(Field::value)
}

struct Reader<'a> {
    read: Vec<Field<'a>>,
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, kind: FieldKind, name: &str, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        if !bytes.is_empty() {
            self.read.push(Field { kind, name: name.into(), offset: self.offset, bytes });
        }
        self.rest = rest;
        self.offset += bytes.len();
        bytes
    }

    fn byte_string(&mut self, kind: FieldKind, name: &str) {
        let length = self.take(FieldKind::Length, &format!("length of {name}"), 4);
        if let Ok(length) = <[u8; 4]>::try_from(length) {
            let length = u32::from_le_bytes(length);
            self.take(kind, name, usize::try_from(length).unwrap_or(usize::MAX));
        }
    }
}
