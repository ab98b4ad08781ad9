//! The rows of one table while a body is parsed.
//!
//! A point is checked as a whole before any of it is kept. Its series is found by one hash of the
//! raw text of its tags; only a text not seen before is taken apart and checked. Texts that differ
//! in the order of tags or in escapes lead to the same series.

use std::hash::BuildHasher;
use std::sync::Arc;

use catalog::{ColumnId, ColumnKind, Table, TableExtension};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};
use storage::SeriesKey;

use crate::columns::{Columns, FinishedColumn, kind_of};
use crate::fault::{Fault, shortened};
use crate::line_protocol::{FieldValue, Point};

/// Rows of one table, with what they borrow from the body.
#[derive(Debug)]
pub(crate) struct TableRows<'a> {
    name: Arc<str>,
    is_new: bool,
    columns: Columns,
    /// The columns of the last row's fields in order: most writers keep to one order.
    field_order: Vec<usize>,
    /// Columns of the point at hand.
    point_fields: Vec<usize>,
    series_by_text: HashMap<&'a str, u32, RandomState>,
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

impl<'a> TableRows<'a> {
    pub(crate) fn new(name: &str, table: Option<&Arc<Table>>, columns_per_table: usize) -> Self {
        Self {
            name: name.into(),
            is_new: table.is_none(),
            columns: Columns::new(table.map(Arc::clone), columns_per_table),
            field_order: Vec::new(),
            point_fields: Vec::new(),
            series_by_text: HashMap::default(),
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

    /// Rows times field columns, with `more` rows besides those there are.
    pub(crate) fn cell_count(&self, more: usize) -> usize {
        (self.times.len() + more) * self.columns.field_count()
    }

    /// Checks a point and finds its columns, which are added where they are new. `line` is
    /// different for every call, and not zero. Nothing is left behind if the point is refused.
    pub(crate) fn check(
        &mut self,
        point: &Point<'_>,
        line: u64,
        string_bytes_max: usize,
    ) -> Result<PointSeries, Fault> {
        let columns = self.columns.len();
        let checked = self.check_series(point, line).and_then(|series| {
            self.check_fields(point, line, string_bytes_max)?;
            Ok(series)
        });
        if checked.is_err() {
            self.columns.truncate(columns);
        }
        checked
    }

    fn check_series(&mut self, point: &Point<'_>, line: u64) -> Result<PointSeries, Fault> {
        if let Some(&number) = self.series_by_text.get(point.raw_tags) {
            return Ok(PointSeries::Known(number));
        }
        let mut tags: Vec<(ColumnId, &str)> = Vec::with_capacity(point.tags.len());
        for (name, value) in &point.tags {
            let index = self
                .columns
                .resolve(&self.name, name, ColumnKind::Tag, line, None)?;
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
        for (position, (name, value)) in point.fields.iter().enumerate() {
            check_value(name, value, string_bytes_max)?;
            let expected = self.field_order.get(position).copied();
            let kind = kind_of(value);
            let index = self
                .columns
                .resolve(&self.name, name, kind, line, expected)?;
            self.point_fields.push(index);
        }
        Ok(())
    }

    /// Appends the row of the point that was checked last.
    pub(crate) fn push(&mut self, point: &Point<'a>, series: PointSeries, time: i64) {
        let number = match series {
            PointSeries::Known(number) => number,
            PointSeries::New(key) => {
                let number = self.series.number(key);
                self.series_by_text.insert(point.raw_tags, number);
                number
            }
        };
        let row = self.times.len();
        for (&index, (_, value)) in self.point_fields.iter().zip(&point.fields) {
            self.columns.append(index, row, value);
        }
        self.series_of_row.push(number);
        self.times.push(time);
        std::mem::swap(&mut self.field_order, &mut self.point_fields);
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

/// The rows of one table, free of the body.
#[derive(Debug)]
pub(crate) struct FinishedTable {
    pub(crate) name: Arc<str>,
    pub(crate) columns: Vec<FinishedColumn>,
    pub(crate) series: Vec<SeriesKey>,
    pub(crate) series_of_row: Vec<u32>,
    pub(crate) times: Vec<i64>,
}

fn check_value(name: &str, value: &FieldValue<'_>, string_bytes_max: usize) -> Result<(), Fault> {
    match value {
        FieldValue::F64(value) if !value.is_finite() => Err(Fault::NonFiniteFloat {
            column: shortened(name, 64),
            value: value.to_string(),
        }),
        FieldValue::String(text) if text.len() > string_bytes_max => Err(Fault::ValueTooLarge {
            column: shortened(name, 64),
            size_bytes: text.len(),
            limit_bytes: string_bytes_max,
        }),
        _ => Ok(()),
    }
}

/// Distinct series, numbered as they appear.
#[derive(Debug, Default)]
struct SeriesList {
    keys: Vec<SeriesKey>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl SeriesList {
    fn number(&mut self, key: SeriesKey) -> u32 {
        let Self {
            keys,
            numbers,
            hasher,
        } = self;
        let entry = numbers.entry(
            hasher.hash_one(&key),
            |&number| keys[number as usize] == key,
            |&number| hasher.hash_one(&keys[number as usize]),
        );
        let next = u32::try_from(keys.len()).expect("a body has fewer than 2^32 lines");
        let number = *entry.or_insert(next).get();
        if number == next {
            keys.push(key);
        }
        number
    }
}
