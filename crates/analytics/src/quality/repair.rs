//! Repair: values that change faster than a sensor can, and values that are missing.
//!
//! | function         | does                                                                                        |
//! |------------------|---------------------------------------------------------------------------------------------|
//! | [`repair_speed`] | changes as few values as little as it must so that speeds keep their limits: SCREEN (Song et al. 2015) |
//! | [`speed_limits`] | limits to guess where none are known: the median speed and three deviations on either side   |
//! | [`impute`]       | fills missing values from those around them                                                 |

use crate::interpolation::{Point, Spline, linear, pchip};
use crate::smoothing::OrderedWindow;
use crate::summary::defined;

/// Steps that a value is looked ahead of: five median ones, as the paper has it.
const STEPS_AHEAD: f64 = 5.0;

/// Points that are looked at ahead at most, where many come in a short time.
const AHEAD_MAX: usize = 1000;

/// Median absolute deviations that are one standard deviation of normal values.
const DEVIATION: f64 = 1.4826;

/// The least and the greatest change per unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedLimits {
    /// The least, below zero for a signal that may fall.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// The median of all speeds and three scaled median absolute deviations on either side; times rise strictly. `None` below
/// two points.
pub fn speed_limits(times: &[f64], values: &[f64]) -> Option<SpeedLimits> {
    let mut speeds = OrderedWindow::default();
    for (times, values) in times.windows(2).zip(values.windows(2)) {
        if let Some(speed) = defined((values[1] - values[0]) / (times[1] - times[0])) {
            speeds.insert(speed);
        }
    }
    let (median, spread) = (speeds.median()?, speeds.median_absolute_deviation()?);
    let width = 3.0 * DEVIATION * spread;
    Some(SpeedLimits {
        min: median - width,
        max: median + width,
    })
}

/// Values whose speeds keep the limits; times rise strictly. A point is moved to where it and its next points, within five
/// median steps, have to change least in sum so that it keeps the limits with each of them, as far as the point before it
/// allows: to the median of itself, twice, and of where each of them would have it at the least and at the greatest speed. Of
/// the values that are equally good the nearest is taken, where the paper takes the greatest, so that a point stays as it is
/// where that is as good.
pub fn repair_speed(times: &[f64], values: &[f64], limits: SpeedLimits) -> Vec<f64> {
    let mut steps = OrderedWindow::default();
    times
        .windows(2)
        .for_each(|pair| steps.insert(pair[1] - pair[0]));
    let ahead = STEPS_AHEAD * steps.median().unwrap_or(0.0);
    let mut repaired: Vec<f64> = Vec::with_capacity(values.len());
    let mut candidates = vec![];
    for (index, (time, value)) in times.iter().zip(values).enumerate() {
        candidates.clear();
        candidates.extend([*value; 2]);
        let next = times[index + 1..]
            .iter()
            .zip(&values[index + 1..])
            .take(AHEAD_MAX);
        for (later, next) in next.take_while(|(later, _)| **later <= time + ahead) {
            candidates.push(next + limits.min * (time - later));
            candidates.push(next + limits.max * (time - later));
        }
        let half = candidates.len() / 2;
        let (below, &mut high, _) = candidates.select_nth_unstable_by(half, f64::total_cmp);
        let low = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let wanted = value.max(low).min(high);
        repaired.push(match repaired.last() {
            None => wanted,
            Some(before) => {
                let step = time - times[index - 1];
                let (low, high) = (before + limits.min * step, before + limits.max * step);
                if wanted > high {
                    high
                } else if wanted < low {
                    low
                } else {
                    wanted
                }
            }
        });
    }
    repaired
}

/// How missing values are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imputation {
    /// On the straight line between the values beside.
    Linear,
    /// On a monotone cubic through them.
    Pchip,
    /// On the cubic spline through all values.
    Spline,
    /// The value before.
    Previous,
    /// The value after.
    Next,
    /// The value that is nearer in time, the one before of two.
    Nearest,
    /// The mean of all values.
    Mean,
    /// Their median.
    Median,
}

impl Imputation {
    /// Every way by its name.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("linear", Self::Linear),
        ("pchip", Self::Pchip),
        ("spline", Self::Spline),
        ("previous", Self::Previous),
        ("next", Self::Next),
        ("nearest", Self::Nearest),
        ("mean", Self::Mean),
        ("median", Self::Median),
    ];
}

/// The values with those that are missing filled in; times do not fall. Curves and neighbours do not reach beyond the first and the last
/// value; of several values at one time curves go through the first. What cannot be filled stays missing.
pub fn impute(times: &[f64], values: &[Option<f64>], way: Imputation) -> Vec<Option<f64>> {
    let known: Vec<Point> = times
        .iter()
        .zip(values)
        .filter_map(|(x, y)| Some(Point { x: *x, y: (*y)? }))
        .collect();
    let mut distinct = known.clone();
    distinct.dedup_by(|later, earlier| later.x == earlier.x);
    let center = center(&known, way);
    let spline = match way {
        Imputation::Spline => Spline::through(distinct.clone()),
        _ => None,
    };
    let fill = |time: f64, before: usize| match way {
        Imputation::Mean | Imputation::Median => center,
        Imputation::Previous => known[..before].last().map(|point| point.y),
        Imputation::Next => known.get(before).map(|point| point.y),
        Imputation::Nearest => nearest(&known, before, time),
        Imputation::Spline => spline.as_ref()?.at(time),
        Imputation::Linear | Imputation::Pchip => between(&distinct, time, way),
    };
    let mut before = 0;
    let filled = times.iter().zip(values).map(|(time, value)| {
        before += usize::from(value.is_some());
        value.or_else(|| fill(*time, before).and_then(defined))
    });
    filled.collect()
}

/// The middle of all values.
fn center(known: &[Point], way: Imputation) -> Option<f64> {
    match way {
        Imputation::Mean => {
            let origin = known.first()?.y;
            let sum: f64 = known.iter().map(|point| point.y - origin).sum();
            Some(origin + sum / known.len() as f64)
        }
        Imputation::Median => {
            let mut values = OrderedWindow::default();
            known.iter().for_each(|point| values.insert(point.y));
            values.median()
        }
        _ => None,
    }
}

/// The nearer of the points on either side of a row that has so many before it.
fn nearest(known: &[Point], before: usize, time: f64) -> Option<f64> {
    let (earlier, later) = (known[..before].last()?, known.get(before)?);
    let is_later = later.x - time < time - earlier.x;
    Some(if is_later { later.y } else { earlier.y })
}

/// On a curve between the points on either side of a time.
fn between(points: &[Point], time: f64, way: Imputation) -> Option<f64> {
    let after = points.partition_point(|point| point.x <= time);
    let before = *points.get(after.checked_sub(1)?)?;
    if before.x == time {
        return Some(before.y);
    }
    let next = *points.get(after)?;
    if way == Imputation::Linear {
        return Some(linear(before, next, time));
    }
    let previous = after.checked_sub(2).map(|index| points[index]);
    Some(pchip(
        previous,
        before,
        next,
        points.get(after + 1).copied(),
        time,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number, series};

    #[test]
    fn a_spike_is_all_that_changes() {
        let times: Vec<f64> = [0, 1, 3, 4, 5, 6, 7, 8, 9].map(f64::from).to_vec();
        let values = [0.0, 0.5, 1.0, 9.0, 2.0, 2.5, 3.0, 3.5, 4.0];
        let repaired = repair_speed(
            &times,
            &values,
            SpeedLimits {
                min: -1.0,
                max: 1.0,
            },
        );
        assert_eq!(repaired, [0.0, 0.5, 1.0, 2.0, 2.0, 2.5, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn speeds_keep_their_limits() {
        let (times, values) = (series("screen_times"), series("screen_values"));
        let limits = SpeedLimits {
            min: -1.0,
            max: 1.0,
        };
        let repaired = repair_speed(&times, &values, limits);
        for (index, (actual, expected)) in
            repaired.iter().zip(series("screen_repaired")).enumerate()
        {
            close(Some(*actual), Some(expected), 1e-9, &format!("row {index}"));
        }
        for index in 1..times.len() {
            let speed = (repaired[index] - repaired[index - 1]) / (times[index] - times[index - 1]);
            assert!(speed.abs() <= 1.0 + 1e-9, "row {index}: {speed}");
        }
        // What keeps them already is left as it is.
        assert_eq!(
            repair_speed(
                &times,
                &repaired,
                SpeedLimits {
                    min: -50.0,
                    max: 50.0
                }
            ),
            repaired
        );
        assert_eq!(repair_speed(&[], &[], limits), [0.0; 0]);
        assert_eq!(repair_speed(&[1.0], &[7.0], limits), [7.0]);
    }

    #[test]
    fn limits_are_guessed_from_the_speeds() {
        let limits = speed_limits(&series("screen_times"), &series("screen_values"));
        close(
            limits.map(|limits| limits.min),
            number("speed_min"),
            1e-9,
            "min",
        );
        close(
            limits.map(|limits| limits.max),
            number("speed_max"),
            1e-9,
            "max",
        );
        assert_eq!(speed_limits(&[1.0], &[1.0]), None);
    }

    #[test]
    fn missing_values_come_from_those_around_them() {
        const NONE: f64 = f64::NAN;
        let times = [0.0, 1.0, 2.0, 4.0, 7.0, 8.0, 9.0];
        let values = [NONE, 1.0, NONE, 3.0, NONE, 2.0, NONE].map(defined);
        let check = |way, expected: [f64; 7]| {
            for (index, (actual, expected)) in impute(&times, &values, way)
                .into_iter()
                .zip(expected)
                .enumerate()
            {
                close(
                    actual,
                    defined(expected),
                    1e-12,
                    &format!("{way:?} {index}"),
                );
            }
        };
        // pandas 2.3.3 `interpolate(method='index', limit_area='inside')`, `ffill`, `bfill`; SciPy 1.17.1 for the cubics.
        check(
            Imputation::Linear,
            [NONE, 1.0, 1.0 + 2.0 / 3.0, 3.0, 2.25, 2.0, NONE],
        );
        check(Imputation::Previous, [NONE, 1.0, 1.0, 3.0, 3.0, 2.0, 2.0]);
        check(Imputation::Next, [1.0, 1.0, 3.0, 3.0, 2.0, 2.0, NONE]);
        check(Imputation::Nearest, [NONE, 1.0, 1.0, 3.0, 2.0, 2.0, NONE]);
        check(Imputation::Mean, [2.0, 1.0, 2.0, 3.0, 2.0, 2.0, 2.0]);
        check(Imputation::Median, [2.0, 1.0, 2.0, 3.0, 2.0, 2.0, 2.0]);
        let cubic = |name: &str| {
            let filled = series(name);
            [NONE, 1.0, filled[0], 3.0, filled[1], 2.0, NONE]
        };
        check(Imputation::Pchip, cubic("impute_pchip"));
        check(Imputation::Spline, cubic("impute_spline"));
    }

    #[test]
    fn without_values_nothing_is_filled() {
        for (_, way) in Imputation::NAMES {
            assert_eq!(
                impute(&[1.0, 2.0], &[None, None], way),
                [None, None],
                "{way:?}"
            );
            assert_eq!(impute(&[], &[], way), [None; 0], "{way:?}");
            let twice = impute(&[1.0, 1.0, 1.0], &[Some(3.0), None, Some(4.0)], way);
            assert!(twice[1].is_some() || way == Imputation::Spline, "{way:?}");
        }
    }
}
