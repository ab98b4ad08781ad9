//! The few file operations the log needs, as two small traits, so that tests can put a simulated
//! disk under it: power failures, errors, a full volume. [`LocalDirectory`] is the real one.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A directory that holds segment files and nothing below it.
pub(crate) trait Directory: Debug + Send + Sync + 'static {
    /// Makes the directory exist, durably, with every ancestor it needed.
    fn create(&self) -> io::Result<()>;

    /// The names of all files, in any order. A directory that does not exist is empty.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Replaces the content of `buffer` with the first `limit` bytes of a file, fewer if it is shorter.
    fn read(&self, name: &str, limit: u64, buffer: &mut Vec<u8>) -> io::Result<()>;

    /// Creates a file that must not exist. Durable only after [`Directory::sync`].
    fn create_file(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens an existing file for writing.
    fn open_file(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;

    /// Removes a file. Durable only after [`Directory::sync`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations and removals durable.
    fn sync(&self) -> io::Result<()>;

    /// Where a file is, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// One segment file open for writing.
pub(crate) trait SegmentFile: Debug + Send {
    /// Reserves space for the first `size_bytes` bytes, which read as zeros.
    fn allocate(&mut self, size_bytes: u64) -> io::Result<()>;

    /// Writes some of `bytes`, and says how many.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Cuts the file to `size_bytes`.
    fn truncate(&mut self, size_bytes: u64) -> io::Result<()>;

    /// Makes the content, and the size needed to read it back, durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// Writes all of `bytes`, in one call unless the operating system takes only a part.
pub(super) fn write_all_at(
    file: &mut dyn SegmentFile,
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

/// A directory of the local file system.
#[derive(Debug)]
pub(crate) struct LocalDirectory {
    path: PathBuf,
}

impl LocalDirectory {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Directory for LocalDirectory {
    fn create(&self) -> io::Result<()> {
        create_directory_durably(&self.path)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        // A name that is not UTF-8 is none of ours.
        entries
            .map(|entry| Ok(entry?.file_name().into_string().ok()))
            .filter_map(io::Result::transpose)
            .collect()
    }

    fn read(&self, name: &str, limit: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        let file = File::open(self.path.join(name))?;
        let size = file.metadata()?.len().min(limit);
        buffer.reserve(usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?);
        file.take(limit).read_to_end(buffer)?;
        Ok(())
    }

    fn create_file(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true);
        Ok(Box::new(LocalFile(file.open(self.path.join(name))?)))
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let file = OpenOptions::new().write(true).open(self.path.join(name))?;
        Ok(Box::new(LocalFile(file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[derive(Debug)]
struct LocalFile(File);

impl SegmentFile for LocalFile {
    fn allocate(&mut self, size_bytes: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(&self.0, FallocateFlags::empty(), 0, size_bytes) {
            // Network file systems and the like cannot reserve; the file then grows as it is
            // written, and `fdatasync` makes each new size durable: slower, and just as safe.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            result => Ok(result?),
        }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn truncate(&mut self, size_bytes: u64) -> io::Result<()> {
        self.0.set_len(size_bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Creates `path` and the ancestors it lacks, and makes the entry of each durable.
///
/// The directory's own entry is synced even when it existed: an earlier process may have been
/// killed between creating it and syncing it.
pub(crate) fn create_directory_durably(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.is_dir()).collect();
    for directory in missing.into_iter().rev() {
        match fs::create_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_parent(directory)?,
        }
    }
    match sync_parent(&path) {
        // Someone else made the directory inside one that is closed to us, and answers for it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
