//! Files that come, go, and are read without some of their rows.

use super::Catalog;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::TableId;
use crate::predicate::Predicate;
use crate::schema::{Delete, FileKey, FileRecord};

/// Files of one table that others take the place of.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// The table.
    pub table: TableId,
    /// What goes; all of it must be live.
    pub removed: Vec<FileKey>,
    /// What comes.
    pub added: Vec<FileRecord>,
}

impl Catalog {
    /// Makes flushed files visible and advances the WAL position, all at once. Files of tables
    /// that were purged in the meantime are left out.
    ///
    /// Fails with [`Error::FlushedAlready`] when an earlier attempt, whose answer got lost, turns out
    /// to have made some of the rows visible: the caller forgets those and flushes the rest.
    pub async fn commit_flush(&self, files: Vec<FileRecord>, applied_through: u64) -> Result<()> {
        self.commit(|state| {
            let flushed = state.wal_applied_through();
            if files.iter().any(|file| file.id.first_sequence <= flushed) {
                return Err(Error::FlushedAlready {
                    applied_through: flushed,
                });
            }
            let live = files
                .iter()
                .filter(|file| state.stored_table(file.table).is_some());
            let mut edits: Vec<_> = live
                .map(|file| Edit::AddFile { file: file.clone() })
                .collect();
            edits.push(Edit::AdvanceWal { applied_through });
            Ok(edits)
        })
        .await?;
        Ok(())
    }

    /// Puts files in the place of others, in as many tables as there are replacements, all at once.
    ///
    /// Fails with [`Error::FilesChanged`] when one of those to be removed is not live any more: what
    /// the new ones were made of is not what there is.
    pub async fn replace_files(&self, replacements: Vec<Replacement>) -> Result<()> {
        self.commit(|state| {
            let mut edits = Vec::new();
            for replacement in &replacements {
                let table = state.stored_table(replacement.table);
                let files = table.map_or(&[][..], |table| table.files());
                let is_live = |key: &FileKey| files.iter().any(|file| file.key() == *key);
                if !replacement.removed.iter().all(is_live) {
                    return Err(Error::FilesChanged);
                }
                edits.push(Edit::ReplaceFiles {
                    table: replacement.table,
                    removed: replacement.removed.clone(),
                    added: replacement.added.clone(),
                });
            }
            Ok(edits)
        })
        .await?;
        Ok(())
    }

    /// Deletes the rows of these tables that match, of WAL records up to `through`, all of which must
    /// be in files. The condition must mention tags and time alone: a field's value may be in another
    /// file than the rest of its row.
    pub async fn delete_rows(&self, tables: &[(TableId, Predicate)], through: u64) -> Result<()> {
        self.commit(|state| {
            let live = tables
                .iter()
                .filter(|(table, _)| state.stored_table(*table).is_some());
            let edit = |(table, predicate): &(TableId, Predicate)| Edit::AddDelete {
                table: *table,
                delete: Delete {
                    id: state.number() + 1,
                    through,
                    predicate: predicate.clone(),
                },
            };
            Ok(live.map(edit).collect())
        })
        .await?;
        Ok(())
    }
}
