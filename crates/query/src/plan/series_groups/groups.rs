//! The groups of rows in order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, make_comparator};
use arrow::compute::{SortOptions, concat, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy, evaluate_group_by};

use crate::plan::run_aggregation::{Batch, Functions, changes, ranges};

/// Groups that are complete, and the one that the newest rows are of, to which more may come.
pub(super) struct Groups {
    group: PhysicalGroupBy,
    functions: Functions,
    /// The groups, by column, in pieces as they came.
    keys: Vec<Vec<ArrayRef>>,
    count: usize,
    /// The group of each row of a batch; kept for its memory.
    group_of_row: Vec<usize>,
    /// Groups and results.
    schema: SchemaRef,
}

impl Groups {
    /// What `aggregate`, a first step or the only one, computes; results have `schema`.
    pub(super) fn new(aggregate: &AggregateExec, schema: SchemaRef) -> Result<Self> {
        let group = aggregate.group_expr();
        Ok(Self {
            functions: Functions::new(aggregate)?,
            keys: vec![Vec::new(); group.num_group_exprs()],
            group: group.clone(),
            count: 0,
            group_of_row: Vec::new(),
            schema,
        })
    }

    /// How many groups nothing more comes to.
    pub(super) fn complete(&self) -> usize {
        self.count.saturating_sub(1)
    }

    /// Whether there is no group.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The memory that states and groups take.
    pub(super) fn size(&self) -> usize {
        let keys = self.keys.iter().flatten();
        // Dictionaries belong to the scan.
        let keys = keys.map(|piece| match piece.as_any_dictionary_opt() {
            Some(tags) => tags.keys().get_array_memory_size(),
            None => piece.get_array_memory_size(),
        });
        self.functions.size()
            + keys.sum::<usize>()
            + self.group_of_row.capacity() * size_of::<usize>()
    }

    /// Adds the next rows.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let groups = evaluate_group_by(&self.group, batch)?;
        let [keys] = <[Vec<ArrayRef>; 1]>::try_from(groups)
            .map_err(|_| internal_datafusion_err!("there is one set of groups"))?;
        let mut firsts = firsts(&keys, rows)?;
        let before = self.count;
        let continues = self.continues(&keys)?;
        self.count = before - usize::from(continues) + firsts.len();
        let runs = ranges(&firsts, rows);
        self.group_of_row.clear();
        for (run, group) in runs.iter().zip(before - usize::from(continues)..) {
            self.group_of_row.resize(run.end, group);
        }
        if continues {
            firsts.remove(0);
        }
        if !firsts.is_empty() {
            let firsts = UInt32Array::from(firsts);
            for (pieces, key) in self.keys.iter_mut().zip(&keys) {
                pieces.push(take(key, &firsts, None)?);
            }
        }
        self.functions.add(&Batch {
            rows: batch,
            runs: &runs,
            state_of_row: &self.group_of_row,
            count: self.count,
        })
    }

    /// Whether the first row is of the group that the newest one is of.
    fn continues(&self, keys: &[ArrayRef]) -> Result<bool> {
        if self.count == 0 {
            return Ok(false);
        }
        for (pieces, key) in self.keys.iter().zip(keys) {
            let Some(newest) = pieces.last() else {
                return Ok(false);
            };
            let compare = make_comparator(newest, key, SortOptions::default())?;
            if compare(newest.len() - 1, 0).is_ne() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes the results of the groups that are complete, or of all.
    pub(super) fn take(&mut self, is_last: bool) -> Result<RecordBatch> {
        let (count, emit_to) = match is_last {
            true => (self.count, EmitTo::All),
            false => (self.complete(), EmitTo::First(self.complete())),
        };
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for pieces in &mut self.keys {
            let parts: Vec<&dyn Array> = pieces.iter().map(|piece| &**piece).collect();
            let keys = concat(&parts)?;
            *pieces = vec![keys.slice(count, keys.len() - count)];
            columns.push(keys.slice(0, count));
        }
        columns.extend(self.functions.results(emit_to)?);
        self.count -= count;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// The first row of each group. Unlike runs, groups have to be told by their values: a value may be in a dictionary twice.
fn firsts(keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
    let mut starts = None;
    for key in keys {
        let changes = changes(key)?;
        starts = Some(match starts {
            Some(starts) => &starts | &changes,
            None => changes,
        });
    }
    let compare = keys
        .iter()
        .map(|key| make_comparator(key, key, SortOptions::default()));
    let compare = compare.collect::<Result<Vec<_>, _>>()?;
    let differs = |row: &usize| compare.iter().any(|compare| compare(row - 1, *row).is_ne());
    let starts = starts.iter().flat_map(|starts| starts.set_indices());
    let starts = starts.map(|change| change + 1).filter(differs);
    let firsts = [0].into_iter().chain(starts).map(|row| {
        u32::try_from(row)
            .map_err(|_| internal_datafusion_err!("a batch has more rows than can be numbered"))
    });
    debug_assert!(rows > 0, "there is a first row");
    firsts.collect()
}
