//! The result of a query as it runs.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::Result;

/// Record batches of a running query. Dropping it stops the query.
#[derive(Debug)]
pub struct QueryStream {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    _query: JoinSet<()>,
}

impl QueryStream {
    pub(crate) fn new(
        schema: SchemaRef,
        batches: mpsc::Receiver<Result<RecordBatch>>,
        query: JoinSet<()>,
    ) -> Self {
        Self {
            schema,
            batches,
            _query: query,
        }
    }

    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(context)
    }
}
