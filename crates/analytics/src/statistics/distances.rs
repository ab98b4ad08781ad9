//! Distances between the distributions of two samples.
//!
//! | distance        | definition                                                                     | range  |
//! |-----------------|--------------------------------------------------------------------------------|--------|
//! | wasserstein     | area between the distribution functions, in the unit of the values             | 0 to ∞ |
//! | jensen_shannon  | √((KL(p, m) + KL(q, m)) / 2), m = (p + q) / 2, natural logarithm               | 0 to √ln 2 |
//! | psi             | Σ (p − q)·ln(p / q)                                                            | 0 to ∞ |
//! | kl_div          | Σ p·ln(p / q)                                                                  | 0 to ∞ |
//!
//! p and q are the shares of the reference and of the current sample in bins of equal width over the range of both. By
//! default there are as many bins as `numpy.histogram_bin_edges(bins='sturges')` gives for both together, which is what
//! Evidently does. In psi and kl_div an empty bin counts as a share of 0.0001, as there.
//!
//! | samples             | result                            |
//! |---------------------|-----------------------------------|
//! | one of them empty   | none                              |
//! | all values equal    | 0                                 |

use super::histogram::{counts, edges, range_of, widened};
use crate::summary::defined;

/// The share that stands for an empty bin where a logarithm needs one.
const EMPTY_SHARE: f64 = 0.0001;

/// The area between the distribution functions of two sorted samples, as `scipy.stats.wasserstein_distance`.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let (mut i, mut j) = (0, 0);
    let mut last = reference[0].min(current[0]);
    let mut area = 0.0;
    while i < reference.len() || j < current.len() {
        let next = |sample: &[f64], at: usize| sample.get(at).copied().unwrap_or(f64::INFINITY);
        let value = next(reference, i).min(next(current, j));
        let below = i as f64 / reference.len() as f64 - j as f64 / current.len() as f64;
        area += below.abs() * (value - last);
        while i < reference.len() && reference[i] <= value {
            i += 1;
        }
        while j < current.len() && current[j] <= value {
            j += 1;
        }
        last = value;
    }
    defined(area)
}

/// The Jensen–Shannon distance of binned samples, as `scipy.spatial.distance.jensenshannon` of their shares.
pub fn jensen_shannon(reference: &[f64], current: &[f64], bins: Option<usize>) -> Option<f64> {
    let shares = shares(reference, current, bins)?;
    let divergence = |p: f64, m: f64| if p > 0.0 { p * (p / m).ln() } else { 0.0 };
    let terms = shares.iter().map(|(p, q)| {
        let m = (p + q) / 2.0;
        divergence(*p, m) + divergence(*q, m)
    });
    defined((terms.sum::<f64>().max(0.0) / 2.0).sqrt())
}

/// The population stability index of binned samples.
pub fn psi(reference: &[f64], current: &[f64], bins: Option<usize>) -> Option<f64> {
    let shares = filled(shares(reference, current, bins)?);
    defined(shares.map(|(p, q)| (p - q) * (p / q).ln()).sum())
}

/// The Kullback–Leibler divergence of the current from the reference sample, binned: `scipy.stats.entropy` of their shares.
pub fn kl_div(reference: &[f64], current: &[f64], bins: Option<usize>) -> Option<f64> {
    let shares: Vec<(f64, f64)> = filled(shares(reference, current, bins)?).collect();
    // Filling empty bins makes the sums differ from one; SciPy divides by them.
    let p_sum: f64 = shares.iter().map(|(p, _)| p).sum();
    let q_sum: f64 = shares.iter().map(|(_, q)| q).sum();
    let terms = shares.iter().map(|(p, q)| {
        let (p, q) = (p / p_sum, q / q_sum);
        p * (p / q).ln()
    });
    defined(terms.sum())
}

fn filled(shares: Vec<(f64, f64)>) -> impl Iterator<Item = (f64, f64)> {
    let fill = |share: f64| if share == 0.0 { EMPTY_SHARE } else { share };
    shares.into_iter().map(move |(p, q)| (fill(p), fill(q)))
}

/// The shares of both samples in common bins.
fn shares(reference: &[f64], current: &[f64], bins: Option<usize>) -> Option<Vec<(f64, f64)>> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let (a, b) = (range_of(reference), range_of(current));
    let (low, high) = (a.0.min(b.0), a.1.max(b.1));
    if !(high - low).is_finite() {
        return None;
    }
    let bins = bins.unwrap_or_else(|| sturges(reference.len() + current.len(), high - low));
    let (low, high) = widened((low, high));
    let edges = edges(low, high, bins);
    let of = |sample: &[f64]| -> Vec<f64> {
        let share = |count: u64| count as f64 / sample.len() as f64;
        counts(sample, &edges).into_iter().map(share).collect()
    };
    Some(of(reference).into_iter().zip(of(current)).collect())
}

/// How many bins Sturges' rule (1926) gives, with NumPy's rounding.
fn sturges(count: usize, range: f64) -> usize {
    if range == 0.0 {
        return 1;
    }
    let width = range / ((count as f64).log2() + 1.0);
    ((range / width).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{PAIRS, close, number, sorted};
    use super::*;

    #[test]
    fn distances_agree_with_scipy_and_the_definitions_of_evidently() {
        for (a, b) in PAIRS {
            let (x, y) = (sorted(a), sorted(b));
            let check = |name: &str, actual: Option<f64>| {
                let context = format!("{name} of {a} and {b}");
                close(actual, number(&format!("{name}_{a}_{b}")), 1e-9, &context);
            };
            check("wasserstein", wasserstein(&x, &y));
            check("jensen_shannon", jensen_shannon(&x, &y, None));
            check("jensen_shannon_5", jensen_shannon(&x, &y, Some(5)));
            check("psi", psi(&x, &y, None));
            check("psi_5", psi(&x, &y, Some(5)));
            check("kl_div", kl_div(&x, &y, None));
            check("kl_div_5", kl_div(&x, &y, Some(5)));
        }
    }

    #[test]
    fn equal_samples_are_at_no_distance() {
        let all = |x: &[f64], y: &[f64]| {
            [
                wasserstein(x, y),
                jensen_shannon(x, y, None),
                psi(x, y, None),
                kl_div(x, y, None),
            ]
        };
        assert_eq!(all(&[], &[1.0]), [None; 4]);
        assert_eq!(all(&[1.0], &[]), [None; 4]);
        assert_eq!(all(&[1.0, 1.0], &[1.0]), [Some(0.0); 4]);
        assert_eq!(all(&[1.0, 2.0, 9.0], &[1.0, 2.0, 9.0]), [Some(0.0); 4]);
        assert_eq!(wasserstein(&[0.0], &[3.0]), Some(3.0));
    }
}
