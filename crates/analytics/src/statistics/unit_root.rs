//! Whether a series is stationary: the augmented Dickey–Fuller test and the KPSS test.
//!
//! The two ask opposite questions. ADF: small p, the series has no unit root. KPSS: small p, the series is not stationary.
//!
//! | series                               | result |
//! |--------------------------------------|--------|
//! | too short for the regression         | none   |
//! | all values equal                     | none   |
//! | its past explains it without error   | none   |

use super::least_squares::LeastSquares;
use super::special::normal_below;
use super::{is_flat, mean};
use crate::summary::defined;

/// What a series may vary about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Deterministic {
    /// A constant level: `c`.
    #[default]
    Constant,
    /// A straight line: `ct`.
    Trend,
    /// Zero: `n`.
    None,
}

impl Deterministic {
    fn column_count(self) -> usize {
        match self {
            Self::None => 0,
            Self::Constant => 1,
            Self::Trend => 2,
        }
    }

    fn columns(self, row_count: usize) -> impl Iterator<Item = Vec<f64>> {
        let ones = vec![1.0; row_count];
        let line = (1..=row_count).map(|i| i as f64).collect();
        [ones, line].into_iter().take(self.column_count())
    }
}

/// The result of an augmented Dickey–Fuller test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdfTest {
    /// The t statistic of the lagged level.
    pub statistic: f64,
    /// MacKinnon's approximate p value.
    pub p: f64,
    /// How many lagged differences the regression has.
    pub lags: u64,
    /// How many rows the regression has.
    pub count: u64,
}

/// Tests for a unit root, as `statsmodels` `adfuller(autolag='AIC')`: of all numbers of lags up to `lag_max` the one with
/// the least Akaike criterion is used. `lag_max` defaults to 12·(n/100)^¼ (Schwert 1989).
pub fn adf_test(series: &[f64], about: Deterministic, lag_max: Option<usize>) -> Option<AdfTest> {
    let n = series.len();
    if is_flat(series) {
        return None;
    }
    let possible = (n / 2).checked_sub(about.column_count() + 1)?;
    let usual = (12.0 * (n as f64 / 100.0).powf(0.25)).ceil() as usize;
    let lag_max = lag_max.unwrap_or(usual).min(possible);
    let lags = best_lags(series, about, lag_max)?;
    let regression = Regression::new(series, lags);
    // The level first, so that its coefficient is the first; the order of the others does not matter.
    let mut columns = regression.lagged;
    columns.extend(about.columns(regression.changes.len()));
    let fit = LeastSquares::try_new(&columns, &regression.changes)?;
    if fit.residual_squares(columns.len()) <= noise(&regression.changes) {
        return None;
    }
    let statistic = defined(fit.coefficients()[0] / fit.standard_error(0))?;
    Some(AdfTest {
        statistic,
        p: mackinnon(statistic, about),
        lags: lags as u64,
        count: regression.changes.len() as u64,
    })
}

/// A residual below this is rounding.
fn noise(changes: &[f64]) -> f64 {
    1e-26 * changes.iter().map(|change| change * change).sum::<f64>()
}

/// Changes, and what explains them: the level before and the changes before.
struct Regression {
    changes: Vec<f64>,
    lagged: Vec<Vec<f64>>,
}

impl Regression {
    fn new(series: &[f64], lags: usize) -> Self {
        let changes: Vec<f64> = series.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let level = series[lags..series.len() - 1].to_vec();
        let lagged = (1..=lags).map(|lag| changes[lags - lag..changes.len() - lag].to_vec());
        Self {
            lagged: std::iter::once(level).chain(lagged).collect(),
            changes: changes[lags..].to_vec(),
        }
    }
}

/// The number of lags with the least Akaike criterion over the same rows.
fn best_lags(series: &[f64], about: Deterministic, lag_max: usize) -> Option<usize> {
    let regression = Regression::new(series, lag_max);
    let rows = regression.changes.len();
    let mut columns: Vec<Vec<f64>> = about.columns(rows).collect();
    columns.extend(regression.lagged);
    let fit = LeastSquares::try_new(&columns, &regression.changes)?;
    let noise = noise(&regression.changes);
    let criterion = |lags: usize| {
        let count = about.column_count() + 1 + lags;
        let residual = fit.residual_squares(count).max(noise);
        rows as f64 * (residual / rows as f64).ln() + 2.0 * count as f64
    };
    (0..=lag_max).min_by(|a, b| criterion(*a).total_cmp(&criterion(*b)))
}

/// The p value of an ADF statistic: MacKinnon 1994, "Approximate asymptotic distribution functions for unit-root and
/// cointegration tests", tables 3 and 4 for one series, as `statsmodels.tsa.adfvalues`.
fn mackinnon(statistic: f64, about: Deterministic) -> f64 {
    let (least, greatest, star, small, large) = match about {
        Deterministic::None => (
            -19.04,
            f64::INFINITY,
            -1.04,
            [0.6344, 1.2378, 3.2496e-2],
            [0.4797, 9.3557e-1, -0.6999e-1, 3.3066e-2],
        ),
        Deterministic::Constant => (
            -18.83,
            2.74,
            -1.61,
            [2.1659, 1.4412, 3.8269e-2],
            [1.7339, 9.3202e-1, -1.2745e-1, -1.0368e-2],
        ),
        Deterministic::Trend => (
            -16.18,
            0.7,
            -2.89,
            [3.2512, 1.6047, 4.9588e-2],
            [2.5261, 6.1654e-1, -3.7956e-1, -6.0285e-2],
        ),
    };
    if statistic > greatest {
        return 1.0;
    }
    if statistic < least {
        return 0.0;
    }
    let coefficients: &[f64] = if statistic <= star { &small } else { &large };
    let polynomial = coefficients.iter().rev();
    normal_below(polynomial.fold(0.0, |sum, term| sum * statistic + term))
}

/// The result of a KPSS test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KpssTest {
    /// The statistic η.
    pub statistic: f64,
    /// The p value, between 0.01 and 0.1: the published table has no more.
    pub p: f64,
    /// How many autocovariances the long-run variance has.
    pub lags: u64,
}

/// Tests for stationarity about a constant or a line (Kwiatkowski, Phillips, Schmidt, Shin 1992), as `statsmodels`
/// `kpss`. Without `lags`, as many as Hobijn, Franses and Ooms (1998) advise. [`Deterministic::None`] is a constant.
pub fn kpss_test(series: &[f64], about: Deterministic, lags: Option<usize>) -> Option<KpssTest> {
    let n = series.len();
    if n < 3 || is_flat(series) {
        return None;
    }
    let residuals = residuals(series, about);
    if is_flat(&residuals) {
        return None;
    }
    let lags = lags.unwrap_or_else(|| usual_lags(&residuals)).min(n - 1);
    let mut sum = 0.0;
    let squares: f64 = residuals
        .iter()
        .map(|residual| {
            sum += residual;
            sum * sum
        })
        .sum();
    let variance = long_run_variance(&residuals, lags);
    let statistic = defined(squares / (n as f64 * n as f64) / variance).filter(|x| *x >= 0.0)?;
    Some(KpssTest {
        statistic,
        p: kpss_p(statistic, about),
        lags: lags as u64,
    })
}

fn residuals(series: &[f64], about: Deterministic) -> Vec<f64> {
    let center = mean(series);
    let mut slope = 0.0;
    let middle = (series.len() as f64 - 1.0) / 2.0;
    if about == Deterministic::Trend {
        let steps = series.iter().enumerate();
        let products = steps.map(|(i, value)| (i as f64 - middle) * (value - center));
        let n = series.len() as f64;
        slope = products.sum::<f64>() / (n * (n * n - 1.0) / 12.0);
    }
    let values = series.iter().enumerate();
    values
        .map(|(i, value)| value - center - slope * (i as f64 - middle))
        .collect()
}

fn product(residuals: &[f64], lag: usize) -> f64 {
    let later = residuals.iter().skip(lag);
    residuals.iter().zip(later).map(|(a, b)| a * b).sum()
}

fn long_run_variance(residuals: &[f64], lags: usize) -> f64 {
    let weighted = |lag: usize| {
        let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
        2.0 * weight * product(residuals, lag)
    };
    let sum = product(residuals, 0) + (1..=lags).map(weighted).sum::<f64>();
    sum / residuals.len() as f64
}

fn usual_lags(residuals: &[f64]) -> usize {
    let n = residuals.len() as f64;
    let covariances = n.powf(2.0 / 9.0) as usize;
    let covariance = |lag: usize| product(residuals, lag) / (n / 2.0);
    let s0 = product(residuals, 0) / n + (1..=covariances).map(covariance).sum::<f64>();
    let s1: f64 = (1..=covariances)
        .map(|lag| lag as f64 * covariance(lag))
        .sum();
    let ratio = s1 / s0;
    (1.1447 * (ratio * ratio).powf(1.0 / 3.0) * n.powf(1.0 / 3.0)) as usize
}

/// Interpolates table 1 of Kwiatkowski et al. 1992.
fn kpss_p(statistic: f64, about: Deterministic) -> f64 {
    let critical = match about {
        Deterministic::Trend => [0.119, 0.146, 0.176, 0.216],
        Deterministic::Constant | Deterministic::None => [0.347, 0.463, 0.574, 0.739],
    };
    const P: [f64; 4] = [0.10, 0.05, 0.025, 0.01];
    if statistic <= critical[0] {
        return P[0];
    }
    for i in 1..critical.len() {
        if statistic <= critical[i] {
            let share = (statistic - critical[i - 1]) / (critical[i] - critical[i - 1]);
            return P[i - 1] + share * (P[i] - P[i - 1]);
        }
    }
    P[3]
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NAMES, close, number, series};
    use super::*;

    const ABOUT: [(&str, Deterministic); 3] = [
        ("c", Deterministic::Constant),
        ("ct", Deterministic::Trend),
        ("n", Deterministic::None),
    ];

    #[test]
    fn adf_agrees_with_statsmodels() {
        for name in NAMES {
            for (about_name, about) in ABOUT {
                let test = adf_test(&series(name), about, None).unwrap();
                let expect = |field: &str| number(&format!("adf_{about_name}_{name}_{field}"));
                let context = format!("{name} {about_name}");
                close(Some(test.lags as f64), expect("lags"), 0.0, &context);
                close(Some(test.count as f64), expect("count"), 0.0, &context);
                close(Some(test.statistic), expect("statistic"), 1e-7, &context);
                close(Some(test.p), expect("p"), 1e-6, &context);
            }
        }
    }

    #[test]
    fn kpss_agrees_with_statsmodels() {
        for name in NAMES {
            for (about_name, about) in &ABOUT[..2] {
                let test = kpss_test(&series(name), *about, None).unwrap();
                let expect = |field: &str| number(&format!("kpss_{about_name}_{name}_{field}"));
                let context = format!("{name} {about_name}");
                close(Some(test.lags as f64), expect("lags"), 0.0, &context);
                close(Some(test.statistic), expect("statistic"), 1e-9, &context);
                // The table is steep: digits lost in the statistic count several times.
                close(Some(test.p), expect("p"), 1e-7, &context);
            }
        }
    }

    #[test]
    fn short_and_flat_series_have_no_test() {
        let adf = |x: &[f64]| adf_test(x, Deterministic::Constant, None);
        let kpss = |x: &[f64]| kpss_test(x, Deterministic::Constant, None);
        for values in [&[][..], &[1.0], &[1.0, 2.0], &[5.0; 30]] {
            assert_eq!(adf(values), None);
            assert_eq!(kpss(values), None);
        }
        let line: Vec<f64> = (0..30).map(f64::from).collect();
        assert_eq!(adf(&line), None, "explained without error");
        assert_eq!(kpss_test(&line, Deterministic::Trend, None), None);
        assert!(kpss(&line).is_some());
    }
}
