//! GROUP BY: one state per group, updated by whole columns.

use analytics::Summary;
use arrow::array::{ArrayRef, BooleanArray};
use datafusion_common::Result;
use datafusion_expr::EmitTo;

use super::{Item, Plan, SummaryFunction, for_each_state, state_columns};
use crate::collected::Output;
use crate::runs::{GroupStates, Groups};

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

impl<F: SummaryFunction> GroupStates for SummaryGroups<F> {
    fn update(
        &mut self,
        values: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.states.resize(group_count, F::State::default());
        let (plan, states) = (&self.plan, &mut self.states);
        if plan.mapping.is_some() {
            return F::Item::for_each_grouped(values, groups.of_rows, filter, |group, item| {
                if let Some(item) = plan.mapped(item) {
                    states[group].push(item);
                }
            });
        }
        F::Item::for_each_run(values, groups, filter, |group, items| {
            let state = &mut states[group];
            match items.len() < RUN_MIN {
                true => items.iter().for_each(|item| state.push(*item)),
                false => state.extend(items),
            }
        })
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], group_count: usize) -> Result<()> {
        self.states.resize(group_count, F::State::default());
        for_each_state(states, |row, state| self.states[groups[row]].merge(&state))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        let mut results = Vec::with_capacity(states.len());
        self.plan.read.many(&states, &mut results);
        F::Output::array(results, &self.plan.result_type)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(state_columns(&emit_to.take_needed(&mut self.states)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows: Vec<usize> = (0..values[0].len()).collect();
        let mut states = vec![F::State::default(); rows.len()];
        F::Item::for_each_grouped(values, &rows, filter, |row, item| {
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
