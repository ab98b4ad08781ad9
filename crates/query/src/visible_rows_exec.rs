//! The operator that leaves out rows of files that must not be seen: deleted ones and those that are
//! too old. [`storage::RowFilter`] decides; this is a stream around it.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;
use storage::RowFilter;

/// Passes on the rows of files of a table that may be seen, in their order.
#[derive(Debug)]
pub(crate) struct VisibleRowsExec {
    input: Arc<dyn ExecutionPlan>,
    filter: RowFilter,
    table: Arc<catalog::Table>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl VisibleRowsExec {
    /// `input` must have the columns that the filter looks at.
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        filter: RowFilter,
        table: Arc<catalog::Table>,
    ) -> Self {
        Self {
            properties: Arc::clone(input.properties()),
            input,
            filter,
            table,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn with_input(&self, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        match (children.pop(), children.pop()) {
            (Some(input), None) => {
                let (filter, table) = (self.filter.clone(), Arc::clone(&self.table));
                Ok(Arc::new(Self::new(input, filter, table)))
            }
            _ => internal_err!("this operator has one input"),
        }
    }
}

impl DisplayAs for VisibleRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (earliest, deletes) = self.filter.identity();
        write!(f, "VisibleRowsExec: deletes={}", deletes.len())?;
        match earliest {
            Some(earliest) => write!(f, ", earliest={earliest}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for VisibleRowsExec {
    fn name(&self) -> &'static str {
        "VisibleRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        Ok(self.with_input(children)?)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.with_input(children)?)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let (filter, table) = (self.filter.clone(), Arc::clone(&self.table));
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let visible = input.map(move |batch| {
            let _timer = metrics.elapsed_compute().timer();
            let visible = filter.apply(batch?, &table)?;
            metrics.record_output(visible.num_rows());
            Ok(visible)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, visible)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
