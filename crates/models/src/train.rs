//! From options and data to a model and how good it is.

use crate::boosting;
use crate::data::{Control, TrainingData, gather};
use crate::error::{Error, Result};
use crate::estimator::{Clusters, Estimator};
use crate::features::{Constants, Features, Rows};
use crate::forest::{Forest, TreeSample};
use crate::holdout;
use crate::interval::{HeldOut, Interval};
use crate::kmeans::{self, Search};
use crate::model::Model;
use crate::numeric::keys::{row_keys, smallest};
use crate::options::{ForestOptions, Kind, Options, Validation};
use crate::parallel;
use crate::pca::Pca;
use crate::ridge::Ridge;
use crate::summary::Summary;

/// Rows, drawn at random, that distributions and calibrations are taken from at most.
const SAMPLE_ROWS_MAX: usize = 65_536;

/// Rows that a forest's trees draw from are this many times what one tree sees, at least.
const POOL_FACTOR: usize = 4;

/// The seed of the rows' keys; seeds of models are mixed in where they are used.
const KEY_SEED: u64 = 0;

/// A model and what is known about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Numbers about it, by name. Of a regression they are about machines that were held out.
    pub metrics: Vec<(&'static str, f64)>,
}

/// One training.
struct Training<'a> {
    options: &'a Options,
    data: &'a TrainingData<'a>,
    keys: Vec<u64>,
    control: Control<'a>,
}

/// Trains a model. The same options and rows give the same model, on any number of threads and in any order of rows.
pub fn train(options: &Options, data: &TrainingData<'_>, control: &Control<'_>) -> Result<Trained> {
    options.check()?;
    data.check()?;
    let kind = options.kind();
    if kind.has_target() && data.target.is_none() {
        return Err(Error::NoTarget { kind: kind.name() });
    }
    check_names(options, data.names)?;
    // Rows that differ in nothing else may differ in what is learned from them.
    let target = data.target.filter(|_| kind.has_target());
    let content: Vec<&[f64]> = data.columns.iter().copied().chain(target).collect();
    let training = Training {
        options,
        data,
        keys: row_keys(&content, data.rows(), KEY_SEED),
        control: *control,
    };
    let rows = training.rows();
    if rows.is_empty() {
        return Err(Error::TooFewRows {
            kind: kind.name(),
            needed: 1,
            rows: 0,
        });
    }
    control.check()?;
    let sample = smallest(&training.keys, SAMPLE_ROWS_MAX);
    let summary = Summary::of(data, &sample);
    let mut metrics = vec![
        ("rows", rows.len() as f64),
        ("rows_left_out", (data.rows() - rows.len()) as f64),
    ];
    let interval = training.validate(&rows, &mut metrics)?;
    let (features, estimator) = training.fit(&rows, control)?;
    metrics.push(("features", features.count() as f64));
    metrics.extend(estimator.metrics());
    let model = Model {
        kind,
        names: data.names.to_vec(),
        features,
        summary,
        estimator,
        interval,
    };
    Ok(Trained { model, metrics })
}

/// Options that name features name ones that are there.
fn check_names(options: &Options, names: &[String]) -> Result<()> {
    let Options::GradientBoosting(options) = options else {
        return Ok(());
    };
    let unknown = options
        .monotone
        .iter()
        .find(|(name, _)| !names.contains(name));
    unknown.map_or(Ok(()), |(name, _)| {
        Err(Error::InvalidOption {
            name: "monotone".to_owned(),
            expected: format!("about some of the features {}", names.join(", ")),
            given: format!("'{name}'"),
        })
    })
}

impl Training<'_> {
    /// The rows to learn from: those that have what this kind cannot do without.
    fn rows(&self) -> Vec<u32> {
        let kind = self.options.kind();
        let regime = self.options.preparation().regime;
        let needed: Vec<usize> = (0..self.data.columns.len())
            .filter(|&column| match kind {
                Kind::GradientBoosting | Kind::StandardScaler | Kind::RobustScaler => {
                    regime.contains(&self.data.names[column])
                }
                _ => true,
            })
            .collect();
        self.data.complete_rows(&needed, kind.has_target())
    }

    /// Features and estimator learned from some rows.
    fn fit(&self, rows: &[u32], control: &Control<'_>) -> Result<(Features, Estimator)> {
        let kind = self.options.kind();
        let constants = match kind {
            Kind::StandardScaler | Kind::RobustScaler => Constants::Keep,
            _ => Constants::Drop,
        };
        let preparation = self.options.preparation();
        let chosen = Rows {
            rows,
            keys: &self.keys,
        };
        let features = Features::fit(&preparation, constants, self.data, chosen, control)?;
        if features.count() == 0 && !kind.has_target() {
            return Err(Error::NothingVaries {
                features: self.data.names.join(", "),
            });
        }
        control.check()?;
        let estimator = match self.options {
            Options::StandardScaler(_) | Options::RobustScaler(_) => Estimator::Scaler,
            Options::IsolationForest(options) => {
                Estimator::Forest(self.forest(options, &features, rows, control)?)
            }
            Options::KMeans(options) => {
                let search = Search {
                    clusters: options.clusters as usize,
                    restarts: options.restarts,
                    iterations: options.iterations,
                    seed: options.seed,
                };
                self.too_few(rows, search.clusters)?;
                let columns = features.gather(self.data, rows);
                let found = kmeans::find(&columns, &self.keys_of(rows), &search, control)?;
                Estimator::KMeans(Clusters::new(found, &columns))
            }
            Options::Pca(options) => {
                self.too_few(rows, 2)?;
                Estimator::Pca(Pca::fit(options, &features.gather(self.data, rows)))
            }
            Options::Ridge(options) => {
                let columns = features.gather(self.data, rows);
                Estimator::Ridge(Ridge::fit(&columns, &self.target_of(rows), options.alpha)?)
            }
            Options::GradientBoosting(options) => {
                let names = features
                    .used()
                    .iter()
                    .map(|&place| self.data.names[place as usize].as_str());
                let problem = boosting::Problem {
                    features: &features.gather(self.data, rows),
                    names: &names.collect::<Vec<_>>(),
                    target: &self.target_of(rows),
                    keys: &self.keys_of(rows),
                };
                Estimator::Boosted(boosting::fit(options, &problem, control)?)
            }
        };
        Ok((features, estimator))
    }

    /// A forest grown from some of the rows and calibrated by others, both drawn by their keys.
    fn forest(
        &self,
        options: &ForestOptions,
        features: &Features,
        rows: &[u32],
        control: &Control<'_>,
    ) -> Result<Forest> {
        let keys = self.keys_of(rows);
        let drawn = |count| -> Vec<u32> {
            let places = smallest(&keys, count);
            places.iter().map(|&place| rows[place as usize]).collect()
        };
        let pool = drawn((options.trees as usize).max(POOL_FACTOR) * options.sample as usize);
        let sample = TreeSample {
            features: &features.gather(self.data, &pool),
            keys: &self.keys_of(&pool),
        };
        let judged = features.gather(self.data, &drawn(SAMPLE_ROWS_MAX));
        Forest::train(options, &sample, &judged, control)
    }

    fn too_few(&self, rows: &[u32], needed: usize) -> Result<()> {
        if rows.len() >= needed {
            return Ok(());
        }
        Err(Error::TooFewRows {
            kind: self.options.kind().name(),
            needed,
            rows: rows.len(),
        })
    }

    fn keys_of(&self, rows: &[u32]) -> Vec<u64> {
        rows.iter().map(|&row| self.keys[row as usize]).collect()
    }

    fn target_of(&self, rows: &[u32]) -> Vec<f64> {
        gather(self.data.target.unwrap_or(&[]), rows)
    }

    fn validation(&self) -> Option<(&Validation, u64)> {
        match self.options {
            Options::Ridge(options) => Some((&options.validation, options.seed)),
            Options::GradientBoosting(options) => Some((&options.validation, options.seed)),
            _ => None,
        }
    }

    /// Predicts every machine by a model of the others.
    fn validate(
        &self,
        rows: &[u32],
        metrics: &mut Vec<(&'static str, f64)>,
    ) -> Result<Option<Interval>> {
        let Some((validation, seed)) = self.validation() else {
            return Ok(None);
        };
        let group = |row: &u32| {
            let groups = self.data.groups.unwrap_or(&self.keys);
            groups[*row as usize]
        };
        let groups: Vec<u64> = rows.iter().map(group).collect();
        let Some(parts) = holdout::parts(&groups, validation.folds, seed) else {
            return Ok(None);
        };
        let count = parts.iter().max().map_or(0, |last| last + 1);
        let control = self.control.with_threads(1);
        let predicted = parallel::map(
            self.control.threads(),
            count as usize,
            |part| -> Result<Vec<(usize, f64)>> {
                let (held, learned): (Vec<usize>, Vec<usize>) =
                    (0..rows.len()).partition(|&place| parts[place] as usize == part);
                let rows_at =
                    |places: &[usize]| places.iter().map(|&place| rows[place]).collect::<Vec<_>>();
                let (features, estimator) = self.fit(&rows_at(&learned), &control)?;
                let columns = features.gather(self.data, &rows_at(&held));
                let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                let mut out = vec![0.0; held.len()];
                estimator.predict(&columns, &mut out)?;
                Ok(held.into_iter().zip(out).collect::<Vec<_>>())
            },
        );
        let mut held_out: Vec<HeldOut> = self
            .target_of(rows)
            .into_iter()
            .zip(&groups)
            .map(|(target, &group)| HeldOut {
                predicted: f64::NAN,
                target,
                group,
            })
            .collect();
        for part in predicted {
            for (place, value) in part? {
                held_out[place].predicted = value;
            }
        }
        metrics.extend(holdout::metrics(&held_out));
        let Some(share) = validation.interval else {
            return Ok(None);
        };
        metrics.extend(holdout::coverage(&held_out, &parts, share));
        Ok(Interval::fit(held_out, share))
    }
}
