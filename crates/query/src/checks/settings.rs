//! Settings of checks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckSettings {
    /// Series that one check may know, and rows that its query may give; each takes about a KiB. Default
    /// 10 000.
    pub series_max: usize,
    /// Changes of levels that are kept in memory for `system.check_statuses`, the newest of all checks.
    /// Default 10 000.
    pub statuses_shown: usize,
    /// People are told that a check cannot look, by the level `unknown`, when so many windows in a row have failed; of
    /// fewer, they may be told of what passes by itself. Default 3.
    pub failures_told: u32,
    /// How long changes of levels are kept in the database `_checks`. Default 90 days.
    #[serde(with = "humantime_serde")]
    pub statuses_kept: Duration,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            series_max: 10_000,
            statuses_shown: 10_000,
            failures_told: 3,
            statuses_kept: Duration::from_secs(90 * 86_400),
        }
    }
}
