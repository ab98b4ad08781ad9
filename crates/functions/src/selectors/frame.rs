//! [`PickedFrame`]: the best row of a moving frame, in constant amortised time per row.
//!
//! The queue holds the rows that can still become the best: a row leaves it when a later one is as good. What is
//! left is sorted, best first (the monotonic queue of sliding maxima). Rows are encoded as a whole.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::row::RowConverter;
use datafusion_common::{Result, ScalarValue, internal_datafusion_err, not_impl_err};
use datafusion_expr::Accumulator;

use super::best::decode;
use super::picked::Output;
use super::plan::{Plan, is_present};

/// The rows of the frame that no later row is as good as.
#[derive(Debug)]
pub(crate) struct PickedFrame {
    plan: Plan,
    output: Output,
    converter: RowConverter,
    /// Every row with its number, best first.
    queue: VecDeque<(u64, Box<[u8]>)>,
    /// The numbers of the oldest row in the frame and of the next one to come.
    oldest: u64,
    next: u64,
    heap_bytes: usize,
}

impl PickedFrame {
    pub(crate) fn try_new(plan: &Plan, output: Output) -> Result<Self> {
        let plan = plan.encoded();
        let Some(converter) = plan.rest_converter()? else {
            return Err(internal_datafusion_err!(
                "a selector has at least two columns"
            ));
        };
        Ok(Self {
            plan,
            output,
            converter,
            queue: VecDeque::new(),
            oldest: 0,
            next: 0,
            heap_bytes: 0,
        })
    }

    fn push(&mut self, row: &[u8]) {
        while let Some((_, worse)) = self.queue.pop_back_if(|(_, last)| **last <= *row) {
            self.heap_bytes -= worse.len();
        }
        self.heap_bytes += row.len();
        self.queue.push_back((self.next, row.into()));
        self.next += 1;
    }

    /// The columns of the best row.
    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let best = self.queue.front().map(|(_, row)| &**row);
        let decoded = decode(&self.converter, std::iter::once(best))?;
        let mut columns: Vec<(usize, ArrayRef)> = self.plan.rest().zip(decoded).collect();
        columns.sort_by_key(|(column, _)| *column);
        let typed = columns.iter().zip(self.plan.types());
        typed
            .map(|((_, array), data_type)| Ok(cast(array, data_type)?))
            .collect()
    }
}

impl Accumulator for PickedFrame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let present = is_present(values)?;
        let columns: Vec<ArrayRef> = self
            .plan
            .rest()
            .map(|column| Arc::clone(&values[column]))
            .collect();
        let encoded = self.converter.convert_columns(&columns)?;
        for (row, bytes) in encoded.iter().enumerate() {
            if present.as_ref().is_none_or(|present| present.is_valid(row)) {
                self.push(bytes.data());
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let absent = is_present(values)?.map_or(0, |present| present.null_count());
        self.oldest += (values[0].len() - absent) as u64;
        while let Some((_, gone)) = self.queue.pop_front_if(|(number, _)| *number < self.oldest) {
            self.heap_bytes -= gone.len();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.output.of(self.columns()?), 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.columns()?;
        columns
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        not_impl_err!("moving frames cannot be merged")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.heap_bytes + self.queue.capacity() * size_of::<(u64, Box<[u8]>)>()
    }
}
