//! What DataFusion's operators of windows compute, for the operators that take their place.

use std::sync::Arc;

use datafusion::common::{DataFusionError, internal_datafusion_err};
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

/// The functions of one operator, and its input.
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

    /// What tells the parts from each other within which windows are: `PARTITION BY`.
    pub(super) fn keys(&self) -> &'a [Arc<dyn PhysicalExpr>] {
        self.functions[0].partition_by()
    }

    /// What the rows of a part rise by: `ORDER BY`.
    pub(super) fn rising(&self) -> &'a [PhysicalSortExpr] {
        self.functions[0].order_by()
    }

    /// The functions, for people.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self
            .functions
            .iter()
            .map(|function| function.name())
            .collect();
        names.join(", ")
    }
}

/// What an operator says whose stock one is of another kind all of a sudden.
pub(super) fn not_a_window() -> DataFusionError {
    internal_datafusion_err!("an operator of windows is none any more")
}

/// Whether rows of a frame may be left out by `FILTER (WHERE …)`. The filter is private to the stock expressions of aggregates, whose
/// last field it is; whatever does not look like one without a filter is left to the stock operator. [`super::windows`] makes arguments of
/// filters, so that there should be none any more.
pub(super) fn may_have_filter(function: &Arc<dyn WindowExpr>) -> bool {
    let is_aggregate = !function.as_any().is::<StandardWindowExpr>();
    is_aggregate && !format!("{function:?}").ends_with("filter: None }")
}
