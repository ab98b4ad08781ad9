//! The operator that reads the last row of each series.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};
use storage::TableSnapshot;
use tokio::sync::OnceCell;

use crate::tag_filter::TagFilter;

/// Reads the last row of each series of a table, sorted by key.
#[derive(Debug)]
pub(crate) struct LastRowsExec {
    snapshot: TableSnapshot,
    storage: Arc<storage::Engine>,
    schema: SchemaRef,
    /// What the tags of series have to fulfil; others may be there all the same.
    series: Option<Arc<TagFilter>>,
    otherwise: Option<Otherwise>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What is read instead when last rows do not tell enough.
#[derive(Debug)]
struct Otherwise {
    /// All rows.
    plan: Arc<dyn ExecutionPlan>,
    /// The columns that have to have a value in every last row.
    present: Vec<usize>,
    /// The last rows, or `None` if all rows have to be read; all partitions go by it.
    decided: Arc<OnceCell<Option<Vec<RecordBatch>>>>,
}

impl LastRowsExec {
    /// `schema` has some of the table's columns.
    pub(super) fn new(
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
            series: None,
            otherwise: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same without most series that do not fulfil this.
    pub(super) fn of_series(self, series: Option<Arc<TagFilter>>) -> Self {
        Self { series, ..self }
    }

    /// Passes on all rows, as `plan` reads them, if the last row of any series has no value in one of
    /// the columns `present`.
    pub(super) fn unless_missing(
        snapshot: TableSnapshot,
        storage: Arc<storage::Engine>,
        plan: Arc<dyn ExecutionPlan>,
        present: Vec<usize>,
    ) -> Self {
        let partitions = plan.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let otherwise = Otherwise {
            plan: Arc::clone(&plan),
            present,
            decided: Arc::default(),
        };
        Self {
            otherwise: Some(otherwise),
            properties: Arc::new(properties),
            ..Self::new(snapshot, storage, plan.schema(), Vec::new())
        }
    }

    fn with_otherwise(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (&self.otherwise, &children[..]) {
            (None, []) => Ok(self),
            (Some(otherwise), [plan]) => {
                let made = Self::unless_missing(
                    self.snapshot.clone(),
                    Arc::clone(&self.storage),
                    Arc::clone(plan),
                    otherwise.present.clone(),
                );
                Ok(Arc::new(made.of_series(self.series.clone())))
            }
            _ => internal_err!("last rows have as many inputs as before"),
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
        )?;
        if let Some(series) = &self.series {
            write!(f, ", series=[{series}]")?;
        }
        if let Some(otherwise) = &self.otherwise {
            let present = otherwise.present.iter().map(|&at| names[at]);
            let present: Vec<_> = present.collect();
            write!(f, ", unless_missing=[{}]", present.join(", "))?;
        }
        Ok(())
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
        self.otherwise
            .iter()
            .map(|otherwise| &otherwise.plan)
            .collect()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
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
        self.with_otherwise(children)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.with_otherwise(children)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new("LastRowsExec").register(context.memory_pool());
        let read = Read {
            snapshot: self.snapshot.clone(),
            storage: Arc::clone(&self.storage),
            schema: Arc::clone(&self.schema),
            series: self.series.clone(),
            memory,
            metrics: BaselineMetrics::new(&self.metrics, partition),
            batch_rows: context.session_config().batch_size(),
        };
        let batches = match &self.otherwise {
            None if partition != 0 => {
                return internal_err!("last rows are one partition, not {partition}");
            }
            None => stream::once(async move {
                let rows = read.last_rows().await?;
                read.batches(rows)
            })
            .boxed(),
            Some(otherwise) => {
                let decided = Arc::clone(&otherwise.decided);
                let present = otherwise.present.clone();
                let plan = Arc::clone(&otherwise.plan);
                stream::once(async move {
                    let decide = || async { read.last_rows_with(&present).await };
                    match decided.get_or_try_init(decide).await? {
                        None => plan.execute(partition, context),
                        Some(rows) if partition == 0 => read.batches(rows.clone()),
                        Some(_) => read.batches(Vec::new()),
                    }
                })
                .boxed()
            }
        };
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

/// One reading of last rows.
struct Read {
    snapshot: TableSnapshot,
    storage: Arc<storage::Engine>,
    schema: SchemaRef,
    series: Option<Arc<TagFilter>>,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
    batch_rows: usize,
}

impl Read {
    async fn last_rows(&self) -> Result<Vec<RecordBatch>> {
        let series = self.series.clone().map(|series| series as _);
        let rows = (self.storage).last_rows(&self.snapshot, &self.schema, series);
        rows.await
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// The last rows if they have values in all of these columns.
    async fn last_rows_with(&self, present: &[usize]) -> Result<Option<Vec<RecordBatch>>> {
        let rows = self.last_rows().await?;
        let mut columns = (rows.iter()).flat_map(|rows| present.iter().map(|&at| rows.column(at)));
        let is_complete = columns.all(has_all_values);
        Ok(is_complete.then_some(rows))
    }

    fn batches(self, rows: Vec<RecordBatch>) -> Result<SendableRecordBatchStream> {
        let Self {
            schema,
            memory,
            metrics,
            batch_rows,
            ..
        } = self;
        memory.try_grow(rows.iter().map(get_record_batch_memory_size).sum())?;
        let slices = rows
            .into_iter()
            .flat_map(move |rows| slices(&rows, batch_rows));
        // The memory counts until the last of them has been taken.
        let slices = slices.inspect(move |slice| {
            let _counted = &memory;
            metrics.record_output(slice.num_rows());
        });
        let batches = stream::iter(slices.map(Ok));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// Aggregates take NaN and infinities for missing values too.
fn has_all_values(column: &ArrayRef) -> bool {
    let is_finite = match column.as_primitive_opt::<Float64Type>() {
        Some(floats) => floats.values().iter().all(|value| value.is_finite()),
        None => true,
    };
    column.null_count() == 0 && is_finite
}

fn slices(rows: &RecordBatch, length: usize) -> Vec<RecordBatch> {
    let starts = (0..rows.num_rows()).step_by(length);
    let slice = |start: usize| rows.slice(start, length.min(rows.num_rows() - start));
    starts.map(slice).collect()
}
