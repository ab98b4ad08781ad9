//! Permutation entropy: the entropy of the orders in which neighbouring values follow one another (Bandt and Pompe 2002).

use std::collections::HashMap;

use super::of_counts;

/// The largest stretch: its orders are counted in 64 bits, and no series is long enough for more.
const ORDER_MAX: usize = 12;

/// The entropy, in bits, of the orders of every `order` values `delay` apart; `is_normalized` divides by its maximum.
///
/// Equal values count as rising. `None` for fewer than (order − 1)·delay + 1 values, or an order below 2 or above 12.
pub fn perm_entropy(
    series: &[f64],
    order: usize,
    delay: usize,
    is_normalized: bool,
) -> Option<f64> {
    if !(2..=ORDER_MAX).contains(&order) || delay == 0 {
        return None;
    }
    let count = series.len().checked_sub((order - 1) * delay)?;
    if count == 0 {
        return None;
    }
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for start in 0..count {
        *counts
            .entry(pattern(series, start, order, delay))
            .or_default() += 1;
    }
    // Sums of floats depend on their order, and that of a hash map is random.
    let mut counts: Vec<u64> = counts.into_values().collect();
    counts.sort_unstable();
    let nats = of_counts(counts.into_iter().map(|count| count as f64), count);
    let scale = if is_normalized {
        (2..=order).map(|i| (i as f64).ln()).sum()
    } else {
        std::f64::consts::LN_2
    };
    Some(nats / scale)
}

/// The order of a stretch as one number: for each value, how many before it are greater.
fn pattern(series: &[f64], start: usize, order: usize, delay: usize) -> u64 {
    let value = |i: usize| series[start + i * delay];
    (1..order).fold(0, |code, i| {
        let greater = (0..i).filter(|j| value(*j) > value(i)).count();
        code * (i as u64 + 1) + greater as u64
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{check_series, close};
    use super::*;

    #[test]
    fn entropies_agree_with_antropy() {
        check_series("perm_entropy", 1e-12, |x| perm_entropy(x, 3, 1, false));
        check_series("perm_entropy_5_2", 1e-12, |x| perm_entropy(x, 5, 2, false));
        check_series("perm_entropy_normalized", 1e-12, |x| {
            perm_entropy(x, 3, 1, true)
        });
    }

    #[test]
    fn short_series_have_no_patterns() {
        let check = |x: &[f64], expected| close(perm_entropy(x, 3, 2, false), expected, 1e-12, "");
        check(&[1.0, 2.0, 3.0, 4.0], None);
        check(&[1.0, 2.0, 3.0, 4.0, 5.0], Some(0.0));
        check(&[1.0; 9], Some(0.0));
        assert_eq!(perm_entropy(&[1.0; 50], 1, 1, false), None);
        assert_eq!(perm_entropy(&[1.0; 50], 13, 1, false), None);
        assert_eq!(perm_entropy(&[1.0; 50], 3, 0, false), None);
    }
}
