//! Tables: their options, drop, bring back and purge. [`Catalog::extend`] creates them.

use std::sync::Arc;

use super::Catalog;
use super::databases::{Undrop, live};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::TableId;
use crate::retention::Retention;
use crate::schema::{FloatStorage, Table};
use crate::state::State;

/// What a change of a table's options sets; `None` leaves an option as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// How long rows are kept; the inner `None` is as long as the database says.
    pub retention: Option<Option<Retention>>,
    /// How floats are stored in files that are compacted from now on.
    pub float_storage: Option<FloatStorage>,
}

impl Catalog {
    /// Changes options of a table.
    pub async fn set_table_options(
        &self,
        database: &str,
        table: &str,
        options: TableOptions,
    ) -> Result<()> {
        self.commit(|state| {
            let table = live_table(state, database, table)?;
            let retention = options.retention.unwrap_or(table.retention);
            let float_storage = options.float_storage.unwrap_or(table.float_storage);
            if (retention, float_storage) == (table.retention, table.float_storage) {
                return Ok(vec![]);
            }
            Ok(vec![Edit::SetTableOptions {
                table: table.id,
                retention,
                float_storage,
            }])
        })
        .await?;
        Ok(())
    }

    /// Takes a table away. It can be brought back until it is purged.
    pub async fn drop_table(&self, database: &str, table: &str, at_nanos: i64) -> Result<()> {
        self.commit(|state| {
            let id = live_table(state, database, table)?.id;
            Ok(vec![Edit::DropTable { id, at_nanos }])
        })
        .await?;
        Ok(())
    }

    /// Forgets a table at once and for good.
    pub async fn purge_table(&self, database: &str, table: &str) -> Result<()> {
        self.commit(|state| {
            let id = live_table(state, database, table)?.id;
            // What is purged was dropped before, also within one commit.
            let at_nanos = 0;
            Ok(vec![
                Edit::DropTable { id, at_nanos },
                Edit::PurgeTable { id },
            ])
        })
        .await?;
        Ok(())
    }

    /// Brings back a dropped table of this name.
    pub async fn undrop_table(
        &self,
        database: &str,
        name: &str,
        undrop: Undrop<TableId>,
    ) -> Result<()> {
        self.commit(|state| {
            let database = live(state, database)?;
            let in_the_way = undrop.clear(
                database.table(name).map(|table| table.id),
                |id, at_nanos| Edit::DropTable { id, at_nanos },
                || Error::TableExists {
                    name: name.to_owned(),
                },
            )?;
            let is_it = |table: &Table| {
                let is_named_so = table.database == database.id && *table.name == *name;
                is_named_so && undrop.is_about(table.id)
            };
            let dropped = state.dropped_tables().filter(|d| is_it(&d.item));
            let last = dropped.max_by_key(|dropped| (dropped.at_nanos, dropped.item.id));
            let Some(dropped) = last else {
                return Err(Error::NothingDropped {
                    what: "table",
                    name: name.to_owned(),
                });
            };
            let limit = self.limits.tables;
            if in_the_way.is_none() && state.table_count() >= limit {
                let (what, setting) = ("tables", "tables");
                return Err(Error::LimitReached {
                    what,
                    limit,
                    setting,
                });
            }
            let id = dropped.item.id;
            let back = Edit::UndropTable { id };
            Ok(in_the_way.into_iter().chain([back]).collect())
        })
        .await?;
        Ok(())
    }
}

/// The live table of this name.
pub(super) fn live_table<'a>(
    state: &'a State,
    database: &str,
    name: &str,
) -> Result<&'a Arc<Table>> {
    let table = live(state, database)?.table(name);
    table.ok_or_else(|| Error::TableNotFound {
        name: name.to_owned(),
    })
}
