//! The scheduler: which run begins when.
//!
//! ```text
//!            due                    a slot is free
//!   Idle ───────────▶ in line ────────────────────▶ Running ─▶ succeeded ──▶ Idle
//!    ▲  timer: window.stop + offset                    │
//!    │                                                 ├─▶ failed, tries left ─▶ Retrying ─ timer ─▶ in line
//!    └──────────── the window is done with ◀───────────┴─▶ failed for good
//! ```
//!
//! A task has one run at a time and takes its windows in order, so that one number says how far it has
//! come: every window that ends by `through` is done with. The number moves only when a run has ended;
//! whoever carries out [`Actions`] notes it durably, and after a crash the window of the run that was cut
//! off comes again. Runs therefore happen at least once, and must do no harm when they happen twice.
//!
//! Tasks that are idle cost an entry of a heap each and are not looked at until their time comes.

mod task;
mod timers;

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::definition::{Definition, Progress, RunId, TaskId, Trigger};
use crate::window::Window;
use task::{CLOCK_STEP_MAX, Next, Task};
use timers::Timers;

/// Runs that may be asked for while a task is busy.
const REQUESTS_MAX: usize = 100;

/// Why there is a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its window was due.
    Schedule,
    /// Rows were written.
    Write,
    /// Somebody asked for it.
    Request,
}

/// A run to begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: TaskId,
    /// What it is about.
    pub window: Window,
    /// Why there is one.
    pub cause: Cause,
    /// Which try of the window it is, from 1.
    pub attempt: u32,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was to do.
    Succeeded,
    /// It did not.
    Failed {
        /// Whether it is nobody's fault and will pass: it is tried again for as long as it takes.
        is_transient: bool,
    },
    /// Somebody stopped it.
    Cancelled,
}

/// What became of a run, for whoever keeps the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The run.
    pub start: Start,
    /// Whether its window will be tried again.
    pub is_retried: bool,
    /// Windows that fell due meanwhile and will not be run, as the task says; with an id for the record of
    /// it.
    pub skipped: Option<(RunId, Window)>,
    /// How far its task has come; `None` if that has not changed.
    pub progress: Option<Progress>,
    /// Its task runs no more, because so many windows in a row have failed.
    pub disabled_after: Option<u32>,
}

/// Windows that will not be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// An id for the record of it.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// From the start of the first to the end of the last.
    pub window: Window,
    /// How far the task has come.
    pub progress: Progress,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actions {
    /// Runs to begin.
    pub starts: Vec<Start>,
    /// Windows to note as skipped.
    pub skipped: Vec<Skipped>,
    /// When to ask again at the latest, if nothing happens before.
    pub wake_at: Option<i64>,
}

/// What became of a request to run a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// It will be this run.
    Accepted(RunId),
    /// There is no such task.
    NoSuchTask,
    /// Too many runs of it wait already.
    TooMany,
}

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does not run by itself.
    Paused,
    /// Its time will come.
    Waiting,
    /// Its turn will come.
    Queued,
    /// It runs.
    Running,
    /// It failed and will be tried again.
    Retrying,
}

/// How a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// When it runs next by itself, if that is known.
    pub next_at: Option<i64>,
    /// How far it has come.
    pub progress: Progress,
}

/// Decides which run begins when. See the module's documentation.
#[derive(Debug)]
pub struct Scheduler {
    /// Runs at a time.
    concurrent: usize,
    tasks: BTreeMap<TaskId, Task>,
    timers: Timers,
    /// Tasks that have something to run, those that have waited longest first.
    line: VecDeque<TaskId>,
    running: HashMap<RunId, Start>,
    last_run: RunId,
    /// The time at the last look.
    now: i64,
}

impl Scheduler {
    /// A scheduler that runs this many at a time. Ids of runs follow that of the last that there was.
    pub fn new(concurrent: usize, last_run: RunId) -> Self {
        Self {
            concurrent: concurrent.max(1),
            tasks: BTreeMap::new(),
            timers: Timers::default(),
            line: VecDeque::new(),
            running: HashMap::new(),
            last_run,
            now: i64::MIN,
        }
    }

    /// Adds a task, or changes it. `progress` is how far it had come when the process ended before; it is of
    /// no account for a task that is there already.
    pub fn put(&mut self, definition: Definition, progress: Option<Progress>, now: i64) {
        let id = definition.id;
        match self.tasks.get_mut(&id) {
            Some(task) => task.change(definition),
            None => {
                let task = Task::new(definition, progress, now);
                self.tasks.insert(id, task);
            }
        }
        self.queue(id);
    }

    /// Forgets a task. A run of it that is under way has to be stopped by the caller, and ends as if it were
    /// still there.
    pub fn remove(&mut self, id: TaskId) {
        self.tasks.remove(&id);
        self.timers.clear(id);
        self.line.retain(|other| *other != id);
    }

    /// Asks for a run now, whether or not the task is paused. What it does is not counted as progress.
    /// Without a window it is the newest that has ended.
    pub fn request(&mut self, id: TaskId, window: Option<Window>, now: i64) -> Request {
        let Some(task) = self.tasks.get(&id) else {
            return Request::NoSuchTask;
        };
        if task.requested.len() >= REQUESTS_MAX {
            return Request::TooMany;
        }
        let window = window.unwrap_or_else(|| task.newest_window(now));
        let run = self.next_run(now);
        let task = self.tasks.get_mut(&id).expect("it was just there");
        task.requested.push_back((run, window));
        self.queue(id);
        Request::Accepted(run)
    }

    /// The newest window of a task that has ended by this time.
    pub fn window_until(&self, id: TaskId, time: i64) -> Option<Window> {
        self.tasks.get(&id).map(|task| task.newest_window(time))
    }

    /// Takes back a request that has not begun. Returns its task and window.
    pub fn withdraw(&mut self, run: RunId) -> Option<(TaskId, Window)> {
        self.tasks.iter_mut().find_map(|(id, task)| {
            let at = task
                .requested
                .iter()
                .position(|(requested, _)| *requested == run)?;
            let (_, window) = task.requested.remove(at)?;
            Some((*id, window))
        })
    }

    /// Rows of this time were written to what the task watches, by writes up to this number. It may be told
    /// twice of a write; one that is done with is of no account.
    pub fn written(&mut self, id: TaskId, window: Window, through: i64, now: i64) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        if task.written(window, through, now) {
            self.queue(id);
        }
    }

    /// A run has ended. `None` if nobody needs to know any more.
    pub fn finished(&mut self, run: RunId, outcome: Outcome, now: i64) -> Option<Ended> {
        let start = self.running.remove(&run)?;
        let mut ended = Ended {
            start,
            is_retried: false,
            skipped: None,
            progress: None,
            disabled_after: None,
        };
        let task = self.tasks.get_mut(&start.task);
        if let Some(task) = task.filter(|task| task.run == Some(run)) {
            task.run = None;
            let skipped = task.end(&mut ended, outcome, now);
            ended.skipped = skipped.map(|window| (self.next_run(now), window));
            self.queue(start.task);
        }
        Some(ended)
    }

    /// What is to be done at this time.
    pub fn next(&mut self, now: i64) -> Actions {
        if now < self.now {
            self.clock_went_back(now);
        }
        self.now = now;
        while let Some(id) = self.timers.pop(now) {
            self.queue(id);
        }
        let mut actions = Actions::default();
        while self.running.len() < self.concurrent
            && let Some(id) = self.line.pop_front()
        {
            self.begin(id, now, &mut actions);
        }
        actions.wake_at = self.timers.next();
        actions
    }

    /// How a task is.
    pub fn status(&self, id: TaskId) -> Option<Status> {
        let task = self.tasks.get(&id)?;
        let state = match (task.run, task.in_line, task.attempt) {
            (Some(_), ..) => State::Running,
            (None, _, Some(_)) => State::Retrying,
            (None, true, None) if task.has_work(self.now) => State::Queued,
            _ if task.definition.is_active => State::Waiting,
            _ => State::Paused,
        };
        Some(Status {
            state,
            next_at: task.next_at().filter(|_| task.definition.is_active),
            progress: task.progress,
        })
    }

    /// The runs that are under way or were asked for, of a task or of all.
    pub fn runs(&self) -> Vec<(Start, bool)> {
        let running = self.running.values().map(|start| (*start, true));
        let requested = self.tasks.iter().flat_map(|(id, task)| {
            let start = |(run, window): &(RunId, Window)| Start {
                run: *run,
                task: *id,
                window: *window,
                cause: Cause::Request,
                attempt: 1,
            };
            task.requested
                .iter()
                .map(move |request| (start(request), false))
        });
        let mut runs: Vec<_> = running.chain(requested).collect();
        runs.sort_unstable_by_key(|(start, _)| start.run);
        runs
    }

    /// Tasks that there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn next_run(&mut self, now: i64) -> RunId {
        self.last_run = RunId(now.max(self.last_run.0 + 1));
        self.last_run
    }

    /// Puts a task in line, to be looked at when a slot is free. The last look arms its timer.
    fn queue(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        if task.run.is_none() && !task.in_line {
            task.in_line = true;
            self.line.push_back(id);
        }
    }

    /// Begins what a task has to run, if anything, or arms its timer.
    fn begin(&mut self, id: TaskId, now: i64, actions: &mut Actions) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        task.in_line = false;
        if task.run.is_some() {
            return;
        }
        if let Some((run, window)) = task.requested.pop_front() {
            self.start(id, run, window, Cause::Request, 1, actions);
            return;
        }
        if let Some(window) = task.skip_what_is_too_much(now) {
            let progress = task.progress;
            let run = self.next_run(now);
            actions.skipped.push(Skipped {
                run,
                task: id,
                window,
                progress,
            });
        }
        let task = self.tasks.get_mut(&id).expect("it was just there");
        match task.next_attempt(now) {
            Next::Run(attempt) => {
                let cause = match task.definition.trigger {
                    Trigger::Schedule { .. } => Cause::Schedule,
                    Trigger::Write { .. } => Cause::Write,
                };
                let run = self.next_run(now);
                self.start(id, run, attempt.window, cause, attempt.number, actions);
            }
            Next::At(at) => self.timers.set(id, at),
            Next::Never => self.timers.clear(id),
        }
    }

    fn start(
        &mut self,
        task: TaskId,
        run: RunId,
        window: Window,
        cause: Cause,
        attempt: u32,
        actions: &mut Actions,
    ) {
        let start = Start {
            run,
            task,
            window,
            cause,
            attempt,
        };
        self.running.insert(run, start);
        let task = self
            .tasks
            .get_mut(&task)
            .expect("only a task that is there begins");
        task.run = Some(run);
        actions.starts.push(start);
    }

    /// What is due is told by the clock of the wall, so windows that ended in a future that will not come
    /// for long must not count as done.
    fn clock_went_back(&mut self, now: i64) {
        let ids: Vec<_> = self.tasks.keys().copied().collect();
        for id in ids {
            let task = self.tasks.get_mut(&id).expect("it was just there");
            if self.now.saturating_sub(now) > CLOCK_STEP_MAX {
                task.rewind(now);
            }
            self.queue(id);
        }
    }
}

#[cfg(test)]
mod tests;
