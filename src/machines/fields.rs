//! The fields of a snapshot (definition, section 5), and those in which two snapshots differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::snapshot::load_state;

/// How many bytes of a field are shown.
const SHOWN_BYTES_MAX: usize = 40;

/// The field's place in the layout; those of keys and values have the number of the key, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldName {
    Magic,
    Version,
    CommitIndex,
    Term,
    Count,
    KeyLength(u64),
    Key(u64),
    ValueLength(u64),
    Value(u64),
    /// The bytes after the last value.
    Trailing,
}

impl FieldName {
    /// Reports whether it is a field before the keys.
    pub(super) const fn is_head(self) -> bool {
        matches!(self, Self::Magic | Self::Version | Self::CommitIndex | Self::Term | Self::Count)
    }

    /// Returns its place among the fields before the keys, or among those of a key.
    const fn in_group(self) -> u8 {
        match self {
            Self::Magic | Self::KeyLength(_) | Self::Trailing => 0,
            Self::Version | Self::Key(_) => 1,
            Self::CommitIndex | Self::ValueLength(_) => 2,
            Self::Term | Self::Value(_) => 3,
            Self::Count => 4,
        }
    }

    const fn is_number(self) -> bool {
        !matches!(self, Self::Magic | Self::Key(_) | Self::Value(_) | Self::Trailing)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("magic"),
            Self::Version => f.write_str("version"),
            Self::CommitIndex => f.write_str("commit index"),
            Self::Term => f.write_str("term"),
            Self::Count => f.write_str("number of keys"),
            Self::KeyLength(number) => write!(f, "length of key {number}"),
            Self::Key(number) => write!(f, "key {number}"),
            Self::ValueLength(number) => write!(f, "length of value {number}"),
            Self::Value(number) => write!(f, "value {number}"),
            Self::Trailing => f.write_str("trailing bytes"),
        }
    }
}

/// A field of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field<'a> {
    name: FieldName,
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
        let is_whole = self.name.is_number() && matches!(self.bytes.len(), 4 | 8);
        is_whole.then(|| little_endian(self.bytes))
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Returns a byte string in hex and as text, or its beginning if it is long.
pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_BYTES_MAX {
        let beginning = hex::encode(&bytes[..SHOWN_BYTES_MAX]);
        return format!("0x{beginning}… ({} bytes)", bytes.len());
    }
    if bytes.is_empty() {
        return "nothing".into();
    }
    format!("0x{} \"{}\"", hex::encode(bytes), bytes.escape_ascii())
}

/// The fields of a snapshot, in order, until its bytes end. Nothing is judged: lengths and the number
/// of keys are believed as far as there are bytes. Empty fields are left out.
struct Fields<'a> {
    rest: &'a [u8],
    offset: usize,
    next: FieldName,
    /// How many bytes the next field has, unless its name has the length.
    length: u64,
    /// How many keys there are, once this is read.
    count: u64,
}

impl<'a> Fields<'a> {
    const fn of(snapshot: &'a [u8]) -> Self {
        Self { rest: snapshot, offset: 0, next: FieldName::Magic, length: 0, count: 0 }
    }

    fn take(&mut self) -> Field<'a> {
        let length = match self.next {
            FieldName::CommitIndex | FieldName::Term | FieldName::Count => 8,
            FieldName::Key(_) | FieldName::Value(_) => {
                usize::try_from(self.length).unwrap_or(usize::MAX)
            }
            FieldName::Trailing => usize::MAX,
            _ => 4,
        };
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        let field = Field { name: self.next, offset: self.offset, bytes };
        (self.rest, self.offset) = (rest, self.offset + bytes.len());
        self.advance(little_endian(&bytes[..bytes.len().min(8)]));
        field
    }

    /// Goes on to the next field; `value` is that of a field with a number.
    fn advance(&mut self, value: u64) {
        let key = |number, count| {
            if number <= count { FieldName::KeyLength(number) } else { FieldName::Trailing }
        };
        self.next = match self.next {
            FieldName::Magic => FieldName::Version,
            FieldName::Version => FieldName::CommitIndex,
            FieldName::CommitIndex => FieldName::Term,
            FieldName::Term => FieldName::Count,
            FieldName::Count => {
                self.count = value;
                key(1, self.count)
            }
            FieldName::KeyLength(number) => {
                self.length = value;
                FieldName::Key(number)
            }
            FieldName::Key(number) => FieldName::ValueLength(number),
            FieldName::ValueLength(number) => {
                self.length = value;
                FieldName::Value(number)
            }
            FieldName::Value(number) => key(number.saturating_add(1), self.count),
            FieldName::Trailing => FieldName::Trailing,
        };
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while !self.rest.is_empty() {
            let field = self.take();
            if !field.bytes.is_empty() {
                return Some(field);
            }
        }
        None
    }
}

/// Returns a line of text for each field of a snapshot, in columns: offset, name and value. They end
/// with the field that `load_state` refuses, if any.
#[must_use]
pub fn describe(snapshot: &[u8]) -> Vec<String> {
    let refused = load_state(snapshot).err().map_or(usize::MAX, |error| error.offset);
    let fields: Vec<_> = Fields::of(snapshot).take_while(|field| field.offset <= refused).collect();
    let name_of = |field: &Field<'_>| format!("{}:", field.name);
    let width = fields.iter().map(|field| name_of(field).len()).max().unwrap_or_default();
    let line = |field: &Field<'_>| {
        format!("{:>8}  {:<width$} {}", field.offset, name_of(field), field.value())
    };
    fields.iter().map(line).collect()
}

/// Returns the first field in which two snapshots differ: its name, its offset and both values.
/// Returns `None` if they are equal.
#[must_use]
pub fn first_difference(expected: &[u8], actual: &[u8]) -> Option<String> {
    first_differing_field(expected, actual).map(|(_, text)| text)
}

/// Returns the first field in which two snapshots differ, and the difference as text.
pub(super) fn first_differing_field(expected: &[u8], actual: &[u8]) -> Option<(FieldName, String)> {
    let (mut left, mut right) = (Fields::of(expected), Fields::of(actual));
    let mut key_before = String::new();
    loop {
        let pair = (left.next(), right.next());
        let field = match pair {
            (Some(expected), Some(actual)) if expected == actual => {
                if matches!(expected.name, FieldName::Key(_)) {
                    key_before = format!(" (after key {})", expected.value());
                }
                continue;
            }
            (None, None) => return None,
            (Some(field), _) | (None, Some(field)) => field,
        };
        let value = |field: Option<Field<'_>>| match field {
            Some(field) => field.value(),
            None => "nothing: the snapshot ends here".into(),
        };
        let (expected, actual) = (value(pair.0), value(pair.1));
        let Field { name, offset, .. } = field;
        let text =
            format!("{name} at offset {offset}{key_before}: expected {expected}, actual {actual}");
        return Some((name, text));
    }
}

/// Returns all differences of two snapshots: of the fields before the entries, then of the entries,
/// keys ascending. Returns none if the snapshots are equal.
#[must_use]
pub fn all_differences(expected: &[u8], actual: &[u8]) -> Vec<String> {
    let heads = |snapshot| Fields::of(snapshot).take_while(|field| field.name.is_head());
    let heads = heads(expected).zip(heads(actual)).filter(|(left, right)| left != right);
    let heads = heads.map(|(left, right)| {
        let (name, offset) = (left.name, left.offset);
        format!("{name} at offset {offset}: expected {}, actual {}", left.value(), right.value())
    });
    let (left, right) = (entries(expected), entries(actual));
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

/// A field of two snapshots; of one of them, if the other has no such key or ends before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPair<'a> {
    /// Its name.
    pub name: String,
    /// Its offset in the expected snapshot or, if only the actual one has it, in that.
    pub offset: usize,
    /// Its bytes in the expected snapshot.
    pub expected: Option<&'a [u8]>,
    /// Those in the actual one.
    pub actual: Option<&'a [u8]>,
    /// The values of both as text.
    pub values: [Option<String>; 2],
}

impl FieldPair<'_> {
    /// Reports whether the bytes differ.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.expected != self.actual
    }

    fn of<'a>(expected: Option<&Field<'a>>, actual: Option<&Field<'a>>) -> Option<FieldPair<'a>> {
        let field = expected.or(actual)?;
        Some(FieldPair {
            name: field.name.to_string(),
            offset: field.offset,
            expected: expected.map(|field| field.bytes),
            actual: actual.map(|field| field.bytes),
            values: [expected, actual].map(|field| field.map(Field::value)),
        })
    }
}

/// Returns the fields of two snapshots side by side: those before the keys, then a group for each key,
/// in the order of the expected snapshot, and the trailing bytes. A key that only one of them has
/// stands alone.
#[must_use]
pub fn side_by_side<'a>(expected: &'a [u8], actual: &'a [u8]) -> Vec<Vec<FieldPair<'a>>> {
    let (left, right) = (groups(expected), groups(actual));
    let key_of = |group: &[Field<'a>]| {
        group.iter().find(|field| matches!(field.name, FieldName::Key(_))).map(|field| field.bytes)
    };
    let keys = |groups: &[Vec<Field<'a>>]| -> BTreeSet<Option<&'a [u8]>> {
        groups.iter().map(|group| key_of(group)).collect()
    };
    let (left_keys, right_keys) = (keys(&left), keys(&right));
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    let mut paired = Vec::new();
    loop {
        let is_alone = |group: Option<&Vec<Field<'a>>>, others: &BTreeSet<_>| {
            group.is_some_and(|group| !others.contains(&key_of(group)))
        };
        let pair = if is_alone(left.peek(), &right_keys) {
            (left.next(), None)
        } else if is_alone(right.peek(), &left_keys) {
            (None, right.next())
        } else {
            (left.next(), right.next())
        };
        if pair == (None, None) {
            return paired;
        }
        let (expected, actual) = (pair.0.unwrap_or_default(), pair.1.unwrap_or_default());
        let names: Vec<_> = if expected.len() >= actual.len() { &expected } else { &actual }
            .iter()
            .map(|field| field.name.in_group())
            .collect();
        let of = |group: &[Field<'a>], name: u8| {
            group.iter().find(|field| field.name.in_group() == name).copied()
        };
        let pairs = names.iter().filter_map(|name| {
            FieldPair::of(of(&expected, *name).as_ref(), of(&actual, *name).as_ref())
        });
        paired.push(pairs.collect());
    }
}

/// Returns the fields of a snapshot in groups: those before the keys, those of each key, and the
/// trailing bytes.
fn groups(snapshot: &[u8]) -> Vec<Vec<Field<'_>>> {
    let mut groups: Vec<Vec<Field<'_>>> = vec![Vec::new()];
    for field in Fields::of(snapshot) {
        if matches!(field.name, FieldName::KeyLength(_) | FieldName::Trailing) {
            groups.push(Vec::new());
        }
        groups.last_mut().expect("there is a group").push(field);
    }
    groups
}

/// Returns the values by their keys.
pub(super) fn entries(snapshot: &[u8]) -> BTreeMap<&[u8], &[u8]> {
    ordered_entries(snapshot).into_iter().collect()
}

/// Returns keys and values in the order of the snapshot.
pub(super) fn ordered_entries(snapshot: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut entries: Vec<(&[u8], &[u8])> = Vec::new();
    for field in Fields::of(snapshot) {
        match (field.name, entries.last_mut()) {
            (FieldName::Key(_), _) => entries.push((field.bytes, &[])),
            // An empty value has no field.
            (FieldName::Value(_), Some((_, value))) => *value = field.bytes,
            _ => {}
        }
    }
    entries
}
