//! The operator that reads the last row of each series.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{TryStreamExt, stream};
use storage::TableSnapshot;

/// Reads the last row of each series of a table, sorted by key.
#[derive(Debug)]
pub(crate) struct LastRowsExec {
    snapshot: TableSnapshot,
    storage: Arc<storage::Engine>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl LastRowsExec {
    /// `schema` has some of the table's columns.
    pub(crate) fn new(
        snapshot: TableSnapshot,
        storage: Arc<storage::Engine>,
        schema: SchemaRef,
        ordering: Vec<PhysicalSortExpr>,
    ) -> Self {
        let orderings = LexOrdering::new(ordering);
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), orderings),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            snapshot,
            storage,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for LastRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.schema.fields().iter();
        let names: Vec<_> = fields.map(|field| field.name().as_str()).collect();
        let table = &self.snapshot.table().name;
        write!(
            f,
            "LastRowsExec: table={table}, projection=[{}]",
            names.join(", ")
        )
    }
}

impl ExecutionPlan for LastRowsExec {
    fn name(&self) -> &'static str {
        "LastRowsExec"
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
            return internal_err!("last rows are one partition, not {partition}");
        }
        let (snapshot, storage) = (self.snapshot.clone(), Arc::clone(&self.storage));
        let schema = Arc::clone(&self.schema);
        let memory = MemoryConsumer::new("LastRowsExec").register(context.memory_pool());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batch_rows = context.session_config().batch_size();
        let batches = stream::once(async move {
            let rows = storage.last_rows(&snapshot, &schema).await;
            let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
            memory.try_grow(rows.iter().map(get_record_batch_memory_size).sum())?;
            let slices = rows
                .into_iter()
                .flat_map(move |rows| slices(&rows, batch_rows));
            // The memory counts until the last of them has been taken.
            let slices = slices.inspect(move |slice| {
                let _counted = &memory;
                metrics.record_output(slice.num_rows());
            });
            Ok::<_, DataFusionError>(stream::iter(slices.map(Ok)))
        });
        let schema = Arc::clone(&self.schema);
        let batches = RecordBatchStreamAdapter::new(schema, batches.try_flatten());
        Ok(Box::pin(batches))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let cost = self.storage.last_rows_cost(&self.snapshot);
        let rows = usize::try_from(cost.series_max).unwrap_or(usize::MAX);
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Inexact(rows);
        Ok(Arc::new(statistics))
    }
}

fn slices(rows: &RecordBatch, length: usize) -> Vec<RecordBatch> {
    let starts = (0..rows.num_rows()).step_by(length);
    let slice = |start: usize| rows.slice(start, length.min(rows.num_rows() - start));
    starts.map(slice).collect()
}
