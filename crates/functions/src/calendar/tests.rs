//! Time zones as queries use them. The expected readings are pandas' (`golden_states.py`): midnights of a `date_range`
//! with `freq='D'` in the zone, and for hours the instants floored in UTC.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use arrow::util::display::array_value_to_string;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};

fn udf(name: &str) -> ScalarUDF {
    super::scalar_udfs()
        .into_iter()
        .find(|udf| udf.name() == name)
        .unwrap()
}

fn field(data_type: &DataType) -> FieldRef {
    Arc::new(Field::new("argument", data_type.clone(), true))
}

/// Calls a function as the planner does: arguments coerced, the type of the result asked for first.
fn call(name: &str, args: &[ColumnarValue]) -> Result<ColumnarValue> {
    let udf = udf(name);
    let fields: Vec<FieldRef> = args.iter().map(|arg| field(&arg.data_type())).collect();
    let arg_fields = fields_with_udf(&fields, &udf)?;
    let coerced = args.iter().zip(&arg_fields);
    let args = coerced.map(|(arg, to)| arg.cast_to(to.data_type(), None));
    let args = args.collect::<Result<Vec<_>>>()?;
    let scalars = args.iter().map(|arg| match arg {
        ColumnarValue::Scalar(value) => Some(value),
        ColumnarValue::Array(_) => None,
    });
    let return_field = udf.return_field_from_args(ReturnFieldArgs {
        arg_fields: &arg_fields,
        scalar_arguments: &scalars.collect::<Vec<_>>(),
    })?;
    let number_rows = args.iter().find_map(|arg| match arg {
        ColumnarValue::Array(array) => Some(array.len()),
        ColumnarValue::Scalar(_) => None,
    });
    let result = udf.invoke_with_args(ScalarFunctionArgs {
        args: args.clone(),
        arg_fields,
        number_rows: number_rows.unwrap_or(1),
        return_field: Arc::clone(&return_field),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    assert_eq!(result.data_type(), *return_field.data_type(), "{name}");
    Ok(result)
}

fn text(value: &str) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::from(value))
}

fn shown(array: &ArrayRef) -> Vec<String> {
    let value = |row| match array.is_null(row) {
        true => "NULL".to_owned(),
        false => array_value_to_string(array, row).unwrap(),
    };
    (0..array.len()).map(value).collect()
}

/// The bins of instants given as RFC 3339 text in a zone, from columns and from constants.
fn check_bins(
    interval: &str,
    zone: &str,
    origin: Option<&str>,
    instants: &[&str],
    expected: &[&str],
) {
    let instants: ArrayRef = Arc::new(arrow::array::StringArray::from(instants.to_vec()));
    let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let instants = cast(&instants, &nanoseconds).unwrap();
    let bins = |times: ColumnarValue| {
        let local = call("tz", &[times, text(zone)]).unwrap();
        let args = [Some(text(interval)), Some(local), origin.map(text)];
        let args: Vec<ColumnarValue> = args.into_iter().flatten().collect();
        call("date_bin_wallclock", &args).unwrap()
    };
    let ColumnarValue::Array(column) = bins(ColumnarValue::Array(Arc::clone(&instants))) else {
        panic!("a column gives a column")
    };
    assert_eq!(shown(&column), expected, "{interval} in {zone}");
    for (row, expected) in expected.iter().enumerate() {
        let constant = ScalarValue::try_from_array(&instants, row).unwrap();
        let bin = bins(ColumnarValue::Scalar(constant));
        assert!(
            matches!(bin, ColumnarValue::Scalar(_)),
            "constants give a constant"
        );
        assert_eq!(
            shown(&bin.into_array(1).unwrap()),
            [*expected],
            "{interval} in {zone}"
        );
    }
}

#[test]
fn days_in_berlin_begin_at_midnight_when_clocks_change() {
    check_bins(
        "1 day",
        "Europe/Berlin",
        None,
        &[
            "2024-03-30T22:59:59Z",
            "2024-03-30T23:00:00Z",
            "2024-03-31T21:59:59Z",
            "2024-03-31T22:00:00Z",
        ],
        &[
            "2024-03-30T00:00:00+01:00",
            "2024-03-31T00:00:00+01:00",
            "2024-03-31T00:00:00+01:00",
            "2024-04-01T00:00:00+02:00",
        ],
    );
    check_bins(
        "1 day",
        "Europe/Berlin",
        None,
        &[
            "2024-10-26T21:59:59Z",
            "2024-10-26T22:00:00Z",
            "2024-10-27T22:59:59Z",
            "2024-10-27T23:00:00Z",
        ],
        &[
            "2024-10-26T00:00:00+02:00",
            "2024-10-27T00:00:00+02:00",
            "2024-10-27T00:00:00+02:00",
            "2024-10-28T00:00:00+01:00",
        ],
    );
}

#[test]
fn the_repeated_hour_is_two_bins() {
    check_bins(
        "30 minutes",
        "America/New_York",
        None,
        &[
            "2024-11-03T05:29:59Z",
            "2024-11-03T05:45:00Z",
            "2024-11-03T06:00:00Z",
            "2024-11-03T06:45:00Z",
            "2024-11-03T07:00:00Z",
        ],
        &[
            "2024-11-03T01:00:00-04:00",
            "2024-11-03T01:30:00-04:00",
            "2024-11-03T01:00:00-05:00",
            "2024-11-03T01:30:00-05:00",
            "2024-11-03T02:00:00-05:00",
        ],
    );
}

#[test]
fn a_midnight_that_does_not_exist_is_one_o_clock() {
    check_bins(
        "1 day",
        "America/Sao_Paulo",
        None,
        &[
            "2018-11-04T02:59:59Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T01:59:59Z",
            "2018-11-05T02:00:00Z",
        ],
        &[
            "2018-11-03T00:00:00-03:00",
            "2018-11-04T01:00:00-02:00",
            "2018-11-04T01:00:00-02:00",
            "2018-11-05T00:00:00-02:00",
        ],
    );
}

#[test]
fn zones_that_change_by_half_an_hour_and_fixed_offsets_work_alike() {
    check_bins(
        "1 hour",
        "Australia/Lord_Howe",
        None,
        &[
            "2024-04-06T14:59:00Z",
            "2024-04-06T15:00:00Z",
            "2024-04-06T15:29:00Z",
            "2024-04-06T15:30:00Z",
        ],
        &[
            "2024-04-07T01:00:00+11:00",
            "2024-04-07T01:00:00+11:00",
            "2024-04-07T01:00:00+11:00",
            "2024-04-07T02:00:00+10:30",
        ],
    );
    check_bins(
        "1 day",
        "+05:30",
        None,
        &["2024-01-01T18:30:00Z"],
        &["2024-01-02T00:00:00+05:30"],
    );
    check_bins(
        "1 day",
        "UTC",
        None,
        &["2024-01-01T18:30:00Z"],
        &["2024-01-01T00:00:00Z"],
    );
}

#[test]
fn an_origin_is_a_reading_of_the_wall_clock() {
    // The early shift starts at six, summer and winter.
    check_bins(
        "8 hours",
        "Europe/Berlin",
        Some("1970-01-01T06:00:00"),
        &[
            "2024-01-15T04:59:59Z",
            "2024-01-15T05:00:00Z",
            "2024-07-15T03:59:59Z",
            "2024-07-15T04:00:00Z",
        ],
        &[
            "2024-01-14T22:00:00+01:00",
            "2024-01-15T06:00:00+01:00",
            "2024-07-14T22:00:00+02:00",
            "2024-07-15T06:00:00+02:00",
        ],
    );
}

#[test]
fn months_begin_at_local_midnight() {
    check_bins(
        "1 month",
        "Europe/Berlin",
        None,
        &[
            "2024-03-31T21:59:59Z",
            "2024-03-31T22:00:00Z",
            "2024-12-31T23:00:00Z",
        ],
        &[
            "2024-03-01T00:00:00+01:00",
            "2024-04-01T00:00:00+02:00",
            "2025-01-01T00:00:00+01:00",
        ],
    );
}

#[test]
fn tz_keeps_the_instant() {
    let check = |time: ColumnarValue, zone: &str, expected: &str| {
        let local = call("tz", &[time, text(zone)]).unwrap();
        assert_eq!(shown(&local.into_array(1).unwrap()), [expected]);
    };
    check(
        text("2024-07-01T12:00:00Z"),
        "Europe/Berlin",
        "2024-07-01T14:00:00+02:00",
    );
    check(
        text("2024-07-01T12:00:00"),
        "Europe/Berlin",
        "2024-07-01T14:00:00+02:00",
    );
    check(
        text("2024-07-01T12:00:00+02:00"),
        "Asia/Kolkata",
        "2024-07-01T15:30:00+05:30",
    );
    let tokyo = ScalarValue::TimestampSecond(Some(0), Some("Asia/Tokyo".into()));
    check(
        ColumnarValue::Scalar(tokyo),
        "America/New_York",
        "1969-12-31T19:00:00-05:00",
    );
    check(
        ColumnarValue::Scalar(ScalarValue::TimestampNanosecond(None, None)),
        "Asia/Tokyo",
        "NULL",
    );
    let default = call("tz", &[text("2024-07-01T12:00:00")]).unwrap();
    assert_eq!(
        shown(&default.into_array(1).unwrap()),
        ["2024-07-01T12:00:00Z"]
    );
}

#[test]
fn null_times_and_origins_give_null() {
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![
        None,
        Some(7),
        Some(i64::MIN),
    ]));
    let days = text("1 day");
    let bins = call(
        "date_bin_wallclock",
        &[days.clone(), ColumnarValue::Array(Arc::clone(&times))],
    )
    .unwrap();
    assert_eq!(
        shown(&bins.into_array(3).unwrap()),
        ["NULL", "1970-01-01T00:00:00", "NULL"]
    );
    let null = ColumnarValue::Scalar(ScalarValue::TimestampNanosecond(None, None));
    let bins = call(
        "date_bin_wallclock",
        &[days, ColumnarValue::Array(times), null],
    )
    .unwrap();
    assert_eq!(shown(&bins.into_array(3).unwrap()), ["NULL"; 3]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let error = |name, args: &[ColumnarValue], expected: &str| {
        let error = call(name, args).unwrap_err().strip_backtrace();
        assert!(error.contains(expected), "{error}");
    };
    let time = text("2024-07-01T12:00:00Z");
    let column = ColumnarValue::Array(Arc::new(arrow::array::StringArray::from(vec!["UTC"])));
    error(
        "tz",
        &[time.clone(), text("Mars/Olympus")],
        "tz: 'Mars/Olympus' is no time zone",
    );
    error(
        "tz",
        &[time.clone(), column],
        "tz: argument `zone` must be a constant",
    );
    error(
        "tz",
        &[ColumnarValue::Scalar(ScalarValue::from(1.5))],
        "tz: argument `time` must be a timestamp",
    );
    error(
        "date_bin_wallclock",
        &[text("0 days"), time.clone()],
        "argument `interval` must be above zero",
    );
    error(
        "date_bin_wallclock",
        &[text("-1 days"), time.clone()],
        "argument `interval` must be above zero",
    );
    error(
        "date_bin_wallclock",
        &[text("1 month 1 day"), time.clone()],
        "must not mix months",
    );
    error(
        "date_bin_wallclock",
        std::slice::from_ref(&time),
        "takes an interval, a time and optionally an origin",
    );
}
