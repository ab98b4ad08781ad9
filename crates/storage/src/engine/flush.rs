//! Moves rows from the buffer to files.
//!
//! ```text
//! freeze what is buffered ─▶ per partition: sort, deduplicate, encode, put ─▶ one manifest commit
//!                                                          (files + WAL position) ─▶ release, delete WAL
//! ```
//!
//! The commit is the one moment at which rows change over from chunks to files; until then readers
//! see the chunks, afterwards the files. A flush that fails before it leaves everything as it was
//! and is made again, with whatever else has arrived. Files are named after their contents, so that
//! writing the same rows again overwrites; others are left behind unreferenced, and do no harm.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::{FileId, FileRecord};
use object_store::{ObjectStoreExt, PutPayload};
use parquet::errors::ParquetError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::Core;
use crate::batch::WriteBatch;
use crate::buffer::FrozenPartition;
use crate::error::{Error, Result};
use crate::parquet_file::{Effort, FloatStorage};
use crate::schema::arrow_schema;
use crate::wal::Wal;
use crate::{parquet_file, rows};

const CHECK_EVERY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How often, in checks, the store is asked whether it still is this process's.
const OWNERSHIP_TICKS: u32 = 5;

/// The background task: flushes when asked to or when rows are old, until stopped. While the store
/// is unreachable it tries for ever; the WAL and the buffer limits bound what waits.
pub(super) async fn run(core: Arc<Core>, wal: Arc<Wal<WriteBatch>>, stop: CancellationToken) {
    let mut retry = Duration::from_millis(200);
    let mut ticks = 0u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.flush_wanted.notified() => {}
            () = tokio::time::sleep(CHECK_EVERY) => {
                let is_old = core.buffer.age().is_some_and(|age| age >= core.settings.buffer.flush_age);
                if !is_old && !is_log_large(&core, &wal) {
                    ticks += 1;
                    if ticks.is_multiple_of(OWNERSHIP_TICKS)
                        && let Err(error) = core.catalog.check_ownership().await
                        && give_up_if_fenced(&core, &error)
                    {
                        return;
                    }
                    continue;
                }
            }
        }
        // Ends the active segment, so that it can be deleted once its rows are in files.
        if let Err(error) = wal.rotate().await {
            debug!(%error, "could not end the active log segment");
        }
        while let Err(error) = flush(&core).await {
            if let Error::Catalog(error) = &error
                && give_up_if_fenced(&core, error)
            {
                return;
            }
            error!(%error, retry_in = ?retry, "flush failed; rows stay in the write-ahead log");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(retry) => retry = (retry * 2).min(RETRY_MAX),
            }
        }
        retry = Duration::from_millis(200);
        let applied_through = core.catalog.state().wal_applied_through();
        let wal = Arc::clone(&wal);
        let deleted = tokio::task::spawn_blocking(move || wal.delete_through(applied_through));
        match deleted.await {
            Ok(Ok(segments)) => debug!(segments, applied_through, "deleted log segments"),
            Ok(Err(error)) => error!(%error, "could not delete log segments"),
            Err(_) => return, // the runtime is shutting down
        }
    }
}

/// Whether the log has used up half of what it may, while there are rows to flush.
fn is_log_large(core: &Core, wal: &Wal<WriteBatch>) -> bool {
    core.buffer.age().is_some() && wal.stats().bytes > core.settings.wal.quota.as_u64() / 2
}

/// Stops taking writes when another process has the store. What is in the log stays there.
fn give_up_if_fenced(core: &Core, error: &catalog::Error) -> bool {
    let is_fenced = matches!(error, catalog::Error::Fenced { .. });
    if is_fenced {
        error!(%error, "taking no more writes; rows that are not in files stay in the write-ahead log");
        core.is_fenced.store(true, Ordering::Relaxed);
    }
    is_fenced
}

/// Flushes what is buffered now. One at a time: callers wait for one another.
pub(super) async fn flush(core: &Arc<Core>) -> Result<()> {
    let _one_at_a_time = core.flushing.lock().await;
    // An earlier attempt may have succeeded although its answer got lost.
    core.buffer
        .release_through(core.catalog.state().wal_applied_through());
    let (frozen, applied_through) = {
        let applied = core.applied.lock();
        (core.buffer.freeze(), *applied)
    };
    if frozen.is_empty() {
        return Ok(());
    }
    let mut files = Vec::with_capacity(frozen.len());
    let mut rows = 0;
    for partition in &frozen {
        if let Some(file) = write_file(core, partition).await? {
            rows += file.rows;
            core.file_bytes_written
                .fetch_add(file.size_bytes, Ordering::Relaxed);
            files.push(file);
        }
    }
    let count = files.len();
    core.catalog.commit_flush(files, applied_through).await?;
    core.buffer.release_through(applied_through);
    core.forget_idle();
    core.flushes.fetch_add(1, Ordering::Relaxed);
    core.rows_flushed.fetch_add(rows, Ordering::Relaxed);
    info!(rows, files = count, applied_through, "flushed");
    Ok(())
}

/// Writes the rows of one partition; `None` when their table was dropped.
async fn write_file(core: &Core, partition: &FrozenPartition) -> Result<Option<FileRecord>> {
    let state = core.catalog.state();
    let Some(table) = state.table(partition.table).cloned() else {
        return Ok(None);
    };
    let (chunks, buffer) = (partition.chunks.clone(), Arc::clone(&partition.buffer));
    let (encoded, rows, table) = tokio::task::spawn_blocking(move || {
        let chunks: Vec<_> = chunks.iter().map(|chunk| &**chunk).collect();
        let schema = arrow_schema(&table);
        let rows = rows::sorted_unique(&chunks, buffer.series(), &table, &schema);
        (
            parquet_file::encode(&rows, FloatStorage::Double, Effort::Flush),
            rows.num_rows() as u64,
            table,
        )
    })
    .await
    .map_err(|_| Error::ShuttingDown)?;
    let (bytes, summary) = encoded.map_err(ParquetError::from)?;
    let chunks = || partition.chunks.iter();
    const HAS_CHUNKS: &str = "partitions without chunks are removed";
    let file = FileRecord {
        id: FileId {
            first_sequence: chunks()
                .map(|chunk| chunk.first_sequence)
                .min()
                .expect(HAS_CHUNKS),
            last_sequence: chunks()
                .map(|chunk| chunk.last_sequence)
                .max()
                .expect(HAS_CHUNKS),
            checksum: summary.checksum,
        },
        database: table.database,
        table: table.id,
        partition_start: partition.partition_start,
        size_bytes: summary.size_bytes,
        rows,
        time_min: chunks()
            .map(|chunk| chunk.time_min)
            .min()
            .expect(HAS_CHUNKS),
        time_max: chunks()
            .map(|chunk| chunk.time_max)
            .max()
            .expect(HAS_CHUNKS),
        keys_are_new: chunks().all(|chunk| chunk.keys_are_new),
    };
    core.store
        .put(&file.path().into(), PutPayload::from(bytes))
        .await?;
    Ok(Some(file))
}
