//! Rank correlations.
//!
//! | pairs                        | result                  |
//! |------------------------------|-------------------------|
//! | fewer than two               | none                    |
//! | either side does not vary    | none: 0 over 0          |

use super::pairs::{inversions, tie_sizes, tied_pairs};
use super::{mean, squares_about};
use crate::summary::defined;

/// Spearman's rho: Pearson's correlation of the ranks, ties sharing their mean rank. As `scipy.stats.spearmanr`.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() < 2 || x.len() != y.len() {
        return None;
    }
    let (x, y) = (ranks(x), ranks(y));
    let (x_mean, y_mean) = (mean(&x), mean(&y));
    let products = x.iter().zip(&y).map(|(x, y)| (x - x_mean) * (y - y_mean));
    let spread = (squares_about(&x, x_mean) * squares_about(&y, y_mean)).sqrt();
    if spread == 0.0 {
        return None;
    }
    defined((products.sum::<f64>() / spread).clamp(-1.0, 1.0))
}

/// Kendall's tau-b (Kendall 1945), as `scipy.stats.kendalltau`. O(n log n), by Knight's method (1966).
pub fn kendall(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len() as i64;
    if n < 2 || x.len() != y.len() {
        return None;
    }
    let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied_in_both: i64 = pairs
        .chunk_by(|a, b| a == b)
        .map(|run| (run.len() * (run.len() - 1) / 2) as i64)
        .sum();
    let all = n * (n - 1) / 2;
    let (x_tied, y_tied) = (tied_pairs(x), tied_pairs(y));
    if x_tied == all || y_tied == all {
        return None;
    }
    let mut by_x: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = inversions(&mut by_x);
    let s = all - x_tied - y_tied + tied_in_both - 2 * discordant;
    let spread = ((all - x_tied) as f64).sqrt() * ((all - y_tied) as f64).sqrt();
    defined((s as f64 / spread).clamp(-1.0, 1.0))
}

/// The rank of each value, from one; equal values share the mean of their ranks.
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for run in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before as f64 + (run.len() as f64 + 1.0) / 2.0;
        for index in run {
            ranks[*index] = rank;
        }
        before += run.len();
    }
    ranks
}

/// The sum of t³ − t over groups of t equal values.
pub(super) fn tie_term(values: &[f64]) -> f64 {
    let sizes = tie_sizes(values).map(|size| size as f64);
    sizes.map(|size| size * size * size - size).sum()
}

#[cfg(test)]
mod tests {
    use super::super::golden::{PAIRS, close, number, series};
    use super::*;

    #[test]
    fn correlations_agree_with_scipy() {
        for (x, y) in PAIRS {
            let (a, b) = (series(x), series(y));
            let count = a.len().min(b.len());
            let (a, b) = (&a[..count], &b[..count]);
            let expect = |name: &str| number(&format!("{name}_{x}_{y}"));
            close(spearman(a, b), expect("spearman"), 1e-12, "spearman");
            close(kendall(a, b), expect("kendall"), 1e-12, "kendall");
        }
    }

    #[test]
    fn a_side_that_does_not_vary_has_no_correlation() {
        let both = |x: &[f64], y: &[f64]| [spearman(x, y), kendall(x, y)];
        assert_eq!(both(&[], &[]), [None; 2]);
        assert_eq!(both(&[1.0], &[1.0]), [None; 2]);
        assert_eq!(both(&[1.0, 2.0], &[3.0, 3.0]), [None; 2]);
        assert_eq!(both(&[1.0, 2.0], &[3.0, 4.0]), [Some(1.0); 2]);
        assert_eq!(both(&[1.0, 2.0], &[3.0, -4.0]), [Some(-1.0); 2]);
    }
}
