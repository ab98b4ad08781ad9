//! States as queries use them. Every case also runs merged, grouped and over moving frames.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::ScalarValue;

use crate::collected::testing::{Case, integers};

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

/// Times in minutes after the epoch.
fn minutes(times: &[i64]) -> ArrayRef {
    let nanos = times.iter().map(|minute| minute * 60_000_000_000);
    Arc::new(TimestampNanosecondArray::from_iter_values(nanos))
}

fn texts(states: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(states.to_vec()))
}

fn shown(result: &ScalarValue) -> String {
    let array = result.to_array().unwrap();
    let options = FormatOptions::default().with_null("NULL");
    ArrayFormatter::try_new(&array, &options)
        .unwrap()
        .value(0)
        .to_string()
}

/// `idle` at 0, `run` from 10 to 30 with a gap in observation, `idle` at 30, nothing at 40, `run` at 50.
fn shift() -> [ArrayRef; 2] {
    let states = [
        Some("idle"),
        Some("run"),
        Some("run"),
        Some("idle"),
        None,
        Some("run"),
    ];
    [texts(&states), integers([0, 10, 20, 30, 40, 50])]
}

#[test]
fn runs_last_until_the_next_state() {
    assert_eq!(
        shown(&case("state_runs", &[]).run(&shift())),
        "[{state: idle, start: 0, end: 10, n: 1}, {state: run, start: 10, end: 30, n: 2}, \
         {state: idle, start: 30, end: 50, n: 1}, {state: run, start: 50, end: 50, n: 1}]"
    );
    let check = |wanted: &str, duration: f64, count: f64| {
        case("state_duration", &[text(wanted)]).check(&shift(), Some(duration), 0.0);
        case("state_count", &[text(wanted)]).check(&shift(), Some(count), 0.0);
    };
    check("run", 20.0, 2.0);
    check("idle", 30.0, 2.0);
    check("tripped", 0.0, 0.0);
}

#[test]
fn states_may_be_of_any_simple_type() {
    let times = integers([1, 2, 4, 8]);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 0, 1, 0]));
    for data_type in [
        DataType::Int8,
        DataType::Int64,
        DataType::UInt64,
        DataType::Float64,
        DataType::Boolean,
        DataType::Utf8,
        DataType::Utf8View,
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    ] {
        let columns = [cast(&numbers, &data_type).unwrap(), Arc::clone(&times)];
        let wanted = match data_type {
            DataType::Boolean => ScalarValue::from(true),
            _ => int(1),
        };
        case("state_duration", std::slice::from_ref(&wanted)).check(&columns, Some(5.0), 0.0);
        case("state_count", &[wanted]).check(&columns, Some(2.0), 0.0);
        case("state_runs", &[]).check_list(&columns, "start", Some(&[1.0, 2.0, 4.0, 8.0]), 0.0);
    }
}

#[test]
fn lengths_of_timestamps_are_seconds() {
    let columns = [
        texts(&[Some("on"), Some("off"), Some("on")]),
        minutes(&[0, 5, 7]),
    ];
    case("state_duration", &[text("on")]).check(&columns, Some(300.0), 0.0);
    case("state_duration", &[text("off")]).check(&columns, Some(120.0), 0.0);
}

#[test]
fn the_state_at_a_time_is_the_latest_before_it() {
    let at = |at: i64| shown(&case("state_at", &[int(at)]).run(&shift()));
    assert_eq!(
        [-1, 0, 29, 45, 99].map(at),
        ["NULL", "idle", "run", "idle", "run"]
    );
    let columns = [
        Arc::new(BooleanArray::from(vec![true, false])) as ArrayRef,
        minutes(&[0, 5]),
    ];
    let at = |at: &str| case("state_at", &[text(at)]).run(&columns);
    assert_eq!(at("1970-01-01T00:04:00"), ScalarValue::from(true));
    assert_eq!(at("1970-01-01T01:05:00+01:00"), ScalarValue::from(false));
    let moment = ScalarValue::TimestampNanosecond(Some(300_000_000_000), None);
    assert_eq!(
        case("state_at", &[moment]).run(&columns),
        ScalarValue::from(false)
    );
}

#[test]
fn without_states_there_is_nothing() {
    let nothing = [texts(&[None, None]), integers([1, 2])];
    let empty = [texts(&[]), integers([])];
    let unknown: [ArrayRef; 2] = [Arc::new(Float64Array::from(vec![f64::NAN])), integers([1])];
    for columns in [&nothing, &empty, &unknown] {
        case("state_duration", &[int(1)]).check(columns, None, 0.0);
        case("state_count", &[int(1)]).check(columns, None, 0.0);
        case("state_runs", &[]).check_list(columns, "start", None, 0.0);
        assert!(case("state_at", &[int(9)]).run(columns).is_null());
    }
}

#[test]
fn life_lasts_a_while_after_each_sign() {
    let beats = [integers([40, 0, 10, 12])];
    let check = |options: &[i64], up: Option<f64>, down: Option<f64>, gaps: Option<f64>| {
        let options: Vec<ScalarValue> = options.iter().map(|n| int(*n)).collect();
        case("uptime", &options).check(&beats, up, 0.0);
        case("downtime", &options).check(&beats, down, 0.0);
        case("num_gaps", &options).check(&beats, gaps, 0.0);
    };
    check(&[10], Some(32.0), Some(18.0), Some(1.0));
    check(&[30], Some(70.0), Some(0.0), Some(0.0));
    check(&[10, -5, 45], Some(27.0), Some(23.0), Some(2.0));
    check(&[10, 100, 200], Some(0.0), Some(100.0), Some(1.0));
    let live = case("live_ranges", &[int(10)]);
    live.check_list(&beats, "start", Some(&[0.0, 40.0]), 0.0);
    live.check_list(&beats, "end", Some(&[22.0, 50.0]), 0.0);
}

#[test]
fn life_of_timestamps_is_measured_in_seconds() {
    let beats = [minutes(&[0, 1, 10])];
    case("uptime", &[text("2 minutes")]).check(&beats, Some(300.0), 0.0);
    let two = ScalarValue::new_interval_mdn(0, 0, 120_000_000_000);
    case("downtime", std::slice::from_ref(&two)).check(&beats, Some(420.0), 0.0);
    let within = [
        two,
        text("1970-01-01T00:00:00"),
        text("1970-01-01T01:00:00Z"),
    ];
    case("downtime", &within).check(&beats, Some(3300.0), 0.0);
    assert_eq!(
        shown(&case("live_ranges", &[text("2 minutes")]).run(&beats)),
        "[{start: 1970-01-01T00:00:00, end: 1970-01-01T00:03:00}, {start: 1970-01-01T00:10:00, end: 1970-01-01T00:12:00}]"
    );
}

#[test]
fn without_signs_nothing_is_known_unless_a_time_is_given() {
    let nothing = [integers([])];
    for name in ["uptime", "downtime", "num_gaps"] {
        case(name, &[int(10)]).check(&nothing, None, 0.0);
    }
    case("live_ranges", &[int(10)]).check_list(&nothing, "start", None, 0.0);
    case("downtime", &[int(10), int(0), int(60)]).check(&nothing, Some(60.0), 0.0);
    case("uptime", &[int(10), int(0), int(60)]).check(&nothing, Some(0.0), 0.0);
    case("live_ranges", &[int(10), int(0), int(60)]).check_list(&nothing, "start", Some(&[]), 0.0);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let error = |name: &str, options: &[ScalarValue], columns: &[ArrayRef], expected: &str| {
        let error = case(name, options).error(columns);
        assert!(error.contains(expected), "{error}");
    };
    let numbers = [integers([1]), integers([1])];
    error(
        "state_duration",
        &[text("run")],
        &numbers,
        "state_duration: argument `wanted` must be a state, of the type of the states, not run",
    );
    error(
        "state_count",
        &[ScalarValue::Utf8(None)],
        &shift(),
        "argument `wanted` must be a state",
    );
    error(
        "state_at",
        &[text("noon")],
        &numbers,
        "state_at: argument `at` must be a whole number, not noon",
    );
    error(
        "uptime",
        &[int(0)],
        &[integers([1])],
        "uptime: argument `liveness` must be a whole number above zero, not 0",
    );
    error(
        "uptime",
        &[text("1 month")],
        &[minutes(&[1])],
        "argument `liveness` must be an interval above zero, without months",
    );
    error(
        "downtime",
        &[int(1), int(5)],
        &[integers([1])],
        "arguments `from` and `to` must be given together",
    );
    error(
        "downtime",
        &[int(1), int(5), int(4)],
        &[integers([1])],
        "argument `from` must not be after `to`",
    );
}
