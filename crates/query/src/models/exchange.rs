//! Models as JSON, for other programs and other servers: what was trained, and beside it under `about` how.
//!
//! ```text
//! {"about":{"name":"m","version":3,"rows":1000,…},"arrays":{…},"format":1,"kind":"isolation_forest"}
//! ```
//!
//! What is imported is the same to the last bit. `about` may be missing: it says nothing that using a model needs.

use std::sync::Arc;

use catalog::ModelVersion;
use models::Model;
use serde::{Deserialize, Serialize};

use super::keeping::About;
use crate::error::Result;

/// How a version came about, as far as it is told elsewhere.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    name: String,
    version: u32,
    target: Option<String>,
    group: Option<String>,
    options: Vec<(String, String)>,
    query: Option<String>,
    rows: u64,
    time_min: Option<i64>,
    time_max: Option<i64>,
    seed: Option<u64>,
    metrics: Vec<(String, f64)>,
}

/// The parts of an export that are read here.
#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    about: Told,
}

/// A version as JSON.
pub(crate) fn export(name: &str, version: &ModelVersion, model: &Model) -> String {
    let told = Told {
        name: name.to_owned(),
        version: version.number,
        target: version.target.clone(),
        group: version.group.clone(),
        options: version.options.clone(),
        query: version.query.clone(),
        rows: version.rows,
        time_min: version.times.map(|(first, _)| first),
        time_max: version.times.map(|(_, last)| last),
        seed: version.seed,
        metrics: version.metrics.clone(),
    };
    let told = serde_json::to_string(&told).expect("plain data of ours always becomes JSON");
    let json = model.to_json();
    let arrays = json.strip_prefix('{').expect("a model is an object");
    format!("{{\"about\":{told},{arrays}")
}

/// The model of an export, and what it tells of itself.
pub(crate) fn import(json: &str) -> Result<(Arc<Model>, About)> {
    let model = Model::from_json(json)?;
    let told: Result<Document, _> = serde_json::from_str(json);
    // It is JSON of a model; what is told beside it may be of another program.
    let told = told.map(|document| document.about).unwrap_or_default();
    let about = About {
        target: told.target,
        group: told.group,
        options: told.options,
        query: told.query.filter(|query| query.len() <= QUERY_BYTES_MAX),
        rows: told.rows,
        times: told.time_min.zip(told.time_max),
        seed: told.seed,
        metrics: told
            .metrics
            .into_iter()
            .filter(|(_, value)| value.is_finite())
            .collect(),
        created_by: None,
    };
    Ok((Arc::new(model), about))
}

/// The longest query that is kept with a model.
pub(crate) const QUERY_BYTES_MAX: usize = 64 * 1024;
