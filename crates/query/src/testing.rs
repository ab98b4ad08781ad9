//! A database in memory, for the tests of this crate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use catalog::{Catalog, Clock, DatabaseName, Limits, Retention, SystemClock};
use datafusion::common::resources_datafusion_err;
use datafusion::execution::memory_pool::{MemoryPool, MemoryReservation, UnboundedMemoryPool};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::collect;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use storage::Durability;

use crate::caller::Caller;
use crate::checks::CheckSettings;
use crate::engine::{self, Access, SqlRequest};
use crate::error::Result;
use crate::hot_pages::HotPages;
use crate::kept_plans::KeptPlans;
use crate::models::ModelCache;
use crate::registry::Registry;
use crate::session::{self, Sessions};
use crate::settings::Settings;
use crate::system;
use crate::tag_rows::TagRows;

const DATABASE: &str = "test";
/// A hundred years.
const LONG: Duration = Duration::from_secs(100 * 365 * 86_400);

/// One database in a catalog and a store of its own.
pub(crate) struct TestDatabase {
    catalog: Arc<Catalog>,
    storage: Arc<storage::Engine>,
    runtime: Arc<RuntimeEnv>,
    hot_pages: Arc<HotPages>,
    tag_rows: Arc<TagRows>,
    data_dir: tempfile::TempDir,
}

impl TestDatabase {
    pub(crate) async fn open() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let catalog = Catalog::open(Arc::clone(&store), Limits::default()).await;
        let catalog = Arc::new(catalog.unwrap());
        let name = DatabaseName::new(DATABASE).unwrap();
        let created = catalog.create_database(&name, Retention::Forever).await;
        created.unwrap();
        let lock = storage::DirectoryLock::acquire(data_dir.path()).unwrap();
        let opened = storage::Engine::open(
            storage::Settings::default(),
            lock,
            Arc::clone(&catalog),
            store,
            Arc::new(SystemClock),
        );
        let (storage, _) = opened.await.unwrap();
        let store = storage.object_store();
        let runtime = session::runtime_env(&Settings::default(), data_dir.path(), store);
        Self {
            catalog,
            storage: Arc::new(storage),
            runtime: runtime.unwrap(),
            hot_pages: Arc::new(HotPages::new(u64::MAX)),
            tag_rows: Arc::new(TagRows::new(u64::MAX)),
            data_dir,
        }
    }

    /// Writes line protocol.
    pub(crate) async fn write(&self, lines: &str) {
        let request = ingest::Request {
            body: lines.as_bytes(),
            precision: ingest::Precision::Nanosecond,
            now_nanos: SystemClock.now_nanos(),
            on_error: ingest::OnError::RejectAll,
        };
        let settings = ingest::Settings::default();
        let parsed = ingest::ingest(&self.catalog, &settings, DATABASE, request).await;
        let parsed = parsed.unwrap();
        assert!(parsed.line_errors.is_empty(), "{:?}", parsed.line_errors);
        let written = self.storage.write(parsed.batch, Durability::Synced).await;
        written.unwrap();
    }

    /// An engine over it, as a process has one after its start.
    pub(crate) fn engine(&self) -> Arc<engine::QueryEngine> {
        self.engine_with(Settings::default())
    }

    pub(crate) fn engine_with(&self, settings: Settings) -> Arc<engine::QueryEngine> {
        // Tests may play long ago: nothing of it is to be forgotten for that.
        let checks = CheckSettings {
            statuses_kept: LONG,
            ..CheckSettings::default()
        };
        let notifications = notify::Settings {
            kept: LONG,
            ..notify::Settings::default()
        };
        let engine = engine::QueryEngine::new(
            settings,
            self.data_dir.path(),
            Arc::clone(&self.catalog),
            Arc::clone(&self.storage),
            Arc::new(SystemClock),
        );
        let engine = engine.unwrap().with_checks(checks, notifications);
        Arc::new(engine.unwrap())
    }

    /// Moves everything buffered to files.
    pub(crate) async fn flush(&self) {
        self.storage.flush().await.unwrap();
    }

    /// What is kept of files for queries.
    pub(crate) fn hot_pages(&self) -> &Arc<HotPages> {
        &self.hot_pages
    }

    /// What is known of where tags are in files.
    pub(crate) fn tag_rows(&self) -> &Arc<TagRows> {
        &self.tag_rows
    }

    /// A session as queries have it.
    pub(crate) fn session(&self) -> SessionState {
        self.session_of(Caller::administrator(None))
    }

    /// The same for somebody else.
    pub(crate) fn session_of(&self, caller: Caller) -> SessionState {
        let state = self.catalog.state();
        let database = Arc::clone(state.database(DATABASE).unwrap());
        let view = system::View {
            catalog: Arc::clone(&self.catalog),
            storage: Arc::clone(&self.storage),
            runtime: Arc::clone(&self.runtime),
            registry: Registry::new(Arc::new(SystemClock)),
            settings: Arc::default(),
            token_uses: Arc::default(),
            models: Arc::new(ModelCache::new(u64::MAX)),
            hot_pages: Arc::clone(&self.hot_pages),
            tag_rows: Arc::clone(&self.tag_rows),
            kept_plans: Arc::new(KeptPlans::new(0)),
            tasks: Arc::default(),
            rollups: Arc::default(),
            threads: None,
            use_rollups: true,
            checks: Arc::default(),
            clock: Arc::new(SystemClock),
            caller,
        };
        let runtime = Arc::clone(&self.runtime);
        let sessions = Sessions::new(&Settings::default(), runtime).unwrap();
        sessions.begin(view, &database)
    }

    /// The answer to a query.
    pub(crate) async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        query_in(&self.session(), sql).await
    }

    /// The logical and the physical plan of a query.
    pub(crate) async fn explain(&self, sql: &str) -> String {
        let plans = self.query(&format!("EXPLAIN {sql}")).await;
        rows(&plans.unwrap()).join("\n")
    }
}

/// A statement that may change things.
pub(crate) fn request(sql: &str, caller: Caller) -> SqlRequest {
    SqlRequest {
        database: DATABASE.to_owned(),
        sql: sql.to_owned(),
        params: Vec::new(),
        timeout: None,
        access: Access::Change,
        caller,
    }
}

/// The answer to a query in a session.
pub(crate) async fn query_in(session: &SessionState, sql: &str) -> Result<Vec<RecordBatch>> {
    let plan = engine::plan(session, sql, Vec::new()).await?;
    let plan = session.create_physical_plan(&plan).await?;
    Ok(collect(plan, session.task_ctx()).await?)
}

/// A pool in which one kind of consumer may take so much and everything else what it needs.
#[derive(Debug)]
struct Narrow {
    rest: UnboundedMemoryPool,
    consumer: &'static str,
    most: usize,
}

impl fmt::Display for Narrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("narrow")
    }
}

impl MemoryPool for Narrow {
    fn name(&self) -> &str {
        "narrow"
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.rest.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.rest.shrink(reservation, shrink);
    }

    fn try_grow(
        &self,
        reservation: &MemoryReservation,
        additional: usize,
    ) -> datafusion::common::Result<()> {
        let is_narrow = reservation.consumer().name() == self.consumer;
        if is_narrow && reservation.size() + additional > self.most {
            return Err(resources_datafusion_err!("it is narrow"));
        }
        self.rest.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.rest.reserved()
    }
}

/// The rows of a query of which one kind of consumer may take so much memory at a time.
pub(crate) async fn query_in_narrow(
    session: &SessionState,
    sql: &str,
    consumer: &'static str,
    most: usize,
) -> Vec<String> {
    let rest = UnboundedMemoryPool::default();
    let pool = Arc::new(Narrow {
        rest,
        consumer,
        most,
    });
    let plan = engine::plan(session, sql, Vec::new()).await.unwrap();
    let plan = session.create_physical_plan(&plan).await.unwrap();
    let context = session::task_context(session, &plan, pool).unwrap();
    rows(&collect(plan, Arc::new(context)).await.unwrap())
}

/// Rows as text.
pub(crate) fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter();
        let columns: Vec<_> = columns
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| column.value(row).to_string());
            rows.push(values.collect::<Vec<_>>().join(" "));
        }
    }
    rows
}
