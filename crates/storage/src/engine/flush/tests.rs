//! Rows while the object store is away, hangs, or the local disk is full: readable exactly once, and in
//! the store by themselves when it is back.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::AtomicU8;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType};
use async_trait::async_trait;
use bytes::Bytes;
use bytesize::ByteSize;
use catalog::{
    Catalog, ColumnId, ColumnKind, DatabaseName, FieldType, Limits, Retention, SystemClock,
    TableExtension, TableId,
};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutResult,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::batch::TableBatch;
use crate::engine::{DirectoryLock, Durability, Engine, Settings};
use crate::io::LocalFileSystem;
use crate::merge::{KeyMerge, Step};
use crate::object_stores::DurableLocal;
use crate::series::{SeriesKey, key_columns};
use crate::snapshot::{ScanUnit, TableSnapshot};

const UP: u8 = 0;
const AWAY: u8 = 1;
const HANGS: u8 = 2;

/// A store that can stop taking data files.
#[derive(Debug, Default)]
struct Unreliable {
    store: InMemory,
    mode: AtomicU8,
}

impl Unreliable {
    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::Relaxed);
    }
}

impl fmt::Display for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unreliable")
    }
}

type StoreResult<T> = object_store::Result<T>;

#[async_trait]
impl ObjectStore for Unreliable {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        let is_data = path.as_ref().starts_with("data/");
        match self.mode.load(Ordering::Relaxed) {
            AWAY if is_data => {
                return Err(object_store::Error::Generic {
                    store: "unreliable",
                    source: "it is away".into(),
                });
            }
            HANGS if is_data => std::future::pending().await,
            _ => {}
        }
        self.store.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.store.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.store.get_ranges(path, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// A row: its series, its time, its value.
type Row = (u8, i64, i64);

/// An engine on an unreliable store.
struct Setup {
    store: Arc<Unreliable>,
    data_dir: tempfile::TempDir,
    settings: Settings,
    engine: Option<Engine>,
    table: TableId,
}

impl Setup {
    /// Every row is too many to be kept while the store is away.
    async fn new() -> Self {
        Self::with(|settings| settings.buffer.flush_bytes = ByteSize(1)).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let mut setup = Self {
            store: Arc::default(),
            data_dir: tempfile::tempdir().unwrap(),
            settings,
            engine: None,
            table: TableId(0),
        };
        setup.open().await;
        setup
    }

    async fn open(&mut self) {
        let lock = DirectoryLock::acquire(self.data_dir.path()).unwrap();
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.store) as _;
        let catalog = Catalog::open(Arc::clone(&store), Limits::default()).await;
        let catalog = Arc::new(catalog.unwrap());
        if catalog.state().database("db").is_none() {
            let columns = vec![
                ("tag".to_owned(), ColumnKind::Tag),
                ("v".to_owned(), ColumnKind::Field(FieldType::Integer)),
            ];
            let extension = TableExtension {
                table: "t".to_owned(),
                columns,
            };
            catalog
                .create_database(&DatabaseName::new("db").unwrap(), Retention::Forever)
                .await
                .unwrap();
            catalog.extend("db", &[extension]).await.unwrap();
        }
        let state = catalog.state();
        self.table = state.database("db").unwrap().table("t").unwrap().id;
        let opened = Engine::open(
            self.settings.clone(),
            lock,
            catalog,
            store,
            Arc::new(SystemClock),
        )
        .await;
        self.engine = Some(opened.unwrap().0);
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is open")
    }

    /// Ends the engine as if the process had died, but for its threads, which are waited for.
    async fn crash(&mut self) {
        let engine = self.engine.take().expect("it is open");
        engine.stop.cancel();
        let background = std::mem::take(&mut *engine.background.lock());
        for task in background {
            task.await.unwrap();
        }
        engine.wal.close().await.unwrap();
    }

    async fn write(&self, rows: &[Row]) -> Result<u64> {
        let batch = batch(self.table, rows);
        self.engine().write(batch, Durability::Buffered).await
    }

    fn snapshot(&self) -> TableSnapshot {
        self.engine().snapshot(self.table).unwrap()
    }

    async fn rows(&self) -> Vec<Row> {
        let store = self.engine().object_store();
        rows_of_snapshot(&self.snapshot(), store.as_ref()).await
    }

    /// Data files in the store itself.
    async fn objects(&self) -> usize {
        use futures::TryStreamExt;
        let prefix = Path::from("data");
        let objects: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.unwrap();
        objects.len()
    }
}

fn batch(table: TableId, rows: &[Row]) -> WriteBatch {
    let series: Vec<u8> = rows.iter().map(|row| row.0).collect();
    let mut distinct = series.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let number = |name| distinct.binary_search(name).unwrap() as u32;
    let key = |name: &u8| SeriesKey::new([(ColumnId(0), &*format!("s{name}"))]);
    let values: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int64Array>());
    WriteBatch {
        tables: vec![TableBatch {
            table,
            series_of_row: series.iter().map(number).collect(),
            series: distinct.iter().map(key).collect(),
            times: rows.iter().map(|row| row.1).collect(),
            fields: vec![(ColumnId(1), values)],
        }],
    }
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let tags = batch.column(1).as_dictionary::<Int32Type>();
    let tags = tags.downcast_dict::<StringArray>().unwrap();
    let values = batch.column(2).as_primitive::<Int64Type>();
    let row = |at| {
        let tag = tags.values().value(tags.keys().value(at) as usize);
        (tag[1..].parse().unwrap(), times.value(at), values.value(at))
    };
    (0..batch.num_rows()).map(row).collect()
}

async fn read_file(store: &dyn ObjectStore, path: &str) -> RecordBatch {
    let object = store.get(&path.into()).await.unwrap();
    let bytes = object.bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let mut batches = reader.with_batch_size(1 << 20).build().unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch
}

/// Every row, by key, as a query would see it.
async fn rows_of_snapshot(snapshot: &TableSnapshot, store: &dyn ObjectStore) -> Vec<Row> {
    let mut rows = Vec::new();
    for unit in snapshot.scan_units(&(i64::MIN..=i64::MAX)) {
        match unit {
            ScanUnit::File(file) => {
                rows.extend(rows_of(&read_file(store, &file.file.path()).await))
            }
            ScanUnit::Buffered(buffered) => {
                rows.extend(
                    buffered
                        .find()
                        .unwrap()
                        .batches(snapshot.schema())
                        .iter()
                        .flat_map(rows_of),
                );
            }
            ScanUnit::Merged { files, buffered } => {
                let mut inputs = Vec::new();
                for file in &files {
                    inputs.push(read_file(store, &file.file.path()).await);
                }
                inputs.extend(
                    buffered
                        .iter()
                        .map(|rows| rows.find().unwrap().sorted_unique(snapshot.schema())),
                );
                rows.extend(merged(snapshot, inputs));
            }
        }
    }
    rows.sort_unstable();
    rows
}

fn merged(snapshot: &TableSnapshot, inputs: Vec<RecordBatch>) -> Vec<Row> {
    let schema = snapshot.schema();
    let key = key_columns(snapshot.table()).map(|name| schema.index_of(name).unwrap());
    let mut merge =
        KeyMerge::try_new(Arc::clone(schema), key.collect(), inputs.len(), 100).unwrap();
    let mut inputs: Vec<_> = inputs.into_iter().map(Some).collect();
    let mut rows = Vec::new();
    loop {
        match merge.step().unwrap() {
            Step::NeedInput(input) => match inputs[input].take() {
                Some(batch) => merge.push(input, batch).unwrap(),
                None => merge.finish(input),
            },
            Step::Output(batch) => rows.extend(rows_of(&batch)),
            Step::Done => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_spill_while_the_store_is_away_and_are_uploaded_when_it_is_back() {
    let setup = Setup::new().await;
    setup.store.set(AWAY);
    for round in 0..3 {
        setup
            .write(&[(1, round, round), (2, 0, round)])
            .await
            .unwrap();
        let error = setup.engine().flush().await.unwrap_err();
        assert_eq!(error.reason(), "storage_unavailable");
        assert_eq!(
            setup.engine().core.buffer.row_bytes(),
            0,
            "no row is in memory"
        );
    }
    let expected = [(1, 0, 0), (1, 1, 1), (1, 2, 2), (2, 0, 2)];
    assert_eq!(setup.rows().await, expected);
    assert_eq!(setup.objects().await, 0);
    assert!(setup.engine().stats().spilled_files > 0);
    setup.write(&[(1, 9, 9)]).await.unwrap();
    setup.store.set(UP);
    setup.engine().flush().await.unwrap();
    assert_eq!(setup.engine().stats().spilled_files, 0);
    assert!(setup.objects().await > 0);
    let expected = [(1, 0, 0), (1, 1, 1), (1, 2, 2), (1, 9, 9), (2, 0, 2)];
    assert_eq!(setup.rows().await, expected);
    let folder = setup.data_dir.path().join("spill");
    let folder = DurableLocal::open(Arc::new(LocalFileSystem), &folder).unwrap();
    let left: Vec<_> = folder.list(None).try_collect().await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_across_the_upload() {
    let setup = Setup::new().await;
    setup.store.set(AWAY);
    setup.write(&[(1, 1, 1)]).await.unwrap();
    setup.engine().flush().await.unwrap_err();
    let (snapshot, store) = (setup.snapshot(), setup.engine().object_store());
    assert_eq!(
        rows_of_snapshot(&snapshot, store.as_ref()).await,
        [(1, 1, 1)]
    );
    setup.store.set(UP);
    setup.engine().flush().await.unwrap();
    setup.write(&[(1, 1, 2)]).await.unwrap();
    assert_eq!(
        rows_of_snapshot(&snapshot, store.as_ref()).await,
        [(1, 1, 1)]
    );
    assert_eq!(setup.rows().await, [(1, 1, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_does_not_keep_rows_in_memory() {
    let setup = Setup::with(|settings| {
        settings.buffer.flush_bytes = ByteSize(1);
        settings.buffer.bytes_max = ByteSize::kib(64);
    })
    .await;
    setup.store.set(HANGS);
    // More than may be in memory, in all.
    let mut expected = Vec::new();
    for round in 0..40 {
        let rows: Vec<Row> = (0..100).map(|i| (round, i, i)).collect();
        write_patiently(&setup, &rows).await;
        expected.extend(rows);
    }
    assert_eq!(setup.rows().await, expected);
    assert!(setup.engine().stats().spilled_files > 0);
    setup.store.set(AWAY); // what hangs is not heard of again
    setup.store.set(UP);
}

/// Writes as a client does that is told to come back.
async fn write_patiently(setup: &Setup, rows: &[Row]) {
    let attempts = async {
        while let Err(error) = setup.write(rows).await {
            assert_eq!(error.kind(), catalog::ErrorKind::Unavailable, "{error}");
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, attempts)
        .await
        .expect("room is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_until_the_log_is_full_and_again_when_the_store_is_back() {
    let setup = Setup::with(|settings| {
        settings.buffer.flush_bytes = ByteSize::kib(4);
        settings.buffer.bytes_max = ByteSize::kib(64);
        settings.wal.segment_size = ByteSize::kib(64);
        settings.wal.quota = ByteSize::kib(512);
    })
    .await;
    setup.store.set(AWAY);
    let rows = |round: i64| {
        (0..100)
            .map(move |i| (0, round * 100 + i, i))
            .collect::<Vec<Row>>()
    };
    let mut round = 0;
    let refused = loop {
        match setup.write(&rows(round)).await {
            Ok(_) => round += 1,
            // Making room takes a moment.
            Err(Error::BufferFull { .. }) => drop(setup.engine().flush().await),
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, Error::Wal(_)), "{refused}");
    assert_eq!(refused.reason(), "storage_unavailable");
    let stats = setup.engine().stats();
    assert!(
        stats.wal.bytes > 500 << 10,
        "{} bytes of log",
        stats.wal.bytes
    );
    setup.store.set(UP);
    write_patiently(&setup, &rows(round)).await;
    let expected: Vec<Row> = (0..=round).flat_map(rows).collect();
    assert_eq!(setup.rows().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the folder is spoilt behind the engine's back"
)]
async fn a_full_local_disk_refuses_writes_and_loses_nothing() {
    let setup = Setup::with(|settings| {
        settings.buffer.flush_bytes = ByteSize(1);
        settings.buffer.bytes_max = ByteSize::kib(16);
    })
    .await;
    setup.store.set(AWAY);
    // A folder that takes no file.
    let folder = setup.data_dir.path().join("spill");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    let mut expected = Vec::new();
    let refused = loop {
        let row = (1, expected.len() as i64, 0);
        match setup.write(&[row]).await {
            Ok(_) => expected.push(row),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::BufferFull { .. }), "{refused}");
    assert!(setup.engine().flush().await.is_err());
    assert_eq!(setup.rows().await, expected);
    setup.store.set(UP);
    setup.engine().flush().await.unwrap();
    assert_eq!(setup.rows().await, expected);
    write_patiently(&setup, &[(1, -1, 0)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_larger_than_memory_is_replayed_within_it() {
    let mut setup = Setup::with(|_| {}).await;
    setup.store.set(AWAY);
    let rows = |round: i64| (0..100).map(move |i| (0, i, round)).collect::<Vec<Row>>();
    for round in 0..300 {
        setup.write(&rows(round)).await.unwrap();
    }
    setup.crash().await;
    setup.settings.buffer.flush_bytes = ByteSize::kib(4);
    setup.settings.buffer.bytes_max = ByteSize::kib(128);
    setup.open().await;
    let stats = setup.engine().stats();
    assert!(stats.spilled_files > 1, "{stats:?}");
    assert!(stats.buffer_bytes <= 128 << 10, "{stats:?}");
    assert_eq!(setup.rows().await, rows(299));
    // And once more, with what is in the folder by now.
    setup.crash().await;
    setup.open().await;
    assert_eq!(setup.rows().await, rows(299));
    setup.store.set(UP);
    setup.engine().flush().await.unwrap();
    assert_eq!(setup.rows().await, rows(299));
}

#[derive(Debug, Clone)]
enum Action {
    Write(Vec<Row>),
    Flush,
    Away,
    Back,
    Crash,
}

fn action() -> impl Strategy<Value = Action> {
    const DAY: i64 = 86_400_000_000_000;
    // Few keys, so that they meet often; two partitions.
    let time = prop::sample::select(vec![0, 1, 2, DAY, DAY + 1]);
    let rows = prop::collection::vec((0u8..3, time, 0i64..9), 1..6);
    prop_oneof![
        6 => rows.prop_map(Action::Write),
        2 => Just(Action::Flush),
        2 => Just(Action::Away),
        2 => Just(Action::Back),
        1 => Just(Action::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn rows_are_read_exactly_once_whether_the_store_is_there_or_not(
        actions in prop::collection::vec(action(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut setup = Setup::new().await;
            let mut model: BTreeMap<(u8, i64), i64> = BTreeMap::new();
            for action in actions {
                match action {
                    Action::Write(rows) => {
                        setup.write(&rows).await.unwrap();
                        model.extend(rows.iter().map(|row| ((row.0, row.1), row.2)));
                    }
                    Action::Flush => {
                        let is_up = setup.store.mode.load(Ordering::Relaxed) == UP;
                        let flushed = setup.engine().flush().await;
                        assert!(flushed.is_ok() || !is_up, "{flushed:?}");
                    }
                    Action::Away => setup.store.set(AWAY),
                    Action::Back => setup.store.set(UP),
                    Action::Crash => {
                        setup.crash().await;
                        setup.open().await;
                    }
                }
                let expected: Vec<Row> = model.iter().map(|(key, value)| (key.0, key.1, *value)).collect();
                assert_eq!(setup.rows().await, expected);
            }
        });
    }
}
