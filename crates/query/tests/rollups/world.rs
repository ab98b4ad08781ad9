//! An engine that can crash, a clock that is set, and what keeps rollups up to date, step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use catalog::{Catalog, Clock, DatabaseName, Limits, Retention};
use futures::TryStreamExt as _;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use query::{Access, Caller, QueryEngine, Result, RollupMaintainer, Settings, SqlRequest};
use storage::Durability;

const DATABASE: &str = "plant";

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const DAY: i64 = 86_400 * SECOND;

#[derive(Debug)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now_nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct World {
    clock: Arc<SetClock>,
    store: Arc<dyn ObjectStore>,
    data_dir: tempfile::TempDir,
    process: Option<Process>,
}

struct Process {
    catalog: Arc<Catalog>,
    storage: Arc<storage::Engine>,
    query: Arc<QueryEngine>,
    maintainer: RollupMaintainer,
}

impl World {
    pub(crate) async fn open(now: i64) -> Self {
        let mut world = Self {
            clock: Arc::new(SetClock(AtomicI64::new(now))),
            store: Arc::new(InMemory::new()),
            data_dir: tempfile::tempdir().unwrap(),
            process: None,
        };
        world.start().await;
        let name = DatabaseName::new(DATABASE).unwrap();
        let catalog = &world.process().catalog;
        let created = catalog.create_database(&name, Retention::Forever).await;
        created.unwrap();
        world
    }

    async fn start(&mut self) {
        let catalog = Catalog::open(Arc::clone(&self.store), Limits::default()).await;
        let catalog = Arc::new(catalog.unwrap());
        // What belonged to the process before lets go of the directory when its last thread ends.
        let lock = loop {
            match storage::DirectoryLock::acquire(self.data_dir.path()) {
                Ok(lock) => break lock,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let opened = storage::Engine::open(
            storage::Settings::default(),
            lock,
            Arc::clone(&catalog),
            Arc::clone(&self.store),
            Arc::clone(&self.clock) as _,
        );
        let (storage, _) = opened.await.unwrap();
        let storage = Arc::new(storage);
        let query = QueryEngine::new(
            Settings::default(),
            self.data_dir.path(),
            Arc::clone(&catalog),
            Arc::clone(&storage),
            Arc::clone(&self.clock) as _,
        );
        let query = Arc::new(query.unwrap());
        let maintainer = RollupMaintainer::open(Arc::clone(&query)).await.unwrap();
        self.process = Some(Process {
            catalog,
            storage,
            query,
            maintainer,
        });
    }

    /// Ends the process without a word, and starts another one.
    pub(crate) async fn crash(&mut self) {
        self.process = None;
        self.start().await;
    }

    fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_nanos()
    }

    pub(crate) fn advance(&self, nanos: i64) {
        self.clock.0.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) async fn write(&self, lines: &str) {
        let request = ingest::Request {
            body: lines.as_bytes(),
            precision: ingest::Precision::Nanosecond,
            now_nanos: self.now(),
            on_error: ingest::OnError::RejectAll,
        };
        let Process {
            catalog, storage, ..
        } = self.process();
        let settings = ingest::Settings::default();
        let parsed = ingest::ingest(catalog, &settings, DATABASE, request).await;
        let parsed = parsed.unwrap();
        assert!(parsed.line_errors.is_empty(), "{:?}", parsed.line_errors);
        storage
            .write(parsed.batch, Durability::Synced)
            .await
            .unwrap();
    }

    pub(crate) async fn flush(&self) {
        self.process().storage.flush().await.unwrap();
    }

    /// One step of what keeps rollups up to date.
    pub(crate) async fn step(&mut self) -> bool {
        let process = self.process.as_mut().unwrap();
        process.maintainer.step().await
    }

    pub(crate) async fn save(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.maintainer.save().await.unwrap();
    }

    /// Everything that is due.
    pub(crate) async fn settle(&mut self) {
        while self.step().await {}
    }

    /// The rows of a statement, as texts.
    pub(crate) async fn run(&self, sql: &str) -> Vec<String> {
        match self.ask(sql).await {
            Ok(rows) => rows,
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    pub(crate) async fn ask(&self, sql: &str) -> Result<Vec<String>> {
        let request = SqlRequest {
            database: DATABASE.to_owned(),
            sql: sql.to_owned(),
            params: Vec::new(),
            timeout: None,
            access: Access::Change,
            caller: Caller::administrator(None),
        };
        let stream = self.process().query.sql(request).await?;
        let batches: Vec<_> = stream.try_collect().await?;
        Ok(rows(&batches))
    }

    /// The rows of a query of raw rows, in order of their texts.
    pub(crate) async fn raw(&self, sql: &str) -> Vec<String> {
        let mut rows = self
            .run(&format!("SET tidemill.use_rollups = false; {sql}"))
            .await;
        rows.sort_unstable();
        rows
    }

    /// A query gives the same with rollups as without. Returns whether it reads one.
    pub(crate) async fn check(&self, sql: &str) -> bool {
        let mut found = self.run(sql).await;
        found.sort_unstable();
        let plan = self.run(&format!("EXPLAIN {sql}")).await.join("\n");
        assert_eq!(found, self.raw(sql).await, "{sql}\n{plan}");
        plan.contains("TableScan: rollup")
    }
}

/// Rows as text.
fn rows(batches: &[RecordBatch]) -> Vec<String> {
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
