//! Windows of time.

/// A span of time, from `start` until just before `stop`. Nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first moment.
    pub start: i64,
    /// The first moment after it.
    pub stop: i64,
}

impl Window {
    /// The window that holds both, and what is between them.
    pub fn union(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            stop: self.stop.max(other.stop),
        }
    }
}
