//! GROUP BY: one state per group, updated by whole columns.

use analytics::Summary;
use arrow::array::{ArrayRef, BooleanArray};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};

use super::{Item, Plan, SummaryFunction, for_each_state, state_columns};
use crate::collected::Output;

/// Fewer items than this are added one at a time: a summary of a block has to be merged.
const RUN_MIN: usize = 8;

/// The states of all groups, side by side. One state per group.
#[derive(Debug)]
pub(crate) struct SummaryGroups<F: SummaryFunction> {
    plan: Plan<F>,
    states: Vec<F::State>,
}

impl<F: SummaryFunction> SummaryGroups<F> {
    pub(crate) fn new(plan: Plan<F>) -> Self {
        Self {
            plan,
            states: vec![],
        }
    }
}

impl<F: SummaryFunction> GroupsAccumulator for SummaryGroups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.states.resize(total_num_groups, F::State::default());
        let (plan, states) = (&self.plan, &mut self.states);
        if plan.mapping.is_some() {
            return F::Item::for_each_grouped(values, group_indices, opt_filter, |group, item| {
                if let Some(item) = plan.mapped(item) {
                    states[group].push(item);
                }
            });
        }
        F::Item::for_each_run(values, group_indices, opt_filter, |group, items| {
            let state = &mut states[group];
            match items.len() < RUN_MIN {
                true => items.iter().for_each(|item| state.push(*item)),
                false => state.extend(items),
            }
        })
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.states.resize(total_num_groups, F::State::default());
        for_each_state(values, |row, state| {
            self.states[group_indices[row]].merge(&state)
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        let results = states.iter().map(|state| (self.plan.read)(state)).collect();
        F::Output::array(results, &self.plan.result_type)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(state_columns(&emit_to.take_needed(&mut self.states)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows: Vec<usize> = (0..values[0].len()).collect();
        let mut states = vec![F::State::default(); rows.len()];
        F::Item::for_each_grouped(values, &rows, opt_filter, |row, item| {
            if let Some(item) = self.plan.mapped(item) {
                states[row].push(item);
            }
        })?;
        Ok(state_columns(&states))
    }

    fn size(&self) -> usize {
        self.states.capacity() * size_of::<F::State>()
    }
}
