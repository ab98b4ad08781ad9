//! Which orders rows have, or nearly have.

use std::sync::Arc;

use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// The orders that a plan has or that what it is made of has, by columns of the plan: rows of files are in order where those in memory are
/// not yet. Only what to ask for is read from them; whoever settles orders sees to it.
pub(in crate::plan) fn orderings(input: &Arc<dyn ExecutionPlan>) -> Vec<LexOrdering> {
    let schema = input.schema();
    let mut found: Vec<LexOrdering> = input.output_ordering().cloned().into_iter().collect();
    let mut plans = vec![input];
    while let Some(plan) = plans.pop() {
        let passes_rows_on =
            plan.is::<UnionExec>() || plan.is::<FilterExec>() || plan.is::<ProjectionExec>();
        if passes_rows_on {
            plans.extend(plan.children());
        }
        let ordering = plan.output_ordering().into_iter().flatten();
        let by_columns = ordering.map_while(|order| {
            let column = order.expr.downcast_ref::<Column>()?;
            let column = Column::new_with_schema(column.name(), &schema).ok()?;
            Some(PhysicalSortExpr::new(Arc::new(column), order.options))
        });
        found.extend(LexOrdering::new(by_columns));
    }
    found
}
