//! The two-sample Kolmogorov–Smirnov test.

use super::super::special::kolmogorov_above;
use super::Test;

/// The exact p value is computed up to this size of the larger sample, as SciPy does: the count of paths takes n·m steps.
const EXACT_COUNT_MAX: usize = 10_000;

/// The greatest distance between the distribution functions of two sorted samples, and its two-sided p value.
///
/// As `scipy.stats.ks_2samp`: exact up to 10 000 values, beyond that by Kolmogorov's limit. `None` without values.
pub fn ks_test(first: &[f64], second: &[f64]) -> Option<Test> {
    let (n, m) = (first.len(), second.len());
    if n == 0 || m == 0 {
        return None;
    }
    let distance = greatest_distance(first, second);
    // The distance in steps of 1 / (n·m), which are whole numbers: no rounding decides.
    let statistic = distance as f64 / (n as f64 * m as f64);
    let p = if n.max(m) <= EXACT_COUNT_MAX {
        chance_of_reaching(distance, n, m)
    } else {
        let effective = n as f64 * m as f64 / (n + m) as f64;
        kolmogorov_above(effective.sqrt() * statistic)
    };
    Some(Test {
        statistic,
        p: p.clamp(0.0, 1.0),
    })
}

/// The greatest |i·m − j·n| over the i and j values of the samples that are at most some number.
fn greatest_distance(first: &[f64], second: &[f64]) -> u64 {
    let (n, m) = (first.len(), second.len());
    let (mut i, mut j, mut greatest) = (0, 0, 0);
    while i < n && j < m {
        let value = first[i].min(second[j]);
        while i < n && first[i] <= value {
            i += 1;
        }
        while j < m && second[j] <= value {
            j += 1;
        }
        greatest = greatest.max((i as u64 * m as u64).abs_diff(j as u64 * n as u64));
    }
    greatest
}

/// The share of the lattice paths from (0, 0) to (n, m) that are somewhere `distance` or more from the diagonal.
///
/// The share at a point is the mean of the shares at its two predecessors, weighted by how many paths come from each
/// (Hodges 1958): a sum of positive terms, so that a small p keeps its digits.
fn chance_of_reaching(distance: u64, n: usize, m: usize) -> f64 {
    let is_outside =
        |i: usize, j: usize| (i as u64 * m as u64).abs_diff(j as u64 * n as u64) >= distance;
    if distance == 0 {
        return 1.0;
    }
    let mut shares = vec![0.0; m + 1];
    for (j, share) in shares.iter_mut().enumerate() {
        *share = if (0..=j).any(|j| is_outside(0, j)) {
            1.0
        } else {
            0.0
        };
    }
    for i in 1..=n {
        if is_outside(i, 0) {
            shares[0] = 1.0;
        }
        for j in 1..=m {
            shares[j] = if is_outside(i, j) {
                1.0
            } else {
                (i as f64 * shares[j] + j as f64 * shares[j - 1]) / (i + j) as f64
            };
        }
    }
    shares[m]
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{PAIRS, close, number, sorted};
    use super::*;

    #[test]
    fn the_test_agrees_with_scipy() {
        for (a, b) in PAIRS {
            let test = ks_test(&sorted(a), &sorted(b)).unwrap();
            let expect = |field: &str| number(&format!("ks_{a}_{b}_{field}"));
            close(Some(test.statistic), expect("statistic"), 1e-12, a);
            close(Some(test.p), expect("p"), 1e-9, a);
        }
    }

    #[test]
    fn the_limit_is_near_the_exact_value() {
        let distance = 600 * 1000;
        let exact = chance_of_reaching(distance, 10_000, 10_000);
        let far = chance_of_reaching(2_000_000, 10_000, 10_000);
        let limit = |distance: f64| kolmogorov_above(5000.0_f64.sqrt() * distance / 1e8);
        assert!((exact / limit(distance as f64) - 1.0).abs() < 0.02);
        assert!(
            (far / limit(2e6) - 1.0).abs() < 0.05,
            "{far} {}",
            limit(2e6)
        );
    }

    #[test]
    fn extreme_samples_have_a_test() {
        assert_eq!(ks_test(&[], &[1.0]), None);
        let same = ks_test(&[1.0, 1.0], &[1.0]).unwrap();
        assert_eq!((same.statistic, same.p), (0.0, 1.0));
        // Apart: two of the 20 ways to order three and three values are as extreme.
        let apart = ks_test(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        assert_eq!(apart.statistic, 1.0);
        assert!((apart.p - 0.1).abs() < 1e-12);
    }
}
