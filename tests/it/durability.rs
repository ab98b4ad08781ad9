//! What was acknowledged is there after any end of the process, what was merged stays merged, and
//! damage to files is found instead of served.

mod crashes;

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Seeded, Server, Site};

/// Changes one byte of a file.
fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x5a;
    std::fs::write(file, bytes).unwrap();
}

/// Where the log's records end: the rest of a segment is allocated but zero.
fn last_byte(file: &Path) -> usize {
    let bytes = std::fs::read(file).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap()
}

/// The segment of the log that is written, when there is only one.
fn only_segment(site: &Site) -> std::path::PathBuf {
    let segments = site.files("wal");
    let [segment] = segments.as_slice() else {
        panic!("one segment: {segments:?}")
    };
    segment.clone()
}

#[test]
fn a_stop_keeps_everything_and_leaves_parquet() {
    let site = Site::open();
    let server = site.start();
    let lines: String = (0..1000)
        .map(|i| format!("m,t={} v={i},w={i}i {i}\n", i % 7))
        .collect();
    server.client().write("db", lines);
    server
        .client()
        .write("db", "other s=\"x\" 86400000000000\nother s=\"y\" 0");
    let before = server.client().dump("db");
    server.stop();
    let files = site.files("parquet");
    assert_eq!(files.len(), 3, "one for each table and day: {files:?}");
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        assert!(
            bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"),
            "{file:?}"
        );
    }
    for _ in 0..2 {
        let server = site.start();
        assert_eq!(server.client().dump("db"), before);
        server.stop();
    }
    assert_eq!(site.files("parquet"), files, "nothing was written anew");
}

#[test]
fn merged_rows_stay_merged_wherever_they_are() {
    let site = Site::open();
    let steps = [
        (
            "m,t=a v=1,w=1i 1\nm,t=b v=1 1",
            [r#"m t="a" v=1.0 w=1 @1"#, r#"m t="b" v=1.0 @1"#],
        ),
        (
            "m,t=a v=2 1",
            [r#"m t="a" v=2.0 w=1 @1"#, r#"m t="b" v=1.0 @1"#],
        ),
        (
            "m,t=a s=\"x\" 1",
            [r#"m s="x" t="a" v=2.0 w=1 @1"#, r#"m t="b" v=1.0 @1"#],
        ),
        (
            "m,t=b w=9i 1\nm,t=a w=3i 1",
            [r#"m s="x" t="a" v=2.0 w=3 @1"#, r#"m t="b" v=1.0 w=9 @1"#],
        ),
        (
            "m,t=a v=1 1",
            [r#"m s="x" t="a" v=1.0 w=3 @1"#, r#"m t="b" v=1.0 w=9 @1"#],
        ),
    ];
    let sorted = |server: &Server| {
        let mut rows = server.client().dump("db");
        rows.sort();
        rows
    };
    for (at, (lines, expected)) in steps.iter().enumerate() {
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        let server = site.start();
        server.client().write("db", lines);
        assert_eq!(sorted(&server), expected, "in memory, step {at}");
        server.kill();
        let server = site.start();
        assert_eq!(sorted(&server), expected, "replayed, step {at}");
        server.stop();
        let server = site.start();
        assert_eq!(sorted(&server), expected, "flushed, step {at}");
        assert_eq!(server.client().count("db", "SELECT count(*) FROM m"), 2);
        assert_eq!(
            server.client().value("db", "SELECT max(w) FROM m"),
            expected_max(&expected)
        );
        server.kill();
    }
}

/// The largest `w` in rows as `dump` shows them.
fn expected_max(rows: &[String]) -> Value {
    let numbers = rows.iter().filter_map(|row| {
        let (_, rest) = row.split_once(" w=")?;
        rest.split(' ').next()?.parse::<i64>().ok()
    });
    json!(numbers.max())
}

#[test]
fn a_torn_tail_of_the_log_is_cut() {
    let site = Site::open();
    let server = site.start();
    for i in 1..=3 {
        server.client().write("db", format!("m v={i} {i}"));
    }
    server.kill();
    let segment = only_segment(&site);
    flip(&segment, last_byte(&segment));
    let server = site.start();
    assert_eq!(server.client().dump("db"), ["m v=1.0 @1", "m v=2.0 @2"]);
    assert!(
        !server.log().contains("torn_bytes=0"),
        "it says what it cut:\n{}",
        server.log()
    );
    server.client().write("db", "m v=4 4");
    server.kill();
    let server = site.start();
    assert_eq!(
        server.client().dump("db"),
        ["m v=1.0 @1", "m v=2.0 @2", "m v=4.0 @4"]
    );
}

#[test]
fn garbage_behind_the_last_record_loses_nothing() {
    let site = Site::open();
    let server = site.start();
    server.client().write("db", "m v=1 1");
    server.client().write("db", "m v=2 2");
    server.kill();
    let segment = only_segment(&site);
    let mut bytes = std::fs::read(&segment).unwrap();
    let end = last_byte(&segment) + 9;
    bytes[end..end + 100].fill(0xab);
    std::fs::write(&segment, bytes).unwrap();
    let server = site.start();
    assert_eq!(server.client().dump("db"), ["m v=1.0 @1", "m v=2.0 @2"]);
}

#[test]
fn damage_inside_the_log_stops_the_start_until_someone_decides() {
    /// The header of a segment, and that of the first record's frame.
    const FIRST_PAYLOAD: usize = 64 + 21;
    let site = Site::open();
    let server = site.start();
    for i in 1..=3 {
        server.client().write("db", format!("m v={i} {i}"));
    }
    server.kill();
    let segment = only_segment(&site);
    flip(&segment, FIRST_PAYLOAD + 4);
    let damaged = std::fs::read(&segment).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    for _ in 0..2 {
        let said = site.start_refused();
        for word in [name, "damaged", "--wal-recovery=salvage"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert_eq!(
            std::fs::read(&segment).unwrap(),
            damaged,
            "nothing was touched"
        );
    }
    let server = site.clone().arg("--wal-recovery").arg("salvage").start();
    assert_eq!(server.client().dump("db"), ["m v=2.0 @2", "m v=3.0 @3"]);
    server.client().write("db", "m v=4 4");
    server.stop();
    let server = site.start();
    assert_eq!(
        server.client().dump("db"),
        ["m v=2.0 @2", "m v=3.0 @3", "m v=4.0 @4"]
    );
}

/// Reads that go by the rows, the statistics and the pages of a file.
const READS: [&str; 4] = [
    "SELECT t, v, s, time FROM m ORDER BY time",
    "SELECT count(*), min(v), max(v), min(time), max(time), max(s) FROM m",
    "SELECT s FROM m WHERE v = 250",
    "SELECT sum(v) FROM m WHERE t = '3' AND time > '1970-01-01T00:00:00.0000001'",
];

/// The answers to all reads; those that failed with the reason and the status.
fn read_all(server: &Server) -> Vec<Result<Vec<Value>, (u16, String)>> {
    let ask = |sql: &&str| match server.client().ask("db", sql, "json") {
        reply if reply.status == 200 => Ok(reply.json().as_array().unwrap().clone()),
        reply => Err((reply.status, reply.text())),
    };
    READS.iter().map(ask).collect()
}

/// Changes bytes of a Parquet file at places that `place` chooses, given the lengths of file and
/// footer. Every read then is as before or a failure of the server, and some do fail.
fn damage_parquet(places: usize, place: impl Fn(&mut Seeded, u64, u64) -> u64) {
    let site = Site::open();
    let server = site.start();
    let lines: String = (0..500)
        .map(|i| format!("m,t={} v={i},s=\"s{i}\" {i}\n", i % 5))
        .collect();
    server.client().write("db", lines);
    let expected = read_all(&server);
    assert!(expected.iter().all(Result::is_ok), "{expected:?}");
    server.stop();
    let files = site.files("parquet");
    let [file] = files.as_slice() else {
        panic!("one file: {files:?}")
    };
    let good = std::fs::read(file).unwrap();
    let length = good.len() as u64;
    let footer = u32::from_le_bytes(good[good.len() - 8..][..4].try_into().unwrap());
    let mut seeded = Seeded(7);
    let mut detected = 0;
    for _ in 0..places {
        let at = place(&mut seeded, length, u64::from(footer) + 8) as usize;
        flip(file, at);
        let server = site.start();
        for ((found, expected), sql) in read_all(&server).iter().zip(&expected).zip(READS) {
            match found {
                Err((status, text)) => {
                    detected += 1;
                    assert_eq!(*status, 500, "byte {at} of {length}, {sql}: {text}");
                }
                found => assert!(
                    found == expected,
                    "byte {at} of {length}, {sql}: other rows"
                ),
            }
        }
        server.kill();
        std::fs::write(file, &good).unwrap();
    }
    assert!(detected > 0, "some byte mattered");
    assert_eq!(read_all(&site.start()), expected);
}

#[test]
fn damage_to_the_footer_of_a_parquet_file_never_gives_other_rows() {
    damage_parquet(25, |seeded, length, footer| {
        length - 1 - seeded.below(footer)
    });
}

#[test]
#[ignore = "pages carry no checksum: parquet 59 verifies them (feature `crc`) but cannot write them"]
fn damage_to_the_pages_of_a_parquet_file_never_gives_other_rows() {
    damage_parquet(25, |seeded, length, footer| seeded.below(length - footer));
}

#[test]
fn damage_to_the_manifest_stops_the_start() {
    let site = Site::open();
    let server = site.start();
    server.client().write("db", "m v=1 1");
    server.stop();
    let manifests = site.files("json");
    let newest = manifests
        .iter()
        .rfind(|path| path.to_string_lossy().contains("manifest"))
        .unwrap();
    let good = std::fs::read(newest).unwrap();
    flip(newest, good.len() / 2);
    let said = site.start_refused();
    let name = newest.file_name().unwrap().to_str().unwrap();
    assert!(said.contains(name), "{said}");
    std::fs::write(newest, good).unwrap();
    assert_eq!(site.start().client().dump("db"), ["m v=1.0 @1"]);
}

#[test]
fn a_data_directory_has_one_process() {
    let site = Site::open();
    let server = site.start();
    server.client().write("db", "m v=1 1");
    let said = site.start_refused();
    assert!(
        said.contains(&site.data_dir().display().to_string()),
        "{said}"
    );
    server.client().write("db", "m v=2 2");
    assert_eq!(server.client().dump("db"), ["m v=1.0 @1", "m v=2.0 @2"]);
    server.stop();
    assert_eq!(
        site.start().client().dump("db"),
        ["m v=1.0 @1", "m v=2.0 @2"]
    );
}
