//! The manifest log as it lies in a store, for those that look at it from outside: verification and
//! backups. Nothing here needs to own the store, and a process that does may go on committing.
//!
//! A log that grows while it is listed and read may look damaged: an object is superseded before it is
//! read, or a directory is listed while two names are made in it. Whatever is found wrong is therefore
//! looked at again, and counts only if it stays wrong.

mod chain;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use uuid::Uuid;

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::manifest::{
    Entry, ManifestLog, checkpoint_path, decode_checkpoint, decode_commit, encode_checkpoint,
};
use crate::state::State;
use chain::Chain;

/// How often a log is read again that changes while it is read.
const ATTEMPTS_MAX: u32 = 8;

/// Something in a store that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where in the object store.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

/// What a look at every object of the log has found.
#[derive(Debug, Clone, Default)]
pub struct LogCheck {
    /// Commits that were read.
    pub commits: usize,
    /// Checkpoints that were read.
    pub checkpoints: usize,
    /// What is wrong with any of them.
    pub damages: Vec<Damage>,
    /// The newest state, as a server that starts now would take it; `None` if there is no log, or
    /// none that a server would start with.
    pub state: Option<Arc<State>>,
}

/// The newest state of a store; `None` if the store has no manifest. Writes nothing.
pub async fn newest(store: &Arc<dyn ObjectStore>) -> Result<Option<State>> {
    let log = ManifestLog::new(Arc::clone(store));
    let mut attempt = 1;
    loop {
        match log.load().await {
            Ok(state) => return Ok((state.number() > 0).then_some(state)),
            Err(error) if attempt < ATTEMPTS_MAX && may_pass(&error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Whether an error may come of reading a log that is being written.
fn may_pass(error: &Error) -> bool {
    is_not_found(error) || matches!(error, Error::Corrupt { .. })
}

fn is_not_found(error: &Error) -> bool {
    use object_store::Error::NotFound;
    matches!(error, Error::Store { source } if matches!(source, NotFound { .. }))
}

/// Reads every object of the log and holds them against each other: each decodes, none is missing
/// after the oldest checkpoint, every commit fits the state before it, and a checkpoint is the state
/// that the commits before it lead to.
pub async fn check(store: &Arc<dyn ObjectStore>) -> Result<LogCheck> {
    let log = ManifestLog::new(Arc::clone(store));
    let mut check = check_once(&log).await?;
    for _ in 1..ATTEMPTS_MAX {
        if check.damages.is_empty() {
            break;
        }
        let again = check_once(&log).await?;
        let is_settled = again.damages == check.damages;
        check = again;
        if is_settled {
            break;
        }
    }
    check.state = match newest(store).await {
        Ok(state) => state.map(Arc::new),
        Err(Error::Corrupt { path, problem }) => {
            if check.damages.iter().all(|damage| damage.path != path) {
                check.damages.push(Damage { path, problem });
            }
            None
        }
        Err(error) => return Err(error),
    };
    Ok(check)
}

async fn check_once(log: &ManifestLog) -> Result<LogCheck> {
    let entries = log.list().await?;
    let mut chain = Chain::new(&entries);
    for entry in &entries {
        match log.read(&entry.path()).await {
            Ok(bytes) => chain.read(*entry, &bytes)?,
            // Superseded since it was listed, or gone.
            Err(error) if is_not_found(&error) => chain.lost(*entry),
            Err(error) => return Err(error),
        }
    }
    Ok(chain.finish())
}

/// When rows were last brought from the log to files, of all commits up to this number that are still
/// there; nanoseconds since 1970 by the clock of the store. Rows written later are in no file.
pub async fn flushed_at(store: &Arc<dyn ObjectStore>, number: u64) -> Result<Option<i64>> {
    let log = ManifestLog::new(Arc::clone(store));
    let is_candidate = |entry: &Entry| !entry.is_checkpoint && entry.number <= number;
    let entries = log.list().await?;
    for entry in entries.into_iter().rev().filter(is_candidate) {
        let path = entry.path();
        let bytes = match log.read(&path).await {
            Err(error) if is_not_found(&error) => continue,
            bytes => bytes?,
        };
        let edits = decode_commit(&bytes, entry.number, &path)?;
        let moves_rows = |edit: &Edit| matches!(edit, Edit::AdvanceWal { .. });
        if edits.iter().any(moves_rows) {
            let meta = store.head(&path).await;
            let meta = meta.map_err(|source| Error::Store { source })?;
            return Ok(meta.last_modified.timestamp_nanos_opt());
        }
    }
    Ok(None)
}

/// A state in the form of a checkpoint, to be kept outside of a log.
pub fn encode_state(state: &State) -> Vec<u8> {
    encode_checkpoint(state, Uuid::nil())
}

/// The state that [`encode_state`] made this of. `path` is where it was kept, for the error.
pub fn decode_state(bytes: &[u8], number: u64, path: &str) -> Result<State> {
    decode_checkpoint(bytes, number, &Path::from(path))
}

/// Whether a store has a manifest.
pub async fn has_manifest(store: &Arc<dyn ObjectStore>) -> Result<bool> {
    let log = ManifestLog::new(Arc::clone(store));
    Ok(!log.list().await?.is_empty())
}

/// Makes a state the first of a store that has no manifest, as one object: it is there or not.
///
/// The store gets an identity of its own, so that nobody takes it for the one that the state is from,
/// and no write-ahead log of that one fits it: what such a log holds belongs to another history.
pub async fn found(store: &Arc<dyn ObjectStore>, state: &State) -> Result<State> {
    let log = ManifestLog::new(Arc::clone(store));
    let number = state.number() + 1;
    let path = checkpoint_path(number);
    let edits = [
        Edit::InitializeCluster {
            cluster: Uuid::new_v4(),
        },
        Edit::OpenForWriting {
            wal: Uuid::new_v4(),
        },
    ];
    let corrupt = |problem| Error::Corrupt {
        path: path.to_string(),
        problem,
    };
    let founded = state.after(number, &edits).map_err(corrupt)?;
    let bytes = encode_checkpoint(&founded, Uuid::nil());
    match log.create(&path, bytes.clone()).await {
        Ok(()) => Ok(founded),
        Err(source @ object_store::Error::AlreadyExists { .. }) => {
            // An attempt whose answer got lost.
            match log.read(&path).await? == bytes {
                true => Ok(founded),
                false => Err(Error::Store { source }),
            }
        }
        Err(source) => Err(Error::Store { source }),
    }
}
