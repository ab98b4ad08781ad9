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
    Catalog, ColumnId, ColumnKind, DatabaseName, FieldType, Limits, TableExtension, TableId,
};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use storage::{
    BufferedRows, DirectoryLock, Durability, Engine, KeyMerge, ScanUnit, SeriesKey, Settings, Step,
    TableBatch, WriteBatch,
};

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
        let (_engine, buffered, schema) = buffered();
        let rows = buffered.row_count();
        report("buffer, sorted", rows, || {
            buffered.sorted_unique(&schema).num_rows()
        });
        report("buffer, as it arrived", rows, || {
            let batches = buffered.batches(&schema);
            batches.iter().map(RecordBatch::num_rows).sum()
        });
    }
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
    let flushes = |inputs: i64, rows: usize| -> Vec<Input> {
        let start = |i| i * rows as i64 * FILE.step;
        let shape = |i| Shape {
            start: start(i),
            rows,
            ..FILE
        };
        (0..inputs).map(|i| input(shape(i))).collect()
    };
    let halves = |offset: i64| {
        let shape = |start| Shape {
            start,
            rows: 250,
            ..FILE
        };
        [0, offset].map(|start| input(shape(start))).to_vec()
    };
    [
        ("12 files of 60 rows a series", || flushes(12, 60)),
        ("12 files of 1 row a series", || flushes(12, 1)),
        ("2 files, alternating by row", || halves(5)),
        ("2 files, every key in both", || halves(0)),
        ("2 files, half of the keys in both", || {
            halves(125 * FILE.step)
        }),
        ("12 files, every key in all", || vec![input(FILE); 12]),
        ("12 files, no series in two", || {
            let shape = |i| Shape {
                first_host: i * FILE.hosts,
                ..FILE
            };
            (0..12).map(|i| input(shape(i))).collect()
        }),
    ]
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

/// Two million rows of 4 000 series in the buffer of an engine, written 5 000 at a time.
fn buffered() -> (Open, BufferedRows, SchemaRef) {
    const WRITES: usize = 400;
    const WRITE_ROWS: usize = 5000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("threads can be started");
    let open = runtime.block_on(async {
        let (engine, table, data_dir) = open().await;
        for write in 0..WRITES {
            let batch = write_of(table, write * WRITE_ROWS..(write + 1) * WRITE_ROWS);
            let written = engine.write(batch, Durability::Buffered).await;
            written.expect("the engine takes writes");
        }
        (engine, table, data_dir)
    });
    let snapshot = open.0.snapshot(open.1).expect("the table exists");
    let schema = Arc::clone(snapshot.schema());
    let units = snapshot.scan_units(&(i64::MIN..=i64::MAX));
    let Some(ScanUnit::Buffered(rows)) = units.into_iter().next() else {
        panic!("rows in time order need no merging");
    };
    ((runtime, open), rows, schema)
}

type Open = (
    tokio::runtime::Runtime,
    (Engine, TableId, tempfile::TempDir),
);

async fn open() -> (Engine, TableId, tempfile::TempDir) {
    let data_dir = tempfile::tempdir().expect("a directory can be made");
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let catalog = Catalog::open(Arc::clone(&store), Limits::default()).await;
    let catalog = Arc::new(catalog.expect("the store is empty"));
    let database = DatabaseName::new("db").expect("a good name");
    let created = catalog.create_database(&database).await;
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
    let engine = Engine::open(settings, lock, catalog, store).await;
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
