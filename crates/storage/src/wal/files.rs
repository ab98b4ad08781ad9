//! The directory that holds the segment files, on any [`FileSystem`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use crate::io::write_all_at;
use crate::io::{FileSystem, OpenFile, create_directory_durably, read_full_at};

/// A directory with segment files and nothing below it. Names are those of files in it.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    files: Arc<dyn FileSystem>,
    path: PathBuf,
}

impl Directory {
    pub(crate) fn new(files: Arc<dyn FileSystem>, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { files, path }
    }

    /// Makes the directory exist, durably, with every ancestor it needed.
    pub(super) fn create(&self) -> io::Result<()> {
        create_directory_durably(self.files.as_ref(), &self.path)
    }

    /// The names of all files, in any order. A directory that does not exist is empty.
    pub(super) fn list(&self) -> io::Result<Vec<String>> {
        match self.files.list(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => Ok(entries?.into_iter().map(|entry| entry.name).collect()),
        }
    }

    /// Replaces the content of `buffer` with the first `limit` bytes of a file, fewer if it is shorter.
    pub(super) fn read(&self, name: &str, limit: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let file = self.files.open_to_read(&self.path(name))?;
        let size = file.metadata()?.size_bytes.min(limit);
        let size = usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
        buffer.clear();
        buffer.resize(size, 0);
        let read = read_full_at(file.as_ref(), 0, buffer)?;
        buffer.truncate(read);
        Ok(())
    }

    /// Creates a file that must not exist. Durable only after [`Directory::sync`].
    pub(super) fn create_file(&self, name: &str) -> io::Result<Box<dyn OpenFile>> {
        self.files.create_file(&self.path(name))
    }

    /// Opens an existing file for writing.
    pub(super) fn open_file(&self, name: &str) -> io::Result<Box<dyn OpenFile>> {
        self.files.open_to_write(&self.path(name))
    }

    /// Removes a file. Durable only after [`Directory::sync`].
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove_file(&self.path(name))
    }

    /// Makes creations and removals durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.files.sync_directory(&self.path)
    }

    /// Where a file is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match name {
            "" => self.path.clone(),
            name => Path::join(&self.path, name),
        }
    }
}
