//! Makes a backup.

use std::collections::HashSet;
use std::sync::Arc;

use catalog::{Clock, State, inspect};
use futures::{StreamExt, stream};
use object_store::ObjectStore;

use super::copy::{self, Copied, KeptFile};
use super::record::{self, Backup, Record};
use super::{Error, FILES_AT_ONCE, Result};
use crate::progress::{Meter, Watch};

/// How often it is begun anew because files were replaced before they were copied.
const ATTEMPTS_MAX: usize = 10;

/// What making a backup has come to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Created {
    /// The backup.
    pub backup: Backup,
    /// Whether it was there already, because nothing has changed since.
    pub existed: bool,
    /// Files that no earlier backup had.
    pub files_copied: u64,
    /// Their bytes.
    pub bytes_copied: u64,
}

/// Backs a store up as of its newest manifest, and copies what the backups do not have yet.
///
/// Rows that are in the write-ahead log only are not in it. A server may go on meanwhile: when it
/// deletes a file that has not been copied yet, because it was replaced, the backup is begun anew with
/// the newest manifest, a few times at most.
pub async fn create(
    store: &Arc<dyn ObjectStore>,
    backups: &Arc<dyn ObjectStore>,
    clock: &dyn Clock,
    watch: Watch<'_>,
) -> Result<Created> {
    if inspect::has_manifest(backups).await? {
        let place = backups.to_string();
        return Err(Error::IsStore { place });
    }
    let meter = Meter::new(watch);
    let mut gone = HashSet::new();
    let mut copied = (0, 0);
    for _ in 0..ATTEMPTS_MAX {
        let taken_at_nanos = clock.now_nanos();
        let state = inspect::newest(store).await?;
        let state = state.ok_or(crate::Error::EmptyStore)?;
        if let Some(existing) = existing(backups, &state).await? {
            return Ok(created(existing, true, copied));
        }
        let files = copy::files_of(&state);
        let round = copy_missing(store, backups, &files, &meter).await?;
        copied = (copied.0 + round.files, copied.1 + round.bytes);
        if let Some(path) = round.gone {
            // Its number may have been read before the file went; the second time it was after.
            if !gone.insert(path.clone()) {
                return Err(Error::Missing { path });
            }
            continue;
        }
        let record = Record {
            backup: Backup {
                number: state.number(),
                cluster: state.cluster().to_string(),
                taken_at_nanos,
                flushed_at_nanos: inspect::flushed_at(store, state.number()).await?,
                files: files.len() as u64,
                rows: copy::rows_of(&state),
                bytes: files.iter().map(|file| file.size_bytes).sum(),
            },
            files,
            checkpoint: inspect::encode_state(&state),
        };
        check_presence(backups, &record.files).await?;
        record::write(backups, &record).await?;
        return Ok(created(record.backup, false, copied));
    }
    Err(Error::NeverSettles {
        attempts: ATTEMPTS_MAX,
    })
}

fn created(backup: Backup, existed: bool, (files, bytes): (u64, u64)) -> Created {
    Created {
        backup,
        existed,
        files_copied: files,
        bytes_copied: bytes,
    }
}

/// The backup of this very state, if there is one. Fails if the backups there are not this store's.
async fn existing(backups: &Arc<dyn ObjectStore>, state: &State) -> Result<Option<Backup>> {
    let Some(newest) = record::numbers(backups).await?.pop() else {
        return Ok(None);
    };
    let record = record::read(backups, newest).await?;
    let expected = state.cluster().to_string();
    if record.backup.cluster != expected {
        return Err(Error::OtherStore {
            found: record.backup.cluster,
            expected,
        });
    }
    let number = state.number();
    let is_same = newest == number && record.checkpoint == inspect::encode_state(state);
    match is_same {
        true => Ok(Some(record.backup)),
        false if newest < number => Ok(None),
        false => Err(Error::OtherHistory {
            backup: newest,
            number,
        }),
    }
}

/// What was copied, and whether a file was found to be gone.
#[derive(Default)]
struct Round {
    files: u64,
    bytes: u64,
    gone: Option<String>,
}

async fn copy_missing(
    store: &Arc<dyn ObjectStore>,
    backups: &Arc<dyn ObjectStore>,
    files: &[KeptFile],
    meter: &Meter<'_>,
) -> Result<Round> {
    let present = copy::sizes(backups).await?;
    let is_missing = |file: &KeptFile| present.get(&file.path) != Some(&file.size_bytes);
    let missing = files.iter().filter(|file| is_missing(file));
    let missing: Vec<KeptFile> = missing.cloned().collect();
    let bytes = missing.iter().map(|file| file.size_bytes).sum();
    meter.expect(missing.len() as u64, bytes);
    let copies = stream::iter(missing).map(|file| async move {
        let copied = copy::copy(store, backups, &file).await;
        (file, copied)
    });
    let mut copies = copies.buffer_unordered(FILES_AT_ONCE);
    let mut round = Round::default();
    while let Some((file, copied)) = copies.next().await {
        match copied? {
            Copied::Done => {
                round.files += 1;
                round.bytes += file.size_bytes;
                meter.done(file.size_bytes);
            }
            Copied::Gone => {
                round.gone = Some(file.path);
                break;
            }
            Copied::Damaged(problem) => {
                return Err(Error::Storage(crate::Error::DamagedFile {
                    path: file.path,
                    problem,
                }));
            }
        }
    }
    Ok(round)
}

/// Looks once more before the backup is said to exist: somebody may have pruned meanwhile.
async fn check_presence(backups: &Arc<dyn ObjectStore>, files: &[KeptFile]) -> Result<()> {
    let present = copy::sizes(backups).await?;
    for file in files {
        if present.get(&file.path) != Some(&file.size_bytes) {
            return Err(Error::Disturbed {
                path: file.path.clone(),
            });
        }
    }
    Ok(())
}
