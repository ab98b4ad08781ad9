//! Decoded models, within a number of bytes. A version never changes, so neither does what is here; one that has
//! not been used for longest goes first.

use std::sync::Arc;

use catalog::ModelBlob;
use models::Model;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::error::Result;
use crate::lately_used::{CacheStats, LatelyUsed};

/// The models of an engine that were used lately.
#[derive(Debug)]
pub(crate) struct ModelCache(Mutex<Models>);

#[derive(Debug)]
struct Models {
    /// Decoded by the first who wants it, while others wait.
    kept: LatelyUsed<ModelBlob, Arc<OnceCell<Arc<Model>>>>,
    hits: u64,
    misses: u64,
}

impl ModelCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self(Mutex::new(Models {
            kept: LatelyUsed::new(bytes_max),
            hits: 0,
            misses: 0,
        }))
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let models = self.0.lock();
        CacheStats {
            bytes: models.kept.size(),
            entries: models.kept.values().count(),
            hits: models.hits,
            misses: models.misses,
        }
    }

    /// The model of these bytes.
    pub(crate) async fn get(
        &self,
        storage: &storage::Engine,
        blob: &ModelBlob,
    ) -> Result<Arc<Model>> {
        let cell = self.entry(blob);
        let decoded = cell.get_or_try_init(|| async {
            let bytes = storage.model(blob).await?;
            let model = Model::from_bytes(&bytes).map_err(|error| {
                let (path, problem) = (blob.path(), error.to_string());
                storage::Error::DamagedFile { path, problem }
            })?;
            Ok(Arc::new(model))
        });
        match decoded.await {
            Ok(model) => Ok(Arc::clone(model)),
            Err(error) => {
                self.0.lock().kept.remove(blob);
                Err(error)
            }
        }
    }

    fn entry(&self, blob: &ModelBlob) -> Arc<OnceCell<Arc<Model>>> {
        let mut models = self.0.lock();
        if let Some(model) = models.kept.get(blob) {
            let model = Arc::clone(model);
            models.hits += 1;
            return model;
        }
        models.misses += 1;
        let model = Arc::default();
        // One that is too large for the cache is decoded by every query that uses it.
        let kept = Arc::clone(&model);
        models.kept.insert(*blob, kept, blob.size_bytes);
        model
    }
}

#[cfg(test)]
mod tests {
    use catalog::DatabaseId;

    use super::*;

    fn blob(number: u32, size_bytes: u64) -> ModelBlob {
        ModelBlob {
            database: DatabaseId(1),
            made_at_nanos: 0,
            size_bytes,
            crc32c: number,
        }
    }

    #[test]
    fn models_are_kept_by_their_size() {
        let cache = ModelCache::new(100);
        let [a, b, c, large] = [blob(1, 40), blob(2, 40), blob(3, 40), blob(4, 101)];
        for blob in [a, b, a, c, large] {
            cache.entry(&blob);
        }
        let expected = CacheStats {
            bytes: 80,
            entries: 2,
            hits: 1,
            misses: 4,
        };
        assert_eq!(cache.stats(), expected);
    }
}
