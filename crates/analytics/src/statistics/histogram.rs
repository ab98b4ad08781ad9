//! Counting values between equally spaced edges, exactly as `numpy.histogram`.
//!
//! | values               | result                                                          |
//! |----------------------|-----------------------------------------------------------------|
//! | none                 | none                                                            |
//! | all equal            | edges half a unit below and above, as NumPy                     |
//! | on an inner edge     | in the bin above it                                             |
//! | on the last edge     | in the last bin                                                 |
//! | outside of the edges | not counted                                                     |

/// One bin of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The edge below, which belongs to the bin.
    pub lower: f64,
    /// The edge above, which belongs to the next bin, or to this one when it is the last.
    pub upper: f64,
    /// How many values are in the bin.
    pub count: u64,
}

/// Counts values in `bin_count` bins of equal width over `range`, or over the range of the values.
///
/// `None` without values, without bins, or when the range is not finite.
pub fn histogram(values: &[f64], bin_count: usize, range: Option<(f64, f64)>) -> Option<Vec<Bin>> {
    if values.is_empty() || bin_count == 0 {
        return None;
    }
    let (low, high) = widened(range.unwrap_or_else(|| range_of(values)));
    if !(high - low).is_finite() {
        return None;
    }
    let edges = edges(low, high, bin_count);
    let counts = counts(values, &edges);
    let bins = edges.windows(2).zip(counts);
    Some(
        bins.map(|(edge, count)| Bin {
            lower: edge[0],
            upper: edge[1],
            count,
        })
        .collect(),
    )
}

/// The least and the greatest of values.
pub(super) fn range_of(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

/// A range with some width.
pub(super) fn widened((low, high): (f64, f64)) -> (f64, f64) {
    if low == high {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    }
}

/// `bin_count + 1` edges, the first and the last exactly as given.
pub(super) fn edges(low: f64, high: f64, bin_count: usize) -> Vec<f64> {
    let step = (high - low) / bin_count as f64;
    let mut edges: Vec<f64> = (0..=bin_count).map(|i| i as f64 * step + low).collect();
    edges[bin_count] = high;
    edges
}

/// How many values are in each bin.
pub(super) fn counts(values: &[f64], edges: &[f64]) -> Vec<u64> {
    let bin_count = edges.len() - 1;
    let (low, high) = (edges[0], edges[bin_count]);
    let per_unit = bin_count as f64 / (high - low);
    let mut counts = vec![0; bin_count];
    for &value in values {
        if value < low || value > high {
            continue;
        }
        let mut bin = (((value - low) * per_unit) as usize).min(bin_count - 1);
        // The product may be rounded across an edge; the edges decide.
        if value < edges[bin] {
            bin -= 1;
        } else if value >= edges[bin + 1] && bin + 1 < bin_count {
            bin += 1;
        }
        counts[bin] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NAMES, number, series};
    use super::*;

    #[test]
    fn counts_agree_with_numpy() {
        for name in NAMES {
            let bins = histogram(&series(name), 7, None).unwrap();
            for (index, bin) in bins.iter().enumerate() {
                let expected = number(&format!("histogram_{name}_{index}")).unwrap();
                assert_eq!(bin.count as f64, expected, "{name}, bin {index}");
            }
            let total: u64 = bins.iter().map(|bin| bin.count).sum();
            assert_eq!(total as usize, series(name).len(), "{name}");
        }
    }

    fn check(values: &[f64], bins: usize, range: Option<(f64, f64)>, expected: Option<&[u64]>) {
        let bins = histogram(values, bins, range);
        let counts = bins.map(|bins| bins.iter().map(|bin| bin.count).collect::<Vec<_>>());
        assert_eq!(counts.as_deref(), expected, "{values:?}");
    }

    #[test]
    fn edges_belong_to_the_bin_above_but_the_last() {
        check(&[0.0, 1.0, 2.0, 3.0], 3, None, Some(&[1, 1, 2]));
        check(&[-1.0, 0.0, 5.0, 9.0], 2, Some((0.0, 5.0)), Some(&[1, 1]));
        check(&[4.0, 4.0], 2, None, Some(&[0, 2]));
        check(&[], 2, None, None);
        check(&[1.0], 0, None, None);
        check(&[-1.7e308, 1.7e308], 2, None, None);
    }

    #[test]
    fn tenths_fall_where_their_edges_say() {
        let values: Vec<f64> = (0..=10).map(|i| f64::from(i) / 10.0).collect();
        let bins = histogram(&values, 10, Some((0.0, 1.0))).unwrap();
        for (bin, value) in bins.iter().zip(&values) {
            let inside = values
                .iter()
                .filter(|v| **v >= bin.lower && **v < bin.upper);
            let is_last = *value >= 0.9;
            assert_eq!(
                bin.count as usize,
                inside.count() + usize::from(is_last),
                "{bin:?}"
            );
        }
    }
}
