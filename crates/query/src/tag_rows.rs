//! Which rows of a file have which value of a tag, for questions about some values: a row group need not be looked through for them.
//!
//! ```text
//! table.rs ─ what a scan wants ─▶ TagRows ─ the second time ─▶ reading.rs: the tag's column, once, in the background
//!          ◀─ known.rs: the rows of each file, of times that may be asked for ── kept, within a number of bytes
//! source.rs: nobody tests or reads the tag again, and few rows are read without looking for what to leave out
//! ```
//!
//! Rows of a file are in order of their tags, so that those of a value of a tag are neighbours: a few runs tell where they are. A scan
//! that knows them leaves out files without any, reads nothing but them of the others, and neither reads nor compares a tag of which it
//! wants one value. Files never change, so neither does what is known of them.

mod known;
mod reading;
mod source;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::lately_used::{CacheStats, LatelyUsed};
pub(crate) use known::{KnownRows, Narrowed};
use reading::RowsOfTag;
pub(crate) use source::KnownRowsSource;

/// Columns that may wait to be read; others have to be asked for once more.
const WAITING_MAX: usize = 256;

/// What an entry takes beside the rows that are known.
const ENTRY_BYTES: u64 = 256;

/// A tag of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    file: Path,
    tag: String,
}

/// Where the values of tags are in an engine's files.
#[derive(Debug)]
pub(crate) struct TagRows(Mutex<State>);

#[derive(Debug)]
struct State {
    places: LatelyUsed<Place, Found>,
    /// What is to be read.
    waiting: VecDeque<Job>,
    /// Whether somebody is at it.
    is_working: bool,
    hits: u64,
    misses: u64,
}

#[derive(Debug, Clone)]
enum Found {
    AskedOnce,
    /// It is being read.
    Waiting,
    Rows(Arc<RowsOfTag>),
    /// The values change so often that it is not worth it, or the column cannot be read.
    Unfit,
}

/// A tag of a file to be read.
#[derive(Debug)]
struct Job {
    place: Place,
    file: PartitionedFile,
    rows: u64,
    bytes_max: u64,
    readers: Arc<dyn ParquetFileReaderFactory>,
}

impl TagRows {
    /// Keeps up to this many bytes; none if that is 0.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self(Mutex::new(State {
            places: LatelyUsed::new(bytes_max),
            waiting: VecDeque::new(),
            is_working: false,
            hits: 0,
            misses: 0,
        }))
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let state = self.0.lock();
        let is_known = |found: &&Found| matches!(found, Found::Rows(_));
        CacheStats {
            bytes: state.places.size(),
            entries: state.places.values().filter(is_known).count(),
            hits: state.hits,
            misses: state.misses,
        }
    }

    /// The rows of a tag of a file, if they are known. When they are asked for the second time and are not, they are read in the background.
    fn of(
        self: &Arc<Self>,
        file: &PartitionedFile,
        rows: u64,
        tag: &str,
        readers: &Arc<dyn ParquetFileReaderFactory>,
    ) -> Option<Arc<RowsOfTag>> {
        let mut state = self.0.lock();
        if state.places.most() == 0 {
            return None;
        }
        let place = Place {
            file: file.object_meta.location.clone(),
            tag: tag.to_owned(),
        };
        let found = state.places.get(&place).cloned();
        if let Some(Found::Rows(rows)) = found {
            state.hits += 1;
            return Some(rows);
        }
        state.misses += 1;
        match found {
            None => state.set(place, Found::AskedOnce),
            Some(Found::AskedOnce) if state.waiting.len() < WAITING_MAX => {
                state.set(place.clone(), Found::Waiting);
                let bytes_max = state.places.most();
                state.waiting.push_back(Job {
                    place,
                    file: file.clone(),
                    rows,
                    bytes_max,
                    readers: Arc::clone(readers),
                });
                if !state.is_working {
                    state.is_working = true;
                    let all = Arc::clone(self);
                    tokio::spawn(async move { while all.work().await {} });
                }
            }
            _ => {}
        }
        None
    }

    /// The rows of a tag of a file, if they are known.
    fn as_known(&self, file: &Path, tag: &str) -> Option<Arc<RowsOfTag>> {
        let place = Place {
            file: file.clone(),
            tag: tag.to_owned(),
        };
        match self.0.lock().places.get(&place)? {
            Found::Rows(rows) => Some(Arc::clone(rows)),
            _ => None,
        }
    }

    /// Reads the next column that waits for it; says whether there was one.
    async fn work(&self) -> bool {
        let Some(job) = self.0.lock().next_job() else {
            return false;
        };
        // A decoder that meets damaged bytes may panic; nothing would be read any more.
        let read = AssertUnwindSafe(job.read()).catch_unwind().await;
        let read = read.unwrap_or_else(|_| {
            let damaged = "the column is damaged".to_owned();
            Err(DataFusionError::Execution(damaged))
        });
        let found = match read {
            Ok(Some(rows)) => Found::Rows(Arc::new(rows)),
            Ok(None) => Found::Unfit,
            Err(error) => {
                let Place { file, tag } = &job.place;
                tracing::debug!(%file, tag, %error, "the rows of a tag stay unknown");
                Found::Unfit
            }
        };
        self.0.lock().set(job.place, found);
        true
    }
}

impl State {
    fn set(&mut self, place: Place, found: Found) {
        let known = match &found {
            Found::Rows(rows) => rows.size(),
            _ => 0,
        };
        let size = ENTRY_BYTES + place.tag.len() as u64 + known;
        // What is too large for the cache must not be read again and again.
        match size > self.places.most() {
            true => self.places.insert(place, Found::Unfit, ENTRY_BYTES),
            false => self.places.insert(place, found, size),
        }
    }

    fn next_job(&mut self) -> Option<Job> {
        let job = self.waiting.pop_front();
        self.is_working = job.is_some();
        job
    }
}

impl Job {
    async fn read(&self) -> Result<Option<RowsOfTag>> {
        let metrics = ExecutionPlanMetricsSet::new();
        let file = self.file.clone();
        let reader = self.readers.create_reader(0, file, None, &metrics)?;
        reading::rows_of_tag(reader, &self.place.tag, self.rows, self.bytes_max).await
    }
}
