//! What the last row of every series costs: to keep with each file, and to find.
//!
//! `cargo bench -p storage --bench last_rows` prints, as tab-separated lines, for 4 000 series with ten
//! tags and ten integers, a row of each every ten seconds, flushed every ten minutes for four hours:
//!
//! - bytes and time of a flushed file with and without its last rows (medians of 7);
//! - the time until all last rows are there: after a start, again, with rows in the buffer, after one
//!   more flush, after compaction while the engine runs and after a start, and by reading everything.
//!
//! Times are wall time. The store is in memory.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;
use bytesize::ByteSize;
use catalog::{
    Catalog, ColumnId, ColumnKind, DatabaseName, FieldType, Limits, Retention, SystemClock,
    TableExtension, TableId,
};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use storage::files::{Effort, FileOptions, FileWriter};
use storage::{DirectoryLock, Durability, Engine, SeriesKey, Settings, TableBatch, WriteBatch};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const SERIES: usize = 4000;
const TAGS: u16 = 10;
const FIELDS: u16 = 10;
const STEP: i64 = 10_000_000_000;
const STEPS_PER_FLUSH: i64 = 60;
const FLUSHES: i64 = 24;
/// Compaction has come to its end when files stay the same for this long: several looks at them, and more
/// than one merge takes.
const QUIET: Duration = Duration::from_secs(30);
/// Longer than anything takes that ends.
const PATIENCE: Duration = Duration::from_secs(600);
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000_000;

fn main() -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run())
}

async fn run() -> Result {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let data_dir = tempfile::tempdir()?;
    let (engine, table) = open(&store, data_dir.path(), Compaction::Off).await?;
    let keys = keys();
    let mut step = 0;
    for _ in 0..FLUSHES {
        for _ in 0..STEPS_PER_FLUSH {
            write(&engine, table, &keys, step).await?;
            step += 1;
        }
        engine.flush().await?;
    }
    cost_of_a_flush(&engine, table, &store).await?;
    engine.shutdown().await?;
    drop(engine);

    let (engine, table) = open(&store, data_dir.path(), Compaction::Off).await?;
    timed("files: after a start", &engine, table).await?;
    timed("again", &engine, table).await?;
    for _ in 0..STEPS_PER_FLUSH {
        write(&engine, table, &keys, step).await?;
        step += 1;
    }
    timed("and 10 minutes in the buffer", &engine, table).await?;
    timed("again", &engine, table).await?;
    write(&engine, table, &keys, step).await?;
    timed("and another row of each", &engine, table).await?;
    engine.flush().await?;
    timed("after a flush", &engine, table).await?;
    timed("again", &engine, table).await?;
    engine.shutdown().await?;
    drop(engine);

    let (engine, table) = open(&store, data_dir.path(), Compaction::On).await?;
    timed("before compaction: after a start", &engine, table).await?;
    settle(&engine, table).await?;
    timed("after compaction", &engine, table).await?;
    timed("again", &engine, table).await?;
    engine.shutdown().await?;
    drop(engine);

    let (engine, table) = open(&store, data_dir.path(), Compaction::Off).await?;
    timed("compacted: after a start", &engine, table).await?;
    timed("again", &engine, table).await?;
    read_everything(&engine, table, &store).await
}

/// Whether files are merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compaction {
    /// They stay as they were flushed.
    Off,
    /// As soon as there is the first look for something to do.
    On,
}

/// Waits until compaction has begun and nothing is left to merge.
async fn settle(engine: &Engine, table: TableId) -> Result {
    let files = || {
        let snapshot = engine.snapshot(table).ok_or("no such table")?;
        Ok::<_, &str>(snapshot.table().files().len())
    };
    let before = files()?;
    let (mut last, mut since) = (before, Instant::now());
    while last == before || since.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = files()?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "nothing is compacted");
    }
    Ok(())
}

async fn open(
    store: &Arc<dyn ObjectStore>,
    data_dir: &std::path::Path,
    compaction: Compaction,
) -> Result<(Engine, TableId)> {
    let lock = DirectoryLock::acquire(data_dir)?;
    let catalog = Arc::new(Catalog::open(Arc::clone(store), Limits::default()).await?);
    if catalog.state().database("db").is_none() {
        let integer = ColumnKind::Field(FieldType::Integer);
        let tags = (0..TAGS).map(|i| (format!("t{i}"), ColumnKind::Tag));
        let fields = (0..FIELDS).map(|i| (format!("f{i}"), integer));
        let extension = TableExtension {
            table: "t".to_owned(),
            columns: tags.chain(fields).collect(),
        };
        let name = DatabaseName::new("db")?;
        catalog.create_database(&name, Retention::Forever).await?;
        catalog.extend("db", &[extension]).await?;
    }
    let state = catalog.state();
    let database = state.database("db").ok_or("it was just created")?;
    let table = database.table("t").ok_or("it was just created")?.id;
    let mut settings = Settings::default();
    settings.buffer.flush_age = Duration::from_secs(86_400);
    settings.wal.quota = ByteSize::gib(40);
    match compaction {
        Compaction::Off => {
            settings.compaction.fan_in = 1000;
            settings.compaction.settle_age = Duration::from_secs(86_400);
        }
        Compaction::On => settings.compaction.settle_age = Duration::ZERO,
    }
    let clock = Arc::new(SystemClock);
    let (engine, _) = Engine::open(settings, lock, catalog, Arc::clone(store), clock).await?;
    Ok((engine, table))
}

fn keys() -> Vec<SeriesKey> {
    let key = |series: usize| {
        let tag = |tag: u16| match tag {
            0 => format!("host_{series}"),
            tag => format!("value-{}", series * usize::from(tag) % 20),
        };
        let tags: Vec<String> = (0..TAGS).map(tag).collect();
        SeriesKey::new((0..).map(ColumnId).zip(tags.iter().map(|tag| &**tag)))
    };
    (0..SERIES).map(key).collect()
}

async fn write(engine: &Engine, table: TableId, keys: &[SeriesKey], step: i64) -> Result {
    let value = |row: usize, field: u16| {
        let slow = (step / 4 + row as i64) * i64::from(field + 3);
        slow % 101
    };
    let field = |id: u16| {
        let values = (0..keys.len()).map(|row| value(row, id));
        let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
        (ColumnId(TAGS + id), array)
    };
    let batch = WriteBatch {
        tables: vec![TableBatch {
            table,
            series: keys.to_vec(),
            series_of_row: (0..).take(keys.len()).collect(),
            times: vec![START + step * STEP; keys.len()],
            fields: (0..FIELDS).map(field).collect(),
        }],
    };
    engine.write(batch, Durability::Buffered).await?;
    Ok(())
}

fn report(what: &str, value: f64, unit: &str) -> Result {
    writeln!(std::io::stdout(), "{what}\t{value:.2}\t{unit}")?;
    Ok(())
}

async fn read(store: &Arc<dyn ObjectStore>, path: &str) -> Result<Vec<RecordBatch>> {
    let bytes = store.get(&path.into()).await?.into_stream();
    let bytes: Vec<_> = bytes.try_collect().await?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.concat()))?;
    let rows = reader.with_batch_size(8192).build()?;
    Ok(rows.collect::<Result<_, _>>()?)
}

async fn cost_of_a_flush(engine: &Engine, table: TableId, store: &Arc<dyn ObjectStore>) -> Result {
    let snapshot = engine.snapshot(table).ok_or("no such table")?;
    let file = snapshot.table().files().first().ok_or("no file")?;
    let rows = read(store, &file.path()).await?;
    let rows = arrow::compute::concat_batches(snapshot.schema(), &rows)?;
    for last_rows in [false, true] {
        let mut options = FileOptions::new(Effort::Flush);
        options.rows_expected = Some(rows.num_rows());
        options.last_rows = last_rows;
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..7 {
            let start = Instant::now();
            let mut writer = FileWriter::new(rows.schema(), &options)?;
            writer.write(&rows)?;
            bytes = writer.finish()?.1.size_bytes;
            times.push(start.elapsed());
        }
        times.sort();
        let what = if last_rows { "with" } else { "without" };
        report(
            &format!("file {what} last rows"),
            bytes as f64 / 1024.0,
            "KiB",
        )?;
        report(
            &format!("file {what} last rows"),
            times[3].as_secs_f64() * 1e3,
            "ms",
        )?;
    }
    Ok(())
}

async fn timed(what: &str, engine: &Engine, table: TableId) -> Result {
    let snapshot = engine.snapshot(table).ok_or("no such table")?;
    let cost = engine.last_rows_cost(&snapshot);
    let start = Instant::now();
    let rows = engine.last_rows(&snapshot, snapshot.schema(), None).await?;
    let took = start.elapsed();
    let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(count, SERIES);
    let what = format!("{what} ({} files, {} KiB)", cost.files, cost.bytes / 1024);
    report(&what, took.as_secs_f64() * 1e3, "ms")
}

/// What there would be without: every row of every file decoded.
async fn read_everything(engine: &Engine, table: TableId, store: &Arc<dyn ObjectStore>) -> Result {
    let snapshot = engine.snapshot(table).ok_or("no such table")?;
    let start = Instant::now();
    let mut rows = 0;
    for file in snapshot.table().files() {
        let batches = read(store, &file.path()).await?;
        rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    }
    let took = start.elapsed();
    report(
        &format!("decoding all {rows} rows"),
        took.as_secs_f64() * 1e3,
        "ms",
    )?;
    report(
        "kept in memory",
        engine.stats().last_rows_bytes as f64 / 1024.0,
        "KiB",
    )
}
