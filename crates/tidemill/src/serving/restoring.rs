//! The mark of a restore that is under way: until it is taken away again, a store without a manifest is
//! half of one, and no server begins a new store there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::inspect;
use storage::object_store_settings::ObjectStore;

use super::ServeError;

fn mark(data_dir: &Path) -> PathBuf {
    data_dir.join("restoring")
}

/// Marks a data directory, before anything is restored there.
pub(crate) fn begin(data_dir: &Path) -> Result<(), ServeError> {
    let path = mark(data_dir);
    let make = || {
        File::create(&path)?.sync_all()?;
        File::open(data_dir)?.sync_all()
    };
    make().map_err(|source| ServeError::Write { path, source })
}

/// Takes the mark away, if there is one.
pub(crate) fn end(data_dir: &Path) -> Result<(), ServeError> {
    let path = mark(data_dir);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ServeError::Write { path, source })
        }
        _ => Ok(()),
    }
}

/// Fails where a restore has not come to its end. One that has written the manifest, which comes last, has;
/// and where there was a store before, none has begun.
pub(super) async fn check_ended(
    data_dir: &Path,
    store: &Arc<dyn ObjectStore>,
) -> Result<(), ServeError> {
    if !mark(data_dir).exists() {
        return Ok(());
    }
    match inspect::has_manifest(store).await? {
        true => end(data_dir),
        false => Err(ServeError::HalfRestored {
            data_dir: data_dir.to_owned(),
        }),
    }
}
