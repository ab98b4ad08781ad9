//! Keeps what was read of data files lately in memory: for stores at the other end of a network, where
//! a read takes tens of milliseconds and costs money. (The operating system does it for local ones.)
//!
//! ```text
//! ranges of an object ─▶ blocks ─▶ in memory?          ─▶ served
//!                                ─▶ being read by others? ─▶ waited for
//!                                ─▶ neither: neighbours are read together, once, and kept
//! ```
//!
//! Only objects below `data/` are kept: they never change, and no name is used twice. Whole objects
//! (which compactions and checks read) and large ranges pass by. A failure is never kept: whoever waits
//! for a read that fails reads for itself, and gets what the store says.

mod blocks;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::{Either, Shared, WeakShared, try_join_all};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, future, stream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};

pub use blocks::ReadCacheStats;
use blocks::{Block, Blocks, Place, Run};

/// Where data files are.
const DATA: &str = "data";

/// What is read and kept at least. Smaller ones make more requests of a scan, larger ones read more
/// than is asked for of files of which queries want a page here and there.
const BLOCK_BYTES: u64 = 256 << 10;

/// Neighbouring blocks are read together up to this size.
const RUN_BLOCKS_MAX: u64 = 32;

/// A cache of blocks, shared by the stores that read through it.
#[derive(Debug, Clone)]
pub(crate) struct ReadCache(Arc<Blocks>);

impl ReadCache {
    /// Keeps up to this many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self(Arc::new(Blocks::new(bytes_max)))
    }

    pub(crate) fn stats(&self) -> ReadCacheStats {
        self.0.stats()
    }
}

/// A store whose data files are read through a [`ReadCache`].
#[derive(Debug)]
pub(crate) struct CachedStore {
    inner: Arc<dyn ObjectStore>,
    cache: ReadCache,
}

/// Neighbouring blocks that are being read; `None` when that failed. It goes on as long as somebody
/// waits for it.
type Reading = Shared<future::BoxFuture<'static, Option<Arc<Vec<Block>>>>>;

type WeakReading = WeakShared<future::BoxFuture<'static, Option<Arc<Vec<Block>>>>>;

impl CachedStore {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, cache: ReadCache) -> Self {
        Self { inner, cache }
    }

    /// Whether ranges of this object are kept, if they are of this length together.
    fn is_kept(&self, path: &Path, length: u64) -> bool {
        let is_data = path
            .parts()
            .next()
            .is_some_and(|part| part.as_ref() == DATA);
        is_data && length <= self.cache.0.bytes_max() / 8
    }

    /// The blocks that hold these ranges, by number and without gaps; `None` if one cannot be read.
    async fn blocks_of(&self, path: &Path, ranges: &[Range<u64>]) -> Option<Vec<(u64, Block)>> {
        let mut numbers: Vec<u64> = ranges
            .iter()
            .flat_map(|range| range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let path: Arc<Path> = Arc::new(path.clone());
        let read = |run: Run| self.read(Arc::clone(&path), run);
        let places = self.cache.0.find(&path, &numbers, RUN_BLOCKS_MAX, read);
        let blocks = places.into_iter().map(|place| match place {
            (number, Place::Here(block)) => Either::Left(future::ready(Ok((number, block)))),
            (number, Place::Coming { reading, index }) => Either::Right(async move {
                let blocks = reading.await.ok_or(())?;
                // The object ends before this block.
                let block = blocks.get(index).ok_or(())?;
                Ok::<_, ()>((number, block.clone()))
            }),
        });
        try_join_all(blocks).await.ok()
    }

    /// Reads neighbouring blocks and keeps them.
    fn read(&self, path: Arc<Path>, run: Run) -> Reading {
        let (inner, blocks) = (Arc::clone(&self.inner), Arc::clone(&self.cache.0));
        let reading = async move {
            let range = run.blocks.start * BLOCK_BYTES..run.blocks.end * BLOCK_BYTES;
            let read = async {
                let options = GetOptions::new().with_range(Some(range));
                let result = inner.get_opts(&path, options).await?;
                let meta = Arc::new(result.meta.clone());
                Ok::<_, object_store::Error>((meta, result.bytes().await?))
            };
            let read = read.await.ok().map(|(meta, bytes)| {
                let pieces = (0..bytes.len()).step_by(BLOCK_BYTES as usize);
                let block = |from: usize| Block {
                    meta: Arc::clone(&meta),
                    // A copy: a slice would keep the whole run in memory.
                    bytes: Bytes::copy_from_slice(
                        &bytes[from..bytes.len().min(from + BLOCK_BYTES as usize)],
                    ),
                };
                pieces.map(block).collect::<Vec<_>>()
            });
            let read = read.map(Arc::new);
            blocks.note_read(&path, run, read.as_deref());
            read
        };
        reading.boxed().shared()
    }

    async fn forget_after<T>(
        &self,
        path: &Path,
        done: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let done = done.await;
        self.cache.0.forget(path);
        done
    }
}

/// The bytes of a range out of the blocks that hold it.
fn cut(blocks: &[(u64, Block)], range: &Range<u64>) -> Option<Bytes> {
    let first = range.start / BLOCK_BYTES;
    let at = blocks
        .binary_search_by_key(&first, |(number, _)| *number)
        .ok()?;
    let (_, block) = &blocks[at];
    let length = usize::try_from(range.end - range.start).ok()?;
    let from = (range.start - first * BLOCK_BYTES) as usize;
    if let Some(to) = from.checked_add(length)
        && to <= block.bytes.len()
    {
        return Some(block.bytes.slice(from..to));
    }
    let mut bytes = BytesMut::with_capacity(length);
    let mut skip = from;
    for (number, block) in &blocks[at..] {
        let offset = number * BLOCK_BYTES;
        if offset >= range.end {
            break;
        }
        let to = ((range.end - offset) as usize).min(block.bytes.len());
        bytes.extend_from_slice(block.bytes.get(skip..to)?);
        skip = 0;
    }
    (bytes.len() == length).then(|| bytes.freeze())
}

/// The range, if that is all that is asked for.
fn plain_range(options: &GetOptions) -> Option<Range<u64>> {
    let Some(GetRange::Bounded(range)) = &options.range else {
        return None;
    };
    let plain = GetOptions::new().with_range(Some(range.clone()));
    let is_plain = !options.head
        && options.version.is_none()
        && options.if_match == plain.if_match
        && options.if_none_match == plain.if_none_match
        && options.if_modified_since == plain.if_modified_since
        && options.if_unmodified_since == plain.if_unmodified_since;
    (is_plain && range.start < range.end).then(|| range.clone())
}

fn result_of(meta: &ObjectMeta, range: Range<u64>, bytes: Bytes) -> GetResult {
    GetResult {
        payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
        meta: meta.clone(),
        range,
        attributes: Attributes::new(),
    }
}

impl fmt::Display for CachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for CachedStore {
    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(range) = plain_range(&options)
            && self.is_kept(path, range.end - range.start)
            && let Some(blocks) = self.blocks_of(path, std::slice::from_ref(&range)).await
            && let Some((_, block)) = blocks.first()
            && range.start < block.meta.size
        {
            let range = range.start..range.end.min(block.meta.size);
            if let Some(bytes) = cut(&blocks, &range) {
                return Ok(result_of(&block.meta, range, bytes));
            }
        }
        self.inner.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let length = ranges
            .iter()
            .map(|range| range.end.saturating_sub(range.start))
            .sum();
        let is_plain = ranges.iter().all(|range| range.start < range.end);
        if is_plain
            && self.is_kept(path, length)
            && let Some(blocks) = self.blocks_of(path, ranges).await
        {
            let all: Option<Vec<_>> = ranges.iter().map(|range| cut(&blocks, range)).collect();
            if let Some(all) = all {
                return Ok(all);
            }
        }
        self.inner.get_ranges(path, ranges).await
    }

    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.inner.put_opts(path, payload, options);
        self.forget_after(path, put).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        // A name that is written anew is none of a data file.
        let upload = self.inner.put_multipart_opts(path, options);
        self.forget_after(path, upload).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let blocks = Arc::clone(&self.cache.0);
        let deleted = self.inner.delete_stream(paths);
        deleted.inspect_ok(move |path| blocks.forget(path)).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.forget_after(to, self.inner.copy_opts(from, to, options))
            .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let renamed = self.inner.rename_opts(from, to, options);
        let renamed = self.forget_after(from, renamed).await;
        self.cache.0.forget(to);
        renamed
    }
}

#[cfg(test)]
mod tests;
