//! One process per data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// An exclusive lock on `<data-dir>/lock`, held until dropped; the operating system lets go of it
/// when the process ends in whatever way.
///
/// It must be taken before anything in the directory or its object store is read: what is read
/// earlier may be what another process is just about to change.
#[derive(Debug)]
pub struct DirectoryLock {
    data_dir: PathBuf,
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, making the directory if need be. Fails at once when another process has it.
    pub fn acquire(data_dir: &Path) -> Result<Self> {
        let failed = |action, source| Error::DataDirectory {
            action,
            path: data_dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(data_dir).map_err(|e| failed("create data directory", e))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(data_dir.join("lock"))
            .map_err(|e| failed("open the lock file in", e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                data_dir: data_dir.to_owned(),
                _file: file,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked {
                path: data_dir.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(failed("lock", source)),
        }
    }

    /// The directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}
