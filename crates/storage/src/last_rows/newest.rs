//! The last rows of files and those of rows in memory, put together and kept: while rows come in, only chunks that are newer are looked
//! through for the next answer.
//!
//! What is kept stands for the last rows of some files, and for all records from a first to a last one in each partition. Chunks may
//! have been joined since: one with newer records is merged in as a whole. That changes nothing where its older ones are there already,
//! since rows of one key are all in one partition, where a chunk has those of all records between its first and its last.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::{as_columns, last_of_chunks, merge};
use crate::buffer::{Chunk, partition_start};
use crate::error::Result;
use crate::snapshot::TableSnapshot;

/// The last row of every series of a snapshot.
#[derive(Debug)]
pub(super) struct Newest {
    /// The last rows of its files.
    of_files: Weak<Vec<RecordBatch>>,
    /// The first and the last record with rows in memory, by the start of the partition of these.
    records: BTreeMap<i64, (u64, u64)>,
    /// The number of its manifest.
    manifest: u64,
    /// The time, all tags, and those fields that have been asked for.
    schema: SchemaRef,
    /// Sorted by key; rows that are too old included.
    rows: Vec<RecordBatch>,
}

impl Newest {
    /// Puts the last rows of a snapshot's files and those of its chunks together, as columns that have the row key among them.
    pub(super) fn of(
        of_files: &Arc<Vec<RecordBatch>>,
        snapshot: &TableSnapshot,
        schema: &SchemaRef,
    ) -> Result<Self> {
        let rows = of_files.iter().map(|rows| as_columns(rows, schema));
        let without_chunks = Self {
            of_files: Arc::downgrade(of_files),
            records: BTreeMap::new(),
            manifest: snapshot.manifest(),
            schema: Arc::clone(schema),
            rows: rows.collect::<Result<_>>()?,
        };
        without_chunks.with(&without_chunks.newer_chunks(snapshot), snapshot)
    }

    /// The same with the rows of [`Newest::newer_chunks`] of a snapshot.
    pub(super) fn with(&self, newer: &[&Chunk], snapshot: &TableSnapshot) -> Result<Self> {
        let newer = newer.iter().copied();
        let newer = last_of_chunks(newer, None, snapshot.table(), &self.schema);
        Ok(Self {
            of_files: Weak::clone(&self.of_files),
            records: records(snapshot),
            manifest: snapshot.manifest(),
            schema: Arc::clone(&self.schema),
            rows: merge::last_of_both(&self.schema, self.rows.clone(), newer)?,
        })
    }

    /// Whether a snapshot has all of its rows, and others only in newer chunks.
    pub(super) fn is_continued_by(
        &self,
        of_files: &Arc<Vec<RecordBatch>>,
        snapshot: &TableSnapshot,
    ) -> bool {
        let now = records(snapshot);
        let goes_on = |start: &i64, (first, last): &(u64, u64)| {
            now.get(start)
                .is_some_and(|(first_now, last_now)| first_now == first && last_now >= last)
        };
        std::ptr::eq(self.of_files.as_ptr(), Arc::as_ptr(of_files))
            && (self.records.iter()).all(|(start, records)| goes_on(start, records))
    }

    /// Whether it stands for what is newer than what another one stands for.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        let newest = |one: &Self| one.records.values().map(|(_, last)| *last).max();
        (self.manifest, newest(self)) > (other.manifest, newest(other))
    }

    /// The chunks of a snapshot with rows that are not among its own.
    pub(super) fn newer_chunks<'a>(&self, snapshot: &'a TableSnapshot) -> Vec<&'a Chunk> {
        let is_newer = |chunk: &&Chunk| {
            let own = self.records.get(&partition_start(chunk.time_min));
            own.is_none_or(|(_, last)| chunk.last_sequence > *last)
        };
        let chunks = snapshot.chunks().map(|chunk| &**chunk);
        chunks.filter(is_newer).collect()
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn has_columns(&self, columns: &Schema) -> bool {
        let mut columns = columns.fields().iter();
        columns.all(|column| self.schema.fields().iter().any(|own| own == column))
    }

    pub(super) fn rows(&self) -> &[RecordBatch] {
        &self.rows
    }

    pub(super) fn row_count(&self) -> usize {
        self.rows.iter().map(RecordBatch::num_rows).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.rows.iter().map(RecordBatch::get_array_memory_size);
        rows.sum()
    }
}

/// The first and the last record with rows in memory, by the start of the partition of these.
fn records(snapshot: &TableSnapshot) -> BTreeMap<i64, (u64, u64)> {
    let mut records: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for chunk in snapshot.chunks() {
        match records.entry(partition_start(chunk.time_min)) {
            Entry::Vacant(entry) => {
                entry.insert((chunk.first_sequence, chunk.last_sequence));
            }
            Entry::Occupied(mut entry) => entry.get_mut().1 = chunk.last_sequence,
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use catalog::{ColumnKind, DAY_NANOS, State, Table};

    use super::*;
    use crate::batch::{TableBatch, WriteBatch};
    use crate::buffer::Buffer;
    use crate::schema::arrow_schema;
    use crate::series::SeriesKey;
    use crate::testing::table;

    /// A table of which all rows are in memory.
    struct World {
        buffer: Buffer,
        table: Arc<Table>,
        of_files: Arc<Vec<RecordBatch>>,
        records: u64,
    }

    impl World {
        fn new() -> Self {
            Self {
                buffer: Buffer::default(),
                table: table(&[("host", ColumnKind::Tag)]),
                of_files: Arc::default(),
                records: 0,
            }
        }

        /// Writes a row for each host.
        fn write(&mut self, hosts: &[&str], time: i64) {
            self.records += 1;
            let host = self.table.column("host").unwrap().id;
            let series = hosts.iter().map(|name| SeriesKey::new([(host, *name)]));
            let batch = TableBatch {
                table: self.table.id,
                series: series.collect(),
                series_of_row: (0u32..).take(hosts.len()).collect(),
                times: vec![time; hosts.len()],
                fields: Vec::new(),
            };
            let tables = vec![batch];
            self.buffer
                .append(self.records, WriteBatch { tables }, |_| i64::MIN);
        }

        fn snapshot(&self) -> TableSnapshot {
            let contents = self.buffer.table(self.table.id).unwrap().contents();
            let table = Arc::clone(&self.table);
            TableSnapshot::new(table, &State::default(), contents, i64::MIN)
        }

        fn newest(&self) -> Newest {
            let schema = arrow_schema(&self.table);
            Newest::of(&self.of_files, &self.snapshot(), &schema).unwrap()
        }

        fn is_continued(&self, newest: &Newest) -> bool {
            newest.is_continued_by(&self.of_files, &self.snapshot())
        }
    }

    #[test]
    fn only_chunks_with_newer_records_are_looked_through() {
        let mut world = World::new();
        let mut kept: Option<Newest> = None;
        for second in 0..40 {
            world.write(&["a", "b", "c"][..1 + second % 3], second as i64);
            let day = second as i64 % 2 * DAY_NANOS;
            world.write(&["d"], day);
            let snapshot = world.snapshot();
            let all = world.newest();
            let next = match &kept {
                None => world.newest(),
                Some(kept) => {
                    assert!(world.is_continued(kept));
                    let newer = kept.newer_chunks(&snapshot);
                    let records = newer.iter().map(|chunk| chunk.last_sequence);
                    let newest_known = world.records - 2;
                    assert!(records.clone().all(|record| record > newest_known));
                    assert!((1..=2).contains(&records.count()));
                    kept.with(&newer, &snapshot).unwrap()
                }
            };
            assert_eq!(next.rows(), all.rows(), "{second}");
            assert!(next.newer_chunks(&snapshot).is_empty());
            kept = Some(next);
        }
    }

    #[test]
    fn it_goes_on_only_while_all_of_its_rows_are_in_memory_and_its_files_stay() {
        let mut world = World::new();
        world.write(&["a"], 1);
        let before = world.newest();
        world.write(&["a", "b"], DAY_NANOS);
        let after = world.newest();
        assert!(world.is_continued(&before) && world.is_continued(&after));
        assert!(after.is_after(&before) && !before.is_after(&after));

        let snapshot = world.snapshot();
        let first_only = {
            let mut other = World::new();
            other.write(&["a"], 1);
            other.snapshot()
        };
        assert!(after.is_continued_by(&world.of_files, &snapshot));
        assert!(!after.is_continued_by(&world.of_files, &first_only));
        assert!(!after.is_continued_by(&Arc::default(), &snapshot));

        world.buffer.release_through(1);
        assert!(!world.is_continued(&after));
    }

    #[test]
    fn columns_are_there_by_name_and_type() {
        let mut world = World::new();
        world.write(&["a"], 1);
        let newest = world.newest();
        assert!(newest.has_columns(newest.schema()));
        assert!(newest.has_columns(&Schema::empty()));
        let more = table(&[("host", ColumnKind::Tag), ("site", ColumnKind::Tag)]);
        assert!(!newest.has_columns(&arrow_schema(&more)));
    }
}
