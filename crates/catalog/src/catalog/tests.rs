//! The catalog through its public operations, over an in-memory object store.

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::{
    ColumnId, ColumnKind, ColumnRef, Comparison, DAY_NANOS, Database, DatabaseId, DatabaseName,
    FieldType, FileId, FileRecord, FloatStorage, LastRowsPart, Predicate, Retention, Table, Value,
};

const FLOAT: ColumnKind = ColumnKind::Field(FieldType::Float);
const INTEGER: ColumnKind = ColumnKind::Field(FieldType::Integer);

async fn open(store: &Arc<InMemory>) -> Result<Catalog> {
    Catalog::open(Arc::clone(store) as Arc<dyn ObjectStore>, Limits::default()).await
}

fn name(name: &str) -> DatabaseName {
    DatabaseName::new(name).unwrap()
}

fn extension(table: &str, columns: &[(&str, ColumnKind)]) -> TableExtension {
    let columns = columns
        .iter()
        .map(|(name, kind)| (name.to_string(), *kind))
        .collect();
    TableExtension {
        table: table.to_owned(),
        columns,
    }
}

fn file(table: &Table, first_sequence: u64) -> FileRecord {
    FileRecord {
        id: FileId {
            first_sequence,
            last_sequence: first_sequence + 1,
            discriminator: 7,
        },
        database: table.database,
        table: table.id,
        partition_start: -86_400,
        partition_nanos: DAY_NANOS,
        level: 0,
        checksum: 7,
        deletes_through: 0,
        size_bytes: 10,
        rows: 2,
        time_min: -5,
        time_max: 5,
        keys_are_new: true,
        last_rows: Some(LastRowsPart {
            start: 4,
            size_bytes: 5,
            checksum: 6,
            rows: 1,
        }),
    }
}

/// Everything a state says, for comparing two of them.
fn described(state: &State) -> String {
    let table = |table: &Table| {
        format!(
            "{} {} {:?} {:?} {:?} {:?} {:?}\n",
            table.id,
            table.name,
            table.retention,
            table.float_storage,
            table.columns(),
            table.files(),
            table.deletes()
        )
    };
    let database = |database: &Database| {
        let tables: String = database.tables().map(|t| table(t)).collect();
        let (id, name, retention) = (database.id, &database.name, database.retention);
        format!("{id} {name} {retention:?}\n{tables}")
    };
    let live: String = state.databases().map(|d| database(d)).collect();
    let dropped = state.dropped_databases();
    let dropped: String = dropped
        .map(|d| format!("{} {}", d.at_nanos, database(&d.item)))
        .collect();
    let tables = state.dropped_tables();
    let tables: String = tables
        .map(|t| format!("{} {}", t.at_nanos, table(&t.item)))
        .collect();
    let records = state.records();
    format!(
        "{} {}\n{live}-- dropped\n{dropped}{tables}-- records {records:?}",
        state.cluster, state.wal_applied_through
    )
}

async fn populated(store: &Arc<InMemory>) -> Catalog {
    let catalog = open(store).await.unwrap();
    catalog
        .create_database(&name("plant"), Retention::Forever)
        .await
        .unwrap();
    let columns = [("host", ColumnKind::Tag), ("v", FLOAT)];
    let state = catalog
        .extend("plant", &[extension("cpu", &columns)])
        .await
        .unwrap();
    let table = state.database("plant").unwrap().table("cpu").unwrap();
    catalog
        .commit_flush(vec![file(table, 1)], 17)
        .await
        .unwrap();
    catalog.put_admin_token("admin", [3; 32], 0).await.unwrap();
    populate_further(&catalog).await;
    catalog
}

/// Options, deletes, and things that were dropped, some under names that are in use again.
async fn populate_further(catalog: &Catalog) {
    let host = ColumnRef::Column(ColumnId(0));
    let is_gone = Predicate::Compare {
        column: host,
        comparison: Comparison::Equal,
        value: Value::Text("gone".to_owned()),
    };
    let cpu = catalog
        .state()
        .database("plant")
        .unwrap()
        .table("cpu")
        .unwrap()
        .id;
    catalog.delete_rows(&[(cpu, is_gone)], 17).await.unwrap();
    let options = TableOptions {
        retention: Some(Some(Retention::from_nanos(Some(1_000)))),
        float_storage: Some(FloatStorage::DecimalWhenExact),
    };
    catalog
        .set_table_options("plant", "cpu", options)
        .await
        .unwrap();
    let week = Retention::from_nanos(Some(7 * 86_400_000_000_000));
    catalog.create_database(&name("lab"), week).await.unwrap();
    for (at, table) in (1..).zip(["a", "a", "b", "a"]) {
        let columns = [("host", ColumnKind::Tag), ("v", FLOAT)];
        catalog
            .extend("lab", &[extension(table, &columns)])
            .await
            .unwrap();
        catalog.drop_table("lab", table, at).await.unwrap();
    }
    catalog
        .extend("lab", &[extension("a", &[("v", FLOAT)])])
        .await
        .unwrap();
    for at in 10..12 {
        catalog.create_database(&name("old"), week).await.unwrap();
        catalog
            .extend("old", &[extension("t", &[("v", FLOAT)])])
            .await
            .unwrap();
        catalog
            .extend("old", &[extension("u", &[("v", FLOAT)])])
            .await
            .unwrap();
        catalog.drop_table("old", "u", at).await.unwrap();
        catalog.drop_database("old", at).await.unwrap();
    }
}

#[tokio::test]
async fn reopening_finds_what_was_committed() {
    let store = Arc::new(InMemory::new());
    let before = populated(&store).await.state();
    let after = open(&store).await.unwrap().state();
    assert_eq!(described(&before), described(&after));
    assert_eq!(after.wal_applied_through(), 17);
}

#[tokio::test]
async fn checkpoints_hold_the_whole_state_and_old_commits_go() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    for i in 0..300 {
        let column = format!("c{i}");
        catalog
            .extend("plant", &[extension("cpu", &[(&column, INTEGER)])])
            .await
            .unwrap();
    }
    catalog
        .create_database(&name("short-lived"), Retention::Forever)
        .await
        .unwrap();
    catalog.purge_database("short-lived").await.unwrap();
    let first = Path::from("manifest/00000000000000000001.json");
    assert!(matches!(
        store.head(&first).await,
        Err(object_store::Error::NotFound { .. })
    ));
    let reopened = open(&store).await.unwrap();
    assert_eq!(described(&catalog.state()), described(&reopened.state()));
    // Ids of dropped databases are not used again.
    let id = reopened
        .create_database(&name("next"), Retention::Forever)
        .await
        .unwrap();
    assert_eq!(id, DatabaseId(6));
}

#[tokio::test]
async fn what_was_dropped_comes_back_newest_first_until_it_is_purged() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let check = |result: Result<()>, reason: &str| assert_eq!(result.unwrap_err().reason(), reason);
    check(
        catalog.undrop_table("lab", "a", Undrop::LAST).await,
        "table_exists",
    );
    check(
        catalog.undrop_table("lab", "c", Undrop::LAST).await,
        "nothing_dropped",
    );
    check(
        catalog.undrop_database("lab", Undrop::LAST).await,
        "database_exists",
    );
    check(
        catalog.undrop_database("c", Undrop::LAST).await,
        "nothing_dropped",
    );
    check(catalog.drop_table("lab", "c", 9).await, "table_not_found");
    check(catalog.drop_database("c", 9).await, "database_not_found");

    catalog.drop_table("lab", "a", 20).await.unwrap();
    catalog
        .undrop_table("lab", "a", Undrop::LAST)
        .await
        .unwrap();
    let columns = |table: &str| {
        let state = catalog.state();
        let table = state.database("lab").unwrap().table(table).unwrap();
        table.columns().len()
    };
    assert_eq!(columns("a"), 1, "the newest of that name has one column");
    catalog
        .undrop_table("lab", "b", Undrop::LAST)
        .await
        .unwrap();
    assert_eq!(columns("b"), 2);

    catalog.undrop_database("old", Undrop::LAST).await.unwrap();
    let state = catalog.state();
    let old = state.database("old").unwrap();
    assert!(old.table("u").is_none(), "was dropped before the database");
    let table = old.table("t").unwrap();
    assert_eq!(state.table(table.id).unwrap().name, table.name);
    catalog
        .undrop_table("old", "u", Undrop::LAST)
        .await
        .unwrap();

    // Of the three of table `a`, two were dropped by then; of the databases, one.
    assert_eq!(catalog.purge_dropped(10).await.unwrap(), 4);
    assert_eq!(catalog.purge_dropped(10).await.unwrap(), 0);
    let state = catalog.state();
    assert_eq!(
        (
            state.dropped_databases().len(),
            state.dropped_tables().len()
        ),
        (0, 0)
    );
    check(
        catalog.undrop_database("old", Undrop::LAST).await,
        "database_exists",
    );
    let reopened = open(&store).await.unwrap();
    assert_eq!(described(&catalog.state()), described(&reopened.state()));
}

#[tokio::test]
async fn what_has_the_name_of_a_dropped_table_by_now_goes_for_it() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let check = |result: Result<()>, reason: &str| assert_eq!(result.unwrap_err().reason(), reason);
    catalog
        .undrop_table("lab", "b", Undrop::LAST)
        .await
        .unwrap();
    let id_of = |table: &str| {
        let state = catalog.state();
        state.database("lab").unwrap().table(table).unwrap().id
    };
    let original = id_of("b");
    catalog.drop_table("lab", "b", 30).await.unwrap();
    let again = extension("b", &[("v", INTEGER)]);
    catalog.extend("lab", &[again]).await.unwrap();
    let impostor = id_of("b");
    let replacing = Undrop {
        id: None,
        replaces_at_nanos: Some(40),
    };
    catalog.undrop_table("lab", "b", replacing).await.unwrap();
    assert_eq!(id_of("b"), original);
    catalog.drop_table("lab", "b", 50).await.unwrap();
    let by_id = |id| Undrop {
        id: Some(id),
        replaces_at_nanos: None,
    };
    catalog
        .undrop_table("lab", "b", by_id(impostor))
        .await
        .unwrap();
    assert_eq!(id_of("b"), impostor);
    check(
        catalog.undrop_table("lab", "b", by_id(original)).await,
        "table_exists",
    );
    catalog.drop_table("lab", "b", 60).await.unwrap();
    check(
        catalog
            .undrop_table("lab", "b", by_id(crate::TableId(999)))
            .await,
        "nothing_dropped",
    );
    catalog
        .undrop_table("lab", "b", by_id(original))
        .await
        .unwrap();
    let reopened = open(&store).await.unwrap();
    assert_eq!(described(&catalog.state()), described(&reopened.state()));
}

#[tokio::test]
async fn a_renamed_database_keeps_everything_but_its_name() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let check = |result: Result<()>, reason: &str| assert_eq!(result.unwrap_err().reason(), reason);
    let taken = catalog.rename_database("plant", &name("lab")).await;
    check(taken, "database_exists");
    let missing = catalog.rename_database("nowhere", &name("lab")).await;
    check(missing, "database_not_found");
    let before = catalog.state();
    let number = before.number();
    catalog
        .rename_database("plant", &name("plant"))
        .await
        .unwrap();
    assert_eq!(catalog.state().number(), number, "nothing to do");

    catalog
        .rename_database("plant", &name("works"))
        .await
        .unwrap();
    let state = catalog.state();
    assert!(state.database("plant").is_none());
    let (old, new) = (
        before.database("plant").unwrap(),
        state.database("works").unwrap(),
    );
    assert_eq!((old.id, old.retention), (new.id, new.retention));
    assert_eq!(&*state.database_of(old.id).unwrap().name, "works");
    let tables = |database: &Database| database.tables().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!(tables(old), tables(new));
    for table in new.tables() {
        assert_eq!(state.table(table.id).unwrap().name, table.name);
    }
    // The old name is free, and the renamed one is dropped and brought back under the new.
    let again = catalog
        .create_database(&name("plant"), Retention::Forever)
        .await;
    assert_ne!(again.unwrap(), new.id);
    catalog.drop_database("works", 7).await.unwrap();
    catalog
        .undrop_database("works", Undrop::LAST)
        .await
        .unwrap();
    let reopened = open(&store).await.unwrap();
    assert_eq!(described(&catalog.state()), described(&reopened.state()));
}

#[tokio::test]
async fn rows_of_a_dropped_table_still_reach_files() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let state = catalog.state();
    let table = state.database("plant").unwrap().table("cpu").unwrap();
    catalog.drop_table("plant", "cpu", 5).await.unwrap();
    catalog
        .commit_flush(vec![file(table, 18)], 19)
        .await
        .unwrap();
    catalog
        .undrop_table("plant", "cpu", Undrop::LAST)
        .await
        .unwrap();
    catalog.drop_database("plant", 6).await.unwrap();
    catalog
        .commit_flush(vec![file(table, 20)], 21)
        .await
        .unwrap();
    catalog
        .undrop_database("plant", Undrop::LAST)
        .await
        .unwrap();
    assert_eq!(catalog.state().table(table.id).unwrap().files().len(), 3);
}

#[tokio::test]
async fn replaced_files_take_their_deletes_with_them() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let state = catalog.state();
    let table = state.database("plant").unwrap().table("cpu").unwrap();
    let old = &table.files()[0];
    assert_eq!(table.deletes_of(old).count(), 1);
    let later = file(table, 30);
    assert_eq!(
        table.deletes_of(&later).count(),
        0,
        "written after the delete"
    );

    let new = FileRecord {
        level: 1,
        deletes_through: table.deletes()[0].id,
        ..file(table, 1)
    };
    let new = FileRecord {
        id: FileId {
            discriminator: 8,
            ..new.id
        },
        ..new
    };
    let replacement = Replacement {
        table: table.id,
        removed: vec![old.key()],
        added: vec![new.clone()],
    };
    catalog
        .replace_files(vec![replacement.clone()])
        .await
        .unwrap();
    let error = catalog.replace_files(vec![replacement]).await.unwrap_err();
    assert_eq!(error.reason(), "files_changed");
    let reopened = open(&store).await.unwrap();
    let state = reopened.state();
    let table = state.table(table.id).unwrap();
    assert_eq!(table.files(), [Arc::new(new)]);
    assert_eq!(table.deletes(), []);
    assert_eq!(described(&catalog.state()), described(&state));
}

#[tokio::test]
async fn retention_is_that_of_the_table_or_else_of_its_database() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let check = |database: &str, table: &str, nanos| {
        let state = catalog.state();
        let table = state.database(database).unwrap().table(table).unwrap();
        assert_eq!(
            state.retention_of(table).nanos(),
            nanos,
            "{database}.{}",
            table.name
        );
    };
    check("plant", "cpu", Some(1_000));
    check("lab", "a", Some(7 * 86_400_000_000_000));
    catalog
        .set_database_retention("lab", Retention::Forever)
        .await
        .unwrap();
    check("lab", "a", None);
    let set = |retention| TableOptions {
        retention: Some(retention),
        float_storage: None,
    };
    catalog
        .set_table_options("plant", "cpu", set(None))
        .await
        .unwrap();
    check("plant", "cpu", None);
    catalog
        .set_database_retention("plant", Retention::from_nanos(Some(5)))
        .await
        .unwrap();
    check("plant", "cpu", Some(5));
    catalog
        .set_table_options("plant", "cpu", set(Some(Retention::Forever)))
        .await
        .unwrap();
    check("plant", "cpu", None);
}

#[tokio::test]
async fn extending_is_idempotent_and_refuses_conflicts() {
    let store = Arc::new(InMemory::new());
    let catalog = populated(&store).await;
    let number = catalog.state().number();
    catalog
        .extend("plant", &[extension("cpu", &[("v", FLOAT)])])
        .await
        .unwrap();
    assert_eq!(catalog.state().number(), number, "nothing new is no commit");
    let error = catalog
        .extend("plant", &[extension("cpu", &[("v", INTEGER)])])
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "field_type_conflict");
    let error = catalog
        .extend("plant", &[extension("cpu", &[("host", FLOAT)])])
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "column_kind_conflict");
    let error = catalog
        .extend("plant", &[extension("cpu", &[("time", FLOAT)])])
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "reserved_column");
}

#[tokio::test]
async fn a_table_is_created_once_and_gets_columns_it_does_not_have() {
    let store = Arc::new(InMemory::new());
    let catalog = open(&store).await.unwrap();
    let forever = Retention::Forever;
    catalog.create_database(&name("d"), forever).await.unwrap();
    let day = Retention::from_nanos(Some(DAY_NANOS as u64));
    let columns = extension("t", &[("host", ColumnKind::Tag), ("v", FLOAT)]);
    let created = catalog.create_table("d", &columns, Some(day)).await;
    created.unwrap();
    let more = extension("t", &[("w", INTEGER)]);
    catalog.add_columns("d", &more).await.unwrap();
    let before = described(&catalog.state());
    let reason = |result: Result<()>| result.unwrap_err().reason();
    let create = async |database, table| {
        let created = catalog.create_table(database, &table, None).await;
        reason(created.map(drop))
    };
    assert_eq!(create("d", extension("t", &[])).await, "table_exists");
    assert_eq!(create("x", extension("t", &[])).await, "database_not_found");
    let time = extension("u", &[("time", FLOAT)]);
    assert_eq!(create("d", time).await, "reserved_column");
    for (table, column, kind, expected) in [
        ("t", "w", INTEGER, "column_exists"),
        ("t", "host", FLOAT, "column_exists"),
        ("t", "time", FLOAT, "reserved_column"),
        ("u", "w", FLOAT, "table_not_found"),
    ] {
        let columns = extension(table, &[(column, kind)]);
        let added = catalog.add_columns("d", &columns).await;
        assert_eq!(reason(added), expected, "{table}.{column}");
    }
    assert_eq!(described(&catalog.state()), before);
    let state = open(&store).await.unwrap().state();
    let table = state.database("d").unwrap().table("t").unwrap();
    assert_eq!(table.retention, Some(day));
    let columns: Vec<_> = table.columns().iter().map(|c| (&*c.name, c.kind)).collect();
    let expected = [("host", ColumnKind::Tag), ("v", FLOAT), ("w", INTEGER)];
    assert_eq!(columns, expected);
}

#[tokio::test]
async fn limits_are_errors() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let limits = Limits {
        databases: 1,
        tables: 1,
        columns_per_table: 3,
        ..Limits::default()
    };
    let catalog = Catalog::open(store, limits).await.unwrap();
    catalog
        .create_database(&name("a"), Retention::Forever)
        .await
        .unwrap();
    let check = |result: Result<()>, reason: &str| assert_eq!(result.unwrap_err().reason(), reason);
    check(
        catalog
            .create_database(&name("b"), Retention::Forever)
            .await
            .map(drop),
        "database_limit",
    );
    let wide = extension("t", &[("a", FLOAT), ("b", FLOAT), ("c", FLOAT)]);
    check(catalog.extend("a", &[wide]).await.map(drop), "column_limit");
    let narrow = |table| extension(table, &[("a", FLOAT), ("b", FLOAT)]);
    catalog.extend("a", &[narrow("t")]).await.unwrap();
    check(
        catalog.extend("a", &[narrow("u")]).await.map(drop),
        "table_limit",
    );
}

#[tokio::test]
async fn a_second_writer_fences_the_first() {
    let store = Arc::new(InMemory::new());
    let first = populated(&store).await;
    let second = open(&store).await.unwrap();
    second
        .create_database(&name("theirs"), Retention::Forever)
        .await
        .unwrap();
    let error = first
        .create_database(&name("mine"), Retention::Forever)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn opening_for_writing_fences_who_did_so_before() {
    let store = Arc::new(InMemory::new());
    let first = populated(&store).await;
    let wal = Uuid::from_u128(7);
    first.open_for_writing(wal, 0).await.unwrap();
    first.check_ownership().await.unwrap();
    let second = open(&store).await.unwrap();
    assert_eq!(second.state().wal(), Some(wal));
    second
        .open_for_writing(Uuid::from_u128(8), 0)
        .await
        .unwrap();
    assert_eq!(
        first.check_ownership().await.unwrap_err().reason(),
        "fenced"
    );
    second.check_ownership().await.unwrap();
}

/// A store that keeps what is put under one name and says that it did not.
#[derive(Debug)]
struct LosesAnswers {
    inner: Arc<InMemory>,
    about: Path,
    left: std::sync::atomic::AtomicU32,
}

impl std::fmt::Display for LosesAnswers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LosesAnswers")
    }
}

#[async_trait::async_trait]
impl ObjectStore for LosesAnswers {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: object_store::PutOptions,
    ) -> object_store::Result<object_store::PutResult> {
        use std::sync::atomic::Ordering;
        let is_lost = *location == self.about
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok();
        let lost = || object_store::Error::Generic {
            store: "test",
            source: "connection reset".into(),
        };
        match self.left.load(Ordering::SeqCst) {
            // Only the last of the lost attempts gets through.
            0 if is_lost => self
                .inner
                .put_opts(location, payload, options)
                .await
                .and(Err(lost())),
            _ if is_lost => Err(lost()),
            _ => self.inner.put_opts(location, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: object_store::PutMultipartOptions,
    ) -> object_store::Result<Box<dyn object_store::MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: object_store::GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: futures::stream::BoxStream<'static, object_store::Result<Path>>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&Path>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&Path>,
    ) -> object_store::Result<object_store::ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: object_store::CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_flush_whose_answer_got_lost_is_not_made_twice() {
    let store = Arc::new(InMemory::new());
    let number = populated(&store).await.state().number();
    let losing = LosesAnswers {
        inner: Arc::clone(&store),
        about: Path::from(format!("manifest/{:020}.json", number + 1)),
        left: 6.into(),
    };
    let catalog = Catalog::open(Arc::new(losing), Limits::default())
        .await
        .unwrap();
    let state = catalog.state();
    let table = state.database("plant").unwrap().table("cpu").unwrap();
    let lost = catalog
        .commit_flush(vec![file(table, 18)], 19)
        .await
        .unwrap_err();
    assert_eq!(lost.reason(), "storage_unavailable");
    // The next attempt has more rows, among them those that are durable already.
    let again = catalog
        .commit_flush(vec![file(table, 18)], 25)
        .await
        .unwrap_err();
    assert!(
        matches!(
            again,
            Error::FlushedAlready {
                applied_through: 19
            }
        ),
        "{again}"
    );
    let state = catalog.state();
    assert_eq!(
        state
            .database("plant")
            .unwrap()
            .table("cpu")
            .unwrap()
            .files()
            .len(),
        2
    );
    catalog
        .commit_flush(vec![file(table, 20)], 25)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_commit_whose_answer_got_lost_is_found_when_ownership_is_checked() {
    let store = Arc::new(InMemory::new());
    let number = populated(&store).await.state().number();
    let losing = LosesAnswers {
        inner: Arc::clone(&store),
        about: Path::from(format!("manifest/{:020}.json", number + 1)),
        left: 6.into(),
    };
    let catalog = Catalog::open(Arc::new(losing), Limits::default())
        .await
        .unwrap();
    let lost = catalog
        .put_admin_token("lost", [1; 32], 0)
        .await
        .unwrap_err();
    assert_eq!(lost.reason(), "storage_unavailable");
    let has_token = |state: &State| state.token_named("lost").is_some();
    assert!(!has_token(&catalog.state()));
    catalog.check_ownership().await.unwrap();
    assert!(has_token(&catalog.state()));
    assert_eq!(catalog.state().number(), number + 1);
}

#[tokio::test]
async fn a_change_back_is_not_lost_to_a_commit_whose_answer_got_lost() {
    let store = Arc::new(InMemory::new());
    let before = populated(&store).await.state();
    let losing = LosesAnswers {
        inner: Arc::clone(&store),
        about: Path::from(format!("manifest/{:020}.json", before.number() + 1)),
        left: 6.into(),
    };
    let catalog = Catalog::open(Arc::new(losing), Limits::default())
        .await
        .unwrap();
    let old = before.database("plant").unwrap().retention;
    let new = Retention::from_nanos(Some(1));
    let lost = catalog.set_database_retention("plant", new).await;
    assert_eq!(lost.unwrap_err().reason(), "storage_unavailable");
    // As far as is known here there is nothing to do.
    let back = catalog.set_database_retention("plant", old).await;
    back.unwrap();
    let reopened = open(&store).await.unwrap().state();
    assert_eq!(reopened.database("plant").unwrap().retention, old);
}

#[tokio::test]
async fn every_damaged_byte_is_noticed() {
    let store = Arc::new(InMemory::new());
    populated(&store).await;
    let path = Path::from("manifest/00000000000000000003.json");
    let good = store
        .get(&path)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap()
        .to_vec();
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 0x10;
        store.put(&path, PutPayload::from(bad)).await.unwrap();
        let outcome = open(&store).await;
        let error = outcome.err().map(|e| e.kind());
        // The writer's id is not covered by the checksum: another id is another writer, no damage.
        let writer = good.windows(6).position(|w| w == b"writer").unwrap();
        if !(writer..writer + 48).contains(&position) {
            assert_eq!(error, Some(crate::ErrorKind::Corrupt), "byte {position}");
        }
    }
}
