//! Factors of shape: how the peak, the root mean square and the mean of absolute values compare.
//!
//! | indicator         | definition                | a sine  | rises with                                |
//! |-------------------|---------------------------|---------|-------------------------------------------|
//! | shape factor      | rms / mean of abs(x)      | 1.111   | a shape that departs from the healthy one |
//! | impulse factor    | peak / mean of abs(x)     | 1.571   | impulses, before the crest factor does    |
//! | clearance factor  | peak / (mean of √abs(x))² | 1.871   | impulses; largest for a healthy bearing, it falls as the fault spreads |
//! | k factor          | peak · rms                |         | impulses and energy alike                 |
//!
//! Definitions as in MATLAB's `signalTimeFeatureExtractor`; the k factor is that of bearing monitors. The ratios do not
//! depend on the unit of the signal, and none is defined where every value is zero.

use super::{COUNT_MIN, CrestSummary};
use crate::Summary;
use crate::summary::{defined, sum_terms};

/// The energy of the values, the sum of their absolute values and the largest of these.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Magnitudes {
    crest: CrestSummary,
    sum: f64,
}

impl Magnitudes {
    /// The mean absolute value; `None` below two values.
    pub fn abs_mean(&self) -> Option<f64> {
        let count = self.crest.count();
        if count < COUNT_MIN {
            return None;
        }
        defined(self.sum / count as f64)
    }

    /// Root mean square over mean absolute value.
    pub fn shape_factor(&self) -> Option<f64> {
        defined(self.crest.rms()? / self.divisor()?)
    }

    /// Largest absolute value over the mean one.
    pub fn impulse_factor(&self) -> Option<f64> {
        defined(self.crest.peak() / self.divisor()?)
    }

    fn divisor(&self) -> Option<f64> {
        self.abs_mean().filter(|mean| *mean > 0.0)
    }
}

impl Summary for Magnitudes {
    const PARTS: &'static [&'static str] = &["count", "square_sum", "peak", "abs_sum"];

    fn push(&mut self, value: f64) {
        self.crest.push(value);
        self.sum += value.abs();
    }

    fn extend(&mut self, values: &[f64]) {
        self.crest.extend(values);
        let [sum] = sum_terms(values, |value| [value.abs()]);
        self.sum += sum;
    }

    fn merge(&mut self, other: &Self) {
        self.crest.merge(&other.crest);
        self.sum += other.sum;
    }

    fn part(&self, index: usize) -> f64 {
        if index == 3 {
            self.sum
        } else {
            self.crest.part(index)
        }
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            crest: CrestSummary::from_parts(&part),
            sum: part(3),
        }
    }
}

/// The sum of the square roots of absolute values, and the largest of these values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Roots {
    count: u64,
    sum: f64,
    peak: f64,
}

impl Roots {
    /// Largest absolute value over the squared mean of the square roots; `None` below two values or when all are zero.
    pub fn clearance_factor(&self) -> Option<f64> {
        let mean = self.sum / self.count as f64;
        if self.count < COUNT_MIN || mean <= 0.0 {
            return None;
        }
        defined(self.peak / (mean * mean))
    }
}

impl Summary for Roots {
    const PARTS: &'static [&'static str] = &["count", "root_sum", "peak"];

    fn push(&mut self, value: f64) {
        self.count += 1;
        self.sum += value.abs().sqrt();
        self.peak = self.peak.max(value.abs());
    }

    fn extend(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        let [sum] = sum_terms(values, |value| [value.abs().sqrt()]);
        self.sum += sum;
        let peak = |peak: f64, value: &f64| peak.max(value.abs());
        self.peak = values.iter().fold(self.peak, peak);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.peak = self.peak.max(other.peak);
    }

    fn part(&self, index: usize) -> f64 {
        [self.count as f64, self.sum, self.peak][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0) as u64,
            sum: part(1),
            peak: part(2),
        }
    }
}

impl CrestSummary {
    /// The largest absolute value times the root mean square; `None` below two values.
    pub fn k_factor(&self) -> Option<f64> {
        defined(self.peak() * self.rms()?)
    }

    /// The largest absolute value; `None` below two values.
    pub fn peak_of_two(&self) -> Option<f64> {
        (self.count() >= COUNT_MIN).then_some(self.peak())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SquareSum, golden};
    use super::*;
    use crate::summary::promises;

    /// Expected: mean absolute value, shape, impulse, clearance and k factor.
    fn check(values: &[f64], expected: [Option<f64>; 5]) {
        let magnitudes = Magnitudes::of(values.iter().copied());
        let actual = [
            magnitudes.abs_mean(),
            magnitudes.shape_factor(),
            magnitudes.impulse_factor(),
            Roots::of(values.iter().copied()).clearance_factor(),
            CrestSummary::of(values.iter().copied()).k_factor(),
        ];
        assert_eq!(actual, expected, "{values:?}");
    }

    #[test]
    fn factors_compare_peak_energy_and_mean() {
        check(&[1.0, -1.0], [Some(1.0); 5]);
        let two = Some(2.0);
        check(
            &[0.0, -4.0, 0.0, 0.0],
            [Some(1.0), two, Some(4.0), Some(16.0), Some(8.0)],
        );
    }

    #[test]
    fn factors_of_nothing_are_not_defined() {
        check(&[], [None; 5]);
        check(&[3.0], [None; 5]);
        check(&[0.0, 0.0], [Some(0.0), None, None, None, Some(0.0)]);
        assert_eq!(SquareSum::of([]).energy(), None);
        assert_eq!(SquareSum::of([3.0]).energy(), Some(9.0));
        assert_eq!(CrestSummary::of([3.0]).peak_of_two(), None);
        assert_eq!(CrestSummary::of([3.0, -5.0]).peak_of_two(), Some(5.0));
    }

    #[test]
    fn factors_agree_with_numpy() {
        fn check<S: Summary>(name: &str, read: fn(&S) -> Option<f64>) {
            golden::check(name, 1e-12, |values| read(&S::of(values.iter().copied())));
        }
        check("abs_mean", Magnitudes::abs_mean);
        check("shape_factor", Magnitudes::shape_factor);
        check("impulse_factor", Magnitudes::impulse_factor);
        check("clearance_factor", Roots::clearance_factor);
        check("k_factor", CrestSummary::k_factor);
        check("abs_energy", SquareSum::energy);
        check("peak", CrestSummary::peak_of_two);
    }

    #[test]
    fn splitting_and_sliding_keep_the_factors() {
        promises::check(Magnitudes::abs_mean);
        promises::check(Magnitudes::shape_factor);
        promises::check(Magnitudes::impulse_factor);
        promises::check(Roots::clearance_factor);
        promises::check(CrestSummary::k_factor);
        promises::check(SquareSum::energy);
    }
}
