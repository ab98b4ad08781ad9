//! Record batches as the messages of `DoGet`, made as the client takes them.
//!
//! Encoding runs on blocking threads; at most one batch of the result waits encoded. While a query
//! computes for long without a row, batches without rows keep proxies from closing the connection.

use std::collections::VecDeque;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_flight::{FlightData, SchemaAsIpc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tonic::Status;
use tracing::warn;

use super::errors::status;
use super::results;
use super::running::Running;
use crate::encoding::{encoded, is_little};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::formats::Figures;

/// A message is split above this, by rows: many clients take 4 MiB at most.
const MESSAGE_BYTES: usize = 2 << 20;

/// A client hears from a query that computes at least this often.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Rows to be sent.
pub(super) struct Rows {
    /// The columns as they are sent.
    pub(super) schema: SchemaRef,
    /// Rows as the engine makes them. Dropping it stops whatever does.
    pub(super) batches: BoxStream<'static, Result<RecordBatch>>,
}

/// The messages of a result: its schema, then its rows.
pub(super) fn messages(
    app: &App,
    rows: Rows,
    running: Running,
) -> BoxStream<'static, Result<FlightData, Status>> {
    let head = SchemaAsIpc::new(&rows.schema, &IpcWriteOptions::default()).into();
    let pump = Pump {
        ready: VecDeque::from([head]),
        rows: Some(rows),
        running,
        figures: Figures::start(app),
    };
    let messages = futures::stream::unfold(pump, async |mut pump| {
        let next = pump.next().await.transpose()?;
        if let Err(error) = &next {
            warn!(reason = error.reason(), %error, "a result broke off while it was sent");
        }
        Some((next.map_err(status), pump))
    });
    messages.boxed()
}

struct Pump {
    /// Messages that wait.
    ready: VecDeque<FlightData>,
    /// Gone once the last batch was encoded, or one failed.
    rows: Option<Rows>,
    running: Running,
    figures: Figures,
}

impl Pump {
    async fn next(&mut self) -> Result<Option<FlightData>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(Some(message));
            }
            let Some(mut rows) = self.rows.take() else {
                return Ok(None);
            };
            let batch = tokio::select! {
                () = self.running.cancelled() => return Err(Error::QueryCancelled),
                next = tokio::time::timeout(KEEP_ALIVE, rows.batches.next()) => match next {
                    Ok(Some(batch)) => batch?,
                    Ok(None) => {
                        self.figures.has_ended = true;
                        return Ok(None);
                    }
                    Err(_) => RecordBatch::new_empty(SchemaRef::clone(&rows.schema)),
                },
            };
            self.figures.rows += batch.num_rows() as u64;
            let schema = SchemaRef::clone(&rows.schema);
            self.ready = encoded(is_little(&batch), move || encode(&batch, &schema)).await?;
            self.rows = Some(rows);
        }
    }
}

/// A batch as messages of a bounded size, one at least.
fn encode(batch: &RecordBatch, schema: &SchemaRef) -> Result<VecDeque<FlightData>> {
    let batch = match batch.schema_ref() == schema {
        true => batch.clone(),
        false => results::sent_rows(batch, schema)?,
    };
    let (generator, options) = (IpcDataGenerator::default(), IpcWriteOptions::default());
    let mut messages = VecDeque::new();
    let mut context = Default::default();
    for part in parts(&batch) {
        // No column is a dictionary any more.
        let mut tracker = DictionaryTracker::new(false);
        let (_, encoded) = generator
            .encode(&part, &mut tracker, &options, &mut context)
            .map_err(|error| Error::Unencodable {
                format: "Arrow",
                problem: error.to_string(),
            })?;
        messages.push_back(encoded.into());
    }
    Ok(messages)
}

/// The batch in pieces of about the same number of rows.
fn parts(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let sizes = batch.columns().iter().map(|column| {
        let sliced = column.to_data().get_slice_memory_size();
        sliced.unwrap_or_else(|_| column.get_array_memory_size())
    });
    let count = sizes.sum::<usize>().div_ceil(MESSAGE_BYTES).max(1);
    let rows = batch.num_rows();
    let rows_each = rows.div_ceil(count).max(1);
    let starts = (0..rows.max(1)).step_by(rows_each);
    starts.map(move |start| batch.slice(start, rows_each.min(rows - start)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn large_batches_are_split_and_none_is_lost() {
        let check = |rows: usize, row_bytes: usize| -> Vec<usize> {
            let values: StringArray = (0..rows).map(|_| Some("x".repeat(row_bytes))).collect();
            let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Utf8, true)]));
            let batch = RecordBatch::try_new(schema, vec![Arc::new(values)]).unwrap();
            parts(&batch).map(|part| part.num_rows()).collect()
        };
        assert_eq!(check(0, 0), [0]);
        assert_eq!(check(8192, 10), [8192]);
        assert_eq!(check(5, 1 << 20), [2, 2, 1]);
        assert_eq!(check(2, 5 << 20), [1, 1]);
    }
}
