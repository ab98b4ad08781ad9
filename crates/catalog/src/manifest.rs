//! The manifest log: numbered objects, each one commit, created only if absent.
//!
//! ```text
//! manifest/00000000000000000001.json              the first commit: identity of the store
//! manifest/00000000000000000002.json              edits
//! …
//! manifest/00000000000000000064.checkpoint.json   the whole state after commit 64
//! ```
//!
//! Opening reads the newest checkpoint and the commits after it. A commit that finds its number
//! taken looks who took it: this process (an earlier attempt whose answer got lost) means that the
//! attempt succeeded after all; another process means that this one no longer owns the store.

mod codec;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::time::Instant;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::state::State;

const DIRECTORY: &str = "manifest";
const CHECKPOINT_EVERY: u64 = 64;
const CHECKPOINTS_KEPT: usize = 2;
const ATTEMPTS_MAX: u32 = 6;
/// No further attempt begins after this long: clients wait for the answer, and other commits for their
/// turn.
const ATTEMPTS_LAST: Duration = Duration::from_secs(10);

/// One process's handle on the log.
#[derive(Debug)]
pub(crate) struct ManifestLog {
    store: Arc<dyn ObjectStore>,
    writer: Uuid,
}

/// How an attempt to take a number ended.
pub(crate) enum Commit {
    /// The edits are durable.
    Done,
    /// The number holds an earlier commit of this process that was thought to have failed. Its
    /// edits are to be applied, and the change made anew on top of them.
    Rebase(Vec<Edit>),
}

impl ManifestLog {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            writer: Uuid::new_v4(),
        }
    }

    /// The newest state in the store; number 0 when the store is empty.
    pub(crate) async fn load(&self) -> Result<State> {
        let numbers = self.list().await?;
        let checkpoint = numbers.iter().rev().find(|entry| entry.is_checkpoint);
        let mut state = match checkpoint {
            Some(entry) => {
                let bytes = self.read(&entry.path()).await?;
                codec::decode_checkpoint(&bytes, entry.number).map_err(|e| e.at(&entry.path()))?
            }
            None => State::default(),
        };
        for entry in numbers.iter().filter(|entry| !entry.is_checkpoint) {
            if entry.number <= state.number {
                continue;
            }
            if entry.number != state.number + 1 {
                return Err(Error::Corrupt {
                    path: commit_path(state.number + 1).to_string(),
                    problem: format!("it is missing although number {} exists", entry.number),
                });
            }
            let (_, edits) = self.read_commit(entry.number).await?;
            state = state
                .after(entry.number, &edits)
                .map_err(|problem| Error::Corrupt {
                    path: entry.path().to_string(),
                    problem,
                })?;
        }
        Ok(state)
    }

    /// Makes `edits` the commit of this number, trying again while the store is unreachable.
    pub(crate) async fn commit(&self, number: u64, edits: &[Edit]) -> Result<Commit> {
        let path = commit_path(number);
        let bytes = codec::encode_commit(number, self.writer, edits);
        match self.create(&path, bytes.clone()).await {
            Ok(()) => Ok(Commit::Done),
            Err(object_store::Error::AlreadyExists { .. }) => {
                let taken = self.read(&path).await?;
                if taken == bytes {
                    return Ok(Commit::Done);
                }
                let (writer, edits) =
                    codec::decode_commit(&taken, number).map_err(|e| e.at(&path))?;
                if writer == self.writer {
                    return Ok(Commit::Rebase(edits));
                }
                Err(Error::Fenced {
                    number,
                    writer: writer.to_string(),
                })
            }
            Err(source) => Err(Error::Store { source }),
        }
    }

    /// Looks whether this number, the next one, is taken. By this process, it is a commit that was
    /// thought to have failed; by another, this process has lost the store.
    pub(crate) async fn unseen_commit(&self, number: u64) -> Result<Option<Vec<Edit>>> {
        match self.store.head(&commit_path(number)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(Error::Store { source }),
            Ok(_) => match self.read_commit(number).await? {
                (writer, edits) if writer == self.writer => Ok(Some(edits)),
                (writer, _) => Err(Error::Fenced {
                    number,
                    writer: writer.to_string(),
                }),
            },
        }
    }

    /// Writes a checkpoint when one is due, and deletes what older checkpoints made superfluous.
    /// Failing does no harm: the log is whole without it, and the next one is written when it is due.
    pub(crate) async fn checkpoint_if_due(&self, state: &State) {
        if !state.number.is_multiple_of(CHECKPOINT_EVERY) {
            return;
        }
        let path = checkpoint_path(state.number);
        let result = async {
            let bytes = codec::encode_checkpoint(state, self.writer);
            match self.create(&path, bytes).await {
                Ok(()) | Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(source) => return Err(Error::Store { source }),
            }
            self.delete_superseded().await
        };
        match result.await {
            Ok(deleted) => debug!(
                number = state.number,
                deleted, "wrote a manifest checkpoint"
            ),
            Err(error) => warn!(number = state.number, %error, "could not write a checkpoint"),
        }
    }

    async fn delete_superseded(&self) -> Result<usize> {
        let entries = self.list().await?;
        let checkpoints = entries.iter().rev().filter(|entry| entry.is_checkpoint);
        let Some(oldest_kept) = checkpoints.take(CHECKPOINTS_KEPT).last() else {
            return Ok(0);
        };
        let superseded = entries
            .iter()
            .filter(|entry| entry.number < oldest_kept.number);
        let mut deleted = 0;
        for entry in superseded {
            self.store
                .delete(&entry.path())
                .await
                .map_err(|source| Error::Store { source })?;
            deleted += 1;
        }
        Ok(deleted)
    }

    async fn read_commit(&self, number: u64) -> Result<(Uuid, Vec<Edit>)> {
        let path = commit_path(number);
        let bytes = self.read(&path).await?;
        codec::decode_commit(&bytes, number).map_err(|e| e.at(&path))
    }

    pub(crate) async fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let store_error = |source| Error::Store { source };
        let object = self.store.get(path).await.map_err(store_error)?;
        Ok(object.bytes().await.map_err(store_error)?.into())
    }

    pub(crate) async fn create(&self, path: &Path, bytes: Vec<u8>) -> object_store::Result<()> {
        let payload = PutPayload::from(bytes);
        let started = Instant::now();
        let mut delay = Duration::from_millis(50);
        for attempt in 1.. {
            let options = PutOptions {
                mode: PutMode::Create,
                ..Default::default()
            };
            match self.store.put_opts(path, payload.clone(), options).await {
                Ok(_) => return Ok(()),
                Err(e @ object_store::Error::AlreadyExists { .. }) => return Err(e),
                Err(error) if attempt < ATTEMPTS_MAX && started.elapsed() < ATTEMPTS_LAST => {
                    warn!(%path, attempt, %error, "manifest commit failed, trying again");
                    tokio::time::sleep(delay).await;
                    delay *= 2;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// All objects of the log, by number; a commit before the checkpoint of its number.
    pub(crate) async fn list(&self) -> Result<Vec<Entry>> {
        let prefix = Path::from(DIRECTORY);
        let objects: Vec<_> = self
            .store
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(|source| Error::Store { source })?;
        let mut entries: Vec<_> = objects
            .iter()
            .filter_map(|object| Entry::parse(object.location.filename()?))
            .collect();
        entries.sort_unstable();
        Ok(entries)
    }
}

/// What a commit at this place holds.
pub(crate) fn decode_commit(bytes: &[u8], number: u64, path: &Path) -> Result<Vec<Edit>> {
    let (_, edits) = codec::decode_commit(bytes, number).map_err(|e| e.at(path))?;
    Ok(edits)
}

/// The state that a checkpoint at this place holds.
pub(crate) fn decode_checkpoint(bytes: &[u8], number: u64, path: &Path) -> Result<State> {
    codec::decode_checkpoint(bytes, number).map_err(|e| e.at(path))
}

/// A state as a checkpoint. The same state makes the same bytes.
pub(crate) fn encode_checkpoint(state: &State, writer: Uuid) -> Vec<u8> {
    codec::encode_checkpoint(state, writer)
}

/// The name of a manifest object, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) is_checkpoint: bool,
}

impl Entry {
    fn parse(filename: &str) -> Option<Self> {
        let stem = filename.strip_suffix(".json")?;
        let (digits, is_checkpoint) = match stem.strip_suffix(".checkpoint") {
            Some(digits) => (digits, true),
            None => (stem, false),
        };
        Some(Self {
            number: digits.parse().ok()?,
            is_checkpoint,
        })
    }

    pub(crate) fn path(&self) -> Path {
        if self.is_checkpoint {
            checkpoint_path(self.number)
        } else {
            commit_path(self.number)
        }
    }
}

fn commit_path(number: u64) -> Path {
    Path::from(format!("{DIRECTORY}/{number:020}.json"))
}

pub(crate) fn checkpoint_path(number: u64) -> Path {
    Path::from(format!("{DIRECTORY}/{number:020}.checkpoint.json"))
}
