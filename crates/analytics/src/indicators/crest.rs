//! Crest factor: the largest absolute value over the root mean square.
//!
//! A pure sine has the square root of two; impulses of a damaged bearing raise it before they raise the energy.

use super::SquareSum;
use crate::Summary;
use crate::summary::defined;

/// The energy of the values and the largest of them by magnitude.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CrestSummary {
    squares: SquareSum,
    peak: f64,
}

impl CrestSummary {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.squares.count()
    }

    /// The root mean square; `None` below two values.
    pub fn rms(&self) -> Option<f64> {
        self.squares.rms()
    }

    /// The largest absolute value; zero when there is none.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// Peak over root mean square; `None` below two values, or when all are zero.
    pub fn crest_factor(&self) -> Option<f64> {
        let rms = self.squares.rms().filter(|rms| *rms > 0.0)?;
        defined(self.peak / rms)
    }
}

impl Summary for CrestSummary {
    const PARTS: &'static [&'static str] = &["count", "square_sum", "peak"];

    fn push(&mut self, value: f64) {
        self.squares.push(value);
        self.peak = self.peak.max(value.abs());
    }

    fn extend(&mut self, values: &[f64]) {
        self.squares.extend(values);
        self.peak = values
            .iter()
            .fold(self.peak, |peak, value| peak.max(value.abs()));
    }

    fn merge(&mut self, other: &Self) {
        self.squares.merge(&other.squares);
        self.peak = self.peak.max(other.peak);
    }

    fn part(&self, index: usize) -> f64 {
        if index == 2 {
            self.peak
        } else {
            self.squares.part(index)
        }
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            squares: SquareSum::from_parts(&part),
            peak: part(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::promises;

    fn check(values: &[f64], expected: Option<f64>) {
        assert_eq!(
            CrestSummary::of(values.iter().copied()).crest_factor(),
            expected,
            "{values:?}"
        );
    }

    #[test]
    fn crest_factor_is_peak_over_rms() {
        check(&[1.0, -1.0], Some(1.0));
        check(&[0.0, -4.0, 0.0, 0.0], Some(2.0));
        check(&[3.0, f64::NAN, 3.0], Some(1.0));
    }

    #[test]
    fn crest_factor_without_energy_is_not_defined() {
        check(&[], None);
        check(&[4.0], None);
        check(&[0.0, 0.0, 0.0], None);
    }

    #[test]
    fn splitting_and_sliding_keep_the_crest_factor() {
        promises::check(CrestSummary::crest_factor);
    }
}
