//! Cutting features into at most 256 values, one of which stands for a missing one.

use crate::numeric::quantile;
use crate::parallel;

/// Values that the edges of a feature are drawn from at most.
const EDGE_ROWS_MAX: usize = 200_000;

/// Features as small numbers.
#[derive(Debug)]
pub(super) struct Bins {
    /// One byte for every row, by feature.
    pub(super) values: Vec<Vec<u8>>,
    /// Rising; a value is in the first bin whose edge it does not exceed, in the last one if it exceeds all.
    pub(super) edges: Vec<Vec<f64>>,
}

impl Bins {
    /// `sample` has rows in an order that is random but follows from their content.
    pub(super) fn new(features: &[Vec<f64>], sample: &[u32], bins: u32, threads: usize) -> Self {
        let sample = &sample[..sample.len().min(EDGE_ROWS_MAX)];
        let binned = parallel::map(threads, features.len(), |feature| {
            let column = &features[feature];
            let edges = edges_of(column, sample, bins as usize - 1);
            let missing = edges.len() as u8 + 1;
            let bin = |value: &f64| {
                if value.is_nan() {
                    missing
                } else {
                    edges.partition_point(|edge| edge < value) as u8
                }
            };
            (column.iter().map(bin).collect(), edges)
        });
        let (values, edges) = binned.into_iter().unzip();
        Self { values, edges }
    }

    /// Bins of a feature that stand for values; the next one stands for none.
    pub(super) fn value_bins(&self, feature: usize) -> usize {
        self.edges[feature].len() + 1
    }
}

/// Edges such that `bins` bins hold about as many values each; one bin for each value where there are no more.
fn edges_of(column: &[f64], sample: &[u32], bins: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = sample
        .iter()
        .map(|&row| column[row as usize])
        .filter(|value| value.is_finite())
        .collect();
    quantile::sort(&mut sorted);
    let mut distinct = sorted.clone();
    distinct.dedup_by(|a, b| a == b);
    if distinct.len() <= bins {
        return distinct
            .windows(2)
            .map(|pair| between(pair[0], pair[1]))
            .collect();
    }
    let mut edges = Vec::with_capacity(bins - 1);
    for cut in 1..bins {
        let below = sorted[cut * sorted.len() / bins - 1];
        let Some(&above) = sorted.get(sorted.partition_point(|value| *value <= below)) else {
            break;
        };
        edges.push(between(below, above));
    }
    edges.dedup();
    edges
}

/// A number at or above `low` and below `high`.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if low <= middle && middle < high {
        middle
    } else {
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column: &[f64], bins: u32, edges: &[f64], values: &[u8]) {
        let rows: Vec<u32> = (0..column.len() as u32).collect();
        let binned = Bins::new(&[column.to_vec()], &rows, bins, 1);
        assert_eq!(binned.edges[0], edges, "{column:?}");
        assert_eq!(binned.values[0], values, "{column:?}");
    }

    #[test]
    fn values_fall_between_edges_and_missing_ones_behind_them() {
        check(&[1.0, 3.0, 2.0], 256, &[1.5, 2.5], &[0, 2, 1]);
        check(&[1.0, f64::NAN, 2.0], 256, &[1.5], &[0, 2, 1]);
        check(&[f64::NAN, f64::NAN], 256, &[], &[1, 1]);
        check(&[5.0, 5.0], 256, &[], &[0, 0]);
        check(&[1.0, 2.0, 3.0, 4.0], 3, &[2.5], &[0, 0, 1, 1]);
        check(
            &[1.0, 1.0, 1.0, 1.0, 2.0, 3.0],
            3,
            &[1.5],
            &[0, 0, 0, 0, 1, 1],
        );
        check(&[-f64::MAX, f64::MAX], 256, &[0.0], &[0, 1]);
        check(&[1.0, 1.0 + f64::EPSILON], 256, &[1.0], &[0, 1]);
        check(&[], 256, &[], &[]);
    }

    #[test]
    fn many_values_fill_all_bins() {
        let column: Vec<f64> = (0..10_000).map(f64::from).collect();
        let rows: Vec<u32> = (0..10_000).collect();
        let binned = Bins::new(&[column], &rows, 256, 2);
        assert_eq!(binned.value_bins(0), 255);
        assert_eq!(binned.values[0].iter().max(), Some(&254));
    }
}
