//! The checked-in sample is what its example writes, matches its checksum, and shows its fault.

use std::fs;
use std::path::Path;

use crate::parsed::{END_NS, MINUTE_NS, VIBRATION, mean, parse};
use crate::sample;

fn checked_in(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../data")
            .join(name),
    )
    .unwrap()
}

#[test]
fn sample_is_what_the_example_writes() {
    let written = sample::line_protocol().unwrap();
    let file = checked_in("sample.lp");
    let hint = "run `cargo run -p simulator --example write_sample` if the change is meant";
    assert!(file == written, "data/sample.lp differs; {hint}");
    assert!(file.len() <= 250_000, "{} bytes", file.len());
    let sums = String::from_utf8(checked_in("SHA256SUMS")).unwrap();
    assert_eq!(sums, sample::checksums(&file), "{hint}");
}

#[test]
fn sample_shows_one_motor_shaking_in_the_last_three_minutes() {
    let rows = parse(&checked_in("sample.lp"));
    assert_eq!(rows.len(), 900);
    let onset_ns = END_NS + 7 * MINUTE_NS;
    let check = |asset: &str, factor: std::ops::Range<f64>| {
        let vibration = |late: bool| -> Vec<f64> {
            let rows = rows.iter().filter(|row| row.asset == asset);
            let rows = rows.filter(|row| (row.time_ns >= onset_ns) == late);
            rows.map(|row| row.values[VIBRATION]).collect()
        };
        assert_eq!(
            (vibration(false).len(), vibration(true).len()),
            (210, 90),
            "{asset}"
        );
        let ratio = mean(&vibration(true)) / mean(&vibration(false));
        assert!(factor.contains(&ratio), "{asset}: {ratio}");
    };
    check("motor-01", 0.9..1.1);
    check("motor-02", 5.5..6.5);
    check("motor-03", 0.9..1.1);
}
