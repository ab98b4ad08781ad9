//! Backups of a store, in another object store.
//!
//! ```text
//! backups/<20 digits of the manifest's number>.json     what the backup is: state, files, checksums
//! data/…, models/…                                      files, under the paths they have in the store
//! ```
//!
//! A backup is the store as of one manifest. Files never change under their names, so a backup copies
//! only those that no earlier one has copied, and backups share them. The object in `backups/` is
//! written last: a backup that was interrupted is not there, and the next one goes on with its files.
//!
//! Nothing is locked. A server goes on while it is backed up; backing up and pruning the same place at
//! the same time is refused where it is noticed, and should not be done.

mod check;
mod copy;
mod create;
mod prune;
mod record;
mod restore;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use object_store::ObjectStore;

use crate::verify::Problem;
pub use check::{Check, check};
pub use create::{Created, create};
pub use prune::{Pruned, prune};
pub use record::Backup;
pub use restore::{Choice, Restored, restore};

/// How many files are copied at a time; each takes a few parts of 8 MiB.
const FILES_AT_ONCE: usize = 4;

/// Why a backup cannot be made, kept or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store or the place of the backups cannot be read or written, or is damaged.
    #[error(transparent)]
    Storage(#[from] crate::Error),
    /// The backups are those of another store.
    #[error(
        "the backups there are of store {found}, this is store {expected}; choose another place for \
         its backups"
    )]
    OtherStore {
        /// The identity of the store that was backed up there.
        found: String,
        /// The identity of the store that is to be.
        expected: String,
    },
    /// A backup has what this store has not.
    #[error(
        "backup {backup} is not part of the history of this store, which is at manifest {number}: \
         an older copy of it has been put in its place; choose another place for its backups"
    )]
    OtherHistory {
        /// The backup's number.
        backup: u64,
        /// The number of the store's newest manifest.
        number: u64,
    },
    /// There is a store where backups are to be.
    #[error("{place} is a store itself; choose another place for the backups")]
    IsStore {
        /// What was given as the place for backups.
        place: String,
    },
    /// The newest manifest names a file that is not there.
    #[error("file '{path}' is missing in the store; run `tidemill verify`")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// Files are replaced faster than they can be copied.
    #[error("files of the store were replaced while they were copied, {attempts} times in a row")]
    NeverSettles {
        /// How often it was tried.
        attempts: usize,
    },
    /// What was copied is not there any more.
    #[error(
        "file '{path}' was removed from the backups meanwhile; do not prune while a backup is made"
    )]
    Disturbed {
        /// Where it should be.
        path: String,
    },
    /// A backup cannot be read, or a file that belongs to it.
    #[error("'{path}' in the backups is damaged: {problem}")]
    Damaged {
        /// Where it is.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A backup was made by a newer release.
    #[error("backup '{path}' has format {found}, this release reads up to {known}")]
    UnknownFormat {
        /// Where it is.
        path: String,
        /// The format found.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// There is no backup, or none that old.
    #[error("there is no such backup; `tidemill backup list` shows those there are")]
    NoBackup,
    /// Something is where a store is to be restored.
    #[error("{place} is not empty; a store is restored where there is none")]
    NotEmpty {
        /// What is not empty.
        place: String,
    },
    /// At least one backup has to stay.
    #[error("at least one backup has to be kept")]
    KeepNothing,
}

/// Results of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// What there is in a place of backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Listing {
    /// The backups that can be read, oldest first.
    pub backups: Vec<Backup>,
    /// Those that cannot.
    pub damages: Vec<Problem>,
}

/// All backups.
pub async fn list(backups: &Arc<dyn ObjectStore>) -> Result<Listing> {
    let mut listing = Listing::default();
    for number in record::numbers(backups).await? {
        match record::read(backups, number).await {
            Ok(record) => listing.backups.push(record.backup),
            Err(Error::Damaged { path, problem }) => listing.damages.push(Problem {
                place: path,
                problem,
            }),
            Err(error) => return Err(error),
        }
    }
    Ok(listing)
}
