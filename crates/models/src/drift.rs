//! How far columns have moved from how they were in training.
//!
//! | measure | formula                                                  | reading                                     |
//! |---------|----------------------------------------------------------|---------------------------------------------|
//! | `psi`   | Σ (a − e) ln(a / e) over the deciles of training         | below 0.1 none, above 0.25 a shift          |
//! | `ks`    | the largest distance of the distribution functions       | 0 the same, 1 apart                         |
//!
//! Shares `a` (now) and `e` (in training) are of all rows, with one more share for missing values, and no smaller than
//! 0.0001. Both measures are taken at the points that the model keeps, so `ks` may be short by the share of training
//! values between two of them, under one hundredth for values that do not repeat.

use crate::data::is_present;
use crate::document::expect_length;
use crate::error::Result;
use crate::summary::{ColumnSummary, Summary};

/// No share counts as smaller; else one value in an empty bin would be infinite drift.
const SHARE_MIN: f64 = 1e-4;

/// How far one feature has moved.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// The feature's name.
    pub feature: String,
    /// The population stability index; `None` without any rows.
    pub psi: Option<f64>,
    /// Kolmogorov's and Smirnov's distance; `None` where all values are missing, now or in training.
    pub ks: Option<f64>,
    /// The share of values that are missing now.
    pub missing: f64,
    /// The share of values that were missing in training.
    pub missing_in_training: f64,
}

/// How the values of columns are distributed over the points that a model keeps of them: all that drift is told
/// from, however many rows there are. Rows may be counted apart and added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftCounts {
    columns: Vec<ColumnCounts>,
}

impl DriftCounts {
    /// Of no rows.
    pub(crate) fn new(summary: &Summary) -> Self {
        let columns = summary.columns.iter().map(ColumnCounts::new);
        Self {
            columns: columns.collect(),
        }
    }

    /// Counts the rows of columns, which are as many as the model's.
    pub(crate) fn add(&mut self, summary: &Summary, columns: &[&[f64]]) {
        let training = summary.columns.iter().zip(columns);
        for (counts, (training, column)) in self.columns.iter_mut().zip(training) {
            counts.add(training, column);
        }
    }

    /// The drift of each of these features.
    pub(crate) fn drift(&self, summary: &Summary, names: &[String]) -> Vec<Drift> {
        let columns = names.iter().zip(&summary.columns).zip(&self.columns);
        columns
            .map(|((name, training), counts)| counts.drift(name, training))
            .collect()
    }

    /// Adds numbers that are those of other rows: see [`DriftCounts::numbers`]. Fails unless they are as many.
    pub fn add_numbers(&mut self, numbers: &[u64]) -> Result<()> {
        let own: Vec<&mut u64> = self
            .columns
            .iter_mut()
            .flat_map(|c| &mut c.counts)
            .collect();
        expect_length("drift counts", numbers.len(), own.len())?;
        for (own, other) in own.into_iter().zip(numbers) {
            *own = own.saturating_add(*other);
        }
        Ok(())
    }

    /// The counts as numbers, always as many for one model.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.columns
            .iter()
            .flat_map(|column| column.counts.iter().copied())
    }
}

/// Counts of one column: missing values, those below the first point, at it, between it and the second, and so on
/// to those above the last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ColumnCounts {
    counts: Vec<u64>,
}

impl ColumnCounts {
    fn new(training: &ColumnSummary) -> Self {
        Self {
            counts: vec![0; 2 + 2 * training.points.len()],
        }
    }

    fn add(&mut self, training: &ColumnSummary, column: &[f64]) {
        for value in column {
            let place = match is_present(*value) {
                false => 0,
                true => {
                    let point = training.points.partition_point(|point| point < value);
                    let is_at = training.points.get(point) == Some(value);
                    1 + 2 * point + usize::from(is_at)
                }
            };
            self.counts[place] += 1;
        }
    }

    /// Values that are present.
    fn present(&self) -> u64 {
        self.counts[1..].iter().sum()
    }

    fn drift(&self, feature: &str, training: &ColumnSummary) -> Drift {
        let (present, missing) = (self.present(), self.counts[0]);
        let rows = present + missing;
        let missing = 1.0 - present as f64 / rows.max(1) as f64;
        Drift {
            feature: feature.to_owned(),
            psi: (rows > 0).then(|| self.stability(training, missing)),
            ks: self.distance(training),
            missing,
            missing_in_training: training.missing,
        }
    }

    /// The share of values up to each point, before which there are those below it.
    fn shares(&self) -> Vec<(f64, f64)> {
        let all = self.present().max(1) as f64;
        let mut counted = 0;
        let pairs = self.counts[1..].chunks_exact(2);
        pairs
            .map(|pair| {
                let below = counted + pair[0];
                counted = below + pair[1];
                (below as f64 / all, counted as f64 / all)
            })
            .collect()
    }

    fn distance(&self, training: &ColumnSummary) -> Option<f64> {
        if self.present() == 0 {
            return None;
        }
        let then = training.below.iter().zip(&training.upto);
        let distances = self.shares().into_iter().zip(then);
        distances
            .map(|((below, upto), (then_below, then_upto))| {
                (below - then_below).abs().max((upto - then_upto).abs())
            })
            .reduce(f64::max)
    }

    fn stability(&self, training: &ColumnSummary, missing: f64) -> f64 {
        let shares = self.shares();
        let term = |now: f64, then: f64| {
            let (now, then) = (now.max(SHARE_MIN), then.max(SHARE_MIN));
            (now - then) * (now / then).ln()
        };
        let mut total = term(missing, training.missing);
        let (mut now_before, mut then_before) = (0.0, 0.0);
        for point in decile_points(training) {
            let (now, then) = (shares[point].1, training.upto[point]);
            total += term(
                (now - now_before) * (1.0 - missing),
                (then - then_before) * (1.0 - training.missing),
            );
            (now_before, then_before) = (now, then);
        }
        total
            + term(
                (1.0 - now_before) * (1.0 - missing),
                (1.0 - then_before) * (1.0 - training.missing),
            )
    }
}

/// The points at which training passes each tenth, each once.
fn decile_points(training: &ColumnSummary) -> Vec<usize> {
    let mut points: Vec<usize> = (1..10)
        .map(|tenth| {
            training
                .upto
                .partition_point(|share| *share < f64::from(tenth) / 10.0)
        })
        .filter(|point| *point < training.points.len())
        .collect();
    points.dedup();
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TrainingData;
    use crate::numeric::keys::{mix, unit};

    fn uniform(rows: usize, seed: u64) -> Vec<f64> {
        (0..rows as u64).map(|row| unit(mix(row, seed))).collect()
    }

    /// Counted in two parts.
    fn drift(training: &ColumnSummary, now: &[f64]) -> Drift {
        let mut counts = ColumnCounts::new(training);
        let (first, second) = now.split_at(now.len() / 3);
        counts.add(training, first);
        counts.add(training, second);
        counts.drift("a", training)
    }

    fn check(training: &[f64], now: &[f64], psi: (f64, f64), ks: (f64, f64)) {
        let data = TrainingData {
            names: &["a".to_owned()],
            columns: &[training],
            target: None,
            groups: None,
        };
        let rows: Vec<u32> = (0..training.len() as u32).collect();
        let summary = Summary::of(&data, &rows);
        let drift = drift(&summary.columns[0], now);
        let (found_psi, found_ks) = (drift.psi.unwrap(), drift.ks.unwrap());
        assert!((psi.0..=psi.1).contains(&found_psi), "psi {found_psi}");
        assert!((ks.0..=ks.1).contains(&found_ks), "ks {found_ks}");
    }

    #[test]
    fn drift_is_told_from_the_kept_points() {
        let training = uniform(20_000, 1);
        check(&training, &training, (0.0, 0.0), (0.0, 0.01));
        check(&training, &uniform(20_000, 2), (0.0, 0.01), (0.0, 0.03));
        let shifted: Vec<f64> = training.iter().map(|value| value + 0.2).collect();
        check(&training, &shifted, (1.0, 4.0), (0.19, 0.21));
        let away: Vec<f64> = training.iter().map(|value| value + 2.0).collect();
        check(&training, &away, (8.0, 20.0), (1.0, 1.0));
        // Two values, half and half, against nine to one.
        let even: Vec<f64> = (0..1000).map(|row| f64::from(row % 2)).collect();
        let uneven: Vec<f64> = (0..1000)
            .map(|row| f64::from(u8::from(row % 10 == 0)))
            .collect();
        check(&even, &uneven, (0.87, 0.89), (0.4, 0.4));
        // A tenth goes missing, where the floor stands for none before.
        let holes: Vec<f64> = (0..20_000)
            .map(|row| {
                if row % 10 == 0 {
                    f64::NAN
                } else {
                    training[row]
                }
            })
            .collect();
        check(&training, &holes, (0.6, 0.8), (0.0, 0.02));
    }

    #[test]
    fn what_cannot_be_compared_has_no_distance() {
        let column = ColumnSummary {
            missing: 1.0,
            mean: 0.0,
            sigma: 0.0,
            points: vec![],
            below: vec![],
            upto: vec![],
        };
        let found = drift(&column, &[]);
        assert_eq!((found.psi, found.ks), (None, None));
        let found = drift(&column, &[f64::NAN]);
        assert_eq!((found.psi, found.ks), (Some(0.0), None));
    }
}
