//! The operator that reads buffered rows. It puts them together when it runs, not when it is
//! planned: the work then counts against the query's deadline and memory, on the query's threads.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use storage::{BufferedRows, PassingSeries};

use crate::tag_filter::TagFilter;
use crate::time_range;

/// As many rows as there are in so many batches are put together at once. More of them would keep a thread
/// of queries from others, so that is done elsewhere.
const LITTLE_BATCHES: usize = 4;

/// Among as many rows as there are in so many batches, rows are found at once: that takes a millisecond or two, tens where
/// each is of a series of its own.
const QUICK_BATCHES: usize = 32;

/// Of as many series the tags are looked at at once: that takes a millisecond or two.
const QUICK_SERIES: usize = 1 << 13;

/// What finding rows takes for each of those in memory at most, and finding their series for each of these, beside their tags.
const FINDING_BYTES: usize = 24;

/// What a partition's rows may take to be put in order of series; more of them are read as they arrived, one part after the other.
const BY_SERIES_BYTES_MAX: usize = 128 << 20;

/// Reads rows that are not in a file yet, as some of their table's columns.
#[derive(Debug)]
pub(crate) struct BufferedExec {
    /// Rows that are not merged with each other. There is one of them where they are sorted.
    parts: Vec<BufferedRows>,
    schema: SchemaRef,
    order: RowOrder,
    /// What the rows' tags fulfil.
    series: Option<Arc<TagFilter>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// How rows follow each other.
#[derive(Debug, Clone)]
enum RowOrder {
    AsArrived,
    /// One series after the other, each by time, of a partition's parts together; as they arrived if those take too much memory.
    BySeries,
    /// Sorted by this key with every key once.
    Unique(LexOrdering),
}

impl BufferedExec {
    /// The rows of `series` as they arrived, read side by side by as many as `partitions`; they must not
    /// need deduplication. What was written last is in many small parts: each of them as a partition would
    /// make a state of every aggregate for each.
    pub(crate) fn as_arrived(
        parts: Vec<BufferedRows>,
        schema: SchemaRef,
        partitions: usize,
        series: Option<Arc<TagFilter>>,
    ) -> Self {
        let partitions = parts.len().min(partitions).max(1);
        Self::new(parts, schema, RowOrder::AsArrived, partitions, series)
    }

    /// The rows of `series` sorted by this key, every key once.
    pub(crate) fn sorted(
        rows: BufferedRows,
        schema: SchemaRef,
        key: LexOrdering,
        series: Option<Arc<TagFilter>>,
    ) -> Self {
        Self::new(vec![rows], schema, RowOrder::Unique(key), 1, series)
    }

    fn new(
        mut parts: Vec<BufferedRows>,
        schema: SchemaRef,
        order: RowOrder,
        partitions: usize,
        series: Option<Arc<TagFilter>>,
    ) -> Self {
        if let Some(condition) = &series {
            let of_series = |rows: BufferedRows| rows.of_series(Arc::clone(condition) as _);
            parts = parts.into_iter().map(of_series).collect();
        }
        let orderings = match &order {
            RowOrder::Unique(key) => Some(key.clone()),
            RowOrder::AsArrived | RowOrder::BySeries => None,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), orderings),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let metrics = ExecutionPlanMetricsSet::new();
        Self {
            parts,
            schema,
            order,
            series,
            properties: Arc::new(properties),
            metrics,
        }
    }

    /// The same rows one series after the other, for operators that are faster so; `None` where they are in an order, or of a width that
    /// is not known. The plan is told of no order: it is settled by then.
    pub(crate) fn by_series(&self) -> Option<Self> {
        let fields = self.schema.fields().iter();
        let has_width = fields.map(|field| field.data_type()).all(|kind| {
            kind.is_primitive() || matches!(kind, DataType::Boolean | DataType::Dictionary(..))
        });
        let is_free = matches!(self.order, RowOrder::AsArrived) && has_width;
        is_free.then(|| Self {
            parts: self.parts.clone(),
            schema: Arc::clone(&self.schema),
            order: RowOrder::BySeries,
            series: self.series.clone(),
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// Whether it is known that every row passes a filter: nobody tests it again.
    pub(crate) fn all_pass(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
        let mut parts = self.parts.iter();
        let series = self.series.as_ref();
        series.is_some_and(|series| series.all_pass(filter))
            || parts.all(|rows| time_range::all_pass(rows.times(), filter))
    }

    /// Some columns of the same rows; `None` where these are in an order.
    pub(crate) fn with_columns(&self, columns: &[usize]) -> Result<Option<Self>> {
        if !matches!(self.order, RowOrder::AsArrived) {
            return Ok(None);
        }
        let schema = Arc::new(self.schema.project(columns)?);
        let properties = PlanProperties::clone(&self.properties);
        let properties =
            properties.with_eq_properties(EquivalenceProperties::new(Arc::clone(&schema)));
        Ok(Some(Self {
            parts: self.parts.clone(),
            schema,
            order: RowOrder::AsArrived,
            series: self.series.clone(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }

    fn partitions(&self) -> usize {
        self.properties.output_partitioning().partition_count()
    }

    fn parts_of(&self, partition: usize) -> impl Iterator<Item = &BufferedRows> {
        self.parts.iter().skip(partition).step_by(self.partitions())
    }

    /// What these rows take at most, of columns whose width is known.
    fn row_bytes(&self, parts: &[BufferedRows]) -> usize {
        let rows: usize = parts.iter().map(BufferedRows::row_count).sum();
        rows * self.schema.fields().len() * size_of::<i64>()
    }

    fn row_count(&self) -> usize {
        self.parts.iter().map(BufferedRows::row_count).sum()
    }
}

impl DisplayAs for BufferedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferedExec: rows={}", self.row_count())?;
        if let Some(series) = &self.series {
            write!(f, ", series=[{series}]")?;
        }
        match &self.order {
            RowOrder::AsArrived => Ok(()),
            RowOrder::BySeries => write!(f, ", by series"),
            RowOrder::Unique(key) => write!(f, ", key=[{key}]"),
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
        if partition >= self.partitions() {
            return internal_err!("buffered rows have no partition {partition}");
        }
        let mut parts: Vec<BufferedRows> = self.parts_of(partition).cloned().collect();
        let is_sorted = match self.order {
            RowOrder::AsArrived => false,
            RowOrder::BySeries => self.row_bytes(&parts) <= BY_SERIES_BYTES_MAX,
            RowOrder::Unique(_) => true,
        };
        let batch_rows = context.session_config().batch_size();
        if is_sorted {
            parts = BufferedRows::together(parts).into_iter().collect();
        } else if self.series.is_some() {
            // Of some series there are few rows in each of many parts.
            parts = quick_parts(parts, batch_rows);
        }
        let reading = Arc::new(Reading {
            schema: Arc::clone(&self.schema),
            is_sorted,
            batch_rows,
            context,
        });
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let of_parts = Arc::clone(&reading);
        let batches = stream::once(Reading::passing_series(reading, parts.clone()))
            .map_ok(move |series| {
                let parts = stream::iter(parts.clone());
                let reading = Arc::clone(&of_parts);
                parts.then(move |rows| {
                    Reading::batches(Arc::clone(&reading), rows, Arc::clone(&series))
                })
            })
            .try_flatten()
            .try_flatten()
            .inspect_ok(move |batch| metrics.record_output(batch.num_rows()));
        let batches = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches);
        Ok(make_cooperative(Box::pin(batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let rows = match args.partition() {
            Some(partition) => self.parts_of(partition).map(BufferedRows::row_count).sum(),
            None => self.row_count(),
        };
        let mut statistics = Statistics::new_unknown(&self.schema);
        let is_unique = matches!(self.order, RowOrder::Unique(_));
        let is_exact = !is_unique && !self.parts.iter().any(BufferedRows::is_filtered);
        statistics.num_rows = match is_exact {
            true => Precision::Exact(rows),
            false => Precision::Inexact(rows),
        };
        Ok(Arc::new(statistics))
    }
}

/// Parts put together as far as rows are found in them at once.
fn quick_parts(parts: Vec<BufferedRows>, batch_rows: usize) -> Vec<BufferedRows> {
    let mut together: Vec<BufferedRows> = Vec::new();
    for part in parts {
        let before = together.pop_if(|before| {
            before.rows_looked_through() + part.rows_looked_through() <= QUICK_BATCHES * batch_rows
        });
        together.extend(BufferedRows::together(before.into_iter().chain([part])));
    }
    together
}

/// How a partition is read.
struct Reading {
    schema: SchemaRef,
    is_sorted: bool,
    batch_rows: usize,
    context: Arc<TaskContext>,
}

impl Reading {
    /// The series of parts that are asked for.
    async fn passing_series(
        reading: Arc<Self>,
        parts: Vec<BufferedRows>,
    ) -> Result<Arc<PassingSeries>> {
        let unindexed = parts.iter().map(BufferedRows::unindexed_row_count);
        let is_quick = unindexed.sum::<usize>() <= QUICK_BATCHES * reading.batch_rows;
        let parts = Arc::new(parts);
        let same = Arc::clone(&parts);
        let count = elsewhere_unless(is_quick, move || PassingSeries::candidates(&same)).await?;
        let memory = MemoryConsumer::new("BufferedExec").register(reading.context.memory_pool());
        memory.try_grow(count * FINDING_BYTES)?;
        let is_quick = count <= QUICK_SERIES;
        let series = elsewhere_unless(is_quick, move || PassingSeries::of(&parts)).await??;
        Ok(Arc::new(series))
    }

    /// Puts the rows of one part together.
    async fn batches(
        reading: Arc<Self>,
        rows: BufferedRows,
        series: Arc<PassingSeries>,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + Send> {
        let memory = MemoryConsumer::new("BufferedExec").register(reading.context.memory_pool());
        if rows.is_filtered() {
            memory.try_grow(rows.rows_looked_through() * FINDING_BYTES)?;
        }
        let is_quick = rows.rows_looked_through() <= QUICK_BATCHES * reading.batch_rows;
        let found = elsewhere_unless(is_quick, move || rows.find_of(&series)).await?;
        memory.try_resize(found.estimated_bytes(&reading.schema))?;
        let is_little = found.count() <= LITTLE_BATCHES * reading.batch_rows;
        let (schema, is_sorted) = (Arc::clone(&reading.schema), reading.is_sorted);
        let build = move || match is_sorted {
            true => vec![found.sorted_unique(&schema)],
            false => found.batches(&schema),
        };
        let built = elsewhere_unless(is_little, build).await?;
        let batch_rows = reading.batch_rows;
        let slices = built.into_iter().flat_map(move |batch| {
            let starts = (0..batch.num_rows()).step_by(batch_rows);
            let slice = |start: usize| batch.slice(start, batch_rows.min(batch.num_rows() - start));
            starts.map(slice).collect::<Vec<_>>()
        });
        // The memory counts until the last of them has been taken.
        Ok(stream::iter(slices).map(move |batch| {
            let _counted = &memory;
            Ok(batch)
        }))
    }
}

/// Does work at once, or on a thread that nobody else waits for.
async fn elsewhere_unless<T: Send + 'static>(
    is_short: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    match is_short {
        true => Ok(work()),
        false => tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error))),
    }
}
