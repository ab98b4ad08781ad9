//! Picks the last row of each series from rows that come sorted by key.

use std::mem;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, UInt32Array,
};
use arrow::compute::{concat_batches, take, take_record_batch};
use arrow::datatypes::{DataType, Int32Type, Schema};
use arrow::error::ArrowError;
use catalog::TIME_COLUMN;

use crate::merge::KeyColumns;

/// Rows are handed on when there are so many: batches of a few rows each cost more than what is in
/// them.
const OUTPUT_ROWS: usize = 4096;

/// Picks the last row of each series.
#[derive(Debug)]
pub(super) struct LastOfSeries {
    key: KeyColumns,
    /// The last row so far of the series that may go on in the next batch, with the series' key.
    open: Option<(Vec<u8>, RecordBatch)>,
    ready: Vec<RecordBatch>,
    ready_rows: usize,
}

impl LastOfSeries {
    /// For rows of this schema, which is a table's or part of one: `time`, tags, fields.
    pub(super) fn new(schema: &Schema) -> Result<Self, ArrowError> {
        Ok(Self {
            key: KeyColumns::try_new(schema, key_indices(schema)?)?,
            open: None,
            ready: Vec::new(),
            ready_rows: 0,
        })
    }

    /// Takes rows that follow those before in key order; returns last rows when there are many.
    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<Option<RecordBatch>, ArrowError> {
        if rows.num_rows() == 0 {
            return Ok(None);
        }
        let runs = self.key.runs(rows)?;
        if let Some((key, row)) = self.open.take()
            && key != runs.key(0)
        {
            self.add(row);
        }
        let newest = runs.len() - 1;
        let end = |run| u32::try_from(runs.end(run) - 1).expect("a batch has fewer rows");
        if newest > 0 {
            let ends = (0..newest).map(end).collect::<UInt32Array>();
            self.add(compact(&take_record_batch(rows, &ends)?)?);
        }
        let last = UInt32Array::from(vec![end(newest)]);
        let last = compact(&take_record_batch(rows, &last)?)?;
        self.open = Some((runs.key(newest).to_vec(), last));
        match self.ready_rows >= OUTPUT_ROWS {
            true => self.output(),
            false => Ok(None),
        }
    }

    /// The rows that are left. Rows that are pushed later begin a series of their own.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if let Some((_, row)) = self.open.take() {
            self.add(row);
        }
        self.output()
    }

    fn add(&mut self, rows: RecordBatch) {
        self.ready_rows += rows.num_rows();
        self.ready.push(rows);
    }

    fn output(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.ready_rows = 0;
        let ready = mem::take(&mut self.ready);
        let rows = ready
            .first()
            .map(|first| concat_batches(&first.schema(), &ready));
        rows.transpose()
    }
}

/// The places of the tags, in order, and of the time.
pub(super) fn key_indices(schema: &Schema) -> Result<Vec<usize>, ArrowError> {
    let fields = schema.fields().iter().enumerate();
    let tags = fields.filter(|(_, field)| matches!(field.data_type(), DataType::Dictionary(..)));
    let mut key: Vec<usize> = tags.map(|(index, _)| index).collect();
    key.push(schema.index_of(TIME_COLUMN)?);
    Ok(key)
}

/// The same rows with dictionaries of their own: those of many rows would stay in memory for a few.
fn compact(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |column: &ArrayRef| match column.as_dictionary_opt::<Int32Type>() {
        Some(tags) => Ok(std::sync::Arc::new(compact_tags(tags)?) as ArrayRef),
        None => Ok(std::sync::Arc::clone(column)),
    };
    let columns = rows.columns().iter().map(column);
    RecordBatch::try_new(rows.schema(), columns.collect::<Result<_, ArrowError>>()?)
}

fn compact_tags(
    tags: &DictionaryArray<Int32Type>,
) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    let mut new_codes: Vec<Option<i32>> = vec![None; tags.values().len()];
    let mut used: Vec<i32> = Vec::new();
    let mut new_code = |code: i32| {
        let new = &mut new_codes[code as usize];
        *new.get_or_insert_with(|| {
            used.push(code);
            i32::try_from(used.len() - 1).expect("as many as there were before at most")
        })
    };
    let codes = tags.keys().iter().map(|code| code.map(&mut new_code));
    let codes: Int32Array = codes.collect();
    let values = take(tags.values(), &Int32Array::from(used), None)?;
    DictionaryArray::try_new(codes, values)
}
