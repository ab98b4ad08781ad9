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
//! all that can be known of the order of their rows. Where there is more than one source, a file and rows that are not in one yet,
//! a stock plan reads them side by side and puts together what comes of it; on one thread they are read in turn, as one.
//!
//! Of other plans it puts together the lower ends alone: see [`lower_end`].

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::finished::marked_if_finished;
use super::lower_ends::{known_lower_ends, lower_end};
use super::run_aggregation::keeps_rows;
use crate::in_turn_exec::InTurnExec;

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
        if config.execution.target_partitions > 1 {
            return known_lower_ends(plan, config);
        }
        if reads_several(&plan) {
            return marked_if_finished(in_turn(&pushed_down(&plan, config)?)?, config);
        }
        if let Some(short) = shortened(&plan, config)? {
            return marked_if_finished(short, config);
        }
        if let Some(end) = lower_end(&plan, config)? {
            return marked_if_finished(end, config);
        }
        marked_if_finished(known_lower_ends(plan, config)?, config)
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
    let input = in_turn(&pushed_down(first.input(), config)?)?;
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

/// A plan whose sources filter rows themselves and give no more columns than they have to.
fn pushed_down(
    plan: &Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(end) = lower_end(plan, config)? {
        return Ok(end);
    }
    let plan = FilterPushdown::new().optimize(Arc::clone(plan), config)?;
    ProjectionPushdown::new().optimize(plan, config)
}

/// Whether it is rows of several sources, each of them by itself.
fn reads_several(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<UnionExec>() || passes_rows_on(plan) && plan.children().into_iter().all(reads_several)
}

fn passes_rows_on(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<FilterExec>() || plan.is::<ProjectionExec>()
}

/// A plan whose sources are read one after the other, where several are read side by side.
fn in_turn(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(union) = plan.downcast_ref::<UnionExec>() {
        return Ok(Arc::new(InTurnExec::try_new(union.inputs().clone())?));
    }
    match plan.children()[..] {
        [child] if passes_rows_on(plan) => {
            replace_children_if_necessary(Arc::clone(plan), vec![in_turn(child)?])
        }
        _ => Ok(Arc::clone(plan)),
    }
}
