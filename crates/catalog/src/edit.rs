//! The changes that a manifest records. A commit is a list of them, applied all at once.

use uuid::Uuid;

use crate::ids::{ColumnId, DatabaseId, TableId};
use crate::schema::{Column, FileRecord};
use crate::state::TokenDigest;

/// One change of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    /// The first edit of every store: its identity.
    InitializeCluster {
        cluster: Uuid,
    },
    /// A process has opened the store for writing through this write-ahead log. It fences every
    /// process that opened it before.
    OpenForWriting {
        wal: Uuid,
    },
    CreateDatabase {
        id: DatabaseId,
        name: String,
    },
    /// Forgets a database, its tables and their files.
    DropDatabase {
        id: DatabaseId,
    },
    CreateTable {
        id: TableId,
        database: DatabaseId,
        name: String,
    },
    /// Ids continue those of the table.
    AddColumns {
        table: TableId,
        columns: Vec<Column>,
    },
    AddFile {
        file: FileRecord,
    },
    /// Every row of a WAL record up to and including this one is in a live file.
    AdvanceWal {
        applied_through: u64,
    },
    /// Sets or replaces the token of this name.
    PutToken {
        name: String,
        digest: TokenDigest,
    },
}

impl Edit {
    /// Where column ids of an extension start, for checking that a manifest is whole.
    pub(crate) fn first_column(columns: &[Column]) -> Option<ColumnId> {
        columns.first().map(|column| column.id)
    }
}
