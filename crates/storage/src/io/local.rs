//! The file system of this machine.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the crate touches real files"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::{Entry, FileSystem, Lock, Metadata, OpenFile, Patience};

/// See the module documentation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalFileSystem;

impl FileSystem for LocalFileSystem {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        Metadata::try_from(fs::metadata(path)?)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let is_directory = match kind.is_symlink() {
                true => fs::metadata(entry.path()).is_ok_and(|found| found.is_dir()),
                false => kind.is_dir(),
            };
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_directory });
            }
        }
        Ok(entries)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true);
        Ok(Box::new(LocalFile(options.open(path)?)))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(LocalFile(File::open(path)?)))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true);
        Ok(Box::new(LocalFile(options.open(path)?)))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn lock(&self, path: &Path, patience: Patience) -> io::Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        let file = options.open(path)?;
        let operation = match patience {
            Patience::Wait => FlockOperation::LockExclusive,
            Patience::GiveUp => FlockOperation::NonBlockingLockExclusive,
        };
        loop {
            match flock(&file, operation) {
                Ok(()) => return Ok(Some(Lock::new(file))),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl TryFrom<fs::Metadata> for Metadata {
    type Error = io::Error;

    fn try_from(found: fs::Metadata) -> io::Result<Self> {
        Ok(Self {
            is_directory: found.is_dir(),
            size_bytes: found.len(),
            modified: found.modified()?,
            inode: found.ino(),
        })
    }
}

#[derive(Debug)]
struct LocalFile(File);

impl OpenFile for LocalFile {
    fn metadata(&self) -> io::Result<Metadata> {
        Metadata::try_from(self.0.metadata()?)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn read_at_once(&self, offset: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let buffer = &mut [IoSliceMut::new(buffer)];
        match preadv2(&self.0, buffer, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            // The last three where the file system, the kernel or the C library knows no such thing.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn allocate(&self, size_bytes: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::empty(), 0, size_bytes) {
            // Network file systems and the like cannot reserve; the file then grows as it is
            // written, and `fdatasync` makes each new size durable: slower, and just as safe.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            result => Ok(result?),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn truncate(&self, size_bytes: u64) -> io::Result<()> {
        self.0.set_len(size_bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
