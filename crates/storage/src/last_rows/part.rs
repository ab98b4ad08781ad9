//! Writes the part of a file that has the last row of each of its series.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::collect::LastOfSeries;
use crate::parquet_file::{Effort, FileError, FileOptions, FileSummary, FileWriter};

/// A file with fewer rows is read as a whole almost as fast as a part of it.
const FILE_ROWS_MIN: u64 = 1024;

/// A part is worth its space when the file has so many times its rows.
const ROWS_PER_SERIES_MIN: u64 = 8;

/// By when a part must have turned out to be worth it.
const TRIAL_ROWS: u64 = 256 * 1024;

/// Collects the last rows of a file while it is written.
#[derive(Debug)]
pub(crate) struct PartWriter {
    /// `None` once it is clear that there are too many series.
    open: Option<(LastOfSeries, Box<FileWriter>)>,
    rows: u64,
    last_rows: u64,
}

impl PartWriter {
    /// For a file of rows of this schema.
    pub(crate) fn new(schema: &SchemaRef, effort: Effort) -> Result<Self, FileError> {
        let writer = FileWriter::new(SchemaRef::clone(schema), &FileOptions::new(effort))?;
        Ok(Self {
            open: Some((LastOfSeries::new(schema)?, Box::new(writer))),
            rows: 0,
            last_rows: 0,
        })
    }

    /// Takes the next rows of the file.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), FileError> {
        let Some((last, writer)) = &mut self.open else {
            return Ok(());
        };
        self.rows += rows.num_rows() as u64;
        if let Some(last) = last.push(rows)? {
            self.last_rows += last.num_rows() as u64;
            writer.write(&last)?;
        }
        if self.rows >= TRIAL_ROWS && !is_worth_it(self.rows, self.last_rows) {
            self.open = None;
        }
        Ok(())
    }

    /// The part of a file of so many rows; `None` if it is not worth it.
    pub(crate) fn finish(
        mut self,
        file_rows: u64,
    ) -> Result<Option<(Bytes, FileSummary)>, FileError> {
        let Some((mut last, mut writer)) = self.open.take() else {
            return Ok(None);
        };
        if let Some(last) = last.finish()? {
            self.last_rows += last.num_rows() as u64;
            writer.write(&last)?;
        }
        match file_rows >= FILE_ROWS_MIN && is_worth_it(file_rows, self.last_rows) {
            true => writer.finish().map(Some),
            false => Ok(None),
        }
    }
}

fn is_worth_it(rows: u64, last_rows: u64) -> bool {
    last_rows.saturating_mul(ROWS_PER_SERIES_MIN) <= rows
}
