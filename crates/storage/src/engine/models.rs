//! The bytes of trained models: objects that are written once, before the commit that names them, and deleted
//! when no commit names them any more.
//!
//! ```text
//! keep: put models/<database id>/<time>-<checksum>.model ─▶ commit, which names it
//!       │ nothing is committed: the sweep for orphans finds it
//! ```

use bytes::Bytes;
use catalog::{DatabaseId, ModelBlob, State};
use object_store::{ObjectStoreExt, PutPayload};

use super::Engine;
use crate::error::{Error, Result};
use crate::file_check::check_bytes;

/// Where models are, below the root of the object store.
pub(crate) const MODELS: &str = "models";

/// The bytes of all models that a state names, with those of databases that were dropped and can be brought back.
pub(crate) fn blobs_of(state: &State) -> impl Iterator<Item = ModelBlob> {
    let versions = state.models().flat_map(|model| &model.versions);
    versions.map(|version| version.blob)
}

impl Engine {
    /// Makes the bytes of a model durable, then runs `commit`, which is to name them in the catalog. Nothing that
    /// looks for objects without a name sees them in between.
    ///
    /// Fails with a kind of `Unavailable` when the object store does not answer; the commit has then not been run.
    pub async fn keep_model<R, E: From<Error>>(
        &self,
        database: DatabaseId,
        bytes: Bytes,
        commit: impl AsyncFnOnce(ModelBlob) -> Result<R, E>,
    ) -> Result<R, E> {
        let blob = ModelBlob {
            database,
            made_at_nanos: self.core.clock.now_nanos(),
            size_bytes: bytes.len() as u64,
            crc32c: crc32c::crc32c(&bytes),
        };
        let _no_sweep = self.core.models.read().await;
        let path = blob.path().into();
        let put = self.core.store.put(&path, PutPayload::from(bytes)).await;
        put.map_err(Error::from)?;
        commit(blob).await
    }

    /// Reads the bytes of a model, and checks that they are what was written.
    pub async fn model(&self, blob: &ModelBlob) -> Result<Bytes> {
        let path = blob.path();
        let object = self.core.store.get(&path.as_str().into()).await;
        let object = match object {
            Err(object_store::Error::NotFound { .. }) => {
                let problem = "it is missing".to_owned();
                return Err(Error::DamagedFile { path, problem });
            }
            object => object?,
        };
        let bytes = object.bytes().await?;
        check_bytes(&bytes, &path, blob.size_bytes, blob.crc32c)?;
        Ok(bytes)
    }

    /// Lets go of bytes that are named no more: they are deleted when no backup can be copying them.
    pub fn forget_models(&self, before: &State) {
        self.core.forget_models(before);
    }
}

impl super::Core {
    /// Lets go of the models that were there before and are no more.
    pub(super) fn forget_models(&self, before: &State) {
        let after = self.catalog.state();
        let live: std::collections::HashSet<ModelBlob> = blobs_of(&after).collect();
        let gone = blobs_of(before).filter(|blob| !live.contains(blob));
        self.replaced.add_paths(gone.map(|blob| blob.path()));
    }
}
