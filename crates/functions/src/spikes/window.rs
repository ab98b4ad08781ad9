//! [`Window`]: the present values of a frame in their order, by arrival or by time.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::cast::as_float64_array;
use datafusion_common::utils::SingleRowListArrayBuilder;
use datafusion_common::{Result, ScalarValue};

/// A queue of values, with their times when the order is theirs. Eight bytes per value, sixteen with times.
#[derive(Debug)]
pub(crate) struct Window {
    values: VecDeque<f64>,
    times: Option<VecDeque<i64>>,
}

/// One batch of a window's columns.
struct Rows<'a> {
    values: &'a Float64Array,
    times: Option<Int64Array>,
}

impl<'a> Rows<'a> {
    fn try_new(values: &'a ArrayRef, times: Option<&ArrayRef>) -> Result<Self> {
        let as_integers = |times: &ArrayRef| -> Result<Int64Array> {
            Ok(cast(times, &DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone())
        };
        let times = times.map(as_integers).transpose()?;
        Ok(Self {
            values: as_float64_array(values)?,
            times,
        })
    }

    /// The rows whose value, and time if there is one, are present.
    fn present(&self) -> impl Iterator<Item = (f64, Option<i64>)> {
        (0..self.values.len()).filter_map(|row| {
            let is_timed = self.times.as_ref().is_none_or(|times| times.is_valid(row));
            let is_present = self.values.is_valid(row) && self.values.value(row).is_finite();
            let time = self.times.as_ref().map(|times| times.value(row));
            (is_present && is_timed).then(|| (self.values.value(row), time))
        })
    }
}

impl Window {
    pub(crate) fn new(has_times: bool) -> Self {
        Self {
            values: VecDeque::new(),
            times: has_times.then(VecDeque::new),
        }
    }

    /// Adds the present rows.
    pub(crate) fn push(&mut self, values: &ArrayRef, times: Option<&ArrayRef>) -> Result<()> {
        for (value, time) in Rows::try_new(values, times)?.present() {
            self.values.push_back(value);
            if let (Some(times), Some(time)) = (&mut self.times, time) {
                times.push_back(time);
            }
        }
        Ok(())
    }

    /// Removes as many of the rows that came first as are present in the given ones.
    pub(crate) fn pop(&mut self, values: &ArrayRef, times: Option<&ArrayRef>) -> Result<()> {
        let count = Rows::try_new(values, times)?
            .present()
            .count()
            .min(self.values.len());
        self.values.drain(..count);
        if let Some(times) = &mut self.times {
            times.drain(..count);
        }
        Ok(())
    }

    /// The values in order, passed to `read`; equal times keep their order of arrival.
    pub(crate) fn in_order<R>(&mut self, read: impl FnOnce(&[f64]) -> R) -> R {
        match &self.times {
            Some(times) if !times.iter().is_sorted() => {
                let mut rows: Vec<(i64, f64)> = times
                    .iter()
                    .copied()
                    .zip(self.values.iter().copied())
                    .collect();
                rows.sort_by_key(|(time, _)| *time);
                let values: Vec<f64> = rows.into_iter().map(|(_, value)| value).collect();
                read(&values)
            }
            _ => read(self.values.make_contiguous()),
        }
    }

    /// Everything in the window as one list, or two with times.
    pub(crate) fn state(&self) -> Vec<ScalarValue> {
        let list = |array: ArrayRef| SingleRowListArrayBuilder::new(array).build_list_scalar();
        let values = Float64Array::from_iter_values(self.values.iter().copied());
        let times = self.times.as_ref();
        let times = times.map(|times| Int64Array::from_iter_values(times.iter().copied()));
        let times = times.map(|times| list(Arc::new(times)));
        std::iter::once(list(Arc::new(values)))
            .chain(times)
            .collect()
    }

    /// Adds the windows that were stored as lists.
    pub(crate) fn merge(&mut self, states: &[ArrayRef]) -> Result<()> {
        let values = states[0].as_list::<i32>();
        let times = states.get(1).map(|times| times.as_list::<i32>());
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let row_times = times.map(|times| times.value(row));
            self.push(&values.value(row), row_times.as_ref())?;
        }
        Ok(())
    }

    /// Heap memory in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let times = self.times.as_ref().map_or(0, VecDeque::capacity);
        self.values.capacity() * size_of::<f64>() + times * size_of::<i64>()
    }
}
