//! The operator: rows in order, with the results of the functions beside them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};
use tokio::task::yield_now;

use super::function::{FULL_BYTES, Function, Results, Stop, equal_rows};
use super::part::{Part, Run};
use super::turn::Turn;
use crate::array_bytes::bytes_of;
use crate::plan::stock_windows::{Windows, not_a_window};

/// Goes through parts one after the other.
#[derive(Debug)]
pub(super) struct WindowExec {
    /// The stock operator that it stands for, with its input.
    stock: Arc<dyn ExecutionPlan>,
    metrics: ExecutionPlanMetricsSet,
}

impl WindowExec {
    pub(super) fn new(stock: Arc<dyn ExecutionPlan>) -> Self {
        Self {
            stock,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn with_input(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let stock = replace_children_if_necessary(Arc::clone(&self.stock), children)?;
        Ok(Arc::new(Self::new(stock)))
    }
}

impl DisplayAs for WindowExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Windows::of(&self.stock).map(|windows| windows.names());
        write!(f, "WindowExec: wdw=[{}]", names.unwrap_or_default())
    }
}

impl ExecutionPlan for WindowExec {
    fn name(&self) -> &'static str {
        "WindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.stock.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.stock.children()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.stock.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.stock.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
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
        let mut columns = vec![];
        let mut functions = vec![];
        for function in stock.functions {
            let Some(function) = Function::try_new(function, &mut columns)? else {
                return internal_err!("{} is no function of a window", function.name());
            };
            functions.push(function);
        }
        let rows = Rows {
            input: stock.input.execute(partition, Arc::clone(&context))?,
            is_finished: false,
            keys: stock.keys().to_vec(),
            columns,
            streams: functions.iter().all(Function::streams),
            runs: VecDeque::new(),
            part: None,
            results: functions.iter().map(|_| Results::default()).collect(),
            functions,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            batch_rows: context.session_config().batch_size(),
            schema: self.schema(),
            memory: MemoryConsumer::new("WindowExec").register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold((rows, Turn::begin()), |(mut rows, mut turn)| async {
            let batch = rows.next(&mut turn).await?;
            Ok(batch.map(|batch| (batch, (rows, turn))))
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

/// The rows, under way.
struct Rows {
    input: SendableRecordBatchStream,
    is_finished: bool,
    /// What tells parts from each other.
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// What functions read.
    columns: Vec<Arc<dyn PhysicalExpr>>,
    functions: Vec<Function>,
    /// Whether every function can tell results before it has seen the last row of a part.
    streams: bool,
    /// Rows after those of `part`.
    runs: VecDeque<Run>,
    part: Option<Part>,
    /// Those of each function.
    results: Vec<Results>,
    /// All rows that have not been handed over.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    batch_rows: usize,
    schema: SchemaRef,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
}

struct Waiting {
    rows: RecordBatch,
    bytes: usize,
}

impl Rows {
    async fn next(&mut self, turn: &mut Turn) -> Result<Option<RecordBatch>> {
        let compute = self.metrics.elapsed_compute().clone();
        loop {
            let timer = compute.timer();
            let stop = self.advance(turn)?;
            if stop != Stop::TurnIsOver {
                let bytes = self.bytes();
                self.memory.try_resize(bytes)?;
            }
            let ready = self.ready()?;
            drop(timer);
            if stop == Stop::TurnIsOver {
                yield_now().await;
                *turn = Turn::begin();
            }
            if let Some(batch) = ready {
                self.metrics.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
            if stop != Stop::NeedsRows {
                continue;
            }
            match self.input.next().await.transpose()? {
                Some(batch) => {
                    let _timer = compute.timer();
                    self.take(batch)?;
                }
                None if self.is_finished => return Ok(None),
                None => self.is_finished = true,
            }
        }
    }

    /// Makes some results, unless more rows have to come first.
    fn advance(&mut self, turn: &mut Turn) -> Result<Stop> {
        loop {
            if let Some(part) = &mut self.part {
                match part.advance(&self.functions, &mut self.results, turn)? {
                    Stop::NeedsRows if part.is_end() => self.part = None,
                    Stop::NeedsRows => {}
                    stop => return Ok(stop),
                }
            }
            let next = self.runs.pop_front();
            match (next, &mut self.part) {
                (Some(run), None) => {
                    self.part = Some(Part::begin(run, &self.functions, self.streams)?);
                }
                (Some(run), Some(part)) if part.has(&run) => part.add(run)?,
                (Some(run), Some(part)) => {
                    part.end()?;
                    self.runs.push_front(run);
                }
                (None, Some(part)) if self.is_finished => part.end()?,
                (None, _) => return Ok(Stop::NeedsRows),
            }
            if turn.step() {
                return Ok(Stop::TurnIsOver);
            }
        }
    }

    /// Takes rows of the input: cut into parts for the functions, and as they are to hand them over.
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let keys = arrays(&self.keys, &batch)?;
        let columns = arrays(&self.columns, &batch)?;
        let column_bytes: usize = columns.iter().map(bytes_of).sum();
        for range in equal_rows(&keys, rows)? {
            let key = keys.iter();
            let key = key.map(|key| ScalarValue::try_from_array(key, range.start));
            let columns = columns.iter();
            self.runs.push_back(Run {
                key: key.collect::<Result<_>>()?,
                columns: columns
                    .map(|column| column.slice(range.start, range.len()))
                    .collect(),
                rows: range.len(),
                bytes: column_bytes / rows * range.len(),
            });
        }
        let batch_bytes: usize = batch.columns().iter().map(bytes_of).sum();
        for first in (0..rows).step_by(self.batch_rows) {
            let count = self.batch_rows.min(rows - first);
            let bytes = batch_bytes / rows * count;
            self.waiting_bytes += bytes;
            self.waiting.push_back(Waiting {
                rows: batch.slice(first, count),
                bytes,
            });
        }
        Ok(())
    }

    /// The next rows, if they have all their results; or some of them, if results are large.
    fn ready(&mut self) -> Result<Option<RecordBatch>> {
        let Some(first) = self.waiting.front_mut() else {
            return Ok(None);
        };
        let have_results = self.results.iter().map(Results::rows).min().unwrap_or(0);
        let is_full = self.results.iter().map(Results::bytes).sum::<usize>() >= FULL_BYTES;
        let rows = first.rows.num_rows();
        let count = rows.min(have_results);
        if count == 0 || (count < rows && !is_full) {
            return Ok(None);
        }
        let mut columns = first.rows.slice(0, count).columns().to_vec();
        for results in &mut self.results {
            columns.push(results.take(count)?);
        }
        if count < rows {
            first.rows = first.rows.slice(count, rows - count);
        } else {
            self.waiting_bytes -= first.bytes;
            self.waiting.pop_front();
        }
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns,
        )?))
    }

    fn bytes(&self) -> usize {
        let part = self.part.as_ref().map_or(0, Part::bytes);
        let results = self.results.iter().map(Results::bytes);
        self.waiting_bytes + part + results.sum::<usize>()
    }
}

fn arrays(expressions: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let arrays = expressions
        .iter()
        .map(|expression| expression.evaluate(batch)?.into_array(batch.num_rows()));
    arrays.collect()
}
