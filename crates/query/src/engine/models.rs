//! Models: trained, taken in, kept and let go of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::{Action, Database, RecordKind};
use models::Model;

use super::{QueryEngine, execute};
use crate::caller::{Caller, Need};
use crate::error::{Error, Result};
use crate::models::{self as kept, About, NewVersion, Recipe, Training};
use crate::registry::State;
use crate::statements::Context;

/// What came out of a training.
#[derive(Debug)]
pub(crate) struct TrainedModel {
    pub(crate) model: Arc<Model>,
    pub(crate) rows: u64,
    pub(crate) times: Option<(i64, i64)>,
    pub(crate) metrics: Vec<(String, f64)>,
}

/// A model that is to be taken in.
#[derive(Debug, Clone)]
pub struct ModelImport {
    /// The database that it is to belong to.
    pub database: String,
    /// What it is to be called.
    pub name: String,
    /// What [`QueryEngine::export_model`] gave.
    pub json: String,
    /// Whether there may be one of this name, which then gets one version more.
    pub is_replace: bool,
}

/// A model by its place in a database.
#[derive(Debug, Clone)]
pub struct ModelSummary {
    /// Its name.
    pub name: String,
    /// The number of its current version.
    pub version: u32,
    /// The kind of model.
    pub kind: String,
    /// The features that it takes, in their order.
    pub features: Vec<String>,
}

impl From<&catalog::Model> for ModelSummary {
    fn from(model: &catalog::Model) -> Self {
        let version = model.current_version();
        Self {
            name: model.name.clone(),
            version: version.number,
            kind: version.kind.clone(),
            features: version.features.clone(),
        }
    }
}

impl QueryEngine {
    /// Fails unless the caller may make and change models of a database.
    pub fn check_may_keep_models(&self, database: &str, caller: &Caller) -> Result<()> {
        caller.require(Need::Request(Action::Write), database)
    }

    /// A model as JSON: of a name its current version, of `name@3` the third.
    pub async fn export_model(
        &self,
        database: &str,
        written: &str,
        caller: &Caller,
    ) -> Result<String> {
        caller.require(Need::Request(Action::Read), database)?;
        let database = self.database(database)?;
        let scope = kept::Scope::new(&self.view(caller), &database);
        let found = scope.version(written);
        let (name, version) = found.map_err(|error| match error {
            Error::ModelNotFound { .. } | Error::ModelVersionNotFound { .. } => {
                let (kind, name) = (RecordKind::Model, written.to_owned());
                catalog::Error::RecordNotFound { kind, name }.into()
            }
            error => error,
        })?;
        let model = self.models.get(&self.storage, &version.blob).await?;
        let export = move || kept::export(&name, &version, &model);
        let exported = tokio::task::spawn_blocking(export).await;
        exported.map_err(|_| Error::ShuttingDown)
    }

    /// Takes a model in.
    pub async fn import_model(&self, import: ModelImport, caller: &Caller) -> Result<ModelSummary> {
        let ModelImport {
            database,
            name,
            json,
            is_replace,
        } = import;
        caller.require(Need::Request(Action::Write), &database)?;
        let database = self.database(&database)?;
        if !is_replace {
            kept::refuse_taken(&self.catalog.state(), &database, &name)?;
        }
        let (model, about) = self.decode_model(json).await?;
        let about = About {
            created_by: caller.token.as_deref().map(str::to_owned),
            ..about
        };
        let new = NewVersion {
            name,
            is_replace,
            model,
            about,
        };
        let model = self.keep_model(&database, new).await?;
        Ok(ModelSummary::from(&*model))
    }

    /// Takes a model away, with all its versions.
    pub async fn drop_model(&self, database: &str, name: &str, caller: &Caller) -> Result<()> {
        caller.require(Need::Request(Action::Write), database)?;
        let database = self.database(database)?;
        let before = self.catalog.state();
        let model = kept::existing(&before, &database, name)?;
        self.catalog
            .remove_record::<catalog::Model>(model.id)
            .await?;
        self.storage.forget_models(&before);
        Ok(())
    }

    /// The model of an export.
    pub(crate) async fn decode_model(&self, json: String) -> Result<(Arc<Model>, About)> {
        let decoded = tokio::task::spawn_blocking(move || kept::import(&json)).await;
        decoded.map_err(|_| Error::ShuttingDown)?
    }

    /// Makes a version durable and current.
    pub(crate) async fn keep_model(
        &self,
        database: &Arc<Database>,
        new: NewVersion,
    ) -> Result<Arc<catalog::Model>> {
        let place = kept::Place {
            catalog: &self.catalog,
            storage: &self.storage,
            clock: &*self.clock,
            bytes_max: self.settings.model_bytes_max,
        };
        kept::keep(place, database, new).await
    }

    /// Runs the query for training rows and trains, within the deadline of the statement and the memory of
    /// queries. Both end soon after nobody waits any more.
    pub(crate) async fn train(
        &self,
        recipe: Recipe,
        sql: String,
        context: Context<'_>,
    ) -> Result<TrainedModel> {
        let Context {
            caller,
            database,
            params,
            query,
            turn,
            deadline,
            ..
        } = context;
        let (session, database) = self.session(database, caller, Action::Read)?;
        let pool = query.memory_pool(&self.runtime_env.memory_pool);
        let worker = Arc::clone(query);
        let plans = Arc::clone(&self.kept_plans);
        let rows = async move {
            let shared = Arc::clone(&pool);
            let (rows, _) =
                execute(session, &plans, database, sql, params, &worker, shared).await?;
            Training::collect(recipe, rows, &pool).await
        };
        let in_hand = (turn, Arc::clone(query));
        let (training, in_hand) = self.plan_until(deadline, in_hand, rows).await?;
        query.enter(State::Running);

        let stop = StopOnDrop::default();
        let is_stopped = Arc::clone(&stop.0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let work = self.threads().spawn_blocking(move || {
            // It counts as running until it has really ended.
            let _in_hand = in_hand;
            let trained = training.train(threads, &is_stopped)?;
            let metrics = trained.metrics.into_iter();
            let metrics = metrics.filter(|(_, value)| value.is_finite());
            Ok(TrainedModel {
                model: Arc::new(trained.model),
                rows: training.rows() as u64,
                times: training.times,
                metrics: metrics
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            })
        });
        let timeout = deadline.timeout;
        tokio::time::timeout_at(deadline.at, work)
            .await
            .map_err(|_| Error::Timeout { timeout })?
            .map_err(|_| Error::ShuttingDown)?
    }
}

/// Tells a training to end when nobody waits for it any more.
#[derive(Debug, Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
