//! The buffer as a whole against a naive model: rows read back, claims of new keys, and memory, with
//! flushes and forgetting at any time.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType};
use catalog::{
    Catalog, ColumnId, ColumnKind, DatabaseName, FieldType, Limits, Table, TableExtension,
};
use object_store::memory::InMemory;
use proptest::prelude::*;

use super::*;
use crate::batch::TableBatch;
use crate::rows::{in_arrival_order, sorted_unique};
use crate::schema::arrow_schema;
use crate::series::SeriesKey;

type Key = (u32, i64);

const DAY: i64 = 86_400_000_000_000;

/// A table with a tag and an integer.
fn table() -> Arc<Table> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let catalog = Catalog::open(Arc::new(InMemory::new()), Limits::default())
            .await
            .unwrap();
        let columns = vec![
            ("tag".to_owned(), ColumnKind::Tag),
            ("v".to_owned(), ColumnKind::Field(FieldType::Integer)),
        ];
        let extension = TableExtension {
            table: "t".to_owned(),
            columns,
        };
        catalog
            .create_database(
                &DatabaseName::new("db").unwrap(),
                catalog::Retention::Forever,
            )
            .await
            .unwrap();
        catalog.extend("db", &[extension]).await.unwrap();
        let state = catalog.state();
        Arc::clone(state.database("db").unwrap().table("t").unwrap())
    })
}

fn write(buffer: &Buffer, table: &Table, sequence: u64, rows: &[(Key, i64)]) {
    let key = |row: &(Key, i64)| SeriesKey::new([(ColumnId(0), &*format!("s{:02}", row.0.0))]);
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
    let batch = TableBatch {
        table: table.id,
        series: rows.iter().map(key).collect(),
        series_of_row: (0..rows.len() as u32).collect(),
        times: rows.iter().map(|row| row.0.1).collect(),
        fields: vec![(ColumnId(1), values)],
    };
    buffer.append(
        sequence,
        WriteBatch {
            tables: vec![batch],
        },
        |_| i64::MIN,
    );
}

fn rows_of(batch: &RecordBatch) -> Vec<(Key, i64)> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let tags = batch.column(1).as_dictionary::<Int32Type>();
    let tags = tags.downcast_dict::<StringArray>().unwrap();
    let values = batch.column(2).as_primitive::<Int64Type>();
    let row = |at| {
        let tag = tags.values().value(tags.keys().value(at) as usize);
        (
            (tag[1..].parse().unwrap(), times.value(at)),
            values.value(at),
        )
    };
    (0..batch.num_rows()).map(row).collect()
}

/// All rows, newest of each key, read as a flush does.
fn read(buffer: &Buffer, table: &Table) -> Vec<(Key, i64)> {
    let contents = buffer.table(table.id).map(|table| table.contents());
    let chunks = contents.unwrap_or_default().chunks;
    let schema = arrow_schema(table);
    let mut rows = Vec::new();
    for partition in chunks.chunk_by(|a, b| a.0 == b.0) {
        let chunks: Vec<&Chunk> = partition.iter().map(|(_, chunk)| &**chunk).collect();
        let sorted = rows_of(&sorted_unique(&chunks, table, &schema));
        assert!(sorted.is_sorted_by(|a, b| a.0 < b.0), "{sorted:?}");
        let arrived = chunks
            .iter()
            .map(|chunk| in_arrival_order(chunk, table, &schema));
        let newest: BTreeMap<Key, i64> = arrived.flat_map(|batch| rows_of(&batch)).collect();
        assert_eq!(newest.into_iter().collect::<Vec<_>>(), sorted);
        rows.extend(sorted);
    }
    rows
}

#[derive(Debug, Clone)]
enum Action {
    Write(Vec<(Key, i64)>),
    /// Freeze and release at once, as after a commit.
    Flush,
    /// Freeze only: a flush that fails.
    Freeze,
    Forget,
}

fn action() -> impl Strategy<Value = Action> {
    let time = prop::sample::select(vec![0, 1, 2, 3, 4, DAY, DAY + 1, -DAY]);
    // Some series are far from the others in number.
    let series = prop::sample::select(vec![0u32, 1, 2, 90]);
    let rows = prop::collection::vec(((series, time), 0i64..99), 1..6);
    prop_oneof![
        8 => rows.prop_map(Action::Write),
        1 => Just(Action::Flush),
        1 => Just(Action::Freeze),
        2 => Just(Action::Forget),
    ]
}

proptest! {
    #[test]
    fn rows_and_claims_are_right_whatever_is_forgotten(actions in prop::collection::vec(action(), 1..40)) {
        // Nothing known of series is little enough.
        let settings = Settings { bytes_max: ByteSize(0), ..Settings::default() };
        let (buffer, table) = (Buffer::default(), table());
        let mut model: BTreeMap<Key, i64> = BTreeMap::new();
        for (sequence, action) in (1..).zip(actions) {
            match action {
                Action::Write(rows) => {
                    write(&buffer, &table, sequence, &rows);
                    model.extend(rows.iter().copied());
                }
                Action::Flush => {
                    buffer.freeze();
                    buffer.release_through(sequence);
                    model.clear();
                }
                Action::Freeze => drop(buffer.freeze()),
                Action::Forget => drop(buffer.forget(&settings, |_| true)),
            }
            let expected: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
            let mut rows = read(&buffer, &table);
            rows.sort_unstable();
            prop_assert_eq!(rows, expected);
        }
        buffer.release_through(u64::MAX);
        drop(buffer.forget(&settings, |_| true));
        prop_assert_eq!((buffer.bytes(), buffer.waiting_bytes()), (0, 0));
    }

    #[test]
    fn a_chunk_that_claims_new_keys_has_new_keys(actions in prop::collection::vec(action(), 1..40)) {
        let settings = Settings { bytes_max: ByteSize(0), ..Settings::default() };
        let (buffer, table) = (Buffer::default(), table());
        let mut written: BTreeSet<Key> = BTreeSet::new();
        for (sequence, action) in (1..).zip(actions) {
            match action {
                Action::Forget => drop(buffer.forget(&settings, |_| true)),
                Action::Write(rows) => {
                    // What is frozen stays as it is: the chunks of this record are by themselves.
                    buffer.freeze();
                    write(&buffer, &table, sequence, &rows);
                    let chunks = buffer.table(table.id).unwrap().contents().chunks;
                    let own = chunks.iter().filter(|(_, chunk)| chunk.first_sequence == sequence);
                    for (start, chunk) in own {
                        let here = rows.iter().filter(|row| partition_start(row.0.1) == *start);
                        let keys: Vec<Key> = here.map(|row| row.0).collect();
                        let distinct: BTreeSet<Key> = keys.iter().copied().collect();
                        let is_new = distinct.len() == keys.len() && distinct.is_disjoint(&written);
                        prop_assert!(is_new || !chunk.keys_are_new, "{:?}", keys);
                    }
                    written.extend(rows.iter().map(|row| row.0));
                }
                Action::Flush | Action::Freeze => {
                    buffer.freeze();
                    buffer.release_through(sequence);
                }
            }
        }
    }
}

#[test]
fn few_chunks_hold_many_small_writes() {
    let (buffer, table) = (Buffer::default(), table());
    for sequence in 1..=5000 {
        write(&buffer, &table, sequence, &[((7, sequence as i64), 0)]);
    }
    let chunks = buffer.table(table.id).unwrap().contents().chunks;
    assert!(chunks.len() <= 30, "{} chunks", chunks.len());
    assert!(chunks.iter().all(|(_, chunk)| chunk.keys_are_new));
    assert_eq!(read(&buffer, &table).len(), 5000);
}

#[test]
fn series_alone_make_room_for_themselves() {
    let settings = Settings {
        flush_bytes: ByteSize::kib(16),
        bytes_max: ByteSize::kib(200),
        ..Settings::default()
    };
    let (buffer, table) = (Buffer::default(), table());
    let mut flushes = 0;
    for sequence in 1..=20_000u64 {
        write(&buffer, &table, sequence, &[((sequence as u32, 0), 0)]);
        assert!(
            buffer.check_room(&settings).is_ok(),
            "after {sequence} series"
        );
        if buffer.wants_flush(&settings) {
            flushes += 1;
            buffer.freeze();
            buffer.release_through(sequence);
            drop(buffer.forget(&settings, |_| true));
        }
    }
    assert!(flushes > 3, "{flushes} flushes");
    assert!(
        buffer.series_count() < 5000,
        "{} series",
        buffer.series_count()
    );
}

#[test]
fn dropped_tables_leave_nothing_behind() {
    let (buffer, table) = (Buffer::default(), table());
    write(&buffer, &table, 1, &[((1, 1), 1), ((2, DAY), 2)]);
    let reader = buffer.table(table.id).unwrap().contents();
    drop(buffer.forget(&Settings::default(), |_| false));
    assert!(buffer.table(table.id).is_none());
    assert_eq!(buffer.row_bytes(), 0);
    assert!(buffer.series_bytes() > 0, "a reader still holds keys");
    drop(reader);
    assert_eq!(buffer.series_bytes(), 0);
}
