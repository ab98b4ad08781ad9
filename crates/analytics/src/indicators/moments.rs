//! Central moments up to the fourth: mean, standard deviation, skewness and kurtosis in one pass.
//!
//! | values                                 | skewness, kurtosis                       |
//! |----------------------------------------|------------------------------------------|
//! | fewer than two                         | none                                     |
//! | corrected, fewer than three (skewness) | none                                     |
//! | corrected, fewer than four (kurtosis)  | none                                     |
//! | no variance (see below)                | none: the ratio is undefined             |
//!
//! Kurtosis is Fisher's: 0 for a normal distribution. Pearson's, usual for bearings, is 3 more. By default both are the
//! biased estimates of `scipy.stats.skew` and `scipy.stats.kurtosis`; the corrected ones are their `bias=False`, except
//! that too few values give none where SciPy falls back to the biased estimate.
//!
//! Values are merged as sums of powers about their own mean (Chan, Golub, LeVeque 1983; Pébay, SAND2008-6212). Means are
//! kept as a distance from an anchor, the first value seen: at an offset of 1e9 a mean has only seven decimals left,
//! but its distance from a neighbour has them all.

use super::COUNT_MIN;
use crate::Summary;
use crate::summary::{defined, sum_terms};

/// A variance below this share of the mean, squared, is rounding noise: the rule of `scipy.stats`. So is a mean below this
/// share of the values.
const NOISE: f64 = 1e-15;

/// Values per block of [`CentralMoments::extend`]: two passes over a block stay in the first-level cache.
const BLOCK: usize = 512;

/// The number of values, their mean, and the sums of the second to fourth powers of their distances from it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CentralMoments {
    count: u64,
    anchor: f64,
    /// The mean, as a distance from the anchor.
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl CentralMoments {
    /// The moments of finite values.
    pub fn over(values: &[f64]) -> Self {
        let mut moments = Self::default();
        moments.extend(values);
        moments
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        defined(self.anchor + self.mean)
    }

    /// How far a value is from the mean, to the last digit even where both are large.
    pub fn distance(&self, value: f64) -> f64 {
        (value - self.anchor) - self.mean
    }

    /// The population standard deviation (divided by n); `None` without values.
    pub fn std_population(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        defined((self.m2 / self.count as f64).sqrt())
    }

    /// The coefficient of variation: the population standard deviation over the mean; `None` below two values or when the
    /// mean is zero, apart from what rounding leaves of it.
    pub fn variation(&self) -> Option<f64> {
        if self.count < COUNT_MIN {
            return None;
        }
        let variance = self.spread(COUNT_MIN).map_or(0.0, |(_, variance)| variance);
        let deviation = variance.sqrt();
        let noise = NOISE * (self.anchor.abs() + deviation);
        let mean = self.mean().filter(|mean| mean.abs() > noise)?;
        defined(deviation / mean)
    }

    /// The biased skewness, `m3 / m2^1.5`.
    pub fn skewness(&self) -> Option<f64> {
        let (n, variance) = self.spread(COUNT_MIN)?;
        defined(self.m3 / n / (variance * variance.sqrt()))
    }

    /// The skewness corrected for bias (Fisher–Pearson); `None` below three values.
    pub fn skewness_corrected(&self) -> Option<f64> {
        let (n, _) = self.spread(3)?;
        defined(self.skewness()? * (n * (n - 1.0)).sqrt() / (n - 2.0))
    }

    /// The biased excess kurtosis, `m4 / m2² − 3`.
    pub fn kurtosis(&self) -> Option<f64> {
        let (n, variance) = self.spread(COUNT_MIN)?;
        defined(self.m4 / n / (variance * variance) - 3.0)
    }

    /// The excess kurtosis corrected for bias; `None` below four values.
    pub fn kurtosis_corrected(&self) -> Option<f64> {
        let (n, _) = self.spread(4)?;
        let biased = self.kurtosis()?;
        defined((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * biased + 6.0))
    }

    /// The sample standard deviation (divided by n − 1); `None` below two values.
    pub fn std_sample(&self) -> Option<f64> {
        if self.count < COUNT_MIN {
            return None;
        }
        defined((self.m2 / (self.count - 1) as f64).sqrt())
    }

    /// The population standard deviation; `None` when the values do not vary by more than rounding noise.
    pub fn std_above_noise(&self) -> Option<f64> {
        let (_, variance) = self.spread(COUNT_MIN)?;
        defined(variance.sqrt())
    }

    /// The sum of the squares of the values.
    pub(super) fn square_sum(&self) -> f64 {
        let mean = self.anchor + self.mean;
        self.m2 + self.count as f64 * mean * mean
    }

    /// The count and the population variance, if there are enough values and they vary.
    fn spread(&self, count_min: u64) -> Option<(f64, f64)> {
        if self.count < count_min {
            return None;
        }
        let n = self.count as f64;
        let variance = self.m2 / n;
        let noise = NOISE * (self.anchor + self.mean);
        (variance > noise * noise).then_some((n, variance))
    }

    /// The moments of a block: one pass for the mean, one for the powers, and a correction for the mean's rounding.
    fn of_block(block: &[f64]) -> Self {
        let n = block.len() as f64;
        let anchor = block[0];
        let [sum] = sum_terms(block, |value| [value - anchor]);
        let mean = sum / n;
        let [s1, s2, s3, s4] = sum_terms(block, |value| {
            let d = (value - anchor) - mean;
            let square = d * d;
            [d, square, square * d, square * square]
        });
        let c = s1 / n;
        Self {
            count: block.len() as u64,
            anchor,
            mean: mean + c,
            m2: s2 - c * s1,
            m3: s3 - 3.0 * c * s2 + 2.0 * n * c * c * c,
            m4: s4 - 4.0 * c * s3 + 6.0 * c * c * s2 - 3.0 * n * c * c * c * c,
        }
    }
}

impl Summary for CentralMoments {
    const PARTS: &'static [&'static str] = &["count", "anchor", "mean", "m2", "m3", "m4"];

    fn push(&mut self, value: f64) {
        if self.count == 0 {
            self.anchor = value;
        }
        let before = self.count as f64;
        self.count += 1;
        let n = self.count as f64;
        let delta = (value - self.anchor) - self.mean;
        let step = delta / n;
        let term = delta * step * before;
        self.m4 += term * step * step * (n * n - 3.0 * n + 3.0) + 6.0 * step * step * self.m2
            - 4.0 * step * self.m3;
        self.m3 += term * step * (n - 2.0) - 3.0 * step * self.m2;
        self.m2 += term;
        self.mean += step;
    }

    fn extend(&mut self, values: &[f64]) {
        for block in values.chunks(BLOCK) {
            self.merge(&Self::of_block(block));
        }
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let delta = (other.anchor - self.anchor) + (other.mean - self.mean);
        let step = delta / n;
        let square = delta * step * a * b;
        self.m4 += other.m4
            + square * step * step * (a * a - a * b + b * b)
            + 6.0 * step * step * (a * a * other.m2 + b * b * self.m2)
            + 4.0 * step * (a * other.m3 - b * self.m3);
        self.m3 += other.m3 + square * step * (a - b) + 3.0 * step * (a * other.m2 - b * self.m2);
        self.m2 += other.m2 + square;
        self.mean += step * b;
        self.count += other.count;
    }

    fn part(&self, index: usize) -> f64 {
        [
            self.count as f64,
            self.anchor,
            self.mean,
            self.m2,
            self.m3,
            self.m4,
        ][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0) as u64,
            anchor: part(1),
            mean: part(2),
            m2: part(3),
            m3: part(4),
            m4: part(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use crate::summary::promises;

    #[test]
    fn corrected_moments_agree_with_tsfresh() {
        golden::check("tsfresh_skewness", 1e-6, |values| {
            CentralMoments::over(values).skewness_corrected()
        });
        golden::check("tsfresh_kurtosis", 1e-6, |values| {
            CentralMoments::over(values).kurtosis_corrected()
        });
    }

    /// Expected: biased skewness, biased kurtosis, corrected skewness, corrected kurtosis.
    fn check(values: &[f64], expected: [Option<f64>; 4]) {
        let pushed = CentralMoments::of(values.iter().copied());
        let mut extended = CentralMoments::default();
        extended.extend(values);
        for moments in [pushed, extended] {
            let actual = [
                moments.skewness(),
                moments.kurtosis(),
                moments.skewness_corrected(),
                moments.kurtosis_corrected(),
            ];
            for (actual, expected) in actual.into_iter().zip(expected) {
                match (actual, expected) {
                    (Some(a), Some(e)) => {
                        assert!((a - e).abs() < 1e-12, "{values:?}: {a} is not {e}")
                    }
                    (a, e) => assert_eq!(a, e, "{values:?}"),
                }
            }
        }
    }

    #[test]
    fn moments_agree_with_scipy() {
        // scipy.stats 1.17.1: skew, kurtosis, and both with bias=False.
        check(&[1.0, 2.0], [Some(0.0), Some(-2.0), None, None]);
        check(
            &[1.0, 2.0, 4.0],
            [
                Some(0.3818017741606059),
                Some(-1.4999999999999996),
                Some(0.9352195295828235),
                None,
            ],
        );
        check(
            &[1.0, 2.0, 3.0, 4.0],
            [Some(0.0), Some(-1.36), Some(0.0), Some(-1.1999999999999993)],
        );
        check(
            &[2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0],
            [
                Some(0.2650554122698573),
                Some(-1.6660010752838508),
                Some(0.3305821804079746),
                Some(-2.098602258096087),
            ],
        );
        check(
            &[-3.0, -1.0, 0.5, 0.5, 12.0],
            [
                Some(1.2707221170209555),
                Some(-0.014062139741484181),
                Some(1.8942806894475326),
                Some(3.9437514410340615),
            ],
        );
    }

    #[test]
    fn moments_without_spread_are_not_defined() {
        check(&[5.0], [None; 4]);
        check(&[0.1; 7], [None; 4]);
        check(&[1e9; 700], [None; 4]);
    }

    #[test]
    fn an_offset_does_not_change_the_shape() {
        // The quarters are exact at an offset of 1e9, so the shape must be the same to the last digits.
        let shape = |offset: f64| {
            let values = (0..2000).map(|i| f64::from(i * i % 97) * 0.25 + offset);
            CentralMoments::of(values).kurtosis().unwrap()
        };
        assert!((shape(1e9) - shape(0.0)).abs() < 1e-12);
        assert!((shape(-1e9) - shape(0.0)).abs() < 1e-12);
    }

    #[test]
    fn an_outlier_leaves_no_trace_in_a_window() {
        let mut window = crate::Sliding::<CentralMoments>::default();
        window.extend(&[1.0, 2.0, 1e12, 1.0, 2.0, 4.0]);
        window.pop(3);
        let expected = CentralMoments::of([1.0, 2.0, 4.0]).skewness().unwrap();
        assert!((window.summary().skewness().unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn splitting_and_sliding_keep_the_mean() {
        promises::check(CentralMoments::mean);
    }

    #[test]
    fn splitting_and_sliding_keep_the_standard_deviation() {
        promises::check(CentralMoments::std_population);
    }

    #[test]
    fn splitting_and_sliding_keep_the_skewness() {
        promises::check(CentralMoments::skewness);
    }

    #[test]
    fn splitting_and_sliding_keep_the_kurtosis() {
        promises::check(CentralMoments::kurtosis);
    }
}
