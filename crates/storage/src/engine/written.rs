//! What was written to certain tables: for work that follows writes.
//!
//! Tables that nobody watches cost a write one look at a flag. What is noted is gone with the process;
//! [`Engine::written_after`] finds it again, less exactly, from the sequence numbers of files and chunks.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::TableId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Engine;
use crate::batch::{TableBatch, WriteBatch};

/// Rows that were written to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The sequence number of the newest write among them.
    pub through: u64,
    /// Their earliest time.
    pub time_min: i64,
    /// Their latest time.
    pub time_max: i64,
}

impl Written {
    fn union(self, other: Self) -> Self {
        Self {
            through: self.through.max(other.through),
            time_min: self.time_min.min(other.time_min),
            time_max: self.time_max.max(other.time_max),
        }
    }

    fn of(sequence: u64, rows: &TableBatch) -> Option<Self> {
        Some(Self {
            through: sequence,
            time_min: *rows.times.iter().min()?,
            time_max: *rows.times.iter().max()?,
        })
    }
}

/// What was written to tables that are watched, since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Watch {
    is_on: AtomicBool,
    noted: Mutex<Noted>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Noted {
    watched: HashSet<TableId>,
    written: HashMap<TableId, Written>,
}

impl Watch {
    /// What is to be noted of a write; it is told by [`Watch::note`] when the rows are visible.
    pub(super) fn look(&self, sequence: u64, batch: &WriteBatch) -> Vec<(TableId, Written)> {
        if !self.is_on.load(Ordering::Acquire) {
            return Vec::new();
        }
        let noted = self.noted.lock();
        let watched = batch.tables.iter();
        let watched = watched.filter(|rows| noted.watched.contains(&rows.table));
        let of = |rows: &TableBatch| Some((rows.table, Written::of(sequence, rows)?));
        watched.filter_map(of).collect()
    }

    pub(super) fn note(&self, written: Vec<(TableId, Written)>) {
        if written.is_empty() {
            return;
        }
        let mut noted = self.noted.lock();
        for (table, written) in written {
            let known = noted.written.entry(table).or_insert(written);
            *known = known.union(written);
        }
        drop(noted);
        self.changed.notify_one();
    }
}

impl Engine {
    /// From now on, writes to these tables are noted, and to no others.
    pub fn watch_writes(&self, tables: HashSet<TableId>) {
        let watch = &self.core.watch;
        // A record that is being applied would be neither noted nor in the buffer.
        let _nothing_is_applied = self.core.applied.lock();
        let mut noted = watch.noted.lock();
        noted.written.retain(|table, _| tables.contains(table));
        watch.is_on.store(!tables.is_empty(), Ordering::Release);
        noted.watched = tables;
    }

    /// Waits until there is something for [`Engine::take_written`]. For one who waits at a time.
    pub async fn written(&self) {
        self.core.watch.changed.notified().await;
    }

    /// What was written to the tables that are watched since the last call. Its rows are visible.
    pub fn take_written(&self) -> HashMap<TableId, Written> {
        std::mem::take(&mut self.core.watch.noted.lock().written)
    }

    /// The newest write that is visible.
    pub fn last_write(&self) -> u64 {
        let applied = *self.core.applied.lock();
        applied.max(self.core.catalog.state().wal_applied_through())
    }

    /// What was written to a table by later writes than this one. Its span of time may be wider than that of
    /// the rows, as rows lie together with older ones.
    pub fn written_after(&self, table: TableId, sequence: u64) -> Option<Written> {
        // The buffer first, as for a snapshot.
        let buffer = self.core.buffer.table(table);
        let buffered = buffer.map(|buffer| buffer.contents()).unwrap_or_default();
        let state = self.core.catalog.state();
        let table = state.table(table)?;
        let spilled = buffered.spilled.iter().map(|(_, file)| file);
        let files = table.files().iter().chain(spilled).map(|file| Written {
            through: file.id.last_sequence,
            time_min: file.time_min,
            time_max: file.time_max,
        });
        let chunks = buffered.chunks.iter().map(|(_, chunk)| Written {
            through: chunk.last_sequence,
            time_min: chunk.time_min,
            time_max: chunk.time_max,
        });
        let newer = files
            .chain(chunks)
            .filter(|written| written.through > sequence);
        newer.reduce(Written::union)
    }
}
