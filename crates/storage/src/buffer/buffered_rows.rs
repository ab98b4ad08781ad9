//! Buffered rows of a snapshot as record batches: all of them, or those that are asked for.
//!
//! ```text
//! BufferedRows ─ find ─▶ FoundRows: the numbers of rows ─ batches, sorted_unique ─▶ record batches
//! ```
//!
//! A condition on tags is evaluated once for every series ([`PassingSeries`]; rows that arrive in order of time are many parts with
//! the same series), and leads to rows by an index that each chunk keeps
//! ([`super::by_series`]): a question about one machine does not touch the rows of the others.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use catalog::{ColumnId, Table};

use super::keys::SeriesKeys;
use super::{Chunk, DistinctSeries};
use crate::rows;

/// A condition on tags: all rows of a series fulfil it, or none.
pub trait SeriesCondition: Debug + Send + Sync {
    /// The tags that it looks at.
    fn tags(&self) -> &SchemaRef;

    /// Evaluates it on the tags of series, one in each row. A NULL is not fulfilled.
    ///
    /// # Errors
    ///
    /// It cannot be evaluated.
    fn evaluate(&self, tags: &RecordBatch) -> Result<BooleanArray, ArrowError>;
}

/// Buffered rows to be read.
#[derive(Debug, Clone)]
pub struct BufferedRows {
    /// Oldest first.
    chunks: Vec<Arc<Chunk>>,
    table: Arc<Table>,
    /// Rows before are too old to be seen or were not asked for, like those after.
    times: RangeInclusive<i64>,
    /// What the tags of a series have to fulfil.
    series: Option<Arc<dyn SeriesCondition>>,
}

impl BufferedRows {
    /// Those with times in this range.
    pub(crate) fn new(
        chunks: Vec<Arc<Chunk>>,
        table: Arc<Table>,
        times: RangeInclusive<i64>,
    ) -> Self {
        Self {
            chunks,
            table,
            times,
            series: None,
        }
    }

    /// Rows that do not replace each other, of one table and with the same conditions, as one; `None` of none.
    pub fn together(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        Some(parts.fold(first, |mut all, part| {
            debug_assert_eq!(all.times, part.times, "all are of one snapshot");
            all.chunks.extend(part.chunks);
            all
        }))
    }

    /// Those of series that fulfil this.
    #[must_use]
    pub fn of_series(self, condition: Arc<dyn SeriesCondition>) -> Self {
        let series = Some(condition);
        Self { series, ..self }
    }

    /// Upper bound of the number of rows; exact for [`ScanUnit::Buffered`] unless they are
    /// [filtered](Self::is_filtered).
    ///
    /// [`ScanUnit::Buffered`]: crate::ScanUnit::Buffered
    pub fn row_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows()).sum()
    }

    /// Of how many series each chunk has rows, in all; 0 where no series are asked for.
    pub fn series_count(&self) -> usize {
        match &self.series {
            Some(_) => (self.chunks.iter())
                .map(|chunk| chunk.by_series().numbers().len())
                .sum(),
            None => 0,
        }
    }

    /// Earliest and latest time, or a little more.
    pub fn time_range(&self) -> RangeInclusive<i64> {
        let start = self.chunks.iter().map(|chunk| chunk.time_min).min();
        let end = self.chunks.iter().map(|chunk| chunk.time_max).max();
        let (start, end) = (start.unwrap_or(i64::MAX), end.unwrap_or(i64::MIN));
        start.max(*self.times.start())..=end.min(*self.times.end())
    }

    /// Whether some of the rows in memory may be left out.
    pub fn is_filtered(&self) -> bool {
        self.series.is_some() || !self.chunks.iter().all(|chunk| self.has_all_times_of(chunk))
    }

    fn has_all_times_of(&self, chunk: &Chunk) -> bool {
        self.times.contains(&chunk.time_min) && self.times.contains(&chunk.time_max)
    }

    /// Finds the rows.
    ///
    /// # Errors
    ///
    /// The condition cannot be evaluated.
    pub fn find(&self) -> Result<FoundRows, ArrowError> {
        Ok(self.find_of(&PassingSeries::of(std::slice::from_ref(self))?))
    }

    /// Finds the rows, of which it is known already which series are asked for.
    pub fn find_of(&self, series: &PassingSeries) -> FoundRows {
        let found = self.chunks.iter().map(|chunk| {
            let rows = self.rows_of(chunk, series.of_generation(&chunk.keys));
            (Arc::clone(chunk), rows)
        });
        let has_rows = |rows: &Option<Vec<u32>>| rows.as_ref().is_none_or(|rows| !rows.is_empty());
        FoundRows {
            chunks: found.filter(|(_, rows)| has_rows(rows)).collect(),
            table: Arc::clone(&self.table),
        }
    }

    /// The rows of a chunk that are asked for, ascending; `None` if they are all.
    fn rows_of(&self, chunk: &Chunk, series: Option<&[u32]>) -> Option<Vec<u32>> {
        let has_time = |row: &u32| self.times.contains(&chunk.times[*row as usize]);
        match (series, self.has_all_times_of(chunk)) {
            (None, true) => None,
            (None, false) => Some((0u32..).take(chunk.rows()).filter(has_time).collect()),
            (Some(series), _) => {
                let rows = chunk.by_series().rows_of(series);
                let mut rows: Vec<u32> = rows.filter(has_time).collect();
                rows.sort();
                Some(rows)
            }
        }
    }
}

/// The series that fulfil a condition, of those in some chunks.
#[derive(Debug)]
pub struct PassingSeries(Vec<OfGeneration>);

#[derive(Debug)]
struct OfGeneration {
    /// What the numbers stand for.
    keys: Arc<SeriesKeys>,
    /// Ascending; `None` if they are all.
    numbers: Option<Vec<u32>>,
}

impl PassingSeries {
    /// Those in parts of one table that have the same condition.
    ///
    /// # Errors
    ///
    /// The condition cannot be evaluated.
    pub fn of(parts: &[BufferedRows]) -> Result<Self, ArrowError> {
        let condition = parts.first().and_then(|part| part.series.clone());
        let Some(condition) = condition else {
            return Ok(Self(Vec::new()));
        };
        let mut generations: Vec<(Arc<SeriesKeys>, Vec<&Chunk>)> = Vec::new();
        for chunk in parts.iter().flat_map(|part| &part.chunks) {
            let known = generations.iter_mut();
            match known.rev().find(|(keys, _)| Arc::ptr_eq(keys, &chunk.keys)) {
                Some((_, chunks)) => chunks.push(chunk),
                None => generations.push((Arc::clone(&chunk.keys), vec![chunk])),
            }
        }
        let passing = generations.into_iter().map(|(keys, chunks)| {
            let numbers = passing(condition.as_ref(), &parts[0].table, &keys, &chunks)?;
            Ok(OfGeneration { keys, numbers })
        });
        passing.collect::<Result<_, ArrowError>>().map(Self)
    }

    /// The numbers of one generation, ascending; `None` if they are all.
    fn of_generation(&self, keys: &Arc<SeriesKeys>) -> Option<&[u32]> {
        let mut generations = self.0.iter();
        let own = generations.find(|own| Arc::ptr_eq(&own.keys, keys))?;
        own.numbers.as_deref()
    }
}

/// The numbers of the series in some chunks of one generation that fulfil the condition, ascending; `None` if they are all.
fn passing(
    condition: &dyn SeriesCondition,
    table: &Table,
    keys: &SeriesKeys,
    chunks: &[&Chunk],
) -> Result<Option<Vec<u32>>, ArrowError> {
    let numbers = chunks.iter().map(|chunk| chunk.by_series().numbers());
    let mut numbers = numbers.collect::<Vec<_>>().concat();
    numbers.sort();
    numbers.dedup();
    let distinct = DistinctSeries::of_numbers(keys, &numbers);
    let series: Vec<u32> = (0u32..).take(distinct.len()).collect();
    let tags = condition.tags();
    let columns = tags.fields().iter().map(|tag| {
        let column = table.column(tag.name());
        let column = column.expect("the condition is about the table's tags");
        distinct.tag_values(column.id, &series)
    });
    let options = RecordBatchOptions::new().with_row_count(Some(series.len()));
    let tags = RecordBatch::try_new_with_options(Arc::clone(tags), columns.collect(), &options)?;
    let passes = condition.evaluate(&tags)?;
    if passes.true_count() == numbers.len() {
        return Ok(None);
    }
    let passes = numbers.into_iter().zip(&passes);
    let passing = passes.filter(|(_, passes)| *passes == Some(true));
    Ok(Some(passing.map(|(number, _)| number).collect()))
}

/// Buffered rows that were asked for.
#[derive(Debug)]
pub struct FoundRows {
    /// Oldest first, with the numbers of the rows that were found if they are not all.
    chunks: Vec<(Arc<Chunk>, Option<Vec<u32>>)>,
    table: Arc<Table>,
}

impl FoundRows {
    /// How many there are, of which some may have the same key.
    pub fn count(&self) -> usize {
        let count = |(chunk, rows): &(Arc<Chunk>, Option<Vec<u32>>)| {
            rows.as_ref().map_or(chunk.rows(), Vec::len)
        };
        self.chunks.iter().map(count).sum()
    }

    /// About how much memory they take as columns of `schema`.
    pub fn estimated_bytes(&self, schema: &SchemaRef) -> usize {
        let bytes = |(chunk, rows): &(Arc<Chunk>, Option<Vec<u32>>)| match rows {
            Some(rows) => (chunk.bytes() / chunk.rows() + 1) * rows.len(),
            None => chunk.bytes(),
        };
        let all: usize = self.chunks.iter().map(bytes).sum();
        let columns = schema.fields().len().min(self.table.columns().len() + 1);
        all * columns / (self.table.columns().len() + 1)
    }

    /// The rows as they arrived, as columns of `schema` (any of the table's columns, any order).
    pub fn batches(&self, schema: &SchemaRef) -> Vec<RecordBatch> {
        let rows = self.chunks_for(schema);
        let batch = |chunk: &Arc<Chunk>| rows::in_arrival_order(chunk, &self.table, schema);
        rows.iter().map(batch).collect()
    }

    /// The rows sorted by the row key, every key once, as columns of `schema`.
    pub fn sorted_unique(&self, schema: &SchemaRef) -> RecordBatch {
        // A condition on tags and times is true of all rows of a key or of none: none is missed here.
        let rows = self.chunks_for(schema);
        let rows: Vec<_> = rows.iter().map(|chunk| &**chunk).collect();
        rows::sorted_unique(&rows, &self.table, schema)
    }

    /// The chunks with no other rows; those that are copied for it, without fields that `schema` lacks.
    fn chunks_for(&self, schema: &SchemaRef) -> Vec<Arc<Chunk>> {
        let fields = schema.fields().iter();
        let columns = fields.filter_map(|field| Some(self.table.column(field.name())?.id));
        let columns: Vec<ColumnId> = columns.collect();
        let chunk = |(chunk, rows): &(Arc<Chunk>, Option<Vec<u32>>)| match rows {
            Some(rows) => Arc::new(chunk.chosen(rows.clone(), |id| columns.contains(&id))),
            None => Arc::clone(chunk),
        };
        self.chunks.iter().map(chunk).collect()
    }
}
