//! Where windows are over series in order.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, get_window_mode};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::exec::{SeriesWindowExec, merge_ordering};
use super::series::Window;

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
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let by_series = plan.transform_up(|plan| {
            Ok(match is_over_series(&plan)? {
                true => Transformed::yes(Arc::new(SeriesWindowExec::try_new(plan)?) as _),
                false => Transformed::no(plan),
            })
        });
        Ok(by_series?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The functions and the input of a stock operator of windows.
pub(super) fn windows(
    plan: &Arc<dyn ExecutionPlan>,
) -> Option<(&[Arc<dyn WindowExpr>], &Arc<dyn ExecutionPlan>)> {
    if let Some(bounded) = plan.downcast_ref::<BoundedWindowAggExec>() {
        return Some((bounded.window_expr(), bounded.input()));
    }
    let whole = plan.downcast_ref::<WindowAggExec>()?;
    Some((whole.window_expr(), whole.input()))
}

fn is_over_series(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let Some((functions, input)) = windows(plan) else {
        return Ok(false);
    };
    let Some(first) = functions.first() else {
        return Ok(false);
    };
    for function in functions {
        if Window::try_new(function, &input.schema())?.is_none() {
            return Ok(false);
        }
    }
    if merge_ordering(plan)?.is_some() || first.partition_by().is_empty() {
        return Ok(true);
    }
    let mode = get_window_mode(first.partition_by(), first.order_by(), input)?;
    Ok(matches!(mode, Some((false, InputOrderMode::Sorted))))
}
