//! The models that a session may use, as of the moment it began.

use std::fmt;
use std::sync::Arc;

use catalog::{Action, Database, ModelVersion, State};

use super::cache::ModelCache;
use super::keeping::model_named;
use crate::advice;
use crate::error::{Error, Result};
use crate::system::View;

/// What a session knows of models. It is an extension of its configuration.
pub(crate) struct Scope {
    state: Arc<State>,
    database: Arc<Database>,
    storage: Arc<storage::Engine>,
    cache: Arc<ModelCache>,
    /// Whether the caller may use them.
    is_readable: bool,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("database", &self.database.name)
            .field("is_readable", &self.is_readable)
            .finish_non_exhaustive()
    }
}

impl Scope {
    /// What the caller of a view may use in a database.
    pub(crate) fn new(view: &View, database: &Arc<Database>) -> Self {
        Self {
            state: view.catalog.state(),
            database: Arc::clone(database),
            storage: Arc::clone(&view.storage),
            cache: Arc::clone(&view.models),
            is_readable: view.caller.may(Action::Read, &database.name, None),
        }
    }

    /// The model and version that a name means: `m` the current one, `m@3` the third.
    pub(crate) fn version(&self, written: &str) -> Result<(String, Arc<ModelVersion>)> {
        let (name, number) = match written.rsplit_once('@') {
            Some((name, number)) => (name, Some(number)),
            None => (written, None),
        };
        let model = self
            .is_readable
            .then(|| model_named(&self.state, &self.database, name))
            .flatten()
            .ok_or_else(|| self.missing(name))?;
        let version = match number {
            None => model.current_version(),
            Some(number) => {
                let parsed = number.parse().ok();
                let found = parsed.and_then(|number| model.version(number));
                found.ok_or_else(|| no_such_version(model, number))?
            }
        };
        Ok((name.to_owned(), Arc::clone(version)))
    }

    /// The same, ready to be used.
    pub(crate) async fn find(&self, written: &str) -> Result<functions::ModelVersion> {
        let (name, version) = self.version(written)?;
        Ok(functions::ModelVersion {
            database: Arc::clone(&self.database.name),
            name: name.into(),
            version: version.number,
            model: self.cache.get(&self.storage, &version.blob).await?,
        })
    }

    fn missing(&self, name: &str) -> Error {
        let readable = self.is_readable.then(|| self.state.models());
        let own = readable
            .into_iter()
            .flatten()
            .filter(|model| model.database == self.database.id);
        Error::ModelNotFound {
            model: name.chars().take(255).collect(),
            database: self.database.name.to_string(),
            suggestion: advice::nearest(name, own.map(|model| model.name.clone())),
        }
    }
}

/// The model has no version of this number.
pub(crate) fn no_such_version(model: &catalog::Model, number: &str) -> Error {
    let known = model.versions.iter();
    let known = known.map(|version| version.number.to_string());
    Error::ModelVersionNotFound {
        model: model.name.clone(),
        version: number.chars().take(40).collect(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}
