//! Reads files with their page indexes always at hand, and what is read again and again from memory (`hot_pages.rs`).
//!
//! DataFusion first asks for a file's metadata without the page index, and fetches and parses the index
//! anew for each query whose filters could use it. With an index that comes with the cached metadata it
//! does neither: what a query on one series takes no longer grows with the file.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::hot_pages::{HotPages, Place, View};

/// Makes the readers of a scan: they keep metadata with page indexes in the cache, and take [`HotPages`] where there are any.
#[derive(Debug)]
pub(crate) struct IndexedReaderFactory {
    inner: CachedParquetFileReaderFactory,
    files: Arc<Files>,
}

/// The files of a scan as its readers see them. Several read one file: what one learned from metadata, another one reads.
#[derive(Debug)]
struct Files {
    hot: Arc<HotPages>,
    known: Mutex<HashMap<Path, Known>>,
}

/// A file whose metadata has been read.
#[derive(Debug, Clone)]
struct Known {
    metadata: Arc<ParquetMetaData>,
    view: Option<Arc<View>>,
}

impl Files {
    /// The metadata for readers, after that of the file.
    fn metadata(&self, path: &Path, metadata: Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
        let mut known = self.known.lock();
        let known = known.entry(path.clone()).or_insert_with(|| Known {
            view: self.hot.view(path, &metadata),
            metadata,
        });
        let metadata = known.view.as_ref().map(|view| view.metadata());
        Arc::clone(metadata.unwrap_or(&known.metadata))
    }

    fn known(&self, path: &Path) -> Option<Known> {
        self.known.lock().get(path).cloned()
    }
}

impl IndexedReaderFactory {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        cache: Arc<FileMetadataCache>,
        hot: Arc<HotPages>,
    ) -> Self {
        let known = Mutex::default();
        Self {
            inner: CachedParquetFileReaderFactory::new(store, cache),
            files: Arc::new(Files { hot, known }),
        }
    }
}

impl ParquetFileReaderFactory for IndexedReaderFactory {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let path = file.object_meta.location.clone();
        let reader = self
            .inner
            .create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(IndexedReader {
            reader,
            path,
            files: Arc::clone(&self.files),
        }))
    }
}

struct IndexedReader {
    reader: Box<dyn AsyncFileReader + Send>,
    path: Path,
    files: Arc<Files>,
}

impl fmt::Debug for IndexedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexedReader").finish_non_exhaustive()
    }
}

impl IndexedReader {
    /// Ranges of a file, some of which may be in memory.
    async fn read(&mut self, ranges: Vec<Range<u64>>) -> ParquetResult<Vec<Bytes>> {
        let Some(known) = self.files.known(&self.path) else {
            return self.reader.get_byte_ranges(ranges).await;
        };
        let hot = &self.files.hot;
        let Some(view) = known.view else {
            let read = self.reader.get_byte_ranges(ranges.clone()).await?;
            hot.note_read(&self.path, &known.metadata, &ranges, &read);
            return Ok(read);
        };
        let in_memory = ranges.iter().map(|range| view.bytes(range));
        let in_memory: Vec<Option<(Place, Bytes)>> = in_memory.collect();
        let used = in_memory.iter().flatten().map(|(place, _)| *place);
        hot.note_used(&self.path, &used.collect::<Vec<_>>());
        let stored = ranges.into_iter().zip(&in_memory);
        let stored = stored.filter_map(|(range, bytes)| bytes.is_none().then_some(range));
        let stored: Vec<Range<u64>> = stored.collect();
        let mut read = Vec::new();
        if !stored.is_empty() {
            read = self.reader.get_byte_ranges(stored.clone()).await?;
            hot.note_read(&self.path, &known.metadata, &stored, &read);
        }
        let mut read = read.into_iter();
        let all = in_memory.into_iter().map(|bytes| match bytes {
            Some((_, bytes)) => Some(bytes),
            None => read.next(),
        });
        let all = all.collect::<Option<Vec<_>>>();
        all.ok_or_else(|| ParquetError::General("fewer ranges than asked for".to_owned()))
    }
}

impl AsyncFileReader for IndexedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        Box::pin(async move {
            let mut read = self.read(vec![range]).await?;
            let read = read.pop();
            read.ok_or_else(|| ParquetError::General("there are no bytes".to_owned()))
        })
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        Box::pin(self.read(ranges))
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let options = options.cloned().unwrap_or_default();
        let options = options.with_page_index_policy(PageIndexPolicy::Optional);
        Box::pin(async move {
            // The decoder relies on the length that the footer says: with a damaged one it panics.
            let read = AssertUnwindSafe(self.reader.get_metadata(Some(&options))).catch_unwind();
            let damaged = || ParquetError::General("the footer of the file is damaged".to_owned());
            let metadata = read.await.unwrap_or_else(|_| Err(damaged()))?;
            Ok(self.files.metadata(&self.path, metadata))
        })
    }
}
