//! Finds objects that nothing refers to and deletes them: files of flushes and compactions that never
//! committed, and of those that did but were replaced shortly before the process ended; the bytes of models
//! likewise.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tracing::info;

use super::Core;
use super::models::{MODELS, blobs_of};
use crate::error::Result;

/// Where files are, below the root of the object store.
const DATA: &str = "data";

/// Deletes every file and model that nothing in the catalog refers to and that is older than `age`.
///
/// Nothing is put while this runs: a file that is to be committed later would look like an orphan. The
/// newest manifest is looked at first, so that another process that has taken the store over keeps its
/// files.
pub(super) async fn orphans(core: &Arc<Core>, age: Duration) -> Result<()> {
    let _no_rewrite = core.rewriting.lock().await;
    let _no_flush = core.flushing.lock().await;
    let _no_model = core.models.write().await;
    core.catalog.check_ownership().await?;
    let state = core.catalog.state();
    let files = state.stored_tables().flat_map(|table| table.files());
    // What was spilled may be uploaded already, for a commit that is to be made yet.
    let waiting = core.buffer.spilled();
    let files = files.chain(&waiting);
    let models = blobs_of(&state).map(|blob| blob.path());
    let live: HashSet<String> = files.map(|file| file.path()).chain(models).collect();
    let before = core.clock.now_nanos().saturating_sub(nanos(age));

    let is_orphan = |object: &ObjectMeta| {
        let modified = object.last_modified.timestamp_nanos_opt();
        !live.contains(object.location.as_ref()) && modified.is_some_and(|at| at < before)
    };
    let mut deleted = 0usize;
    for prefix in [DATA, MODELS].map(Path::from) {
        let mut objects = core.store.list(Some(&prefix));
        while let Some(object) = objects.next().await.transpose()? {
            if is_orphan(&object) {
                core.store.delete(&object.location).await?;
                deleted += 1;
            }
        }
    }
    if deleted > 0 {
        info!(deleted, "deleted files that nothing refers to");
    }
    Ok(())
}

fn nanos(age: Duration) -> i64 {
    i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)
}
