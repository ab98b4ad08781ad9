//! The cache against the store below it.

use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::Error;
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use proptest::collection::vec;
use proptest::prelude::*;

use object_store::ObjectStoreExt;

use super::*;

const NAME: &str = "data/1/1/0/a.parquet";

fn content(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

async fn over(inner: Arc<dyn ObjectStore>, length: u64, bytes_max: u64) -> CachedStore {
    inner
        .put(&NAME.into(), content(length).into())
        .await
        .unwrap();
    CachedStore::new(inner, ReadCache::new(bytes_max))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn ranges_are_those_of_the_store_and_the_budget_is_kept(
        blocks in 0u64..12,
        rest in prop::sample::select(vec![0, 1, BLOCK_BYTES / 2, BLOCK_BYTES - 1]),
        reads in vec(vec((0..12 * BLOCK_BYTES, 0..3 * BLOCK_BYTES), 1..4), 1..24),
        budget_blocks in 0u64..40,
    ) {
        runtime().block_on(async {
            let bytes_max = budget_blocks * BLOCK_BYTES;
            let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let store = over(Arc::clone(&inner), blocks * BLOCK_BYTES + rest, bytes_max).await;
            let name = Path::from(NAME);
            for read in reads {
                let ranges: Vec<_> = read.iter().map(|(from, length)| *from..from + length).collect();
                let is_past_the_end = |error: Error| matches!(error, Error::Generic { .. });
                match (store.get_ranges(&name, &ranges).await, inner.get_ranges(&name, &ranges).await) {
                    (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
                    (Err(ours), Err(theirs)) => {
                        assert!(is_past_the_end(ours) && is_past_the_end(theirs));
                    }
                    (ours, theirs) => panic!("{ours:?}, {theirs:?}"),
                }
                let options = GetOptions::new().with_range(Some(ranges[0].clone()));
                match (store.get_opts(&name, options.clone()).await, inner.get_opts(&name, options).await) {
                    (Ok(ours), Ok(theirs)) => {
                        assert_eq!((&ours.meta, &ours.range), (&theirs.meta, &theirs.range));
                        assert_eq!(ours.bytes().await.unwrap(), theirs.bytes().await.unwrap());
                    }
                    (Err(_), Err(_)) => {}
                    (ours, theirs) => panic!("{ours:?}, {theirs:?}"),
                }
                assert!(store.cache.stats().bytes <= bytes_max);
            }
        });
    }
}

/// Fails a number of reads.
#[derive(Debug)]
struct Failing {
    inner: InMemory,
    failures: AtomicUsize,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failing")
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let fail = |left: usize| left.checked_sub(1);
        let failed = self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fail);
        match failed {
            Ok(_) => Err(Error::Generic {
                store: "failing",
                source: "on purpose".into(),
            }),
            Err(_) => self.inner.get_opts(path, options).await,
        }
    }

    async fn put_opts(
        &self,
        path: &Path,
        bytes: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(path, bytes, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn failures_are_not_kept() {
    let inner = Arc::new(Failing {
        inner: InMemory::new(),
        failures: AtomicUsize::new(0),
    });
    let store = over(Arc::clone(&inner) as _, 1000, 100 * BLOCK_BYTES).await;
    let name = Path::from(NAME);
    // Once for the cache, once for the reader itself.
    inner.failures.store(2, Ordering::Relaxed);
    let error = store.get_range(&name, 0..10).await.unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    assert_eq!(store.get_range(&name, 0..10).await.unwrap(), content(10));
    let missing = store.get_range(&"data/b".into(), 0..10).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    inner
        .put(&"data/b".into(), content(10).into())
        .await
        .unwrap();
    assert_eq!(
        store.get_range(&"data/b".into(), 0..10).await.unwrap(),
        content(10)
    );
}

#[tokio::test(start_paused = true)]
async fn a_block_is_read_once_by_any_number_of_readers() {
    let slow = ThrottleConfig {
        wait_get_per_call: std::time::Duration::from_secs(1),
        ..ThrottleConfig::default()
    };
    let inner = Arc::new(ThrottledStore::new(InMemory::new(), slow));
    let store = over(inner, 8 * BLOCK_BYTES, 100 * BLOCK_BYTES).await;
    let name = Path::from(NAME);
    let reads = (0..20).map(|reader| {
        let from = BLOCK_BYTES + reader * 1000;
        store.get_range(&name, from..from + BLOCK_BYTES)
    });
    // The one who began goes away; the others finish what it began.
    let mut gone = Box::pin(store.get_range(&name, 0..4 * BLOCK_BYTES));
    assert!(future::poll_immediate(&mut gone).await.is_none());
    let (reads, ()) = future::join(future::join_all(reads), async { drop(gone) }).await;
    for (read, from) in reads.into_iter().zip((BLOCK_BYTES..).step_by(1000)) {
        let expected = &content(8 * BLOCK_BYTES)[from as usize..(from + BLOCK_BYTES) as usize];
        assert!(read.unwrap() == expected);
    }
    let stats = store.cache.stats();
    assert_eq!((stats.misses, stats.bytes_read), (4, 4 * BLOCK_BYTES));
    assert_eq!((stats.hits, stats.shared), (0, 39));
}

#[tokio::test]
async fn what_is_read_again_outlives_a_scan() {
    let store = over(
        Arc::new(InMemory::new()),
        200 * BLOCK_BYTES,
        20 * BLOCK_BYTES,
    )
    .await;
    let name = Path::from(NAME);
    let read = async |block: u64| {
        let from = block * BLOCK_BYTES;
        store.get_range(&name, from..from + 10).await.unwrap();
        store.cache.stats().misses
    };
    for block in [0, 1, 0, 1] {
        read(block).await;
    }
    for block in 2..200 {
        read(block).await;
    }
    assert_eq!(read(0).await, 200, "still there");
    assert_eq!(read(1).await, 200, "still there");
    assert_eq!(read(2).await, 201, "gone");
}

#[tokio::test]
async fn what_is_written_anew_is_read_anew() {
    let store = over(Arc::new(InMemory::new()), 10, 100 * BLOCK_BYTES).await;
    let name = Path::from(NAME);
    assert_eq!(store.get_range(&name, 0..3).await.unwrap(), content(3));
    store.put(&name, "new".into()).await.unwrap();
    assert_eq!(store.get_range(&name, 0..3).await.unwrap(), "new");
    store.delete(&name).await.unwrap();
    assert!(store.get_range(&name, 0..3).await.is_err());
    assert_eq!(store.cache.stats().bytes, 0);
}

#[tokio::test]
async fn only_ranges_of_data_files_are_kept() {
    let store = over(
        Arc::new(InMemory::new()),
        10 * BLOCK_BYTES,
        16 * BLOCK_BYTES,
    )
    .await;
    let name = Path::from(NAME);
    let manifest = Path::from("manifest/1.json");
    store.put(&manifest, "{}".into()).await.unwrap();
    store.get_range(&manifest, 0..1).await.unwrap();
    store.get(&name).await.unwrap().bytes().await.unwrap();
    store.get_range(&name, 0..3 * BLOCK_BYTES).await.unwrap();
    store.head(&name).await.unwrap();
    assert_eq!(store.cache.stats(), ReadCacheStats::default());
    store.get_range(&name, 0..1).await.unwrap();
    assert_eq!(store.cache.stats().misses, 1);
}
