//! Where runs can be expected.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::exec::RunAggregateExec;
use crate::buffered_exec::BufferedExec;
use crate::in_turn_exec::InTurnExec;
use crate::plan::series_groups::SeriesGroupsExec;

/// As many functions over single rows cost more than putting the rows in order does.
const MANY_FUNCTIONS: usize = 8;

/// The rule; orders and distributions have to be settled before it.
#[derive(Debug)]
pub(in crate::plan) struct RunAggregation;

impl PhysicalOptimizerRule for RunAggregation {
    fn name(&self) -> &str {
        "run_aggregation"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let by_runs = plan.transform_up(|plan| {
            let Some(aggregate) = plan.downcast_ref::<AggregateExec>() else {
                return Ok(Transformed::no(plan));
            };
            Ok(match by_runs(aggregate)? {
                Some(by_runs) => Transformed::yes(by_runs),
                None => Transformed::no(plan),
            })
        });
        Ok(by_runs?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn by_runs(aggregate: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    use AggregateMode::{Partial, Single};
    use InputOrderMode::{Linear, Sorted};
    if !has_runs(aggregate) {
        return Ok(None);
    }
    Ok(match (aggregate.mode(), aggregate.input_order_mode()) {
        // Hashing keeps no order, and of lists of rows two put together are no less.
        (Partial | Single, Linear) if !keeps_rows(aggregate)? => {
            let ordered = in_better_order(aggregate)?;
            Some(Arc::new(RunAggregateExec::gathering(ordered)))
        }
        (Partial, _) => {
            let ordered = in_better_order(aggregate)?;
            Some(Arc::new(RunAggregateExec::of_runs(ordered)))
        }
        (Single, Sorted) => Some(Arc::new(SeriesGroupsExec::only_step(aggregate.clone()))),
        _ => None,
    })
}

fn has_runs(aggregate: &AggregateExec) -> bool {
    let group = aggregate.group_expr();
    let schema = aggregate.input_schema();
    let is_tag_or_time = |kind: DataType| {
        matches!(kind, DataType::Dictionary(..)) || matches!(kind, DataType::Timestamp(..))
    };
    let mut keys = group.expr().iter();
    let mut functions = aggregate.aggr_expr().iter();
    aggregate.limit_options().is_none()
        && group.is_single()
        && !group.is_empty()
        && keys.all(|(key, _)| key.data_type(&schema).is_ok_and(is_tag_or_time))
        && functions.all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        })
}

/// The aggregate, with an input whose rows come in longer runs where that is worth it.
fn in_better_order(aggregate: &AggregateExec) -> Result<AggregateExec> {
    if !is_worth_sorting(aggregate) {
        return Ok(aggregate.clone());
    }
    let input = by_series(aggregate.input())?;
    let ordered = replace_children_if_necessary(Arc::new(aggregate.clone()), vec![input])?;
    let ordered = ordered.downcast_ref::<AggregateExec>().cloned();
    ordered.ok_or_else(|| internal_datafusion_err!("an aggregate is none any more"))
}

/// Whether buffered rows, which are of another series each as they arrive, are put in order for less than it saves.
fn is_worth_sorting(aggregate: &AggregateExec) -> bool {
    let schema = aggregate.input_schema();
    let mut keys = aggregate.group_expr().expr().iter();
    let is_tag = |kind: DataType| matches!(kind, DataType::Dictionary(..));
    aggregate.aggr_expr().len() >= MANY_FUNCTIONS
        && keys.any(|(key, _)| key.data_type(&schema).is_ok_and(is_tag))
}

/// A plan whose buffered rows come one series after the other, as far as what is above them leaves them so.
fn by_series(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(buffered) = plan.downcast_ref::<BufferedExec>() {
        let sorted = buffered.by_series();
        return Ok(sorted.map_or_else(|| Arc::clone(plan), |sorted| Arc::new(sorted) as _));
    }
    let is_plain = plan.is::<UnionExec>()
        || plan.is::<InTurnExec>()
        || plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>();
    if !is_plain {
        return Ok(Arc::clone(plan));
    }
    let children = plan.children().into_iter().map(by_series);
    replace_children_if_necessary(Arc::clone(plan), children.collect::<Result<_>>()?)
}

/// Whether states grow with the rows: putting two of them together then makes nothing less.
pub(in crate::plan) fn keeps_rows(aggregate: &AggregateExec) -> Result<bool> {
    for function in aggregate.aggr_expr() {
        let states = function.state_fields()?;
        if states.iter().any(|state| state.data_type().is_nested()) {
            return Ok(true);
        }
    }
    Ok(false)
}
