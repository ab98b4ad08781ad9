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
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, LexOrdering, OrderingRequirements, Partitioning, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};

use super::frames::order_ticks;
use super::merge::Merge;
use super::rule::Windows;
use super::series::{InSeries, Window};
use crate::plan::run_aggregation::changes;

/// Batches of each input that are read ahead.
const READ_AHEAD: usize = 4;

/// Goes through series one after the other.
#[derive(Debug)]
pub(super) struct SeriesWindowExec {
    /// The stock operator that it stands for, with its input.
    stock: Arc<dyn ExecutionPlan>,
    /// What inputs are merged by; `None` where there has to be one.
    ordering: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SeriesWindowExec {
    pub(super) fn try_new(stock: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let windows = Windows::of(&stock).ok_or_else(not_a_window)?;
        let ordering = merge_ordering(windows)?;
        Ok(Self::new(stock, ordering))
    }

    fn new(stock: Arc<dyn ExecutionPlan>, ordering: Option<LexOrdering>) -> Self {
        let mut equivalences = stock.equivalence_properties().clone();
        equivalences.clear_per_partition_constants();
        let properties = PlanProperties::clone(stock.properties())
            .with_eq_properties(equivalences)
            .with_partitioning(Partitioning::UnknownPartitioning(1));
        Self {
            stock,
            ordering,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The order stays: the input was put into it.
    fn with_input(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let stock = replace_children_if_necessary(Arc::clone(&self.stock), children)?;
        Ok(Arc::new(Self::new(stock, self.ordering.clone())))
    }
}

/// What an input is to be ordered by, so that its partitions can be merged and series come one after the other: the order that it has, or
/// most of it has, if that is by nothing but what series are told by and then what rows rise by.
pub(super) fn merge_ordering(windows: Windows) -> Result<Option<LexOrdering>> {
    let Windows { input, .. } = windows;
    let (keys, rising) = (windows.varying_keys(), windows.rising());
    if keys.is_empty() {
        // One series: rows of one partition may come between any two of another, which makes no runs.
        return Ok(None);
    }
    let found = orderings(input).into_iter().find(|ordering| {
        let (of_keys, of_rows) = ordering.split_at(keys.len().min(ordering.len()));
        let is_by_keys = keys
            .iter()
            .all(|key| of_keys.iter().any(|order| order.expr.eq(key)));
        let is_by_rows = of_rows.len() >= rising.len()
            && of_rows.iter().zip(rising).all(|(found, wanted)| {
                found.expr.eq(&wanted.expr) && found.options.descending == wanted.options.descending
            });
        is_by_keys && is_by_rows
    });
    let wanted = keys.len() + rising.len();
    Ok(found.and_then(|ordering| LexOrdering::new(ordering.iter().take(wanted).cloned())))
}

/// The orders that an input has or that what it is made of has, by columns of the input: rows of files are in order where those in memory are
/// not yet. Only what to ask for is read from them; whoever settles orders sees to it.
fn orderings(input: &Arc<dyn ExecutionPlan>) -> Vec<LexOrdering> {
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

fn not_a_window() -> datafusion::common::DataFusionError {
    internal_datafusion_err!("an operator of windows is none any more")
}

impl DisplayAs for SeriesWindowExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions = Windows::of(&self.stock).map_or(&[][..], |windows| windows.functions);
        let names: Vec<_> = functions.iter().map(|function| function.name()).collect();
        write!(f, "SeriesWindowExec: wdw=[{}]", names.join(", "))?;
        match &self.ordering {
            Some(ordering) => write!(f, ", merge=[{ordering}]"),
            None => Ok(()),
        }
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
        vec![match self.ordering {
            Some(_) => Distribution::UnspecifiedDistribution,
            None => Distribution::SinglePartition,
        }]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        match &self.ordering {
            Some(ordering) => vec![Some(OrderingRequirements::from(ordering.clone()))],
            None => self.stock.required_input_ordering(),
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
        if partition != 0 {
            return internal_err!("this operator has one partition, not {partition}");
        }
        let stock = Windows::of(&self.stock).ok_or_else(not_a_window)?;
        let schema = stock.input.schema();
        let made = stock.functions.iter().map(|function| {
            let window = Window::try_new(function, &schema)?;
            window.ok_or_else(|| internal_datafusion_err!("a function is of no series any more"))
        });
        let windows = made.collect::<Result<Vec<_>>>()?;
        let needs_peers = windows.iter().any(|window| window.needs_peers);
        let series = Series {
            rows: self.rows(stock.input, &context)?,
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

impl SeriesWindowExec {
    /// The rows of all partitions of the input, in order.
    fn rows(&self, input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<Rows> {
        let count = input.output_partitioning().partition_count();
        if count == 1 {
            let rows = input.execute(0, Arc::clone(context))?;
            return Ok(Rows::One(rows));
        }
        let ordering = self.ordering.clone();
        let ordering = ordering.ok_or_else(|| internal_datafusion_err!("inputs have no order"))?;
        let streams = (0..count).map(|partition| {
            let rows = input.execute(partition, Arc::clone(context))?;
            Ok(spawn_buffered(rows, READ_AHEAD))
        });
        let batch_size = context.session_config().batch_size();
        let merge = Merge::new(streams.collect::<Result<_>>()?, ordering, batch_size);
        let merge = merge.ok_or_else(|| internal_datafusion_err!("there is no input"))?;
        Ok(Rows::Merged(Box::new(merge)))
    }
}

enum Rows {
    One(SendableRecordBatchStream),
    Merged(Box<Merge>),
}

impl Rows {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::One(rows) => rows.next().await.transpose(),
            Self::Merged(merge) => merge.next().await,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Merged(merge) => merge.size(),
        }
    }
}

/// The series, under way.
struct Series {
    rows: Rows,
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
            self.memory.try_resize(functions + self.rows.size())?;
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
            let Some(batch) = self.rows.next().await? else {
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
