//! States of aggregate functions, for runs of rows of the same group.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{concat, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy, evaluate_group_by};

use super::functions::{Batch, Functions};
use super::tag_groups::TagGroups;

/// The mean length below which runs are short: hashing every row costs less then than a state for every run.
const SHORT: usize = 4;

/// Of so many rows with more groups than this hardly any two are of one.
const ROWS_PER_GROUPS: (usize, usize) = (5, 4);

/// Runs, and the states of all functions for each of them or for each of their groups.
pub(super) struct Runs {
    group: PhysicalGroupBy,
    functions: Functions,
    keys: Keys,
    /// How many runs were added.
    added: usize,
    /// How many rows the states are of.
    rows: usize,
    /// The state that each row of a batch belongs to; kept for its memory.
    state_of_row: Vec<usize>,
}

/// The groups that there are states of.
enum Keys {
    /// One of every run, by column, in pieces as they came.
    OfRuns {
        pieces: Vec<Vec<ArrayRef>>,
        count: usize,
    },
    /// Each once.
    Distinct(Box<dyn GroupValues>),
    /// Each once, and found for little.
    OfTags(TagGroups),
}

impl Runs {
    /// What `aggregate`, a first step, computes, with a state for every run.
    pub(super) fn one_by_one(aggregate: &AggregateExec) -> Result<Self> {
        let pieces = vec![Vec::new(); aggregate.group_expr().num_group_exprs()];
        Self::new(aggregate, Keys::OfRuns { pieces, count: 0 })
    }

    /// What `aggregate`, a first step or the only one, computes, with one state for all runs of a group.
    pub(super) fn gathered(aggregate: &AggregateExec) -> Result<Self> {
        let schema = aggregate
            .group_expr()
            .group_schema(&aggregate.input_schema())?;
        let keys = match TagGroups::try_new(&schema) {
            Some(groups) => Keys::OfTags(groups),
            None => Keys::Distinct(new_group_values(schema, &GroupOrdering::None)?),
        };
        Self::new(aggregate, keys)
    }

    fn new(aggregate: &AggregateExec, keys: Keys) -> Result<Self> {
        Ok(Self {
            functions: Functions::new(aggregate)?,
            keys,
            group: aggregate.group_expr().clone(),
            added: 0,
            rows: 0,
            state_of_row: Vec::new(),
        })
    }

    /// How many states there are.
    pub(super) fn count(&self) -> usize {
        match &self.keys {
            Keys::OfRuns { count, .. } => *count,
            Keys::Distinct(groups) => groups.len(),
            Keys::OfTags(groups) => groups.len(),
        }
    }

    /// Whether more has been done for so many rows than it takes to hash each of them.
    pub(super) fn are_short(&self, rows: usize) -> bool {
        match &self.keys {
            Keys::OfRuns { .. } | Keys::Distinct(_) => rows / SHORT < self.added,
            // Hashing costs more, but sees where there is nothing to be put together, and passes rows on.
            Keys::OfTags(groups) => {
                groups.len() * ROWS_PER_GROUPS.0 > self.rows * ROWS_PER_GROUPS.1
            }
        }
    }

    /// The memory that states and groups take.
    pub(super) fn size(&self) -> usize {
        // Pieces share what they were taken from with each other; dictionaries belong to the scan.
        let of_piece = |piece: &ArrayRef| match piece.as_any_dictionary_opt() {
            Some(tags) => tags.keys().get_array_memory_size(),
            None => piece.get_array_memory_size(),
        };
        let keys = match &self.keys {
            Keys::OfRuns { pieces, .. } => pieces.iter().flatten().map(of_piece).sum(),
            Keys::Distinct(groups) => groups.size(),
            Keys::OfTags(groups) => groups.size(),
        };
        self.functions.size() + keys + self.state_of_row.capacity() * size_of::<usize>()
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
        let firsts = firsts(&keys)?;
        let runs = ranges(firsts.values(), rows);
        let states = self.states_of(&keys, &firsts)?;
        self.added += runs.len();
        self.rows += rows;
        self.state_of_row.clear();
        for (run, state) in runs.iter().zip(&states) {
            self.state_of_row.resize(run.end, *state);
        }
        let count = self.count();
        self.functions.add(&Batch {
            rows: batch,
            runs: &runs,
            state_of_row: &self.state_of_row,
            count,
        })
    }

    /// The states of runs that begin at these rows.
    fn states_of(&mut self, keys: &[ArrayRef], firsts: &UInt32Array) -> Result<Vec<usize>> {
        let of_runs = keys.iter().map(|key| take(key, firsts, None));
        let of_runs = of_runs.collect::<Result<Vec<_>, _>>()?;
        let groups: &mut dyn GroupValues = match &mut self.keys {
            Keys::OfRuns { pieces, count } => {
                for (pieces, keys) in pieces.iter_mut().zip(of_runs) {
                    pieces.push(keys);
                }
                let first = *count;
                *count += firsts.len();
                return Ok((first..*count).collect());
            }
            Keys::Distinct(groups) => &mut **groups,
            Keys::OfTags(groups) => groups,
        };
        let mut states = Vec::with_capacity(firsts.len());
        groups.intern(&of_runs, &mut states)?;
        Ok(states)
    }

    /// Gives groups and their states as one batch, and begins again with nothing.
    pub(super) fn take_states(&mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let mut columns = self.take_keys()?;
        columns.extend(self.functions.states()?);
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    /// Gives groups and their results as one batch, and begins again with nothing.
    pub(super) fn take_results(&mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let mut columns = self.take_keys()?;
        columns.extend(self.functions.results(EmitTo::All)?);
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    fn take_keys(&mut self) -> Result<Vec<ArrayRef>> {
        self.rows = 0;
        let groups: &mut dyn GroupValues = match &mut self.keys {
            Keys::OfRuns { pieces, count } => {
                *count = 0;
                let whole = |pieces: &mut Vec<ArrayRef>| {
                    let pieces = std::mem::take(pieces);
                    let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| &**piece).collect();
                    Ok(concat(&pieces)?)
                };
                return pieces.iter_mut().map(whole).collect();
            }
            Keys::Distinct(groups) => &mut **groups,
            Keys::OfTags(groups) => groups,
        };
        let keys = groups.emit(EmitTo::All)?;
        groups.clear_shrink(0);
        Ok(keys)
    }
}

/// The first row of every run.
fn firsts(keys: &[ArrayRef]) -> Result<UInt32Array> {
    let mut starts: Option<BooleanBuffer> = None;
    for key in keys {
        let changes = changes(key)?;
        starts = Some(match starts {
            Some(starts) => &starts | &changes,
            None => changes,
        });
    }
    let after = |change: usize| {
        u32::try_from(change + 1)
            .map_err(|_| internal_datafusion_err!("a batch has more rows than can be numbered"))
    };
    let changes = starts.iter().flat_map(BooleanBuffer::set_indices);
    let firsts: Vec<u32> = [Ok(0)]
        .into_iter()
        .chain(changes.map(after))
        .collect::<Result<_>>()?;
    Ok(firsts.into())
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
