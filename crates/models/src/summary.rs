//! How the columns were distributed in training, small enough to be kept with every model: what explanations are
//! measured against and what drift is measured from.
//!
//! The distribution of a column is kept as points of its distribution function at up to 128 of its values: the
//! share of training values below each, and the share at or below it. Values that repeat are told exactly by that.

use crate::data::{TrainingData, is_present};
use crate::document::{Document, ensure, expect_length};
use crate::error::Result;
use crate::numeric::quantile;
use crate::numeric::sum::mean_and_sigma;

/// Points of a distribution function that are kept at most.
const POINTS_MAX: usize = 128;

/// The distributions of all columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) columns: Vec<ColumnSummary>,
}

/// The distribution of one column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnSummary {
    /// The share of values that were missing.
    pub(crate) missing: f64,
    pub(crate) mean: f64,
    pub(crate) sigma: f64,
    /// Rising values; none where all were missing.
    pub(crate) points: Vec<f64>,
    /// The share of values below each point.
    pub(crate) below: Vec<f64>,
    /// The share of values at or below each point.
    pub(crate) upto: Vec<f64>,
}

impl Summary {
    /// Means over all rows, distributions over a sample of them.
    pub(crate) fn of(data: &TrainingData<'_>, sample: &[u32]) -> Self {
        let columns = data
            .columns
            .iter()
            .map(|column| ColumnSummary::of(column, sample));
        Self {
            columns: columns.collect(),
        }
    }

    pub(crate) fn write(&self, document: &mut Document) {
        let numbers = |value: fn(&ColumnSummary) -> f64| -> Vec<f64> {
            self.columns.iter().map(value).collect()
        };
        document.put_numbers("summary.missing", &numbers(|column| column.missing));
        document.put_numbers("summary.mean", &numbers(|column| column.mean));
        document.put_numbers("summary.sigma", &numbers(|column| column.sigma));
        let lengths: Vec<u32> = self
            .columns
            .iter()
            .map(|column| column.points.len() as u32)
            .collect();
        document.put_counts("summary.lengths", &lengths);
        let joined = |values: fn(&ColumnSummary) -> &[f64]| -> Vec<f64> {
            self.columns.iter().flat_map(values).copied().collect()
        };
        document.put_numbers("summary.points", &joined(|column| &column.points));
        document.put_numbers("summary.below", &joined(|column| &column.below));
        document.put_numbers("summary.upto", &joined(|column| &column.upto));
    }

    pub(crate) fn read(columns: usize, document: &mut Document) -> Result<Self> {
        let missing = document.numbers_of("summary.missing", columns)?;
        let mean = document.numbers_of("summary.mean", columns)?;
        let sigma = document.numbers_of("summary.sigma", columns)?;
        let lengths = document.counts_of("summary.lengths", columns)?;
        let points = document.numbers("summary.points")?;
        let below = document.numbers_of("summary.below", points.len())?;
        let upto = document.numbers_of("summary.upto", points.len())?;
        let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        expect_length(
            "summary.points",
            points.len(),
            usize::try_from(total).unwrap_or(usize::MAX),
        )?;
        let mut start = 0;
        let mut summaries = Vec::with_capacity(columns);
        for (column, length) in lengths.iter().enumerate() {
            let range = start..start + *length as usize;
            start = range.end;
            let rising = points[range.clone()]
                .windows(2)
                .all(|pair| pair[0] < pair[1]);
            ensure(rising, "the points of a distribution do not rise")?;
            summaries.push(ColumnSummary {
                missing: missing[column],
                mean: mean[column],
                sigma: sigma[column],
                points: points[range.clone()].to_vec(),
                below: below[range.clone()].to_vec(),
                upto: upto[range].to_vec(),
            });
        }
        Ok(Self { columns: summaries })
    }
}

impl ColumnSummary {
    fn of(column: &[f64], sample: &[u32]) -> Self {
        let is_whole = column.iter().all(|value| is_present(*value));
        let moments = if is_whole {
            mean_and_sigma(column)
        } else {
            let present: Vec<f64> = column.iter().copied().filter(|x| is_present(*x)).collect();
            mean_and_sigma(&present)
        };
        let missing = column.iter().filter(|value| !is_present(**value)).count();
        let (mean, sigma) = moments.unwrap_or((0.0, 0.0));
        let mut sorted: Vec<f64> = sample
            .iter()
            .map(|&row| column[row as usize])
            .filter(|value| is_present(*value))
            .collect();
        quantile::sort(&mut sorted);
        let points = points_of(&sorted);
        let share = |count: usize| count as f64 / sorted.len() as f64;
        Self {
            missing: missing as f64 / column.len().max(1) as f64,
            mean,
            sigma,
            below: points
                .iter()
                .map(|&x| share(count_below(&sorted, x)))
                .collect(),
            upto: points
                .iter()
                .map(|&x| share(count_upto(&sorted, x)))
                .collect(),
            points,
        }
    }

    /// Standard deviations from the mean; `None` for a column that did not vary, or a missing value.
    pub(crate) fn z(&self, value: f64) -> Option<f64> {
        let z = (value - self.mean) / self.sigma;
        (is_present(value) && self.sigma > 0.0).then_some(z)
    }
}

/// Some of the values, evenly by rank, each once.
fn points_of(sorted: &[f64]) -> Vec<f64> {
    let Some(last) = sorted.len().checked_sub(1) else {
        return Vec::new();
    };
    let count = sorted.len().min(POINTS_MAX);
    let mut points: Vec<f64> = (0..count)
        .map(|point| sorted[point * last / (count - 1).max(1)])
        .collect();
    points.dedup_by(|a, b| a == b);
    points
}

/// How many sorted values are below this one.
pub(crate) fn count_below(sorted: &[f64], value: f64) -> usize {
    sorted.partition_point(|other| *other < value)
}

/// How many sorted values are at or below this one.
pub(crate) fn count_upto(sorted: &[f64], value: f64) -> usize {
    sorted.partition_point(|other| *other <= value)
}
