//! Trends of a series: least squares, Theil–Sen, Mann–Kendall.
//!
//! | series                | linear_trend                          | theil_sen | mann_kendall        |
//! |-----------------------|---------------------------------------|-----------|---------------------|
//! | fewer than two values | none                                  | none      | none below three    |
//! | all times equal       | none                                  | none      | as any other        |
//! | all values equal      | slope 0; r, p and error not defined   | slope 0   | z = 0, p = 1        |
//! | two values            | r = ±1, p = 0, error 0, as SciPy      | a slope   | none                |

use super::pairs::{concordance, select, tie_sizes};
use super::special::{normal_beyond, normal_quantile_above, student_beyond};
use super::{centers::median, is_flat, mean};
use crate::summary::{defined, sum_terms};

/// A line fitted by least squares, as `scipy.stats.linregress`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearTrend {
    /// Change of the value per unit of time.
    pub slope: f64,
    /// The value of the line at time zero.
    pub intercept: f64,
    /// Pearson's correlation; `None` when the values do not vary.
    pub r: Option<f64>,
    /// Chance of such a slope without a trend (two-sided t test).
    pub p: Option<f64>,
    /// Standard error of the slope.
    pub stderr: Option<f64>,
}

/// Fits a line to values at times.
pub fn linear_trend(times: &[f64], values: &[f64]) -> Option<LinearTrend> {
    let n = values.len();
    if n < 2 || n != times.len() {
        return None;
    }
    let (time_mean, value_mean) = (mean(times), mean(values));
    let [tt] = sum_terms(times, |time| [(time - time_mean).powi(2)]);
    let [vv] = sum_terms(values, |value| [(value - value_mean).powi(2)]);
    let tv: f64 = times
        .iter()
        .zip(values)
        .map(|(time, value)| (time - time_mean) * (value - value_mean))
        .sum();
    if tt == 0.0 {
        return None;
    }
    let slope = if is_flat(values) {
        0.0
    } else {
        defined(tv / tt)?
    };
    let intercept = defined(value_mean - slope * time_mean)?;
    let mut trend = LinearTrend {
        slope,
        intercept,
        r: None,
        p: None,
        stderr: None,
    };
    if is_flat(values) {
        return Some(trend);
    }
    let r = (tv / (tt * vv).sqrt()).clamp(-1.0, 1.0);
    let degrees = n as f64 - 2.0;
    trend.r = defined(r);
    if n == 2 {
        trend.p = Some(0.0);
        trend.stderr = Some(0.0);
        return Some(trend);
    }
    let t = r * (degrees / ((1.0 - r) * (1.0 + r))).sqrt();
    trend.p = defined(student_beyond(t, degrees));
    trend.stderr = defined(((1.0 - r * r) * vv / tt / degrees).sqrt());
    Some(trend)
}

/// A robust line, as `scipy.stats.theilslopes`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheilSen {
    /// The median of the slopes between all pairs of points.
    pub slope: f64,
    /// Median value minus slope times median time.
    pub intercept: f64,
    /// Lower bound of the slope.
    pub lower: f64,
    /// Upper bound of the slope.
    pub upper: f64,
}

/// The Theil–Sen line with bounds at a level of confidence, such as 0.95. `times` are in order. O(n²).
///
/// Sen 1968, "Estimates of the regression coefficient based on Kendall's tau", with Sen's bounds.
pub fn theil_sen(times: &[f64], values: &[f64], confidence: f64) -> Option<TheilSen> {
    let each_slope = |each: &mut dyn FnMut(f64)| {
        for j in 1..times.len() {
            for i in 0..j {
                if times[j] > times[i] {
                    each((values[j] - values[i]) / (times[j] - times[i]));
                }
            }
        }
    };
    let time_ties: Vec<f64> = tie_sizes(times).map(|size| size as f64).collect();
    let n = times.len() as f64;
    let equal: f64 = time_ties.iter().map(|size| size * (size - 1.0) / 2.0).sum();
    let count = n * (n - 1.0) / 2.0 - equal;
    if count < 1.0 {
        return None;
    }
    let last = count as u64 - 1;
    let (lower, upper) = sen_ranks(n, count, &time_ties, values, confidence);
    let ranks = [last / 2, last.div_ceil(2), lower.min(last), upper.min(last)];
    let [low, high, lower, upper] = select(ranks, each_slope);
    let slope = defined(low / 2.0 + high / 2.0)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(TheilSen {
        slope,
        intercept: defined(median(&sorted)? - slope * median(times)?)?,
        lower: defined(lower)?,
        upper: defined(upper)?,
    })
}

/// The ranks of the bounds among the slopes: equations 2.6 and following of Sen 1968, as SciPy has them.
fn sen_ranks(n: f64, count: f64, time_ties: &[f64], values: &[f64], confidence: f64) -> (u64, u64) {
    let z = normal_quantile_above((1.0 - confidence) / 2.0);
    let term = |size: f64| size * (size - 1.0) * (2.0 * size + 5.0);
    let value_ties: f64 = tie_sizes(values).map(|size| term(size as f64)).sum();
    let time_ties: f64 = time_ties.iter().copied().map(term).sum();
    let sigma = ((term(n) - time_ties - value_ties) / 18.0).sqrt();
    let upper = round_half_even((count + z * sigma) / 2.0);
    let lower = round_half_even((count - z * sigma) / 2.0) - 1.0;
    (lower.max(0.0) as u64, upper.max(0.0) as u64)
}

/// Rounds halves to even, as NumPy and Python do.
fn round_half_even(value: f64) -> f64 {
    value.round_ties_even()
}

/// The Mann–Kendall test of a monotone trend (Mann 1945, Kendall 1975), as `pymannkendall.original_test`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannKendall {
    /// Pairs that rise minus pairs that fall.
    pub s: i64,
    /// The variance of `s` without a trend, corrected for ties.
    pub variance: f64,
    /// `s` over its standard deviation, with continuity correction.
    pub z: f64,
    /// The two-sided chance of such a `z` without a trend.
    pub p: f64,
    /// `s` over the number of pairs.
    pub tau: f64,
}

/// Tests a series for a monotone trend. `None` below three values. O(n log n).
pub fn mann_kendall(series: &[f64]) -> Option<MannKendall> {
    if series.len() < 3 {
        return None;
    }
    let n = series.len() as f64;
    let s = concordance(series);
    let term = |size: f64| size * (size - 1.0) * (2.0 * size + 5.0);
    let ties: f64 = tie_sizes(series).map(|size| term(size as f64)).sum();
    let variance = (term(n) - ties) / 18.0;
    let z = match s {
        0 => 0.0,
        s => (s - s.signum()) as f64 / variance.sqrt(),
    };
    Some(MannKendall {
        s,
        variance,
        z,
        p: normal_beyond(z),
        tau: s as f64 / (n * (n - 1.0) / 2.0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NAMES, close, number, series};
    use super::*;

    fn steps(count: usize) -> Vec<f64> {
        (0..count).map(|i| i as f64).collect()
    }

    #[test]
    fn trends_agree_with_scipy() {
        for name in NAMES {
            let values = series(name);
            let trend = linear_trend(&steps(values.len()), &values).unwrap();
            let expect = |field: &str| number(&format!("linear_trend_{name}_{field}"));
            close(Some(trend.slope), expect("slope"), 1e-9, name);
            close(Some(trend.intercept), expect("intercept"), 1e-9, name);
            close(trend.r, expect("r"), 1e-9, name);
            close(trend.p, expect("p"), 1e-8, name);
            close(trend.stderr, expect("stderr"), 1e-9, name);
        }
    }

    #[test]
    fn robust_trends_agree_with_scipy() {
        for name in NAMES {
            let values = series(name);
            // Irregular times: 0, 1, 4, 5, 8, 9, ….
            let times: Vec<f64> = (0..values.len()).map(|i| (2 * i - i % 2) as f64).collect();
            let trend = theil_sen(&times, &values, 0.95).unwrap();
            let expect = |field: &str| number(&format!("theil_sen_{name}_{field}"));
            close(Some(trend.slope), expect("slope"), 1e-12, name);
            close(Some(trend.intercept), expect("intercept"), 1e-12, name);
            close(Some(trend.lower), expect("lower"), 1e-12, name);
            close(Some(trend.upper), expect("upper"), 1e-12, name);
        }
    }

    #[test]
    fn the_test_of_a_trend_agrees_with_pymannkendall() {
        for name in NAMES {
            let test = mann_kendall(&series(name)).unwrap();
            let expect = |field: &str| number(&format!("mann_kendall_{name}_{field}"));
            close(Some(test.s as f64), expect("s"), 0.0, name);
            close(Some(test.variance), expect("variance"), 1e-12, name);
            close(Some(test.z), expect("z"), 1e-12, name);
            // pymannkendall computes 2·(1 − Φ(|z|)), which has no digits left below 1e-16.
            let p = expect("p").unwrap();
            assert!(
                (test.p - p).abs() < 1e-15 + 1e-9 * p,
                "{name}: {} is not {p}",
                test.p
            );
            close(Some(test.tau), expect("tau"), 1e-12, name);
        }
    }

    #[test]
    fn degenerate_series_have_the_trend_they_have() {
        assert_eq!(linear_trend(&[0.0], &[1.0]), None);
        assert_eq!(linear_trend(&[1.0, 1.0], &[1.0, 2.0]), None);
        let flat = linear_trend(&[0.0, 1.0, 2.0], &[5.1; 3]).unwrap();
        assert_eq!((flat.slope, flat.intercept), (0.0, 5.1));
        assert_eq!((flat.r, flat.p, flat.stderr), (None, None, None));
        let two = linear_trend(&[0.0, 1.0], &[5.0, 3.0]).unwrap();
        assert_eq!((two.slope, two.r, two.p), (-2.0, Some(-1.0), Some(0.0)));

        assert_eq!(theil_sen(&[1.0], &[1.0], 0.95), None);
        assert_eq!(theil_sen(&[1.0, 1.0], &[1.0, 2.0], 0.95), None);
        assert_eq!(
            theil_sen(&[0.0, 2.0], &[1.0, 2.0], 0.95).unwrap().slope,
            0.5
        );
        assert_eq!(
            theil_sen(&[0.0, 1.0, 2.0], &[5.0; 3], 0.95).unwrap().slope,
            0.0
        );

        assert_eq!(mann_kendall(&[1.0, 2.0]), None);
        let flat = mann_kendall(&[5.0; 4]).unwrap();
        assert_eq!((flat.s, flat.z, flat.p, flat.tau), (0, 0.0, 1.0, 0.0));
    }
}
