//! What can go wrong in the write-ahead log, and what the caller should do about it.
//!
//! One failed write or sync answers every writer of its group, so errors are cheap to clone.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytesize::ByteSize;

/// The result of an operation on the write-ahead log.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the write-ahead log.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// Too much is waiting to be committed; the writer should come back later.
    #[error("{queued} are already waiting for the write-ahead log, the limit is {limit}")]
    Overloaded { queued: ByteSize, limit: ByteSize },

    /// The log may not grow until what it holds has been persisted elsewhere.
    #[error(
        "the write-ahead log holds {used}, its quota is {quota}; waiting for data to be persisted"
    )]
    QuotaExceeded { used: ByteSize, quota: ByteSize },

    /// The volume has no space left. Appends succeed again once there is.
    #[error("no space is left for the write-ahead log")]
    StorageFull { source: Arc<io::Error> },

    /// The volume takes no writes. Appends are tried again from time to time.
    #[error("the write-ahead log cannot be written, writes are refused")]
    ReadOnly { source: Arc<io::Error> },

    /// One record is larger than the log can ever take.
    #[error("a record of {size} is larger than the limit of {limit}")]
    RecordTooLarge { size: ByteSize, limit: ByteSize },

    /// The writer asked not to wait for the disk, and the server does not allow that.
    #[error("unsynced writes are turned off on this server")]
    UnsyncedRefused,

    /// The log was closed, or the thread that applies records has failed.
    #[error("the write-ahead log is closed")]
    Closed,

    /// A setting makes no sense.
    #[error("write-ahead log setting `{name}`: {reason}")]
    InvalidSetting {
        name: &'static str,
        reason: &'static str,
    },

    /// Bytes that were once durable cannot be read back.
    #[error(
        "write-ahead log segment {} is damaged at byte {offset}: {problem}{}; restore the file \
         from a copy, or accept the loss by starting once with `--wal-recovery=salvage`",
        file.display(),
        lost(*first_lost, *last_lost)
    )]
    Corrupt {
        file: PathBuf,
        offset: u64,
        problem: &'static str,
        /// The sequence numbers that cannot be read, empty when `first_lost > last_lost`.
        first_lost: u64,
        last_lost: u64,
    },

    /// The segment belongs to another log than the one the store knows.
    #[error(
        "write-ahead log segment {} belongs to log {found}, the store expects log {expected}: another \
         data directory has written to the store since, and rows in this log may be nowhere else; \
         start with the store this log belongs to, or move the log away to give its rows up",
        file.display()
    )]
    Foreign {
        file: PathBuf,
        found: uuid::Uuid,
        expected: uuid::Uuid,
    },

    /// The segment was written by a newer program.
    #[error(
        "write-ahead log segment {} has format version {version}, this program reads up to {newest}",
        file.display()
    )]
    UnsupportedVersion {
        file: PathBuf,
        version: u32,
        newest: u32,
    },

    /// The receiver of replayed records refused one.
    #[error("record {sequence} of write-ahead log segment {} cannot be replayed", file.display())]
    Replay {
        file: PathBuf,
        sequence: u64,
        source: Arc<dyn std::error::Error + Send + Sync>,
    },

    /// The operating system refused something outside the path of a write.
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: Arc<io::Error>,
    },
}

/// What the caller of the log should do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum ErrorKind {
    /// The request or the setting itself is wrong: do not repeat it.
    Invalid,
    /// A limit of ours is reached: slow down and repeat.
    Overloaded,
    /// Persisting is behind: repeat later.
    QuotaExceeded,
    /// Make space; the log goes on by itself.
    StorageFull,
    /// Look at the volume; the log goes on by itself once it takes writes.
    ReadOnly,
    /// Stored bytes are damaged: a person has to decide.
    Corrupt,
    /// The log is stopping or has stopped.
    Closed,
    /// Anything else the operating system reported.
    Io,
}

impl Error {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::RecordTooLarge { .. }
            | Self::UnsyncedRefused
            | Self::InvalidSetting { .. }
            | Self::Foreign { .. }
            | Self::UnsupportedVersion { .. } => ErrorKind::Invalid,
            Self::Overloaded { .. } => ErrorKind::Overloaded,
            Self::QuotaExceeded { .. } => ErrorKind::QuotaExceeded,
            Self::StorageFull { .. } => ErrorKind::StorageFull,
            Self::ReadOnly { .. } => ErrorKind::ReadOnly,
            Self::Corrupt { .. } | Self::Replay { .. } => ErrorKind::Corrupt,
            Self::Closed => ErrorKind::Closed,
            Self::Io { .. } => ErrorKind::Io,
        }
    }

    /// The answer to writers whose record could not be made durable.
    pub(super) fn unwritable(source: Arc<io::Error>) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::StorageFull { source }
            }
            _ => Self::ReadOnly { source },
        }
    }

    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source: Arc::new(source),
        }
    }
}

fn lost(first: u64, last: u64) -> String {
    match last.checked_sub(first) {
        None => String::new(),
        Some(0) => format!(", record {first} cannot be read"),
        Some(_) => format!(", records {first} to {last} cannot be read"),
    }
}
