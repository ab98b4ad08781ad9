//! The series that occur in some chunks, numbered among themselves.
//!
//! A table may know millions of series of which the chunks at hand have a few: the work here goes with
//! the rows at hand. Chunks may be of different generations of [`super::known`], in which one series
//! has different numbers; [`DistinctSeries::sorted`] makes one of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use catalog::ColumnId;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::by_series::PLACES_PER_ROW;
use super::chunk::Chunk;
use super::keys::{KeysView, SeriesKeys};
use crate::series::{self, CommonStart};

/// The distinct series of some chunks, with their tags.
#[derive(Debug)]
pub(crate) struct DistinctSeries {
    views: Vec<KeysView>,
    /// For each, which view has its key, and its number there.
    places: Vec<(u32, u32)>,
    /// For every row of the chunks, in order, its place.
    of_row: Vec<u32>,
}

impl DistinctSeries {
    /// In no particular order.
    pub(crate) fn of(chunks: &[&Chunk]) -> Self {
        let mut distinct = Self::for_rows(chunks.iter().map(|chunk| chunk.rows()).sum());
        // Chunks of one generation mostly follow one another. Where they do not, a series is there several times.
        for generation in chunks.chunk_by(|a, b| Arc::ptr_eq(&a.keys, &b.keys)) {
            let numbers = || generation.iter().flat_map(|chunk| &chunk.series).copied();
            distinct.add(&generation[0].keys, numbers);
        }
        distinct
    }

    /// Those of some rows of chunks, by their numbers: of each chunk there is one.
    pub(crate) fn of_chosen(chosen: &[(&Chunk, &[u32])]) -> Self {
        let mut distinct = Self::for_rows(chosen.iter().map(|(_, rows)| rows.len()).sum());
        for generation in chosen.chunk_by(|(a, _), (b, _)| Arc::ptr_eq(&a.keys, &b.keys)) {
            let mut numbers = Vec::new();
            for (chunk, rows) in generation {
                numbers.extend(rows.iter().map(|&row| chunk.series[row as usize]));
            }
            distinct.add(&generation[0].0.keys, || numbers.iter().copied());
        }
        distinct
    }

    /// None, with room for so many rows.
    fn for_rows(rows: usize) -> Self {
        Self {
            views: Vec::new(),
            places: Vec::new(),
            of_row: Vec::with_capacity(rows),
        }
    }

    /// Those of one generation with these numbers, in this order, without any rows.
    pub(super) fn of_numbers(keys: &SeriesKeys, numbers: &[u32]) -> Self {
        Self {
            views: vec![keys.view(numbers.iter().copied())],
            places: numbers.iter().map(|&number| (0, number)).collect(),
            of_row: Vec::new(),
        }
    }

    /// Adds rows, at least one, with these numbers of one generation.
    fn add<I: Iterator<Item = u32>>(&mut self, keys: &SeriesKeys, numbers: impl Fn() -> I) {
        let view = u32::try_from(self.views.len()).expect("there are few generations");
        let first = self.places.len();
        let bounds = (u32::MAX, 0, 0);
        let wider = |(min, max, rows): (u32, u32, usize), n| (min.min(n), max.max(n), rows + 1);
        let (min, max, rows) = numbers().fold(bounds, wider);
        let span = (max - min) as usize + 1;
        let places = &mut self.places;
        let mut new = |number| {
            places.push((view, number));
            u32::try_from(places.len() - 1).expect("there are fewer series than rows")
        };
        if span <= rows.saturating_mul(PLACES_PER_ROW) {
            const NONE: u32 = u32::MAX;
            let mut by_number = vec![NONE; span];
            self.of_row.extend(numbers().map(|number| {
                let place = &mut by_number[(number - min) as usize];
                if *place == NONE {
                    *place = new(number);
                }
                *place
            }));
        } else {
            let mut by_number = HashMap::with_hasher(RandomState::default());
            let place = |number| *by_number.entry(number).or_insert_with(|| new(number));
            self.of_row.extend(numbers().map(place));
        }
        let added = self.places[first..].iter().map(|(_, number)| *number);
        self.views.push(keys.view(added));
    }

    /// The same in order of the rows of a file, every series once.
    pub(crate) fn sorted(mut self) -> Self {
        let order = self.order();
        let mut rank_of = vec![0; order.len()];
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(order.len());
        let mut previous: Option<u32> = None;
        for &place in &order {
            // Of another generation: in one, keys differ.
            let is_same = previous.is_some_and(|previous| self.key(previous) == self.key(place));
            if !is_same {
                places.push(self.places[place as usize]);
            }
            rank_of[place as usize] = u32::try_from(places.len() - 1).expect("as many as places");
            previous = Some(place);
        }
        for series in &mut self.of_row {
            *series = rank_of[*series as usize];
        }
        self.places = places;
        self
    }

    /// All places in order of their keys. Nearly always a number made of a key's beginning decides, so
    /// that few comparisons go to the keys, which lie all over memory.
    fn order(&self) -> Vec<u32> {
        let places = || (0..).take(self.places.len());
        let start = CommonStart::of(places().map(|place| self.key(place)));
        let numbered = places().map(|place| (start.prefix(self.key(place)), place));
        let mut order: Vec<(u64, u32)> = numbered.collect();
        order.sort_unstable_by(|(first, a), (second, b)| {
            let by_prefix = first.cmp(second);
            by_prefix.then_with(|| series::compare(self.key(*a), self.key(*b)))
        });
        order.into_iter().map(|(_, place)| place).collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// For every row of the chunks, in order, its series: a number below [`Self::len`].
    pub(crate) fn of_row(&self) -> &[u32] {
        &self.of_row
    }

    fn key(&self, series: u32) -> &[u8] {
        let (view, number) = self.places[series as usize];
        self.views[view as usize].key(number)
    }

    /// The values of some tags for rows of these series, a column for each tag. The work goes with the rows, and the series from
    /// the first to the last of them.
    pub(crate) fn tag_values(&self, tags: &[ColumnId], rows: &[u32]) -> Vec<ArrayRef> {
        let first = rows.iter().min().copied().unwrap_or_default();
        let end = rows.iter().max().map_or(0, |last| last + 1);
        let mut columns: Vec<TagColumn<'_>> = tags.iter().map(|_| TagColumn::default()).collect();
        // Keys have tags in this order, and are gone through once.
        let mut in_order: Vec<usize> = (0..tags.len()).collect();
        in_order.sort_by_key(|&column| tags[column]);
        for series in first..end {
            let mut of_series = series::raw_tags(self.key(series)).peekable();
            for &column in &in_order {
                while of_series.next_if(|(tag, _)| *tag < tags[column]).is_some() {}
                let value = of_series.peek().filter(|(tag, _)| *tag == tags[column]);
                columns[column].push(value.map(|(_, value)| *value));
            }
        }
        let columns = columns.into_iter();
        columns.map(|column| column.of_rows(rows, first)).collect()
    }
}

/// A tag of some series.
#[derive(Default)]
struct TagColumn<'a> {
    /// For each series the number of its value.
    codes: Vec<Option<i32>>,
    by_value: HashMap<&'a [u8], i32, RandomState>,
    values: Vec<&'a str>,
}

impl<'a> TagColumn<'a> {
    fn push(&mut self, value: Option<&'a [u8]>) {
        let code = value.map(|value| {
            *self.by_value.entry(value).or_insert_with(|| {
                self.values.push(series::text(value));
                i32::try_from(self.values.len() - 1)
                    .expect("fewer than 2^31 values of a tag in memory")
            })
        });
        self.codes.push(code);
    }

    /// Its values for rows of series that are counted from the first one.
    fn of_rows(self, rows: &[u32], first: u32) -> ArrayRef {
        let code_of = |series: u32| self.codes[(series - first) as usize];
        let key = |&series: &u32| code_of(series).unwrap_or_default();
        let keys: Vec<i32> = rows.iter().map(key).collect();
        let nulls = self.codes.contains(&None).then(|| {
            let is_present = |row: usize| code_of(rows[row]).is_some();
            NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), is_present))
        });
        let keys = Int32Array::new(keys.into(), nulls);
        let values = Arc::new(StringArray::from(self.values));
        Arc::new(DictionaryArray::new(keys, values))
    }
}
