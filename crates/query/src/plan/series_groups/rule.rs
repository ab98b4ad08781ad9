//! Where groups are of series in order.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::exec::SeriesGroupsExec;
use crate::plan::run_aggregation::keeps_rows;
use crate::plan::series_exchange::{SeriesExchangeExec, orderings};

/// The rule; to run before orders and distributions are settled.
#[derive(Debug)]
pub(in crate::plan) struct SeriesGroups;

impl PhysicalOptimizerRule for SeriesGroups {
    fn name(&self) -> &str {
        "series_groups"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = config.execution.target_partitions;
        let by_series = plan.transform_up(|plan| {
            Ok(match by_series(&plan, partitions)? {
                Some(changed) => Transformed::yes(changed),
                None => Transformed::no(plan),
            })
        });
        Ok(by_series?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn by_series(
    plan: &Arc<dyn ExecutionPlan>,
    partitions: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(last) = plan.downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    let is_last = matches!(
        last.mode(),
        AggregateMode::Final | AggregateMode::FinalPartitioned
    );
    let Some(partial) = last.input().downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    if !is_last || last.limit_options().is_some() || !may_be_by_series(partial)? {
        return Ok(None);
    }
    let Some(InOrder { ordering, series }) = order_of_groups(partial)? else {
        return Ok(None);
    };
    let input = Arc::clone(partial.input());
    let series: Arc<dyn ExecutionPlan> =
        Arc::new(SeriesExchangeExec::new(input, ordering, series, partitions));
    let partial = replace_children_if_necessary(Arc::clone(last.input()), vec![series])?;
    Ok(Some(Arc::new(SeriesGroupsExec::new(partial, last))))
}

fn may_be_by_series(aggregate: &AggregateExec) -> Result<bool> {
    let group = aggregate.group_expr();
    let mut functions = aggregate.aggr_expr().iter();
    let is_plain = *aggregate.mode() == AggregateMode::Partial
        && aggregate.limit_options().is_none()
        && group.is_single()
        && !group.is_empty()
        && functions.all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        });
    Ok(is_plain && keeps_rows(aggregate)?)
}

/// What rows have to be in order by for those of a group to come together, and the columns that tell series from each other.
struct InOrder {
    ordering: LexOrdering,
    series: Vec<Arc<dyn PhysicalExpr>>,
}

fn order_of_groups(aggregate: &AggregateExec) -> Result<Option<InOrder>> {
    let input = aggregate.input();
    let groups: Vec<_> = aggregate
        .group_expr()
        .expr()
        .iter()
        .map(|(key, _)| Arc::clone(key))
        .collect();
    for ordering in orderings(input) {
        // Constants of the input count, its own orders do not: those of its parts are what is asked for.
        let mut ordered = input.equivalence_properties().clone();
        ordered.clear_orderings();
        ordered.add_orderings([ordering.clone()]);
        let (found, _) = ordered.find_longest_permutation(&groups)?;
        let series = ordering.iter().map(|order| &order.expr);
        let series: Vec<_> = series
            .take_while(|key| key.is::<Column>() && groups.iter().any(|group| group.eq(key)))
            .cloned()
            .collect();
        if found.len() == groups.len() && !series.is_empty() {
            return Ok(Some(InOrder { ordering, series }));
        }
    }
    Ok(None)
}
