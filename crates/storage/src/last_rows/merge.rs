//! Merges last rows of several sources.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::collect::{LastOfSeries, key_indices};
use super::times;
use crate::merge::{KeyColumns, KeyMerge, Step};

/// Rows that are merged at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// The last row of each series of files, of which there is one a series, and of newer rows. Both are sorted by key, and the newer rows
/// have every key once.
///
/// Where machines send on, newer rows have overtaken those of files, of which nothing but the key is looked at then.
pub(super) fn last_of_both(
    schema: &SchemaRef,
    mut of_files: Vec<RecordBatch>,
    newer: Option<RecordBatch>,
) -> Result<Vec<RecordBatch>, ArrowError> {
    of_files.retain(|rows| rows.num_rows() > 0);
    let Some(newer) = newer.filter(|newer| newer.num_rows() > 0) else {
        return Ok(of_files);
    };
    let key = KeyColumns::try_new(schema, key_indices(schema)?)?;
    let series = key.runs(&newer)?;
    let (mut left, mut next) = (Vec::new(), 0);
    for rows in of_files {
        let of_file = key.runs(&rows)?;
        let mut is_last: Vec<bool> = Vec::with_capacity(rows.num_rows());
        for run in 0..of_file.len() {
            while next < series.len() && series.key(next) < of_file.key(run) {
                next += 1;
            }
            let has_newer = next < series.len() && series.key(next) == of_file.key(run);
            let overtaken = has_newer.then(|| times(&newer)[series.end(next) - 1]);
            let own = &times(&rows)[is_last.len()..of_file.end(run)];
            is_last.extend(
                own.iter()
                    .map(|time| overtaken.is_none_or(|newer| newer <= *time)),
            );
        }
        if is_last.contains(&true) {
            left.push(filter_record_batch(&rows, &BooleanArray::from(is_last))?);
        }
    }
    let are_last = left.is_empty() && series.len() == newer.num_rows();
    match are_last {
        true => Ok(vec![newer]),
        false => last_of_all(schema, vec![left, vec![newer]]),
    }
}

/// The last row of each series over all inputs, oldest first. Each input is sorted by key and has every
/// key once; rows of one key are merged field by field.
pub(super) fn last_of_all(
    schema: &SchemaRef,
    mut inputs: Vec<Vec<RecordBatch>>,
) -> Result<Vec<RecordBatch>, ArrowError> {
    inputs.retain(|input| input.iter().any(|rows| rows.num_rows() > 0));
    let mut last = LastOfSeries::new(schema)?;
    let mut output = Vec::new();
    let key = key_indices(schema)?;
    let mut merge = KeyMerge::try_new(Arc::clone(schema), key, inputs.len(), BATCH_ROWS)?;
    let mut inputs: Vec<_> = inputs.into_iter().map(Vec::into_iter).collect();
    loop {
        match merge.step()? {
            Step::NeedInput(input) => match inputs[input].next() {
                Some(rows) => merge.push(input, rows)?,
                None => merge.finish(input),
            },
            Step::Output(rows) => output.extend(last.push(&rows)?),
            Step::Done => {
                output.extend(last.finish()?);
                return Ok(output);
            }
        }
    }
}
