//! Errors of predictions, as summaries over `[actual, predicted]`.
//!
//! | state                | reads                                     | as                                                          |
//! |----------------------|-------------------------------------------|-------------------------------------------------------------|
//! | [`AbsoluteErrors`]   | mean absolute error, pinball loss         | `mean_absolute_error`, `mean_pinball_loss` of scikit-learn  |
//! | [`SquaredErrors`]    | root mean square error, Brier score       | `root_mean_squared_error`, `brier_score_loss`               |
//! | [`PercentageErrors`] | mean of abs(error) / abs(actual)              | `mean_absolute_percentage_error`; none when an actual value is 0 |
//! | [`SymmetricErrors`]  | mean of 2·abs(error) / (abs(actual) + abs(predicted)) | 0 to 2; 0 where both are 0 (Makridakis 1993)     |
//! | [`VarianceShare`]    | 1 − squares of errors / squares about the mean | `r2_score`; none when the actual values do not vary    |
//! | [`Coverage`]         | share of actual values between two bounds | over `[actual, lower, upper]`                               |
//! | [`NormalCrps`]       | mean continuous ranked probability score  | over `[actual, mean, σ]`; Gneiting and Raftery 2007, eq. 21   |

use std::f64::consts::PI;

use crate::Summary;
use crate::indicators::CentralMoments;
use crate::statistics::special::normal_below;
use crate::summary::defined;

/// The mean of a sum over a count.
fn mean(sum: f64, count: u64) -> Option<f64> {
    if count == 0 {
        return None;
    }
    defined(sum / count as f64)
}

/// Errors by which predictions were too low and too high.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AbsoluteErrors {
    count: u64,
    too_low: f64,
    too_high: f64,
}

impl AbsoluteErrors {
    /// The mean absolute error.
    pub fn mae(&self) -> Option<f64> {
        mean(self.too_low + self.too_high, self.count)
    }

    /// The mean pinball loss of predictions of a quantile.
    pub fn pinball(&self, quantile: f64) -> Option<f64> {
        let loss = quantile * self.too_low + (1.0 - quantile) * self.too_high;
        mean(loss, self.count)
    }
}

impl Summary<[f64; 2]> for AbsoluteErrors {
    const PARTS: &'static [&'static str] = &["count", "too_low", "too_high"];

    fn push(&mut self, [actual, predicted]: [f64; 2]) {
        let error = actual - predicted;
        self.count += 1;
        self.too_low += error.max(0.0);
        self.too_high += (-error).max(0.0);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.too_low += other.too_low;
        self.too_high += other.too_high;
    }

    fn part(&self, index: usize) -> f64 {
        [self.count as f64, self.too_low, self.too_high][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0) as u64,
            too_low: part(1),
            too_high: part(2),
        }
    }
}

/// A count and a sum of one term per sample.
macro_rules! mean_of {
    ($(#[$doc:meta])* $name:ident, $width:literal, $term:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        pub struct $name {
            count: u64,
            sum: f64,
        }

        impl $name {
            /// The mean; `None` without samples or when it is not defined.
            pub fn mean(&self) -> Option<f64> {
                mean(self.sum, self.count)
            }
        }

        impl Summary<[f64; $width]> for $name {
            const PARTS: &'static [&'static str] = &["count", "sum"];

            fn push(&mut self, sample: [f64; $width]) {
                let term: fn([f64; $width]) -> f64 = $term;
                self.count += 1;
                self.sum += term(sample);
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
    };
}

mean_of! {
    /// The mean squared error.
    SquaredErrors, 2, |[actual, predicted]| (actual - predicted).powi(2)
}

impl SquaredErrors {
    /// The root of the mean squared error.
    pub fn rmse(&self) -> Option<f64> {
        self.mean().map(f64::sqrt)
    }
}

mean_of! {
    /// The mean error as a share of the actual value: infinite, and not defined, once that is zero.
    PercentageErrors, 2, |[actual, predicted]| {
        if actual == 0.0 { f64::INFINITY } else { ((actual - predicted) / actual).abs() }
    }
}

mean_of! {
    /// The mean error as a share of the mean of the actual and the predicted value.
    SymmetricErrors, 2, |[actual, predicted]| {
        let size = actual.abs() + predicted.abs();
        if size == 0.0 { 0.0 } else { 2.0 * (actual - predicted).abs() / size }
    }
}

mean_of! {
    /// The share of actual values between their bounds, which count as inside.
    Coverage, 3, |[actual, lower, upper]| f64::from(u8::from(lower <= actual && actual <= upper))
}

mean_of! {
    /// The mean continuous ranked probability score of normal distributions; a σ of zero is a prediction without doubt, and one
    /// below zero is not defined.
    NormalCrps, 3, |[actual, center, sigma]| {
        let error = actual - center;
        if sigma == 0.0 {
            return error.abs();
        }
        if sigma < 0.0 {
            return f64::INFINITY;
        }
        let z = error / sigma;
        let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
        sigma * (z * (2.0 * normal_below(z) - 1.0) + 2.0 * density - 1.0 / PI.sqrt())
    }
}

/// Squares of errors, and of the actual values about their mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VarianceShare {
    errors: SquaredErrors,
    actual: CentralMoments,
}

/// How many numbers of the moments a variance needs: count, anchor, mean and second moment.
const MOMENT_PARTS: usize = 4;

impl VarianceShare {
    /// The share of the variance that the predictions explain: 1 at best, below 0 when the mean would have been better.
    pub fn r2(&self) -> Option<f64> {
        let variance = self.actual.std_population()?.powi(2);
        let noise = 1e-15 * self.actual.mean()?;
        if self.errors.count < 2 || variance <= noise * noise {
            return None;
        }
        defined(1.0 - self.errors.mean()? / variance)
    }
}

impl Summary<[f64; 2]> for VarianceShare {
    const PARTS: &'static [&'static str] = &["count", "squares", "n", "anchor", "mean", "m2"];

    fn push(&mut self, sample: [f64; 2]) {
        self.errors.push(sample);
        self.actual.push(sample[0]);
    }

    fn merge(&mut self, other: &Self) {
        self.errors.merge(&other.errors);
        self.actual.merge(&other.actual);
    }

    fn part(&self, index: usize) -> f64 {
        match index.checked_sub(2) {
            None => self.errors.part(index),
            Some(index) => self.actual.part(index),
        }
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            errors: SquaredErrors::from_parts(&part),
            actual: CentralMoments::from_parts(|index| {
                if index < MOMENT_PARTS {
                    part(index + 2)
                } else {
                    0.0
                }
            }),
        }
    }
}

/// The mean absolute difference of a series from itself `season` points before: what an error is scaled by (Hyndman and Koehler
/// 2006). `None` when there are no such points, or they never differ.
pub fn naive_error(series: &[f64], season: usize) -> Option<f64> {
    let later = series.get(season..)?;
    let sum: f64 = series.iter().zip(later).map(|(a, b)| (b - a).abs()).sum();
    mean(sum, later.len() as u64).filter(|error| *error > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number, series};
    use crate::summary::promises;

    fn pairs() -> Vec<[f64; 2]> {
        let pairs = series("actual").into_iter().zip(series("predicted"));
        pairs
            .map(|(actual, predicted)| [actual, predicted])
            .collect()
    }

    #[test]
    fn errors_are_those_of_scikit_learn() {
        let check = |name: &str, actual: Option<f64>| close(actual, number(name), 1e-12, name);
        let absolute = AbsoluteErrors::of(pairs());
        check("mae", absolute.mae());
        check("pinball_0.1", absolute.pinball(0.1));
        check("pinball_0.9", absolute.pinball(0.9));
        check("rmse", SquaredErrors::of(pairs()).rmse());
        check("mape", PercentageErrors::of(pairs()).mean());
        check("smape", SymmetricErrors::of(pairs()).mean());
        check("r2", VarianceShare::of(pairs()).r2());
        let bounds = pairs()
            .into_iter()
            .map(|[actual, predicted]| [actual, predicted - 1.0, predicted + 1.0]);
        check("coverage", Coverage::of(bounds).mean());
        let normal = pairs()
            .into_iter()
            .map(|[actual, predicted]| [actual, predicted, 0.5 + predicted.abs() / 10.0]);
        check("crps", NormalCrps::of(normal).mean());
        check("naive_error", naive_error(&series("actual"), 1));
        check("naive_error_3", naive_error(&series("actual"), 3));
    }

    #[test]
    fn what_is_not_defined_is_none() {
        assert_eq!(AbsoluteErrors::default().mae(), None);
        assert_eq!(SquaredErrors::default().rmse(), None);
        assert_eq!(PercentageErrors::of([[0.0, 1.0], [1.0, 1.0]]).mean(), None);
        assert_eq!(
            SymmetricErrors::of([[0.0, 0.0], [1.0, -1.0]]).mean(),
            Some(1.0)
        );
        assert_eq!(VarianceShare::of([[2.0, 1.0], [2.0, 2.0]]).r2(), None);
        assert_eq!(VarianceShare::of([[2.0, 1.0]]).r2(), None);
        assert_eq!(NormalCrps::of([[2.0, 1.0, 0.0]]).mean(), Some(1.0));
        assert_eq!(NormalCrps::of([[2.0, 1.0, -1.0]]).mean(), None);
        assert_eq!(naive_error(&[1.0, 1.0], 1), None);
        assert_eq!(naive_error(&[1.0], 1), None);
        assert_eq!(naive_error(&[], 3), None);
    }

    #[test]
    fn splitting_and_sliding_keep_the_errors() {
        let pair = || [-10.0..10.0, -10.0..10.0f64];
        promises::check_samples::<[f64; 2], AbsoluteErrors>(pair(), AbsoluteErrors::mae);
        promises::check_samples::<[f64; 2], SquaredErrors>(pair(), SquaredErrors::rmse);
        promises::check_samples::<[f64; 2], SymmetricErrors>(pair(), SymmetricErrors::mean);
        promises::check_samples::<[f64; 2], PercentageErrors>([1.0..9.0, 1.0..9.0f64], |e| {
            e.mean()
        });
        promises::check_samples::<[f64; 2], VarianceShare>(
            [1e9..1e9 + 9.0, 1e9..1e9 + 9.0f64],
            |e| e.r2().map(|r2| (2.0 - r2).ln()),
        );
        let triple = || [-10.0..10.0, -10.0..0.0, 0.0..10.0f64];
        promises::check_samples::<[f64; 3], Coverage>(triple(), Coverage::mean);
        promises::check_samples::<[f64; 3], NormalCrps>(triple(), NormalCrps::mean);
    }
}
