//! Files on their way to becoming objects. They are written and synced in a directory of their own
//! beside the objects, in the same file system, and take their place by a link or a rename.
//!
//! ```text
//! <root>/.staging/lock#0             held while directories below are made or removed
//! <root>/.staging/<n>/lock#0         held as long as the process that made this directory lives
//! <root>/.staging/<n>/upload#<n>     an object on its way
//! ```
//!
//! Names that end in `#` and digits are invisible to `object_store`'s local listing. A directory whose
//! lock nobody holds was left by a process that died; the next one to open the store removes it, and
//! never one that another living process still uses.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

/// The name under which no object can be stored.
pub(super) const STAGING: &str = ".staging";
const LOCK: &str = "lock#0";

/// This process's directory for files on their way.
#[derive(Debug)]
pub(super) struct Staging {
    directory: PathBuf,
    uploads: AtomicU64,
    /// Locked until dropped.
    _lock: File,
}

impl Staging {
    /// Removes what dead processes left behind and makes a directory for this one.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let staging = root.join(STAGING);
        fs::create_dir_all(&staging)?;
        let exclusive = lock_file(&staging)?;
        flock(&exclusive, FlockOperation::LockExclusive)?;
        remove_abandoned(&staging)?;
        let directory = create_numbered(&staging)?;
        let lock = lock_file(&directory)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            directory,
            uploads: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// A name that no other upload has.
    pub(super) fn reserve(&self) -> StagedFile {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        StagedFile {
            path: self.directory.join(format!("upload#{number}")),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Whatever stays behind is removed when the store is opened next.
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// A file on its way, or its name. Removed when dropped, whether it took its place or not.
#[derive(Debug)]
pub(super) struct StagedFile {
    path: PathBuf,
}

impl StagedFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn create(&self) -> io::Result<File> {
        File::create_new(&self.path)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; what cannot be removed is, at the next start.
        drop(fs::remove_file(&self.path));
    }
}

fn lock_file(directory: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(false);
    options.open(directory.join(LOCK))
}

fn remove_abandoned(staging: &Path) -> io::Result<()> {
    for entry in fs::read_dir(staging)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let lock = lock_file(&entry.path())?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn create_numbered(staging: &Path) -> io::Result<PathBuf> {
    let mut number = 0_u64;
    loop {
        let directory = staging.join(number.to_string());
        match fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}
