//! Files that wait on the local disk while the object store is slow or away.
//!
//! ```text
//! chunks ─ encoded ─▶ spilled file ── store is back ──▶ object of the same path ─▶ manifest commit
//!                     <data-dir>/spill/<path of the object>
//! ```
//!
//! A spilled file has the path that it will have in the store. Readers go through [`SpillStore`], which
//! serves a path from the local disk as long as it is there, and from the object store otherwise: a
//! reader that began before the upload goes on after it without noticing.
//!
//! The files need not survive anything: the write-ahead log has their rows, and the folder is emptied
//! at start. What they may take is bounded by the quota of the log, whose rows they are.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path as FilePath;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::RwLock;
use tokio::sync::Notify;
use tracing::warn;

use crate::io::{FileSystem, remove_tree};
use crate::object_stores::DurableLocal;

/// The files that wait, and what is known of why.
#[derive(Debug)]
pub(crate) struct Spill {
    /// Nothing on a volume that takes no writes: rows stay in memory then.
    local: Option<Arc<dyn ObjectStore>>,
    files: RwLock<HashMap<Path, Waiting>>,
    /// The last attempt to reach the object store failed.
    is_store_away: AtomicBool,
    /// The local disk takes no more.
    is_disk_full: AtomicBool,
    /// Rows were added to the buffer.
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    size_bytes: u64,
    is_uploaded: bool,
}

/// Makes the folder anew and opens it. What is in it syncs, which it need not; it is the one store
/// for local files that there is.
pub(crate) fn open_folder(
    files: &Arc<dyn FileSystem>,
    path: &FilePath,
) -> std::io::Result<Arc<dyn ObjectStore>> {
    match remove_tree(files.as_ref(), path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = DurableLocal::open(Arc::clone(files), path);
    Ok(Arc::new(folder.map_err(std::io::Error::other)?))
}

impl Spill {
    /// Spills to `local`, which is empty.
    pub(crate) fn new(local: Option<Arc<dyn ObjectStore>>) -> Self {
        Self {
            local,
            files: RwLock::default(),
            is_store_away: AtomicBool::new(false),
            is_disk_full: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Writes a file that is to become the object of this path. When it cannot be written, nothing
    /// more is spilled until [`Spill::note_attempt`].
    pub(crate) async fn write(&self, path: &Path, bytes: Bytes) -> Result<()> {
        let size_bytes = bytes.len() as u64;
        let put = async {
            let local = self.local.as_ref().ok_or_else(no_folder)?;
            local.put(path, PutPayload::from(bytes)).await
        };
        if let Err(error) = put.await {
            warn!(%path, %error, "cannot write rows to the local disk; they stay in memory");
            self.is_disk_full.store(true, Ordering::Relaxed);
            return Err(error);
        }
        let waiting = Waiting {
            size_bytes,
            is_uploaded: false,
        };
        self.files.write().insert(path.clone(), waiting);
        Ok(())
    }

    /// The content of a file that waits.
    pub(crate) async fn read(&self, path: &Path) -> Result<Bytes> {
        let local = self.local.as_ref().ok_or_else(no_folder)?;
        local.get(path).await?.bytes().await
    }

    /// Forgets a file, which the store has by now or nobody needs. One that cannot be deleted is
    /// left for the next start.
    pub(crate) async fn remove(&self, path: &Path) {
        let was_here = self.files.write().remove(path).is_some();
        if let (true, Some(local)) = (was_here, &self.local)
            && let Err(error) = local.delete(path).await
        {
            warn!(%path, %error, "could not delete a spilled file");
        }
    }

    pub(crate) fn is_uploaded(&self, path: &Path) -> bool {
        let files = self.files.read();
        files.get(path).is_some_and(|file| file.is_uploaded)
    }

    pub(crate) fn note_uploaded(&self, path: &Path) {
        if let Some(file) = self.files.write().get_mut(path) {
            file.is_uploaded = true;
        }
    }

    /// Files that wait, and their size.
    pub(crate) fn count_and_bytes(&self) -> (usize, u64) {
        let files = self.files.read();
        (
            files.len(),
            files.values().map(|file| file.size_bytes).sum(),
        )
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.read().is_empty()
    }

    pub(crate) fn is_store_away(&self) -> bool {
        self.is_store_away.load(Ordering::Relaxed)
    }

    pub(crate) fn note_store_away(&self) {
        self.is_store_away.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_store_back(&self) {
        self.is_store_away.store(false, Ordering::Relaxed);
    }

    /// A new attempt begins: a full disk may have space again.
    pub(crate) fn note_attempt(&self) {
        self.is_disk_full.store(false, Ordering::Relaxed);
    }

    /// Whether the local disk took the last file.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_disk_full.load(Ordering::Relaxed)
    }

    /// To be called when there are more rows than before.
    pub(crate) fn note_rows(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until spilling is possible and `is_needed` says so, which is asked when there are more
    /// rows.
    pub(crate) async fn needed(&self, is_needed: impl Fn() -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is_usable() && is_needed() {
                return;
            }
            changed.await;
        }
    }
}

fn no_folder() -> Error {
    Error::Generic {
        store: "local disk",
        source: "it takes no writes".into(),
    }
}

/// The object store, with spilled files as if they were in it already.
#[derive(Debug)]
pub(crate) struct SpillStore {
    store: Arc<dyn ObjectStore>,
    spill: Arc<Spill>,
}

impl SpillStore {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, spill: Arc<Spill>) -> Self {
        Self { store, spill }
    }

    /// The folder, if the file is there.
    fn folder_of(&self, path: &Path) -> Option<&dyn ObjectStore> {
        let is_spilled = self.spill.files.read().contains_key(path);
        self.spill.local.as_deref().filter(|_| is_spilled)
    }
}

impl fmt::Display for SpillStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.store)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for SpillStore {
    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(folder) = self.folder_of(path) {
            match folder.get_opts(path, options.clone()).await {
                // It was uploaded and removed a moment ago.
                Err(Error::NotFound { .. }) => {}
                result => return result,
            }
        }
        self.store.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if let Some(folder) = self.folder_of(path) {
            match folder.get_ranges(path, ranges).await {
                Err(Error::NotFound { .. }) => {}
                result => return result,
            }
        }
        self.store.get_ranges(path, ranges).await
    }

    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.store.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(
        &self,
        from: &Path,
        to: &Path,
        options: object_store::RenameOptions,
    ) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}
