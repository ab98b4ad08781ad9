//! The work of gap filling against a naive model that sees all rows at once, however they are cut into
//! batches.

use std::sync::Arc;

use analytics::interpolation::{Point, Spline, linear, pchip};
use arrow::array::{AsArray, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::datatypes::TimestampNanosecondType;
use arrow::datatypes::{
    DataType, Field, Float64Type, IntervalMonthDayNano, Schema, SchemaRef, TimeUnit,
};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::functions::datetime::date_bin;
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, col, create_udf, lit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use proptest::prelude::*;

use super::exec::{FilledSpec, Spec};
use super::filling::{Filling, Step};
use super::functions::Fill;
use super::grid::{Binning, Grid};
use super::output::Output;
use super::rows::Rows;

const FILLS: [Fill; 7] = [
    Fill::Previous,
    Fill::Next,
    Fill::Nearest,
    Fill::Linear,
    Fill::Pchip,
    Fill::Spline,
    Fill::Constant,
];

/// A group, a bin, a value.
type Row = (String, i64, Option<f64>);

#[derive(Debug, Clone)]
struct Case {
    /// Sorted, every bin of a group once.
    rows: Vec<Row>,
    fills: Vec<Fill>,
    first: i64,
    last: i64,
    gap_max: u64,
    /// Lengths of the batches of the input.
    cuts: Vec<usize>,
    batch_rows: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let value = prop::option::weighted(0.7, (-5i32..5).prop_map(f64::from));
    let row = ("[abc]", 0i64..12, value);
    (
        prop::collection::vec(row, 0..30),
        prop::sample::subsequence(FILLS.to_vec(), 0..=7),
        (0i64..3, 8i64..14),
        prop::sample::select(vec![u64::MAX, 10, 20, 30]),
        prop::collection::vec(1usize..5, 30),
        1usize..9,
    )
        .prop_map(
            |(mut rows, fills, (first, last), gap_max, cuts, batch_rows)| {
                rows.retain(|(_, bin, _)| (first..=last).contains(bin));
                rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
                rows.dedup_by(|a, b| (&a.0, a.1) == (&b.0, b.1));
                let rows = rows
                    .into_iter()
                    .map(|(group, bin, value)| (group, bin * 10, value));
                Case {
                    rows: rows.collect(),
                    fills,
                    first: first * 10,
                    last: last * 10,
                    gap_max,
                    cuts,
                    batch_rows,
                }
            },
        )
}

fn schemas(fills: usize) -> (SchemaRef, SchemaRef) {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let mut fields = vec![
        Field::new("group", DataType::Utf8, true),
        Field::new("time", time, true),
        Field::new("value", DataType::Float64, true),
    ];
    let input = Arc::new(Schema::new(fields.clone()));
    let filled = (0..fills).map(|at| Field::new(format!("filled {at}"), DataType::Float64, true));
    fields.extend(filled);
    (input, Arc::new(Schema::new(fields)))
}

fn batch(schema: &SchemaRef, rows: &[Row]) -> RecordBatch {
    let groups = StringArray::from_iter_values(rows.iter().map(|row| &row.0));
    let times = TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.1));
    let values = Float64Array::from_iter(rows.iter().map(|row| row.2));
    let columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(groups), Arc::new(times), Arc::new(values)];
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

/// Runs a case; also tells how many rows of the output there were when each batch was asked for.
fn run(case: &Case) -> (Vec<RecordBatch>, Vec<usize>) {
    let (input, output) = schemas(case.fills.len());
    let filled = case.fills.iter().map(|&fill| FilledSpec {
        fill,
        source: Arc::new(Column::new("value", 2)),
        gap_max: case.gap_max,
        constant: (fill == Fill::Constant).then(|| (-1.0).into()),
    });
    let spec = Arc::new(Spec {
        column_count: 3,
        group: vec![0],
        time: 1,
        grid: Grid::Regular {
            first: case.first,
            last: case.last,
            stride: 10,
        },
        filled: filled.collect(),
    });
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let memory = MemoryConsumer::new("test").register(&pool);
    let rows = Rows::new(Arc::clone(&spec), vec![DataType::Utf8], memory).unwrap();
    let out = Output::new(Arc::clone(&spec), output);
    let mut filling = Filling::new(spec, rows, out, case.batch_rows);
    let (mut rest, mut cuts) = (&case.rows[..], case.cuts.iter());
    let (mut batches, mut row_counts, mut row_count) = (Vec::new(), Vec::new(), 0);
    loop {
        match filling.step().unwrap() {
            Step::NeedInput if rest.is_empty() => {
                row_counts.push(row_count);
                filling.finish();
            }
            Step::NeedInput => {
                row_counts.push(row_count);
                let length = rest.len().min(*cuts.next().expect("there are enough"));
                filling.push(&batch(&input, &rest[..length])).unwrap();
                rest = &rest[length..];
            }
            Step::Output(batch) => {
                assert!(batch.num_rows() <= case.batch_rows);
                row_count += batch.num_rows();
                batches.push(batch);
            }
            Step::Done => break,
        }
    }
    drop(filling);
    assert_eq!(pool.reserved(), 0);
    (batches, row_counts)
}

/// What must come out: group, bin, value, filled values.
fn expected(case: &Case) -> Vec<(String, i64, Vec<Option<f64>>)> {
    let mut groups: Vec<&String> = case.rows.iter().map(|row| &row.0).collect();
    groups.dedup();
    let mut rows = Vec::new();
    for group in groups {
        let of_group = || case.rows.iter().filter(|row| row.0 == *group);
        let knots = of_group().filter_map(|row| Some((row.1, row.2?)));
        let knots: Vec<(i64, f64)> = knots.collect();
        for bin in (case.first..=case.last).step_by(10) {
            let given = of_group().find(|row| row.1 == bin).and_then(|row| row.2);
            let filled = case.fills.iter();
            let filled =
                filled.map(|&fill| given.or_else(|| fill_at(fill, &knots, bin, case.gap_max)));
            let values = [given].into_iter().chain(filled).collect();
            rows.push((group.clone(), bin, values));
        }
    }
    rows
}

fn fill_at(fill: Fill, knots: &[(i64, f64)], bin: i64, gap_max: u64) -> Option<f64> {
    let at = knots.partition_point(|knot| knot.0 < bin);
    let (before, after) = (
        at.checked_sub(1).map(|at| knots[at]),
        knots.get(at).copied(),
    );
    let near = |knot: Option<(i64, f64)>| {
        let (time, value) = knot?;
        (time.abs_diff(bin) <= gap_max).then_some(value)
    };
    let point = |(time, y): (i64, f64)| Point { x: time as f64, y };
    match fill {
        Fill::Constant => return Some(-1.0),
        Fill::Previous => return near(before),
        Fill::Next => return near(after),
        Fill::Nearest => {
            let distance = |knot: Option<(i64, f64)>| knot.map_or(u64::MAX, |k| k.0.abs_diff(bin));
            let is_before = distance(before) <= distance(after);
            return near(if is_before { before } else { after });
        }
        Fill::Linear | Fill::Pchip | Fill::Spline => {}
    }
    let (before, after) = (before?, after?);
    if after.0.abs_diff(before.0) > gap_max {
        return None;
    }
    let x = bin as f64;
    match fill {
        Fill::Linear => Some(linear(point(before), point(after), x)),
        Fill::Pchip => {
            let previous = at.checked_sub(2).map(|at| point(knots[at]));
            let next = knots.get(at + 1).copied().map(point);
            Some(pchip(previous, point(before), point(after), next, x))
        }
        _ => Spline::through(knots.iter().copied().map(point).collect())?.at(x),
    }
}

fn check(case: &Case) {
    let (batches, _) = run(case);
    let mut actual: Vec<(String, i64, Vec<Option<f64>>)> = Vec::new();
    for batch in &batches {
        let groups = batch.column(0).as_string::<i32>();
        let times = batch.column(1).as_primitive::<TimestampNanosecondType>();
        for row in 0..batch.num_rows() {
            let values = batch.columns()[2..].iter().map(|column| {
                let column = column.as_primitive::<Float64Type>();
                column.iter().nth(row).unwrap()
            });
            actual.push((
                groups.value(row).to_owned(),
                times.value(row),
                values.collect(),
            ));
        }
    }
    let expected = expected(case);
    assert_eq!(actual.len(), expected.len(), "{actual:?} {expected:?}");
    for (actual, expected) in actual.iter().zip(&expected) {
        let is_same = (actual.2.iter()).zip(&expected.2).all(|pair| match pair {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            (a, b) => a == b,
        });
        let same_place = (&actual.0, actual.1) == (&expected.0, expected.1);
        assert!(same_place && is_same, "{actual:?} is not {expected:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn gaps_are_filled_as_if_all_rows_were_there_at_once(case in case()) {
        check(&case);
    }
}

#[test]
fn rows_come_out_before_the_group_ends() {
    let row = |bin: i64| {
        (
            "a".to_owned(),
            bin * 10,
            (bin % 20 == 0).then_some(bin as f64),
        )
    };
    let case = |fills: &[Fill]| Case {
        rows: (0..=100).step_by(10).map(row).collect(),
        fills: fills.to_vec(),
        first: 0,
        last: 1000,
        gap_max: u64::MAX,
        cuts: vec![1; 20],
        batch_rows: 5,
    };
    // After each row that comes, so many of the bins until then are out, in whole batches.
    let check = |fills: &[Fill], expected: &[usize]| {
        assert_eq!(
            run(&case(fills)).1[..expected.len()],
            *expected,
            "{fills:?}"
        );
    };
    check(&[], &[0, 0, 10, 20, 30, 40]);
    check(&[Fill::Previous, Fill::Constant], &[0, 0, 10, 20, 30, 40]);
    check(&[Fill::Next], &[0, 0, 0, 20, 20, 40]);
    check(&[Fill::Linear, Fill::Previous], &[0, 0, 0, 20, 20, 40]);
    check(&[Fill::Pchip], &[0, 0, 0, 0, 0, 20, 20, 40]);
    check(&[Fill::Spline], &[0, 0, 0, 0, 0, 0]);
}

#[test]
fn regular_grids_end_with_the_range_of_times() {
    let grid = Grid::Regular {
        first: i64::MAX - 25,
        last: i64::MAX,
        stride: 10,
    };
    let starts: Vec<_> = (0..).map_while(|place| grid.at(place)).collect();
    assert_eq!(starts, [i64::MAX - 25, i64::MAX - 15, i64::MAX - 5]);
    assert_eq!(Grid::empty().at(0), None);
}

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Checks the bins that are listed against those that times are put into, step by step.
fn check_listed(
    stride: IntervalMonthDayNano,
    start: &Arc<dyn PhysicalExpr>,
    range: std::ops::RangeInclusive<i64>,
    step: i64,
) {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let schema = Arc::new(Schema::new(vec![Field::new("time", time, false)]));
    let times = range.clone().step_by(usize::try_from(step).unwrap());
    let times = TimestampNanosecondArray::from_iter_values(times);
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(times)]).unwrap();
    let starts = start.evaluate(&batch).unwrap().into_array(batch.num_rows());
    let starts = starts.unwrap();
    let mut expected = starts
        .as_primitive::<TimestampNanosecondType>()
        .values()
        .to_vec();
    expected.dedup();
    let binning = Binning {
        stride,
        is_wall_clock: true,
        start: Arc::clone(start),
        schema,
    };
    let grid = Grid::over(&binning, *range.start(), *range.end()).unwrap();
    let listed: Vec<_> = (0..).map_while(|place| grid.at(place)).collect();
    assert_eq!(listed, expected, "{stride:?}");
}

fn physical(expression: Expr) -> Arc<dyn PhysicalExpr> {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let schema = Schema::new(vec![Field::new("time", time, false)]);
    let schema = DFSchema::try_from(schema).unwrap();
    let session = SessionStateBuilder::new().with_default_features().build();
    session.create_physical_expr(expression, &schema).unwrap()
}

#[test]
fn every_month_is_listed_once() {
    for months in [1, 2, 5, 12, 25] {
        for origin in [0, 14 * DAY + 6 * HOUR, 30 * DAY, -DAY] {
            let stride = IntervalMonthDayNano::new(months, 0, 0);
            let origin = ScalarValue::TimestampNanosecond(Some(origin), None);
            let start = date_bin().call(vec![lit_interval(stride), col("time"), lit(origin)]);
            check_listed(stride, &physical(start), -4000 * DAY..=4000 * DAY, 6 * HOUR);
        }
    }
}

fn lit_interval(stride: IntervalMonthDayNano) -> Expr {
    lit(ScalarValue::IntervalMonthDayNano(Some(stride)))
}

/// A clock that is put forward by an hour at the first moment, and back at the second.
const FORWARD: i64 = DAY + HOUR;
const BACK: i64 = 3 * DAY + 2 * HOUR;

/// The bin of a time on that clock: it begins with the latest moment at which the clock showed its first
/// reading, or when that reading was skipped.
fn start_on_the_clock(time: i64, stride: i64) -> i64 {
    let offset = |time: i64| {
        if (FORWARD..BACK).contains(&time) {
            HOUR
        } else {
            0
        }
    };
    let reading = (time + offset(time)).div_euclid(stride) * stride;
    let moments = [reading, reading - HOUR].into_iter();
    let shown = moments.filter(|&moment| moment + offset(moment) == reading && moment <= time);
    shown.max().unwrap_or(FORWARD)
}

#[test]
fn bins_on_a_clock_that_is_changed_are_listed_once() {
    for minutes in [15, 20, 60, 120, 360, 1440, 2880, 7, 25] {
        let stride = minutes * MINUTE;
        let kind = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let floor = move |arguments: &[ColumnarValue]| {
            let times = ColumnarValue::values_to_arrays(arguments)?.remove(0);
            let times = times.as_primitive::<TimestampNanosecondType>();
            let starts = times
                .iter()
                .map(|time| Some(start_on_the_clock(time?, stride)));
            let starts: TimestampNanosecondArray = starts.collect();
            Ok(ColumnarValue::Array(Arc::new(starts)))
        };
        let floor = create_udf(
            "floor_on_the_clock",
            vec![kind.clone()],
            kind,
            Volatility::Immutable,
            Arc::new(floor),
        );
        // Bins that do not fit into the hour run into one another when the clock is put back.
        let end = if 60 % minutes == 0 || minutes % 60 == 0 {
            6 * DAY
        } else {
            2 * DAY
        };
        let start = physical(floor.call(vec![col("time")]));
        let stride = IntervalMonthDayNano::new(0, 0, stride);
        check_listed(stride, &start, -DAY..=end, MINUTE);
    }
}
