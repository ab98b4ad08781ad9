//! The operator: rows in order, with the results of the functions beside them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{concat, concat_batches};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, OrderingRequirements, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};

use super::frames::order_ticks;
use super::series::{InSeries, Window};
use crate::plan::run_aggregation::changes;
use crate::plan::stock_windows::{Windows, not_a_window};

/// Goes through series one after the other.
#[derive(Debug)]
pub(super) struct SeriesWindowExec {
    /// The stock operator that it stands for, with its input.
    stock: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SeriesWindowExec {
    /// An input of several partitions has to be one of whole series.
    pub(super) fn new(stock: Arc<dyn ExecutionPlan>) -> Self {
        let exchanged = Windows::of(&stock).filter(Windows::are_exchanged);
        let partitions = exchanged.map_or(1, |windows| {
            windows.input.output_partitioning().partition_count()
        });
        let mut equivalences = stock.equivalence_properties().clone();
        equivalences.clear_per_partition_constants();
        let properties = PlanProperties::clone(stock.properties())
            .with_eq_properties(equivalences)
            .with_partitioning(Partitioning::UnknownPartitioning(partitions));
        Self {
            stock,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn is_exchanged(&self) -> bool {
        Windows::of(&self.stock).is_some_and(|windows| windows.are_exchanged())
    }

    fn with_input(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let stock = replace_children_if_necessary(Arc::clone(&self.stock), children)?;
        Ok(Arc::new(Self::new(stock)))
    }
}

impl DisplayAs for SeriesWindowExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Windows::of(&self.stock).map(|windows| windows.names());
        write!(f, "SeriesWindowExec: wdw=[{}]", names.unwrap_or_default())
    }
}

impl ExecutionPlan for SeriesWindowExec {
    fn name(&self) -> &'static str {
        "SeriesWindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.stock.children()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![match self.is_exchanged() {
            true => Distribution::UnspecifiedDistribution,
            false => Distribution::SinglePartition,
        }]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        match self.is_exchanged() {
            true => vec![None],
            false => self.stock.required_input_ordering(),
        }
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.stock.apply_expressions(f)
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
        let stock = Windows::of(&self.stock).ok_or_else(not_a_window)?;
        let schema = stock.input.schema();
        let made = stock.functions.iter().map(|function| {
            let window = Window::try_new(function, &schema)?;
            window.ok_or_else(|| internal_datafusion_err!("a function is of no series any more"))
        });
        let windows = made.collect::<Result<Vec<_>>>()?;
        let needs_peers = windows.iter().any(|window| window.needs_peers);
        let series = Series {
            rows: stock.input.execute(partition, Arc::clone(&context))?,
            windows,
            keys: stock.keys().to_vec(),
            time: stock
                .rising()
                .first()
                .filter(|_| needs_peers)
                .map(|order| Arc::clone(&order.expr)),
            held: None,
            is_finished: false,
            current: None,
            schema: self.schema(),
            memory: MemoryConsumer::new("SeriesWindowExec").register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(series, |mut series| async move {
            let batch = series.next().await?;
            Ok(batch.map(|batch| (batch, series)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// The series, under way.
struct Series {
    rows: SendableRecordBatchStream,
    windows: Vec<Window>,
    /// What tells series from each other.
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// What rows rise by, where those of one time have to come together.
    time: Option<Arc<dyn PhysicalExpr>>,
    /// The newest rows, all of one time, which may not be all of that time.
    held: Option<RecordBatch>,
    is_finished: bool,
    /// The series that the newest rows were of, and what its functions are up to.
    current: Option<Current>,
    schema: SchemaRef,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
}

struct Current {
    key: Vec<ScalarValue>,
    functions: Vec<InSeries>,
}

impl Series {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.next_rows().await? {
            let compute = self.metrics.elapsed_compute().clone();
            let _timer = compute.timer();
            if batch.num_rows() == 0 {
                continue;
            }
            let results = self.evaluate(batch)?;
            let functions = self.current.iter().flat_map(|current| &current.functions);
            let functions: usize = functions.map(InSeries::size).sum();
            self.memory.try_resize(functions)?;
            self.metrics.record_output(results.num_rows());
            return Ok(Some(results));
        }
        Ok(None)
    }

    /// The next rows, without those of a time of which more may come.
    async fn next_rows(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.is_finished {
                return Ok(self.held.take());
            }
            let Some(batch) = self.rows.next().await.transpose()? else {
                self.is_finished = true;
                continue;
            };
            let Some(time) = &self.time else {
                return Ok(Some(batch));
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let batch = match self.held.take() {
                Some(held) => concat_batches(&batch.schema(), [&held, &batch])?,
                None => batch,
            };
            let times = array(time, &batch)?;
            let ticks = order_ticks(&times)?;
            let last = ticks[ticks.len() - 1];
            let before = ticks.len() - ticks.iter().rev().take_while(|tick| **tick == last).count();
            self.held = Some(batch.slice(before, ticks.len() - before));
            if before > 0 {
                return Ok(Some(batch.slice(0, before)));
            }
        }
    }

    /// The rows with the results beside them.
    fn evaluate(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let keys: Vec<ArrayRef> = arrays(&self.keys, &batch)?;
        let times = self
            .time
            .as_ref()
            .map(|time| array(time, &batch))
            .transpose()?;
        let arguments = self
            .windows
            .iter()
            .map(|window| arrays(&window.arguments, &batch));
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let mut results: Vec<Vec<ArrayRef>> = vec![vec![]; self.windows.len()];
        for run in runs(&keys, batch.num_rows())? {
            let ticks = times.as_ref().map(order_ticks).transpose()?;
            let ticks = ticks.map_or(&[][..], |ticks| &ticks[run.clone()]);
            let functions = self.functions(&keys, run.start)?;
            for ((function, arguments), results) in
                functions.iter_mut().zip(&arguments).zip(&mut results)
            {
                let arguments: Vec<_> = arguments
                    .iter()
                    .map(|column| column.slice(run.start, run.len()))
                    .collect();
                results.push(function.evaluate(&arguments, run.len(), ticks)?);
            }
        }
        let mut columns = batch.columns().to_vec();
        for parts in results {
            let parts: Vec<&dyn Array> = parts.iter().map(|part| &**part).collect();
            columns.push(match parts[..] {
                [part] => part.slice(0, part.len()),
                _ => concat(&parts)?,
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// The functions of the series that a row is of: those of the row before, if it is of the same.
    fn functions(&mut self, keys: &[ArrayRef], row: usize) -> Result<&mut [InSeries]> {
        let key = keys.iter().map(|key| ScalarValue::try_from_array(key, row));
        let key = key.collect::<Result<Vec<_>>>()?;
        let is_same = self
            .current
            .as_ref()
            .is_some_and(|current| current.key == key);
        if !is_same {
            let functions = self
                .windows
                .iter()
                .map(Window::begin)
                .collect::<Result<_>>()?;
            self.current = Some(Current { key, functions });
        }
        match &mut self.current {
            Some(current) => Ok(&mut current.functions),
            None => internal_err!("there is no series"),
        }
    }
}

/// The rows of each series of a batch.
fn runs(keys: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    let mut starts = vec![0];
    let mut changed = None;
    for key in keys {
        let changes = changes(key)?;
        changed = Some(match changed {
            Some(changed) => &changed | &changes,
            None => changes,
        });
    }
    starts.extend(
        changed
            .iter()
            .flat_map(|changed| changed.set_indices().map(|row| row + 1)),
    );
    let ends = starts[1..].iter().copied().chain([rows]);
    Ok(starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect())
}

fn array(expression: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expression.evaluate(batch)?.into_array(batch.num_rows())
}

fn arrays(expressions: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    expressions
        .iter()
        .map(|expression| array(expression, batch))
        .collect()
}
