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
    check_bytes(bytes, &record.path(), record.size_bytes, record.checksum)
}

/// Fails with [`Error::DamagedFile`] unless the bytes at this path are so many and have this checksum.
pub(crate) fn check_bytes(bytes: &[u8], path: &str, size_bytes: u64, crc32c: u32) -> Result<()> {
    let found = (bytes.len() as u64, crc32c::crc32c(bytes));
    check(found, path, (size_bytes, crc32c))
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
    let expected = (record.size_bytes, record.checksum);
    check((size, checksum), &record.path(), expected)
}

/// Both are sizes and checksums.
fn check(found: (u64, u32), path: &str, expected: (u64, u32)) -> Result<()> {
    let damaged = |problem: String| {
        let path = path.to_owned();
        Err(Error::DamagedFile { path, problem })
    };
    let ((size, checksum), (expected_size, expected)) = (found, expected);
    if size != expected_size {
        return damaged(format!("it has {size} bytes, not {expected_size}"));
    }
    if checksum != expected {
        return damaged(format!(
            "its checksum is {checksum:08x}, not {expected:08x}"
        ));
    }
    Ok(())
}
