//! What a row costs on its way into the engine, and what a series costs in memory.
//!
//! `cargo bench -p storage --bench buffer [-- rows|series|replay]` prints, as tab-separated lines:
//!
//! - `rows`: CPU time per row of batches of 5 000 rows of ten integers, ten rows for each of 500
//!   series, written by one writer that does not wait for the disk;
//! - `series`: the same for one row each of 10 thousand, 1 million and 10 million series with tags of
//!   100 bytes, the first time and again, and the memory of a series;
//! - `replay`: how long it takes to read a log of 900 MiB back.
//!
//! Times are CPU time of the whole process. The store is in memory; nothing is flushed but by replay.

#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own, outside of the engine, that asks the system about itself"
)]

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array};
use bytesize::ByteSize;
use catalog::{
    Catalog, ColumnId, ColumnKind, DatabaseName, FieldType, Limits, Retention, SystemClock,
    TableExtension, TableId,
};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use storage::{DirectoryLock, Durability, Engine, SeriesKey, Settings, TableBatch, WriteBatch};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const ROWS: usize = 5000;
const FIELDS: u16 = 10;
/// A batch of `rows` and `replay` has this many series.
const SERIES: usize = 500;
const TAG_BYTES: usize = 100;
const SECOND: i64 = 1_000_000_000;

fn main() -> Result {
    // `cargo bench` adds an argument of its own.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if is_wanted("rows") {
        runtime.block_on(rows())?;
    }
    if is_wanted("series") {
        for count in [10_000, 1_000_000, 10_000_000] {
            runtime.block_on(series(count))?;
        }
    }
    if is_wanted("replay") {
        runtime.block_on(replay())?;
    }
    Ok(())
}

/// An engine on an empty store, or on one that exists.
struct Setup {
    store: Arc<dyn ObjectStore>,
    data_dir: tempfile::TempDir,
    settings: Settings,
}

impl Setup {
    fn new() -> Result<Self> {
        let mut settings = Settings::default();
        settings.buffer.flush_age = Duration::from_secs(86_400);
        settings.wal.quota = ByteSize::gib(40);
        Ok(Self {
            store: Arc::new(InMemory::new()),
            data_dir: tempfile::tempdir()?,
            settings,
        })
    }

    async fn open(&self) -> Result<(Engine, TableId)> {
        let lock = DirectoryLock::acquire(self.data_dir.path())?;
        let catalog = Arc::new(Catalog::open(Arc::clone(&self.store), Limits::default()).await?);
        if catalog.state().database("db").is_none() {
            let integer = ColumnKind::Field(FieldType::Integer);
            let fields = (0..FIELDS).map(|i| (format!("f{i}"), integer));
            let columns = [("tag".to_owned(), ColumnKind::Tag)]
                .into_iter()
                .chain(fields);
            let extension = TableExtension {
                table: "t".to_owned(),
                columns: columns.collect(),
            };
            catalog
                .create_database(&DatabaseName::new("db")?, Retention::Forever)
                .await?;
            catalog.extend("db", &[extension]).await?;
        }
        let state = catalog.state();
        let database = state.database("db").ok_or("it was just created")?;
        let table = database.table("t").ok_or("it was just created")?.id;
        let settings = self.settings.clone();
        let store = Arc::clone(&self.store);
        let (engine, _) =
            Engine::open(settings, lock, catalog, store, Arc::new(SystemClock)).await?;
        Ok((engine, table))
    }
}

/// One row for each of these series, `repeats` times, a second apart.
fn batch(
    table: TableId,
    series: std::ops::Range<usize>,
    repeats: usize,
    time: i64,
    fields: u16,
) -> WriteBatch {
    let rows = series.len() * repeats;
    let count = series.len();
    let tag = |number| format!("{number:0TAG_BYTES$}");
    let key = |number| SeriesKey::new([(ColumnId(0), &*tag(number))]);
    let values = |field: i64| (0..rows as i64).map(move |row| (row * 7 + field * 13) % 101);
    let field = |id: u16| {
        let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values(i64::from(id))));
        (ColumnId(id), array)
    };
    WriteBatch {
        tables: vec![TableBatch {
            table,
            series: series.map(key).collect(),
            series_of_row: (0..rows).map(|row| (row % count) as u32).collect(),
            times: (0..rows)
                .map(|row| time + (row / count) as i64 * SECOND)
                .collect(),
            fields: (1..=fields).map(field).collect(),
        }],
    }
}

/// CPU time of this process so far.
fn cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks: u64 = fields[12].parse::<u64>()? + fields[13].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.ok_or("no VmRSS")?.trim().trim_end_matches(" kB");
    Ok(kib.parse::<u64>()? * 1024)
}

fn report(what: &str, value: f64, unit: &str) -> Result {
    writeln!(std::io::stdout(), "{what}\t{value:.1}\t{unit}")?;
    Ok(())
}

async fn write_all(engine: &Engine, batches: Vec<WriteBatch>) -> Result<(Duration, Duration)> {
    let (start, start_cpu) = (Instant::now(), cpu()?);
    for batch in batches {
        engine.write(batch, Durability::Buffered).await?;
    }
    Ok((start.elapsed(), cpu()? - start_cpu))
}

async fn rows() -> Result {
    let mut setup = Setup::new()?;
    setup.settings.buffer.flush_bytes = ByteSize::gib(1);
    setup.settings.buffer.bytes_max = ByteSize::gib(2);
    let (engine, table) = setup.open().await?;
    let count = 1200usize;
    let repeats = ROWS / SERIES;
    let time = |i: usize| (i * repeats) as i64 * SECOND;
    let batches = (0..count).map(|i| batch(table, 0..SERIES, repeats, time(i), FIELDS));
    let (wall, cpu) = write_all(&engine, batches.collect()).await?;
    let rows = (count * ROWS) as f64;
    report("rows: CPU", cpu.as_nanos() as f64 / rows, "ns/row")?;
    report("rows: wall", wall.as_nanos() as f64 / rows, "ns/row")
}

async fn series(count: usize) -> Result {
    let mut setup = Setup::new()?;
    setup.settings.buffer.flush_bytes = ByteSize::gib(1);
    setup.settings.buffer.bytes_max = ByteSize::gib(16);
    let (engine, table) = setup.open().await?;
    let before = resident_bytes()?;
    for (round, name) in (0..).zip(["first seen", "seen again"]) {
        // Few series are written many times, so that there is something to measure.
        let repeats = (1_000_000 / count).max(1);
        let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
        let mut rows = 0;
        for repeat in 0..repeats {
            let time = (round * repeats as i64 + repeat as i64) * SECOND;
            // In portions, so that what is not yet written does not count as memory.
            for start in (0..count).step_by(20 * ROWS) {
                let end = count.min(start + 20 * ROWS);
                let starts = (start..end).step_by(ROWS);
                let batches = starts.map(|s| batch(table, s..end.min(s + ROWS), 1, time, 1));
                let spent = write_all(&engine, batches.collect()).await?;
                (wall, cpu) = (wall + spent.0, cpu + spent.1);
                rows += end - start;
            }
        }
        let what = format!("{count} series, {name}");
        report(&what, cpu.as_nanos() as f64 / rows as f64, "ns CPU/row")?;
        report(&what, wall.as_nanos() as f64 / rows as f64, "ns wall/row")?;
        let stats = engine.stats();
        let known = stats.series.max(1) as f64;
        report(
            &what,
            stats.series_bytes as f64 / known,
            "bytes/series, tags included",
        )?;
        let rest =
            (resident_bytes()? - before).saturating_sub(stats.buffer_bytes - stats.series_bytes);
        report(
            &what,
            rest as f64 / known,
            "bytes resident/series, rows not included",
        )?;
    }
    Ok(())
}

async fn replay() -> Result {
    let mut setup = Setup::new()?;
    setup.settings.buffer.bytes_max = ByteSize::gib(8);
    setup.settings.buffer.flush_bytes = ByteSize::gib(1);
    let (engine, table) = setup.open().await?;
    let count = (900 << 20) / (ROWS * (12 + 8 * usize::from(FIELDS)));
    let repeats = ROWS / SERIES;
    for i in 0..count {
        let time = (i / 4 * repeats) as i64 * SECOND;
        let first = i % 4 * SERIES;
        let batch = batch(table, first..first + SERIES, repeats, time, FIELDS);
        // A full buffer is as good here as a written one.
        drop(engine.write(batch, Durability::Buffered).await);
    }
    let bytes = engine.stats().wal.bytes as f64;
    drop(engine);
    setup.settings = Settings::default();
    let (start, start_cpu) = (Instant::now(), cpu()?);
    let (engine, _) = setup.open().await?;
    let seconds = start.elapsed().as_secs_f64();
    report("replay: log", bytes / 1e6, "MB")?;
    report("replay: wall", seconds * 1e3, "ms")?;
    report(
        "replay: CPU",
        (cpu()? - start_cpu).as_secs_f64() * 1e3,
        "ms",
    )?;
    report(
        "replay: spilled",
        engine.stats().spilled_files as f64,
        "files",
    )?;
    report("replay: resident", resident_bytes()? as f64 / 1e6, "MB")
}
