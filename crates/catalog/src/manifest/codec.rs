//! How a manifest object looks on disk: two lines of JSON, a header and a body.
//!
//! ```text
//! {"format":1,"number":42,"writer":"…","body_crc32c":123456}
//! [{"create_database":{"id":1,"name":"plant"}}, …]             a commit's edits, or
//! {"cluster":"…","wal_applied_through":17,"databases":[…],…}    a checkpoint's state
//! ```
//!
//! The checksum covers the second line as it stands. Format numbers only grow, and every release
//! reads all earlier ones. The types of the body are in [`disk`].

mod disk;

use object_store::path::Path;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::edit::Edit;
use crate::error::Error;
use crate::schema::Table;
use crate::state::{Database, State};
use disk::{DiskEdit, parse_uuid};

/// 1: the first. 2: retention, deletes, replaced files, drops that can be undone; a release that
/// reads only 1 would take rows that are gone for being there. 3: records of who there is and what they
/// may do; a release that reads only 2 would let every token do everything. 4: records of trained models, of
/// tasks, checks, endpoints, rules and silences; a release that reads only 3 would take the objects of models for orphans.
const FORMAT: u32 = 4;

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
        last_record: state.records().last(),
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
    state.records_mut().skip_ids_through(checkpoint.last_record);
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

/// The edits that make this state from nothing.
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
    edits.extend(state.records().iter().map(|record| Edit::PutRecord {
        record: record.clone(),
    }));
    edits.extend(state.audit().map(|entry| Edit::Audit {
        entry: entry.clone(),
    }));
    // What was dropped comes first, here and for tables: its name may have been taken anew.
    for dropped in state.dropped_databases() {
        let (id, at_nanos) = (dropped.item.id, dropped.at_nanos);
        rebuild_database(state, &dropped.item, &mut edits);
        edits.push(Edit::DropDatabase { id, at_nanos });
    }
    for database in state.databases() {
        rebuild_database(state, database, &mut edits);
    }
    edits
}

fn rebuild_database(state: &State, database: &Database, edits: &mut Vec<Edit>) {
    edits.push(Edit::CreateDatabase {
        id: database.id,
        name: database.name.to_string(),
    });
    edits.push(Edit::SetDatabaseRetention {
        id: database.id,
        retention: database.retention,
    });
    let is_of_it = |table: &Table| table.database == database.id;
    for dropped in state
        .dropped_tables()
        .filter(|dropped| is_of_it(&dropped.item))
    {
        let (id, at_nanos) = (dropped.item.id, dropped.at_nanos);
        rebuild_table(&dropped.item, edits);
        edits.push(Edit::DropTable { id, at_nanos });
    }
    for table in database.tables() {
        rebuild_table(table, edits);
    }
}

fn rebuild_table(table: &Table, edits: &mut Vec<Edit>) {
    let id = table.id;
    edits.push(Edit::CreateTable {
        id,
        database: table.database,
        name: table.name.to_string(),
    });
    edits.push(Edit::AddColumns {
        table: id,
        columns: table.columns().to_vec(),
    });
    edits.push(Edit::SetTableOptions {
        table: id,
        retention: table.retention,
        float_storage: table.float_storage,
    });
    edits.extend(table.files().iter().map(|file| Edit::AddFile {
        file: (**file).clone(),
    }));
    edits.extend(table.deletes().iter().map(|delete| Edit::AddDelete {
        table: id,
        delete: (**delete).clone(),
    }));
}

#[derive(Serialize, Deserialize)]
struct DiskCheckpoint {
    next_database: u32,
    next_table: u32,
    /// Absent before format 3.
    #[serde(default)]
    last_record: u64,
    edits: Vec<DiskEdit>,
}
