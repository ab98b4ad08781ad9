//! A record batch of one table to a [`Draft`]: what comes in as Arrow rather than as text.
//!
//! The schema of the batch says what a column is, unless the table has it already:
//!
//! | column of the batch | column of the table |
//! |---|---|
//! | `time`, a timestamp of any unit, never NULL | the time of the row |
//! | metadata `iox::column::type` that ends in `::tag`, or a dictionary of text | tag; NULL or empty: the row lacks it |
//! | other text | string field; a tag where the table has a tag |
//! | signed, unsigned integer | integer, unsigned field |
//! | float or decimal | float field, which must be finite |
//! | boolean | boolean field |
//! | of type NULL | nothing |
//!
//! A row that line protocol could not have brought is refused, and with it the batch: rows in
//! columns come from programs, for which a part of a batch is of no use.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, TimeUnit, TimestampNanosecondType};
use catalog::{
    ColumnId, ColumnKind, FieldType, Limits, State, TIME_COLUMN, Table, check_table_name,
};

use crate::columns::Columns;
use crate::draft::{Draft, Summary, find_database};
use crate::error::{Error, Result};
use crate::fault::{Fault, shortened};
use crate::settings::{Settings, bytes};
use crate::table::{FinishedTable, SeriesList};
use crate::timestamps::Precision;

/// Rows of one table as they came.
#[derive(Debug, Clone, Copy)]
pub struct TableRecords<'a> {
    /// The table.
    pub table: &'a str,
    /// Its rows.
    pub batch: &'a RecordBatch,
    /// The time now, in nanoseconds: some settings bound how far ahead rows may be.
    pub now_nanos: i64,
}

/// Checks rows against a state of the catalog. CPU work only.
///
/// # Errors
///
/// The database does not exist, or a column or a row is not as the table has them.
pub fn draft_records(
    state: &State,
    limits: &Limits,
    settings: &Settings,
    database: &str,
    records: &TableRecords<'_>,
) -> Result<Draft> {
    let database = find_database(state, database)?;
    let existing = database.table(records.table);
    if existing.is_none() {
        check_table_name(records.table)
            .map_err(|name| Error::RefusedTable { fault: name.into() })?;
        if state.table_count() >= limits.tables {
            let (table, limit) = (records.table.to_owned(), limits.tables);
            return Err(Error::RefusedTable {
                fault: Fault::TableLimit { table, limit },
            });
        }
    }
    let columns = Columns::new(existing.map(Arc::clone), limits.columns_per_table);
    let mut rows = Rows {
        existing: existing.map(|table| &**table),
        columns,
        tags: Vec::new(),
        fields: Vec::new(),
        settings,
        records,
    };
    let times = rows.read_columns()?;
    rows.check_fields()?;
    let (series, series_of_row) = rows.series()?;
    let extensions = rows.columns.new_columns();
    let mut columns = rows.columns.finish(0);
    for (index, values) in rows.fields {
        columns[index].values = Some(values);
    }
    let table = records.table.to_owned();
    let is_known = extensions.is_empty();
    Ok(Draft {
        database: database.name.to_string(),
        named: BTreeSet::from([Arc::from(records.table)]),
        tables: vec![FinishedTable {
            name: Arc::from(records.table),
            columns,
            series,
            series_of_row,
            times,
        }],
        extensions: match is_known {
            true => Vec::new(),
            false => vec![catalog::TableExtension {
                table,
                columns: extensions,
            }],
        },
        summary: Summary::default(),
    })
}

struct Rows<'a> {
    existing: Option<&'a Table>,
    columns: Columns,
    /// Tags with their ids, by ascending id once all are read.
    tags: Vec<(ColumnId, StringArray)>,
    /// Values of fields, of the type that storage keeps, by index in `columns`.
    fields: Vec<(usize, ArrayRef)>,
    settings: &'a Settings,
    records: &'a TableRecords<'a>,
}

impl Rows<'_> {
    /// Sorts the columns into tags and fields; returns the times.
    fn read_columns(&mut self) -> Result<Vec<i64>> {
        let (batch, table) = (self.records.batch, self.records.table);
        let mut times = None;
        for (field, values) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if field.name() == TIME_COLUMN {
                times = Some(self.times(values)?);
                continue;
            }
            let existing = self.existing.and_then(|table| table.column(field.name()));
            let Some(kind) = kind_of(field, existing.map(|column| column.kind))? else {
                continue;
            };
            // One number for all: a batch with a name twice has it twice in every row.
            let index = self.columns.resolve(table, field.name(), kind, 1);
            let index = index.map_err(|fault| Error::RefusedTable { fault })?;
            match kind {
                ColumnKind::Tag => {
                    let values = cast(field.name(), values, &DataType::Utf8)?;
                    let values = values.as_string::<i32>().clone();
                    self.tags.push((self.columns.get(index).id, values));
                }
                ColumnKind::Field(field_type) => {
                    let values = cast(field.name(), values, &stored_type(field_type))?;
                    self.fields.push((index, values));
                }
            }
        }
        self.tags.sort_unstable_by_key(|(id, _)| *id);
        if self.fields.is_empty() {
            return Err(unsupported(
                TIME_COLUMN,
                "alone, or with tags alone, is no row",
            ));
        }
        let (cells, limit) = (
            batch.num_rows() * self.fields.len(),
            self.settings.cells_max,
        );
        if cells > limit {
            return Err(Error::TooManyCells { limit });
        }
        times.ok_or_else(|| unsupported(TIME_COLUMN, "is missing: every row needs a timestamp"))
    }

    fn times(&self, values: &ArrayRef) -> Result<Vec<i64>> {
        if !matches!(values.data_type(), DataType::Timestamp(..)) {
            let problem = format!("must be a timestamp, not {}", values.data_type());
            return Err(unsupported(TIME_COLUMN, &problem));
        }
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let times = cast(TIME_COLUMN, values, &nanos)?;
        let times = times.as_primitive::<TimestampNanosecondType>();
        let latest = self.settings.future_max.map_or(i64::MAX, |future| {
            let future = i64::try_from(future.as_nanos()).unwrap_or(i64::MAX);
            self.records.now_nanos.saturating_add(future)
        });
        let time = |(row, time): (usize, Option<i64>)| {
            let missing = || Fault::InvalidTimestamp {
                timestamp: "NULL".to_owned(),
            };
            let time = time.ok_or_else(missing);
            time.and_then(|time| Precision::Nanosecond.to_nanos(time))
                .and_then(|time| match time > latest {
                    true => Err(Fault::TooFarInFuture),
                    false => Ok(time),
                })
                .map_err(|fault| Error::RefusedRow { row, fault })
        };
        times.iter().enumerate().map(time).collect()
    }

    /// What line protocol refuses in values.
    fn check_fields(&self) -> Result<()> {
        let text_bytes_max = bytes(self.settings.string_bytes_max);
        for (index, values) in &self.fields {
            let column = &self.columns.get(*index).name;
            if let Some(floats) = values.as_primitive_opt::<Float64Type>() {
                let odd = |value: &Option<f64>| value.is_some_and(|value| !value.is_finite());
                if let Some(row) = floats.iter().position(|value| odd(&value)) {
                    let fault = Fault::NonFiniteFloat {
                        column: shortened(column, 64),
                        value: floats.value(row).to_string(),
                    };
                    return Err(Error::RefusedRow { row, fault });
                }
            }
            if let Some(texts) = values.as_string_opt::<i32>() {
                let sizes = texts.iter().map(|text| text.map_or(0, str::len));
                if let Some((row, size_bytes)) =
                    sizes.enumerate().find(|(_, size)| *size > text_bytes_max)
                {
                    let fault = Fault::ValueTooLarge {
                        column: shortened(column, 64),
                        size_bytes,
                        limit_bytes: text_bytes_max,
                    };
                    return Err(Error::RefusedRow { row, fault });
                }
            }
        }
        Ok(())
    }

    /// The distinct sets of tags, and which of them each row has.
    fn series(&self) -> Result<(Vec<storage::SeriesKey>, Vec<u32>)> {
        let limit_bytes = bytes(self.settings.series_key_bytes_max);
        let mut series = SeriesList::default();
        let mut of_row = Vec::with_capacity(self.records.batch.num_rows());
        let mut tags: Vec<(ColumnId, &str)> = Vec::with_capacity(self.tags.len());
        for row in 0..self.records.batch.num_rows() {
            tags.clear();
            let present = self.tags.iter().filter_map(|(id, values)| {
                let value = values.is_valid(row).then(|| values.value(row))?;
                (!value.is_empty()).then_some((*id, value))
            });
            tags.extend(present);
            let size_bytes = tags.iter().map(|(_, value)| value.len()).sum();
            if size_bytes > limit_bytes {
                let fault = Fault::KeyTooLarge {
                    size_bytes,
                    limit_bytes,
                };
                return Err(Error::RefusedRow { row, fault });
            }
            of_row.push(series.number(storage::SeriesKey::new(tags.iter().copied())));
        }
        Ok((series.into_keys(), of_row))
    }
}

/// What a column is; `None` if it says nothing.
fn kind_of(field: &Field, existing: Option<ColumnKind>) -> Result<Option<ColumnKind>> {
    use DataType::*;
    let is_text = |data_type: &DataType| matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    let metadata = field.metadata().get(storage::COLUMN_TYPE_KEY);
    let is_tag = metadata.is_some_and(|kind| kind.ends_with("::tag"));
    let (data_type, is_dictionary) = match field.data_type() {
        Dictionary(_, values) => (&**values, true),
        data_type => (data_type, false),
    };
    let found = match data_type {
        Null => return Ok(None),
        text if is_text(text) => match existing {
            Some(kind @ (ColumnKind::Tag | ColumnKind::Field(FieldType::String))) => kind,
            _ if is_tag || is_dictionary => ColumnKind::Tag,
            _ => ColumnKind::Field(FieldType::String),
        },
        Boolean => ColumnKind::Field(FieldType::Boolean),
        Int8 | Int16 | Int32 | Int64 => ColumnKind::Field(FieldType::Integer),
        UInt8 | UInt16 | UInt32 | UInt64 => ColumnKind::Field(FieldType::UInteger),
        Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..)
        | Decimal256(..) => ColumnKind::Field(FieldType::Float),
        other => return Err(unsupported(field.name(), &format!("has the type {other}"))),
    };
    Ok(Some(found))
}

fn stored_type(field_type: FieldType) -> DataType {
    match field_type {
        FieldType::Float => DataType::Float64,
        FieldType::Integer => DataType::Int64,
        FieldType::UInteger => DataType::UInt64,
        FieldType::Boolean => DataType::Boolean,
        FieldType::String => DataType::Utf8,
    }
}

fn cast(column: &str, values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(values, to, &options)
        .map_err(|error| unsupported(column, &format!("does not fit: {error}")))
}

fn unsupported(column: &str, problem: &str) -> Error {
    Error::UnsupportedColumn {
        column: shortened(column, 64),
        problem: problem.to_owned(),
    }
}
