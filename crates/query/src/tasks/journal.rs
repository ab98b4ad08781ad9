//! What is noted of runs, and read back at the start: rows of two tables of the database `_tasks`.
//!
//! | table | key | what a row says |
//! |---|---|---|
//! | `progress` | task | how far the task has come; written over again and again |
//! | `runs` | task, id of the run | how the run went; kept for so long |
//!
//! Notes take the ordinary write path, so they are as durable as any row, are in backups, and cost no commit
//! of the manifest. Those that wait are written together: a thousand short tasks do not mean a thousand
//! writes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use automation::{Progress, RunId, Window};
use catalog::{Catalog, RecordId, Retention, TIME_COLUMN, TableOptions};
use datafusion::error::DataFusionError;
use futures::TryStreamExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::board::Note;
use super::database_name;
use super::history::{RunRecord, RunState};
use super::rows::{self, Target};
use crate::caller::Caller;
use crate::engine::{Access, QueryEngine, SqlRequest};
use crate::error::Result;

const PROGRESS: &str = "progress";
const RUNS: &str = "runs";

/// As many notes are one write.
const NOTES_MAX: usize = 256;

/// The longest pause between attempts to write.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// When the process stops, notes that cannot be written within this are lost, and their windows run again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was noted before the process started.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The newest runs, the oldest of them first.
    pub(super) runs: Vec<RunRecord>,
    pub(super) progress: HashMap<RecordId, Progress>,
}

/// Writes notes in the order in which they come.
#[derive(Debug)]
pub(super) struct Journal {
    engine: Arc<QueryEngine>,
    runs_kept: Duration,
    is_set_up: bool,
}

impl Journal {
    pub(super) fn new(engine: Arc<QueryEngine>, runs_kept: Duration) -> Self {
        Self {
            engine,
            runs_kept,
            is_set_up: false,
        }
    }

    /// Writes what comes until nobody is left to send anything. After `stop` it gives up soon.
    pub(super) async fn keep(mut self, mut queue: mpsc::Receiver<Note>, stop: CancellationToken) {
        let mut notes = Vec::new();
        while queue.recv_many(&mut notes, NOTES_MAX).await > 0 {
            let writing = self.write_until_done(&notes);
            let given_up = async {
                stop.cancelled().await;
                tokio::time::sleep(PATIENCE).await;
            };
            tokio::select! {
                () = writing => {}
                () = given_up => {
                    error!(notes = notes.len(), "runs of tasks could not be noted before the end");
                    return;
                }
            }
            notes.clear();
        }
    }

    async fn write_until_done(&mut self, notes: &[Note]) {
        let mut pause = Duration::from_millis(100);
        while let Err(error) = self.write(notes).await {
            warn!(%error, retry_in = ?pause, "runs of tasks cannot be noted");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn write(&mut self, notes: &[Note]) -> Result<()> {
        let database = database_name();
        if self
            .engine
            .catalog()
            .state()
            .database(database.as_str())
            .is_none()
        {
            create(self.engine.catalog()).await?;
        }
        // First what there was, then that it is done with: the other way round a crash between the two
        // would hide a failure.
        self.write_rows(RUNS, runs(notes)?).await?;
        self.write_rows(PROGRESS, progress(notes)?).await?;
        if !self.is_set_up {
            let nanos = u64::try_from(self.runs_kept.as_nanos()).unwrap_or(u64::MAX);
            let options = TableOptions {
                retention: Some(Some(Retention::from_nanos(Some(nanos)))),
                ..TableOptions::default()
            };
            let catalog = self.engine.catalog();
            catalog
                .set_table_options(database.as_str(), RUNS, options)
                .await?;
            self.is_set_up = true;
        }
        Ok(())
    }

    async fn write_rows(&self, table: &str, batch: RecordBatch) -> Result<()> {
        let database = database_name();
        let target = Target {
            database: database.as_str(),
            table,
            tags: &["task".to_owned()],
            time: None,
        };
        rows::write(&self.engine, &target, batch).await.map(drop)
    }
}

async fn create(catalog: &Catalog) -> Result<()> {
    match catalog
        .create_database(&database_name(), Retention::Forever)
        .await
    {
        Ok(_) | Err(catalog::Error::DatabaseExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn texts<T: Into<String>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    let values: Vec<Option<String>> = values.map(|value| value.map(Into::into)).collect();
    Arc::new(StringArray::from(values))
}

fn numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, values)| (name, values, name != TIME_COLUMN)),
    )
    .map_err(|error| DataFusionError::from(error).into())
}

/// A run is known by its task and its id, which is a time: no two of a task have the same.
fn runs(notes: &[Note]) -> Result<RecordBatch> {
    let all = || notes.iter().map(|note| &*note.record);
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    let times: TimestampNanosecondArray = all().map(|run| Some(run.run.0)).collect();
    batch(vec![
        (TIME_COLUMN, Arc::new(times)),
        ("task", texts(all().map(|run| Some(run.task.to_string())))),
        ("task_name", texts(all().map(|run| Some(&*run.task_name)))),
        (
            "database_name",
            texts(all().map(|run| Some(&*run.database))),
        ),
        (
            "window_start",
            numbers(all().map(|run| Some(run.window.start))),
        ),
        (
            "window_stop",
            numbers(all().map(|run| Some(run.window.stop))),
        ),
        ("cause", texts(all().map(|run| Some(run.cause)))),
        (
            "attempt",
            numbers(all().map(|run| Some(run.attempt.into()))),
        ),
        ("state", texts(all().map(|run| Some(run.state.name())))),
        ("started_at", numbers(all().map(|run| run.started_at_nanos))),
        (
            "finished_at",
            numbers(all().map(|run| run.finished_at_nanos)),
        ),
        ("row_count", numbers(all().map(|run| run.rows.map(count)))),
        ("error", texts(all().map(|run| run.error.as_deref()))),
    ])
}

/// Every task has one row, whose time says nothing. Of several notes of a task the last holds.
fn progress(notes: &[Note]) -> Result<RecordBatch> {
    let all = || {
        let of_note = |note: &Note| note.progress.map(|progress| (note.record.task, progress));
        notes.iter().filter_map(of_note)
    };
    let times: TimestampNanosecondArray = all().map(|_| Some(0)).collect();
    batch(vec![
        (TIME_COLUMN, Arc::new(times)),
        ("task", texts(all().map(|(task, _)| Some(task.to_string())))),
        ("through", numbers(all().map(|(_, it)| Some(it.through)))),
        (
            "failures",
            numbers(all().map(|(_, it)| Some(it.failures.into()))),
        ),
    ])
}

/// Reads back what was noted.
pub(super) async fn read(engine: &QueryEngine, runs_max: usize) -> Result<Noted> {
    let mut noted = Noted::default();
    let state = engine.catalog().state();
    let Some(database) = state.database(database_name().as_str()) else {
        return Ok(noted);
    };
    if database.table(PROGRESS).is_some() {
        for batch in query(engine, &format!("SELECT * FROM {PROGRESS}")).await? {
            read_progress(&batch, &mut noted.progress)?;
        }
    }
    if database.table(RUNS).is_some() {
        let sql = format!("SELECT * FROM {RUNS} ORDER BY {TIME_COLUMN} DESC LIMIT {runs_max}");
        for batch in query(engine, &sql).await? {
            read_runs(&batch, &mut noted.runs)?;
        }
        noted.runs.reverse();
    }
    Ok(noted)
}

async fn query(engine: &QueryEngine, sql: &str) -> Result<Vec<RecordBatch>> {
    let request = SqlRequest {
        database: database_name().to_string(),
        sql: sql.to_owned(),
        params: Vec::new(),
        timeout: None,
        access: Access::Read,
        caller: Caller::administrator(None),
    };
    engine.sql(request).await?.try_collect().await
}

/// A column by name; one of NULLs if there is none, as after a version that did not have it.
fn column(batch: &RecordBatch, name: &str, kind: &DataType) -> Result<ArrayRef> {
    let missing = || arrow::array::new_null_array(kind, batch.num_rows());
    let found = batch.column_by_name(name).cloned().unwrap_or_else(missing);
    cast(&found, kind).map_err(|error| DataFusionError::from(error).into())
}

fn number(column: &ArrayRef, row: usize) -> Option<i64> {
    let column = column.as_primitive::<Int64Type>();
    column.is_valid(row).then(|| column.value(row))
}

fn text(column: &ArrayRef, row: usize) -> Option<&str> {
    let column = column.as_string::<i32>();
    column.is_valid(row).then(|| column.value(row))
}

fn read_progress(batch: &RecordBatch, progress: &mut HashMap<RecordId, Progress>) -> Result<()> {
    let task = column(batch, "task", &DataType::Utf8)?;
    let through = column(batch, "through", &DataType::Int64)?;
    let failures = column(batch, "failures", &DataType::Int64)?;
    for row in 0..batch.num_rows() {
        let task = text(&task, row).and_then(|task| task.parse().ok());
        let (Some(task), Some(through)) = (task, number(&through, row)) else {
            continue;
        };
        let failures = number(&failures, row).unwrap_or(0);
        let known = Progress {
            through,
            failures: u32::try_from(failures).unwrap_or(0),
        };
        progress.insert(task, known);
    }
    Ok(())
}

fn read_runs(batch: &RecordBatch, runs: &mut Vec<RunRecord>) -> Result<()> {
    let texts = |name| column(batch, name, &DataType::Utf8);
    let numbers = |name| column(batch, name, &DataType::Int64);
    let times = batch
        .column_by_name(TIME_COLUMN)
        .cloned()
        .ok_or_else(|| DataFusionError::Internal("the table of runs has no time".to_owned()))?;
    let times = times.as_primitive::<TimestampNanosecondType>();
    let (task, name, database) = (texts("task")?, texts("task_name")?, texts("database_name")?);
    let (cause, state, error) = (texts("cause")?, texts("state")?, texts("error")?);
    let (start, stop) = (numbers("window_start")?, numbers("window_stop")?);
    let (started, finished) = (numbers("started_at")?, numbers("finished_at")?);
    let (attempt, row_count) = (numbers("attempt")?, numbers("row_count")?);
    for row in 0..batch.num_rows() {
        let id = text(&task, row).and_then(|task| task.parse().ok());
        let state = text(&state, row).and_then(RunState::of_name);
        let (Some(task), Some(state)) = (id, state) else {
            continue;
        };
        runs.push(RunRecord {
            run: RunId(times.value(row)),
            task,
            task_name: text(&name, row).unwrap_or_default().into(),
            database: text(&database, row).unwrap_or_default().into(),
            window: Window {
                start: number(&start, row).unwrap_or(0),
                stop: number(&stop, row).unwrap_or(0),
            },
            cause: match text(&cause, row) {
                Some("write") => "write",
                Some("request") => "request",
                _ => "schedule",
            },
            attempt: number(&attempt, row)
                .and_then(|it| it.try_into().ok())
                .unwrap_or(1),
            state,
            started_at_nanos: number(&started, row),
            finished_at_nanos: number(&finished, row),
            rows: number(&row_count, row).and_then(|it| it.try_into().ok()),
            error: text(&error, row).map(str::to_owned),
        });
    }
    Ok(())
}
