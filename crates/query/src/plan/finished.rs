//! Plans to which DataFusion's physical rules would do nothing: they are marked, and left alone.
//!
//! A question of one series is a chain of few operators on one thread. Twenty rules look through it for joins, limits and orders,
//! wrap it and unwrap it, and leave it as it was: 5 to 8 % of the time that answering it takes. Debug builds hold every such plan to
//! it: the rules must leave it as it is.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_datafusion_err, internal_err};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
    displayable,
};

use super::settling::is_settled;
use super::{PHYSICAL_RULES, PhysicalRule};
use crate::buffered_exec::BufferedExec;
use crate::in_turn_exec::InTurnExec;

/// Marks a plan that is finished.
pub(super) fn marked_if_finished(
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !has_no_more_to_do(&plan) || !is_settled(&plan)? {
        return Ok(plan);
    }
    if cfg!(debug_assertions) {
        assert_left_as_it_is(&plan, config)?;
    }
    Ok(Arc::new(FinishedExec(plan)))
}

fn assert_left_as_it_is(plan: &Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<()> {
    let rules = PHYSICAL_RULES.iter().map(|rule| rule.as_ref() as &dyn Any);
    let rules = rules.filter_map(|rule| rule.downcast_ref::<UnlessFinished>());
    // Filters have reached the files, who would be told the same again.
    let is_done = FilterPushdown::new();
    let mut made = Arc::clone(plan);
    for UnlessFinished(rule) in rules.filter(|rule| rule.name() != is_done.name()) {
        made = rule.optimize(made, config)?;
    }
    let [made, left] = [&made, plan].map(|plan| displayable(&**plan).indent(true).to_string());
    assert_eq!(made, left, "the plan was not finished");
    Ok(())
}

/// A rule for plans that are not finished.
#[derive(Debug)]
pub(super) struct UnlessFinished(pub(super) PhysicalRule);

/// The rule that takes the mark off; to be the last one.
#[derive(Debug)]
pub(super) struct Unmarked;

/// The mark.
#[derive(Debug)]
struct FinishedExec(Arc<dyn ExecutionPlan>);

/// Whether no rule has anything to do with any operator, as long as all have what they require.
fn has_no_more_to_do(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if plan.fetch().is_some() {
        return false;
    }
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        return sort.input().is::<AggregateExec>() && has_no_more_to_do(sort.input());
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        // One of fewer columns goes below what sorts them, and one of all as they are goes.
        let input = projection.input();
        let is_above = input.is::<AggregateExec>() || input.is::<SortExec>();
        let is_narrow = projection.expr().len() < input.schema().fields().len();
        return is_above && !is_narrow && renames(projection) && has_no_more_to_do(input);
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        // Without groups statistics may know the answer, and the least and the greatest so far are told to sources.
        let is_plain = *aggregate.mode() == AggregateMode::Single
            && !aggregate.group_expr().is_empty()
            && aggregate.limit_options().is_none();
        let mut functions = aggregate.aggr_expr().iter();
        return is_plain
            && functions.all(|function| function.order_sensitivity().is_insensitive())
            && is_of_sources(aggregate.input());
    }
    is_of_sources(plan)
}

/// Whether it is rows of one source, or of several in turn.
fn is_of_sources(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.downcast_ref::<InTurnExec>() {
        Some(in_turn) => in_turn.children().into_iter().all(is_of_one_source),
        None => is_of_one_source(plan),
    }
}

/// Whether it is rows of files, or rows that are not in one yet, filtered or not.
fn is_of_one_source(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let source = match plan.downcast_ref::<FilterExec>() {
        Some(filter) => filter.input(),
        None => plan,
    };
    let is_source = source.is::<DataSourceExec>() || source.is::<BufferedExec>();
    plan.fetch().is_none() && source.fetch().is_none() && is_source
}

fn renames(projection: &ProjectionExec) -> bool {
    let mut each = projection.expr().iter();
    each.any(|one| {
        let column = one.expr.downcast_ref::<Column>();
        column.is_none_or(|column| column.name() != one.alias)
    })
}

impl PhysicalOptimizerRule for UnlessFinished {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match plan.is::<FinishedExec>() {
            true => Ok(plan),
            false => self.0.optimize(plan, config),
        }
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match plan.is::<FinishedExec>() {
            true => Ok(plan),
            false => self.0.optimize_with_context(plan, context),
        }
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

impl PhysicalOptimizerRule for Unmarked {
    fn name(&self) -> &str {
        "unmarked"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match plan.downcast_ref::<FinishedExec>() {
            Some(FinishedExec(finished)) => Arc::clone(finished),
            None => plan,
        })
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl DisplayAs for FinishedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FinishedExec")
    }
}

impl ExecutionPlan for FinishedExec {
    fn name(&self) -> &'static str {
        "FinishedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        marked(children)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        marked(children)
    }

    fn execute(
        &self,
        _partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        internal_err!("the mark of a finished plan is still there")
    }
}

fn marked(mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = children.pop();
    let plan = plan.ok_or_else(|| internal_datafusion_err!("there is nothing to be marked"))?;
    Ok(Arc::new(FinishedExec(plan)))
}
