//! The storage engine of a running process: writes go in, snapshots come out, and a background task
//! moves rows from the buffer to files.

mod delete;
mod flush;
mod follow;
mod lock;
mod maintenance;
pub(crate) mod models;
mod ranges;
mod sweep;
mod written;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytesize::ByteSize;
use catalog::{Catalog, Clock, Predicate, State, TableId};
use object_store::ObjectStore;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::background::Background;
use crate::batch::{TableBatch, WriteBatch, codec};
use crate::buffer::{self, Buffer, SeriesCondition};
use crate::compaction;
use crate::error::{Error, Result};
use crate::last_rows::{self, LastRowsCost};
use crate::object_stores::cached::{CachedStore, ReadCache, ReadCacheStats};
use crate::snapshot::TableSnapshot;
use crate::spill::{self, Spill, SpillStore};
use crate::wal::{self, Apply, Entry, Wal};
pub use follow::{Changes, Following, Wanted, Work};
pub use lock::DirectoryLock;
pub use maintenance::Settings as MaintenanceSettings;
pub use written::Written;

/// Settings of the storage engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The write-ahead log.
    pub wal: wal::Settings,
    /// Rows in memory.
    pub buffer: buffer::Settings,
    /// Many small files to few large ones.
    pub compaction: compaction::Settings,
    /// What else is done in the background.
    pub maintenance: maintenance::Settings,
    /// The last row of every series.
    pub last_rows: last_rows::Settings,
    /// Memory for what was read of data files lately: see the object store's setting `cache_bytes`,
    /// from which the program takes it.
    #[serde(skip)]
    pub read_cache_bytes: ByteSize,
}

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it is on stable storage: it survives a power failure.
    Synced,
    /// When the operating system has it: it survives the end of the process.
    Buffered,
}

/// Figures about the engine, for metrics.
#[derive(Debug, Clone)]
pub struct Stats {
    /// The write-ahead log.
    pub wal: wal::WalStats,
    /// Memory that the buffer takes: rows, and what is known of series.
    pub buffer_bytes: u64,
    /// Series known in memory.
    pub series: u64,
    /// Memory of what is known of them; part of `buffer_bytes`.
    pub series_bytes: u64,
    /// Files on the local disk that wait for the object store.
    pub spilled_files: u64,
    /// Their size.
    pub spilled_bytes: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Rows written to files since the start.
    pub rows_flushed: u64,
    /// Bytes that flushes have written to files since the start.
    pub file_bytes_written: u64,
    /// Compactions since the start.
    pub compactions: u64,
    /// Rows that compactions have written since the start.
    pub rows_compacted: u64,
    /// Bytes that compactions have written since the start.
    pub compaction_bytes_written: u64,
    /// Files that were replaced and wait to be deleted.
    pub replaced_files: usize,
    /// Memory of the last rows of series that is kept.
    pub last_rows_bytes: u64,
    /// The cache of bytes of data files.
    pub read_cache: ReadCacheStats,
    /// Another process has taken the store over: this one takes no more writes.
    pub is_fenced: bool,
}

/// The storage engine.
#[derive(Debug)]
pub struct Engine {
    core: Arc<Core>,
    wal: Arc<Wal<WriteBatch>>,
    background: Mutex<Vec<JoinHandle<()>>>,
    stop: CancellationToken,
}

/// What writers, readers and the flusher share.
#[derive(Debug)]
struct Core {
    settings: Settings,
    catalog: Arc<Catalog>,
    store: Arc<dyn ObjectStore>,
    /// What queries read through; 0 bytes keep nothing.
    read_cache: ReadCache,
    clock: Arc<dyn Clock>,
    buffer: Buffer,
    spill: Arc<Spill>,
    /// The newest record in the buffer. Held while a record is applied and while a flush takes up
    /// what there is, so that a flush never sees half a record.
    applied: Mutex<u64>,
    /// Held for the length of a flush.
    flushing: tokio::sync::Mutex<()>,
    /// Held while files are replaced by others, from the decision to the commit. Taken before `flushing`
    /// by whoever needs both.
    rewriting: Arc<tokio::sync::Mutex<()>>,
    /// Read by whoever puts the bytes of a model and has not committed their name yet. Taken last.
    models: tokio::sync::RwLock<()>,
    replaced: maintenance::Replaced,
    /// What encodes and merges files.
    background: Background,
    last_rows: Arc<last_rows::Cache>,
    /// Files begun to be made of others.
    rewrites: AtomicU64,
    /// Records up to which a flush has tried to commit, where it is not known whether it did: rows on
    /// both sides must not become one spilled file.
    attempted: Mutex<BTreeSet<u64>>,
    flush_wanted: Notify,
    flushed: Notify,
    watch: written::Watch,
    followers: follow::Followers,
    is_fenced: AtomicBool,
    flushes: AtomicU64,
    rows_flushed: AtomicU64,
    file_bytes_written: AtomicU64,
    compactions: AtomicU64,
    rows_compacted: AtomicU64,
    compaction_bytes_written: AtomicU64,
    /// Let go of when the last background task has ended: until then it may still commit.
    _lock: DirectoryLock,
}

impl Core {
    fn apply(&self, sequence: u64, batch: WriteBatch) {
        let mut applied = self.applied.lock();
        let watched = self.watch.look(sequence, &batch);
        self.followers.mark(&batch, || self.clock.now_nanos());
        self.buffer
            .append(sequence, batch, |table| self.latest_in_files(table));
        *applied = sequence;
        drop(applied);
        self.watch.note(watched);
        self.spill.note_rows();
        if self.buffer.wants_flush(&self.settings.buffer) {
            self.flush_wanted.notify_one();
        }
    }

    /// Forgets tables that are gone and series that are not in use; see [`Buffer::forget`].
    fn forget(&self) {
        let state = self.catalog.state();
        let exists = |table| state.stored_table(table).is_some();
        let nothing_is_applied = self.applied.lock();
        let forgotten = self.buffer.forget(&self.settings.buffer, exists);
        drop(nothing_is_applied);
        drop(forgotten);
    }

    /// Lets go of the files of tables that were there before and are no more. They are deleted when no
    /// query can be reading them.
    fn forget_purged(&self, before: &State) {
        let after = self.catalog.state();
        let tables = before.stored_tables();
        for table in tables.filter(|table| after.stored_table(table.id).is_none()) {
            let files = table.files();
            info!(table = %table.name, files = files.len(), "forgot a dropped table for good");
            self.replaced.add(files);
            self.last_rows.forget(table.id);
        }
        self.forget_models(before);
    }

    fn latest_in_files(&self, table: TableId) -> i64 {
        let state = self.catalog.state();
        let table = state.stored_table(table);
        let files = table.map_or(&[][..], |table| table.files());
        files
            .iter()
            .map(|file| file.time_max)
            .max()
            .unwrap_or(i64::MIN)
    }
}

struct Applier(Arc<Core>);

impl Apply<WriteBatch> for Applier {
    fn apply(&mut self, sequence: u64, batch: WriteBatch) {
        self.0.apply(sequence, batch);
    }
}

impl Engine {
    /// Opens the engine of a locked data directory: replays the write-ahead log into the buffer,
    /// takes the store over and starts the background flush. Returns what the replay found.
    ///
    /// `catalog` must have been opened after the lock was taken.
    pub async fn open(
        settings: Settings,
        lock: DirectoryLock,
        catalog: Arc<Catalog>,
        store: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, wal::ReplayReport)> {
        settings.buffer.check()?;
        settings.compaction.check()?;
        settings.maintenance.check()?;
        let folder = lock.data_dir().join("spill");
        let local = spill::open_folder(lock.files(), &folder).map_err(|error| {
            let path = folder.display();
            warn!(%path, %error, "no rows can be spilled while the object store is away");
        });
        let directory = lock.data_dir().join("wal");
        let directory = wal::Directory::new(Arc::clone(lock.files()), directory);
        let core = Arc::new(Core {
            settings: settings.clone(),
            catalog,
            store,
            read_cache: ReadCache::new(settings.read_cache_bytes.as_u64()),
            clock,
            buffer: Buffer::default(),
            spill: Arc::new(Spill::new(local.ok())),
            applied: Mutex::new(0),
            flushing: tokio::sync::Mutex::default(),
            rewriting: Arc::default(),
            models: tokio::sync::RwLock::default(),
            replaced: maintenance::Replaced::default(),
            background: Background::new(settings.maintenance.niceness)?,
            last_rows: Arc::new(last_rows::Cache::new(
                usize::try_from(settings.last_rows.cache_bytes.as_u64()).unwrap_or(usize::MAX),
            )),
            rewrites: AtomicU64::new(0),
            attempted: Mutex::default(),
            flush_wanted: Notify::new(),
            flushed: Notify::new(),
            watch: written::Watch::default(),
            followers: follow::Followers::default(),
            is_fenced: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            rows_flushed: AtomicU64::new(0),
            file_bytes_written: AtomicU64::new(0),
            compactions: AtomicU64::new(0),
            rows_compacted: AtomicU64::new(0),
            compaction_bytes_written: AtomicU64::new(0),
            _lock: lock,
        });
        let (opened, wal_id) = {
            let core = Arc::clone(&core);
            let replay = move || replay(&core, directory, settings.wal);
            tokio::task::spawn_blocking(replay)
                .await
                .map_err(|_| Error::ShuttingDown)??
        };
        // Only now: a start that fails must not end the process that has the store.
        let now = core.clock.now_nanos();
        core.catalog.open_for_writing(wal_id, now).await?;
        let report = opened.report().clone();
        let wal = Arc::new(opened.start(Applier(Arc::clone(&core)))?);
        if report.damages_salvaged > 0 || !core.spill.is_empty() {
            // What was saved must not stay in a damaged log: the next start would refuse it again.
            // And what was spilled is not to be replayed again.
            core.flush_wanted.notify_one();
        }
        let stop = CancellationToken::new();
        let flusher = flush::run(Arc::clone(&core), Arc::clone(&wal), stop.clone());
        let keeper = maintenance::run(Arc::clone(&core), stop.clone());
        let background = vec![tokio::spawn(flusher), tokio::spawn(keeper)];
        let engine = Self {
            core,
            wal,
            background: Mutex::new(background),
            stop,
        };
        Ok((engine, report))
    }

    /// Makes a write durable and visible, and returns its sequence number.
    ///
    /// Fails with a kind of `Unavailable` when it should be tried again: the WAL or the buffer is
    /// full, the disk refuses, the engine stops. The write is then not acknowledged; after a crash
    /// it may still turn up, which does no harm as writing it again changes nothing.
    pub async fn write(&self, batch: WriteBatch, durability: Durability) -> Result<u64> {
        if self.core.is_fenced.load(Ordering::Relaxed) {
            return Err(Error::Fenced);
        }
        self.check_room(0)?;
        let durability = match durability {
            Durability::Synced => wal::Durability::Synced,
            Durability::Buffered => wal::Durability::Buffered,
        };
        let payload = codec::encode(&batch);
        let entry = Entry {
            kind: codec::PACKED,
            payload,
            item: batch,
            durability,
        };
        let result = self.wal.append(entry).await;
        if matches!(result, Err(wal::Error::QuotaExceeded { .. })) {
            self.core.flush_wanted.notify_one();
        }
        Ok(result?)
    }

    /// Fails unless so many bytes of rows could come without filling the buffer, so that nobody has to take
    /// in and parse what there is no room for.
    pub fn check_room(&self, bytes: u64) -> Result<()> {
        let more = usize::try_from(bytes).unwrap_or(usize::MAX);
        let room = self
            .core
            .buffer
            .check_room(&self.core.settings.buffer, more);
        if room.is_err() {
            self.core.flush_wanted.notify_one();
        }
        room
    }

    /// The read view of a table as of now; `None` when there is no such table.
    ///
    /// Rows that are acknowledged before the call are in it.
    pub fn snapshot(&self, table: TableId) -> Option<TableSnapshot> {
        // The buffer first, then the files: see `TableSnapshot::new`.
        let buffer = self.core.buffer.table(table);
        let contents = buffer.map(|buffer| buffer.contents()).unwrap_or_default();
        let state = self.core.catalog.state();
        let table = state.table(table)?;
        Some(TableSnapshot::new(
            Arc::clone(table),
            &state,
            contents,
            state
                .retention_of(table)
                .earliest(self.core.clock.now_nanos()),
        ))
    }

    /// The store to read files from: the object store, and those files of snapshots that are not in
    /// it yet.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        let mut store = Arc::clone(&self.core.store);
        if self.core.settings.read_cache_bytes > ByteSize(0) {
            store = Arc::new(CachedStore::new(store, self.core.read_cache.clone()));
        }
        Arc::new(SpillStore::new(store, Arc::clone(&self.core.spill)))
    }

    /// The row with the latest time of every series of a snapshot, sorted by key, as columns of `schema`
    /// (any of the snapshot's, any order). Series that do not fulfil `condition` may be left out.
    ///
    /// It is what a query over all rows of the snapshot would find. They are kept in memory between
    /// calls, as far as the setting `last_rows.cache_bytes` allows.
    pub async fn last_rows(
        &self,
        snapshot: &TableSnapshot,
        schema: &SchemaRef,
        condition: Option<Arc<dyn SeriesCondition>>,
    ) -> Result<Vec<RecordBatch>> {
        // Parts are read once: nothing is gained by keeping their bytes too.
        let (store, spill) = (Arc::clone(&self.core.store), Arc::clone(&self.core.spill));
        let store: Arc<dyn ObjectStore> = Arc::new(SpillStore::new(store, spill));
        last_rows::read(&self.core.last_rows, snapshot, &store, schema, condition).await
    }

    /// What [`Engine::last_rows`] would take now.
    pub fn last_rows_cost(&self, snapshot: &TableSnapshot) -> LastRowsCost {
        self.core.last_rows.cost(snapshot)
    }

    /// Writes everything buffered to files and returns when a manifest holds them.
    pub async fn flush(&self) -> Result<()> {
        flush::flush(&self.core).await
    }

    /// Deletes the rows of these tables that match, of all that was written before the call. It is done
    /// when this returns: no reader that begins later sees them.
    ///
    /// Fails with a kind of `Unavailable` when the object store does not answer; nothing is deleted
    /// then.
    pub async fn delete_rows(&self, tables: Vec<(TableId, Predicate)>) -> Result<()> {
        if self.core.is_fenced.load(Ordering::Relaxed) {
            return Err(Error::Fenced);
        }
        // A task of its own: a caller that goes away must not leave half of it done.
        let core = Arc::clone(&self.core);
        let deleting = tokio::spawn(async move { delete::rows(&core, tables).await });
        deleting.await.map_err(|_| Error::ShuttingDown)?
    }

    /// Forgets a database at once and for good, with its rows.
    pub async fn purge_database(&self, name: &str) -> Result<()> {
        let before = self.core.catalog.state();
        self.core.catalog.purge_database(name).await?;
        self.core.forget_purged(&before);
        Ok(())
    }

    /// Forgets a table at once and for good, with its rows.
    pub async fn purge_table(&self, database: &str, table: &str) -> Result<()> {
        let before = self.core.catalog.state();
        self.core.catalog.purge_table(database, table).await?;
        self.core.forget_purged(&before);
        Ok(())
    }

    /// Figures as of now.
    pub fn stats(&self) -> Stats {
        let (spilled_files, spilled_bytes) = self.core.spill.count_and_bytes();
        Stats {
            wal: self.wal.stats(),
            buffer_bytes: self.core.buffer.bytes() as u64,
            series: self.core.buffer.series_count() as u64,
            series_bytes: self.core.buffer.series_bytes() as u64,
            spilled_files: spilled_files as u64,
            spilled_bytes,
            flushes: self.core.flushes.load(Ordering::Relaxed),
            rows_flushed: self.core.rows_flushed.load(Ordering::Relaxed),
            is_fenced: self.core.is_fenced.load(Ordering::Relaxed),
            file_bytes_written: self.core.file_bytes_written.load(Ordering::Relaxed),
            compactions: self.core.compactions.load(Ordering::Relaxed),
            rows_compacted: self.core.rows_compacted.load(Ordering::Relaxed),
            compaction_bytes_written: self.core.compaction_bytes_written.load(Ordering::Relaxed),
            replaced_files: self.core.replaced.len(),
            last_rows_bytes: self.core.last_rows.bytes() as u64,
            read_cache: self.core.read_cache.stats(),
        }
    }

    /// Takes no more writes, flushes, and stops. Safe to call again.
    pub async fn shutdown(&self) -> Result<()> {
        self.wal.close().await?;
        self.stop.cancel();
        let background = std::mem::take(&mut *self.background.lock());
        for task in background {
            task.await.map_err(|_| Error::ShuttingDown)?;
        }
        let flushed = flush::flush(&self.core).await;
        let state = self.core.catalog.state();
        self.wal.delete_through(state.wal_applied_through())?;
        flushed
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Reads the log back into the buffer; returns it with its identity.
///
/// The store knows the log that its sequence numbers are those of. A directory without a log, such
/// as that of a new machine, gets a new one, whose numbers go on where the store is; a log that the
/// store does not know is refused, because its rows may be nowhere else.
fn replay(
    core: &Arc<Core>,
    directory: wal::Directory,
    settings: wal::Settings,
) -> Result<(wal::Opened, Uuid)> {
    let state = core.catalog.state();
    let wal_id = match (wal::has_segments(&directory)?, state.wal()) {
        (true, Some(known)) => known,
        (true, None) | (false, _) => Uuid::new_v4(),
    };
    let decode = |record: wal::ReplayedRecord<'_>| -> Result<_, wal::Refusal> {
        let mut batch = codec::decode(record.kind, record.payload)?;
        // A table that was purged after the write is not there any more.
        let exists = |rows: &TableBatch| state.stored_table(rows.table).is_some();
        batch.tables.retain(exists);
        Ok(batch)
    };
    let mut room = flush::ReplayRoom::new(core);
    let mut no_room = None;
    let apply = |sequence, batch| {
        core.apply(sequence, batch);
        room.make().map_err(|error| {
            let refusal = wal::Refusal::from(error.to_string());
            no_room = Some(error);
            refusal
        })
    };
    let applied_through = state.wal_applied_through();
    let directory = Arc::new(directory);
    let opened = wal::open(directory, wal_id, settings, applied_through, decode, apply);
    let opened = match (opened, no_room) {
        // The log is not to blame.
        (Err(_), Some(error)) => return Err(error),
        (opened, _) => opened?,
    };
    room.finish();
    let report = opened.report();
    info!(
        records = report.records,
        bytes = report.bytes,
        segments = report.segments,
        torn_bytes = report.torn_bytes_dropped,
        "replayed the write-ahead log"
    );
    Ok((opened, wal_id))
}

#[cfg(test)]
mod tests;
