//! Trained models of machine health: mathematics over plain columns, without Arrow, SQL, clocks or files.
//!
//! ```text
//! columns ─train(options)─▶ Model ─to_bytes─▶ kept ─from_bytes─▶ Model ─score, predict, transform, explain, drift
//!                           │ names      which columns, in which order
//!                           │ features   dropped constants, scale, operating regimes
//!                           │ estimator  one of the kinds
//!                           │ interval   errors on machines that were held out
//!                           └ summary    how the columns were distributed
//! ```
//!
//! Rules every kind here keeps: a missing value is NaN and gives NaN, or what a model has learned for it, never a
//! number out of nowhere; the same rows, options and seed give the same model, to the last bit, in any order of rows
//! and on any number of threads; no bytes make a decoder panic.
//!
//! ```
//! use models::{Control, Kind, Options, TrainingData, train};
//!
//! let load: Vec<f64> = (0..500).map(|row| f64::from(row % 17)).collect();
//! let heat: Vec<f64> = load.iter().map(|load| 20.0 + 0.5 * load).collect();
//! let data = TrainingData {
//!     names: &["load".to_owned(), "heat".to_owned()],
//!     columns: &[&load, &heat],
//!     target: None,
//!     groups: None,
//! };
//! let trained = train(&Options::new(Kind::Pca), &data, &Control::default())?;
//! let mut scores = [0.0; 2];
//! // The second row is as hot as any, but not for its load.
//! trained.model.score(&[&[8.0, 0.0], &[24.0, 28.0]], &mut scores)?;
//! assert!(scores[0] < 0.65 && scores[1] > 0.65);
//! # Ok::<(), models::Error>(())
//! ```

mod boosting;
mod data;
mod document;
mod drift;
mod error;
mod estimator;
mod features;
mod forest;
mod holdout;
mod interval;
mod kmeans;
mod model;
mod numeric;
mod options;
mod parallel;
mod pca;
mod ridge;
mod summary;
mod train;

pub use data::{Control, FEATURES_MAX, ROWS_MAX, TrainingData};
pub use drift::{Drift, DriftCounts};
pub use error::{Error, ErrorKind, Result};
pub use model::{Contribution, Explanation, Model};
pub use options::{
    BoostingOptions, Components, Contamination, Direction, ForestOptions, KMeansOptions, Kind,
    Loss, Options, PcaOptions, Preparation, Regimes, RidgeOptions, Scale, ScalerOptions, Setting,
    Validation,
};
pub use train::{Trained, train};
