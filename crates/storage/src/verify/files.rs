//! One file: there, of the right size and checksum, readable, and with the rows that are recorded.

use std::ops::Range;
use std::sync::Arc;

use catalog::{FileRecord, Table};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::rows::RowCheck;
use crate::error::{Error, Result};
use crate::file_check::{check_file, check_object};
use crate::parquet_file::{FileColumns, PieceDecoder, read_metadata};
use crate::schema::arrow_schema;

/// Files up to this size are read once and held; larger ones are read twice, a piece at a time.
const HELD_BYTES_MAX: u64 = 32 << 20;

/// Rows that are looked at together.
const BATCH_ROWS: usize = 8192;

/// Bytes of a row group that are held at a time.
const PIECE_BYTES: usize = 8 << 20;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it was written.
    Sound,
    /// Not there.
    Gone,
    /// There, and not as it was written.
    Damaged(String),
    /// The store did not give it.
    Unreadable(String),
}

impl From<Result<()>> for Verdict {
    fn from(result: Result<()>) -> Self {
        match result {
            Ok(()) => Self::Sound,
            Err(Error::Store(object_store::Error::NotFound { .. })) => Self::Gone,
            Err(Error::DamagedFile { problem, .. }) => Self::Damaged(problem),
            Err(error @ Error::File(_)) => Self::Damaged(error.to_string()),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// Checks that the file is there and has its size.
pub(super) async fn check_presence(store: &Arc<dyn ObjectStore>, file: &FileRecord) -> Verdict {
    let head = store.head(&file.path().into()).await;
    let checked = head
        .map_err(Error::from)
        .and_then(|meta| check_size(file, meta.size));
    checked.into()
}

fn check_size(file: &FileRecord, size: u64) -> Result<()> {
    match size == file.size_bytes {
        true => Ok(()),
        false => Err(damaged(
            file,
            format!("it has {size} bytes, not {}", file.size_bytes),
        )),
    }
}

/// Checks every byte and every row.
pub(super) async fn check(
    store: &Arc<dyn ObjectStore>,
    table: &Arc<Table>,
    file: &Arc<FileRecord>,
) -> Verdict {
    let checked = async {
        let store = check_bytes(store, file).await?;
        check_rows(&store, table, file).await
    };
    checked.await.into()
}

/// Checks size and checksum; returns where to read the file from now on.
async fn check_bytes(
    store: &Arc<dyn ObjectStore>,
    file: &FileRecord,
) -> Result<Arc<dyn ObjectStore>> {
    if file.size_bytes > HELD_BYTES_MAX {
        check_object(store.as_ref(), file).await?;
        return Ok(Arc::clone(store));
    }
    let path = Path::from(file.path());
    let object = store.get(&path).await?;
    check_size(file, object.meta.size)?;
    let bytes = object.bytes().await?;
    check_file(&bytes, file)?;
    let held = InMemory::new();
    held.put(&path, PutPayload::from(bytes)).await?;
    Ok(Arc::new(held))
}

/// Decodes all of the file and checks what is recorded about its rows.
async fn check_rows(
    store: &Arc<dyn ObjectStore>,
    table: &Arc<Table>,
    file: &Arc<FileRecord>,
) -> Result<()> {
    let metadata = read_metadata(store, file).await?;
    let as_stored = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
    let columns = FileColumns::of(&arrow_schema(table), as_stored.schema())?;
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(columns.reader_schema()));
    let wanted = ArrowReaderMetadata::try_new(Arc::clone(as_stored.metadata()), options)?;
    let mut reader = Reader {
        decoder: PieceDecoder::new(wanted, BATCH_ROWS, PIECE_BYTES),
        check: RowCheck::new(columns.schema(), table).map_err(|problem| damaged(file, problem))?,
        columns,
        file: Arc::clone(file),
    };
    let path = Path::from(file.path());
    loop {
        let advance = move || {
            let needed = reader.advance();
            (reader, needed)
        };
        let advanced = tokio::task::spawn_blocking(advance).await;
        let panicked = |_| damaged(file, "reading it ends in a panic".to_owned());
        let (returned, needed) = advanced.map_err(panicked)?;
        reader = returned;
        let Some(ranges) = needed? else {
            return Ok(());
        };
        let bytes = store.get_ranges(&path, &ranges).await?;
        reader.decoder.push_ranges(ranges, bytes)?;
    }
}

/// Decodes and checks; does no input itself.
struct Reader {
    decoder: PieceDecoder,
    columns: FileColumns,
    check: RowCheck,
    file: Arc<FileRecord>,
}

impl Reader {
    /// Goes on until something has to be read, and says what; `None` at the end.
    fn advance(&mut self) -> Result<Option<Vec<Range<u64>>>> {
        loop {
            match self.decoder.try_decode()? {
                DecodeResult::NeedsData(ranges) => return Ok(Some(ranges)),
                DecodeResult::Data(rows) => {
                    let rows = self.columns.apply(&rows)?;
                    let checked = self.check.add(&rows)?;
                    checked.map_err(|problem| damaged(&self.file, problem))?;
                }
                DecodeResult::Finished => {
                    let checked = self.check.finish(&self.file);
                    checked.map_err(|problem| damaged(&self.file, problem))?;
                    return Ok(None);
                }
            }
        }
    }
}

fn damaged(file: &FileRecord, problem: String) -> Error {
    Error::DamagedFile {
        path: file.path(),
        problem,
    }
}
