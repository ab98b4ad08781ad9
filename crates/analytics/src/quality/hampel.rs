//! Hampel's filter: a value far from the median of its neighbourhood is replaced by it (Hampel 1974; Pearson 2002).
//!
//! The neighbourhood is the value and up to `half` values on either side, fewer at the ends. Far is more than `k` times
//! 1.4826·MAD; where that is zero, more than half of the neighbours are equal and any other value is far.

use crate::smoothing::OrderedWindow;
use crate::spikes::SIGMA_PER_MAD;

/// A value after the filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filtered {
    /// The value, or the median in its place.
    pub value: f64,
    /// Whether it was replaced.
    pub is_outlier: bool,
}

/// Filters a series. O(log² half) per value.
pub fn hampel(values: &[f64], half: usize, k: f64) -> Vec<Filtered> {
    let mut window = OrderedWindow::default();
    let mut filtered = Vec::with_capacity(values.len());
    values
        .iter()
        .take(half)
        .for_each(|value| window.insert(*value));
    for (index, &value) in values.iter().enumerate() {
        if let Some(entering) = values.get(index.saturating_add(half)) {
            window.insert(*entering);
        }
        if let Some(leaving) = index.checked_sub(half.saturating_add(1)) {
            window.remove(values[leaving]);
        }
        filtered.push(judge(&window, value, k));
    }
    filtered
}

fn judge(window: &OrderedWindow, value: f64, k: f64) -> Filtered {
    let (median, deviation) = (window.median(), window.median_absolute_deviation());
    match (median, deviation) {
        (Some(median), Some(deviation))
            if (value - median).abs() > k * SIGMA_PER_MAD * deviation =>
        {
            Filtered {
                value: median,
                is_outlier: true,
            }
        }
        _ => Filtered {
            value,
            is_outlier: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[f64], half: usize, k: f64, outliers: &[usize], expected: &[f64]) {
        let filtered = hampel(values, half, k);
        let found: Vec<usize> = (0..values.len())
            .filter(|i| filtered[*i].is_outlier)
            .collect();
        assert_eq!(found, outliers, "{values:?}");
        let result: Vec<f64> = filtered.iter().map(|filtered| filtered.value).collect();
        assert_eq!(result, expected, "{values:?}");
    }

    #[test]
    fn values_far_from_their_neighbours_are_replaced() {
        let x = [1.0, 1.1, 0.9, 9.0, 1.0, 1.2, 0.8];
        check(&x, 2, 3.0, &[3], &[1.0, 1.1, 0.9, 1.1, 1.0, 1.2, 0.8]);
        check(&x, 2, 1e3, &[], &x);
        let flat = [5.0, 5.0, 5.0, 5.1, 5.0, 5.0];
        check(&flat, 2, 3.0, &[3], &[5.0; 6]);
        check(&[], 2, 3.0, &[], &[]);
        check(&[7.0], 2, 3.0, &[], &[7.0]);
        let moved = x.map(|value| value + 1e9);
        assert!(hampel(&moved, 2, 3.0)[3].is_outlier && !hampel(&moved, 2, 3.0)[2].is_outlier);
    }

    proptest! {
        #[test]
        fn every_neighbourhood_is_that_of_its_value(
            values in prop::collection::vec((-9..9_i32).prop_map(f64::from), 0..60), half in 1..9usize
        ) {
            let filtered = hampel(&values, half, 2.0);
            for (index, filtered) in filtered.iter().enumerate() {
                let end = (index + half + 1).min(values.len());
                let mut window = OrderedWindow::default();
                values[index.saturating_sub(half)..end].iter().for_each(|x| window.insert(*x));
                prop_assert_eq!(*filtered, judge(&window, values[index], 2.0));
            }
        }
    }
}
