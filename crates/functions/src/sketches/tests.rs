//! Sketches as queries use them: made, stored, merged and read. Their errors are tested with the mathematics.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::collected::testing::{Case, values};

const KINDS: [&str; 3] = ["percentile_agg", "ddsketch", "tdigest"];

fn aggregate(name: &str, options: Vec<ScalarValue>) -> Case {
    let udaf = super::aggregate_udfs()
        .into_iter()
        .find(|udaf| udaf.name() == name);
    Case::with(udaf.unwrap(), options)
}

/// Calls a scalar function the way the planner does.
fn read(name: &str, args: Vec<ColumnarValue>) -> Result<ScalarValue> {
    let udf = super::scalar_udfs()
        .into_iter()
        .find(|udf| udf.name() == name)
        .unwrap();
    let field = |arg: &ColumnarValue| Arc::new(Field::new("argument", arg.data_type(), true));
    let fields: Vec<FieldRef> = args.iter().map(field).collect();
    let arg_fields = fields_with_udf(&fields, &udf)?;
    let typed = args.iter().zip(&arg_fields);
    let args = typed
        .map(|(arg, to)| arg.cast_to(to.data_type(), None))
        .collect::<Result<Vec<_>>>()?;
    let types: Vec<DataType> = arg_fields
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    let return_field = Arc::new(Field::new("result", udf.return_type(&types)?, true));
    let is_constant = args
        .iter()
        .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let result = udf.invoke_with_args(ScalarFunctionArgs {
        args,
        arg_fields,
        number_rows: if is_constant { 1 } else { 3 },
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    ScalarValue::try_from_array(&result.into_array(3)?, 2)
}

/// Reads from a constant and from a column, which must agree.
fn read_both(name: &str, sketch: &ScalarValue, argument: Option<f64>) -> ScalarValue {
    let argument = argument.map(|x| ColumnarValue::Scalar(ScalarValue::from(x)));
    let with = |sketch: ColumnarValue| std::iter::once(sketch).chain(argument.clone()).collect();
    let constant = read(name, with(ColumnarValue::Scalar(sketch.clone()))).unwrap();
    let null = ScalarValue::Binary(None);
    let column = ScalarValue::iter_to_array([null.clone(), null, sketch.clone()]).unwrap();
    for data_type in [
        DataType::Binary,
        DataType::BinaryView,
        DataType::LargeBinary,
    ] {
        let column = ColumnarValue::Array(cast(&column, &data_type).unwrap());
        assert_eq!(
            read(name, with(column)).unwrap(),
            constant,
            "{name} of {data_type}"
        );
    }
    constant
}

/// Options with which a hundred values are kept so finely that the order leaves no trace in any kind.
fn fine(kind: &str) -> Vec<ScalarValue> {
    match kind {
        "tdigest" => vec![ScalarValue::from(1000.0)],
        _ => vec![],
    }
}

fn hundred() -> ArrayRef {
    values(&(1..=100).rev().map(f64::from).collect::<Vec<_>>())
}

#[test]
fn quantiles_ranks_and_counts_come_out_of_stored_sketches() {
    for (kind, quantile, tolerance) in [
        ("percentile_agg", 25.75, 0.0),
        ("ddsketch", 25.0, 0.01),
        ("tdigest", 25.5, 0.01),
    ] {
        let sketch = aggregate(kind, fine(kind)).run(&[hundred()]);
        let close = |suffix: &str, argument: f64, expected: f64, tolerance: f64| {
            let result = read_both(&format!("{kind}_{suffix}"), &sketch, Some(argument));
            let ScalarValue::Float64(Some(result)) = result else {
                panic!("{kind}_{suffix}: {result}")
            };
            assert!(
                (result - expected).abs() <= tolerance * expected,
                "{kind}_{suffix}: {result}"
            );
        };
        close("quantile", 0.25, quantile, tolerance);
        close("quantile", 0.0, 1.0, 0.0);
        close("quantile", 1.0, 100.0, 0.0);
        close("rank", 40.0, 0.4, 0.02);
        close("rank", 1000.0, 1.0, 0.0);
        assert_eq!(
            read_both(&format!("{kind}_count"), &sketch, None),
            ScalarValue::from(100_i64)
        );
    }
}

#[test]
fn stored_sketches_merge() {
    for kind in KINDS {
        let part = |range: std::ops::RangeInclusive<i32>| {
            aggregate(kind, fine(kind)).run(&[values(&range.map(f64::from).collect::<Vec<_>>())])
        };
        let parts = [part(1..=30), part(31..=100), ScalarValue::Binary(None)];
        let column = ScalarValue::iter_to_array(parts).unwrap();
        let merged = aggregate(&format!("{kind}_merge"), vec![]).run(&[column]);
        assert_eq!(
            merged,
            aggregate(kind, fine(kind)).run(&[hundred()]),
            "{kind}"
        );
    }
}

#[test]
fn missing_values_are_skipped_and_none_give_null() {
    for kind in KINDS {
        let with_gaps = values(&[1.0, f64::NAN, 2.0, f64::INFINITY, 3.0, f64::NEG_INFINITY]);
        let sketch = aggregate(kind, fine(kind)).run(&[with_gaps]);
        assert_eq!(
            read_both(&format!("{kind}_count"), &sketch, None),
            ScalarValue::from(3_i64)
        );
        assert_eq!(
            aggregate(kind, fine(kind)).run(&[values(&[])]),
            ScalarValue::Binary(None)
        );
        assert_eq!(
            aggregate(kind, fine(kind)).run(&[values(&[f64::NAN])]),
            ScalarValue::Binary(None)
        );
        let none: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![None, None]));
        assert_eq!(
            aggregate(&format!("{kind}_merge"), vec![]).run(&[none]),
            ScalarValue::Binary(None)
        );
    }
}

#[test]
fn distinct_values_are_counted_whatever_their_type() {
    let count = |column: ArrayRef| {
        let sketch = aggregate("hll", vec![]).run(&[column]);
        match sketch {
            ScalarValue::Binary(None) => None,
            sketch => match read_both("hll_count", &sketch, None) {
                ScalarValue::Int64(count) => count,
                other => panic!("{other}"),
            },
        }
    };
    let integers: ArrayRef = Arc::new(Int64Array::from(vec![
        Some(1),
        Some(2),
        None,
        Some(1),
        Some(-7),
    ]));
    assert_eq!(count(Arc::clone(&integers)), Some(3));
    for data_type in [
        DataType::Int8,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8View,
        DataType::Decimal128(9, 2),
        DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Berlin".into())),
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    ] {
        assert_eq!(
            count(cast(&integers, &data_type).unwrap()),
            Some(3),
            "{data_type}"
        );
    }
    assert_eq!(
        count(Arc::new(BooleanArray::from(vec![true, false, true]))),
        Some(2)
    );
    assert_eq!(
        count(Arc::new(StringArray::from(vec!["a", "", "a"]))),
        Some(2)
    );
    assert_eq!(
        count(Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, 0.5]))),
        Some(2)
    );
    assert_eq!(count(values(&[])), None);
}

#[test]
fn equal_numbers_of_different_types_are_one_value() {
    let integers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, -7]));
    let sketch = |data_type| aggregate("hll", vec![]).run(&[cast(&integers, &data_type).unwrap()]);
    assert_eq!(sketch(DataType::Int64), sketch(DataType::Float64));
    let positive: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let sketch = |data_type| aggregate("hll", vec![]).run(&[cast(&positive, &data_type).unwrap()]);
    assert_eq!(sketch(DataType::UInt64), sketch(DataType::Int16));
}

#[test]
fn parameters_and_bytes_that_make_no_sense_are_refused() {
    let error = |name: &str, options: Vec<ScalarValue>, column: ArrayRef, expected: &str| {
        let error = aggregate(name, options).error(&[column]);
        assert!(error.contains(expected), "{error}");
    };
    let number = ScalarValue::from;
    error(
        "ddsketch",
        vec![number(0.9)],
        hundred(),
        "ddsketch: argument `accuracy` must be between 0.0001 and 0.5, not 0.9",
    );
    error(
        "tdigest",
        vec![number(1.0)],
        hundred(),
        "tdigest: argument `compression` must be between 10 and 10000, not 1",
    );
    error(
        "hll",
        vec![ScalarValue::from(99_i64)],
        hundred(),
        "hll: argument `precision` must be between 4 and 18",
    );
    error(
        "percentile_agg",
        vec![ScalarValue::Float64(None)],
        hundred(),
        "percentile_agg: argument `accuracy` must be a number, not NULL",
    );
    let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"D\x01nonsense"]));
    error(
        "ddsketch_merge",
        vec![],
        Arc::clone(&bytes),
        "ddsketch_merge: this ddsketch is damaged",
    );
    error(
        "tdigest_merge",
        vec![],
        bytes,
        "tdigest_merge: these bytes are no tdigest",
    );
    error(
        "ddsketch_merge",
        vec![],
        hundred(),
        "ddsketch_merge: a stored sketch is BINARY, not Float64",
    );
    let [fine, coarse] = [0.01, 0.02]
        .map(|accuracy| aggregate("ddsketch", vec![number(accuracy)]).run(&[hundred()]));
    let mixed = ScalarValue::iter_to_array([fine.clone(), coarse]).unwrap();
    error(
        "ddsketch_merge",
        vec![],
        mixed,
        "ddsketch_merge: sketches of different accuracy (0.01 and 0.02) cannot be merged",
    );

    let refused = |args: Vec<ScalarValue>| {
        let args = args.into_iter().map(ColumnarValue::Scalar).collect();
        read("ddsketch_quantile", args)
            .unwrap_err()
            .strip_backtrace()
    };
    assert!(
        refused(vec![fine.clone(), number(1.5)])
            .contains("ddsketch_quantile: argument `q` must be a number from 0 to 1, not 1.5")
    );
    assert!(
        refused(vec![ScalarValue::Binary(Some(b"D".to_vec())), number(0.5)])
            .contains("ddsketch_quantile: these bytes are no ddsketch")
    );
    assert!(refused(vec![fine]).contains("takes ddsketch_quantile(sketch, q)"));
}
