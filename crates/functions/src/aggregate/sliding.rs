//! Moving window frames, in constant amortised time per row.

use analytics::{Sliding, Summary};
use arrow::array::ArrayRef;
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::Accumulator;

use super::{Read, state_scalars};
use crate::values::{for_each_block, present_count};

/// Accumulates the rows of a frame whose both ends move forward. One state and one value per row in the frame.
///
/// Rows leave in the order in which they came, which is how frames move; so only *how many* present values leave matters.
#[derive(Debug)]
pub(crate) struct SlidingAccumulator<S> {
    window: Sliding<S>,
    read: Read<S>,
}

impl<S: Summary> SlidingAccumulator<S> {
    pub(crate) fn new(read: Read<S>) -> Self {
        Self {
            window: Sliding::default(),
            read,
        }
    }
}

impl<S: Summary> Accumulator for SlidingAccumulator<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for_each_block(as_float64_array(&values[0])?, |block| {
            self.window.extend(block)
        });
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.window
            .pop(present_count(as_float64_array(&values[0])?));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.read)(&self.window.summary())))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(state_scalars(&self.window.summary()))
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        // A merged state could never leave the frame again; windows are not computed in parts.
        not_impl_err!("moving frames cannot be merged")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.window.heap_bytes()
    }
}
