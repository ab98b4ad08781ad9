//! The result of a query as it runs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytesize::ByteSize;
use futures::{FutureExt as _, Stream};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Sleep, error::Elapsed};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::error::{Error, Result};
use crate::registry::{Handle, State};
use crate::settings::Settings;

/// When a query has to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// The time it was given.
    pub(crate) timeout: Duration,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self {
            at: Instant::now() + timeout,
            timeout,
        }
    }
}

/// How large a result may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    rows: Option<u64>,
    bytes: Option<ByteSize>,
}

impl Limits {
    pub(crate) fn of(settings: &Settings) -> Self {
        let (rows, bytes) = (settings.result_rows_max, settings.result_bytes_max);
        Self {
            rows: (rows > 0).then_some(rows),
            bytes: (bytes.as_u64() > 0).then_some(bytes),
        }
    }

    fn check(self, rows: u64, bytes: u64) -> Result<()> {
        if let Some(limit) = self.rows.filter(|limit| rows > *limit) {
            return Err(Error::ResultTooLarge {
                limit: format!("{limit} rows"),
                setting: "query.result_rows_max",
            });
        }
        match self.bytes.filter(|limit| bytes > limit.as_u64()) {
            None => Ok(()),
            Some(limit) => Err(Error::ResultTooLarge {
                limit: limit.to_string(),
                setting: "query.result_bytes_max",
            }),
        }
    }
}

/// Record batches of a running query. Dropping it stops the query.
///
/// The deadline, and whether somebody stops the query, is watched here as well as by the query itself:
/// an expression that computes for long without a pause cannot hold up the answer that it is over.
#[derive(Debug)]
pub struct QueryStream {
    schema: SchemaRef,
    /// Batches, then `None`: an end without it is a query that was cut off.
    batches: mpsc::Receiver<Result<Option<RecordBatch>>>,
    query: JoinSet<Result<(), Elapsed>>,
    handle: Arc<Handle>,
    limits: Limits,
    deadline: Deadline,
    alarm: Pin<Box<Sleep>>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    is_done: bool,
}

impl QueryStream {
    pub(crate) fn new(
        schema: SchemaRef,
        batches: mpsc::Receiver<Result<Option<RecordBatch>>>,
        query: JoinSet<Result<(), Elapsed>>,
        handle: Arc<Handle>,
        limits: Limits,
        deadline: Deadline,
    ) -> Self {
        Self {
            schema,
            batches,
            query,
            limits,
            deadline,
            alarm: Box::pin(tokio::time::sleep_until(deadline.at)),
            stopped: Box::pin(handle.stopped()),
            handle,
            is_done: false,
        }
    }

    /// A result that is there already.
    pub(crate) fn of_batch(
        batch: RecordBatch,
        handle: Arc<Handle>,
        limits: Limits,
        deadline: Deadline,
    ) -> Self {
        let (sender, batches) = mpsc::channel(2);
        let schema = batch.schema();
        const HAS_ROOM: &str = "the channel has room for both";
        sender.try_send(Ok(Some(batch))).expect(HAS_ROOM);
        sender.try_send(Ok(None)).expect(HAS_ROOM);
        Self::new(schema, batches, JoinSet::new(), handle, limits, deadline)
    }

    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The query's id, by which `KILL QUERY` knows it.
    pub fn id(&self) -> u64 {
        self.handle.id()
    }

    /// Counts rows that are about to be handed out.
    fn counted(&mut self, batch: RecordBatch) -> Poll<Option<Result<RecordBatch>>> {
        let (rows, bytes) = self.handle.count(&batch);
        match self.limits.check(rows, bytes) {
            Ok(()) => Poll::Ready(Some(Ok(batch))),
            Err(error) => self.end(error),
        }
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<RecordBatch>>> {
        self.is_done = true;
        self.handle.fail(&error);
        self.handle.stop();
        self.query.abort_all();
        Poll::Ready(Some(Err(error)))
    }
}

/// Why a task is gone that has said neither that it is done nor that it failed.
pub(crate) fn ended_without_a_word<T>(ended: Option<std::result::Result<T, JoinError>>) -> Error {
    match ended {
        Some(Err(error)) if error.is_panic() => Error::Panicked,
        _ => Error::ShuttingDown,
    }
}

impl Drop for QueryStream {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        if self.stopped.poll_unpin(context).is_ready() {
            let error = self.handle.cancelled();
            return self.end(error);
        }
        let timeout = self.deadline.timeout;
        match self.batches.poll_recv(context) {
            Poll::Ready(Some(Ok(Some(batch)))) => self.counted(batch),
            Poll::Ready(Some(Ok(None))) => {
                self.is_done = true;
                self.handle.enter(State::Done);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => self.end(error),
            Poll::Ready(None) if Instant::now() >= self.deadline.at => {
                self.end(Error::Timeout { timeout })
            }
            Poll::Ready(None) => {
                let ended = ready!(self.query.poll_join_next(context));
                self.end(ended_without_a_word(ended))
            }
            Poll::Pending => {
                ready!(self.alarm.poll_unpin(context));
                self.end(Error::Timeout { timeout })
            }
        }
    }
}
