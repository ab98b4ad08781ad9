//! Principal components as a picture of normal operation, and two distances from it (Jackson and Mudholkar 1979;
//! contributions as in Miller, Swanson, Heckler 1998).
//!
//! ```text
//! t = P (x − mean)             scores on the components kept
//! T² = Σ tₖ² / λₖ              unusual along the ways in which the training rows vary
//! Q  = ‖x − mean − Pᵀt‖²       unusual against the relations between features
//! ```
//!
//! The limits are percentiles over the training rows: they hold whatever the distribution is.

use crate::document::{Document, ensure};
use crate::error::Result;
use crate::numeric::matrix::{dot, eigen, scatter};
use crate::numeric::quantile;
use crate::numeric::sum::mean;
use crate::options::{Components, PcaOptions};

/// Components with less of the variance than this are rounding.
const VARIANCE_MIN: f64 = 1e-12;

/// The plane of normal operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pca {
    means: Vec<f64>,
    /// Unit vectors, one after the other, by falling variance.
    components: Vec<f64>,
    /// Of each component, over the training rows.
    variances: Vec<f64>,
    /// The share of the variance that the components explain.
    explained: f64,
    pub(crate) t2_limit: f64,
    pub(crate) q_limit: f64,
}

/// Where a row is.
pub(crate) struct Place {
    pub(crate) scores: Vec<f64>,
    residuals: Vec<f64>,
    pub(crate) t2: f64,
    pub(crate) q: f64,
}

impl Pca {
    pub(crate) fn fit(options: &PcaOptions, features: &[Vec<f64>]) -> Self {
        let width = features.len();
        let rows = features.first().map_or(0, Vec::len);
        let means: Vec<f64> = features
            .iter()
            .map(|column| mean(column).unwrap_or(0.0))
            .collect();
        let mut covariance = scatter(features, &means);
        let degrees = rows.saturating_sub(1).max(1) as f64;
        covariance.iter_mut().for_each(|value| *value /= degrees);
        let (values, vectors) = eigen(covariance, width);
        let total: f64 = values.iter().sum();
        let real = values
            .iter()
            .filter(|value| **value > total * VARIANCE_MIN)
            .count();
        let count = match options.components {
            Components::Count(count) => count as usize,
            Components::Share(share) => {
                let mut explained = 0.0;
                let enough = values.iter().position(|value| {
                    explained += value / total;
                    explained >= share
                });
                enough.map_or(width, |last| last + 1)
            }
        };
        let count = count.min(real);
        let mut pca = Self {
            means,
            components: vectors[..count * width].to_vec(),
            explained: (values[..count].iter().sum::<f64>() / total).min(1.0),
            variances: values[..count].to_vec(),
            t2_limit: 0.0,
            q_limit: 0.0,
        };
        let (mut t2, mut q) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let mut row = vec![0.0; width];
        for index in 0..rows {
            row.iter_mut()
                .zip(features)
                .for_each(|(value, column)| *value = column[index]);
            let place = pca.place(&row);
            t2.push(place.t2);
            q.push(place.q);
        }
        // Nothing may be left outside of the plane but rounding; a limit of 0 would divide by it.
        let least = (total * VARIANCE_MIN).max(f64::MIN_POSITIVE);
        pca.t2_limit = quantile::of(&mut t2, options.limit)
            .unwrap_or(0.0)
            .max(VARIANCE_MIN);
        pca.q_limit = quantile::of(&mut q, options.limit)
            .unwrap_or(0.0)
            .max(least);
        pca
    }

    pub(crate) fn count(&self) -> usize {
        self.variances.len()
    }

    fn component(&self, index: usize) -> &[f64] {
        let width = self.means.len();
        &self.components[index * width..(index + 1) * width]
    }

    /// The scores and distances of a row without missing values.
    pub(crate) fn place(&self, row: &[f64]) -> Place {
        let mut residuals: Vec<f64> = row
            .iter()
            .zip(&self.means)
            .map(|(x, mean)| x - mean)
            .collect();
        let scores: Vec<f64> = (0..self.count())
            .map(|index| dot(self.component(index), &residuals))
            .collect();
        for (index, score) in scores.iter().enumerate() {
            let component = self.component(index);
            residuals
                .iter_mut()
                .zip(component)
                .for_each(|(rest, part)| *rest -= score * part);
        }
        let squares = scores
            .iter()
            .zip(&self.variances)
            .map(|(score, variance)| score * score / variance);
        Place {
            t2: squares.sum(),
            q: dot(&residuals, &residuals),
            scores,
            residuals,
        }
    }

    /// The greater of both distances, in limits.
    pub(crate) fn excess(&self, place: &Place) -> f64 {
        (place.t2 / self.t2_limit).max(place.q / self.q_limit)
    }

    /// What each feature adds to the greater of both distances, in limits.
    pub(crate) fn explain(&self, row: &[f64]) -> Vec<f64> {
        let place = self.place(row);
        if place.q / self.q_limit >= place.t2 / self.t2_limit {
            return place
                .residuals
                .iter()
                .map(|rest| rest * rest / self.q_limit)
                .collect();
        }
        let added = |feature: usize| {
            let along = (0..self.count()).map(|index| {
                place.scores[index] / self.variances[index] * self.component(index)[feature]
            });
            along.sum::<f64>() * (row[feature] - self.means[feature]) / self.t2_limit
        };
        (0..row.len()).map(added).collect()
    }

    pub(crate) fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("components", self.count() as f64),
            ("explained_variance", self.explained),
            ("t2_limit", self.t2_limit),
            ("q_limit", self.q_limit),
        ]
    }

    pub(crate) fn write(&self, document: &mut Document) {
        document.put_numbers("pca.means", &self.means);
        document.put_numbers("pca.components", &self.components);
        document.put_numbers("pca.variances", &self.variances);
        document.put_numbers("pca.explained", &[self.explained]);
        document.put_numbers("pca.limits", &[self.t2_limit, self.q_limit]);
    }

    pub(crate) fn read(features: usize, document: &mut Document) -> Result<Self> {
        let variances = document.numbers("pca.variances")?;
        let limits = document.numbers_of("pca.limits", 2)?;
        let positive = variances.iter().chain(&limits).all(|value| *value > 0.0);
        ensure(positive, "a variance or limit is not above zero")?;
        Ok(Self {
            means: document.numbers_of("pca.means", features)?,
            components: document.numbers_of("pca.components", features * variances.len())?,
            explained: document.number("pca.explained")?,
            variances,
            t2_limit: limits[0],
            q_limit: limits[1],
        })
    }
}
