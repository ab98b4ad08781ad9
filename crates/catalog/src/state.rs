//! The catalog at one manifest number, immutable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use crate::edit::Edit;
use crate::ids::{DatabaseId, TableId};
use crate::schema::Table;

/// SHA-256 of a token; the token itself is never kept.
pub type TokenDigest = [u8; 32];

/// One immutable version of a database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its id.
    pub id: DatabaseId,
    /// Its name.
    pub name: Arc<str>,
    tables: BTreeMap<Arc<str>, Arc<Table>>,
}

impl Database {
    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }

    /// All tables, by name.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = &Arc<Table>> {
        self.tables.values()
    }
}

/// Everything that exists, as of one manifest.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) number: u64,
    pub(crate) cluster: Uuid,
    pub(crate) wal: Option<Uuid>,
    pub(crate) wal_applied_through: u64,
    pub(crate) next_database: u32,
    pub(crate) next_table: u32,
    pub(crate) databases: BTreeMap<Arc<str>, Arc<Database>>,
    pub(crate) tokens: BTreeMap<String, TokenDigest>,
    /// Where each table lives; also the count for the table limit.
    table_homes: HashMap<TableId, (Arc<str>, Arc<str>)>,
}

impl State {
    /// The number of the newest manifest applied.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The identity of this store, made when it was created.
    pub fn cluster(&self) -> Uuid {
        self.cluster
    }

    /// The write-ahead log whose records the sequence numbers of this store are those of; `None` in
    /// a store that was never opened for writing.
    pub fn wal(&self) -> Option<Uuid> {
        self.wal
    }

    /// Every WAL record up to this sequence number is in live files.
    pub fn wal_applied_through(&self) -> u64 {
        self.wal_applied_through
    }

    /// The database of this name.
    pub fn database(&self, name: &str) -> Option<&Arc<Database>> {
        self.databases.get(name)
    }

    /// All databases, by name.
    pub fn databases(&self) -> impl ExactSizeIterator<Item = &Arc<Database>> {
        self.databases.values()
    }

    /// The table of this id, unless its database was dropped.
    pub fn table(&self, id: TableId) -> Option<&Arc<Table>> {
        let (database, table) = self.table_homes.get(&id)?;
        self.databases.get(database)?.tables.get(table)
    }

    /// How many tables there are over all databases.
    pub fn table_count(&self) -> usize {
        self.table_homes.len()
    }

    /// Digests of all tokens, with their names.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &TokenDigest)> {
        self.tokens
            .iter()
            .map(|(name, digest)| (name.as_str(), digest))
    }

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
            Edit::PutToken { name, digest } => {
                self.tokens.insert(name.clone(), *digest);
            }
            Edit::CreateDatabase { id, name } => {
                let name: Arc<str> = name.as_str().into();
                let database = Database {
                    id: *id,
                    name: Arc::clone(&name),
                    tables: BTreeMap::new(),
                };
                if self.databases.insert(name, Arc::new(database)).is_some() {
                    return Err(format!("database {id} is created under a name that exists"));
                }
                self.next_database = self.next_database.max(id.0 + 1);
            }
            Edit::DropDatabase { id } => {
                let name = self.database_name(*id)?;
                let database = self
                    .databases
                    .remove(&name)
                    .expect("the name was just found");
                for table in database.tables() {
                    self.table_homes.remove(&table.id);
                }
            }
            Edit::CreateTable { id, database, name } => self.create_table(*id, *database, name)?,
            Edit::AddColumns { table, columns } => {
                let table = self.table_mut(*table)?;
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
            }
            Edit::AddFile { file } => self.table_mut(file.table)?.add_file(file.clone()),
        }
        Ok(())
    }

    fn create_table(
        &mut self,
        id: TableId,
        database: DatabaseId,
        name: &str,
    ) -> Result<(), String> {
        let home = self.database_name(database)?;
        let table = Table::new(id, database, name);
        let table_name = Arc::clone(&table.name);
        let entry = self
            .databases
            .get_mut(&home)
            .expect("the name was just found");
        let tables = &mut Arc::make_mut(entry).tables;
        if tables
            .insert(Arc::clone(&table_name), Arc::new(table))
            .is_some()
        {
            return Err(format!("table {id} is created under a name that exists"));
        }
        self.table_homes.insert(id, (home, table_name));
        self.next_table = self.next_table.max(id.0 + 1);
        Ok(())
    }

    fn database_name(&self, id: DatabaseId) -> Result<Arc<str>, String> {
        let found = self.databases.values().find(|database| database.id == id);
        found
            .map(|database| Arc::clone(&database.name))
            .ok_or_else(|| format!("no database {id}"))
    }

    fn table_mut(&mut self, id: TableId) -> Result<&mut Table, String> {
        let missing = || format!("no table {id}");
        let (database, table) = self.table_homes.get(&id).ok_or_else(missing)?;
        let database = self.databases.get_mut(database).ok_or_else(missing)?;
        let table = Arc::make_mut(database)
            .tables
            .get_mut(table)
            .ok_or_else(missing)?;
        Ok(Arc::make_mut(table))
    }
}
