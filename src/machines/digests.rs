//! Guesses at how a wrong hash came about. A guess is confirmed if its bytes have that very hash.

use std::cmp::Ordering;

use sha2::{Digest as _, Sha256};

use crate::reference::{Op, Replica, Snapshot};

/// States of more bytes are not hashed again and again.
const HASHED_BYTES_MAX: usize = 4 << 20;

/// The cause of a wrong hash: a text, and the section that the port breaks.
pub(super) type Cause = (String, &'static str);

/// How the entries of a log are written to be hashed; that of the definition by default.
#[derive(Clone, Copy)]
struct Layout {
    /// The number that is subtracted from an entry's index.
    index_offset: u64,
    index_width: usize,
    /// The bits of an index that are kept.
    index_mask: u64,
    term_width: usize,
    tag_width: usize,
    length_width: usize,
    is_big_endian: bool,
    has_big_endian_lengths: bool,
    /// The tag of the ops that have an empty string at their end.
    tag_with_empty_string: Option<u64>,
}

const RIGHT: Layout = Layout {
    index_offset: 0,
    index_width: 8,
    index_mask: u64::MAX,
    term_width: 8,
    tag_width: 1,
    length_width: 4,
    is_big_endian: false,
    has_big_endian_lengths: false,
    tag_with_empty_string: None,
};

/// Returns the cause of a wrong hash of this replica's log, if a guess is confirmed.
pub(super) fn cause_of_log_hash(replica: &Replica, actual: &str) -> Option<Cause> {
    let length = |op: &Op| match op {
        Op::NoOp => 0,
        Op::Put { key, value } => key.len() + value.len(),
        Op::Del { key } => key.len(),
    };
    if replica.log.iter().map(|(_, op)| length(op) + 32).sum::<usize>() > HASHED_BYTES_MAX {
        return None;
    }
    let committed = usize::try_from(replica.commit - replica.base).unwrap_or(replica.log.len());
    let all = 0..replica.log.len();
    let base = replica.base;
    let layout = |text, section, layout: Layout| (text, section, layout, all.clone());
    let wrong = [
        layout("its indexes start at 0", "8", Layout { index_offset: 1, ..RIGHT }),
        layout("its indexes start at the base", "8", Layout { index_offset: base, ..RIGHT }),
        layout("its indexes are missing", "8", Layout { index_width: 0, ..RIGHT }),
        layout("its indexes take 4 bytes", "8", Layout { index_width: 4, ..RIGHT }),
        layout("its indexes have 8 bits", "8", Layout { index_mask: 0xff, ..RIGHT }),
        layout("its indexes have 16 bits", "8", Layout { index_mask: 0xffff, ..RIGHT }),
        layout("its terms are missing", "8", Layout { term_width: 0, ..RIGHT }),
        layout("its terms take 4 bytes", "8", Layout { term_width: 4, ..RIGHT }),
        layout(
            "its indexes and terms are big-endian",
            "8",
            Layout { is_big_endian: true, ..RIGHT },
        ),
        ("its uncommitted entries are missing", "8", RIGHT, 0..committed),
        ("its committed entries are missing", "8", RIGHT, committed..replica.log.len()),
        layout("its tags take 4 bytes", "2", Layout { tag_width: 4, ..RIGHT }),
        layout("a NoOp has an empty key", "2", Layout { tag_with_empty_string: Some(0), ..RIGHT }),
        layout("a Del has an empty value", "2", Layout { tag_with_empty_string: Some(2), ..RIGHT }),
        layout("its lengths are missing", "2", Layout { length_width: 0, ..RIGHT }),
        layout("its lengths take 1 byte", "2", Layout { length_width: 1, ..RIGHT }),
        layout("its lengths take 2 bytes", "2", Layout { length_width: 2, ..RIGHT }),
        layout("its lengths take 8 bytes", "2", Layout { length_width: 8, ..RIGHT }),
        layout("its lengths are big-endian", "2", Layout { has_big_endian_lengths: true, ..RIGHT }),
    ];
    let confirmed = wrong.into_iter().find(|(_, _, layout, entries)| {
        let entries = replica.log.get(entries.clone()).unwrap_or_default();
        hash(&layout.written(base, entries)) == actual
    })?;
    let (text, section, ..) = confirmed;
    Some((format!("the hash is that of the log if {text}"), section))
}

impl Layout {
    fn written(&self, base: u64, entries: &[(u64, Op)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, (term, op)) in (base + 1..).zip(entries) {
            let number = |out: &mut Vec<u8>, number, width| {
                append_number(out, number, width, self.is_big_endian);
            };
            let index = index.saturating_sub(self.index_offset) & self.index_mask;
            number(&mut out, index, self.index_width);
            number(&mut out, *term, self.term_width);
            let (tag, mut strings): (_, Vec<&[u8]>) = match op {
                Op::NoOp => (0, vec![]),
                Op::Put { key, value } => (1, vec![key, value]),
                Op::Del { key } => (2, vec![key]),
            };
            if self.tag_with_empty_string == Some(tag) {
                strings.push(b"");
            }
            append_number(&mut out, tag, self.tag_width, false);
            for bytes in strings {
                let length = bytes.len() as u64;
                let is_big_endian = self.has_big_endian_lengths;
                append_number(&mut out, length, self.length_width, is_big_endian);
                out.extend(bytes);
            }
        }
        out
    }
}

/// Appends the lowest `width` bytes of a number.
fn append_number(out: &mut Vec<u8>, number: u64, width: usize, is_big_endian: bool) {
    let bytes = number.to_le_bytes();
    if is_big_endian {
        out.extend(bytes[..width].iter().rev());
    } else {
        out.extend(&bytes[..width]);
    }
}

/// The order of keys if they are compared in another way than section 1 says.
type KeyOrder = fn(&[u8], &[u8]) -> Ordering;

/// The order of any two keys that change places.
pub(super) const REVERSED: &str = "from the greatest to the least";
const WRONG_ORDERS: [(&str, &str, KeyOrder); 6] = [
    ("by signed bytes", "1", |a, b| {
        let signed = |bytes: &[u8]| bytes.iter().map(|byte| byte.cast_signed()).collect::<Vec<_>>();
        signed(a).cmp(&signed(b))
    }),
    ("by length first", "1", |a, b| a.len().cmp(&b.len()).then(a.cmp(b))),
    ("as UTF-16 text", "1", |a, b| {
        let units =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).encode_utf16().collect::<Vec<_>>();
        units(a).cmp(&units(b))
    }),
    ("without regard to case", "1", |a, b| a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())),
    ("by the value of the numbers in them", "1", |a, b| parts(a).cmp(&parts(b))),
    (REVERSED, "5", |a, b| b.cmp(a)),
];

/// A run of digits with its length without leading zeros, or the bytes between two of them.
type Part<'a> = (bool, usize, &'a [u8]);

fn parts(key: &[u8]) -> Vec<Part<'_>> {
    let runs = key.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    runs.map(part_of).collect()
}

fn part_of(run: &[u8]) -> Part<'_> {
    if !run[0].is_ascii_digit() {
        return (true, 0, run);
    }
    let zeros = run.iter().take_while(|digit| **digit == b'0').count();
    (false, run.len() - zeros, &run[zeros..])
}

/// Returns the known wrong ways of comparing by which these keys are sorted.
pub(super) fn wrong_orders(keys: &[&[u8]]) -> Vec<&'static str> {
    let is_sorted = |order: &KeyOrder| keys.is_sorted_by(|a, b| order(a, b) != Ordering::Greater);
    let fitting = WRONG_ORDERS.iter().filter(|(_, _, order)| is_sorted(order));
    fitting.map(|(name, ..)| *name).collect()
}

/// Returns the cause of a wrong hash of a snapshot, if a guess is confirmed.
pub(super) fn cause_of_snapshot_hash(snapshot: &Snapshot, actual: &str) -> Option<Cause> {
    let bytes = snapshot.dump_state();
    if bytes.len() > HASHED_BYTES_MAX {
        return None;
    }
    let text = |text: &str| format!("the hash is that of the snapshot if {text}");
    if hash(hex::encode(&bytes).as_bytes()) == actual {
        return Some((text("its hex text is hashed"), "5"));
    }
    if hash(&[&bytes, &b"\n"[..]].concat()) == actual {
        return Some((text("a LF follows it"), "5"));
    }
    if hash(&bytes).eq_ignore_ascii_case(actual) {
        return Some(("the hash is right but for upper case".into(), "5"));
    }
    let keys: Vec<_> = snapshot.map.keys().collect();
    let layouts = SnapshotLayout::wrong()
        .into_iter()
        .map(|(name, layout)| (name.to_owned(), "5", layout.written(snapshot, &keys)));
    let orders = WRONG_ORDERS.iter().map(|(name, section, order)| {
        let mut keys = keys.clone();
        keys.sort_by(|a, b| order(a, b));
        let bytes = SnapshotLayout::RIGHT.written(snapshot, &keys);
        (format!("its keys are sorted {name}"), *section, bytes)
    });
    let (name, section, _) = layouts.chain(orders).find(|(_, _, bytes)| hash(bytes) == actual)?;
    Some((text(&name), section))
}

/// How a snapshot is written: the widths of its version, commit index, term, number of keys and
/// lengths, and which of them are big-endian.
#[derive(Clone, Copy)]
struct SnapshotLayout {
    widths: [usize; 5],
    big_endian: [bool; 5],
}

impl SnapshotLayout {
    const RIGHT: Self = Self { widths: [4, 8, 8, 8, 4], big_endian: [false; 5] };

    fn wrong() -> Vec<(&'static str, Self)> {
        let wide = |field: usize, width| {
            let mut layout = Self::RIGHT;
            layout.widths[field] = width;
            layout
        };
        let big_endian = |field: usize| {
            let mut layout = Self::RIGHT;
            layout.big_endian[field] = true;
            layout
        };
        vec![
            ("its version is big-endian", big_endian(0)),
            ("its commit index is big-endian", big_endian(1)),
            ("its term is big-endian", big_endian(2)),
            ("its number of keys is big-endian", big_endian(3)),
            ("its lengths are big-endian", big_endian(4)),
            ("all of its numbers are big-endian", Self { big_endian: [true; 5], ..Self::RIGHT }),
            ("its version takes 8 bytes", wide(0, 8)),
            ("its commit index takes 4 bytes", wide(1, 4)),
            ("its term takes 4 bytes", wide(2, 4)),
            ("its number of keys takes 4 bytes", wide(3, 4)),
            ("its lengths are missing", wide(4, 0)),
            ("its lengths take 2 bytes", wide(4, 2)),
            ("its lengths take 8 bytes", wide(4, 8)),
        ]
    }

    fn written(&self, snapshot: &Snapshot, keys: &[&Vec<u8>]) -> Vec<u8> {
        let mut out = b"DKVS".to_vec();
        let number = |out: &mut Vec<u8>, field: usize, number| {
            append_number(out, number, self.widths[field], self.big_endian[field]);
        };
        let heads = [1, snapshot.commit, snapshot.term, snapshot.map.len() as u64];
        for (field, value) in heads.into_iter().enumerate() {
            number(&mut out, field, value);
        }
        for key in keys {
            for bytes in [*key, &snapshot.map[*key]] {
                number(&mut out, 4, bytes.len() as u64);
                out.extend(bytes);
            }
        }
        out
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Returns the hash in an `ok` answer, in its field `sha256` or alone.
pub(super) fn hash_in(answer: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(answer).ok()?.strip_prefix("ok ")?;
    let hash = text.rsplit(' ').next()?.trim_start_matches("sha256=").trim_start_matches("digest=");
    (hash.len() == 64).then_some(hash)
}
