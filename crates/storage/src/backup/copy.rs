//! Files from one store to another, each checked on its way.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{FileRecord, ModelBlob, State};
use futures::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::{Error, Result};
use crate::engine::models::{MODELS, blobs_of};

/// Where files are, in a store and among backups.
pub(super) const FOLDERS: [&str; 2] = ["data", MODELS];

/// Bytes that are sent at a time.
const PART_BYTES: usize = 8 << 20;

/// Parts of one file that are under way at a time.
const PARTS_AT_ONCE: usize = 2;

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptFile {
    pub(super) path: String,
    pub(super) size_bytes: u64,
    /// Of the whole file.
    pub(super) crc32c: u32,
}

impl From<&FileRecord> for KeptFile {
    fn from(file: &FileRecord) -> Self {
        Self {
            path: file.path(),
            size_bytes: file.size_bytes,
            crc32c: file.checksum,
        }
    }
}

impl From<ModelBlob> for KeptFile {
    fn from(blob: ModelBlob) -> Self {
        Self {
            path: blob.path(),
            size_bytes: blob.size_bytes,
            crc32c: blob.crc32c,
        }
    }
}

/// What became of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copied {
    /// It is there, and what was written.
    Done,
    /// There was nothing to copy.
    Gone,
    /// What there is to copy is not what was written.
    Damaged(String),
}

/// The files of all tables and models, those included that were dropped and can be brought back.
pub(super) fn files_of(state: &State) -> Vec<KeptFile> {
    let files = state.stored_tables().flat_map(|table| table.files());
    let files = files.map(|file| KeptFile::from(&**file));
    files.chain(blobs_of(state).map(KeptFile::from)).collect()
}

/// The rows of all tables.
pub(super) fn rows_of(state: &State) -> u64 {
    let files = state.stored_tables().flat_map(|table| table.files());
    files.map(|file| file.rows).sum()
}

/// Sizes of all files in a store.
pub(super) async fn sizes(store: &Arc<dyn ObjectStore>) -> Result<HashMap<String, u64>> {
    let mut sizes = HashMap::new();
    for folder in FOLDERS {
        let mut objects = store.list(Some(&folder.into()));
        while let Some(object) = objects.try_next().await? {
            sizes.insert(object.location.into(), object.size);
        }
    }
    Ok(sizes)
}

/// Copies a file. It takes its place only when all of it was found to be what was written.
pub(super) async fn copy(
    from: &Arc<dyn ObjectStore>,
    to: &Arc<dyn ObjectStore>,
    file: &KeptFile,
) -> Result<Copied> {
    let path = Path::from(file.path.as_str());
    let target = BufWriter::with_capacity(Arc::clone(to), path, PART_BYTES);
    let mut target = target.with_max_concurrency(PARTS_AT_ONCE);
    let outcome = transfer(from, file, Some(&mut target)).await;
    match outcome {
        Ok(Copied::Done) => {
            let written = target.shutdown().await;
            written.map_err(upload_failed)?;
        }
        Ok(_) | Err(_) => {
            // Parts that were sent take up room for nothing.
            let _sent_or_not = target.abort().await;
        }
    }
    outcome
}

/// Reads a file and checks that it is what was written.
pub(super) async fn check(store: &Arc<dyn ObjectStore>, file: &KeptFile) -> Result<Copied> {
    transfer(store, file, None).await
}

async fn transfer(
    from: &Arc<dyn ObjectStore>,
    file: &KeptFile,
    mut target: Option<&mut BufWriter>,
) -> Result<Copied> {
    let object = match from.get(&Path::from(file.path.as_str())).await {
        Err(StoreError::NotFound { .. }) => return Ok(Copied::Gone),
        object => object?,
    };
    if object.meta.size != file.size_bytes {
        return Ok(Copied::Damaged(format!(
            "it has {} bytes, not {}",
            object.meta.size, file.size_bytes
        )));
    }
    let mut pieces = object.into_stream();
    let (mut size, mut checksum) = (0, 0);
    loop {
        let piece = match pieces.try_next().await {
            Err(StoreError::NotFound { .. }) => return Ok(Copied::Gone),
            piece => piece?,
        };
        let Some(piece) = piece else { break };
        size += piece.len() as u64;
        checksum = crc32c::crc32c_append(checksum, &piece);
        if let Some(target) = &mut target {
            target.put(piece).await?;
        }
    }
    if size != file.size_bytes {
        return Ok(Copied::Damaged(format!("it ends after {size} bytes")));
    }
    if checksum != file.crc32c {
        return Ok(Copied::Damaged(format!(
            "its checksum is {checksum:08x}, not {:08x}",
            file.crc32c
        )));
    }
    Ok(Copied::Done)
}

fn upload_failed(source: std::io::Error) -> Error {
    Error::from(StoreError::Generic {
        store: "upload",
        source: Box::new(source),
    })
}
