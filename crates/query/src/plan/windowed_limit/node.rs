//! The node of a logical plan: what to run first, and what to make the next attempts from.

use std::sync::Arc;

use catalog::TIME_COLUMN;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, Result, ScalarValue, internal_err};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, UserDefinedLogicalNodeCore, lit};

use super::windows::Windows;

/// A sorted and limited plan that is run with windows of times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct WindowedLimit {
    /// The plan with the first window.
    first: Arc<LogicalPlan>,
    /// The plan with none.
    pub(super) whole: Arc<LogicalPlan>,
    pub(super) limit: usize,
    pub(super) windows: Windows,
}

impl WindowedLimit {
    /// `None` if there is no window that leaves anything out.
    pub(super) fn of(whole: &LogicalPlan, limit: usize, windows: Windows) -> Result<Option<Self>> {
        let Some(edge) = windows.edge(0)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            first: Arc::new(within(whole, windows.newest_first, edge)?),
            whole: Arc::new(whole.clone()),
            limit,
            windows,
        }))
    }
}

/// The plan over the rows on one side of an edge; `plan` reads one table.
pub(super) fn within(plan: &LogicalPlan, newest_first: bool, edge: i64) -> Result<LogicalPlan> {
    let edge = lit(ScalarValue::TimestampNanosecond(Some(edge), None));
    let narrowed = plan.clone().transform_down(|node| {
        let LogicalPlan::TableScan(mut scan) = node else {
            return Ok(Transformed::no(node));
        };
        let time = Column::new(Some(scan.table_name.clone()), TIME_COLUMN);
        let time = Expr::Column(time);
        let condition = match newest_first {
            true => time.gt_eq(edge.clone()),
            false => time.lt(edge.clone()),
        };
        scan.filters.push(condition.clone());
        let scan = Arc::new(LogicalPlan::TableScan(scan));
        let filter = LogicalPlan::Filter(Filter::try_new(condition, scan)?);
        Ok(Transformed::new(filter, true, TreeNodeRecursion::Stop))
    })?;
    Ok(narrowed.data)
}

impl UserDefinedLogicalNodeCore for WindowedLimit {
    fn name(&self) -> &str {
        "WindowedLimit"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.first]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.whole.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ends = match self.windows.newest_first {
            true => "newest first",
            false => "oldest first",
        };
        write!(f, "WindowedLimit: fetch={}, {ends}", self.limit)
    }

    fn with_exprs_and_inputs(
        &self,
        _expressions: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        match (inputs.pop(), inputs.pop()) {
            (Some(first), None) => Ok(Self {
                first: Arc::new(first),
                ..self.clone()
            }),
            _ => internal_err!("a windowed limit has one input"),
        }
    }

    /// Later attempts have all columns, so the first one has to have them too.
    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.whole.schema().fields().len()).collect()])
    }
}
