//! Snapshots: `dump_state` and `load_state`, side by side (definition, section 5).

use sha2::{Digest, Sha256};

use crate::byte_string::ByteString;
use crate::error::{ErrorCode, LoadError};
use crate::op::{check_key_length, check_value_length, put_byte_string, put_u32_le, put_u64_le};
use crate::ordered_map::{self, OrderedMap};

const MAGIC: &[u8; 4] = b"DKVS";
const VERSION: u32 = 1;
const HEADER_SIZE: usize = 32;
/// The size of the length before each key and each value.
const LENGTH_SIZE: usize = 4;
/// The number of bytes that are gathered before they are hashed.
const HASH_CHUNK_SIZE: usize = 1 << 14;

/// Returns the snapshot's bytes: a header of 32 bytes, then the keys and values, keys ascending.
pub(crate) fn dump_state(commit_index: u64, term: u64, map: &OrderedMap) -> Vec<u8> {
    // With less, the whole dump would be moved while it grows.
    let lengths = 2 * LENGTH_SIZE * map.len();
    let mut out = Vec::with_capacity(HEADER_SIZE + lengths + map.byte_count());
    append_header(&mut out, commit_index, term, map);
    for (key, value) in map {
        put_byte_string(&mut out, key);
        put_byte_string(&mut out, value);
    }
    out
}

/// Returns the SHA-256 of [`dump_state`] in lower-case hex.
pub(crate) fn snapshot_hash(commit_index: u64, term: u64, map: &OrderedMap) -> String {
    let mut hasher = Sha256::new();
    let mut chunk = Vec::with_capacity(HASH_CHUNK_SIZE);
    append_header(&mut chunk, commit_index, term, map);
    for (key, value) in map {
        put_byte_string(&mut chunk, key);
        put_byte_string(&mut chunk, value);
        if chunk.len() >= HASH_CHUNK_SIZE {
            hasher.update(&chunk);
            chunk.clear();
        }
    }
    hasher.update(&chunk);
    hex::encode(hasher.finalize())
}

fn append_header(out: &mut Vec<u8>, commit_index: u64, term: u64, map: &OrderedMap) {
    out.extend_from_slice(MAGIC);
    put_u32_le(out, VERSION);
    put_u64_le(out, commit_index);
    put_u64_le(out, term);
    put_u64_le(out, map.len() as u64);
}

/// The content of a snapshot. Nothing in it depends on the replica that wrote it.
///
/// ```
/// let mut cluster = dkv20::Cluster::new(3)?;
/// cluster.propose(dkv20::Op::put("a", "v"))?;
/// let dump = cluster.replica(1)?.dump_state();
///
/// let snapshot = dkv20::load_state(&dump).expect("a dump is a snapshot");
/// assert_eq!((snapshot.commit_index(), snapshot.key_count()), (1, 1));
/// assert_eq!(snapshot.dump_state(), dump);
/// # Ok::<(), dkv20::ErrorCode>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    commit_index: u64,
    term: u64,
    map: OrderedMap,
}

impl Snapshot {
    /// Returns the index up to which the log was applied.
    #[must_use]
    pub fn commit_index(&self) -> u64 {
        self.commit_index
    }

    /// Returns the term of the entry at the commit index, or 0 if that index is 0.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.map.len()
    }

    /// Returns the value that the key maps to, or `None` if the key is absent.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&ByteString> {
        self.map.get(key)
    }

    /// Iterates over the keys and values, keys ascending.
    #[must_use]
    pub fn iter(&self) -> ordered_map::Iter<'_> {
        self.map.iter()
    }

    /// Returns the bytes that [`load_state`] accepted.
    #[must_use]
    pub fn dump_state(&self) -> Vec<u8> {
        dump_state(self.commit_index, self.term, &self.map)
    }

    /// Returns the SHA-256 of those bytes in 64 lower-case hex digits.
    #[must_use]
    pub fn snapshot_hash(&self) -> String {
        snapshot_hash(self.commit_index, self.term, &self.map)
    }
}

impl<'a> IntoIterator for &'a Snapshot {
    type Item = (&'a ByteString, &'a ByteString);
    type IntoIter = ordered_map::Iter<'a>;

    fn into_iter(self) -> ordered_map::Iter<'a> {
        self.iter()
    }
}

/// Reads a snapshot's bytes (section 5). The bytes that it accepts are those that the result dumps
/// again; whether a cluster can reach that state is not checked.
///
/// The memory that it takes is in proportion to the bytes, whatever a count or a length announces.
///
/// # Errors
///
/// The first of these that it meets, with the offset of the field at fault:
/// [`Truncated`](ErrorCode::Truncated), [`BadMagic`](ErrorCode::BadMagic),
/// [`BadVersion`](ErrorCode::BadVersion), [`BadTerm`](ErrorCode::BadTerm),
/// [`BadCount`](ErrorCode::BadCount), [`KeyLength`](ErrorCode::KeyLength),
/// [`ValueLength`](ErrorCode::ValueLength), [`KeyOrder`](ErrorCode::KeyOrder) or
/// [`TrailingBytes`](ErrorCode::TrailingBytes).
pub fn load_state(bytes: &[u8]) -> Result<Snapshot, LoadError> {
    let mut reader = Reader { bytes, offset: 0 };
    reader.field(|magic: [u8; 4]| require(magic == *MAGIC, ErrorCode::BadMagic))?;
    reader
        .field(|version| require(u32::from_le_bytes(version) == VERSION, ErrorCode::BadVersion))?;
    let commit_index = reader.field(|commit| Ok(u64::from_le_bytes(commit)))?;
    let term = reader.field(|term| {
        let term = u64::from_le_bytes(term);
        require((commit_index == 0) == (term == 0), ErrorCode::BadTerm).map(|()| term)
    })?;
    let count = reader.field(|count| {
        let count = u64::from_le_bytes(count);
        require(count <= commit_index, ErrorCode::BadCount).map(|()| count)
    })?;
    let map = reader.entries(count)?;
    reader.end()?;
    Ok(Snapshot { commit_index, term, map })
}

/// The bytes that are left to read, and the offset at which they begin.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads a field of `N` bytes and returns the value that `judge` makes of it.
    fn field<const N: usize, T>(
        &mut self,
        judge: impl FnOnce([u8; N]) -> Result<T, ErrorCode>,
    ) -> Result<T, LoadError> {
        let offset = self.offset;
        let field =
            self.take(N)?.try_into().expect("`take` returns as many bytes as it is asked for");
        judge(field).map_err(|code| LoadError { code, offset })
    }

    fn entries(&mut self, count: u64) -> Result<OrderedMap, LoadError> {
        let mut entries: Vec<(ByteString, ByteString)> = Vec::new();
        for _ in 0..count {
            let key = self.key(entries.last().map(|(before, _)| before))?;
            let value = self.byte_string(check_value_length)?;
            entries.push((key, value.into()));
        }
        Ok(entries.into_iter().collect())
    }

    fn key(&mut self, before: Option<&ByteString>) -> Result<ByteString, LoadError> {
        let key = self.byte_string(check_key_length)?;
        if before.is_some_and(|before| key <= before.as_slice()) {
            return Err(LoadError { code: ErrorCode::KeyOrder, offset: self.offset - key.len() });
        }
        Ok(key.into())
    }

    /// Reads a length, checks it, and reads as many bytes.
    fn byte_string(
        &mut self,
        check_length: impl FnOnce(usize) -> Result<(), ErrorCode>,
    ) -> Result<&'a [u8], LoadError> {
        let length = self.field(|length| {
            let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
            check_length(length).map(|()| length)
        })?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], LoadError> {
        let truncated = LoadError { code: ErrorCode::Truncated, offset: self.offset };
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(truncated)?;
        self.bytes = rest;
        self.offset += length;
        Ok(taken)
    }

    fn end(&self) -> Result<(), LoadError> {
        require(self.bytes.is_empty(), ErrorCode::TrailingBytes)
            .map_err(|code| LoadError { code, offset: self.offset })
    }
}

fn require(holds: bool, code: ErrorCode) -> Result<(), ErrorCode> {
    if holds { Ok(()) } else { Err(code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot() -> impl Strategy<Value = Snapshot> {
        let bytes = |range| prop::collection::vec(any::<u8>(), range);
        let map = prop::collection::btree_map(bytes(1..30), bytes(0..30), 0..8);
        (map, 0..9_u64, 1..=u64::MAX).prop_map(|(map, more, term)| {
            let commit_index = map.len() as u64 + more;
            let map = map.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
            Snapshot { commit_index, term: if commit_index == 0 { 0 } else { term }, map }
        })
    }

    proptest! {
        #[test]
        fn a_dump_loads_as_what_was_dumped(snapshot in snapshot()) {
            prop_assert_eq!(load_state(&snapshot.dump_state()), Ok(snapshot));
        }

        /// With less, all of it would be moved to another place meanwhile.
        #[test]
        fn a_dump_asks_for_its_memory_at_once(snapshot in snapshot()) {
            let dump = snapshot.dump_state();
            prop_assert_eq!(dump.capacity(), dump.len());
        }

        #[test]
        fn the_hash_is_that_of_the_dump(snapshot in snapshot()) {
            let hash = hex::encode(Sha256::digest(snapshot.dump_state()));
            prop_assert_eq!(snapshot.snapshot_hash(), hash);
        }

        #[test]
        fn what_is_accepted_is_dumped_alike(
            snapshot in snapshot(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = snapshot.dump_state();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            match load_state(&bytes) {
                Ok(loaded) => prop_assert_eq!(loaded.dump_state(), bytes),
                Err(error) => prop_assert!(error.offset <= bytes.len()),
            }
        }

        #[test]
        fn no_proper_prefix_is_a_snapshot(
            snapshot in snapshot(), at in any::<prop::sample::Index>(),
        ) {
            let bytes = snapshot.dump_state();
            let error = load_state(&bytes[..at.index(bytes.len())]).unwrap_err();
            prop_assert_eq!(error.code, ErrorCode::Truncated);
        }

        #[test]
        fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut framed = b"DKVS\x01\0\0\0".to_vec();
            framed.extend(&bytes);
            let _ = (load_state(&bytes), load_state(&framed));
        }
    }

    #[test]
    fn a_hash_over_several_chunks_is_that_of_the_dump() {
        let entry = |i: u32| (i.to_be_bytes().as_slice().into(), vec![7; 1_000].into());
        let map: OrderedMap = (0..100).map(entry).collect();
        let snapshot = Snapshot { commit_index: 100, term: 1, map };
        let hash = hex::encode(Sha256::digest(snapshot.dump_state()));
        assert_eq!(snapshot.snapshot_hash(), hash);
    }
}
