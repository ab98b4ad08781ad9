//! Buffered rows of a snapshot as record batches: all of them, or those that are asked for.
//!
//! ```text
//! BufferedRows ─ find ─▶ FoundRows: the numbers of rows ─ batches, sorted_unique ─▶ record batches
//! ```
//!
//! A condition on tags is evaluated once for every series ([`super::passing_series`]), and leads to rows by an index that each chunk
//! keeps ([`super::by_series`]): a question about one machine does not touch the rows of the others. What it finds in many chunks,
//! a few rows in each, is put together at once.

use std::collections::HashMap;
use std::iter;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use catalog::{ColumnId, Table};
use foldhash::fast::RandomState;

use super::Chunk;
use super::keys::SeriesKeys;
use super::passing_series::{Asked, PassingSeries, SeriesCondition};
use super::shares::{Share, ToRead};
use crate::rows;

/// Rows of several chunks are put together to at most so many.
const TOGETHER_ROWS: usize = 8192;

/// Buffered rows to be read.
#[derive(Debug, Clone)]
pub struct BufferedRows {
    /// Oldest first.
    read: Vec<ToRead>,
    pub(super) table: Arc<Table>,
    /// Rows before are too old to be seen or were not asked for, like those after.
    times: RangeInclusive<i64>,
    /// What the tags of a series have to fulfil.
    pub(super) series: Option<Arc<dyn SeriesCondition>>,
}

impl BufferedRows {
    /// All rows of chunks as they arrived, with times in this range.
    pub(crate) fn all_of(
        chunks: Vec<Arc<Chunk>>,
        table: Arc<Table>,
        times: RangeInclusive<i64>,
    ) -> Self {
        let share = Share::All;
        let read = chunks.into_iter().map(|chunk| ToRead {
            chunk,
            share: share.clone(),
        });
        Self::new(read.collect(), table, times)
    }

    /// Rows of chunks, oldest first, with times in this range.
    pub(crate) fn new(read: Vec<ToRead>, table: Arc<Table>, times: RangeInclusive<i64>) -> Self {
        Self {
            read,
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
            all.read.extend(part.read);
            all
        }))
    }

    /// Those of series that fulfil this: no others are found, so that whoever reads them need not test it again.
    #[must_use]
    pub fn of_series(self, condition: Arc<dyn SeriesCondition>) -> Self {
        let series = Some(condition);
        Self { series, ..self }
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.read.iter().map(|read| &*read.chunk)
    }

    /// Upper bound of the number of rows; exact for [`ScanUnit::Buffered`] unless they are
    /// [filtered](Self::is_filtered).
    ///
    /// [`ScanUnit::Buffered`]: crate::ScanUnit::Buffered
    pub fn row_count(&self) -> usize {
        let rows = |ToRead { chunk, share }: &ToRead| match share {
            // To make an index is nothing for who plans.
            Share::Replacing(Some(series)) if chunk.is_indexed() => {
                chunk.by_series().rows_of(series).count()
            }
            _ => chunk.rows(),
        };
        self.read.iter().map(rows).sum()
    }

    /// Among so many rows they are found at most.
    pub fn rows_looked_through(&self) -> usize {
        self.chunks().map(Chunk::rows).sum()
    }

    /// How many of the rows are in chunks whose index by series is not there yet, if a condition makes it: who asks first makes it, and it
    /// is kept.
    pub fn unindexed_row_count(&self) -> usize {
        let chunks = self.chunks().filter(|chunk| !chunk.is_indexed());
        match &self.series {
            Some(_) => chunks.map(Chunk::rows).sum(),
            None => 0,
        }
    }

    /// No row that is found has a time outside of this: whoever reads them need not test it again.
    pub fn times(&self) -> &RangeInclusive<i64> {
        &self.times
    }

    /// Earliest and latest time, or a little more.
    pub fn time_range(&self) -> RangeInclusive<i64> {
        let start = self.chunks().map(|chunk| chunk.time_min).min();
        let end = self.chunks().map(|chunk| chunk.time_max).max();
        let (start, end) = (start.unwrap_or(i64::MAX), end.unwrap_or(i64::MIN));
        start.max(*self.times.start())..=end.min(*self.times.end())
    }

    /// Whether some of the rows in memory may be left out.
    pub fn is_filtered(&self) -> bool {
        let has_all = |ToRead { chunk, share }: &ToRead| {
            matches!(share, Share::All) && self.has_all_times_of(chunk)
        };
        self.series.is_some() || !self.read.iter().all(has_all)
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
        self.found(self.found_in_chunks(series).collect())
    }

    /// The same unless there are more than so many: no more of them are looked for then.
    pub(crate) fn find_few_of(&self, series: &PassingSeries, few: usize) -> Option<FoundRows> {
        let (mut chunks, mut count) = (Vec::new(), 0);
        for found in self.found_in_chunks(series) {
            count += found.count();
            if count > few {
                return None;
            }
            chunks.push(found);
        }
        Some(self.found(chunks))
    }

    fn found(&self, chunks: Vec<FoundInChunk>) -> FoundRows {
        let table = Arc::clone(&self.table);
        FoundRows { chunks, table }
    }

    fn found_in_chunks(&self, series: &PassingSeries) -> impl Iterator<Item = FoundInChunk> {
        let found = self.read.iter().map(|read| FoundInChunk {
            rows: self.rows_of(read, series.of_chunk(&read.chunk)),
            chunk: Arc::clone(&read.chunk),
            may_replace: matches!(read.share, Share::Replacing(_)),
        });
        found.filter(|found| found.count() > 0)
    }

    /// The rows of a chunk that are asked for, ascending; `None` if they are all.
    fn rows_of(&self, ToRead { chunk, share }: &ToRead, asked: Option<&Asked>) -> Option<Vec<u32>> {
        let has_all_times = self.has_all_times_of(chunk);
        let has_time = |row: usize| has_all_times || self.times.contains(&chunk.times[row]);
        let is_asked = |number: u32| asked.is_none_or(|asked| asked.contains(number));
        let rows: Vec<u32> = match share.few(chunk, asked) {
            Some(few) => {
                let rows = chunk.by_series().rows_of(&few);
                let mut rows: Vec<u32> = rows.filter(|row| has_time(*row as usize)).collect();
                rows.sort();
                rows
            }
            None => {
                let is_read = share.rows_of(chunk);
                if has_all_times && asked.is_none() && is_read.is_none() {
                    return None;
                }
                let is_read = |row: usize| is_read.as_ref().is_none_or(|rows| rows[row]);
                // Which rows are asked for cannot be foreseen: the tests are made of each of them.
                rows_with(chunk.rows(), |row| {
                    is_asked(chunk.series[row]) & is_read(row) & has_time(row)
                })
            }
        };
        (rows.len() < chunk.rows()).then_some(rows)
    }
}

/// The numbers of rows, of so many, that pass a test. It takes as long whichever they are.
fn rows_with(count: usize, passes: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut rows = vec![0; count];
    let mut found = 0;
    for (row, number) in (0..count).zip(0u32..) {
        rows[found] = number;
        found += usize::from(passes(row));
    }
    rows.truncate(found);
    rows
}

/// Buffered rows that were asked for.
#[derive(Debug)]
pub struct FoundRows {
    /// Oldest first.
    chunks: Vec<FoundInChunk>,
    table: Arc<Table>,
}

#[derive(Debug)]
struct FoundInChunk {
    chunk: Arc<Chunk>,
    /// The numbers of its rows that were found, ascending; `None` if they are all.
    rows: Option<Vec<u32>>,
    /// See [`Share::Replacing`].
    may_replace: bool,
}

impl FoundInChunk {
    fn count(&self) -> usize {
        self.rows.as_ref().map_or(self.chunk.rows(), Vec::len)
    }

    /// The numbers of its rows that were found, ascending.
    fn rows(&self) -> impl Iterator<Item = u32> {
        let all = 0..self.count();
        all.map(|place| match &self.rows {
            Some(rows) => rows[place],
            None => u32::try_from(place).expect("rows are counted with 32 bits"),
        })
    }

    /// The series of each of these rows, by its number in a generation, and its time.
    fn keys(&self) -> impl Iterator<Item = ((*const SeriesKeys, u32), i64)> {
        let (chunk, generation) = (&self.chunk, Arc::as_ptr(&self.chunk.keys));
        self.rows().map(move |row| {
            let row = row as usize;
            ((generation, chunk.series[row]), chunk.times[row])
        })
    }

    /// The chunk with no other rows; if it is copied for that, without fields that `schema` lacks.
    fn chunk_for(&self, schema: &SchemaRef, table: &Table) -> Arc<Chunk> {
        let Some(rows) = &self.rows else {
            return Arc::clone(&self.chunk);
        };
        let fields = schema.fields().iter();
        let columns = fields.filter_map(|field| Some(table.column(field.name())?.id));
        let columns: Vec<ColumnId> = columns.collect();
        Arc::new(self.chunk.chosen(rows.clone(), |id| columns.contains(&id)))
    }
}

impl FoundRows {
    /// How many there are, of which some may have the same key.
    pub fn count(&self) -> usize {
        self.chunks.iter().map(FoundInChunk::count).sum()
    }

    /// Those with the latest time of their series, maybe of each number that it has in another generation.
    pub(crate) fn latest(mut self) -> Self {
        let mut latest: HashMap<(*const SeriesKeys, u32), i64, RandomState> = HashMap::default();
        for found in &self.chunks {
            for (series, time) in found.keys() {
                let latest = latest.entry(series).or_insert(time);
                *latest = time.max(*latest);
            }
        }
        for found in &mut self.chunks {
            let is_latest = found.keys().map(|(series, time)| latest[&series] == time);
            let rows = found.rows().zip(is_latest);
            let rows = rows.filter(|(_, is_latest)| *is_latest);
            found.rows = Some(rows.map(|(row, _)| row).collect());
        }
        self.chunks.retain(|found| found.count() > 0);
        self
    }

    /// About how much memory they take as columns of `schema`.
    pub fn estimated_bytes(&self, schema: &SchemaRef) -> usize {
        let bytes = |FoundInChunk { chunk, rows, .. }: &FoundInChunk| match rows {
            Some(rows) => (chunk.bytes() / chunk.rows() + 1) * rows.len(),
            None => chunk.bytes(),
        };
        let all: usize = self.chunks.iter().map(bytes).sum();
        let columns = schema.fields().len().min(self.table.columns().len() + 1);
        all * columns / (self.table.columns().len() + 1)
    }

    /// The rows as they arrived, after them those of which some may replace others, every key once, as columns of `schema` (any of the
    /// table's columns, any order).
    pub fn batches(&self, schema: &SchemaRef) -> Vec<RecordBatch> {
        let batch = |portion: &[&FoundInChunk]| match portion {
            [alone] => {
                rows::in_arrival_order(&alone.chunk_for(schema, &self.table), &self.table, schema)
            }
            _ => {
                let chosen = portion.iter().map(|FoundInChunk { chunk, rows, .. }| {
                    let rows = rows.as_deref();
                    (&**chunk, rows.expect("whole chunks are by themselves"))
                });
                rows::chosen_in_arrival_order(&chosen.collect::<Vec<_>>(), &self.table, schema)
            }
        };
        let all = self.chunks.iter();
        let (replacing, plain): (Vec<_>, Vec<_>) = all.partition(|found| found.may_replace);
        let mut batches: Vec<RecordBatch> = portions(&plain).map(batch).collect();
        if !replacing.is_empty() {
            batches.push(self.unique(replacing.into_iter(), schema));
        }
        batches
    }

    /// The rows sorted by the row key, every key once, as columns of `schema`.
    pub fn sorted_unique(&self, schema: &SchemaRef) -> RecordBatch {
        self.unique(self.chunks.iter(), schema)
    }

    fn unique<'a>(
        &self,
        chunks: impl Iterator<Item = &'a FoundInChunk>,
        schema: &SchemaRef,
    ) -> RecordBatch {
        // A condition on tags and times is true of all rows of a key or of none: none is missed here.
        let chunks = chunks.map(|found| found.chunk_for(schema, &self.table));
        let chunks: Vec<Arc<Chunk>> = chunks.collect();
        let chunks: Vec<_> = chunks.iter().map(|chunk| &**chunk).collect();
        rows::sorted_unique(&chunks, &self.table, schema)
    }
}

/// Neighbours that make a batch: one that has all of its rows, or some that have few of theirs.
fn portions<'a, 'c>(
    mut rest: &'a [&'c FoundInChunk],
) -> impl Iterator<Item = &'a [&'c FoundInChunk]> {
    iter::from_fn(move || {
        let mut rows = 0;
        let is_among_few = |found: &&&FoundInChunk| {
            rows += found.count();
            found.rows.is_some() && rows <= TOGETHER_ROWS
        };
        let count = rest.iter().take_while(is_among_few).count();
        let (portion, tail) = rest.split_at(count.max(1).min(rest.len()));
        rest = tail;
        (!portion.is_empty()).then_some(portion)
    })
}
