//! Sorted rows as Parquet files, and back.
//!
//! Files hold what users wrote and nothing else: any Parquet reader gets the right rows. The sort
//! order is noted in the metadata of every row group.
//!
//! ```text
//! rows ─▶ FileWriter ─▶ row group: look at the first rows, choose a coding per column (coding.rs)
//!              │                   stream the rest through, page by page
//!              └─▶ bytes as row groups end, CRC-32C of all of them, FileSummary
//! ```
//!
//! [`encode`] is the same for rows that are in memory at once. Floats may be stored as decimals
//! (`decimal.rs`), which is a choice of the table's owner.

mod coding;
mod decimal;
mod options;
mod pieces;
mod reader;
mod side_by_side;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use catalog::FloatStorage;
use parquet::errors::ParquetError;

pub use decimal::{FileColumns, common_scales, exact_scale, exact_scales};
pub use options::{FileOptions, FileSummary, Layout};
pub(crate) use pieces::PieceDecoder;
pub(crate) use reader::read_metadata;
pub use writer::FileWriter;

/// How hard to press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For files that will be merged soon: zstd level 1.
    Flush,
    /// For files that stay: zstd level 3.
    Compaction,
}

/// Rows that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Parquet refuses.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// Arrow refuses.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A column was to be written as decimals and is not; write it as doubles.
    #[error("a value of column `{column}` is not a decimal with {scale} digits after the point")]
    NotDecimal {
        /// Its name.
        column: String,
        /// The scale that was asked for.
        scale: i8,
    },
    /// Rows have other columns than the file.
    #[error("rows do not have the schema of the file: {expected:?}")]
    Schema {
        /// What was expected.
        expected: SchemaRef,
    },
    /// A file has a column that its table lacks or has with another type.
    #[error("column `{column}` of the file is not one of the table: {found}")]
    UnexpectedColumn {
        /// Its name.
        column: String,
        /// Its type in the file.
        found: DataType,
    },
}

impl From<FileError> for ParquetError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Parquet(error) => error,
            error => Self::External(Box::new(error)),
        }
    }
}

/// Encodes one file of rows that come piece by piece, sorted by key, several columns at a time.
pub(crate) fn encode_pieces(
    schema: &SchemaRef,
    pieces: impl IntoIterator<Item = RecordBatch>,
    rows: usize,
    effort: Effort,
    threads: usize,
) -> Result<(Bytes, FileSummary), FileError> {
    let mut options = FileOptions::new(effort);
    options.rows_expected = Some(rows);
    options.last_rows = true;
    options.threads = threads;
    let mut writer = FileWriter::new(Arc::clone(schema), &options)?;
    for rows in pieces {
        writer.write(&rows)?;
    }
    writer.finish()
}

/// Encodes one file. `rows` is sorted by key.
pub fn encode(
    rows: &RecordBatch,
    floats: FloatStorage,
    effort: Effort,
) -> Result<(Bytes, FileSummary), FileError> {
    let mut options = FileOptions::new(effort);
    if floats == FloatStorage::DecimalWhenExact {
        options.scales = exact_scales(rows);
    }
    options.rows_expected = Some(rows.num_rows());
    options.last_rows = true;
    let mut writer = FileWriter::new(rows.schema(), &options)?;
    writer.write(rows)?;
    writer.finish()
}
