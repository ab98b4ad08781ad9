//! What the scheduler is told of a task.

use std::fmt;

use crate::schedule::Schedule;

/// Identifies a task for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// Identifies a run. No two runs of a store have the same, and a later one has a higher: it is the time at
/// which the run was decided on, or a little more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A task as the scheduler knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its id.
    pub id: TaskId,
    /// When it runs.
    pub trigger: Trigger,
    /// As many windows may wait for it; of more, the newest are kept. At least 1; [`u32::MAX`] is all.
    pub catch_up: u32,
    /// What becomes of a window that falls due while a run is under way.
    pub overlap: Overlap,
    /// How often a failed run is tried again.
    pub retries: u32,
    /// After so many windows in a row that failed it runs no more; 0 is never.
    pub disable_after: u32,
    /// Whether it runs by itself.
    pub is_active: bool,
    /// When it was made: windows of a schedule that ended before are none of its business.
    pub since: i64,
}

/// When a task runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// After every window of a schedule.
    Schedule {
        /// Where windows begin and end.
        schedule: Schedule,
        /// How long after its end a window is due: time for late rows to come in.
        offset: i64,
    },
    /// When rows were written.
    Write {
        /// The number of the last write that is none of its business.
        after: i64,
    },
}

/// What becomes of a window that falls due while a run is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// It waits.
    #[default]
    Queue,
    /// It is skipped, and that is noted.
    Skip,
}

/// How far a task has come: what has to survive the end of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Every window that ends by this is done with: it succeeded, failed for good, or was skipped. For a
    /// task that runs on writes it is the number of the last write that is done with.
    pub through: i64,
    /// Windows in a row that failed.
    pub failures: u32,
}
