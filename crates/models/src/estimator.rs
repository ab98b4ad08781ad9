//! What follows the features: one of the kinds of models, over columns without names.

use crate::boosting::Boosted;
use crate::document::{Document, ensure};
use crate::error::{Error, Result};
use crate::forest::Forest;
use crate::kmeans::{Centres, Found};
use crate::numeric::quantile;
use crate::options::Kind;
use crate::pca::Pca;
use crate::ridge::Ridge;

/// The training rows that are nearer to a centre than the limit.
const CLUSTER_LIMIT: f64 = 0.99;

/// Anomaly scores put the limit of normal operation here, as the calibrated score of a forest does.
const SCORE_AT_LIMIT: f64 = 1.0 / 1.5;

/// A fitted kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Estimator {
    /// The features as they are.
    Scaler,
    Forest(Forest),
    KMeans(Clusters),
    Pca(Pca),
    Ridge(Ridge),
    Boosted(Boosted),
}

/// Centres, and how far from them is too far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clusters {
    centres: Centres,
    /// A percentile of the training rows' distances to their centre.
    limit: f64,
    inertia: f64,
    iterations: u32,
}

impl Clusters {
    pub(crate) fn new(found: Found, columns: &[Vec<f64>]) -> Self {
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let rows = columns.first().map_or(0, |column| column.len());
        let distances = |row| found.centres.nearest(&row_of(&columns, row)).1.sqrt();
        let mut distances: Vec<f64> = (0..rows).map(distances).collect();
        let limit = quantile::of(&mut distances, CLUSTER_LIMIT).unwrap_or(0.0);
        Self {
            limit: limit.max(f64::MIN_POSITIVE),
            centres: found.centres,
            inertia: found.inertia,
            iterations: found.iterations,
        }
    }
}

fn row_of(columns: &[&[f64]], row: usize) -> Vec<f64> {
    columns.iter().map(|column| column[row]).collect()
}

/// Calls for every row that has all features.
fn each_row(columns: &[&[f64]], out: &mut [f64], value: impl Fn(&[f64]) -> f64) {
    let mut point = vec![0.0; columns.len()];
    for (row, out) in out.iter_mut().enumerate() {
        point
            .iter_mut()
            .zip(columns)
            .for_each(|(value, column)| *value = column[row]);
        let is_complete = point.iter().all(|value| value.is_finite());
        *out = if is_complete { value(&point) } else { f64::NAN };
    }
}

/// Columns of what every row that has all features is turned into; NaN for the others.
fn rows_to_columns(
    columns: &[&[f64]],
    rows: usize,
    width: usize,
    turn: impl Fn(&[f64], &mut [f64]),
) -> Vec<Vec<f64>> {
    let mut out = vec![vec![f64::NAN; rows]; width];
    let mut turned = vec![0.0; width];
    for row in 0..rows {
        let point = row_of(columns, row);
        if point.iter().all(|value| value.is_finite()) {
            turn(&point, &mut turned);
            out.iter_mut()
                .zip(&turned)
                .for_each(|(column, value)| column[row] = *value);
        }
    }
    out
}

impl Estimator {
    /// Anomaly scores from 0 to 1.
    pub(crate) fn score(&self, columns: &[&[f64]], out: &mut [f64]) -> Result<()> {
        match self {
            Self::Forest(forest) => forest.scores(columns, out),
            Self::Pca(pca) => each_row(columns, out, |row| {
                (pca.excess(&pca.place(row)) * SCORE_AT_LIMIT).min(1.0)
            }),
            Self::KMeans(clusters) => each_row(columns, out, |row| {
                let distance = clusters.centres.nearest(row).1.sqrt();
                (distance / clusters.limit * SCORE_AT_LIMIT).min(1.0)
            }),
            _ => return Err(self.has_no("anomaly score")),
        }
        Ok(())
    }

    /// Predictions, or numbers of clusters.
    pub(crate) fn predict(&self, columns: &[&[f64]], out: &mut [f64]) -> Result<()> {
        match self {
            Self::Ridge(ridge) => ridge.predict(columns, out),
            Self::Boosted(boosted) => boosted.predict(columns, out),
            Self::KMeans(clusters) => {
                each_row(columns, out, |row| clusters.centres.nearest(row).0 as f64);
            }
            _ => return Err(self.has_no("prediction")),
        }
        Ok(())
    }

    /// The names of what [`Estimator::transform`] gives, where they are not the features.
    pub(crate) fn output_names(&self) -> Option<Vec<String>> {
        match self {
            Self::Pca(pca) => {
                let scores = (1..=pca.count()).map(|number| format!("pc{number}"));
                Some(
                    ["t2", "q"]
                        .map(str::to_owned)
                        .into_iter()
                        .chain(scores)
                        .collect(),
                )
            }
            Self::KMeans(_) => Some(["cluster", "distance"].map(str::to_owned).to_vec()),
            _ => None,
        }
    }

    /// Columns made of the features.
    pub(crate) fn transform(&self, columns: &[&[f64]], rows: usize) -> Result<Vec<Vec<f64>>> {
        match self {
            Self::Scaler => Ok(columns.iter().map(|column| column.to_vec()).collect()),
            Self::Pca(pca) => Ok(rows_to_columns(
                columns,
                rows,
                2 + pca.count(),
                |row, out| {
                    let place = pca.place(row);
                    out[0] = place.t2;
                    out[1] = place.q;
                    out[2..].copy_from_slice(&place.scores);
                },
            )),
            Self::KMeans(clusters) => Ok(rows_to_columns(columns, rows, 2, |row, out| {
                let (cluster, distance) = clusters.centres.nearest(row);
                out[0] = cluster as f64;
                out[1] = distance.sqrt();
            })),
            _ => Err(self.has_no("transformation")),
        }
    }

    /// A baseline, if contributions are additions to one, and what each feature contributes; `None` where the kind says
    /// nothing of its own, or the row lacks a value that it needs.
    pub(crate) fn explain(&self, row: &[f64]) -> Option<(Option<f64>, Vec<f64>)> {
        if let Self::Boosted(boosted) = self {
            let (baseline, added) = boosted.explain(row);
            return Some((Some(baseline), added));
        }
        if !row.iter().all(|value| value.is_finite()) {
            return None;
        }
        match self {
            Self::Scaler | Self::Forest(_) | Self::Boosted(_) => None,
            Self::Ridge(ridge) => {
                let (baseline, added) = ridge.explain(row);
                Some((Some(baseline), added))
            }
            Self::Pca(pca) => Some((None, pca.explain(row))),
            Self::KMeans(clusters) => {
                let centre = clusters.centres.centre(clusters.centres.nearest(row).0);
                let parts = row.iter().zip(centre).map(|(x, c)| (x - c) * (x - c));
                Some((None, parts.collect()))
            }
        }
    }

    pub(crate) fn metrics(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Scaler | Self::Ridge(_) => Vec::new(),
            Self::Forest(forest) => forest.metrics(),
            Self::Pca(pca) => pca.metrics(),
            Self::Boosted(boosted) => boosted.metrics(),
            Self::KMeans(clusters) => vec![
                ("clusters", clusters.centres.count() as f64),
                ("inertia", clusters.inertia),
                ("iterations", f64::from(clusters.iterations)),
                ("distance_limit", clusters.limit),
            ],
        }
    }

    pub(crate) fn write(&self, document: &mut Document) {
        match self {
            Self::Scaler => {}
            Self::Forest(forest) => forest.write(document),
            Self::Pca(pca) => pca.write(document),
            Self::Ridge(ridge) => ridge.write(document),
            Self::Boosted(boosted) => boosted.write(document),
            Self::KMeans(clusters) => {
                clusters.centres.write("kmeans", document);
                document.put_numbers("kmeans.limit", &[clusters.limit]);
                document.put_numbers("kmeans.inertia", &[clusters.inertia]);
                document.put_counts("kmeans.iterations", &[clusters.iterations]);
            }
        }
    }

    pub(crate) fn read(kind: Kind, features: usize, document: &mut Document) -> Result<Self> {
        Ok(match kind {
            Kind::StandardScaler | Kind::RobustScaler => Self::Scaler,
            Kind::IsolationForest => Self::Forest(Forest::read(features, document)?),
            Kind::Pca => Self::Pca(Pca::read(features, document)?),
            Kind::Ridge => Self::Ridge(Ridge::read(features, document)?),
            Kind::GradientBoosting => Self::Boosted(Boosted::read(features, document)?),
            Kind::KMeans => {
                let limit = document.number("kmeans.limit")?;
                ensure(limit > 0.0, "a limit is not above zero")?;
                Self::KMeans(Clusters {
                    centres: Centres::read("kmeans", features, document)?,
                    limit,
                    inertia: document.number("kmeans.inertia")?,
                    iterations: document.count("kmeans.iterations")?,
                })
            }
        })
    }

    fn has_no(&self, what: &'static str) -> Error {
        let kind = match self {
            Self::Scaler => "a scaler",
            Self::Forest(_) => Kind::IsolationForest.name(),
            Self::KMeans(_) => Kind::KMeans.name(),
            Self::Pca(_) => Kind::Pca.name(),
            Self::Ridge(_) => Kind::Ridge.name(),
            Self::Boosted(_) => Kind::GradientBoosting.name(),
        };
        Error::NotSupported { kind, what }
    }
}
