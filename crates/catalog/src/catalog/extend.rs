//! Making sure that tables and columns exist before rows that need them are written.

use std::sync::Arc;

use super::Catalog;
use super::databases::live;
use super::tables::live_table;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::{ColumnId, TableId};
use crate::names::{check_column_name, check_table_name};
use crate::retention::Retention;
use crate::schema::{Column, ColumnKind, FloatStorage, Table};
use crate::state::State;

/// New columns of a table, which is created if it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableExtension {
    /// The table's name.
    pub table: String,
    /// Names and kinds of columns that the table must have. Those it has already are left alone.
    pub columns: Vec<(String, ColumnKind)>,
}

impl Catalog {
    /// Makes sure that tables and columns exist. Fails as a whole when a column exists with
    /// another kind, a name is not allowed or a limit is reached.
    pub async fn extend(
        &self,
        database: &str,
        extensions: &[TableExtension],
    ) -> Result<Arc<State>> {
        self.commit(|state| self.extending(state, database, extensions))
            .await
    }

    /// Creates a table that is not there yet; `retention` is its own, if it is not as long as its
    /// database says.
    pub async fn create_table(
        &self,
        database: &str,
        table: &TableExtension,
        retention: Option<Retention>,
    ) -> Result<Arc<State>> {
        self.commit(|state| {
            if live(state, database)?.table(&table.table).is_some() {
                return Err(Error::TableExists {
                    name: table.table.clone(),
                });
            }
            let mut edits = self.extending(state, database, std::slice::from_ref(table))?;
            if retention.is_some() {
                edits.push(Edit::SetTableOptions {
                    table: TableId(state.next_table.max(1)),
                    retention,
                    float_storage: FloatStorage::default(),
                });
            }
            Ok(edits)
        })
        .await
    }

    /// Adds columns that are not there yet to a table that is.
    pub async fn add_columns(&self, database: &str, columns: &TableExtension) -> Result<()> {
        self.commit(|state| {
            let table = live_table(state, database, &columns.table)?;
            let names = columns.columns.iter();
            let existing = names.filter_map(|(name, _)| table.column(name)).next();
            if let Some(existing) = existing {
                return Err(Error::ColumnExists {
                    column: existing.name.to_string(),
                    kind: existing.kind,
                });
            }
            self.extending(state, database, std::slice::from_ref(columns))
        })
        .await?;
        Ok(())
    }

    fn extending(
        &self,
        state: &State,
        database: &str,
        extensions: &[TableExtension],
    ) -> Result<Vec<Edit>> {
        let database = live(state, database)?;
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
    }

    fn new_columns(
        &self,
        table: Option<&Arc<Table>>,
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
}
