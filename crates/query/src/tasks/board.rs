//! What everybody sees of tasks: how they are, and the runs that there are and were. Requests to run and to
//! stop come in here too.

use std::collections::HashMap;
use std::sync::Arc;

use automation::{
    Actions, Ended, Outcome, Progress, Request, RunId, Scheduler, Start, Status, TaskId, Window,
};
use catalog::{RecordId, State};
use parking_lot::Mutex;
use storage::Written;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::definition;
use super::history::{History, RunRecord, RunState, cause_name};
use super::journal::Noted;
use super::work::Work;
use crate::error::{Error, Result};

/// What everybody sees of tasks. Nothing runs until [`super::start`].
#[derive(Debug, Default)]
pub struct Tasks {
    inner: Mutex<Inner>,
    /// There is something to look at.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// There is none before tasks run in this process.
    scheduler: Option<Scheduler>,
    known: HashMap<RecordId, Known>,
    /// The state of the catalog that was looked at last.
    seen: u64,
    /// How far tasks had come that were not seen yet.
    progress: HashMap<RecordId, Progress>,
    history: History,
    /// The last run of every task.
    last: HashMap<RecordId, Arc<RunRecord>>,
    /// Runs under way.
    running: HashMap<RunId, Running>,
    figures: TaskFigures,
}

/// A task or check that the scheduler knows.
#[derive(Debug)]
struct Known {
    work: Work,
    database: Arc<str>,
}

#[derive(Debug)]
struct Running {
    started_at_nanos: i64,
    cancel: CancellationToken,
}

/// Figures about tasks, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskFigures {
    /// Tasks that there are.
    pub tasks: usize,
    /// Runs now.
    pub running: usize,
    /// Runs that succeeded since the start.
    pub succeeded: u64,
    /// Runs that failed since the start.
    pub failed: u64,
    /// Times that windows were skipped since the start.
    pub skipped: u64,
    /// Rows that runs wrote since the start.
    pub rows: u64,
    /// Time that runs took since the start, nanoseconds.
    pub run_nanos: u64,
}

/// A run to carry out.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) start: Start,
    pub(super) work: Work,
    pub(super) cancel: CancellationToken,
}

/// How a run went.
#[derive(Debug)]
pub(super) struct Went {
    pub(super) outcome: Outcome,
    pub(super) rows: Option<u64>,
    pub(super) error: Option<String>,
}

/// What is to be noted durably.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) record: Arc<RunRecord>,
    pub(super) progress: Option<Progress>,
}

/// What came of a look at the time.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) jobs: Vec<Job>,
    pub(super) notes: Vec<Note>,
    pub(super) wake_at: Option<i64>,
}

impl Tasks {
    /// Something has changed in the catalog that may concern tasks.
    pub fn catalog_changed(&self, state: &State, now: i64) {
        self.follow(state, now);
        self.wake();
    }

    fn wake(&self) {
        self.changed.notify_one();
    }

    /// Asks for a run now; without a window for that which ended last. Returns its id.
    pub fn run_now(&self, task: RecordId, window: Option<Window>, now: i64) -> Result<RunId> {
        let mut inner = self.inner.lock();
        let scheduler = inner.scheduler.as_mut().ok_or(Error::TasksNotRunning)?;
        let requested = scheduler.request(TaskId(task.0), window, now);
        drop(inner);
        self.wake();
        match requested {
            Request::Accepted(run) => Ok(run),
            Request::NoSuchTask => Err(Error::TaskNotFound {
                name: task.to_string(),
            }),
            Request::TooMany => Err(Error::TooManyRuns),
        }
    }

    /// Stops a run, or takes back the request for one. Returns whether there was one.
    pub fn cancel(&self, run: RunId, now: i64) -> bool {
        let mut inner = self.inner.lock();
        if let Some(running) = inner.running.get(&run) {
            running.cancel.cancel();
            return true;
        }
        let withdrawn = inner
            .scheduler
            .as_mut()
            .and_then(|scheduler| scheduler.withdraw(run));
        let Some((task, window)) = withdrawn else {
            return false;
        };
        let record = inner.record(
            RecordId(task.0),
            run,
            window,
            "request",
            RunState::Cancelled,
        );
        if let Some(mut record) = record {
            record.finished_at_nanos = Some(now);
            inner.keep(Arc::new(record));
        }
        true
    }

    /// A task was taken away: stops whatever runs of it.
    pub fn forget(&self, task: RecordId) {
        let inner = self.inner.lock();
        let runs = inner
            .scheduler
            .as_ref()
            .map(Scheduler::runs)
            .unwrap_or_default();
        for (start, _) in runs.iter().filter(|(start, _)| start.task.0 == task.0) {
            if let Some(running) = inner.running.get(&start.run) {
                running.cancel.cancel();
            }
        }
        drop(inner);
        self.wake();
    }

    /// The window of a task that ends at this time, or at the boundary before it.
    pub fn window_until(&self, task: RecordId, stop: i64) -> Window {
        let inner = self.inner.lock();
        let scheduler = inner.scheduler.as_ref();
        let window = scheduler.and_then(|scheduler| scheduler.window_until(TaskId(task.0), stop));
        window.unwrap_or(Window { start: stop, stop })
    }

    /// How a task is; `None` when tasks do not run in this process, or have not seen it yet.
    pub fn status(&self, task: RecordId) -> Option<Status> {
        let inner = self.inner.lock();
        inner.scheduler.as_ref()?.status(TaskId(task.0))
    }

    /// The last run of a task that has ended.
    pub fn last_run(&self, task: RecordId) -> Option<Arc<RunRecord>> {
        self.inner.lock().last.get(&task).map(Arc::clone)
    }

    /// The runs of a task, or of all: those that wait and run, then those that have ended, the newest first.
    pub fn runs(&self, task: Option<RecordId>) -> Vec<Arc<RunRecord>> {
        let inner = self.inner.lock();
        let is_of = |id: RecordId| task.is_none_or(|task| task == id);
        let mut runs = Vec::new();
        let under_way = inner
            .scheduler
            .as_ref()
            .map(Scheduler::runs)
            .unwrap_or_default();
        for (start, is_running) in under_way.into_iter().rev() {
            let state = match is_running {
                true => RunState::Running,
                false => RunState::Queued,
            };
            let task = RecordId(start.task.0);
            let cause = cause_name(start.cause);
            let record = inner.record(task, start.run, start.window, cause, state);
            if let Some(record) = record.filter(|_| is_of(task)) {
                let running = inner.running.get(&start.run);
                runs.push(Arc::new(RunRecord {
                    attempt: start.attempt,
                    started_at_nanos: running.map(|running| running.started_at_nanos),
                    ..record
                }));
            }
        }
        let ended = inner
            .history
            .iter()
            .rev()
            .filter(|record| is_of(record.task));
        runs.extend(ended.cloned());
        runs
    }

    /// Figures as of now.
    pub fn figures(&self) -> TaskFigures {
        let inner = self.inner.lock();
        TaskFigures {
            tasks: inner.tasks(),
            running: inner.running.len(),
            ..inner.figures
        }
    }

    /// From now on tasks run. `noted` is what there was before.
    pub(super) fn begin(&self, scheduler: Scheduler, limit: usize, noted: Noted) {
        let mut inner = self.inner.lock();
        inner.scheduler = Some(scheduler);
        inner.progress = noted.progress;
        inner.history = History::new(limit);
        for record in noted.runs {
            inner.keep(Arc::new(record));
        }
    }

    /// Tells the scheduler what has become of tasks since it was told last.
    pub(super) fn follow(&self, state: &State, now: i64) {
        let inner = &mut *self.inner.lock();
        let Some(scheduler) = &mut inner.scheduler else {
            return;
        };
        // Several may follow at a time; an older state says nothing any more.
        if state.number() <= inner.seen {
            return;
        }
        inner.seen = state.number();
        inner.known.retain(|id, _| {
            let stays = state.scheduled(*id).is_some();
            if !stays {
                scheduler.remove(TaskId(id.0));
                inner.last.remove(id);
            }
            stays
        });
        for work in Work::all(state) {
            let (id, task) = (work.id(), work.task());
            let progress = inner.progress.remove(&id);
            let database = state.database_of(task.database);
            let name = database.map_or("", |database| &*database.name);
            let known = inner.known.get(&id);
            if known.is_some_and(|known| known.work.is(&work) && &*known.database == name) {
                continue;
            }
            match definition::of(task, state) {
                Ok(definition) => scheduler.put(definition, progress, now),
                // It was checked when the task was made: a time zone may have gone since.
                Err(error) => {
                    let (noun, name) = (work.noun(), &task.name);
                    tracing::error!(%name, %error, "a {noun} cannot be scheduled");
                    scheduler.remove(TaskId(id.0));
                }
            }
            let database = name.into();
            inner.known.insert(id, Known { work, database });
        }
    }

    /// Rows were written to what a task watches.
    pub(super) fn written(&self, task: RecordId, written: Written, now: i64) {
        let mut inner = self.inner.lock();
        let Some(scheduler) = &mut inner.scheduler else {
            return;
        };
        let window = Window {
            start: written.time_min,
            stop: written.time_max.saturating_add(1),
        };
        let through = i64::try_from(written.through).unwrap_or(i64::MAX);
        scheduler.written(TaskId(task.0), window, through, now);
    }

    /// What is due at this time. It is under way from then on.
    pub(super) fn due(&self, now: i64) -> Due {
        let inner = &mut *self.inner.lock();
        let Some(scheduler) = &mut inner.scheduler else {
            return Due::default();
        };
        let Actions {
            starts,
            skipped,
            wake_at,
        } = scheduler.next(now);
        let mut due = Due {
            wake_at,
            ..Due::default()
        };
        for skipped in skipped {
            let task = RecordId(skipped.task.0);
            let note = inner.note_skipped(task, skipped.run, skipped.window, now);
            due.notes.extend(note.map(|record| Note {
                record,
                progress: Some(skipped.progress),
            }));
        }
        for start in starts {
            let known = inner.known.get(&RecordId(start.task.0));
            let known = known.expect("the scheduler has been told of known tasks alone");
            let cancel = CancellationToken::new();
            due.jobs.push(Job {
                start,
                work: known.work.clone(),
                cancel: cancel.clone(),
            });
            let running = Running {
                started_at_nanos: now,
                cancel,
            };
            inner.running.insert(start.run, running);
        }
        due
    }

    /// A run has ended. Returns what is to be noted, and of which task it was the last for now.
    pub(super) fn ended(&self, start: Start, went: Went, now: i64) -> (Vec<Note>, Option<Ended>) {
        let inner = &mut *self.inner.lock();
        let running = inner.running.remove(&start.run);
        let scheduler = inner.scheduler.as_mut();
        let ended = scheduler.and_then(|it| it.finished(start.run, went.outcome, now));
        let (state, counter) = match went.outcome {
            Outcome::Succeeded => (RunState::Succeeded, Some(&mut inner.figures.succeeded)),
            Outcome::Failed { .. } => (RunState::Failed, Some(&mut inner.figures.failed)),
            Outcome::Cancelled => (RunState::Cancelled, None),
        };
        if let Some(counter) = counter {
            *counter += 1;
        }
        let started_at = running.map(|running| running.started_at_nanos);
        let took = now.saturating_sub(started_at.unwrap_or(now)).max(0);
        inner.figures.run_nanos += took.unsigned_abs();
        inner.figures.rows += went.rows.unwrap_or(0);
        let task = RecordId(start.task.0);
        let cause = cause_name(start.cause);
        let Some(record) = inner.record(task, start.run, start.window, cause, state) else {
            return (Vec::new(), ended);
        };
        let record = Arc::new(RunRecord {
            attempt: start.attempt,
            started_at_nanos: started_at,
            finished_at_nanos: Some(now),
            rows: went.rows,
            error: went.error,
            ..record
        });
        inner.keep(Arc::clone(&record));
        let mut notes = vec![Note {
            record,
            progress: ended.and_then(|ended| ended.progress),
        }];
        if let Some((run, window)) = ended.and_then(|ended| ended.skipped) {
            let skipped = inner.note_skipped(task, run, window, now);
            let progress = None;
            notes.extend(skipped.map(|record| Note { record, progress }));
        }
        (notes, ended)
    }
}

impl Inner {
    fn tasks(&self) -> usize {
        let known = self.known.values();
        known
            .filter(|known| matches!(known.work, Work::Task(_)))
            .count()
    }

    fn record(
        &self,
        task: RecordId,
        run: RunId,
        window: Window,
        cause: &'static str,
        state: RunState,
    ) -> Option<RunRecord> {
        let known = self.known.get(&task)?;
        Some(RunRecord {
            run,
            task,
            task_name: known.work.task().name.as_str().into(),
            database: Arc::clone(&known.database),
            window,
            cause,
            attempt: 1,
            state,
            started_at_nanos: None,
            finished_at_nanos: None,
            rows: None,
            error: None,
        })
    }

    /// A run has ended.
    fn keep(&mut self, record: Arc<RunRecord>) {
        if record.state != RunState::Skipped {
            self.last.insert(record.task, Arc::clone(&record));
        }
        self.history.add(record);
    }

    fn note_skipped(
        &mut self,
        task: RecordId,
        run: RunId,
        window: Window,
        now: i64,
    ) -> Option<Arc<RunRecord>> {
        self.figures.skipped += 1;
        let record = self.record(task, run, window, "schedule", RunState::Skipped)?;
        let record = Arc::new(RunRecord {
            finished_at_nanos: Some(now),
            ..record
        });
        self.keep(Arc::clone(&record));
        Some(record)
    }
}
