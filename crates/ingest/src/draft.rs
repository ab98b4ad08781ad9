//! A parsed body that waits for the ids of its new tables and columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::ArrayRef;
use catalog::{ColumnId, Database, State, Table, TableExtension};
use storage::{SeriesKey, TableBatch, WriteBatch};

use crate::error::{Error, Result};
use crate::fault::LineError;
use crate::table::FinishedTable;

/// The good lines of a body as columns, and what was wrong with the others.
#[derive(Debug, PartialEq)]
pub struct Draft {
    pub(crate) database: String,
    pub(crate) named: BTreeSet<Arc<str>>,
    pub(crate) tables: Vec<FinishedTable>,
    pub(crate) extensions: Vec<TableExtension>,
    pub(crate) summary: Summary,
}

/// What is known of a body besides its rows.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) line_errors: Vec<LineError>,
    pub(crate) lines: usize,
    pub(crate) lines_refused: usize,
    pub(crate) suspicious_timestamps: usize,
}

/// A write that is ready for the WAL, with what is to be reported to the writer.
#[derive(Debug)]
pub struct Parsed {
    /// The rows; empty if a line was refused and all lines had to be good.
    pub batch: WriteBatch,
    /// The refused lines in order, as many as the settings allow to report.
    pub line_errors: Vec<LineError>,
    /// Lines that are neither blank nor comments.
    pub lines: usize,
    /// Refused lines, reported or not.
    pub lines_refused: usize,
    /// Rows of the batch.
    pub rows: usize,
    /// Accepted timestamps that look like another precision than the request says.
    pub suspicious_timestamps: usize,
}

impl Draft {
    /// Tables and columns that must be in the catalog before [`Draft::finish`].
    pub fn extensions(&self) -> &[TableExtension] {
        &self.extensions
    }

    /// The names of the tables that lines are of: those that get rows, and those that are there and would
    /// have got rows of lines that were refused.
    pub fn named_tables(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|name| &**name)
    }

    /// The refused lines in order, as many as the settings allow to report.
    pub fn line_errors(&self) -> &[LineError] {
        &self.summary.line_errors
    }

    /// Gives the rows the ids of a state that has all extensions.
    ///
    /// # Errors
    ///
    /// The database, a table or a column is missing from the state or is something else there.
    pub fn finish(self, state: &State) -> Result<Parsed> {
        let database = find_database(state, &self.database)?;
        let tables = self
            .tables
            .into_iter()
            .map(|table| with_ids(table, database));
        let batch = WriteBatch {
            tables: tables.collect::<Result<_>>()?,
        };
        let Summary {
            line_errors,
            lines,
            lines_refused,
            suspicious_timestamps,
        } = self.summary;
        let rows = batch.row_count();
        Ok(Parsed {
            batch,
            line_errors,
            lines,
            lines_refused,
            rows,
            suspicious_timestamps,
        })
    }
}

pub(crate) fn find_database<'s>(state: &'s State, name: &str) -> Result<&'s Arc<Database>> {
    let missing = || catalog::Error::DatabaseNotFound {
        name: name.to_owned(),
    };
    Ok(state.database(name).ok_or_else(missing)?)
}

fn with_ids(rows: FinishedTable, database: &Database) -> Result<TableBatch> {
    let changed = || Error::SchemaChanged {
        table: rows.name.to_string(),
    };
    let table = database.table(&rows.name).ok_or_else(changed)?;
    let ids = Ids::new(&rows, table).ok_or_else(changed)?;
    let fields: Option<Vec<(ColumnId, ArrayRef)>> = rows
        .columns
        .into_iter()
        .filter_map(|column| Some((column.id, column.values?)))
        .map(|(id, values)| Some((ids.of(id)?, values)))
        .collect();
    let series: Option<_> = if ids.are_as_expected {
        Some(rows.series)
    } else {
        rows.series
            .iter()
            .map(|series| ids.renumbered(series))
            .collect()
    };
    match (fields, series) {
        (Some(mut fields), Some(series)) => {
            fields.sort_unstable_by_key(|(id, _)| *id);
            let (series_of_row, times) = (rows.series_of_row, rows.times);
            Ok(TableBatch {
                table: table.id,
                series,
                series_of_row,
                times,
                fields,
            })
        }
        _ => Err(Error::SchemaChanged {
            table: rows.name.to_string(),
        }),
    }
}

/// From the ids that columns had in the draft to those that the catalog gave them.
struct Ids {
    /// Sorted.
    pairs: Vec<(ColumnId, ColumnId)>,
    are_as_expected: bool,
}

impl Ids {
    /// `None` if the table lacks a column, or has it as something else.
    fn new(rows: &FinishedTable, table: &Table) -> Option<Self> {
        let mut pairs = Vec::with_capacity(rows.columns.len());
        for column in &rows.columns {
            let committed = table.column(&column.name)?;
            (committed.kind == column.kind).then(|| pairs.push((column.id, committed.id)))?;
        }
        pairs.sort_unstable();
        let are_as_expected = pairs.iter().all(|(draft, committed)| draft == committed);
        Some(Self {
            pairs,
            are_as_expected,
        })
    }

    fn of(&self, id: ColumnId) -> Option<ColumnId> {
        let found = self
            .pairs
            .binary_search_by_key(&id, |(draft, _)| *draft)
            .ok()?;
        Some(self.pairs[found].1)
    }

    fn renumbered(&self, series: &SeriesKey) -> Option<SeriesKey> {
        let tags = series.tags().map(|(id, value)| Some((self.of(id)?, value)));
        let mut tags: Vec<_> = tags.collect::<Option<_>>()?;
        tags.sort_unstable_by_key(|(id, _)| *id);
        Some(SeriesKey::new(tags))
    }
}
