//! The bytes of every format version that was ever written must open for ever.

use super::*;
use crate::wal::segments::segment_name;

/// Segment 3 of [`CLUSTER`] after record 41, with a synced record 42 of kind 1 and then, in one
/// group, 43 of kind 2 without a payload and 44 of kind 255.
const VERSION_1: &str = "
    5449444557414c0a01000000000000000000000000000000000000000000007d
    03000000000000002900000000000000000000000000000000000000a37bb930
    05000000229c9a762a0000000000000000000000016669727374
    0000000018265bb62b000000000000000000000002
    050000004f6655432c0000000000000001000000ff7468697264
";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn check(hex: &str) {
    let disk = SimulatedDirectory::new();
    disk.set_content(&segment_name(3), bytes(hex));
    let mut found = Vec::new();
    let opened = open_to_look(disk.mount(), CLUSTER, settings(), 41, |record| {
        found.push((record.sequence, record.kind, record.payload.to_vec()));
        Ok::<_, Refusal>(())
    });
    let expected = [
        (42, 1, b"first".to_vec()),
        (43, 2, Vec::new()),
        (44, 255, b"third".to_vec()),
    ];
    let report = opened.unwrap().report().clone();
    assert_eq!(found, expected);
    assert_eq!((report.last_sequence, report.torn_bytes_dropped), (44, 0));
}

#[test]
fn version_1_opens() {
    check(VERSION_1);
}

#[test]
fn version_1_is_what_is_written() {
    let disk = SimulatedDirectory::new();
    disk.set_content(&segment_name(2), Vec::new());
    let (mut opened, _) = reopen(&disk, settings(), 41).unwrap();
    let record = |kind, payload: &[u8]| Record {
        kind,
        payload: payload.to_vec(),
    };
    opened.log.commit(vec![record(1, b"first")], true).unwrap();
    let group = vec![record(2, b""), record(255, b"third")];
    opened.log.commit(group, true).unwrap();
    opened.log.close().unwrap();
    assert_eq!(disk.content(&segment_name(3)), bytes(VERSION_1));
}
