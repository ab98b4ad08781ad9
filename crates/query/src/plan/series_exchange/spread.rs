//! Rows in order, series by series to those who have had the fewest.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::BaselineMetrics;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::merge::Merge;
use crate::search::partition_point;

/// Batches that wait for a partition's reader.
const WAITING: usize = 4;

/// Series on their way to several partitions.
#[derive(Debug)]
pub(super) struct Spread {
    receivers: Vec<Option<Receiver<Result<RecordBatch>>>>,
    /// Ends when nobody reads any more.
    task: Arc<SpawnedTask<()>>,
}

/// Begins to spread rows.
pub(super) fn spread(merge: Merge, keys: Vec<Arc<dyn PhysicalExpr>>, partitions: usize) -> Spread {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..partitions)
        .map(|_| channel(WAITING))
        .map(|(sender, receiver)| (sender, Some(receiver)))
        .unzip();
    let outputs = senders.into_iter().map(|sender| Output { sender, rows: 0 });
    let dealer = Dealer {
        keys,
        outputs: outputs.collect(),
        newest: None,
    };
    Spread {
        receivers,
        task: Arc::new(SpawnedTask::spawn(dealer.deal(merge))),
    }
}

impl Spread {
    /// The rows of a partition, which can be had once.
    pub(super) fn take(
        &mut self,
        partition: usize,
        schema: SchemaRef,
        metrics: BaselineMetrics,
    ) -> Result<SendableRecordBatchStream> {
        let receiver = self.receivers.get_mut(partition).and_then(Option::take);
        let Some(receiver) = receiver else {
            return internal_err!("partition {partition} of spread series is not there to be read");
        };
        let state = (receiver, Arc::clone(&self.task), metrics);
        let batches = stream::unfold(state, |(mut receiver, task, metrics)| async {
            let batch = receiver.recv().await?;
            if let Ok(batch) = &batch {
                metrics.record_output(batch.num_rows());
            }
            Some((batch, (receiver, task, metrics)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// Gives each series to one output.
struct Dealer {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    outputs: Vec<Output>,
    /// The newest series, and the output that has it.
    newest: Option<(Vec<ScalarValue>, usize)>,
}

struct Output {
    sender: Sender<Result<RecordBatch>>,
    rows: usize,
}

impl Dealer {
    async fn deal(mut self, mut merge: Merge) {
        loop {
            match merge.next().await {
                Ok(None) => return,
                Ok(Some(batch)) => match self.parts(&batch) {
                    Ok(parts) => {
                        for (output, part) in parts {
                            // Whoever does not read any more needs no rows.
                            let _gone = self.outputs[output].sender.send(Ok(part)).await;
                        }
                    }
                    Err(error) => return self.fail(error).await,
                },
                Err(error) => return self.fail(error).await,
            }
            if self.outputs.iter().all(|output| output.sender.is_closed()) {
                return;
            }
        }
    }

    /// Tells every reader: none of them has all rows.
    async fn fail(self, error: DataFusionError) {
        let error = Arc::new(error);
        for output in self.outputs {
            let error = DataFusionError::from(&error);
            let _gone = output.sender.send(Err(error)).await;
        }
    }

    /// What goes where: what is left of the newest series, and the series that begin in the batch.
    fn parts(&mut self, batch: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(vec![]);
        }
        let keys = self
            .keys
            .iter()
            .map(|key| key.evaluate(batch)?.into_array(rows));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let mut parts = vec![];
        let mut begun = 0;
        if let Some((series, output)) = &self.newest
            && *series == key(&keys, 0)?
        {
            begun = length(&keys)?;
            parts.push((*output, batch.slice(0, begun)));
            self.outputs[*output].rows += begun;
        }
        if begun < rows {
            let fewest = self.outputs.iter_mut().enumerate();
            let fewest = fewest.min_by_key(|(_, output)| (output.sender.is_closed(), output.rows));
            let Some((number, output)) = fewest else {
                return internal_err!("series have nowhere to go");
            };
            output.rows += rows - begun;
            parts.push((number, batch.slice(begun, rows - begun)));
            self.newest = Some((key(&keys, rows - 1)?, number));
        }
        Ok(parts)
    }
}

fn key(keys: &[ArrayRef], row: usize) -> Result<Vec<ScalarValue>> {
    let key = keys.iter().map(|key| ScalarValue::try_from_array(key, row));
    key.collect()
}

/// How many rows the first series of sorted rows has.
fn length(keys: &[ArrayRef]) -> Result<usize> {
    let options = SortOptions::default();
    let same = keys.iter().map(|key| make_comparator(key, key, options));
    let same = same.collect::<Result<Vec<_>, _>>()?;
    let rows = keys.first().map_or(0, |key| key.len());
    let is_first = |row| same.iter().all(|compare| compare(0, row).is_eq());
    Ok(partition_point(rows, is_first))
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use datafusion::physical_expr::expressions::col;

    use super::*;

    fn batch(series: &[&str], first: i64) -> RecordBatch {
        let names: ArrayRef = Arc::new(StringArray::from(series.to_vec()));
        let numbers = first..first + series.len() as i64;
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        RecordBatch::try_from_iter([("series", names), ("number", numbers)]).unwrap()
    }

    #[test]
    fn series_stay_together() {
        let batches = [
            batch(&["a", "a", "a"], 0),
            batch(&["a", "b", "b"], 3),
            batch(&["b", "c", "d"], 6),
            batch(&["d", "d", "e"], 9),
        ];
        let keys = vec![col("series", &batches[0].schema()).unwrap()];
        let outputs = [channel(1), channel(1)].map(|(sender, receiver)| {
            // Kept open by the receiver.
            (Output { sender, rows: 0 }, receiver)
        });
        let (outputs, _receivers): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
        let mut dealer = Dealer {
            keys,
            outputs,
            newest: None,
        };
        let mut found = [vec![], vec![]];
        for batch in &batches {
            for (output, part) in dealer.parts(batch).unwrap() {
                let numbers = part.column(1).as_primitive::<Int64Type>();
                found[output].extend(numbers.values().iter().copied());
            }
        }
        // Four rows of a; to whom has none, b; c and d begin where three rows are, and e where four are.
        assert_eq!(found[0], [0, 1, 2, 3, 11]);
        assert_eq!(found[1], [4, 5, 6, 7, 8, 9, 10]);
    }
}
