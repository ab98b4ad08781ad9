//! Footers of files, where they are in memory already: for guesses that are not worth a read.

use std::sync::Arc;

use catalog::FileRecord;
use datafusion::datasource::physical_plan::parquet::metadata::CachedParquetMetaData;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::page_index::offset_index::PageLocation;
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

/// The pages of a column of a row group and what they hold at least and at most, of footers with a page index.
pub(crate) fn pages<'a>(
    footer: &'a ParquetMetaData,
    group: usize,
    column: &str,
) -> Option<(&'a ColumnIndexMetaData, &'a [PageLocation])> {
    let columns = footer.row_group(group).columns();
    let is_it = |chunk: &ColumnChunkMetaData| chunk.column_descr().name() == column;
    let column = columns.iter().position(is_it)?;
    let index = footer.column_index()?.get(group)?.get(column)?;
    let offsets = footer.offset_index()?.get(group)?.get(column)?;
    let pages = offsets.page_locations().as_slice();
    // Where one is damaged, whoever reads it says so.
    (index.num_pages() == pages.len() as u64).then_some((index, pages))
}
