//! Reads files, merges them, and writes the result: a stream from object store to object store that
//! holds one batch of each input and one row group of the output.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, SchemaRef};
use catalog::{DAY_NANOS, FileId, FileRecord, FloatStorage, Predicate, Table};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::merge::{KeyMerge, Step};
use crate::parquet_file::{Effort, FileColumns, FileOptions, FileSummary, FileWriter, common_scales};
use crate::parquet_file::StoreReader;
use crate::row_filter::{RowFilter, is_not_true, matches};
use crate::schema::arrow_schema;
use crate::series::key_columns;

/// Rows that are merged at a time.
const BATCH_ROWS: usize = 8192;

/// Bytes that are sent to the object store at a time.
const PART_BYTES: usize = 8 << 20;

/// What to make of some files.
#[derive(Debug)]
pub(crate) struct Rewrite {
    pub(crate) table: Arc<Table>,
    /// Oldest first.
    pub(crate) inputs: Vec<Arc<FileRecord>>,
    /// Rows before this time are left out.
    pub(crate) earliest: i64,
    /// Merged rows of which this is true are left out.
    pub(crate) unwanted: Option<Predicate>,
    pub(crate) window: Range<i64>,
    pub(crate) level: u8,
    /// Whether no key of the result is in an older file.
    pub(crate) is_whole_window: bool,
    /// The number of the manifest that this was decided on: with the inputs it names the result.
    pub(crate) decided_at: u64,
    /// Ends the work early, with an error.
    pub(crate) stop: CancellationToken,
}

/// Does it; `None` if no row is left. Must not run on a thread that answers requests.
pub(crate) async fn run(rewrite: &Rewrite, store: &Arc<dyn ObjectStore>) -> Result<Option<FileRecord>> {
    let schema = arrow_schema(&rewrite.table);
    let mut inputs = Vec::with_capacity(rewrite.inputs.len());
    let mut file_schemas = Vec::with_capacity(rewrite.inputs.len());
    for file in &rewrite.inputs {
        let filter = RowFilter::of(&rewrite.table, file, rewrite.earliest);
        let (input, file_schema) = Input::open(store, file, filter, &schema).await?;
        inputs.push(input);
        file_schemas.push(file_schema);
    }
    let mut options = FileOptions::new(Effort::Compaction);
    if rewrite.table.float_storage == FloatStorage::DecimalWhenExact {
        options.scales = common_scales(&schema, file_schemas.iter().map(|schema| &**schema));
    }
    let id = rewrite.file_id();
    let path = Path::from(rewrite.record(id, None).path());
    let mut output = Output {
        writer: FileWriter::new(Arc::clone(&schema), &options)?,
        upload: BufWriter::with_capacity(Arc::clone(store), path, PART_BYTES),
    };
    let written = write_merged(rewrite, &schema, inputs, &mut output).await;
    if let Err(error) = written {
        // Parts that were sent take up room for nothing.
        let _already_failed = output.upload.abort().await;
        return Err(error);
    }
    let summary = output.finish().await?;
    Ok(summary.map(|summary| rewrite.record(id, Some(summary))))
}

impl Rewrite {
    fn file_id(&self) -> FileId {
        let ids = || self.inputs.iter().map(|file| file.id);
        const HAS_INPUTS: &str = "nothing is made of nothing";
        // Two processes, or two attempts of one, never write to the same name: each starts from
        // another manifest.
        let mut seed = self.decided_at.to_le_bytes().to_vec();
        for file in &self.inputs {
            seed.extend_from_slice(file.path().as_bytes());
        }
        FileId {
            first_sequence: ids().map(|id| id.first_sequence).min().expect(HAS_INPUTS),
            last_sequence: ids().map(|id| id.last_sequence).max().expect(HAS_INPUTS),
            discriminator: crc32c::crc32c(&seed),
        }
    }

    fn record(&self, id: FileId, summary: Option<FileSummary>) -> FileRecord {
        let (time_min, time_max) = summary.and_then(|s| s.times).unwrap_or_default();
        let deletes = self.table.deletes().iter().map(|delete| delete.id);
        let before = self.inputs.iter().map(|file| file.deletes_through);
        FileRecord {
            id,
            database: self.table.database,
            table: self.table.id,
            partition_start: self.window.start,
            partition_nanos: self.window.end.saturating_sub(self.window.start).max(DAY_NANOS),
            level: self.level,
            checksum: summary.map_or(0, |summary| summary.checksum),
            deletes_through: deletes.chain(before).max().unwrap_or_default(),
            size_bytes: summary.map_or(0, |summary| summary.size_bytes),
            rows: summary.map_or(0, |summary| summary.rows),
            time_min,
            time_max,
            keys_are_new: self.is_whole_window || self.inputs.iter().all(|file| file.keys_are_new),
        }
    }
}

/// One file as a stream of rows of the table.
struct Input {
    rows: BoxStream<'static, parquet::errors::Result<RecordBatch>>,
    columns: FileColumns,
    filter: RowFilter,
}

impl Input {
    async fn open(
        store: &Arc<dyn ObjectStore>,
        file: &FileRecord,
        filter: RowFilter,
        schema: &SchemaRef,
    ) -> Result<(Self, SchemaRef)> {
        let mut reader = StoreReader::new(store, file);
        let metadata = reader.get_metadata(None).await?;
        let as_stored = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
        let file_schema = Arc::clone(as_stored.schema());
        let columns = FileColumns::of(schema, &file_schema)?;
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(columns.reader_schema()));
        let wanted = ArrowReaderMetadata::try_new(Arc::clone(as_stored.metadata()), options)?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, wanted);
        let rows = builder.with_batch_size(BATCH_ROWS).build()?.boxed();
        let input = Self {
            rows,
            columns,
            filter,
        };
        Ok((input, file_schema))
    }

    /// The next rows, with all columns of the table.
    async fn next(&mut self, table: &Table, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        let Some(rows) = self.rows.next().await.transpose()? else {
            return Ok(None);
        };
        let rows = self.columns.apply(&rows)?;
        let rows = self.filter.apply(rows, table)?;
        Ok(Some(with_all_columns(&rows, schema)?))
    }
}

struct Output {
    writer: FileWriter,
    upload: BufWriter,
}

impl Output {
    async fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows)?;
        let ready = self.writer.take_bytes()?;
        if !ready.is_empty() {
            self.upload.put(ready).await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Option<FileSummary>> {
        let (rest, summary) = self.writer.finish()?;
        if summary.rows == 0 {
            let _nothing_was_sent = self.upload.abort().await;
            return Ok(None);
        }
        self.upload.put(rest).await?;
        self.upload.shutdown().await.map_err(upload_failed)?;
        Ok(Some(summary))
    }
}

fn upload_failed(source: std::io::Error) -> Error {
    Error::Store(object_store::Error::Generic {
        store: "upload",
        source: Box::new(source),
    })
}

/// Rows as columns of `schema`; a column that they lack is NULL.
fn with_all_columns(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |field: &Arc<Field>| match rows.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), rows.num_rows()),
    };
    let columns = schema.fields().iter().map(column).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

async fn write_merged(
    rewrite: &Rewrite,
    schema: &SchemaRef,
    mut inputs: Vec<Input>,
    output: &mut Output,
) -> Result<()> {
    let table = &*rewrite.table;
    let key = key_columns(table).map(|name| schema.index_of(name));
    let key = key.collect::<Result<Vec<_>, _>>()?;
    let mut merge = KeyMerge::try_new(Arc::clone(schema), key, inputs.len(), BATCH_ROWS)?;
    loop {
        if rewrite.stop.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        match merge.step()? {
            Step::NeedInput(input) => match inputs[input].next(table, schema).await? {
                Some(rows) => merge.push(input, rows)?,
                None => merge.finish(input),
            },
            Step::Output(rows) => output.write(&wanted(rewrite, rows)?).await?,
            Step::Done => return Ok(()),
        }
    }
}

fn wanted(rewrite: &Rewrite, rows: RecordBatch) -> Result<RecordBatch> {
    let Some(unwanted) = &rewrite.unwanted else {
        return Ok(rows);
    };
    let unwanted = matches(unwanted, &rows, &rewrite.table)?;
    Ok(filter_record_batch(&rows, &is_not_true(&unwanted))?)
}
