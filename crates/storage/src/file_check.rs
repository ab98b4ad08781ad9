//! Holds the bytes of a file against what the manifest says about them.
//!
//! The checksum over the whole file is what tells damage for certain: a Parquet reader decodes many a
//! flipped bit to another value without noticing.

use catalog::FileRecord;

use crate::error::{Error, Result};

/// Fails with [`Error::DamagedFile`] unless these are the bytes that were written.
pub fn check_file(bytes: &[u8], record: &FileRecord) -> Result<()> {
    let damaged = |problem: String| {
        Err(Error::DamagedFile {
            path: record.path(),
            problem,
        })
    };
    let size = bytes.len() as u64;
    if size != record.size_bytes {
        return damaged(format!("it has {size} bytes, not {}", record.size_bytes));
    }
    let checksum = crc32c::crc32c(bytes);
    if checksum != record.id.checksum {
        let expected = record.id.checksum;
        return damaged(format!(
            "its checksum is {checksum:08x}, not {expected:08x}"
        ));
    }
    Ok(())
}
