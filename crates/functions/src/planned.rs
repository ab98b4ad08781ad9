//! The functions as the planner of DataFusion calls them: argument types coerced, constants bound, states declared and
//! moving frames evaluated by its own window expressions.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{Accumulator, AggregateUDF, WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::{CastExpr, col, lit};
use datafusion_physical_expr::window::{SlidingAggregateWindowExpr, WindowExpr};
use datafusion_physical_expr::{PhysicalExpr, PhysicalSortExpr};

use crate::{all_aggregate_udfs, all_scalar_udfs};

type Expr = Arc<dyn PhysicalExpr>;

fn udaf(name: &str) -> Arc<AggregateUDF> {
    all_aggregate_udfs()
        .into_iter()
        .find(|udaf| udaf.name() == name)
        .unwrap()
}

/// The columns `time` (minutes) and `x`.
fn batch(minutes: &[i64], x: ArrayRef) -> RecordBatch {
    let times = minutes.iter().map(|minute| minute * 60_000_000_000);
    let times = TimestampNanosecondArray::from_iter_values(times);
    RecordBatch::try_from_iter_with_nullable([
        ("time", Arc::new(times) as ArrayRef, false),
        ("x", x, true),
    ])
    .unwrap()
}

/// An aggregate call with its arguments cast to what the signature asks for.
fn plan(name: &str, args: Vec<Expr>, batch: &RecordBatch) -> Result<AggregateFunctionExpr> {
    let udaf = udaf(name);
    let schema = batch.schema();
    let fields = args
        .iter()
        .map(|arg| arg.return_field(&schema))
        .collect::<Result<Vec<_>>>()?;
    let coerced = fields_with_udf(&fields, udaf.as_ref())?;
    let args = args
        .into_iter()
        .zip(coerced)
        .map(|(arg, field)| Arc::new(CastExpr::new(arg, field.data_type().clone(), None)) as Expr);
    AggregateExprBuilder::new(udaf, args.collect())
        .schema(schema)
        .alias(name)
        .build()
}

fn run(aggregate: &AggregateFunctionExpr, batch: &RecordBatch) -> Result<ScalarValue> {
    let evaluate = |arg: &Expr| arg.evaluate(batch)?.into_array(batch.num_rows());
    let args = aggregate
        .expressions()
        .iter()
        .map(evaluate)
        .collect::<Result<Vec<_>>>()?;
    let mut accumulator = aggregate.create_accumulator()?;
    accumulator.update_batch(&args)?;
    assert_states_are_as_declared(aggregate, accumulator.as_mut())?;
    accumulator.evaluate()
}

fn assert_states_are_as_declared(
    aggregate: &AggregateFunctionExpr,
    accumulator: &mut dyn Accumulator,
) -> Result<()> {
    let declared: Vec<DataType> = aggregate
        .state_fields()?
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    let actual: Vec<DataType> = accumulator
        .state()?
        .iter()
        .map(ScalarValue::data_type)
        .collect();
    assert_eq!(actual, declared, "{}", aggregate.name());
    Ok(())
}

fn frame(name: &str, args: Vec<Expr>, frame: WindowFrame, batch: &RecordBatch) -> Result<ArrayRef> {
    let aggregate = Arc::new(plan(name, args, batch)?);
    let order = PhysicalSortExpr::new(col("time", &batch.schema())?, SortOptions::default());
    SlidingAggregateWindowExpr::new(aggregate, &[], &[order], Arc::new(frame), None).evaluate(batch)
}

fn nine_rows_preceding() -> WindowFrame {
    let nine = WindowFrameBound::Preceding(ScalarValue::UInt64(Some(9)));
    WindowFrame::new_bounds(WindowFrameUnits::Rows, nine, WindowFrameBound::CurrentRow)
}

fn one_hour_preceding() -> WindowFrame {
    let hour = WindowFrameBound::Preceding(ScalarValue::new_interval_mdn(0, 0, 3_600_000_000_000));
    WindowFrame::new_bounds(WindowFrameUnits::Range, hour, WindowFrameBound::CurrentRow)
}

fn x(batch: &RecordBatch) -> Expr {
    col("x", &batch.schema()).unwrap()
}

#[test]
fn every_numeric_type_is_cast_and_others_are_refused() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![3, 4, 5, 6]));
    for data_type in [
        DataType::Int8,
        DataType::UInt64,
        DataType::Float32,
        DataType::Decimal128(10, 2),
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Int64)),
    ] {
        let batch = batch(&[0, 1, 2, 3], cast(&numbers, &data_type).unwrap());
        let result = run(
            &plan("peak_to_peak", vec![x(&batch)], &batch).unwrap(),
            &batch,
        )
        .unwrap();
        assert_eq!(result, ScalarValue::from(3.0), "{data_type}");
    }
    for data_type in [
        DataType::Utf8,
        DataType::Timestamp(TimeUnit::Nanosecond, None),
    ] {
        let batch = batch(&[0, 1, 2, 3], cast(&numbers, &data_type).unwrap());
        assert!(
            plan("peak_to_peak", vec![x(&batch)], &batch).is_err(),
            "{data_type}"
        );
    }
}

#[test]
fn states_are_as_declared() {
    let batch = batch(
        &[0, 1, 2, 3],
        Arc::new(Float64Array::from(vec![1.0, 2.0, 4.0, 9.0])),
    );
    for name in [
        "rms",
        "peak_to_peak",
        "crest_factor",
        "skewness",
        "kurtosis",
    ] {
        run(&plan(name, vec![x(&batch)], &batch).unwrap(), &batch).unwrap();
    }
    let time = || col("time", &batch.schema()).unwrap();
    for args in [
        vec![x(&batch), lit(3)],
        vec![x(&batch), lit(3), lit("exclude"), time()],
    ] {
        let count = run(&plan("spike_count", args, &batch).unwrap(), &batch).unwrap();
        // 4 is above 1.5 + 3 · 0.71, and 9 above 2.33 + 3 · 1.53.
        assert_eq!(count, ScalarValue::from(2_i64));
    }
}

#[test]
fn options_must_be_constants_that_make_sense() {
    let batch = batch(
        &[0, 1, 2],
        Arc::new(Float64Array::from(vec![1.0, 2.0, 4.0])),
    );
    let check = |name, mut args: Vec<Expr>, expected: &str| {
        args.insert(0, x(&batch));
        let error = run(&plan(name, args, &batch).unwrap(), &batch)
            .unwrap_err()
            .strip_backtrace();
        assert!(error.contains(expected), "{error}");
    };
    check(
        "spike_count",
        vec![x(&batch)],
        "spike_count: argument `k` must be a constant",
    );
    check(
        "spike_count",
        vec![lit(-1)],
        "argument `k` must be a number, 0 or more, not -1",
    );
    check(
        "spike_count",
        vec![lit(3), lit("mean")],
        "must be one of 'exclude', 'robust', 'include'",
    );
    check(
        "kurtosis",
        vec![lit(ScalarValue::Boolean(None))],
        "`bias` must be true or false",
    );
}

#[test]
fn options_choose_the_estimate() {
    let batch = batch(
        &[0, 1, 2, 3],
        Arc::new(Float64Array::from(vec![1.0, 2.0, 4.0, 9.0])),
    );
    let run_with = |bias| {
        run(
            &plan("kurtosis", vec![x(&batch), lit(bias)], &batch).unwrap(),
            &batch,
        )
    };
    assert_ne!(run_with(true).unwrap(), run_with(false).unwrap());
}

#[test]
fn moving_frames_of_rows_equal_their_rows() {
    let values: Vec<Option<f64>> = (0..200_i32)
        .map(|i| match i {
            50 => Some(1e9),
            i if i % 7 == 0 => None,
            i if i % 11 == 0 => Some(f64::NAN),
            i => Some(f64::from(i * i % 97)),
        })
        .collect();
    let minutes: Vec<i64> = (0..200).collect();
    let batch_of = |rows: std::ops::Range<usize>| {
        batch(
            &minutes[rows.clone()],
            Arc::new(Float64Array::from(values[rows].to_vec())),
        )
    };
    let whole = batch_of(0..200);
    for name in [
        "rms",
        "peak_to_peak",
        "crest_factor",
        "skewness",
        "kurtosis",
    ] {
        let moving = frame(name, vec![x(&whole)], nine_rows_preceding(), &whole).unwrap();
        for (row, actual) in moving.as_primitive::<Float64Type>().iter().enumerate() {
            let rows = batch_of(row.saturating_sub(9)..row + 1);
            let ScalarValue::Float64(expected) =
                run(&plan(name, vec![x(&rows)], &rows).unwrap(), &rows).unwrap()
            else {
                panic!("{name} gives DOUBLE");
            };
            match (actual, expected) {
                (Some(a), Some(e)) => {
                    assert!(
                        (a - e).abs() <= 1e-9 * e.abs().max(1.0),
                        "{name} {row}: {a} is not {e}"
                    );
                }
                (a, e) => assert_eq!(a, e, "{name} {row}"),
            }
        }
    }
}

#[test]
fn moving_frames_of_time_reach_back_by_the_clock() {
    let minutes = [0, 20, 60, 61, 90, 200, 210, 225];
    let values = Float64Array::from(vec![1.0, 3.0, -2.0, 4.0, 0.5, 7.0, 7.5, -1.0]);
    let batch = batch(&minutes, Arc::new(values));
    let result = frame(
        "peak_to_peak",
        vec![x(&batch)],
        one_hour_preceding(),
        &batch,
    )
    .unwrap();
    let result: Vec<Option<f64>> = result.as_primitive::<Float64Type>().iter().collect();
    let expected = [
        None,
        Some(2.0),
        Some(5.0),
        Some(6.0),
        Some(6.0),
        None,
        Some(0.5),
        Some(8.5),
    ];
    assert_eq!(result, expected);
}

#[test]
fn spikes_are_counted_while_they_are_in_the_frame() {
    let values = [
        15.1, 14.9, 15.0, 15.2, 14.8, 15.1, 15.0, 14.9, 15.1, 15.0, 14.9, 25.0, 15.0, 15.1,
    ];
    let minutes: Vec<i64> = (0..14).collect();
    let batch = batch(&minutes, Arc::new(Float64Array::from(values.to_vec())));
    let args = vec![x(&batch), lit(3), lit("robust")];
    let counts = frame("spike_count", args, nine_rows_preceding(), &batch).unwrap();
    let counts: Vec<Option<i64>> = counts.as_primitive::<Int64Type>().iter().collect();
    let expected = [vec![None; 2], vec![Some(0); 9], vec![Some(1); 3]].concat();
    assert_eq!(counts, expected);
}

#[test]
fn scalars_take_any_numbers_in_the_right_count() {
    let check = |name: &str, types: &[DataType], is_accepted: bool| {
        let udf = all_scalar_udfs()
            .into_iter()
            .find(|udf| udf.name() == name)
            .unwrap();
        let field = |data_type: &DataType| Arc::new(Field::new("x", data_type.clone(), true));
        let fields: Vec<FieldRef> = types.iter().map(field).collect();
        let coerced = fields_with_udf(&fields, udf.as_ref()).and_then(|fields| {
            let types: Vec<DataType> = fields.iter().map(|f| f.data_type().clone()).collect();
            udf.return_type(&types).map(|_| types)
        });
        let expected = is_accepted.then(|| vec![Float64; types.len()]);
        assert_eq!(coerced.ok(), expected, "{name}({types:?})");
    };
    use DataType::{Decimal128, Float32, Float64, Int64, Null, UInt8, Utf8};
    check("pf_score", &[Float32], true);
    check("pf_score", &[Decimal128(5, 2), Int64, UInt8], true);
    check("pf_score", &[Null], true);
    check("pf_score", &[], false);
    check("pf_score", &[Utf8], false);
    check("voltage_stability", &[Float64, Int64, Int64], false);
    check("power_vibration_ratio", &[Float64], false);
    check("risk_level", &[Int64, Int64, Int64, Float32], true);
    check(
        "health_index",
        &[Float64, Int64, Decimal128(5, 2), Float64, Null, Int64],
        true,
    );
    check("health_index", &[Utf8, Utf8, Utf8], false);
    check("degradation_index", &[Float64, Int64, Int64, Int64], false);
}
