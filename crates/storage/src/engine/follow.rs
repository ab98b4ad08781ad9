//! Which windows of a table have changed since somebody took them in: for whoever keeps a summary of the
//! table's rows in another one.
//!
//! ```text
//!   write ─▶ marked ─▶ visible              delete: noted durably ─▶ held ─▶ done ─▶ marked, as swept
//!              │
//!              ▼
//!           changed ──begin_work──▶ in work ──finish_work──▶ not changed
//!              ▲                      │ failed
//!              └──────────────────────┘
//! ```
//!
//! What is said here is never too little: a window counts as changed from before a reader can see the change
//! until the summary of it is visible. So a reader who takes, in this order, the [generation](Changes), a
//! snapshot of the summary, one of the table, and what has changed, and finds the generation as it was, may
//! take every window that has not changed from the summary.
//!
//! What is here is gone with the process. [`Engine::follow`] is told the last write that was taken in, or what
//! had not been then, and marks everything that may be newer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::{RecordId, TableId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ranges::Ranges;
use super::{Core, Engine};
use crate::batch::WriteBatch;

/// As many separate ranges are told apart.
const RANGES_MAX: usize = 4096;

/// Who follows a table, and what they know of it.
#[derive(Debug, Clone)]
pub struct Following {
    /// Who: the id of a record.
    pub follower: RecordId,
    /// The table.
    pub table: TableId,
    /// The length of a window, nanoseconds; windows are counted from 1970.
    pub every_nanos: i64,
    /// Every write up to this one was taken in, but for `changed`. `None`: nothing was.
    pub through: Option<u64>,
    /// What had not been taken in of it.
    pub changed: Vec<Range<i64>>,
    /// Of which rows may have gone.
    pub swept: Vec<Range<i64>>,
}

/// What of a table its follower has not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Goes up when anything is taken in.
    pub generation: u64,
    /// The times, in whole windows and in order.
    pub changed: Vec<Range<i64>>,
    /// Everything that was written up to here is taken in, but for `changed`.
    pub through: u64,
}

/// Windows of which a summary is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The times.
    pub times: Range<i64>,
    /// Whether rows may have gone, and not only come.
    pub is_swept: bool,
}

/// Which windows somebody would work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// They end by this time.
    pub until: i64,
    /// They have waited since this time, or longer.
    pub since: i64,
    /// No more than so many at a time.
    pub windows_max: i64,
    /// No windows that hold any of these times.
    pub not: &'a [Range<i64>],
}

/// Everybody who follows a table.
#[derive(Debug, Default)]
pub(super) struct Followers {
    is_on: AtomicBool,
    inner: Mutex<HashMap<RecordId, Follower>>,
    changed: Notify,
}

#[derive(Debug)]
struct Follower {
    table: TableId,
    every_nanos: i64,
    generation: u64,
    changed: Ranges,
    /// Of those, or of those in work, the ones of which rows may have gone.
    swept: Ranges,
    in_work: Ranges,
    /// What deletes under way may change, by number.
    held: Vec<(u64, Range<i64>)>,
    last_held: u64,
}

impl Follower {
    fn new(following: &Following) -> Self {
        let mut follower = Self {
            table: following.table,
            every_nanos: following.every_nanos.max(1),
            generation: 0,
            changed: Ranges::default(),
            swept: Ranges::default(),
            in_work: Ranges::default(),
            held: Vec::new(),
            last_held: 0,
        };
        for times in &following.changed {
            follower.mark(times.clone(), i64::MIN);
        }
        for times in &following.swept {
            follower.sweep(times.clone(), i64::MIN);
        }
        follower
    }

    /// The windows that hold these times.
    fn windows(&self, times: &Range<i64>) -> Range<i64> {
        let every = self.every_nanos;
        let start = times.start.div_euclid(every).saturating_mul(every);
        let last = times.end.saturating_sub(1).div_euclid(every);
        start..last.saturating_add(1).saturating_mul(every)
    }

    fn mark(&mut self, times: Range<i64>, since: i64) {
        let windows = self.windows(&times);
        self.changed.insert(windows, since);
        if self.changed.len() > RANGES_MAX {
            self.changed.shorten(RANGES_MAX / 2);
        }
    }

    fn sweep(&mut self, times: Range<i64>, since: i64) {
        let windows = self.windows(&times);
        self.swept.insert(windows.clone(), since);
        self.swept.shorten(RANGES_MAX);
        self.mark(windows, since);
    }

    /// Marks the windows of rows. Those of a batch lie close together, most of them in one window.
    fn mark_rows(&mut self, times: &[i64], now: i64) {
        let mut last: Range<i64> = 0..0;
        for &time in times {
            if !last.contains(&time) {
                last = self.windows(&(time..time.saturating_add(1)));
                self.mark(last.clone(), now);
            }
        }
    }

    fn all_changed(&self) -> Ranges {
        let mut all = self.changed.clone();
        for (times, since) in self.in_work.iter() {
            all.insert(times, since);
        }
        for (_, times) in &self.held {
            all.insert(self.windows(times), i64::MAX);
        }
        all
    }
}

impl Followers {
    /// Marks what a write changes; before it can be seen, and while nothing else is applied.
    pub(super) fn mark(&self, batch: &WriteBatch, now: impl FnOnce() -> i64) {
        if !self.is_on.load(Ordering::Acquire) {
            return;
        }
        let mut inner = self.inner.lock();
        let is_followed = |table| inner.values().any(|follower| follower.table == table);
        if !batch.tables.iter().any(|rows| is_followed(rows.table)) {
            return;
        }
        let now = now();
        for rows in &batch.tables {
            let followers = inner.values_mut();
            for follower in followers.filter(|follower| follower.table == rows.table) {
                follower.mark_rows(&rows.times, now);
            }
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// From now on these times count as changed, until [`Followers::release`].
    pub(super) fn hold(&self, tables: &[(TableId, Range<i64>)]) -> Vec<(RecordId, u64)> {
        let mut held = Vec::new();
        for (id, follower) in self.inner.lock().iter_mut() {
            let table = follower.table;
            for (_, times) in tables.iter().filter(|(other, _)| *other == table) {
                follower.last_held += 1;
                follower.held.push((follower.last_held, times.clone()));
                held.push((*id, follower.last_held));
            }
        }
        held
    }

    /// What was held has changed, or may have; for those too who follow the table only since.
    pub(super) fn release(
        &self,
        tables: &[(TableId, Range<i64>)],
        held: &[(RecordId, u64)],
        now: i64,
    ) {
        for (id, follower) in self.inner.lock().iter_mut() {
            let table = follower.table;
            for (_, times) in tables.iter().filter(|(other, _)| *other == table) {
                follower.sweep(times.clone(), now);
            }
            let is_mine = |number: u64| held.contains(&(*id, number));
            follower.held.retain(|(number, _)| !is_mine(*number));
        }
        self.changed.notify_one();
    }
}

impl Core {
    /// The times of whatever holds rows of later writes than this one.
    pub(super) fn newer_times(&self, table: TableId, through: Option<u64>) -> Vec<Range<i64>> {
        // The buffer first, as for a snapshot.
        let buffer = self.buffer.table(table);
        let buffered = buffer.map(|buffer| buffer.contents()).unwrap_or_default();
        let state = self.catalog.state();
        let Some(table) = state.stored_table(table) else {
            return Vec::new();
        };
        let spilled = buffered.spilled.iter().map(|(_, file)| file);
        let files = table.files().iter().chain(spilled);
        let files = files.map(|file| (file.id.last_sequence, file.time_min, file.time_max));
        let chunks = buffered.chunks.iter();
        let chunks = chunks.map(|(_, it)| (it.last_sequence, it.time_min, it.time_max));
        let is_newer = |last: u64| through.is_none_or(|through| last > through);
        let newer = files.chain(chunks).filter(|(last, ..)| is_newer(*last));
        newer
            .map(|(_, min, max)| min..max.saturating_add(1))
            .collect()
    }
}

impl Engine {
    /// Follows a table. A follower that is there already stays as it is.
    pub fn follow(&self, following: &Following) {
        let followers = &self.core.followers;
        // A record that is being applied would be neither marked nor in the buffer.
        let applied = self.core.applied.lock();
        let mut inner = followers.inner.lock();
        if inner.contains_key(&following.follower) {
            return;
        }
        let mut follower = Follower::new(following);
        // A log that has lost its end counts on from an earlier number.
        let last = (*applied).max(self.core.catalog.state().wal_applied_through());
        let through = following.through.map(|through| through.min(last));
        for times in self.core.newer_times(following.table, through) {
            follower.mark(times, i64::MIN);
        }
        inner.insert(following.follower, follower);
        followers.is_on.store(true, Ordering::Release);
        drop(inner);
        followers.changed.notify_one();
    }

    /// Follows no more.
    pub fn unfollow(&self, follower: RecordId) {
        let followers = &self.core.followers;
        let mut inner = followers.inner.lock();
        inner.remove(&follower);
        followers.is_on.store(!inner.is_empty(), Ordering::Release);
    }

    /// Waits until something has changed that somebody follows. For one who waits at a time.
    pub async fn followed_changed(&self) {
        self.core.followers.changed.notified().await;
    }

    /// What a follower has not taken in; `None` when nobody of this id follows anything.
    pub fn changes(&self, follower: RecordId) -> Option<Changes> {
        let applied = self.core.applied.lock();
        let through = (*applied).max(self.core.catalog.state().wal_applied_through());
        drop(applied);
        // What is applied from here on is marked too much, never too little.
        let inner = self.core.followers.inner.lock();
        let follower = inner.get(&follower)?;
        let changed = follower.all_changed();
        Some(Changes {
            generation: follower.generation,
            changed: changed.iter().map(|(times, _)| times).collect(),
            through,
        })
    }

    /// How often a follower has taken anything in.
    pub fn generation(&self, follower: RecordId) -> Option<u64> {
        let inner = self.core.followers.inner.lock();
        inner.get(&follower).map(|follower| follower.generation)
    }

    /// Marks times by hand, of which rows may have gone.
    pub fn sweep(&self, follower: RecordId, times: Range<i64>) {
        let mut inner = self.core.followers.inner.lock();
        if let Some(follower) = inner.get_mut(&follower) {
            follower.sweep(times, i64::MIN);
        }
        drop(inner);
        self.core.followers.changed.notify_one();
    }

    /// Takes times of these for what they are in the summary, whatever they are in the table.
    pub fn forgo(&self, follower: RecordId, times: &Range<i64>) {
        let mut inner = self.core.followers.inner.lock();
        if let Some(follower) = inner.get_mut(&follower)
            && (follower.changed.overlaps(times) || follower.swept.overlaps(times))
        {
            follower.changed.remove(times);
            follower.swept.remove(times);
            follower.generation += 1;
        }
    }

    /// Begins to take in windows that have changed, the latest first. What a snapshot from now on shows of them
    /// is what has changed.
    pub fn begin_work(&self, follower: RecordId, wanted: &Wanted<'_>) -> Option<Work> {
        // A record that is being applied would be marked but not visible.
        let _nothing_is_applied = self.core.applied.lock();
        let mut inner = self.core.followers.inner.lock();
        let follower = inner.get_mut(&follower)?;
        let every = follower.every_nanos;
        let until = wanted.until.div_euclid(every).saturating_mul(every);
        let mut due = Ranges::default();
        for (times, since) in follower.changed.iter() {
            if since <= wanted.since {
                due.insert(times.start..times.end.min(until), since);
            }
        }
        for times in wanted.not {
            due.remove(&follower.windows(times));
        }
        for (_, times) in &follower.held {
            due.remove(&follower.windows(times));
        }
        let (times, _) = due.iter().next_back()?;
        let length = wanted.windows_max.max(1).saturating_mul(every);
        let times = times.end.saturating_sub(length).max(times.start)..times.end;
        follower.changed.remove(&times);
        follower.in_work.insert(times.clone(), i64::MIN);
        Some(Work {
            is_swept: follower.swept.overlaps(&times),
            times,
        })
    }

    /// What was begun is in the summary, where everybody can see it.
    pub fn finish_work(&self, follower: RecordId, work: &Work) {
        let mut inner = self.core.followers.inner.lock();
        if let Some(follower) = inner.get_mut(&follower) {
            follower.in_work.remove(&work.times);
            // What was swept meanwhile has been marked as changed again, and stays swept.
            if !follower.changed.overlaps(&work.times) {
                follower.swept.remove(&work.times);
            }
            follower.generation += 1;
        }
    }

    /// What was begun has failed.
    pub fn give_work_back(&self, follower: RecordId, work: &Work) {
        let mut inner = self.core.followers.inner.lock();
        if let Some(follower) = inner.get_mut(&follower) {
            follower.in_work.remove(&work.times);
            follower.changed.insert(work.times.clone(), i64::MIN);
        }
    }

    /// Whether rows of these times may have gone and nobody has taken that in.
    pub fn is_swept(&self, follower: RecordId, times: &Range<i64>) -> bool {
        let inner = self.core.followers.inner.lock();
        inner.get(&follower).is_none_or(|follower| {
            let windows = follower.windows(times);
            let mut held = follower.held.iter();
            follower.swept.overlaps(&windows)
                || follower.in_work.overlaps(&windows)
                || held.any(|(_, held)| held.start < times.end && times.start < held.end)
        })
    }
}
