//! Immutable byte strings: keys and values.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The length of the longest byte string that is stored inline. With a byte for its length and one
/// for the variant it takes 16 bytes, so that a cache line holds four byte strings.
const INLINE_LENGTH_MAX: usize = 14;

/// An immutable sequence of bytes, not necessarily text (definition, section 1).
///
/// Cloning never allocates: up to 14 bytes are stored inline, longer byte strings are shared. Byte
/// strings compare by unsigned bytes, a proper prefix first.
///
/// ```
/// let [a, prefix, high] = [&b"a\0"[..], b"a", b"\x80"].map(dkv20::ByteString::from);
/// assert!(prefix < a && a < high);
/// assert_eq!(a.as_slice(), b"a\0");
/// ```
#[derive(Clone)]
pub struct ByteString(Repr);

#[derive(Clone)]
enum Repr {
    /// The bytes, zeros, and the number of bytes.
    Inline([u8; INLINE_LENGTH_MAX + 1]),
    /// Boxed, because an `Arc<[u8]>` holds a length beside its address and would not fit.
    Shared(Arc<Box<[u8]>>),
}

impl ByteString {
    /// Returns the bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(bytes) => &bytes[..usize::from(bytes[INLINE_LENGTH_MAX])],
            Repr::Shared(bytes) => bytes,
        }
    }

    /// Reports whether the bytes are stored inline.
    pub(crate) fn is_inline(&self) -> bool {
        matches!(self.0, Repr::Inline(_))
    }

    /// The slow path: at least one side is shared. Kept out of line so that the fast path inlines.
    #[cold]
    fn cmp_slices(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

/// The empty byte string.
impl Default for ByteString {
    fn default() -> Self {
        Self(Repr::Inline([0; INLINE_LENGTH_MAX + 1]))
    }
}

impl From<&[u8]> for ByteString {
    fn from(source: &[u8]) -> Self {
        match u8::try_from(source.len()) {
            Ok(length) if source.len() <= INLINE_LENGTH_MAX => {
                let mut bytes = [0; INLINE_LENGTH_MAX + 1];
                bytes[..source.len()].copy_from_slice(source);
                bytes[INLINE_LENGTH_MAX] = length;
                Self(Repr::Inline(bytes))
            }
            _ => Self(Repr::Shared(Arc::new(source.into()))),
        }
    }
}

impl<const N: usize> From<&[u8; N]> for ByteString {
    fn from(source: &[u8; N]) -> Self {
        Self::from(source.as_slice())
    }
}

impl From<&str> for ByteString {
    fn from(source: &str) -> Self {
        Self::from(source.as_bytes())
    }
}

impl From<Vec<u8>> for ByteString {
    fn from(source: Vec<u8>) -> Self {
        Self::from(source.as_slice())
    }
}

impl Deref for ByteString {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

// Ord, Eq and Hash are those of the slice, so that a map keyed by byte strings can be searched
// with a plain slice.
impl Borrow<[u8]> for ByteString {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for ByteString {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByteString {}

impl PartialOrd for ByteString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByteString {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Inline(bytes), Repr::Inline(other)) => words(bytes).cmp(&words(other)),
            _ => self.cmp_slices(other),
        }
    }
}

impl Hash for ByteString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

/// Returns two overlapping integers that compare as the byte strings do, in a few instructions
/// instead of a call. If two byte strings differ only in trailing zeros, one is a prefix of the
/// other, and the length, which comes last, decides.
fn words(bytes: &[u8; INLINE_LENGTH_MAX + 1]) -> (u64, u64) {
    let [first, last] = [bytes.first_chunk(), bytes.last_chunk()]
        .map(|chunk| u64::from_be_bytes(*chunk.expect("8 of 15 bytes")));
    (first, last)
}

impl fmt::Debug for ByteString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_slice().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_hold_the_same_bytes() {
        for length in [0, 1, INLINE_LENGTH_MAX, INLINE_LENGTH_MAX + 1, 255, 256, 4096] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let inline = matches!(ByteString::from(bytes.as_slice()).0, Repr::Inline(_));
            assert_eq!(inline, length <= INLINE_LENGTH_MAX);
            assert_eq!(ByteString::from(bytes.clone()).as_slice(), bytes);
        }
    }

    #[test]
    fn four_fit_in_64_bytes() {
        assert!(4 * size_of::<ByteString>() <= 64);
    }

    #[test]
    fn is_found_in_a_set_by_a_plain_slice() {
        let bytes = [vec![], vec![0], vec![0; INLINE_LENGTH_MAX], vec![0; INLINE_LENGTH_MAX + 1]];
        let set: HashSet<ByteString> = bytes.iter().cloned().map(ByteString::from).collect();
        assert_eq!(set.len(), bytes.len());
        assert!(bytes.iter().all(|bytes| set.contains(bytes.as_slice())));
        assert!(!set.contains([0; 2].as_slice()));
    }

    #[test]
    fn shows_bytes_that_are_no_text() {
        assert_eq!(format!("{:?}", ByteString::from(b"a\0\xff")), r#"b"a\x00\xff""#);
    }

    /// Two that differ in one place alone, which strings that are drawn hardly ever do.
    #[test]
    fn is_ordered_by_every_byte() {
        for length in 1..2 * INLINE_LENGTH_MAX {
            let high = vec![0x80; length];
            for place in 0..length {
                let mut low = high.clone();
                low[place] = 0x7f;
                let [low, high] = [&low, &high].map(|bytes| ByteString::from(&bytes[..]));
                assert!(low < high && low != high, "{length} bytes, at {place}");
            }
            // A prefix comes first, even if what it lacks are zeros.
            for whole in [high, vec![0; length]] {
                assert!(ByteString::from(&whole[1..]) < ByteString::from(whole), "{length} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn is_ordered_as_slices_are(
            a in prop::collection::vec(any::<u8>(), 0..40),
            b in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let [x, y] = [&a, &b].map(|bytes| ByteString::from(&bytes[..]));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.partial_cmp(&y), a.partial_cmp(&b));
            prop_assert_eq!(x == y, a == b);
        }
    }
}
