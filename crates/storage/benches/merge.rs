//! How fast sorted inputs are merged, and how fast buffered rows are sorted.
//!
//! Prints rows per second of CPU time, the best of a few rounds, so that other work on the machine
//! counts as little as possible: `cargo bench -p storage --bench merge [part of a name]`.
#![expect(clippy::print_stdout, reason = "a benchmark reports to its caller")]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use catalog::{
    Catalog, ColumnId, ColumnKind, DatabaseName, FieldType, Limits, Retention, SystemClock,
    TableExtension, TableId,
};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use storage::{
    BufferedRows, DirectoryLock, Durability, Engine, FoundRows, KeyMerge, ScanUnit, SeriesKey,
    Settings, Step, TableBatch, WriteBatch,
};

/// The program's allocator: with another, mapping memory takes longer than merging.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 5;
const BATCH_ROWS: usize = 8192;
const TAGS: usize = 10;
const FIELDS: usize = 10;
const SECOND: i64 = 1_000_000_000;

fn main() {
    // Cargo passes flags of its own.
    let name = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |case: &str| name.as_ref().is_none_or(|name| case.contains(&**name));
    for (case, inputs) in merges() {
        if wanted(case) {
            let inputs = inputs();
            report(case, rows(&inputs), || merge(&inputs));
        }
    }
    if wanted("buffer") {
        let (_engine, snapshots, schema) = buffered();
        let [in_order, overlapping] = snapshots;
        report("buffer, as it arrived", count(&in_order), || {
            let batches = in_order
                .iter()
                .flat_map(|rows| found(rows).batches(&schema));
            batches.map(|batch| batch.num_rows()).sum()
        });
        report("buffer, sorted", count(&overlapping), || {
            let sorted = overlapping
                .iter()
                .map(|rows| found(rows).sorted_unique(&schema));
            sorted.map(|batch| batch.num_rows()).sum()
        });
    }
}

fn found(rows: &BufferedRows) -> FoundRows {
    rows.find().expect("there is no condition to evaluate")
}

fn count(rows: &[BufferedRows]) -> usize {
    rows.iter().map(BufferedRows::row_count).sum()
}

fn report(case: &str, rows: usize, run: impl Fn() -> usize) {
    let mut best = f64::INFINITY;
    let mut out = 0;
    for _ in 0..ROUNDS {
        let start = cpu_seconds();
        out = run();
        best = best.min(cpu_seconds() - start);
    }
    let (speed, each) = (rows as f64 / best / 1e6, best * 1e9 / rows as f64);
    println!("{case:40} {rows:8} rows to {out:8}  {speed:7.1} M rows/s  {each:6.1} ns/row");
}

/// CPU time of this thread where the system tells it, time that has passed elsewhere.
fn cpu_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let passed = START.get_or_init(Instant::now).elapsed().as_secs_f64();
    #[expect(
        clippy::disallowed_methods,
        reason = "it is the system's, not of the data directory"
    )]
    let cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = cpu.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or(passed, |nanos| nanos / 1e9)
}

type Input = Vec<RecordBatch>;
type Case = (&'static str, fn() -> Vec<Input>);

/// One input: `hosts` hosts from `first_host`, each with `rows` rows every `step` from `start`.
#[derive(Clone, Copy)]
struct Shape {
    first_host: usize,
    hosts: usize,
    start: i64,
    rows: usize,
    step: i64,
}

const FILE: Shape = Shape {
    first_host: 0,
    hosts: 4000,
    start: 0,
    rows: 60,
    step: 10,
};

fn merges() -> [Case; 7] {
    [
        ("12 files of 60 rows a series", || flushes(12, 60)),
        ("12 files of 1 row a series", || flushes(12, 1)),
        ("2 files, alternating by row", || two_files(FILE.step / 2)),
        ("2 files, every key in both", || two_files(0)),
        ("2 files, half of the keys in both", || {
            two_files(125 * FILE.step)
        }),
        ("12 files, every key in all", || vec![input(FILE); 12]),
        ("12 files, no series in two", || {
            let first_host = |i| i * FILE.hosts;
            let shape = |first_host| Shape { first_host, ..FILE };
            (0..12).map(|i| input(shape(first_host(i)))).collect()
        }),
    ]
}

/// Files one after the other in time, each with this many rows of every host.
fn flushes(files: i64, rows: usize) -> Vec<Input> {
    let start = |i| i * rows as i64 * FILE.step;
    let shape = |start| Shape {
        start,
        rows,
        ..FILE
    };
    (0..files).map(|i| input(shape(start(i)))).collect()
}

/// The same file twice, the second one later by some seconds.
fn two_files(later: i64) -> Vec<Input> {
    let shape = |start| Shape {
        start,
        rows: 250,
        ..FILE
    };
    vec![input(shape(0)), input(shape(later))]
}

/// Sorted rows as a file's reader gives them: batches with the file's whole dictionaries.
fn input(shape: Shape) -> Input {
    let hosts = shape.first_host..shape.first_host + shape.hosts;
    let rows = shape.hosts * shape.rows;
    let mut columns: Vec<ArrayRef> = Vec::new();
    let times =
        (0..rows).map(|row| (shape.start + (row % shape.rows) as i64 * shape.step) * SECOND);
    columns.push(Arc::new(TimestampNanosecondArray::from_iter_values(times)));
    for tag in 0..TAGS {
        let mut values: Vec<String> = hosts.clone().map(|host| tag_value(tag, host)).collect();
        let codes = values.clone();
        values.sort_unstable();
        values.dedup();
        let code = |value: &String| values.binary_search(value).unwrap_or_default() as i32;
        let codes: Vec<i32> = codes.iter().map(code).collect();
        let codes = Int32Array::from_iter_values((0..rows).map(|row| codes[row / shape.rows]));
        let values = StringArray::from_iter_values(values);
        columns.push(Arc::new(DictionaryArray::new(codes, Arc::new(values))));
    }
    for field in 0..FIELDS {
        let values = (0..rows).map(|row| ((row * 31 + field * 7) % 1000) as f64 / 10.0);
        columns.push(Arc::new(Float64Array::from_iter_values(values)));
    }
    let all = RecordBatch::try_new(schema(), columns).expect("the columns are the schema's");
    let starts = (0..rows).step_by(BATCH_ROWS);
    starts
        .map(|start| all.slice(start, BATCH_ROWS.min(rows - start)))
        .collect()
}

/// The first tag is the host, in order; the others have few values, as in fleets of servers.
fn tag_value(tag: usize, host: usize) -> String {
    match tag {
        0 => format!("host_{host:06}"),
        _ => format!("tag{tag}-{}", host % (2 + tag * 3)),
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let tags = (0..TAGS).map(|tag| Field::new(format!("tag{tag}"), text.clone(), true));
    let fields = (0..FIELDS).map(|i| Field::new(format!("field{i}"), DataType::Float64, true));
    let time = [Field::new("time", time, false)];
    Arc::new(Schema::new(
        time.into_iter()
            .chain(tags)
            .chain(fields)
            .collect::<Vec<_>>(),
    ))
}

fn rows(inputs: &[Input]) -> usize {
    inputs.iter().flatten().map(RecordBatch::num_rows).sum()
}

/// Merges and counts the rows that come out.
fn merge(inputs: &[Input]) -> usize {
    let key = (1..=TAGS).chain([0]).collect();
    let merge = KeyMerge::try_new(schema(), key, inputs.len(), BATCH_ROWS);
    let mut merge = merge.expect("the key is tags and time");
    let mut feeds: Vec<_> = inputs.iter().map(|input| input.iter()).collect();
    let mut rows = 0;
    loop {
        match merge.step().expect("the batches fit") {
            Step::NeedInput(input) => match feeds[input].next() {
                Some(batch) => merge.push(input, batch.clone()).expect("the batches fit"),
                None => merge.finish(input),
            },
            Step::Output(batch) => rows += batch.num_rows(),
            Step::Done => return rows,
        }
    }
}

/// Two million rows of 4 000 series in the buffer of an engine, written 5 000 at a time: first as
/// they came, which nothing has to be done for, then with a late write that all overlap with.
fn buffered() -> (Running, [Vec<BufferedRows>; 2], SchemaRef) {
    const WRITES: usize = 400;
    const WRITE_ROWS: usize = 5000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("threads can be started");
    let open = runtime.block_on(open());
    let (engine, table, _) = &open;
    let write = |batch| {
        let written = runtime.block_on(engine.write(batch, Durability::Buffered));
        written.expect("the engine takes writes");
    };
    for first in (0..WRITES * WRITE_ROWS).step_by(WRITE_ROWS) {
        write(write_of(*table, first..first + WRITE_ROWS));
    }
    let in_order = buffered_rows(engine, *table);
    let mut late = write_of(*table, 0..2);
    late.tables[0].times[1] = (WRITES * WRITE_ROWS / FILE.hosts) as i64 * FILE.step * SECOND;
    write(late);
    let overlapping = buffered_rows(engine, *table);
    let snapshot = engine.snapshot(*table).expect("the table exists");
    let schema = Arc::clone(snapshot.schema());
    ((runtime, open), [in_order, overlapping], schema)
}

fn buffered_rows(engine: &Engine, table: TableId) -> Vec<BufferedRows> {
    let snapshot = engine.snapshot(table).expect("the table exists");
    let units = snapshot.scan_units(&(i64::MIN..=i64::MAX));
    let rows = units.into_iter().filter_map(|unit| match unit {
        ScanUnit::Buffered(rows) => Some(rows),
        ScanUnit::Merged { buffered, .. } => buffered,
        ScanUnit::File(_) => None,
    });
    rows.collect()
}

type Open = (Engine, TableId, tempfile::TempDir);
/// An engine and what it runs on.
type Running = (tokio::runtime::Runtime, Open);

async fn open() -> Open {
    let data_dir = tempfile::tempdir().expect("a directory can be made");
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let catalog = Catalog::open(Arc::clone(&store), Limits::default()).await;
    let catalog = Arc::new(catalog.expect("the store is empty"));
    let database = DatabaseName::new("db").expect("a good name");
    let created = catalog.create_database(&database, Retention::Forever).await;
    created.expect("it is the first");
    let tags = (0..TAGS).map(|tag| (format!("tag{tag}"), ColumnKind::Tag));
    let fields = (0..FIELDS).map(|i| (format!("field{i}"), ColumnKind::Field(FieldType::Float)));
    let extension = TableExtension {
        table: "t".to_owned(),
        columns: tags.chain(fields).collect(),
    };
    let extended = catalog.extend("db", &[extension]).await;
    extended.expect("the table is new");
    let state = catalog.state();
    let table = state.database("db").and_then(|db| db.table("t"));
    let table = table.expect("it was just made").id;
    let mut settings = Settings::default();
    settings.buffer.flush_bytes = bytesize::ByteSize::gib(1);
    let lock = DirectoryLock::acquire(data_dir.path()).expect("nobody else has it");
    let engine = Engine::open(settings, lock, catalog, store, Arc::new(SystemClock)).await;
    (engine.expect("the directory is empty").0, table, data_dir)
}

/// Rows as a fleet sends them: host after host, then the next instant.
fn write_of(table: TableId, rows: std::ops::Range<usize>) -> WriteBatch {
    let host = |row: usize| row * 7919 % FILE.hosts;
    let tag = |tag, host| (ColumnId(tag as u16), tag_value(tag, host));
    let key = |row| {
        let tags: Vec<_> = (0..TAGS).map(|i| tag(i, host(row))).collect();
        SeriesKey::new(tags.iter().map(|(id, value)| (*id, &**value)))
    };
    let hosts = rows.len().min(FILE.hosts);
    let field = |i: usize| {
        let values = rows
            .clone()
            .map(|row| ((row * 31 + i) % 1000) as f64 / 10.0);
        let array: ArrayRef = Arc::new(Float64Array::from_iter_values(values));
        (ColumnId((TAGS + i) as u16), array)
    };
    WriteBatch {
        tables: vec![TableBatch {
            table,
            series: rows.clone().take(hosts).map(key).collect(),
            series_of_row: (0..rows.len()).map(|row| (row % hosts) as u32).collect(),
            times: rows
                .clone()
                .map(|row| (row / FILE.hosts) as i64 * 10 * SECOND)
                .collect(),
            fields: (0..FIELDS).map(field).collect(),
        }],
    }
}
