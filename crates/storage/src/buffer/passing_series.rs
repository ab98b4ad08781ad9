//! Which series of buffered rows fulfil a condition on tags.
//!
//! Rows that arrive in order of time are in many chunks, each of which has about the same series: the condition is evaluated once for
//! all of them. Where a tag must have one of some values, others than the series that have one are found by their keys alone.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use catalog::Table;
use foldhash::fast::RandomState;
use hashbrown::HashSet;

use super::keys::SeriesKeys;
use super::{BufferedRows, Chunk, DistinctSeries};
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
        let generations = generations(parts).into_iter();
        let passing = generations.map(|(keys, chunks)| {
            let numbers = passing(condition.as_ref(), &parts[0].table, keys, &chunks)?;
            let keys = Arc::clone(keys);
            Ok(OfGeneration { keys, numbers })
        });
        passing.collect::<Result<_, ArrowError>>().map(Self)
    }

    /// So many series are looked at to find them.
    pub fn candidates(parts: &[BufferedRows]) -> usize {
        let parts = match parts.first().and_then(|part| part.series.as_ref()) {
            Some(_) => parts,
            None => &[],
        };
        let generations = generations(parts).into_iter();
        generations
            .map(|(keys, chunks)| in_chunks(&chunks).min(keys.count()))
            .sum()
    }

    /// The numbers of one generation, ascending; `None` if they are all.
    pub(super) fn of_generation(&self, keys: &Arc<SeriesKeys>) -> Option<&[u32]> {
        let mut generations = self.0.iter();
        let own = generations.find(|own| Arc::ptr_eq(&own.keys, keys))?;
        own.numbers.as_deref()
    }
}

/// The chunks of parts by their generations.
fn generations(parts: &[BufferedRows]) -> Vec<(&Arc<SeriesKeys>, Vec<&Chunk>)> {
    let mut generations: Vec<(&Arc<SeriesKeys>, Vec<&Chunk>)> = Vec::new();
    for chunk in parts.iter().flat_map(|part| &part.chunks) {
        let known = generations.iter_mut();
        match known.rev().find(|(keys, _)| Arc::ptr_eq(keys, &chunk.keys)) {
            Some((_, chunks)) => chunks.push(chunk),
            None => generations.push((&chunk.keys, vec![chunk])),
        }
    }
    generations
}

/// Of how many series each chunk has rows, in all.
fn in_chunks(chunks: &[&Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.series_count()).sum()
}

/// The numbers of the series in some chunks of one generation that fulfil the condition, ascending; `None` if they are all.
fn passing(
    condition: &dyn SeriesCondition,
    table: &Table,
    keys: &SeriesKeys,
    chunks: &[&Chunk],
) -> Result<Option<Vec<u32>>, ArrowError> {
    let mut numbers = numbers(keys, chunks);
    let all = numbers.len();
    if let Some((tag, values)) = condition.needed() {
        let column = table.column(tag);
        let column = column.expect("the condition is about the table's tags").id;
        let values = values.iter().map(String::as_bytes);
        let values: HashSet<&[u8], RandomState> = values.collect();
        let keys = keys.view(numbers.iter().copied());
        numbers.retain(|&number| {
            let value = series::raw_tag(keys.key(number), column);
            value.is_some_and(|value| values.contains(value))
        });
    }
    let distinct = DistinctSeries::of_numbers(keys, &numbers);
    let series: Vec<u32> = (0u32..).take(distinct.len()).collect();
    let tags = condition.tags();
    let ids = tags.fields().iter().map(|tag| {
        let column = table.column(tag.name());
        let column = column.expect("the condition is about the table's tags");
        column.id
    });
    let columns = distinct.tag_values(&ids.collect::<Vec<_>>(), &series);
    let options = RecordBatchOptions::new().with_row_count(Some(series.len()));
    let tags = RecordBatch::try_new_with_options(Arc::clone(tags), columns, &options)?;
    let passes = condition.evaluate(&tags)?;
    if passes.true_count() == all {
        return Ok(None);
    }
    let passes = numbers.into_iter().zip(&passes);
    let passing = passes.filter(|(_, passes)| *passes == Some(true));
    Ok(Some(passing.map(|(number, _)| number).collect()))
}

/// The numbers of series that have rows in chunks of a generation, ascending. Some that have none may be among them.
fn numbers(keys: &SeriesKeys, chunks: &[&Chunk]) -> Vec<u32> {
    let all = keys.count();
    if in_chunks(chunks) >= all {
        return (0u32..).take(all).collect();
    }
    let numbers = chunks.iter().map(|chunk| chunk.by_series().numbers());
    let mut numbers = numbers.collect::<Vec<_>>().concat();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
