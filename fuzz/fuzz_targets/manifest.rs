//! Any body of a manifest's commit or checkpoint, under a header with the right checksum, or any bytes
//! altogether: the decoder does not panic, and what it takes survives encoding.

#![no_main]

use catalog::fuzzing::{object, recode_checkpoint, recode_commit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choices, body)) = data.split_first() else {
        return;
    };
    let bytes = match choices & 2 {
        0 => object(choices >> 2 & 3, body),
        _ => body.to_vec(),
    };
    let recode = match choices & 1 {
        0 => recode_commit,
        _ => recode_checkpoint,
    };
    if let Some(once) = recode(&bytes) {
        let twice = recode(&once).expect("what was encoded can be decoded");
        assert_eq!(once, twice);
    }
});
