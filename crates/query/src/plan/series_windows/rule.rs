//! Where windows are over series in order.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_expr::{AcrossPartitions, LexOrdering, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::windows::get_window_mode;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

use super::exec::SeriesWindowExec;
use super::series::Window;
use crate::plan::series_exchange::{SeriesExchangeExec, orderings};
use crate::plan::stock_windows::Windows;

/// The rule; to run before orders and distributions are settled.
#[derive(Debug)]
pub(in crate::plan) struct SeriesWindows;

impl PhysicalOptimizerRule for SeriesWindows {
    fn name(&self) -> &str {
        "series_windows"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let threads = config.execution.target_partitions;
        Ok(by_series(&plan, 1, threads)?.unwrap_or(plan))
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan with windows over series in it; `None` where there are none. Whoever reads it takes rows from so many `partitions`: one where
/// order may matter, which merging several would wait for series of which the others stand in the way.
fn by_series(
    plan: &Arc<dyn ExecutionPlan>,
    partitions: usize,
    threads: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let aggregate = plan.downcast_ref::<AggregateExec>();
    let of_children = match aggregate {
        Some(aggregate) if takes_any_order(aggregate) => threads,
        None if plan.is::<ProjectionExec>() || plan.is::<FilterExec>() => partitions,
        _ => 1,
    };
    let mut is_changed = false;
    let mut children = vec![];
    for child in plan.children() {
        let changed = by_series(child, of_children, threads)?;
        is_changed |= changed.is_some();
        children.push(changed.unwrap_or_else(|| Arc::clone(child)));
    }
    let changed = match is_changed {
        true => Some(replace_children_if_necessary(Arc::clone(plan), children)?),
        false => None,
    };
    let windows = over_series(changed.as_ref().unwrap_or(plan), partitions)?;
    Ok(windows.or(changed))
}

fn takes_any_order(aggregate: &AggregateExec) -> bool {
    let mut functions = aggregate.aggr_expr().iter();
    functions.all(|function| function.order_bys().is_empty())
}

impl<'a> Windows<'a> {
    /// Whether whole series come, in order.
    pub(super) fn are_exchanged(&self) -> bool {
        self.input.is::<SeriesExchangeExec>()
    }

    /// Those of which there are several: `WHERE asset = 'pump-1'` leaves one series.
    fn varying_keys(&self) -> Vec<&'a Arc<dyn PhysicalExpr>> {
        let properties = self.input.equivalence_properties();
        let keys = self.keys().iter().filter(|key| {
            let constant = properties.is_expr_constant(key);
            !matches!(constant, Some(AcrossPartitions::Uniform(_)))
        });
        keys.collect()
    }
}

/// The operator in place of a stock one; `None` where it cannot be.
fn over_series(
    plan: &Arc<dyn ExecutionPlan>,
    partitions: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(windows) = Windows::of(plan) else {
        return Ok(None);
    };
    for function in windows.functions {
        if Window::try_new(function, &windows.input.schema())?.is_none() {
            return Ok(None);
        }
    }
    if let Some(ordering) = merge_ordering(windows)? {
        let input = Arc::clone(windows.input);
        let keys = windows.varying_keys().into_iter().cloned().collect();
        let series = SeriesExchangeExec::new(input, ordering, keys, partitions);
        let plan = replace_children_if_necessary(Arc::clone(plan), vec![Arc::new(series)])?;
        return Ok(Some(Arc::new(SeriesWindowExec::new(plan))));
    }
    let is_sorted = windows.varying_keys().is_empty() || {
        let mode = get_window_mode(windows.keys(), windows.rising(), windows.input)?;
        matches!(mode, Some((false, InputOrderMode::Sorted)))
    };
    Ok(is_sorted.then(|| Arc::new(SeriesWindowExec::new(Arc::clone(plan))) as _))
}

/// What an input is to be ordered by, so that its partitions can be merged and series come one after the other: the order that it has, or
/// most of it has, if that is by nothing but what series are told by and then what rows rise by.
fn merge_ordering(windows: Windows) -> Result<Option<LexOrdering>> {
    let Windows { input, .. } = windows;
    let (keys, rising) = (windows.varying_keys(), windows.rising());
    if keys.is_empty() {
        // One series: rows of one partition may come between any two of another, which makes no runs.
        return Ok(None);
    }
    let found = orderings(input).into_iter().find(|ordering| {
        let (of_keys, of_rows) = ordering.split_at(keys.len().min(ordering.len()));
        let is_by_keys = keys
            .iter()
            .all(|key| of_keys.iter().any(|order| order.expr.eq(key)));
        let is_by_rows = of_rows.len() >= rising.len()
            && of_rows.iter().zip(rising).all(|(found, wanted)| {
                found.expr.eq(&wanted.expr) && found.options.descending == wanted.options.descending
            });
        is_by_keys && is_by_rows
    });
    let wanted = keys.len() + rising.len();
    Ok(found.and_then(|ordering| LexOrdering::new(ordering.iter().take(wanted).cloned())))
}
