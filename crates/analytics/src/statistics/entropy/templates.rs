//! Sample entropy and approximate entropy: how often stretches of a series that are alike stay alike for one step more.
//!
//! | series                                     | sample entropy | approximate entropy |
//! |--------------------------------------------|----------------|---------------------|
//! | fewer than m + 2 values                    | none           | none                |
//! | all values equal                           | none           | none                |
//! | no two stretches of m values alike         | none           | counts itself: a number |
//! | none of those stays alike                  | none (−ln 0)   | a number            |
//!
//! The tolerance is a share of the population standard deviation. Sample entropy takes distances below the tolerance,
//! approximate entropy distances up to it: so does antropy.

use super::super::{is_flat, mean, squares_about};
use crate::summary::defined;

/// Sample entropy (Richman and Moorman 2000) for stretches of `m` values, 1 or more.
pub fn sample_entropy(series: &[f64], m: usize, tolerance_sigmas: f64) -> Option<f64> {
    let tolerance = tolerance(series, m, tolerance_sigmas)?;
    let (mut alike, mut still_alike) = (0_u64, 0_u64);
    for lag in 1..series.len() - m {
        let last = series.len() - lag - 1;
        each_run(
            series,
            lag,
            |distance| distance < tolerance,
            |end, run| {
                // Only stretches that have a next value are compared.
                alike += u64::from(run >= m && end < last);
                still_alike += u64::from(run > m);
            },
        );
    }
    if alike == 0 || still_alike == 0 {
        return None;
    }
    // Adding zero turns −0 into 0.
    defined(-(still_alike as f64 / alike as f64).ln() + 0.0)
}

/// Approximate entropy (Pincus 1991) for stretches of `m` values, 1 or more. Every stretch is alike to itself.
pub fn approx_entropy(series: &[f64], m: usize, tolerance_sigmas: f64) -> Option<f64> {
    let tolerance = tolerance(series, m, tolerance_sigmas)?;
    let n = series.len();
    let mut alike = vec![1_u32; n - m + 1];
    let mut still_alike = vec![1_u32; n - m];
    for lag in 1..n - m + 1 {
        each_run(
            series,
            lag,
            |distance| distance <= tolerance,
            |end, run| {
                for (counts, length) in [(&mut alike, m), (&mut still_alike, m + 1)] {
                    if run >= length {
                        let start = end + 1 - length;
                        counts[start] += 1;
                        counts[start + lag] += 1;
                    }
                }
            },
        );
    }
    let mean_log = |counts: &[u32]| {
        let total = counts.len() as f64;
        let logs = counts.iter().map(|count| (f64::from(*count) / total).ln());
        logs.sum::<f64>() / total
    };
    defined(mean_log(&alike) - mean_log(&still_alike))
}

/// The tolerance in the unit of the values; `None` when the series is too short or does not vary.
fn tolerance(series: &[f64], m: usize, sigmas: f64) -> Option<f64> {
    if m == 0 || series.len() < m + 2 || is_flat(series) {
        return None;
    }
    let variance = squares_about(series, mean(series)) / series.len() as f64;
    defined(sigmas * variance.sqrt())
}

/// Compares a series with itself `lag` later, and calls `each` with every index and how many values in a row, up to it,
/// were alike. All stretches that are `lag` apart share these comparisons, so any `m` costs the same.
fn each_run(
    series: &[f64],
    lag: usize,
    is_alike: impl Fn(f64) -> bool,
    mut each: impl FnMut(usize, usize),
) {
    let mut run = 0;
    for (end, (value, later)) in series.iter().zip(&series[lag..]).enumerate() {
        run = if is_alike((value - later).abs()) {
            run + 1
        } else {
            0
        };
        if run > 0 {
            each(end, run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{check_series, series};
    use super::*;

    #[test]
    fn entropies_agree_with_antropy() {
        check_series("sample_entropy", 1e-12, |x| sample_entropy(x, 2, 0.2));
        check_series("sample_entropy_3_0.5", 1e-12, |x| sample_entropy(x, 3, 0.5));
        check_series("approx_entropy", 1e-9, |x| approx_entropy(x, 2, 0.2));
        check_series("approx_entropy_3_0.5", 1e-9, |x| approx_entropy(x, 3, 0.5));
    }

    #[test]
    fn stretches_that_are_never_alike_have_no_entropy() {
        assert_eq!(sample_entropy(&[], 2, 0.2), None);
        assert_eq!(sample_entropy(&[1.0, 2.0, 3.0], 2, 0.2), None);
        assert_eq!(sample_entropy(&[0.1; 50], 2, 0.2), None);
        assert_eq!(approx_entropy(&[0.1; 50], 2, 0.2), None);
        assert_eq!(sample_entropy(&series("noise"), 0, 0.2), None);
        assert_eq!(
            sample_entropy(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 2, 0.2),
            None
        );
        let repeating = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0];
        assert_eq!(sample_entropy(&repeating, 2, 0.2), Some(0.0));
    }
}
