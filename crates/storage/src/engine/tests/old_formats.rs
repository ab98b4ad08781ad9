//! Data directories that earlier releases left behind, opened by this one: every row is there, before
//! and after what is in the log has become files and files have been merged.
//!
//! The folders are in `fixtures/`, with all that must be read from them in `rows.tsv`. `format-1` was
//! made by `fixtures/format_1.py` with a program of that release; `format-2` and `format-3` by
//! [`makes_a_directory_of_the_present_format`], which is run by hand when a format is about to change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use catalog::{Clock, Predicate, Table, TableOptions, Undrop};

use super::simulation::reader::{self, Asked, Problem};
use super::simulation::{model, world};
use super::*;
use crate::io::LocalFileSystem;
use crate::object_stores::DurableLocal;
use model::{Fields, Key, Row, Rows, Value as RowValue};

const START: i64 = 1_700_000_000_000_000_000 / DAY * DAY;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// Stands still a few days after the rows.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now_nanos(&self) -> i64 {
        START + 10 * DAY
    }
}

/// The files of a folder, below another.
#[expect(clippy::disallowed_methods, reason = "fixtures are on the real disk")]
fn copy(from: &Path, to: &Path) {
    create_folder(to);
    for entry in folder(from) {
        let (from, to) = (from.join(&entry), to.join(&entry));
        match from.is_dir() {
            true => copy(&from, &to),
            false => copy_file(&from, &to),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "fixtures are on the real disk")]
fn folder(path: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

#[expect(clippy::disallowed_methods, reason = "fixtures are on the real disk")]
fn create_folder(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "fixtures are on the real disk")]
fn copy_file(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "fixtures are on the real disk")]
fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "fixtures are on the real disk")]
fn write_text(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// The values that must be read: by table, tags, time and field, with type and value as texts.
type Values = BTreeMap<(String, String, i64, String), (String, String)>;

fn expected_values(text: &str) -> Values {
    let value = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        let &[table, tags, time, field, kind, value] = parts.as_slice() else {
            panic!("a line of another form: {line}");
        };
        let key = (
            table.to_owned(),
            tags.to_owned(),
            time.parse().unwrap(),
            field.to_owned(),
        );
        // Floats are compared by their bits, whoever wrote their digits.
        let value = match kind {
            "float" => format!("{:?}", value.parse::<f64>().unwrap()),
            _ => value.to_owned(),
        };
        (key, (kind.to_owned(), value))
    };
    let lines = text.lines();
    lines.map(value).collect()
}

fn found_values(rows: &Rows, tables: &[Arc<Table>]) -> Values {
    let name = |id| {
        tables
            .iter()
            .find(|table| table.id == id)
            .unwrap()
            .name
            .to_string()
    };
    let mut values = Values::new();
    for (key, fields) in rows {
        let tags = key
            .tags
            .iter()
            .map(|(name, value)| format!("{name}:{value}"));
        let tags = tags.collect::<Vec<_>>().join(",");
        for (field, value) in fields {
            let key = (name(key.table), tags.clone(), key.time, field.clone());
            values.insert(key, as_texts(value));
        }
    }
    values
}

fn as_texts(value: &RowValue) -> (String, String) {
    let (kind, text) = match value {
        RowValue::Float(bits) => ("float", format!("{:?}", f64::from_bits(*bits))),
        RowValue::Integer(number) => ("integer", number.to_string()),
        RowValue::Unsigned(number) => ("unsigned", number.to_string()),
        RowValue::Boolean(truth) => ("boolean", truth.to_string()),
        RowValue::Text(text) => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            ("text", format!("\"{escaped}\""))
        }
    };
    (kind.to_owned(), text)
}

/// An engine over a data directory with its objects in it.
async fn open(folder: &Path) -> Engine {
    let lock = DirectoryLock::acquire(folder).unwrap();
    let objects = DurableLocal::open(Arc::new(LocalFileSystem), &folder.join("objects"));
    let objects: Arc<dyn ObjectStore> = Arc::new(objects.unwrap());
    let catalog = Catalog::open(Arc::clone(&objects), Limits::default()).await;
    let catalog = Arc::new(catalog.unwrap());
    let settings = Settings {
        wal: wal::Settings {
            segment_size: ByteSize::kib(4),
            group_bytes_max: ByteSize::kib(4),
            ..wal::Settings::default()
        },
        compaction: compaction::Settings {
            fan_in: 2,
            settle_age: Duration::ZERO,
            ..Default::default()
        },
        maintenance: MaintenanceSettings {
            interval: Duration::MAX,
            ..Default::default()
        },
        ..Default::default()
    };
    let opened = Engine::open(settings, lock, catalog, objects, Arc::new(Still)).await;
    opened.unwrap().0
}

fn tables(engine: &Engine) -> Vec<Arc<Table>> {
    let state = engine.core.catalog.state();
    let databases = state.databases();
    databases
        .flat_map(|database| database.tables().cloned())
        .collect()
}

async fn values(engine: &Engine) -> Values {
    let tables = tables(engine);
    let snapshots = reader::snapshots(engine, &tables);
    let store = engine.object_store();
    match reader::rows(store.as_ref(), &snapshots, &Asked::All).await {
        Ok(rows) => found_values(&rows, &tables),
        Err(Problem::Unreadable(problem) | Problem::Wrong(problem)) => panic!("{problem}"),
    }
}

async fn stays_readable(name: &str, has_log: bool) {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(name), folder.path());
    let expected = expected_values(&read_text(&fixture(name).join("rows.tsv")));
    assert!(
        expected.len() > 500,
        "{name} holds {} values",
        expected.len()
    );

    let engine = open(folder.path()).await;
    assert_eq!(engine.stats().buffer_bytes > 0, has_log);
    assert_eq!(values(&engine).await, expected, "{name} as it was left");
    engine.flush().await.unwrap();
    assert_eq!(values(&engine).await, expected, "{name}, flushed");
    maintenance::tend(&engine.core).await.unwrap();
    assert_eq!(values(&engine).await, expected, "{name}, compacted");
    engine.shutdown().await.unwrap();
    drop(engine);

    let engine = open(folder.path()).await;
    assert_eq!(values(&engine).await, expected, "{name}, opened again");
    engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_directory_of_the_first_format_stays_readable() {
    stays_readable("format-1", true).await;
}

#[tokio::test]
async fn a_directory_of_the_second_format_stays_readable() {
    stays_readable("format-2", true).await;
}

#[tokio::test]
async fn a_directory_of_the_third_format_stays_readable() {
    stays_readable("format-3", true).await;
}

#[tokio::test]
async fn what_was_dropped_before_can_still_come_back() {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture("format-2"), folder.path());
    let engine = open(folder.path()).await;
    let before = values(&engine).await;
    engine
        .core
        .catalog
        .undrop_table("plant", "dropped", Undrop::LAST)
        .await
        .unwrap();
    let mut after = values(&engine).await;
    after.retain(|key, _| key.0 == "dropped");
    assert_eq!(after.len(), 6);
    assert!(before.keys().all(|key| key.0 != "dropped"));
    engine.shutdown().await.unwrap();
}

/// The rows of step `step` of [`makes_a_directory_of_the_present_format`].
fn rows_of_step(step: i64, tables: &[Arc<Table>]) -> Vec<Row> {
    let id = |name: &str| tables.iter().find(|table| &*table.name == name).unwrap().id;
    let row = |number: i64| {
        let table = ["motors", "rooms", "short"][(number % 3) as usize];
        let host = ["m1", "m2", "Prüfstand 3, links"][(number / 3 % 3) as usize];
        let time = START + number % 4 * DAY + number * step % 29;
        let mut fields = Fields::new();
        if number % 5 != 0 {
            let float = number as f64 / 7.0 * 10f64.powi((number % 9 * 30) as i32);
            fields.insert("speed".into(), RowValue::Float(float.to_bits()));
        }
        if number % 4 != 0 {
            fields.insert("count".into(), RowValue::Integer(i64::MIN + number * step));
        }
        let serial = u64::MAX - number as u64;
        fields.insert("serial".into(), RowValue::Unsigned(serial));
        fields.insert("is_on".into(), RowValue::Boolean(number % 2 == step % 2));
        let note = ["", "läuft", "it \"runs\"", "a\\b"][(number % 4) as usize];
        fields.insert("note".into(), RowValue::Text(note.to_owned()));
        let tags = [("host".to_owned(), host.to_owned())].into();
        (
            Key {
                table: id(table),
                tags,
                time,
            },
            fields,
        )
    };
    (step * 40..step * 40 + 60).map(row).collect()
}

/// What is left of rows: the newest value of each field.
fn merge(into: &mut Rows, rows: &[Row]) {
    for (key, fields) in rows {
        into.entry(key.clone()).or_default().extend(fields.clone());
    }
}

async fn write(engine: &Engine, rows: &[Row]) {
    let batch = world::batch(&engine.core.catalog.state(), rows);
    engine.write(batch, Durability::Synced).await.unwrap();
}

fn compare(column: ColumnRef, comparison: Comparison, value: Value) -> Predicate {
    Predicate::Compare {
        column,
        comparison,
        value,
    }
}

async fn make_tables(catalog: &Catalog) {
    let name = DatabaseName::new("plant").unwrap();
    catalog
        .create_database(&name, Retention::Forever)
        .await
        .unwrap();
    let field = |name: &str, kind| (name.to_owned(), ColumnKind::Field(kind));
    for table in ["motors", "rooms", "short", "dropped"] {
        let extension = TableExtension {
            table: table.to_owned(),
            columns: vec![
                ("host".to_owned(), ColumnKind::Tag),
                field("speed", FieldType::Float),
                field("count", FieldType::Integer),
                field("serial", FieldType::UInteger),
                field("is_on", FieldType::Boolean),
                field("note", FieldType::String),
            ],
        };
        catalog.extend("plant", &[extension]).await.unwrap();
    }
    let options = TableOptions {
        retention: Some(Some(Retention::from_nanos(Some(9 * DAY.unsigned_abs())))),
        ..Default::default()
    };
    catalog
        .set_table_options("plant", "short", options)
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "makes a fixture; run it by hand before a format changes"]
async fn makes_a_directory_of_the_present_format() {
    let folder = PathBuf::from(std::env::var_os("TIDEMILL_FIXTURE_FOLDER").unwrap());
    let engine = open(&folder).await;
    let catalog = &engine.core.catalog;
    make_tables(catalog).await;
    let all = tables(&engine);
    let table = |name: &str| all.iter().find(|table| &*table.name == name).unwrap();
    let mut kept = Rows::new();

    let dropped = (0..6).map(|time| {
        let fields = [("count".to_owned(), RowValue::Integer(time))].into();
        let tags = BTreeMap::new();
        (
            Key {
                table: table("dropped").id,
                tags,
                time: START + time,
            },
            fields,
        )
    });
    write(&engine, &dropped.collect::<Vec<_>>()).await;
    for step in 1..4 {
        let rows = rows_of_step(step, &all);
        write(&engine, &rows).await;
        merge(&mut kept, &rows);
        engine.flush().await.unwrap();
    }
    maintenance::tend(&engine.core).await.unwrap();
    // A condition on fields, which rewrites files.
    let column = |name: &str| ColumnRef::Column(table("rooms").column(name).unwrap().id);
    let is_on = compare(column("is_on"), Comparison::Equal, Value::Boolean(true));
    let rooms = table("rooms").id;
    engine.delete_rows(vec![(rooms, is_on)]).await.unwrap();
    kept.retain(|key, fields| {
        key.table != rooms || fields.get("is_on") != Some(&RowValue::Boolean(true))
    });
    let rows = rows_of_step(4, &all);
    write(&engine, &rows).await;
    merge(&mut kept, &rows);
    engine.flush().await.unwrap();
    // A condition on keys, which stays in the manifest.
    let _no_compaction = engine.core.rewriting.lock().await;
    let is_m2 = compare(
        column("host"),
        Comparison::Equal,
        Value::Text("m2".to_owned()),
    );
    let motors = table("motors").id;
    engine.delete_rows(vec![(motors, is_m2)]).await.unwrap();
    kept.retain(|key, _| key.table != motors || key.tags["host"] != "m2");
    catalog
        .drop_table("plant", "dropped", Still.now_nanos())
        .await
        .unwrap();
    // And rows that are in the log alone.
    let rows = rows_of_step(5, &all);
    write(&engine, &rows).await;
    merge(&mut kept, &rows);

    kept.retain(|key, _| key.table != table("short").id || key.time >= START + DAY);
    let values = found_values(&kept, &all);
    let mut lines = String::new();
    for ((table, tags, time, field), (kind, value)) in &values {
        lines += &format!("{table}\t{tags}\t{time}\t{field}\t{kind}\t{value}\n");
    }
    write_text(&folder.join("rows.tsv"), &lines);
    // The engine is not stopped: its log stays.
}
