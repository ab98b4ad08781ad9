//! The operator that reads buffered rows. It puts them together when it runs, not when it is
//! planned: the work then counts against the query's deadline and memory, on the query's threads.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};
use storage::BufferedRows;

/// Reads rows that are not in a file yet, as some of their table's columns.
#[derive(Debug)]
pub(crate) struct BufferedExec {
    rows: BufferedRows,
    schema: SchemaRef,
    /// Sorted by this key with every key once; as they arrived if there is none.
    key: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl BufferedExec {
    /// The rows as they arrived; they must not need deduplication.
    pub(crate) fn as_arrived(rows: BufferedRows, schema: SchemaRef) -> Self {
        Self::new(rows, schema, None)
    }

    /// The rows sorted by this key, every key once.
    pub(crate) fn sorted(rows: BufferedRows, schema: SchemaRef, key: LexOrdering) -> Self {
        Self::new(rows, schema, Some(key))
    }

    fn new(rows: BufferedRows, schema: SchemaRef, key: Option<LexOrdering>) -> Self {
        let orderings = key.iter().cloned();
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), orderings),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self {
            rows,
            schema,
            key,
            properties: Arc::new(properties),
            metrics,
        }
    }
}

impl DisplayAs for BufferedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferedExec: rows={}", self.rows.row_count())?;
        match &self.key {
            Some(key) => write!(f, ", key=[{key}]"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for BufferedExec {
    fn name(&self) -> &'static str {
        "BufferedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("buffered rows are one partition, not {partition}");
        }
        let (rows, schema) = (self.rows.clone(), Arc::clone(&self.schema));
        let is_sorted = self.key.is_some();
        let memory = MemoryConsumer::new("BufferedExec").register(context.memory_pool());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batch_rows = context.session_config().batch_size();
        let batches = stream::once(async move {
            memory.try_grow(rows.estimated_bytes(&schema))?;
            let built = tokio::task::spawn_blocking(move || match is_sorted {
                true => vec![rows.sorted_unique(&schema)],
                false => rows.batches(&schema),
            });
            let built = built
                .await
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
            let slices = built.into_iter().flat_map(move |batch| {
                let starts = (0..batch.num_rows()).step_by(batch_rows);
                let slice =
                    |start: usize| batch.slice(start, batch_rows.min(batch.num_rows() - start));
                starts.map(slice).collect::<Vec<_>>()
            });
            // The memory counts until the last of them has been taken.
            Ok::<_, DataFusionError>(stream::iter(slices).map(move |batch| {
                let _counted = &memory;
                metrics.record_output(batch.num_rows());
                Ok(batch)
            }))
        });
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            batches.try_flatten(),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let rows = self.rows.row_count();
        let mut statistics = Statistics::new_unknown(&self.schema);
        let is_exact = self.key.is_none() && !self.rows.is_filtered();
        statistics.num_rows = match is_exact {
            true => Precision::Exact(rows),
            false => Precision::Inexact(rows),
        };
        Ok(Arc::new(statistics))
    }
}
