//! The bytes of models: there, of the right size and checksum. What they mean only those know who use them.

use std::collections::HashSet;
use std::sync::Arc;

use catalog::{ModelBlob, State, inspect};
use object_store::{ObjectStore, ObjectStoreExt};

use super::files::Verdict;
use super::{Options, Problem, Report};
use crate::engine::models::blobs_of;
use crate::error::{Error, Result};
use crate::file_check::check_bytes;

/// Checks the models of a state. Returns the paths of all of them.
pub(super) async fn check(
    store: &Arc<dyn ObjectStore>,
    state: &State,
    options: &Options,
    report: &mut Report,
) -> Result<HashSet<String>> {
    let mut gone = Vec::new();
    for blob in blobs_of(state) {
        let checked = match options.is_quick {
            true => check_presence(store, &blob).await,
            false => check_content(store, &blob).await,
        };
        match Verdict::from(checked) {
            Verdict::Sound => {
                report.models += 1;
                report.bytes += blob.size_bytes;
            }
            Verdict::Gone => gone.push(blob),
            Verdict::Damaged(problem) => report.damaged(blob.path(), problem),
            Verdict::Unreadable(problem) => report.unchecked.push(Problem {
                place: blob.path(),
                problem,
            }),
        }
    }
    if !gone.is_empty() {
        // It may have been dropped since.
        let newest = inspect::newest(store).await?;
        let named: HashSet<ModelBlob> = newest.iter().flat_map(blobs_of).collect();
        for blob in gone.iter().filter(|blob| named.contains(blob)) {
            report.damaged(blob.path(), "it is missing");
        }
    }
    Ok(blobs_of(state).map(|blob| blob.path()).collect())
}

async fn check_presence(store: &Arc<dyn ObjectStore>, blob: &ModelBlob) -> Result<()> {
    let found = store.head(&blob.path().into()).await?.size;
    match found == blob.size_bytes {
        true => Ok(()),
        false => Err(Error::DamagedFile {
            path: blob.path(),
            problem: format!("it has {found} bytes, not {}", blob.size_bytes),
        }),
    }
}

async fn check_content(store: &Arc<dyn ObjectStore>, blob: &ModelBlob) -> Result<()> {
    let bytes = store.get(&blob.path().into()).await?.bytes().await?;
    check_bytes(&bytes, &blob.path(), blob.size_bytes, blob.crc32c)
}
