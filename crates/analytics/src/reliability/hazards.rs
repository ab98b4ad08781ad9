//! Cox's proportional hazards (Cox 1972): `h(t | x) = h₀(t)·exp(b·x)`, whatever the hazard `h₀` is.
//!
//! The partial likelihood is maximised by Newton's method; failures at the same time are shared out as Efron (1977) does. As
//! `lifelines.CoxPHFitter`.

use super::{Lifetime, concordance_index};
use crate::statistics::special::chi_squared_above;
use crate::summary::defined;

/// Steps of Newton's method.
const STEPS_MAX: usize = 100;

/// A coefficient per standard deviation that is no estimate any more: the covariates tell the failures apart entirely.
const COEFFICIENT_MAX: f64 = 30.0;

/// What is left of a covariate when the others are known, as a share, below which it is determined by them.
const NOISE: f64 = 1e-10;

/// What one covariate has to do with the hazard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HazardRatio {
    /// The logarithm of the ratio of hazards for one more of the covariate.
    pub coefficient: f64,
    /// Its standard error.
    pub error: f64,
    /// The chance of such a coefficient where the covariate has nothing to do with it (Wald's test).
    pub p: f64,
}

/// What several covariates have to do with the hazard, each with the others held still.
#[derive(Debug, Clone, PartialEq)]
pub struct CoxModel {
    /// Of each covariate.
    pub ratios: Vec<HazardRatio>,
    /// Twice the logarithm of how much likelier the lifetimes are with the covariates than without.
    pub log_likelihood_ratio: f64,
    /// The share of pairs in which the one with the lower hazard lasts longer; `None` without a pair.
    pub concordance: Option<f64>,
}

/// The model of lifetimes by covariates, which are given row by row, as many in each. `None` without failures, where a covariate does not vary or
/// is determined by others, and where they tell failures apart entirely, so that no coefficient is large enough.
pub fn cox_ph(lives: &[Lifetime], covariates: &[&[f64]]) -> Option<CoxModel> {
    let scales = scales(covariates)?;
    if !lives.iter().any(|life| life.is_failure) {
        return None;
    }
    let scaled = |row: &&[f64]| -> Vec<f64> {
        let row = row.iter().zip(&scales);
        row.map(|(x, (mean, sigma))| (x - mean) / sigma).collect()
    };
    let mut rows: Vec<(Lifetime, Vec<f64>)> = lives
        .iter()
        .copied()
        .zip(covariates.iter().map(scaled))
        .collect();
    // Who has lasted longest is at risk at every time before.
    rows.sort_by(|a, b| b.0.duration.total_cmp(&a.0.duration));
    let nothing = Likelihood::of(&rows, &vec![0.0; scales.len()]).value;
    let (at, found) = maximise(&rows, scales.len())?;
    let errors = found.information.inverse_diagonal()?;
    let ratio = |((at, square), (_, sigma)): ((&f64, f64), &(f64, f64))| {
        Some(HazardRatio {
            coefficient: defined(at / sigma)?,
            error: defined(square.sqrt() / sigma)?,
            p: chi_squared_above(at * at / square, 1.0),
        })
    };
    let ratios = at.iter().zip(errors).zip(&scales).map(ratio);
    let scored = |(life, x): &(Lifetime, Vec<f64>)| (*life, -dot(&at, x));
    let scored: Vec<_> = rows.iter().map(scored).collect();
    Some(CoxModel {
        ratios: ratios.collect::<Option<_>>()?,
        log_likelihood_ratio: 2.0 * (found.value - nothing).max(0.0),
        concordance: concordance_index(&scored),
    })
}

/// The mean and the standard deviation of each covariate; `None` where one does not vary.
fn scales(covariates: &[&[f64]]) -> Option<Vec<(f64, f64)>> {
    let n = covariates.len() as f64;
    let scale = |column: usize| {
        let values = || covariates.iter().map(|row| row[column]);
        let mean = values().sum::<f64>() / n;
        let sigma = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        (sigma.is_finite() && sigma > 1e-15 * mean.abs()).then_some((mean, sigma))
    };
    (0..covariates.first()?.len()).map(scale).collect()
}

/// The coefficients of the greatest likelihood, and the likelihood there.
fn maximise(rows: &[(Lifetime, Vec<f64>)], count: usize) -> Option<(Vec<f64>, Likelihood)> {
    let mut at = vec![0.0; count];
    let mut now = Likelihood::of(rows, &at);
    for _ in 0..STEPS_MAX {
        let step = now.information.solve(&now.slope)?;
        let mut share = 2.0 / step.iter().fold(2.0_f64, |most, x| most.max(x.abs()));
        let moved = |share: f64| -> Vec<f64> {
            let along = at.iter().zip(&step);
            along.map(|(at, step)| at + share * step).collect()
        };
        let size = step.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let mut next = Likelihood::of(rows, &moved(share));
        // The likelihood is concave: half of a step that went too far has not.
        while next.value < now.value && share * size > 1e-12 {
            share /= 2.0;
            next = Likelihood::of(rows, &moved(share));
        }
        at = moved(share);
        now = next;
        let largest = at.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        if largest > COEFFICIENT_MAX {
            return None;
        }
        if share * size <= 1e-12 * largest.max(1.0) {
            break;
        }
    }
    Some((at, now))
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The logarithm of the partial likelihood, its slope and its curvature.
#[derive(Debug, Clone)]
struct Likelihood {
    value: f64,
    slope: Vec<f64>,
    information: Symmetric,
}

impl Likelihood {
    /// At some coefficients; the rows fall by duration.
    fn of(rows: &[(Lifetime, Vec<f64>)], coefficients: &[f64]) -> Self {
        let count = coefficients.len();
        let mut likelihood = Self {
            value: 0.0,
            slope: vec![0.0; count],
            information: Symmetric::zero(count),
        };
        let mut at_risk = Weights::none(count);
        let mut failed = Weights::none(count);
        for same in rows.chunk_by(|a, b| a.0.duration == b.0.duration) {
            failed.clear();
            let mut failures = 0_u32;
            for (life, x) in same {
                let exponent = dot(coefficients, x);
                at_risk.add(x, exponent.exp());
                if life.is_failure {
                    failed.add(x, exponent.exp());
                    likelihood.value += exponent;
                    let slope = likelihood.slope.iter_mut().zip(x);
                    slope.for_each(|(slope, x)| *slope += x);
                    failures += 1;
                }
            }
            // The first of those that failed together had all of them at risk beside it, the last only itself.
            for before in 0..failures {
                likelihood.take(&at_risk, &failed, f64::from(before) / f64::from(failures));
            }
        }
        likelihood
    }

    /// One failure among those at risk, less a share of those that failed with it.
    fn take(&mut self, at_risk: &Weights, failed: &Weights, share: f64) {
        let total = at_risk.zeroth - share * failed.zeroth;
        self.value -= total.ln();
        let count = self.slope.len();
        let mean = |i: usize| (at_risk.first[i] - share * failed.first[i]) / total;
        for i in 0..count {
            self.slope[i] -= mean(i);
            for j in 0..=i {
                let second = at_risk.second.at(i, j) - share * failed.second.at(i, j);
                *self.information.at_mut(i, j) += second / total - mean(i) * mean(j);
            }
        }
    }
}

/// Sums of weights, of weighted covariates and of their weighted products.
#[derive(Debug)]
struct Weights {
    zeroth: f64,
    first: Vec<f64>,
    second: Symmetric,
}

impl Weights {
    fn none(count: usize) -> Self {
        Self {
            zeroth: 0.0,
            first: vec![0.0; count],
            second: Symmetric::zero(count),
        }
    }

    fn clear(&mut self) {
        self.zeroth = 0.0;
        self.first.fill(0.0);
        self.second.cells.fill(0.0);
    }

    fn add(&mut self, x: &[f64], weight: f64) {
        self.zeroth += weight;
        for (i, one) in x.iter().enumerate() {
            self.first[i] += weight * one;
            for (j, other) in x[..=i].iter().enumerate() {
                *self.second.at_mut(i, j) += weight * one * other;
            }
        }
    }
}

/// A symmetric matrix, of which the lower triangle is kept row by row.
#[derive(Debug, Clone)]
struct Symmetric {
    size: usize,
    cells: Vec<f64>,
}

impl Symmetric {
    fn zero(size: usize) -> Self {
        let cells = vec![0.0; size * (size + 1) / 2];
        Self { size, cells }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * (row + 1) / 2 + column]
    }

    fn at_mut(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.cells[row * (row + 1) / 2 + column]
    }

    /// Cholesky's factor, in the place of the matrix; `None` where it is not positive definite.
    fn factor(&self) -> Option<Self> {
        let mut factor = self.clone();
        for i in 0..self.size {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| factor.at(i, k) * factor.at(j, k)).sum();
                let rest = self.at(i, j) - known;
                *factor.at_mut(i, j) = if i != j {
                    rest / factor.at(j, j)
                } else if rest > NOISE * self.at(i, i) {
                    rest.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(factor)
    }

    /// The solution of the factored equations.
    fn solve_factored(&self, right: &[f64]) -> Vec<f64> {
        let mut x = right.to_vec();
        for i in 0..self.size {
            let known: f64 = (0..i).map(|k| self.at(i, k) * x[k]).sum();
            x[i] = (x[i] - known) / self.at(i, i);
        }
        for i in (0..self.size).rev() {
            let known: f64 = (i + 1..self.size).map(|k| self.at(k, i) * x[k]).sum();
            x[i] = (x[i] - known) / self.at(i, i);
        }
        x
    }

    fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        Some(self.factor()?.solve_factored(right))
    }

    /// The diagonal of the inverse.
    fn inverse_diagonal(&self) -> Option<Vec<f64>> {
        let factor = self.factor()?;
        let entry = |i: usize| {
            let mut unit = vec![0.0; self.size];
            unit[i] = 1.0;
            factor.solve_factored(&unit)[i]
        };
        Some((0..self.size).map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, lifetimes, number, series};

    fn fit(lives: &[Lifetime], columns: &[Vec<f64>]) -> Option<CoxModel> {
        let row = |index: usize| columns.iter().map(|column| column[index]).collect();
        let rows: Vec<Vec<f64>> = (0..lives.len()).map(row).collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        cox_ph(lives, &rows)
    }

    #[test]
    fn hazard_ratios_are_those_of_lifelines() {
        for name in ["lives", "late"] {
            let covariate = series(&format!("cox_covariate_{name}"));
            for (scale, offset) in [(1.0, 0.0), (1000.0, 1e6)] {
                let scaled = covariate.iter().map(|x| x * scale + offset).collect();
                let model = fit(&lifetimes(name), &[scaled]).unwrap();
                let ratio = model.ratios[0];
                let check = |field: &str, actual: f64| {
                    let expected = number(&format!("cox_{name}_{field}"));
                    close(Some(actual), expected, 1e-6, &format!("{name} {field}"));
                };
                check("coefficient", ratio.coefficient * scale);
                check("error", ratio.error * scale);
                check("p", ratio.p);
                check("log_likelihood_ratio", model.log_likelihood_ratio);
            }
        }
    }

    #[test]
    fn several_covariates_are_those_of_lifelines() {
        for (name, count) in [("two", 2), ("four", 4)] {
            let column = |index| series(&format!("cox_{name}_x{index}"));
            let columns: Vec<Vec<f64>> = (0..count).map(column).collect();
            let model = fit(&lifetimes(&format!("cox_{name}")), &columns).unwrap();
            let check = |field: &str, actual: Vec<f64>| {
                let expected = series(&format!("cox_{name}_{field}"));
                assert_eq!(actual.len(), expected.len());
                for (actual, expected) in actual.into_iter().zip(expected) {
                    close(
                        Some(actual),
                        Some(expected),
                        1e-6,
                        &format!("{name} {field}"),
                    );
                }
            };
            let of = |field: fn(&HazardRatio) -> f64| model.ratios.iter().map(field).collect();
            check("coefficients", of(|ratio| ratio.coefficient));
            check("errors", of(|ratio| ratio.error));
            check("ps", of(|ratio| ratio.p));
            check("log_likelihood_ratio", vec![model.log_likelihood_ratio]);
            check("concordance", vec![model.concordance.unwrap()]);
        }
    }

    #[test]
    fn what_tells_nothing_or_everything_has_no_ratio() {
        let check = |lives: &[(f64, bool)], columns: &[Vec<f64>]| {
            let life = |(duration, is_failure): &(f64, bool)| Lifetime {
                duration: *duration,
                is_failure: *is_failure,
            };
            let lives: Vec<Lifetime> = lives.iter().map(life).collect();
            assert_eq!(fit(&lives, columns), None, "{lives:?}");
        };
        check(&[], &[vec![]]);
        check(&[(1.0, true)], &[vec![1.0]]);
        let three = [(1.0, true), (2.0, true), (3.0, true)];
        check(&three, &[vec![0.1; 3]]);
        check(&[(1.0, false), (2.0, false)], &[vec![1.0, 2.0]]);
        let sorted: Vec<_> = (1..9).map(|i| (f64::from(i), true)).collect();
        check(&sorted, &[(1..9).map(|i| f64::from(-i)).collect()]);
        // One of them is determined by the other.
        let x: Vec<f64> = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0].to_vec();
        let twice: Vec<f64> = x.iter().map(|x| 7.0 - 2.0 * x).collect();
        check(&sorted, &[x, twice]);
    }
}
