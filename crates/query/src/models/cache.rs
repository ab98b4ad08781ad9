//! Decoded models, within a number of bytes. A version never changes, so neither does what is here; one that has
//! not been used for longest goes first.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::ModelBlob;
use models::Model;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::error::Result;

/// The models of an engine that were used lately.
#[derive(Debug)]
pub(crate) struct ModelCache {
    bytes_max: u64,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_blob: HashMap<ModelBlob, Entry>,
    /// Counts uses.
    now: u64,
    stats: CacheStats,
}

#[derive(Debug)]
struct Entry {
    /// Decoded by the first who wants it, while others wait.
    model: Arc<OnceCell<Arc<Model>>>,
    last_used: u64,
}

/// Figures of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CacheStats {
    /// What the models take, which is about what they take as bytes.
    pub(crate) bytes: u64,
    pub(crate) entries: usize,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl ModelCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            entries: Mutex::default(),
        }
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let entries = self.entries.lock();
        CacheStats {
            entries: entries.by_blob.len(),
            ..entries.stats
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
                self.entries.lock().remove(blob);
                Err(error)
            }
        }
    }

    fn entry(&self, blob: &ModelBlob) -> Arc<OnceCell<Arc<Model>>> {
        let mut entries = self.entries.lock();
        entries.now += 1;
        let now = entries.now;
        if let Some(entry) = entries.by_blob.get_mut(blob) {
            entry.last_used = now;
            let model = Arc::clone(&entry.model);
            entries.stats.hits += 1;
            return model;
        }
        entries.stats.misses += 1;
        let model = Arc::default();
        // One that is too large for the cache is decoded by every query that uses it.
        if blob.size_bytes <= self.bytes_max {
            entries.make_room(self.bytes_max - blob.size_bytes);
            entries.stats.bytes += blob.size_bytes;
            let entry = Entry {
                model: Arc::clone(&model),
                last_used: now,
            };
            entries.by_blob.insert(*blob, entry);
        }
        model
    }
}

impl Entries {
    /// Lets models go until those that are left have so many bytes at most.
    fn make_room(&mut self, bytes: u64) {
        while self.stats.bytes > bytes {
            let oldest = self.by_blob.iter().min_by_key(|(_, entry)| entry.last_used);
            let oldest = oldest.map(|(blob, _)| *blob);
            self.remove(&oldest.expect("without any there are no bytes"));
        }
    }

    fn remove(&mut self, blob: &ModelBlob) {
        if self.by_blob.remove(blob).is_some() {
            self.stats.bytes -= blob.size_bytes;
        }
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
    fn what_was_not_used_for_longest_goes_first() {
        let cache = ModelCache::new(100);
        let [a, b, c, large] = [blob(1, 40), blob(2, 40), blob(3, 40), blob(4, 101)];
        for blob in [a, b, a, c, large] {
            cache.entry(&blob);
        }
        let entries = cache.entries.lock();
        let kept = [a, b, c, large].map(|blob| entries.by_blob.contains_key(&blob));
        assert_eq!(kept, [true, false, true, false]);
        drop(entries);
        let expected = CacheStats {
            bytes: 80,
            entries: 2,
            hits: 1,
            misses: 4,
        };
        assert_eq!(cache.stats(), expected);
    }
}
