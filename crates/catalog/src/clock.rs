//! Wall-clock time as a parameter, so that any run can be replayed with a clock of its own.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the program takes the time of day from.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    fn now_nanos(&self) -> i64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the module that wraps the system clock"
    )]
    fn now_nanos(&self) -> i64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
    }
}
