//! The buffer as a whole against a naive model: rows read back, claims of new keys, and memory, with
//! flushes and forgetting at any time.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType};
use catalog::{
    Catalog, ColumnId, ColumnKind, ColumnRef, Comparison, DatabaseName, FieldType, Limits,
    Predicate, Table, TableExtension, Value,
};
use object_store::memory::InMemory;
use proptest::prelude::*;

use super::*;
use crate::batch::TableBatch;
use crate::rows::{SortedRows, in_arrival_order};
use crate::schema::arrow_schema;
use crate::series::SeriesKey;
use crate::testing::TagPredicate;

type Key = (u32, i64);

const DAY: i64 = 86_400_000_000_000;

/// The two fields of a row, the second of which may have no value.
type Values = (i64, Option<i64>);

/// A table with a tag and two integers.
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
            ("w".to_owned(), ColumnKind::Field(FieldType::Integer)),
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

/// What a row of this value has in the second field; the first has the value itself.
fn second(value: i64) -> Option<i64> {
    (value % 3 == 0).then_some(-value)
}

/// Rows of series 0 have no tag. The second field is not even mentioned where no row has it.
fn write(buffer: &Buffer, table: &Table, sequence: u64, rows: &[(Key, i64)]) {
    let key = |row: &(Key, i64)| match row.0.0 {
        0 => SeriesKey::new([]),
        series => SeriesKey::new([(ColumnId(0), &*format!("s{series:02}"))]),
    };
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
    let mut fields = vec![(ColumnId(1), values)];
    let seconds = Int64Array::from_iter(rows.iter().map(|row| second(row.1)));
    if seconds.null_count() < rows.len() {
        fields.push((ColumnId(2), Arc::new(seconds)));
    }
    let batch = TableBatch {
        table: table.id,
        series: rows.iter().map(key).collect(),
        series_of_row: (0..rows.len() as u32).collect(),
        times: rows.iter().map(|row| row.0.1).collect(),
        fields,
    };
    buffer.append(
        sequence,
        WriteBatch {
            tables: vec![batch],
        },
        |_| i64::MIN,
    );
}

fn rows_of(batch: &RecordBatch) -> Vec<(Key, Values)> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let tags = batch.column(1).as_dictionary::<Int32Type>();
    let tags = tags.downcast_dict::<StringArray>().unwrap();
    let fields = [2, 3].map(|at| batch.column(at).as_primitive::<Int64Type>());
    let row = |at| {
        let series = match tags.is_valid(at) {
            true => {
                let value = tags.keys().value(at) as usize;
                tags.values().value(value)[1..].parse().unwrap()
            }
            false => 0,
        };
        let second = fields[1].is_valid(at).then(|| fields[1].value(at));
        ((series, times.value(at)), (fields[0].value(at), second))
    };
    (0..batch.num_rows()).map(row).collect()
}

/// What is left of a key whose rows come one after the other.
fn merge(model: &mut BTreeMap<Key, Values>, rows: impl IntoIterator<Item = (Key, Values)>) {
    for (key, (first, second)) in rows {
        let merged = model.entry(key).or_insert((first, None));
        *merged = (first, second.or(merged.1));
    }
}

/// All rows, newest of each key, read as a flush does.
fn read(buffer: &Buffer, table: &Table) -> Vec<(Key, Values)> {
    let contents = buffer.table(table.id).map(|table| table.contents());
    let chunks = contents.unwrap_or_default().chunks;
    let schema = arrow_schema(table);
    let mut rows = Vec::new();
    for partition in chunks.chunk_by(|a, b| a.0 == b.0) {
        let chunks: Vec<&Chunk> = partition.iter().map(|(_, chunk)| &**chunk).collect();
        let sorted = SortedRows::of(&chunks, table, &schema);
        let whole = rows_of(&sorted.piece(0..sorted.len()));
        assert!(whole.is_sorted_by(|a, b| a.0 < b.0), "{whole:?}");
        let piece_rows = 1 + whole.len() % 5;
        let pieces = sorted.pieces(piece_rows);
        let pieces: Vec<_> = pieces.flat_map(|piece| rows_of(&piece)).collect();
        assert_eq!(pieces, whole, "in pieces of {piece_rows}");
        let arrived = chunks
            .iter()
            .map(|chunk| in_arrival_order(chunk, table, &schema));
        let mut newest = BTreeMap::new();
        merge(&mut newest, arrived.flat_map(|batch| rows_of(&batch)));
        assert_eq!(newest.into_iter().collect::<Vec<_>>(), whole);
        rows.extend(whole);
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
        let mut model: BTreeMap<Key, Values> = BTreeMap::new();
        for (sequence, action) in (1..).zip(actions) {
            match action {
                Action::Write(rows) => {
                    write(&buffer, &table, sequence, &rows);
                    let values = |&(key, value): &(Key, i64)| (key, (value, second(value)));
                    merge(&mut model, rows.iter().map(values));
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
                        prop_assert!(is_new || !chunk.keys_are_new(), "{:?}", keys);
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

/// A condition on series, and whether one fulfils it.
type Condition = (Predicate, fn(u32) -> bool);

fn conditions() -> Vec<Condition> {
    let tag = ColumnRef::Column(ColumnId(0));
    let compared = |comparison, text: &str| Predicate::Compare {
        column: tag,
        comparison,
        value: Value::Text(text.to_owned()),
    };
    vec![
        (Predicate::All, |_| true),
        (Predicate::Or(vec![]), |_| false),
        (Predicate::IsNull(tag), |series| series == 0),
        (compared(Comparison::Equal, "s01"), |series| series == 1),
        (compared(Comparison::NotEqual, "s01"), |series| series > 1),
        (compared(Comparison::Greater, "s01"), |series| series > 1),
        (compared(Comparison::Equal, "s77"), |_| false),
    ]
}

proptest! {
    #[test]
    fn rows_asked_for_are_those_of_all_rows(
        actions in prop::collection::vec(action(), 1..20),
        start in -1i64..5,
        length in 0i64..5,
    ) {
        let (buffer, table) = (Buffer::default(), table());
        for (sequence, action) in (1..).zip(actions) {
            match action {
                Action::Write(rows) => write(&buffer, &table, sequence, &rows),
                _ => drop(buffer.freeze()),
            }
        }
        let contents = buffer.table(table.id).map(|table| table.contents());
        let chunks = contents.unwrap_or_default().chunks;
        let schema = arrow_schema(&table);
        for chunks in chunks.chunk_by(|a, b| a.0 == b.0) {
            let chunks: Vec<_> = chunks.iter().map(|(_, chunk)| Arc::clone(chunk)).collect();
            let rows = |times| BufferedRows::all_of(chunks.clone(), Arc::clone(&table), times);
            let of = |rows: &BufferedRows| {
                let arrived = rows.find().unwrap().batches(&schema);
                let arrived: Vec<_> = arrived.iter().flat_map(rows_of).collect();
                let sorted = rows_of(&rows.find().unwrap().sorted_unique(&schema));
                [arrived, sorted]
            };
            let everything = of(&rows(i64::MIN..=i64::MAX));
            for (condition, is_met) in conditions() {
                let tags = TagPredicate::new(condition.clone(), &table);
                for times in [start..=start + length, i64::MIN..=i64::MAX] {
                    let some = rows(times.clone()).of_series(Arc::<TagPredicate>::clone(&tags));
                    let mut expected = everything.clone();
                    for rows in &mut expected {
                        rows.retain(|((series, time), _)| is_met(*series) && times.contains(time));
                    }
                    prop_assert_eq!(of(&some), expected, "{:?} {:?}", condition, times);
                    prop_assert!(some.is_filtered());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn rows_that_may_replace_others_are_merged_and_the_others_read_as_they_are(
        actions in prop::collection::vec(action(), 1..20),
        start in -1i64..5,
        length in 0i64..5,
    ) {
        let (buffer, table) = (Buffer::default(), table());
        let settings = Settings { bytes_max: ByteSize(0), ..Settings::default() };
        let mut model: BTreeMap<Key, Values> = BTreeMap::new();
        for (sequence, action) in (1..).zip(actions) {
            match action {
                Action::Write(rows) => {
                    write(&buffer, &table, sequence, &rows);
                    let values = |&(key, value): &(Key, i64)| (key, (value, second(value)));
                    merge(&mut model, rows.iter().map(values));
                }
                Action::Forget => drop(buffer.forget(&settings, |_| true)),
                _ => drop(buffer.freeze()),
            }
        }
        let contents = buffer.table(table.id).map(|table| table.contents());
        let chunks = contents.unwrap_or_default().chunks;
        let schema = arrow_schema(&table);
        for (condition, is_met) in conditions() {
            let tags = TagPredicate::new(condition.clone(), &table);
            for times in [start..=start + length, i64::MIN..=i64::MAX] {
                let (mut replacing, mut parts) = (Vec::new(), Vec::new());
                for chunks in chunks.chunk_by(|a, b| a.0 == b.0) {
                    let chunks: Vec<_> = chunks.iter().map(|(_, chunk)| chunk).collect();
                    let shares = Shares::of(&chunks);
                    parts.extend(shares.plain.into_iter().map(|chunk| vec![chunk]));
                    replacing.push(shares.replacing);
                }
                parts.extend(shares::together(replacing));
                let parts = parts.into_iter().map(|read| {
                    let rows = BufferedRows::new(read, Arc::clone(&table), times.clone());
                    rows.of_series(Arc::<TagPredicate>::clone(&tags))
                });
                let parts: Vec<_> = parts.collect();
                let mut rows = Vec::new();
                for part in &parts {
                    let found = part.find().unwrap();
                    prop_assert!(found.count() <= part.row_count());
                    rows.extend(found.batches(&schema).iter().flat_map(rows_of));
                }
                rows.sort_unstable();
                let mut expected: Vec<_> = model.iter().map(|(key, values)| (*key, *values)).collect();
                expected.retain(|((series, time), _)| is_met(*series) && times.contains(time));
                prop_assert_eq!(&rows, &expected, "{:?} {:?}", condition, times);
                let together = BufferedRows::together(parts);
                let sorted = together.map(|rows| rows.find().unwrap().sorted_unique(&schema));
                let sorted: Vec<_> = sorted.iter().flat_map(rows_of).collect();
                prop_assert_eq!(sorted, expected, "{:?} {:?}", condition, times);
            }
        }
    }
}

#[test]
fn rows_of_a_series_in_many_chunks_are_few_batches() {
    let (buffer, table) = (Buffer::default(), table());
    let chunks = 0..20;
    for chunk in chunks.clone() {
        let times = chunk * 1000..(chunk + 1) * 1000;
        let rows: Vec<_> = times
            .flat_map(|time| [((1, time), 7), ((2, time), time)])
            .collect();
        write(&buffer, &table, chunk as u64 + 1, &rows);
        drop(buffer.freeze());
    }
    let found = buffer.table(table.id).unwrap().contents().chunks;
    assert_eq!(found.len(), 20);
    let found = found.into_iter().map(|(_, chunk)| chunk).collect();
    let rows = BufferedRows::all_of(found, Arc::clone(&table), i64::MIN..=i64::MAX);
    let two = Predicate::Compare {
        column: ColumnRef::Column(ColumnId(0)),
        comparison: Comparison::Equal,
        value: Value::Text("s02".to_owned()),
    };
    let rows = rows.of_series(TagPredicate::new(two, &table));
    let schema = arrow_schema(&table);
    let batches = rows.find().unwrap().batches(&schema);
    let sizes: Vec<_> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [8000, 8000, 4000]);
    let of_all: Vec<_> = batches.iter().flat_map(rows_of).collect();
    let expected = chunks.flat_map(|chunk| chunk * 1000..(chunk + 1) * 1000);
    let expected = expected.map(|time| ((2, time), (time, second(time))));
    assert_eq!(of_all, expected.collect::<Vec<_>>());
}

#[test]
fn few_chunks_hold_many_small_writes() {
    let (buffer, table) = (Buffer::default(), table());
    for sequence in 1..=5000 {
        write(&buffer, &table, sequence, &[((7, sequence as i64), 0)]);
    }
    let chunks = buffer.table(table.id).unwrap().contents().chunks;
    assert!(chunks.len() <= 30, "{} chunks", chunks.len());
    assert!(chunks.iter().all(|(_, chunk)| chunk.keys_are_new()));
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
            buffer.check_room(&settings, 0).is_ok(),
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
