//! Operations, their limits and their encoding (definition, sections 1 and 2).

use crate::byte_string::ByteString;
use crate::error::ErrorCode;

/// The greatest number of replicas in a cluster; the least is 1.
pub const REPLICAS_MAX: u64 = 64;
/// The length of the longest key, in bytes; the shortest has 1.
pub const KEY_LENGTH_MAX: usize = 4_096;
/// The length of the longest value, in bytes; the shortest is empty.
pub const VALUE_LENGTH_MAX: usize = 1_048_576;

/// An operation on the map of a replica.
///
/// An op may be outside its limits until it is proposed; [`check_limits`](Self::check_limits) reports
/// that.
///
/// ```
/// use dkv20::{ErrorCode, Op};
///
/// let mut encoding = Vec::new();
/// Op::put("a", "v").encode(&mut encoding);
/// assert_eq!(encoding, b"\x01\x01\0\0\0a\x01\0\0\0v");
/// assert_eq!(Op::del("").check_limits(), Err(ErrorCode::KeyLength));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Changes nothing. A new leader appends one.
    NoOp,
    /// Maps the key to the value, whatever it mapped to before.
    Put {
        /// 1 to 4,096 bytes.
        key: ByteString,
        /// 0 to 1,048,576 bytes.
        value: ByteString,
    },
    /// Removes the key, if it is present.
    Del {
        /// 1 to 4,096 bytes.
        key: ByteString,
    },
}

impl Op {
    /// Returns an [`Op::Put`].
    pub fn put(key: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        Self::Put { key: key.into(), value: value.into() }
    }

    /// Returns an [`Op::Del`].
    pub fn del(key: impl Into<ByteString>) -> Self {
        Self::Del { key: key.into() }
    }

    /// Checks the lengths of the key and the value (section 1).
    ///
    /// # Errors
    ///
    /// [`KeyLength`](ErrorCode::KeyLength) if the key is outside its limits; otherwise
    /// [`ValueLength`](ErrorCode::ValueLength) if the value is.
    pub fn check_limits(&self) -> Result<(), ErrorCode> {
        match self {
            Self::NoOp => Ok(()),
            Self::Put { key, value } => {
                check_key_length(key.len())?;
                check_value_length(value.len())
            }
            Self::Del { key } => check_key_length(key.len()),
        }
    }

    /// Appends the op's encoding to `out`: a tag byte; then, for the key and for the value, the
    /// length as u32 and the bytes (section 2).
    ///
    /// # Panics
    ///
    /// Panics if a length is not a u32. The limits of section 1 are far below that.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::NoOp => out.push(0),
            Self::Put { key, value } => {
                out.push(1);
                put_byte_string(out, key);
                put_byte_string(out, value);
            }
            Self::Del { key } => {
                out.push(2);
                put_byte_string(out, key);
            }
        }
    }
}

pub(crate) fn check_key_length(length: usize) -> Result<(), ErrorCode> {
    match length {
        1..=KEY_LENGTH_MAX => Ok(()),
        _ => Err(ErrorCode::KeyLength),
    }
}

pub(crate) fn check_value_length(length: usize) -> Result<(), ErrorCode> {
    match length {
        0..=VALUE_LENGTH_MAX => Ok(()),
        _ => Err(ErrorCode::ValueLength),
    }
}

/// Appends `value` as 4 bytes, the lowest first (section 1).
pub fn put_u32_le(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends `value` as 8 bytes, the lowest first (section 1).
pub fn put_u64_le(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends the length of `bytes` as u32, then the bytes.
pub(crate) fn put_byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("the limits of section 1 are below 2^32");
    put_u32_le(out, length);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(op: &Op) -> Vec<u8> {
        let mut out = Vec::new();
        op.encode(&mut out);
        out
    }

    #[test]
    fn encodings_are_pinned() {
        assert_eq!(encoded(&Op::NoOp), b"\0");
        assert_eq!(encoded(&Op::put("ab", b"\xff")), b"\x01\x02\0\0\0ab\x01\0\0\0\xff");
        assert_eq!(encoded(&Op::put("a", "")), b"\x01\x01\0\0\0a\0\0\0\0");
        assert_eq!(encoded(&Op::del(b"\0")), b"\x02\x01\0\0\0\0");
    }

    #[test]
    fn integers_are_little_endian() {
        let mut out = Vec::new();
        put_u32_le(&mut out, 0x0102_0304);
        put_u64_le(&mut out, 0x0102_0304_0506_0708);
        assert_eq!(out, [4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn limits_are_inclusive_and_the_key_comes_first() {
        let bytes = |length| vec![b'x'; length];
        let check = |key, value| Op::put(bytes(key), bytes(value)).check_limits();
        assert_eq!(check(1, 0), Ok(()));
        assert_eq!(check(4_096, 1_048_576), Ok(()));
        assert_eq!(check(0, 1_048_577), Err(ErrorCode::KeyLength));
        assert_eq!(check(4_097, 0), Err(ErrorCode::KeyLength));
        assert_eq!(check(1, 1_048_577), Err(ErrorCode::ValueLength));
        assert_eq!(Op::del(bytes(0)).check_limits(), Err(ErrorCode::KeyLength));
        assert_eq!(Op::del(bytes(4_096)).check_limits(), Ok(()));
        assert_eq!(Op::del(bytes(4_097)).check_limits(), Err(ErrorCode::KeyLength));
        assert_eq!(Op::NoOp.check_limits(), Ok(()));
    }

    #[test]
    fn an_op_with_small_strings_is_small() {
        assert!(size_of::<Op>() <= 48);
    }
}
