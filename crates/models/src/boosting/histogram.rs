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

impl Bounds {
    /// Any value.
    pub(super) const OPEN: Self = Self {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    };

    fn are_open(self) -> bool {
        self.low == f64::NEG_INFINITY && self.high == f64::INFINITY
    }
}

/// A split of a leaf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) feature: usize,
    /// Bins up to this one go left.
    pub(super) bin: usize,
    pub(super) missing_left: bool,
    /// Of the side on the left.
    pub(super) left_total: Cell,
    pub(super) left_value: f64,
    pub(super) right_value: f64,
}

/// Bits of a packed sum that count rows.
const COUNT_BITS: u32 = 16;

/// Rows that one packed sum has room for: their number fits its bits, and gradients of 30 bits the rest.
const PACKED_ROWS_MAX: usize = (1 << COUNT_BITS) - 1;

/// A gradient and one row in one number, so that both are added up by one addition.
pub(super) fn packed(gradient: i64) -> i64 {
    (gradient << COUNT_BITS) + 1
}

/// Adds up one feature over some rows; `gradients` are packed and go along with them.
pub(super) fn accumulate(bins: &[u8], rows: &[u32], gradients: &[i64], out: &mut [Cell]) {
    let chunks = rows.chunks(PACKED_ROWS_MAX);
    for (rows, gradients) in chunks.zip(gradients.chunks(PACKED_ROWS_MAX)) {
        // Two sums take turns: an addition need not wait for the one before where both go to the same bin.
        let (mut even, mut odd) = ([0_i64; 256], [0_i64; 256]);
        let (row_pairs, last_row) = rows.as_chunks::<2>();
        let (gradient_pairs, last_gradient) = gradients.as_chunks::<2>();
        for (rows, gradients) in row_pairs.iter().zip(gradient_pairs) {
            even[bins[rows[0] as usize] as usize] += gradients[0];
            odd[bins[rows[1] as usize] as usize] += gradients[1];
        }
        for (&row, &gradient) in last_row.iter().zip(last_gradient) {
            even[bins[row as usize] as usize] += gradient;
        }
        for (cell, (even, odd)) in out.iter_mut().zip(even.iter().zip(&odd)) {
            let sum = even + odd;
            cell[0] += sum >> COUNT_BITS;
            cell[1] += sum & PACKED_ROWS_MAX as i64;
        }
    }
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
    if missing[1] == 0 && direction == 0.0 && bounds.are_open() {
        return best_free_split(values, total, feature, rules);
    }
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
                    left_total: left,
                    left_value,
                    right_value,
                });
            }
        }
    }
    best
}

/// The best split where no value is missing and nothing restrains the values of its sides. The gain is
/// `(gₗ²/wₗ + gᵣ²/wᵣ − g²/w) / 2`, which takes one division for each bin.
fn best_free_split(
    values: &[Cell],
    total: Cell,
    feature: usize,
    rules: SplitRules,
) -> Option<Split> {
    let weight = |rows: i64| rows as f64 + rules.l2;
    let scale = 0.5 * rules.unit * rules.unit;
    let all = total[0] as f64;
    let now = all * all / weight(total[1]);
    let mut best: Option<(f64, usize, Cell)> = None;
    let mut left: Cell = [0, 0];
    for (bin, cell) in values.iter().enumerate() {
        left = plus(left, *cell);
        if total[1] - left[1] < rules.min_rows {
            break;
        }
        // Behind an empty bin the sides are what they were before it.
        if cell[1] == 0 || left[1] < rules.min_rows {
            continue;
        }
        let (below, above) = (left[0] as f64, (total[0] - left[0]) as f64);
        let (below_weight, above_weight) = (weight(left[1]), weight(total[1] - left[1]));
        let both = below * below * above_weight + above * above * below_weight;
        let gain = (both / (below_weight * above_weight) - now) * scale;
        if gain > best.map_or(0.0, |best| best.0) {
            best = Some((gain, bin, left));
        }
    }
    let (gain, bin, left) = best?;
    let right = [total[0] - left[0], total[1] - left[1]];
    Some(Split {
        gain,
        feature,
        bin,
        missing_left: left[1] >= right[1],
        left_total: left,
        left_value: rules.value(left, Bounds::OPEN),
        right_value: rules.value(right, Bounds::OPEN),
    })
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
