//! How each edit changes the state. An edit that does not fit is an error, never a panic: edits come
//! from disk as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Database, Dropped, State};
use crate::edit::Edit;
use crate::ids::{DatabaseId, TableId};
use crate::schema::{Column, FileKey, FileRecord, Table};

impl State {
    /// The state after a commit. `Err` says why the edits do not fit this state, which for edits
    /// read from disk means that the manifest is damaged.
    pub(crate) fn after(&self, number: u64, edits: &[Edit]) -> Result<Self, String> {
        let mut next = self.clone();
        next.number = number;
        for edit in edits {
            next.apply(edit)?;
        }
        Ok(next)
    }

    fn apply(&mut self, edit: &Edit) -> Result<(), String> {
        match edit {
            Edit::InitializeCluster { cluster } => self.cluster = *cluster,
            Edit::OpenForWriting { wal } => self.wal = Some(*wal),
            Edit::AdvanceWal { applied_through } => {
                self.wal_applied_through = self.wal_applied_through.max(*applied_through);
            }
            Edit::PutRecord { record } => self.records_mut().put(record.clone())?,
            Edit::RemoveRecord { id } => self.records_mut().remove(*id)?,
            Edit::Audit { entry } => self.add_audit(entry.clone()),
            Edit::CreateDatabase { id, name } => self.create_database(*id, name)?,
            Edit::SetDatabaseRetention { id, retention } => {
                self.database_mut(*id)?.retention = *retention;
            }
            Edit::RenameDatabase { id, name } => self.rename_database(*id, name)?,
            Edit::DropDatabase { id, at_nanos } => self.drop_database(*id, *at_nanos)?,
            Edit::UndropDatabase { id } => self.undrop_database(*id)?,
            Edit::PurgeDatabase { id } => self.purge_database(*id)?,
            Edit::CreateTable { id, database, name } => self.create_table(*id, *database, name)?,
            Edit::DropTable { id, at_nanos } => {
                let item = self.take_table(*id)?;
                let at_nanos = *at_nanos;
                self.dropped_tables.insert(*id, Dropped { item, at_nanos });
            }
            Edit::UndropTable { id } => {
                let missing = || format!("no dropped table {id}");
                let dropped = self.dropped_tables.remove(id).ok_or_else(missing)?;
                self.put_table(dropped.item)?;
            }
            Edit::PurgeTable { id } => {
                let missing = || format!("no dropped table {id}");
                self.dropped_tables.remove(id).ok_or_else(missing)?;
            }
            Edit::AddColumns { table, columns } => add_columns(self.table_mut(*table)?, columns)?,
            Edit::SetTableOptions {
                table,
                retention,
                float_storage,
            } => {
                let table = self.table_mut(*table)?;
                table.retention = *retention;
                table.float_storage = *float_storage;
            }
            Edit::AddFile { file } => self.table_mut(file.table)?.add_file(file.clone()),
            Edit::ReplaceFiles {
                table,
                removed,
                added,
            } => replace_files(self.table_mut(*table)?, removed, added)?,
            Edit::AddDelete { table, delete } => self.table_mut(*table)?.add_delete(delete.clone()),
        }
        Ok(())
    }

    fn create_database(&mut self, id: DatabaseId, name: &str) -> Result<(), String> {
        let name: Arc<str> = name.into();
        let database = Database {
            id,
            name: Arc::clone(&name),
            retention: Default::default(),
            tables: BTreeMap::new(),
        };
        if self.databases.insert(name, Arc::new(database)).is_some() {
            return Err(format!("database {id} is created under a name that exists"));
        }
        self.next_database = self.next_database.max(id.0 + 1);
        Ok(())
    }

    fn drop_database(&mut self, id: DatabaseId, at_nanos: i64) -> Result<(), String> {
        let item = self.take_database(id)?;
        self.dropped_databases
            .insert(id, Dropped { item, at_nanos });
        Ok(())
    }

    fn rename_database(&mut self, id: DatabaseId, name: &str) -> Result<(), String> {
        let database = self.take_database(id)?;
        let renamed = Database {
            name: name.into(),
            ..Database::clone(&database)
        };
        self.put_database(Arc::new(renamed))
            .map_err(|name| format!("database {id} is renamed to {name}, which exists"))
    }

    fn undrop_database(&mut self, id: DatabaseId) -> Result<(), String> {
        let dropped = self.dropped_databases.remove(&id);
        let dropped = dropped.ok_or_else(|| format!("no dropped database {id}"))?;
        self.put_database(dropped.item)
            .map_err(|name| format!("database {id} comes back as {name}, which exists"))
    }

    /// Adds a database with its tables under its name, which is returned where it is taken.
    fn put_database(&mut self, database: Arc<Database>) -> Result<(), Arc<str>> {
        for table in database.tables.values() {
            let home = (Arc::clone(&database.name), Arc::clone(&table.name));
            self.table_homes.insert(table.id, home);
        }
        let name = Arc::clone(&database.name);
        match self.databases.insert(Arc::clone(&name), database) {
            None => Ok(()),
            Some(_) => Err(name),
        }
    }

    fn purge_database(&mut self, id: DatabaseId) -> Result<(), String> {
        if self.dropped_databases.remove(&id).is_none() {
            self.take_database(id)?;
        }
        self.dropped_tables
            .retain(|_, dropped| dropped.item.database != id);
        self.records_mut().remove_database(id);
        Ok(())
    }

    /// Takes a live database out, with all that is known of its tables.
    fn take_database(&mut self, id: DatabaseId) -> Result<Arc<Database>, String> {
        let name = self.database_name(id)?;
        let database = self.databases.remove(&name);
        let database = database.expect("the name was just found");
        for table in database.tables.values() {
            self.table_homes.remove(&table.id);
        }
        Ok(database)
    }

    fn create_table(
        &mut self,
        id: TableId,
        database: DatabaseId,
        name: &str,
    ) -> Result<(), String> {
        self.put_table(Arc::new(Table::new(id, database, name)))?;
        self.next_table = self.next_table.max(id.0 + 1);
        Ok(())
    }

    fn put_table(&mut self, table: Arc<Table>) -> Result<(), String> {
        let (id, name) = (table.id, Arc::clone(&table.name));
        let database = self.database_mut(table.database)?;
        let home = (Arc::clone(&database.name), Arc::clone(&name));
        if database.tables.insert(name, table).is_some() {
            return Err(format!("table {id} is created under a name that exists"));
        }
        self.table_homes.insert(id, home);
        Ok(())
    }

    /// Takes a live table out.
    fn take_table(&mut self, id: TableId) -> Result<Arc<Table>, String> {
        let missing = || format!("no table {id}");
        let (database, name) = self.table_homes.remove(&id).ok_or_else(missing)?;
        let database = self.databases.get_mut(&database).ok_or_else(missing)?;
        Arc::make_mut(database)
            .tables
            .remove(&name)
            .ok_or_else(missing)
    }

    fn database_name(&self, id: DatabaseId) -> Result<Arc<str>, String> {
        let found = self.databases.values().find(|database| database.id == id);
        found
            .map(|database| Arc::clone(&database.name))
            .ok_or_else(|| format!("no database {id}"))
    }

    fn database_mut(&mut self, id: DatabaseId) -> Result<&mut Database, String> {
        let name = self.database_name(id)?;
        let entry = self.databases.get_mut(&name);
        Ok(Arc::make_mut(entry.expect("the name was just found")))
    }

    /// A table, dropped or not: rows of a dropped one may still be on their way to files.
    fn table_mut(&mut self, id: TableId) -> Result<&mut Table, String> {
        if let Some((database, name)) = self.table_homes.get(&id) {
            let database = self.databases.get_mut(database);
            let table = database.and_then(|entry| Arc::make_mut(entry).tables.get_mut(name));
            return Ok(Arc::make_mut(table.expect("homes are those of tables")));
        }
        if let Some(dropped) = self.dropped_tables.get_mut(&id) {
            return Ok(Arc::make_mut(&mut dropped.item));
        }
        let is_in = |database: &Database| database.tables.values().any(|table| table.id == id);
        let mut dropped = self.dropped_databases.values_mut();
        let database = dropped.find(|dropped| is_in(&dropped.item));
        let database = database.ok_or_else(|| format!("no table {id}"))?;
        let mut tables = Arc::make_mut(&mut database.item).tables.values_mut();
        let table = tables.find(|table| table.id == id);
        Ok(Arc::make_mut(table.expect("it was just seen")))
    }
}

fn add_columns(table: &mut Table, columns: &[Column]) -> Result<(), String> {
    let next = table.columns().len();
    if Edit::first_column(columns).is_some_and(|id| usize::from(id.0) != next) {
        return Err(format!(
            "columns of table {} do not continue at {next}",
            table.id
        ));
    }
    for column in columns {
        table.add_column(&column.name, column.kind);
    }
    Ok(())
}

fn replace_files(
    table: &mut Table,
    removed: &[FileKey],
    added: &[FileRecord],
) -> Result<(), String> {
    for file in added {
        table.add_file(file.clone());
    }
    table
        .remove_files(removed)
        .map_err(|key| format!("table {} has no file {}", table.id, key.id))
}
