//! [`Settling`]: DataFusion's rule that puts rows in order and spreads them, where there is something to be done.
//!
//! It makes every operator of a plan anew, twice, each with all that can be known of the order of its rows: a tenth of what planning a
//! query of one series takes. Such a query is a chain of few operators on one thread, of which it can be seen that they have what
//! they require. Debug builds hold every such plan to it: the rule must leave it as it is.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::buffered_exec::BufferedExec;
use crate::in_turn_exec::InTurnExec;

/// The rule, in the place of DataFusion's.
#[derive(Debug)]
pub(super) struct Settling(pub(super) EnsureRequirements);

impl PhysicalOptimizerRule for Settling {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if config.execution.target_partitions > 1 || !is_settled(&plan)? {
            return self.0.optimize(plan, config);
        }
        #[cfg(debug_assertions)]
        {
            use datafusion::physical_plan::displayable;
            let made = self.0.optimize(Arc::clone(&plan), config)?;
            let [made, left] =
                [&made, &plan].map(|plan| displayable(&**plan).indent(true).to_string());
            assert_eq!(made, left, "the plan was not settled");
        }
        Ok(plan)
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Whether it is seen at once that every operator has what it requires, and does nothing in vain.
pub(super) fn is_settled(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    if plan.output_partitioning().partition_count() != 1 {
        return Ok(false);
    }
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let input = sort.input();
        // What is in order already need not be sorted, and what sorts may better do so before something else.
        let is_in_place = input.is::<AggregateExec>() || input.is::<DataSourceExec>();
        let ordered = input.equivalence_properties();
        if !is_in_place || ordered.ordering_satisfy(sort.expr().clone())? {
            return Ok(false);
        }
    } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        // The two steps of an aggregation on one thread become one later.
        use AggregateMode::{Final, Partial, Single};
        if !matches!(aggregate.mode(), Single | Partial | Final) {
            return Ok(false);
        }
    } else if !is_simple(plan.as_ref()) {
        return Ok(false);
    }
    for (child, required) in plan
        .children()
        .into_iter()
        .zip(plan.required_input_ordering())
    {
        let rows = child.equivalence_properties();
        if let Some(required) = required
            && !rows.ordering_satisfy_requirement(required.into_single())?
        {
            return Ok(false);
        }
        if !is_settled(child)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An operator that takes rows as they come.
fn is_simple(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<DataSourceExec>()
        || plan.is::<BufferedExec>()
        || plan.is::<InTurnExec>()
        || plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<OutputRequirementExec>()
}
