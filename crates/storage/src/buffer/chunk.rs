//! An immutable run of buffered rows of one table and partition.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use catalog::ColumnId;

use super::partition_start;
use crate::batch::TableBatch;

/// Rows as columns: a series number, a time, and one array per field that any row has.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) series: Vec<u32>,
    pub(crate) times: Vec<i64>,
    pub(crate) fields: BTreeMap<ColumnId, ArrayRef>,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    /// No key in it is in anything older, or twice in it: no row replaces another, so nobody needs
    /// to look for duplicates.
    pub(crate) keys_are_new: bool,
    bytes: usize,
}

impl Chunk {
    /// The given rows of a batch (`None` for all), whose series numbers are `series`.
    pub(super) fn new(
        sequence: u64,
        series: &[u32],
        batch: &TableBatch,
        rows: Option<&[u32]>,
        is_new: &[bool],
    ) -> Self {
        let chosen = rows.map(|rows| UInt32Array::from(rows.to_vec()));
        let field = |(id, array): &(ColumnId, ArrayRef)| {
            let array = match &chosen {
                None => Cow::Borrowed(array),
                Some(rows) => {
                    Cow::Owned(take(array, rows, None).expect("the rows are within the batch"))
                }
            };
            (array.null_count() < array.len()).then(|| (*id, array.into_owned()))
        };
        Self::from_parts(
            pick(series, rows).into_owned(),
            pick(&batch.times, rows).into_owned(),
            batch.fields.iter().filter_map(field).collect(),
            (sequence, sequence),
            pick(is_new, rows).iter().all(|&is_new| is_new),
        )
    }

    /// The rows of two neighbours, the older one's first.
    pub(super) fn join(older: &Self, newer: &Self) -> Self {
        let ids = older.fields.keys().chain(newer.fields.keys());
        let field = |id: &ColumnId| {
            let (a, b) = (older.fields.get(id), newer.fields.get(id));
            let kind = a.or(b).expect("the id is of one of the two").data_type();
            let or_nulls = |array: Option<&ArrayRef>, rows| {
                array.map_or_else(|| new_null_array(kind, rows), ArrayRef::clone)
            };
            let (a, b) = (or_nulls(a, older.rows()), or_nulls(b, newer.rows()));
            (*id, concat(&[&a, &b]).expect("a column has one type"))
        };
        Self::from_parts(
            [&older.series[..], &newer.series].concat(),
            [&older.times[..], &newer.times].concat(),
            ids.map(field).collect(),
            (older.first_sequence, newer.last_sequence),
            older.keys_are_new && newer.keys_are_new,
        )
    }

    fn from_parts(
        series: Vec<u32>,
        times: Vec<i64>,
        fields: BTreeMap<ColumnId, ArrayRef>,
        (first_sequence, last_sequence): (u64, u64),
        keys_are_new: bool,
    ) -> Self {
        let (mut time_min, mut time_max) = (i64::MAX, i64::MIN);
        for &time in &times {
            time_min = time_min.min(time);
            time_max = time_max.max(time);
        }
        let arrays: usize = fields
            .values()
            .map(|array| array.get_array_memory_size())
            .sum();
        let bytes =
            size_of::<Self>() + arrays + times.len() * (size_of::<u32>() + size_of::<i64>());
        Self {
            series,
            times,
            fields,
            first_sequence,
            last_sequence,
            time_min,
            time_max,
            keys_are_new,
            bytes,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Row indices by partition; `None` when all rows are in one, which is the usual case.
pub(super) fn by_partition(times: &[i64]) -> Vec<(i64, Option<Vec<u32>>)> {
    let first = partition_start(times[0]);
    if times.iter().all(|&time| partition_start(time) == first) {
        return vec![(first, None)];
    }
    let mut partitions: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (row, &time) in (0u32..).zip(times) {
        partitions
            .entry(partition_start(time))
            .or_default()
            .push(row);
    }
    partitions
        .into_iter()
        .map(|(start, rows)| (start, Some(rows)))
        .collect()
}

fn pick<'a, T: Copy>(values: &'a [T], rows: Option<&[u32]>) -> Cow<'a, [T]> {
    match rows {
        None => Cow::Borrowed(values),
        Some(rows) => rows.iter().map(|&row| values[row as usize]).collect(),
    }
}
