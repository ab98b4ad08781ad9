//! The catalog at one manifest number, immutable.

mod apply;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use crate::audit::{AuditEntry, ENTRIES_MAX};
use crate::ids::{DatabaseId, TableId};
use crate::records::{
    BucketNotes, Check, DEFAULT_ORGANIZATION, DatabaseMapping, Endpoint, Label, Model,
    NotificationRule, Organization, RecordId, Records, Rollup, Silence, Task, Token, User,
};
use crate::retention::Retention;
use crate::schema::Table;

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

    /// The same with only some of its tables.
    pub fn with_tables(&self, is_kept: impl Fn(&Table) -> bool) -> Self {
        let mut some = self.clone();
        some.tables.retain(|_, table| is_kept(table));
        some
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
    /// Shared until one changes, so that other commits need not copy them.
    records: Arc<Records>,
    /// The oldest first.
    audit: Arc<VecDeque<AuditEntry>>,
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

    /// The live database of this id.
    pub fn database_of(&self, id: DatabaseId) -> Option<&Arc<Database>> {
        self.databases.values().find(|database| database.id == id)
    }

    /// Everything that is administered besides databases and tables.
    pub fn records(&self) -> &Records {
        &self.records
    }

    pub(crate) fn records_mut(&mut self) -> &mut Records {
        Arc::make_mut(&mut self.records)
    }

    /// Administrative changes, the oldest first, as far back as they are kept.
    pub fn audit(&self) -> impl ExactSizeIterator<Item = &AuditEntry> {
        self.audit.iter()
    }

    pub(crate) fn add_audit(&mut self, entry: AuditEntry) {
        let audit = Arc::make_mut(&mut self.audit);
        audit.push_back(entry);
        while audit.len() > ENTRIES_MAX {
            audit.pop_front();
        }
    }

    /// All tokens, by name.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.records.all()
    }

    /// The token of this id.
    pub fn token(&self, id: RecordId) -> Option<&Arc<Token>> {
        self.records.get(id)
    }

    /// The token of this name.
    pub fn token_named(&self, name: &str) -> Option<&Arc<Token>> {
        self.records.named(0, name)
    }

    /// All users, by name.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.records.all()
    }

    /// The user of this id.
    pub fn user(&self, id: RecordId) -> Option<&Arc<User>> {
        self.records.get(id)
    }

    /// The user of this name.
    pub fn user_named(&self, name: &str) -> Option<&Arc<User>> {
        self.records.named(0, name)
    }

    /// All organizations, by name.
    pub fn organizations(&self) -> impl Iterator<Item = &Arc<Organization>> {
        self.records.all()
    }

    /// The organization of this id.
    pub fn organization(&self, id: RecordId) -> Option<&Arc<Organization>> {
        self.records.get(id)
    }

    /// The organization of this name.
    pub fn organization_named(&self, name: &str) -> Option<&Arc<Organization>> {
        self.records.named(0, name)
    }

    /// The organization that everything belongs to that says nothing else: the one of the name
    /// `default`, or else the oldest. `None` in a store that was never opened for writing.
    pub fn default_organization(&self) -> Option<&Arc<Organization>> {
        let oldest = || {
            self.organizations()
                .min_by_key(|organization| organization.id)
        };
        self.organization_named(DEFAULT_ORGANIZATION)
            .or_else(oldest)
    }

    /// All labels, by organization and name.
    pub fn labels(&self) -> impl Iterator<Item = &Arc<Label>> {
        self.records.all()
    }

    /// The label of this id.
    pub fn label(&self, id: RecordId) -> Option<&Arc<Label>> {
        self.records.get(id)
    }

    /// All mappings of v1 databases, by organization and name.
    pub fn mappings(&self) -> impl Iterator<Item = &Arc<DatabaseMapping>> {
        self.records.all()
    }

    /// The mapping of this id.
    pub fn mapping(&self, id: RecordId) -> Option<&Arc<DatabaseMapping>> {
        self.records.get(id)
    }

    /// All tasks, by database and name.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.records.all()
    }

    /// The task of this id.
    pub fn task(&self, id: RecordId) -> Option<&Arc<Task>> {
        self.records.get(id)
    }

    /// The task of this name in a database.
    pub fn task_named(&self, database: DatabaseId, name: &str) -> Option<&Arc<Task>> {
        self.records.named(u64::from(database.0), name)
    }

    /// All rollups, by database and name.
    pub fn rollups(&self) -> impl Iterator<Item = &Arc<Rollup>> {
        self.records.all()
    }

    /// The rollup of this id.
    pub fn rollup(&self, id: RecordId) -> Option<&Arc<Rollup>> {
        self.records.get(id)
    }

    /// The rollup of this name in a database.
    pub fn rollup_named(&self, database: DatabaseId, name: &str) -> Option<&Arc<Rollup>> {
        self.records.named(u64::from(database.0), name)
    }

    /// The rollup whose rows are in this table.
    pub fn rollup_in(&self, table: TableId) -> Option<&Arc<Rollup>> {
        self.rollups().find(|rollup| rollup.target == table)
    }

    /// All checks, by database and name.
    pub fn checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.records.all()
    }

    /// The check of this id.
    pub fn check(&self, id: RecordId) -> Option<&Arc<Check>> {
        self.records.get(id)
    }

    /// The check of this name in a database.
    pub fn check_named(&self, database: DatabaseId, name: &str) -> Option<&Arc<Check>> {
        self.records.named(u64::from(database.0), name)
    }

    /// What runs by itself under this id: a task, or what a check has in common with one.
    pub fn scheduled(&self, id: RecordId) -> Option<&Task> {
        let check = || self.check(id).map(|check| &check.task);
        self.task(id).map(|task| &**task).or_else(check)
    }

    /// All endpoints, by database and name.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.records.all()
    }

    /// The endpoint of this id.
    pub fn endpoint(&self, id: RecordId) -> Option<&Arc<Endpoint>> {
        self.records.get(id)
    }

    /// The endpoint of this name in a database.
    pub fn endpoint_named(&self, database: DatabaseId, name: &str) -> Option<&Arc<Endpoint>> {
        self.records.named(u64::from(database.0), name)
    }

    /// All notification rules, by database and name.
    pub fn notification_rules(&self) -> impl Iterator<Item = &Arc<NotificationRule>> {
        self.records.all()
    }

    /// The notification rule of this id.
    pub fn notification_rule(&self, id: RecordId) -> Option<&Arc<NotificationRule>> {
        self.records.get(id)
    }

    /// The notification rule of this name in a database.
    pub fn notification_rule_named(
        &self,
        database: DatabaseId,
        name: &str,
    ) -> Option<&Arc<NotificationRule>> {
        self.records.named(u64::from(database.0), name)
    }

    /// All silences, those that are over too.
    pub fn silences(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.records.all()
    }

    /// What v2 clients keep with a database.
    pub fn bucket_notes(&self, database: DatabaseId) -> Option<&Arc<BucketNotes>> {
        self.records.named(u64::from(database.0), "")
    }

    /// All trained models, by database and name, with those of databases that were dropped and can be
    /// brought back.
    pub fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.records.all()
    }

    /// The model of this name in a database.
    pub fn model(&self, database: DatabaseId, name: &str) -> Option<&Arc<Model>> {
        self.records.named(u64::from(database.0), name)
    }
}
