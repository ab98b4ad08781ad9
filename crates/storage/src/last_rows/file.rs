//! Reads the last rows of one file, as its deletes let them be seen.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use catalog::{ColumnRef, Delete, FileRecord, LastRowsPart, Predicate, Table};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::collect::LastOfSeries;
use crate::compaction::rewrite::{Input, with_all_columns};
use crate::error::{Error, Result};
use crate::row_filter::{RowFilter, matches};

/// Rows are decoded so many at a time.
const BATCH_ROWS: usize = 8192;

/// Bytes of a row group that are held at a time.
const PIECE_BYTES: usize = 8 << 20;

/// What a file is read as.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) table: Arc<Table>,
    /// The table's columns.
    pub(super) schema: SchemaRef,
}

/// The last row of each series of a file that is not deleted, sorted by key. Rows that are too old are
/// among them.
pub(super) async fn read(
    view: &View,
    store: &Arc<dyn ObjectStore>,
    file: &FileRecord,
) -> Result<Vec<RecordBatch>> {
    if let Some(part) = file.last_rows
        && let Some(rows) = read_part(view, store, file, part).await?
    {
        return Ok(rows);
    }
    scan(view, store, file).await
}

/// What the file's own part says; `None` when a delete hides some of it, but maybe not the rows before.
async fn read_part(
    view: &View,
    store: &Arc<dyn ObjectStore>,
    file: &FileRecord,
    part: LastRowsPart,
) -> Result<Option<Vec<RecordBatch>>> {
    let range = part.start..part.start + part.size_bytes;
    let bytes = store.get_range(&Path::from(file.path()), range).await?;
    if bytes.len() as u64 != part.size_bytes || crc32c::crc32c(&bytes) != part.checksum {
        return Err(Error::DamagedFile {
            path: file.path(),
            problem: "its last rows of series do not have the checksum they were written with"
                .into(),
        });
    }
    let view = view.clone();
    let deletes: Vec<_> = view.table.deletes_of(file).cloned().collect();
    let decode = move || {
        let mut seen = Vec::new();
        for rows in decoded(&view, bytes)? {
            match without_deleted_series(&view, rows, &deletes)? {
                Some(rows) => seen.push(rows),
                None => return Ok(None),
            }
        }
        Ok(Some(seen))
    };
    on_blocking_thread(decode).await
}

fn decoded(view: &View, bytes: Bytes) -> Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(BATCH_ROWS);
    let rows = reader.build()?;
    rows.map(|rows| with_all_columns(&rows?, &view.schema))
        .collect()
}

/// Leaves out the rows of series that are deleted at all times; `None` if a delete of only some times
/// hides one.
fn without_deleted_series(
    view: &View,
    rows: RecordBatch,
    deletes: &[Arc<Delete>],
) -> Result<Option<RecordBatch>> {
    let (at_some_times, at_all): (Vec<_>, Vec<_>) =
        (deletes.iter().cloned()).partition(|delete| mentions_time(&delete.predicate));
    let rows = RowFilter::of_deletes(at_all).apply(rows, &view.table)?;
    for delete in at_some_times {
        if matches(&delete.predicate, &rows, &view.table)?.true_count() > 0 {
            return Ok(None);
        }
    }
    Ok(Some(rows))
}

fn mentions_time(predicate: &Predicate) -> bool {
    let mut found = false;
    predicate.visit_columns(&mut |column| found |= column == ColumnRef::Time);
    found
}

/// Looks through all rows of a file.
async fn scan(
    view: &View,
    store: &Arc<dyn ObjectStore>,
    file: &FileRecord,
) -> Result<Vec<RecordBatch>> {
    let filter = RowFilter::of_deletes(view.table.deletes_of(file).cloned().collect());
    let mut scan = Scan {
        input: Input::open(store, file, filter, &view.schema, PIECE_BYTES).await?,
        view: view.clone(),
        last: LastOfSeries::new(&view.schema)?,
        rows: Vec::new(),
    };
    let path = Path::from(file.path());
    loop {
        let advance = move || scan.advance().map(|needed| (scan, needed));
        let (advanced, needed) = on_blocking_thread(advance).await?;
        scan = advanced;
        let Some(ranges) = needed else {
            return Ok(scan.rows);
        };
        let bytes = store.get_ranges(&path, &ranges).await?;
        scan.input.decoder.push_ranges(ranges, bytes)?;
    }
}

struct Scan {
    input: Input,
    view: View,
    last: LastOfSeries,
    rows: Vec<RecordBatch>,
}

impl Scan {
    /// Goes on until something has to be read; `None` at the end.
    fn advance(&mut self) -> Result<Option<Vec<Range<u64>>>> {
        loop {
            match self.input.decoder.try_decode()? {
                DecodeResult::NeedsData(ranges) => return Ok(Some(ranges)),
                DecodeResult::Data(rows) => {
                    let rows = self
                        .input
                        .rows(&rows, &self.view.table, &self.view.schema)?;
                    self.rows.extend(self.last.push(&rows)?);
                }
                DecodeResult::Finished => {
                    self.rows.extend(self.last.finish()?);
                    return Ok(None);
                }
            }
        }
    }
}

pub(super) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::ShuttingDown)?
}
