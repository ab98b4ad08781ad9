//! Long memory: whether a series tends to go on as it went, or to turn back.
//!
//! | series                              | result                                             |
//! |-------------------------------------|----------------------------------------------------|
//! | too short for two sizes of windows  | none (hurst: below about 10 values; dfa: below 58) |
//! | all values equal                    | none                                               |

use super::special::ln_gamma;
use super::trend::linear_trend;
use super::{is_flat, mean, squares_about};
use crate::summary::defined;

/// Windows up to this size are corrected with the gamma function, longer ones with its limit (Weron 2002).
const GAMMA_SIZE_MAX: usize = 340;

/// The Hurst exponent by rescaled range (Hurst 1951), corrected by the expectation for white noise (Anis and Lloyd 1976).
///
/// As `nolds.hurst_rs(fit='poly')`: windows of 15 sizes about the square root of the length, each with the sample
/// standard deviation. 0.5 has no memory, above it trends go on.
pub fn hurst(series: &[f64]) -> Option<f64> {
    if series.len() < 2 || is_flat(series) {
        return None;
    }
    let points = window_sizes(series.len()).into_iter().filter_map(|size| {
        let expected = expected_range(size)?;
        let range = rescaled_range(series, size)?;
        Some(((size as f64).ln(), (range / expected).ln()))
    });
    let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
    defined(slope(&x, &y)? + 0.5)
}

fn window_sizes(count: usize) -> Vec<usize> {
    const STEPS: usize = 15;
    const RATIO: f64 = 0.25;
    let log = (count as f64).ln();
    let start = log * (1.0 - RATIO) * 0.5;
    let size = |step: usize| {
        let exponent = start + step as f64 / STEPS as f64 * (log * RATIO);
        exponent.exp().round_ties_even() as usize
    };
    let mut sizes: Vec<usize> = (0..STEPS).map(size).filter(|size| *size >= 2).collect();
    sizes.dedup();
    sizes
}

/// The mean over windows of the range of the summed distances from the mean, over the standard deviation.
fn rescaled_range(series: &[f64], size: usize) -> Option<f64> {
    let ratios: Vec<f64> = series.chunks_exact(size).filter_map(ratio).collect();
    (!ratios.is_empty()).then(|| mean(&ratios))
}

fn ratio(window: &[f64]) -> Option<f64> {
    if is_flat(window) {
        return None;
    }
    let center = mean(window);
    let (mut sum, mut low, mut high) = (0.0_f64, f64::INFINITY, f64::NEG_INFINITY);
    for value in window {
        sum += value - center;
        low = low.min(sum);
        high = high.max(sum);
    }
    let deviation = (squares_about(window, center) / (window.len() as f64 - 1.0)).sqrt();
    defined((high - low) / deviation).filter(|ratio| *ratio > 0.0)
}

/// What the rescaled range of white noise is expected to be.
fn expected_range(size: usize) -> Option<f64> {
    let n = size as f64;
    let sum: f64 = (1..size).map(|i| ((n - i as f64) / i as f64).sqrt()).sum();
    let middle = if size <= GAMMA_SIZE_MAX {
        (ln_gamma((n - 1.0) / 2.0) - ln_gamma(n / 2.0)).exp() / std::f64::consts::PI.sqrt()
    } else {
        1.0 / (n * std::f64::consts::FRAC_PI_2).sqrt()
    };
    defined((n - 0.5) / n * middle * sum).filter(|expected| *expected > 0.0)
}

/// The exponent of detrended fluctuation analysis (Peng et al. 1994), as `antropy.detrended_fluctuation`.
///
/// 0.5 is white noise, 1 is 1/f noise, 1.5 a random walk. Windows grow from 4 values to a tenth of the series.
pub fn dfa(series: &[f64]) -> Option<f64> {
    if series.is_empty() || is_flat(series) {
        return None;
    }
    let center = mean(series);
    let mut sum = 0.0;
    let walk: Vec<f64> = series
        .iter()
        .map(|value| {
            sum += value - center;
            sum
        })
        .collect();
    let points = growing_sizes(series.len()).into_iter().filter_map(|size| {
        let fluctuation = fluctuation(&walk, size);
        (fluctuation > 0.0).then(|| ((size as f64).ln(), fluctuation.ln()))
    });
    let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
    slope(&x, &y)
}

fn growing_sizes(count: usize) -> Vec<usize> {
    const FIRST: f64 = 4.0;
    const FACTOR: f64 = 1.2;
    let steps = ((0.1 * count as f64 / FIRST).ln() / FACTOR.ln()).floor();
    if steps < 0.0 {
        return vec![];
    }
    let size = |step: usize| (FIRST * FACTOR.powi(step as i32)).floor() as usize;
    let mut sizes: Vec<usize> = (0..=steps as usize).map(size).collect();
    sizes.dedup();
    sizes
}

/// The root mean square of the walk about a line through each window.
fn fluctuation(walk: &[f64], size: usize) -> f64 {
    let n = size as f64;
    let middle = (n - 1.0) / 2.0;
    let time_squares = n * (n * n - 1.0) / 12.0;
    let squares = |window: &[f64]| {
        let center = mean(window);
        let distances = window.iter().enumerate();
        let product: f64 = distances
            .map(|(i, value)| (i as f64 - middle) * (value - center))
            .sum();
        let slope = product / time_squares;
        let residuals = window.iter().enumerate();
        residuals
            .map(|(i, value)| (value - center - slope * (i as f64 - middle)).powi(2))
            .sum::<f64>()
            / n
    };
    let windows = walk.chunks_exact(size);
    let count = windows.len() as f64;
    (windows.map(squares).sum::<f64>() / count).sqrt()
}

/// The slope through two points or more.
fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    linear_trend(x, y).map(|trend| trend.slope)
}

#[cfg(test)]
mod tests {
    use super::super::golden::check_series;
    use super::*;

    #[test]
    fn exponents_agree_with_nolds_and_antropy() {
        check_series("hurst", 1e-9, hurst);
        // antropy adds 1e-9 to the denominator of its slopes.
        check_series("dfa", 1e-6, dfa);
    }

    #[test]
    fn short_and_flat_series_have_no_exponent() {
        for values in [&[][..], &[1.0], &[1.0, 2.0], &[0.1; 200]] {
            assert_eq!(hurst(values), None, "{values:?}");
            assert_eq!(dfa(values), None, "{values:?}");
        }
        let short: Vec<f64> = (0..39).map(|i| f64::from(i * i % 7)).collect();
        assert_eq!(dfa(&short), None);
    }
}
