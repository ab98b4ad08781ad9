//! The Weibull distribution with survival `S(t) = exp(−(t/scale)^shape)`: below a shape of 1 things fail early, at 1 by
//! chance, above it by wear.
//!
//! Nothing is defined for a shape or scale of zero or below. Ages below zero count as zero.

use crate::statistics::special::{gamma_above, gamma_tail_ratio, ln_gamma};
use crate::summary::defined;

/// `(t/scale)^shape`, the hazard added up; `None` where shape or scale make no sense.
fn hazard_so_far(age: f64, shape: f64, scale: f64) -> Option<f64> {
    if shape <= 0.0 || scale <= 0.0 {
        return None;
    }
    Some((age.max(0.0) / scale).powf(shape))
}

/// The chance to be alive at an age.
pub fn weibull_survival(age: f64, shape: f64, scale: f64) -> Option<f64> {
    defined((-hazard_so_far(age, shape, scale)?).exp())
}

/// The failures per unit of time among those alive at an age; not defined where infinite, at age 0 with a shape below 1.
pub fn weibull_hazard(age: f64, shape: f64, scale: f64) -> Option<f64> {
    hazard_so_far(age, shape, scale)?;
    defined(shape / scale * (age.max(0.0) / scale).powf(shape - 1.0))
}

/// The mean remaining life of what is alive at an age: the integral of the survival after it over the survival at it.
pub fn conditional_rul(age: f64, shape: f64, scale: f64) -> Option<f64> {
    let x = hazard_so_far(age, shape, scale)?;
    let a = 1.0 / shape;
    if x == 0.0 {
        return defined(scale * ln_gamma(1.0 + a).exp());
    }
    // scale/shape · Γ(a, x) · exp(x), with Γ(a, x) = x^(a − 1) · exp(−x) · ratio.
    defined(scale * a * x.powf(a - 1.0) * gamma_tail_ratio(a, x))
}

/// The chance that what is alive at an age fails within a horizon.
pub fn failure_probability(age: f64, horizon: f64, shape: f64, scale: f64) -> Option<f64> {
    let now = hazard_so_far(age, shape, scale)?;
    let then = hazard_so_far(age.max(0.0) + horizon.max(0.0), shape, scale)?;
    // Not the negative zero of a negation.
    defined(0.0 - (now - then).exp_m1())
}

/// The age at which to replace, so that cost per time is least: a planned replacement at that age costs `planned`, a failure before it
/// `failure` (Barlow and Hunter 1960).
///
/// `None` when replacing early never pays: a shape of 1 or below, or failures that cost no more than replacements.
pub fn optimal_replacement_age(shape: f64, scale: f64, planned: f64, failure: f64) -> Option<f64> {
    if shape <= 1.0 || scale <= 0.0 || planned <= 0.0 || failure <= planned {
        return None;
    }
    // The least cost is where hazard(t) · ∫S − F(t) = planned / (failure − planned); the left side rises from zero.
    let a = 1.0 / shape;
    let balance = |age: f64| {
        let x = age.powf(shape);
        let lived = a * ln_gamma(a).exp() * (1.0 - gamma_above(a, x));
        shape * age.powf(shape - 1.0) * lived + (-x).exp_m1()
    };
    let goal = planned / (failure - planned);
    let (mut low, mut high) = (0.0, 1.0);
    while balance(high) < goal {
        low = high;
        high *= 2.0;
        if high > 1e12 {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if balance(middle) < goal {
            low = middle;
        } else {
            high = middle;
        }
    }
    defined(high * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number};

    const CASES: [(&str, f64, f64, f64); 5] = [
        ("new", 0.0, 2.0, 1000.0),
        ("worn", 800.0, 2.0, 1000.0),
        ("old", 9000.0, 3.5, 1000.0),
        ("early", 50.0, 0.7, 1000.0),
        ("chance", 400.0, 1.0, 1000.0),
    ];

    #[test]
    fn the_distribution_is_that_of_scipy() {
        for (name, age, shape, scale) in CASES {
            let check = |what: &str, actual, tolerance| {
                close(
                    actual,
                    number(&format!("{what}_{name}")),
                    tolerance,
                    &format!("{what} {name}"),
                );
            };
            check("survival", weibull_survival(age, shape, scale), 1e-10);
            check("hazard", weibull_hazard(age, shape, scale), 1e-10);
            check("conditional_rul", conditional_rul(age, shape, scale), 1e-9);
            check(
                "failure_probability",
                failure_probability(age, 100.0, shape, scale),
                1e-10,
            );
        }
    }

    #[test]
    fn replacing_early_pays_when_things_wear() {
        for (name, shape, planned, failure) in [
            ("steep", 3.0, 1.0, 10.0),
            ("flat", 1.5, 1.0, 5.0),
            ("dear", 2.5, 100.0, 150.0),
        ] {
            let expected = number(&format!("replacement_{name}"));
            let actual = optimal_replacement_age(shape, 1000.0, planned, failure);
            close(actual, expected, 1e-6, name);
        }
        assert_eq!(optimal_replacement_age(1.0, 1000.0, 1.0, 10.0), None);
        assert_eq!(optimal_replacement_age(3.0, 1000.0, 10.0, 10.0), None);
        assert_eq!(optimal_replacement_age(3.0, 1000.0, 0.0, 10.0), None);
    }

    #[test]
    fn parameters_must_be_positive() {
        for (shape, scale) in [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (1.0, -2.0)] {
            assert_eq!(weibull_survival(1.0, shape, scale), None);
            assert_eq!(weibull_hazard(1.0, shape, scale), None);
            assert_eq!(conditional_rul(1.0, shape, scale), None);
            assert_eq!(failure_probability(1.0, 1.0, shape, scale), None);
        }
        assert_eq!(weibull_hazard(0.0, 0.5, 1.0), None);
        assert_eq!(weibull_survival(-5.0, 2.0, 1.0), Some(1.0));
    }
}
