//! States of aggregate functions, one for every run of rows of the same group.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{concat, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy, evaluate_group_by};

use super::functions::{Batch, Functions};

/// Runs, and the states of all functions for each of them.
pub(super) struct Runs {
    group: PhysicalGroupBy,
    functions: Functions,
    /// The groups of the runs, by column, in pieces as they came.
    keys: Vec<Vec<ArrayRef>>,
    count: usize,
    /// The run of each row of a batch; kept for its memory.
    run_of_row: Vec<usize>,
    /// Groups and states.
    schema: SchemaRef,
}

impl Runs {
    /// What `aggregate`, a partial one, computes.
    pub(super) fn new(aggregate: &AggregateExec) -> Result<Self> {
        let group = aggregate.group_expr();
        Ok(Self {
            functions: Functions::new(aggregate)?,
            keys: vec![Vec::new(); group.num_group_exprs()],
            group: group.clone(),
            count: 0,
            run_of_row: Vec::new(),
            schema: datafusion::physical_plan::ExecutionPlan::schema(aggregate),
        })
    }

    /// How many runs there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The memory that states and groups take.
    pub(super) fn size(&self) -> usize {
        let keys = self.keys.iter().flatten();
        // Pieces share what they were taken from with each other; dictionaries belong to the scan.
        let keys = keys.map(|piece| match piece.as_any_dictionary_opt() {
            Some(tags) => tags.keys().get_array_memory_size(),
            None => piece.get_array_memory_size(),
        });
        self.functions.size()
            + keys.sum::<usize>()
            + self.run_of_row.capacity() * size_of::<usize>()
    }

    /// Adds rows. A run does not reach from one batch into the next.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let groups = evaluate_group_by(&self.group, batch)?;
        let [keys] = <[Vec<ArrayRef>; 1]>::try_from(groups)
            .map_err(|_| internal_datafusion_err!("there is one set of groups"))?;
        let firsts = self.number(&keys, rows)?;
        for (pieces, key) in self.keys.iter_mut().zip(&keys) {
            pieces.push(take(key, &firsts, None)?);
        }
        let runs = Batch {
            rows: batch,
            runs: &ranges(firsts.values(), rows),
            run_of_row: &self.run_of_row,
            count: self.count,
        };
        self.functions.add(&runs)
    }

    /// Numbers the runs of the rows; gives the first row of each.
    fn number(&mut self, keys: &[ArrayRef], rows: usize) -> Result<UInt32Array> {
        let mut starts: Option<BooleanBuffer> = None;
        for key in keys {
            let changes = changes(key)?;
            starts = Some(match starts {
                Some(starts) => &starts | &changes,
                None => changes,
            });
        }
        let mut firsts = vec![0u32];
        self.run_of_row.clear();
        for change in starts.iter().flat_map(BooleanBuffer::set_indices) {
            let first = change + 1;
            self.run_of_row.resize(first, self.count);
            self.count += 1;
            firsts.push(u32::try_from(first).map_err(|_| {
                internal_datafusion_err!("a batch has more rows than can be numbered")
            })?);
        }
        self.run_of_row.resize(rows, self.count);
        self.count += 1;
        Ok(firsts.into())
    }

    /// Gives what there is as one batch, and begins again with nothing.
    pub(super) fn take(&mut self) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for pieces in &mut self.keys {
            let pieces = std::mem::take(pieces);
            let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| &**piece).collect();
            columns.push(concat(&pieces)?);
        }
        columns.extend(self.functions.states()?);
        self.count = 0;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// The rows of runs that begin at these.
pub(in crate::plan) fn ranges(firsts: &[u32], rows: usize) -> Vec<Range<usize>> {
    let firsts = firsts.iter().map(|first| *first as usize);
    let ends = firsts.clone().skip(1).chain([rows]);
    firsts.zip(ends).map(|(first, end)| first..end).collect()
}

/// Of every row but the last, whether the next one differs. Values of a dictionary that are the same
/// under two keys make a run more, which does no harm.
pub(in crate::plan) fn changes(key: &ArrayRef) -> Result<BooleanBuffer> {
    let tags = key.as_any_dictionary_opt();
    let values = tags.map_or(&**key, |tags| tags.keys() as &dyn Array);
    let pairs = values.len() - 1;
    let (left, right) = (values.slice(0, pairs), values.slice(1, pairs));
    Ok(distinct(&left, &right)?.values().clone())
}
