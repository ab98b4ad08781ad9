//! The catalog of a running process: the current [`State`], and the operations that change it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use object_store::ObjectStore;
use tokio::sync::Mutex;
use tracing::info;
use uuid::Uuid;

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::{ColumnId, DatabaseId, TableId};
use crate::limits::Limits;
use crate::manifest::{Commit, ManifestLog};
use crate::names::{DatabaseName, check_column_name, check_table_name};
use crate::schema::{Column, ColumnKind, FileRecord};
use crate::state::{State, TokenDigest};

/// New columns of a table, which is created if it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableExtension {
    /// The table's name.
    pub table: String,
    /// Names and kinds of columns that the table must have. Those it has already are left alone.
    pub columns: Vec<(String, ColumnKind)>,
}

/// Everything that exists, for reading at once and for changing one durable commit at a time.
#[derive(Debug)]
pub struct Catalog {
    log: ManifestLog,
    limits: Limits,
    current: ArcSwap<State>,
    /// Held for the length of a commit; commits are rare beside reads and writes of rows.
    commit_lock: Mutex<()>,
}

impl Catalog {
    /// Opens the catalog of an object store, or makes a new one in an empty store.
    pub async fn open(store: Arc<dyn ObjectStore>, limits: Limits) -> Result<Self> {
        let log = ManifestLog::new(store);
        let state = log.load().await?;
        let is_new = state.number() == 0;
        let catalog = Self {
            log,
            limits,
            current: ArcSwap::from_pointee(state),
            commit_lock: Mutex::new(()),
        };
        if is_new {
            let cluster = Uuid::new_v4();
            catalog
                .commit(|_| Ok(vec![Edit::InitializeCluster { cluster }]))
                .await?;
            info!(%cluster, "created a new store");
        }
        Ok(catalog)
    }

    /// The newest committed state.
    pub fn state(&self) -> Arc<State> {
        self.current.load_full()
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes this process the one that writes to the store, through this write-ahead log. A process
    /// that did so before finds its next commit refused.
    pub async fn open_for_writing(&self, wal: Uuid) -> Result<()> {
        self.commit(|_| Ok(vec![Edit::OpenForWriting { wal }]))
            .await?;
        Ok(())
    }

    /// Fails with [`Error::Fenced`] when another process has taken the store over.
    pub async fn check_ownership(&self) -> Result<()> {
        let _guard = self.commit_lock.lock().await;
        self.log
            .check_ownership(self.current.load().number() + 1)
            .await
    }

    /// Creates a database.
    pub async fn create_database(&self, name: &DatabaseName) -> Result<DatabaseId> {
        let state = self
            .commit(|state| {
                if state.database(name.as_str()).is_some() {
                    return Err(Error::DatabaseExists {
                        name: name.to_string(),
                    });
                }
                let limit = self.limits.databases;
                if state.databases().len() >= limit {
                    let (what, setting) = ("databases", "databases");
                    return Err(Error::LimitReached {
                        what,
                        limit,
                        setting,
                    });
                }
                let id = DatabaseId(state.next_database.max(1));
                Ok(vec![Edit::CreateDatabase {
                    id,
                    name: name.to_string(),
                }])
            })
            .await?;
        Ok(state
            .database(name.as_str())
            .expect("it was just created")
            .id)
    }

    /// Forgets a database with its tables; returns the files that no longer belong to anything.
    pub async fn drop_database(&self, name: &str) -> Result<Vec<Arc<FileRecord>>> {
        let mut files = Vec::new();
        self.commit(|state| {
            let missing = || Error::DatabaseNotFound {
                name: name.to_owned(),
            };
            let database = state.database(name).ok_or_else(missing)?;
            files = database
                .tables()
                .flat_map(|table| table.files().to_vec())
                .collect();
            Ok(vec![Edit::DropDatabase { id: database.id }])
        })
        .await?;
        Ok(files)
    }

    /// Makes sure that tables and columns exist. Fails as a whole when a column exists with
    /// another kind, a name is not allowed or a limit is reached.
    pub async fn extend(
        &self,
        database: &str,
        extensions: &[TableExtension],
    ) -> Result<Arc<State>> {
        self.commit(|state| {
            let missing = || Error::DatabaseNotFound {
                name: database.to_owned(),
            };
            let database = state.database(database).ok_or_else(missing)?;
            let mut edits = Vec::new();
            let mut next_table = state.next_table.max(1);
            for extension in extensions {
                let table = match database.table(&extension.table) {
                    Some(table) => table.id,
                    None => {
                        check_table_name(&extension.table)?;
                        let (id, name) = (TableId(next_table), extension.table.clone());
                        next_table += 1;
                        edits.push(Edit::CreateTable {
                            id,
                            database: database.id,
                            name,
                        });
                        id
                    }
                };
                let columns = self.new_columns(database.table(&extension.table), extension)?;
                if !columns.is_empty() {
                    edits.push(Edit::AddColumns { table, columns });
                }
            }
            let created = (next_table - state.next_table.max(1)) as usize;
            let limit = self.limits.tables;
            if created > 0 && state.table_count() + created > limit {
                return Err(Error::LimitReached {
                    what: "tables",
                    limit,
                    setting: "tables",
                });
            }
            Ok(edits)
        })
        .await
    }

    fn new_columns(
        &self,
        table: Option<&Arc<crate::Table>>,
        extension: &TableExtension,
    ) -> Result<Vec<Column>> {
        let existing = table.map_or(0, |table| table.columns().len());
        let mut columns: Vec<Column> = Vec::new();
        for (name, kind) in &extension.columns {
            match table.and_then(|table| table.column(name)) {
                Some(column) if column.kind == *kind => continue,
                Some(column) => {
                    let (expected, got) = (column.kind, *kind);
                    return Err(Error::ColumnConflict {
                        column: name.clone(),
                        expected,
                        got,
                    });
                }
                None => check_column_name(name)?,
            }
            // One more than tags and fields: the time column counts too.
            let limit = self.limits.columns_per_table;
            if existing + columns.len() + 2 > limit {
                let (what, setting) = ("columns per table", "columns_per_table");
                return Err(Error::LimitReached {
                    what,
                    limit,
                    setting,
                });
            }
            let id = u16::try_from(existing + columns.len()).map_err(|_| {
                let (what, setting) = ("columns per table", "columns_per_table");
                Error::LimitReached {
                    what,
                    limit: usize::from(u16::MAX),
                    setting,
                }
            })?;
            columns.push(Column {
                id: ColumnId(id),
                name: name.as_str().into(),
                kind: *kind,
            });
        }
        Ok(columns)
    }

    /// Makes flushed files visible and advances the WAL position, all at once. Files of tables
    /// that were dropped in the meantime are left out.
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
                .filter(|file| state.table(file.table).is_some());
            let mut edits: Vec<_> = live
                .map(|file| Edit::AddFile { file: file.clone() })
                .collect();
            edits.push(Edit::AdvanceWal { applied_through });
            Ok(edits)
        })
        .await?;
        Ok(())
    }

    /// Sets or replaces the token of this name.
    pub async fn put_token(&self, name: &str, digest: TokenDigest) -> Result<()> {
        self.commit(|_| {
            Ok(vec![Edit::PutToken {
                name: name.to_owned(),
                digest,
            }])
        })
        .await?;
        Ok(())
    }

    /// Runs `change` on the newest state and makes its edits durable, then current. The closure
    /// may run more than once. No edits means nothing to do.
    async fn commit(
        &self,
        mut change: impl FnMut(&State) -> Result<Vec<Edit>>,
    ) -> Result<Arc<State>> {
        let _guard = self.commit_lock.lock().await;
        loop {
            let state = self.current.load_full();
            let edits = change(&state)?;
            if edits.is_empty() {
                return Ok(state);
            }
            let number = state.number() + 1;
            match self.log.commit(number, &edits).await? {
                Commit::Done => {
                    let next = Arc::new(self.applied(&state, number, &edits)?);
                    self.current.store(Arc::clone(&next));
                    self.log.checkpoint_if_due(&next).await;
                    return Ok(next);
                }
                Commit::Rebase(earlier) => {
                    let next = self.applied(&state, number, &earlier)?;
                    self.current.store(Arc::new(next));
                }
            }
        }
    }

    fn applied(&self, state: &State, number: u64, edits: &[Edit]) -> Result<State> {
        state
            .after(number, edits)
            .map_err(|problem| Error::Corrupt {
                path: format!("manifest {number}"),
                problem,
            })
    }
}

#[cfg(test)]
mod tests;
