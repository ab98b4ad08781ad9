//! The operator: a stream around [`Groups`], which does the work.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};

use super::groups::Groups;

/// Gives the results of groups whose rows come one group after the other.
#[derive(Debug)]
pub(in crate::plan) struct SeriesGroupsExec {
    /// The aggregate that it stands for, a first step or the only one, with its input, in which every group is in one partition.
    aggregate: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SeriesGroupsExec {
    /// In place of `last`, which puts together what `partial` gives.
    pub(super) fn new(partial: Arc<dyn ExecutionPlan>, last: &AggregateExec) -> Self {
        let equivalences = EquivalenceProperties::new(last.schema());
        let partitions = partial.output_partitioning().partition_count();
        let properties = PlanProperties::clone(last.properties())
            .with_eq_properties(equivalences)
            .with_partitioning(Partitioning::UnknownPartitioning(partitions));
        Self::with_properties(partial, Arc::new(properties))
    }

    /// In place of `only`, whose one partition is in order of groups.
    pub(in crate::plan) fn only_step(only: AggregateExec) -> Self {
        let properties = Arc::clone(only.properties());
        Self::with_properties(Arc::new(only), properties)
    }

    fn with_properties(aggregate: Arc<dyn ExecutionPlan>, properties: Arc<PlanProperties>) -> Self {
        Self {
            aggregate,
            properties,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn aggregate(&self) -> Result<&AggregateExec> {
        let aggregate = self.aggregate.downcast_ref::<AggregateExec>();
        aggregate.ok_or_else(|| internal_datafusion_err!("an aggregate is no aggregate any more"))
    }

    fn with_input(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let aggregate = replace_children_if_necessary(Arc::clone(&self.aggregate), children)?;
        let partitions = aggregate.output_partitioning().partition_count();
        let properties = PlanProperties::clone(&self.properties)
            .with_partitioning(Partitioning::UnknownPartitioning(partitions));
        Ok(Arc::new(Self::with_properties(
            aggregate,
            Arc::new(properties),
        )))
    }
}

impl DisplayAs for SeriesGroupsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(aggregate) = self.aggregate() else {
            return write!(f, "SeriesGroupsExec");
        };
        let group = aggregate.group_expr().expr().iter();
        let group: Vec<_> = group.map(|(_, name)| name.as_str()).collect();
        let functions = aggregate.aggr_expr().iter();
        let functions: Vec<_> = functions.map(|function| function.name()).collect();
        let (group, functions) = (group.join(", "), functions.join(", "));
        write!(f, "SeriesGroupsExec: gby=[{group}], aggr=[{functions}]")
    }
}

impl ExecutionPlan for SeriesGroupsExec {
    fn name(&self) -> &'static str {
        "SeriesGroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::UnspecifiedDistribution]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        let aggregate = self.aggregate()?;
        let state = Grouping {
            input: aggregate.input().execute(partition, Arc::clone(&context))?,
            groups: Groups::new(aggregate, self.schema())?,
            batch_size: context.session_config().batch_size(),
            memory: MemoryConsumer::new("SeriesGroupsExec").register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            is_finished: false,
        };
        let batches = stream::try_unfold(state, |mut state| async {
            let batch = state.next().await?;
            Ok(batch.map(|batch| (batch, state)))
        });
        let schema = self.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One partition under way.
struct Grouping {
    input: SendableRecordBatchStream,
    groups: Groups,
    batch_size: usize,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
    is_finished: bool,
}

impl Grouping {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while !self.is_finished {
            let batch = self.input.next().await.transpose()?;
            let timer = self.metrics.elapsed_compute().clone();
            let _timer = timer.timer();
            let results = match batch {
                Some(batch) => {
                    self.groups.add(&batch)?;
                    self.complete()?
                }
                None => {
                    self.is_finished = true;
                    let is_any = !self.groups.is_empty();
                    is_any.then(|| self.groups.take(true)).transpose()?
                }
            };
            if let Some(results) = results {
                self.metrics.record_output(results.num_rows());
                return Ok(Some(results));
            }
        }
        Ok(None)
    }

    /// What is complete, once it is enough for a batch or takes more memory than there is.
    fn complete(&mut self) -> Result<Option<RecordBatch>> {
        let refused = self.memory.try_resize(self.groups.size()).err();
        if self.groups.complete() == 0 {
            return refused.map_or(Ok(None), Err);
        }
        if refused.is_none() && self.groups.complete() < self.batch_size {
            return Ok(None);
        }
        let results = self.groups.take(false)?;
        self.memory.try_resize(self.groups.size())?;
        Ok(Some(results))
    }
}
