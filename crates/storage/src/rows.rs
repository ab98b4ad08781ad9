//! Buffered chunks as record batches: as they are, or sorted by key with every key once.
//!
//! This is where a *duplicate key within the buffer* is resolved: [`sorted_unique`] keeps, field
//! by field, the newest value that is not NULL. [`crate::merge`] does the same across files.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::vec;

use arrow::array::{Array, ArrayRef, RecordBatch, TimestampNanosecondArray, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field, SchemaRef};
use catalog::{Column, ColumnId, ColumnKind, TIME_COLUMN, Table};

use crate::buffer::{Chunk, DistinctSeries};

/// Rows of a chunk in arrival order, as the columns of `schema` (any columns of `table`).
pub(crate) fn in_arrival_order(chunk: &Chunk, table: &Table, schema: &SchemaRef) -> RecordBatch {
    let columns = sources(&[chunk], table, schema);
    let mut tags = TagArrays(chunk.tag_values(&tags(&columns)).into_iter());
    let columns = columns.into_iter().map(|source| match source {
        Source::Tag(_) => tags.next(),
        Source::Time(_) => Arc::new(TimestampNanosecondArray::from(chunk.times.clone())),
        Source::Field(mut field) => field.arrays.swap_remove(0),
        Source::Missing(kind) => new_null_array(&kind, chunk.rows()),
    });
    record_batch(schema, columns.collect(), chunk.rows())
}

/// Some rows of each of some chunks, by their numbers, as the columns of `schema`.
pub(crate) fn chosen_in_arrival_order(
    chosen: &[(&Chunk, &[u32])],
    table: &Table,
    schema: &SchemaRef,
) -> RecordBatch {
    let places = chosen.iter().enumerate().flat_map(|(chunk, (_, rows))| {
        let rows = rows.iter();
        rows.map(move |&row| (chunk, row as usize))
    });
    let places: Vec<Place> = places.collect();
    let chunks: Vec<&Chunk> = chosen.iter().map(|(chunk, _)| *chunk).collect();
    let columns = sources(&chunks, table, schema);
    let mut tags = TagArrays::of(&tags(&columns), || DistinctSeries::of_chosen(chosen));
    let columns = columns.iter().map(|source| match source {
        Source::Tag(_) => tags.next(),
        Source::Time(times) => gathered_times(times, &places),
        Source::Field(field) => field.gather(Cow::Borrowed(&places)),
        Source::Missing(kind) => new_null_array(kind, places.len()),
    });
    record_batch(schema, columns.collect(), places.len())
}

/// The columns of tags, one after the other.
struct TagArrays(vec::IntoIter<ArrayRef>);

impl TagArrays {
    /// Those of all rows that series were found for, which is done if there are any tags.
    fn of(tags: &[ColumnId], find: impl FnOnce() -> DistinctSeries) -> Self {
        if tags.is_empty() {
            return Self(Vec::new().into_iter());
        }
        let distinct = find();
        Self::of_rows(tags, &distinct, distinct.of_row())
    }

    /// Those of rows of these series.
    fn of_rows(tags: &[ColumnId], distinct: &DistinctSeries, rows: &[u32]) -> Self {
        Self(distinct.tag_values(tags, rows).into_iter())
    }

    fn next(&mut self) -> ArrayRef {
        self.0.next().expect("there is a column for each tag")
    }
}

/// Rows of chunks, oldest chunk first, sorted by the row key with every key once.
pub(crate) fn sorted_unique(chunks: &[&Chunk], table: &Table, schema: &SchemaRef) -> RecordBatch {
    let sorted = SortedRows::of(chunks, table, schema);
    sorted.piece(0..sorted.len())
}

/// Rows of chunks, oldest chunk first, in the order of a file. It knows where each row is; a copy of
/// all of them would take as much memory as they do, so they are put together piece by piece.
pub(crate) struct SortedRows<'a> {
    schema: &'a SchemaRef,
    columns: Vec<Source<'a>>,
    /// The number of the first row of every chunk.
    starts: Vec<u32>,
    distinct: DistinctSeries,
    /// All rows, by key and age.
    order: Vec<u32>,
    groups: KeyGroups,
}

/// Where a column comes from.
enum Source<'a> {
    Time(Vec<&'a [i64]>),
    Tag(ColumnId),
    Field(FieldChunks),
    /// No row has a value.
    Missing(DataType),
}

impl<'a> SortedRows<'a> {
    /// `schema` has any columns of `table`.
    pub(crate) fn of(chunks: &[&'a Chunk], table: &Table, schema: &'a SchemaRef) -> Self {
        let times = chunks
            .iter()
            .map(|chunk| &chunk.times[..])
            .collect::<Vec<_>>()
            .concat();
        let distinct = DistinctSeries::of(chunks).sorted();
        let series = distinct.of_row();
        let order = order_by_key(distinct.len(), series, &times);
        let groups = KeyGroups::find(&order, series, &times);
        let starts = chunks.iter().scan(0, |next, chunk| {
            let start = *next;
            *next += row_number(chunk.rows());
            Some(start)
        });
        Self {
            starts: starts.collect(),
            columns: sources(chunks, table, schema),
            schema,
            distinct,
            order,
            groups,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.order.len() - self.groups.surplus
    }

    /// All rows in pieces of so many.
    pub(crate) fn pieces(&self, rows: usize) -> impl Iterator<Item = RecordBatch> {
        let starts = (0..self.len()).step_by(rows);
        starts.map(move |start| self.piece(start..self.len().min(start + rows)))
    }

    /// Some of the rows, by their places among all.
    pub(crate) fn piece(&self, keys: Range<usize>) -> RecordBatch {
        let newest = self.groups.newest(&self.order, &keys);
        let places: Vec<_> = newest.iter().map(|&row| self.place(row)).collect();
        let of_row = self.distinct.of_row();
        let series: Vec<u32> = newest.iter().map(|&row| of_row[row as usize]).collect();
        let mut tags = TagArrays::of_rows(&tags(&self.columns), &self.distinct, &series);
        let columns = self.columns.iter().map(|source| match source {
            Source::Time(times) => gathered_times(times, &places),
            Source::Tag(_) => tags.next(),
            Source::Field(field) => field.gather(self.newest_present(field, &keys, &places)),
            Source::Missing(kind) => new_null_array(kind, places.len()),
        });
        record_batch(self.schema, columns.collect(), places.len())
    }

    /// For every key, where the newest row is that has a value of this field.
    fn newest_present<'p>(
        &self,
        field: &FieldChunks,
        keys: &Range<usize>,
        newest: &'p [Place],
    ) -> Cow<'p, [Place]> {
        let mut places = Cow::Borrowed(newest);
        if !field.has_nulls {
            return places;
        }
        for duplicate in self.groups.within(keys) {
            let rows = self.order[duplicate.rows.clone()].iter().rev();
            let mut candidates = rows.map(|&row| self.place(row));
            if let Some(present) = candidates.find(|&place| field.is_present(place)) {
                places.to_mut()[duplicate.key - keys.start] = present;
            }
        }
        places
    }

    fn place(&self, row: u32) -> Place {
        let chunk = self.starts.partition_point(|&start| start <= row) - 1;
        (chunk, (row - self.starts[chunk]) as usize)
    }
}

/// A chunk, and a row of it.
type Place = (usize, usize);

/// A field in chunks of which some lack it.
struct FieldChunks {
    /// A single NULL where a chunk lacks it.
    arrays: Vec<ArrayRef>,
    is_missing: Vec<bool>,
    has_nulls: bool,
}

impl FieldChunks {
    fn of(chunks: &[&Chunk], column: &Column) -> Option<Self> {
        let mut found = chunks
            .iter()
            .filter_map(|chunk| chunk.fields.get(&column.id));
        let nothing = new_null_array(found.next()?.data_type(), 1);
        let arrays = chunks.iter().map(|chunk| {
            let array = chunk.fields.get(&column.id).unwrap_or(&nothing);
            Arc::clone(array)
        });
        let arrays: Vec<ArrayRef> = arrays.collect();
        let lacks = |chunk: &&Chunk| !chunk.fields.contains_key(&column.id);
        Some(Self {
            is_missing: chunks.iter().map(lacks).collect(),
            has_nulls: arrays.iter().any(|array| array.null_count() > 0),
            arrays,
        })
    }

    fn is_present(&self, (chunk, row): Place) -> bool {
        !self.is_missing[chunk] && self.arrays[chunk].is_valid(row)
    }

    fn gather(&self, mut places: Cow<'_, [Place]>) -> ArrayRef {
        if self.is_missing.contains(&true) {
            for (chunk, row) in places.to_mut() {
                *row = if self.is_missing[*chunk] { 0 } else { *row };
            }
        }
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(|array| &**array).collect();
        interleave(&arrays, &places).expect("a column has one type, and places are within it")
    }
}

fn sources<'a>(chunks: &[&'a Chunk], table: &Table, schema: &SchemaRef) -> Vec<Source<'a>> {
    let source = |field: &Arc<Field>| {
        if field.name() == TIME_COLUMN {
            return Source::Time(chunks.iter().map(|chunk| &chunk.times[..]).collect());
        }
        let column = table
            .column(field.name())
            .expect("the schema is made of the table's columns");
        match column.kind {
            ColumnKind::Tag => Source::Tag(column.id),
            ColumnKind::Field(_) => match FieldChunks::of(chunks, column) {
                Some(field) => Source::Field(field),
                None => Source::Missing(field.data_type().clone()),
            },
        }
    };
    schema.fields().iter().map(source).collect()
}

/// The tags among columns, in their order.
fn tags(columns: &[Source<'_>]) -> Vec<ColumnId> {
    let tags = columns.iter().filter_map(|source| match source {
        Source::Tag(column) => Some(*column),
        Source::Time(_) | Source::Field(_) | Source::Missing(_) => None,
    });
    tags.collect()
}

fn gathered_times(chunks: &[&[i64]], places: &[Place]) -> ArrayRef {
    let times = places.iter().map(|&(chunk, row)| chunks[chunk][row]);
    Arc::new(TimestampNanosecondArray::from_iter_values(times))
}

fn row_number(row: usize) -> u32 {
    u32::try_from(row).expect("the buffer holds fewer than 2^32 rows")
}

fn record_batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .expect("columns follow the schema")
}

/// Row numbers sorted by series and time; rows of one key stay in their order, oldest first.
///
/// Rows are distributed over the series, which are in order, by counting; only series whose rows did
/// not arrive in time order are sorted at all.
fn order_by_key(series_count: usize, series: &[u32], times: &[i64]) -> Vec<u32> {
    let mut ends = vec![0u32; series_count + 1];
    for &series in series {
        ends[series as usize + 1] += 1;
    }
    for at in 0..series_count {
        ends[at + 1] += ends[at];
    }
    let starts = ends.clone();
    let mut order = vec![0u32; series.len()];
    for (row, &series) in (0u32..).zip(series) {
        let end = &mut ends[series as usize];
        order[*end as usize] = row;
        *end += 1;
    }
    for bounds in starts.windows(2) {
        let rows = &mut order[bounds[0] as usize..bounds[1] as usize];
        if !rows.is_sorted_by_key(|&row| times[row as usize]) {
            rows.sort_by_key(|&row| times[row as usize]); // stable: age breaks ties
        }
    }
    order
}

/// Runs of equal keys in a sorted order. None is the usual case.
struct KeyGroups {
    duplicates: Vec<Duplicate>,
    /// Rows that are not the newest of their key.
    surplus: usize,
}

/// A key of more than one row.
struct Duplicate {
    /// Its place among all keys.
    key: usize,
    /// The places of its rows in the order, oldest first.
    rows: Range<usize>,
}

impl KeyGroups {
    fn find(order: &[u32], series: &[u32], times: &[i64]) -> Self {
        let key = |at: usize| (series[order[at] as usize], times[order[at] as usize]);
        let mut duplicates: Vec<Duplicate> = Vec::new();
        let mut surplus = 0;
        for at in 1..order.len() {
            if key(at) != key(at - 1) {
                continue;
            }
            match duplicates.last_mut() {
                Some(last) if last.rows.end == at => last.rows.end = at + 1,
                _ => duplicates.push(Duplicate {
                    key: at - 1 - surplus,
                    rows: at - 1..at + 1,
                }),
            }
            surplus += 1;
        }
        Self {
            duplicates,
            surplus,
        }
    }

    /// Those among some keys.
    fn within(&self, keys: &Range<usize>) -> &[Duplicate] {
        let before = |key| self.duplicates.partition_point(|one| one.key < key);
        &self.duplicates[before(keys.start)..before(keys.end)]
    }

    /// The newest row of each of some keys, in order.
    fn newest(&self, order: &[u32], keys: &Range<usize>) -> Vec<u32> {
        let mut newest = Vec::with_capacity(keys.len());
        let mut at = self.place_in_order(keys.start);
        for duplicate in self.within(keys) {
            newest.extend_from_slice(&order[at..duplicate.rows.start]);
            newest.push(order[duplicate.rows.end - 1]);
            at = duplicate.rows.end;
        }
        let rest = keys.len() - newest.len();
        newest.extend_from_slice(&order[at..at + rest]);
        newest
    }

    /// Where the first row of a key is in the order.
    fn place_in_order(&self, key: usize) -> usize {
        let before = self.duplicates.partition_point(|one| one.key < key);
        match before.checked_sub(1).map(|last| &self.duplicates[last]) {
            Some(last) => last.rows.end + (key - last.key - 1),
            None => key,
        }
    }
}

/// Compares rows of two sorted record batches by key; used to check what was written.
#[cfg(test)]
pub(crate) fn is_sorted_strictly(batch: &RecordBatch, key: &[usize]) -> bool {
    let fields = key.iter().map(|&column| {
        arrow::row::SortField::new(batch.schema().field(column).data_type().clone())
    });
    let converter = arrow::row::RowConverter::new(fields.collect()).unwrap();
    let columns: Vec<_> = key
        .iter()
        .map(|&column| Arc::clone(batch.column(column)))
        .collect();
    let rows = converter.convert_columns(&columns).unwrap();
    (1..rows.num_rows()).all(|i| rows.row(i - 1).cmp(&rows.row(i)) == std::cmp::Ordering::Less)
}
