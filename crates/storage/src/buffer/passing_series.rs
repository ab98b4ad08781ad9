//! Which series of buffered rows fulfil a condition on tags.
//!
//! Rows that arrive in order of time are in many chunks, each of which has about the same series: the condition is evaluated once for
//! all of them. Where a tag must have one of some values, series without one are ruled out by their keys alone, before the condition
//! is evaluated.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use catalog::{ColumnId, Table};
use foldhash::fast::RandomState;
use hashbrown::HashSet;

use super::keys::SeriesKeys;
use super::{BufferedRows, Chunk, DistinctSeries, by_generation, chunk};
use crate::series;

/// A condition on tags: all rows of a series fulfil it, or none.
pub trait SeriesCondition: Debug + Send + Sync {
    /// The tags that it looks at.
    fn tags(&self) -> &SchemaRef;

    /// A tag, and the values of which a series has to have one to fulfil the condition, if that is known.
    fn needed(&self) -> Option<(&str, &[String])>;

    /// Evaluates it on the tags of series, one in each row. A NULL is not fulfilled.
    ///
    /// # Errors
    ///
    /// It cannot be evaluated.
    fn evaluate(&self, tags: &RecordBatch) -> Result<BooleanArray, ArrowError>;
}

/// The series that fulfil a condition, of those in some chunks.
#[derive(Debug)]
pub struct PassingSeries(Vec<OfGeneration>);

#[derive(Debug)]
struct OfGeneration {
    /// What the numbers stand for.
    keys: Arc<SeriesKeys>,
    /// `None` if they are all.
    asked: Option<Asked>,
}

/// Series of a generation that are asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Ascending.
    numbers: Vec<u32>,
    /// See [`Asked::contains`].
    is_among: OnceLock<BooleanBuffer>,
}

impl Asked {
    fn new(numbers: Vec<u32>) -> Self {
        let is_among = OnceLock::new();
        Self { numbers, is_among }
    }

    /// Their numbers, ascending.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Whether a series is among them. Takes a bit for every number up to the greatest from the first time on.
    pub(super) fn contains(&self, number: u32) -> bool {
        let is_among = self.is_among.get_or_init(|| {
            let count = self.numbers.last().map_or(0, |last| *last as usize + 1);
            let mut is_among = BooleanBufferBuilder::new(count);
            is_among.append_n(count, false);
            for number in &self.numbers {
                is_among.set_bit(*number as usize, true);
            }
            is_among.finish()
        });
        (number as usize) < is_among.len() && is_among.value(number as usize)
    }
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
        let generations = generations(parts).into_iter();
        let passing = generations.map(|chunks| {
            let keys = Arc::clone(&chunks[0].keys);
            let numbers = passing(condition.as_ref(), &parts[0].table, &keys, &chunks)?;
            let asked = numbers.map(Asked::new);
            Ok(OfGeneration { keys, asked })
        });
        passing.collect::<Result<_, ArrowError>>().map(Self)
    }

    /// At most so many series are looked at to find them, but for those that are written meanwhile.
    pub fn candidates(parts: &[BufferedRows]) -> usize {
        let Some(condition) = parts.first().and_then(|part| part.series.as_ref()) else {
            return 0;
        };
        let generations = generations(parts).into_iter();
        let candidates = generations.map(|chunks| match condition.needed() {
            Some(_) => in_chunks(&chunks).min(chunks[0].known_series()),
            None => in_chunks(&chunks),
        });
        candidates.sum()
    }

    /// Those of a chunk's generation; `None` if they are all.
    pub(crate) fn of_chunk(&self, chunk: &Chunk) -> Option<&Asked> {
        let mut generations = self.0.iter();
        let own = generations.find(|own| Arc::ptr_eq(&own.keys, &chunk.keys))?;
        own.asked.as_ref()
    }
}

/// The chunks of parts by their generations.
fn generations(parts: &[BufferedRows]) -> Vec<Vec<&Chunk>> {
    by_generation(parts.iter().flat_map(BufferedRows::chunks))
}

/// The numbers of the series in some chunks of one generation that fulfil the condition, ascending; `None` if they are all.
fn passing(
    condition: &dyn SeriesCondition,
    table: &Table,
    keys: &SeriesKeys,
    chunks: &[&Chunk],
) -> Result<Option<Vec<u32>>, ArrowError> {
    let (mut may_pass, all) = may_pass(condition, table, keys, chunks);
    let passing = fulfilling(condition, table, keys, &may_pass).or_else(|_| {
        // No query fails because of series that have no rows here.
        let present = numbers(chunks);
        may_pass.retain(|number| present.binary_search(number).is_ok());
        fulfilling(condition, table, keys, &may_pass)
    })?;
    Ok((passing.len() < all).then_some(passing))
}

/// Series that may fulfil the condition, of how many. Where a tag tells which, some that have no rows in the chunks may be among both.
fn may_pass(
    condition: &dyn SeriesCondition,
    table: &Table,
    keys: &SeriesKeys,
    chunks: &[&Chunk],
) -> (Vec<u32>, usize) {
    let Some((tag, values)) = condition.needed() else {
        let numbers = numbers(chunks);
        let all = numbers.len();
        return (numbers, all);
    };
    let known = keys.count();
    let numbers = match in_chunks(chunks) >= known {
        true => (0u32..).take(known).collect(),
        false => numbers(chunks),
    };
    let with_value = with_value(keys, &numbers, column(table, tag), values);
    (with_value, numbers.len())
}

/// Those of series with a value of a tag that is one of some.
fn with_value(keys: &SeriesKeys, numbers: &[u32], tag: ColumnId, values: &[String]) -> Vec<u32> {
    let values: HashSet<&[u8], RandomState> = values.iter().map(String::as_bytes).collect();
    let keys = keys.view(numbers.iter().copied());
    let has_value = |number: &u32| {
        let value = series::raw_tag(keys.key(*number), tag);
        value.is_some_and(|value| values.contains(value))
    };
    numbers.iter().copied().filter(has_value).collect()
}

/// Those of series that fulfil the condition.
fn fulfilling(
    condition: &dyn SeriesCondition,
    table: &Table,
    keys: &SeriesKeys,
    numbers: &[u32],
) -> Result<Vec<u32>, ArrowError> {
    let distinct = DistinctSeries::of_numbers(keys, numbers);
    let series: Vec<u32> = (0u32..).take(distinct.len()).collect();
    let tags = condition.tags();
    let columns = tags.fields().iter().map(|tag| column(table, tag.name()));
    let columns = distinct.tag_values(&columns.collect::<Vec<_>>(), &series);
    let options = RecordBatchOptions::new().with_row_count(Some(series.len()));
    let tags = RecordBatch::try_new_with_options(Arc::clone(tags), columns, &options)?;
    let passes = condition.evaluate(&tags)?;
    let passing = numbers.iter().zip(&passes);
    let passing = passing.filter(|(_, passes)| *passes == Some(true));
    Ok(passing.map(|(number, _)| *number).collect())
}

fn column(table: &Table, tag: &str) -> ColumnId {
    let column = table.column(tag);
    let column = column.expect("the condition is about the table's tags");
    column.id
}

/// Of how many series each chunk has rows, in all.
fn in_chunks(chunks: &[&Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.series_count()).sum()
}

/// The numbers of the series that have rows in chunks of a generation, ascending.
fn numbers(chunks: &[&Chunk]) -> Vec<u32> {
    let each = chunks.iter().map(|chunk| chunk.series_numbers());
    let mut each: Vec<&[u32]> = each.collect();
    // Nearly all of them are the same where machines write their rows in turn.
    each.dedup();
    let known = chunks.first().map_or(0, |chunk| chunk.known_series());
    if known > each.iter().map(|numbers| numbers.len()).sum() {
        return chunk::numbers(each.concat());
    }
    let mut is_there = BooleanBufferBuilder::new(known);
    is_there.append_n(known, false);
    for number in each.into_iter().flatten() {
        is_there.set_bit(*number as usize, true);
    }
    let numbers = is_there.finish();
    let numbers = numbers.set_indices_u32();
    numbers.collect()
}
