//! Where the operator stands in for DataFusion's.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::windows::BoundedWindowAggExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::exec::WindowExec;
use super::function::Function;
use crate::plan::stock_windows::Windows;

/// The rule; to run after DataFusion's, which know its own operators: they turn windows round so that rows need not be sorted,
/// and take limits past them.
#[derive(Debug)]
pub(in crate::plan) struct CountedWindows;

impl PhysicalOptimizerRule for CountedWindows {
    fn name(&self) -> &str {
        "counted_windows"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(plan.transform_up(counted)?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn counted(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(windows) = Windows::of(&plan) else {
        return Ok(Transformed::no(plan));
    };
    // One that goes through all parts at once is for rows that never end, of which there are none.
    let bounded = plan.downcast_ref::<BoundedWindowAggExec>();
    if bounded.is_some_and(|window| window.input_order_mode != InputOrderMode::Sorted) {
        return Ok(Transformed::no(plan));
    }
    for function in windows.functions {
        if Function::try_new(function, &mut vec![])?.is_none() {
            return Ok(Transformed::no(plan));
        }
    }
    Ok(Transformed::yes(Arc::new(WindowExec::new(plan))))
}
