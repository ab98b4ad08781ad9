//! Writes one Parquet file as rows come in, holding one encoded row group in memory.
//!
//! A row group starts with a look at its first rows, which decides the coding of every column; the
//! rest is encoded as it comes. Nothing here does I/O: finished bytes wait to be taken.

use std::io;
use std::mem;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Schema, SchemaRef, TimestampNanosecondType,
};
use bytes::Bytes;
use catalog::{LastRowsPart, TIME_COLUMN};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::add_encoded_arrow_schema_to_metadata;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, TypePtr};

use super::coding::{self, Beginning, Coding};
use super::options::{FileOptions, FileSummary, Layout};
use super::side_by_side::side_by_side;
use super::{Effort, FileError, decimal};
use crate::last_rows::PartWriter;

/// Fewer rows are encoded by one thread: starting another takes as long as some hundred of them.
const SIDE_BY_SIDE_ROWS_MIN: usize = 8192;

/// Writes one file.
///
/// ```text
/// let mut writer = FileWriter::new(schema, &FileOptions::new(Effort::Compaction))?;
/// while let Some(rows) = merged.next() {
///     writer.write(&rows?)?;               // CPU work
///     writer.send(&mut upload).await?;     // what has been finished, if anything
/// }
/// let (rest, summary) = writer.finish()?;
/// ```
pub struct FileWriter {
    /// Of the rows that come in.
    schema: SchemaRef,
    /// Of the file: the same, but for decimals.
    stored: SchemaRef,
    root: TypePtr,
    scales: Vec<Option<i8>>,
    effort: Effort,
    layout: Layout,
    rows_expected: Option<usize>,
    threads: usize,
    file: SerializedFileWriter<Vec<u8>>,
    group: Group,
    checksum: u32,
    size_bytes: u64,
    /// In row groups that are complete.
    grouped_rows: usize,
    rows: u64,
    times: Option<(i64, i64)>,
    last_rows: Option<PartWriter>,
}

/// The row group that is being written.
enum Group {
    /// Rows wait until there are enough of them to choose by.
    Sampling(Vec<RecordBatch>),
    /// Rows are encoded.
    Encoding {
        columns: Vec<ArrowColumnWriter>,
        rows: usize,
    },
}

impl std::fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWriter")
            .field("stored", &self.stored)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl FileWriter {
    /// Starts a file for rows of this schema, which is a table's: the tags are the dictionaries,
    /// and rows come sorted by them and time.
    pub fn new(schema: SchemaRef, options: &FileOptions) -> Result<Self, FileError> {
        let scales = schema
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Float64 => options.scales.get(field.name()).copied(),
                _ => None,
            })
            .collect::<Vec<_>>();
        let stored = Arc::new(stored_schema(&schema, &scales));
        let root = ArrowSchemaConverter::new()
            .convert(&stored)?
            .root_schema_ptr();
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_sorting_columns(Some(sorting_columns(&stored)))
            .build();
        add_encoded_arrow_schema_to_metadata(&stored, &mut properties);
        let file = SerializedFileWriter::new(Vec::new(), Arc::clone(&root), Arc::new(properties))?;
        let last_rows = options
            .last_rows
            .then(|| PartWriter::new(&schema, options.effort));
        Ok(Self {
            last_rows: last_rows.transpose()?,
            schema,
            stored,
            root,
            scales,
            effort: options.effort,
            layout: options.layout.at_least_one(),
            rows_expected: options.rows_expected,
            threads: options.threads,
            file,
            group: Group::Sampling(Vec::new()),
            checksum: 0,
            size_bytes: 0,
            grouped_rows: 0,
            rows: 0,
            times: None,
        })
    }

    /// Encodes rows, which follow those written before in key order.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), FileError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let stored = self.to_stored(rows)?;
        self.count(&stored);
        if let Some(part) = &mut self.last_rows {
            part.write(rows)?;
        }
        let mut from = 0;
        while from < stored.num_rows() {
            let room = self.layout.group_rows_max - self.group.rows();
            let length = room.min(stored.num_rows() - from);
            self.add(stored.slice(from, length))?;
            from += length;
        }
        Ok(())
    }

    /// The bytes that are ready, in order. They are never more than one row group.
    pub fn take_bytes(&mut self) -> Result<Bytes, FileError> {
        self.file.flush().map_err(ParquetError::from)?;
        let bytes = mem::take(self.file.inner_mut());
        self.checksum = crc32c::crc32c_append(self.checksum, &bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(bytes.into())
    }

    /// Hands what is ready to an upload.
    pub async fn send(&mut self, out: &mut dyn AsyncFileWriter) -> Result<(), FileError> {
        let bytes = self.take_bytes()?;
        if !bytes.is_empty() {
            out.write(bytes).await?;
        }
        Ok(())
    }

    /// Ends the file. Returns the bytes that were not taken yet.
    pub fn finish(mut self) -> Result<(Bytes, FileSummary), FileError> {
        self.end_group()?;
        let last_rows = self.end_last_rows()?;
        self.file.finish()?;
        let rest = self.take_bytes()?;
        let summary = FileSummary {
            checksum: self.checksum,
            size_bytes: self.size_bytes,
            rows: self.rows,
            times: self.times,
            last_rows,
        };
        Ok((rest, summary))
    }

    /// Puts the part between the row groups and the footer, where readers who do not know of it do
    /// not look.
    fn end_last_rows(&mut self) -> Result<Option<LastRowsPart>, FileError> {
        let Some(part) = self.last_rows.take() else {
            return Ok(None);
        };
        let Some((bytes, summary)) = part.finish(self.rows)? else {
            return Ok(None);
        };
        let start = self.file.bytes_written() as u64;
        self.file.write_all(&bytes).map_err(ParquetError::from)?;
        Ok(Some(LastRowsPart {
            start,
            size_bytes: summary.size_bytes,
            checksum: summary.checksum,
            rows: summary.rows,
        }))
    }

    /// Ends the file and the upload.
    pub async fn finish_to(self, out: &mut dyn AsyncFileWriter) -> Result<FileSummary, FileError> {
        let (rest, summary) = self.finish()?;
        out.write(rest).await?;
        out.complete().await?;
        Ok(summary)
    }

    /// Rows with the types of the file.
    fn to_stored(&self, rows: &RecordBatch) -> Result<RecordBatch, FileError> {
        let fields = self.schema.fields();
        let matches = rows.num_columns() == fields.len()
            && rows
                .columns()
                .iter()
                .zip(fields)
                .all(|(column, field)| column.data_type() == field.data_type());
        if !matches {
            return Err(FileError::Schema {
                expected: Arc::clone(&self.schema),
            });
        }
        let columns = rows.columns().iter().zip(&self.scales).zip(fields);
        let columns = columns.map(|((column, scale), field)| match *scale {
            None => Ok(Arc::clone(column)),
            Some(scale) => decimal::to_decimals(column.as_primitive::<Float64Type>(), scale)
                .ok_or_else(|| FileError::NotDecimal {
                    column: field.name().clone(),
                    scale,
                }),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&self.stored), columns)?)
    }

    fn count(&mut self, rows: &RecordBatch) {
        self.rows += rows.num_rows() as u64;
        let times = rows
            .column_by_name(TIME_COLUMN)
            .and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
        for &time in times.map_or(&[][..], |times| times.values()) {
            let (min, max) = self.times.get_or_insert((time, time));
            *min = time.min(*min);
            *max = time.max(*max);
        }
    }

    /// Adds rows to the row group, which has room for them.
    fn add(&mut self, rows: RecordBatch) -> Result<(), FileError> {
        match &mut self.group {
            Group::Sampling(waiting) => waiting.push(rows),
            Group::Encoding {
                columns,
                rows: encoded,
            } => {
                encode_rows(columns, &rows, self.threads)?;
                *encoded += rows.num_rows();
            }
        }
        let held = self.group.rows();
        let bytes = self.group.bytes();
        if let Group::Sampling(waiting) = &mut self.group
            && (held >= self.layout.sample_rows || bytes >= self.layout.group_bytes_max)
        {
            let waiting = mem::take(waiting);
            self.start_encoding(&waiting, self.expected_rows(held))?;
        }
        if held >= self.layout.group_rows_max || self.group.bytes() >= self.layout.group_bytes_max {
            self.end_group()?;
        }
        Ok(())
    }

    /// Rows of the row group that has begun with so many.
    fn expected_rows(&self, held: usize) -> usize {
        let left = self
            .rows_expected
            .map(|rows| rows.saturating_sub(self.grouped_rows));
        let full = self.layout.group_rows_max;
        left.map_or(full, |left| left.min(full)).max(held)
    }

    fn start_encoding(
        &mut self,
        waiting: &[RecordBatch],
        expected_rows: usize,
    ) -> Result<(), FileError> {
        let mut columns = self.column_writers(waiting, expected_rows)?;
        for rows in waiting {
            encode_rows(&mut columns, rows, self.threads)?;
        }
        let rows = waiting.iter().map(RecordBatch::num_rows).sum();
        self.group = Group::Encoding { columns, rows };
        Ok(())
    }

    /// Writers for the columns of a row group, each coded as suits the rows.
    fn column_writers(
        &self,
        waiting: &[RecordBatch],
        expected_rows: usize,
    ) -> Result<Vec<ArrowColumnWriter>, FileError> {
        let leading = sorting_columns(&self.stored);
        let leading = leading
            .first()
            .and_then(|column| usize::try_from(column.column_idx).ok());
        let (effort, threads) = (self.effort, threads_for(expected_rows, self.threads));
        let fields = self.stored.fields().iter().enumerate();
        let codings = side_by_side(fields, threads, |(index, field)| {
            let arrays: Vec<ArrayRef> = waiting
                .iter()
                .map(|rows| Arc::clone(rows.column(index)))
                .collect();
            let column = Beginning {
                field,
                arrays: &arrays,
                rows: expected_rows,
                leads: leading == Some(index),
            };
            let coding = coding::choose(&column, effort)?;
            Ok::<_, FileError>((field.name().as_str(), coding))
        })?;
        let runs = run_columns(&self.stored, waiting);
        let pages = self.writers_with(&codings, self.layout.page_rows_max)?;
        let run_pages = self.writers_with(&codings, self.layout.run_page_rows_max)?;
        let columns = pages.into_iter().zip(run_pages).enumerate();
        Ok(columns
            .map(|(index, (pages, run_pages))| match runs.contains(&index) {
                true => run_pages,
                false => pages,
            })
            .collect())
    }

    /// Writers for all columns. Parquet has one number of rows per page for a file; since each row
    /// group's writers are made here, columns and row groups can differ.
    fn writers_with(
        &self,
        codings: &[(&str, Coding)],
        page_rows: usize,
    ) -> Result<Vec<ArrowColumnWriter>, FileError> {
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_data_page_row_count_limit(page_rows)
            .set_write_batch_size(page_rows.min(self.layout.page_rows_max))
            .set_dictionary_page_size_limit(coding::DICTIONARY_BYTES_MAX)
            .set_data_page_v2_compression_ratio_threshold(coding::WORTH)
            .set_statistics_enabled(EnabledStatistics::Page);
        for (name, coding) in codings {
            properties = coding.apply(ColumnPath::from(*name), properties);
        }
        let blank = SerializedFileWriter::new(
            io::sink(),
            Arc::clone(&self.root),
            Arc::new(properties.build()),
        )?;
        let factory = ArrowRowGroupWriterFactory::new(&blank, Arc::clone(&self.stored));
        Ok(factory.create_column_writers(0)?)
    }

    /// Completes the row group, if it has rows.
    fn end_group(&mut self) -> Result<(), FileError> {
        if let Group::Sampling(waiting) = &mut self.group {
            let waiting = mem::take(waiting);
            let rows = waiting.iter().map(RecordBatch::num_rows).sum();
            if rows == 0 {
                return Ok(());
            }
            self.start_encoding(&waiting, rows)?;
        }
        let Group::Encoding { columns, rows } =
            mem::replace(&mut self.group, Group::Sampling(Vec::new()))
        else {
            return Ok(());
        };
        self.grouped_rows += rows;
        let threads = threads_for(rows, self.threads);
        let columns = side_by_side(columns.into_iter(), threads, ArrowColumnWriter::close)?;
        let mut group = self.file.next_row_group()?;
        for column in columns {
            column.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }
}

impl Group {
    fn rows(&self) -> usize {
        match self {
            Self::Sampling(waiting) => waiting.iter().map(RecordBatch::num_rows).sum(),
            Self::Encoding { rows, .. } => *rows,
        }
    }

    /// What is held.
    fn bytes(&self) -> usize {
        match self {
            Self::Sampling(waiting) => waiting
                .iter()
                .flat_map(RecordBatch::columns)
                .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0))
                .sum(),
            Self::Encoding { columns, .. } => {
                columns.iter().map(ArrowColumnWriter::memory_size).sum()
            }
        }
    }
}

fn encode_rows(
    columns: &mut [ArrowColumnWriter],
    rows: &RecordBatch,
    threads: usize,
) -> Result<(), FileError> {
    let threads = threads_for(rows.num_rows(), threads);
    side_by_side(
        columns.iter_mut().enumerate(),
        threads,
        |(index, writer)| {
            for leaf in compute_leaves(rows.schema_ref().field(index), rows.column(index))? {
                writer.write(&leaf)?;
            }
            Ok::<_, FileError>(())
        },
    )?;
    Ok(())
}

/// How many threads are worth it.
fn threads_for(rows: usize, threads: usize) -> usize {
    match rows < SIDE_BY_SIDE_ROWS_MIN {
        true => 1,
        false => threads,
    }
}

/// The schema of the file.
fn stored_schema(schema: &Schema, scales: &[Option<i8>]) -> Schema {
    let fields = schema.fields().iter().zip(scales);
    let fields = fields.map(|(field, scale)| match *scale {
        None => Arc::clone(field),
        Some(scale) => {
            let stored = Field::clone(field).with_data_type(decimal::decimal_type(scale));
            Arc::new(stored)
        }
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn is_tag(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Dictionary(..))
}

/// The row key: tags as they come, then time.
fn sorting_columns(schema: &Schema) -> Vec<SortingColumn> {
    let tags = (0..schema.fields().len()).filter(|&index| is_tag(schema.field(index)));
    tags.chain(schema.index_of(TIME_COLUMN))
        .map(|index| SortingColumn {
            column_idx: i32::try_from(index).expect("the column limit is below 65536"),
            descending: false,
            nulls_first: true,
        })
        .collect()
}

/// The tags that stay the same for longer than the one that changes most often.
fn run_columns(schema: &Schema, sample: &[RecordBatch]) -> Vec<usize> {
    let changes: Vec<(usize, usize)> = (0..schema.fields().len())
        .filter(|&index| is_tag(schema.field(index)))
        .map(|index| {
            let changes = sample.iter().map(|rows| tag_changes(rows.column(index)));
            (index, changes.sum())
        })
        .collect();
    // Where two change together, the first in sort order is the one that queries start from.
    let finest = changes.iter().rev().max_by_key(|(_, changes)| *changes);
    let finest = finest.map(|(index, _)| *index);
    let indexes = changes.into_iter().map(|(index, _)| index);
    indexes.filter(|index| Some(*index) != finest).collect()
}

fn tag_changes(column: &ArrayRef) -> usize {
    column.as_dictionary_opt::<Int32Type>().map_or(0, |tags| {
        let keys = tags.keys().values();
        keys.windows(2).filter(|pair| pair[0] != pair[1]).count()
    })
}
