//! Columns of files that queries read again and again, kept as pages that take no work to read.
//!
//! Doubles that are mostly noise, as those of a vibration, lie in files compressed, many as streams of bytes: reading them takes up to ten
//! times as long as reading plain ones, and longer than most of what is computed of them. The second query that reads such a
//! column of a row group whole has its pages made plain, in the background; the queries after it get those.
//!
//! ```text
//! file_reader.rs ─ bytes of a whole column were read ─▶ HotPages ─ the second time ─▶ plain.rs: pages made plain
//!                ◀─ metadata that says where they are ── view.rs ◀─ kept, within a number of bytes
//! ```
//!
//! To whatever reads the file, plain pages are a part of it beyond its end ([`View`]): page indexes, statistics and the
//! rows of each page stay what they were, so that nothing else has to know. A query holds what it began with to its end, also when that
//! has been let go meanwhile: the number of bytes bounds what is kept for later ones.

mod plain;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ParquetMetaData;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::lately_used::CacheStats;
use plain::PlainChunk;
pub(crate) use view::View;

/// Less than this is read quickly in any form.
const CHUNK_BYTES_MIN: u64 = 32 << 10;

/// Bytes of files that may wait to be made plain; what comes then has to be read once more.
const WAITING_BYTES_MAX: u64 = 64 << 20;

/// Columns that were read once; more are forgotten, all of them.
const READ_ONCE_MAX: usize = 100_000;

/// A column of a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    row_group: usize,
    column: usize,
}

/// The columns of an engine's files that are plain in memory.
#[derive(Debug)]
pub(crate) struct HotPages {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<Path, File>,
    /// What is to be made plain.
    waiting: VecDeque<Job>,
    waiting_bytes: u64,
    /// Whether somebody is at it.
    is_working: bool,
    /// Counts uses.
    now: u64,
    read_once: usize,
    /// Of plain pages: hits are reads of them, misses reads of whole columns that could be plain and were not.
    stats: CacheStats,
}

#[derive(Debug, Default)]
struct File {
    chunks: HashMap<Place, Chunk>,
    /// What queries get, until a chunk comes or goes.
    view: Option<Arc<View>>,
}

#[derive(Debug)]
enum Chunk {
    ReadOnce,
    /// It is being made plain.
    Waiting,
    Plain {
        chunk: Arc<PlainChunk>,
        last_used: u64,
    },
    /// It cannot be.
    Unfit,
}

/// A column to be made plain.
#[derive(Debug)]
struct Job {
    path: Path,
    place: Place,
    metadata: Arc<ParquetMetaData>,
    stored: Bytes,
}

impl HotPages {
    /// Keeps up to this many bytes; none if that is 0.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            state: Mutex::default(),
        }
    }

    pub(crate) fn stats(&self) -> CacheStats {
        self.state.lock().stats
    }

    /// The file with what is plain of it; `None` if nothing is.
    pub(crate) fn view(&self, path: &Path, metadata: &Arc<ParquetMetaData>) -> Option<Arc<View>> {
        let mut state = self.state.lock();
        let file = state.files.get_mut(path)?;
        if file.view.is_none() {
            let plain = file.plain();
            if plain.is_empty() {
                return None;
            }
            match View::new(metadata, plain) {
                Ok(view) => file.view = Some(Arc::new(view)),
                Err(error) => tracing::warn!(%path, %error, "plain pages are of no use"),
            }
        }
        file.view.clone()
    }

    /// A query has read plain pages of these columns.
    pub(crate) fn note_used(&self, path: &Path, places: &[Place]) {
        let mut state = self.state.lock();
        state.now += 1;
        state.stats.hits += places.len() as u64;
        let now = state.now;
        let Some(file) = state.files.get_mut(path) else {
            return;
        };
        for place in places {
            if let Some(Chunk::Plain { last_used, .. }) = file.chunks.get_mut(place) {
                *last_used = now;
            }
        }
    }

    /// A query has read these ranges of a file: those that are whole columns are made plain when that happens again.
    pub(crate) fn note_read(
        self: &Arc<Self>,
        path: &Path,
        metadata: &Arc<ParquetMetaData>,
        ranges: &[Range<u64>],
        read: &[Bytes],
    ) {
        let large = |range: &Range<u64>| range.end - range.start >= CHUNK_BYTES_MIN;
        if self.bytes_max == 0 || !ranges.iter().any(large) {
            return;
        }
        let large = ranges.iter().zip(read).filter(|(range, _)| large(range));
        let columns = large
            .filter_map(|(range, stored)| Some((plain::column_at(metadata, range)?, stored)))
            .filter(|(place, _)| plain::bytes(metadata, *place) <= self.bytes_max / 4);
        let mut state = self.state.lock();
        for (place, stored) in columns {
            state.stats.misses += 1;
            if state.is_due(path, place) && state.waiting_bytes < WAITING_BYTES_MAX {
                state.set(path, place, Chunk::Waiting);
                state.waiting_bytes += stored.len() as u64;
                state.waiting.push_back(Job {
                    path: path.clone(),
                    place,
                    metadata: Arc::clone(metadata),
                    stored: stored.clone(),
                });
            }
        }
        if !state.is_working && !state.waiting.is_empty() {
            state.is_working = true;
            let hot = Arc::clone(self);
            tokio::task::spawn_blocking(move || while hot.work() {});
        }
    }

    /// Makes the next column plain that waits for it; says whether there was one.
    fn work(&self) -> bool {
        let mut state = self.state.lock();
        let Some(job) = state.waiting.pop_front() else {
            state.is_working = false;
            return false;
        };
        state.waiting_bytes -= job.stored.len() as u64;
        drop(state);
        let make = || plain::plain_chunk(&job.metadata, job.place, job.stored.clone());
        // A decoder that meets damaged bytes may panic; nothing would be made plain any more.
        let made = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err(damaged()));
        let mut state = self.state.lock();
        match made {
            Ok(chunk) => state.keep(&job.path, job.place, chunk, self.bytes_max),
            Err(error) => {
                tracing::debug!(path = %job.path, place = ?job.place, %error, "pages stay as they are");
                state.set(&job.path, job.place, Chunk::Unfit);
            }
        }
        true
    }
}

fn damaged() -> ParquetError {
    ParquetError::General("the pages are damaged".to_owned())
}

impl State {
    /// Whether it is the second time that the column is read.
    fn is_due(&mut self, path: &Path, place: Place) -> bool {
        let file = self.files.entry(path.clone()).or_default();
        match file.chunks.get(&place) {
            Some(Chunk::ReadOnce) => true,
            Some(Chunk::Waiting | Chunk::Plain { .. } | Chunk::Unfit) => false,
            None => {
                file.chunks.insert(place, Chunk::ReadOnce);
                self.read_once += 1;
                if self.read_once > READ_ONCE_MAX {
                    self.forget_reads();
                }
                false
            }
        }
    }

    /// Forgets what was read once, and what cannot be plain: most of it is of files that have gone.
    fn forget_reads(&mut self) {
        for file in self.files.values_mut() {
            file.chunks
                .retain(|_, chunk| matches!(chunk, Chunk::Waiting | Chunk::Plain { .. }));
        }
        self.files.retain(|_, file| !file.chunks.is_empty());
        self.read_once = 0;
    }

    fn set(&mut self, path: &Path, place: Place, chunk: Chunk) {
        let file = self.files.entry(path.clone()).or_default();
        file.chunks.insert(place, chunk);
    }

    fn keep(&mut self, path: &Path, place: Place, chunk: PlainChunk, bytes_max: u64) {
        let bytes = chunk.size();
        if bytes > bytes_max {
            // Its dictionary made more of it than its values promised.
            return self.set(path, place, Chunk::Unfit);
        }
        while self.stats.bytes + bytes > bytes_max {
            self.drop_oldest();
        }
        self.stats.bytes += bytes;
        self.stats.entries += 1;
        let plain = Chunk::Plain {
            chunk: Arc::new(chunk),
            last_used: self.now,
        };
        self.set(path, place, plain);
        if let Some(file) = self.files.get_mut(path) {
            file.view = None;
        }
    }

    fn drop_oldest(&mut self) {
        let chunks = self.files.iter().flat_map(|(path, file)| {
            file.chunks.iter().filter_map(move |(place, chunk)| {
                let Chunk::Plain { chunk, last_used } = chunk else {
                    return None;
                };
                Some((*last_used, path, *place, chunk.size()))
            })
        });
        let oldest = chunks.min_by_key(|(last_used, ..)| *last_used);
        let (_, path, place, bytes) = oldest.expect("without any there are no bytes");
        let path = path.clone();
        if let Some(file) = self.files.get_mut(&path) {
            file.chunks.remove(&place);
            file.view = None;
            if file.chunks.is_empty() {
                self.files.remove(&path);
            }
        }
        self.stats.bytes -= bytes;
        self.stats.entries -= 1;
    }
}

impl File {
    fn plain(&self) -> Vec<(Place, Arc<PlainChunk>)> {
        let plain = self.chunks.iter().filter_map(|(place, chunk)| match chunk {
            Chunk::Plain { chunk, .. } => Some((*place, Arc::clone(chunk))),
            _ => None,
        });
        plain.collect()
    }
}
