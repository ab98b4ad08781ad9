//! The lower ends of a plan, where columns are taken of those rows of a source that pass a filter, as DataFusion's rules leave them.
//!
//! ```text
//! ProjectionExec (columns)         FilterExec (what the source leaves of it, these columns)
//!   FilterExec                 →     DataSourceExec (filtered, of these columns and those of the filter)
//!     DataSourceExec
//! ```
//!
//! They come to that one after the other, and each makes all operators anew that are above what it changes. And they have a column
//! read of which the source has tested all there was to be tested, where the filter tests one that goes no further, too.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::{
    collect_columns, conjunction_opt, reassign_expr_columns, split_conjunction,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::filter_pushdown::PushedDown;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::tag_rows::KnownRowsSource;

/// A plan with those of its lower ends put together of which it is known that all rows pass some of the filter. DataFusion's rules
/// come to the others, and would tell their sources the same filter again.
pub(super) fn known_lower_ends(
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let put_together = plan.transform_down(|plan| {
        let end = match parts(&plan) {
            Some((.., source)) if knows_rows(source) => lower_end(&plan, config)?,
            _ => None,
        };
        Ok(match end {
            Some(end) => Transformed::new(end, true, TreeNodeRecursion::Jump),
            None => Transformed::no(plan),
        })
    });
    Ok(put_together?.data)
}

fn knows_rows(source: &DataSourceExec) -> bool {
    let files = source.downcast_to_file_source::<KnownRowsSource>();
    files.is_some()
}

/// The operators of a lower end.
fn parts(
    plan: &Arc<dyn ExecutionPlan>,
) -> Option<(Option<&ProjectionExec>, &FilterExec, &DataSourceExec)> {
    let projection = plan.downcast_ref::<ProjectionExec>();
    let below = projection.map_or(plan, ProjectionExec::input);
    let filter = below.downcast_ref::<FilterExec>()?;
    let source = filter.input().downcast_ref::<DataSourceExec>()?;
    Some((projection, filter, source))
}

/// A plan that is a lower end, put together; `None` if it is something else.
pub(super) fn lower_end(
    plan: &Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some((projection, filter, source)) = parts(plan) else {
        return Ok(None);
    };
    let columns = match projection {
        Some(projection) => columns(projection),
        None => Some((0..source.schema().fields().len()).collect()),
    };
    let Some(columns) = columns else {
        return Ok(None);
    };
    if filter.projection().is_some() || filter.fetch().is_some() {
        return Ok(None);
    }
    let conditions = split_conjunction(filter.predicate());
    let conditions: Vec<_> = conditions.into_iter().cloned().collect();
    let source = source.data_source();
    let pushed = source.try_pushdown_filters(conditions.clone(), config)?;
    let mut data = pushed.updated_node.unwrap_or_else(|| Arc::clone(source));
    let left = conditions.into_iter().zip(pushed.filters);
    let left = left.filter_map(|(condition, is_done)| match is_done {
        PushedDown::Yes => None,
        PushedDown::No => Some(condition),
    });
    let condition = conjunction_opt(left);
    let mut read = columns.clone();
    if let Some(condition) = &condition {
        let tested = collect_columns(condition);
        read.extend(tested.iter().map(Column::index));
        read.sort_unstable();
        read.dedup();
    }
    let schema = filter.input().schema();
    if !read.iter().copied().eq(0..schema.fields().len()) {
        let projection = ProjectionExprs::from_indices(&read, &schema);
        let Some(narrow) = data.try_swapping_with_projection(&projection)? else {
            return Ok(None);
        };
        data = narrow;
    }
    let input: Arc<dyn ExecutionPlan> = Arc::new(DataSourceExec::new(data));
    let Some(condition) = condition else {
        return Ok(Some(input));
    };
    let condition = reassign_expr_columns(condition, &input.schema())?;
    let places = columns.iter().map(|column| read.binary_search(column));
    let places: Vec<_> = places.flatten().collect();
    let all_in_order = places.iter().copied().eq(0..read.len());
    let filter = FilterExecBuilder::from(filter)
        .with_input(input)
        .with_predicate(condition)
        .apply_projection((!all_in_order).then_some(places))?;
    Ok(Some(Arc::new(filter.build()?)))
}

/// The columns of which a projection consists, if it is of columns by their own names alone.
fn columns(projection: &ProjectionExec) -> Option<Vec<usize>> {
    let each = projection.expr().iter().map(|one| {
        let column = one.expr.downcast_ref::<Column>()?;
        (column.name() == one.alias).then_some(column.index())
    });
    each.collect()
}
