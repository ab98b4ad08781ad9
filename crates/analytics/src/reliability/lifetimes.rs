//! Distributions fitted to lifetimes by maximum likelihood; a censored lifetime counts with its chance to last longer.
//!
//! | lifetimes                                      | Weibull, lognormal | exponential |
//! |------------------------------------------------|--------------------|-------------|
//! | none, or no failure among them                 | none               | none        |
//! | one of zero or below                           | left out           | left out    |
//! | all failures at one age, nothing lasted longer | none: no finite shape | a scale  |
//!
//! Bounds are by the observed information, symmetrical in the logarithm of a parameter above zero (Meeker and Escobar 1998,
//! section 8.3), so that they never fall below it.

use super::Lifetime;
use crate::Summary;
use crate::statistics::special::{chi_squared_above, normal_above, normal_quantile_above};
use crate::summary::defined;

/// A parameter with its standard error and bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Parameter {
    /// Bounds a number above zero.
    fn positive(value: f64, error: f64, z: f64) -> Option<Self> {
        let factor = (z * error / value).exp();
        Self::checked(value, error, value / factor, value * factor)
    }

    /// Bounds any number.
    fn free(value: f64, error: f64, z: f64) -> Option<Self> {
        Self::checked(value, error, value - z * error, value + z * error)
    }

    fn checked(value: f64, error: f64, lower: f64, upper: f64) -> Option<Self> {
        let parameter = Self {
            value,
            error,
            lower,
            upper,
        };
        let is_defined = [value, error, lower, upper].iter().all(|x| x.is_finite());
        is_defined.then_some(parameter)
    }
}

fn quantile(confidence: f64) -> f64 {
    normal_quantile_above((1.0 - confidence) / 2.0)
}

/// A Weibull distribution fitted to lifetimes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeibullFit {
    /// How failures go with age: above 1 for wear.
    pub shape: Parameter,
    /// The age by which 63 % have failed.
    pub scale: Parameter,
    /// The age by which 10 % have failed.
    pub b10: f64,
    /// The natural logarithm of the likelihood.
    pub log_likelihood: f64,
    /// How many of the lifetimes ended in a failure.
    pub failures: u64,
}

/// The sums that the likelihood is made of, over ages as shares of the greatest.
struct Sums {
    /// Σ x^k, Σ x^k·ln x, Σ x^k·ln² x.
    powers: [f64; 3],
}

impl Sums {
    fn of(logs: &[f64], shape: f64) -> Self {
        let mut powers = [0.0; 3];
        for log in logs {
            let power = (shape * log).exp();
            powers[0] += power;
            powers[1] += power * log;
            powers[2] += power * log * log;
        }
        Self { powers }
    }
}

/// Fits a Weibull distribution.
pub fn weibull_fit(lifetimes: &[Lifetime], confidence: f64) -> Option<WeibullFit> {
    let lives: Vec<&Lifetime> = lifetimes
        .iter()
        .filter(|life| life.duration > 0.0)
        .collect();
    let greatest = lives.iter().map(|life| life.duration).fold(0.0, f64::max);
    // Logarithms of shares of the greatest age: none is above zero, so no power overflows.
    let log = |life: &&Lifetime| (life.duration / greatest).ln();
    let logs: Vec<f64> = lives.iter().map(log).collect();
    let failed = lives.iter().filter(|life| life.is_failure);
    let failed_logs: f64 = failed.clone().map(log).sum();
    let failures = failed.count();
    if failures == 0 {
        return None;
    }
    let d = failures as f64;
    let shape = weibull_shape(&logs, failed_logs / d)?;
    let [s0, s1, s2] = Sums::of(&logs, shape).powers;
    let ln_share = (s0 / d).ln() / shape;
    let scale = greatest * ln_share.exp();
    // The observed information in (ln scale, shape), where the sum of (t/scale)^k is d.
    let unit = d / s0;
    let about = |power: f64, mean: f64| power - 2.0 * ln_share * mean + ln_share * ln_share * s0;
    let i_scale = shape * shape * d;
    let i_both = -shape * unit * (s1 - ln_share * s0);
    let i_shape = d / (shape * shape) + unit * about(s2, s1);
    let determinant = i_scale * i_shape - i_both * i_both;
    let z = quantile(confidence);
    let log_likelihood =
        d * (shape.ln() - scale.ln()) + (shape - 1.0) * (failed_logs - d * ln_share) - d;
    Some(WeibullFit {
        shape: Parameter::positive(shape, (i_scale / determinant).sqrt(), z)?,
        scale: Parameter::positive(scale, scale * (i_shape / determinant).sqrt(), z)?,
        b10: defined(scale * (-0.9_f64.ln()).powf(1.0 / shape))?,
        log_likelihood: defined(log_likelihood)?,
        failures: failures as u64,
    })
}

/// The root of `Σx^k·ln x / Σx^k − 1/k = mean log of the failures`, whose left side rises with k: by bisection, which no start can
/// lead astray.
fn weibull_shape(logs: &[f64], failed_mean: f64) -> Option<f64> {
    let excess = |shape: f64| {
        let [s0, s1, _] = Sums::of(logs, shape).powers;
        s1 / s0 - 1.0 / shape - failed_mean
    };
    let (mut low, mut high) = (1e-6, 1.0);
    while excess(high) < 0.0 {
        low = high;
        high *= 2.0;
        // Steeper than this all failures are at one age.
        if high > 1e9 {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if excess(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// A lognormal distribution fitted to lifetimes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LognormalFit {
    /// The mean of the logarithms.
    pub mu: Parameter,
    /// Their standard deviation.
    pub sigma: Parameter,
    /// The age by which half have failed.
    pub median: f64,
    /// The age by which 10 % have failed.
    pub b10: f64,
    /// The natural logarithm of the likelihood.
    pub log_likelihood: f64,
    /// How many of the lifetimes ended in a failure.
    pub failures: u64,
}

/// The hazard of the standard normal distribution, `φ(z)/Q(z)`.
fn normal_hazard(z: f64) -> f64 {
    let above = normal_above(z);
    // So far out that the tail has no digits left, the hazard is its asymptote.
    if above < 1e-290 {
        return z + 1.0 / z;
    }
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() / above
}

/// Log-likelihood of the logarithms, its gradient in (mu, ln sigma), and the observed information there.
fn lognormal_terms(logs: &[(f64, bool)], mu: f64, sigma: f64) -> (f64, [f64; 2], [f64; 3]) {
    let (mut likelihood, mut gradient, mut information) = (0.0, [0.0; 2], [0.0; 3]);
    for (log, is_failure) in logs {
        let z = (log - mu) / sigma;
        if *is_failure {
            likelihood -= sigma.ln() + log + z * z / 2.0 + (2.0 * std::f64::consts::PI).ln() / 2.0;
            gradient[0] += z / sigma;
            gradient[1] += z * z - 1.0;
            information[0] += 1.0 / (sigma * sigma);
            information[1] += 2.0 * z / sigma;
            information[2] += 2.0 * z * z;
        } else {
            let hazard = normal_hazard(z);
            let slope = hazard * (hazard - z);
            likelihood += normal_above(z).ln();
            gradient[0] += hazard / sigma;
            gradient[1] += hazard * z;
            information[0] += slope / (sigma * sigma);
            information[1] += (slope * z + hazard) / sigma;
            information[2] += slope * z * z + hazard * z;
        }
    }
    (likelihood, gradient, information)
}

/// Fits a lognormal distribution: Newton's method from the moments, with steps halved until the likelihood rises.
pub fn lognormal_fit(lifetimes: &[Lifetime], confidence: f64) -> Option<LognormalFit> {
    let lives = lifetimes.iter().filter(|life| life.duration > 0.0);
    let logs: Vec<(f64, bool)> = lives
        .map(|life| (life.duration.ln(), life.is_failure))
        .collect();
    let failures = logs.iter().filter(|(_, is_failure)| *is_failure).count();
    if failures == 0 {
        return None;
    }
    let n = logs.len() as f64;
    let mean = logs.iter().map(|(log, _)| log).sum::<f64>() / n;
    let variance = logs
        .iter()
        .map(|(log, _)| (log - mean).powi(2))
        .sum::<f64>()
        / n;
    if variance <= (1e-12 * mean).powi(2) {
        return None;
    }
    let (mut mu, mut ln_sigma) = (mean, variance.ln() / 2.0);
    let (mut likelihood, mut gradient, mut information) =
        lognormal_terms(&logs, mu, ln_sigma.exp());
    for _ in 0..200 {
        let determinant = information[0] * information[2] - information[1] * information[1];
        let newton = [
            (gradient[0] * information[2] - gradient[1] * information[1]) / determinant,
            (gradient[1] * information[0] - gradient[0] * information[1]) / determinant,
        ];
        // Away from the maximum the information may not be positive: then go uphill.
        let is_uphill = determinant > 0.0 && information[0] > 0.0;
        let mut step = if is_uphill {
            newton
        } else {
            gradient.map(|slope| slope / n)
        };
        let mut next = lognormal_terms(&logs, mu + step[0], (ln_sigma + step[1]).exp());
        let is_worse = |next: f64| next.is_nan() || next < likelihood;
        while is_worse(next.0) && step.iter().any(|x| x.abs() > 1e-15) {
            step = step.map(|x| x / 2.0);
            next = lognormal_terms(&logs, mu + step[0], (ln_sigma + step[1]).exp());
        }
        if is_worse(next.0) {
            break;
        }
        mu += step[0];
        ln_sigma += step[1];
        (likelihood, gradient, information) = next;
        if step.iter().all(|x| x.abs() < 1e-13) {
            break;
        }
    }
    let (z, sigma) = (quantile(confidence), ln_sigma.exp());
    let determinant = information[0] * information[2] - information[1] * information[1];
    let tenth = normal_quantile_above(0.1);
    Some(LognormalFit {
        mu: Parameter::free(mu, (information[2] / determinant).sqrt(), z)?,
        sigma: Parameter::positive(sigma, sigma * (information[0] / determinant).sqrt(), z)?,
        median: defined(mu.exp())?,
        b10: defined((mu - tenth * sigma).exp())?,
        log_likelihood: defined(likelihood)?,
        failures: failures as u64,
    })
}

/// Lifetimes as an exponential distribution needs them: how many ended, and the time lived.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExponentialLives {
    failures: u64,
    time: f64,
}

/// An exponential distribution fitted to lifetimes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialFit {
    /// The mean life.
    pub mean: f64,
    /// Its lower bound: exact for time-censored tests (Epstein and Sobel 1953).
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
    /// Failures per unit of time.
    pub rate: f64,
    /// The natural logarithm of the likelihood.
    pub log_likelihood: f64,
    /// How many of the lifetimes ended in a failure.
    pub failures: u64,
}

impl ExponentialLives {
    /// The fit; `None` without failures.
    pub fn fit(&self, confidence: f64) -> Option<ExponentialFit> {
        if self.failures == 0 || self.time <= 0.0 {
            return None;
        }
        let d = self.failures as f64;
        let tail = (1.0 - confidence) / 2.0;
        let rate = d / self.time;
        Some(ExponentialFit {
            mean: defined(self.time / d)?,
            lower: defined(2.0 * self.time / chi_squared_quantile_above(tail, 2.0 * d + 2.0))?,
            upper: defined(2.0 * self.time / chi_squared_quantile_above(1.0 - tail, 2.0 * d))?,
            rate: defined(rate)?,
            log_likelihood: defined(d * rate.ln() - d)?,
            failures: self.failures,
        })
    }
}

/// What a chi-squared variable is above with chance `tail`, by bisection.
fn chi_squared_quantile_above(tail: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, degrees + 1.0);
    while chi_squared_above(high, degrees) > tail {
        low = high;
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if chi_squared_above(middle, degrees) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Durations of zero and below are left out.
impl Summary<Lifetime> for ExponentialLives {
    const PARTS: &'static [&'static str] = &["failures", "time"];

    fn push(&mut self, life: Lifetime) {
        if life.duration > 0.0 {
            self.failures += u64::from(life.is_failure);
            self.time += life.duration;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.failures += other.failures;
        self.time += other.time;
    }

    fn part(&self, index: usize) -> f64 {
        [self.failures as f64, self.time][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            failures: part(0) as u64,
            time: part(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::maintenance_golden::{close, lifetimes, number};
    use crate::summary::promises;

    fn lives(durations: &[f64], is_failure: bool) -> Vec<Lifetime> {
        let life = |duration: &f64| Lifetime {
            duration: *duration,
            is_failure,
        };
        durations.iter().map(life).collect()
    }

    #[test]
    fn fits_are_those_of_lifelines() {
        for set in ["lives", "uncensored", "late"] {
            let check = |name: &str, actual: f64, tolerance| {
                let name = format!("{name}_{set}");
                close(Some(actual), number(&name), tolerance, &name);
            };
            let fit = weibull_fit(&lifetimes(set), 0.95).unwrap();
            check("weibull_shape", fit.shape.value, 1e-5);
            check("weibull_shape_error", fit.shape.error, 1e-4);
            check("weibull_scale", fit.scale.value, 1e-5);
            check("weibull_scale_error", fit.scale.error, 1e-4);
            check("weibull_log_likelihood", fit.log_likelihood, 1e-7);
            check("weibull_b10", fit.b10, 1e-5);
            let fit = lognormal_fit(&lifetimes(set), 0.95).unwrap();
            // The search of lifelines stops after four to five digits of these.
            check("lognormal_mu", fit.mu.value, 1e-4);
            check("lognormal_mu_error", fit.mu.error, 1e-3);
            check("lognormal_sigma", fit.sigma.value, 1e-4);
            check("lognormal_sigma_error", fit.sigma.error, 1e-3);
            check("lognormal_log_likelihood", fit.log_likelihood, 1e-7);
            let fit = ExponentialLives::of(lifetimes(set)).fit(0.95).unwrap();
            check("exponential_mean", fit.mean, 1e-10);
            check("exponential_lower", fit.lower, 1e-9);
            check("exponential_upper", fit.upper, 1e-9);
            check("exponential_log_likelihood", fit.log_likelihood, 1e-10);
        }
    }

    #[test]
    fn without_censoring_a_lognormal_fit_is_that_of_the_logarithms() {
        let lives = lifetimes("uncensored");
        let fit = lognormal_fit(&lives, 0.95).unwrap();
        let n = lives.len() as f64;
        let mean = lives.iter().map(|life| life.duration.ln()).sum::<f64>() / n;
        let squares = lives.iter().map(|life| (life.duration.ln() - mean).powi(2));
        let sigma = (squares.sum::<f64>() / n).sqrt();
        close(Some(fit.mu.value), Some(mean), 1e-10, "mu");
        close(Some(fit.sigma.value), Some(sigma), 1e-10, "sigma");
        close(
            Some(fit.mu.error),
            Some(sigma / n.sqrt()),
            1e-8,
            "error of mu",
        );
        close(
            Some(fit.sigma.error),
            Some(sigma / (2.0 * n).sqrt()),
            1e-8,
            "error of sigma",
        );
    }

    #[test]
    fn bounds_hold_the_estimate() {
        let fit = weibull_fit(&lifetimes("lives"), 0.9).unwrap();
        let wider = weibull_fit(&lifetimes("lives"), 0.99).unwrap();
        for (one, other) in [(fit.shape, wider.shape), (fit.scale, wider.scale)] {
            assert!(other.lower < one.lower && one.lower < one.value);
            assert!(one.value < one.upper && one.upper < other.upper);
            assert!(other.lower > 0.0);
        }
    }

    #[test]
    fn lives_that_say_nothing_have_no_fit() {
        let check = |lives: &[Lifetime]| {
            assert_eq!(weibull_fit(lives, 0.95), None, "{lives:?}");
            assert_eq!(lognormal_fit(lives, 0.95), None, "{lives:?}");
        };
        check(&[]);
        check(&lives(&[5.0, 6.0], false));
        check(&lives(&[5.0, 5.0], true));
        check(&lives(&[5.0], true));
        check(&lives(&[0.0, -1.0], true));
        assert_eq!(ExponentialLives::default().fit(0.95), None);
        assert_eq!(ExponentialLives::of(lives(&[5.0], false)).fit(0.95), None);
    }

    #[test]
    fn units_only_scale_the_ages() {
        let shapes: Vec<f64> = [1e-9, 1.0, 1e12]
            .map(|unit| {
                let mut lives = lifetimes("lives");
                lives.iter_mut().for_each(|life| life.duration *= unit);
                let fit = weibull_fit(&lives, 0.95).unwrap();
                close(
                    Some(fit.scale.value / unit),
                    number("weibull_scale_lives"),
                    1e-5,
                    "scale",
                );
                fit.shape.value
            })
            .to_vec();
        close(Some(shapes[0]), Some(shapes[1]), 1e-9, "shape");
        close(Some(shapes[2]), Some(shapes[1]), 1e-9, "shape");
    }

    #[test]
    fn splitting_and_sliding_keep_the_exponential_fit() {
        let life = (0.1..10.0f64, any::<bool>()).prop_map(|(duration, is_failure)| Lifetime {
            duration,
            is_failure,
        });
        promises::check_samples::<Lifetime, ExponentialLives>(life, |lives| {
            lives.fit(0.9).map(|fit| fit.mean)
        });
    }
}
