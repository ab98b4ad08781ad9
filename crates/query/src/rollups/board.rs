//! What everybody sees of rollups: how they are, and what they have cost.

use std::collections::HashMap;
use std::time::Duration;

use catalog::{RecordId, Retention, State};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What everybody sees of rollups. Nothing is kept up to date until [`super::start`].
#[derive(Debug, Default)]
pub struct Rollups {
    inner: Mutex<Inner>,
    /// There is something to look at.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    standings: HashMap<RecordId, Standing>,
    /// When they were looked at last.
    looked_at_nanos: Option<i64>,
    figures: RollupFigures,
}

/// How a rollup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Windows that begin before this are as they are: their raw rows are not kept any more. It never
    /// goes back, as what has gone does not come back.
    pub(crate) frozen: i64,
    /// What begins before this is not in it any more.
    pub(crate) floor: i64,
    /// Rows written since the start.
    pub(crate) rows: u64,
    /// When windows were computed last.
    pub(crate) computed_at_nanos: Option<i64>,
    /// What went wrong the last time; nothing if nothing did.
    pub(crate) error: Option<String>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            frozen: i64::MIN,
            floor: i64::MIN,
            rows: 0,
            computed_at_nanos: None,
            error: None,
        }
    }
}

/// Figures about rollups, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollupFigures {
    /// Rollups that there are.
    pub rollups: usize,
    /// Times that windows were computed since the start.
    pub runs: u64,
    /// Times that it failed.
    pub failures: u64,
    /// Rows that were written since the start.
    pub rows: u64,
    /// Time that it took since the start, nanoseconds.
    pub run_nanos: u64,
    /// How long the window that waits longest could have been computed, nanoseconds.
    pub lag_nanos: u64,
}

impl Rollups {
    /// Something has changed in the catalog that may concern rollups.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// How a rollup is.
    pub(crate) fn standing(&self, rollup: RecordId) -> Standing {
        let inner = self.inner.lock();
        inner.standings.get(&rollup).cloned().unwrap_or_default()
    }

    /// When they were looked at last; `None` where they are not kept up to date.
    pub(crate) fn now(&self) -> Option<i64> {
        self.inner.lock().looked_at_nanos
    }

    /// Figures as of now.
    pub fn figures(&self) -> RollupFigures {
        self.inner.lock().figures
    }

    pub(super) fn change(&self, rollup: RecordId, change: impl FnOnce(&mut Standing)) {
        change(self.inner.lock().standings.entry(rollup).or_default());
    }

    /// Notes which rows are not kept any more, of a rollup's source and of itself.
    pub(super) fn expire(&self, rollup: &catalog::Rollup, state: &State, now: i64) -> Standing {
        let retention = |table| {
            let table = state.stored_table(table);
            table.map_or(Retention::Forever, |table| state.retention_of(table))
        };
        let frozen = retention(rollup.source).earliest(now);
        let floor = retention(rollup.target).earliest(now);
        let mut inner = self.inner.lock();
        let standing = inner.standings.entry(rollup.id).or_default();
        standing.frozen = standing.frozen.max(frozen);
        standing.floor = standing.floor.max(floor);
        standing.clone()
    }

    pub(super) fn keep(&self, state: &State, now: i64, lag_nanos: u64) {
        let mut inner = self.inner.lock();
        inner.looked_at_nanos = Some(now);
        inner.standings.retain(|id, _| state.rollup(*id).is_some());
        inner.figures.rollups = state.rollups().count();
        inner.figures.lag_nanos = lag_nanos;
    }

    pub(super) fn count(&self, rows: Option<u64>, took: Duration) {
        let figures = &mut self.inner.lock().figures;
        match rows {
            Some(rows) => {
                figures.runs += 1;
                figures.rows += rows;
            }
            None => figures.failures += 1,
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        figures.run_nanos = figures.run_nanos.saturating_add(nanos);
    }
}
