//! The Mann–Whitney U test: whether values of one sample tend to be greater than those of another.

use super::super::correlation::{ranks, tie_term};
use super::super::special::normal_above;
use super::Test;
use crate::summary::defined;

/// With no ties and at most this many values in either sample, the p value is exact; the rule of SciPy.
const EXACT_COUNT_MAX: usize = 8;

/// The longest distribution that is counted out: above it, eight values against so many are normal enough.
const EXACT_STEPS_MAX: usize = 100_000;

/// The U statistic of the first sample and its two-sided p value, as `scipy.stats.mannwhitneyu`.
///
/// Exact for small samples without ties, otherwise normal with corrections for ties and continuity.
pub fn mannwhitney(first: &[f64], second: &[f64]) -> Option<Test> {
    let (n, m) = (first.len(), second.len());
    if n == 0 || m == 0 {
        return None;
    }
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    let rank_sum: f64 = ranks(&all)[..n].iter().sum();
    let (a, b) = (n as f64, m as f64);
    let statistic = rank_sum - a * (a + 1.0) / 2.0;
    let greater = statistic.max(a * b - statistic);
    let ties = tie_term(&all);
    let is_exact = n.min(m) <= EXACT_COUNT_MAX && ties == 0.0 && n * m <= EXACT_STEPS_MAX;
    let p = if is_exact {
        2.0 * chance_at_least(greater as usize, n, m)
    } else {
        let total = a + b;
        let spread = (total + 1.0) - ties / (total * (total - 1.0));
        let sigma = (a * b / 12.0 * spread).sqrt();
        // All values equal: nothing speaks for a difference.
        let z = (greater - a * b / 2.0 - 0.5) / sigma;
        if sigma > 0.0 {
            2.0 * normal_above(z)
        } else {
            1.0
        }
    };
    Some(Test {
        statistic: defined(statistic)?,
        p: p.clamp(0.0, 1.0),
    })
}

/// The chance that U is at least `u`, without ties.
///
/// How many ways there are to each U are the coefficients of a Gaussian binomial, the product of
/// (1 − q^(many + i)) / (1 − q^i): whole numbers, below 2^127 for all sizes that are counted out.
fn chance_at_least(u: usize, n: usize, m: usize) -> f64 {
    let (few, many) = (n.min(m), n.max(m));
    let top = n * m;
    let mut ways = vec![0_i128; top + 1];
    ways[0] = 1;
    for i in 1..=few {
        for sum in (many + i..=top).rev() {
            ways[sum] -= ways[sum - many - i];
        }
        for sum in i..=top {
            ways[sum] += ways[sum - i];
        }
    }
    let total: i128 = ways.iter().sum();
    let extreme: i128 = ways[u..].iter().sum();
    extreme as f64 / total as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{PAIRS, close, number, series};
    use super::*;

    #[test]
    fn the_test_agrees_with_scipy() {
        for (a, b) in PAIRS {
            let test = mannwhitney(&series(a), &series(b)).unwrap();
            let expect = |field: &str| number(&format!("mannwhitney_{a}_{b}_{field}"));
            close(Some(test.statistic), expect("statistic"), 1e-12, a);
            close(Some(test.p), expect("p"), 1e-9, a);
        }
        // Exact: seven values against all of a sample.
        let (noise, other) = (series("noise"), series("shifted"));
        let test = mannwhitney(&noise[..7], &other).unwrap();
        close(Some(test.p), number("mannwhitney_exact_p"), 1e-9, "exact");
    }

    #[test]
    fn extreme_samples_have_a_test() {
        assert_eq!(mannwhitney(&[], &[1.0]), None);
        let same = mannwhitney(&[1.0; 3], &[1.0; 4]).unwrap();
        assert_eq!((same.statistic, same.p), (6.0, 1.0));
        // Two of the 20 ways to order three and three values are as extreme.
        let apart = mannwhitney(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(apart.statistic, 9.0);
        assert!((apart.p - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_few_values_against_very_many_are_counted_without_overflow() {
        let p = 2.0 * chance_at_least(90_000, 8, 12_500);
        assert!(p > 0.0 && p < 1e-4, "{p}");
    }
}
