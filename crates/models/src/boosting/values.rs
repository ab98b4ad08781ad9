//! From a grown tree to values: the mean of what is left to learn for the squared error, its quantile for the
//! pinball loss.

use std::ops::Range;

use super::grow::Grown;
use super::histogram::Bounds;
use crate::numeric::quantile;

/// Sets the value of every leaf to the quantile of the residuals of its rows. Where features are monotone, the values
/// of both sides of a split by one of them are kept apart from the root down, as while growing.
pub(super) fn set_quantiles(
    nodes: &mut [Grown],
    rows: &[u32],
    residual: impl Fn(u32) -> f64,
    share: f64,
    directions: &[f64],
) {
    let of = |range: &Range<usize>| {
        let mut residuals: Vec<f64> = rows[range.clone()]
            .iter()
            .map(|&row| residual(row))
            .collect();
        quantile::of(&mut residuals, share).unwrap_or(0.0)
    };
    let mut bounds = vec![Bounds::OPEN; nodes.len()];
    for node in 0..nodes.len() {
        let Bounds { low, high } = bounds[node];
        let Some((split, left, right)) = nodes[node].split else {
            nodes[node].value = of(&nodes[node].rows).clamp(low, high);
            continue;
        };
        bounds[left] = bounds[node];
        bounds[right] = bounds[node];
        let direction = directions[split.feature];
        if direction != 0.0 {
            let left_value = of(&nodes[left].rows).clamp(low, high);
            let right_value = of(&nodes[right].rows).clamp(low, high);
            let line = left_value / 2.0 + right_value / 2.0;
            let (below, above) = if direction > 0.0 {
                (left, right)
            } else {
                (right, left)
            };
            bounds[below].high = line;
            bounds[above].low = line;
        }
    }
}

/// Sets the value of every inner node to the mean over its rows, from the leaves up; children come after parents.
pub(super) fn set_means(nodes: &mut [Grown]) {
    for node in (0..nodes.len()).rev() {
        if let Some((_, left, right)) = nodes[node].split {
            let weighted = |child: usize| nodes[child].value * nodes[child].rows.len() as f64;
            nodes[node].value = (weighted(left) + weighted(right)) / nodes[node].rows.len() as f64;
        }
    }
}
