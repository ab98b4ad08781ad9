//! Counts of right and wrong alarms, and what is read off them.
//!
//! | counts                                     | result                            |
//! |--------------------------------------------|-----------------------------------|
//! | no alarms                                  | precision: none                   |
//! | no anomalies                               | recall, missed alarm rate: none   |
//! | nothing but anomalies                      | false alarm rate: none            |
//! | neither alarms nor anomalies               | F1: none                          |
//! | one of the four margins is empty           | Matthews' correlation: none       |

use super::SquaredErrors;
use crate::summary::defined;
use crate::{Sample, Summary};

/// Whether a point is an anomaly, and how anomalous it was said to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The truth.
    pub label: bool,
    /// The score; an alarm is 1, none 0.
    pub score: f64,
}

impl Sample for Judged {
    fn is_present(&self) -> bool {
        self.score.is_finite()
    }
}

/// How many points there are of each kind. A score that is not zero is an alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Anomalies with an alarm.
    pub true_positives: u64,
    /// Alarms without an anomaly.
    pub false_positives: u64,
    /// Anomalies without an alarm.
    pub false_negatives: u64,
    /// Neither.
    pub true_negatives: u64,
}

impl Confusion {
    /// The share of the alarms that were right.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.false_positives)
    }

    /// The share of the anomalies that had an alarm.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.false_negatives)
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> Option<f64> {
        share(
            2 * self.true_positives,
            self.false_positives + self.false_negatives,
        )
    }

    /// The share of the points without an anomaly that had an alarm.
    pub fn false_alarm_rate(&self) -> Option<f64> {
        share(self.false_positives, self.true_negatives)
    }

    /// The share of the anomalies without an alarm.
    pub fn missed_alarm_rate(&self) -> Option<f64> {
        share(self.false_negatives, self.true_positives)
    }

    /// Matthews' correlation (Matthews 1975), −1 to 1.
    pub fn mcc(&self) -> Option<f64> {
        let [tp, fp, fneg, tn] = self.counts().map(|count| count as f64);
        let margins = [tp + fp, tp + fneg, tn + fp, tn + fneg];
        defined((tp * tn - fp * fneg) / margins.map(f64::sqrt).iter().product::<f64>())
    }

    /// How many points there are.
    pub fn count(&self) -> u64 {
        self.counts().iter().sum()
    }

    fn counts(&self) -> [u64; 4] {
        let Self {
            true_positives,
            false_positives,
            false_negatives,
            true_negatives,
        } = *self;
        [
            true_positives,
            false_positives,
            false_negatives,
            true_negatives,
        ]
    }
}

fn share(part: u64, rest: u64) -> Option<f64> {
    (part + rest > 0).then(|| part as f64 / (part + rest) as f64)
}

impl Summary<Judged> for Confusion {
    const PARTS: &'static [&'static str] = &["tp", "fp", "fn", "tn"];

    fn push(&mut self, judged: Judged) {
        let count = match (judged.label, judged.score != 0.0) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (true, false) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        };
        *count += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
        self.true_negatives += other.true_negatives;
    }

    fn part(&self, index: usize) -> f64 {
        self.counts()[index] as f64
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            true_positives: part(0) as u64,
            false_positives: part(1) as u64,
            false_negatives: part(2) as u64,
            true_negatives: part(3) as u64,
        }
    }
}

/// The mean squared error of chances, the Brier score (1950).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BrierScore(SquaredErrors);

impl BrierScore {
    /// The score, 0 at best; `None` without points.
    pub fn value(&self) -> Option<f64> {
        self.0.mean()
    }
}

/// The score of a point is its chance to be an anomaly.
impl Summary<Judged> for BrierScore {
    const PARTS: &'static [&'static str] = SquaredErrors::PARTS;

    fn push(&mut self, judged: Judged) {
        self.0
            .push([f64::from(u8::from(judged.label)), judged.score]);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn part(&self, index: usize) -> f64 {
        self.0.part(index)
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self(SquaredErrors::from_parts(part))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::maintenance_golden::{close, number, series};
    use crate::summary::promises;

    #[test]
    fn measures_are_those_of_scikit_learn() {
        let points = series("labels").into_iter().zip(series("scores"));
        let judged = points.map(|(label, score)| Judged {
            label: label != 0.0,
            score: f64::from(u8::from(score >= 0.5)),
        });
        let counts = Confusion::of(judged);
        let check = |name: &str, actual: Option<f64>| close(actual, number(name), 1e-12, name);
        check("precision", counts.precision());
        check("recall", counts.recall());
        check("f1", counts.f1());
        check("mcc", counts.mcc());
        check("false_alarm_rate", counts.false_alarm_rate());
        check("missed_alarm_rate", counts.missed_alarm_rate());
    }

    #[test]
    fn chances_are_scored_as_by_scikit_learn() {
        let points = series("labels").into_iter().zip(series("scores"));
        let judged = points.map(|(label, score)| Judged {
            label: label != 0.0,
            score,
        });
        close(
            BrierScore::of(judged).value(),
            number("brier"),
            1e-12,
            "brier",
        );
        assert_eq!(BrierScore::default().value(), None);
    }

    #[test]
    fn what_has_no_cases_has_no_measure() {
        let counts = Confusion::default();
        assert_eq!(
            (counts.precision(), counts.recall(), counts.f1()),
            (None, None, None)
        );
        assert_eq!((counts.mcc(), counts.count()), (None, 0));
        let quiet = Confusion {
            true_negatives: 5,
            ..counts
        };
        assert_eq!((quiet.f1(), quiet.false_alarm_rate()), (None, Some(0.0)));
        assert_eq!((quiet.missed_alarm_rate(), quiet.mcc()), (None, None));
    }

    #[test]
    fn splitting_and_sliding_keep_the_counts() {
        let judged = (any::<bool>(), 0..2u8).prop_map(|(label, score)| Judged {
            label,
            score: f64::from(score),
        });
        promises::check_samples::<Judged, Confusion>(judged, Confusion::mcc);
    }
}
