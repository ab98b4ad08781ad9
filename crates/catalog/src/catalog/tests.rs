//! The catalog through its public operations, over an in-memory object store.

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::{FieldType, FileId};

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

fn file(table: &crate::Table, first_sequence: u64) -> FileRecord {
    FileRecord {
        id: FileId {
            first_sequence,
            last_sequence: first_sequence + 1,
            checksum: 7,
        },
        database: table.database,
        table: table.id,
        partition_start: -86_400,
        size_bytes: 10,
        rows: 2,
        time_min: -5,
        time_max: 5,
        keys_are_new: true,
    }
}

/// Everything a state says, for comparing two of them.
fn described(state: &State) -> String {
    let tables: Vec<_> = state
        .databases()
        .flat_map(|d| d.tables().cloned())
        .collect();
    let tables: Vec<_> = tables
        .iter()
        .map(|t| {
            (
                t.id,
                t.name.to_string(),
                t.columns().to_vec(),
                t.files().to_vec(),
            )
        })
        .collect();
    let databases: Vec<_> = state
        .databases()
        .map(|d| (d.id, d.name.to_string()))
        .collect();
    let tokens: Vec<_> = state.tokens().collect();
    format!(
        "{} {} {databases:?} {tables:?} {tokens:?}",
        state.cluster, state.wal_applied_through
    )
}

async fn populated(store: &Arc<InMemory>) -> Catalog {
    let catalog = open(store).await.unwrap();
    catalog.create_database(&name("plant")).await.unwrap();
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
    catalog.put_token("admin", [3; 32]).await.unwrap();
    catalog
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
    catalog.create_database(&name("short-lived")).await.unwrap();
    catalog.drop_database("short-lived").await.unwrap();
    let first = Path::from("manifest/00000000000000000001.json");
    assert!(matches!(
        store.head(&first).await,
        Err(object_store::Error::NotFound { .. })
    ));
    let reopened = open(&store).await.unwrap();
    assert_eq!(described(&catalog.state()), described(&reopened.state()));
    // Ids of dropped databases are not used again.
    let id = reopened.create_database(&name("next")).await.unwrap();
    assert_eq!(id, DatabaseId(3));
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
async fn limits_are_errors() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let limits = Limits {
        databases: 1,
        tables: 1,
        columns_per_table: 3,
    };
    let catalog = Catalog::open(store, limits).await.unwrap();
    catalog.create_database(&name("a")).await.unwrap();
    let check = |result: Result<()>, reason: &str| assert_eq!(result.unwrap_err().reason(), reason);
    check(
        catalog.create_database(&name("b")).await.map(drop),
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
    second.create_database(&name("theirs")).await.unwrap();
    let error = first.create_database(&name("mine")).await.unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn opening_for_writing_fences_who_did_so_before() {
    let store = Arc::new(InMemory::new());
    let first = populated(&store).await;
    let wal = Uuid::from_u128(7);
    first.open_for_writing(wal).await.unwrap();
    first.check_ownership().await.unwrap();
    let second = open(&store).await.unwrap();
    assert_eq!(second.state().wal(), Some(wal));
    second.open_for_writing(Uuid::from_u128(8)).await.unwrap();
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
