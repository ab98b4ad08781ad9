//! The operator: a stream around [`Runs`], which does the work.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, Time,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use super::runs::Runs;

/// Rows that are looked at before runs can be said to be short.
const ROWS_MIN: usize = 32_768;

/// The memory of states at which they are passed on, whatever there is: as columns they have to be of less than 2 GiB.
const STATES_MAX: usize = 1 << 30;

/// Gives states for runs of rows of the same group, or results of groups.
#[derive(Debug)]
pub(in crate::plan) struct RunAggregateExec {
    /// The aggregate that it stands for, with its input: a first step, which gives states, or the only one.
    aggregate: AggregateExec,
    /// Whether all runs of a group come to one state, as far as there is memory; otherwise each is one.
    gathers: bool,
    metrics: ExecutionPlanMetricsSet,
}

impl RunAggregateExec {
    /// Gives a state for every run, in their order.
    pub(super) fn of_runs(aggregate: AggregateExec) -> Self {
        Self::new(aggregate, false)
    }

    /// Gives a state or, in the place of an only step, a result for every group, in any order.
    pub(super) fn gathering(aggregate: AggregateExec) -> Self {
        Self::new(aggregate, true)
    }

    fn new(aggregate: AggregateExec, gathers: bool) -> Self {
        Self {
            aggregate,
            gathers,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn with_input(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let aggregate = with_input(&self.aggregate, children)?;
        match aggregate.downcast_ref::<AggregateExec>() {
            Some(aggregate) => Ok(Arc::new(Self::new(aggregate.clone(), self.gathers))),
            None => internal_err!("an aggregate is no aggregate any more"),
        }
    }
}

fn with_input(
    aggregate: &AggregateExec,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let aggregate: Arc<dyn ExecutionPlan> = Arc::new(aggregate.clone());
    replace_children_if_necessary(aggregate, children)
}

impl DisplayAs for RunAggregateExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.aggregate.group_expr().expr().iter();
        let group: Vec<_> = group.map(|(_, name)| name.as_str()).collect();
        let functions = self.aggregate.aggr_expr().iter();
        let functions: Vec<_> = functions.map(|function| function.name()).collect();
        write!(
            f,
            "RunAggregateExec: gby=[{}], aggr=[{}]{}",
            group.join(", "),
            functions.join(", "),
            match self.gathers {
                true => ", gathered",
                false => "",
            }
        )
    }
}

impl ExecutionPlan for RunAggregateExec {
    fn name(&self) -> &'static str {
        "RunAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.aggregate.input()]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.aggregate.maintains_input_order()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregate.apply_expressions(f)
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
        let input = self.aggregate.input();
        let memory = MemoryConsumer::new("RunAggregateExec").register(context.memory_pool());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let state = Aggregating {
            input: input.execute(partition, Arc::clone(&context))?,
            runs: match self.gathers {
                true => Runs::gathered(&self.aggregate)?,
                false => Runs::one_by_one(&self.aggregate)?,
            },
            gathers: self.gathers,
            rows: 0,
            batch_size: context.session_config().batch_size(),
            memory,
            aggregate: self.aggregate.clone(),
            compute_time: metrics.elapsed_compute().clone(),
            rows_hashed: MetricBuilder::new(&self.metrics).counter("rows_hashed", partition),
            context,
        };
        let batches = (state.batches()).inspect_ok(move |batch| {
            metrics.record_output(batch.num_rows());
        });
        let schema = self.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

/// One partition under way.
struct Aggregating {
    input: SendableRecordBatchStream,
    runs: Runs,
    gathers: bool,
    rows: usize,
    batch_size: usize,
    memory: MemoryReservation,
    aggregate: AggregateExec,
    compute_time: Time,
    /// Rows that were left to the stock operator.
    rows_hashed: Count,
    context: Arc<TaskContext>,
}

impl Aggregating {
    fn batches(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        let batches = stream::try_unfold(Some(self), |state| async {
            match state {
                Some(state) => state.next().await,
                None => Ok(None),
            }
        });
        batches.try_flatten()
    }

    /// The next batches, and what comes after them.
    async fn next(mut self) -> Result<Option<(Batches, Option<Self>)>> {
        while let Some(batch) = self.input.next().await {
            let batch = batch?;
            let time = self.compute_time.clone();
            let _timer = time.timer();
            self.rows += batch.num_rows();
            self.runs.add(&batch)?;
            // States are passed on early rather than kept beyond what memory there is.
            let size = self.runs.size();
            let is_refused = self.memory.try_resize(size).is_err() || size > STATES_MAX;
            let is_full = !self.gathers && self.runs.count() >= self.batch_size;
            let are_short = self.runs_are_short();
            if self.is_only_step() && (is_refused || are_short) {
                return Ok(Some((self.in_two_steps()?, None)));
            }
            if are_short {
                let states = self.take()?;
                let rest = self.hash_the_rest()?;
                return Ok(Some((Box::pin(states.chain(rest)), None)));
            }
            if is_refused || is_full {
                return Ok(Some((Box::pin(self.take()?), Some(self))));
            }
        }
        if self.runs.count() == 0 {
            return Ok(None);
        }
        Ok(Some((Box::pin(self.take()?), None)))
    }

    fn is_only_step(&self) -> bool {
        *self.aggregate.mode() == AggregateMode::Single
    }

    /// Takes the states that there are, or the results.
    fn take(&mut self) -> Result<impl Stream<Item = Result<RecordBatch>> + Send + use<>> {
        let (schema, is_only_step) = (self.aggregate.schema(), self.is_only_step());
        let groups = match is_only_step {
            true => self.runs.take_results(schema)?,
            false => self.runs.take_states(schema)?,
        };
        // What is left, to work with, is little; it is there whether there is room for it or not.
        self.memory.resize(self.runs.size());
        let length = self.batch_size.max(1);
        let firsts = (0..groups.num_rows()).step_by(length);
        Ok(stream::iter(firsts.map(move |first| {
            Ok(groups.slice(first, length.min(groups.num_rows() - first)))
        })))
    }

    /// Gives states, as a first step does, those that there are already before all others, to a stock operator that puts them together:
    /// it spills where memory ends.
    fn in_two_steps(mut self) -> Result<Batches> {
        let only = self.aggregate;
        let group = only.group_expr();
        let functions = only.aggr_expr().to_vec();
        self.aggregate = AggregateExec::try_new(
            AggregateMode::Partial,
            group.clone(),
            functions.clone(),
            only.filter_expr().to_vec(),
            Arc::clone(only.input()),
            only.input_schema(),
        )?;
        let context = Arc::clone(&self.context);
        let schema = self.aggregate.schema();
        let states = self.take()?.chain(self.batches());
        let states = RecordBatchStreamAdapter::new(schema, states);
        let last = AggregateExec::try_new(
            AggregateMode::Final,
            group.as_final(),
            functions.clone(),
            vec![None; functions.len()],
            read_once(Box::pin(states))?,
            only.input_schema(),
        )?;
        Ok(Box::pin(last.execute(0, context)?))
    }

    /// Where order is to be kept they may be: hashing does not keep it.
    fn runs_are_short(&self) -> bool {
        *self.aggregate.input_order_mode() == InputOrderMode::Linear
            && self.rows >= ROWS_MIN
            && self.runs.are_short(self.rows)
    }

    /// Puts what is left of the input to the operator that this one replaced.
    fn hash_the_rest(self) -> Result<Batches> {
        let hashed = self.rows_hashed;
        let schema = self.input.schema();
        let rest = self
            .input
            .inspect_ok(move |batch| hashed.add(batch.num_rows()));
        let rest = read_once(Box::pin(RecordBatchStreamAdapter::new(schema, rest)))?;
        let aggregate = with_input(&self.aggregate, vec![rest])?;
        Ok(Box::pin(aggregate.execute(0, self.context)?))
    }
}

/// A plan that is what comes of a stream.
fn read_once(stream: SendableRecordBatchStream) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = stream.schema();
    let rest = Rest {
        schema: Arc::clone(&schema),
        stream: Mutex::new(Some(stream)),
    };
    let rows = StreamingTableExec::try_new(
        schema,
        vec![Arc::new(rest)],
        None,
        std::iter::empty(),
        false,
        None,
    )?;
    Ok(Arc::new(rows))
}

/// A stream, to be read once.
struct Rest {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

impl PartitionStream for Rest {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        match self.stream.lock().take() {
            Some(stream) => stream,
            None => {
                let error = internal_err!("the rest of an input is read twice");
                let schema = Arc::clone(&self.schema);
                Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter([error])))
            }
        }
    }
}
