//! Hands the rows of a query that runs to whoever reads them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::{FutureExt as _, StreamExt};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Result};

/// Batches of a result that wait for a slow reader; more make the query wait.
pub(super) const BATCHES_AHEAD: usize = 2;

/// Announces the columns of `results`, and sends the rows and that they are over. What is in hand for the query is let go when
/// its end is found, which is looked for only when there is room to tell it.
pub(super) async fn deliver<H>(
    results: SendableRecordBatchStream,
    in_hand: H,
    announce: oneshot::Sender<Result<SchemaRef>>,
    rows: mpsc::Sender<Result<Option<RecordBatch>>>,
) {
    let schema = results.schema();
    let mut held = Some((results, in_hand));
    let mut next = async || {
        let (results, _) = held.as_mut()?;
        let next = results.next().await.transpose().map_err(Error::from);
        if !matches!(next, Ok(Some(_))) {
            // Whoever is told of the end finds its turn free.
            held = None;
        }
        Some(next)
    };
    // What comes without waiting goes with the columns: few rows wake whoever reads them once.
    while let Ok(place) = rows.try_reserve()
        && let Some(Some(next)) = next().now_or_never()
    {
        place.send(next);
    }
    if announce.send(Ok(schema)).is_err() {
        return;
    }
    while let Ok(place) = rows.reserve().await
        && let Some(next) = next().await
    {
        place.send(next);
    }
}
