//! Downsampling as queries use it: lists of points, whatever the order and the split of the rows. That the points are
//! the right ones is tested with the mathematics.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::ScalarValue;

use crate::collected::testing::{Case, integers, signal, values};

fn case(name: &str, options: &[ScalarValue]) -> Case {
    let udaf = super::aggregate_udfs()
        .into_iter()
        .find(|udaf| udaf.name() == name);
    Case::with(udaf.unwrap(), options.to_vec())
}

fn int(n: i64) -> ScalarValue {
    ScalarValue::from(n)
}

fn text(text: &str) -> ScalarValue {
    ScalarValue::from(text)
}

/// Values at minutes after the epoch, as timestamps of a zone.
fn minutes(points: &[(i64, f64)]) -> [ArrayRef; 2] {
    let (times, samples): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
    let times =
        TimestampNanosecondArray::from_iter_values(times.iter().map(|t| t * 60_000_000_000));
    [values(&samples), Arc::new(times.with_timezone("+00:00"))]
}

fn shown(result: &ScalarValue) -> String {
    let array = result.to_array().unwrap();
    let options = FormatOptions::default().with_null("NULL");
    ArrayFormatter::try_new(&array, &options)
        .unwrap()
        .value(0)
        .to_string()
}

const ZIGZAG: [f64; 12] = [5.0, 9.0, 1.0, 4.0, 3.0, 3.0, 8.0, 2.0, 0.0, 0.0, 0.0, 0.0];

#[test]
fn points_that_are_kept_come_in_order_of_time() {
    let check = |name: &str, n: i64, times: &[f64], kept: &[f64]| {
        let case = case(name, &[int(n)]);
        case.check_list(&signal(&ZIGZAG), "time", Some(times), 0.0);
        case.check_list(&signal(&ZIGZAG), "value", Some(kept), 0.0);
    };
    check(
        "minmax_downsample",
        4,
        &[1.0, 2.0, 6.0, 8.0],
        &[9.0, 1.0, 8.0, 0.0],
    );
    check(
        "m4",
        8,
        &[0.0, 1.0, 2.0, 5.0, 6.0, 8.0, 11.0],
        &[5.0, 9.0, 1.0, 3.0, 8.0, 0.0, 0.0],
    );
    check("lttb", 4, &[0.0, 1.0, 6.0, 11.0], &[5.0, 9.0, 8.0, 0.0]);
    check(
        "minmax_lttb",
        100,
        &(0..12).map(f64::from).collect::<Vec<_>>(),
        &ZIGZAG,
    );
}

#[test]
fn missing_values_are_skipped_and_none_give_null() {
    for (name, option) in [
        ("lttb", int(3)),
        ("minmax_lttb", int(3)),
        ("minmax_downsample", int(2)),
        ("m4", int(4)),
        ("asap_smooth", int(3)),
        ("swinging_door", ScalarValue::from(0.5)),
    ] {
        let case = case(name, &[option]);
        let with_gaps = [f64::NAN, 7.0, f64::INFINITY, 7.0, f64::NEG_INFINITY];
        case.check_list(&signal(&with_gaps), "value", Some(&[7.0, 7.0]), 0.0);
        case.check_list(&signal(&[]), "value", None, 0.0);
        case.check_list(&signal(&[f64::NAN]), "value", None, 0.0);
    }
    case("pla_segments", &[ScalarValue::from(0.5)]).check_list(&signal(&[]), "n", None, 0.0);
    case("resample", &[int(1), text("mean")]).check_list(&signal(&[]), "value", None, 0.0);
    assert_eq!(
        case("sparkline", &[]).run(&signal(&[f64::NAN])),
        ScalarValue::Utf8(None)
    );
}

#[test]
fn times_keep_their_type() {
    let columns = minutes(&[(0, 1.0), (1, 5.0), (2, 2.0)]);
    let result = case("lttb", &[int(3)]).run(&columns);
    assert_eq!(
        shown(&result),
        "[{time: 1970-01-01T00:00:00Z, value: 1.0}, {time: 1970-01-01T00:01:00Z, value: 5.0}, {time: 1970-01-01T00:02:00Z, value: 2.0}]"
    );
    let seconds = cast(&columns[1], &DataType::Timestamp(TimeUnit::Second, None)).unwrap();
    let result = case("lttb", &[int(3)]).run(&[Arc::clone(&columns[0]), seconds]);
    assert!(
        shown(&result).contains("time: 1970-01-01T00:01:00, value: 5.0"),
        "{result}"
    );
}

#[test]
fn smoothing_keeps_the_trend() {
    let noisy: Vec<f64> = (0..400)
        .map(|i| f64::from(i) / 10.0 + f64::from(i % 2))
        .collect();
    let result = case("asap_smooth", &[int(50)])
        .run(&signal(&noisy))
        .to_array()
        .unwrap();
    let points = result.as_list::<i32>().value(0);
    assert!(
        (45..=100).contains(&points.len()),
        "{} points",
        points.len()
    );
    case("asap_smooth", &[int(3)]).check_list(&signal(&[4.0; 9]), "value", Some(&[4.0; 3]), 0.0);
}

#[test]
fn lines_stay_within_epsilon() {
    let line = |epsilon: f64| case("swinging_door", &[ScalarValue::from(epsilon)]);
    line(0.5).check_list(
        &signal(&[0.0, 0.0, 0.0, 9.0, 9.0, 9.0]),
        "time",
        Some(&[0.0, 2.0, 3.0, 5.0]),
        0.0,
    );
    // Of the rows at time 1 the larger value counts.
    let columns = [values(&[0.0, 5.0, -5.0, 10.0]), integers([0, 1, 1, 2])];
    line(0.0).check_list(&columns, "value", Some(&[0.0, 10.0]), 0.0);
    let segments = case("pla_segments", &[ScalarValue::from(0.5)]);
    let steps = signal(&[0.0, 0.0, 0.0, 9.0, 9.0]);
    for (field, expected) in [
        ("start", [0.0, 3.0]),
        ("end", [2.0, 4.0]),
        ("start_value", [0.0, 9.0]),
        ("end_value", [0.0, 9.0]),
        ("n", [3.0, 2.0]),
    ] {
        segments.check_list(&steps, field, Some(&expected), 1e-12);
    }
}

#[test]
fn grids_are_spaced_by_intervals_or_numbers() {
    let points = minutes(&[(0, 1.0), (4, 5.0), (12, 13.0), (40, 0.0)]);
    let every = |step: &str, method: &str, gap: Option<&str>| {
        let options: Vec<ScalarValue> = [Some(step), Some(method), gap]
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        case("resample", &options)
    };
    every("5 minutes", "linear", Some("10 minutes")).check_list(
        &points,
        "value",
        Some(&[
            1.0,
            6.0,
            11.0,
            f64::NAN,
            f64::NAN,
            f64::NAN,
            f64::NAN,
            f64::NAN,
            0.0,
        ]),
        1e-12,
    );
    every("15 minutes", "mean", None).check_list(
        &points,
        "value",
        Some(&[19.0 / 3.0, f64::NAN, 0.0]),
        1e-12,
    );
    let interval = ScalarValue::new_interval_mdn(0, 0, 20 * 60_000_000_000);
    case("resample", &[interval, text("count")]).check_list(
        &points,
        "value",
        Some(&[3.0, 0.0, 1.0]),
        0.0,
    );
    case("resample", &[int(2), text("next")]).check_list(
        &[values(&[1.0, 5.0]), integers([1, 7])],
        "time",
        Some(&[2.0, 4.0, 6.0]),
        0.0,
    );
}

#[test]
fn sparklines_are_text() {
    let ramp = signal(&[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(case("sparkline", &[int(4)]).run(&ramp), text("▁▃▆█"));
    assert_eq!(
        case("sparkline", &[]).run(&signal(&[3.0])),
        text(&format!("▄{}", " ".repeat(31)))
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let error = |name: &str, options: &[ScalarValue], expected: &str| {
        let error = case(name, options).error(&signal(&ZIGZAG));
        assert!(error.contains(expected), "{error}");
    };
    error(
        "lttb",
        &[int(2)],
        "lttb: argument `n` must be a whole number from 3 to 1000000, not 2",
    );
    error(
        "minmax_downsample",
        &[int(1)],
        "argument `n` must be a whole number from 2",
    );
    error(
        "m4",
        &[int(3)],
        "argument `n` must be a whole number from 4",
    );
    error(
        "asap_smooth",
        &[int(100_000)],
        "argument `n` must be a whole number from 3 to 10000",
    );
    error(
        "swinging_door",
        &[ScalarValue::from(-1.0)],
        "swinging_door: argument `epsilon` must be a number, 0 or more, not -1",
    );
    error(
        "pla_segments",
        &[ScalarValue::from(f64::NAN)],
        "argument `epsilon` must be a number, 0 or more",
    );
    error(
        "sparkline",
        &[int(0)],
        "argument `width` must be a whole number from 1 to 1000, not 0",
    );
    error(
        "resample",
        &[int(0), text("mean")],
        "resample: argument `step` must be a whole number above zero, not 0",
    );
    error(
        "resample",
        &[text("1 minute"), text("mean")],
        "argument `step` must be a whole number above zero",
    );
    error(
        "resample",
        &[int(1), text("cubic")],
        "argument `method` must be one of 'linear', 'previous'",
    );
    let month = case("resample", &[text("1 month"), text("mean")]).error(&minutes(&[(0, 1.0)]));
    assert!(
        month.contains("argument `step` must be an interval above zero, without months"),
        "{month}"
    );
    let wide = [values(&[1.0, 2.0]), integers([0, 1 << 40])];
    let error = case("resample", &[int(1), text("mean")]).error(&wide);
    assert!(
        error.contains("resample: 1099511627777 points are more than 1000000"),
        "{error}"
    );
}
