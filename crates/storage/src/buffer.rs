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

mod buffered_rows;
mod by_series;
mod chunk;
mod distinct;
mod keys;
mod known;
mod memory;
mod occupied;
mod passing_series;
pub(crate) mod shares;
mod table;
mod tag_values;
mod taken_times;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use catalog::{DAY_NANOS, FileRecord, TableId};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::batch::WriteBatch;
use crate::error::{Error, Result};
pub use buffered_rows::{BufferedRows, FoundRows};
pub(crate) use by_series::PLACES_PER_ROW;
pub(crate) use chunk::{Chunk, by_generation};
pub(crate) use distinct::DistinctSeries;
pub(crate) use known::{Forget, Forgotten};
use memory::Memory;
pub(crate) use passing_series::Asked;
pub use passing_series::{PassingSeries, SeriesCondition};
pub(crate) use shares::{Shares, ToRead};
pub(crate) use table::{Contents, FrozenRows, TableBuffer};

/// Settings of the in-memory buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows are flushed to files when they take this much memory. Larger makes fewer, larger files
    /// and longer restarts; default 128 MiB.
    pub flush_bytes: ByteSize,
    /// Rows are flushed when the oldest of them has waited this long. Shorter makes small files,
    /// longer keeps more of the WAL; default 10 minutes.
    #[serde(with = "humantime_serde")]
    pub flush_age: Duration,
    /// Writes are refused, to be tried again, while the buffer takes this much memory: rows, and
    /// what is known of series (about 60 bytes beside its tags for each). What bounds the process
    /// when neither the object store nor the local disk keep up. Rows alone may take 1 GiB; more is
    /// of use for many millions of series that are written all the time; default 1 GiB.
    pub bytes_max: ByteSize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            flush_bytes: ByteSize::mib(128),
            flush_age: Duration::from_secs(600),
            bytes_max: ByteSize::gib(1),
        }
    }
}

/// Rows may take this much memory. Text columns of one partition are put together in one array,
/// which holds 2 GiB at most.
const ROWS_BYTES_MAX: ByteSize = ByteSize::gib(1);

impl Settings {
    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        if self.flush_bytes > ROWS_BYTES_MAX {
            let (name, problem) = ("buffer.flush_bytes", "must be at most 1 GiB");
            return Err(Error::InvalidSetting { name, problem });
        }
        Ok(())
    }

    /// Rows that take more than this, although a flush goes on, had better go to the local disk.
    pub(crate) fn pressing_bytes(&self) -> usize {
        let rows_max = self.bytes_max.min(ROWS_BYTES_MAX).as_u64();
        let middle = (self.flush_bytes.as_u64() + rows_max) / 2;
        usize::try_from(middle).unwrap_or(usize::MAX)
    }

    pub(crate) fn flush_bytes(&self) -> usize {
        usize::try_from(self.flush_bytes.as_u64()).unwrap_or(usize::MAX)
    }

    /// What is known of series may take this much.
    fn series_bytes_max(&self) -> usize {
        usize::try_from(self.bytes_max.as_u64() / 2).unwrap_or(usize::MAX)
    }
}

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
    memory: Memory,
    /// When the oldest row that no flush has taken up yet arrived.
    oldest: Mutex<Option<Instant>>,
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
            buffer.append(sequence, rows);
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
        let new = || Arc::new(TableBuffer::new(latest_in_files(), &self.memory));
        Arc::clone(self.tables.write().entry(table).or_insert_with(new))
    }

    fn tables(&self) -> Vec<(TableId, Arc<TableBuffer>)> {
        let tables = self.tables.read();
        tables.iter().map(|(id, t)| (*id, Arc::clone(t))).collect()
    }

    /// Memory that everything takes: rows, those being flushed included, and series.
    pub(crate) fn bytes(&self) -> usize {
        self.memory.rows.bytes() + self.memory.series.bytes()
    }

    /// Memory that rows take, those being flushed included.
    pub(crate) fn row_bytes(&self) -> usize {
        self.memory.rows.bytes()
    }

    /// Memory of rows that no flush has taken up.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let rows = self.memory.rows.bytes();
        rows.saturating_sub(self.memory.frozen.bytes())
    }

    /// Memory of what is known of series.
    pub(crate) fn series_bytes(&self) -> usize {
        self.memory.series.bytes()
    }

    /// How many series are known.
    pub(crate) fn series_count(&self) -> usize {
        let tables = self.tables();
        tables.iter().map(|(_, table)| table.series_count()).sum()
    }

    /// Refuses a write while there is too much already, or would be with so much more.
    pub(crate) fn check_room(&self, settings: &Settings, more: usize) -> Result<()> {
        let refused = |used: usize, limit: ByteSize| {
            let used = ByteSize(used as u64);
            match ByteSize(used.as_u64().saturating_add(more as u64)) > limit {
                true => Err(Error::BufferFull { used, limit }),
                false => Ok(()),
            }
        };
        refused(self.bytes(), settings.bytes_max)?;
        refused(self.row_bytes(), ROWS_BYTES_MAX)
    }

    /// Whether there is so much that a flush should begin.
    pub(crate) fn wants_flush(&self, settings: &Settings) -> bool {
        let (waiting, enough) = (self.waiting_bytes(), settings.flush_bytes());
        // Series are forgotten after a flush. They are not flushed themselves: a few rows between
        // two flushes keep those from following one another without end.
        let has_many_series = self.series_bytes() >= settings.series_bytes_max();
        waiting >= enough || (has_many_series && waiting >= enough / 16)
    }

    /// How long the oldest row has waited for a flush.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.oldest.lock().map(|oldest| oldest.elapsed())
    }

    /// Takes up all chunks for a flush, oldest first within a partition. They stay readable until
    /// [`Buffer::release_through`] or [`Buffer::replace`].
    pub(crate) fn freeze(&self) -> Vec<FrozenRows> {
        *self.oldest.lock() = None;
        let tables = self.tables();
        let frozen = tables.iter().map(|(id, table)| table.freeze(*id));
        frozen.flatten().collect()
    }

    /// Puts a spilled file in the place of chunks; false if they are not there any more.
    pub(crate) fn replace(&self, rows: &FrozenRows, file: FileRecord) -> bool {
        let table = self.table(rows.table);
        table.is_some_and(|table| table.replace(rows, file))
    }

    /// All spilled files, in no order.
    pub(crate) fn spilled(&self) -> Vec<Arc<FileRecord>> {
        let tables = self.tables();
        let files = tables.iter().map(|(_, table)| table.contents().spilled);
        files.flatten().map(|(_, file)| file).collect()
    }

    /// Forgets the rows of all records up to this one: files hold them now. Returns what of it was in
    /// spilled files. No chunk holds rows of records on both sides, because what a flush has taken up
    /// is not joined with what comes after.
    pub(crate) fn release_through(&self, sequence: u64) -> Vec<Arc<FileRecord>> {
        let tables = self.tables();
        let released = tables.iter().map(|(_, t)| t.release_through(sequence));
        released.flatten().collect()
    }

    /// Forgets tables that are gone, and after a flush what is known of series that are not in use.
    /// When series take too much memory all the same, those of the largest tables go, in use or not:
    /// it only costs the claim that rows are new for a while. Must not run while a record is applied.
    ///
    /// What is returned takes a while to drop.
    pub(crate) fn forget(
        &self,
        settings: &Settings,
        exists: impl Fn(TableId) -> bool,
    ) -> Forgotten {
        let mut gone = Vec::new();
        let mut tables = self.tables.write();
        gone.extend(tables.extract_if(|id, _| !exists(*id)));
        drop(tables);
        let mut forgotten = Forgotten::default();
        for (_, table) in gone {
            table.release_through(u64::MAX);
            forgotten.append(table.forget(Forget::All));
        }
        let mut tables = self.tables();
        for (_, table) in &tables {
            forgotten.append(table.forget(Forget::Idle));
        }
        if self.series_bytes() >= settings.series_bytes_max() {
            tables.sort_by_cached_key(|(_, table)| std::cmp::Reverse(table.series_count()));
            let largest = tables.first().map_or(0, |(_, table)| table.series_count());
            for (_, table) in &tables {
                if table.series_count() >= largest / 8 {
                    forgotten.append(table.forget(Forget::All));
                }
            }
        }
        forgotten
    }
}

#[cfg(test)]
mod tests;
