//! The catalog at one manifest number, immutable.

mod apply;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use crate::ids::{DatabaseId, TableId};
use crate::retention::Retention;
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
    /// How long rows are kept, in tables that do not say otherwise.
    pub retention: Retention,
    tables: BTreeMap<Arc<str>, Arc<Table>>,
}

/// Something that was dropped and can be brought back until it is purged.
#[derive(Debug, Clone)]
pub struct Dropped<T> {
    /// What was dropped.
    pub item: Arc<T>,
    /// When, nanoseconds since 1970.
    pub at_nanos: i64,
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
    /// Where each live table is; also the count for the table limit.
    table_homes: HashMap<TableId, (Arc<str>, Arc<str>)>,
    dropped_databases: BTreeMap<DatabaseId, Dropped<Database>>,
    dropped_tables: BTreeMap<TableId, Dropped<Table>>,
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

    /// The table of this id, unless it or its database was dropped.
    pub fn table(&self, id: TableId) -> Option<&Arc<Table>> {
        let (database, table) = self.table_homes.get(&id)?;
        self.databases.get(database)?.tables.get(table)
    }

    /// The table of this id even if it was dropped, as long as it can be brought back.
    pub fn stored_table(&self, id: TableId) -> Option<&Arc<Table>> {
        let in_databases = || {
            let dropped = self.dropped_databases.values();
            let mut tables = dropped.flat_map(|database| database.item.tables.values());
            tables.find(|table| table.id == id)
        };
        let dropped = || self.dropped_tables.get(&id).map(|dropped| &dropped.item);
        self.table(id).or_else(dropped).or_else(in_databases)
    }

    /// All tables, with those that were dropped and can be brought back.
    pub fn stored_tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        let live = self.databases.values();
        let dropped = self.dropped_databases.values().map(|dropped| &dropped.item);
        live.chain(dropped)
            .flat_map(|database| database.tables.values())
            .chain(self.dropped_tables.values().map(|dropped| &dropped.item))
    }

    /// Databases that were dropped and can be brought back, by id.
    pub fn dropped_databases(&self) -> impl ExactSizeIterator<Item = &Dropped<Database>> {
        self.dropped_databases.values()
    }

    /// Tables that were dropped by themselves and can be brought back, by id.
    pub fn dropped_tables(&self) -> impl ExactSizeIterator<Item = &Dropped<Table>> {
        self.dropped_tables.values()
    }

    /// How long the rows of a live table are kept.
    pub fn retention_of(&self, table: &Table) -> Retention {
        let home = self.table_homes.get(&table.id);
        let database = home.and_then(|(database, _)| self.databases.get(database));
        let inherited = database.map(|database| database.retention);
        table.retention.or(inherited).unwrap_or_default()
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
}
