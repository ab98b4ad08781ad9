//! Holds the bytes of a file against what the manifest says about them.
//!
//! The checksum over the whole file is what tells damage for certain: a Parquet reader decodes many a
//! flipped bit to another value without noticing.

use catalog::FileRecord;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::{Error, Result};

/// Fails with [`Error::DamagedFile`] unless these are the bytes that were written.
pub fn check_file(bytes: &[u8], record: &FileRecord) -> Result<()> {
    check(bytes.len() as u64, crc32c::crc32c(bytes), record)
}

/// Reads a file once, a piece at a time, and fails with [`Error::DamagedFile`] unless it is what was
/// written. A file that is not there is an [`Error::Store`].
pub async fn check_object(store: &dyn ObjectStore, record: &FileRecord) -> Result<()> {
    let mut pieces = store.get(&record.path().into()).await?.into_stream();
    let (mut size, mut checksum) = (0, 0);
    while let Some(piece) = pieces.try_next().await? {
        size += piece.len() as u64;
        checksum = crc32c::crc32c_append(checksum, &piece);
    }
    check(size, checksum, record)
}

fn check(size: u64, checksum: u32, record: &FileRecord) -> Result<()> {
    let damaged = |problem: String| {
        Err(Error::DamagedFile {
            path: record.path(),
            problem,
        })
    };
    if size != record.size_bytes {
        return damaged(format!("it has {size} bytes, not {}", record.size_bytes));
    }
    let expected = record.checksum;
    if checksum != expected {
        return damaged(format!(
            "its checksum is {checksum:08x}, not {expected:08x}"
        ));
    }
    Ok(())
}
