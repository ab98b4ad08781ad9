//! The operator: runs the plan with one window after the other until one has enough rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
    execute_stream,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::node::{WindowedLimit, within};
use crate::scan_size;

/// Plans the operator over the plan with the first window.
pub(crate) fn physical_plan(
    node: &WindowedLimit,
    first: Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>> {
    let session = session
        .as_any()
        .downcast_ref::<SessionState>()
        .ok_or_else(|| internal_datafusion_err!("a session that cannot plan again"))?;
    Ok(Arc::new(WindowedLimitExec {
        first,
        node: Arc::new(node.clone()),
        session: Arc::new(session.clone()),
        metrics: ExecutionPlanMetricsSet::new(),
    }))
}

/// Gives the rows of the first window that has as many as asked for.
struct WindowedLimitExec {
    first: Arc<dyn ExecutionPlan>,
    node: Arc<WindowedLimit>,
    /// What later attempts are planned in.
    session: Arc<SessionState>,
    metrics: ExecutionPlanMetricsSet,
}

impl fmt::Debug for WindowedLimitExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("WindowedLimitExec");
        f.field("first", &self.first).finish_non_exhaustive()
    }
}

impl WindowedLimitExec {
    fn with_input(&self, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Self>> {
        match (children.pop(), children.pop()) {
            (Some(first), None) => Ok(Arc::new(Self {
                first,
                node: Arc::clone(&self.node),
                session: Arc::clone(&self.session),
                metrics: ExecutionPlanMetricsSet::new(),
            })),
            _ => internal_err!("this operator has one input"),
        }
    }
}

impl DisplayAs for WindowedLimitExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowedLimitExec: fetch={}", self.node.limit)
    }
}

impl ExecutionPlan for WindowedLimitExec {
    fn name(&self) -> &'static str {
        "WindowedLimitExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.first.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.first]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    /// Nobody else asks for the order, which the answer is to have.
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let ordering = self.first.properties().output_ordering();
        vec![ordering.cloned().map(OrderingRequirements::from)]
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
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
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
        let memory = MemoryConsumer::new("WindowedLimitExec").register(context.memory_pool());
        let attempts = Attempts {
            node: Arc::clone(&self.node),
            session: Arc::clone(&self.session),
            memory,
            windows: MetricBuilder::new(&self.metrics).counter("windows", partition),
            context,
        };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let first = Arc::clone(&self.first);
        let batches = async move {
            let (batches, memory) = attempts.run(first).await?;
            metrics.record_output(batches.iter().map(RecordBatch::num_rows).sum());
            // What was reserved is given back when the last batch is.
            let batches = stream::iter(batches).map(move |batch| {
                let _ = &memory;
                Ok::<_, DataFusionError>(batch)
            });
            Ok::<_, DataFusionError>(batches)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            stream::once(batches).try_flatten(),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One execution.
struct Attempts {
    node: Arc<WindowedLimit>,
    session: Arc<SessionState>,
    memory: MemoryReservation,
    /// How many were looked into.
    windows: Count,
    context: Arc<TaskContext>,
}

impl Attempts {
    async fn run(
        self,
        first: Arc<dyn ExecutionPlan>,
    ) -> Result<(Vec<RecordBatch>, MemoryReservation)> {
        let mut plan = first;
        for attempt in 1.. {
            self.windows.add(1);
            let batches = self.collect(plan).await?;
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let windows = &self.node.windows;
            let was_last = windows.edge(attempt - 1)?.is_none();
            if rows >= self.node.limit || was_last {
                return Ok((batches, self.memory));
            }
            plan = self.plan(windows.edge(attempt)?).await?;
        }
        internal_err!("windows end with the one that has everything")
    }

    async fn collect(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<RecordBatch>> {
        self.memory.free();
        let mut stream = execute_stream(plan, Arc::clone(&self.context))?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.try_next().await? {
            self.memory.try_grow(batch.get_array_memory_size())?;
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The plan of the next attempt; without an edge it has all times.
    async fn plan(&self, edge: Option<i64>) -> Result<Arc<dyn ExecutionPlan>> {
        let whole = &self.node.whole;
        let plan = match edge {
            Some(edge) => within(whole, self.node.windows.newest_first, edge)?,
            None => whole.as_ref().clone(),
        };
        let mut session = self.session.as_ref().clone();
        scan_size::divide(&mut session, &plan)?;
        let planner = Arc::clone(session.query_planner());
        planner.create_physical_plan(&plan, &session).await
    }
}
