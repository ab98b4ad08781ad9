//! Merges last rows of several sources.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::collect::{LastOfSeries, key_indices};
use crate::merge::{KeyMerge, Step};

/// Rows that are merged at a time.
const BATCH_ROWS: usize = 64 * 1024;

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
