//! Degradation laws fitted to an indicator over age.
//!
//! | law           | indicator at age t       | fitted by                                                             |
//! |---------------|--------------------------|-----------------------------------------------------------------------|
//! | linear        | `a + b·t`                | least squares                                                         |
//! | exponential   | `a·exp(b·t)`             | least squares on the indicator itself, as `scipy.optimize.curve_fit`  |
//! | power         | `a·t^b`, t > 0           | the same                                                              |
//! | Wiener        | `a + b·t + σ·W(t)`       | maximum likelihood of the increments (Whitmore and Schenkelberg 1997) |
//!
//! Residuals are normal for the first three, increments for the last: `r2` and `sigma` mean what they mean there.

use crate::statistics::linear_trend;
use crate::summary::defined;

/// How an indicator goes with age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DegradationLaw {
    /// `a + b·t`.
    Linear,
    /// `a·exp(b·t)`.
    Exponential,
    /// `a·t^b`.
    Power,
    /// A drift `b` from the first value `a`, with diffusion `sigma`.
    Wiener,
}

/// The parameters of a law, and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DegradationFit {
    /// The law's `a`.
    pub a: f64,
    /// The law's `b`.
    pub b: f64,
    /// The standard deviation of residuals, corrected for the two parameters; for Wiener, the diffusion per root of time.
    /// `None` when two points are all there is.
    pub sigma: Option<f64>,
    /// The share of the variance that the law explains; `None` when the indicator does not vary.
    pub r2: Option<f64>,
}

/// Steps of the search for least squares.
const STEPS_MAX: usize = 500;

/// Fits a law to values at ages that do not fall. `None` below three points (two for Wiener), at one age only, or where the law
/// cannot hold: exponential and power need values of one sign, a power ages above zero.
pub fn degradation_fit(
    ages: &[f64],
    values: &[f64],
    law: DegradationLaw,
) -> Option<DegradationFit> {
    if law != DegradationLaw::Wiener && values.len() < 3 {
        return None;
    }
    let (a, b) = match law {
        DegradationLaw::Linear => {
            let line = linear_trend(ages, values)?;
            (line.intercept, line.slope)
        }
        DegradationLaw::Exponential => least_squares(ages, values, |age| age)?,
        DegradationLaw::Power if ages.iter().any(|age| *age <= 0.0) => return None,
        DegradationLaw::Power => least_squares(ages, values, f64::ln)?,
        DegradationLaw::Wiener => return wiener(ages, values),
    };
    let predicted = |age: f64| match law {
        DegradationLaw::Exponential => a * (b * age).exp(),
        DegradationLaw::Power => a * age.powf(b),
        DegradationLaw::Linear | DegradationLaw::Wiener => a + b * age,
    };
    let squares = |distance: &dyn Fn(usize) -> f64| -> f64 {
        (0..values.len()).map(|i| distance(i).powi(2)).sum()
    };
    let rest = squares(&|i| values[i] - predicted(ages[i]));
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let all = squares(&|i| values[i] - mean);
    Some(DegradationFit {
        a: defined(a)?,
        b: defined(b)?,
        sigma: defined((rest / (values.len() as f64 - 2.0)).sqrt()),
        r2: defined(1.0 - rest / all).filter(|_| all > 0.0),
    })
}

/// Least squares of `a·exp(b·x(age))` by the method of Levenberg and Marquardt, beginning at the line through the logarithms.
fn least_squares(ages: &[f64], values: &[f64], x: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let sign = values[0].signum();
    if values.iter().any(|value| value * sign <= 0.0) {
        return None;
    }
    let xs: Vec<f64> = ages.iter().map(|age| x(*age)).collect();
    if xs.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let logs: Vec<f64> = values.iter().map(|value| (value * sign).ln()).collect();
    let line = linear_trend(&xs, &logs)?;
    // About their middle, x and the scale hardly depend on one another.
    let middle = xs.iter().sum::<f64>() / xs.len() as f64;
    let start = [(line.intercept + line.slope * middle).exp(), line.slope];
    let points: Vec<(f64, f64)> = xs
        .iter()
        .map(|x| x - middle)
        .zip(values.iter().map(|v| v * sign))
        .collect();
    let [scale, b] = descend(&points, start);
    Some((sign * scale * (-b * middle).exp(), b))
}

fn descend(points: &[(f64, f64)], start: [f64; 2]) -> [f64; 2] {
    let rest = |[a, b]: [f64; 2]| -> f64 {
        points
            .iter()
            .map(|(x, y)| (y - a * (b * x).exp()).powi(2))
            .sum()
    };
    let (mut at, mut best, mut damping) = (start, rest(start), 1e-3);
    for _ in 0..STEPS_MAX {
        let (mut h, mut g) = ([0.0; 3], [0.0; 2]);
        for (x, y) in points {
            let e = (at[1] * x).exp();
            let slopes = [e, at[0] * x * e];
            let error = y - at[0] * e;
            h[0] += slopes[0] * slopes[0];
            h[1] += slopes[0] * slopes[1];
            h[2] += slopes[1] * slopes[1];
            g[0] += slopes[0] * error;
            g[1] += slopes[1] * error;
        }
        let (h0, h2) = (h[0] * (1.0 + damping), h[2] * (1.0 + damping));
        let determinant = h0 * h2 - h[1] * h[1];
        let step = [
            (g[0] * h2 - g[1] * h[1]) / determinant,
            (g[1] * h0 - g[0] * h[1]) / determinant,
        ];
        let next = [at[0] + step[0], at[1] + step[1]];
        let next_rest = rest(next);
        if next_rest.is_nan() || next_rest > best {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
            continue;
        }
        let is_still = (0..2).all(|i| step[i].abs() <= 1e-14 * at[i].abs());
        (at, best, damping) = (next, next_rest, (damping / 10.0).max(1e-12));
        if is_still {
            break;
        }
    }
    at
}

/// Drift and diffusion of a Wiener process with steps of any length; points at the time of the one before do not count.
fn wiener(ages: &[f64], values: &[f64]) -> Option<DegradationFit> {
    let (first, last) = (*ages.first()?, *ages.last()?);
    if last <= first {
        return None;
    }
    let mut points: Vec<(f64, f64)> = vec![];
    for (age, value) in ages.iter().zip(values) {
        match points.last_mut() {
            Some(point) if point.0 == *age => point.1 = *value,
            _ => points.push((*age, *value)),
        }
    }
    let end = points.last()?.1;
    let drift = (end - points[0].1) / (last - first);
    let squares: f64 = points
        .windows(2)
        .map(|pair| {
            let time = pair[1].0 - pair[0].0;
            (pair[1].1 - pair[0].1 - drift * time).powi(2) / time
        })
        .sum();
    let steps = points.len() - 1;
    Some(DegradationFit {
        a: points[0].1,
        b: defined(drift)?,
        sigma: (steps > 1).then(|| (squares / steps as f64).sqrt()),
        r2: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number, series};

    #[test]
    fn laws_are_fitted_as_in_scipy() {
        for (law, name) in [
            (DegradationLaw::Linear, "linear"),
            (DegradationLaw::Exponential, "exponential"),
            (DegradationLaw::Power, "power"),
            (DegradationLaw::Wiener, "wiener"),
        ] {
            let fit = degradation_fit(&series("fit_ages"), &series("fit_values"), law).unwrap();
            let expect = |field: &str| number(&format!("degradation_fit_{name}_{field}"));
            close(Some(fit.a), expect("a"), 1e-6, name);
            close(Some(fit.b), expect("b"), 1e-6, name);
            close(fit.sigma, expect("sigma"), 1e-6, name);
            close(fit.r2, expect("r2"), 1e-6, name);
        }
    }

    #[test]
    fn exact_laws_are_found() {
        let ages = [1.0, 2.0, 3.0, 5.0, 8.0];
        let check = |law, values: [f64; 5], a, b| {
            let fit = degradation_fit(&ages, &values, law).unwrap();
            close(Some(fit.a), Some(a), 1e-9, "a");
            close(Some(fit.b), Some(b), 1e-9, "b");
            close(fit.r2, Some(1.0), 1e-12, "r2");
        };
        check(
            DegradationLaw::Linear,
            ages.map(|t| 3.0 - 0.5 * t),
            3.0,
            -0.5,
        );
        check(
            DegradationLaw::Exponential,
            ages.map(|t| 0.1 * (0.7 * t).exp()),
            0.1,
            0.7,
        );
        check(
            DegradationLaw::Exponential,
            ages.map(|t| -2.0 * (-0.3 * t).exp()),
            -2.0,
            -0.3,
        );
        check(
            DegradationLaw::Power,
            ages.map(|t| 2.0 * t.powf(1.5)),
            2.0,
            1.5,
        );
    }

    #[test]
    fn laws_that_cannot_hold_have_no_fit() {
        let check = |ages: &[f64], values: &[f64], law| {
            assert_eq!(
                degradation_fit(ages, values, law),
                None,
                "{ages:?} {values:?}"
            );
        };
        use DegradationLaw::{Exponential, Linear, Power, Wiener};
        for law in [Linear, Exponential, Power, Wiener] {
            check(&[], &[], law);
            check(&[1.0], &[2.0], law);
            check(&[1.0, 1.0, 1.0], &[2.0, 3.0, 4.0], law);
        }
        check(&[1.0, 2.0], &[1.0, 2.0], Linear);
        check(&[1.0, 2.0, 3.0], &[1.0, -2.0, 3.0], Exponential);
        check(&[1.0, 2.0, 3.0], &[1.0, 0.0, 3.0], Exponential);
        check(&[0.0, 2.0, 3.0], &[1.0, 2.0, 3.0], Power);
    }
}
