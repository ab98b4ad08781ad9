//! The rows of one table while a body is parsed.
//!
//! A row comes in one of two ways. A [`Point`] is checked as a whole before any of it is kept. The
//! text of a common line goes into the columns as it is read, and is taken back if the line turns
//! out to be something else. Texts that differ in the order of tags or in escapes lead to the same
//! series either way.

use std::hash::BuildHasher;
use std::sync::Arc;

use catalog::{ColumnId, ColumnKind, Table, TableExtension};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use storage::SeriesKey;

use crate::columns::{Columns, FinishedColumn};
use crate::fault::{Fault, shortened};
use crate::line_protocol::Point;
use crate::values::Value;

/// Rows of one table.
#[derive(Debug)]
pub(crate) struct TableRows {
    name: Arc<str>,
    is_new: bool,
    columns: Columns,
    /// Columns of the point at hand.
    point_fields: Vec<usize>,
    series: SeriesList,
    series_of_row: Vec<u32>,
    times: Vec<i64>,
}

/// The series of a point: known, or to be remembered if the point is good.
#[derive(Debug)]
pub(crate) enum PointSeries {
    Known(u32),
    New(SeriesKey),
}

impl TableRows {
    pub(crate) fn new(name: &str, table: Option<&Arc<Table>>, columns_per_table: usize) -> Self {
        Self {
            name: name.into(),
            is_new: table.is_none(),
            columns: Columns::new(table.map(Arc::clone), columns_per_table),
            point_fields: Vec::new(),
            series: SeriesList::default(),
            series_of_row: Vec::new(),
            times: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    pub(crate) fn row_count(&self) -> usize {
        self.times.len()
    }

    /// Fields that some row has.
    pub(crate) fn field_count(&self) -> usize {
        self.columns.field_count()
    }

    /// Rows times field columns, with `more` rows besides those there are.
    pub(crate) fn cell_count(&self, more: usize) -> usize {
        (self.times.len() + more) * self.columns.field_count()
    }

    /// Checks a point and finds its columns, which are added where they are new. `line` is
    /// different for every call, and not zero; `known` is the series of its key if a row had that
    /// before. Nothing is left behind if the point is refused.
    pub(crate) fn check(
        &mut self,
        point: &Point<'_>,
        known: Option<u32>,
        line: u64,
        string_bytes_max: usize,
    ) -> Result<PointSeries, Fault> {
        let columns = self.columns.len();
        let series = match known {
            Some(number) => Ok(PointSeries::Known(number)),
            None => self.check_tags(point, line),
        };
        let checked = series.and_then(|series| {
            self.check_fields(point, line, string_bytes_max)?;
            Ok(series)
        });
        if checked.is_err() {
            self.columns.truncate(columns);
        }
        checked
    }

    fn check_tags(&mut self, point: &Point<'_>, line: u64) -> Result<PointSeries, Fault> {
        let mut tags: Vec<(ColumnId, &str)> = Vec::with_capacity(point.tags.len());
        for (name, value) in &point.tags {
            let index = self
                .columns
                .resolve(&self.name, name, ColumnKind::Tag, line)?;
            tags.push((self.columns.get(index).id, value));
        }
        tags.sort_unstable_by_key(|(id, _)| *id);
        Ok(PointSeries::New(SeriesKey::new(tags)))
    }

    fn check_fields(
        &mut self,
        point: &Point<'_>,
        line: u64,
        string_bytes_max: usize,
    ) -> Result<(), Fault> {
        self.point_fields.clear();
        for (name, value) in point.fields() {
            check_value(name, value, string_bytes_max)?;
            let kind = ColumnKind::Field(value.field_type());
            let index = self.columns.resolve(&self.name, name, kind, line)?;
            self.point_fields.push(index);
        }
        Ok(())
    }

    /// Appends the row of the point that was checked last; returns the number of its series.
    pub(crate) fn push(&mut self, point: &Point<'_>, series: PointSeries, time: i64) -> u32 {
        let number = match series {
            PointSeries::Known(number) => number,
            PointSeries::New(key) => self.series.number(key),
        };
        let row = self.times.len();
        for (&index, (_, value)) in self.point_fields.iter().zip(point.fields()) {
            self.columns.append(index, row, value);
        }
        self.push_row(number, time);
        number
    }

    /// Reads the fields of a new row; see [`Columns::scan_fields`]. Either [`TableRows::push_row`]
    /// or [`TableRows::take_back_fields`] must follow.
    #[inline]
    pub(crate) fn scan_fields<'t>(
        &mut self,
        text: &'t [u8],
        string_bytes_max: usize,
    ) -> Option<&'t [u8]> {
        self.columns
            .scan_fields(text, self.times.len(), string_bytes_max)
    }

    /// Forgets the fields of a row that was not pushed.
    pub(crate) fn take_back_fields(&mut self) {
        self.columns.take_back(self.times.len());
    }

    /// Reads the tags of a key; see [`Columns::scan_tags`].
    pub(crate) fn scan_tags<'t>(
        &mut self,
        text: &'t str,
        tags: &mut Vec<(ColumnId, &'t str)>,
    ) -> Option<()> {
        self.columns.scan_tags(text, tags)
    }

    /// The number of the series of these tags, by ascending column id, for a row that is kept.
    pub(crate) fn number(&mut self, tags: &[(ColumnId, &str)]) -> u32 {
        self.series.number(SeriesKey::new(tags.iter().copied()))
    }

    /// Completes the row whose fields are there.
    #[inline]
    pub(crate) fn push_row(&mut self, series: u32, time: i64) {
        self.series_of_row.push(series);
        self.times.push(time);
    }

    /// What the catalog must gain before the rows can be kept.
    pub(crate) fn extension(&self) -> Option<TableExtension> {
        let columns = self.columns.new_columns();
        let table = self.name.to_string();
        (!columns.is_empty()).then_some(TableExtension { table, columns })
    }

    pub(crate) fn finish(self) -> FinishedTable {
        FinishedTable {
            columns: self.columns.finish(self.times.len()),
            name: self.name,
            series: self.series.keys,
            series_of_row: self.series_of_row,
            times: self.times,
        }
    }
}

/// The rows of one table with their values as arrays.
#[derive(Debug, PartialEq)]
pub(crate) struct FinishedTable {
    pub(crate) name: Arc<str>,
    pub(crate) columns: Vec<FinishedColumn>,
    pub(crate) series: Vec<SeriesKey>,
    pub(crate) series_of_row: Vec<u32>,
    pub(crate) times: Vec<i64>,
}

fn check_value(name: &str, value: Value<'_>, string_bytes_max: usize) -> Result<(), Fault> {
    match value {
        Value::Float(value) if !value.is_finite() => Err(Fault::NonFiniteFloat {
            column: shortened(name, 64),
            value: value.to_string(),
        }),
        Value::Text(text) if text.len() > string_bytes_max => Err(Fault::ValueTooLarge {
            column: shortened(name, 64),
            size_bytes: text.len(),
            limit_bytes: string_bytes_max,
        }),
        _ => Ok(()),
    }
}

/// Distinct series, numbered as they appear.
#[derive(Debug, Default)]
pub(crate) struct SeriesList {
    keys: Vec<SeriesKey>,
    /// With the hashes of the keys: a growing table must not read the keys again.
    numbers: HashTable<(u64, u32)>,
    hasher: RandomState,
}

impl SeriesList {
    pub(crate) fn into_keys(self) -> Vec<SeriesKey> {
        self.keys
    }

    /// The number of a series, new if no row had it.
    pub(crate) fn number(&mut self, key: SeriesKey) -> u32 {
        let hash = self.hasher.hash_one(&key);
        let next = u32::try_from(self.keys.len()).expect("a body has fewer than 2^32 lines");
        let is_it = |&(of, number): &(u64, u32)| of == hash && self.keys[number as usize] == key;
        let entry = self.numbers.entry(hash, is_it, |&(hash, _)| hash);
        let &(_, number) = entry.or_insert((hash, next)).get();
        if number == next {
            self.keys.push(key);
        }
        number
    }
}
