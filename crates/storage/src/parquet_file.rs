//! Sorted rows as the bytes of a Parquet file.
//!
//! Files hold what users wrote and nothing else: any Parquet reader gets the right rows. `time` is
//! delta-encoded, tags are dictionaries, and the sort order is noted in the row group metadata.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use catalog::{TIME_COLUMN, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::series::key_columns;

/// Rows of a row group: small enough that a query over one series skips most of a file, large
/// enough that its metadata stays below a percent.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Rows of a page at most: about what one series has in an hour at 1 Hz.
const PAGE_ROWS: usize = 4096;

/// Encodes one file. `rows` is sorted by key, and its schema holds the table's columns.
pub(crate) fn encode(rows: &RecordBatch, table: &Table) -> Result<Vec<u8>> {
    let schema = rows.schema();
    let mut bytes = Vec::with_capacity(rows.get_array_memory_size() / 4);
    let properties = properties(&schema, table);
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(&schema), Some(properties))?;
    writer.write(rows)?;
    writer.close()?;
    Ok(bytes)
}

fn properties(schema: &Schema, table: &Table) -> WriterProperties {
    let time = ColumnPath::from(TIME_COLUMN);
    let sorting = key_columns(table)
        .filter_map(|name| schema.index_of(name).ok())
        .map(|index| {
            let column_idx = i32::try_from(index).expect("the column limit is below 65536");
            SortingColumn {
                column_idx,
                descending: false,
                nulls_first: true,
            }
        })
        .collect();
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(1).expect("1 is a level"),
        ))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(sorting))
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
        .build()
}
