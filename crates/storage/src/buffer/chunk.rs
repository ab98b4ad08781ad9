//! An immutable run of buffered rows of one table and partition.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use catalog::ColumnId;

use super::by_series::{BySeries, PLACES_PER_ROW};
use super::keys::SeriesKeys;
use super::{DistinctSeries, partition_start};
use crate::batch::TableBatch;

/// Rows as columns: a series number, a time, and one array per field that any row has.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// What the series numbers stand for.
    pub(super) keys: Arc<SeriesKeys>,
    pub(crate) series: Vec<u32>,
    pub(crate) times: Vec<i64>,
    pub(crate) fields: BTreeMap<ColumnId, ArrayRef>,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    /// Where rows of it may replace others; `None` if no key in it is in anything older, or twice in it: nobody needs to look for
    /// duplicates then.
    pub(crate) replacing: Option<Arc<Replacing>>,
    bytes: usize,
    /// See [`Chunk::by_series`].
    by_series: OnceLock<BySeries>,
    /// See [`Chunk::last_rows`]; `None` when that is the chunk itself.
    last_rows: OnceLock<Option<Box<Self>>>,
}

/// Where rows of a chunk may replace others, of it or of anything older.
#[derive(Debug)]
pub(crate) struct Replacing {
    /// The numbers of their series, ascending.
    pub(crate) series: Vec<u32>,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
}

impl Replacing {
    /// Of rows with these series and times; `None` of none.
    fn of(rows: impl Iterator<Item = (u32, i64)>) -> Option<Arc<Self>> {
        let (series, times): (Vec<u32>, Vec<i64>) = rows.unzip();
        let (time_min, time_max) = time_bounds(&times);
        let replacing = || Self {
            series: numbers(series),
            time_min,
            time_max,
        };
        (!times.is_empty()).then(|| Arc::new(replacing()))
    }

    /// Of chunks of one generation.
    pub(super) fn join<'a>(chunks: impl Iterator<Item = &'a Arc<Chunk>>) -> Option<Arc<Self>> {
        let each = chunks.filter_map(|chunk| chunk.replacing.as_deref());
        let each: Vec<&Self> = each.collect();
        let time_min = each.iter().map(|one| one.time_min).min()?;
        let time_max = each.iter().map(|one| one.time_max).max()?;
        let series: Vec<&[u32]> = each.iter().map(|one| &one.series[..]).collect();
        Some(Arc::new(Self {
            series: numbers(series.concat()),
            time_min,
            time_max,
        }))
    }
}

/// Numbers of series in ascending order, each once.
pub(super) fn numbers(mut series: Vec<u32>) -> Vec<u32> {
    series.sort_unstable();
    series.dedup();
    series
}

/// What a chunk is made of, beside its times.
struct Parts {
    keys: Arc<SeriesKeys>,
    series: Vec<u32>,
    fields: BTreeMap<ColumnId, ArrayRef>,
    first_sequence: u64,
    last_sequence: u64,
    replacing: Option<Arc<Replacing>>,
}

/// The rows of one record and table, with series numbers in place of their keys.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) sequence: u64,
    pub(super) keys: Arc<SeriesKeys>,
    pub(super) series: Vec<u32>,
    pub(super) batch: TableBatch,
    /// For each row, whether its key is new for certain.
    pub(super) is_new: Vec<bool>,
}

impl Rows {
    /// One chunk for every partition that has rows, with the start of the partition.
    pub(super) fn into_chunks(mut self) -> Vec<(i64, Chunk)> {
        let times = &self.batch.times;
        let (min, max) = time_bounds(times);
        let first = partition_start(min);
        if first == partition_start(max) {
            let replacing = self.replacing(0..times.len());
            let times = std::mem::take(&mut self.batch.times);
            let fields = std::mem::take(&mut self.batch.fields);
            let series = std::mem::take(&mut self.series);
            let has_values = |(_, array): &(ColumnId, ArrayRef)| array.null_count() < array.len();
            let fields = fields.into_iter().filter(has_values).collect();
            return vec![(first, self.chunk(series, times, fields, replacing))];
        }
        let mut partitions: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, &time) in (0u32..).zip(times) {
            let start = partition_start(time);
            partitions.entry(start).or_default().push(row);
        }
        let chunk = |(start, rows)| (start, self.chosen(rows));
        partitions.into_iter().map(chunk).collect()
    }

    fn chosen(&self, rows: Vec<u32>) -> Chunk {
        let series = rows.iter().map(|&row| self.series[row as usize]).collect();
        let times = rows.iter().map(|&row| self.batch.times[row as usize]);
        let times = times.collect();
        let replacing = self.replacing(rows.iter().map(|&row| row as usize));
        let rows = UInt32Array::from(rows);
        let field = |(id, array): &(ColumnId, ArrayRef)| {
            let array = take(array, &rows, None).expect("the rows are within the batch");
            (array.null_count() < array.len()).then_some((*id, array))
        };
        let fields = self.batch.fields.iter().filter_map(field).collect();
        self.chunk(series, times, fields, replacing)
    }

    fn replacing(&self, rows: impl Iterator<Item = usize>) -> Option<Arc<Replacing>> {
        let replacing = rows.filter(|&row| !self.is_new[row]);
        Replacing::of(replacing.map(|row| (self.series[row], self.batch.times[row])))
    }

    fn chunk(
        &self,
        series: Vec<u32>,
        times: Vec<i64>,
        fields: BTreeMap<ColumnId, ArrayRef>,
        replacing: Option<Arc<Replacing>>,
    ) -> Chunk {
        let parts = Parts {
            keys: Arc::clone(&self.keys),
            series,
            fields,
            first_sequence: self.sequence,
            last_sequence: self.sequence,
            replacing,
        };
        Chunk::from_parts(parts, times)
    }
}

impl Chunk {
    /// The rows of neighbours of one generation, oldest first.
    pub(super) fn join(neighbours: &[Arc<Self>]) -> Self {
        let (oldest, newest) = match neighbours {
            [oldest, .., newest] => (oldest, newest),
            _ => unreachable!("at least two are joined"),
        };
        let mut kinds = BTreeMap::new();
        for chunk in neighbours {
            let fields = chunk.fields.iter();
            kinds.extend(fields.map(|(id, array)| (*id, array.data_type())));
        }
        let field = |(id, kind): (ColumnId, &_)| {
            let values = neighbours.iter().map(|chunk| match chunk.fields.get(&id) {
                Some(array) => Cow::Borrowed(array),
                None => Cow::Owned(new_null_array(kind, chunk.rows())),
            });
            let values: Vec<_> = values.collect();
            let values: Vec<&dyn Array> = values.iter().map(|array| &***array).collect();
            (id, concat(&values).expect("a column has one type"))
        };
        let series: Vec<_> = neighbours.iter().map(|chunk| &chunk.series[..]).collect();
        let times: Vec<_> = neighbours.iter().map(|chunk| &chunk.times[..]).collect();
        let parts = Parts {
            keys: Arc::clone(&newest.keys),
            series: series.concat(),
            fields: kinds.into_iter().map(field).collect(),
            first_sequence: oldest.first_sequence,
            last_sequence: newest.last_sequence,
            replacing: Replacing::join(neighbours.iter()),
        };
        Self::from_parts(parts, times.concat())
    }

    fn from_parts(parts: Parts, times: Vec<i64>) -> Self {
        let (time_min, time_max) = time_bounds(&times);
        let arrays = parts.fields.values();
        let arrays: usize = arrays.map(|array| array.get_array_memory_size()).sum();
        // A series, a time, and a place in the index by series, which may come to be.
        let rows = times.len() * (2 * size_of::<u32>() + size_of::<i64>());
        let replacing = parts.replacing.as_ref();
        let replacing = replacing.map_or(0, |replacing| size_of_val(&replacing.series[..]));
        Self {
            keys: parts.keys,
            series: parts.series,
            times,
            fields: parts.fields,
            first_sequence: parts.first_sequence,
            last_sequence: parts.last_sequence,
            time_min,
            time_max,
            replacing: parts.replacing,
            bytes: size_of::<Self>() + arrays + rows + replacing,
            by_series: OnceLock::new(),
            last_rows: OnceLock::new(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.times.len()
    }

    /// Whether no row of it replaces another one for certain, of it or of anything older.
    pub(crate) fn keys_are_new(&self) -> bool {
        self.replacing.is_none()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Of how many series it has rows.
    pub(crate) fn series_count(&self) -> usize {
        self.series_numbers().len()
    }

    /// The numbers of the series of which it has rows, ascending.
    pub(super) fn series_numbers(&self) -> &[u32] {
        self.by_series().numbers()
    }

    /// Whether it is seen at once that another chunk has rows of all of its series.
    pub(crate) fn has_no_series_beside(&self, other: &Self) -> bool {
        let (own, others) = (self.series_numbers(), other.series_numbers());
        let is_of_all = || others.len() == self.known_series() || own == others;
        self.is_of_generation(other) && is_of_all()
    }

    /// Whether the numbers of its series stand for the same as those of another chunk.
    pub(crate) fn is_of_generation(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }

    /// How many series are known of its generation, with rows in it or not.
    pub(crate) fn known_series(&self) -> usize {
        self.keys.count()
    }

    /// The values of some tags for each of its rows, a column for each tag.
    pub(crate) fn tag_values(&self, tags: &[ColumnId]) -> Vec<ArrayRef> {
        if tags.is_empty() {
            return Vec::new();
        }
        // Of a chunk with few of many series no others are looked at.
        if self.known_series() > self.rows().saturating_mul(PLACES_PER_ROW) {
            let distinct = DistinctSeries::of(&[self]);
            return distinct.tag_values(tags, distinct.of_row());
        }
        let values = tags
            .iter()
            .map(|tag| self.keys.tag_values(*tag, &self.series));
        values.collect()
    }

    /// Memory that the keys of all known series of its generation take.
    pub(crate) fn key_bytes(&self) -> usize {
        self.keys.bytes()
    }

    /// Whether its rows by series are there already.
    pub(super) fn is_indexed(&self) -> bool {
        self.by_series.get().is_some()
    }

    /// Its rows by series. Found when first asked for, and kept.
    pub(super) fn by_series(&self) -> &BySeries {
        self.by_series.get_or_init(|| BySeries::of(&self.series))
    }

    /// The rows with the latest time of their series, in their order: several of a series if it has
    /// that time more than once. Found when first asked for, and kept.
    pub(crate) fn last_rows(&self) -> &Self {
        let last = self.last_rows.get_or_init(|| self.find_last_rows());
        last.as_deref().unwrap_or(self)
    }

    fn find_last_rows(&self) -> Option<Box<Self>> {
        let mut rows = Vec::new();
        for run in self.by_series().runs() {
            let time = |row: &u32| self.times[*row as usize];
            let latest = run.iter().map(time).max();
            rows.extend(run.iter().filter(|row| Some(time(row)) == latest));
        }
        rows.sort();
        if rows.len() == self.rows() {
            return None;
        }
        Some(Box::new(self.chosen(rows, |_| true)))
    }

    /// Some of its rows, of which there is at least one, without fields that are not wanted.
    pub(crate) fn chosen(&self, rows: Vec<u32>, is_wanted: impl Fn(ColumnId) -> bool) -> Self {
        let series = rows.iter().map(|&row| self.series[row as usize]).collect();
        let times = rows.iter().map(|&row| self.times[row as usize]).collect();
        let rows = UInt32Array::from(rows);
        let fields = self.fields.iter().filter(|(id, _)| is_wanted(**id));
        let field = |(id, array): (&ColumnId, &ArrayRef)| {
            let array = take(array, &rows, None).expect("the rows are within the chunk");
            (*id, array)
        };
        let parts = Parts {
            keys: Arc::clone(&self.keys),
            series,
            fields: fields.map(field).collect(),
            first_sequence: self.first_sequence,
            last_sequence: self.last_sequence,
            replacing: self.replacing.clone(),
        };
        Self::from_parts(parts, times)
    }
}

/// Chunks whose series numbers stand for the same, in their order.
pub(crate) fn by_generation<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Vec<Vec<&'a Chunk>> {
    let mut generations: Vec<Vec<&Chunk>> = Vec::new();
    for chunk in chunks {
        // Neighbours nearly always are of one.
        let known = generations.iter_mut().rev();
        let mut known = known.filter(|known| known[0].is_of_generation(chunk));
        match known.next() {
            Some(known) => known.push(chunk),
            None => generations.push(vec![chunk]),
        }
    }
    generations
}

/// The earliest and the latest of some times.
pub(super) fn time_bounds(times: &[i64]) -> (i64, i64) {
    let bounds = (i64::MAX, i64::MIN);
    let wider = |(min, max): (i64, i64), &time: &i64| (min.min(time), max.max(time));
    times.iter().fold(bounds, wider)
}
