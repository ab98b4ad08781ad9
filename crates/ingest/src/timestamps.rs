//! From the integer at the end of a line to nanoseconds.
//!
//! | timestamp                                      | result                          |
//! |------------------------------------------------|---------------------------------|
//! | absent                                         | the one default of the request  |
//! | before 1678-01-01 or after 2261-12-31          | `timestamp_out_of_range`        |
//! | times its unit does not fit in 64 bits         | `timestamp_out_of_range`        |
//! | 1970 to 1979 where nanoseconds are meant       | accepted, counted as suspicious |

use crate::fault::Fault;

/// The unit of the timestamps of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Guessed for every line from the size of the number, as InfluxDB 3 does: seconds below
    /// 5·10⁹, milliseconds below 5·10¹², microseconds below 5·10¹⁵, else nanoseconds.
    Auto,
    /// Nanoseconds.
    #[default]
    Nanosecond,
    /// Microseconds.
    Microsecond,
    /// Milliseconds.
    Millisecond,
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// 1678-01-01T00:00:00Z: the first whole year that 64-bit nanoseconds can hold.
const TIME_MIN: i64 = -9_214_560_000 * NANOS_PER_SECOND;
/// The last nanosecond of 2261-12-31: the last whole year that 64-bit nanoseconds can hold.
const TIME_MAX: i64 = 9_214_646_400 * NANOS_PER_SECOND - 1;
/// 1980-01-01T00:00:00Z. Numbers between 0 and this are, as nanoseconds, most likely another unit.
const PLAUSIBLE_MIN: i64 = 315_532_800 * NANOS_PER_SECOND;

impl Precision {
    #[inline]
    fn nanos_per_unit(self, timestamp: i64) -> i64 {
        match self {
            Self::Auto => Self::guess(timestamp).nanos_per_unit(timestamp),
            Self::Nanosecond => 1,
            Self::Microsecond => 1_000,
            Self::Millisecond => 1_000_000,
            Self::Second => NANOS_PER_SECOND,
            Self::Minute => 60 * NANOS_PER_SECOND,
            Self::Hour => 3600 * NANOS_PER_SECOND,
        }
    }

    fn guess(timestamp: i64) -> Self {
        match timestamp.unsigned_abs() / 1_000_000_000 {
            0..5 => Self::Second,
            5..5_000 => Self::Millisecond,
            5_000..5_000_000 => Self::Microsecond,
            _ => Self::Nanosecond,
        }
    }

    /// A timestamp of this precision in nanoseconds.
    #[inline]
    pub(crate) fn to_nanos(self, timestamp: i64) -> Result<i64, Fault> {
        timestamp
            .checked_mul(self.nanos_per_unit(timestamp))
            .filter(|nanos| (TIME_MIN..=TIME_MAX).contains(nanos))
            .ok_or_else(|| Fault::TimestampOutOfRange {
                timestamp: timestamp.to_string(),
            })
    }

    /// Whether this time was probably written in a coarser unit than the request says.
    pub(crate) fn is_suspicious(self, nanos: i64) -> bool {
        self == Self::Nanosecond && (0..PLAUSIBLE_MIN).contains(&nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_scale_by_their_precision() {
        let cases = [
            (Precision::Nanosecond, 1, Some(1)),
            (Precision::Microsecond, -2, Some(-2_000)),
            (Precision::Millisecond, 3, Some(3_000_000)),
            (Precision::Second, 4, Some(4_000_000_000)),
            (Precision::Minute, 5, Some(300_000_000_000)),
            (Precision::Hour, 6, Some(21_600_000_000_000)),
            (Precision::Second, i64::MAX, None),
            (Precision::Hour, i64::MIN, None),
            (Precision::Nanosecond, i64::MIN, None),
            (Precision::Nanosecond, i64::MAX, None),
            (Precision::Nanosecond, TIME_MIN, Some(TIME_MIN)),
            (Precision::Nanosecond, TIME_MIN - 1, None),
            (Precision::Nanosecond, TIME_MAX, Some(TIME_MAX)),
            (Precision::Nanosecond, TIME_MAX + 1, None),
            (
                Precision::Auto,
                4_999_999_999,
                Some(4_999_999_999_000_000_000),
            ),
            (
                Precision::Auto,
                -4_999_999_999,
                Some(-4_999_999_999_000_000_000),
            ),
            (Precision::Auto, 5_000_000_000, Some(5_000_000_000_000_000)),
            (
                Precision::Auto,
                4_999_999_999_999,
                Some(4_999_999_999_999_000_000),
            ),
            (
                Precision::Auto,
                5_000_000_000_000,
                Some(5_000_000_000_000_000),
            ),
            (
                Precision::Auto,
                4_999_999_999_999_999,
                Some(4_999_999_999_999_999_000),
            ),
            (
                Precision::Auto,
                5_000_000_000_000_000,
                Some(5_000_000_000_000_000),
            ),
            (Precision::Auto, i64::MIN, None),
        ];
        for (precision, timestamp, expected) in cases {
            let nanos = precision.to_nanos(timestamp);
            assert_eq!(nanos.ok(), expected, "{precision:?} {timestamp}");
        }
    }
}
