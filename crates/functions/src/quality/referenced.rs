//! [`Referenced`]: a value, what it should be, and its time.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;

use crate::collected::rows::{finite, time_integers, time_types};
use crate::collected::{Call, Row, Timed};
use crate::values::is_present;

/// A row of a sensor and its reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Referenced {
    time: i64,
    value: f64,
    reference: f64,
}

impl Referenced {
    /// How far the value is from the reference.
    pub(super) fn residual(&self) -> Timed {
        Timed {
            time: self.time,
            value: self.value - self.reference,
        }
    }

    /// Whether the times of a call are timestamps.
    pub(super) fn has_timestamps(call: &Call) -> bool {
        matches!(call.column_types().get(2), Some(DataType::Timestamp(..)))
    }
}

impl Row for Referenced {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        time_types()
            .map(|time| vec![DataType::Float64, DataType::Float64, time])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let references = as_float64_array(&columns[1])?;
        let times = time_integers(&columns[2])?;
        for (row, value) in finite(as_float64_array(&columns[0])?) {
            if times.is_valid(row) && is_present(references, row) {
                each(
                    row,
                    Self {
                        time: times.value(row),
                        value,
                        reference: references.value(row),
                    },
                );
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let values = rows.clone().map(|row| row.value);
        let references = rows.clone().map(|row| row.reference);
        let times = rows.map(|row| row.time);
        vec![
            Arc::new(Float64Array::from_iter_values(values)),
            Arc::new(Float64Array::from_iter_values(references)),
            Arc::new(Int64Array::from_iter_values(times)),
        ]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.time
            .cmp(&other.time)
            .then(self.value.total_cmp(&other.value))
            .then(self.reference.total_cmp(&other.reference))
    }
}
