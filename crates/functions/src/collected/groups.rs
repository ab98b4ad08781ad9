//! GROUP BY: the rows of many groups.

use arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion_common::Result;
use datafusion_expr::EmitTo;

use super::{CollectedFunction, Output, Plan, Row, lists};
use crate::runs::{GroupStates, Groups};

/// The rows of all groups, one vector per group.
#[derive(Debug)]
pub(super) struct GroupedRows<F: CollectedFunction> {
    plan: Plan<F>,
    groups: Vec<Vec<F::Row>>,
    /// Capacity of all groups, kept up to date: the size is asked for after every batch.
    row_capacity: usize,
}

impl<F: CollectedFunction> GroupedRows<F> {
    pub(super) fn new(plan: Plan<F>) -> Self {
        Self {
            plan,
            groups: vec![],
            row_capacity: 0,
        }
    }

    /// Adds neighbouring rows of one group.
    fn extend(&mut self, group: usize, run: &[F::Row]) -> Result<()> {
        let rows = &mut self.groups[group];
        let capacity = rows.capacity();
        rows.extend_from_slice(run);
        self.row_capacity += rows.capacity() - capacity;
        Plan::<F>::check_count(rows.len())
    }

    fn push(&mut self, group: usize, row: F::Row) -> Result<()> {
        let rows = &mut self.groups[group];
        let capacity = rows.capacity();
        rows.push(row);
        self.row_capacity += rows.capacity() - capacity;
        Plan::<F>::check_count(rows.len())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Vec<F::Row>> {
        let taken = emit_to.take_needed(&mut self.groups);
        self.row_capacity -= taken.iter().map(Vec::capacity).sum::<usize>();
        taken
    }
}

/// Whether a FILTER keeps the row.
fn is_kept(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

impl<F: CollectedFunction> GroupStates for GroupedRows<F> {
    fn update(
        &mut self,
        values: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.groups.resize_with(group_count, Vec::new);
        let columns = &values[..F::Row::width(values.len())];
        if filter.is_none()
            && let Some(rows) = F::Row::complete(columns)?
        {
            return groups
                .runs()
                .try_for_each(|(group, run)| self.extend(group, &rows[run]));
        }
        let mut outcome = Ok(());
        F::Row::for_each_present(columns, |index, row| {
            if is_kept(filter, index) && outcome.is_ok() {
                outcome = self.push(groups.of_rows[index], row);
            }
        })?;
        outcome
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], group_count: usize) -> Result<()> {
        self.groups.resize_with(group_count, Vec::new);
        lists::for_each(states, |list, row| self.push(groups[list], row))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        let results = groups
            .into_iter()
            .map(|mut rows| self.plan.evaluate(&mut rows))
            .collect::<Result<Vec<_>>>()?;
        F::Output::array(results, &self.plan.result_type)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        lists::columns(groups.iter().map(Vec::as_slice), &self.plan.column_types)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut rows: Vec<F::Row> = Vec::with_capacity(values[0].len());
        let mut counts = vec![0; values[0].len()];
        F::Row::for_each_present(&values[..F::Row::width(values.len())], |index, row| {
            if is_kept(filter, index) {
                rows.push(row);
                counts[index] += 1;
            }
        })?;
        let mut rest = rows.as_slice();
        let lists: Vec<&[F::Row]> = counts
            .into_iter()
            .map(|count| {
                let (list, after) = rest.split_at(count);
                rest = after;
                list
            })
            .collect();
        lists::columns(lists.into_iter(), &self.plan.column_types)
    }

    fn size(&self) -> usize {
        let vectors = self.groups.capacity() * size_of::<Vec<F::Row>>();
        size_of_val(self) + vectors + self.row_capacity * size_of::<F::Row>()
    }
}
