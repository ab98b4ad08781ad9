//! Buffered rows of a snapshot as record batches: all of them, or those that are asked for.
//!
//! Which rows those are is found without a look at fields or at the text of tags row by row: a condition on
//! tags is evaluated once for every series. Only what passes is put together, so that a question about one
//! machine costs little more than a walk over the series numbers and times of the others.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use catalog::{ColumnId, Table};

use crate::buffer::{Chunk, DistinctSeries};
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

    /// About how much memory the rows take at most as columns of `schema`.
    pub fn estimated_bytes(&self, schema: &SchemaRef) -> usize {
        let all: usize = self.chunks.iter().map(|chunk| chunk.bytes()).sum();
        let columns = schema.fields().len().min(self.table.columns().len() + 1);
        all * columns / (self.table.columns().len() + 1)
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

    /// The rows as they arrived, as columns of `schema` (any of the table's columns, any order).
    ///
    /// # Errors
    ///
    /// The condition cannot be evaluated.
    pub fn batches(&self, schema: &SchemaRef) -> Result<Vec<RecordBatch>, ArrowError> {
        let rows = self.asked_for(schema)?;
        let batch = |chunk: &Arc<Chunk>| rows::in_arrival_order(chunk, &self.table, schema);
        Ok(rows.iter().map(batch).collect())
    }

    /// The rows sorted by the row key, every key once, as columns of `schema`.
    ///
    /// # Errors
    ///
    /// The condition cannot be evaluated.
    pub fn sorted_unique(&self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        // A condition on tags and times is true of all rows of a key or of none.
        let rows = self.asked_for(schema)?;
        let rows: Vec<_> = rows.iter().map(|chunk| &**chunk).collect();
        Ok(rows::sorted_unique(&rows, &self.table, schema))
    }

    /// The chunks without rows that are not asked for; those that have to be copied, without fields that
    /// `schema` does not have.
    fn asked_for(&self, schema: &SchemaRef) -> Result<Vec<Arc<Chunk>>, ArrowError> {
        if !self.is_filtered() {
            return Ok(self.chunks.clone());
        }
        let series = self.series.as_deref();
        let series = series.map(|condition| self.series_with(condition));
        let series = series.transpose()?;
        let fields = schema.fields().iter();
        let columns = fields.filter_map(|field| Some(self.table.column(field.name())?.id));
        let columns: Vec<ColumnId> = columns.collect();
        let mut chunks = Vec::with_capacity(self.chunks.len());
        let mut first = 0;
        for chunk in &self.chunks {
            let series = series.as_ref().map(|all| all.of_rows(first, chunk.rows()));
            let rows = self.rows_of(chunk, series);
            if rows.len() == chunk.rows() {
                chunks.push(Arc::clone(chunk));
            } else if !rows.is_empty() {
                chunks.push(Arc::new(chunk.chosen(rows, |id| columns.contains(&id))));
            }
            first += chunk.rows();
        }
        Ok(chunks)
    }

    fn rows_of(&self, chunk: &Chunk, series: Option<impl Iterator<Item = bool>>) -> Vec<u32> {
        let has_time = chunk.times.iter().map(|time| self.times.contains(time));
        match series {
            Some(series) => numbers_of(has_time.zip(series).map(|(time, series)| time && series)),
            None => numbers_of(has_time),
        }
    }

    fn series_with(&self, condition: &dyn SeriesCondition) -> Result<PassingSeries, ArrowError> {
        let chunks: Vec<_> = self.chunks.iter().map(|chunk| &**chunk).collect();
        let distinct = DistinctSeries::of(&chunks);
        let series: Vec<u32> = (0u32..).take(distinct.len()).collect();
        let tags = condition.tags();
        let columns = tags.fields().iter().map(|tag| {
            let column = self.table.column(tag.name());
            let column = column.expect("the condition is about the table's tags");
            distinct.tag_values(column.id, &series)
        });
        let options = RecordBatchOptions::new().with_row_count(Some(series.len()));
        let tags =
            RecordBatch::try_new_with_options(Arc::clone(tags), columns.collect(), &options)?;
        let passes = condition.evaluate(&tags)?;
        let passes = passes.iter().map(|passes| passes == Some(true)).collect();
        Ok(PassingSeries { distinct, passes })
    }
}

/// For every row whether its series passes.
struct PassingSeries {
    distinct: DistinctSeries,
    passes: Vec<bool>,
}

impl PassingSeries {
    fn of_rows(&self, first: usize, count: usize) -> impl Iterator<Item = bool> {
        let series = &self.distinct.of_row()[first..first + count];
        series.iter().map(|&series| self.passes[series as usize])
    }
}

fn numbers_of(are_wanted: impl Iterator<Item = bool>) -> Vec<u32> {
    let rows = (0u32..).zip(are_wanted);
    rows.filter_map(|(row, is_wanted)| is_wanted.then_some(row))
        .collect()
}
