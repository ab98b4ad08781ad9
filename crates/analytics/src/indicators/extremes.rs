//! Peak to peak: the distance between the largest and the smallest value.

use super::COUNT_MIN;
use crate::Summary;
use crate::summary::defined;

/// The number of values, the smallest and the largest of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    count: u64,
    min: f64,
    max: f64,
}

impl Extremes {
    /// The smallest value; positive infinity when there is none.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The largest value; negative infinity when there is none.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The largest minus the smallest value; `None` without values.
    pub fn range(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        defined(self.max - self.min)
    }

    /// The largest minus the smallest value; `None` below two values.
    pub fn peak_to_peak(&self) -> Option<f64> {
        if self.count < COUNT_MIN {
            return None;
        }
        defined(self.max - self.min)
    }
}

impl Default for Extremes {
    fn default() -> Self {
        Self {
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Summary for Extremes {
    const PARTS: &'static [&'static str] = &["count", "min", "max"];

    fn push(&mut self, value: f64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn extend(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        self.min = values.iter().copied().fold(self.min, f64::min);
        self.max = values.iter().copied().fold(self.max, f64::max);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn part(&self, index: usize) -> f64 {
        [self.count as f64, self.min, self.max][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0) as u64,
            min: part(1),
            max: part(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::promises;

    fn check(values: &[f64], expected: Option<f64>) {
        assert_eq!(
            Extremes::of(values.iter().copied()).peak_to_peak(),
            expected,
            "{values:?}"
        );
    }

    #[test]
    fn peak_to_peak_spans_the_values() {
        check(&[1.0, -2.0, 0.5], Some(3.0));
        check(&[-1.0, -4.0], Some(3.0));
        check(&[7.0, 7.0], Some(0.0));
        check(&[7.0, f64::NAN, 9.0, f64::NEG_INFINITY], Some(2.0));
    }

    #[test]
    fn peak_to_peak_of_too_few_values_is_not_defined() {
        check(&[], None);
        check(&[7.0], None);
        check(&[f64::MAX, f64::MIN], None);
    }

    #[test]
    fn splitting_and_sliding_keep_the_extremes() {
        promises::check(Extremes::peak_to_peak);
    }
}
