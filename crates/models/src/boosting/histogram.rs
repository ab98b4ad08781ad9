//! Sums of gradients by bin, and the best place to split by them.

use std::ops::Range;

use super::bins::Bins;

/// The sum of gradients and the number of rows in one bin.
pub(super) type Cell = [i64; 2];

/// What is split, and by what rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitRules {
    pub(super) l2: f64,
    pub(super) min_rows: i64,
    /// What one unit of a gradient's sum is worth.
    pub(super) unit: f64,
}

/// Values between which a leaf has to stay so that monotone features are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// A split of a leaf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) feature: usize,
    /// Bins up to this one go left.
    pub(super) bin: usize,
    pub(super) missing_left: bool,
    pub(super) left_rows: i64,
    pub(super) left_value: f64,
    pub(super) right_value: f64,
}

/// Adds up one feature over some rows; `gradients` goes along with them.
pub(super) fn accumulate(bins: &[u8], rows: &[u32], gradients: &[i64], out: &mut [Cell]) {
    let mut cells = [[0_i64; 2]; 256];
    for (&row, &gradient) in rows.iter().zip(gradients) {
        let cell = &mut cells[bins[row as usize] as usize];
        cell[0] = cell[0].wrapping_add(gradient);
        cell[1] = cell[1].wrapping_add(1);
    }
    let length = out.len();
    out.copy_from_slice(&cells[..length]);
}

/// Where the cells of each feature are.
pub(super) fn layout(bins: &Bins, features: &[usize]) -> Vec<Range<usize>> {
    let mut start = 0;
    let lengths = features.iter().map(|&feature| bins.value_bins(feature) + 1);
    lengths
        .map(|length| {
            start += length;
            start - length..start
        })
        .collect()
}

/// The best split of a leaf by one feature, whose last cell is of missing values. `direction` is 1 where the
/// prediction may only rise with the feature, −1 where it may only fall, else 0.
pub(super) fn best_split(
    cells: &[Cell],
    total: Cell,
    feature: usize,
    direction: f64,
    bounds: Bounds,
    rules: SplitRules,
) -> Option<Split> {
    let (missing, values) = cells.split_last()?;
    let side = |cell: Cell| rules.value(cell, bounds);
    let now = rules.objective(total, side(total));
    let mut best: Option<Split> = None;
    let mut before: Cell = [0, 0];
    for (bin, cell) in values.iter().enumerate() {
        before = plus(before, *cell);
        let is_last = bin + 1 == values.len();
        for missing_left in [false, true] {
            // Without missing values the two are the same, and behind the last value only missing ones are.
            if missing[1] == 0 && (missing_left || is_last) || is_last && missing_left {
                continue;
            }
            let left = if missing_left {
                plus(before, *missing)
            } else {
                before
            };
            let right = [total[0] - left[0], total[1] - left[1]];
            if left[1] < rules.min_rows || right[1] < rules.min_rows {
                continue;
            }
            let (left_value, right_value) = (side(left), side(right));
            if (right_value - left_value) * direction < 0.0 {
                continue;
            }
            let split = rules.objective(left, left_value) + rules.objective(right, right_value);
            let gain = now - split;
            if gain > best.map_or(0.0, |best| best.gain) {
                best = Some(Split {
                    gain,
                    feature,
                    bin,
                    missing_left: if missing[1] == 0 {
                        left[1] >= right[1]
                    } else {
                        missing_left
                    },
                    left_rows: left[1],
                    left_value,
                    right_value,
                });
            }
        }
    }
    best
}

fn plus(a: Cell, b: Cell) -> Cell {
    [a[0] + b[0], a[1] + b[1]]
}

impl SplitRules {
    /// The value that makes the loss of these rows least, within bounds.
    pub(super) fn value(&self, cell: Cell, bounds: Bounds) -> f64 {
        let gradient = cell[0] as f64 * self.unit;
        let weight = cell[1] as f64 + self.l2;
        if weight > 0.0 {
            (-gradient / weight).clamp(bounds.low, bounds.high)
        } else {
            0.0
        }
    }

    /// The change of the loss, up to second order, when these rows get a value.
    fn objective(&self, cell: Cell, value: f64) -> f64 {
        let gradient = cell[0] as f64 * self.unit;
        gradient * value + 0.5 * (cell[1] as f64 + self.l2) * value * value
    }
}
