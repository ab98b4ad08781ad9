//! Sorted streams as one, by runs: a series lies in one stream for long, so rows are compared where the next may begin and
//! passed on without being copied.

use std::cmp::Ordering;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::array::{DynComparator, make_comparator};
use arrow::compute::BatchCoalescer;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::LexOrdering;
use futures::StreamExt;

use crate::search::partition_point;

/// Runs of at least so many rows are passed on as they are, shorter ones put together.
const LONG: usize = 1_024;

/// Some streams in the same order, under way.
pub(super) struct Merge {
    ordering: LexOrdering,
    inputs: Vec<Input>,
    coalescer: BatchCoalescer,
    memory: MemoryReservation,
}

struct Input {
    stream: SendableRecordBatchStream,
    /// What of a batch was not passed on yet; no batch without rows.
    batch: Option<Sorted>,
    is_finished: bool,
}

struct Sorted {
    batch: RecordBatch,
    keys: Vec<ArrayRef>,
    next: usize,
}

impl Sorted {
    fn rest(&self) -> usize {
        self.batch.num_rows() - self.next
    }
}

impl Merge {
    pub(super) fn new(
        streams: Vec<SendableRecordBatchStream>,
        ordering: LexOrdering,
        batch_size: usize,
        memory: MemoryReservation,
    ) -> Option<Self> {
        let schema = streams.first()?.schema();
        let inputs = streams.into_iter().map(|stream| Input {
            stream,
            batch: None,
            is_finished: false,
        });
        Some(Self {
            ordering,
            inputs: inputs.collect(),
            coalescer: BatchCoalescer::new(schema, batch_size)
                .with_biggest_coalesce_batch_size(Some(LONG)),
            memory,
        })
    }

    /// The next rows; `None` after the last ones.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.coalescer.next_completed_batch() {
                return Ok(Some(batch));
            }
            for input in &mut self.inputs {
                input.fill(&self.ordering).await?;
            }
            self.memory.try_resize(self.size())?;
            let Some((first, run)) = self.next_run()? else {
                self.coalescer.finish_buffered_batch()?;
                return Ok(self.coalescer.next_completed_batch());
            };
            let input = &mut self.inputs[first];
            if let Some(sorted) = &mut input.batch {
                let rows = sorted.batch.slice(sorted.next, run);
                sorted.next += run;
                if sorted.rest() == 0 {
                    input.batch = None;
                }
                self.coalescer.push_batch(rows)?;
            }
        }
    }

    /// The memory of the batches that are held.
    fn size(&self) -> usize {
        let batches = self.inputs.iter().filter_map(|input| input.batch.as_ref());
        batches
            .map(|sorted| sorted.batch.get_array_memory_size())
            .sum()
    }

    /// The input whose rows come first, and how many of them come before those of all others.
    fn next_run(&self) -> Result<Option<(usize, usize)>> {
        let mut filled = (0..self.inputs.len()).filter(|index| self.inputs[*index].batch.is_some());
        let Some(mut first) = filled.next() else {
            return Ok(None);
        };
        let mut others = vec![];
        for index in filled {
            let compare = self.comparator(index, first)?;
            match compare(self.head(index), self.head(first)) {
                Ordering::Less => others.push(std::mem::replace(&mut first, index)),
                _ => others.push(index),
            }
        }
        let (head, rest) = (self.head(first), self.rest(first));
        let mut run = rest;
        for other in others {
            let compare = self.comparator(first, other)?;
            let limit = self.head(other);
            // Equal rows come in the order of the inputs.
            let comes_before = |row: usize| match compare(row, limit) {
                Ordering::Less => true,
                Ordering::Equal => first < other,
                Ordering::Greater => false,
            };
            run = gallop(run, |row| comes_before(head + row));
        }
        Ok(Some((first, run)))
    }

    fn head(&self, index: usize) -> usize {
        self.inputs[index]
            .batch
            .as_ref()
            .map_or(0, |sorted| sorted.next)
    }

    fn rest(&self, index: usize) -> usize {
        self.inputs[index].batch.as_ref().map_or(0, Sorted::rest)
    }

    /// Compares rows of one input with rows of another.
    fn comparator(&self, left: usize, right: usize) -> Result<impl Fn(usize, usize) -> Ordering> {
        let keys = |index: usize| {
            let sorted = self.inputs[index].batch.as_ref();
            sorted.map_or(&[][..], |sorted| &sorted.keys[..])
        };
        let columns = keys(left).iter().zip(keys(right)).zip(self.ordering.iter());
        let columns = columns
            .map(|((left, right), order)| make_comparator(left, right, order.options))
            .collect::<Result<Vec<DynComparator>, _>>()?;
        Ok(move |left: usize, right: usize| {
            let orders = columns.iter().map(|compare| compare(left, right));
            orders.fold(Ordering::Equal, Ordering::then)
        })
    }
}

/// How many of the first `count` rows hold; those that do come before those that do not, and the first one does.
fn gallop(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let mut known = 1;
    let mut step = 1;
    while known + step <= count && holds(known + step - 1) {
        known += step;
        step *= 2;
    }
    let most = count.min(known + step - 1);
    known + partition_point(most - known, |more| holds(known + more))
}

impl Input {
    async fn fill(&mut self, ordering: &LexOrdering) -> Result<()> {
        while self.batch.is_none() && !self.is_finished {
            match self.stream.next().await.transpose()? {
                None => self.is_finished = true,
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    let keys = ordering.iter().map(|order| {
                        let key = order.expr.evaluate(&batch)?;
                        key.into_array(batch.num_rows())
                    });
                    self.batch = Some(Sorted {
                        keys: keys.collect::<Result<_>>()?,
                        batch,
                        next: 0,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::gallop;

    #[test]
    fn galloping_finds_where_it_ends() {
        for count in 1..40 {
            for holding in 1..=count {
                assert_eq!(
                    gallop(count, |row| row < holding),
                    holding,
                    "{holding} of {count}"
                );
            }
        }
    }
}
