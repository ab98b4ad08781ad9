//! The distribution functions behind p values, as tails: a small p keeps its digits.
//!
//! The incomplete gamma and beta functions are computed as in Press et al., "Numerical Recipes" (2007), sections 6.2 and
//! 6.4: a series where it converges fast, otherwise a continued fraction by Lentz's method.

use std::cell::Cell;
use std::f64::consts::{PI, SQRT_2};

/// Where a series or a continued fraction has converged.
const PRECISION: f64 = 1e-16;

/// More steps than any argument in use needs; what is not converged by then is not a number.
const STEPS_MAX: usize = 100_000;

/// Keeps Lentz's method from dividing by zero.
const TINY: f64 = 1e-300;

/// The chance that a standard normal variable is above `z`.
pub(crate) fn normal_above(z: f64) -> f64 {
    let tail = 0.5 * gamma_above(0.5, z * z / 2.0);
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// The chance that a standard normal variable is below `z`.
pub(crate) fn normal_below(z: f64) -> f64 {
    normal_above(-z)
}

/// The chance that a standard normal variable is farther from zero than `z`.
pub(super) fn normal_beyond(z: f64) -> f64 {
    gamma_above(0.5, z * z / 2.0)
}

/// The chance that a standard normal variable is no farther from zero than `z`.
pub fn normal_within(z: f64) -> f64 {
    1.0 - normal_beyond(z)
}

/// The chance that a chi-squared variable is above `x`.
pub(crate) fn chi_squared_above(x: f64, degrees: f64) -> f64 {
    gamma_above(degrees / 2.0, x / 2.0)
}

/// The chance that Student's t is farther from zero than `t`.
pub(super) fn student_beyond(t: f64, degrees: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    // Near zero the share degrees / (degrees + t²) rounds to one; its complement does not, and p is large enough there
    // to be taken from one.
    let square = t * t;
    if square < 1.0 {
        1.0 - beta_below(0.5, degrees / 2.0, square / (degrees + square))
    } else {
        beta_below(degrees / 2.0, 0.5, degrees / (degrees + square))
    }
}

/// The chance that the limit of √n·D, Kolmogorov's statistic, is above `x`.
pub(super) fn kolmogorov_above(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        // The theta function's other expansion converges where the alternating one does not.
        let term = |k: f64| (-(2.0 * k - 1.0).powi(2) * PI * PI / (8.0 * x * x)).exp();
        let sum: f64 = (1..=20).map(|k| term(f64::from(k))).sum();
        return 1.0 - (2.0 * PI).sqrt() / x * sum;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * f64::from(k * k) * x * x).exp()
    };
    2.0 * (1..=20).map(term).sum::<f64>()
}

/// The natural logarithm of the gamma function for x > 0: Stirling's series, shifted up where x is small.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    // B₂ₖ / (2k (2k − 1)) for k = 1 to 7.
    const TERMS: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < 12.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / (shifted * shifted);
    let series = TERMS
        .iter()
        .rev()
        .fold(0.0, |sum, term| sum * inverse + term)
        / shifted;
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * (2.0 * PI).ln() + series - product.ln()
}

/// The regularized upper incomplete gamma function Q(a, x).
pub(crate) fn gamma_above(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        1.0 - front * gamma_series(a, x)
    } else {
        front * gamma_fraction(a, x)
    }
}

fn gamma_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for step in 1..STEPS_MAX {
        term *= x / (a + step as f64);
        sum += term;
        if term < sum * PRECISION {
            return sum;
        }
    }
    f64::NAN
}

fn gamma_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut result = d;
    for step in 1..STEPS_MAX {
        let step = step as f64;
        let numerator = -step * (step - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b);
        c = away_from_zero(b + numerator / c);
        result *= d * c;
        if (d * c - 1.0).abs() < 2.0 * f64::EPSILON {
            return result;
        }
    }
    f64::NAN
}

/// The regularized incomplete beta function I_x(a, b).
fn beta_below(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let ln_beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..STEPS_MAX {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        result *= d * c;
        if (d * c - 1.0).abs() < 2.0 * f64::EPSILON {
            return result;
        }
    }
    f64::NAN
}

fn away_from_zero(value: f64) -> f64 {
    if value.abs() < TINY { TINY } else { value }
}

/// The z above which a standard normal variable is with chance `tail`, at most one half: Newton's method.
pub(crate) fn normal_quantile_above(tail: f64) -> f64 {
    let mut z = 0.0_f64;
    for _ in 0..100 {
        let density = (-z * z / 2.0).exp() / (SQRT_2 * PI.sqrt());
        let step = (normal_above(z) - tail) / density;
        // The tail is convex above zero, so the steps stay on one side; long ones are cut all the same.
        z += step.clamp(-1.0, 1.0);
        if step.abs() < 1e-14 * z.abs().max(1.0) {
            break;
        }
    }
    z
}

/// The t that Student's variable is above with chance `tail`, below one half.
///
/// The last one of each thread is remembered: the lines of a fleet of machines mostly have as many points as each other.
pub(crate) fn student_quantile_above(tail: f64, degrees: f64) -> f64 {
    thread_local! {
        static LAST: Cell<Option<([f64; 2], f64)>> = const { Cell::new(None) };
    }
    let known = LAST.get().filter(|(of, _)| *of == [tail, degrees]);
    known.map_or_else(
        || {
            let t = find_student_quantile_above(tail, degrees);
            LAST.set(Some(([tail, degrees], t)));
            t
        },
        |(_, t)| t,
    )
}

/// Newton's method. The tail is convex above zero and heavier than the normal one, so that steps from the normal quantile go up to the
/// result without passing it.
fn find_student_quantile_above(tail: f64, degrees: f64) -> f64 {
    let ln_scale =
        ln_gamma((degrees + 1.0) / 2.0) - ln_gamma(degrees / 2.0) - 0.5 * (degrees * PI).ln();
    let mut t = normal_quantile_above(tail);
    for _ in 0..200 {
        let density = (ln_scale - (degrees + 1.0) / 2.0 * (t * t / degrees).ln_1p()).exp();
        let step = (student_beyond(t, degrees) / 2.0 - tail) / density;
        t += step;
        if step.abs() <= 1e-14 * t.abs() {
            break;
        }
    }
    t
}

/// `e^x · Γ(a, x) / x^(a − 1)`, the upper incomplete gamma function over the leading term of its tail, which neither under-
/// nor overflows for large x. `x` is above zero.
pub(crate) fn gamma_tail_ratio(a: f64, x: f64) -> f64 {
    if x < a + 1.0 {
        let rest = gamma_above(a, x);
        (ln_gamma(a) + x - (a - 1.0) * x.ln()).exp() * rest
    } else {
        x * gamma_fraction(a, x)
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::number;
    use super::*;

    #[test]
    fn tails_agree_with_scipy() {
        let check = |name: &str, actual: f64, tolerance: f64| {
            let expected = number(name).unwrap();
            assert!(
                (actual - expected).abs() <= tolerance * expected,
                "{name}: {actual} is not {expected}"
            );
        };
        for z in [-3.0, -0.5, 0.0, 1e-6, 0.5, 1.96, 5.0, 20.0] {
            check(&format!("normal_above_{z}"), normal_above(z), 1e-12);
        }
        for (x, degrees) in [
            (0.1, 1.0),
            (3.0, 2.0),
            (10.0, 10.0),
            (300.0, 100.0),
            (1e4, 9000.0),
        ] {
            let name = format!("chi_squared_above_{x}_{degrees}");
            check(&name, chi_squared_above(x, degrees), 1e-10);
        }
        for (t, degrees) in [(0.01, 5.0), (1.0, 1.0), (2.5, 30.0), (4.0, 1e5), (9.0, 3.5)] {
            let name = format!("student_beyond_{t}_{degrees}");
            check(&name, student_beyond(t, degrees), 1e-10);
        }
        for x in [0.3, 0.8, 0.999, 1.0, 1.5, 3.0] {
            check(&format!("kolmogorov_above_{x}"), kolmogorov_above(x), 1e-10);
        }
        for x in [0.1, 0.5, 1.5, 7.0, 11.9, 30.0, 1e5] {
            check(&format!("gamma_{x}"), ln_gamma(x).abs(), 1e-12);
        }
        check("normal_quantile_0.025", normal_quantile_above(0.025), 1e-12);
        check("normal_quantile_0.4", normal_quantile_above(0.4), 1e-12);
        check("normal_quantile_1e-6", normal_quantile_above(1e-6), 1e-10);
    }

    #[test]
    fn quantiles_of_student_agree_with_scipy() {
        for (tail, degrees) in [
            (0.025, 1.0),
            (0.025, 3.0),
            (0.005, 30.0),
            (0.25, 2.0),
            (1e-4, 500.0),
        ] {
            let name = format!("student_quantile_{tail}_{degrees}");
            let expected = crate::maintenance_golden::number(&name).unwrap();
            let actual = student_quantile_above(tail, degrees);
            assert!(
                (actual - expected).abs() <= 1e-9 * expected,
                "{name}: {actual} is not {expected}"
            );
        }
    }
}
