//! The changes that a manifest records. A commit is a list of them, applied all at once.

use uuid::Uuid;

use crate::audit::AuditEntry;
use crate::ids::{ColumnId, DatabaseId, TableId};
use crate::records::{Record, RecordId};
use crate::retention::Retention;
use crate::schema::{Column, Delete, FileKey, FileRecord, FloatStorage};

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
    SetDatabaseRetention {
        id: DatabaseId,
        retention: Retention,
    },
    RenameDatabase {
        id: DatabaseId,
        name: String,
    },
    /// Takes a database away, to be brought back until it is purged.
    DropDatabase {
        id: DatabaseId,
        at_nanos: i64,
    },
    UndropDatabase {
        id: DatabaseId,
    },
    /// Forgets a database, its tables and their files, whether it was dropped before or not.
    PurgeDatabase {
        id: DatabaseId,
    },
    CreateTable {
        id: TableId,
        database: DatabaseId,
        name: String,
    },
    /// Takes a table away, to be brought back until it is purged.
    DropTable {
        id: TableId,
        at_nanos: i64,
    },
    UndropTable {
        id: TableId,
    },
    /// Forgets a dropped table and its files.
    PurgeTable {
        id: TableId,
    },
    /// Ids continue those of the table.
    AddColumns {
        table: TableId,
        columns: Vec<Column>,
    },
    SetTableOptions {
        table: TableId,
        retention: Option<Retention>,
        float_storage: FloatStorage,
    },
    AddFile {
        file: FileRecord,
    },
    /// Puts files in the place of others, or of none. Rows are the same, but for those that were
    /// deleted or are too old.
    ReplaceFiles {
        table: TableId,
        removed: Vec<FileKey>,
        added: Vec<FileRecord>,
    },
    AddDelete {
        table: TableId,
        delete: Delete,
    },
    /// Every row of a WAL record up to and including this one is in a live file.
    AdvanceWal {
        applied_through: u64,
    },
    /// Adds an administered record, or replaces that of its id.
    PutRecord {
        record: Record,
    },
    RemoveRecord {
        id: RecordId,
    },
    /// Says who made other edits of the same commit.
    Audit {
        entry: AuditEntry,
    },
}

impl Edit {
    /// Where column ids of an extension start, for checking that a manifest is whole.
    pub(crate) fn first_column(columns: &[Column]) -> Option<ColumnId> {
        columns.first().map(|column| column.id)
    }
}
