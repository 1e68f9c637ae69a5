//! Snapshots of many keys with a fault at the first key after a block. A port that reads or checks
//! keys block by block may look at each block alone.

use dkv20_exam::Case;

use super::common::case;
use crate::op::KEY_LENGTH_MAX;

/// Numbers of keys that a block may have.
const BLOCK_LENGTHS: [u16; 14] =
    [8, 10, 16, 32, 64, 100, 128, 256, 512, 1_000, 1_024, 2_048, 4_096, 16_384];

pub(super) fn cases(suite: &'static str) -> impl Iterator<Item = Case> {
    BLOCK_LENGTHS.into_iter().map(move |length| {
        let last = (length - 1).to_be_bytes();
        let longest = vec![u8::MAX; KEY_LENGTH_MAX + 1];
        // The key before again, the first one again, no key, a key that is too long, and a right one.
        let keys = [last.to_vec(), vec![0, 0], Vec::new(), longest, length.to_be_bytes().to_vec()];
        let lines = keys.iter().map(|key| load(length, key)).collect();
        case(suite, format_args!("after-{length}-keys"), lines)
    })
}

/// Returns a line that loads keys of two bytes, in order, and the given one after them.
fn load(length: u16, last: &[u8]) -> Vec<u8> {
    let count = u64::from(length) + 1;
    let mut bytes = [b"DKVS".as_slice(), &1_u32.to_le_bytes()].concat();
    for number in [count, 1, count] {
        bytes.extend(number.to_le_bytes());
    }
    for key in (0..length).map(|number| number.to_be_bytes().to_vec()).chain([last.to_vec()]) {
        let key_length = u32::try_from(key.len()).expect("a key is short");
        bytes.extend(key_length.to_le_bytes());
        bytes.extend(key);
        bytes.extend(0_u32.to_le_bytes());
    }
    format!("load 0x{}", hex::encode(bytes)).into_bytes()
}
