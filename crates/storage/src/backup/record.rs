//! The object that makes a backup: what it is, its files, and the state, all under one checksum.
//!
//! ```text
//! {"format":1,"body_crc32c":…}                            the checksum of all that follows
//! {"number":42,"cluster":"…","taken_at_nanos":…,…}         what it is
//! [{"path":"data/…","size_bytes":…,"crc32c":…},…]          its files
//! {"format":2,"number":42,…}                               the state, as a checkpoint of the
//! {…}                                                      manifest log: two lines
//! ```

use std::sync::Arc;

use catalog::{State, inspect};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::copy::KeptFile;
use super::{Error, Result};

const DIRECTORY: &str = "backups";
const FORMAT: u32 = 1;
const DIGITS: usize = 20;

/// A backup: a store as of one manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backup {
    /// The number of that manifest, and the backup's name.
    pub number: u64,
    /// The identity of the store.
    pub cluster: String,
    /// When it was begun, nanoseconds since 1970.
    pub taken_at_nanos: i64,
    /// When rows last went from memory to files before it, as far as the manifest log goes back:
    /// later ones are not in it.
    pub flushed_at_nanos: Option<i64>,
    /// How many files it has, those of models among them.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A backup with all that it takes to restore it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) backup: Backup,
    pub(super) files: Vec<KeptFile>,
    /// In the form of a checkpoint of the manifest log.
    pub(super) checkpoint: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    body_crc32c: u32,
}

pub(super) fn path(number: u64) -> Path {
    Path::from(format!("{DIRECTORY}/{number:0DIGITS$}.json"))
}

/// The numbers of all backups, ascending.
pub(super) async fn numbers(backups: &Arc<dyn ObjectStore>) -> Result<Vec<u64>> {
    let directory = Path::from(DIRECTORY);
    let objects: Vec<_> = backups.list(Some(&directory)).try_collect().await?;
    let number = |name: &str| {
        let digits = name.strip_suffix(".json")?;
        (digits.len() == DIGITS).then(|| digits.parse().ok())?
    };
    let mut numbers: Vec<u64> = objects
        .iter()
        .filter_map(|object| number(object.location.filename()?))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads a backup's object.
pub(super) async fn read(backups: &Arc<dyn ObjectStore>, number: u64) -> Result<Record> {
    let bytes = backups.get(&path(number)).await?.bytes().await?;
    Record::decode(&bytes, number)
}

/// Writes a backup's object, which makes the backup.
pub(super) async fn write(backups: &Arc<dyn ObjectStore>, record: &Record) -> Result<()> {
    let (path, bytes) = (path(record.backup.number), record.encode());
    let payload = PutPayload::from(bytes.clone());
    match backups
        .put_opts(&path, payload, PutMode::Create.into())
        .await
    {
        Ok(_) => Ok(()),
        Err(error @ object_store::Error::AlreadyExists { .. }) => {
            // A request that was repeated because its answer got lost.
            match backups.get(&path).await?.bytes().await? == bytes {
                true => Ok(()),
                false => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

impl Record {
    /// The state that was backed up.
    pub(super) fn state(&self) -> Result<State> {
        let number = self.backup.number;
        let state = inspect::decode_state(&self.checkpoint, number, path(number).as_ref());
        state.map_err(|error| match error {
            catalog::Error::Corrupt { path, problem } => Error::Damaged { path, problem },
            error => error.into(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        const HOLDS: &str = "plain data of ours always becomes JSON";
        let mut body = serde_json::to_vec(&self.backup).expect(HOLDS);
        body.push(b'\n');
        body.extend(serde_json::to_vec(&self.files).expect(HOLDS));
        body.push(b'\n');
        body.extend_from_slice(&self.checkpoint);
        let header = Header {
            format: FORMAT,
            body_crc32c: crc32c::crc32c(&body),
        };
        let mut bytes = serde_json::to_vec(&header).expect(HOLDS);
        bytes.push(b'\n');
        bytes.extend(body);
        bytes
    }

    fn decode(bytes: &[u8], number: u64) -> Result<Self> {
        let damaged = |problem: String| Error::Damaged {
            path: path(number).to_string(),
            problem,
        };
        let (header, body) = line(bytes).map_err(damaged)?;
        let header: Header = header;
        if header.format > FORMAT {
            return Err(Error::UnknownFormat {
                path: path(number).to_string(),
                found: header.format,
                known: FORMAT,
            });
        }
        if crc32c::crc32c(body) != header.body_crc32c {
            return Err(damaged("its checksum does not match".to_owned()));
        }
        let (backup, rest): (Backup, _) = line(body).map_err(damaged)?;
        let (files, checkpoint) = line(rest).map_err(damaged)?;
        if backup.number != number {
            return Err(damaged("its number is not that of its name".to_owned()));
        }
        Ok(Self {
            backup,
            files,
            checkpoint: checkpoint.to_vec(),
        })
    }
}

/// The first line, as JSON, and what follows it.
fn line<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), String> {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let end = end.ok_or("it is cut short")?;
    let value = serde_json::from_slice(&bytes[..end]).map_err(|error| error.to_string())?;
    Ok((value, &bytes[end + 1..]))
}
