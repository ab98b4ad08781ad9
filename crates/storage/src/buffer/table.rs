//! The buffered rows of one table: per partition, rows that were spilled to local files, then chunks
//! in memory, all in order of age.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::{FileRecord, TableId};
use parking_lot::Mutex;

use super::chunk::{Chunk, Rows};
use super::known::{Forget, Forgotten, KnownSeries};
use super::memory::Memory;
use crate::batch::TableBatch;

/// Neighbouring chunks are joined only up to this size: text arrays hold 2 GiB at most.
const JOINED_BYTES_MAX: usize = 256 << 20;

/// Neighbouring chunks are joined only up to this many rows. Joining holds up the acknowledgement of the
/// write that completes the neighbours, and of all behind it: a few milliseconds with ten columns.
const JOINED_ROWS_MAX: usize = 1 << 14;

/// This many neighbours of like size are joined into one. A row is copied once for every power of
/// it on the way up, and a partition has fewer than this many chunks of each power.
const JOINED_AT: usize = 4;

/// Rows that one file is made of at most: what bounds the memory of encoding it.
const FILE_BYTES_MAX: usize = 256 << 20;

/// The buffered rows of one table.
#[derive(Debug)]
pub(crate) struct TableBuffer {
    known: Mutex<KnownSeries>,
    partitions: Mutex<BTreeMap<i64, Partition>>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Partition {
    /// Older than all chunks.
    spilled: Vec<Arc<FileRecord>>,
    chunks: Vec<Arc<Chunk>>,
    /// How many of the chunks, from the oldest, a flush has taken up; they are not joined further.
    frozen: usize,
}

/// Everything buffered of a table at one moment, with the partition starts, oldest first within each
/// partition. Spilled files are older than chunks.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) spilled: Vec<(i64, Arc<FileRecord>)>,
    pub(crate) chunks: Vec<(i64, Arc<Chunk>)>,
}

/// Rows of one partition that a flush has taken up and that make one file.
#[derive(Debug)]
pub(crate) struct FrozenRows {
    pub(crate) table: TableId,
    pub(crate) partition_start: i64,
    /// Oldest first; at least one.
    pub(crate) chunks: Vec<Arc<Chunk>>,
}

impl FrozenRows {
    /// The rows in parts, none of which has rows of records on both sides of one of these.
    pub(crate) fn split_at(self, records: &BTreeSet<u64>) -> Vec<Self> {
        let is_between = |older: &Arc<Chunk>, newer: &Arc<Chunk>| {
            let mut between = records.range(older.last_sequence..newer.first_sequence);
            between.next().is_some()
        };
        let parts = self
            .chunks
            .chunk_by(|older, newer| !is_between(older, newer));
        let part = |chunks: &[Arc<Chunk>]| Self {
            table: self.table,
            partition_start: self.partition_start,
            chunks: chunks.to_vec(),
        };
        parts.map(part).collect()
    }
}

impl TableBuffer {
    pub(super) fn new(latest_in_files: i64, memory: &Memory) -> Self {
        Self {
            known: Mutex::new(KnownSeries::new(latest_in_files, &memory.series)),
            partitions: Mutex::default(),
            memory: memory.clone(),
        }
    }

    pub(super) fn append(&self, sequence: u64, batch: TableBatch) {
        let rows = {
            let mut known = self.known.lock();
            let numbers = known.intern(&batch.series);
            let number = |&series: &u32| numbers[series as usize];
            let series: Vec<u32> = batch.series_of_row.iter().map(number).collect();
            Rows {
                sequence,
                is_new: known.take(sequence, &series, &batch.times),
                keys: Arc::clone(known.keys()),
                series,
                batch,
            }
        };
        for (start, chunk) in rows.into_chunks() {
            self.memory.rows.add(chunk.bytes());
            let mut partitions = self.partitions.lock();
            let partition = partitions.entry(start).or_default();
            partition.chunks.push(Arc::new(chunk));
            partition.join_neighbours(&self.memory);
        }
    }

    /// Everything there is.
    pub(crate) fn contents(&self) -> Contents {
        let partitions = self.partitions.lock();
        let mut contents = Contents::default();
        for (start, partition) in partitions.iter() {
            let spilled = partition.spilled.iter();
            let spilled = spilled.map(|file| (*start, Arc::clone(file)));
            contents.spilled.extend(spilled);
            let chunks = partition.chunks.iter();
            contents
                .chunks
                .extend(chunks.map(|chunk| (*start, Arc::clone(chunk))));
        }
        contents
    }

    /// Takes up all chunks, in portions that make a file each.
    pub(super) fn freeze(&self, table: TableId) -> Vec<FrozenRows> {
        let mut frozen = Vec::new();
        for (start, partition) in self.partitions.lock().iter_mut() {
            let new = &partition.chunks[partition.frozen..];
            let bytes = new.iter().map(|chunk| chunk.bytes()).sum();
            self.memory.frozen.add(bytes);
            partition.frozen = partition.chunks.len();
            let portion = |chunks: &[Arc<Chunk>]| FrozenRows {
                table,
                partition_start: *start,
                chunks: chunks.to_vec(),
            };
            frozen.extend(portions(&partition.chunks).map(portion));
        }
        frozen
    }

    /// Puts a spilled file in the place of the oldest chunks, all frozen, whose rows it has; false if
    /// they are not there any more.
    pub(super) fn replace(&self, rows: &FrozenRows, file: FileRecord) -> bool {
        // Writers wait for the lock, but not for the memory to be given back.
        let _replaced;
        let mut partitions = self.partitions.lock();
        let Some(partition) = partitions.get_mut(&rows.partition_start) else {
            return false;
        };
        let count = rows.chunks.len();
        let is_there = partition.frozen >= count
            && (partition.chunks.iter().zip(&rows.chunks))
                .all(|(own, given)| Arc::ptr_eq(own, given));
        if is_there {
            _replaced = partition.remove_oldest(count, &self.memory);
            partition.spilled.push(Arc::new(file));
        }
        is_there
    }

    /// Forgets the rows of all records up to this one; returns what of it was in spilled files.
    pub(super) fn release_through(&self, sequence: u64) -> Vec<Arc<FileRecord>> {
        let mut released = Vec::new();
        // Writers wait for the lock, but not for the memory to be given back.
        let mut removed = Vec::new();
        self.partitions.lock().retain(|_, partition| {
            let is_covered = |file: &mut Arc<FileRecord>| file.id.last_sequence <= sequence;
            released.extend(partition.spilled.extract_if(.., is_covered));
            let covered = |chunk: &Arc<Chunk>| chunk.last_sequence <= sequence;
            let count = partition.chunks.partition_point(covered);
            removed.push(partition.remove_oldest(count, &self.memory));
            !partition.is_empty()
        });
        released
    }

    /// Forgets series; see [`KnownSeries::forget`].
    pub(super) fn forget(&self, how_much: Forget) -> Forgotten {
        self.known.lock().forget(how_much)
    }

    /// How many series are known.
    pub(super) fn series_count(&self) -> usize {
        self.known.lock().len()
    }
}

impl Partition {
    fn is_empty(&self) -> bool {
        self.spilled.is_empty() && self.chunks.is_empty()
    }

    fn remove_oldest(&mut self, count: usize, memory: &Memory) -> Vec<Arc<Chunk>> {
        let frozen = count.min(self.frozen);
        let bytes = |chunks: &[Arc<Chunk>]| chunks.iter().map(|chunk| chunk.bytes()).sum();
        memory.rows.subtract(bytes(&self.chunks[..count]));
        memory.frozen.subtract(bytes(&self.chunks[..frozen]));
        self.frozen -= frozen;
        self.chunks.drain(..count).collect()
    }

    fn join_neighbours(&mut self, memory: &Memory) {
        loop {
            let open = &self.chunks[self.frozen..];
            let Some(newest) = open.last() else { return };
            let is_alike = |chunk: &&Arc<Chunk>| {
                power(chunk.rows()) <= power(newest.rows())
                    && Arc::ptr_eq(&chunk.keys, &newest.keys)
            };
            let count = open.iter().rev().take_while(is_alike).count();
            let alike = &open[open.len() - count..];
            let rows: usize = alike.iter().map(|chunk| chunk.rows()).sum();
            let bytes: usize = alike.iter().map(|chunk| chunk.bytes()).sum();
            if count < JOINED_AT || rows > JOINED_ROWS_MAX || bytes > JOINED_BYTES_MAX {
                return;
            }
            let joined = Chunk::join(alike);
            memory.rows.add(joined.bytes());
            memory.rows.subtract(bytes);
            self.chunks.truncate(self.chunks.len() - count);
            self.chunks.push(Arc::new(joined));
        }
    }
}

/// The size class of a chunk.
fn power(rows: usize) -> u32 {
    rows.max(1).ilog(JOINED_AT)
}

/// Chunks in order, in portions of limited size.
fn portions(chunks: &[Arc<Chunk>]) -> impl Iterator<Item = &[Arc<Chunk>]> {
    let mut rest = chunks;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |chunk: &&Arc<Chunk>| {
            bytes += chunk.bytes();
            bytes <= FILE_BYTES_MAX
        };
        let count = rest.iter().take_while(fits).count();
        // A single chunk is taken whatever its size.
        let (portion, tail) = rest.split_at(count.max(1).min(rest.len()));
        rest = tail;
        (!portion.is_empty()).then_some(portion)
    })
}
