//! From a model to one that the catalog knows: its bytes first, then the record that names them.

use std::sync::Arc;

use bytes::Bytes;
use bytesize::ByteSize;
use catalog::{Catalog, Clock, Database, ModelVersion, RecordKind, State};
use models::Model;

use crate::error::{Error, Result};

/// A version that is to be kept.
#[derive(Debug)]
pub(crate) struct NewVersion {
    /// The model's name.
    pub(crate) name: String,
    /// Whether there may be a model of this name, which then gets one version more.
    pub(crate) is_replace: bool,
    /// What was trained or imported.
    pub(crate) model: Arc<Model>,
    /// What is known of it; number, time and place of the bytes are not.
    pub(crate) about: About,
}

/// How a version came about.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    pub(crate) target: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) query: Option<String>,
    pub(crate) rows: u64,
    pub(crate) times: Option<(i64, i64)>,
    pub(crate) seed: Option<u64>,
    pub(crate) metrics: Vec<(String, f64)>,
    pub(crate) created_by: Option<String>,
}

/// Where models are kept.
pub(crate) struct Place<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) storage: &'a storage::Engine,
    pub(crate) clock: &'a dyn Clock,
    /// The longest that one may be.
    pub(crate) bytes_max: ByteSize,
}

/// The model of this name in a database.
pub(crate) fn model_named<'a>(
    state: &'a State,
    database: &Database,
    name: &str,
) -> Option<&'a Arc<catalog::Model>> {
    state.model(database.id, name)
}

/// Fails when there is a model of this name already.
pub(crate) fn refuse_taken(state: &State, database: &Database, name: &str) -> Result<()> {
    match model_named(state, database, name) {
        None => Ok(()),
        Some(_) => Err(catalog::Error::RecordExists {
            kind: RecordKind::Model,
            name: name.to_owned(),
        }
        .into()),
    }
}

/// The model of this name, which is there.
pub(crate) fn existing<'a>(
    state: &'a State,
    database: &Database,
    name: &str,
) -> Result<&'a Arc<catalog::Model>> {
    model_named(state, database, name).ok_or_else(|| {
        let (kind, name) = (RecordKind::Model, name.to_owned());
        catalog::Error::RecordNotFound { kind, name }.into()
    })
}

/// Makes a version durable and current.
pub(crate) async fn keep(
    place: Place<'_>,
    database: &Arc<Database>,
    new: NewVersion,
) -> Result<Arc<catalog::Model>> {
    let Place {
        catalog,
        storage,
        clock,
        bytes_max,
    } = place;
    let before = catalog.state();
    let model = Arc::clone(&new.model);
    let bytes = tokio::task::spawn_blocking(move || model.to_bytes()).await;
    let bytes = bytes.map_err(|_| Error::ShuttingDown)?;
    let size = ByteSize(bytes.len() as u64);
    if size > bytes_max {
        return Err(Error::ModelTooLarge {
            size,
            limit: bytes_max,
        });
    }
    let commit = async |blob| -> Result<Arc<catalog::Model>> {
        let now = clock.now_nanos();
        let made = catalog.administer(|edits| {
            let known = edits.records().named(u64::from(database.id.0), &new.name);
            let known: Option<&Arc<catalog::Model>> = known;
            match known.map(|model| model.id) {
                Some(id) if new.is_replace => edits.change(id, |model: &mut catalog::Model| {
                    model.add_version(|number| version(&new, number, now, blob), now);
                    Ok(())
                }),
                // Of the same name: the catalog says that there is one.
                _ => edits.create(|id| catalog::Model {
                    id,
                    database: database.id,
                    name: new.name.clone(),
                    current: 1,
                    versions: vec![Arc::new(version(&new, 1, now, blob))],
                    last_version: 1,
                    created_at_nanos: now,
                    updated_at_nanos: now,
                }),
            }
        });
        Ok(made.await?)
    };
    let kept = storage.keep_model(database.id, Bytes::from(bytes), commit);
    let model = kept.await?;
    // The oldest version may have gone for it.
    storage.forget_models(&before);
    Ok(model)
}

fn version(
    new: &NewVersion,
    number: u32,
    now_nanos: i64,
    blob: catalog::ModelBlob,
) -> ModelVersion {
    let about = new.about.clone();
    ModelVersion {
        number,
        kind: new.model.kind().name().to_owned(),
        features: new.model.names().to_vec(),
        target: about.target,
        group: about.group,
        options: about.options,
        query: about.query,
        rows: about.rows,
        times: about.times,
        seed: about.seed,
        metrics: about.metrics,
        created_at_nanos: now_nanos,
        created_by: about.created_by,
        blob,
    }
}

/// Metrics as JSON.
pub(crate) fn metrics_text(metrics: &[(String, f64)]) -> String {
    let metrics = metrics.iter().map(|(name, value)| {
        let name = serde_json::Value::from(name.as_str());
        let value = serde_json::Value::from(*value);
        format!("{name}: {value}")
    });
    format!("{{{}}}", metrics.collect::<Vec<_>>().join(", "))
}
