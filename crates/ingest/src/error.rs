//! Failures of a whole write. What is wrong with single lines is in [`crate::fault`].

use catalog::ErrorKind;

use crate::fault::{Fault, FaultClass};

/// Why nothing of a write could be accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database does not exist, or the catalog could not be extended.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The body is longer than any batch may be.
    #[error("body of {size_bytes} bytes exceeds {size_bytes_max} bytes: send smaller batches")]
    BodyTooLarge {
        /// The size of the body.
        size_bytes: usize,
        /// The limit.
        size_bytes_max: usize,
    },
    /// Rows times columns, with the NULLs between sparse fields, are too many.
    #[error(
        "batch needs more than {limit} cells, rows times field columns: send smaller batches or \
         raise the setting `server.writes.line_protocol.cells_max`"
    )]
    TooManyCells {
        /// The limit.
        limit: usize,
    },
    /// A table or column of a record batch cannot be.
    #[error("{fault}")]
    RefusedTable {
        /// Why not.
        fault: Fault,
    },
    /// A row of a record batch cannot be.
    #[error("row {row}: {fault}")]
    RefusedRow {
        /// Which one, from 0.
        row: usize,
        /// Why not.
        fault: Fault,
    },
    /// A column of a record batch has values that no column can have.
    #[error("column '{column}' {problem}")]
    UnsupportedColumn {
        /// The column.
        column: String,
        /// Why not.
        problem: String,
    },
    /// A table changed, or went away, between parsing and finishing.
    #[error("table '{table}' changed while the write was parsed: try again")]
    SchemaChanged {
        /// The table.
        table: String,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the caller should make of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Catalog(error) => error.kind(),
            Self::BodyTooLarge { .. } | Self::TooManyCells { .. } => ErrorKind::Exhausted,
            Self::SchemaChanged { .. } => ErrorKind::Unavailable,
            Self::RefusedTable { fault } | Self::RefusedRow { fault, .. } => match fault.class() {
                FaultClass::Limit => ErrorKind::Exhausted,
                FaultClass::Syntax | FaultClass::Schema => ErrorKind::Invalid,
            },
            Self::UnsupportedColumn { .. } => ErrorKind::Invalid,
        }
    }

    /// Whether the write was parsed against a state that another writer has replaced meanwhile.
    pub(crate) fn is_conflict(&self) -> bool {
        use catalog::Error::{ColumnConflict, LimitReached};
        matches!(
            self,
            Self::SchemaChanged { .. } | Self::Catalog(ColumnConflict { .. } | LimitReached { .. })
        )
    }

    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Catalog(error) => error.reason(),
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::TooManyCells { .. } => "batch_too_sparse",
            Self::SchemaChanged { .. } => "schema_changed",
            Self::RefusedTable { fault } | Self::RefusedRow { fault, .. } => fault.reason(),
            Self::UnsupportedColumn { .. } => "unsupported_column_type",
        }
    }
}
