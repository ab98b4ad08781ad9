//! What fuzz targets need of the inside. Compiled for them alone.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::batch::codec;
use crate::io::LocalFileSystem;
use crate::wal;

const LOG: Uuid = Uuid::from_u128(1);

/// A write batch decoded and encoded again; `None` when the decoder refuses it.
pub fn recode_write_batch(kind: u8, payload: &[u8]) -> Option<Vec<u8>> {
    let batch = codec::decode(kind, payload).ok()?;
    Some(codec::encode(&batch))
}

/// The kind of records that [`recode_write_batch`] makes.
pub const WRITE_BATCH: u8 = codec::PACKED;

/// The bytes of the first segment of a log with these payloads.
pub fn segment(payloads: &[&[u8]]) -> Vec<u8> {
    wal::encoded_segment(LOG, payloads)
}

/// The name of that segment in a log's folder.
pub const SEGMENT: &str = "00000000000000000001.wal";

/// Records read back from a folder, as a strict start does, or without the damaged ones; `None` when
/// the start is refused.
pub fn replay(folder: &Path, is_strict: bool) -> Option<Vec<(u64, Vec<u8>)>> {
    let settings = wal::Settings {
        recovery: match is_strict {
            true => wal::Recovery::Strict,
            false => wal::Recovery::Salvage,
        },
        ..wal::Settings::default()
    };
    let directory = wal::Directory::new(Arc::new(LocalFileSystem), folder);
    let mut records = Vec::new();
    let visit = |record: wal::ReplayedRecord<'_>| -> Result<(), Infallible> {
        records.push((record.sequence, record.payload.to_vec()));
        Ok(())
    };
    let opened = wal::open_to_look(Arc::new(directory), LOG, settings, 0, visit);
    opened.is_ok().then_some(records)
}
