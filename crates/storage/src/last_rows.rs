//! The last row of every series of a table: the one with the latest time, as a query would see it.
//!
//! It is there without a declaration, and exact. No file is read for it as a whole but small ones and
//! those that a delete has taken last rows from:
//!
//! ```text
//! rows ─▶ FileWriter ─▶ row groups, [part: the last row of each series], footer     part.rs, collect.rs
//!
//! files ─ their parts ─▶ merged, deletes applied ─┐  kept per table, added to by      file.rs, cache.rs
//!                                                 │  flushes, untouched by compactions
//! chunks ─ their last rows (kept with each) ──────┴▶ merged ─▶ too old? ─▶ answer    latest.rs, merge.rs
//! ```
//!
//! The part is inside the file: it comes and goes with it, is covered by the file's checksum, and needs
//! no second object that a flush, a backup or a sweep would have to know of. What the cache keeps is
//! only ever a copy of what parts say; it is built anew after a start.
//!
//! Why merging last rows of sources gives the last rows of all of them: a row that is the last of its
//! series overall is the last of that series in every source that has its key. Rows too old to be kept
//! are taken out at the end, since a series whose last row is too old has no row that is not. Deletes
//! are applied to each file before, and where one takes a last row away, the file is looked through for
//! the one before it.
//!
//! Who asks for some series gets those without a look at most of the others: last rows of files are filtered before they are merged,
//! and of chunks the rows of the series are found by their index, or by the numbers of the series where they are many.

mod cache;
mod collect;
mod file;
mod latest;
mod merge;
mod part;

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimestampNanosecondType};
use bytesize::ByteSize;
use catalog::TIME_COLUMN;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};

pub(crate) use cache::{Cache, Rewritten};
use latest::latest;
pub(crate) use part::PartWriter;

use crate::buffer::{Chunk, PassingSeries, SeriesCondition};
use crate::error::{Error, Result};
use crate::rows;
use crate::snapshot::TableSnapshot;

/// Settings of the last rows of series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Memory for the last rows that files hold of each series; default 64 MiB. A table whose last
    /// rows take more is read from its files every time.
    pub cache_bytes: ByteSize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache_bytes: ByteSize::mib(64),
        }
    }
}

/// What it takes to find the last row of every series of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastRowsCost {
    /// Files that have to be looked at; 0 when everything is in memory.
    pub files: usize,
    /// Bytes that have to be read from the object store. More when deletes hide last rows.
    pub bytes: u64,
    /// There are at most so many series.
    pub series_max: u64,
}

/// Of so many rows of series that are asked for it takes less to put them all together than to look for the last ones among all series.
const FEW_ROWS: usize = 8192;

/// The last row of each series of a snapshot, sorted by key, as columns of `schema`. Series that do not fulfil a condition may be left
/// out.
pub(crate) async fn read(
    cache: &Cache,
    snapshot: &TableSnapshot,
    store: &Arc<dyn ObjectStore>,
    schema: &SchemaRef,
    condition: Option<Arc<dyn SeriesCondition>>,
) -> Result<Vec<RecordBatch>> {
    let of_files = cache.of_files(snapshot, store).await?;
    let (snapshot, schema) = (snapshot.clone(), Arc::clone(schema));
    let assemble = move || assemble(&of_files, &snapshot, &schema, condition.as_ref());
    tokio::task::spawn_blocking(assemble)
        .await
        .map_err(|_| Error::ShuttingDown)?
}

/// Puts the last rows of files and those of chunks together.
fn assemble(
    of_files: &[RecordBatch],
    snapshot: &TableSnapshot,
    schema: &SchemaRef,
    condition: Option<&Arc<dyn SeriesCondition>>,
) -> Result<Vec<RecordBatch>> {
    let needed = needed_columns(snapshot.schema(), schema);
    let of_files = of_files.iter().map(|rows| {
        let rows = as_columns(rows, &needed)?;
        match condition {
            Some(condition) => of_series(rows, condition.as_ref()),
            None => Ok(rows),
        }
    });
    let of_chunks = of_chunks(snapshot, &needed, condition);
    let merged = merge::last_of_both(&needed, of_files.collect::<Result<_>>()?, of_chunks)?;
    let seen = merged
        .into_iter()
        .map(|rows| as_columns(&not_before(rows, snapshot.earliest())?, schema));
    let mut seen = seen.collect::<Result<Vec<_>>>()?;
    seen.retain(|rows| rows.num_rows() > 0);
    Ok(seen)
}

/// Rows of series that fulfil a condition; all if it cannot be evaluated, as of rows that are too old to be seen: whoever asked applies
/// it to those that are seen.
fn of_series(rows: RecordBatch, condition: &dyn SeriesCondition) -> Result<RecordBatch> {
    let tags = as_columns(&rows, condition.tags())?;
    Ok(match condition.evaluate(&tags) {
        Ok(fulfil) => filter_record_batch(&rows, &fulfil)?,
        Err(_) => rows,
    })
}

/// Rows of chunks, the last one of each series among them, sorted by key. Some may be of series that do not fulfil the condition, of all if
/// it cannot be evaluated: whoever asked applies it to the rows that are seen.
fn of_chunks(
    snapshot: &TableSnapshot,
    needed: &SchemaRef,
    condition: Option<&Arc<dyn SeriesCondition>>,
) -> Option<RecordBatch> {
    let asked = condition.map(|condition| {
        let rows = snapshot.buffered().of_series(Arc::clone(condition));
        let series = PassingSeries::of(std::slice::from_ref(&rows)).ok()?;
        Some((rows, series))
    });
    let asked = asked.flatten();
    if let Some((rows, series)) = &asked
        && let Some(found) = rows.find_few_of(series, FEW_ROWS)
    {
        let found = found.latest();
        return (found.count() > 0).then(|| found.sorted_unique(needed));
    }
    let asked = asked.as_ref().map(|(_, series)| series);
    // The older of two chunks that may hold the same key comes first.
    let chunks = latest(snapshot.chunks().map(|chunk| &**chunk), asked);
    let chunks: Vec<&Chunk> = chunks.iter().map(|chunk| &**chunk).collect();
    (!chunks.is_empty()).then(|| rows::sorted_unique(&chunks, snapshot.table(), needed))
}

/// The columns of the table that the row key and the answer are made of.
fn needed_columns(table: &Schema, wanted: &Schema) -> SchemaRef {
    let is_needed = |name: &str, kind: &DataType| {
        name == TIME_COLUMN
            || matches!(kind, DataType::Dictionary(..))
            || wanted.column_with_name(name).is_some()
    };
    let fields = table.fields().iter();
    let fields = fields.filter(|field| is_needed(field.name(), field.data_type()));
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

/// The columns of `schema`, all of which the rows have.
fn as_columns(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let fields = schema.fields().iter();
    let indices = fields.map(|field| rows.schema().index_of(field.name()));
    let rows = rows.project(&indices.collect::<Result<Vec<_>, _>>()?)?;
    Ok(rows.with_schema(Arc::clone(schema))?)
}

fn not_before(rows: RecordBatch, earliest: i64) -> Result<RecordBatch> {
    let times = times(&rows);
    if times.iter().all(|&time| time >= earliest) {
        return Ok(rows);
    }
    let kept = times.iter().map(|&time| Some(time >= earliest));
    let kept: BooleanArray = kept.collect();
    Ok(filter_record_batch(&rows, &kept)?)
}

fn times(rows: &RecordBatch) -> &[i64] {
    let times = rows.column_by_name(TIME_COLUMN);
    let times = times.expect("rows of a table have a time");
    times.as_primitive::<TimestampNanosecondType>().values()
}
