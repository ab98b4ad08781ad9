//! Aggregate functions with states for runs of rows.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, aggregate_expressions};

use functions::runs::RunsAccumulator;

use super::reduce::Reduction;

/// Runs that are at least so long on average are put together before they come to the states.
const LONG: usize = 16;

/// The functions of an aggregate.
pub(in crate::plan) struct Functions(Vec<Function>);

struct Function {
    states: Box<dyn GroupsAccumulator>,
    reduction: Option<Reduction>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

impl Functions {
    /// Those of an aggregate over rows.
    pub(in crate::plan) fn new(aggregate: &AggregateExec) -> Result<Self> {
        let arguments = aggregate_expressions(
            aggregate.aggr_expr(),
            aggregate.mode(),
            aggregate.group_expr().num_group_exprs(),
        )?;
        let filters = aggregate.filter_expr().iter().cloned();
        let functions = aggregate.aggr_expr().iter().zip(arguments).zip(filters);
        let functions = functions.map(|((function, arguments), filter)| {
            Ok(Function {
                states: function.create_groups_accumulator()?,
                reduction: Reduction::of(function)?,
                arguments,
                filter,
            })
        });
        Ok(Self(functions.collect::<Result<_>>()?))
    }

    /// The memory that states take.
    pub(in crate::plan) fn size(&self) -> usize {
        self.0.iter().map(|function| function.states.size()).sum()
    }

    /// Adds rows.
    pub(in crate::plan) fn add(&mut self, batch: &Batch) -> Result<()> {
        self.0
            .iter_mut()
            .try_for_each(|function| function.add(batch))
    }

    /// Takes the states of all runs.
    pub(in crate::plan) fn states(&mut self) -> Result<Vec<ArrayRef>> {
        let mut columns = vec![];
        for function in &mut self.0 {
            columns.extend(function.states.state(EmitTo::All)?);
        }
        Ok(columns)
    }

    /// Takes the results of runs, which nothing more comes to.
    pub(in crate::plan) fn results(&mut self, of: EmitTo) -> Result<Vec<ArrayRef>> {
        let results = self
            .0
            .iter_mut()
            .map(|function| function.states.evaluate(of));
        results.collect()
    }
}

/// Rows, the runs that they are, and the states that these belong to.
pub(in crate::plan) struct Batch<'a> {
    pub(in crate::plan) rows: &'a RecordBatch,
    pub(in crate::plan) runs: &'a [Range<usize>],
    pub(in crate::plan) state_of_row: &'a [usize],
    /// How many states there are, those of former batches among them.
    pub(in crate::plan) count: usize,
}

impl Function {
    fn add(&mut self, batch: &Batch) -> Result<()> {
        let array = |expression: &Arc<dyn PhysicalExpr>| {
            let value = expression.evaluate(batch.rows)?;
            value.into_array(batch.rows.num_rows())
        };
        let arguments = self.arguments.iter().map(array);
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let is_long = batch.runs.len() * LONG <= batch.rows.num_rows();
        if let (Some(reduction), None, true) = (self.reduction, &self.filter, is_long)
            && let Some(states) = reduction.states(&arguments[0], batch.runs)
        {
            let first = |run: &Range<usize>| batch.state_of_row[run.start];
            let of_runs: Vec<usize> = batch.runs.iter().map(first).collect();
            return self.states.merge_batch(&states, &of_runs, batch.count);
        }
        let filter = self.filter.as_ref().map(array).transpose()?;
        let filter = filter.as_ref().map(|filter| filter.as_boolean());
        let (of_rows, count) = (batch.state_of_row, batch.count);
        let states: &mut dyn Any = &mut *self.states;
        match states.downcast_mut::<RunsAccumulator>() {
            Some(states) => states.update_runs(&arguments, of_rows, batch.runs, filter, count),
            None => (self.states).update_batch(&arguments, of_rows, filter, count),
        }
    }
}
