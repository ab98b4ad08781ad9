//! Local files behind two small traits: every file the crate reads or writes goes through a
//! [`FileSystem`].
//!
//! [`LocalFileSystem`] is the real one. Tests put a simulated disk in its place that fails on demand and
//! forgets what was not synced when its power fails. `clippy.toml` of this crate forbids the direct calls
//! everywhere else, so that nothing escapes the simulation.
//!
//! What makes a change durable: the content of a file [`OpenFile::sync`], its name (and that of every
//! directory above it) [`FileSystem::sync_directory`] of the directory that holds the name.

mod local;
#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) use local::LocalFileSystem;

/// A file system. All of its operations may block.
pub(crate) trait FileSystem: Debug + Send + Sync + 'static {
    /// The path without links and relative parts. Fails when nothing is there.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;

    /// What is at a path. Links are followed.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    /// What a directory holds, in any order. Names that are not UTF-8 are none of ours and left out.
    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>>;

    /// Creates one directory, whose parent exists.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable: creations, links, renames and removals.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Creates a file that must not exist, to be written and read.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Opens an existing file to be read.
    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Opens an existing file to be written and read.
    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Gives a file a second name, which must not be taken.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name in place of whatever had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name off a file. The content goes with its last name.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Locks a file, creating it if need be, against every other process and every other lock of
    /// this one. Nothing when somebody else has it and the caller does not want to wait.
    fn lock(&self, path: &Path, patience: Patience) -> io::Result<Option<Lock>>;
}

/// An open file. Safe to use from several threads at once.
pub(crate) trait OpenFile: Debug + Send + Sync {
    /// What is known about it.
    fn metadata(&self) -> io::Result<Metadata>;

    /// Reads some of the bytes from `offset` on, and says how many; none at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// The same if it can be done without waiting for a disk, and otherwise nothing.
    fn read_at_once(&self, offset: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let _ = (offset, buffer);
        Ok(None)
    }

    /// Reserves space for the first `size_bytes` bytes, which read as zeros where nothing was written.
    fn allocate(&self, size_bytes: u64) -> io::Result<()>;

    /// Writes some of `bytes`, and says how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Cuts the file to `size_bytes`.
    fn truncate(&self, size_bytes: u64) -> io::Result<()>;

    /// Makes the content, and the size needed to read it back, durable.
    fn sync(&self) -> io::Result<()>;
}

/// What a file system knows about a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) is_directory: bool,
    pub(crate) size_bytes: u64,
    pub(crate) modified: SystemTime,
    /// The number that the file keeps under whatever name.
    pub(crate) inode: u64,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_directory: bool,
}

/// What to do when somebody else has a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Wait,
    GiveUp,
}

/// A lock, held until dropped or until the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    _held: Box<dyn Debug + Send + Sync>,
}

impl Lock {
    fn new(held: impl Debug + Send + Sync + 'static) -> Self {
        Self {
            _held: Box::new(held),
        }
    }
}

/// Writes all of `bytes`, in one call unless the file system takes only a part.
pub(crate) fn write_all_at(
    file: &dyn OpenFile,
    mut offset: u64,
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `buffer` with the bytes from `offset` on; returns how many there were, fewer at the end only.
pub(crate) fn read_full_at(
    file: &dyn OpenFile,
    offset: u64,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Creates `path` and the ancestors it lacks, and makes the entry of each durable.
///
/// The directory's own entry is synced even when it existed: an earlier process may have been
/// killed between creating it and syncing it.
pub(crate) fn create_directory_durably(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let is_directory = |path: &Path| files.metadata(path).is_ok_and(|found| found.is_directory);
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|path| !is_directory(path))
        .collect();
    for directory in missing.into_iter().rev() {
        match files.create_directory(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_parent(files, directory)?,
        }
    }
    match sync_parent(files, &path) {
        // Someone else made the directory inside one that is closed to us, and answers for it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

fn sync_parent(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| files.sync_directory(parent))
}

/// Removes a directory and everything in it. Not made durable.
pub(crate) fn remove_tree(files: &dyn FileSystem, directory: &Path) -> io::Result<()> {
    for entry in files.list(directory)? {
        let path = directory.join(&entry.name);
        match entry.is_directory {
            true => remove_tree(files, &path)?,
            false => files.remove_file(&path)?,
        }
    }
    files.remove_directory(directory)
}
