//! Loess over an even series, as STL (Cleveland et al. 1990) has it: at each point a line, or a mean, through the points around it,
//! weighted by tricube of their distance.
//!
//! | point                                | window                                                               |
//! |--------------------------------------|----------------------------------------------------------------------|
//! | inside                               | as many points on either side                                        |
//! | near an end                          | the points at that end                                               |
//! | of a series shorter than the window  | all points, with weights as if there were more                       |
//! | all weights are zero                 | the point stays as it is                                             |

/// What a point is fitted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loess {
    /// Points in the window, an odd number.
    pub(super) window: usize,
    /// A line, or else a mean.
    pub(super) is_linear: bool,
    /// Points from one that is fitted to the next; those between are interpolated.
    pub(super) jump: usize,
}

impl Loess {
    /// The smoothed series; `weights` are those of robustness.
    pub(super) fn smooth(self, values: &[f64], weights: Option<&[f64]>, smoothed: &mut Vec<f64>) {
        let n = values.len();
        smoothed.clear();
        smoothed.extend_from_slice(values);
        if n < 2 {
            return;
        }
        let jump = self.jump.min(n - 1);
        let mut range = 0..n;
        for index in (0..n).step_by(jump) {
            range = self.range(index, n);
            let fitted = self.fit(values, weights, index as f64, range.clone());
            smoothed[index] = fitted.unwrap_or(values[index]);
        }
        if jump == 1 {
            return;
        }
        let last = (n - 1) / jump * jump;
        if last != n - 1 {
            // In the window of the last point that was fitted, as the original has it.
            let fitted = self.fit(values, weights, (n - 1) as f64, range);
            smoothed[n - 1] = fitted.unwrap_or(values[n - 1]);
        }
        for start in (0..n - 1).step_by(jump) {
            let end = (start + jump).min(n - 1);
            let (first, step) = (smoothed[start], smoothed[end] - smoothed[start]);
            let step = step / (end - start) as f64;
            for (index, value) in smoothed[start..end].iter_mut().enumerate() {
                *value = first + step * index as f64;
            }
        }
    }

    /// The points around one.
    fn range(self, index: usize, n: usize) -> std::ops::Range<usize> {
        if self.window >= n {
            return 0..n;
        }
        let start = index.saturating_sub(self.window / 2).min(n - self.window);
        start..start + self.window
    }

    /// The value of the line at a place, which may lie outside; `None` where all weights are zero.
    pub(super) fn fit(
        self,
        values: &[f64],
        weights: Option<&[f64]>,
        place: f64,
        range: std::ops::Range<usize>,
    ) -> Option<f64> {
        let n = values.len();
        let mut reach = (place - range.start as f64).max((range.end - 1) as f64 - place);
        if self.window > n {
            reach += ((self.window - n) / 2) as f64;
        }
        let mut sums = Sums::default();
        for index in range {
            let beside = index as f64 - place;
            let distance = beside.abs();
            if distance > 0.999 * reach {
                continue;
            }
            let mut weight = 1.0;
            if distance > 0.001 * reach {
                let share = distance / reach;
                let rest = 1.0 - share * share * share;
                weight = rest * rest * rest;
            }
            if let Some(weights) = weights {
                weight *= weights[index];
            }
            sums.add(weight, beside, values[index]);
        }
        let is_linear = self.is_linear && reach > 0.0;
        sums.at_zero(is_linear, 0.001 * (n as f64 - 1.0))
    }
}

/// Weighted sums over points, whose places are relative to the one that is fitted.
#[derive(Debug, Default)]
struct Sums {
    weight: f64,
    x: f64,
    xx: f64,
    y: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, x: f64, y: f64) {
        self.weight += weight;
        self.x += weight * x;
        self.xx += weight * x * x;
        self.y += weight * y;
        self.xy += weight * x * y;
    }

    /// The line at zero, or the mean where points lie closer together than `spread_min`.
    fn at_zero(&self, is_linear: bool, spread_min: f64) -> Option<f64> {
        if self.weight <= 0.0 {
            return None;
        }
        let (x, y) = (self.x / self.weight, self.y / self.weight);
        let variance = (self.xx / self.weight - x * x).max(0.0);
        if !is_linear || variance.sqrt() <= spread_min {
            return Some(y);
        }
        let slope = (self.xy / self.weight - x * y) / variance;
        Some(y - slope * x)
    }
}
