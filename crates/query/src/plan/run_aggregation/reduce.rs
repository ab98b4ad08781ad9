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
                DataType::Float64 => reduce(column.as_primitive::<Float64Type>(), runs, max),
                DataType::Int64 => reduce(column.as_primitive::<Int64Type>(), runs, max),
                DataType::UInt64 => reduce(column.as_primitive::<UInt64Type>(), runs, max),
                _ => reduce(column.as_primitive_opt::<Times>()?, runs, max),
            }],
            Self::Min => vec![match column.data_type() {
                DataType::Float64 => reduce(column.as_primitive::<Float64Type>(), runs, min),
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
