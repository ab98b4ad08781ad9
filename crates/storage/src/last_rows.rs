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
//! chunks ─ their last rows (kept with each) ──────┴▶ merged and kept                   latest.rs, merge.rs,
//!                                                     │                               newest.rs
//!                                   of these series? ─┴▶ too old? ─▶ answer
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
//! What has been merged is kept: while nothing is written, it is the answer, and after that only what is newer is merged in. Who asks for
//! few series meanwhile gets those without a look at most of the others: last rows of files are filtered before they are merged, and
//! of chunks the rows of the series are found by their index.

mod cache;
mod collect;
mod file;
mod latest;
mod merge;
mod newest;
mod part;

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimestampNanosecondType};
use bytesize::ByteSize;
use catalog::{TIME_COLUMN, Table};
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};

pub(crate) use cache::{Cache, Rewritten};
use latest::latest;
use newest::Newest;
pub(crate) use part::PartWriter;

use crate::buffer::{BufferedRows, Chunk, PassingSeries, SeriesCondition};
use crate::error::{Error, Result};
use crate::rows;
use crate::snapshot::TableSnapshot;

/// Settings of the last rows of series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Memory for the last row of each series, those of files and, while rows are in memory, those of
    /// both together; default 64 MiB. A table of which the former take more is read from its files every
    /// time, and what both take is put together every time.
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
/// Tests have fewer rows, and should go both ways.
const FEW_ROWS: usize = if cfg!(test) { 16 } else { 8192 };

/// The last row of each series of a snapshot, sorted by key, as columns of `schema`. Series that do not fulfil a condition may be left
/// out.
pub(crate) async fn read(
    cache: &Arc<Cache>,
    snapshot: &TableSnapshot,
    store: &Arc<dyn ObjectStore>,
    schema: &SchemaRef,
    condition: Option<Arc<dyn SeriesCondition>>,
) -> Result<Vec<RecordBatch>> {
    let of_files = cache.of_files(snapshot, store).await?;
    let asked = Question {
        cache: Arc::clone(cache),
        of_files,
        snapshot: snapshot.clone(),
        schema: Arc::clone(schema),
        condition,
    };
    tokio::task::spawn_blocking(move || asked.answer())
        .await
        .map_err(|_| Error::ShuttingDown)?
}

/// What is asked for, and what is known of files.
struct Question {
    cache: Arc<Cache>,
    of_files: Arc<Vec<RecordBatch>>,
    snapshot: TableSnapshot,
    schema: SchemaRef,
    condition: Option<Arc<dyn SeriesCondition>>,
}

impl Question {
    fn answer(&self) -> Result<Vec<RecordBatch>> {
        let needed = needed_columns(self.snapshot.schema(), &[&self.schema]);
        let rows = self.last_rows(&needed)?;
        let seen = rows
            .into_iter()
            .map(|rows| as_columns(&not_before(rows, self.snapshot.earliest())?, &self.schema));
        let mut seen = seen.collect::<Result<Vec<_>>>()?;
        seen.retain(|rows| rows.num_rows() > 0);
        Ok(seen)
    }

    /// The last rows of files and chunks, those that are too old included.
    fn last_rows(&self, needed: &SchemaRef) -> Result<Vec<RecordBatch>> {
        let (table, snapshot) = (self.snapshot.table(), &self.snapshot);
        let all_chunks: Vec<&Chunk> = snapshot.chunks().map(|chunk| &**chunk).collect();
        if all_chunks.is_empty() {
            return self.asked_for(&self.of_files, needed);
        }
        let kept = self.cache.newest(table.id);
        let kept = kept.filter(|kept| kept.is_continued_by(&self.of_files, snapshot));
        let kept = kept.map(|kept| (kept.newer_chunks(snapshot), kept));
        let answering = kept.as_ref().filter(|(_, kept)| kept.has_columns(needed));
        if let Some((newer, kept)) = answering
            && newer.is_empty()
        {
            return self.asked_for(kept.rows(), needed);
        }
        let series = self.series_of_chunks();
        if let Some((rows, series)) = &series
            && let Some(found) = rows.find_few_of(series, FEW_ROWS)
        {
            let found = found.latest();
            let found = (found.count() > 0).then(|| found.sorted_unique(needed));
            let of_files = self.asked_for(&self.of_files, needed)?;
            return Ok(merge::last_of_both(needed, of_files, found)?);
        }
        let asked = series.as_ref().map(|(_, series)| series);
        if let Some((newer, kept)) = answering
            && (asked.is_none() || is_worth_keeping(newer, kept))
        {
            return self.keep(kept.with(newer, snapshot)?, needed);
        }
        if answering.is_none() && self.cache.has_room_for_newest(&self.of_files, snapshot) {
            // Questions about different columns come in turn: what is kept answers all of them.
            let columns = kept
                .as_ref()
                .map(|(_, kept)| needed_columns(snapshot.schema(), &[kept.schema(), needed]));
            let columns = columns.as_ref().unwrap_or(needed);
            return self.keep(Newest::of(&self.of_files, snapshot, columns)?, needed);
        }
        let (older, newer) = match answering {
            Some((newer, kept)) => (kept.rows(), newer),
            None => (&self.of_files[..], &all_chunks),
        };
        let newer = last_of_chunks(newer.iter().copied(), asked, table, needed);
        let older = self.asked_for(older, needed)?;
        Ok(merge::last_of_both(needed, older, newer)?)
    }

    /// Keeps last rows, and gives those that are asked for.
    fn keep(&self, newest: Newest, needed: &SchemaRef) -> Result<Vec<RecordBatch>> {
        let rows = self.asked_for(newest.rows(), needed);
        self.cache.keep_newest(self.snapshot.table().id, newest);
        rows
    }

    /// Those of some rows that may be of series that are asked for.
    fn asked_for(&self, rows: &[RecordBatch], needed: &SchemaRef) -> Result<Vec<RecordBatch>> {
        let rows = rows.iter().map(|rows| {
            let rows = as_columns(rows, needed)?;
            match &self.condition {
                Some(condition) => of_series(rows, condition.as_ref()),
                None => Ok(rows),
            }
        });
        rows.collect()
    }

    /// The rows in memory and those of their series that are asked for; `None` if they all are, or that cannot be told, as of series
    /// whose rows are all too old to be seen: whoever asked applies the condition to those that are.
    fn series_of_chunks(&self) -> Option<(BufferedRows, PassingSeries)> {
        let condition = self.condition.as_ref()?;
        let rows = self.snapshot.buffered().of_series(Arc::clone(condition));
        let series = PassingSeries::of(std::slice::from_ref(&rows)).ok()?;
        Some((rows, series))
    }
}

/// Whether so much is newer than what is kept that merging all of it takes less than looking through it again and again for some series.
fn is_worth_keeping(newer: &[&Chunk], kept: &Newest) -> bool {
    let rows: usize = newer.iter().map(|chunk| chunk.rows()).sum();
    rows >= kept.row_count()
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

/// Rows of chunks, the last one of each series among them, sorted by key. Of series that are not asked for they may be left out.
fn last_of_chunks<'a>(
    chunks: impl Iterator<Item = &'a Chunk>,
    asked: Option<&PassingSeries>,
    table: &Table,
    needed: &SchemaRef,
) -> Option<RecordBatch> {
    // The older of two chunks that may hold the same key comes first.
    let chunks = latest(chunks, asked);
    let chunks: Vec<&Chunk> = chunks.iter().map(|chunk| &**chunk).collect();
    (!chunks.is_empty()).then(|| rows::sorted_unique(&chunks, table, needed))
}

/// The columns of the table that the row key and answers are made of.
fn needed_columns(table: &Schema, wanted: &[&Schema]) -> SchemaRef {
    let is_needed = |name: &str, kind: &DataType| {
        name == TIME_COLUMN
            || matches!(kind, DataType::Dictionary(..))
            || (wanted.iter()).any(|wanted| wanted.column_with_name(name).is_some())
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
