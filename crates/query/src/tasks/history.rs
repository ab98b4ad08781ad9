//! The runs that there were lately.

use std::collections::VecDeque;
use std::sync::Arc;

use automation::{Cause, RunId, Window};
use catalog::RecordId;

/// How a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// It runs.
    Running,
    /// It did what it was to do.
    Succeeded,
    /// It did not.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// There was none: its windows were passed over.
    Skipped,
}

impl RunState {
    const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub run: RunId,
    /// Its task.
    pub task: RecordId,
    /// The name of the task at that time.
    pub task_name: Arc<str>,
    /// The name of the task's database.
    pub database: Arc<str>,
    /// What it was about.
    pub window: Window,
    /// Why there was one: `schedule`, `write` or `request`.
    pub cause: &'static str,
    /// Which try of its window it was, from 1.
    pub attempt: u32,
    /// How it is.
    pub state: RunState,
    /// When it began, nanoseconds since 1970.
    pub started_at_nanos: Option<i64>,
    /// When it ended.
    pub finished_at_nanos: Option<i64>,
    /// Rows that it wrote, for an `INSERT`.
    pub rows: Option<u64>,
    /// What went wrong.
    pub error: Option<String>,
}

pub(super) fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Schedule => "schedule",
        Cause::Write => "write",
        Cause::Request => "request",
    }
}

/// The newest runs of all tasks that have ended, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    ended: VecDeque<Arc<RunRecord>>,
    limit: usize,
}

impl History {
    /// Keeps as many.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            ended: VecDeque::new(),
            limit: limit.max(1),
        }
    }

    pub(super) fn add(&mut self, record: Arc<RunRecord>) {
        if self.ended.len() == self.limit {
            self.ended.pop_front();
        }
        self.ended.push_back(record);
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<RunRecord>> {
        self.ended.iter()
    }
}
