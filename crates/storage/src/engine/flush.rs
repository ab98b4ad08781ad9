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
//!
//! While the object store is away, or slower than writers are, rows that take too much memory change
//! over to files on the local disk ([`crate::spill`]), in the same encoding:
//!
//! ```text
//! memory is short ─▶ freeze ─▶ sort, deduplicate, encode ─▶ spilled file in the place of the chunks
//! store is back   ─▶ upload the spilled files ─▶ a flush as above, whose commit covers them too
//! ```
//!
//! A partition's spilled files are older than its chunks, always: whatever is frozen is spilled as a
//! whole, oldest first. When the local disk refuses, rows stay in memory and writers are refused.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use catalog::{DAY_NANOS, FileId, FileRecord, FloatStorage, Table};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::Core;
use crate::background::Background;
use crate::batch::WriteBatch;
use crate::buffer::FrozenRows;
use crate::error::{Error, Result};
use crate::parquet_file::{self, Effort, FileSummary};
use crate::rows::SortedRows;
use crate::schema::arrow_schema;
use crate::wal::Wal;

/// Rows that are put together at a time.
const PIECE_ROWS: usize = 64 * 1024;

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
                if !is_old && core.spill.is_empty() && !is_log_large(&core, &wal) {
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
                () = wait_and_make_room(&core, retry) => retry = (retry * 2).min(RETRY_MAX),
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

/// Waits for the next attempt, and spills whenever there are too many rows meanwhile.
async fn wait_and_make_room(core: &Arc<Core>, pause: Duration) {
    let mut pause = pin!(tokio::time::sleep(pause));
    let flush_bytes = core.settings.buffer.flush_bytes();
    loop {
        tokio::select! {
            () = &mut pause => return,
            () = core.spill.needed(|| core.buffer.row_bytes() >= flush_bytes) => {
                let _one_at_a_time = core.flushing.lock().await;
                make_room(core).await;
            }
        }
    }
}

/// Spills what there is. What cannot be written stays in memory, and [`Spill::needed`] does not ask
/// for it again before the next flush.
///
/// [`Spill::needed`]: crate::spill::Spill::needed
async fn make_room(core: &Arc<Core>) {
    if let Err(error) = spill_rows(core).await {
        error!(%error, "could not make room; rows stay in memory");
    }
}

/// Flushes what is buffered now. One at a time: callers wait for one another.
pub(super) async fn flush(core: &Arc<Core>) -> Result<()> {
    let _one_at_a_time = core.flushing.lock().await;
    flush_while_locked(core).await
}

/// [`flush`], for a caller that holds the lock.
pub(super) async fn flush_while_locked(core: &Arc<Core>) -> Result<()> {
    let flush_bytes = core.settings.buffer.flush_bytes();
    let has_too_much = || core.buffer.row_bytes() >= flush_bytes;
    core.spill.note_attempt();
    if core.spill.is_store_away() && has_too_much() {
        // First what is likely to help.
        make_room(core).await;
    }
    let flushed = move_to_store(core).await;
    match &flushed {
        Ok(()) => core.spill.note_store_back(),
        Err(Error::Store(_) | Error::Catalog(catalog::Error::Store { .. })) => {
            core.spill.note_store_away();
            if core.spill.is_usable() && has_too_much() {
                make_room(core).await;
            }
        }
        Err(_) => {}
    }
    flushed
}

/// Brings all rows into the object store and commits them.
async fn move_to_store(core: &Arc<Core>) -> Result<()> {
    // An earlier attempt may have succeeded although its answer got lost.
    release_through(core, core.catalog.state().wal_applied_through()).await;
    upload_spilled(core).await?;
    let (frozen, applied_through) = freeze(core);
    // From here on nothing is spilled before the commit: it has to cover all that is.
    let spilled = core.buffer.spilled();
    if frozen.is_empty() && spilled.is_empty() {
        return Ok(());
    }
    let mut files: Vec<FileRecord> = spilled.iter().map(|file| (**file).clone()).collect();
    for frozen in frozen {
        if let Some((file, bytes)) = encode(core, Arc::new(frozen)).await? {
            let path = Path::from(file.path());
            let pressing = core.settings.buffer.pressing_bytes();
            tokio::select! {
                put = core.store.put(&path, PutPayload::from(bytes)) => put?,
                () = core.spill.needed(|| core.buffer.row_bytes() >= pressing) => {
                    return Err(Error::Store(too_slow()));
                }
            };
            files.push(file);
        }
    }
    let count = files.len();
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| file.size_bytes).sum();
    core.attempted.lock().insert(applied_through);
    core.catalog.commit_flush(files, applied_through).await?;
    release_through(core, applied_through).await;
    core.forget();
    core.flushes.fetch_add(1, Ordering::Relaxed);
    core.rows_flushed.fetch_add(rows, Ordering::Relaxed);
    core.flushed.notify_one();
    core.file_bytes_written.fetch_add(bytes, Ordering::Relaxed);
    info!(rows, files = count, applied_through, "flushed");
    Ok(())
}

impl Core {
    /// It is known now how all attempts to commit up to this record ended.
    fn note_committed(&self, applied_through: u64) {
        let mut attempted = self.attempted.lock();
        attempted.retain(|&through| through > applied_through);
    }
}

fn too_slow() -> object_store::Error {
    object_store::Error::Generic {
        store: "object store",
        source: "it takes rows more slowly than they are written".into(),
    }
}

/// Takes up what is buffered, with the number of the last record that is in it.
fn freeze(core: &Core) -> (Vec<FrozenRows>, u64) {
    let applied = core.applied.lock();
    (core.buffer.freeze(), *applied)
}

async fn release_through(core: &Core, applied_through: u64) {
    core.note_committed(applied_through);
    for file in core.buffer.release_through(applied_through) {
        core.spill.remove(&file.path().into()).await;
    }
}

/// Uploads all spilled files, those included that are spilled meanwhile.
async fn upload_spilled(core: &Arc<Core>) -> Result<()> {
    loop {
        let mut files = core.buffer.spilled();
        files.retain(|file| !core.spill.is_uploaded(&file.path().into()));
        files.sort_by_key(|file| file.id);
        if files.is_empty() {
            return Ok(());
        }
        for file in files {
            let path = Path::from(file.path());
            let payload = PutPayload::from(core.spill.read(&path).await?);
            let mut upload = pin!(core.store.put(&path, payload));
            let pressing = core.settings.buffer.pressing_bytes();
            let uploaded = loop {
                tokio::select! {
                    uploaded = &mut upload => break uploaded,
                    () = core.spill.needed(|| core.buffer.row_bytes() >= pressing) => {
                        make_room(core).await;
                    }
                }
            };
            uploaded?;
            core.spill.note_uploaded(&path);
        }
    }
}

/// Moves all buffered rows from memory to spilled files. To be called while no flush is between
/// freezing and its commit.
pub(super) async fn spill_rows(core: &Arc<Core>) -> Result<()> {
    let (frozen, _) = freeze(core);
    // A commit whose answer was lost may hold some of them: they are released, and the rest is not.
    let attempted = core.attempted.lock().clone();
    let frozen = frozen
        .into_iter()
        .flat_map(|rows| rows.split_at(&attempted));
    let (mut files, mut bytes_written) = (0, 0);
    for frozen in frozen {
        let frozen = Arc::new(frozen);
        let Some((file, bytes)) = encode(core, Arc::clone(&frozen)).await? else {
            // Of a dropped table: the next flush lets go of them.
            continue;
        };
        let path = Path::from(file.path());
        bytes_written += bytes.len();
        core.spill.write(&path, bytes).await?;
        if core.buffer.replace(&frozen, file) {
            files += 1;
        } else {
            core.spill.remove(&path).await;
        }
    }
    core.forget();
    if files > 0 {
        info!(
            files,
            bytes = bytes_written,
            "spilled rows to the local disk"
        );
    }
    Ok(())
}

/// Keeps rows within memory while the log is replayed: they are spilled, several at a time, while
/// more are applied.
pub(super) struct ReplayRoom {
    core: Arc<Core>,
    runtime: Handle,
    spilling: Option<JoinHandle<Result<()>>>,
    /// Rows that wait may take this much until the next are spilled; those being spilled as well.
    waiting_bytes_max: usize,
}

impl ReplayRoom {
    /// To be made on a blocking thread of the runtime, and used there.
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            runtime: Handle::current(),
            spilling: None,
            waiting_bytes_max: core.settings.buffer.pressing_bytes() / 2,
        }
    }

    /// Makes room if there is too little; to be called after each record. Fails when memory is full
    /// and the local disk refuses.
    pub(super) fn make(&mut self) -> Result<()> {
        if self.core.buffer.waiting_bytes() < self.waiting_bytes_max {
            return Ok(());
        }
        let spilled = self.wait();
        if !self.core.spill.is_usable() {
            let full = self.core.buffer.check_room(&self.core.settings.buffer, 0);
            return full.map_err(|full| spilled.err().unwrap_or(full));
        }
        spilled?;
        let core = Arc::clone(&self.core);
        let spill = async move {
            let _one_at_a_time = core.flushing.lock().await;
            spill_rows(&core).await
        };
        self.spilling = Some(self.runtime.spawn(spill));
        Ok(())
    }

    /// Waits for what is being spilled. A failure leaves the rows in memory, where there is room.
    pub(super) fn finish(mut self) {
        if let Err(error) = self.wait() {
            error!(%error, "could not spill rows of the write-ahead log");
        }
    }

    fn wait(&mut self) -> Result<()> {
        match self.spilling.take() {
            Some(spilling) => {
                let ended = self.runtime.block_on(spilling);
                ended.map_err(|_| Error::ShuttingDown)?
            }
            None => Ok(()),
        }
    }
}

/// Encodes rows as a file; `None` when their table was purged.
async fn encode(core: &Core, frozen: Arc<FrozenRows>) -> Result<Option<(FileRecord, Bytes)>> {
    let state = core.catalog.state();
    let Some(table) = state.stored_table(frozen.table).cloned() else {
        return Ok(None);
    };
    let threads = Background::threads();
    let encode = move || {
        let chunks: Vec<_> = frozen.chunks.iter().map(|chunk| &**chunk).collect();
        let schema = arrow_schema(&table);
        let rows = SortedRows::of(&chunks, &table, &schema);
        let (bytes, summary) = match table.float_storage {
            FloatStorage::Double => {
                let pieces = rows.pieces(PIECE_ROWS);
                let rows = rows.len();
                parquet_file::encode_pieces(&schema, pieces, rows, Effort::Flush, threads)?
            }
            // Whether all values of a column are decimals shows only in all of them.
            floats => parquet_file::encode(&rows.piece(0..rows.len()), floats, Effort::Flush)?,
        };
        Ok((file_record(&frozen, &table, &summary), bytes))
    };
    // Nobody waits for it, until writers are about to.
    match core.buffer.row_bytes() < core.settings.buffer.pressing_bytes() {
        true => core.background.run(encode).await?.map(Some),
        false => {
            let encoded = tokio::task::spawn_blocking(encode).await;
            encoded.map_err(|_| Error::ShuttingDown)?.map(Some)
        }
    }
}

/// What the manifest is to know of a file.
fn file_record(frozen: &FrozenRows, table: &Table, summary: &FileSummary) -> FileRecord {
    const HAS_CHUNKS: &str = "a file is made of at least one chunk";
    let chunks = || frozen.chunks.iter();
    let first_sequence = chunks().map(|chunk| chunk.first_sequence).min();
    let last_sequence = chunks().map(|chunk| chunk.last_sequence).max();
    let time_min = chunks().map(|chunk| chunk.time_min).min();
    let time_max = chunks().map(|chunk| chunk.time_max).max();
    FileRecord {
        id: FileId {
            first_sequence: first_sequence.expect(HAS_CHUNKS),
            last_sequence: last_sequence.expect(HAS_CHUNKS),
            discriminator: summary.checksum,
        },
        checksum: summary.checksum,
        level: 0,
        deletes_through: 0,
        partition_nanos: DAY_NANOS,
        database: table.database,
        table: table.id,
        partition_start: frozen.partition_start,
        size_bytes: summary.size_bytes,
        rows: summary.rows,
        time_min: time_min.expect(HAS_CHUNKS),
        time_max: time_max.expect(HAS_CHUNKS),
        keys_are_new: chunks().all(|chunk| chunk.keys_are_new()),
        last_rows: summary.last_rows,
    }
}

#[cfg(test)]
mod tests;
