//! How much of the time a machine runs, and how often it does not.
//!
//! Each state lasts until the next point; the last point has no length.
//!
//! | points                        | availability | mean time between failures | mean time to repair |
//! |-------------------------------|--------------|----------------------------|---------------------|
//! | fewer than two, or one time   | none         | none                       | none                |
//! | always up                     | 1            | none: no failure           | none: no outage     |
//! | always down                   | 0            | none                       | all the time        |
//!
//! A failure is a change from up to down; an outage is a stretch of down, the one at the first point included.

use crate::change::Stretch;
use crate::running::ticks_between;
use crate::summary::defined;

/// The times and changes of a stretch of points; a value that is not zero is up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Switching {
    first_up: bool,
    first: i64,
    last_up: bool,
    last: i64,
    up: f64,
    down: f64,
    failures: u64,
    outages: u64,
}

impl Switching {
    /// The share of the time that it was up.
    pub fn availability(&self) -> Option<f64> {
        defined(self.up / (self.up + self.down))
    }

    /// The time up per failure, in units of so many ticks.
    pub fn mean_time_between_failures(&self, unit: f64) -> Option<f64> {
        defined(self.up / self.failures as f64 / unit)
    }

    /// The time down per outage, in units of so many ticks.
    pub fn mean_time_to_repair(&self, unit: f64) -> Option<f64> {
        if self.up + self.down == 0.0 {
            return None;
        }
        defined(self.down / self.outages as f64 / unit)
    }
}

impl Stretch for Switching {
    type Settings = ();

    fn of(value: f64, time: i64, (): ()) -> Self {
        let is_up = value != 0.0;
        Self {
            first_up: is_up,
            first: time,
            last_up: is_up,
            last: time,
            up: 0.0,
            down: 0.0,
            failures: 0,
            outages: u64::from(!is_up),
        }
    }

    fn join(&mut self, later: &Self) {
        let time = ticks_between(self.last, later.first);
        let spent = if self.last_up {
            &mut self.up
        } else {
            &mut self.down
        };
        *spent += time;
        self.up += later.up;
        self.down += later.down;
        self.failures += later.failures + u64::from(self.last_up && !later.first_up);
        // An outage that goes on is counted once.
        let goes_on = !self.last_up && !later.first_up;
        self.outages += later.outages - u64::from(goes_on);
        self.last_up = later.last_up;
        self.last = later.last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::promises;

    #[test]
    fn times_and_failures_are_counted() {
        let check = |points: &[(f64, i64)], expected: [Option<f64>; 3]| {
            let switching = Switching::over(points.iter().copied(), ());
            let actual = [
                switching.and_then(|s| s.availability()),
                switching.and_then(|s| s.mean_time_between_failures(1.0)),
                switching.and_then(|s| s.mean_time_to_repair(1.0)),
            ];
            assert_eq!(actual, expected, "{points:?}");
        };
        // Up for 6, down for 2, up for 1, down for 1 and still so.
        let points = [(1.0, 0), (1.0, 4), (0.0, 6), (1.0, 8), (0.0, 9), (0.0, 10)];
        check(&points, [Some(0.7), Some(3.5), Some(1.5)]);
        check(
            &[(0.0, 0), (1.0, 4), (1.0, 8)],
            [Some(0.5), None, Some(4.0)],
        );
        check(&[(1.0, 0), (1.0, 4)], [Some(1.0), None, None]);
        check(&[(0.0, 0), (0.0, 4)], [Some(0.0), None, Some(4.0)]);
        check(&[(1.0, 0)], [None; 3]);
        check(&[(0.0, 3), (0.0, 3)], [None; 3]);
        check(&[], [None; 3]);
    }

    #[test]
    fn stretches_join_and_slide() {
        // Signs, so that both states come often.
        let up = |switching: &Switching| switching.availability();
        promises::check::<Switching>(up);
        promises::check::<Switching>(|switching| switching.mean_time_to_repair(3.0));
    }
}
