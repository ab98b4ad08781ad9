//! Statistics of whole samples: centres, spreads, trends, tests, distances between distributions, complexity, memory.
//!
//! | file             | functions                                                                              |
//! |------------------|----------------------------------------------------------------------------------------|
//! | `centers`        | mode, trimmed and winsorized mean; `means`: geometric and harmonic mean as summaries     |
//! | `spreads`        | median absolute deviation, interquartile range, S_n, Q_n                                |
//! | `histogram`      | counts between edges                                                                    |
//! | `trend`          | least squares, Theil–Sen, Mann–Kendall                                                  |
//! | `correlation`    | Spearman's rho, Kendall's tau                                                           |
//! | `autocorrelation`| autocorrelation, partial autocorrelation, Ljung–Box                                     |
//! | `unit_root`      | augmented Dickey–Fuller, KPSS                                                           |
//! | `two_samples`    | Kolmogorov–Smirnov, Mann–Whitney, Student and Welch, Anderson–Darling                   |
//! | `distances`      | Wasserstein, Jensen–Shannon, population stability index, Kullback–Leibler               |
//! | `entropy`        | Shannon, sample, approximate, permutation, spectral entropy, Lempel–Ziv                 |
//! | `sampling`       | whether times are regular                                                              |
//! | `memory`         | Hurst exponent, detrended fluctuation analysis                                          |
//!
//! Slices called `sorted` must be sorted; slices called `series` are in order of time. Expected values in the tests come
//! from `golden/golden_statistics.py`.

mod autocorrelation;
mod centers;
mod correlation;
mod distances;
mod entropy;
mod fourier;
#[cfg(test)]
mod golden;
mod histogram;
mod least_squares;
mod means;
mod memory;
mod pairs;
mod sampling;
pub(crate) mod special;
mod spreads;
mod trend;
mod two_samples;
mod unit_root;

pub use autocorrelation::{LjungBox, acf, ljung_box, pacf};
pub use centers::{median, median_of, mode, trimmed_mean, winsorized_mean};
pub use correlation::{kendall, spearman};
pub use distances::{jensen_shannon, kl_div, psi, wasserstein};
pub use entropy::{
    approx_entropy, binned_entropy, lempel_ziv, perm_entropy, sample_entropy, shannon_entropy,
    spectral_entropy,
};
pub use histogram::{Bin, histogram};
pub use means::{GeometricMean, HarmonicMean};
pub use memory::{dfa, hurst};
pub use sampling::is_regular;
pub use special::normal_within;
pub use spreads::{iqr, mad, qn_scale, sn_scale};
pub use trend::{LinearTrend, MannKendall, TheilSen, linear_trend, mann_kendall, theil_sen};
pub use two_samples::{Test, WelchTest, anderson, ks_test, mannwhitney, student_test, welch_test};
pub use unit_root::{AdfTest, Deterministic, KpssTest, adf_test, kpss_test};

/// The mean of values, which must not be empty; sums about the first value, so that an offset costs no digits.
fn mean(values: &[f64]) -> f64 {
    let anchor = values[0];
    let [sum] = crate::summary::sum_terms(values, |value| [value - anchor]);
    anchor + sum / values.len() as f64
}

/// The sum of squared distances from a centre.
fn squares_about(values: &[f64], center: f64) -> f64 {
    let [sum] = crate::summary::sum_terms(values, |value| [(value - center) * (value - center)]);
    sum
}

/// Whether the values differ by no more than rounding noise: the variance below 1e-15 of the mean, squared.
fn is_flat(values: &[f64]) -> bool {
    let Some(&first) = values.first() else {
        return true;
    };
    if values.iter().all(|value| *value == first) {
        return true;
    }
    let center = mean(values);
    let noise = 1e-15 * center;
    squares_about(values, center) / values.len() as f64 <= noise * noise
}
