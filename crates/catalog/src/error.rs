//! What can go wrong in the catalog, and the kinds of failure that every crate above shares.

use crate::records::RecordKind;
use crate::schema::ColumnKind;

/// What the caller should make of a failure. The server turns a kind into a status code; nobody
/// else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong and will be wrong again.
    Invalid,
    /// What is named does not exist.
    NotFound,
    /// What is to be created exists.
    AlreadyExists,
    /// The caller may not do this.
    Denied,
    /// Not now: worth trying again.
    Unavailable,
    /// A limit is reached.
    Exhausted,
    /// Bytes on disk are not what was written.
    Corrupt,
    /// A fault of ours.
    Internal,
}

/// Failures of the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A database name breaks the rules.
    #[error("database name '{name}' {problem}")]
    InvalidDatabaseName {
        /// The name, shortened.
        name: String,
        /// The rule.
        problem: &'static str,
    },
    /// A table or column name breaks the rules.
    #[error("{what} name '{name}' {problem}")]
    InvalidName {
        /// `table`, `column`, or the kind of a record.
        what: &'static str,
        /// The name, shortened.
        name: String,
        /// The rule.
        problem: &'static str,
    },
    /// A tag or field has a name that the engine uses itself.
    #[error("column name '{column}' is reserved: it is the timestamp of every row")]
    ReservedColumn {
        /// The name.
        column: String,
    },
    /// No database has this name.
    #[error("database not found: {name}")]
    DatabaseNotFound {
        /// The name.
        name: String,
    },
    /// A database has this name already.
    #[error("database already exists: {name}")]
    DatabaseExists {
        /// The name.
        name: String,
    },
    /// No table of the database has this name.
    #[error("table not found: {name}")]
    TableNotFound {
        /// The name.
        name: String,
    },
    /// A table has this name already.
    #[error("table already exists: {name}")]
    TableExists {
        /// The name.
        name: String,
    },
    /// Nothing of this name was dropped, or it has been purged since.
    #[error("no dropped {what} '{name}' is left to bring back")]
    NothingDropped {
        /// `database` or `table`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// No record of this kind has this name or id.
    #[error("{} not found: {name}", kind.noun())]
    RecordNotFound {
        /// What it would be.
        kind: RecordKind,
        /// The name or id.
        name: String,
    },
    /// A record of this kind has this name already.
    #[error("{} already exists: {name}", kind.noun())]
    RecordExists {
        /// What it is.
        kind: RecordKind,
        /// The name.
        name: String,
    },
    /// A record cannot be like this, or cannot be removed.
    #[error("this {} cannot be so or cannot go: {problem}", kind.noun())]
    InvalidRecord {
        /// What it would be.
        kind: RecordKind,
        /// Why not.
        problem: String,
    },
    /// There are no random numbers to make a secret of.
    #[error("the operating system gives no random numbers: {reason}")]
    NoRandomness {
        /// What it says.
        reason: String,
    },
    /// A file that is to be replaced is not live any more.
    #[error("the files to be replaced have changed in the meantime")]
    FilesChanged,
    /// A column exists with another kind or type.
    #[error(
        "invalid column type for column '{column}', expected {}, got {}",
        expected.iox_name(), got.iox_name()
    )]
    ColumnConflict {
        /// The column.
        column: String,
        /// What the table says.
        expected: ColumnKind,
        /// What the change says.
        got: ColumnKind,
    },
    /// A column that is to be added is there already.
    #[error("column already exists: {column}, a {}", kind.iox_name())]
    ColumnExists {
        /// The column.
        column: String,
        /// What it is.
        kind: ColumnKind,
    },
    /// A limit of [`crate::Limits`] is reached.
    #[error(
        "limit of {limit} {what} reached: raise the setting `limits.{setting}` if this is meant"
    )]
    LimitReached {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// The setting's name.
        setting: &'static str,
    },
    /// Another process has taken over this store; this one must stop writing.
    #[error(
        "manifest {number} was written by another process (writer {writer}): this process no \
         longer owns the store; stop one of the two"
    )]
    Fenced {
        /// The manifest number that was taken.
        number: u64,
        /// The other writer.
        writer: String,
    },
    /// Some of the rows are in files already.
    #[error("rows up to record {applied_through} were flushed by an earlier attempt")]
    FlushedAlready {
        /// The last record whose rows are in files.
        applied_through: u64,
    },
    /// A manifest object is damaged.
    #[error("manifest object '{path}' is damaged: {problem}; restore it from a backup")]
    Corrupt {
        /// Where in the object store.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A manifest was written by a newer release.
    #[error(
        "manifest object '{path}' has format {found}, this release reads up to {known}; use the newer release"
    )]
    UnknownFormat {
        /// Where in the object store.
        path: String,
        /// The format found.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// The object store does not answer.
    #[error("object store is unavailable: {source}")]
    Store {
        /// The last error after all attempts.
        source: object_store::Error,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the caller should make of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidDatabaseName { .. }
            | Self::InvalidName { .. }
            | Self::ReservedColumn { .. }
            | Self::InvalidRecord { .. }
            | Self::ColumnConflict { .. } => ErrorKind::Invalid,
            Self::DatabaseNotFound { .. }
            | Self::TableNotFound { .. }
            | Self::RecordNotFound { .. }
            | Self::NothingDropped { .. } => ErrorKind::NotFound,
            Self::DatabaseExists { .. }
            | Self::TableExists { .. }
            | Self::RecordExists { .. }
            | Self::ColumnExists { .. } => ErrorKind::AlreadyExists,
            Self::LimitReached { .. } => ErrorKind::Exhausted,
            Self::Corrupt { .. } | Self::UnknownFormat { .. } => ErrorKind::Corrupt,
            Self::NoRandomness { .. } => ErrorKind::Internal,
            Self::Store { .. }
            | Self::Fenced { .. }
            | Self::FlushedAlready { .. }
            | Self::FilesChanged => ErrorKind::Unavailable,
        }
    }

    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidDatabaseName { .. } => "invalid_database_name",
            Self::InvalidName { .. } => "invalid_name",
            Self::ReservedColumn { .. } => "reserved_column",
            Self::ColumnConflict { expected, got, .. } => match (expected, got) {
                (ColumnKind::Field(_), ColumnKind::Field(_)) => "field_type_conflict",
                _ => "column_kind_conflict",
            },
            Self::DatabaseNotFound { .. } => "database_not_found",
            Self::DatabaseExists { .. } => "database_exists",
            Self::TableNotFound { .. } => "table_not_found",
            Self::TableExists { .. } => "table_exists",
            Self::ColumnExists { .. } => "column_exists",
            Self::NothingDropped { .. } => "nothing_dropped",
            Self::RecordNotFound { kind, .. } => kind.missing(),
            Self::RecordExists { kind, .. } => kind.taken(),
            Self::InvalidRecord { .. } => "invalid_record",
            Self::NoRandomness { .. } => "no_randomness",
            Self::FilesChanged => "files_changed",
            Self::LimitReached { what, .. } => match *what {
                "databases" => "database_limit",
                "tables" => "table_limit",
                "records" => "record_limit",
                _ => "column_limit",
            },
            Self::Fenced { .. } => "fenced",
            Self::FlushedAlready { .. } => "flushed_already",
            Self::Corrupt { .. } | Self::UnknownFormat { .. } => "corrupt_manifest",
            Self::Store { source } => reason_of_store(source),
        }
    }
}

/// A stable word for why an object store cannot be used.
pub fn reason_of_store(error: &object_store::Error) -> &'static str {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};

    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let kind = error
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        if matches!(kind, Some(StorageFull | QuotaExceeded)) {
            return "storage_full";
        }
        cause = error.source();
    }
    "storage_unavailable"
}
