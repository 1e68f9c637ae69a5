//! `load_state` on any bytes: what it accepts gives the same bytes again, and an error stands within
//! the bytes (definition, section 5).

#![no_main]

use dkv20::load_state;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match load_state(bytes) {
    Ok(snapshot) => {
        assert_eq!(snapshot.dump_state(), bytes);
        assert!(snapshot.map().len() as u64 <= snapshot.commit_index());
    }
    Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
});
