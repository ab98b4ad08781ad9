//! One task as the scheduler knows it: how far it has come, and what it does next.

use std::collections::VecDeque;

use super::{Cause, Ended, Outcome};
use crate::definition::{Definition, Overlap, Progress, RunId, Trigger};
use crate::window::Window;

const SECOND: i64 = 1_000_000_000;

/// Writes that come within this are one run's.
pub(super) const WRITES_GATHERED: i64 = SECOND / 4;

/// The pause before the first new attempt; it doubles with each.
const BACK_OFF: i64 = SECOND;

/// The longest pause between attempts.
const BACK_OFF_MAX: i64 = 300 * SECOND;

/// A clock that goes back by less than this is waited for.
pub(super) const CLOCK_STEP_MAX: i64 = 60 * SECOND;

#[derive(Debug)]
pub(super) struct Task {
    pub(super) definition: Definition,
    pub(super) progress: Progress,
    /// The time of rows that were written and not looked at yet, for a task that runs on writes.
    pending: Option<Pending>,
    /// The run that is under way.
    pub(super) run: Option<RunId>,
    /// The attempt that failed, or is under way.
    pub(super) attempt: Option<Attempt>,
    pub(super) requested: VecDeque<(RunId, Window)>,
    pub(super) in_line: bool,
}

/// Rows that were written.
#[derive(Debug, Clone, Copy)]
struct Pending {
    pub(super) window: Window,
    /// The number of the last write.
    through: i64,
    /// When they are to be looked at.
    at: i64,
}

/// A window that is being tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    pub(super) window: Window,
    /// How far the task has come when it is done with.
    through: i64,
    pub(super) number: u32,
    /// When the first began.
    began_at: i64,
    /// When the next may begin.
    not_before: i64,
}

/// What a task does next.
pub(super) enum Next {
    Run(Attempt),
    At(i64),
    Never,
}

impl Task {
    pub(super) fn new(definition: Definition, progress: Option<Progress>, now: i64) -> Self {
        let progress = progress.unwrap_or(Progress {
            through: start_of(&definition),
            failures: 0,
        });
        let mut task = Self {
            definition,
            progress,
            pending: None,
            run: None,
            attempt: None,
            requested: VecDeque::new(),
            in_line: false,
        };
        task.rewind(now);
        task
    }

    pub(super) fn change(&mut self, definition: Definition) {
        let before = std::mem::replace(&mut self.definition, definition);
        if !self.definition.is_active {
            self.put_back();
        }
        if before.trigger != self.definition.trigger {
            self.attempt = None;
            self.pending = None;
            let is_write = |trigger: &Trigger| matches!(trigger, Trigger::Write { .. });
            // What counts as progress is another thing.
            if is_write(&before.trigger) || is_write(&self.definition.trigger) {
                self.progress.through = start_of(&self.definition);
            }
        }
        if self.definition.is_active && !before.is_active {
            self.progress.failures = 0;
        }
    }

    /// Nothing is being tried any more. Windows of schedules follow from the progress; writes do not.
    fn put_back(&mut self) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        if matches!(self.definition.trigger, Trigger::Write { .. }) {
            self.add_pending(attempt.window, attempt.through, attempt.not_before);
        }
    }

    /// Rows were written. Returns whether that was not known.
    pub(super) fn written(&mut self, window: Window, through: i64, now: i64) -> bool {
        let tried = self.attempt.map(|attempt| attempt.through);
        let is_known =
            through <= self.progress.through || tried.is_some_and(|tried| through <= tried);
        if !is_known {
            self.add_pending(window, through, now.saturating_add(WRITES_GATHERED));
        }
        !is_known
    }

    fn add_pending(&mut self, window: Window, through: i64, at: i64) {
        let pending = match self.pending {
            Some(pending) => Pending {
                window: pending.window.union(window),
                through: pending.through.max(through),
                ..pending
            },
            None => Pending {
                window,
                through,
                at,
            },
        };
        self.pending = Some(pending);
    }

    /// Takes back progress into a future that the clock has left.
    pub(super) fn rewind(&mut self, now: i64) {
        if let Trigger::Schedule { schedule, .. } = &self.definition.trigger
            && self.progress.through > now.saturating_add(CLOCK_STEP_MAX)
            && let Some(through) = schedule.last_through(now)
        {
            self.progress.through = through;
        }
    }

    /// The newest window that has ended.
    pub(super) fn newest_window(&self, now: i64) -> Window {
        let window = match &self.definition.trigger {
            Trigger::Schedule { schedule, .. } => schedule
                .last_through(now)
                .and_then(|stop| schedule.window_after(stop - 1)),
            Trigger::Write { .. } => self.pending.map(|pending| pending.window),
        };
        window.unwrap_or(Window {
            start: now,
            stop: now,
        })
    }

    pub(super) fn has_work(&self, now: i64) -> bool {
        !self.requested.is_empty() || self.next_at().is_some_and(|at| at <= now)
    }

    /// When it has something to run by itself.
    pub(super) fn next_at(&self) -> Option<i64> {
        if let Some(attempt) = self.attempt {
            return Some(attempt.not_before);
        }
        match &self.definition.trigger {
            Trigger::Schedule { schedule, offset } => {
                let stop = schedule.next_after(self.progress.through)?;
                stop.checked_add(*offset)
            }
            Trigger::Write { .. } => self.pending.map(|pending| pending.at),
        }
    }

    /// Of more windows than may wait the oldest are done with. Returns them.
    pub(super) fn skip_what_is_too_much(&mut self, now: i64) -> Option<Window> {
        let Trigger::Schedule { schedule, offset } = &self.definition.trigger else {
            return None;
        };
        let waits_for_ever = self.definition.catch_up == u32::MAX;
        if !self.definition.is_active || self.attempt.is_some() || waits_for_ever {
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
    pub(super) fn next_attempt(&mut self, now: i64) -> Next {
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
            None => self.take_window().map(|(window, through)| Attempt {
                window,
                through,
                number: 1,
                began_at: now,
                not_before: now,
            }),
        };
        self.attempt = attempt;
        attempt.map_or(Next::Never, Next::Run)
    }

    /// The window to run next, and how far the task has come then.
    fn take_window(&mut self) -> Option<(Window, i64)> {
        match &self.definition.trigger {
            Trigger::Schedule { schedule, .. } => {
                let window = schedule.window_after(self.progress.through)?;
                Some((window, window.stop))
            }
            Trigger::Write { .. } => {
                let pending = self.pending.take()?;
                Some((pending.window, pending.through))
            }
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
    pub(super) fn end(&mut self, ended: &mut Ended, outcome: Outcome, now: i64) -> Option<Window> {
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
        self.progress.through = self.progress.through.max(attempt.through);
        if start.cause == Cause::Schedule {
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
        Trigger::Write { after } => *after,
    }
}

fn back_off(attempt: u32) -> i64 {
    let doubled = BACK_OFF.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    doubled.min(BACK_OFF_MAX)
}
