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
use crate::numeric::quantile;
use crate::summary::{ColumnSummary, count_below, count_upto};

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

/// Compares a column with what it was.
pub(crate) fn drift(feature: &str, training: &ColumnSummary, column: &[f64]) -> Drift {
    let mut sorted: Vec<f64> = column.iter().copied().filter(|x| is_present(*x)).collect();
    quantile::sort(&mut sorted);
    let missing = 1.0 - sorted.len() as f64 / column.len().max(1) as f64;
    Drift {
        feature: feature.to_owned(),
        psi: (!column.is_empty()).then(|| stability(training, &sorted, missing)),
        ks: distance(training, &sorted),
        missing,
        missing_in_training: training.missing,
    }
}

fn distance(training: &ColumnSummary, sorted: &[f64]) -> Option<f64> {
    if sorted.is_empty() || training.points.is_empty() {
        return None;
    }
    let share = |count: usize| count as f64 / sorted.len() as f64;
    let at = |index: usize| {
        let point = training.points[index];
        let below = (share(count_below(sorted, point)) - training.below[index]).abs();
        let upto = (share(count_upto(sorted, point)) - training.upto[index]).abs();
        below.max(upto)
    };
    let distances = (0..training.points.len()).map(at);
    distances.reduce(f64::max)
}

fn stability(training: &ColumnSummary, sorted: &[f64], missing: f64) -> f64 {
    let share = |value: f64| count_upto(sorted, value) as f64 / sorted.len().max(1) as f64;
    let term = |now: f64, then: f64| {
        let (now, then) = (now.max(SHARE_MIN), then.max(SHARE_MIN));
        (now - then) * (now / then).ln()
    };
    let mut total = term(missing, training.missing);
    let (mut now_before, mut then_before) = (0.0, 0.0);
    for (edge, then) in decile_edges(training) {
        let now = share(edge);
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

/// The values at which training passes each tenth, each once, with the share of training at or below it.
fn decile_edges(training: &ColumnSummary) -> Vec<(f64, f64)> {
    let mut edges: Vec<(f64, f64)> = (1..10)
        .filter_map(|tenth| {
            let reached = training
                .upto
                .partition_point(|share| *share < f64::from(tenth) / 10.0);
            let edge = *training.points.get(reached)?;
            Some((edge, training.upto[reached]))
        })
        .collect();
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TrainingData;
    use crate::numeric::keys::{mix, unit};
    use crate::summary::Summary;

    fn uniform(rows: usize, seed: u64) -> Vec<f64> {
        (0..rows as u64).map(|row| unit(mix(row, seed))).collect()
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
        let drift = drift("a", &summary.columns[0], now);
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
        let found = drift("a", &column, &[]);
        assert_eq!((found.psi, found.ks), (None, None));
        let found = drift("a", &column, &[f64::NAN]);
        assert_eq!((found.psi, found.ks), (Some(0.0), None));
    }
}
