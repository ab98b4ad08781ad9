//! Where windows are over series in order.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{AcrossPartitions, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, get_window_mode};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

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

/// What a stock operator of windows computes, and over what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows<'a> {
    pub(super) functions: &'a [Arc<dyn WindowExpr>],
    pub(super) input: &'a Arc<dyn ExecutionPlan>,
}

impl<'a> Windows<'a> {
    /// `None` where the plan is another operator, or one without functions.
    pub(super) fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        let bounded = plan.downcast_ref::<BoundedWindowAggExec>();
        let (functions, input) = match bounded {
            Some(bounded) => (bounded.window_expr(), bounded.input()),
            None => {
                let whole = plan.downcast_ref::<WindowAggExec>()?;
                (whole.window_expr(), whole.input())
            }
        };
        (!functions.is_empty()).then_some(Self { functions, input })
    }

    /// What tells series from each other.
    pub(super) fn keys(&self) -> &'a [Arc<dyn PhysicalExpr>] {
        self.functions[0].partition_by()
    }

    /// Those of which there are several: `WHERE asset = 'pump-1'` leaves one series.
    pub(super) fn varying_keys(&self) -> Vec<&'a Arc<dyn PhysicalExpr>> {
        let properties = self.input.equivalence_properties();
        let keys = self.keys().iter().filter(|key| {
            let constant = properties.is_expr_constant(key);
            !matches!(constant, Some(AcrossPartitions::Uniform(_)))
        });
        keys.collect()
    }

    /// What the rows of a series rise by.
    pub(super) fn rising(&self) -> &'a [PhysicalSortExpr] {
        self.functions[0].order_by()
    }
}

fn is_over_series(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let Some(windows) = Windows::of(plan) else {
        return Ok(false);
    };
    for function in windows.functions {
        if Window::try_new(function, &windows.input.schema())?.is_none() {
            return Ok(false);
        }
    }
    if windows.varying_keys().is_empty() || merge_ordering(windows)?.is_some() {
        return Ok(true);
    }
    let mode = get_window_mode(windows.keys(), windows.rising(), windows.input)?;
    Ok(matches!(mode, Some((false, InputOrderMode::Sorted))))
}
