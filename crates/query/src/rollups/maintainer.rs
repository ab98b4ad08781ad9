//! Keeps rollups up to date: one step looks at every rollup and computes, of each, some windows that are due.
//!
//! | a window | is computed |
//! |---|---|
//! | that has changed | when it has ended, and the change and the end are `LAG` ago |
//! | of a coarser rollup | when the finer one has all its windows in it |
//! | of which rows were deleted | likewise, after what there was of it is deleted |
//! | whose raw rows are not kept any more | never again |
//!
//! The latest windows come first: while years are being filled in, what happens now is there all the same.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Predicate, RecordId, Rollup, State};
use futures::TryStreamExt as _;
use storage::{Following, Wanted, Work};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::board::Standing;
use super::compute::Computation;
use super::layout;
use super::progress::{self, Progress};
use crate::caller::Caller;
use crate::engine::{Access, QueryEngine, SqlRequest};
use crate::error::Result;
use crate::tasks::rows::{self, Target};

/// Windows at a time to begin with.
const WINDOWS: i64 = 16;

/// Windows at a time at most.
const WINDOWS_MAX: i64 = 1 << 16;

/// What takes less is done in larger pieces the next time, what takes four times as long in smaller ones.
const PIECE: Duration = Duration::from_millis(500);

/// How long a rollup that failed is left alone: this, doubled with each failure.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Keeps the rollups of an engine up to date, for as long as somebody calls [`Maintainer::step`].
#[derive(Debug)]
pub struct Maintainer {
    engine: Arc<QueryEngine>,
    /// How far rollups had come that were not seen yet.
    noted: HashMap<RecordId, Progress>,
    saved: HashMap<RecordId, Progress>,
    followed: HashMap<RecordId, Pace>,
}

/// How a rollup is worked on.
#[derive(Debug, Clone, Copy)]
struct Pace {
    windows: i64,
    failures: u32,
    not_before: Option<Instant>,
}

impl Maintainer {
    /// Reads how far rollups have come.
    pub async fn open(engine: Arc<QueryEngine>) -> Result<Self> {
        let noted = progress::read(&engine).await?;
        Ok(Self {
            engine,
            saved: noted.clone(),
            noted,
            followed: HashMap::new(),
        })
    }

    /// Computes some of the windows that are due. Returns whether there may be more at once.
    pub async fn step(&mut self) -> bool {
        let state = self.engine.catalog().state();
        self.follow(&state);
        let mut has_more = false;
        for rollup in state.rollups() {
            has_more |= self.work_on(&state, rollup).await;
        }
        let now = self.engine.clock().now_nanos();
        self.engine.rollups().keep(&state, now, self.lag(&state));
        has_more
    }

    /// Follows the tables of rollups that are new, and forgets those that are gone.
    fn follow(&mut self, state: &State) {
        let storage = self.engine.storage();
        self.followed.retain(|id, _| {
            let stays = state.rollup(*id).is_some();
            if !stays {
                storage.unfollow(*id);
            }
            stays
        });
        for rollup in state.rollups() {
            if self.followed.contains_key(&rollup.id) {
                continue;
            }
            let noted = self.noted.remove(&rollup.id);
            if let Some(noted) = &noted {
                self.engine.rollups().change(rollup.id, |standing| {
                    standing.frozen = noted.frozen;
                    standing.floor = noted.floor;
                });
            }
            let swept = rollup.touched.iter().map(|range| range.times.clone());
            storage.follow(&Following {
                follower: rollup.id,
                table: rollup.source,
                every_nanos: rollup.every_nanos,
                through: noted.as_ref().map(|noted| noted.through),
                changed: noted.map(|noted| noted.changed).unwrap_or_default(),
                swept: swept.collect(),
            });
            let pace = Pace {
                windows: WINDOWS,
                failures: 0,
                not_before: None,
            };
            self.followed.insert(rollup.id, pace);
        }
    }

    async fn work_on(&mut self, state: &State, rollup: &Arc<Rollup>) -> bool {
        let now = self.engine.clock().now_nanos();
        let standing = self.engine.rollups().expire(rollup, state, now);
        self.forgo(rollup, &standing);
        let Some(pace) = self.followed.get(&rollup.id).copied() else {
            return false;
        };
        let rests = pace.not_before.is_some_and(|at| Instant::now() < at);
        let is_there = |table| state.table(table).is_some();
        if rests || rollup.is_paused || !is_there(rollup.source) || !is_there(rollup.target) {
            return false;
        }
        let Some(work) = self.begin(state, rollup, now, pace.windows) else {
            self.forget_touched(rollup).await;
            return false;
        };
        let started = Instant::now();
        let done = compute(&self.engine, state, rollup, &work).await;
        self.end(rollup, &work, done, started.elapsed());
        true
    }

    /// Windows that cannot be computed any more stay as they are.
    fn forgo(&self, rollup: &Rollup, standing: &Standing) {
        let storage = self.engine.storage();
        let first = kept_from(rollup, standing);
        storage.forgo(rollup.id, &(i64::MIN..first));
    }

    fn begin(&self, state: &State, rollup: &Rollup, now: i64, windows: i64) -> Option<Work> {
        let storage = self.engine.storage();
        let finer = state.rollup_in(rollup.source);
        // What the finer one has not taken in itself.
        let not = match finer {
            Some(finer) => storage.changes(finer.id)?.changed,
            None => Vec::new(),
        };
        let by = now.saturating_sub(rollup.lag_nanos);
        let wanted = Wanted {
            until: by,
            since: by,
            windows_max: windows,
            not: &not,
        };
        storage.begin_work(rollup.id, &wanted)
    }

    fn end(&mut self, rollup: &Rollup, work: &Work, done: Result<u64>, took: Duration) {
        let storage = self.engine.storage();
        let now = self.engine.clock().now_nanos();
        let (board, Some(pace)) = (self.engine.rollups(), self.followed.get_mut(&rollup.id)) else {
            return;
        };
        board.count(done.as_ref().ok().copied(), took);
        match done {
            Ok(rows) => {
                storage.finish_work(rollup.id, work);
                pace.failures = 0;
                if took < PIECE {
                    pace.windows = (pace.windows * 2).min(WINDOWS_MAX);
                } else if took > 4 * PIECE {
                    pace.windows = (pace.windows / 2).max(1);
                }
                debug!(rollup = %rollup.name, rows, ?took, times = ?work.times, "computed windows");
                board.change(rollup.id, |standing| {
                    standing.rows += rows;
                    standing.computed_at_nanos = Some(now);
                    standing.error = None;
                });
            }
            Err(error) => {
                storage.give_work_back(rollup.id, work);
                pace.windows = (pace.windows / 4).max(1);
                let pause = PAUSE
                    .saturating_mul(1 << pace.failures.min(10))
                    .min(PAUSE_MAX);
                pace.failures = pace.failures.saturating_add(1);
                pace.not_before = Some(Instant::now() + pause);
                warn!(rollup = %rollup.name, %error, retry_in = ?pause, "windows cannot be computed");
                board.change(rollup.id, |standing| {
                    standing.error = Some(error.to_string())
                });
            }
        }
    }

    /// Takes back the notes of windows that have been computed since.
    async fn forget_touched(&self, rollup: &Rollup) {
        let storage = self.engine.storage();
        let touched = rollup.touched.iter();
        let done = touched.filter(|range| !storage.is_swept(rollup.id, &range.times));
        let done: Vec<u64> = done.map(|range| range.id).collect();
        if done.is_empty() {
            return;
        }
        let change = |rollup: &mut Rollup| {
            rollup.touched.retain(|range| !done.contains(&range.id));
            Ok(())
        };
        let changed = self.engine.catalog().change_record(rollup.id, change);
        if let Err(error) = changed.await {
            // They are computed once more after a restart.
            warn!(rollup = %rollup.name, %error, "it cannot be noted which windows were computed");
        }
    }

    /// How long the window that waits longest could have been computed.
    fn lag(&self, state: &State) -> u64 {
        let now = self.engine.clock().now_nanos();
        let of_rollup = |rollup: &Arc<Rollup>| {
            let changes = self.engine.storage().changes(rollup.id)?;
            let first = changes.changed.first()?;
            let due = first.start.saturating_add(rollup.every_nanos);
            let due = due.saturating_add(rollup.lag_nanos);
            Some(now.saturating_sub(due).max(0).unsigned_abs())
        };
        let active = state.rollups().filter(|rollup| !rollup.is_paused);
        active.filter_map(of_rollup).max().unwrap_or(0)
    }

    /// Notes how far rollups have come, if that has changed.
    pub async fn save(&mut self) -> Result<()> {
        let mut changed = HashMap::new();
        for id in self.followed.keys() {
            let Some(changes) = self.engine.storage().changes(*id) else {
                continue;
            };
            let standing = self.engine.rollups().standing(*id);
            let now = Progress {
                through: changes.through,
                changed: changes.changed,
                frozen: standing.frozen,
                floor: standing.floor,
            };
            let every = self.every_of(*id);
            let is_near = |before: i64, after: i64| after.saturating_sub(before) < every;
            let is_same = |saved: &Progress| {
                // Writes to other tables alone are not worth a note.
                saved.changed == now.changed
                    && now.changed.is_empty()
                    && is_near(saved.floor, now.floor)
                    && is_near(saved.frozen, now.frozen)
            };
            if !self.saved.get(id).is_some_and(is_same) || self.is_stale(*id, &now) {
                changed.insert(*id, now);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        progress::write(&self.engine, &changed).await?;
        self.saved.extend(changed);
        Ok(())
    }

    fn every_of(&self, id: RecordId) -> i64 {
        let state = self.engine.catalog().state();
        state.rollup(id).map_or(1, |rollup| rollup.every_nanos)
    }

    /// Whether rows of the source are newer than what was noted.
    fn is_stale(&self, id: RecordId, now: &Progress) -> bool {
        let state = self.engine.catalog().state();
        let saved = self.saved.get(&id).map_or(0, |saved| saved.through);
        let source = state.rollup(id).map(|rollup| rollup.source);
        saved < now.through
            && source
                .is_some_and(|table| self.engine.storage().written_after(table, saved).is_some())
    }
}

/// The first window that is computed if it changes.
pub(super) fn kept_from(rollup: &Rollup, standing: &Standing) -> i64 {
    let first = standing.frozen.max(standing.floor).max(rollup.since_nanos);
    up(first, rollup.every_nanos)
}

/// The first boundary of windows at or after a time.
pub(crate) fn up(time: i64, every: i64) -> i64 {
    match time {
        i64::MIN => i64::MIN,
        time => {
            let down = time.div_euclid(every).saturating_mul(every);
            match down < time {
                true => down.saturating_add(every),
                false => down,
            }
        }
    }
}

/// Computes windows. Returns how many rows they have, when those are durable and visible.
async fn compute(engine: &QueryEngine, state: &State, rollup: &Rollup, work: &Work) -> Result<u64> {
    let (Some(source), Some(target)) = (state.table(rollup.source), state.table(rollup.target))
    else {
        return Ok(0);
    };
    let (Some(database), Some(layout)) = (
        state.database_of(rollup.database),
        layout::of(state, rollup),
    ) else {
        return Ok(0);
    };
    let request = |sql: String| SqlRequest {
        database: database.name.to_string(),
        sql,
        params: Vec::new(),
        timeout: Some(Duration::MAX),
        access: Access::Read,
        caller: Caller::administrator(None),
    };
    if work.is_swept {
        clear(engine, rollup, &work.times).await?;
    }
    let computation = Computation {
        layout: &layout,
        source: &source.name,
        is_raw: state.rollup_in(source.id).is_none(),
        every_nanos: rollup.every_nanos,
    };
    let into = Target {
        database: &database.name,
        table: &target.name,
        tags: &layout.tags,
        time: None,
    };
    let mut results = engine.sql(request(computation.sql(&work.times))).await?;
    let mut written = 0;
    while let Some(batch) = results.try_next().await? {
        written += rows::write(engine, &into, batch).await?;
    }
    Ok(written)
}

/// Deletes what there is of windows: rows that come in its place could leave some of it.
async fn clear(engine: &QueryEngine, rollup: &Rollup, times: &Range<i64>) -> Result<()> {
    let there = engine.storage().snapshot(rollup.target);
    let there = there.and_then(|table| table.time_range());
    let overlaps = |there: std::ops::RangeInclusive<i64>| {
        *there.start() < times.end && times.start <= *there.end()
    };
    if there.is_some_and(overlaps) {
        let all = Predicate::time_between(times.start..=times.end - 1);
        let tables = vec![(rollup.target, all)];
        engine.storage().delete_rows(tables).await?;
    }
    Ok(())
}
