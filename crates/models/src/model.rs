//! A trained model: immutable, used by any number of threads at once.

use std::ops::Range;

use crate::document::{Document, ensure};
use crate::drift::{Drift, DriftCounts};
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::features::Features;
use crate::interval::Interval;
use crate::options::Kind;
use crate::summary::Summary;

/// Rows that are prepared together.
const CHUNK_ROWS: usize = 1024;

/// Features nearer to their mean than this many standard deviations do not explain an anomaly.
const NOTABLE_Z: f64 = 1.5;

/// A model that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(crate) kind: Kind,
    pub(crate) names: Vec<String>,
    pub(crate) features: Features,
    pub(crate) summary: Summary,
    pub(crate) estimator: Estimator,
    pub(crate) interval: Option<Interval>,
}

/// Why a row got its value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// Of a regression: the prediction without the contributions, which add up to the rest.
    pub baseline: Option<f64>,
    /// The features that contribute, largest first.
    pub contributions: Vec<Contribution>,
}

/// What one feature has to do with a value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Contribution {
    /// The feature's name.
    pub feature: String,
    /// Its part; the unit depends on the kind of model.
    pub value: f64,
}

impl Model {
    /// The kind of model.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The names of the columns that it takes, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether predictions have intervals.
    pub fn has_intervals(&self) -> bool {
        self.interval.is_some()
    }

    /// How anomalous each row is, from 0 to 1: of isolation forests, principal components and k-means. The
    /// percentile of the training rows that the options name is at 2/3. NaN where a feature is missing.
    pub fn score(&self, columns: &[&[f64]], out: &mut [f64]) -> Result<()> {
        self.each_chunk(columns, out.len(), |features, rows| {
            self.estimator.score(features, &mut out[rows])
        })
    }

    /// Predictions of a regression, or the number of the cluster of each row. NaN where a feature is missing,
    /// but not of gradient boosting, which has learned what that means.
    pub fn predict(&self, columns: &[&[f64]], out: &mut [f64]) -> Result<()> {
        self.each_chunk(columns, out.len(), |features, rows| {
            self.estimator.predict(features, &mut out[rows])
        })
    }

    /// Between which bounds the true value of each row is to be expected.
    pub fn predict_interval(
        &self,
        columns: &[&[f64]],
        low: &mut [f64],
        high: &mut [f64],
    ) -> Result<()> {
        let Some(interval) = &self.interval else {
            return Err(Error::NotSupported {
                kind: self.kind.name(),
                what: "intervals: it was trained without options 'folds' and 'interval', or from one machine",
            });
        };
        self.predict(columns, low)?;
        for (low, high) in low.iter_mut().zip(high) {
            (*low, *high) = interval.around(*low);
        }
        Ok(())
    }

    /// The names of the columns that [`Model::transform`] gives.
    pub fn outputs(&self) -> Vec<String> {
        self.estimator.output_names().unwrap_or_else(|| {
            let used = self.features.used().iter();
            used.map(|&place| self.names[place as usize].clone())
                .collect()
        })
    }

    /// Columns that a model makes of its features: of a scaler the scaled features, of principal components both
    /// distances and the scores, of k-means the cluster and the distance to its centre.
    pub fn transform(&self, columns: &[&[f64]]) -> Result<Vec<Vec<f64>>> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut out: Vec<Vec<f64>> = vec![Vec::with_capacity(rows); self.outputs().len()];
        self.estimator.transform(&[], 0).map(drop)?;
        self.each_chunk(columns, rows, |features, rows| {
            let part = self.estimator.transform(features, rows.len())?;
            out.iter_mut()
                .zip(part)
                .for_each(|(out, part)| out.extend(part));
            Ok(())
        })?;
        Ok(out)
    }

    /// Why a row gets its value.
    ///
    /// | kind                      | a contribution is                                                            |
    /// |---------------------------|------------------------------------------------------------------------------|
    /// | isolation forest, scalers | standard deviations from the training mean, of a forest those from 1.5       |
    /// | principal components      | the part of the distance, T² or Q, that is farther over its limit, in limits |
    /// | k-means                   | the part of the squared distance to the centre                               |
    /// | ridge, gradient boosting  | what it adds to the baseline                                                 |
    pub fn explain(&self, row: &[f64]) -> Result<Explanation> {
        let columns: Vec<&[f64]> = row.iter().map(std::slice::from_ref).collect();
        self.check(&columns, 1)?;
        let features: Vec<f64> = self.features.apply(&columns, 0..1).concat();
        let own = self.estimator.explain(&features);
        let (baseline, values) = match (own, &self.estimator) {
            (Some((baseline, values)), _) => (baseline, values),
            (None, Estimator::Scaler | Estimator::Forest(_)) => {
                (None, self.deviations(row, &features))
            }
            (None, _) => (None, Vec::new()),
        };
        let least = match self.estimator {
            Estimator::Forest(_) => NOTABLE_Z,
            _ => 0.0,
        };
        let mut contributions: Vec<Contribution> = self
            .features
            .used()
            .iter()
            .zip(values)
            .filter(|(_, value)| value.abs() >= least && value.is_finite())
            .map(|(&place, value)| Contribution {
                feature: self.names[place as usize].clone(),
                value,
            })
            .collect();
        // Stable, so that equal ones stay in the order of the features.
        contributions.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        Ok(Explanation {
            baseline,
            contributions,
        })
    }

    /// How far the features of a row are from normal: in their regime where there are regimes.
    fn deviations(&self, row: &[f64], features: &[f64]) -> Vec<f64> {
        if self.features.has_regimes() {
            return features.to_vec();
        }
        let z = |&place: &u32| {
            let column = &self.summary.columns[place as usize];
            column.z(row[place as usize]).unwrap_or(0.0)
        };
        self.features.used().iter().map(z).collect()
    }

    /// How far each column has moved from how it was in training.
    pub fn drift(&self, columns: &[&[f64]]) -> Result<Vec<Drift>> {
        let mut counts = self.drift_counts();
        self.count_drift(&mut counts, columns)?;
        Ok(self.drift_of(&counts))
    }

    /// What drift is told from, of no rows yet: for rows that are not all there at once.
    pub fn drift_counts(&self) -> DriftCounts {
        DriftCounts::new(&self.summary)
    }

    /// Counts rows to tell their drift from. The counts are this model's.
    pub fn count_drift(&self, counts: &mut DriftCounts, columns: &[&[f64]]) -> Result<()> {
        self.check(columns, columns.first().map_or(0, |column| column.len()))?;
        counts.add(&self.summary, columns);
        Ok(())
    }

    /// How far the columns of the rows counted have moved. The counts are this model's.
    pub fn drift_of(&self, counts: &DriftCounts) -> Vec<Drift> {
        counts.drift(&self.summary, &self.names)
    }

    /// The model as bytes; the same model gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.document().to_bytes()
    }

    /// The model of these bytes. No bytes make it panic, or need more memory than a small multiple of their number.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(Document::from_bytes(bytes)?)
    }

    /// The model as JSON, for people and other programs.
    pub fn to_json(&self) -> String {
        self.document().to_json()
    }

    /// The model of this JSON; one that was exported is the same to the last bit.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::read(Document::from_json(text)?)
    }

    fn document(&self) -> Document {
        let mut document = Document::new(self.kind.name());
        document.put_texts("names", &self.names);
        self.features.write(&mut document);
        self.summary.write(&mut document);
        self.estimator.write(&mut document);
        if let Some(interval) = &self.interval {
            interval.write(&mut document);
        }
        document
    }

    fn read(mut document: Document) -> Result<Self> {
        let kind = Kind::from_name(&document.kind);
        let kind = kind.map_err(|error| Error::corrupt(error.to_string()))?;
        let names = document.texts("names")?;
        ensure(!names.is_empty(), "it takes no columns")?;
        let features = Features::read(names.len(), &mut document)?;
        let interval = if document.has("interval.edges") {
            Some(Interval::read(&mut document)?)
        } else {
            None
        };
        let model = Self {
            kind,
            summary: Summary::read(names.len(), &mut document)?,
            estimator: Estimator::read(kind, features.count(), &mut document)?,
            names,
            features,
            interval,
        };
        document.finish()?;
        Ok(model)
    }

    /// The columns are as many as the model takes, and as long as the result.
    fn check(&self, columns: &[&[f64]], rows: usize) -> Result<()> {
        if columns.len() != self.names.len() {
            return Err(Error::FeatureCount {
                expected: self.names.len(),
                names: self.names.join(", "),
                given: columns.len(),
            });
        }
        for (name, column) in self.names.iter().zip(columns) {
            if column.len() != rows {
                return Err(Error::UnequalColumns {
                    column: name.clone(),
                    rows: column.len(),
                    expected: rows,
                });
            }
        }
        Ok(())
    }

    /// Prepares the features of some rows at a time.
    fn each_chunk(
        &self,
        columns: &[&[f64]],
        rows: usize,
        mut with: impl FnMut(&[&[f64]], Range<usize>) -> Result<()>,
    ) -> Result<()> {
        self.check(columns, rows)?;
        for start in (0..rows).step_by(CHUNK_ROWS) {
            let range = start..rows.min(start + CHUNK_ROWS);
            let features = self.features.apply(columns, range.clone());
            let features: Vec<&[f64]> = features.iter().map(Vec::as_slice).collect();
            with(&features, range)?;
        }
        Ok(())
    }
}
