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

mod timers;

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::definition::{Definition, Overlap, Progress, RunId, TaskId, Trigger};
use crate::window::Window;
use timers::Timers;

const SECOND: i64 = 1_000_000_000;

/// Writes that come within this are one run's.
const WRITES_GATHERED: i64 = SECOND / 4;

/// The pause before the first new attempt; it doubles with each.
const BACK_OFF: i64 = SECOND;

/// The longest pause between attempts.
const BACK_OFF_MAX: i64 = 300 * SECOND;

/// A clock that goes back by less than this is waited for.
const CLOCK_STEP_MAX: i64 = 60 * SECOND;

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

#[derive(Debug)]
struct Task {
    definition: Definition,
    progress: Progress,
    /// When the pending rows are to be looked at.
    pending_at: i64,
    /// The run that is under way.
    run: Option<RunId>,
    /// The attempt that failed, or is under way.
    attempt: Option<Attempt>,
    requested: VecDeque<(RunId, Window)>,
    in_line: bool,
}

/// A window that is being tried.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    window: Window,
    number: u32,
    /// When the first began.
    began_at: i64,
    /// When the next may begin.
    not_before: i64,
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

    /// Rows of this time were written to what the task watches.
    pub fn written(&mut self, id: TaskId, window: Window, now: i64) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        match &mut task.progress.pending {
            Some(pending) => *pending = pending.union(window),
            none => {
                *none = Some(window);
                task.pending_at = now.saturating_add(WRITES_GATHERED);
            }
        }
        self.queue(id);
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
                    Trigger::Write => Cause::Write,
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

/// What a task does next.
enum Next {
    Run(Attempt),
    At(i64),
    Never,
}

impl Task {
    fn new(definition: Definition, progress: Option<Progress>, now: i64) -> Self {
        let progress = progress.unwrap_or(Progress {
            through: start_of(&definition),
            failures: 0,
            pending: None,
        });
        let mut task = Self {
            definition,
            progress,
            pending_at: now,
            run: None,
            attempt: None,
            requested: VecDeque::new(),
            in_line: false,
        };
        task.rewind(now);
        task
    }

    fn change(&mut self, definition: Definition) {
        let before = std::mem::replace(&mut self.definition, definition);
        if before.trigger != self.definition.trigger {
            self.attempt = None;
            if before.trigger == Trigger::Write {
                self.progress.through = start_of(&self.definition);
            }
        }
        if self.definition.is_active && !before.is_active {
            self.progress.failures = 0;
        }
        if !self.definition.is_active {
            self.attempt = None;
        }
    }

    /// Takes back progress into a future that the clock has left.
    fn rewind(&mut self, now: i64) {
        if let Trigger::Schedule { schedule, .. } = &self.definition.trigger
            && self.progress.through > now.saturating_add(CLOCK_STEP_MAX)
            && let Some(through) = schedule.last_through(now)
        {
            self.progress.through = through;
        }
    }

    /// The newest window that has ended.
    fn newest_window(&self, now: i64) -> Window {
        let window = match &self.definition.trigger {
            Trigger::Schedule { schedule, .. } => schedule
                .last_through(now)
                .and_then(|stop| schedule.window_after(stop - 1)),
            Trigger::Write => self.progress.pending,
        };
        window.unwrap_or(Window {
            start: now,
            stop: now,
        })
    }

    fn has_work(&self, now: i64) -> bool {
        !self.requested.is_empty() || self.next_at().is_some_and(|at| at <= now)
    }

    /// When it has something to run by itself.
    fn next_at(&self) -> Option<i64> {
        if let Some(attempt) = self.attempt {
            return Some(attempt.not_before);
        }
        match &self.definition.trigger {
            Trigger::Schedule { schedule, offset } => {
                let stop = schedule.next_after(self.progress.through)?;
                stop.checked_add(*offset)
            }
            Trigger::Write => self.progress.pending.map(|_| self.pending_at),
        }
    }

    /// Of more windows than may wait the oldest are done with. Returns them.
    fn skip_what_is_too_much(&mut self, now: i64) -> Option<Window> {
        let Trigger::Schedule { schedule, offset } = &self.definition.trigger else {
            return None;
        };
        if !self.definition.is_active || self.attempt.is_some() {
            return None;
        }
        let due = schedule.last_through(now.checked_sub(*offset)?)?;
        let oldest = schedule.back(due, self.definition.catch_up.max(1))?;
        let from = self.progress.through;
        if oldest <= from || schedule.next_after(from)? > oldest {
            return None;
        }
        self.progress.through = oldest;
        let start = schedule.window_after(from)?.start;
        Some(Window {
            start,
            stop: oldest,
        })
    }

    /// Decides on the next run. What it decides on is under way from then on.
    fn next_attempt(&mut self, now: i64) -> Next {
        if !self.definition.is_active {
            return Next::Never;
        }
        match self.next_at() {
            None => return Next::Never,
            Some(at) if at > now => return Next::At(at),
            Some(_) => {}
        }
        let attempt = match self.attempt {
            Some(failed) => Some(Attempt {
                number: failed.number + 1,
                ..failed
            }),
            None => self.take_window().map(|window| Attempt {
                window,
                number: 1,
                began_at: now,
                not_before: now,
            }),
        };
        self.attempt = attempt;
        attempt.map_or(Next::Never, Next::Run)
    }

    /// The window to run next.
    fn take_window(&mut self) -> Option<Window> {
        match &self.definition.trigger {
            Trigger::Schedule { schedule, .. } => schedule.window_after(self.progress.through),
            Trigger::Write => self.progress.pending.take(),
        }
    }

    /// Windows that fell due during the run are done with, if the task says so and it was not behind before.
    fn skip_what_fell_due(&mut self, began_at: i64, now: i64) -> Option<Window> {
        let Trigger::Schedule { schedule, offset } = &self.definition.trigger else {
            return None;
        };
        let from = self.progress.through;
        let due_then = schedule.last_through(began_at.checked_sub(*offset)?)?;
        let due_now = schedule.last_through(now.checked_sub(*offset)?)?;
        if self.definition.overlap != Overlap::Skip || from < due_then || from >= due_now {
            return None;
        }
        let start = schedule.window_after(from)?.start;
        self.progress.through = due_now;
        Some(Window {
            start,
            stop: due_now,
        })
    }

    /// Takes in how a run ended. Returns windows that will not be run because of how long it took.
    fn end(&mut self, ended: &mut Ended, outcome: Outcome, now: i64) -> Option<Window> {
        let start = ended.start;
        // The task may have been changed under the run: what was tried is not its window any more.
        let tried = self
            .attempt
            .filter(|attempt| attempt.window == start.window);
        let attempt = tried.filter(|_| start.cause != Cause::Request)?;
        let Definition {
            retries,
            disable_after,
            ..
        } = self.definition;
        match outcome {
            Outcome::Failed { is_transient } if is_transient || attempt.number <= retries => {
                let not_before = now.saturating_add(back_off(attempt.number));
                self.attempt = Some(Attempt {
                    not_before,
                    ..attempt
                });
                ended.is_retried = true;
                return None;
            }
            Outcome::Failed { .. } => self.progress.failures += 1,
            Outcome::Succeeded => self.progress.failures = 0,
            Outcome::Cancelled => {}
        }
        self.attempt = None;
        let mut skipped = None;
        if start.cause == Cause::Schedule {
            self.progress.through = self.progress.through.max(start.window.stop);
            skipped = self.skip_what_fell_due(attempt.began_at, now);
        }
        if disable_after > 0 && self.progress.failures >= disable_after {
            self.definition.is_active = false;
            ended.disabled_after = Some(self.progress.failures);
        }
        ended.progress = Some(self.progress);
        skipped
    }
}

/// Where a task that has not run yet begins: with the window in which it was made.
fn start_of(definition: &Definition) -> i64 {
    match &definition.trigger {
        Trigger::Schedule { schedule, .. } => schedule
            .last_through(definition.since)
            .unwrap_or(definition.since),
        Trigger::Write => definition.since,
    }
}

fn back_off(attempt: u32) -> i64 {
    let doubled = BACK_OFF.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    doubled.min(BACK_OFF_MAX)
}

#[cfg(test)]
mod tests;
