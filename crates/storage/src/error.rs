//! What can go wrong in storage.

use std::path::PathBuf;

use arrow::error::ArrowError;
use catalog::ErrorKind;
use parquet::errors::ParquetError;

use crate::parquet_file::FileError;
use crate::wal;

/// Failures of the storage engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The write-ahead log refuses or cannot be read.
    #[error("{0}")]
    Wal(#[source] WalError),
    /// The catalog refuses.
    #[error("{0}")]
    Catalog(#[from] catalog::Error),
    /// Buffered rows take all the memory they may; a flush will make room.
    #[error(
        "{used} of rows wait to be written to the object store, the limit is {limit}; try again"
    )]
    BufferFull {
        /// What they take.
        used: bytesize::ByteSize,
        /// The setting `buffer.bytes_max`.
        limit: bytesize::ByteSize,
    },
    /// Another process writes to the same store.
    #[error("another process has taken the store over; this one takes no more writes")]
    Fenced,
    /// A setting makes no sense.
    #[error("setting `{name}` {problem}")]
    InvalidSetting {
        /// Its name.
        name: &'static str,
        /// What is wrong with its value.
        problem: &'static str,
    },
    /// The condition of a delete cannot be evaluated.
    #[error("the condition cannot be evaluated: {problem}")]
    InvalidCondition {
        /// Why not.
        problem: String,
    },
    /// The object store does not answer.
    #[error("object store is unavailable: {0}")]
    Store(#[from] object_store::Error),
    /// A file could not be written or read.
    #[error("cannot encode or decode rows: {0}")]
    File(#[from] FileError),
    /// A file does not hold what was written to it.
    #[error("file '{path}' is damaged: {problem}; restore it from a backup")]
    DamagedFile {
        /// Where in the object store.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no manifest where a store was expected, nor anything that one would name.
    #[error("there is no store here: no manifest and no files")]
    EmptyStore,
    /// Another process uses this data directory.
    #[error(
        "data directory {} is in use by another process; stop it or choose another directory",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    DataDirectory {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No threads can be had for work in the background.
    #[error("cannot start threads: {0}")]
    Threads(#[source] std::io::Error),
    /// A background thread ended before its work was done.
    #[error("storage is shutting down")]
    ShuttingDown,
}

/// A failure of the write-ahead log; its details are in its message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WalError(#[source] pub(crate) wal::Error);

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Self {
        Self::File(error.into())
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Self::File(error.into())
    }
}

impl From<wal::Error> for Error {
    fn from(error: wal::Error) -> Self {
        Self::Wal(WalError(error))
    }
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the caller should make of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Wal(WalError(error)) => match error.kind() {
                wal::ErrorKind::Invalid => ErrorKind::Invalid,
                wal::ErrorKind::Corrupt => ErrorKind::Corrupt,
                wal::ErrorKind::Overloaded
                | wal::ErrorKind::QuotaExceeded
                | wal::ErrorKind::StorageFull
                | wal::ErrorKind::ReadOnly
                | wal::ErrorKind::Closed
                | wal::ErrorKind::Io => ErrorKind::Unavailable,
            },
            Self::Catalog(error) => error.kind(),
            Self::BufferFull { .. } | Self::Fenced | Self::Store(_) | Self::ShuttingDown => {
                ErrorKind::Unavailable
            }
            Self::InvalidSetting { .. } | Self::InvalidCondition { .. } => ErrorKind::Invalid,
            Self::File(_) => ErrorKind::Internal,
            Self::EmptyStore => ErrorKind::NotFound,
            Self::DamagedFile { .. } => ErrorKind::Corrupt,
            Self::Locked { .. } | Self::DataDirectory { .. } | Self::Threads(_) => {
                ErrorKind::Unavailable
            }
        }
    }

    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Wal(WalError(error)) => match error.kind() {
                wal::ErrorKind::Invalid => "invalid_request",
                wal::ErrorKind::Corrupt => "corrupt_wal",
                wal::ErrorKind::Overloaded => "overloaded",
                wal::ErrorKind::QuotaExceeded => "storage_unavailable",
                wal::ErrorKind::StorageFull => "storage_full",
                wal::ErrorKind::ReadOnly => "storage_read_only",
                wal::ErrorKind::Closed => "shutting_down",
                wal::ErrorKind::Io => "storage_error",
            },
            Self::Catalog(error) => error.reason(),
            Self::BufferFull { .. } => "overloaded",
            Self::Fenced => "fenced",
            Self::InvalidSetting { .. } => "invalid_setting",
            Self::InvalidCondition { .. } => "invalid_condition",
            Self::Store(error) => catalog::reason_of_store(error),
            Self::File(_) => "internal_error",
            Self::EmptyStore => "no_store",
            Self::DamagedFile { .. } => "corrupt_file",
            Self::Locked { .. } => "data_directory_locked",
            Self::DataDirectory { .. } => "storage_error",
            Self::Threads(_) => "no_threads",
            Self::ShuttingDown => "shutting_down",
        }
    }
}
