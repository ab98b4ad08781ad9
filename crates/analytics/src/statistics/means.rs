//! The geometric and the harmonic mean, as small states that merge.
//!
//! | values                  | geometric mean | harmonic mean | as                                  |
//! |-------------------------|----------------|---------------|-------------------------------------|
//! | none                    | none           | none          |                                     |
//! | one of them negative    | none           | none          | `scipy.stats.gmean`, `hmean` (NaN)  |
//! | one of them zero        | 0              | 0             | `scipy.stats.gmean`, `hmean`        |

use crate::Summary;
use crate::summary::defined;

/// How many values there were, which of them have no such mean, and a sum over the positive ones.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Positive {
    count: f64,
    zeros: f64,
    negatives: f64,
    sum: f64,
    /// What rounding took from the sum (Neumaier 1974): many equal terms would lose digits otherwise.
    rest: f64,
}

impl Positive {
    const PARTS: &'static [&'static str] = &["count", "zeros", "negatives", "sum", "rest"];

    fn push(&mut self, value: f64, term: impl Fn(f64) -> f64) {
        self.count += 1.0;
        if value > 0.0 {
            self.add(term(value));
        } else if value < 0.0 {
            self.negatives += 1.0;
        } else {
            self.zeros += 1.0;
        }
    }

    fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.rest += if self.sum.abs() >= term.abs() {
            (self.sum - sum) + term
        } else {
            (term - sum) + self.sum
        };
        self.sum = sum;
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.zeros += other.zeros;
        self.negatives += other.negatives;
        self.add(other.sum);
        self.rest += other.rest;
    }

    fn part(&self, index: usize) -> f64 {
        [self.count, self.zeros, self.negatives, self.sum, self.rest][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0),
            zeros: part(1),
            negatives: part(2),
            sum: part(3),
            rest: part(4),
        }
    }

    /// The mean, from the count and the sum over positive values.
    fn mean(&self, of_positive: impl Fn(f64, f64) -> f64) -> Option<f64> {
        if self.count == 0.0 || self.negatives > 0.0 {
            None
        } else if self.zeros > 0.0 {
            Some(0.0)
        } else {
            defined(of_positive(self.count, self.sum + self.rest))
        }
    }
}

/// The state of a geometric mean: the sum of the logarithms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GeometricMean(Positive);

impl GeometricMean {
    /// The n-th root of the product.
    pub fn mean(&self) -> Option<f64> {
        self.0.mean(|count, sum| (sum / count).exp())
    }
}

/// The state of a harmonic mean: the sum of the reciprocals.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HarmonicMean(Positive);

impl HarmonicMean {
    /// The reciprocal of the mean of the reciprocals.
    pub fn mean(&self) -> Option<f64> {
        self.0.mean(|count, sum| count / sum)
    }
}

impl Summary for GeometricMean {
    const PARTS: &'static [&'static str] = Positive::PARTS;

    fn push(&mut self, value: f64) {
        self.0.push(value, f64::ln);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn part(&self, index: usize) -> f64 {
        self.0.part(index)
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self(Positive::from_parts(part))
    }
}

impl Summary for HarmonicMean {
    const PARTS: &'static [&'static str] = Positive::PARTS;

    fn push(&mut self, value: f64) {
        self.0.push(value, f64::recip);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn part(&self, index: usize) -> f64 {
        self.0.part(index)
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self(Positive::from_parts(part))
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::check_sorted;
    use super::*;
    use crate::summary::promises;

    #[test]
    fn means_agree_with_scipy() {
        check_sorted("geomean", 1e-12, |x| {
            GeometricMean::of(x.iter().copied()).mean()
        });
        check_sorted("harmonic_mean", 1e-12, |x| {
            HarmonicMean::of(x.iter().copied()).mean()
        });
    }

    #[test]
    fn zeros_and_negative_values_decide() {
        let means = |values: &[f64]| {
            let values = values.iter().copied();
            [
                GeometricMean::of(values.clone()).mean(),
                HarmonicMean::of(values).mean(),
            ]
        };
        assert_eq!(means(&[]), [None; 2]);
        assert_eq!(means(&[2.0]), [Some(2.0); 2]);
        assert_eq!(means(&[2.0, 0.0]), [Some(0.0); 2]);
        assert_eq!(means(&[2.0, 0.0, -1.0]), [None; 2]);
        assert_eq!(
            means(&[1e-320]),
            [Some(1e-320), None],
            "1 / 1e-320 overflows"
        );
    }

    #[test]
    fn splitting_and_sliding_keep_the_means() {
        promises::check(GeometricMean::mean);
        promises::check(HarmonicMean::mean);
    }
}
