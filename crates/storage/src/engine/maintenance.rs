//! What keeps the store in shape, in the background: one loop, one thing at a time, on a thread of its
//! own, so that it takes at most one core and never makes a write wait.
//!
//! ```text
//! every few seconds, and after each flush
//!   forget what was dropped long ago
//!   forget files whose rows are all too old
//!   compact: one job of each table in turn, until nothing is left to do
//!   delete objects that nothing refers to any more, once no query can be reading them
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use catalog::{FileKey, FileRecord, Replacement, Table, TableId};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Core, sweep};
use crate::compaction::plan::{Circumstances, Job, next_job};
use crate::compaction::rewrite::{self, Rewrite};
use crate::error::{Error, Result};
use crate::last_rows::Rewritten;

/// Settings of what is done in the background.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often there is a look for something to do, besides after each flush; default 10 s.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Dropped databases and tables can be brought back for this long; default 72 h. Longer keeps the
    /// space that they take.
    #[serde(with = "humantime_serde")]
    pub undrop_period: Duration,
    /// Files that were replaced are deleted this long after; default 15 min. Must be longer than any
    /// query or backup takes that began before.
    #[serde(with = "humantime_serde")]
    pub replaced_file_age: Duration,
    /// Files that nothing refers to, such as those of an interrupted flush, are deleted at this age;
    /// default 24 h. At least an hour.
    #[serde(with = "humantime_serde")]
    pub orphan_age: Duration,
    /// How often the store is searched for those; default 6 h. Every search lists the whole store.
    #[serde(with = "humantime_serde")]
    pub orphan_interval: Duration,
    /// A jump of the clock forward by more than this stops old rows from being deleted for good until
    /// the next start; default 24 h. They are not read any more all the same.
    #[serde(with = "humantime_serde")]
    pub clock_jump_max: Duration,
    /// How much nicer than others the threads are that write and merge files, from 0 to 19; default 10.
    /// They get what CPU time requests leave over, and on a busy machine a little of theirs; with 0 they
    /// share evenly, and writes wait longer while a flush or compaction runs.
    pub niceness: u8,
}

impl Default for Settings {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            interval: Duration::from_secs(10),
            undrop_period: hours(72),
            replaced_file_age: Duration::from_secs(15 * 60),
            orphan_age: hours(24),
            orphan_interval: hours(6),
            clock_jump_max: hours(24),
            niceness: 10,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        if self.orphan_age < Duration::from_secs(3600) {
            let (name, problem) = ("maintenance.orphan_age", "must be at least an hour");
            return Err(Error::InvalidSetting { name, problem });
        }
        if self.niceness > 19 {
            let (name, problem) = ("maintenance.niceness", "must be at most 19");
            return Err(Error::InvalidSetting { name, problem });
        }
        Ok(())
    }
}

/// The background task, until stopped.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let mut worker = Worker::new(core, stop.clone());
    let interval = worker.core.settings.maintenance.interval;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = worker.core.flushed.notified() => {}
            () = tokio::time::sleep(interval) => {}
        }
        if worker.core.is_fenced.load(Ordering::Relaxed) {
            return; // what is here belongs to another process now
        }
        match worker.tend().await {
            Ok(()) => {}
            Err(Error::ShuttingDown) => return,
            Err(error) => warn!(%error, "maintenance failed, it will be tried again"),
        }
    }
}

/// One round, now.
#[cfg(test)]
pub(super) async fn tend(core: &Arc<Core>) -> Result<()> {
    Worker::new(Arc::clone(core), CancellationToken::new())
        .tend()
        .await
}

struct Worker {
    core: Arc<Core>,
    stop: CancellationToken,
    /// When each live file was first seen here.
    seen: HashMap<(TableId, FileKey), Instant>,
    /// Where the round of tables goes on.
    after: TableId,
    clock: ClockGuard,
    swept: Option<Instant>,
}

impl Worker {
    fn new(core: Arc<Core>, stop: CancellationToken) -> Self {
        let clock = ClockGuard::new(
            core.clock.now_nanos(),
            core.settings.maintenance.clock_jump_max,
        );
        Self {
            core,
            stop,
            seen: HashMap::new(),
            after: TableId(0),
            clock,
            swept: None,
        }
    }

    async fn tend(&mut self) -> Result<()> {
        let now = self.core.clock.now_nanos();
        if self.clock.is_plausible(now) {
            self.purge_dropped(now).await?;
            self.forget_expired(now).await?;
        }
        while !self.stop.is_cancelled() && self.compact_next().await? {}
        self.core.delete_replaced().await;
        self.sweep().await
    }

    async fn purge_dropped(&self, now: i64) -> Result<()> {
        let period = i64::try_from(self.core.settings.maintenance.undrop_period.as_nanos());
        let through = now.saturating_sub(period.unwrap_or(i64::MAX));
        let before = self.core.catalog.state();
        if self.core.catalog.purge_dropped(through).await? == 0 {
            return Ok(());
        }
        self.core.forget_purged(&before);
        Ok(())
    }

    /// Forgets files whose rows are all too old.
    async fn forget_expired(&self, now: i64) -> Result<()> {
        // Before the look at the files: a rewrite must not replace them in between.
        let _no_rewrite = self.core.rewriting.lock().await;
        let state = self.core.catalog.state();
        let mut replacements = Vec::new();
        let mut files = Vec::new();
        for table in state.databases().flat_map(|database| database.tables()) {
            let earliest = state.retention_of(table).earliest(now);
            let expired = table.files().iter().filter(|file| file.time_max < earliest);
            let expired: Vec<_> = expired.cloned().collect();
            if !expired.is_empty() {
                replacements.push(Replacement {
                    table: table.id,
                    removed: expired.iter().map(|file| file.key()).collect(),
                    added: vec![],
                });
                files.extend(expired);
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        self.core.catalog.replace_files(replacements).await?;
        info!(
            files = files.len(),
            "forgot files whose rows are older than they are kept"
        );
        self.core.replaced.add(&files);
        Ok(())
    }

    /// Does one job, of the next table that has one; false if no table has.
    async fn compact_next(&mut self) -> Result<bool> {
        let _one_at_a_time = Arc::clone(&self.core).rewriting_owned().await;
        let state = self.core.catalog.state();
        let mut tables: Vec<&Arc<Table>> = state.stored_tables().collect();
        tables.sort_by_key(|table| (table.id <= self.after, table.id));
        self.see(&tables);
        for table in tables {
            let Some(job) = self.plan(table) else {
                continue;
            };
            self.after = table.id;
            let retention = state.retention_of(table);
            let rewrite = Rewrite {
                table: Arc::clone(table),
                inputs: job.inputs,
                earliest: retention.earliest(self.core.clock.now_nanos()),
                unwanted: None,
                window: job.window,
                level: job.level,
                is_whole_window: job.is_whole_window,
                decided_at: state.number(),
                attempt: self.core.rewrites.fetch_add(1, Ordering::Relaxed),
                stop: self.stop.clone(),
            };
            self.core.rewrite_and_commit(vec![rewrite]).await?;
            return Ok(true);
        }
        Ok(false)
    }

    fn plan(&self, table: &Table) -> Option<Job> {
        let settings = &self.core.settings.compaction;
        let is_settled = |file: &FileRecord| {
            let seen = self.seen.get(&(table.id, file.key()));
            seen.is_some_and(|seen| seen.elapsed() >= settings.settle_age)
        };
        let state = self.core.catalog.state();
        next_job(
            table,
            &Circumstances {
                settings,
                now: self.core.clock.now_nanos(),
                retention: state.retention_of(table),
                is_settled: &is_settled,
            },
        )
    }

    /// Notes files that are new, and forgets those that are gone.
    fn see(&mut self, tables: &[&Arc<Table>]) {
        let now = Instant::now();
        let mut seen = HashMap::with_capacity(self.seen.len());
        for table in tables {
            for file in table.files() {
                let key = (table.id, file.key());
                let first = self.seen.get(&key).copied().unwrap_or(now);
                seen.insert(key, first);
            }
        }
        self.seen = seen;
    }

    async fn sweep(&mut self) -> Result<()> {
        let settings = &self.core.settings.maintenance;
        // The first search waits too: a process that starts again and again does not list for ever.
        let last = *self.swept.get_or_insert_with(Instant::now);
        if last.elapsed() < settings.orphan_interval {
            return Ok(());
        }
        self.swept = Some(Instant::now());
        sweep::orphans(&self.core, settings.orphan_age).await
    }
}

impl Core {
    /// Makes new files of old ones and commits them all at once.
    pub(super) async fn rewrite_and_commit(self: &Arc<Self>, rewrites: Vec<Rewrite>) -> Result<()> {
        let mut replacements = Vec::with_capacity(rewrites.len());
        let mut replaced = Vec::new();
        let mut same_rows = Vec::new();
        for rewrite in rewrites {
            let removed: Vec<_> = rewrite.inputs.iter().map(|file| file.key()).collect();
            let inputs = rewrite.inputs.clone();
            let table = Arc::clone(&rewrite.table);
            let (unwanted, earliest) = (rewrite.unwanted.is_some(), rewrite.earliest);
            let started = Instant::now();
            let added = rewrite::run(Arc::new(rewrite), &self.store, &self.background).await?;
            let rows = added.as_ref().map_or(0, |file| file.rows);
            let (from, to) = (
                total_bytes(&inputs),
                added.as_ref().map_or(0, |f| f.size_bytes),
            );
            self.compactions.fetch_add(1, Ordering::Relaxed);
            self.rows_compacted.fetch_add(rows, Ordering::Relaxed);
            self.compaction_bytes_written
                .fetch_add(to, Ordering::Relaxed);
            debug!(
                table = %table.name, files = inputs.len(), rows, from = %ByteSize(from),
                to = %ByteSize(to), took = ?started.elapsed(), "compacted"
            );
            if !unwanted {
                same_rows.push(Rewritten {
                    table: Arc::clone(&table),
                    inputs: removed.clone(),
                    output: added.clone().map(Arc::new),
                    earliest,
                });
            }
            replacements.push(Replacement {
                table: table.id,
                removed,
                added: added.into_iter().collect(),
            });
            replaced.extend(inputs);
        }
        self.catalog.replace_files(replacements).await?;
        self.replaced.add(&replaced);
        let manifest = self.catalog.state().number();
        for rewritten in same_rows {
            self.last_rows.note(rewritten, manifest).await;
        }
        Ok(())
    }

    async fn rewriting_owned(self: Arc<Self>) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.rewriting).lock_owned().await
    }

    /// Deletes the objects of files that were replaced long enough ago.
    async fn delete_replaced(&self) {
        let age = self.settings.maintenance.replaced_file_age;
        for path in self.replaced.take_older_than(age) {
            match self.store.delete(&path.as_str().into()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                // The sweep for orphans finds it later.
                Err(error) => warn!(path, %error, "could not delete a file that was replaced"),
            }
        }
    }
}

fn total_bytes(files: &[Arc<FileRecord>]) -> u64 {
    files.iter().map(|file| file.size_bytes).sum()
}

/// Objects to be deleted when no query can be reading them any more. Forgotten at the end of the
/// process: the sweep for orphans finds what is left.
#[derive(Debug, Default)]
pub(super) struct Replaced(parking_lot::Mutex<VecDeque<(Instant, String)>>);

impl Replaced {
    pub(super) fn add<'a>(&self, files: impl IntoIterator<Item = &'a Arc<FileRecord>>) {
        self.add_paths(files.into_iter().map(|file| file.path()));
    }

    pub(super) fn add_paths(&self, paths: impl IntoIterator<Item = String>) {
        let now = Instant::now();
        let paths = paths.into_iter().map(|path| (now, path));
        self.0.lock().extend(paths);
    }

    fn take_older_than(&self, age: Duration) -> Vec<String> {
        let mut waiting = self.0.lock();
        let old = waiting
            .iter()
            .take_while(|(since, _)| since.elapsed() >= age);
        let count = old.count();
        waiting.drain(..count).map(|(_, path)| path).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// Notices when the wall clock runs away from the monotonic one.
struct ClockGuard {
    wall: i64,
    monotonic: Instant,
    jump_max: Duration,
    has_jumped: bool,
}

impl ClockGuard {
    fn new(wall: i64, jump_max: Duration) -> Self {
        Self {
            wall,
            monotonic: Instant::now(),
            jump_max,
            has_jumped: false,
        }
    }

    /// Whether what depends on the time of day may be done for good.
    fn is_plausible(&mut self, wall: i64) -> bool {
        if self.has_jumped {
            return false;
        }
        let passed = self.monotonic.elapsed().as_nanos();
        let ahead = i128::from(wall) - i128::from(self.wall) - passed.cast_signed();
        if ahead > self.jump_max.as_nanos().cast_signed() {
            warn!(
                "the clock has jumped forward; rows are not deleted for being old until the next start"
            );
            self.has_jumped = true;
        } else {
            (self.wall, self.monotonic) = (wall, Instant::now());
        }
        !self.has_jumped
    }
}
