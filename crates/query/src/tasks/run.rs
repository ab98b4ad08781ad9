//! One run of a task: its owner as they are now, its statement, and within what time.

use std::sync::Arc;
use std::time::Duration;

use automation::{Outcome, Start, Window};
use catalog::{Actor, Database, ErrorKind, Task};
use datafusion::common::ScalarValue;
use futures::TryStreamExt as _;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::board::Went;
use super::forward;
use super::rows::{self, Target};
use super::work::Work;
use super::{Owners, TaskSettings};
use crate::caller::Caller;
use crate::checks;
use crate::engine::{Access, QueryEngine, SqlRequest};
use crate::error::{Error, Result};
use crate::statements::Insert;

/// What runs work with.
#[derive(Debug)]
pub(super) struct Worker {
    engine: Arc<QueryEngine>,
    settings: TaskSettings,
    owners: Arc<dyn Owners>,
}

impl Worker {
    pub(super) fn new(
        engine: Arc<QueryEngine>,
        settings: TaskSettings,
        owners: Arc<dyn Owners>,
    ) -> Self {
        Self {
            engine,
            settings,
            owners,
        }
    }
}

impl Went {
    /// It ended without a word.
    pub(super) fn broken(error: &JoinError) -> Self {
        Self {
            outcome: Outcome::Failed {
                is_transient: false,
            },
            rows: None,
            error: Some(format!("the run broke off: {error}")),
        }
    }

    fn of(result: Result<Option<u64>>) -> Self {
        match result {
            Ok(rows) => Self {
                outcome: Outcome::Succeeded,
                rows,
                error: None,
            },
            Err(error) => Self {
                outcome: Outcome::Failed {
                    is_transient: error.kind() == ErrorKind::Unavailable,
                },
                rows: None,
                error: Some(error.to_string()),
            },
        }
    }

    fn cancelled() -> Self {
        Self {
            outcome: Outcome::Cancelled,
            rows: None,
            error: Some("the run was cancelled".to_owned()),
        }
    }
}

/// The values that statements of tasks can name.
pub(crate) fn parameters(window: Window) -> Vec<(String, ScalarValue)> {
    let time = |nanos| ScalarValue::TimestampNanosecond(Some(nanos), None);
    vec![
        ("window_start".to_owned(), time(window.start)),
        ("window_stop".to_owned(), time(window.stop)),
    ]
}

/// Values for them, for planning what will have others.
pub fn window_parameters() -> Vec<(String, ScalarValue)> {
    parameters(Window { start: 0, stop: 1 })
}

/// Runs a task. Says how it went, whatever happens.
pub(super) async fn carry_out(
    worker: Arc<Worker>,
    what: Work,
    start: Start,
    cancel: CancellationToken,
) -> Went {
    let task = what.task();
    let timeout = task.options.timeout_nanos.map(Duration::from_nanos);
    let timeout = timeout.unwrap_or(worker.settings.timeout);
    // What it changes is noted as its doing.
    let actor = Actor {
        who: format!("{} {} of {}", what.noun(), task.name, task.owner_name).into(),
        at_nanos: worker.engine.clock().now_nanos(),
    };
    let work = catalog::acting(actor, work(&worker, &what, start.window, timeout));
    tokio::select! {
        biased;
        () = cancel.cancelled() => Went::cancelled(),
        worked = tokio::time::timeout(timeout, Box::pin(work)) => match worked {
            Ok(result) => Went::of(result),
            Err(_) => Went::of(Err(Error::Timeout { timeout })),
        },
    }
}

async fn work(
    worker: &Worker,
    what: &Work,
    window: Window,
    timeout: Duration,
) -> Result<Option<u64>> {
    let engine = &worker.engine;
    let task = what.task();
    let caller = worker.owners.caller(task.owner, &task.owner_name);
    let caller = caller.map_err(|problem| Error::TaskOwner { problem })?;
    let state = engine.catalog().state();
    let database = state.database_of(task.database);
    let database = database.ok_or_else(|| Error::DatabaseNotFound {
        name: task.database.to_string(),
    })?;
    match what {
        Work::Check(check) => {
            let evaluating = checks::evaluate(engine, check, database, window, caller, timeout);
            evaluating.await.map(Some)
        }
        Work::Task(task) => run_statement(engine, task, database, window, caller, timeout).await,
    }
}

async fn run_statement(
    engine: &Arc<QueryEngine>,
    task: &Task,
    database: &Arc<Database>,
    window: Window,
    caller: Caller,
    timeout: Duration,
) -> Result<Option<u64>> {
    let request = |sql: String, access, caller: Caller| SqlRequest {
        database: database.name.to_string(),
        sql,
        params: parameters(window),
        timeout: Some(timeout),
        access,
        caller,
    };
    let Some(insert) = Insert::parse(&task.statement)? else {
        let request = request(task.statement.clone(), Access::Change, caller);
        let done = engine.sql(request).await?;
        done.try_for_each(|_| async { Ok(()) }).await?;
        return Ok(None);
    };
    let target = Target {
        database: &database.name,
        table: &insert.table,
        tags: &insert.tags,
        time: Some(window.stop),
    };
    caller.require(insert.need(&database.name), &database.name)?;
    let mut forward = match &insert.endpoint {
        Some(name) => Some(forward::Forward::to(engine, database, name, target)?),
        None => None,
    };
    let mut results = engine
        .sql(request(insert.select, Access::Read, caller))
        .await?;
    let mut written = 0;
    while let Some(batch) = results.try_next().await? {
        written += match &mut forward {
            Some(forward) => forward.send(&batch).await?,
            None => rows::write(engine, &target, batch).await?,
        };
    }
    Ok(Some(written))
}
