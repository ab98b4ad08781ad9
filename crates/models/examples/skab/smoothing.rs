//! What a sensor is turned into before it is judged, as window functions of SQL do it.

/// A way to look at the trailing rows.
#[derive(Debug, Clone, Copy)]
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
            Self::Mean(rows) => vec![trailing(values, rows, mean)],
            Self::Exponential(span) => vec![exponential(values, span)],
            Self::MeanAndSpread(rows) => {
                vec![trailing(values, rows, mean), trailing(values, rows, spread)]
            }
        }
    }
}

fn trailing(values: &[f64], rows: usize, of: fn(&[f64]) -> f64) -> Vec<f64> {
    (1..=values.len())
        .map(|now| of(&values[now.saturating_sub(rows)..now]))
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn spread(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    (squares / values.len() as f64).sqrt()
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
