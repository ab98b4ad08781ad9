//! What edits look like in JSON. These types belong to the disk; the rest of the crate never sees
//! them. A field that a later format added is optional, and its absence means what it meant before.

mod predicate;
mod records;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::AuditEntry;
use crate::edit::Edit;
use crate::ids::{ColumnId, DatabaseId, FileId, TableId};
use crate::records::TokenDigest;
use crate::retention::Retention;
use crate::schema::{
    Column, ColumnKind, DAY_NANOS, Delete, FieldType, FileKey, FileRecord, FloatStorage,
    LastRowsPart,
};
use predicate::DiskPredicate;
use records::{DiskRecord, parse_record_id, token_of_name};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DiskEdit {
    InitializeCluster {
        cluster: String,
    },
    OpenForWriting {
        wal: String,
    },
    CreateDatabase {
        id: u32,
        name: String,
    },
    SetDatabaseRetention {
        id: u32,
        nanos: Option<u64>,
    },
    RenameDatabase {
        id: u32,
        name: String,
    },
    DropDatabase {
        id: u32,
        /// Absent in format 1, which forgot a dropped database at once.
        at_nanos: Option<i64>,
    },
    UndropDatabase {
        id: u32,
    },
    PurgeDatabase {
        id: u32,
    },
    CreateTable {
        id: u32,
        database: u32,
        name: String,
    },
    DropTable {
        id: u32,
        at_nanos: i64,
    },
    UndropTable {
        id: u32,
    },
    PurgeTable {
        id: u32,
    },
    AddColumns {
        table: u32,
        first: u16,
        columns: Vec<DiskColumn>,
    },
    SetTableOptions {
        table: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        retention: Option<DiskRetention>,
        #[serde(default)]
        decimals: bool,
    },
    AddFile(DiskFile),
    ReplaceFiles {
        table: u32,
        removed: Vec<DiskFileKey>,
        added: Vec<DiskFile>,
    },
    AddDelete {
        table: u32,
        id: u64,
        through: u64,
        predicate: DiskPredicate,
    },
    AdvanceWal {
        applied_through: u64,
    },
    PutRecord(Box<DiskRecord>),
    RemoveRecord {
        id: String,
    },
    Audit {
        at: i64,
        who: String,
        action: String,
        subject: String,
    },
    /// Until format 2: a token that may do everything.
    PutToken {
        name: String,
        sha256: String,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) struct DiskColumn {
    name: String,
    kind: DiskKind,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum DiskKind {
    Tag,
    Float,
    Integer,
    Unsigned,
    Boolean,
    String,
}

/// A retention that is there; without a length it is for ever.
#[derive(Serialize, Deserialize)]
pub(super) struct DiskRetention {
    nanos: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DiskFileKey {
    partition_start: i64,
    id: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DiskFile {
    id: String,
    database: u32,
    table: u32,
    partition_start: i64,
    size_bytes: u64,
    rows: u64,
    time_min: i64,
    time_max: i64,
    keys_are_new: bool,
    /// Absent for a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_nanos: Option<i64>,
    /// Absent for 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    level: u8,
    /// Absent if it is the last part of the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    crc32c: Option<u32>,
    /// Absent for 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    deletes_through: u64,
    /// Absent if the file has no such part.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_rows: Option<DiskLastRows>,
}

#[derive(Serialize, Deserialize)]
struct DiskLastRows {
    start: u64,
    size_bytes: u64,
    crc32c: u32,
    rows: u64,
}

fn is_zero<T: PartialEq + Default>(number: &T) -> bool {
    *number == T::default()
}

impl From<&Edit> for DiskEdit {
    fn from(edit: &Edit) -> Self {
        match edit {
            Edit::InitializeCluster { cluster } => Self::InitializeCluster {
                cluster: cluster.to_string(),
            },
            Edit::OpenForWriting { wal } => Self::OpenForWriting {
                wal: wal.to_string(),
            },
            Edit::CreateDatabase { id, name } => Self::CreateDatabase {
                id: id.0,
                name: name.clone(),
            },
            Edit::SetDatabaseRetention { id, retention } => Self::SetDatabaseRetention {
                id: id.0,
                nanos: retention.nanos(),
            },
            Edit::RenameDatabase { id, name } => Self::RenameDatabase {
                id: id.0,
                name: name.clone(),
            },
            Edit::DropDatabase { id, at_nanos } => Self::DropDatabase {
                id: id.0,
                at_nanos: Some(*at_nanos),
            },
            Edit::UndropDatabase { id } => Self::UndropDatabase { id: id.0 },
            Edit::PurgeDatabase { id } => Self::PurgeDatabase { id: id.0 },
            Edit::CreateTable { id, database, name } => Self::CreateTable {
                id: id.0,
                database: database.0,
                name: name.clone(),
            },
            Edit::DropTable { id, at_nanos } => Self::DropTable {
                id: id.0,
                at_nanos: *at_nanos,
            },
            Edit::UndropTable { id } => Self::UndropTable { id: id.0 },
            Edit::PurgeTable { id } => Self::PurgeTable { id: id.0 },
            Edit::AddColumns { table, columns } => Self::AddColumns {
                table: table.0,
                first: Edit::first_column(columns).map_or(0, |id| id.0),
                columns: columns.iter().map(DiskColumn::from).collect(),
            },
            Edit::SetTableOptions {
                table,
                retention,
                float_storage,
            } => Self::SetTableOptions {
                table: table.0,
                retention: retention.map(|retention| DiskRetention {
                    nanos: retention.nanos(),
                }),
                decimals: *float_storage == FloatStorage::DecimalWhenExact,
            },
            Edit::AddFile { file } => Self::AddFile(file.into()),
            Edit::ReplaceFiles {
                table,
                removed,
                added,
            } => Self::ReplaceFiles {
                table: table.0,
                removed: removed.iter().map(DiskFileKey::from).collect(),
                added: added.iter().map(DiskFile::from).collect(),
            },
            Edit::AddDelete { table, delete } => Self::AddDelete {
                table: table.0,
                id: delete.id,
                through: delete.through,
                predicate: (&delete.predicate).into(),
            },
            Edit::AdvanceWal { applied_through } => Self::AdvanceWal {
                applied_through: *applied_through,
            },
            Edit::PutRecord { record } => Self::PutRecord(Box::new(record.into())),
            Edit::RemoveRecord { id } => Self::RemoveRecord { id: id.to_string() },
            Edit::Audit { entry } => Self::Audit {
                at: entry.at_nanos,
                who: entry.who.to_string(),
                action: entry.action.to_string(),
                subject: entry.subject.clone(),
            },
        }
    }
}

impl TryFrom<DiskEdit> for Edit {
    type Error = String;

    fn try_from(edit: DiskEdit) -> Result<Self, String> {
        Ok(match edit {
            DiskEdit::InitializeCluster { cluster } => Self::InitializeCluster {
                cluster: parse_uuid(&cluster)?,
            },
            DiskEdit::OpenForWriting { wal } => Self::OpenForWriting {
                wal: parse_uuid(&wal)?,
            },
            DiskEdit::CreateDatabase { id, name } => Self::CreateDatabase {
                id: DatabaseId(id),
                name,
            },
            DiskEdit::SetDatabaseRetention { id, nanos } => Self::SetDatabaseRetention {
                id: DatabaseId(id),
                retention: Retention::from_nanos(nanos),
            },
            DiskEdit::RenameDatabase { id, name } => Self::RenameDatabase {
                id: DatabaseId(id),
                name,
            },
            DiskEdit::DropDatabase { id, at_nanos } => match at_nanos {
                Some(at_nanos) => Self::DropDatabase {
                    id: DatabaseId(id),
                    at_nanos,
                },
                None => Self::PurgeDatabase { id: DatabaseId(id) },
            },
            DiskEdit::UndropDatabase { id } => Self::UndropDatabase { id: DatabaseId(id) },
            DiskEdit::PurgeDatabase { id } => Self::PurgeDatabase { id: DatabaseId(id) },
            DiskEdit::CreateTable { id, database, name } => Self::CreateTable {
                id: TableId(id),
                database: DatabaseId(database),
                name,
            },
            DiskEdit::DropTable { id, at_nanos } => Self::DropTable {
                id: TableId(id),
                at_nanos,
            },
            DiskEdit::UndropTable { id } => Self::UndropTable { id: TableId(id) },
            DiskEdit::PurgeTable { id } => Self::PurgeTable { id: TableId(id) },
            DiskEdit::AddColumns {
                table,
                first,
                columns,
            } => Self::AddColumns {
                table: TableId(table),
                columns: (first..)
                    .zip(columns)
                    .map(|(id, column)| Column {
                        id: ColumnId(id),
                        name: column.name.into(),
                        kind: column.kind.into(),
                    })
                    .collect(),
            },
            DiskEdit::SetTableOptions {
                table,
                retention,
                decimals,
            } => Self::SetTableOptions {
                table: TableId(table),
                retention: retention.map(|retention| Retention::from_nanos(retention.nanos)),
                float_storage: match decimals {
                    true => FloatStorage::DecimalWhenExact,
                    false => FloatStorage::Double,
                },
            },
            DiskEdit::AddFile(file) => Self::AddFile {
                file: file.try_into()?,
            },
            DiskEdit::ReplaceFiles {
                table,
                removed,
                added,
            } => Self::ReplaceFiles {
                table: TableId(table),
                removed: all(removed)?,
                added: all(added)?,
            },
            DiskEdit::AddDelete {
                table,
                id,
                through,
                predicate,
            } => Self::AddDelete {
                table: TableId(table),
                delete: Delete {
                    id,
                    through,
                    predicate: predicate.try_into()?,
                },
            },
            DiskEdit::AdvanceWal { applied_through } => Self::AdvanceWal { applied_through },
            DiskEdit::PutRecord(record) => Self::PutRecord {
                record: (*record).try_into()?,
            },
            DiskEdit::RemoveRecord { id } => Self::RemoveRecord {
                id: parse_record_id(&id)?,
            },
            DiskEdit::Audit {
                at,
                who,
                action,
                subject,
            } => Self::Audit {
                entry: AuditEntry {
                    at_nanos: at,
                    who: who.into(),
                    action: action.into(),
                    subject,
                },
            },
            DiskEdit::PutToken { name, sha256 } => Self::PutRecord {
                record: token_of_name(&name, &sha256)?,
            },
        })
    }
}

fn all<D, T: TryFrom<D, Error = String>>(items: Vec<D>) -> Result<Vec<T>, String> {
    items.into_iter().map(T::try_from).collect()
}

impl From<&Column> for DiskColumn {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.to_string(),
            kind: column.kind.into(),
        }
    }
}

impl From<ColumnKind> for DiskKind {
    fn from(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Tag => Self::Tag,
            ColumnKind::Field(FieldType::Float) => Self::Float,
            ColumnKind::Field(FieldType::Integer) => Self::Integer,
            ColumnKind::Field(FieldType::UInteger) => Self::Unsigned,
            ColumnKind::Field(FieldType::Boolean) => Self::Boolean,
            ColumnKind::Field(FieldType::String) => Self::String,
        }
    }
}

impl From<DiskKind> for ColumnKind {
    fn from(kind: DiskKind) -> Self {
        match kind {
            DiskKind::Tag => Self::Tag,
            DiskKind::Float => Self::Field(FieldType::Float),
            DiskKind::Integer => Self::Field(FieldType::Integer),
            DiskKind::Unsigned => Self::Field(FieldType::UInteger),
            DiskKind::Boolean => Self::Field(FieldType::Boolean),
            DiskKind::String => Self::Field(FieldType::String),
        }
    }
}

impl From<&FileRecord> for DiskFile {
    fn from(file: &FileRecord) -> Self {
        Self {
            id: file.id.to_string(),
            database: file.database.0,
            table: file.table.0,
            partition_start: file.partition_start,
            size_bytes: file.size_bytes,
            rows: file.rows,
            time_min: file.time_min,
            time_max: file.time_max,
            keys_are_new: file.keys_are_new,
            partition_nanos: (file.partition_nanos != DAY_NANOS).then_some(file.partition_nanos),
            level: file.level,
            crc32c: (file.checksum != file.id.discriminator).then_some(file.checksum),
            deletes_through: file.deletes_through,
            last_rows: file.last_rows.map(|part| DiskLastRows {
                start: part.start,
                size_bytes: part.size_bytes,
                crc32c: part.checksum,
                rows: part.rows,
            }),
        }
    }
}

impl TryFrom<DiskFile> for FileRecord {
    type Error = String;

    fn try_from(file: DiskFile) -> Result<Self, String> {
        let id = parse_file_id(&file.id)?;
        Ok(Self {
            id,
            database: DatabaseId(file.database),
            table: TableId(file.table),
            partition_start: file.partition_start,
            partition_nanos: file.partition_nanos.unwrap_or(DAY_NANOS),
            level: file.level,
            checksum: file.crc32c.unwrap_or(id.discriminator),
            deletes_through: file.deletes_through,
            size_bytes: file.size_bytes,
            rows: file.rows,
            time_min: file.time_min,
            time_max: file.time_max,
            keys_are_new: file.keys_are_new,
            last_rows: file.last_rows.map(|part| LastRowsPart {
                start: part.start,
                size_bytes: part.size_bytes,
                checksum: part.crc32c,
                rows: part.rows,
            }),
        })
    }
}

impl From<&FileKey> for DiskFileKey {
    fn from(key: &FileKey) -> Self {
        Self {
            partition_start: key.partition_start,
            id: key.id.to_string(),
        }
    }
}

impl TryFrom<DiskFileKey> for FileKey {
    type Error = String;

    fn try_from(key: DiskFileKey) -> Result<Self, String> {
        Ok(Self {
            partition_start: key.partition_start,
            id: parse_file_id(&key.id)?,
        })
    }
}

fn parse_file_id(text: &str) -> Result<FileId, String> {
    let parse = || {
        let mut parts = text.split('-');
        let id = FileId {
            first_sequence: u64::from_str_radix(parts.next()?, 16).ok()?,
            last_sequence: u64::from_str_radix(parts.next()?, 16).ok()?,
            discriminator: u32::from_str_radix(parts.next()?, 16).ok()?,
        };
        parts.next().is_none().then_some(id)
    };
    parse().ok_or_else(|| format!("file id '{text}' is malformed"))
}

pub(super) fn parse_uuid(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| format!("'{text}' is not a UUID"))
}

fn hex(digest: &TokenDigest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<TokenDigest> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut digest = TokenDigest::default();
    for (i, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(digest)
}
