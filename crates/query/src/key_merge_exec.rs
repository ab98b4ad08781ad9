//! The operator that merges sources whose rows may replace one another: a stream around
//! [`storage::KeyMerge`], which does the work.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};
use storage::{KeyMerge, Step};

/// Merges inputs, oldest first, that are sorted by the row key and hold every key once.
#[derive(Debug)]
pub(crate) struct KeyMergeExec {
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    key: LexOrdering,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl KeyMergeExec {
    pub(crate) fn try_new(inputs: Vec<Arc<dyn ExecutionPlan>>, key: LexOrdering) -> Result<Self> {
        let Some(first) = inputs.first() else {
            return internal_err!("a merge needs at least one input");
        };
        let equivalence = EquivalenceProperties::new_with_orderings(first.schema(), [key.clone()]);
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Self {
            inputs,
            key,
            properties: Arc::new(properties),
            metrics,
        })
    }

    fn key_columns(&self) -> Result<Vec<usize>> {
        let column = |expression: &Arc<dyn PhysicalExpr>| match expression.downcast_ref::<Column>()
        {
            Some(column) => Ok(column.index()),
            None => internal_err!("a row key is made of columns, not of {expression}"),
        };
        self.key.iter().map(|sort| column(&sort.expr)).collect()
    }
}

impl DisplayAs for KeyMergeExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KeyMergeExec: key=[{}], inputs={}",
            self.key,
            self.inputs.len()
        )
    }
}

impl ExecutionPlan for KeyMergeExec {
    fn name(&self) -> &'static str {
        "KeyMergeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition; self.inputs.len()]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![Some(OrderingRequirements::from(self.key.clone())); self.inputs.len()]
    }

    /// That its own order follows from its input's is in its properties. `true` would let the optimizer move a
    /// sort below it that spoils the order it requires.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        datafusion::physical_plan::execution_plan::apply_expression_roots(
            self.key.iter().map(|sort| &sort.expr),
            f,
        )
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::try_new(children, self.key.clone())?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::try_new(children, self.key.clone())?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a merge has one partition, not {partition}");
        }
        let inputs = self
            .inputs
            .iter()
            .map(|input| input.execute(0, Arc::clone(&context)));
        let inputs = inputs.collect::<Result<VecDeque<_>>>()?;
        let schema = self.schema();
        let batch_rows = context.session_config().batch_size();
        let merge = KeyMerge::try_new(
            Arc::clone(&schema),
            self.key_columns()?,
            inputs.len(),
            batch_rows,
        )?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let merging = Merging {
            merge,
            inputs,
            metrics,
        };
        let batches = stream::try_unfold(merging, |mut merging| async move {
            Ok(merging.next().await?.map(|batch| (batch, merging)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            batches.into_stream(),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct Merging {
    merge: KeyMerge,
    inputs: VecDeque<SendableRecordBatchStream>,
    metrics: BaselineMetrics,
}

impl Merging {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let step = {
                let _timer = self.metrics.elapsed_compute().timer();
                self.merge.step()?
            };
            match step {
                Step::NeedInput(input) => match self.inputs[input].next().await.transpose()? {
                    Some(batch) => self.merge.push(input, batch)?,
                    None => self.merge.finish(input),
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
