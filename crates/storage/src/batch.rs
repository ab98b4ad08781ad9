//! The typed, columnar form of one accepted write: what the WAL stores and the buffer holds.
//!
//! Rows name their series by number; the tags of a series are in the batch once, as a
//! [`SeriesKey`]. Values are Arrow arrays, one per field column, NULL where a row did not have it.

pub(crate) mod codec;

use arrow::array::ArrayRef;
use catalog::{ColumnId, TableId};

use crate::series::SeriesKey;

/// One accepted write, over any number of tables of one database.
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    /// One entry per table.
    pub tables: Vec<TableBatch>,
}

impl WriteBatch {
    /// Rows in all tables.
    pub fn row_count(&self) -> usize {
        self.tables.iter().map(TableBatch::row_count).sum()
    }
}

/// The rows of a write that belong to one table, in the order they were written.
#[derive(Debug, Clone)]
pub struct TableBatch {
    /// The table.
    pub table: TableId,
    /// The distinct series of the rows.
    pub series: Vec<SeriesKey>,
    /// For every row, its series as an index into `series`.
    pub series_of_row: Vec<u32>,
    /// For every row, its time in nanoseconds.
    pub times: Vec<i64>,
    /// Field columns of as many values as there are rows. The array type follows the field type:
    /// `Float64`, `Int64`, `UInt64`, `Boolean` or `Utf8`.
    pub fields: Vec<(ColumnId, ArrayRef)>,
}

impl TableBatch {
    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.times.len()
    }
}
