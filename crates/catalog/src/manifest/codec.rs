//! How a manifest object looks on disk: two lines of JSON, a header and a body.
//!
//! ```text
//! {"format":1,"number":42,"writer":"…","body_crc32c":123456}
//! [{"create_database":{"id":1,"name":"plant"}}, …]             a commit's edits, or
//! {"cluster":"…","wal_applied_through":17,"databases":[…],…}    a checkpoint's state
//! ```
//!
//! The checksum covers the second line as it stands. Format numbers only grow, and every release
//! reads all earlier ones. The types here belong to the disk; the rest of the crate never sees
//! them.

use object_store::path::Path;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::edit::Edit;
use crate::error::Error;
use crate::ids::{ColumnId, DatabaseId, FileId, TableId};
use crate::schema::{Column, ColumnKind, FieldType, FileRecord};
use crate::state::{State, TokenDigest};

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    number: u64,
    writer: String,
    body_crc32c: u32,
}

/// Why an object could not be read.
#[derive(Debug)]
pub(super) enum DecodeError {
    Damaged(String),
    UnknownFormat(u32),
}

impl DecodeError {
    pub(super) fn at(self, path: &Path) -> Error {
        let path = path.to_string();
        match self {
            Self::Damaged(problem) => Error::Corrupt { path, problem },
            Self::UnknownFormat(found) => Error::UnknownFormat {
                path,
                found,
                known: FORMAT,
            },
        }
    }
}

pub(super) fn encode_commit(number: u64, writer: Uuid, edits: &[Edit]) -> Vec<u8> {
    let edits: Vec<_> = edits.iter().map(DiskEdit::from).collect();
    encode(number, writer, &edits)
}

pub(super) fn decode_commit(bytes: &[u8], number: u64) -> Result<(Uuid, Vec<Edit>), DecodeError> {
    let (header, edits) = decode::<Vec<DiskEdit>>(bytes, number)?;
    let edits = edits
        .into_iter()
        .map(Edit::try_from)
        .collect::<Result<_, _>>();
    let writer = parse_uuid(&header.writer).map_err(DecodeError::Damaged)?;
    Ok((writer, edits.map_err(DecodeError::Damaged)?))
}

/// A checkpoint is written as the edits that rebuild the state from nothing, so that the two kinds
/// of object cannot drift apart.
pub(super) fn encode_checkpoint(state: &State, writer: Uuid) -> Vec<u8> {
    let checkpoint = DiskCheckpoint {
        next_database: state.next_database,
        next_table: state.next_table,
        edits: rebuild(state).iter().map(DiskEdit::from).collect(),
    };
    encode(state.number, writer, &checkpoint)
}

pub(super) fn decode_checkpoint(bytes: &[u8], number: u64) -> Result<State, DecodeError> {
    let (_, checkpoint) = decode::<DiskCheckpoint>(bytes, number)?;
    let edits: Result<Vec<_>, _> = checkpoint.edits.into_iter().map(Edit::try_from).collect();
    let edits = edits.map_err(DecodeError::Damaged)?;
    let mut state = State::default()
        .after(number, &edits)
        .map_err(DecodeError::Damaged)?;
    state.next_database = checkpoint.next_database;
    state.next_table = checkpoint.next_table;
    Ok(state)
}

fn encode<T: Serialize>(number: u64, writer: Uuid, body: &T) -> Vec<u8> {
    const HOLDS: &str = "plain data of ours always becomes JSON";
    let body = serde_json::to_vec(body).expect(HOLDS);
    let header = Header {
        format: FORMAT,
        number,
        writer: writer.to_string(),
        body_crc32c: crc32c::crc32c(&body),
    };
    let mut bytes = serde_json::to_vec(&header).expect(HOLDS);
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    bytes.push(b'\n');
    bytes
}

fn decode<T: DeserializeOwned>(bytes: &[u8], number: u64) -> Result<(Header, T), DecodeError> {
    let damaged = |problem: &str| DecodeError::Damaged(problem.to_owned());
    let end = bytes
        .iter()
        .position(|&b| b == b'\n')
        .ok_or_else(|| damaged("it is cut short"))?;
    let header: Header =
        serde_json::from_slice(&bytes[..end]).map_err(|e| DecodeError::Damaged(e.to_string()))?;
    if header.format > FORMAT {
        return Err(DecodeError::UnknownFormat(header.format));
    }
    if header.number != number {
        return Err(damaged("its number is not that of its name"));
    }
    let body = bytes[end + 1..]
        .strip_suffix(b"\n")
        .ok_or_else(|| damaged("it is cut short"))?;
    if crc32c::crc32c(body) != header.body_crc32c {
        return Err(damaged("its checksum does not match"));
    }
    let body = serde_json::from_slice(body).map_err(|e| DecodeError::Damaged(e.to_string()))?;
    Ok((header, body))
}

fn rebuild(state: &State) -> Vec<Edit> {
    let mut edits = vec![
        Edit::InitializeCluster {
            cluster: state.cluster,
        },
        Edit::AdvanceWal {
            applied_through: state.wal_applied_through,
        },
    ];
    edits.extend(state.wal.map(|wal| Edit::OpenForWriting { wal }));
    for (name, digest) in state.tokens() {
        edits.push(Edit::PutToken {
            name: name.to_owned(),
            digest: *digest,
        });
    }
    for database in state.databases() {
        edits.push(Edit::CreateDatabase {
            id: database.id,
            name: database.name.to_string(),
        });
        for table in database.tables() {
            let (id, name) = (table.id, table.name.to_string());
            edits.push(Edit::CreateTable {
                id,
                database: database.id,
                name,
            });
            edits.push(Edit::AddColumns {
                table: id,
                columns: table.columns().to_vec(),
            });
            edits.extend(table.files().iter().map(|f| Edit::AddFile {
                file: (**f).clone(),
            }));
        }
    }
    edits
}

#[derive(Serialize, Deserialize)]
struct DiskCheckpoint {
    next_database: u32,
    next_table: u32,
    edits: Vec<DiskEdit>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DiskEdit {
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
    DropDatabase {
        id: u32,
    },
    CreateTable {
        id: u32,
        database: u32,
        name: String,
    },
    AddColumns {
        table: u32,
        first: u16,
        columns: Vec<DiskColumn>,
    },
    AddFile(DiskFile),
    AdvanceWal {
        applied_through: u64,
    },
    PutToken {
        name: String,
        sha256: String,
    },
}

#[derive(Serialize, Deserialize)]
struct DiskColumn {
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

#[derive(Serialize, Deserialize)]
struct DiskFile {
    id: String,
    database: u32,
    table: u32,
    partition_start: i64,
    size_bytes: u64,
    rows: u64,
    time_min: i64,
    time_max: i64,
    keys_are_new: bool,
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
            Edit::DropDatabase { id } => Self::DropDatabase { id: id.0 },
            Edit::CreateTable { id, database, name } => Self::CreateTable {
                id: id.0,
                database: database.0,
                name: name.clone(),
            },
            Edit::AddColumns { table, columns } => Self::AddColumns {
                table: table.0,
                first: Edit::first_column(columns).map_or(0, |id| id.0),
                columns: columns
                    .iter()
                    .map(|c| DiskColumn {
                        name: c.name.to_string(),
                        kind: c.kind.into(),
                    })
                    .collect(),
            },
            Edit::AddFile { file } => Self::AddFile(file.into()),
            Edit::AdvanceWal { applied_through } => Self::AdvanceWal {
                applied_through: *applied_through,
            },
            Edit::PutToken { name, digest } => Self::PutToken {
                name: name.clone(),
                sha256: hex(digest),
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
            DiskEdit::DropDatabase { id } => Self::DropDatabase { id: DatabaseId(id) },
            DiskEdit::CreateTable { id, database, name } => Self::CreateTable {
                id: TableId(id),
                database: DatabaseId(database),
                name,
            },
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
            DiskEdit::AddFile(file) => Self::AddFile {
                file: file.try_into()?,
            },
            DiskEdit::AdvanceWal { applied_through } => Self::AdvanceWal { applied_through },
            DiskEdit::PutToken { name, sha256 } => {
                let digest = unhex(&sha256).ok_or("a token's digest is malformed")?;
                Self::PutToken { name, digest }
            }
        })
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
        }
    }
}

impl TryFrom<DiskFile> for FileRecord {
    type Error = String;

    fn try_from(file: DiskFile) -> Result<Self, String> {
        Ok(Self {
            id: parse_file_id(&file.id)
                .ok_or_else(|| format!("file id '{}' is malformed", file.id))?,
            database: DatabaseId(file.database),
            table: TableId(file.table),
            partition_start: file.partition_start,
            size_bytes: file.size_bytes,
            rows: file.rows,
            time_min: file.time_min,
            time_max: file.time_max,
            keys_are_new: file.keys_are_new,
        })
    }
}

fn parse_file_id(text: &str) -> Option<FileId> {
    let mut parts = text.split('-');
    let id = FileId {
        first_sequence: u64::from_str_radix(parts.next()?, 16).ok()?,
        last_sequence: u64::from_str_radix(parts.next()?, 16).ok()?,
        checksum: u32::from_str_radix(parts.next()?, 16).ok()?,
    };
    parts.next().is_none().then_some(id)
}

fn parse_uuid(text: &str) -> Result<Uuid, String> {
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
