//! The operator that finds the newest row of each group.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{EmissionType, apply_expression_roots};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{TryStreamExt, stream};

/// Gives groups and values of the first row of each group.
#[derive(Debug)]
pub(super) struct NewestOfGroupExec {
    input: Arc<dyn ExecutionPlan>,
    wanted: Arc<Wanted>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What is found and what is given, over columns of the input.
#[derive(Debug)]
struct Wanted {
    group: Vec<Arc<dyn PhysicalExpr>>,
    order: Vec<PhysicalSortExpr>,
    values: Vec<Arc<dyn PhysicalExpr>>,
}

impl NewestOfGroupExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        group: Vec<Arc<dyn PhysicalExpr>>,
        order: Vec<PhysicalSortExpr>,
        values: Vec<Arc<dyn PhysicalExpr>>,
        schema: SchemaRef,
    ) -> Self {
        let wanted = Wanted {
            group,
            order,
            values,
        };
        Self::over(input, Arc::new(wanted), schema)
    }

    fn over(input: Arc<dyn ExecutionPlan>, wanted: Arc<Wanted>, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            input.boundedness(),
        );
        Self {
            input,
            wanted,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn with_input(&self, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        match (children.pop(), children.pop()) {
            (Some(input), None) => {
                let (wanted, schema) = (Arc::clone(&self.wanted), Arc::clone(&self.schema));
                Ok(Arc::new(Self::over(input, wanted, schema)))
            }
            _ => internal_err!("this operator has one input"),
        }
    }
}

impl DisplayAs for NewestOfGroupExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group: Vec<_> = self.wanted.group.iter().map(ToString::to_string).collect();
        let order: Vec<_> = self.wanted.order.iter().map(ToString::to_string).collect();
        write!(
            f,
            "NewestOfGroupExec: group=[{}], order=[{}]",
            group.join(", "),
            order.join(", ")
        )
    }
}

impl ExecutionPlan for NewestOfGroupExec {
    fn name(&self) -> &'static str {
        "NewestOfGroupExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let Wanted {
            group,
            order,
            values,
        } = self.wanted.as_ref();
        let order = order.iter().map(|sort| &sort.expr);
        apply_expression_roots(group.iter().chain(order).chain(values), f)
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
        let input = self.input.execute(0, Arc::clone(&context))?;
        let memory = MemoryConsumer::new("NewestOfGroupExec").register(context.memory_pool());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (wanted, schema) = (Arc::clone(&self.wanted), Arc::clone(&self.schema));
        let size = context.session_config().batch_size();
        let found = async move {
            let rows = all_rows(input, &memory).await?;
            let timer = metrics.elapsed_compute().timer();
            let found = wanted.of(&rows, schema, &memory)?;
            timer.done();
            metrics.record_output(found.num_rows());
            let starts = (0..found.num_rows()).step_by(size);
            let batches = starts.map(move |start| {
                let _ = &memory;
                let rows = size.min(found.num_rows() - start);
                Ok::<_, DataFusionError>(found.slice(start, rows))
            });
            Ok::<_, DataFusionError>(stream::iter(batches))
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            stream::once(found).try_flatten(),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

async fn all_rows(
    mut input: SendableRecordBatchStream,
    memory: &MemoryReservation,
) -> Result<RecordBatch> {
    let schema = input.schema();
    let mut batches = Vec::new();
    while let Some(batch) = input.try_next().await? {
        // Once as it came, once in one piece.
        memory.try_grow(2 * batch.get_array_memory_size())?;
        batches.push(batch);
    }
    Ok(concat_batches(&schema, &batches)?)
}

impl Wanted {
    fn of(
        &self,
        rows: &RecordBatch,
        schema: SchemaRef,
        memory: &MemoryReservation,
    ) -> Result<RecordBatch> {
        let groups = arrays(&self.group, rows)?;
        let plain = |column: &ArrayRef| SortField::new(column.data_type().clone());
        let groups = converted(groups.iter().map(plain).collect(), &groups)?;
        let order: Vec<_> = self
            .order
            .iter()
            .map(|sort| Arc::clone(&sort.expr))
            .collect();
        let order = arrays(&order, rows)?;
        let sorted = order.iter().zip(&self.order).map(|(column, sort)| {
            SortField::new_with_options(column.data_type().clone(), sort.options)
        });
        let order = converted(sorted.collect(), &order)?;
        memory.try_grow(groups.size() + order.size())?;

        let mut place_of_group = HashMap::new();
        let mut firsts: Vec<u32> = Vec::new();
        for row in 0..rows.num_rows() {
            let number = u32::try_from(row)
                .map_err(|_| internal_datafusion_err!("more series than can be numbered"))?;
            let place = *place_of_group
                .entry(groups.row(row))
                .or_insert(firsts.len());
            match firsts.get_mut(place) {
                None => firsts.push(number),
                Some(first) if order.row(row) < order.row(*first as usize) => *first = number,
                Some(_) => {}
            }
        }
        let firsts = take_record_batch(rows, &UInt32Array::from(firsts))?;
        let given = self.group.iter().chain(&self.values).cloned();
        let columns = arrays(&given.collect::<Vec<_>>(), &firsts)?;
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

fn arrays(expressions: &[Arc<dyn PhysicalExpr>], rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let array = |expression: &Arc<dyn PhysicalExpr>| {
        let value = expression.evaluate(rows)?;
        value.into_array(rows.num_rows())
    };
    expressions.iter().map(array).collect()
}

fn converted(fields: Vec<SortField>, columns: &[ArrayRef]) -> Result<Rows> {
    Ok(RowConverter::new(fields)?.convert_columns(columns)?)
}
