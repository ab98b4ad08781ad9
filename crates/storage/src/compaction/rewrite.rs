//! Reads files, merges them, and writes the result: a stream from object store to object store that
//! holds a piece of a row group of each input, encoded, and a row group of the output.
//!
//! The work itself ([`Machine`]) does no input or output: it says what it needs read or sent next, and
//! runs on threads for CPU work; [`run`] moves bytes in between, on those that answer requests.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, SchemaRef};
use bytes::Bytes;
use catalog::{DAY_NANOS, FileId, FileRecord, FloatStorage, Predicate, Table};
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::background::Background;
use crate::error::{Error, Result};
use crate::file_check::check_object;
use crate::merge::{KeyMerge, Step};
use crate::parquet_file::{
    Effort, FileColumns, FileOptions, FileSummary, FileWriter, PieceDecoder, common_scales,
    read_metadata,
};
use crate::row_filter::{RowFilter, is_not_true, matches};
use crate::schema::arrow_schema;
use crate::series::key_columns;

/// Rows that are merged at a time.
const BATCH_ROWS: usize = 8192;

/// Encoded bytes of all inputs that are held at a time.
const INPUT_BYTES: usize = 16 << 20;

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
    /// The number of the manifest that this was decided on: with the attempt and the inputs it names
    /// the result.
    pub(crate) decided_at: u64,
    /// Tells the attempts of this process apart. An earlier one may have been committed although its
    /// answer was lost, and a later one of the same inputs may leave out other rows.
    pub(crate) attempt: u64,
    /// Ends the work early, with an error.
    pub(crate) stop: CancellationToken,
}

/// Does it; `None` if no row is left.
pub(crate) async fn run(
    rewrite: Arc<Rewrite>,
    store: &Arc<dyn ObjectStore>,
    background: &Background,
) -> Result<Option<FileRecord>> {
    let schema = arrow_schema(&rewrite.table);
    let mut inputs = Vec::with_capacity(rewrite.inputs.len());
    let piece_bytes = INPUT_BYTES / rewrite.inputs.len().max(1);
    for file in &rewrite.inputs {
        // Damage must not be written anew, with a checksum that says that all is well.
        check_object(store.as_ref(), file).await?;
        let filter = RowFilter::of(&rewrite.table, file, rewrite.earliest);
        inputs.push(Input::open(store, file, filter, &schema, piece_bytes).await?);
    }
    let id = rewrite.file_id();
    let path = Path::from(rewrite.record(id, None).path());
    let mut upload = BufWriter::with_capacity(Arc::clone(store), path, PART_BYTES);
    let machine = Machine::new(Arc::clone(&rewrite), schema, inputs)?;
    match transfer(machine, &rewrite, store, background, &mut upload).await {
        Ok(summary) if summary.rows > 0 => {
            upload.shutdown().await.map_err(upload_failed)?;
            Ok(Some(rewrite.record(id, Some(summary))))
        }
        nothing_to_keep => {
            // Parts that were sent take up room for nothing.
            let _sent_or_not = upload.abort().await;
            nothing_to_keep.map(|_| None)
        }
    }
}

/// Moves bytes between the store and the machine until it is done.
async fn transfer(
    mut machine: Machine,
    rewrite: &Rewrite,
    store: &Arc<dyn ObjectStore>,
    background: &Background,
    upload: &mut BufWriter,
) -> Result<FileSummary> {
    loop {
        if rewrite.stop.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let advance = move || {
            let next = machine.advance();
            (machine, next)
        };
        let (returned, next) = background.run(advance).await?;
        machine = returned;
        match next? {
            Next::Read { input, ranges } => {
                let path = rewrite.inputs[input].path().into();
                let bytes = store.get_ranges(&path, &ranges).await?;
                machine.inputs[input].decoder.push_ranges(ranges, bytes)?;
            }
            Next::Send(bytes) => upload.put(bytes).await?,
            Next::Done(rest, summary) => {
                if summary.rows > 0 {
                    upload.put(rest).await?;
                }
                return Ok(summary);
            }
        }
    }
}

fn upload_failed(source: std::io::Error) -> Error {
    Error::Store(object_store::Error::Generic {
        store: "upload",
        source: Box::new(source),
    })
}

impl Rewrite {
    fn file_id(&self) -> FileId {
        let ids = || self.inputs.iter().map(|file| file.id);
        const HAS_INPUTS: &str = "nothing is made of nothing";
        // Two processes, or two attempts of one, never write to the same name: each starts from
        // another manifest.
        let mut seed = self.decided_at.to_le_bytes().to_vec();
        seed.extend_from_slice(&self.attempt.to_le_bytes());
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
            partition_nanos: self
                .window
                .end
                .saturating_sub(self.window.start)
                .max(DAY_NANOS),
            level: self.level,
            checksum: summary.map_or(0, |summary| summary.checksum),
            deletes_through: deletes.chain(before).max().unwrap_or_default(),
            size_bytes: summary.map_or(0, |summary| summary.size_bytes),
            rows: summary.map_or(0, |summary| summary.rows),
            time_min,
            time_max,
            keys_are_new: self.is_whole_window || self.inputs.iter().all(|file| file.keys_are_new),
            last_rows: summary.and_then(|summary| summary.last_rows),
        }
    }
}

/// One file as rows of the table.
pub(crate) struct Input {
    pub(crate) decoder: PieceDecoder,
    file_schema: SchemaRef,
    columns: FileColumns,
    filter: RowFilter,
}

impl Input {
    /// About `piece_bytes` of the file are held at a time.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        file: &FileRecord,
        filter: RowFilter,
        schema: &SchemaRef,
        piece_bytes: usize,
    ) -> Result<Self> {
        let metadata = read_metadata(store, file).await?;
        let as_stored = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
        let file_schema = Arc::clone(as_stored.schema());
        let columns = FileColumns::of(schema, &file_schema)?;
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(columns.reader_schema()));
        let wanted = ArrowReaderMetadata::try_new(Arc::clone(as_stored.metadata()), options)?;
        Ok(Self {
            decoder: PieceDecoder::new(wanted, BATCH_ROWS, piece_bytes),
            file_schema,
            columns,
            filter,
        })
    }

    /// Rows of the file as rows of the table, without those that must not be seen.
    pub(crate) fn rows(
        &self,
        rows: &RecordBatch,
        table: &Table,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let rows = self.columns.apply(rows)?;
        let rows = self.filter.apply(rows, table)?;
        with_all_columns(&rows, schema)
    }
}

/// Rows as columns of `schema`; a column that they lack is NULL.
pub(crate) fn with_all_columns(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |field: &Arc<Field>| match rows.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), rows.num_rows()),
    };
    let columns = schema.fields().iter().map(column).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// What has to happen before a [`Machine`] can go on.
enum Next {
    /// Ranges of an input are to be read and pushed.
    Read {
        input: usize,
        ranges: Vec<Range<u64>>,
    },
    /// Bytes of the output are to be sent.
    Send(Bytes),
    /// Nothing: these are the last bytes.
    Done(Bytes, FileSummary),
}

/// Decoding, filtering, merging and encoding.
struct Machine {
    rewrite: Arc<Rewrite>,
    schema: SchemaRef,
    inputs: Vec<Input>,
    merge: KeyMerge,
    /// Taken when the file ends.
    writer: Option<FileWriter>,
}

impl Machine {
    fn new(rewrite: Arc<Rewrite>, schema: SchemaRef, inputs: Vec<Input>) -> Result<Self> {
        let mut options = FileOptions::new(Effort::Compaction);
        options.last_rows = true;
        if rewrite.table.float_storage == FloatStorage::DecimalWhenExact {
            let files = inputs.iter().map(|input| &*input.file_schema);
            options.scales = common_scales(&schema, files);
        }
        let key = key_columns(&rewrite.table).map(|name| schema.index_of(name));
        let key = key.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            merge: KeyMerge::try_new(Arc::clone(&schema), key, inputs.len(), BATCH_ROWS)?,
            writer: Some(FileWriter::new(Arc::clone(&schema), &options)?),
            rewrite,
            schema,
            inputs,
        })
    }

    /// Goes on until something has to be read or sent.
    fn advance(&mut self) -> Result<Next> {
        loop {
            if self.rewrite.stop.is_cancelled() {
                return Err(Error::ShuttingDown);
            }
            match self.merge.step()? {
                Step::NeedInput(input) => {
                    if let Some(ranges) = self.feed(input)? {
                        return Ok(Next::Read { input, ranges });
                    }
                }
                Step::Output(rows) => {
                    let rows = wanted(&self.rewrite, rows)?;
                    let writer = self.writer.as_mut().expect("the merge is not done");
                    writer.write(&rows)?;
                    let ready = writer.take_bytes()?;
                    if !ready.is_empty() {
                        return Ok(Next::Send(ready));
                    }
                }
                Step::Done => {
                    let writer = self.writer.take().expect("it is done only once");
                    let (rest, summary) = writer.finish()?;
                    return Ok(Next::Done(rest, summary));
                }
            }
        }
    }

    /// Gives the merge the next rows of an input, or says what has to be read first.
    fn feed(&mut self, input: usize) -> Result<Option<Vec<Range<u64>>>> {
        match self.inputs[input].decoder.try_decode()? {
            DecodeResult::NeedsData(ranges) => return Ok(Some(ranges)),
            DecodeResult::Data(rows) => {
                let rows = self.inputs[input].rows(&rows, &self.rewrite.table, &self.schema)?;
                self.merge.push(input, rows)?;
            }
            DecodeResult::Finished => self.merge.finish(input),
        }
        Ok(None)
    }
}

fn wanted(rewrite: &Rewrite, rows: RecordBatch) -> Result<RecordBatch> {
    let Some(unwanted) = &rewrite.unwanted else {
        return Ok(rows);
    };
    let unwanted = matches(unwanted, &rows, &rewrite.table)?;
    Ok(filter_record_batch(&rows, &is_not_true(&unwanted))?)
}
