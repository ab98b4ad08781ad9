//! The operator that joins rows by the nearest time: a stream around [`MatchingRows`], which does the work.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr,
    PhysicalSortExpr,
};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::matching::{MatchingRows, Step};
use super::node::Direction;

/// Which rows belong together.
#[derive(Debug)]
pub(crate) struct Spec {
    /// Keys that are equal, of the same type on both sides.
    pub(crate) on: Vec<(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)>,
    /// Times in nanoseconds, or whole numbers.
    pub(crate) left_time: Arc<dyn PhysicalExpr>,
    pub(crate) right_time: Arc<dyn PhysicalExpr>,
    pub(crate) direction: Direction,
    pub(crate) is_strict: bool,
    /// The greatest distance.
    pub(crate) tolerance: u64,
    /// The places of the columns of the right side that are in the output.
    pub(crate) shown: Vec<usize>,
}

/// Passes on the rows of the left side, each with its match on the right.
#[derive(Debug)]
pub(crate) struct AsofJoinExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    spec: Arc<Spec>,
    left_ordering: LexOrdering,
    right_ordering: LexOrdering,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl AsofJoinExec {
    /// `schema` has the columns of the left side and those shown of the right.
    pub(crate) fn try_new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        spec: Arc<Spec>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let left_keys = spec.on.iter().map(|(left, _)| left);
        let right_keys = spec.on.iter().map(|(_, right)| right);
        let left_ordering = ordering(left_keys.chain([&spec.left_time]));
        let right_ordering = ordering(right_keys.chain([&spec.right_time]));
        let (Some(left_ordering), Some(right_ordering)) = (left_ordering, right_ordering) else {
            return internal_err!("time is part of the order");
        };
        // The columns of the left side come first and stay what they are.
        let orderings = [left_ordering.clone()];
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), orderings),
            left.output_partitioning().clone(),
            EmissionType::Incremental,
            left.boundedness(),
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Ok(Self {
            left,
            right,
            spec,
            left_ordering,
            right_ordering,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn with_inputs(&self, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        let Ok([left, right]) = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) else {
            return internal_err!("a join has two inputs");
        };
        let (spec, schema) = (Arc::clone(&self.spec), Arc::clone(&self.schema));
        Ok(Arc::new(Self::try_new(left, right, spec, schema)?))
    }
}

fn ordering<'a>(columns: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>) -> Option<LexOrdering> {
    let options = SortOptions {
        descending: false,
        nulls_first: true,
    };
    LexOrdering::new(columns.map(|column| PhysicalSortExpr::new(Arc::clone(column), options)))
}

impl DisplayAs for AsofJoinExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spec {
            on,
            left_time,
            right_time,
            direction,
            is_strict,
            tolerance,
            ..
        } = self.spec.as_ref();
        let keys = on.iter().map(|(left, right)| format!("{left} = {right}"));
        let keys = keys.collect::<Vec<_>>().join(", ");
        write!(
            f,
            "AsofJoinExec: {direction:?}, times=[{left_time}, {right_time}], on=[{keys}]"
        )?;
        if *is_strict {
            write!(f, ", strict")?;
        }
        match *tolerance {
            u64::MAX => Ok(()),
            tolerance => write!(f, ", tolerance={tolerance}"),
        }
    }
}

impl ExecutionPlan for AsofJoinExec {
    fn name(&self) -> &'static str {
        "AsofJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        self.input_distribution_requirements().into_per_child()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        if self.spec.on.is_empty() {
            let single = vec![Distribution::SinglePartition; 2];
            return InputDistributionRequirements::new(single);
        }
        let (left, right) = self.spec.on.iter().cloned().unzip();
        InputDistributionRequirements::co_partitioned(vec![
            Distribution::KeyPartitioned(left),
            Distribution::KeyPartitioned(right),
        ])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let orderings = [&self.left_ordering, &self.right_ordering];
        let required = orderings.map(|ordering| Some(OrderingRequirements::from(ordering.clone())));
        required.to_vec()
    }

    /// That its own order follows from its input's is in its properties. `true` would let the optimizer move a
    /// sort below it that spoils the order it requires.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false, false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let keys = self.spec.on.iter().flat_map(|(left, right)| [left, right]);
        let times = [&self.spec.left_time, &self.spec.right_time];
        datafusion::physical_plan::execution_plan::apply_expression_roots(keys.chain(times), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.with_inputs(children)?)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.with_inputs(children)?)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (spec, schema) = (Arc::clone(&self.spec), Arc::clone(&self.schema));
        let left_schema = self.left.schema();
        let kinds = spec.on.iter().map(|(left, _)| left.data_type(&left_schema));
        let fields = kinds.map(|kind| Ok(SortField::new(kind?)));
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let converter = (!fields.is_empty()).then(|| RowConverter::new(fields));
        let running = Running {
            rows: MatchingRows::new(spec, schema, converter.transpose()?, &self.right.schema()),
            left: self.left.execute(partition, Arc::clone(&context))?,
            right: self.right.execute(partition, context)?,
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(running, |mut running| async move {
            Ok(running.next().await?.map(|batch| (batch, running)))
        });
        let schema = Arc::clone(&self.schema);
        let joined = RecordBatchStreamAdapter::new(schema, batches.into_stream());
        Ok(make_cooperative(Box::pin(joined)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct Running {
    rows: MatchingRows,
    left: SendableRecordBatchStream,
    right: SendableRecordBatchStream,
    metrics: BaselineMetrics,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let step = {
                let _timer = self.metrics.elapsed_compute().timer();
                self.rows.step()?
            };
            match step {
                Step::NeedLeft => match self.left.next().await.transpose()? {
                    Some(batch) => self.rows.push_left(batch)?,
                    None => self.rows.finish_left(),
                },
                Step::NeedRight => match self.right.next().await.transpose()? {
                    Some(batch) => self.rows.push_right(batch)?,
                    None => self.rows.finish_right(),
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
