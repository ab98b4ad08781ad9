//! The result of a query as it runs.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{FutureExt as _, Stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, error::Elapsed};

use crate::error::{Error, Result};

/// When a query has to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// The time it was given.
    pub(crate) timeout: Duration,
}

/// Record batches of a running query. Dropping it stops the query.
///
/// The deadline is watched here as well as by the query itself: an expression that computes for
/// long without a pause cannot hold up the answer that time is over.
#[derive(Debug)]
pub struct QueryStream {
    schema: SchemaRef,
    /// Batches, then `None`: an end without it is a query that was cut off.
    batches: mpsc::Receiver<Result<Option<RecordBatch>>>,
    query: JoinSet<Result<(), Elapsed>>,
    deadline: Deadline,
    alarm: Pin<Box<Sleep>>,
    is_done: bool,
}

impl QueryStream {
    pub(crate) fn new(
        schema: SchemaRef,
        batches: mpsc::Receiver<Result<Option<RecordBatch>>>,
        query: JoinSet<Result<(), Elapsed>>,
        deadline: Deadline,
    ) -> Self {
        let alarm = Box::pin(tokio::time::sleep_until(deadline.at));
        Self {
            schema,
            batches,
            query,
            deadline,
            alarm,
            is_done: false,
        }
    }

    /// A result that is there already.
    pub(crate) fn of_batch(batch: RecordBatch, deadline: Deadline) -> Self {
        let (sender, batches) = mpsc::channel(2);
        let schema = batch.schema();
        const HAS_ROOM: &str = "the channel has room for both";
        sender.try_send(Ok(Some(batch))).expect(HAS_ROOM);
        sender.try_send(Ok(None)).expect(HAS_ROOM);
        Self::new(schema, batches, JoinSet::new(), deadline)
    }

    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<RecordBatch>>> {
        self.is_done = true;
        self.query.abort_all();
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let timeout = self.deadline.timeout;
        match self.batches.poll_recv(context) {
            Poll::Ready(Some(Ok(Some(batch)))) => Poll::Ready(Some(Ok(batch))),
            Poll::Ready(Some(Ok(None))) => {
                self.is_done = true;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => self.end(error),
            Poll::Ready(None) if Instant::now() >= self.deadline.at => {
                self.end(Error::Timeout { timeout })
            }
            Poll::Ready(None) => self.end(Error::ShuttingDown),
            Poll::Pending => {
                ready!(self.alarm.poll_unpin(context));
                self.end(Error::Timeout { timeout })
            }
        }
    }
}
