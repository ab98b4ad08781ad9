//! One process per data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::io::{FileSystem, LocalFileSystem, Lock, Patience, create_directory_durably};

/// An exclusive lock on `<data-dir>/lock`, held until dropped; the operating system lets go of it
/// when the process ends in whatever way.
///
/// It must be taken before anything in the directory or its object store is read: what is read
/// earlier may be what another process is just about to change.
#[derive(Debug)]
pub struct DirectoryLock {
    data_dir: PathBuf,
    files: Arc<dyn FileSystem>,
    _lock: Lock,
}

impl DirectoryLock {
    /// Takes the lock, making the directory if need be. Fails at once when another process has it.
    pub fn acquire(data_dir: &Path) -> Result<Self> {
        Self::acquire_on(Arc::new(LocalFileSystem), data_dir)
    }

    /// [`Self::acquire`] on any file system, which the engine then keeps its log on.
    pub(crate) fn acquire_on(files: Arc<dyn FileSystem>, data_dir: &Path) -> Result<Self> {
        let failed = |action, source| Error::DataDirectory {
            action,
            path: data_dir.to_owned(),
            source,
        };
        create_directory_durably(files.as_ref(), data_dir)
            .map_err(|e| failed("create data directory", e))?;
        let lock = files
            .lock(&data_dir.join("lock"), Patience::GiveUp)
            .map_err(|e| failed("lock", e))?;
        match lock {
            Some(lock) => Ok(Self {
                data_dir: data_dir.to_owned(),
                files,
                _lock: lock,
            }),
            None => Err(Error::Locked {
                path: data_dir.to_owned(),
            }),
        }
    }

    /// The directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Where the directory is.
    pub(crate) fn files(&self) -> &Arc<dyn FileSystem> {
        &self.files
    }
}
