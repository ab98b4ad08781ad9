//! GROUP BY: one state per group, updated by whole columns.

use std::sync::Arc;

use analytics::Summary;
use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate;

use super::{Read, for_each_state, state_columns};

/// The states of all groups, side by side. One state per group.
#[derive(Debug)]
pub(crate) struct SummaryGroups<S> {
    states: Vec<S>,
    read: Read<S>,
}

impl<S: Summary> SummaryGroups<S> {
    pub(crate) fn new(read: Read<S>) -> Self {
        Self {
            states: vec![],
            read,
        }
    }
}

impl<S: Summary> GroupsAccumulator for SummaryGroups<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.states.resize(total_num_groups, S::default());
        let values = as_float64_array(&values[0])?;
        accumulate(group_indices, values, opt_filter, |group, value| {
            if value.is_finite() {
                self.states[group].push(value);
            }
        });
        Ok(())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.states.resize(total_num_groups, S::default());
        for_each_state::<S>(values, |row, state| {
            self.states[group_indices[row]].merge(&state)
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        Ok(Arc::new(
            states.iter().map(self.read).collect::<Float64Array>(),
        ))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(state_columns(&emit_to.take_needed(&mut self.states)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = as_float64_array(&values[0])?;
        let rows: Vec<usize> = (0..values.len()).collect();
        let mut states = vec![S::default(); values.len()];
        accumulate(&rows, values, opt_filter, |row, value| {
            if value.is_finite() {
                states[row].push(value);
            }
        });
        Ok(state_columns(&states))
    }

    fn size(&self) -> usize {
        self.states.capacity() * size_of::<S>()
    }
}
