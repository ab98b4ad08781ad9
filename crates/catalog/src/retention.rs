//! How long rows are kept.

use std::num::NonZeroU64;

/// How long the rows of a database or table are kept, counted from their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// For ever.
    #[default]
    Forever,
    /// For this many nanoseconds.
    Nanos(NonZeroU64),
}

impl Retention {
    /// The retention of this length; none, or 0, is for ever.
    pub fn from_nanos(nanos: Option<u64>) -> Self {
        match nanos.and_then(NonZeroU64::new) {
            Some(nanos) => Self::Nanos(nanos),
            None => Self::Forever,
        }
    }

    /// Its length; `None` is for ever.
    pub fn nanos(self) -> Option<u64> {
        match self {
            Self::Forever => None,
            Self::Nanos(nanos) => Some(nanos.get()),
        }
    }

    /// The earliest time that is still kept at `now`.
    pub fn earliest(self, now: i64) -> i64 {
        match self {
            Self::Forever => i64::MIN,
            Self::Nanos(nanos) => now.saturating_sub_unsigned(nanos.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_time_never_wraps() {
        let check = |nanos, now, expected| {
            assert_eq!(Retention::from_nanos(nanos).earliest(now), expected);
        };
        check(None, 100, i64::MIN);
        check(Some(0), 100, i64::MIN);
        check(Some(30), 100, 70);
        check(Some(u64::MAX), 100, i64::MIN);
    }
}
