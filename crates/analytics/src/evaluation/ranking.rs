//! How well a score ranks anomalies above the rest, whatever the threshold.
//!
//! | points                                  | roc_auc, pr_auc, best_threshold |
//! |-----------------------------------------|---------------------------------|
//! | none, or no anomaly among them          | none                            |
//! | nothing but anomalies                   | none; pr_auc: 1                 |
//! | equal scores                            | as one step: their order does not matter |

use super::{Confusion, Judged};

/// The points at each different score, highest first: the score, and how many anomalies and others have it or a higher one.
fn steps(sorted: &[Judged]) -> impl Iterator<Item = (f64, u64, u64)> {
    let runs = sorted.chunk_by(|a, b| a.score == b.score).rev();
    runs.scan((0, 0), |(anomalies, others), run| {
        let found = run.iter().filter(|point| point.label).count() as u64;
        *anomalies += found;
        *others += run.len() as u64 - found;
        Some((run[0].score, *anomalies, *others))
    })
}

fn totals(points: &[Judged]) -> (u64, u64) {
    let anomalies = points.iter().filter(|point| point.label).count() as u64;
    (anomalies, points.len() as u64 - anomalies)
}

/// The area under the receiver operating characteristic: the chance that an anomaly scores higher than another point. As
/// `sklearn.metrics.roc_auc_score`. Points are sorted by score.
pub fn roc_auc(sorted: &[Judged]) -> Option<f64> {
    let (anomalies, others) = totals(sorted);
    if anomalies == 0 || others == 0 {
        return None;
    }
    let mut area = 0.0;
    let mut before = (0, 0);
    for (_, found, false_alarms) in steps(sorted) {
        area += (false_alarms - before.1) as f64 * (found + before.0) as f64 / 2.0;
        before = (found, false_alarms);
    }
    Some(area / anomalies as f64 / others as f64)
}

/// The area under the precision-recall curve by steps: average precision, as `sklearn.metrics.average_precision_score`.
/// Points are sorted by score.
pub fn pr_auc(sorted: &[Judged]) -> Option<f64> {
    let (anomalies, _) = totals(sorted);
    if anomalies == 0 {
        return None;
    }
    let mut area = 0.0;
    let mut before = 0;
    for (_, found, false_alarms) in steps(sorted) {
        let precision = found as f64 / (found + false_alarms) as f64;
        area += precision * (found - before) as f64;
        before = found;
    }
    Some(area / anomalies as f64)
}

/// What the best threshold is best for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdMetric {
    /// The harmonic mean of precision and recall.
    F1,
    /// Matthews' correlation.
    Mcc,
    /// Recall less the false alarm rate (Youden 1950).
    Youden,
}

/// A threshold and what it reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Scores from here on are alarms.
    pub threshold: f64,
    /// The metric with that threshold.
    pub value: f64,
}

/// The threshold among the scores with the highest metric, the highest of equal ones. Points are sorted by score.
pub fn best_threshold(sorted: &[Judged], metric: ThresholdMetric) -> Option<Best> {
    let (anomalies, others) = totals(sorted);
    if anomalies == 0 || others == 0 {
        return None;
    }
    let mut best: Option<Best> = None;
    for (threshold, found, false_alarms) in steps(sorted) {
        let counts = Confusion {
            true_positives: found,
            false_positives: false_alarms,
            false_negatives: anomalies - found,
            true_negatives: others - false_alarms,
        };
        let value = match metric {
            ThresholdMetric::F1 => counts.f1(),
            // With everything an alarm nothing is told apart.
            ThresholdMetric::Mcc => counts.mcc().or(Some(0.0)),
            ThresholdMetric::Youden => {
                let rates = counts.recall().zip(counts.false_alarm_rate());
                rates.map(|(recall, false_alarms)| recall - false_alarms)
            }
        };
        if let Some(value) = value
            && best.is_none_or(|best| value > best.value)
        {
            best = Some(Best { threshold, value });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number, series};

    fn sorted(points: &[(u8, f64)]) -> Vec<Judged> {
        let judged = points.iter().map(|(label, score)| Judged {
            label: *label != 0,
            score: *score,
        });
        let mut judged: Vec<Judged> = judged.collect();
        judged.sort_by(|a, b| a.score.total_cmp(&b.score));
        judged
    }

    fn reference() -> Vec<Judged> {
        let points = series("labels").into_iter().zip(series("scores"));
        let points: Vec<(u8, f64)> = points.map(|(label, score)| (label as u8, score)).collect();
        sorted(&points)
    }

    #[test]
    fn areas_and_thresholds_are_those_of_scikit_learn() {
        let check = |name: &str, actual: Option<f64>| close(actual, number(name), 1e-12, name);
        check("roc_auc", roc_auc(&reference()));
        check("pr_auc", pr_auc(&reference()));
        for (name, metric) in [
            ("f1", ThresholdMetric::F1),
            ("mcc", ThresholdMetric::Mcc),
            ("youden", ThresholdMetric::Youden),
        ] {
            let best = best_threshold(&reference(), metric);
            check(
                &format!("best_{name}_threshold"),
                best.map(|best| best.threshold),
            );
            check(&format!("best_{name}_value"), best.map(|best| best.value));
        }
    }

    #[test]
    fn a_ranking_needs_both_kinds() {
        let check = |points: &[(u8, f64)], roc, pr| {
            assert_eq!(
                (roc_auc(&sorted(points)), pr_auc(&sorted(points))),
                (roc, pr),
                "{points:?}"
            );
        };
        check(&[], None, None);
        check(&[(0, 1.0)], None, None);
        check(&[(1, 1.0)], None, Some(1.0));
        check(&[(0, 1.0), (1, 2.0)], Some(1.0), Some(1.0));
        check(&[(0, 2.0), (1, 1.0)], Some(0.0), Some(0.5));
        check(&[(0, 1.0), (1, 1.0)], Some(0.5), Some(0.5));
        assert_eq!(
            best_threshold(&sorted(&[(1, 1.0)]), ThresholdMetric::F1),
            None
        );
    }
}
