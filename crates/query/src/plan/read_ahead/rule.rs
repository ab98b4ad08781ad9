//! Where groups are taken from one sorted partition after the other.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::exec::ReadAheadExec;
use crate::plan::run_aggregation::RunAggregateExec;

/// The rule; orders and distributions have to be settled before it.
#[derive(Debug)]
pub(in crate::plan) struct ReadAhead;

impl PhysicalOptimizerRule for ReadAhead {
    fn name(&self) -> &str {
        "read_ahead"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ahead = plan.transform_up(|plan| {
            let Some(input) = groups_in_order(&plan) else {
                return Ok(Transformed::no(plan));
            };
            let ahead = ReadAheadExec::new(Arc::clone(input));
            let plan = replace_children_if_necessary(plan, vec![Arc::new(ahead)])?;
            Ok(Transformed::yes(plan))
        });
        Ok(ahead?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The groups that an operator takes from several partitions, if it keeps their order.
fn groups_in_order(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    let repartition = plan.downcast_ref::<RepartitionExec>()?;
    let input = repartition.input();
    let are_groups = input.is::<RunAggregateExec>() || input.is::<AggregateExec>();
    let are_several = input.output_partitioning().partition_count() > 1;
    (repartition.preserve_order() && are_groups && are_several).then_some(input)
}
