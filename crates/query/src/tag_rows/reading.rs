//! Finds out which rows of a file have which value of a tag, from the column of the tag.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, SchemaRef};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use futures::StreamExt;

/// Runs have so many rows on the whole, or reading pages and looking through them is not slower.
const RUN_ROWS_MIN: u64 = 16;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 32 << 10;

/// What a value takes beside its text and its runs: its place in a map that is not full, and two allocations.
const VALUE_BYTES: u64 = 128;

/// What a column takes of a schema.
const COLUMN_BYTES: u64 = 192;

/// The rows of a file, counted from its first one, that have a value of a tag.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RowsOfTag {
    /// Runs of rows by value, ascending.
    by_value: HashMap<Box<str>, Vec<Range<u32>>>,
    runs: u64,
    text_bytes: u64,
    /// The columns of the file: whoever brings them spares every query decoding them from its footer.
    pub(super) columns: Option<SchemaRef>,
}

/// Reads the column of a tag; `None` if its values change too often, or where they are takes more than so many bytes.
pub(super) async fn rows_of_tag(
    reader: Box<dyn AsyncFileReader>,
    tag: &str,
    rows: u64,
    bytes_max: u64,
) -> Result<Option<RowsOfTag>> {
    let options = ArrowReaderOptions::new();
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, options).await?;
    let mut found = RowsOfTag {
        columns: Some(Arc::clone(builder.schema())),
        ..RowsOfTag::default()
    };
    let Ok(column) = builder.schema().index_of(tag) else {
        // The file is from a time without this tag: no row has it.
        return Ok(Some(found));
    };
    if u32::try_from(rows).is_err() {
        return Ok(None);
    }
    let wanted = ProjectionMask::roots(builder.parquet_schema(), [column]);
    let reading = builder
        .with_projection(wanted)
        .with_batch_size(BATCH_ROWS)
        .build();
    let mut reading = reading?;
    let mut first_row = 0;
    while let Some(batch) = reading.next().await.transpose()? {
        found.add(batch.column(0), first_row, tag)?;
        first_row += batch.num_rows() as u32;
        if found.runs > rows / RUN_ROWS_MIN || found.size() > bytes_max {
            return Ok(None);
        }
    }
    found.by_value.shrink_to_fit();
    Ok(Some(found))
}

impl RowsOfTag {
    /// Adds the rows of a batch that come after all others.
    fn add(&mut self, column: &dyn Array, first_row: u32, tag: &str) -> Result<()> {
        let unlike = || exec_datafusion_err!("the column {tag} holds {}", column.data_type());
        let column = column.as_dictionary_opt::<Int32Type>().ok_or_else(unlike)?;
        let texts = column.values().as_string_opt::<i32>().ok_or_else(unlike)?;
        let keys = column.keys();
        let mut start = 0;
        while start < keys.len() {
            let key = keys.is_valid(start).then(|| keys.value(start));
            let is_it = |row: &usize| keys.is_valid(*row).then(|| keys.value(*row)) == key;
            let end = start + (start..keys.len()).take_while(is_it).count();
            if let Some(key) = key {
                let run = first_row + start as u32..first_row + end as u32;
                self.push(texts.value(key as usize), run);
            }
            start = end;
        }
        Ok(())
    }

    fn push(&mut self, value: &str, run: Range<u32>) {
        let Some(runs) = self.by_value.get_mut(value) else {
            self.text_bytes += value.len() as u64;
            self.runs += 1;
            self.by_value.insert(value.into(), vec![run]);
            return;
        };
        match runs.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ => {
                self.runs += 1;
                runs.push(run);
            }
        }
    }

    /// The rows that have one of these values, in order.
    pub(super) fn rows(&self, values: &[&str]) -> Vec<Range<usize>> {
        let runs = values.iter().filter_map(|value| self.by_value.get(*value));
        let runs = runs.flatten();
        let mut rows: Vec<_> = runs
            .map(|run| run.start as usize..run.end as usize)
            .collect();
        rows.sort_unstable_by_key(|run| run.start);
        // Whoever asks for a value twice gets its rows once.
        rows.dedup();
        rows
    }

    /// About how many bytes this takes.
    pub(super) fn size(&self) -> u64 {
        let runs = 2 * self.runs * size_of::<Range<u32>>() as u64;
        let columns = self.columns.as_ref().map_or(0, |it| it.fields().len());
        self.by_value.len() as u64 * VALUE_BYTES
            + self.text_bytes
            + runs
            + columns as u64 * COLUMN_BYTES
    }
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "some lists of runs have one"
)]
mod tests {
    use arrow::array::DictionaryArray;

    use super::*;

    #[test]
    fn runs_go_on_from_batch_to_batch() {
        let batches: [&[Option<&str>]; 4] = [
            &[None, Some("a"), Some("a"), Some("b")],
            &[Some("b"), Some("a")],
            &[Some("a")],
            &[None, Some("c"), Some("c"), Some("a")],
        ];
        let (mut found, mut first_row) = (RowsOfTag::default(), 0);
        for batch in batches {
            let column: DictionaryArray<Int32Type> = batch.iter().copied().collect();
            found.add(&column, first_row, "tag").unwrap();
            first_row += batch.len() as u32;
        }
        assert_eq!(found.rows(&["a"]), [1..3, 5..7, 10..11]);
        assert_eq!(found.rows(&["b"]), [3..5]);
        assert_eq!(found.rows(&["c", "b", "none", "b"]), [3..5, 8..10]);
        assert!(found.rows(&[]).is_empty());
        assert_eq!((found.runs, found.text_bytes), (5, 3));
    }

    #[test]
    fn another_type_is_an_error() {
        let column = arrow::array::Int64Array::from(vec![1]);
        let error = RowsOfTag::default().add(&column, 0, "tag").unwrap_err();
        assert!(error.to_string().contains("the column tag holds Int64"));
    }
}
