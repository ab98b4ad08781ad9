//! Files that are whole, with records that do not say what they hold; and states that do not go
//! together.

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Int32Type, Schema};
use bytes::Bytes;
use catalog::{ColumnId, ColumnRef, Comparison, FileId, FloatStorage, Predicate, Value};

use super::*;
use crate::parquet_file::{Effort, encode};
use crate::schema::arrow_schema;

/// Rows of the fixture's table: asset and time.
fn rows(table: &Table, keys: &[(&str, i64)]) -> RecordBatch {
    let assets: DictionaryArray<Int32Type> = keys.iter().map(|key| Some(key.0)).collect();
    let times: TimestampNanosecondArray = keys.iter().map(|key| Some(key.1)).collect();
    let count = keys.len();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times),
        Arc::new(assets),
        Arc::new(Float64Array::from(vec![0.5; count])),
        Arc::new(Int64Array::from(vec![7; count])),
    ];
    RecordBatch::try_new(arrow_schema(table), columns).unwrap()
}

/// The rows with a column under another name.
fn renamed(rows: &RecordBatch, column: usize, name: &str) -> RecordBatch {
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().map(Arc::clone).collect();
    let field = Field::clone(&fields[column]).with_name(name);
    fields[column] = Arc::new(field);
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, rows.columns().to_vec()).unwrap()
}

/// What is recorded of these bytes when all is well.
fn record(table: &Table, bytes: &Bytes, rows: u64, times: (i64, i64)) -> FileRecord {
    FileRecord {
        id: FileId {
            first_sequence: 1,
            last_sequence: 1,
            discriminator: 1,
        },
        database: table.database,
        table: table.id,
        partition_start: 0,
        partition_nanos: DAY,
        level: 0,
        checksum: crc32c::crc32c(bytes),
        deletes_through: 0,
        size_bytes: bytes.len() as u64,
        rows,
        time_min: times.0,
        time_max: times.1,
        keys_are_new: false,
        last_rows: None,
    }
}

/// A store with this file in its manifest.
async fn problems(
    content: impl FnOnce(&Table) -> Bytes,
    change: impl FnOnce(&mut FileRecord),
) -> Vec<Problem> {
    let plant = Plant::in_memory();
    let running = plant.start().await;
    let state = running.catalog.state();
    let table = Arc::clone(state.table(running.table).unwrap());
    let bytes = content(&table);
    let mut file = record(&table, &bytes, 3, (1, 5));
    change(&mut file);
    write(&plant, &file.path(), bytes.to_vec()).await;
    running.catalog.commit_flush(vec![file], 1).await.unwrap();
    let report = run(&plant.store, None, &Options::default(), &unwatched).await;
    report.unwrap().damages
}

const KEYS: [(&str, i64); 3] = [("a", 1), ("a", 5), ("b", 1)];

fn plain(table: &Table) -> Bytes {
    of_keys(table, &KEYS)
}

fn of_keys(table: &Table, keys: &[(&str, i64)]) -> Bytes {
    of_rows(&rows(table, keys))
}

fn of_rows(rows: &RecordBatch) -> Bytes {
    let encoded = encode(rows, FloatStorage::Double, Effort::Flush);
    encoded.unwrap().0
}

fn only(found: &[Problem], wanted: &str) {
    assert!(!found.is_empty(), "{wanted}");
    let says = |problem: &Problem| problem.problem.contains(wanted);
    assert!(found.iter().any(says), "{wanted}: {found:?}");
}

#[tokio::test]
async fn record_that_says_what_is_there_is_sound() {
    assert_eq!(problems(plain, |_| {}).await, []);
    let decimals = |table: &Table| {
        let rows = rows(table, &KEYS);
        let encoded = encode(&rows, FloatStorage::DecimalWhenExact, Effort::Flush);
        encoded.unwrap().0
    };
    assert_eq!(problems(decimals, |_| {}).await, []);
}

#[tokio::test]
async fn records_that_say_something_else_are_damage() {
    let check = async |change: fn(&mut FileRecord), wanted: &str| {
        only(&problems(plain, change).await, wanted);
    };
    check(|file| file.rows = 4, "3 rows, not 4").await;
    check(|file| file.time_min = 0, "times go from 1 to 5").await;
    check(|file| file.time_max = 6, "times go from 1 to 5").await;
    check(|file| file.size_bytes += 1, "bytes, not").await;
    check(|file| file.checksum ^= 1, "checksum").await;
    check(|file| file.time_max = DAY, "outside of its partition").await;
    check(|file| file.partition_start = 2, "outside of its partition").await;
    check(|file| file.rows = 0, "no rows").await;
    check(|file| file.id.last_sequence = 9, "record 9").await;
    check(|file| file.database.0 += 1, "as one of table").await;
}

#[tokio::test]
async fn contents_that_are_not_what_a_file_holds_are_damage() {
    let check = async |content: fn(&Table) -> Bytes, wanted: &str| {
        only(&problems(content, |_| {}).await, wanted);
    };
    let twice = |table: &Table| of_keys(table, &[("a", 1), ("a", 5), ("a", 5)]);
    check(twice, "row 2 has the key of the one before").await;
    let back = |table: &Table| of_keys(table, &[("a", 5), ("a", 1), ("b", 1)]);
    check(back, "row 1 is out of order").await;
    let tags = |table: &Table| of_keys(table, &[("b", 1), ("a", 1), ("a", 5)]);
    check(tags, "row 1 is out of order").await;
    let stranger = |table: &Table| of_rows(&renamed(&rows(table, &KEYS), 2, "c"));
    check(stranger, "column `c` of the file is not one of the table").await;
    let swapped = |table: &Table| {
        let rows = rows(table, &KEYS).project(&[0, 1, 3]).unwrap();
        of_rows(&renamed(&rows, 2, "a"))
    };
    check(swapped, "column `a` of the file is not one of the table").await;
    let timeless = |table: &Table| {
        let rows = rows(table, &KEYS).project(&[1, 2]).unwrap();
        let encoded = parquet_of(&rows);
        Bytes::from(encoded)
    };
    check(timeless, "no column `time`").await;
    let text = |_: &Table| Bytes::from_static(b"asset,time\na,1\n");
    check(text, "").await;
    let empty = |_: &Table| Bytes::new();
    check(empty, "").await;
}

fn parquet_of(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, rows.schema(), None);
    let mut writer = writer.unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

/// More rows than are looked at together: order is checked across the pieces.
#[tokio::test]
async fn order_is_checked_over_the_whole_file() {
    let content = |last: i64| {
        move |table: &Table| {
            let mut keys: Vec<_> = (1..=20_000).map(|time| ("a", time)).collect();
            keys[16_384].1 = last;
            of_keys(table, &keys)
        }
    };
    let recorded = |file: &mut FileRecord| {
        file.rows = 20_000;
        file.time_max = 20_000;
    };
    assert_eq!(problems(content(16_385), recorded).await, []);
    let found = problems(content(16_384), recorded).await;
    only(&found, "row 16384 has the key");
    let found = problems(content(16_000), recorded).await;
    only(&found, "row 16384 is out of order");
}

#[tokio::test]
async fn deletes_of_columns_that_no_key_has_are_damage() {
    let check = async |column: u16, wanted: Option<&str>| {
        let plant = Plant::in_memory();
        let running = plant.start().await;
        running.flush(&ROWS).await;
        let predicate = Predicate::Compare {
            column: ColumnRef::Column(ColumnId(column)),
            comparison: Comparison::Equal,
            value: Value::Text("m1".to_owned()),
        };
        let deletes = [(running.table, predicate)];
        running.catalog.delete_rows(&deletes, 1).await.unwrap();
        let report = run(&plant.store, None, &Options::default(), &unwatched).await;
        let found = report.unwrap().damages;
        match wanted {
            None => assert_eq!(found, []),
            Some(wanted) => only(&found, wanted),
        }
    };
    check(0, None).await;
    check(1, Some("field `a`")).await;
    check(9, Some("column 9")).await;
}
