//! How unpredictable values are, or their order.
//!
//! | function          | logarithm | as                                                  | cost    |
//! |-------------------|-----------|-----------------------------------------------------|---------|
//! | `shannon_entropy` | natural   | `scipy.stats.entropy` of the counts of the values   | n log n |
//! | `binned_entropy`  | natural   | tsfresh `binned_entropy`                            | n       |
//! | `sample_entropy`  | natural   | `antropy.sample_entropy`                            | n²      |
//! | `approx_entropy`  | natural   | `antropy.app_entropy`                               | n²      |
//! | `perm_entropy`    | binary    | `antropy.perm_entropy`                              | n log n |
//! | `spectral_entropy`| binary    | `antropy.spectral_entropy(method='fft')`            | n log n |
//! | `lempel_ziv`      | –         | `antropy.lziv_complexity` of values above the mean  | n²      |

mod lempel_ziv;
mod permutation;
mod spectral;
mod templates;

pub use lempel_ziv::lempel_ziv;
pub use permutation::perm_entropy;
pub use spectral::spectral_entropy;
pub use templates::{approx_entropy, sample_entropy};

use super::histogram::histogram;

/// The entropy, in nats, of how often each distinct value occurs; `None` without values.
pub fn shannon_entropy(sorted: &[f64]) -> Option<f64> {
    if sorted.is_empty() {
        return None;
    }
    let counts = sorted.chunk_by(|a, b| a == b).map(|run| run.len() as f64);
    Some(of_counts(counts, sorted.len()))
}

/// The entropy, in nats, of how many values are in each of `bin_count` bins of equal width over their range.
pub fn binned_entropy(values: &[f64], bin_count: usize) -> Option<f64> {
    let bins = histogram(values, bin_count, None)?;
    let counts = bins.into_iter().map(|bin| bin.count as f64);
    Some(of_counts(counts.filter(|count| *count > 0.0), values.len()))
}

/// −Σ p·ln p over positive counts.
fn of_counts(counts: impl Iterator<Item = f64>, total: usize) -> f64 {
    let total = total as f64;
    let terms = counts.map(|count| count / total * (total / count).ln());
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::super::golden::check_sorted;
    use super::*;

    #[test]
    fn entropies_agree_with_scipy_and_tsfresh() {
        check_sorted("shannon_entropy", 1e-12, shannon_entropy);
        check_sorted("binned_entropy_10", 1e-12, |x| binned_entropy(x, 10));
    }

    #[test]
    fn equal_values_have_no_entropy() {
        assert_eq!(shannon_entropy(&[]), None);
        assert_eq!(binned_entropy(&[], 5), None);
        assert_eq!(shannon_entropy(&[3.0; 4]), Some(0.0));
        assert_eq!(binned_entropy(&[3.0; 4], 5), Some(0.0));
        assert_eq!(shannon_entropy(&[1.0, 2.0]), Some(2.0_f64.ln()));
    }
}
