//! Rows that are durable in the WAL but not in a file yet.
//!
//! Every table keeps its rows in immutable [`Chunk`]s, one list per time partition, oldest first.
//! A write appends a small chunk; neighbours of like size are then joined, so that a partition
//! holds few chunks (their number grows with the logarithm of its rows) and a row is copied a
//! handful of times in all. Nothing a reader holds ever changes: taking a snapshot is cloning a
//! few `Arc`s, and readers and the writer never wait for each other's work.
//!
//! Invariant: *the list is in order of age*. Among rows of one key the later chunk, and within a
//! chunk the later row, is the newer one.

mod chunk;
mod occupied;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use catalog::{DAY_NANOS, TableId};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::batch::{TableBatch, WriteBatch};
use crate::error::{Error, Result};
use crate::series::SeriesIndex;
pub(crate) use chunk::Chunk;
use occupied::Occupied;

/// Settings of the in-memory buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows are flushed to files when they take this much memory. Larger makes fewer, larger files
    /// and longer restarts; default 192 MiB.
    pub flush_bytes: ByteSize,
    /// Rows are flushed when the oldest of them has waited this long. Shorter makes small files,
    /// longer keeps more of the WAL; default 10 minutes.
    #[serde(with = "humantime_serde")]
    pub flush_age: Duration,
    /// Writes are refused, to be tried again, while buffered rows take this much memory: what
    /// bounds the process when the object store is slow or away. At most 1 GiB, which is also the
    /// default.
    pub bytes_max: ByteSize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            flush_bytes: ByteSize::mib(192),
            flush_age: Duration::from_secs(600),
            bytes_max: ByteSize::gib(1),
        }
    }
}

impl Settings {
    /// Text columns of one partition are put together in one array, which holds 2 GiB at most.
    pub(crate) fn check(&self) -> Result<()> {
        if self.bytes_max > ByteSize::gib(1) {
            let (name, problem) = ("buffer.bytes_max", "must be at most 1 GiB");
            return Err(Error::InvalidSetting { name, problem });
        }
        Ok(())
    }
}

/// A table without buffered rows keeps what is known of this many series. More are forgotten, and
/// then late rows of theirs are looked at for duplicates until new ones have come.
const IDLE_SERIES_MAX: usize = 100_000;

/// Neighbouring chunks are joined only up to this size: text arrays hold 2 GiB at most.
const JOINED_BYTES_MAX: usize = 256 << 20;

/// Neighbouring chunks are joined only up to this many rows; it bounds the longest single copy.
const JOINED_ROWS_MAX: usize = 1 << 18;

/// The start of the partition that holds `time`.
pub(crate) fn partition_start(time: i64) -> i64 {
    // Whole days before 1677-09-21T00:12:43Z do not fit; no accepted timestamp is that early.
    time.div_euclid(DAY_NANOS).saturating_mul(DAY_NANOS)
}

/// The end of the partition that starts here, exclusive. New rows are partitioned by days.
pub(crate) fn partition_end(start: i64) -> i64 {
    start.saturating_add(DAY_NANOS)
}

/// The buffered rows of all tables.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    tables: RwLock<HashMap<TableId, Arc<TableBuffer>>>,
    bytes: AtomicUsize,
    /// When the oldest row that no flush has taken up yet arrived.
    oldest: Mutex<Option<Instant>>,
}

/// The rows of one table in one partition that a flush has taken up.
#[derive(Debug)]
pub(crate) struct FrozenPartition {
    pub(crate) table: TableId,
    pub(crate) partition_start: i64,
    pub(crate) chunks: Vec<Arc<Chunk>>,
    pub(crate) buffer: Arc<TableBuffer>,
}

impl Buffer {
    /// Adds the rows of one WAL record. Must be called in order of sequence numbers.
    pub(crate) fn append(
        &self,
        sequence: u64,
        batch: WriteBatch,
        latest_in_files: impl Fn(TableId) -> i64,
    ) {
        for rows in batch.tables {
            if rows.row_count() == 0 {
                continue;
            }
            let table = rows.table;
            let buffer = self.table_or_new(table, || latest_in_files(table));
            self.count_bytes(|| buffer.append(sequence, &rows));
        }
        self.oldest.lock().get_or_insert_with(Instant::now);
    }

    pub(crate) fn table(&self, table: TableId) -> Option<Arc<TableBuffer>> {
        self.tables.read().get(&table).cloned()
    }

    fn table_or_new(&self, table: TableId, latest_in_files: impl Fn() -> i64) -> Arc<TableBuffer> {
        if let Some(buffer) = self.table(table) {
            return buffer;
        }
        let new = || Arc::new(TableBuffer::new(latest_in_files()));
        Arc::clone(self.tables.write().entry(table).or_insert_with(new))
    }

    /// Memory that all rows take, those being flushed included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How long the oldest row has waited for a flush.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.oldest.lock().map(|oldest| oldest.elapsed())
    }

    /// Takes up everything there is for a flush. It stays readable until [`Buffer::release`].
    pub(crate) fn freeze(&self) -> Vec<FrozenPartition> {
        *self.oldest.lock() = None;
        let tables: Vec<_> = self
            .tables
            .read()
            .iter()
            .map(|(id, t)| (*id, Arc::clone(t)))
            .collect();
        let mut frozen = Vec::new();
        for (table, buffer) in tables {
            let mut partitions = buffer.partitions.lock();
            for (start, partition) in partitions.iter_mut() {
                partition.frozen = partition.chunks.len();
                frozen.push(FrozenPartition {
                    table,
                    partition_start: *start,
                    chunks: partition.chunks.clone(),
                    buffer: Arc::clone(&buffer),
                });
            }
        }
        frozen
    }

    /// Forgets the rows of all records up to this one: files hold them now. No chunk holds rows of
    /// records on both sides, because what a flush has taken up is not joined with what comes after.
    pub(crate) fn release_through(&self, sequence: u64) {
        for table in self.tables.read().values() {
            let mut partitions = table.partitions.lock();
            partitions.retain(|_, partition| {
                let kept = partition
                    .chunks
                    .partition_point(|chunk| chunk.last_sequence <= sequence);
                let released = partition.chunks.drain(..kept);
                let bytes: usize = released.map(|chunk| chunk.bytes()).sum();
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
                partition.frozen = partition.frozen.saturating_sub(kept);
                !partition.chunks.is_empty()
            });
        }
    }

    /// Forgets tables that are gone, and what is known of the series of tables that have many and
    /// no rows at present. Must not run while a record is applied.
    pub(crate) fn forget_idle(&self, exists: impl Fn(TableId) -> bool) {
        self.tables.write().retain(|id, table| {
            let is_idle = table.partitions.lock().is_empty();
            let is_small = table.series.read().len() <= IDLE_SERIES_MAX;
            if !exists(*id) {
                let partitions = table.partitions.lock();
                let chunks = partitions.values().flat_map(|partition| &partition.chunks);
                let bytes: usize = chunks.map(|chunk| chunk.bytes()).sum();
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
                return false;
            }
            !is_idle || is_small
        });
    }

    fn count_bytes(&self, append: impl FnOnce() -> BytesChanged) {
        let BytesChanged { added, removed } = append();
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.bytes.fetch_sub(removed, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct BytesChanged {
    added: usize,
    removed: usize,
}

/// The buffered rows of one table.
#[derive(Debug)]
pub(crate) struct TableBuffer {
    series: RwLock<SeriesIndex>,
    partitions: Mutex<BTreeMap<i64, Partition>>,
    /// Per series, the times that have rows, here or in files.
    occupied: Mutex<Vec<Occupied>>,
    /// The latest time in the files that were there when this buffer began: what a series that
    /// was never seen here may have.
    latest_in_files: i64,
}

#[derive(Debug, Default)]
struct Partition {
    chunks: Vec<Arc<Chunk>>,
    /// How many of the chunks, from the oldest, a flush has taken up; they are not joined further.
    frozen: usize,
}

impl TableBuffer {
    fn new(latest_in_files: i64) -> Self {
        Self {
            series: RwLock::default(),
            partitions: Mutex::default(),
            occupied: Mutex::default(),
            latest_in_files,
        }
    }

    fn append(&self, sequence: u64, batch: &TableBatch) -> BytesChanged {
        let numbers = self.intern(batch);
        let series: Vec<u32> = batch
            .series_of_row
            .iter()
            .map(|&i| numbers[i as usize])
            .collect();
        let is_new = self.occupy(sequence, &series, &batch.times);
        let mut changed = BytesChanged::default();
        for (start, rows) in chunk::by_partition(&batch.times) {
            let chunk = Chunk::new(sequence, &series, batch, rows.as_deref(), &is_new);
            changed.added += chunk.bytes();
            let mut partitions = self.partitions.lock();
            let partition = partitions.entry(start).or_default();
            partition.chunks.push(Arc::new(chunk));
            partition.join_neighbours(&mut changed);
        }
        changed
    }

    fn intern(&self, batch: &TableBatch) -> Vec<u32> {
        let mut index = self.series.write();
        let numbers = batch.series.iter().map(|key| index.intern(key)).collect();
        self.occupied
            .lock()
            .resize(index.len(), Occupied::up_to(self.latest_in_files));
        numbers
    }

    /// Takes the times of new rows; tells for each whether its key is new for certain.
    fn occupy(&self, sequence: u64, series: &[u32], times: &[i64]) -> Vec<bool> {
        let mut occupied = self.occupied.lock();
        let take = |(&series, &time)| {
            let occupied: &mut Occupied = &mut occupied[series as usize];
            occupied.take(time, sequence)
        };
        series.iter().zip(times).map(take).collect()
    }

    /// All chunks with their partitions, oldest first within each.
    pub(crate) fn chunks(&self) -> Vec<(i64, Arc<Chunk>)> {
        let partitions = self.partitions.lock();
        let each = |(start, partition): (&i64, &Partition)| {
            partition
                .chunks
                .iter()
                .map(|chunk| (*start, Arc::clone(chunk)))
                .collect::<Vec<_>>()
        };
        partitions.iter().flat_map(each).collect()
    }

    pub(crate) fn series(&self) -> &RwLock<SeriesIndex> {
        &self.series
    }
}

impl Partition {
    fn join_neighbours(&mut self, changed: &mut BytesChanged) {
        while let [.., older, newer] = &self.chunks[self.frozen..] {
            let rows = older.rows() + newer.rows();
            let bytes = older.bytes() + newer.bytes();
            if older.rows() > 2 * newer.rows() || rows > JOINED_ROWS_MAX || bytes > JOINED_BYTES_MAX
            {
                break;
            }
            let joined = Chunk::join(older, newer);
            changed.removed += older.bytes() + newer.bytes();
            changed.added += joined.bytes();
            self.chunks.truncate(self.chunks.len() - 2);
            self.chunks.push(Arc::new(joined));
        }
    }
}
