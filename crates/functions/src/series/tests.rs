//! Series at once against what DataFusion does, row by row.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use datafusion_common::ScalarValue;
use datafusion_expr::Accumulator;
use datafusion_physical_expr::aggregate::AggregateExprBuilder;
use datafusion_physical_expr::expressions::{col, lit};

use super::{Frames, SeriesFunction, of_accumulator};
use crate::all_aggregate_udfs;

/// Numbers that look random, some of them missing in each of the ways that there are.
fn column(rows: usize) -> ArrayRef {
    let value = |row: usize| {
        let mixed = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        match mixed % 13 {
            0 => None,
            1 => Some(f64::NAN),
            2 => Some(f64::INFINITY),
            _ => Some((mixed % 1000) as f64 / 8.0 - 60.0),
        }
    };
    Arc::new(Float64Array::from_iter((0..rows).map(value)))
}

fn accumulator(name: &str, columns: &[ArrayRef], constants: &[f64]) -> Box<dyn Accumulator> {
    let names = ["a", "b"];
    let named = names.into_iter().zip(columns);
    let batch =
        RecordBatch::try_from_iter_with_nullable(named.map(|(n, c)| (n, Arc::clone(c), true)));
    let schema = batch.unwrap().schema();
    let arguments = (0..columns.len()).map(|index| col(names[index], &schema).unwrap());
    let constants = constants.iter().map(|value| lit(*value));
    let udaf = all_aggregate_udfs()
        .into_iter()
        .find(|udaf| udaf.name() == name);
    let function = AggregateExprBuilder::new(udaf.unwrap(), arguments.chain(constants).collect())
        .schema(schema)
        .alias(name)
        .build();
    function.unwrap().create_sliding_accumulator().unwrap()
}

/// As DataFusion moves a frame.
fn row_by_row(
    mut accumulator: Box<dyn Accumulator>,
    columns: &[ArrayRef],
    frames: &[Range<usize>],
) -> Vec<ScalarValue> {
    let slice = |rows: Range<usize>| -> Vec<ArrayRef> {
        let slices = columns.iter().map(|c| c.slice(rows.start, rows.len()));
        slices.collect()
    };
    let mut inside = 0..0;
    let result = |frame: &Range<usize>| {
        accumulator
            .update_batch(&slice(inside.end..frame.end))
            .unwrap();
        if frame.start > inside.start {
            accumulator
                .retract_batch(&slice(inside.start..frame.start))
                .unwrap();
        }
        inside = frame.clone();
        accumulator.evaluate().unwrap()
    };
    frames.iter().map(result).collect()
}

/// In parts of some rows each.
fn in_parts(
    mut function: Box<dyn SeriesFunction>,
    columns: &[ArrayRef],
    frames: &[Range<usize>],
    part: usize,
) -> Vec<ScalarValue> {
    let mut results = vec![];
    for (number, frames) in frames.chunks(part).enumerate() {
        let first = number * part;
        let columns: Vec<ArrayRef> = columns
            .iter()
            .map(|c| c.slice(first, frames.len()))
            .collect();
        let slides = |row: &usize| {
            let (before, frame) = (&frames[row - 1], &frames[*row]);
            frame.start == before.start + 1 && frame.end == before.end + 1
        };
        // Known of every other part.
        let sliding = match number % 2 {
            0 => (1..frames.len()).rev().take_while(slides).count(),
            _ => 0,
        };
        let frames = Frames {
            first,
            starts: frames.iter().map(|frame| frame.start).collect(),
            ends: frames.iter().map(|frame| frame.end).collect(),
            sliding,
        };
        let found = function.evaluate(&columns, &frames).unwrap();
        assert_eq!(found.len(), frames.len());
        results
            .extend((0..found.len()).map(|row| ScalarValue::try_from_array(&found, row).unwrap()));
    }
    results
}

fn is_close(found: &ScalarValue, expected: &ScalarValue) -> bool {
    match (found, expected) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(e))) => {
            (a - e).abs() <= 1e-12 * e.abs().max(1.0)
        }
        (a, e) => a == e,
    }
}

fn check(name: &str, width: usize, constants: &[f64]) {
    const ROWS: usize = 400;
    let columns: Vec<ArrayRef> = (0..width)
        .map(|skip| column(ROWS + skip).slice(skip, ROWS))
        .collect();
    for preceding in [0, 1, 7, 60, ROWS] {
        let frames: Vec<_> = (0..ROWS)
            .map(|row| row.saturating_sub(preceding)..row + 1)
            .collect();
        let expected = row_by_row(accumulator(name, &columns, constants), &columns, &frames);
        assert!(preceding == 0 || expected.iter().any(|result| !result.is_null()));
        for part in [ROWS, 64, 1] {
            let function = of_accumulator(accumulator(name, &columns, constants));
            let found = in_parts(function.unwrap(), &columns, &frames, part);
            for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    is_close(found, expected),
                    "{name} over {preceding} rows, row {row}, in parts of {part}: {found} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn aggregates_over_frames_are_those_of_row_by_row() {
    for name in [
        "moving_avg",
        "moving_std",
        "rms",
        "peak_to_peak",
        "kurtosis",
        "moving_median",
        "moving_mad",
    ] {
        check(name, 1, &[]);
    }
    check("moving_quantile", 1, &[0.9]);
}

#[test]
fn frames_may_reach_to_the_last_of_several_equal_times() {
    let columns = [column(12)];
    let frames: Vec<_> = (0..12).map(|row| row / 4 * 4..row / 4 * 4 + 4).collect();
    let expected = row_by_row(accumulator("moving_avg", &columns, &[]), &columns, &frames);
    let function = of_accumulator(accumulator("moving_avg", &columns, &[])).unwrap();
    let found = in_parts(function, &columns, &frames, 12);
    assert!(
        found.iter().zip(&expected).all(|(a, e)| is_close(a, e)),
        "{found:?} {expected:?}"
    );
    assert!(columns[0].as_primitive::<Float64Type>().null_count() < 12);
}
