//! Root mean square: `sqrt(mean(x²))`, the energy of a signal in its own unit.
//!
//! Values beyond about 1e154 overflow when squared; their root mean square is then not defined.

use super::COUNT_MIN;
use crate::Summary;
use crate::summary::{defined, sum_terms};

/// The number of values and the sum of their squares.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SquareSum {
    count: u64,
    sum: f64,
}

impl SquareSum {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the squares; `None` without values.
    pub fn energy(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        defined(self.sum)
    }

    /// The root mean square; `None` below two values.
    pub fn rms(&self) -> Option<f64> {
        if self.count < COUNT_MIN {
            return None;
        }
        defined((self.sum / self.count as f64).sqrt())
    }
}

impl Summary for SquareSum {
    const PARTS: &'static [&'static str] = &["count", "square_sum"];

    fn push(&mut self, value: f64) {
        self.count += 1;
        self.sum += value * value;
    }

    fn extend(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        let [sum] = sum_terms(values, |value| [value * value]);
        self.sum += sum;
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

    fn check(values: &[f64], expected: Option<f64>) {
        assert_eq!(
            SquareSum::of(values.iter().copied()).rms(),
            expected,
            "{values:?}"
        );
    }

    #[test]
    fn rms_is_the_root_of_the_mean_square() {
        check(&[3.0, 4.0], Some(12.5_f64.sqrt()));
        check(&[-2.0, 2.0, -2.0], Some(2.0));
        check(&[0.0, 0.0], Some(0.0));
    }

    #[test]
    fn rms_of_too_few_or_too_large_values_is_not_defined() {
        check(&[], None);
        check(&[5.0], None);
        check(&[5.0, f64::NAN, f64::INFINITY], None);
        check(&[1e200, 1e200], None);
    }

    #[test]
    fn splitting_and_sliding_keep_the_rms() {
        promises::check(SquareSum::rms);
    }
}
