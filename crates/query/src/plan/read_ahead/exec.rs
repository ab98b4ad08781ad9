//! The operator: a task for each partition that reads it before it is asked for.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EvaluationType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::array_bytes::bytes_of;

/// All partitions together are ahead by as much at most: some hundred thousand groups.
const AHEAD_BYTES: usize = 32 << 20;

/// Reads its input ahead of who asks for it.
#[derive(Debug)]
pub(super) struct ReadAheadExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl ReadAheadExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::clone(input.properties());
        let properties = Arc::new(properties.with_evaluation_type(EvaluationType::Eager));
        Self { input, properties }
    }
}

impl DisplayAs for ReadAheadExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadAheadExec")
    }
}

impl ExecutionPlan for ReadAheadExec {
    fn name(&self) -> &'static str {
        "ReadAheadExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
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
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(children.swap_remove(0))))
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(children.swap_remove(0))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        let memory = MemoryConsumer::new(self.name()).register(context.memory_pool());
        let room = Room::new(AHEAD_BYTES / partitions, memory);
        let input = self.input.execute(partition, context)?;
        let (queue, batches) = unbounded_channel();
        let reading = Reading {
            task: SpawnedTask::spawn(read(input, room.clone(), queue)),
            batches,
            room,
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            reading.stream(),
        )))
    }
}

/// What the batches that nobody has taken yet may take.
#[derive(Clone)]
struct Room {
    /// A permit is a byte.
    free: Arc<Semaphore>,
    most: u32,
    memory: Arc<MemoryReservation>,
}

/// A batch that was read ahead.
struct Ahead {
    batch: RecordBatch,
    /// What of it was counted as memory.
    counted: usize,
    _room: OwnedSemaphorePermit,
}

impl Room {
    fn new(most: usize, memory: MemoryReservation) -> Self {
        let most = u32::try_from(most.max(1)).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(most as usize)),
            most,
            memory: Arc::new(memory),
        }
    }

    /// Waits for room for a batch: one that finds none goes to who asks for it when all before it are gone.
    async fn take(&self, batch: RecordBatch) -> Result<Ahead> {
        let bytes: usize = batch.columns().iter().map(bytes_of).sum();
        let needed = u32::try_from(bytes).map_or(self.most, |bytes| bytes.min(self.most));
        let mut room = self.acquire(needed).await?;
        let counted = match self.memory.try_grow(bytes) {
            Ok(()) => bytes,
            Err(_) => {
                room.merge(self.acquire(self.most - needed).await?);
                0
            }
        };
        Ok(Ahead {
            batch,
            counted,
            _room: room,
        })
    }

    async fn acquire(&self, bytes: u32) -> Result<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.free).acquire_many_owned(bytes).await;
        permits.map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

/// Reads until the end, or an error.
async fn read(
    mut input: SendableRecordBatchStream,
    room: Room,
    queue: UnboundedSender<Result<Ahead>>,
) {
    while let Some(batch) = input.next().await {
        let ahead = match batch {
            Ok(batch) => room.take(batch).await,
            Err(error) => Err(error),
        };
        let is_last = ahead.is_err();
        // Nobody takes anything any more, or nothing comes any more.
        if queue.send(ahead).is_err() || is_last {
            return;
        }
    }
}

/// One partition under way; it ends when nobody holds it any more.
struct Reading {
    task: SpawnedTask<()>,
    batches: UnboundedReceiver<Result<Ahead>>,
    room: Room,
}

impl Reading {
    fn stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        stream::try_unfold(self, |mut reading| async move {
            match reading.batches.recv().await {
                Some(ahead) => {
                    let ahead = ahead?;
                    reading.room.memory.shrink(ahead.counted);
                    Ok(Some((ahead.batch, reading)))
                }
                None => {
                    let ended = reading.task.join_unwind().await;
                    ended.map_err(|error| DataFusionError::External(Box::new(error)))?;
                    Ok(None)
                }
            }
        })
    }
}
