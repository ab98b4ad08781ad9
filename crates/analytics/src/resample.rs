//! [`resample`]: a series on an even grid of times.
//!
//! Grid times are whole multiples of the step, as those of `date_bin`. Two kinds of methods:
//!
//! | method                          | grid                                     | value                                          |
//! |---------------------------------|------------------------------------------|------------------------------------------------|
//! | linear, previous, next, nearest | from the first to the last point's time  | from the points on either side                 |
//! | mean, min, max, sum, count      | every bin from the first to the last     | of the points in `[t, t + step)`; none if empty |
//!
//! Where the points on either side are further apart than the largest gap allowed, there is no value. `nearest` takes the
//! earlier of two equally near points. Of points at one time, the last in order counts when a value is read between points.

use std::str::FromStr;

/// How the value at a time of the grid is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResampleMethod {
    /// On the line between the points on either side.
    Linear,
    /// That of the latest point not after it.
    Previous,
    /// That of the earliest point not before it.
    Next,
    /// That of the nearest point.
    Nearest,
    /// The average of the bin.
    Mean,
    /// The smallest value of the bin.
    Min,
    /// The largest value of the bin.
    Max,
    /// The sum of the bin.
    Sum,
    /// The number of points in the bin, which is 0 where there are none.
    Count,
}

impl ResampleMethod {
    /// The methods and their names.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("linear", Self::Linear),
        ("previous", Self::Previous),
        ("next", Self::Next),
        ("nearest", Self::Nearest),
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("max", Self::Max),
        ("sum", Self::Sum),
        ("count", Self::Count),
    ];

    fn is_of_bins(self) -> bool {
        matches!(
            self,
            Self::Mean | Self::Min | Self::Max | Self::Sum | Self::Count
        )
    }
}

impl FromStr for ResampleMethod {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, method)| *method).ok_or(())
    }
}

/// The grid that a series would be put on: its first time and how many there are. `step` is above 0.
pub fn grid(times: &[i64], step: i64, method: ResampleMethod) -> Option<(i64, u64)> {
    let (first, last) = (*times.first()?, *times.last()?);
    let below = |time: i64| i128::from(time.div_euclid(step)) * i128::from(step);
    let start = if method.is_of_bins() || below(first) == i128::from(first) {
        below(first)
    } else {
        below(first) + i128::from(step)
    };
    let count = (below(last) - start).div_euclid(i128::from(step)) + 1;
    let start = i64::try_from(start).ok()?;
    Some((start, u64::try_from(count).unwrap_or(0)))
}

/// The values at the times of the [`grid`]; points are sorted by time.
pub fn resample(
    times: &[i64],
    values: &[f64],
    step: i64,
    method: ResampleMethod,
    gap_max: Option<i64>,
) -> Vec<(i64, Option<f64>)> {
    let Some((start, count)) = grid(times, step, method) else {
        return vec![];
    };
    let mut next = 0;
    let mut resampled = Vec::with_capacity(count as usize);
    let mut time = start;
    for left in (0..count).rev() {
        let value = if method.is_of_bins() {
            let end = i128::from(time) + i128::from(step);
            let bin = next;
            next += times[bin..].partition_point(|at| i128::from(*at) < end);
            of_bin(&values[bin..next], method)
        } else {
            // Points before `next` are at or before the time.
            next += times[next..].partition_point(|at| *at <= time);
            between(times, values, next, time, method, gap_max)
        };
        resampled.push((time, value));
        if left > 0 {
            time += step;
        }
    }
    resampled
}

fn of_bin(values: &[f64], method: ResampleMethod) -> Option<f64> {
    if method == ResampleMethod::Count {
        return Some(values.len() as f64);
    }
    let sum = || values.iter().sum::<f64>();
    let value = match method {
        _ if values.is_empty() => return None,
        ResampleMethod::Mean => sum() / values.len() as f64,
        ResampleMethod::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        ResampleMethod::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        _ => sum(),
    };
    value.is_finite().then_some(value)
}

/// The value at `time`, of which the points before index `after` are not after.
fn between(
    times: &[i64],
    values: &[f64],
    after: usize,
    time: i64,
    method: ResampleMethod,
    gap_max: Option<i64>,
) -> Option<f64> {
    let before = after.checked_sub(1)?;
    if times[before] == time || after == times.len() {
        return (times[before] == time).then_some(values[before]);
    }
    let distance = |from: i64, to: i64| i128::from(to) - i128::from(from);
    let gap = distance(times[before], times[after]);
    if gap_max.is_some_and(|gap_max| gap > i128::from(gap_max)) {
        return None;
    }
    // Of several points at the next time, the last.
    let after = after + times[after..].partition_point(|at| *at == times[after]) - 1;
    let (passed, left) = (distance(times[before], time), distance(time, times[after]));
    match method {
        ResampleMethod::Previous => Some(values[before]),
        ResampleMethod::Next => Some(values[after]),
        ResampleMethod::Nearest => Some(if passed <= left {
            values[before]
        } else {
            values[after]
        }),
        _ => {
            let share = passed as f64 / gap as f64;
            Some(values[before] * (1.0 - share) + values[after] * share)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [i64; 6] = [12, 15, 20, 20, 41, 43];
    const VALUES: [f64; 6] = [1.0, 4.0, 5.0, 9.0, 30.0, 40.0];

    /// The values from the first grid time on; NaN stands for none.
    fn check(method: &str, gap_max: Option<i64>, start: i64, expected: &[f64]) {
        let method = method.parse().unwrap();
        let resampled = resample(&TIMES, &VALUES, 10, method, gap_max);
        let times: Vec<i64> = resampled.iter().map(|(time, _)| *time).collect();
        let grid: Vec<i64> = (0..expected.len() as i64).map(|i| start + i * 10).collect();
        assert_eq!(times, grid, "{method:?}");
        for ((time, actual), expected) in resampled.iter().zip(expected) {
            let expected = Some(*expected).filter(|value| !value.is_nan());
            match (actual, expected) {
                (Some(a), Some(e)) => {
                    assert!((a - e).abs() < 1e-12, "{method:?} {time}: {a} is not {e}")
                }
                (a, e) => assert_eq!(*a, e, "{method:?} {time}"),
            }
        }
    }

    #[test]
    fn values_between_points_come_from_both_sides() {
        check("linear", None, 20, &[9.0, 19.0, 29.0]);
        check("previous", None, 20, &[9.0, 9.0, 9.0]);
        check("next", None, 20, &[9.0, 30.0, 30.0]);
        check("nearest", None, 20, &[9.0, 9.0, 30.0]);
    }

    #[test]
    fn wide_gaps_have_no_value() {
        for method in ["linear", "previous", "next", "nearest"] {
            check(method, Some(20), 20, &[9.0, f64::NAN, f64::NAN]);
        }
        check("linear", Some(21), 20, &[9.0, 19.0, 29.0]);
    }

    #[test]
    fn bins_hold_what_is_in_them() {
        check("mean", None, 10, &[2.5, 7.0, f64::NAN, 35.0]);
        check("min", None, 10, &[1.0, 5.0, f64::NAN, 30.0]);
        check("max", None, 10, &[4.0, 9.0, f64::NAN, 40.0]);
        check("sum", None, 10, &[5.0, 14.0, f64::NAN, 70.0]);
        check("count", None, 10, &[2.0, 2.0, 0.0, 2.0]);
    }

    #[test]
    fn grids_are_multiples_of_the_step_on_both_sides_of_zero() {
        let grid_of = |times: &[i64], step, method| grid(times, step, method);
        assert_eq!(grid_of(&[], 10, ResampleMethod::Linear), None);
        assert_eq!(
            grid_of(&[-15, 15], 10, ResampleMethod::Linear),
            Some((-10, 3))
        );
        assert_eq!(
            grid_of(&[-15, 15], 10, ResampleMethod::Mean),
            Some((-20, 4))
        );
        assert_eq!(grid_of(&[1, 9], 10, ResampleMethod::Linear), Some((10, 0)));
        assert_eq!(
            resample(&[1, 9], &[1.0, 9.0], 10, ResampleMethod::Linear, None),
            []
        );
        assert_eq!(
            grid_of(&[i64::MIN, i64::MAX], 2, ResampleMethod::Mean),
            Some((i64::MIN, 1 << 63))
        );
        assert_eq!(grid_of(&[i64::MIN], 10, ResampleMethod::Mean), None);
    }
}
