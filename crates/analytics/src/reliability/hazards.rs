//! Cox's proportional hazards (Cox 1972) of one covariate: `h(t | x) = h₀(t)·exp(b·x)`, whatever the hazard `h₀` is.
//!
//! The partial likelihood is maximised by Newton's method; failures at the same time are shared out as Efron (1977) does. As
//! `lifelines.CoxPHFitter`.

use super::Lifetime;
use crate::statistics::special::chi_squared_above;
use crate::summary::defined;

/// Steps of Newton's method.
const STEPS_MAX: usize = 100;

/// A coefficient per standard deviation that is no estimate any more: the covariate tells the failures apart entirely.
const COEFFICIENT_MAX: f64 = 30.0;

/// What a covariate has to do with the hazard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HazardRatio {
    /// The logarithm of the ratio of hazards for one more of the covariate.
    pub coefficient: f64,
    /// Its standard error.
    pub error: f64,
    /// The chance of such a coefficient where the covariate has nothing to do with it (Wald's test).
    pub p: f64,
    /// Twice the logarithm of how much likelier the lifetimes are with the covariate than without.
    pub log_likelihood_ratio: f64,
}

/// The hazard ratio of a covariate. `None` without failures, where the covariate does not vary, and where it tells failures
/// apart entirely, so that no coefficient is large enough.
pub fn cox_ph(lives: &[(Lifetime, f64)]) -> Option<HazardRatio> {
    let n = lives.len() as f64;
    let mean = lives.iter().map(|(_, x)| x).sum::<f64>() / n;
    let squares: f64 = lives.iter().map(|(_, x)| (x - mean).powi(2)).sum();
    let sigma = (squares / n).sqrt();
    let has_failure = lives.iter().any(|(life, _)| life.is_failure);
    if !has_failure || !sigma.is_finite() || sigma <= 1e-15 * mean.abs() {
        return None;
    }
    let mut rows: Vec<(Lifetime, f64)> = lives
        .iter()
        .map(|(life, x)| (*life, (x - mean) / sigma))
        .collect();
    // Who has lasted longest is at risk at every time before.
    rows.sort_by(|a, b| b.0.duration.total_cmp(&a.0.duration));
    let mut at = 0.0;
    let mut now = Likelihood::of(&rows, at);
    let nothing = now.value;
    for _ in 0..STEPS_MAX {
        if now.information <= 0.0 {
            return None;
        }
        let mut step = (now.slope / now.information).clamp(-2.0, 2.0);
        let mut next = Likelihood::of(&rows, at + step);
        // The likelihood is concave: half of a step that went too far has not.
        while next.value < now.value && step.abs() > 1e-12 {
            step /= 2.0;
            next = Likelihood::of(&rows, at + step);
        }
        at += step;
        now = next;
        if at.abs() > COEFFICIENT_MAX {
            return None;
        }
        if step.abs() <= 1e-12 * at.abs().max(1.0) {
            break;
        }
    }
    let error = 1.0 / now.information.sqrt();
    Some(HazardRatio {
        coefficient: defined(at / sigma)?,
        error: defined(error / sigma)?,
        p: chi_squared_above((at / error).powi(2), 1.0),
        log_likelihood_ratio: 2.0 * (now.value - nothing).max(0.0),
    })
}

/// The logarithm of the partial likelihood, its slope and its curvature.
#[derive(Debug, Clone, Copy, Default)]
struct Likelihood {
    value: f64,
    slope: f64,
    information: f64,
}

impl Likelihood {
    /// At a coefficient; the rows fall by duration.
    fn of(rows: &[(Lifetime, f64)], coefficient: f64) -> Self {
        let mut likelihood = Self::default();
        let mut at_risk = Weights::default();
        for same in rows.chunk_by(|a, b| a.0.duration == b.0.duration) {
            let mut failed = Weights::default();
            let mut count = 0.0;
            for (life, x) in same {
                at_risk.add(*x, coefficient);
                if life.is_failure {
                    failed.add(*x, coefficient);
                    likelihood.value += coefficient * x;
                    likelihood.slope += x;
                    count += 1.0;
                }
            }
            // The first of those that failed together had all of them at risk beside it, the last only itself.
            for before in 0..count as usize {
                let share = before as f64 / count;
                let left = at_risk.without(&failed, share);
                let (mean, square) = (left.first / left.zeroth, left.second / left.zeroth);
                likelihood.value -= left.zeroth.ln();
                likelihood.slope -= mean;
                likelihood.information += square - mean * mean;
            }
        }
        likelihood
    }
}

/// Sums of `exp(b·x)·xᵏ`.
#[derive(Debug, Clone, Copy, Default)]
struct Weights {
    zeroth: f64,
    first: f64,
    second: f64,
}

impl Weights {
    fn add(&mut self, x: f64, coefficient: f64) {
        let weight = (coefficient * x).exp();
        self.zeroth += weight;
        self.first += weight * x;
        self.second += weight * x * x;
    }

    fn without(&self, other: &Self, share: f64) -> Self {
        Self {
            zeroth: self.zeroth - share * other.zeroth,
            first: self.first - share * other.first,
            second: self.second - share * other.second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, lifetimes, number, series};

    #[test]
    fn hazard_ratios_are_those_of_lifelines() {
        for name in ["lives", "late"] {
            let covariate = series(&format!("cox_covariate_{name}"));
            for (scale, offset) in [(1.0, 0.0), (1000.0, 1e6)] {
                let lives: Vec<_> = lifetimes(name)
                    .into_iter()
                    .zip(covariate.iter().map(|x| x * scale + offset))
                    .collect();
                let fit = cox_ph(&lives);
                let check = |field: &str, scale: f64, actual: fn(&HazardRatio) -> f64| {
                    let expected = number(&format!("cox_{name}_{field}"));
                    let actual = fit.as_ref().map(actual).map(|x| x * scale);
                    close(actual, expected, 1e-6, &format!("{name} {field}"));
                };
                check("coefficient", scale, |fit| fit.coefficient);
                check("error", scale, |fit| fit.error);
                check("p", 1.0, |fit| fit.p);
                check("log_likelihood_ratio", 1.0, |fit| fit.log_likelihood_ratio);
            }
        }
    }

    #[test]
    fn what_tells_nothing_or_everything_has_no_ratio() {
        let life = |duration: f64, is_failure| Lifetime {
            duration,
            is_failure,
        };
        assert_eq!(cox_ph(&[]), None);
        assert_eq!(cox_ph(&[(life(1.0, true), 1.0)]), None);
        assert_eq!(
            cox_ph(&[
                (life(1.0, true), 0.1),
                (life(2.0, true), 0.1),
                (life(3.0, true), 0.1)
            ]),
            None
        );
        assert_eq!(
            cox_ph(&[(life(1.0, false), 1.0), (life(2.0, false), 2.0)]),
            None
        );
        let sorted: Vec<_> = (1..9)
            .map(|i| (life(f64::from(i), true), f64::from(-i)))
            .collect();
        assert_eq!(cox_ph(&sorted), None);
    }
}
