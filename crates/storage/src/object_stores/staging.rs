//! Files on their way to becoming objects. They are written and synced in a directory of their own
//! beside the objects, in the same file system, and take their place by a link or a rename.
//!
//! ```text
//! <root>/.staging/lock#0             held while directories below are made or removed
//! <root>/.staging/<n>/lock#0         held as long as the process that made this directory lives
//! <root>/.staging/<n>/upload#<n>     an object on its way
//! ```
//!
//! A directory whose lock nobody holds was left by a process that died; the next one to open the store
//! removes it, and never one that another living process still uses. Nothing here has to survive a
//! power failure, so no directory is synced.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::io::{FileSystem, Lock, OpenFile, Patience, remove_tree};

/// The name under which no object can be stored.
pub(super) const STAGING: &str = ".staging";
const LOCK: &str = "lock#0";

/// This process's directory for files on their way.
#[derive(Debug)]
pub(super) struct Staging {
    files: Arc<dyn FileSystem>,
    directory: PathBuf,
    uploads: AtomicU64,
    _lock: Lock,
}

impl Staging {
    /// Removes what dead processes left behind and makes a directory for this one.
    pub(super) fn open(files: Arc<dyn FileSystem>, root: &Path) -> io::Result<Self> {
        let staging = root.join(STAGING);
        match files.create_directory(&staging) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let _exclusive = files.lock(&staging.join(LOCK), Patience::Wait)?;
        remove_abandoned(files.as_ref(), &staging)?;
        let directory = create_numbered(files.as_ref(), &staging)?;
        let lock = files
            .lock(&directory.join(LOCK), Patience::GiveUp)?
            .ok_or(io::ErrorKind::WouldBlock)?;
        Ok(Self {
            files,
            directory,
            uploads: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// A name that no other upload has.
    pub(super) fn reserve(&self) -> StagedFile {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        StagedFile {
            files: Arc::clone(&self.files),
            path: self.directory.join(format!("upload#{number}")),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Whatever stays behind is removed when the store is opened next.
        drop(remove_tree(self.files.as_ref(), &self.directory));
    }
}

/// A file on its way, or its name. Removed when dropped, whether it took its place or not.
#[derive(Debug)]
pub(super) struct StagedFile {
    files: Arc<dyn FileSystem>,
    path: PathBuf,
}

impl StagedFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn create(&self) -> io::Result<Box<dyn OpenFile>> {
        self.files.create_file(&self.path)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; what cannot be removed is, at the next start.
        drop(self.files.remove_file(&self.path));
    }
}

fn remove_abandoned(files: &dyn FileSystem, staging: &Path) -> io::Result<()> {
    for entry in files.list(staging)? {
        if !entry.is_directory {
            continue;
        }
        let directory = staging.join(entry.name);
        if let Some(_abandoned) = files.lock(&directory.join(LOCK), Patience::GiveUp)? {
            remove_tree(files, &directory)?;
        }
    }
    Ok(())
}

fn create_numbered(files: &dyn FileSystem, staging: &Path) -> io::Result<PathBuf> {
    let mut number = 0_u64;
    loop {
        let directory = staging.join(number.to_string());
        match files.create_directory(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}
