//! How a series depends on its own past.
//!
//! | series                       | result                                         |
//! |------------------------------|------------------------------------------------|
//! | fewer than two values        | none                                           |
//! | all values equal             | none: 0 over 0                                 |
//! | more lags than there can be  | as many as there are: n − 1, half of n for pacf |
//!
//! Lags count values, not time: a series with gaps has to be resampled first.

use super::fourier::lagged_products;
use super::special::chi_squared_above;
use super::{is_flat, mean};
use crate::summary::defined;

/// The autocorrelations at lags 0 to `lag_max`, as `statsmodels` `acf(adjusted=False)`.
pub fn acf(series: &[f64], lag_max: usize) -> Option<Vec<f64>> {
    let sums = products(series, lag_max.min(series.len().saturating_sub(1)))?;
    Some(sums.iter().map(|sum| sum / sums[0]).collect())
}

/// The partial autocorrelations at lags 0 to `lag_max`, as `statsmodels` `pacf(method='yw')`: the last coefficients of
/// the Yule–Walker equations with bias-adjusted autocovariances, by the recursion of Levinson and Durbin.
pub fn pacf(series: &[f64], lag_max: usize) -> Option<Vec<f64>> {
    let n = series.len();
    let lag_max = lag_max.min((n / 2).saturating_sub(1));
    let sums = products(series, lag_max)?;
    let adjusted = |lag: usize| sums[lag] / (n - lag) as f64;
    let r: Vec<f64> = (0..=lag_max)
        .map(|lag| adjusted(lag) / adjusted(0))
        .collect();
    let mut partial = vec![1.0];
    let mut coefficients: Vec<f64> = vec![];
    let mut error = 1.0;
    for order in 1..=lag_max {
        let explained: f64 = (1..order).map(|k| coefficients[k - 1] * r[order - k]).sum();
        let last = (r[order] - explained) / error;
        let before = coefficients.clone();
        for (k, coefficient) in coefficients.iter_mut().enumerate() {
            *coefficient -= last * before[order - 2 - k];
        }
        coefficients.push(last);
        error *= 1.0 - last * last;
        partial.push(defined(last)?);
    }
    Some(partial)
}

/// The Ljung–Box test of one number of lags.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LjungBox {
    /// How many lags were tested together.
    pub lag: u64,
    /// The statistic Q.
    pub statistic: f64,
    /// The chance of such a Q if the values do not depend on one another.
    pub p: f64,
}

/// The test of Ljung and Box (1978) at 1 to `lag_max` lags, as `statsmodels` `acorr_ljungbox`.
pub fn ljung_box(series: &[f64], lag_max: usize) -> Option<Vec<LjungBox>> {
    let n = series.len() as f64;
    let r = acf(series, lag_max)?;
    let mut sum = 0.0;
    let tests = r.iter().enumerate().skip(1).map(|(lag, r)| {
        sum += r * r / (n - lag as f64);
        let statistic = n * (n + 2.0) * sum;
        LjungBox {
            lag: lag as u64,
            statistic,
            p: chi_squared_above(statistic, lag as f64),
        }
    });
    Some(tests.collect())
}

/// The sums of products of the distances from the mean, at lags 0 to `lag_max`.
fn products(series: &[f64], lag_max: usize) -> Option<Vec<f64>> {
    if series.len() < 2 || is_flat(series) {
        return None;
    }
    let center = mean(series);
    let distances: Vec<f64> = series.iter().map(|value| value - center).collect();
    let sums = lagged_products(&distances, lag_max);
    (defined(sums[0])? > 0.0).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NAMES, close, number, series};
    use super::*;

    #[test]
    fn autocorrelations_agree_with_statsmodels() {
        for name in NAMES {
            let values = series(name);
            let correlations = acf(&values, 10).unwrap();
            let partial = pacf(&values, 10).unwrap();
            let tests = ljung_box(&values, 10).unwrap();
            assert_eq!(
                (correlations.len(), partial.len(), tests.len()),
                (11, 11, 10)
            );
            for lag in 0..=10 {
                let expect = |function: &str| number(&format!("{function}_{name}_{lag}"));
                // Correlations are at most one; their errors are absolute.
                assert!(
                    (correlations[lag] - expect("acf").unwrap()).abs() < 1e-11,
                    "{name} {lag}"
                );
                assert!(
                    (partial[lag] - expect("pacf").unwrap()).abs() < 1e-9,
                    "{name} {lag}"
                );
                if lag > 0 {
                    let test = tests[lag - 1];
                    close(
                        Some(test.statistic),
                        expect("ljung_box_statistic"),
                        1e-9,
                        name,
                    );
                    close(Some(test.p), expect("ljung_box_p"), 1e-8, name);
                }
            }
        }
    }

    #[test]
    fn many_lags_agree_with_few() {
        let values: Vec<f64> = (0..500).map(|i| f64::from(i * i % 37)).collect();
        let (many, few) = (acf(&values, 400).unwrap(), acf(&values, 20).unwrap());
        for (many, few) in many.iter().zip(&few) {
            assert!((many - few).abs() < 1e-12);
        }
    }

    #[test]
    fn series_without_spread_have_no_autocorrelation() {
        let lengths = |values: &[f64]| {
            let count = |list: Option<Vec<f64>>| list.map(|list| list.len());
            let tests = ljung_box(values, 5).map(|tests| tests.len());
            [count(acf(values, 5)), count(pacf(values, 5)), tests]
        };
        assert_eq!(lengths(&[]), [None; 3]);
        assert_eq!(lengths(&[1.0]), [None; 3]);
        assert_eq!(lengths(&[0.1; 20]), [None; 3]);
        assert_eq!(lengths(&[1.0, 2.0, 4.0, 3.0]), [Some(4), Some(2), Some(3)]);
    }
}
