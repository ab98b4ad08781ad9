//! Makes a store of a backup.

use std::collections::HashSet;
use std::sync::Arc;

use catalog::inspect;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;

use super::copy::{self, Copied, KeptFile};
use super::record::{self, Backup, Record};
use super::{Error, FILES_AT_ONCE, Result};
use crate::engine::DirectoryLock;
use crate::progress::{Meter, Watch};
use crate::verify;
use crate::wal;

/// Which backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The newest.
    Newest,
    /// The newest of a manifest up to this number.
    Number(u64),
    /// The newest taken up to this time, nanoseconds since 1970.
    Time(i64),
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// The backup.
    pub backup: Backup,
    /// The identity of the new store.
    pub cluster: String,
    /// What verifying it has found.
    pub report: verify::Report,
}

/// Makes a store of a backup, and verifies it.
///
/// The store must be empty and the locked data directory without a write-ahead log. Files that an
/// interrupted restore of the same backup left behind are taken over. The manifest comes last: until it
/// is there, so is no store.
///
/// What is restored is a store of its own, with another identity: no log of the original is replayed into
/// it, and its backups belong in another place.
pub async fn restore(
    backups: &Arc<dyn ObjectStore>,
    choice: Choice,
    store: &Arc<dyn ObjectStore>,
    data_dir: &DirectoryLock,
    watch: Watch<'_>,
) -> Result<Restored> {
    let record = choose(backups, choice).await?;
    let state = record.state()?;
    check_empty(store, data_dir, &record).await?;
    copy_all(backups, store, &record.files, &Meter::new(watch)).await?;
    let founded = inspect::found(store, &state).await?;
    let options = verify::Options::default();
    let report = verify::run(store, Some(data_dir.data_dir()), &options, watch).await?;
    Ok(Restored {
        backup: record.backup,
        cluster: founded.cluster().to_string(),
        report,
    })
}

async fn choose(backups: &Arc<dyn ObjectStore>, choice: Choice) -> Result<Record> {
    let numbers = record::numbers(backups).await?;
    for number in numbers.into_iter().rev() {
        if matches!(choice, Choice::Number(last) if number > last) {
            continue;
        }
        let record = record::read(backups, number).await?;
        if matches!(choice, Choice::Time(last) if record.backup.taken_at_nanos > last) {
            continue;
        }
        return Ok(record);
    }
    Err(Error::NoBackup)
}

async fn check_empty(
    store: &Arc<dyn ObjectStore>,
    data_dir: &DirectoryLock,
    record: &Record,
) -> Result<()> {
    let not_empty = |place: String| Err(Error::NotEmpty { place });
    let wal = data_dir.data_dir().join("wal");
    let directory = wal::Directory::new(Arc::clone(data_dir.files()), &wal);
    if wal::has_segments(&directory).map_err(crate::Error::from)? {
        return not_empty(format!("the write-ahead log {}", wal.display()));
    }
    if inspect::has_manifest(store).await? {
        return not_empty(format!("the store {store}"));
    }
    if !record::numbers(store).await?.is_empty() {
        return not_empty(format!("{store}, which holds backups,"));
    }
    let own: HashSet<&str> = record.files.iter().map(|file| file.path.as_str()).collect();
    for path in copy::sizes(store).await?.into_keys() {
        if !own.contains(path.as_str()) {
            return not_empty(format!("the store {store}, which has file '{path}',"));
        }
    }
    Ok(())
}

async fn copy_all(
    backups: &Arc<dyn ObjectStore>,
    store: &Arc<dyn ObjectStore>,
    files: &[KeptFile],
    meter: &Meter<'_>,
) -> Result<()> {
    let bytes = files.iter().map(|file| file.size_bytes).sum();
    meter.expect(files.len() as u64, bytes);
    let present = copy::sizes(store).await?;
    let present = &present;
    let copies = stream::iter(files).map(|file| async move {
        let is_there =
            present.contains_key(&file.path) && copy::check(store, file).await? == Copied::Done;
        if !is_there {
            let problem = match copy::copy(backups, store, file).await? {
                Copied::Done => None,
                Copied::Gone => Some("it is missing".to_owned()),
                Copied::Damaged(problem) => Some(problem),
            };
            if let Some(problem) = problem {
                let path = file.path.clone();
                return Err(Error::Damaged { path, problem });
            }
        }
        meter.done(file.size_bytes);
        Ok(())
    });
    copies
        .buffer_unordered(FILES_AT_ONCE)
        .try_collect::<()>()
        .await
}
