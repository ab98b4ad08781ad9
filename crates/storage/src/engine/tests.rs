//! The engine against a naive model: random writes, flushes and crashes, then every row read back.

mod damage;
mod last_rows;
mod models;
mod old_formats;
mod simulation;
mod watched;

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::Int32Type;
use arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType};
use bytesize::ByteSize;
use catalog::{
    ColumnId, ColumnKind, ColumnRef, Comparison, DatabaseName, FieldType, Limits, Retention,
    SystemClock, TableExtension, Value,
};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::batch::TableBatch;
use crate::buffer::BufferedRows;
use crate::merge::{KeyMerge, Step};
use crate::rows::is_sorted_strictly;
use crate::series::{SeriesKey, key_columns};
use crate::snapshot::{FileRows, ScanUnit};

type Key = (Option<String>, i64);
type Fields = (Option<f64>, Option<i64>);

const DAY: i64 = 86_400_000_000_000;

/// An engine whose object store and data directory outlive it.
struct Setup {
    store: Arc<InMemory>,
    data_dir: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            data_dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Waits for the last background task of an engine that was dropped.
    async fn lock(&self) -> DirectoryLock {
        loop {
            match DirectoryLock::acquire(self.data_dir.path()) {
                Err(Error::Locked { .. }) => tokio::task::yield_now().await,
                lock => return lock.unwrap(),
            }
        }
    }

    async fn open(&self) -> (Engine, TableId) {
        let lock = self.lock().await;
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.store) as _;
        let catalog = Catalog::open(Arc::clone(&store), Limits::default())
            .await
            .unwrap();
        let catalog = Arc::new(catalog);
        if catalog.state().database("db").is_none() {
            catalog
                .create_database(&DatabaseName::new("db").unwrap(), Retention::Forever)
                .await
                .unwrap();
            let field = |kind| ColumnKind::Field(kind);
            let columns = vec![
                ("tag".to_owned(), ColumnKind::Tag),
                ("a".to_owned(), field(FieldType::Float)),
                ("b".to_owned(), field(FieldType::Integer)),
            ];
            let extension = TableExtension {
                table: "t".to_owned(),
                columns,
            };
            catalog.extend("db", &[extension]).await.unwrap();
        }
        let table = catalog
            .state()
            .database("db")
            .unwrap()
            .table("t")
            .unwrap()
            .id;
        // Whatever can be merged is merged when maintenance is asked to.
        let compaction = compaction::Settings {
            fan_in: 2,
            settle_age: Duration::ZERO,
            ..Default::default()
        };
        let settings = Settings {
            compaction,
            ..Default::default()
        };
        let (engine, _) = Engine::open(settings, lock, catalog, store, Arc::new(SystemClock))
            .await
            .unwrap();
        (engine, table)
    }
}

fn batch(table: TableId, rows: &[(Key, Fields)]) -> WriteBatch {
    let key = |tag: &Option<String>| SeriesKey::new(tag.iter().map(|tag| (ColumnId(0), &**tag)));
    let mut series: Vec<SeriesKey> = Vec::new();
    let mut series_of_row = Vec::new();
    for ((tag, _), _) in rows {
        let key = key(tag);
        let known = series
            .iter()
            .position(|other| *other == key)
            .unwrap_or_else(|| {
                series.push(key);
                series.len() - 1
            });
        series_of_row.push(known as u32);
    }
    let fields: Vec<(ColumnId, ArrayRef)> = vec![
        (
            ColumnId(1),
            Arc::new(rows.iter().map(|row| row.1.0).collect::<Float64Array>()),
        ),
        (
            ColumnId(2),
            Arc::new(rows.iter().map(|row| row.1.1).collect::<Int64Array>()),
        ),
    ];
    let times = rows.iter().map(|row| row.0.1).collect();
    WriteBatch {
        tables: vec![TableBatch {
            table,
            series,
            series_of_row,
            times,
            fields,
        }],
    }
}

fn rows_of(batch: &RecordBatch) -> Vec<(Key, Fields)> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let tags = batch.column(1).as_dictionary::<Int32Type>();
    let tags = tags.downcast_dict::<arrow::array::StringArray>().unwrap();
    let (a, b) = (
        batch.column(2).as_primitive::<Float64Type>(),
        batch.column(3).as_primitive::<Int64Type>(),
    );
    let row = |row: usize| {
        let tag = tags.keys().is_valid(row).then(|| {
            tags.values()
                .value(tags.keys().value(row) as usize)
                .to_owned()
        });
        let fields = (
            a.is_valid(row).then(|| a.value(row)),
            b.is_valid(row).then(|| b.value(row)),
        );
        ((tag, times.value(row)), fields)
    };
    (0..batch.num_rows()).map(row).collect()
}

async fn read_file(store: &InMemory, path: &str) -> RecordBatch {
    let bytes = store
        .get(&path.into())
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .with_batch_size(1 << 20);
    let mut batches = reader
        .build()
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    assert_eq!(batches.len(), 1);
    batches.pop().unwrap()
}

/// The rows of a file that are to be seen.
async fn visible(setup: &Setup, snapshot: &TableSnapshot, rows: &FileRows) -> RecordBatch {
    let stored = read_file(&setup.store, &rows.file.path()).await;
    rows.filter.apply(stored, snapshot.table()).unwrap()
}

/// Every row with a time in the range, as a query would see it.
async fn read(
    setup: &Setup,
    engine: &Engine,
    table: TableId,
    range: std::ops::RangeInclusive<i64>,
) -> Vec<(Key, Fields)> {
    let snapshot = engine.snapshot(table).unwrap();
    let mut rows = Vec::new();
    for unit in snapshot.scan_units(&range) {
        match unit {
            ScanUnit::File(file) => rows.extend(rows_of(&visible(setup, &snapshot, &file).await)),
            ScanUnit::Buffered(buffered) => {
                for batch in buffered.find().unwrap().batches(snapshot.schema()) {
                    rows.extend(rows_of(&batch));
                }
            }
            ScanUnit::Merged { files, buffered } => {
                let mut inputs = Vec::new();
                for file in &files {
                    inputs.push(visible(setup, &snapshot, file).await);
                }
                inputs.extend(buffered.iter().map(|rows: &BufferedRows| {
                    rows.find().unwrap().sorted_unique(snapshot.schema())
                }));
                rows.extend(merged(&snapshot, inputs));
            }
        }
    }
    rows.retain(|row| range.contains(&row.0.1));
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

fn merged(snapshot: &TableSnapshot, inputs: Vec<RecordBatch>) -> Vec<(Key, Fields)> {
    let schema = snapshot.schema();
    let key: Vec<usize> = key_columns(snapshot.table())
        .map(|name| schema.index_of(name).unwrap())
        .collect();
    for input in &inputs {
        assert!(is_sorted_strictly(input, &key));
    }
    let mut merge = KeyMerge::try_new(Arc::clone(schema), key, inputs.len(), 100).unwrap();
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

#[derive(Debug, Clone)]
enum Action {
    Write(Vec<(Key, Fields)>),
    Flush,
    /// Rows with this tag and with times in this range.
    DeleteKeys(Option<String>, std::ops::RangeInclusive<i64>),
    /// Rows whose `b` is greater.
    DeleteGreater(i64),
    Compact,
    /// The process ends without a word and starts again.
    Crash,
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    // Few keys, so that they meet often; two partitions; some values missing.
    let key = (
        prop::option::of("[xy]"),
        prop::sample::select(vec![0, 1, 2, 3, DAY, DAY + 1]),
    );
    let fields = (
        prop::option::of((0i64..9).prop_map(|v| v as f64)),
        prop::option::of(0i64..9),
    );
    prop_oneof![
        6 => prop::collection::vec((key, fields), 1..8).prop_map(Action::Write),
        3 => Just(Action::Flush),
        1 => (prop::option::of("[xy]"), 0i64..3, prop::sample::select(vec![3, DAY, 2 * DAY]))
            .prop_map(|(tag, from, to)| Action::DeleteKeys(tag, from..=to)),
        1 => (0i64..9).prop_map(Action::DeleteGreater),
        2 => Just(Action::Compact),
        1 => Just(Action::Crash),
        1 => Just(Action::Restart),
    ]
}

fn keys_in(tag: Option<&str>, range: &std::ops::RangeInclusive<i64>) -> Predicate {
    let host = ColumnRef::Column(ColumnId(0));
    let has_tag = match tag {
        None => Predicate::IsNull(host),
        Some(tag) => Predicate::Compare {
            column: host,
            comparison: Comparison::Equal,
            value: Value::Text(tag.to_owned()),
        },
    };
    Predicate::And(vec![has_tag, Predicate::time_between(range.clone())])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_are_the_same_wherever_they_are_and_after_a_crash(
        actions in prop::collection::vec(action(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let setup = Setup::new();
            let (mut engine, table) = setup.open().await;
            let mut model: BTreeMap<Key, Fields> = BTreeMap::new();
            for action in actions {
                match action {
                    Action::Write(rows) => {
                        engine.write(batch(table, &rows), Durability::Synced).await.unwrap();
                        for (key, (a, b)) in rows {
                            let fields = model.entry(key).or_default();
                            *fields = (a.or(fields.0), b.or(fields.1));
                        }
                    }
                    Action::Flush => engine.flush().await.unwrap(),
                    Action::DeleteKeys(tag, range) => {
                        let predicate = keys_in(tag.as_deref(), &range);
                        engine.delete_rows(vec![(table, predicate)]).await.unwrap();
                        model.retain(|key, _| key.0 != tag || !range.contains(&key.1));
                    }
                    Action::DeleteGreater(limit) => {
                        let predicate = Predicate::Compare {
                            column: ColumnRef::Column(ColumnId(2)),
                            comparison: Comparison::Greater,
                            value: Value::Integer(limit),
                        };
                        engine.delete_rows(vec![(table, predicate)]).await.unwrap();
                        model.retain(|_, (_, b)| b.is_none_or(|b| b <= limit));
                    }
                    Action::Compact => maintenance::tend(&engine.core).await.unwrap(),
                    Action::Crash => {
                        drop(engine);
                        engine = reopened(&setup).await;
                    }
                    Action::Restart => {
                        engine.shutdown().await.unwrap();
                        drop(engine);
                        engine = reopened(&setup).await;
                    }
                }
                let expected: Vec<_> = model.clone().into_iter().collect();
                assert_eq!(read(&setup, &engine, table, i64::MIN..=i64::MAX).await, expected);
                let narrow = expected.into_iter().filter(|row| (1..=2).contains(&row.0.1));
                assert_eq!(read(&setup, &engine, table, 1..=2).await, narrow.collect::<Vec<_>>());
            }
        });
    }
}

/// The lock is let go of when the last background task has noticed that the engine is gone.
async fn reopened(setup: &Setup) -> Engine {
    setup.open().await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn in_order_rows_need_no_merging() {
    let setup = Setup::new();
    let (engine, table) = setup.open().await;
    let row = |tag: &str, time| ((Some(tag.to_owned()), time), (Some(1.0), None));
    for time in 0..50 {
        let rows = [row("x", time), row("y", time)];
        engine
            .write(batch(table, &rows), Durability::Synced)
            .await
            .unwrap();
        if time % 20 == 19 {
            engine.flush().await.unwrap();
        }
    }
    let units = engine
        .snapshot(table)
        .unwrap()
        .scan_units(&(i64::MIN..=i64::MAX));
    assert!(!units.is_empty());
    assert!(
        units
            .iter()
            .all(|unit| !matches!(unit, ScanUnit::Merged { .. })),
        "{units:?}"
    );
    let late = [row("x", 10)];
    engine
        .write(batch(table, &late), Durability::Synced)
        .await
        .unwrap();
    let units = engine
        .snapshot(table)
        .unwrap()
        .scan_units(&(i64::MIN..=i64::MAX));
    let merged = units
        .iter()
        .filter(|unit| matches!(unit, ScanUnit::Merged { .. }))
        .count();
    assert_eq!(merged, 1, "{units:?}");
    assert_eq!(read(&setup, &engine, table, 0..=100).await.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_sent_twice_has_no_others_merged() {
    let setup = Setup::new();
    let (engine, table) = setup.open().await;
    let row = |tag: usize, time| ((Some(format!("m{tag}")), time), (Some(1.0), None));
    for time in 0..8 {
        let mut rows: Vec<_> = (0..100).map(|tag| row(tag, time)).collect();
        rows.push(row(usize::try_from(time).unwrap(), time));
        engine
            .write(batch(table, &rows), Durability::Synced)
            .await
            .unwrap();
        if time == 3 {
            engine.flush().await.unwrap();
        }
    }
    // Another machine's reading of an hour that is in a file.
    engine
        .write(batch(table, &[row(50, 2)]), Durability::Synced)
        .await
        .unwrap();
    let units = engine
        .snapshot(table)
        .unwrap()
        .scan_units(&(i64::MIN..=i64::MAX));
    let (mut in_memory, mut with_files) = (0, 0);
    for unit in units {
        match unit {
            ScanUnit::Buffered(rows) => in_memory += rows.find().unwrap().count(),
            ScanUnit::Merged { files, buffered } => {
                assert_eq!(files.len(), 1);
                with_files += buffered.unwrap().find().unwrap().count();
            }
            ScanUnit::File(_) => panic!("a row of the file is replaced"),
        }
    }
    assert_eq!((in_memory, with_files), (4 * 101, 1));
    assert_eq!(read(&setup, &engine, table, 0..=100).await.len(), 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_per_data_directory() {
    let setup = Setup::new();
    let (_engine, _) = setup.open().await;
    let second = DirectoryLock::acquire(setup.data_dir.path());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_took_over_loses_nothing() {
    let ours = Setup::new();
    let (engine, table) = ours.open().await;
    let row = |time| [((None, time), (Some(1.0), None))];
    engine
        .write(batch(table, &row(1)), Durability::Synced)
        .await
        .unwrap();
    // The same store, another machine.
    let theirs = Setup {
        store: Arc::clone(&ours.store),
        data_dir: tempfile::tempdir().unwrap(),
    };
    let (other, _) = theirs.open().await;
    other
        .write(batch(table, &row(2)), Durability::Synced)
        .await
        .unwrap();
    other.flush().await.unwrap();
    let error = engine.flush().await.unwrap_err();
    assert_eq!(error.reason(), "fenced");
    other.shutdown().await.unwrap();
    drop((engine, other));
    // Our row is in no file, so the start that would pass it over is refused.
    let catalog = Catalog::open(Arc::clone(&ours.store) as _, Limits::default())
        .await
        .unwrap();
    let store: Arc<dyn ObjectStore> = Arc::clone(&ours.store) as _;
    let refused = Engine::open(
        Settings::default(),
        ours.lock().await,
        Arc::new(catalog),
        store,
        Arc::new(SystemClock),
    )
    .await;
    assert!(refused.unwrap_err().to_string().contains("belongs to log"));
    // A new machine goes on with the store; newer writes still win.
    let new = Setup {
        store: Arc::clone(&ours.store),
        data_dir: tempfile::tempdir().unwrap(),
    };
    let (engine, _) = new.open().await;
    engine
        .write(
            batch(table, &[((None, 2), (Some(9.0), None))]),
            Durability::Synced,
        )
        .await
        .unwrap();
    engine.flush().await.unwrap();
    let rows = read(&new, &engine, table, 0..=9).await;
    assert_eq!(rows, [((None, 2), (Some(9.0), None))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_refused_while_the_buffer_is_full() {
    let setup = Setup::new();
    let (engine, table) = setup.open().await;
    drop(engine);
    let store: Arc<dyn ObjectStore> = Arc::clone(&setup.store) as _;
    let catalog = Arc::new(
        Catalog::open(Arc::clone(&store), Limits::default())
            .await
            .unwrap(),
    );
    let buffer = buffer::Settings {
        bytes_max: ByteSize(1),
        ..Default::default()
    };
    let settings = Settings {
        buffer,
        ..Default::default()
    };
    let (engine, _) = Engine::open(
        settings,
        setup.lock().await,
        catalog,
        store,
        Arc::new(SystemClock),
    )
    .await
    .unwrap();
    let rows = [((None, 1), (Some(1.0), None))];
    engine
        .write(batch(table, &rows), Durability::Synced)
        .await
        .unwrap();
    let error = engine
        .write(batch(table, &rows), Durability::Synced)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.reason()),
        (catalog::ErrorKind::Unavailable, "overloaded")
    );
    engine.flush().await.unwrap();
    engine
        .write(batch(table, &rows), Durability::Synced)
        .await
        .unwrap();
}

/// A clock that stands where it is put.
#[derive(Debug, Default)]
struct StoppedClock(std::sync::atomic::AtomicI64);

impl Clock for StoppedClock {
    fn now_nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_are_hidden_at_once_and_their_files_go_later() {
    let setup = Setup::new();
    drop(setup.open().await);
    let store: Arc<dyn ObjectStore> = Arc::clone(&setup.store) as _;
    let catalog = Catalog::open(Arc::clone(&store), Limits::default())
        .await
        .unwrap();
    let catalog = Arc::new(catalog);
    let clock = Arc::new(StoppedClock::default());
    let (engine, _) = Engine::open(
        Settings::default(),
        setup.lock().await,
        Arc::clone(&catalog),
        store,
        Arc::clone(&clock) as _,
    )
    .await
    .unwrap();
    let table = catalog
        .state()
        .database("db")
        .unwrap()
        .table("t")
        .unwrap()
        .id;
    let row = |time| ((Some("x".to_owned()), time), (Some(1.0), None));
    let write = async |times: &[i64]| {
        let rows: Vec<_> = times.iter().map(|&time| row(time)).collect();
        engine
            .write(batch(table, &rows), Durability::Synced)
            .await
            .unwrap();
    };
    let check = async |now: i64, expected: &[i64]| {
        clock.0.store(now, Ordering::Relaxed);
        let rows = read(&setup, &engine, table, i64::MIN..=i64::MAX).await;
        let times: Vec<_> = rows.iter().map(|row| row.0.1).collect();
        assert_eq!(times, expected, "at {now}");
    };
    write(&[1, 2, 3, DAY, DAY + 5]).await;
    engine.flush().await.unwrap();
    write(&[4, DAY + 6]).await;
    check(5, &[1, 2, 3, 4, DAY, DAY + 5, DAY + 6]).await;
    let retention = Retention::from_nanos(Some(10));
    catalog
        .set_database_retention("db", retention)
        .await
        .unwrap();
    check(5, &[1, 2, 3, 4, DAY, DAY + 5, DAY + 6]).await;
    check(12, &[2, 3, 4, DAY, DAY + 5, DAY + 6]).await; // part of a file
    check(14, &[4, DAY, DAY + 5, DAY + 6]).await; // all of a file, and part of the buffer
    check(DAY + 16, &[DAY + 6]).await;
    let files = || catalog.state().table(table).unwrap().files().len();
    assert_eq!(files(), 2);
    maintenance::tend(&engine.core).await.unwrap();
    assert_eq!(files(), 0);
    // What was hidden is not deleted before it is certain: a longer retention would show it again.
    check(DAY + 15, &[DAY + 6]).await;
    catalog
        .set_database_retention("db", Retention::Forever)
        .await
        .unwrap();
    check(DAY + 16, &[4, DAY + 6]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_objects_are_swept_and_used_ones_are_not() {
    let setup = Setup::new();
    let (engine, table) = setup.open().await;
    let row = ((Some("x".to_owned()), 1), (Some(1.0), None));
    engine
        .write(batch(table, &[row]), Durability::Synced)
        .await
        .unwrap();
    engine.flush().await.unwrap();
    setup
        .store
        .put(&"data/1/1/0/orphan.parquet".into(), "x".into())
        .await
        .unwrap();
    setup
        .store
        .put(&"elsewhere".into(), "x".into())
        .await
        .unwrap();
    let objects = async || {
        setup
            .store
            .list(None)
            .map_ok(|object| object.location.to_string())
    };
    let count = async || objects().await.try_collect::<Vec<_>>().await.unwrap().len();
    let before = count().await;
    sweep::orphans(&engine.core, Duration::from_secs(3600))
        .await
        .unwrap();
    assert_eq!(count().await, before, "too young");
    sweep::orphans(&engine.core, Duration::ZERO).await.unwrap();
    assert_eq!(count().await, before - 1);
    assert_eq!(read(&setup, &engine, table, 0..=2).await.len(), 1);
}
