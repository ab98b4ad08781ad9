//! [`Reading`]: a row that has a time, and a value or none.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;

use crate::collected::rows::{time_integers, time_types};
use crate::collected::{Call, Row};
use crate::values::is_present;

/// A row, whether or not it has a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    pub(super) time: i64,
    pub(super) value: Option<f64>,
}

impl Reading {
    /// The times alone.
    pub(super) fn times(rows: &[Self]) -> Vec<i64> {
        rows.iter().map(|row| row.time).collect()
    }
}

/// The option `step` in units of the time column; `None` when it was not given.
pub(super) fn step(call: &Call) -> Result<Option<f64>> {
    match call.option("step") {
        None => Ok(None),
        Some(_) => call.length("step").map(Some),
    }
}

impl Row for Reading {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        time_types()
            .map(|time| vec![DataType::Float64, time])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let values = as_float64_array(&columns[0])?;
        let times = time_integers(&columns[1])?;
        for (row, time) in times.iter().enumerate() {
            if let Some(time) = time {
                let value = is_present(values, row).then(|| values.value(row));
                each(row, Self { time, value });
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let values = rows.clone().map(|row| row.value);
        let times = rows.map(|row| row.time);
        vec![
            Arc::new(values.collect::<Float64Array>()),
            Arc::new(Int64Array::from_iter_values(times)),
        ]
    }

    fn order(&self, other: &Self) -> Ordering {
        // Rows without a value come first.
        let value = |row: &Self| row.value.unwrap_or(f64::NEG_INFINITY);
        self.time
            .cmp(&other.time)
            .then(value(self).total_cmp(&value(other)))
    }
}
