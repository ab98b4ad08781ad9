//! [`Reduction`]: whole runs put together by a few instructions for many rows.
//!
//! A state that is looked up and stored again for every row costs some nanoseconds a row: the next row waits until it is stored.
//! Of the functions below, the rows of a run make a state by themselves, which is then merged as one.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNumericType, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray,
    UInt64Array,
};
use arrow::compute::{max, min, sum};
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType as Times, UInt64Type,
};
use datafusion::common::Result;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

/// Values that are compared at once.
const LANES: usize = 8;

/// A function of which the rows of a run make a state by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduction {
    Avg,
    Count,
    Max,
    Min,
    Sum,
}

impl Reduction {
    /// That of a stock function over columns that it is written for.
    pub(super) fn of(function: &AggregateFunctionExpr) -> Result<Option<Self>> {
        if function.is_distinct() || function.expressions().len() != 1 {
            return Ok(None);
        }
        let states = function.state_fields()?;
        let states: Vec<_> = states.iter().map(|state| state.data_type()).collect();
        let reduction = match function.fun().name() {
            "avg" => Self::Avg,
            "count" => Self::Count,
            "max" => Self::Max,
            "min" => Self::Min,
            "sum" => Self::Sum,
            _ => return Ok(None),
        };
        let is_known = match (reduction, &states[..]) {
            (Self::Avg, states) => *states == [&DataType::UInt64, &DataType::Float64],
            (Self::Count, states) => *states == [&DataType::Int64],
            (Self::Sum, [state]) => is_number(state),
            (Self::Max | Self::Min, [state]) => {
                is_number(state) || **state == DataType::Timestamp(TimeUnit::Nanosecond, None)
            }
            _ => false,
        };
        Ok(is_known.then_some(reduction))
    }

    /// The states of runs; `None` where the column is not as it was planned.
    pub(super) fn states(self, column: &ArrayRef, runs: &[Range<usize>]) -> Option<Vec<ArrayRef>> {
        Some(match self {
            Self::Avg => vec![
                // A count of none would make a mean of nothing, which is no number, out of no mean.
                Arc::new(UInt64Array::from_iter(
                    counts(column, runs).map(|count| (count > 0).then_some(count as u64)),
                )),
                reduce(column.as_primitive_opt::<Float64Type>()?, runs, sum),
            ],
            Self::Count => vec![Arc::new(Int64Array::from_iter_values(
                counts(column, runs).map(|count| count as i64),
            ))],
            Self::Sum => vec![match column.data_type() {
                DataType::Float64 => reduce(column.as_primitive::<Float64Type>(), runs, sum),
                DataType::Int64 => reduce(column.as_primitive::<Int64Type>(), runs, sum),
                _ => reduce(column.as_primitive_opt::<UInt64Type>()?, runs, sum),
            }],
            Self::Max => vec![match column.data_type() {
                DataType::Float64 => reduce(column.as_primitive::<Float64Type>(), runs, greatest),
                DataType::Int64 => reduce(column.as_primitive::<Int64Type>(), runs, max),
                DataType::UInt64 => reduce(column.as_primitive::<UInt64Type>(), runs, max),
                _ => reduce(column.as_primitive_opt::<Times>()?, runs, max),
            }],
            Self::Min => vec![match column.data_type() {
                DataType::Float64 => reduce(column.as_primitive::<Float64Type>(), runs, least),
                DataType::Int64 => reduce(column.as_primitive::<Int64Type>(), runs, min),
                DataType::UInt64 => reduce(column.as_primitive::<UInt64Type>(), runs, min),
                _ => reduce(column.as_primitive_opt::<Times>()?, runs, min),
            }],
        })
    }
}

fn is_number(kind: &DataType) -> bool {
    matches!(kind, DataType::Float64 | DataType::Int64 | DataType::UInt64)
}

/// How many values each run has.
fn counts(column: &ArrayRef, runs: &[Range<usize>]) -> impl Iterator<Item = usize> {
    let nulls = column.logical_nulls();
    runs.iter().map(move |run| {
        let missing = nulls
            .as_ref()
            .map_or(0, |nulls| nulls.slice(run.start, run.len()).null_count());
        run.len() - missing
    })
}

fn reduce<T: ArrowNumericType + ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    runs: &[Range<usize>],
    one: impl Fn(&PrimitiveArray<T>) -> Option<T::Native>,
) -> ArrayRef {
    let reduced = runs
        .iter()
        .map(|run| one(&column.slice(run.start, run.len())));
    let reduced: PrimitiveArray<T> = reduced.collect();
    Arc::new(reduced.with_data_type(column.data_type().clone()))
}

/// What [`max`] finds, for less: it compares doubles as whole numbers, which takes the most common processors several steps.
fn greatest(values: &PrimitiveArray<Float64Type>) -> Option<f64> {
    extreme(values, f64::NEG_INFINITY, |one, other| one > other).or_else(|| max(values))
}

/// What [`min`] finds.
fn least(values: &PrimitiveArray<Float64Type>) -> Option<f64> {
    extreme(values, f64::INFINITY, |one, other| one < other).or_else(|| min(values))
}

/// The value that is nearest to one end; `None` where that depends on more than comparisons: on NaN, the sign of zeros, or which are NULL.
fn extreme(
    values: &PrimitiveArray<Float64Type>,
    farthest: f64,
    is_nearer: impl Fn(f64, f64) -> bool,
) -> Option<f64> {
    if values.is_empty() || values.null_count() > 0 {
        return None;
    }
    let nearer = |best: f64, value: f64| if is_nearer(value, best) { value } else { best };
    let (blocks, rest) = values.values().as_chunks::<LANES>();
    let mut best = [farthest; LANES];
    let mut is_nan = [0_u64; LANES];
    for block in blocks {
        for lane in 0..LANES {
            best[lane] = nearer(best[lane], block[lane]);
            is_nan[lane] |= u64::from(block[lane].is_nan());
        }
    }
    let found = best.iter().chain(rest);
    let found = found.fold(farthest, |best, value| nearer(best, *value));
    let has_nan = is_nan != [0; LANES] || rest.iter().any(|value| value.is_nan());
    (!has_nan && found != 0.0).then_some(found)
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn extremes_are_those_of_stock_functions() {
        let long: Vec<f64> = (0..100_i32)
            .map(|n| f64::from(n * 37 % 101) - 50.5)
            .collect();
        let mut with_nan = long.clone();
        with_nan[77] = f64::NAN;
        let mut with_negative_nan = long.clone();
        with_negative_nan[3] = -f64::NAN;
        for values in [
            &long[..],
            &long[..8],
            &long[..3],
            &[],
            &with_nan,
            &with_nan[70..78],
            &with_negative_nan,
            &[0.0, -0.0],
            &[-0.0, 0.0, -1.0],
            &[1.0, -0.0, 0.0],
            &[f64::INFINITY; 9],
            &[f64::NEG_INFINITY; 9],
        ] {
            let values = Float64Array::from(values.to_vec());
            let bits = |value: Option<f64>| value.map(f64::to_bits);
            assert_eq!(bits(greatest(&values)), bits(max(&values)), "{values:?}");
            assert_eq!(bits(least(&values)), bits(min(&values)), "{values:?}");
        }
        let gaps = Float64Array::from(vec![None, Some(2.0), None, Some(-1.0)]);
        assert_eq!((greatest(&gaps), least(&gaps)), (Some(2.0), Some(-1.0)));
    }
}
