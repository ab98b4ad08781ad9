//! Settings of tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskSettings {
    /// Runs of tasks at a time. Each takes a turn among queries; more let tasks share the machine with
    /// them more evenly. At least 1; default 2.
    pub concurrent: usize,
    /// How long a run may take unless its task says so; at most `query.timeout_max` for its query. Longer
    /// lets one task hold up others. Default 5 minutes.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Runs that are kept in memory for `system.task_runs`, the newest of all tasks; each takes less than a
    /// KiB. Default 10 000.
    pub runs_shown: usize,
    /// How long runs are kept in the database `_tasks`. Default 30 days.
    #[serde(with = "humantime_serde")]
    pub runs_kept: Duration,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            concurrent: 2,
            timeout: Duration::from_secs(300),
            runs_shown: 10_000,
            runs_kept: Duration::from_secs(30 * 86_400),
        }
    }
}
