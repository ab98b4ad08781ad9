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

use crate::buffer::Chunk;
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

/// The last row of each series of a snapshot, sorted by key, as columns of `schema`.
pub(crate) async fn read(
    cache: &Cache,
    snapshot: &TableSnapshot,
    store: &Arc<dyn ObjectStore>,
    schema: &SchemaRef,
) -> Result<Vec<RecordBatch>> {
    let of_files = cache.of_files(snapshot, store).await?;
    let (snapshot, schema) = (snapshot.clone(), Arc::clone(schema));
    let assemble = move || assemble(&of_files, &snapshot, &schema);
    tokio::task::spawn_blocking(assemble)
        .await
        .map_err(|_| Error::ShuttingDown)?
}

/// Puts the last rows of files and those of chunks together.
fn assemble(
    of_files: &[RecordBatch],
    snapshot: &TableSnapshot,
    schema: &SchemaRef,
) -> Result<Vec<RecordBatch>> {
    let needed = needed_columns(snapshot.schema(), schema);
    let mut inputs = vec![
        of_files
            .iter()
            .map(|rows| as_columns(rows, &needed))
            .collect::<Result<Vec<_>>>()?,
    ];
    // The older of two chunks that may hold the same key comes first.
    let chunks = latest(snapshot.chunks().map(|chunk| &**chunk));
    let chunks: Vec<&Chunk> = chunks.iter().map(|chunk| &**chunk).collect();
    if !chunks.is_empty() {
        inputs.push(vec![rows::sorted_unique(
            &chunks,
            snapshot.table(),
            &needed,
        )]);
    }
    let merged = merge::last_of_all(&needed, inputs)?;
    let seen = merged
        .into_iter()
        .map(|rows| as_columns(&not_before(rows, snapshot.earliest())?, schema));
    let mut seen = seen.collect::<Result<Vec<_>>>()?;
    seen.retain(|rows| rows.num_rows() > 0);
    Ok(seen)
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
