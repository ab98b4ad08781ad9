//! Any payload of a log record of any kind: the decoder does not panic, and what it takes survives
//! encoding. (`-rss_limit_mb` and `-malloc_limit_mb` find an allocation without bound.)

#![no_main]

use libfuzzer_sys::fuzz_target;
use storage::fuzzing::{WRITE_BATCH, recode_write_batch};

fuzz_target!(|data: &[u8]| {
    let Some((&kind, payload)) = data.split_first() else {
        return;
    };
    if let Some(once) = recode_write_batch(kind, payload) {
        let twice = recode_write_batch(WRITE_BATCH, &once);
        assert_eq!(twice.expect("what was encoded can be decoded"), once);
    }
});
