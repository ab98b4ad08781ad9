//! What the mechanism promises for every function, whatever its rows and its result are.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;

use super::output::{floats, integers as integer_column, texts};
use super::rows::Label;
use super::testing::{Case, integers, signal, values};
use super::{
    Call, Collected, CollectedFunction, Compared, Formula, Labelled, Pair, Record, Struct, Timed,
};

/// Declares a function for the tests: its rows, its output, its limit and its formula.
macro_rules! function {
    ($name:ident, $row:ty => $output:ty, $count_max:expr, $options:expr, $bind:expr) => {
        #[derive(Debug, PartialEq, Eq, Hash)]
        struct $name;

        impl CollectedFunction for $name {
            const NAME: &'static str = stringify!($name);
            const OPTIONS: &'static [(&'static str, DataType)] = $options;
            const COUNT_MAX: usize = $count_max;
            type Row = $row;
            type Output = $output;

            fn bind(&self, call: &Call) -> Result<Formula<$row, $output>> {
                $bind(call)
            }

            fn documentation(&self) -> Option<&Documentation> {
                None
            }
        }
    };
}

/// A moment, as a record.
#[derive(Debug)]
struct Moment {
    time: i64,
    value: f64,
}

impl Record for Moment {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[1].clone()),
            ("value", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integer_column(records, |moment| Some(moment.time)),
            floats(records, |moment| Some(moment.value)),
        ]
    }
}

/// A text and a number, as a record.
#[derive(Debug)]
struct Sample {
    label: String,
    sum: f64,
}

impl Record for Sample {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("label", DataType::Utf8), ("sum", DataType::Float64)]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            texts(records, |sample| Some(sample.label.as_str())),
            floats(records, |sample| Some(sample.sum)),
        ]
    }
}

function!(Kth, f64 => f64, 10, &[("k", DataType::Int64), ("scale", DataType::Float64)], |call: &Call| {
    let k = call.count("k", 0, 0, 9)?;
    let scale = call.float("scale", 1.0, "a number above 0", |scale| scale > 0.0)?;
    Ok(Formula::new(move |rows: &[f64]| rows.get(k).map(|row| row * scale)))
});

function!(Last, Timed => Struct<Moment>, 100, &[], |_: &Call| {
    let moment = |row: &Timed| Struct(Moment { time: row.time, value: row.value });
    Ok(Formula::new(move |rows: &[Timed]| rows.last().map(moment)))
});

function!(Moments, Timed => Vec<Moment>, 100, &[], |_: &Call| {
    let moment = |row: &Timed| Moment { time: row.time, value: row.value };
    Ok(Formula::new(move |rows: &[Timed]| {
        (!rows.is_empty()).then(|| rows.iter().map(moment).collect())
    }))
});

function!(Gap, Pair => f64, 100, &[], |_: &Call| {
    Ok(Formula::new(|rows: &[Pair]| rows.iter().map(|row| row.y - row.x).max_by(f64::total_cmp)))
});

function!(Sums, Labelled => Vec<Sample>, 100, &[], |_: &Call| {
    Ok(Formula::new(|rows: &[Labelled]| {
        let sample = |rows: &[Labelled]| Sample {
            label: match &rows[0].label {
                Label::Number(number) => format!("#{number}"),
                Label::Text(text) => text.to_string(),
            },
            sum: rows.iter().map(|row| row.value).sum(),
        };
        Some(rows.chunk_by(|a, b| a.label == b.label).map(sample).collect())
    }))
});

function!(Shift, Compared => f64, 100, &[], |_: &Call| {
    Ok(Formula::new(|rows: &[Compared]| {
        let (reference, current) = Compared::split(rows);
        Some(current.first()? - reference.first()?)
    }))
});

fn kth(k: i64) -> Case {
    Case::with(Collected::udf(Kth), vec![ScalarValue::from(k)])
}

fn show(value: &ScalarValue) -> String {
    value.to_string()
}

#[test]
fn rows_are_sorted_and_missing_values_skipped() {
    let x = values(&[3.0, f64::NAN, 1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY]);
    kth(0).check(&[Arc::clone(&x)], Some(1.0), 0.0);
    kth(2).check(&[Arc::clone(&x)], Some(3.0), 0.0);
    kth(3).check(&[x], None, 0.0);
    kth(0).check(&[values(&[])], None, 0.0);
    kth(1).check(&[integers([7, 5])], Some(7.0), 0.0);
}

#[test]
fn a_result_that_is_not_finite_is_null() {
    let scaled = Case::with(
        Collected::udf(Kth),
        vec![ScalarValue::from(0_i64), ScalarValue::from(10.0)],
    );
    scaled.check(&[values(&[1e308])], None, 0.0);
    scaled.check(&[values(&[1e307])], Some(1e308), 0.0);
}

#[test]
fn a_group_that_grows_too_large_is_refused() {
    kth(4).check(&[values(&[1.0, 2.0, 3.0, 4.0, 5.0])], Some(5.0), 0.0);
    let error = kth(4).error(&[values(&[1.0; 11])]);
    assert!(
        error.contains("Kth: more than 10 rows in one group"),
        "{error}"
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let error = |options| Case::with(Collected::udf(Kth), options).error(&[values(&[1.0])]);
    let check = |options, expected: &str| {
        let error = error(options);
        assert!(error.contains(expected), "{error}");
    };
    let zero = || ScalarValue::from(0_i64);
    check(
        vec![ScalarValue::from(10_i64)],
        "Kth: argument `k` must be a whole number from 0 to 9, not 10",
    );
    check(vec![ScalarValue::from(-1_i64)], "from 0 to 9, not -1");
    check(vec![ScalarValue::Int64(None)], "from 0 to 9, not NULL");
    check(
        vec![zero(), ScalarValue::from(f64::NAN)],
        "argument `scale` must be a number above 0, not NaN",
    );
    check(
        vec![zero(), ScalarValue::from(0.0)],
        "a number above 0, not 0",
    );
    check(vec![zero(), zero(), zero()], "Kth");
    check(vec![ScalarValue::from("one")], "Kth");
}

#[test]
fn words_and_flags_are_read_by_name() {
    let options = [
        ("method", ScalarValue::from("b")),
        ("wrong", ScalarValue::from("c")),
        ("flag", ScalarValue::from(true)),
    ];
    let call = Call::new("f", &[], &options);
    let words = [("a", 1), ("b", 2)];
    assert_eq!(call.word("method", &words).unwrap(), 2);
    assert_eq!(call.word("absent", &words).unwrap(), 1);
    let error = call.word("wrong", &words).unwrap_err().strip_backtrace();
    assert!(
        error.contains("argument `wrong` must be one of 'a', 'b', not c"),
        "{error}"
    );
    assert!(call.flag("flag", false).unwrap());
    assert!(!call.flag("absent", false).unwrap());
    assert!(call.flag("method", false).is_err());
}

#[test]
fn time_orders_the_rows_and_equal_times_are_ordered_by_value() {
    let columns = |times: ArrayRef| [values(&[5.0, 9.0, 7.0]), times];
    let case = Case::new(Collected::udf(Last));
    case.check_fields(
        &columns(integers([3, 1, 2])),
        Some(&[("time", 3.0), ("value", 5.0)]),
        0.0,
    );
    case.check_fields(
        &columns(integers([3, 1, 3])),
        Some(&[("time", 3.0), ("value", 7.0)]),
        0.0,
    );
    case.check_fields(&signal(&[]), None, 0.0);
}

#[test]
fn times_keep_their_type() {
    let case = Case::new(Collected::udf(Last));
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
    let zoneless = DataType::Timestamp(TimeUnit::Nanosecond, None);
    for time_type in [utc, zoneless, DataType::Int64] {
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![2, 1]));
        let times = cast(&times, &time_type).unwrap();
        let result = case.run(&[values(&[5.0, 9.0]), times]).to_array().unwrap();
        let time = result.as_struct().column_by_name("time").unwrap();
        assert_eq!(time.data_type(), &time_type);
    }
}

#[test]
fn lists_have_a_record_per_row_and_may_be_null() {
    let case = Case::new(Collected::udf(Moments));
    let columns = [values(&[5.0, 9.0]), integers([2, 1])];
    case.check_list(&columns, "value", Some(&[9.0, 5.0]), 0.0);
    case.check_list(&columns, "time", Some(&[1.0, 2.0]), 0.0);
    case.check_list(&signal(&[]), "value", None, 0.0);
}

#[test]
fn pairs_are_complete_or_skipped() {
    let case = Case::new(Collected::udf(Gap));
    let columns = [
        values(&[1.0, f64::NAN, 2.0]),
        values(&[2.0, 90.0, f64::INFINITY]),
    ];
    case.check(&columns, Some(1.0), 0.0);
}

#[test]
fn labels_may_be_booleans_numbers_or_texts() {
    let case = Case::new(Collected::udf(Sums));
    let check = |labels: ArrayRef, expected: &str| {
        let columns = [values(&[1.0, 2.0, 4.0, 8.0, 16.0]), labels];
        assert_eq!(show(&case.run(&columns)), expected);
    };
    check(
        Arc::new(BooleanArray::from(vec![
            Some(true),
            Some(false),
            Some(true),
            None,
            Some(false),
        ])),
        "[{label: #0, sum: 18.0}, {label: #1, sum: 5.0}]",
    );
    check(
        integers([10, 9, 10, 10, -1]),
        "[{label: #-1, sum: 16.0}, {label: #9, sum: 2.0}, {label: #10, sum: 13.0}]",
    );
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b", "c", "a"]));
    let sums = "[{label: a, sum: 18.0}, {label: b, sum: 5.0}, {label: c, sum: 8.0}]";
    check(Arc::clone(&texts), sums);
    let tag = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    check(cast(&texts, &tag).unwrap(), sums);
}

#[test]
fn distinct_is_refused() {
    let error = kth(0).distinct_error(&[values(&[1.0])]);
    assert!(
        error.contains("Kth(DISTINCT …) is not supported"),
        "{error}"
    );
}

#[test]
fn compared_samples_are_two_columns_or_one_and_a_flag() {
    let case = Case::new(Collected::udf(Shift));
    let columns = [
        values(&[3.0, f64::NAN, 2.0]),
        values(&[9.0, 7.0, f64::INFINITY]),
    ];
    case.check(&columns, Some(5.0), 0.0);
    let is_current = BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]);
    case.check(
        &[values(&[4.0, 1.0, -9.0, 3.5]), Arc::new(is_current)],
        Some(2.5),
        0.0,
    );
    case.check(&[values(&[1.0]), values(&[f64::NAN])], None, 0.0);
}
