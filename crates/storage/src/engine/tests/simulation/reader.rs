//! Every row of the engine, as a query would see it: snapshot, scan units, merge, Parquet.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, SchemaRef, TimestampNanosecondType, UInt64Type,
};
use bytes::Bytes;
use catalog::{ColumnKind, Comparison, Table};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::condition::Condition;
use super::model::{Fields, Key, Row, Rows, Value};
use crate::buffer::BufferedRows;
use crate::check_file;
use crate::engine::Engine;
use crate::merge::{KeyMerge, Step};
use crate::rows::is_sorted_strictly;
use crate::series::key_columns;
use crate::snapshot::{FileRows, ScanUnit, TableSnapshot};
use crate::testing::TagPredicate;

/// Reading is tried again, because faults may be planned for the disk that the files are on.
const READ_ATTEMPTS: usize = 20;

/// Why nothing can be said about the rows.
#[derive(Debug)]
pub(in crate::engine::tests) enum Problem {
    /// The file cannot be read: it is missing or the program has ended.
    Unreadable(String),
    /// What was read is wrong.
    Wrong(String),
}

/// Which rows are read.
#[derive(Debug, Clone)]
pub(in crate::engine::tests) enum Asked {
    All,
    /// Those with a time in this range, of some series.
    Some(RangeInclusive<i64>),
}

impl Asked {
    fn times(&self) -> RangeInclusive<i64> {
        match self {
            Self::All => i64::MIN..=i64::MAX,
            Self::Some(times) => times.clone(),
        }
    }

    /// What the series fulfil.
    fn series(&self, table: &Table) -> Condition {
        match (self, table.tags().next()) {
            (Self::Some(_), Some(tag)) => Condition::Or(vec![
                Condition::Tag(tag.name.to_string(), Comparison::Equal, "x".to_owned()),
                Condition::TagIsNull(tag.name.to_string()),
            ]),
            _ => Condition::All,
        }
    }

    pub(in crate::engine::tests) fn includes(&self, table: &Table, key: &Key) -> bool {
        self.times().contains(&key.time) && self.series(table).may_match(key)
    }
}

/// The rows of a table that are asked for. A key that turns up twice is an error.
async fn rows_of_snapshot(
    store: &dyn ObjectStore,
    snapshot: &TableSnapshot,
    asked: &Asked,
) -> Result<Rows, Problem> {
    let mut rows = Rows::new();
    let table = snapshot.table();
    let series = || TagPredicate::new(asked.series(table).predicate(table), table);
    for unit in snapshot.scan_units(&asked.times()) {
        let unit = match (asked, unit) {
            (Asked::Some(_), ScanUnit::Buffered(rows)) => {
                ScanUnit::Buffered(rows.of_series(series()))
            }
            (Asked::Some(_), ScanUnit::Merged { files, buffered }) => ScanUnit::Merged {
                files,
                buffered: buffered.map(|rows| rows.of_series(series())),
            },
            (_, unit) => unit,
        };
        for batch in read_unit(store, snapshot, &unit).await? {
            for (key, fields) in rows_of_batch(table, &batch) {
                if asked.includes(table, &key) && rows.insert(key.clone(), fields).is_some() {
                    let units = snapshot.scan_units(&asked.times());
                    let units: Vec<_> = units.iter().map(describe).collect();
                    let problem = format!("{key:?} is in two places: {}", units.join("; "));
                    return Err(Problem::Wrong(problem));
                }
            }
        }
    }
    Ok(rows)
}

/// What is read as one, in short.
fn describe(unit: &ScanUnit) -> String {
    let file = |rows: &FileRows| {
        let file = &rows.file;
        let (level, times) = (file.level, file.time_min..=file.time_max);
        let new = if file.keys_are_new { "new" } else { "" };
        format!(
            "{} {}+{} {level} {times:?} {new}",
            file.id, file.partition_start, file.partition_nanos
        )
    };
    match unit {
        ScanUnit::File(rows) => file(rows),
        ScanUnit::Buffered(rows) => format!("buffered {:?}", rows.time_range()),
        ScanUnit::Merged { files, buffered } => {
            let files: Vec<_> = files.iter().map(file).collect();
            let buffered = buffered.as_ref().map(BufferedRows::time_range);
            format!("merged {files:?} {buffered:?}")
        }
    }
}

async fn read_unit(
    store: &dyn ObjectStore,
    snapshot: &TableSnapshot,
    unit: &ScanUnit,
) -> Result<Vec<RecordBatch>, Problem> {
    match unit {
        ScanUnit::File(file) => Ok(vec![read_file(store, snapshot, file).await?]),
        ScanUnit::Buffered(buffered) => Ok(buffered.find().unwrap().batches(snapshot.schema())),
        ScanUnit::Merged { files, buffered } => {
            let mut inputs = Vec::new();
            for file in files {
                inputs.push(read_file(store, snapshot, file).await?);
            }
            let sorted =
                |rows: &BufferedRows| rows.find().unwrap().sorted_unique(snapshot.schema());
            inputs.extend(buffered.iter().map(sorted));
            Ok(merge_inputs(snapshot, inputs))
        }
    }
}

/// A file, held against what the manifest says about it.
async fn read_file(
    store: &dyn ObjectStore,
    snapshot: &TableSnapshot,
    rows: &FileRows,
) -> Result<RecordBatch, Problem> {
    let file = &rows.file;
    let bytes = read_bytes(store, &file.path()).await?;
    let wrong = |problem: &str| Problem::Wrong(format!("{}: {problem}", file.path()));
    check_file(&bytes, file).map_err(|error| Problem::Wrong(error.to_string()))?;
    let batch = decode_file(bytes, snapshot.schema());
    let key: Vec<usize> = key_columns(snapshot.table())
        .map(|name| batch.schema().index_of(name).unwrap())
        .collect();
    if batch.num_rows() as u64 != file.rows {
        return Err(wrong("it has another number of rows"));
    }
    if !is_sorted_strictly(&batch, &key) {
        return Err(wrong("it is not sorted or holds a key twice"));
    }
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let (min, max) = (times.values().iter().min(), times.values().iter().max());
    if (min, max) != (Some(&file.time_min), Some(&file.time_max)) {
        return Err(wrong("its times are not those of its record"));
    }
    let visible = rows.filter.apply(batch, snapshot.table());
    Ok(visible.expect("a filter fits the table"))
}

/// The rows of a file as columns of `schema`: those that came later are NULL.
fn decode_file(bytes: Bytes, schema: &SchemaRef) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let stored = Arc::clone(reader.schema());
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let stored = concat_batches(&stored, &batches).unwrap();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let nulls = || new_null_array(field.data_type(), stored.num_rows());
        let column = stored.column_by_name(field.name());
        column.map_or_else(nulls, Arc::clone)
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}

fn merge_inputs(snapshot: &TableSnapshot, inputs: Vec<RecordBatch>) -> Vec<RecordBatch> {
    let schema = snapshot.schema();
    let key: Vec<usize> = key_columns(snapshot.table())
        .map(|name| schema.index_of(name).unwrap())
        .collect();
    let mut merge = KeyMerge::try_new(Arc::clone(schema), key, inputs.len(), 100).unwrap();
    let mut inputs: Vec<_> = inputs.into_iter().map(Some).collect();
    let mut merged = Vec::new();
    loop {
        match merge.step().unwrap() {
            Step::NeedInput(input) => match inputs[input].take() {
                Some(batch) => merge.push(input, batch).unwrap(),
                None => merge.finish(input),
            },
            Step::Output(batch) => merged.push(batch),
            Step::Done => return merged,
        }
    }
}

async fn read_bytes(store: &dyn ObjectStore, path: &str) -> Result<Bytes, Problem> {
    let mut last = String::new();
    for _ in 0..READ_ATTEMPTS {
        let read = async { store.get(&path.into()).await?.bytes().await };
        match read.await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => last = error.to_string(),
        }
    }
    Err(Problem::Unreadable(format!("{path}: {last}")))
}

/// The rows of a batch that has the table's columns.
fn rows_of_batch(table: &Table, batch: &RecordBatch) -> Vec<Row> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let mut rows: Vec<Row> = times
        .values()
        .iter()
        .map(|&time| {
            let key = Key {
                table: table.id,
                tags: Default::default(),
                time,
            };
            (key, Fields::new())
        })
        .collect();
    for column in table.columns() {
        let array = batch.column_by_name(&column.name).unwrap();
        for (row, (key, fields)) in rows.iter_mut().enumerate() {
            if array.is_null(row) {
                continue;
            }
            match column.kind {
                ColumnKind::Tag => {
                    let tags = array.as_dictionary::<Int32Type>();
                    let values = tags.downcast_dict::<StringArray>().unwrap().values();
                    let value = values.value(tags.keys().value(row) as usize);
                    key.tags.insert(column.name.to_string(), value.to_owned());
                }
                ColumnKind::Field(_) => {
                    fields.insert(column.name.to_string(), value_at(array.as_ref(), row));
                }
            }
        }
    }
    rows
}

fn value_at(array: &dyn Array, row: usize) -> Value {
    match array.data_type() {
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Value::Unsigned(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        other => panic!("no field has the type {other}"),
    }
}

/// Everything that there is now, of all tables.
pub(in crate::engine::tests) fn snapshots(
    engine: &Engine,
    tables: &[Arc<Table>],
) -> Vec<TableSnapshot> {
    let snapshots = tables.iter().map(|table| engine.snapshot(table.id));
    snapshots
        .map(|snapshot| snapshot.expect("the table was just there"))
        .collect()
}

/// The rows of these tables that are asked for.
pub(in crate::engine::tests) async fn rows(
    store: &dyn ObjectStore,
    snapshots: &[TableSnapshot],
    asked: &Asked,
) -> Result<Rows, Problem> {
    let mut rows = Rows::new();
    for snapshot in snapshots {
        rows.extend(rows_of_snapshot(store, snapshot, asked).await?);
    }
    Ok(rows)
}
