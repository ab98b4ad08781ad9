//! What runs by itself: a task, or a check.

use std::sync::Arc;

use catalog::{Check, RecordId, State, Task};

/// What runs by itself.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Task(Arc<Task>),
    Check(Arc<Check>),
}

impl Work {
    /// All that there is.
    pub(super) fn all(state: &State) -> impl Iterator<Item = Self> {
        let tasks = state.tasks().map(|task| Self::Task(Arc::clone(task)));
        let checks = state.checks().map(|check| Self::Check(Arc::clone(check)));
        tasks.chain(checks)
    }

    /// What both have in common.
    pub(super) fn task(&self) -> &Task {
        match self {
            Self::Task(task) => task,
            Self::Check(check) => &check.task,
        }
    }

    pub(super) fn id(&self) -> RecordId {
        self.task().id
    }

    /// What it is called.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::Check(_) => "check",
        }
    }

    /// Whether it is the same record, unchanged.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Task(one), Self::Task(other)) => Arc::ptr_eq(one, other),
            (Self::Check(one), Self::Check(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}
