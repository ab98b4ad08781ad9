//! [`ShortChains`]: what is pushed down and put together at the lower end of a chain of operators, done there before anything is above it.
//!
//! ```text
//! AggregateExec (Final)
//!   AggregateExec (Partial)
//!     ProjectionExec               →   AggregateExec (Single)
//!       FilterExec                       DataSourceExec (filtered, of these columns)
//!         DataSourceExec
//! ```
//!
//! DataFusion's rules come to the same, one after the other, and each makes all operators anew that are above what it changes, with
//! all that can be known of the order of their rows.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::run_aggregation::keeps_rows;

/// The rule, the first of all.
#[derive(Debug)]
pub(super) struct ShortChains;

impl PhysicalOptimizerRule for ShortChains {
    fn name(&self) -> &str {
        "short_chains"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let short = match config.execution.target_partitions {
            1 => shortened(&plan, config)?,
            _ => None,
        };
        Ok(short.unwrap_or(plan))
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn shortened(
    plan: &Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(last) = plan.downcast_ref::<AggregateExec>() {
        return one_step(last, config);
    }
    let input = match (plan.downcast_ref(), plan.downcast_ref()) {
        (Some(sort), _) => SortExec::input(sort),
        (_, Some(projection)) => ProjectionExec::input(projection),
        _ => return Ok(None),
    };
    let short = shortened(input, config)?;
    short
        .map(|input| replace_children_if_necessary(Arc::clone(plan), vec![input]))
        .transpose()
}

/// The two steps of an aggregation as one, over a file that does the rest.
fn one_step(
    last: &AggregateExec,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(first) = last.input().downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    let are_steps = matches!(
        (last.mode(), first.mode()),
        (AggregateMode::Final, AggregateMode::Partial)
    );
    // Without groups statistics may know the answer; groups whose rows are kept are finished one by one.
    if !are_steps || first.group_expr().is_empty() || keeps_rows(first)? {
        return Ok(None);
    }
    let input = FilterPushdown::new().optimize(Arc::clone(first.input()), config)?;
    let input = ProjectionPushdown::new().optimize(input, config)?;
    // Several partitions are aggregated one by one first.
    let is_one = input.output_partitioning().partition_count() == 1;
    if !is_one || input.schema() != first.input_schema() {
        return Ok(None);
    }
    let one = AggregateExec::try_new(
        AggregateMode::Single,
        first.group_expr().clone(),
        first.aggr_expr().to_vec(),
        first.filter_expr().to_vec(),
        input,
        first.input_schema(),
    );
    Ok(Some(Arc::new(one?)))
}
