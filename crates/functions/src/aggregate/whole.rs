//! One state for all rows: no GROUP BY, and window frames that only grow.

use analytics::Summary;
use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Accumulator;

use super::{Plan, SummaryFunction, for_each_state, state_scalars};

/// Accumulates whole arrays, a block at a time. Fixed size.
#[derive(Debug)]
pub(crate) struct WholeAccumulator<F: SummaryFunction> {
    plan: Plan<F>,
    state: F::State,
}

impl<F: SummaryFunction> WholeAccumulator<F> {
    pub(crate) fn new(plan: Plan<F>) -> Self {
        Self {
            plan,
            state: F::State::default(),
        }
    }
}

impl<F: SummaryFunction> Accumulator for WholeAccumulator<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let state = &mut self.state;
        self.plan
            .for_each_block(values, |block| state.extend(block))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for_each_state(states, |_, state| self.state.merge(&state))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.plan.scalar(&self.state)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(state_scalars(&self.state))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
