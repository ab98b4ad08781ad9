//! The operator that fills gaps: a stream around [`Filling`], which does the work.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr,
    PhysicalSortExpr,
};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::filling::{Filling, Step};
use super::functions::Fill;
use super::grid::Grid;
use super::output::Output;
use super::rows::Rows;

/// What to fill.
#[derive(Debug)]
pub(crate) struct Spec {
    /// Columns of the input.
    pub(crate) column_count: usize,
    /// The places of the columns that make a group.
    pub(crate) group: Vec<usize>,
    /// The place of the column of bins.
    pub(crate) time: usize,
    pub(crate) grid: Grid,
    pub(crate) filled: Vec<FilledSpec>,
}

/// A filled column.
#[derive(Debug)]
pub(crate) struct FilledSpec {
    pub(crate) fill: Fill,
    pub(crate) source: Arc<dyn PhysicalExpr>,
    /// The longest gap to fill, in nanoseconds.
    pub(crate) gap_max: u64,
    pub(crate) constant: Option<ScalarValue>,
}

impl FilledSpec {
    /// Computes values instead of repeating them.
    pub(super) fn is_curve(&self) -> bool {
        matches!(self.fill, Fill::Linear | Fill::Pchip | Fill::Spline)
    }
}

/// Passes on rows sorted by group and time, and adds those that are missing.
#[derive(Debug)]
pub(crate) struct GapFillExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<Spec>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl GapFillExec {
    /// `schema` has the columns of the input and the filled ones.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, spec: Arc<Spec>, schema: SchemaRef) -> Self {
        let ordering = ordering(&spec, &schema);
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), [ordering]),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            input,
            spec,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn with_input(&self, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        match (children.pop(), children.pop()) {
            (Some(input), None) => {
                let (spec, schema) = (Arc::clone(&self.spec), Arc::clone(&self.schema));
                Ok(Arc::new(Self::new(input, spec, schema)))
            }
            _ => internal_err!("this operator has one input"),
        }
    }

    fn column(&self, at: usize) -> Arc<dyn PhysicalExpr> {
        column(&self.schema, at)
    }
}

fn column(schema: &SchemaRef, at: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(schema.field(at).name(), at))
}

/// By group, then by time, with NULL where a plain `ORDER BY` has it: queries often end in one.
fn ordering(spec: &Spec, schema: &SchemaRef) -> LexOrdering {
    let options = SortOptions {
        descending: false,
        nulls_first: false,
    };
    let columns = spec.group.iter().chain([&spec.time]);
    let sorts = columns.map(|&at| PhysicalSortExpr::new(column(schema, at), options));
    LexOrdering::new(sorts).expect("time is part of it")
}

impl DisplayAs for GapFillExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |at: &usize| self.schema.field(*at).name().as_str();
        let group: Vec<_> = self.spec.group.iter().map(name).collect();
        let filled = self.spec.filled.iter().map(|filled| filled.fill.name());
        write!(
            f,
            "GapFillExec: time={}, group=[{}], filled=[{}]",
            name(&self.spec.time),
            group.join(", "),
            filled.collect::<Vec<_>>().join(", ")
        )
    }
}

impl ExecutionPlan for GapFillExec {
    fn name(&self) -> &'static str {
        "GapFillExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        let group = self.spec.group.iter().map(|&at| self.column(at));
        let group: Vec<_> = group.collect();
        vec![match group.is_empty() {
            true => Distribution::SinglePartition,
            false => Distribution::KeyPartitioned(group),
        }]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let ordering = ordering(&self.spec, &self.schema);
        vec![Some(OrderingRequirements::from(ordering))]
    }

    /// That its own order follows from its input's is in its properties. `true` would let the optimizer move a
    /// sort below it that spoils the order it requires.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let sources = self.spec.filled.iter().map(|filled| &filled.source);
        datafusion::physical_plan::execution_plan::apply_expression_roots(sources, f)
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
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let memory = MemoryConsumer::new("GapFillExec").register(context.memory_pool());
        let kind = |&at: &usize| self.schema.field(at).data_type().clone();
        let kinds = self.spec.group.iter().map(kind).collect();
        let rows = Rows::new(Arc::clone(&self.spec), kinds, memory)?;
        let output = Output::new(Arc::clone(&self.spec), Arc::clone(&self.schema));
        let batch_rows = context.session_config().batch_size();
        let running = Running {
            filling: Filling::new(Arc::clone(&self.spec), rows, output, batch_rows),
            input,
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(running, |mut running| async move {
            Ok(running.next().await?.map(|batch| (batch, running)))
        });
        let schema = Arc::clone(&self.schema);
        let filled = RecordBatchStreamAdapter::new(schema, batches.into_stream());
        // Many rows come of few: it has to pause by itself.
        Ok(make_cooperative(Box::pin(filled)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct Running {
    filling: Filling,
    input: SendableRecordBatchStream,
    metrics: BaselineMetrics,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let step = {
                let _timer = self.metrics.elapsed_compute().timer();
                self.filling.step()?
            };
            match step {
                Step::NeedInput => match self.input.next().await.transpose()? {
                    Some(batch) => self.filling.push(&batch)?,
                    None => self.filling.finish(),
                },
                Step::Output(batch) => {
                    self.metrics.record_output(batch.num_rows());
                    return Ok(Some(batch));
                }
                Step::Done => {
                    self.metrics.done();
                    return Ok(None);
                }
            }
        }
    }
}
