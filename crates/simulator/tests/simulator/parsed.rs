//! Rendered bytes back to values, through the reference parser of line protocol, and a few
//! statistics over them.

use influxdb_line_protocol::{FieldValue, parse_lines};
use simulator::{Fleet, FleetConfig};

pub(crate) const SECOND_NS: i64 = 1_000_000_000;
pub(crate) const MINUTE_NS: i64 = 60 * SECOND_NS;
pub(crate) const HOUR_NS: i64 = 60 * MINUTE_NS;
pub(crate) const DAY_NS: i64 = 24 * HOUR_NS;

/// The end of every fleet under test: 2025-06-01T00:00:00Z.
pub(crate) const END_NS: i64 = 1_748_736_000_000_000_000;

/// The fields of a row, in this order.
pub(crate) const FIELDS: [&str; 5] = [
    "voltage_v",
    "current_a",
    "power_factor",
    "vibration_g",
    "power_kw",
];
pub(crate) const VIBRATION: usize = 3;

/// One row of `sensor_data`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) asset: String,
    pub(crate) state: String,
    pub(crate) values: [f64; 5],
    pub(crate) time_ns: i64,
}

/// Parses lines strictly: this table, these tags and these float fields, all with a time.
pub(crate) fn parse(lines: &[u8]) -> Vec<Row> {
    let text = std::str::from_utf8(lines).unwrap();
    let rows = parse_lines(text).map(|line| {
        let line = line.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(line.series.measurement, "sensor_data");
        assert_eq!(line.column_count(), 2 + FIELDS.len() + 1, "{line}");
        let names: Vec<_> = line
            .field_set
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, FIELDS);
        Row {
            asset: line.tag_value("asset_id").unwrap().to_string(),
            state: line.tag_value("operating_state").unwrap().to_string(),
            values: FIELDS.map(|name| match line.field_value(name) {
                Some(FieldValue::F64(value)) => *value,
                other => panic!("{name} is {other:?}"),
            }),
            time_ns: line.timestamp.unwrap(),
        }
    });
    rows.collect()
}

/// A fleet of motors that run all day, at 1 Hz, with the faults given as TOML.
pub(crate) fn fleet(motors: u32, faults: &str) -> Fleet {
    let settings = "seed = 7\ninterval = '1s'\nshift_every = 0\nrepair = '1h'";
    let text = format!("motors = {motors}\n{settings}\n{faults}");
    Fleet::new(FleetConfig::parse(&text).unwrap(), END_NS).unwrap()
}

/// All rows in a range, as bytes.
pub(crate) fn render(fleet: &Fleet, from_ns: i64, to_ns: i64) -> Vec<u8> {
    let mut lines = Vec::new();
    fleet
        .rows(from_ns, to_ns)
        .next_chunk(usize::MAX, &mut lines);
    lines
}

/// One field of all rows in a range.
pub(crate) fn series(fleet: &Fleet, field: &str, from_ns: i64, to_ns: i64) -> Vec<f64> {
    let index = FIELDS.iter().position(|name| *name == field).unwrap();
    parse(&render(fleet, from_ns, to_ns))
        .iter()
        .map(|row| row.values[index])
        .collect()
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty());
    values.iter().sum::<f64>() / values.len() as f64
}

/// Population standard deviation.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    central_moment(values, 2).sqrt()
}

/// Kurtosis; 3 for a normal distribution.
pub(crate) fn kurtosis(values: &[f64]) -> f64 {
    central_moment(values, 4) / central_moment(values, 2).powi(2)
}

fn central_moment(values: &[f64], order: i32) -> f64 {
    let mean = mean(values);
    values
        .iter()
        .map(|value| (value - mean).powi(order))
        .sum::<f64>()
        / values.len() as f64
}

#[track_caller]
pub(crate) fn assert_near(actual: f64, expected: f64, tolerance: f64, what: &str) {
    let near = (actual - expected).abs() <= tolerance;
    assert!(near, "{what}: {actual} is not {expected} ± {tolerance}");
}
