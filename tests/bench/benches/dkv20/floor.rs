//! The floor: ops applied to plain maps, with no log, no quorum and no checks.

use std::collections::BTreeMap;

use dkv20::Op;

/// The ordered map of the standard library.
pub type PlainMap = BTreeMap<Vec<u8>, Vec<u8>>;

/// Applies each op to every map in turn.
pub fn apply_all(maps: &mut [PlainMap], ops: &[Op]) {
    for op in ops {
        for map in &mut *maps {
            match op {
                Op::NoOp => {}
                Op::Put { key, value } => {
                    map.insert(key.to_vec(), value.to_vec());
                }
                Op::Del { key } => {
                    map.remove(key.as_slice());
                }
            }
        }
    }
}
