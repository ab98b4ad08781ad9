//! Indices of data quality from 0, bad, to 1, as the functions of Apache IoTDB's library of the same names.
//!
//! | index        | 1 minus the share of                                                                       |
//! |--------------|--------------------------------------------------------------------------------------------|
//! | completeness | rows that are missing or have no value, of all rows there should be                         |
//! | consistency  | rows that come too soon, within half a step of the one before                               |
//! | timeliness   | rows that come late: too soon after others, but filling up a gap before these               |
//! | validity     | values, steps, speeds and changes of speed beyond 3·1.4826·MAD of their median, a quarter each |
//!
//! A gap is two steps or more, and a row fills it when it follows within the next few rows half a step or less after
//! another: the writer was held up and then caught up. A gap of more than nine steps is a stop of the machine, in which
//! nothing is missing. The step is given, or the median of all.

use std::collections::VecDeque;

use crate::running::ticks_between;
use crate::spikes::SIGMA_PER_MAD;
use crate::statistics::median;

/// Rows that are looked at together, to find those that came late.
const WINDOW: usize = 10;

/// Steps up to this share of the usual one are too short.
const SHORT: f64 = 0.5;

/// Steps from this many usual ones on are gaps.
const LONG: f64 = 2.0;

/// Gaps of more steps are stops.
const STOP: f64 = 9.0;

/// Values farther from the median than so many MADs, scaled to sigmas, are deviations.
const SIGMAS: f64 = 3.0 * SIGMA_PER_MAD;

/// How the rows of a series lie in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    rows: usize,
    missing: f64,
    late: usize,
    doubled: usize,
}

/// Judges the times of rows, at least two, against a step in ticks; `None` when there is no step.
pub fn timing(times: &[i64], step: Option<f64>) -> Option<Timing> {
    let step = match step {
        Some(step) => step,
        None => {
            let mut steps: Vec<f64> = times
                .windows(2)
                .map(|pair| ticks_between(pair[0], pair[1]))
                .collect();
            steps.sort_unstable_by(f64::total_cmp);
            median(&steps)?
        }
    };
    if times.len() < 2 || step <= 0.0 {
        return None;
    }
    let mut timing = Timing {
        rows: times.len(),
        missing: 0.0,
        late: 0,
        doubled: 0,
    };
    let mut coming = times.iter().copied();
    let mut window: VecDeque<i64> = coming.by_ref().take(WINDOW).collect();
    while window.len() > 1 {
        timing.judge(&mut window, step);
        window.pop_front();
        let room = WINDOW - window.len();
        window.extend(coming.by_ref().take(room));
    }
    Some(timing)
}

impl Timing {
    /// The share of the rows that are there and have a value; `empty` rows have none.
    pub fn completeness(&self, empty: usize) -> f64 {
        1.0 - (self.missing + empty as f64) / (self.rows as f64 + self.missing)
    }

    /// The share of rows that do not come too soon.
    pub fn consistency(&self) -> f64 {
        1.0 - self.doubled as f64 / self.rows as f64
    }

    /// The share of rows that do not come late.
    pub fn timeliness(&self) -> f64 {
        1.0 - self.late as f64 / self.rows as f64
    }

    /// Judges the step from the first row of the window to the second. Rows that are found to be late, or doubled, are
    /// taken out of it.
    fn judge(&mut self, window: &mut VecDeque<i64>, step: f64) {
        let length = ticks_between(window[0], window[1]) / step;
        if length <= SHORT {
            window.remove(1);
            self.doubled += 1;
        } else if (LONG..=STOP).contains(&length) {
            let missing = (length - 1.0).round();
            let late = fill(window, step, missing);
            self.late += late;
            self.missing += missing - late as f64;
        }
    }
}

/// Takes up to `missing` rows out of the window that come soon after others, until the next gap.
fn fill(window: &mut VecDeque<i64>, step: f64, missing: f64) -> usize {
    let mut late = 0;
    let mut index = 2;
    while index < window.len() && (late as f64) < missing {
        let length = ticks_between(window[index - 1], window[index]) / step;
        if length >= LONG {
            break;
        }
        if length <= SHORT {
            late += 1;
            window.remove(index);
        } else {
            index += 1;
        }
    }
    late
}

/// The validity of a series of values at times; `None` below two values.
pub fn validity(times: &[i64], values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let changes: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let steps = times.windows(2).map(|pair| ticks_between(pair[0], pair[1]));
    let moving = changes.iter().zip(steps).filter(|(_, step)| *step > 0.0);
    let speeds: Vec<f64> = moving.map(|(change, step)| change / step).collect();
    let turns: Vec<f64> = speeds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let all = [values, &changes, &speeds, &turns];
    let found: usize = all.into_iter().map(deviations).sum();
    Some(1.0 - found as f64 / 4.0 / values.len() as f64)
}

/// How many values are far from the median.
fn deviations(values: &[f64]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(center) = median(&sorted) else {
        return 0;
    };
    let mut distances: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let limit = SIGMAS * median(&distances).unwrap_or(0.0);
    distances.len() - distances.partition_point(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: completeness, consistency, timeliness.
    fn check(times: &[i64], step: Option<f64>, empty: usize, expected: [f64; 3]) {
        let timing = timing(times, step).unwrap();
        let actual = [
            timing.completeness(empty),
            timing.consistency(),
            timing.timeliness(),
        ];
        for (a, e) in actual.into_iter().zip(expected) {
            assert!(
                (a - e).abs() < 1e-12,
                "{times:?}: {actual:?} is not {expected:?}"
            );
        }
    }

    #[test]
    fn regular_times_are_perfect() {
        let regular: Vec<i64> = (0..30).map(|i| i * 100).collect();
        check(&regular, None, 0, [1.0; 3]);
        check(&regular, None, 3, [0.9, 1.0, 1.0]);
        check(&[0, 100], None, 0, [1.0; 3]);
    }

    #[test]
    fn gaps_lack_rows_and_stops_do_not() {
        // Two rows are missing between 300 and 600.
        check(
            &[0, 100, 200, 300, 600, 700, 800, 900],
            None,
            0,
            [0.8, 1.0, 1.0],
        );
        check(&[0, 100, 200, 300, 5300, 5400, 5500], None, 0, [1.0; 3]);
        // A longer step than the median one.
        check(&[0, 100, 200, 300, 400], Some(200.0), 0, [1.0, 0.6, 1.0]);
        check(&[0, 100, 200], Some(50.0), 0, [0.6, 1.0, 1.0]);
    }

    #[test]
    fn rows_that_come_soon_are_doubled_or_late() {
        check(&[0, 100, 110, 200, 300], None, 0, [1.0, 0.8, 1.0]);
        // 400 and 500 came only after 600.
        let times = [0, 100, 200, 300, 600, 610, 620, 700, 800, 900, 1000];
        check(&times, None, 0, [1.0, 1.0, 1.0 - 2.0 / 11.0]);
        // One of the two stays missing.
        let times = [0, 100, 200, 300, 600, 610, 700, 800, 900, 1000];
        check(&times, None, 0, [1.0 - 1.0 / 11.0, 1.0, 0.9]);
    }

    #[test]
    fn times_without_a_step_are_not_judged() {
        assert_eq!(timing(&[], None), None);
        assert_eq!(timing(&[5], Some(1.0)), None);
        assert_eq!(timing(&[5, 5, 5], None), None);
    }

    #[test]
    fn deviations_cost_validity() {
        let times: Vec<i64> = (0..20).map(|i| i * 1_000_000_000).collect();
        let calm: Vec<f64> = (0..20).map(|i| f64::from(i * i % 13)).collect();
        assert_eq!(validity(&times, &calm), Some(1.0));
        let mut struck = calm.clone();
        struck[10] = 900.0;
        // One value, two steps, two speeds and three changes of speed.
        assert_eq!(validity(&times, &struck), Some(1.0 - 8.0 / 80.0));
        assert_eq!(validity(&[1], &[5.0]), None);
        assert_eq!(validity(&[1, 1, 1], &[5.0, 5.0, 5.0]), Some(1.0));
    }
}
