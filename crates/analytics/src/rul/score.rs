//! The score of the PHM 2008 challenge (Saxena, Goebel, Simon and Eklund 2008): a prediction that is late costs more than one
//! that is early.

use crate::Summary;
use crate::summary::defined;

/// Cycles that a prediction must be early for a cost of e − 1.
pub const EARLY_SCALE: f64 = 13.0;

/// Cycles that it must be late.
pub const LATE_SCALE: f64 = 10.0;

/// The sum of `exp(−e/13) − 1` for errors `e = predicted − actual` below zero, and `exp(e/10) − 1` for others.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Phm08Score {
    count: u64,
    sum: f64,
}

impl Phm08Score {
    /// The score, 0 for predictions without error; `None` without predictions.
    pub fn value(&self) -> Option<f64> {
        defined(self.sum).filter(|_| self.count > 0)
    }
}

/// Samples are `[predicted, actual]`.
impl Summary<[f64; 2]> for Phm08Score {
    const PARTS: &'static [&'static str] = &["count", "sum"];

    fn push(&mut self, [predicted, actual]: [f64; 2]) {
        let error = predicted - actual;
        let exponent = if error < 0.0 {
            -error / EARLY_SCALE
        } else {
            error / LATE_SCALE
        };
        self.count += 1;
        self.sum += exponent.exp_m1();
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
    }

    fn part(&self, index: usize) -> f64 {
        [self.count as f64, self.sum][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0) as u64,
            sum: part(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::promises;

    #[test]
    fn late_costs_more_than_early() {
        let check = |pairs: &[[f64; 2]], expected: Option<f64>| {
            let actual = Phm08Score::of(pairs.iter().copied()).value();
            crate::maintenance_golden::close(actual, expected, 1e-12, &format!("{pairs:?}"));
        };
        check(&[[100.0, 100.0]], Some(0.0));
        check(&[[87.0, 100.0]], Some(1.0_f64.exp() - 1.0));
        check(&[[110.0, 100.0]], Some(1.0_f64.exp() - 1.0));
        check(
            &[[87.0, 100.0], [120.0, 100.0]],
            Some(1.0_f64.exp() + 2.0_f64.exp() - 2.0),
        );
        check(&[[1e6, 0.0]], None);
        check(&[], None);
    }

    #[test]
    fn splitting_and_sliding_keep_the_score() {
        promises::check_samples::<[f64; 2], Phm08Score>([-50.0..50.0, -50.0..50.0f64], |score| {
            score.value().map(f64::ln_1p)
        });
    }
}
