//! An object store in a directory that survives a power failure.
//!
//! ```text
//! put     staging file → write → fsync → link (create) or rename (overwrite) → fsync directory
//! delete  unlink → fsync directory → remove the directories that are empty now
//! ```
//!
//! `object_store`'s own local store never syncs: after a power failure an acknowledged object can be
//! missing or empty. Here every change goes this way. The directories an object needs are created and
//! synced from the root down before it takes its place. Reading is in [`super::reading`].

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};
use parking_lot::{Mutex, RwLock};

use super::reading;
use super::staging::{STAGING, StagedFile, Staging};
use crate::io::{FileSystem, OpenFile, create_directory_durably, write_all_at};

pub(super) const STORE: &str = "DurableLocal";

/// Objects deleted before their directories are synced, each directory once.
const DELETES_PER_SYNC_MAX: usize = 256;

/// Bytes that are written before they are synced. Where a file system orders the data of one file before
/// the sync of another, as ext4 does, a sync of the log waits for what of an object is not written yet:
/// with a whole object that is a tenth of a second and more.
const SYNC_STEP_BYTES: usize = 1 << 20;

/// Directories remembered as durable; past it they are synced anew, which is only slower.
const DIRECTORIES_REMEMBERED_MAX: usize = 1 << 16;

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct DurableLocal {
    directory: Arc<Directory>,
}

impl DurableLocal {
    /// Uses a directory, which is created if need be. One on a volume that takes no writes can be
    /// opened, and read.
    pub(crate) fn open(files: Arc<dyn FileSystem>, path: &FilePath) -> Result<Self, super::Error> {
        let unusable = |source| super::Error::Directory {
            path: path.to_owned(),
            source,
        };
        create_directory_durably(files.as_ref(), path).map_err(unusable)?;
        let root = files.canonicalize(path).map_err(unusable)?;
        let directory = Directory {
            files,
            root,
            staging: Mutex::default(),
            durable: Mutex::default(),
            directories: RwLock::default(),
        };
        match directory.staging() {
            Ok(_) => {}
            Err(error) if is_refusal(&error) => {
                tracing::warn!(%error, path = %path.display(), "the object store takes no writes");
            }
            Err(error) => return Err(unusable(error)),
        }
        Ok(Self {
            directory: Arc::new(directory),
        })
    }

    /// Uses a directory that is there, to read it: nothing is made in it until something is written.
    pub(crate) fn open_to_read(
        files: Arc<dyn FileSystem>,
        path: &FilePath,
    ) -> Result<Self, super::Error> {
        let root = files.canonicalize(path);
        let root = root.map_err(|source| super::Error::Directory {
            path: path.to_owned(),
            source,
        })?;
        let directory = Directory {
            files,
            root,
            staging: Mutex::default(),
            durable: Mutex::default(),
            directories: RwLock::default(),
        };
        Ok(Self {
            directory: Arc::new(directory),
        })
    }

    /// The file behind a name that may be changed.
    fn file(&self, location: &Path) -> Result<PathBuf> {
        let first = location.parts().next();
        if first.is_some_and(|part| part.as_ref() == STAGING) {
            return Err(Error::NotSupported {
                source: format!("names below `{STAGING}` are reserved").into(),
            });
        }
        self.directory.file(location)
    }

    /// Runs a reading operation where it may block.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn FileSystem, &FilePath) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let directory = Arc::clone(&self.directory);
        blocking(move || Ok(read(directory.files.as_ref(), &directory.root)?)).await
    }
}

/// Whether a volume refuses writes in a way that may end, and that reading does not mind.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STORE}({})", self.directory.root.display())
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(unsupported("put with `PutMode::Update`")),
        };
        if !options.attributes.is_empty() {
            return Err(unsupported("put with attributes"));
        }
        let path = self.file(location)?;
        let directory = Arc::clone(&self.directory);
        blocking(move || {
            let staged = directory.staging()?.reserve();
            let file = staged.create()?;
            write_in_steps(file.as_ref(), 0, &payload)?;
            file.sync()?;
            directory.place(&staged, &path, create)?;
            Ok(put_result(file.as_ref())?)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            return Err(unsupported("put with attributes"));
        }
        let path = self.file(location)?;
        let directory = Arc::clone(&self.directory);
        blocking(move || {
            let staged = directory.staging()?.reserve();
            let file = staged.create()?;
            let parts = Arc::new(Parts {
                file,
                written: AtomicU64::new(0),
            });
            let upload = Upload {
                directory,
                path,
                offset: 0,
                target: Some((staged, parts)),
            };
            Ok(Box::new(upload) as Box<dyn MultipartUpload>)
        })
        .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (path, location) = (self.directory.file(location)?, location.clone());
        self.reading(move |files, _| reading::get(files, &path, location, &options))
            .await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.directory.file(location)?;
        let files = self.directory.files.as_ref();
        if let Some(bytes) = reading::get_ranges_at_once(files, &path, ranges) {
            return Ok(bytes);
        }
        let ranges = ranges.to_vec();
        self.reading(move |files, _| reading::get_ranges(files, &path, &ranges))
            .await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let directory = Arc::clone(&self.directory);
        locations
            .ready_chunks(DELETES_PER_SYNC_MAX)
            .then(move |chunk| {
                let directory = Arc::clone(&directory);
                async move {
                    match blocking(move || Ok(directory.delete_all(chunk))).await {
                        Ok(results) => results,
                        Err(error) => vec![Err(error)],
                    }
                }
            })
            .flat_map(stream::iter)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (directory, prefix) = (Arc::clone(&self.directory), prefix.cloned());
        let list = move || {
            let listed = reading::list(directory.files.as_ref(), &directory.root, prefix.as_ref());
            Ok(listed?)
        };
        stream::once(blocking(list))
            .flat_map(|listed| match listed {
                Ok(objects) => stream::iter(objects).map(Ok).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned();
        self.reading(move |files, root| reading::list_level(files, root, prefix.as_ref()))
            .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let create = matches!(options.mode, CopyMode::Create);
        let (from, to) = (self.file(from)?, self.file(to)?);
        let directory = Arc::clone(&self.directory);
        blocking(move || {
            let staged = directory.staging()?.reserve();
            let files = directory.files.as_ref();
            let link = files
                .open_to_read(&from)
                .and_then(|file| file.sync())
                .and_then(|()| files.hard_link(&from, staged.path()));
            link.map_err(|error| at(&from, error))?;
            directory.place(&staged, &to, create)
        })
        .await
    }
}

/// The part that changes files.
#[derive(Debug)]
struct Directory {
    files: Arc<dyn FileSystem>,
    root: PathBuf,
    /// Made at the first write if the volume took none when the store was opened.
    staging: Mutex<Option<Arc<Staging>>>,
    /// Directories whose entries, up to the root, are known to be durable.
    durable: Mutex<HashSet<PathBuf>>,
    /// Shared by those who rely on `durable` until an object is in its directory, and by those who have
    /// to sync a directory yet; taken alone by whoever removes one.
    directories: RwLock<()>,
}

impl Directory {
    fn file(&self, location: &Path) -> Result<PathBuf> {
        reading::file_of(&self.root, location)
    }

    fn staging(&self) -> io::Result<Arc<Staging>> {
        let mut staging = self.staging.lock();
        if let Some(staging) = &*staging {
            return Ok(Arc::clone(staging));
        }
        let opened = Arc::new(Staging::open(Arc::clone(&self.files), &self.root)?);
        *staging = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Lets a synced file take its place as an object, durably.
    fn place(&self, staged: &StagedFile, path: &FilePath, create: bool) -> Result<(), Failure> {
        let parent = parent(path)?;
        let attempt = || {
            self.make_durable(parent)?;
            let linked = match create {
                true => self.files.hard_link(staged.path(), path),
                false => self.files.rename(staged.path(), path),
            };
            if !is_missing(&linked) {
                // Also when the object exists: whoever learns that may rely on it.
                self.files.sync_directory(parent)?;
            }
            linked
        };
        let mut placed = {
            let _shared = self.directories.read();
            attempt()
        };
        if is_missing(&placed) {
            // Another process removed a directory behind our back. Alone: nobody else may take one for
            // durable that is only just made.
            let _alone = self.directories.write();
            self.durable.lock().clear();
            placed = attempt();
        }
        placed.map_err(|error| at(path, error))
    }

    /// Makes a directory below the root, and the entry of every directory on the way, durable.
    fn make_durable(&self, directory: &FilePath) -> io::Result<()> {
        if directory == self.root || self.durable.lock().contains(directory) {
            return Ok(());
        }
        let parent = parent(directory)?;
        self.make_durable(parent)?;
        match self.files.create_directory(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.files.sync_directory(parent)?,
        }
        let mut durable = self.durable.lock();
        if durable.len() >= DIRECTORIES_REMEMBERED_MAX {
            durable.clear();
        }
        durable.insert(directory.to_owned());
        Ok(())
    }

    /// Removes a directory below the root that has become empty, and those above it that become so.
    /// Not made durable: one that comes back after a power failure is empty.
    fn remove_empty(&self, directory: &FilePath) {
        for directory in directory.ancestors() {
            // Looked at before anybody is made to wait; most are not empty.
            let entries = self.files.list(directory);
            if directory == self.root || !entries.is_ok_and(|entries| entries.is_empty()) {
                return;
            }
            let _alone = self.directories.write();
            // It may have got an object meanwhile.
            if self.files.remove_directory(directory).is_err() {
                return;
            }
            self.durable.lock().remove(directory);
        }
    }

    /// Deletes objects and then syncs each directory once. An object counts as deleted only then.
    fn delete_all(&self, locations: Vec<Result<Path>>) -> Vec<Result<Path>> {
        let mut directories = BTreeSet::new();
        let delete = |location: Result<Path>| {
            let location = location?;
            let path = self.file(&location)?;
            let removed = self.files.remove_file(&path);
            removed.map_err(|error| at(&path, error))?;
            let parent = parent(&path).map_err(Failure::from)?.to_owned();
            directories.insert(parent.clone());
            Ok((location, parent))
        };
        // Nobody else removes a directory before it is synced.
        let shared = self.directories.read();
        let deleted: Vec<Result<(Path, PathBuf)>> = locations.into_iter().map(delete).collect();
        let unsynced = self.sync_all(&directories);
        drop(shared);
        for directory in directories.difference(&unsynced) {
            self.remove_empty(directory);
        }
        let confirm = |result: Result<(Path, PathBuf)>| match result? {
            (_, parent) if unsynced.contains(&parent) => Err(at(
                &parent,
                io::Error::other("the directory could not be synced"),
            )
            .into()),
            (location, _) => Ok(location),
        };
        deleted.into_iter().map(confirm).collect()
    }

    /// Syncs directories; returns those that could not be.
    fn sync_all(&self, directories: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let mut unsynced = BTreeSet::new();
        for directory in directories {
            if let Err(error) = self.files.sync_directory(directory) {
                tracing::error!(%error, directory = %directory.display(), "cannot sync a directory");
                unsynced.insert(directory.clone());
            }
        }
        unsynced
    }
}

/// An upload in parts.
#[derive(Debug)]
struct Upload {
    directory: Arc<Directory>,
    path: PathBuf,
    offset: u64,
    /// Nothing after it was completed or aborted.
    target: Option<(StagedFile, Arc<Parts>)>,
}

#[derive(Debug)]
struct Parts {
    file: Box<dyn OpenFile>,
    written: AtomicU64,
}

fn ended() -> Error {
    Error::Generic {
        store: STORE,
        source: "the upload was already completed or aborted".into(),
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some((_, parts)) = &self.target else {
            return Box::pin(async { Err(ended()) });
        };
        let parts = Arc::clone(parts);
        let offset = self.offset;
        self.offset += data.content_length() as u64;
        Box::pin(blocking(move || {
            write_in_steps(parts.file.as_ref(), offset, &data)?;
            let length = data.content_length() as u64;
            parts.written.fetch_add(length, Ordering::AcqRel);
            Ok(())
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (staged, parts) = self.target.take().ok_or_else(ended)?;
        let (directory, path, size) = (Arc::clone(&self.directory), self.path.clone(), self.offset);
        blocking(move || {
            if parts.written.load(Ordering::Acquire) != size {
                return Err(io::Error::other("a part of the upload is missing").into());
            }
            parts.file.sync()?;
            directory.place(&staged, &path, false)?;
            Ok(put_result(parts.file.as_ref())?)
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        self.target.take().map(drop).ok_or_else(ended)
    }
}

/// Writes bytes and syncs them bit by bit; the last ones are left to the caller.
fn write_in_steps(file: &dyn OpenFile, mut offset: u64, payload: &PutPayload) -> io::Result<()> {
    let mut unsynced = 0;
    for chunk in payload {
        for piece in chunk.chunks(SYNC_STEP_BYTES) {
            if unsynced + piece.len() > SYNC_STEP_BYTES {
                file.sync()?;
                unsynced = 0;
            }
            write_all_at(file, offset, piece)?;
            offset += piece.len() as u64;
            unsynced += piece.len();
        }
    }
    Ok(())
}

fn is_missing(result: &io::Result<()>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::NotFound)
}

fn put_result(file: &dyn OpenFile) -> io::Result<PutResult> {
    Ok(PutResult {
        e_tag: Some(reading::e_tag(&file.metadata()?)),
        version: None,
    })
}

fn parent(path: &FilePath) -> io::Result<&FilePath> {
    path.parent()
        .ok_or_else(|| io::Error::other("the path has no directory"))
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.into(),
        implementer: STORE.into(),
    }
}

/// A failure while files are changed: either already in the words of the trait, or not yet.
enum Failure {
    Store(Error),
    Io(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Io(source) => Self::Generic {
                store: STORE,
                source: source.into(),
            },
        }
    }
}

/// What an error of the operating system means for the object at a path.
fn at(path: &FilePath, source: io::Error) -> Failure {
    Failure::Store(reading::failure(path, source))
}

/// Runs file operations where they may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T> {
    let result = tokio::task::spawn_blocking(work).await?;
    Ok(result?)
}
