//! A log of one segment: any bytes, or a valid segment with a few bits flipped, a part zeroed or its
//! end missing. Replay does not panic, and hands out no record that was not written.
//!
//! Flips are at most three, which a CRC-32C finds for certain in frames of this size; more would let a
//! search for inputs forge one.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use storage::fuzzing::{SEGMENT, replay, segment};

/// A folder of this process. `TMPDIR=/dev/shm` keeps it in memory.
static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder for the log"));

fuzz_target!(|data: &[u8]| {
    let Some((&choices, rest)) = data.split_first() else {
        return;
    };
    let is_strict = choices & 1 == 0;
    if choices & 2 == 0 {
        replay_of(rest, is_strict);
        return;
    }
    let Some((changes, content)) = rest.split_at_checked(12) else {
        return;
    };
    let payloads: Vec<&[u8]> = content.split(|byte| *byte == b'|').collect();
    let intact = segment(&payloads);
    let mut bytes = intact.clone();
    change(&mut bytes, changes, choices);
    for (sequence, payload) in replay_of(&bytes, is_strict).unwrap_or_default() {
        let written = payloads.get(sequence as usize - 1);
        assert_eq!(written, Some(&payload.as_slice()), "record {sequence}");
    }
});

/// Changes bytes as the input says: each change takes a place of two bytes.
fn change(bytes: &mut Vec<u8>, changes: &[u8], choices: u8) {
    let place = |at: usize, length: usize| {
        usize::from(u16::from_le_bytes([changes[at], changes[at + 1]])) % length.max(1)
    };
    for flip in 0..usize::from(choices >> 2 & 3) {
        let bit = place(flip * 2, bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    if choices & 16 != 0 {
        let start = place(6, bytes.len());
        let end = bytes.len().min(start + place(8, 512));
        bytes[start..end].fill(0);
    }
    if choices & 32 != 0 {
        bytes.truncate(place(10, bytes.len()));
    }
}

fn replay_of(bytes: &[u8], is_strict: bool) -> Option<Vec<(u64, Vec<u8>)>> {
    for entry in std::fs::read_dir(FOLDER.path()).expect("it is there") {
        std::fs::remove_file(entry.expect("it is there").path()).expect("it is ours");
    }
    std::fs::write(FOLDER.path().join(SEGMENT), bytes).expect("there is room");
    replay(FOLDER.path(), is_strict)
}
