//! Differences and rates between neighbouring points, with the meaning of InfluxQL.
//!
//! | point                                      | difference and derivative                                |
//! |--------------------------------------------|----------------------------------------------------------|
//! | the first                                  | none                                                     |
//! | at the same time as the one before it      | none, and it is passed over: the first of a time counts  |
//! | below the one before it, non-negative form | none, and the next is compared with it                   |
//!
//! InfluxQL leaves out the rows that have no result; here they have none.

use crate::Running;
use crate::running::ticks_between;
use crate::summary::defined;

/// What becomes of a negative difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Negative {
    /// It is a result like any other.
    Kept,
    /// There is no result: the signal can only rise, and was restarted.
    Dropped,
}

/// The point before, and whether a negative difference from it counts.
#[derive(Debug, Clone)]
struct Neighbour {
    last: Option<(f64, i64)>,
    negative: Negative,
}

impl Neighbour {
    fn new(negative: Negative) -> Self {
        Self {
            last: None,
            negative,
        }
    }

    /// The difference in value and in ticks from the point before, which this one replaces.
    fn step(&mut self, value: f64, time: i64) -> Option<(f64, f64)> {
        if self.last.is_some_and(|(_, last_time)| last_time == time) {
            return None;
        }
        let (last_value, last_time) = self.last.replace((value, time))?;
        let difference = value - last_value;
        let is_kept = self.negative == Negative::Kept || difference >= 0.0;
        is_kept.then(|| (difference, ticks_between(last_time, time)))
    }
}

/// The difference of each point from the one before it.
#[derive(Debug, Clone)]
pub struct Difference(Neighbour);

impl Difference {
    /// The difference, with or without negative results.
    pub fn new(negative: Negative) -> Self {
        Self(Neighbour::new(negative))
    }
}

impl Running for Difference {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        let (difference, _) = self.0.step(value, time)?;
        defined(difference)
    }
}

/// The rate of change from the point before each point to that point.
#[derive(Debug, Clone)]
pub struct Derivative {
    neighbour: Neighbour,
    unit: f64,
}

impl Derivative {
    /// The change per `unit` ticks, with or without negative results.
    pub fn new(unit: f64, negative: Negative) -> Self {
        Self {
            neighbour: Neighbour::new(negative),
            unit,
        }
    }
}

impl Running for Derivative {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        let (difference, ticks) = self.neighbour.step(value, time)?;
        defined(difference / (ticks / self.unit))
    }
}

/// The time since the point before; 0 at the same time. Values do not matter, missing ones included.
#[derive(Debug, Clone)]
pub struct Elapsed {
    last: Option<i64>,
    unit: f64,
}

impl Elapsed {
    /// The time in units of `unit` ticks.
    pub fn new(unit: f64) -> Self {
        Self { last: None, unit }
    }
}

impl Running for Elapsed {
    type Output = f64;

    fn push(&mut self, _value: f64, time: i64) -> Option<f64> {
        let last = self.last.replace(time)?;
        Some(ticks_between(last, time) / self.unit)
    }

    fn missing(&mut self, time: i64) -> Option<f64> {
        self.push(0.0, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::run;

    const NAN: f64 = f64::NAN;

    /// A fall, a gap in the values, two points at one time, and an uneven step.
    const SERIES: [(i64, f64); 7] = [
        (0, 1.0),
        (2, 5.0),
        (4, 3.0),
        (5, NAN),
        (8, 9.0),
        (8, 100.0),
        (9, 10.0),
    ];

    #[test]
    fn differences_are_from_the_point_before() {
        assert_eq!(
            run(Difference::new(Negative::Kept), &SERIES),
            [
                None,
                Some(4.0),
                Some(-2.0),
                None,
                Some(6.0),
                None,
                Some(1.0)
            ]
        );
        assert_eq!(
            run(Difference::new(Negative::Dropped), &SERIES),
            [None, Some(4.0), None, None, Some(6.0), None, Some(1.0)]
        );
    }

    #[test]
    fn derivatives_are_per_unit() {
        assert_eq!(
            run(Derivative::new(1.0, Negative::Kept), &SERIES),
            [
                None,
                Some(2.0),
                Some(-1.0),
                None,
                Some(1.5),
                None,
                Some(1.0)
            ]
        );
        assert_eq!(
            run(Derivative::new(10.0, Negative::Dropped), &SERIES),
            [None, Some(20.0), None, None, Some(15.0), None, Some(10.0)]
        );
    }

    #[test]
    fn no_change_is_not_negative() {
        assert_eq!(
            run(Difference::new(Negative::Dropped), &[(0, 2.0), (1, 2.0)]),
            [None, Some(0.0)]
        );
    }

    #[test]
    fn what_overflows_is_not_defined() {
        let series = [(i64::MIN, f64::MAX), (i64::MAX, -f64::MAX)];
        assert_eq!(run(Difference::new(Negative::Kept), &series), [None, None]);
        let series = [(i64::MIN, 0.0), (i64::MAX, 1.0)];
        assert_eq!(
            run(Derivative::new(1.0, Negative::Kept), &series),
            [None, Some(2.0_f64.powi(-64))]
        );
    }

    #[test]
    fn elapsed_time_counts_every_point() {
        assert_eq!(
            run(Elapsed::new(2.0), &SERIES),
            [
                None,
                Some(1.0),
                Some(1.0),
                Some(0.5),
                Some(1.5),
                Some(0.0),
                Some(0.5)
            ]
        );
    }
}
