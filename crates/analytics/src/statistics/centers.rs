//! Robust centres of a sample.
//!
//! | sample            | result                                       |
//! |-------------------|----------------------------------------------|
//! | empty             | none                                         |
//! | several modes     | the smallest, as `scipy.stats.mode`          |
//! | n·p below one     | the mean: nothing is cut                     |

use super::mean;
use crate::summary::defined;

/// The median of sorted values, the mean of the middle two for an even number; `None` without values.
pub fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[middle - 1];
    defined(lower / 2.0 + upper / 2.0)
}

/// The median of values in any order, which end up in another one; `None` without values. O(n).
pub fn median_of(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_odd {
        return Some(*upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    defined(lower / 2.0 + *upper / 2.0)
}

/// The value that occurs most often; the smallest of several.
pub fn mode(sorted: &[f64]) -> Option<f64> {
    let mut best: Option<&[f64]> = None;
    for run in sorted.chunk_by(|a, b| a == b) {
        if best.is_none_or(|best| run.len() > best.len()) {
            best = Some(run);
        }
    }
    // A run may hold both zeros; adding zero makes either positive.
    best.map(|run| run[0] + 0.0)
}

/// The mean without the smallest and the largest `share` of the values, as `scipy.stats.trim_mean`.
///
/// `share` is from 0 to below one half; as many values as the whole part of n·share are cut on each side.
pub fn trimmed_mean(sorted: &[f64], share: f64) -> Option<f64> {
    let cut = (sorted.len() as f64 * share) as usize;
    let kept = sorted.get(cut..sorted.len().checked_sub(cut)?)?;
    if kept.is_empty() {
        return None;
    }
    defined(mean(kept))
}

/// The mean after the smallest and the largest `share` of the values have been replaced by their neighbours, as
/// `scipy.stats.mstats.winsorize`.
pub fn winsorized_mean(sorted: &[f64], share: f64) -> Option<f64> {
    let n = sorted.len();
    let cut = (n as f64 * share) as usize;
    let kept = sorted.get(cut..n.checked_sub(cut)?)?;
    let (first, last) = (*kept.first()?, *kept.last()?);
    let center = mean(kept);
    let moved = (first - center + (last - center)) * cut as f64;
    defined(center + moved / n as f64)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{check_sorted, sorted};
    use super::*;

    #[test]
    fn centers_agree_with_scipy() {
        check_sorted("mode", 0.0, mode);
        check_sorted("median", 1e-15, median);
        check_sorted("trimmed_mean_0.1", 1e-12, |x| trimmed_mean(x, 0.1));
        check_sorted("trimmed_mean_0.25", 1e-12, |x| trimmed_mean(x, 0.25));
        check_sorted("winsorized_mean_0.1", 1e-12, |x| winsorized_mean(x, 0.1));
        check_sorted("winsorized_mean_0.25", 1e-12, |x| winsorized_mean(x, 0.25));
    }

    #[test]
    fn small_samples_have_centers() {
        assert_eq!(mode(&[]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(trimmed_mean(&[], 0.1), None);
        assert_eq!(winsorized_mean(&[], 0.1), None);
        assert_eq!(mode(&[3.0]), Some(3.0));
        assert_eq!(mode(&[1.0, 2.0]), Some(1.0));
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(trimmed_mean(&[1.0, 2.0, 9.0], 0.4), Some(2.0));
        assert_eq!(winsorized_mean(&[1.0, 2.0, 9.0], 0.4), Some(2.0));
        assert_eq!(mode(&[-0.0, 0.0]).map(f64::is_sign_positive), Some(true));
    }

    #[test]
    fn an_outlier_moves_no_robust_center_far() {
        let mut values = sorted("noise");
        let before = trimmed_mean(&values, 0.1).unwrap();
        *values.last_mut().unwrap() = 1e300;
        assert!((trimmed_mean(&values, 0.1).unwrap() - before).abs() < 1e-9);
    }
}
