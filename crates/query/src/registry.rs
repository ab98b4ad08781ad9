//! Queries that run, and those that ran lately.
//!
//! ```text
//! begin ─▶ queued ─▶ planning ─▶ running ─▶ done │ failed │ cancelled ─▶ kept for a while
//! ```
//!
//! A query is listed as long as anybody works for it: whoever does holds its [`Handle`], and the last
//! one that goes takes it off the list. So one whose client has gone, but that computes on until it
//! comes to a pause, is still to be seen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use catalog::{Action, Clock};
use datafusion::execution::memory_pool::{MemoryPool, PeakRecordingPool};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::array_bytes::bytes_of;
use crate::caller::Caller;
use crate::error::{Error, Result};

/// As much of a query's text is kept.
const TEXT_BYTES_MAX: usize = 4096;

/// As many queries that have ended are kept.
const ENDED_MAX: usize = 256;

/// The queries of an engine.
#[derive(Debug)]
pub(crate) struct Registry {
    clock: Arc<dyn Clock>,
    last_id: AtomicU64,
    queries: Mutex<Queries>,
}

#[derive(Debug, Default)]
struct Queries {
    running: BTreeMap<u64, Arc<Query>>,
    /// Oldest first.
    ended: VecDeque<Figures>,
}

/// A query that runs.
#[derive(Debug)]
struct Query {
    id: u64,
    text: String,
    database: String,
    token: Option<Arc<str>>,
    started_nanos: i64,
    started: Instant,
    state: Mutex<State>,
    rows: AtomicU64,
    bytes: AtomicU64,
    memory: OnceLock<Arc<PeakRecordingPool>>,
    stop: CancellationToken,
}

/// How far a query has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for its turn.
    Queued,
    /// Its text is being turned into a plan.
    Planning,
    /// It makes rows, or waits for whoever reads them.
    Running,
    /// Its last row was taken.
    Done,
    /// It ended with an error, for this reason.
    Failed(&'static str),
    /// Somebody stopped it, or nobody waited for it any more.
    Cancelled,
}

/// What is known of a query.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) id: u64,
    pub(crate) text: String,
    pub(crate) database: String,
    pub(crate) token: Option<Arc<str>>,
    pub(crate) state: State,
    pub(crate) started_nanos: i64,
    pub(crate) elapsed: Duration,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) memory_peak_bytes: u64,
}

impl State {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Planning => "planning",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Why it failed.
    pub(crate) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Failed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether there is more to come.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Planning | Self::Running)
    }
}

impl Registry {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            last_id: AtomicU64::new(0),
            queries: Mutex::default(),
        })
    }

    /// Puts a query on the list.
    pub(crate) fn begin(
        self: &Arc<Self>,
        text: &str,
        database: &str,
        caller: &Caller,
    ) -> Arc<Handle> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let query = Arc::new(Query {
            id,
            text: text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned(),
            database: database.to_owned(),
            token: caller.token.clone(),
            started_nanos: self.clock.now_nanos(),
            started: Instant::now(),
            state: Mutex::new(State::Queued),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            memory: OnceLock::new(),
            stop: CancellationToken::new(),
        });
        self.queries.lock().running.insert(id, Arc::clone(&query));
        Arc::new(Handle {
            registry: Arc::clone(self),
            query,
        })
    }

    /// What a caller sees of the queries: those that ended lately first, then those that run.
    pub(crate) fn figures(&self, caller: &Caller) -> Vec<Figures> {
        let queries = self.queries.lock();
        let running = queries.running.values().map(|query| query.figures());
        let all = queries.ended.iter().cloned().chain(running);
        all.filter(|figures| is_seen(figures.token.as_deref(), &figures.database, caller))
            .collect()
    }

    /// Stops a query that a caller sees.
    pub(crate) fn kill(&self, id: &str, caller: &Caller) -> Result<()> {
        let queries = self.queries.lock();
        let number = id.parse::<u64>().ok();
        let query = number.and_then(|number| queries.running.get(&number));
        let query = query.filter(|query| {
            is_seen(query.token.as_deref(), &query.database, caller)
                && query.state.lock().is_active()
        });
        let query = query.ok_or_else(|| Error::QueryNotFound {
            id: id.chars().take(40).collect(),
        })?;
        query.stop.cancel();
        Ok(())
    }
}

/// A query is seen by whoever runs it, and whoever administers its database: its text may tell of tables
/// that others do not see.
fn is_seen(token: Option<&str>, database: &str, caller: &Caller) -> bool {
    caller.sees_token(token) || caller.may(Action::Admin, database, None)
}

impl Query {
    fn figures(&self) -> Figures {
        let memory = self.memory.get().map_or(0, |pool| pool.max_reserved());
        Figures {
            id: self.id,
            text: self.text.clone(),
            database: self.database.clone(),
            token: self.token.clone(),
            state: *self.state.lock(),
            started_nanos: self.started_nanos,
            elapsed: self.started.elapsed(),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            memory_peak_bytes: memory as u64,
        }
    }
}

/// A place on the list, held by whoever works for the query.
#[derive(Debug)]
pub(crate) struct Handle {
    registry: Arc<Registry>,
    query: Arc<Query>,
}

impl Handle {
    /// The query's id.
    pub(crate) fn id(&self) -> u64 {
        self.query.id
    }

    /// It has come as far as this. What has ended has ended.
    pub(crate) fn enter(&self, next: State) {
        let mut state = self.query.state.lock();
        if state.is_active() {
            *state = next;
        }
    }

    /// It ended with this error.
    pub(crate) fn fail(&self, error: &Error) {
        self.enter(match error {
            Error::QueryCancelled { .. } => State::Cancelled,
            other => State::Failed(other.reason()),
        });
    }

    /// Rows were handed to whoever reads them. Returns how many rows and bytes it has been so far.
    pub(crate) fn count(&self, batch: &RecordBatch) -> (u64, u64) {
        let (rows, bytes) = (batch.num_rows() as u64, size_bytes(batch));
        let query = &self.query;
        (
            query.rows.fetch_add(rows, Ordering::Relaxed) + rows,
            query.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes,
        )
    }

    /// The pool that the query is to take its memory from, which takes it from `shared`.
    pub(crate) fn memory_pool(&self, shared: &Arc<dyn MemoryPool>) -> Arc<dyn MemoryPool> {
        let pool = || Arc::new(PeakRecordingPool::new(Arc::clone(shared)));
        Arc::clone(self.query.memory.get_or_init(pool)) as _
    }

    /// Stops what is still being done for the query: nobody waits for it any more.
    pub(crate) fn stop(&self) {
        self.query.stop.cancel();
    }

    /// Tells those who work for the query that it was stopped.
    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.query.stop
    }

    /// Waits until somebody stops the query.
    pub(crate) fn stopped(&self) -> WaitForCancellationFutureOwned {
        self.query.stop.clone().cancelled_owned()
    }

    /// What the query then ends with.
    pub(crate) fn cancelled(&self) -> Error {
        Error::QueryCancelled { id: self.query.id }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nobody said how it ended: whoever waited for it has gone.
        self.enter(State::Cancelled);
        let figures = self.query.figures();
        let mut queries = self.registry.queries.lock();
        queries.running.remove(&self.query.id);
        if queries.ended.len() == ENDED_MAX {
            queries.ended.pop_front();
        }
        queries.ended.push_back(figures);
    }
}

/// The bytes of the rows of a batch, without those of buffers that it has only a part of.
fn size_bytes(batch: &RecordBatch) -> u64 {
    let columns = batch.columns().iter();
    columns.map(|column| bytes_of(column) as u64).sum()
}

#[cfg(test)]
mod tests {
    use catalog::{Pattern, Right};

    use super::*;

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now_nanos(&self) -> i64 {
            42
        }
    }

    fn admin() -> Caller {
        Caller::administrator(Some("admin"))
    }

    fn states(registry: &Registry) -> Vec<(u64, &'static str)> {
        let figures = registry.figures(&admin());
        figures.iter().map(|f| (f.id, f.state.name())).collect()
    }

    #[test]
    fn a_query_is_listed_until_the_last_one_who_works_for_it_goes() {
        let registry = Registry::new(Arc::new(Noon));
        let query = registry.begin("SELECT 1", "plant", &admin());
        assert_eq!(states(&registry), [(1, "queued")]);
        query.enter(State::Running);
        let worker = Arc::clone(&query);
        query.enter(State::Done);
        query.enter(State::Running);
        drop(query);
        assert_eq!(states(&registry), [(1, "done")]);
        assert!(registry.kill("1", &admin()).is_err(), "it has ended");
        drop(worker);
        let figures = registry.figures(&admin());
        assert_eq!((figures.len(), figures[0].started_nanos), (1, 42));
        assert!(registry.queries.lock().running.is_empty());
    }

    #[test]
    fn one_that_nobody_waits_for_was_cancelled() {
        let registry = Registry::new(Arc::new(Noon));
        drop(registry.begin("SELECT 1", "plant", &admin()));
        let failed = registry.begin("SELECT 2", "plant", &admin());
        failed.fail(&Error::ShuttingDown);
        drop(failed);
        assert_eq!(states(&registry), [(1, "cancelled"), (2, "failed")]);
        let last = registry.figures(&admin()).pop().unwrap();
        assert_eq!(last.state.reason(), Some("shutting_down"));
    }

    #[test]
    fn only_so_many_that_ended_are_kept_and_so_much_of_their_texts() {
        let registry = Registry::new(Arc::new(Noon));
        for _ in 0..ENDED_MAX + 10 {
            registry.begin(&"ü".repeat(TEXT_BYTES_MAX), "plant", &admin());
        }
        let figures = registry.figures(&admin());
        assert_eq!((figures.len(), figures[0].id), (ENDED_MAX, 11));
        assert_eq!(figures[0].text.len(), TEXT_BYTES_MAX);
    }

    #[test]
    fn only_what_is_seen_can_be_stopped() {
        let registry = Registry::new(Arc::new(Noon));
        let caller = |token: &str, action, database: &str| {
            let database: Pattern = database.parse().unwrap();
            let right = Right {
                action,
                database,
                tables: vec![],
            };
            Caller::new(Some(token), vec![right].into())
        };
        let reader = |token, database| caller(token, Action::Read, database);
        let keeper = |token, database| caller(token, Action::Admin, database);
        let query = registry.begin("SELECT 1", "plant", &reader("a", "plant"));
        for (caller, sees) in [
            (reader("b", "office"), false),
            (reader("b", "plant"), false),
            (keeper("b", "office"), false),
            (keeper("b", "plant"), true),
            (reader("a", "office"), true),
            (admin(), true),
        ] {
            assert_eq!(registry.figures(&caller).len(), usize::from(sees));
            assert_eq!(registry.kill("1", &caller).is_ok(), sees, "{caller:?}");
        }
        for id in ["2", "0", "", "one", "-1"] {
            let error = registry.kill(id, &admin()).unwrap_err();
            assert_eq!(error.reason(), "query_not_found", "{id}");
        }
        assert!(futures::FutureExt::now_or_never(query.stopped()).is_some());
    }
}
