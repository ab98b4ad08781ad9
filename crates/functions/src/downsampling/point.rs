//! [`Point`]: a time and a value, as the records of this family are.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::collected::output::{floats, integers};
use crate::collected::{Record, Timed};

/// A point of a list: `time` and `value`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) time: i64,
    pub(crate) value: Option<f64>,
}

impl Record for Point {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[1].clone()),
            ("value", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |point| Some(point.time)),
            floats(records, |point| point.value),
        ]
    }
}

/// Times and values as two columns.
pub(crate) fn columns(rows: &[Timed]) -> (Vec<i64>, Vec<f64>) {
    rows.iter().map(|row| (row.time, row.value)).unzip()
}

/// The rows that a function keeps, given times and values; NULL when there are no rows.
pub(crate) fn kept(
    rows: &[Timed],
    keep: impl FnOnce(&[i64], &[f64]) -> Vec<usize>,
) -> Option<Vec<Point>> {
    if rows.is_empty() {
        return None;
    }
    let (times, values) = columns(rows);
    let point = |index: usize| Point {
        time: times[index],
        value: Some(values[index]),
    };
    Some(keep(&times, &values).into_iter().map(point).collect())
}

/// The last of the rows of every time, which is the one with the largest value.
pub(crate) fn distinct(rows: &[Timed]) -> Vec<Timed> {
    let times = rows.chunk_by(|a, b| a.time == b.time);
    times.filter_map(|same| same.last().copied()).collect()
}
