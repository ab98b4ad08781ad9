//! One state for all rows: no GROUP BY, and window frames that only grow.

use analytics::Summary;
use arrow::array::ArrayRef;
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Accumulator;

use super::{Read, for_each_state, state_scalars};
use crate::values::for_each_block;

/// Accumulates whole arrays, a block at a time. Fixed size.
#[derive(Debug)]
pub(crate) struct WholeAccumulator<S> {
    state: S,
    read: Read<S>,
}

impl<S: Summary> WholeAccumulator<S> {
    pub(crate) fn new(read: Read<S>) -> Self {
        Self {
            state: S::default(),
            read,
        }
    }
}

impl<S: Summary> Accumulator for WholeAccumulator<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for_each_block(as_float64_array(&values[0])?, |block| {
            self.state.extend(block)
        });
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for_each_state::<S>(states, |_, state| self.state.merge(&state))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.read)(&self.state)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(state_scalars(&self.state))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
