//! What a sensor is turned into before it is judged, as window functions of SQL do it.

/// A way to look at the trailing rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Smoothing {
    /// The values as they are.
    None,
    /// The mean of the trailing rows.
    Mean(usize),
    /// The exponentially weighted mean with this span.
    Exponential(usize),
    /// The mean and the standard deviation of the trailing rows.
    MeanAndSpread(usize),
}

impl Smoothing {
    /// The columns made of one sensor.
    pub(crate) fn of(self, values: &[f64]) -> Vec<Vec<f64>> {
        match self {
            Self::None => vec![values.to_vec()],
            Self::Mean(rows) => vec![trailing_mean(values, rows)],
            Self::Exponential(span) => vec![exponential(values, span)],
            Self::MeanAndSpread(rows) => {
                vec![trailing_mean(values, rows), trailing_spread(values, rows)]
            }
        }
    }
}

/// `avg(x)` over the row and those before it, `rows` in all.
pub(crate) fn trailing_mean(values: &[f64], rows: usize) -> Vec<f64> {
    windows(values, rows).map(mean).collect()
}

/// `stddev_pop(x)` over the same rows.
fn trailing_spread(values: &[f64], rows: usize) -> Vec<f64> {
    let spread = |window: &[f64]| {
        let mean = mean(window);
        let squares: f64 = window
            .iter()
            .map(|value| (value - mean) * (value - mean))
            .sum();
        (squares / window.len() as f64).sqrt()
    };
    windows(values, rows).map(spread).collect()
}

fn windows(values: &[f64], rows: usize) -> impl Iterator<Item = &[f64]> {
    (1..=values.len()).map(move |now| &values[now.saturating_sub(rows)..now])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn exponential(values: &[f64], span: usize) -> Vec<f64> {
    let weight = 2.0 / (span as f64 + 1.0);
    let mut level = values.first().copied().unwrap_or(0.0);
    let next = |value: &f64| {
        level += weight * (value - level);
        level
    };
    values.iter().map(next).collect()
}
