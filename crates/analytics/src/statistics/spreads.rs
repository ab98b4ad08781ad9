//! Robust spreads of a sample.
//!
//! | sample          | mad, iqr | sn_scale, qn_scale                     |
//! |-----------------|----------|----------------------------------------|
//! | empty           | none     | none                                   |
//! | one value       | 0        | none: there is no distance             |
//! | all equal       | 0        | 0                                      |
//!
//! S_n and Q_n (Rousseeuw and Croux 1993, "Alternatives to the median absolute deviation") resist half of the values
//! being wrong, as the MAD does, but need no centre and are more efficient. Both are scaled to estimate the standard
//! deviation of normal values, without correction for small samples, as `statsmodels.robust.scale.qn_scale`.

use super::centers::median;
use crate::summary::defined;

/// σ of normal values over the median of their medians of distances (Rousseeuw and Croux 1993, section 2).
const SIGMA_PER_SN: f64 = 1.1926;

/// σ of normal values over the first quartile of their distances: 1 / (√2 · Φ⁻¹(5/8)).
const SIGMA_PER_QN: f64 = 2.219_144_465_985_076;

/// The median of the absolute distances from the median, in the unit of the values.
pub fn mad(sorted: &[f64]) -> Option<f64> {
    let center = median(sorted)?;
    let mut distances: Vec<f64> = sorted.iter().map(|value| (value - center).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    median(&distances)
}

/// The distance between the quartiles, interpolated as NumPy's default.
pub fn iqr(sorted: &[f64]) -> Option<f64> {
    defined(quantile(sorted, 0.75)? - quantile(sorted, 0.25)?)
}

/// The quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996).
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share * sorted.len().checked_sub(1)? as f64;
    let lower = position.floor();
    let low = sorted[lower as usize];
    let high = sorted[position.ceil() as usize];
    defined(low + (high - low) * (position - lower))
}

/// Rousseeuw's and Croux's S_n: the low median over i of the high medians over j of |x_i − x_j|. O(n log n).
pub fn sn_scale(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    if n < 2 {
        return None;
    }
    let mut medians: Vec<f64> = (0..n).map(|i| nearest(sorted, i, n / 2)).collect();
    let (_, low_median, _) = medians.select_nth_unstable_by(n.div_ceil(2) - 1, f64::total_cmp);
    defined(SIGMA_PER_SN * *low_median)
}

/// The distance from the i-th value to its k-th nearest (the value itself is the zeroth).
///
/// Distances to the left and to the right are two sorted sequences; bisection finds how many of the left ones are
/// among the k nearest.
fn nearest(sorted: &[f64], i: usize, k: usize) -> f64 {
    let left = |count: usize| sorted[i] - sorted[i - count];
    let right = |count: usize| sorted[i + count] - sorted[i];
    let (left_count, right_count) = (i, sorted.len() - 1 - i);
    let (mut low, mut high) = (k.saturating_sub(right_count), k.min(left_count));
    while low < high {
        // With `middle` from the left, k − middle come from the right; one more from the left is right when it is
        // nearer than the last of those.
        let middle = (low + high) / 2;
        if left(middle + 1) < right(k - middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    left(low).max(right(k - low))
}

/// Rousseeuw's and Croux's Q_n: the first quartile, roughly, of the distances between all pairs.
///
/// The order statistic is found by bisection over the bits of a float, counting pairs in linear time: at most 64
/// passes over the values whatever their number.
pub fn qn_scale(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len() as u64;
    if n < 2 {
        return None;
    }
    let half = n / 2 + 1;
    let rank = half * (half - 1) / 2;
    let (mut low, mut high) = (0, f64::INFINITY.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        if pairs_within(sorted, f64::from_bits(middle)) >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    defined(SIGMA_PER_QN * f64::from_bits(low))
}

/// How many pairs are at most `distance` apart.
fn pairs_within(sorted: &[f64], distance: f64) -> u64 {
    let mut first = 0;
    let mut count = 0;
    for (j, value) in sorted.iter().enumerate() {
        while value - sorted[first] > distance {
            first += 1;
        }
        count += (j - first) as u64;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::golden::check_sorted;
    use super::*;

    #[test]
    fn spreads_agree_with_scipy_and_statsmodels() {
        check_sorted("mad", 1e-12, mad);
        check_sorted("iqr", 1e-12, iqr);
        check_sorted("sn_scale", 1e-12, sn_scale);
        check_sorted("qn_scale", 1e-12, qn_scale);
    }

    #[test]
    fn small_samples_have_no_distances() {
        let spreads = |x: &[f64]| [mad(x), iqr(x), sn_scale(x), qn_scale(x)];
        assert_eq!(spreads(&[]), [None; 4]);
        assert_eq!(spreads(&[5.0]), [Some(0.0), Some(0.0), None, None]);
        assert_eq!(spreads(&[5.0; 4]), [Some(0.0); 4]);
    }

    #[test]
    fn the_kth_nearest_is_that_of_sorted_distances() {
        let values: [f64; 7] = [0.0, 1.0, 1.0, 1.5, 4.0, 10.0, 11.0];
        for i in 0..values.len() {
            let mut distances = values.map(|value| (value - values[i]).abs());
            distances.sort_unstable_by(f64::total_cmp);
            for (k, expected) in distances.iter().enumerate() {
                assert_eq!(nearest(&values, i, k), *expected, "{i}, {k}");
            }
        }
    }
}
