//! Four looks at a series, each of which tells another way to be unusual:
//!
//! | look   | compares                                        | in SQL, `OVER (ORDER BY time …)`                                            |
//! |--------|-------------------------------------------------|-----------------------------------------------------------------------------|
//! | spike  | a value with the 300 before                     | `(x − avg(x)) / stddev_pop(x)` … `ROWS BETWEEN 300 PRECEDING AND 1 PRECEDING` |
//! | shift  | the mean of 5 with the 1000 before              | the same of `avg(x)` … `ROWS 4 PRECEDING`                                   |
//! | season | a value with the same time of the 7 days before | `x − median` of seven `lag(x, k × day)`, by its `stddev_pop` over 7 days    |
//! | spread | the deviation of 30 with that of the 1000 before| `ln(stddev_pop(x))` … `ROWS 29 PRECEDING`, less its `avg`                   |
//!
//! No look sees a row that is not there yet.

/// The names of the looks.
pub(crate) const LOOKS: [&str; 4] = ["spike", "shift", "season", "spread"];

/// Days that a season is the median of, and rows that make up a spread.
const DAYS: usize = 7;
const SPREAD: usize = 30;

/// A thousandth of the deviation of the first rows counts as none.
const NOISE: f64 = 1e-3;

/// A series and how many of its rows are a day.
pub(crate) struct Series {
    values: Vec<f64>,
    day: usize,
}

impl Series {
    pub(crate) fn new(values: Vec<f64>, seconds: &[f64]) -> Self {
        let mut steps: Vec<f64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        let step = steps.get(steps.len() / 2).copied().unwrap_or(86_400.0);
        Self {
            values,
            day: (86_400.0 / step.max(1.0)).round().max(1.0) as usize,
        }
    }

    /// Rows that are not scored: 15 % of them, of 5000 at most.
    pub(crate) fn probation(&self) -> usize {
        (self.values.len() * 15 / 100).min(750)
    }

    /// The looks at every row, in the order of [`LOOKS`].
    pub(crate) fn looks(&self) -> [Vec<f64>; LOOKS.len()] {
        let noise = NOISE * Moments::of(&self.values[..self.probation()]).deviation();
        [
            against_before(&self.values, 1, 300, noise),
            against_before(&self.values, 5, 1000, noise),
            self.against_season(noise),
            self.against_spread(noise),
        ]
    }

    /// The distance from the median of the same time of the days before, in its usual deviations.
    fn against_season(&self, noise: f64) -> Vec<f64> {
        let residual = |row: usize| {
            let mut past: Vec<f64> = (1..=DAYS)
                .map_while(|day| Some(self.values[row.checked_sub(day * self.day)?]))
                .collect();
            past.sort_by(f64::total_cmp);
            let middle = past.len().checked_sub(1)?;
            Some(self.values[row] - (past[middle / 2] + past[middle.div_ceil(2)]) / 2.0)
        };
        let residuals: Vec<Option<f64>> = (0..self.values.len()).map(residual).collect();
        let mut usual = Moments::default();
        let mut out = Vec::with_capacity(residuals.len());
        for (row, now) in residuals.iter().enumerate() {
            let is_known = usual.count >= self.day as f64;
            let deviation = usual.deviation() + noise;
            out.push(match now {
                Some(now) if is_known && deviation > 0.0 => now.abs() / deviation,
                _ => 0.0,
            });
            usual.add_some(*now, 1.0);
            if let Some(old) = row.checked_sub(DAYS * self.day - 1) {
                usual.add_some(residuals[old], -1.0);
            }
        }
        out
    }

    /// How far the logarithm of the spread of the last rows is from its mean over the rows before.
    fn against_spread(&self, noise: f64) -> Vec<f64> {
        let spread = |row: usize| {
            let part = &self.values[(row + 1).saturating_sub(SPREAD)..=row];
            (Moments::of(part).deviation() + noise + f64::MIN_POSITIVE).ln()
        };
        let spreads: Vec<f64> = (0..self.values.len()).map(spread).collect();
        let mut usual = Moments::default();
        let mut out = Vec::with_capacity(spreads.len());
        for (row, now) in spreads.iter().enumerate() {
            if let Some(newest) = row.checked_sub(SPREAD) {
                usual.add(spreads[newest], 1.0);
            }
            if let Some(old) = row.checked_sub(SPREAD + 1000) {
                usual.add(spreads[old], -1.0);
            }
            out.push(if usual.count < 50.0 {
                0.0
            } else {
                (now - usual.mean()).abs()
            });
        }
        out
    }
}

/// The distance of the mean of the last rows from that of the rows before them, in deviations of those.
fn against_before(values: &[f64], short: usize, long: usize, noise: f64) -> Vec<f64> {
    let mut before = Moments::default();
    let mut out = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        if let Some(newest) = row.checked_sub(short) {
            before.add(values[newest], 1.0);
        }
        if let Some(old) = row.checked_sub(short + long) {
            before.add(values[old], -1.0);
        }
        let now = Moments::of(&values[(row + 1).saturating_sub(short)..=row]).mean();
        let deviation = before.deviation().hypot(noise);
        let is_known = before.count >= 20.0 && deviation > 0.0;
        out.push(if is_known {
            (now - before.mean()).abs() / deviation
        } else {
            0.0
        });
    }
    out
}

/// Sums over a window that rows come into and leave, of deviations from the first value.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    origin: Option<f64>,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let mut moments = Self::default();
        values.iter().for_each(|value| moments.add(*value, 1.0));
        moments
    }

    /// Takes a value in, or with weight −1 out.
    fn add(&mut self, value: f64, weight: f64) {
        let value = value - *self.origin.get_or_insert(value);
        self.count += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
    }

    fn add_some(&mut self, value: Option<f64>, weight: f64) {
        if let Some(value) = value {
            self.add(value, weight);
        }
    }

    fn mean(&self) -> f64 {
        self.origin.unwrap_or(0.0) + self.sum / self.count
    }

    fn deviation(&self) -> f64 {
        let mean = self.sum / self.count;
        (self.squares / self.count - mean * mean).max(0.0).sqrt()
    }
}
