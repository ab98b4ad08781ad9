//! Buffered chunks as record batches: as they are, or sorted by key with every key once.
//!
//! This is where a *duplicate key within the buffer* is resolved: [`sorted_unique`] keeps, field
//! by field, the newest value that is not NULL. [`crate::merge`] does the same across files.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, RecordBatch, TimestampNanosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{concat, take};
use arrow::datatypes::SchemaRef;
use catalog::{Column, ColumnKind, TIME_COLUMN, Table};

use crate::buffer::{Chunk, DistinctSeries};

/// Rows of a chunk in arrival order, as the columns of `schema` (any columns of `table`).
pub(crate) fn in_arrival_order(chunk: &Chunk, table: &Table, schema: &SchemaRef) -> RecordBatch {
    let distinct = DistinctSeries::of(&[chunk]);
    let columns = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            TIME_COLUMN => {
                Arc::new(TimestampNanosecondArray::from(chunk.times.clone())) as ArrayRef
            }
            name => {
                let column = table
                    .column(name)
                    .expect("the schema is made of the table's columns");
                match column.kind {
                    ColumnKind::Tag => distinct.tag_values(column.id, distinct.of_row()),
                    ColumnKind::Field(_) => match chunk.fields.get(&column.id) {
                        Some(array) => Arc::clone(array),
                        None => new_null_array(field.data_type(), chunk.rows()),
                    },
                }
            }
        });
    let columns = columns.collect();
    record_batch(schema, columns, chunk.rows())
}

/// Rows of chunks, oldest chunk first, sorted by the row key with every key once.
pub(crate) fn sorted_unique(chunks: &[&Chunk], table: &Table, schema: &SchemaRef) -> RecordBatch {
    let times = chunks
        .iter()
        .map(|chunk| &chunk.times[..])
        .collect::<Vec<_>>()
        .concat();
    let distinct = DistinctSeries::of(chunks).sorted();
    let series = distinct.of_row();
    let order = order_by_key(distinct.len(), series, &times);
    let groups = KeyGroups::find(&order, series, &times);

    let newest = UInt32Array::from(groups.newest(&order));
    let series: Vec<u32> = newest
        .values()
        .iter()
        .map(|&row| series[row as usize])
        .collect();
    let columns = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            TIME_COLUMN => {
                let times = newest.values().iter().map(|&row| times[row as usize]);
                Arc::new(TimestampNanosecondArray::from_iter_values(times)) as ArrayRef
            }
            name => {
                let column = table
                    .column(name)
                    .expect("the schema is made of the table's columns");
                if column.kind == ColumnKind::Tag {
                    return distinct.tag_values(column.id, &series);
                }
                match concat_field(chunks, column) {
                    None => new_null_array(field.data_type(), series.len()),
                    Some(values) => match groups.newest_present(&order, &values) {
                        None => take(&values, &newest, None),
                        Some(rows) => take(&values, &UInt32Array::from(rows), None),
                    }
                    .expect("row numbers are within the values"),
                }
            }
        });
    let columns = columns.collect();
    record_batch(schema, columns, newest.len())
}

fn concat_field(chunks: &[&Chunk], column: &Column) -> Option<ArrayRef> {
    let some = chunks
        .iter()
        .find_map(|chunk| chunk.fields.get(&column.id))?;
    let arrays: Vec<ArrayRef> = chunks
        .iter()
        .map(|chunk| match chunk.fields.get(&column.id) {
            Some(array) => Arc::clone(array),
            None => new_null_array(some.data_type(), chunk.rows()),
        })
        .collect();
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array).collect();
    Some(concat(&arrays).expect("a column has one type"))
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

/// Runs of equal keys in a sorted order. Empty `duplicates` is the usual case.
struct KeyGroups {
    /// For every run of more than one row, where it is in the order.
    duplicates: Vec<Range<usize>>,
}

impl KeyGroups {
    fn find(order: &[u32], series: &[u32], times: &[i64]) -> Self {
        let key = |at: usize| (series[order[at] as usize], times[order[at] as usize]);
        let mut duplicates: Vec<Range<usize>> = Vec::new();
        for at in 1..order.len() {
            if key(at) != key(at - 1) {
                continue;
            }
            match duplicates.last_mut() {
                Some(last) if last.end == at => last.end = at + 1,
                _ => duplicates.push(at - 1..at + 1),
            }
        }
        Self { duplicates }
    }

    /// The newest row of every key, in order.
    fn newest(&self, order: &[u32]) -> Vec<u32> {
        self.choose(order, |rows| *rows.last().expect("a run has rows"))
    }

    /// For every key, the newest row that has a value in this column; `None` when that is the
    /// newest row throughout.
    fn newest_present(&self, order: &[u32], values: &ArrayRef) -> Option<Vec<u32>> {
        if self.duplicates.is_empty() || values.null_count() == 0 {
            return None;
        }
        let present = |rows: &[u32]| {
            let newest = *rows.last().expect("a run has rows");
            rows.iter()
                .rev()
                .copied()
                .find(|&row| values.is_valid(row as usize))
                .unwrap_or(newest)
        };
        Some(self.choose(order, present))
    }

    fn choose(&self, order: &[u32], from_run: impl Fn(&[u32]) -> u32) -> Vec<u32> {
        let mut chosen = Vec::with_capacity(order.len());
        let mut at = 0;
        for run in &self.duplicates {
            chosen.extend_from_slice(&order[at..run.start]);
            chosen.push(from_run(&order[run.clone()]));
            at = run.end;
        }
        chosen.extend_from_slice(&order[at..]);
        chosen
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
