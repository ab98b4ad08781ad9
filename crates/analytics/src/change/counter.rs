//! [`Counter`]: what a counter counted over a stretch, through its restarts at zero.
//!
//! A value below the one before it says that the counter restarted in between, so all of the new value was counted since
//! (Prometheus' `increase` and `resets`, TimescaleDB Toolkit's `counter_agg`). What it counted between the last value and the
//! restart nobody knows. Nothing is extrapolated to the ends of a window as Prometheus does, which invents counts: the
//! increase is what was seen between the first point and the last, and the rate is that over the time between them.
//!
//! | points                                    | increase | rate, rate at the end | resets |
//! |-------------------------------------------|----------|-----------------------|--------|
//! | none                                      | none     | none                  | none   |
//! | one                                       | none     | none                  | 0      |
//! | no time between (at the end: the last two) | seen     | none                  | seen   |

use super::Stretch;
use crate::running::ticks_between;
use crate::summary::defined;

/// A stretch of a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counter {
    first: (f64, i64),
    /// The last point but one, when there is one.
    previous: Option<(f64, i64)>,
    last: (f64, i64),
    increase: f64,
    resets: u64,
}

impl Counter {
    /// What was counted; `None` below two points.
    pub fn increase(&self) -> Option<f64> {
        self.previous?;
        defined(self.increase)
    }

    /// What was counted per `unit` ticks from the first to the last point.
    pub fn rate(&self, unit: f64) -> Option<f64> {
        let ticks = ticks_between(self.first.1, self.last.1);
        defined(self.increase()? / (ticks / unit))
    }

    /// What was counted per `unit` ticks between the last two points.
    pub fn end_rate(&self, unit: f64) -> Option<f64> {
        let previous = self.previous?;
        let ticks = ticks_between(previous.1, self.last.1);
        defined(counted(previous.0, self.last.0) / (ticks / unit))
    }

    /// How often the counter restarted.
    pub fn resets(&self) -> u64 {
        self.resets
    }
}

/// What was counted from one value to the next.
fn counted(from: f64, to: f64) -> f64 {
    if to < from { to } else { to - from }
}

impl Stretch for Counter {
    type Settings = ();

    fn of(value: f64, time: i64, (): ()) -> Self {
        Self {
            first: (value, time),
            previous: None,
            last: (value, time),
            increase: 0.0,
            resets: 0,
        }
    }

    fn join(&mut self, later: &Self) {
        self.increase += counted(self.last.0, later.first.0) + later.increase;
        self.resets += later.resets + u64::from(later.first.0 < self.last.0);
        self.previous = later.previous.or(Some(self.last));
        self.last = later.last;
    }
}

#[cfg(test)]
mod tests {
    use super::super::stretch::promises;
    use super::*;

    /// Expected: increase, rate and rate at the end per 10 ticks, resets.
    fn check(
        points: &[(f64, i64)],
        expected: (Option<f64>, Option<f64>, Option<f64>, Option<u64>),
    ) {
        let counter = Counter::over(points.iter().copied(), ());
        let actual = (
            counter.and_then(|c| c.increase()),
            counter.and_then(|c| c.rate(10.0)),
            counter.and_then(|c| c.end_rate(10.0)),
            counter.map(|c| c.resets()),
        );
        assert_eq!(actual, expected, "{points:?}");
    }

    #[test]
    fn restarts_count_from_zero() {
        let rising = [(5.0, 0), (7.0, 10), (15.0, 20)];
        check(&rising, (Some(10.0), Some(5.0), Some(8.0), Some(0)));
        let restarted = [
            (5.0, 0),
            (7.0, 10),
            (2.0, 20),
            (2.0, 30),
            (0.0, 40),
            (4.0, 50),
        ];
        check(&restarted, (Some(8.0), Some(1.6), Some(4.0), Some(2)));
        let at_the_end = [(5.0, 0), (7.0, 10), (3.0, 20)];
        check(&at_the_end, (Some(5.0), Some(2.5), Some(3.0), Some(1)));
    }

    #[test]
    fn too_few_points_count_nothing() {
        check(&[], (None, None, None, None));
        check(&[(5.0, 0)], (None, None, None, Some(0)));
        check(&[(5.0, 3), (7.0, 3)], (Some(2.0), None, None, Some(0)));
        check(
            &[(5.0, 3), (7.0, 3), (8.0, 13), (9.0, 13)],
            (Some(4.0), Some(4.0), None, Some(0)),
        );
    }

    #[test]
    fn an_overflow_is_not_defined() {
        check(
            &[(-f64::MAX, 0), (f64::MAX, 10)],
            (None, None, None, Some(0)),
        );
    }

    #[test]
    fn stretches_join_and_slide() {
        promises::check(Counter::increase);
        promises::check::<Counter>(|counter| counter.rate(3.0));
        promises::check::<Counter>(|counter| counter.end_rate(3.0));
        promises::check::<Counter>(|counter| Some(counter.resets() as f64));
    }
}
