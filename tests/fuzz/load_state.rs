//! `load_state` on any bytes (definition, section 5): the port accepts and refuses what the
//! reference does, with the same content or the same error, and dumps the bytes that it accepted.

#![no_main]

use dkv20::{load_state, reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match (load_state(bytes), reference::load_state(bytes)) {
    (Ok(snapshot), Ok(expected)) => {
        assert_eq!((snapshot.commit_index(), snapshot.term()), (expected.commit, expected.term));
        let entries = snapshot.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
        assert!(entries.eq(expected.map.iter().map(|(key, value)| (&key[..], &value[..]))));
        assert!(snapshot.dump_state() == bytes && expected.dump_state() == bytes);
    }
    (result, expected) => assert_eq!(result.err(), expected.err()),
});
