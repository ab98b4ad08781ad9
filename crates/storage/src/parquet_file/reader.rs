//! Reads the metadata of a file in an object store.

use std::sync::Arc;

use catalog::FileRecord;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::DecodeResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataPushDecoder};

use crate::error::{Error, Result};

/// How much of a file's end is read at first: the footer of most files.
const FOOTER_HINT_BYTES: u64 = 64 << 10;

/// The metadata of a file, with its page index.
pub(crate) async fn read_metadata(
    store: &Arc<dyn ObjectStore>,
    file: &FileRecord,
) -> Result<Arc<ParquetMetaData>> {
    let path = Path::from(file.path());
    let size_bytes = file.size_bytes;
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size_bytes)?;
    let end = size_bytes.saturating_sub(FOOTER_HINT_BYTES)..size_bytes;
    let bytes = store.get_range(&path, end.clone()).await?;
    decoder.push_range(end, bytes)?;
    loop {
        match decoder.try_decode()? {
            DecodeResult::Data(metadata) => return Ok(Arc::new(metadata)),
            DecodeResult::NeedsData(ranges) => {
                let bytes = store.get_ranges(&path, &ranges).await?;
                decoder.push_ranges(ranges, bytes)?;
            }
            DecodeResult::Finished => {
                let problem = format!("{path} has no metadata");
                return Err(Error::from(ParquetError::General(problem)));
            }
        }
    }
}
