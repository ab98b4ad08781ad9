//! Functions that use trained models. A model is named by a constant text; what is behind the name is put into a
//! plan before it runs, so that a query sees one version from its first row to its last.
//!
//! ```text
//! anomaly_score('m', a, b)      Named: what SQL finds by its name; says the type of its result, computes nothing
//!       │ bind(version)         the model of that name, asked whether it can do that with so many features
//!       ▼
//! anomaly_score('m', a, b)      Bound: the same with the model in it
//! ```
//!
//! Whoever plans queries looks models up and binds them ([`bind_scalar`], [`bind_aggregate`]); a function that was left
//! unbound is an error.

mod anomaly_score;
mod bound;
mod explain;
mod is_anomaly;
mod model_drift;
mod model_output;
mod model_outputs;
mod predict;
mod predict_interval;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion_expr::{AggregateUDF, ScalarUDF};
use models::Model;

use anomaly_score::AnomalyScore;
use bound::Named;
use explain::Explain;
use is_anomaly::IsAnomaly;
use model_output::ModelOutput;
use model_outputs::ModelOutputs;
use predict::Predict;
use predict_interval::PredictInterval;

/// One version of a model, as functions use it. Two are equal if they are of one name and number in one database.
#[derive(Debug, Clone)]
pub struct ModelVersion {
    /// The database that it belongs to.
    pub database: Arc<str>,
    /// The model's name.
    pub name: Arc<str>,
    /// The number of the version.
    pub version: u32,
    /// What was trained.
    pub model: Arc<Model>,
}

impl ModelVersion {
    fn identity(&self) -> (&str, &str, u32) {
        (&self.database, &self.name, self.version)
    }
}

impl PartialEq for ModelVersion {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for ModelVersion {}

impl Hash for ModelVersion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// What a call of a function with a model looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelCall {
    /// Constant texts after the name of the model and before the features.
    pub constants: usize,
}

/// How a function of this name is called, if it is one that uses models.
pub fn model_call(name: &str) -> Option<ModelCall> {
    if name == model_drift::NAME {
        return Some(ModelCall { constants: 0 });
    }
    let mut scalars = SCALARS.iter();
    let found = scalars.find(|scalar| scalar.name == name);
    found.map(|scalar| scalar.form)
}

/// Whether what a function of this name returns can only be told with the model at hand: see [`typed_model_outputs`].
pub fn is_typed_by_model(name: &str) -> bool {
    name == <ModelOutputs as bound::ModelFunction>::NAME
}

/// `model_outputs`, knowing what these models give, by their names as they are written in a statement.
///
/// # Errors
/// When one of the models has no outputs.
pub fn typed_model_outputs<'a>(
    models: impl IntoIterator<Item = (&'a str, &'a ModelVersion)>,
) -> models::Result<ScalarUDF> {
    model_outputs::typed(models)
}

/// How a scalar function is called, if it is one that uses models and has none yet.
pub fn scalar_model_call(function: &ScalarUDF) -> Option<ModelCall> {
    SCALARS.iter().find_map(|scalar| (scalar.call)(function))
}

/// How an aggregate is called, if it is one that uses models and has none yet.
pub fn aggregate_model_call(function: &AggregateUDF) -> Option<ModelCall> {
    model_drift::call(function)
}

/// A scalar function of [`scalar_model_call`] with a model and its constants in it.
///
/// # Errors
/// When the model does not do what the function asks of it.
pub fn bind_scalar(
    function: &ScalarUDF,
    version: &ModelVersion,
    constants: &[String],
) -> models::Result<Option<ScalarUDF>> {
    for scalar in SCALARS {
        if let Some(bound) = (scalar.bind)(function, version, constants)? {
            return Ok(Some(bound));
        }
    }
    Ok(None)
}

/// An aggregate of [`aggregate_model_call`] with a model in it.
pub fn bind_aggregate(function: &AggregateUDF, version: &ModelVersion) -> Option<AggregateUDF> {
    model_drift::bind(function, version)
}

/// Every scalar function that uses models.
const SCALARS: &[Scalar] = &[
    Scalar::of::<AnomalyScore>(),
    Scalar::of::<IsAnomaly>(),
    Scalar::of::<Predict>(),
    Scalar::of::<PredictInterval>(),
    Scalar::of::<Explain>(),
    Scalar::of::<ModelOutput>(),
    Scalar::of::<ModelOutputs>(),
];

/// One of them, whatever its type.
struct Scalar {
    name: &'static str,
    form: ModelCall,
    named: fn() -> ScalarUDF,
    call: fn(&ScalarUDF) -> Option<ModelCall>,
    bind: fn(&ScalarUDF, &ModelVersion, &[String]) -> models::Result<Option<ScalarUDF>>,
}

impl Scalar {
    const fn of<F: bound::ModelFunction + Default>() -> Self {
        Self {
            name: F::NAME,
            form: ModelCall {
                constants: F::CONSTANTS,
            },
            named: || Named::udf(F::default()),
            call: bound::call::<F>,
            bind: bound::bind::<F>,
        }
    }
}

pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    SCALARS.iter().map(|scalar| (scalar.named)()).collect()
}

pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![model_drift::udf()]
}

#[cfg(test)]
mod tests;
