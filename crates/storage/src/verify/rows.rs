//! The rows of one file: sorted by key, no key twice, as many and of the times that are recorded.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Schema, TimestampNanosecondType};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use catalog::{FileRecord, TIME_COLUMN, Table};

use crate::series::key_columns;

/// What is known of the rows so far.
#[derive(Debug)]
pub(super) struct RowCheck {
    converter: RowConverter,
    /// The key's columns in the file. A tag that the file lacks is NULL in all of its rows, and
    /// decides nothing about their order.
    key: Vec<usize>,
    time: usize,
    last: Option<OwnedRow>,
    rows: u64,
    times: Option<(i64, i64)>,
}

impl RowCheck {
    /// For rows of this schema.
    pub(super) fn new(schema: &Schema, table: &Table) -> Result<Self, String> {
        let time = schema.index_of(TIME_COLUMN);
        let time = time.map_err(|_| "it has no column `time`".to_owned())?;
        let key: Vec<usize> = key_columns(table)
            .filter_map(|name| schema.index_of(name).ok())
            .collect();
        let fields = key.iter().map(|&column| schema.field(column).data_type());
        let fields = fields.map(|kind| SortField::new(kind.clone())).collect();
        let converter = RowConverter::new(fields).map_err(|error| error.to_string())?;
        Ok(Self {
            converter,
            key,
            time,
            last: None,
            rows: 0,
            times: None,
        })
    }

    /// Takes the next rows. The inner error says what is wrong with them.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<Result<(), String>, ArrowError> {
        let (first, count) = (self.rows, batch.num_rows());
        if count == 0 {
            return Ok(Ok(()));
        }
        let times = batch
            .column(self.time)
            .as_primitive::<TimestampNanosecondType>();
        if times.null_count() > 0 {
            return Ok(Err("a row has no time".to_owned()));
        }
        let key = self.key.iter().map(|&column| batch.column(column));
        let key: Vec<_> = key.map(Arc::clone).collect();
        let keys = self.converter.convert_columns(&key)?;
        let mut last = self.last.as_ref().map(OwnedRow::row);
        for at in 0..count {
            let row = keys.row(at);
            let order = last.map(|last| last.cmp(&row));
            let row_number = first + at as u64;
            match order {
                None | Some(std::cmp::Ordering::Less) => last = Some(row),
                Some(std::cmp::Ordering::Equal) => {
                    return Ok(Err(format!(
                        "row {row_number} has the key of the one before"
                    )));
                }
                Some(std::cmp::Ordering::Greater) => {
                    return Ok(Err(format!("row {row_number} is out of order")));
                }
            }
        }
        self.last = Some(keys.row(count - 1).owned());
        self.rows += count as u64;
        for &time in times.values() {
            let (min, max) = self.times.unwrap_or((time, time));
            self.times = Some((min.min(time), max.max(time)));
        }
        Ok(Ok(()))
    }

    /// Compares all rows with what is recorded.
    pub(super) fn finish(&self, file: &FileRecord) -> Result<(), String> {
        if self.rows != file.rows {
            return Err(format!("it has {} rows, not {}", self.rows, file.rows));
        }
        let recorded = (file.time_min, file.time_max);
        match self.times {
            Some(times) if times != recorded => Err(format!(
                "its times go from {} to {}, not from {} to {}",
                times.0, times.1, recorded.0, recorded.1
            )),
            _ => Ok(()),
        }
    }
}
