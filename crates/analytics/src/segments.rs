//! Cutting a series into pieces while it is read: sessions, machine cycles, runs of one state.

use crate::Running;
use crate::running::ticks_between;

/// Numbers sessions from 0: a point more than `gap` ticks after the one before it begins the next.
///
/// Values do not matter, missing ones included.
#[derive(Debug, Clone)]
pub struct SessionId {
    gap: f64,
    last: Option<i64>,
    id: i64,
}

impl SessionId {
    /// Sessions that end when nothing comes for more than `gap` ticks.
    pub fn new(gap: f64) -> Self {
        Self {
            gap,
            last: None,
            id: 0,
        }
    }
}

impl Running for SessionId {
    type Output = i64;

    fn push(&mut self, _value: f64, time: i64) -> Option<i64> {
        let last = self.last.replace(time).unwrap_or(time);
        self.id += i64::from(ticks_between(last, time) > self.gap);
        Some(self.id)
    }

    fn missing(&mut self, time: i64) -> Option<i64> {
        self.push(0.0, time)
    }
}

/// Counts the cycles of a machine: a cycle begins when the signal rises to `up`, and the next cannot begin before it
/// has fallen to `down`.
///
/// The distance between the two keeps noise around one threshold from counting (a Schmitt trigger). The number of a
/// point's cycle is 0 before the first one; a signal that begins at `up` or above begins in cycle 1. A missing value
/// belongs to the cycle that runs.
#[derive(Debug, Clone)]
pub struct CycleId {
    up: f64,
    down: f64,
    is_up: bool,
    id: i64,
}

impl CycleId {
    /// Cycles that begin at `up` after `down`, which must be below it.
    pub fn new(up: f64, down: f64) -> Self {
        debug_assert!(down < up, "the thresholds are apart");
        Self {
            up,
            down,
            is_up: false,
            id: 0,
        }
    }
}

impl Running for CycleId {
    type Output = i64;

    fn push(&mut self, value: f64, _time: i64) -> Option<i64> {
        if self.is_up {
            self.is_up = value > self.down;
        } else if value >= self.up {
            self.is_up = true;
            self.id += 1;
        }
        Some(self.id)
    }

    fn missing(&mut self, _time: i64) -> Option<i64> {
        Some(self.id)
    }
}

/// Whether the state differs from the one before it. The first state has none before it.
///
/// A state is a number here; names are numbered by the caller. Missing states are passed over.
#[derive(Debug, Clone, Default)]
pub struct ChangeFlag {
    last: Option<f64>,
}

impl Running for ChangeFlag {
    type Output = bool;

    fn push(&mut self, state: f64, _time: i64) -> Option<bool> {
        let last = self.last.replace(state)?;
        Some(last != state)
    }
}

/// How long the state has been what it is: the time since the first point of its run, 0 there.
///
/// At a missing state the run goes on.
#[derive(Debug, Clone)]
pub struct TimeSinceChange {
    unit: f64,
    run: Option<(f64, i64)>,
}

impl TimeSinceChange {
    /// The time in units of `unit` ticks.
    pub fn new(unit: f64) -> Self {
        Self { unit, run: None }
    }
}

impl Running for TimeSinceChange {
    type Output = f64;

    fn push(&mut self, state: f64, time: i64) -> Option<f64> {
        if self.run.is_none_or(|(current, _)| current != state) {
            self.run = Some((state, time));
        }
        self.missing(time)
    }

    fn missing(&mut self, time: i64) -> Option<f64> {
        let (_, start) = self.run?;
        Some(ticks_between(start, time) / self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::run;

    const NAN: f64 = f64::NAN;

    #[test]
    fn a_session_ends_after_a_gap_that_is_longer_than_allowed() {
        let series =
            [0, 5, 10, 16, 16, 21, 40].map(|time| (time, if time == 10 { NAN } else { 1.0 }));
        let ids = |gap| -> Vec<i64> {
            run(SessionId::new(gap), &series)
                .into_iter()
                .flatten()
                .collect()
        };
        assert_eq!(ids(5.0), [0, 0, 0, 1, 1, 1, 2]);
        assert_eq!(ids(6.0), [0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(ids(0.0), [0, 1, 2, 3, 3, 4, 5]);
        let ends = [(i64::MIN, 1.0), (i64::MAX, 1.0)];
        assert_eq!(run(SessionId::new(1e18), &ends), [Some(0), Some(1)]);
    }

    #[test]
    fn a_cycle_needs_both_thresholds() {
        let ids = |values: &[f64]| -> Vec<i64> {
            let series: Vec<_> = (0..).zip(values.iter().copied()).collect();
            run(CycleId::new(8.0, 2.0), &series)
                .into_iter()
                .flatten()
                .collect()
        };
        assert_eq!(
            ids(&[0.0, 8.0, 7.0, 8.0, 3.0, 9.0, 2.0, 9.0]),
            [0, 1, 1, 1, 1, 1, 1, 2]
        );
        assert_eq!(ids(&[5.0, 7.9, 2.0]), [0, 0, 0]);
        assert_eq!(ids(&[9.0, 1.0, 5.0, 8.0]), [1, 1, 1, 2]);
        assert_eq!(ids(&[NAN, 9.0, NAN, 1.0, NAN, 9.0]), [0, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn a_change_is_from_the_state_before() {
        let states = [
            (0, NAN),
            (1, 3.0),
            (2, 3.0),
            (3, NAN),
            (4, 3.0),
            (5, 4.0),
            (6, 3.0),
        ];
        assert_eq!(
            run(ChangeFlag::default(), &states),
            [
                None,
                None,
                Some(false),
                None,
                Some(false),
                Some(true),
                Some(true)
            ]
        );
    }

    #[test]
    fn a_state_ages_from_its_first_point() {
        let states = [
            (0, NAN),
            (1, 3.0),
            (3, 3.0),
            (4, NAN),
            (7, 3.0),
            (8, 4.0),
            (9, NAN),
        ];
        assert_eq!(
            run(TimeSinceChange::new(2.0), &states),
            [
                None,
                Some(0.0),
                Some(1.0),
                Some(1.5),
                Some(3.0),
                Some(0.0),
                Some(0.5)
            ]
        );
    }
}
