//! Ridge regression (Hoerl and Kennard 1970): coefficients that minimise the squared error plus `alpha` times their own
//! squares. The intercept is not shrunk.

use crate::document::Document;
use crate::error::{Error, Result};
use crate::numeric::matrix::{cross, dot, scatter, solve};
use crate::numeric::sum::mean;

/// A fitted line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ridge {
    /// What the features are on average.
    means: Vec<f64>,
    coefficients: Vec<f64>,
    /// What is predicted there.
    base: f64,
}

impl Ridge {
    pub(crate) fn fit(features: &[Vec<f64>], target: &[f64], alpha: f64) -> Result<Self> {
        let means: Vec<f64> = features
            .iter()
            .map(|column| mean(column).unwrap_or(0.0))
            .collect();
        let base = mean(target).unwrap_or(0.0);
        let mut products = scatter(features, &means);
        for feature in 0..features.len() {
            products[feature * features.len() + feature] += alpha;
        }
        let columns = features.iter().zip(&means);
        let right = columns.map(|(column, mean)| cross(column, *mean, target, base));
        let coefficients = solve(products, right.collect()).ok_or(Error::Collinear)?;
        Ok(Self {
            means,
            coefficients,
            base,
        })
    }

    pub(crate) fn predict(&self, features: &[&[f64]], out: &mut [f64]) {
        out.fill(self.base - dot(&self.coefficients, &self.means));
        for (column, coefficient) in features.iter().zip(&self.coefficients) {
            for (out, value) in out.iter_mut().zip(*column) {
                *out += coefficient * value;
            }
        }
    }

    /// The prediction for a mean row, and what each feature adds by being off its mean.
    pub(crate) fn explain(&self, row: &[f64]) -> (f64, Vec<f64>) {
        let deviations = row.iter().zip(&self.means).zip(&self.coefficients);
        let added = deviations.map(|((value, mean), coefficient)| coefficient * (value - mean));
        (self.base, added.collect())
    }

    pub(crate) fn write(&self, document: &mut Document) {
        document.put_numbers("ridge.means", &self.means);
        document.put_numbers("ridge.coefficients", &self.coefficients);
        document.put_numbers("ridge.base", &[self.base]);
    }

    pub(crate) fn read(features: usize, document: &mut Document) -> Result<Self> {
        Ok(Self {
            means: document.numbers_of("ridge.means", features)?,
            coefficients: document.numbers_of("ridge.coefficients", features)?,
            base: document.number("ridge.base")?,
        })
    }
}
