//! Where a series lacks rows, does not move or repeats its times, and how regular its times are.

use crate::indicators::CentralMoments;
use crate::running::ticks_between;
use crate::statistics::{is_regular, median};
use crate::summary::defined;

/// Rows that are missing between two that are there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MissingRange {
    /// The time of the row before.
    pub start: i64,
    /// The time of the row after.
    pub end: i64,
    /// How many rows are missing.
    pub count: u64,
}

/// The ranges between neighbouring times that are one and a half steps or more apart. The step, in ticks and above 0, is
/// given, or the median of all between different times.
pub fn missing_ranges(times: &[i64], step: Option<f64>) -> Vec<MissingRange> {
    let Some(step) = step.or_else(|| median_step(times)) else {
        return vec![];
    };
    let range = |pair: &[i64]| {
        let count = (ticks_between(pair[0], pair[1]) / step).round() - 1.0;
        (count >= 1.0).then(|| MissingRange {
            start: pair[0],
            end: pair[1],
            count: count as u64,
        })
    };
    times.windows(2).filter_map(range).collect()
}

pub(super) fn median_step(times: &[i64]) -> Option<f64> {
    let steps = times.windows(2).map(|pair| ticks_between(pair[0], pair[1]));
    let mut steps: Vec<f64> = steps.filter(|step| *step > 0.0).collect();
    steps.sort_unstable_by(f64::total_cmp);
    median(&steps)
}

/// Values that do not move, by their indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StuckRange {
    /// The first value.
    pub first: usize,
    /// The last value.
    pub last: usize,
}

/// The runs of at least `count_min` values that stay within `tolerance` of the first of the run.
///
/// A run ends where a value is farther away, and the next begins there.
pub fn stuck_ranges(values: &[f64], count_min: usize, tolerance: f64) -> Vec<StuckRange> {
    let mut ranges = vec![];
    let mut first = 0;
    for index in 1..=values.len() {
        let goes_on = |value: &f64| (value - values[first]).abs() <= tolerance;
        if values.get(index).is_some_and(goes_on) {
            continue;
        }
        if index - first >= count_min {
            ranges.push(StuckRange {
                first,
                last: index - 1,
            });
        }
        first = index;
    }
    ranges
}

/// A time that several rows have, by the indices of the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeat {
    /// The first row.
    pub first: usize,
    /// How many rows there are.
    pub count: usize,
}

/// The times that more than one row has.
pub fn duplicate_times(times: &[i64]) -> Vec<Repeat> {
    let mut first = 0;
    let mut repeats = vec![];
    for same in times.chunk_by(|a, b| a == b) {
        let count = same.len();
        if count > 1 {
            repeats.push(Repeat { first, count });
        }
        first += count;
    }
    repeats
}

/// How the steps between times are, in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplingStats {
    /// The number of times.
    pub count: u64,
    /// The median step.
    pub step: f64,
    /// The shortest step.
    pub step_min: f64,
    /// The longest step.
    pub step_max: f64,
    /// The population standard deviation of the steps.
    pub jitter: f64,
    /// Whether at most 1 % of the steps differ by over 10 % from the median.
    pub is_regular: bool,
}

/// The statistics of times in order; `None` below two times.
pub fn sampling_stats(times: &[i64]) -> Option<SamplingStats> {
    let mut steps: Vec<f64> = times
        .windows(2)
        .map(|pair| ticks_between(pair[0], pair[1]))
        .collect();
    steps.sort_unstable_by(f64::total_cmp);
    let (step_min, step_max) = (*steps.first()?, *steps.last()?);
    let moments = CentralMoments::over(&steps);
    let first = times[0];
    let elapsed: Vec<f64> = times
        .iter()
        .map(|time| ticks_between(first, *time))
        .collect();
    Some(SamplingStats {
        count: times.len() as u64,
        step: median(&steps)?,
        step_min,
        step_max,
        jitter: moments.std_population().and_then(defined)?,
        is_regular: is_regular(&elapsed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_missing(times: &[i64], step: Option<f64>, expected: &[(i64, i64, u64)]) {
        let ranges = missing_ranges(times, step);
        let actual: Vec<_> = ranges.iter().map(|r| (r.start, r.end, r.count)).collect();
        assert_eq!(actual, expected, "{times:?}");
    }

    #[test]
    fn rows_are_missing_where_steps_are_long() {
        check_missing(
            &[0, 10, 20, 50, 60, 75, 80],
            None,
            &[(20, 50, 2), (60, 75, 1)],
        );
        check_missing(&[0, 10, 24, 34], None, &[]);
        check_missing(&[0, 10, 20], Some(5.0), &[(0, 10, 1), (10, 20, 1)]);
        check_missing(&[0, 0, 0, 10, 10, 20, 40], None, &[(20, 40, 1)]);
        check_missing(&[7, 7, 7], None, &[]);
        check_missing(&[], None, &[]);
        check_missing(
            &[i64::MIN, i64::MAX],
            Some(2f64.powi(63)),
            &[(i64::MIN, i64::MAX, 1)],
        );
    }

    fn check_stuck(values: &[f64], count_min: usize, tolerance: f64, expected: &[(usize, usize)]) {
        let ranges = stuck_ranges(values, count_min, tolerance);
        let actual: Vec<_> = ranges
            .iter()
            .map(|range| (range.first, range.last))
            .collect();
        assert_eq!(actual, expected, "{values:?}");
    }

    #[test]
    fn values_are_stuck_while_they_do_not_move() {
        let x = [1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.1, 2.9, 3.0];
        check_stuck(&x, 3, 0.0, &[(0, 2)]);
        check_stuck(&x, 2, 0.0, &[(0, 2), (3, 4)]);
        check_stuck(&x, 3, 0.2, &[(0, 2), (5, 8)]);
        // A slow drift leaves its first value.
        check_stuck(&[0.0, 0.4, 0.8, 1.2, 1.6], 2, 0.5, &[(0, 1), (2, 3)]);
        check_stuck(&[5.0; 4], 4, 0.0, &[(0, 3)]);
        check_stuck(&[5.0; 4], 5, 0.0, &[]);
        check_stuck(&[], 2, 0.0, &[]);
    }

    #[test]
    fn times_may_repeat() {
        let repeat = |first, count| Repeat { first, count };
        let repeats = duplicate_times(&[1, 1, 2, 3, 3, 3]);
        assert_eq!(repeats, [repeat(0, 2), repeat(3, 3)]);
        assert!(duplicate_times(&[1, 2]).is_empty());
        assert!(duplicate_times(&[]).is_empty());
    }

    #[test]
    fn steps_have_statistics() {
        let stats = sampling_stats(&[0, 10, 20, 32, 40]).unwrap();
        assert_eq!(
            (stats.count, stats.step, stats.step_min, stats.step_max),
            (5, 10.0, 8.0, 12.0)
        );
        assert!((stats.jitter - 2f64.sqrt()).abs() < 1e-12 && !stats.is_regular);
        assert!(sampling_stats(&[0, 10, 20]).unwrap().is_regular);
        assert_eq!(sampling_stats(&[5]), None);
        assert_eq!(sampling_stats(&[]), None);
        let doubled = sampling_stats(&[5, 5, 5]).unwrap();
        assert!((doubled.step, doubled.jitter, doubled.is_regular) == (0.0, 0.0, false));
    }
}
