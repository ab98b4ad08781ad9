//! Deletes old backups, and the files that only they need.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use catalog::Clock;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{Error, Result};
use super::{copy, record};
use crate::progress::{Meter, Watch};

/// Files of no backup are deleted at this age: younger ones may belong to one that is being made.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// The numbers of the backups, ascending.
    pub backups: Vec<u64>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Deletes all but the newest `keep` backups and every file that no other backup needs. Files that no
/// backup ever needed, left behind by one that was interrupted, go when they are a day old.
///
/// A backup that is to be kept must be readable, or nothing is deleted: what it needs is not known.
pub async fn prune(
    backups: &Arc<dyn ObjectStore>,
    keep: usize,
    clock: &dyn Clock,
    watch: Watch<'_>,
) -> Result<Pruned> {
    if keep == 0 {
        return Err(Error::KeepNothing);
    }
    let numbers = record::numbers(backups).await?;
    let (old, kept) = numbers.split_at(numbers.len().saturating_sub(keep));
    let mut needed = HashSet::new();
    for &number in kept {
        let record = record::read(backups, number).await?;
        needed.extend(record.files.into_iter().map(|file| file.path));
    }
    let mut only_old = HashSet::new();
    for &number in old {
        match record::read(backups, number).await {
            Ok(record) => only_old.extend(record.files.into_iter().map(|file| file.path)),
            // It goes; its files do as leftovers.
            Err(Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    only_old.retain(|path| !needed.contains(path));
    for &number in old {
        // Before its files: a backup that is there is whole.
        delete(backups, &record::path(number)).await?;
    }
    let mut pruned = Pruned {
        backups: old.to_vec(),
        ..Pruned::default()
    };
    let age = i64::try_from(LEFTOVER_AGE.as_nanos()).unwrap_or(i64::MAX);
    let leftover_before = clock.now_nanos().saturating_sub(age);
    let mut objects = Vec::new();
    for folder in copy::FOLDERS {
        let listed: Vec<_> = backups.list(Some(&folder.into())).try_collect().await?;
        objects.extend(listed);
    }
    objects.retain(|object: &object_store::ObjectMeta| {
        let path = object.location.as_ref();
        let at = object.last_modified.timestamp_nanos_opt();
        let is_leftover = at.is_some_and(|at| at < leftover_before);
        !needed.contains(path) && (only_old.contains(path) || is_leftover)
    });
    let meter = Meter::new(watch);
    meter.expect(
        objects.len() as u64,
        objects.iter().map(|object| object.size).sum(),
    );
    for object in objects {
        delete(backups, &object.location).await?;
        pruned.files += 1;
        pruned.bytes += object.size;
        meter.done(object.size);
    }
    Ok(pruned)
}

/// Deletes an object; one that is gone is no less deleted.
async fn delete(backups: &Arc<dyn ObjectStore>, path: &object_store::path::Path) -> Result<()> {
    match backups.delete(path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
