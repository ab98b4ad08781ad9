//! Footers of files, where they are in memory already: for guesses that are not worth a read.

use std::sync::Arc;

use catalog::FileRecord;
use datafusion::datasource::physical_plan::parquet::metadata::CachedParquetMetaData;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::file::metadata::ParquetMetaData;
use object_store::path::Path;

/// The footer of a file that some query has read.
pub(crate) fn in_memory(
    file: &FileRecord,
    cache: &FileMetadataCache,
) -> Option<Arc<ParquetMetaData>> {
    let cached = cache.get(&Path::from(file.path()))?;
    let metadata = cached.file_metadata.as_any();
    let metadata = metadata.downcast_ref::<CachedParquetMetaData>()?;
    Some(Arc::clone(metadata.parquet_metadata()))
}
