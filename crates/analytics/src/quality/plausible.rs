//! [`Plausible`]: whether values are within their range and change no faster than they can.
//!
//! The gross range test and the rate of change test of QARTOD (US IOOS, Manual for Real-Time Quality Control, tests 4 and
//! 7), with one code per finding so that several can hold at once.

use crate::Running;
use crate::running::ticks_between;

/// The value is missing.
pub const MISSING: i64 = 1;
/// The value is below its range.
pub const BELOW: i64 = 2;
/// The value is above its range.
pub const ABOVE: i64 = 4;
/// The value is farther from the one before it than the time between them allows.
pub const TOO_FAST: i64 = 8;

/// The sum of the codes that hold at each point of a series, 0 for a plausible value.
#[derive(Debug, Clone)]
pub struct Plausible {
    low: f64,
    high: f64,
    /// The largest change per tick, if there is one.
    rate_max: Option<f64>,
    last: Option<(f64, i64)>,
}

impl Plausible {
    /// Values from `low` to `high`, which change by at most `rate_max` per tick.
    pub fn new(low: f64, high: f64, rate_max: Option<f64>) -> Self {
        Self {
            low,
            high,
            rate_max,
            last: None,
        }
    }

    fn is_too_fast(&self, value: f64, time: i64) -> bool {
        let (Some(rate), Some((last, then))) = (self.rate_max, self.last) else {
            return false;
        };
        (value - last).abs() > rate * ticks_between(then, time)
    }
}

impl Running for Plausible {
    type Output = i64;

    fn push(&mut self, value: f64, time: i64) -> Option<i64> {
        let below = if value < self.low { BELOW } else { 0 };
        let above = if value > self.high { ABOVE } else { 0 };
        let too_fast = if self.is_too_fast(value, time) {
            TOO_FAST
        } else {
            0
        };
        self.last = Some((value, time));
        Some(below + above + too_fast)
    }

    fn missing(&mut self, _time: i64) -> Option<i64> {
        Some(MISSING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::run;

    #[test]
    fn codes_add_up() {
        let series = [
            (0, 5.0),
            (1, f64::NAN),
            (2, 9.0),
            (3, 12.5),
            (3, 12.5),
            (4, -1.0),
            (10, 10.0),
        ];
        let expected = [0, MISSING, 0, ABOVE + TOO_FAST, ABOVE, BELOW + TOO_FAST, 0];
        let codes = run(Plausible::new(0.0, 10.0, Some(2.0)), &series);
        assert_eq!(codes, expected.map(Some));
        let expected = [0, MISSING, 0, ABOVE, ABOVE, BELOW, 0];
        let codes = run(Plausible::new(0.0, 10.0, None), &series);
        assert_eq!(codes, expected.map(Some));
    }
}
