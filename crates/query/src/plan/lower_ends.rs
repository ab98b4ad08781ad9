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
//!
//! Where there are several sources, files and rows that are not in one yet, each of them comes to an end of its own, and they are read
//! in turn:
//!
//! ```text
//! ProjectionExec (columns)         InTurnExec
//!   FilterExec                 →     FilterExec (what the files leave of it, these columns)
//!     UnionExec                        DataSourceExec (filtered, of these columns and those of the filter)
//!       DataSourceExec               BufferedExec (these columns of rows that pass)
//!       BufferedExec
//! ```
//!
//! Where one of the sources is something else, such as files with deleted rows, it is left to DataFusion's rules.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::{
    collect_columns, conjunction_opt, reassign_expr_columns, split_conjunction,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::filter_pushdown::PushedDown;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use crate::buffered_exec::BufferedExec;
use crate::in_turn_exec::InTurnExec;
use crate::tag_rows::KnownRowsSource;

/// A plan with those of its lower ends put together of which it is known that all rows pass some of the filter. DataFusion's rules
/// come to the others, and would tell their sources the same filter again.
pub(super) fn known_lower_ends(
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let put_together = plan.transform_down(|plan| {
        let end = match End::of(&plan) {
            Some(end) if knows_rows(end.source) => end.put_together(end.source, config)?,
            _ => None,
        };
        Ok(match end {
            Some(end) => Transformed::new(end, true, TreeNodeRecursion::Jump),
            None => Transformed::no(plan),
        })
    });
    Ok(put_together?.data)
}

fn knows_rows(source: &Arc<dyn ExecutionPlan>) -> bool {
    let source = source.downcast_ref::<DataSourceExec>();
    source.is_some_and(|source| {
        let files = source.downcast_to_file_source::<KnownRowsSource>();
        files.is_some()
    })
}

/// A plan that is a lower end, put together; `None` if it is something else. Its sources are read by one thread.
pub(super) fn lower_end(
    plan: &Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(end) = End::of(plan) else {
        return Ok(None);
    };
    let Some(union) = end.source.downcast_ref::<UnionExec>() else {
        return end.put_together(end.source, config);
    };
    // Columns are told by their names, which must be the same in all of them.
    let schema = union.schema();
    if union
        .inputs()
        .iter()
        .any(|source| source.schema() != schema)
    {
        return Ok(None);
    }
    let each = union.inputs().iter();
    let each = each.map(|source| end.put_together(source, config));
    let Some(inputs) = each.collect::<Result<Option<Vec<_>>>>()? else {
        return Ok(None);
    };
    Ok(Some(Arc::new(InTurnExec::try_new(inputs)?)))
}

/// A lower end as it is planned.
struct End<'a> {
    /// The columns of the source that are taken.
    columns: Vec<usize>,
    filter: &'a FilterExec,
    source: &'a Arc<dyn ExecutionPlan>,
}

impl<'a> End<'a> {
    fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        let projection = plan.downcast_ref::<ProjectionExec>();
        let below = projection.map_or(plan, ProjectionExec::input);
        let filter = below.downcast_ref::<FilterExec>()?;
        if filter.projection().is_some() || filter.fetch().is_some() {
            return None;
        }
        let source = filter.input();
        Some(Self {
            columns: match projection {
                Some(projection) => columns(projection)?,
                None => (0..source.schema().fields().len()).collect(),
            },
            filter,
            source,
        })
    }

    /// The end over a source, which is its own or one of several; `None` if it is none that filters its rows.
    fn put_together(
        &self,
        source: &Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let conditions = split_conjunction(self.filter.predicate());
        let conditions = conditions.into_iter().cloned().collect();
        let Some((filtered, left)) = Filtered::of(source, conditions, config)? else {
            return Ok(None);
        };
        let condition = conjunction_opt(left);
        let mut read = self.columns.clone();
        if let Some(condition) = &condition {
            let tested = collect_columns(condition);
            read.extend(tested.iter().map(Column::index));
            read.sort_unstable();
            read.dedup();
        }
        let reads_all = read.iter().copied().eq(0..source.schema().fields().len());
        let input = match reads_all {
            true => Some(filtered.plan()),
            false => filtered.of_columns(&read, &source.schema())?,
        };
        let Some(input) = input else {
            return Ok(None);
        };
        let Some(condition) = condition else {
            return Ok(Some(input));
        };
        let condition = reassign_expr_columns(condition, &input.schema())?;
        let places = self.columns.iter().map(|column| read.binary_search(column));
        let places: Vec<_> = places.flatten().collect();
        let all_in_order = places.iter().copied().eq(0..read.len());
        let filter = FilterExecBuilder::from(self.filter)
            .with_input(input)
            .with_predicate(condition)
            .apply_projection((!all_in_order).then_some(places))?;
        Ok(Some(Arc::new(filter.build()?)))
    }
}

/// A source that has been told of conditions.
enum Filtered<'a> {
    Files(Arc<dyn DataSource>),
    Buffered(&'a Arc<dyn ExecutionPlan>, &'a BufferedExec),
}

/// Conditions that some rows of a source may not fulfil.
type Left = Vec<Arc<dyn PhysicalExpr>>;

impl<'a> Filtered<'a> {
    fn of(
        source: &'a Arc<dyn ExecutionPlan>,
        mut conditions: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<Option<(Self, Left)>> {
        if let Some(rows) = source.downcast_ref::<BufferedExec>() {
            conditions.retain(|condition| !rows.all_pass(condition));
            return Ok(Some((Self::Buffered(source, rows), conditions)));
        }
        let Some(files) = source.downcast_ref::<DataSourceExec>() else {
            return Ok(None);
        };
        let files = files.data_source();
        let pushed = files.try_pushdown_filters(conditions.clone(), config)?;
        let left = conditions.into_iter().zip(pushed.filters);
        let left = left.filter_map(|(condition, is_done)| match is_done {
            PushedDown::Yes => None,
            PushedDown::No => Some(condition),
        });
        let files = pushed.updated_node.unwrap_or_else(|| Arc::clone(files));
        Ok(Some((Self::Files(files), left.collect())))
    }

    /// All of its columns.
    fn plan(self) -> Arc<dyn ExecutionPlan> {
        match self {
            Self::Files(files) => Arc::new(DataSourceExec::new(files)),
            Self::Buffered(source, _) => Arc::clone(source),
        }
    }

    /// Some of the columns of its schema; `None` if it cannot leave out the others.
    fn of_columns(
        self,
        columns: &[usize],
        schema: &Schema,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        Ok(match self {
            Self::Files(files) => {
                let projection = ProjectionExprs::from_indices(columns, schema);
                let narrow = files.try_swapping_with_projection(&projection)?;
                narrow.map(|files| Arc::new(DataSourceExec::new(files)) as _)
            }
            Self::Buffered(_, rows) => rows.with_columns(columns)?.map(|rows| Arc::new(rows) as _),
        })
    }
}

/// The columns of which a projection consists, if it is of columns by their own names alone.
fn columns(projection: &ProjectionExec) -> Option<Vec<usize>> {
    let each = projection.expr().iter().map(|one| {
        let column = one.expr.downcast_ref::<Column>()?;
        (column.name() == one.alias).then_some(column.index())
    });
    each.collect()
}
