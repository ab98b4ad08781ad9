//! The loop that runs tasks: it looks at the time, begins what is due, and takes in how it ended.
//!
//! Writes to tables that tasks wait for wake it, too; those from before the process started are found by the
//! number of the last write that a task is done with.
//!
//! It sleeps until the next time that anything is due, but never for long: sleeping is counted by a clock
//! that nobody sets, and what is due is told by one that people and programs do set.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use automation::{Ended, Outcome, RunId, Scheduler};
use catalog::{Catalog, Check, Clock, RecordId, State, TableId, Task, TaskStatus, TaskTrigger};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::board::{Due, Job, Note, Tasks, Went};
use super::history::RunRecord;
use super::journal::{self, Journal, Noted};
use super::run::{self, Worker};
use super::work::Work;
use super::{Owners, TaskSettings};
use crate::checks;
use crate::engine::QueryEngine;
use crate::error::Result;

/// The longest sleep: as late may a change of the clock be noticed.
const SLEEP_MAX: Duration = Duration::from_secs(2);

/// Notes that wait to be written; when there are more, no further run begins.
const NOTES_AHEAD: usize = 1024;

/// Runs tasks until it is stopped.
#[derive(Debug)]
pub struct TaskRunner {
    stop: CancellationToken,
    driver: JoinHandle<()>,
    journal: JoinHandle<()>,
}

/// Begins to run the tasks of the catalog: reads how far they have come, then follows the time. Must be
/// called on a runtime, once.
pub fn start(
    engine: Arc<QueryEngine>,
    settings: TaskSettings,
    owners: Arc<dyn Owners>,
) -> TaskRunner {
    let stop = CancellationToken::new();
    let (notes, queue) = mpsc::channel(NOTES_AHEAD);
    let journal = Journal::new(Arc::clone(&engine), settings.runs_kept);
    let driver = Driver {
        engine: Arc::clone(&engine),
        catalog: Arc::clone(engine.catalog()),
        clock: Arc::clone(engine.clock()),
        storage: Arc::clone(engine.storage()),
        watched: HashMap::new(),
        board: Arc::clone(engine.tasks()),
        worker: Arc::new(Worker::new(Arc::clone(&engine), settings.clone(), owners)),
        notes,
        seen: None,
        runs: JoinSet::new(),
    };
    let run = drive(driver, engine, settings, stop.clone());
    TaskRunner {
        journal: tokio::spawn(journal.keep(queue, stop.clone())),
        driver: tokio::spawn(run),
        stop,
    }
}

async fn drive(
    driver: Driver,
    engine: Arc<QueryEngine>,
    settings: TaskSettings,
    stop: CancellationToken,
) {
    let noted = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        noted = read(&engine, settings.runs_shown) => noted,
    };
    let last_run = noted.runs.iter().map(|run| run.run).max();
    let now = RunId(driver.clock.now_nanos());
    let last_run = last_run.map_or(now, |last| last.max(now));
    let scheduler = Scheduler::new(settings.concurrent, last_run);
    driver.board.begin(scheduler, settings.runs_shown, noted);
    // Who is to be told is told as long as anything runs.
    let telling = tokio::spawn(checks::deliver(Arc::clone(&engine), stop.clone()));
    driver.run(stop).await;
    if let Err(error) = telling.await {
        error!(%error, "the loop that tells of changes ended badly");
    }
}

/// Without what was noted nothing may run: windows would be missed, or run that were done with long ago.
async fn read(engine: &QueryEngine, runs_max: usize) -> Noted {
    let mut pause = Duration::from_millis(200);
    loop {
        let reading = async {
            let noted = journal::read(engine, runs_max).await?;
            checks::restore(engine).await.map(|()| noted)
        };
        match reading.await {
            Ok(noted) => return noted,
            Err(error) => {
                error!(%error, retry_in = ?pause, "tasks wait: it cannot be read how far they are");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

impl TaskRunner {
    /// Stops what runs, and returns when what has ended is noted. What was cut off runs again when the
    /// process comes back.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in [self.driver, self.journal] {
            if let Err(error) = task.await {
                error!(%error, "the runner of tasks ended badly");
            }
        }
    }
}

struct Driver {
    engine: Arc<QueryEngine>,
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    storage: Arc<storage::Engine>,
    /// The tables whose writes tasks wait for.
    watched: HashMap<RecordId, TableId>,
    board: Arc<Tasks>,
    worker: Arc<Worker>,
    notes: mpsc::Sender<Note>,
    /// The state of the catalog that was looked at last.
    seen: Option<u64>,
    runs: JoinSet<(Job, Went)>,
}

impl Driver {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            self.follow_catalog();
            self.take_written();
            let Due {
                jobs,
                notes,
                wake_at,
            } = self.board.due(self.clock.now_nanos());
            for job in jobs {
                self.begin(job);
            }
            for note in notes {
                self.note(note).await;
            }
            let sleep = self.until(wake_at);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(ended) = self.runs.join_next() => match ended {
                    Ok((job, went)) => self.end(job, went).await,
                    Err(error) => error!(%error, "a run of a task ended without a word"),
                },
                () = self.board.changed.notified() => {}
                () = self.storage.written() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Tells the scheduler of tasks that are new, changed or gone.
    fn follow_catalog(&mut self) {
        let state = self.catalog.state();
        if self.seen != Some(state.number()) {
            self.seen = Some(state.number());
            let now = self.clock.now_nanos();
            self.board.follow(&state, now);
            self.watch(&state, now);
        }
    }

    /// Follows writes to the tables that tasks wait for. A table is known by its id: one that takes the name
    /// of another has other rows.
    fn watch(&mut self, state: &State, now: i64) {
        let table_of = |task: &Arc<Task>| {
            let TaskTrigger::Write { table, .. } = &task.trigger else {
                return None;
            };
            let database = state.database_of(task.database)?;
            let table = state.database(&database.name)?.table(table)?;
            Some((task.id, table.id))
        };
        let watched: HashMap<_, _> = state.tasks().filter_map(table_of).collect();
        if watched == self.watched {
            return;
        }
        // First this: what is written from now on is noted, what was written before is looked up.
        self.storage
            .watch_writes(watched.values().copied().collect());
        for (task, table) in &watched {
            if self.watched.get(task) == Some(table) {
                continue;
            }
            let status = self.board.status(*task);
            let through = status.map_or(0, |status| status.progress.through);
            let through = u64::try_from(through).unwrap_or(0);
            if let Some(written) = self.storage.written_after(*table, through) {
                self.board.written(*task, written, now);
            }
        }
        self.watched = watched;
    }

    fn take_written(&self) {
        let written = self.storage.take_written();
        if written.is_empty() {
            return;
        }
        let now = self.clock.now_nanos();
        for (task, table) in &self.watched {
            if let Some(written) = written.get(table) {
                self.board.written(*task, *written, now);
            }
        }
    }

    fn until(&self, wake_at: Option<i64>) -> Duration {
        let Some(at) = wake_at else { return SLEEP_MAX };
        let nanos = at.saturating_sub(self.clock.now_nanos()).max(0);
        Duration::from_nanos(nanos.unsigned_abs()).min(SLEEP_MAX)
    }

    fn begin(&mut self, job: Job) {
        let worker = Arc::clone(&self.worker);
        self.runs.spawn(async move {
            // A panic in a run must not leave its task running for ever.
            let running = tokio::spawn(run::carry_out(
                worker,
                job.work.clone(),
                job.start,
                job.cancel.clone(),
            ));
            let guard = AbortOnDrop(running);
            let went = guard.joined().await;
            (job, went)
        });
    }

    async fn end(&mut self, job: Job, went: Went) {
        let (error, outcome) = (went.error.clone(), went.outcome);
        let now = self.clock.now_nanos();
        let (notes, ended) = self.board.ended(job.start, went, now);
        for note in notes {
            log(&note.record);
            self.note(note).await;
        }
        let told = self.tell(&job.work, outcome, ended, error.as_deref());
        if let Err(error) = told.await {
            // What is not told is not noted either: the next run that ends so says it again.
            error!(name = %job.work.task().name, %error, "people cannot be told of how it goes");
        } else if let Some(failures) = ended.and_then(|ended| ended.disabled_after) {
            self.disable(&job.work, failures, error.unwrap_or_default())
                .await;
        }
    }

    /// Lets people know when a check cannot look, when a task is disabled, and when that is over.
    async fn tell(
        &self,
        work: &Work,
        outcome: Outcome,
        ended: Option<Ended>,
        error: Option<&str>,
    ) -> Result<()> {
        let (noun, task) = (work.noun(), work.task());
        let Some(ended) = ended else { return Ok(()) };
        let failures = ended.progress.map_or(0, |progress| progress.failures);
        let is_told = match (work, outcome) {
            (_, Outcome::Succeeded) => return checks::works(&self.engine, noun, task).await,
            (_, Outcome::Cancelled) => false,
            (Work::Task(_), Outcome::Failed { .. }) => ended.disabled_after.is_some(),
            (Work::Check(_), Outcome::Failed { .. }) => {
                let enough = self.engine.check_settings().failures_told.max(1);
                ended.disabled_after.is_some()
                    || failures >= enough
                    || ended.start.attempt >= checks::ATTEMPTS_TOLD
            }
        };
        match is_told {
            true => checks::fails(&self.engine, noun, task, error.unwrap_or_default()).await,
            false => Ok(()),
        }
    }

    async fn note(&self, note: Note) {
        if self.notes.send(note).await.is_err() {
            error!("the journal of tasks has ended; runs are not noted any more");
        }
    }

    /// Notes in the catalog that a task runs no more, and why. While the store is away the task stays
    /// stopped in this process alone, and fails once more after a restart.
    async fn disable(&self, work: &Work, failures: u32, error: String) {
        let reason = format!("{failures} windows in a row failed, the last one: {error}");
        let (noun, name) = (work.noun(), &work.task().name);
        warn!(%name, %reason, "disabled a {noun}");
        let now = self.clock.now_nanos();
        let disable = |task: &mut Task| {
            let reason = reason.clone();
            task.status = TaskStatus::Disabled { reason };
            task.updated_at_nanos = now;
        };
        let actor = catalog::Actor {
            who: "the scheduler".into(),
            at_nanos: now,
        };
        let disabling = async {
            match work {
                Work::Task(task) => {
                    let change = |task: &mut Task| {
                        disable(task);
                        Ok(())
                    };
                    self.catalog.change_record(task.id, change).await.map(drop)
                }
                Work::Check(check) => {
                    let change = |check: &mut Check| {
                        disable(&mut check.task);
                        Ok(())
                    };
                    let id = check.task.id;
                    self.catalog.change_record(id, change).await.map(drop)
                }
            }
        };
        if let Err(error) = catalog::acting(actor, disabling).await {
            error!(%name, %error, "it cannot be noted that a {noun} is disabled");
        }
    }
}

/// A run that ends with whoever waits for it.
struct AbortOnDrop(JoinHandle<Went>);

impl AbortOnDrop {
    async fn joined(mut self) -> Went {
        match (&mut self.0).await {
            Ok(went) => went,
            Err(error) => Went::broken(&error),
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn log(record: &RunRecord) {
    let RunRecord {
        run,
        task_name,
        state,
        rows,
        error,
        ..
    } = record;
    match error {
        None => {
            debug!(task = %task_name, %run, state = state.name(), ?rows, "a run of a task ended")
        }
        Some(error) => warn!(task = %task_name, %run, %error, "a run of a task failed"),
    }
}
