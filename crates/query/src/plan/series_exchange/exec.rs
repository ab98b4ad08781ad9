//! The operator: sorted partitions in, whole series out.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_datafusion_err, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, Partitioning,
    PhysicalExpr,
};
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::stream;
use parking_lot::Mutex;

use super::merge::Merge;
use super::spread::{Spread, spread};

/// Batches of each input that are read ahead.
const READ_AHEAD: usize = 4;

/// Merges sorted partitions and spreads whole series.
#[derive(Debug)]
pub(in crate::plan) struct SeriesExchangeExec {
    input: Arc<dyn ExecutionPlan>,
    /// What rows are in order by: first what series are told by.
    ordering: LexOrdering,
    /// What tells series from each other.
    keys: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// Under way, where there are several partitions.
    spread: Mutex<Option<Spread>>,
}

impl SeriesExchangeExec {
    /// Rows of one partition are in order; of several they are as well, but nobody may wait for one of them before reading another, so that
    /// no order is promised.
    pub(in crate::plan) fn new(
        input: Arc<dyn ExecutionPlan>,
        ordering: LexOrdering,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        partitions: usize,
    ) -> Self {
        let mut equivalences = match partitions {
            1 => {
                let orderings = [ordering.clone()];
                let mut equivalences = input.equivalence_properties().clone();
                equivalences.clear_orderings();
                equivalences.add_orderings(orderings);
                equivalences
            }
            _ => {
                let mut equivalences = input.equivalence_properties().clone();
                equivalences.clear_orderings();
                equivalences
            }
        };
        equivalences.clear_per_partition_constants();
        Self {
            properties: properties(&input, equivalences, partitions),
            input,
            ordering,
            keys,
            metrics: ExecutionPlanMetricsSet::new(),
            spread: Mutex::new(None),
        }
    }

    fn partitions(&self) -> usize {
        self.properties.output_partitioning().partition_count()
    }

    fn with_input(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("this operator has one input");
        };
        let (ordering, keys) = (self.ordering.clone(), self.keys.clone());
        Ok(Arc::new(Self::new(
            input,
            ordering,
            keys,
            self.partitions(),
        )))
    }

    /// The rows of all partitions of the input, in order.
    fn merge(&self, context: &Arc<TaskContext>) -> Result<Merge> {
        let count = self.input.output_partitioning().partition_count();
        let streams = (0..count).map(|partition| {
            let rows = self.input.execute(partition, Arc::clone(context))?;
            Ok(spawn_buffered(rows, READ_AHEAD))
        });
        let memory = MemoryConsumer::new("SeriesExchangeExec").register(context.memory_pool());
        let merge = Merge::new(
            streams.collect::<Result<_>>()?,
            self.ordering.clone(),
            context.session_config().batch_size(),
            memory,
        );
        merge.ok_or_else(|| internal_datafusion_err!("there is no input"))
    }
}

fn properties(
    input: &Arc<dyn ExecutionPlan>,
    equivalences: EquivalenceProperties,
    partitions: usize,
) -> Arc<PlanProperties> {
    let properties = PlanProperties::clone(input.properties())
        .with_eq_properties(equivalences)
        .with_partitioning(Partitioning::UnknownPartitioning(partitions));
    Arc::new(properties)
}

impl DisplayAs for SeriesExchangeExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(ToString::to_string).collect();
        let (ordering, partitions) = (&self.ordering, self.partitions());
        let keys = keys.join(", ");
        write!(
            f,
            "SeriesExchangeExec: series=[{keys}], merge=[{ordering}], partitions={partitions}"
        )
    }
}

impl ExecutionPlan for SeriesExchangeExec {
    fn name(&self) -> &'static str {
        "SeriesExchangeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::UnspecifiedDistribution]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![Some(OrderingRequirements::from(self.ordering.clone()))]
    }

    /// That its own order follows from its input's is in its properties. `true` would let the optimizer move a
    /// sort below it that spoils the order it requires.
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
        let orders = self.ordering.iter().map(|order| &order.expr);
        let mut recursion = TreeNodeRecursion::Continue;
        for expression in self.keys.iter().chain(orders) {
            recursion = recursion.visit_sibling(|| f(expression))?;
        }
        Ok(recursion)
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
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema();
        if self.partitions() > 1 {
            let mut under_way = self.spread.lock();
            let begun = match under_way.take() {
                Some(begun) => begun,
                None => spread(self.merge(&context)?, self.keys.clone(), self.partitions()),
            };
            return under_way.insert(begun).take(partition, schema, metrics);
        }
        let merge = self.merge(&context)?;
        let batches = stream::try_unfold((merge, metrics), |(mut merge, metrics)| async {
            let batch = merge.next().await?;
            Ok(batch.map(|batch| {
                metrics.record_output(batch.num_rows());
                (batch, (merge, metrics))
            }))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
