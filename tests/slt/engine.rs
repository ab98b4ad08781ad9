//! The engine behind the SQL files.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::{Catalog, Clock, DatabaseName, Limits, Retention, SystemClock};
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use query::{Access, Caller, QueryEngine, SqlRequest};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use storage::Durability;

use crate::format;

const DATABASE: &str = "slt";

/// Whatever went wrong, as text: the files match errors by their message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

impl Failure {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// One database in an engine of its own.
pub(crate) struct Engine {
    catalog: Arc<Catalog>,
    storage: Arc<storage::Engine>,
    query: QueryEngine,
    _data_dir: tempfile::TempDir,
}

impl Engine {
    pub(crate) async fn open() -> Result<Self, Failure> {
        let data_dir = tempfile::tempdir().map_err(Failure::new)?;
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let catalog = Catalog::open(Arc::clone(&store), Limits::default()).await;
        let catalog = Arc::new(catalog.map_err(Failure::new)?);
        let name = DatabaseName::new(DATABASE).map_err(Failure::new)?;
        let created = catalog.create_database(&name, Retention::Forever).await;
        created.map_err(Failure::new)?;
        let settings = storage::Settings::default();
        let (storage, _) = storage::Engine::open(
            settings,
            storage::DirectoryLock::acquire(data_dir.path()).map_err(Failure::new)?,
            Arc::clone(&catalog),
            store,
            Arc::new(SystemClock),
        )
        .await
        .map_err(Failure::new)?;
        let storage = Arc::new(storage);
        let query = QueryEngine::new(
            query::Settings::default(),
            data_dir.path(),
            Arc::clone(&catalog),
            Arc::clone(&storage),
            Arc::new(SystemClock),
        )
        .map_err(Failure::new)?;
        Ok(Self {
            catalog,
            storage,
            query,
            _data_dir: data_dir,
        })
    }

    async fn write(&self, lines: &str) -> Result<(), Failure> {
        let request = ingest::Request {
            body: lines.as_bytes(),
            precision: ingest::Precision::Nanosecond,
            now_nanos: SystemClock.now_nanos(),
            on_error: ingest::OnError::RejectAll,
        };
        let settings = ingest::Settings::default();
        let parsed = ingest::ingest(&self.catalog, &settings, DATABASE, request).await;
        let parsed = parsed.map_err(Failure::new)?;
        if let Some(error) = parsed.line_errors.first() {
            return Err(Failure(format!(
                "line {}: {}",
                error.line_number, error.fault
            )));
        }
        self.storage
            .write(parsed.batch, Durability::Synced)
            .await
            .map_err(Failure::new)?;
        Ok(())
    }

    async fn query(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let request = SqlRequest {
            database: DATABASE.to_owned(),
            sql: sql.to_owned(),
            params: Vec::new(),
            timeout: None,
            access: Access::Change,
            caller: Caller::administrator(None),
        };
        let stream = self.query.sql(request).await.map_err(Failure::new)?;
        let schema = stream.schema();
        let batches: Vec<_> = stream.try_collect().await.map_err(Failure::new)?;
        let types = schema
            .fields()
            .iter()
            .map(|field| format::column_type(field.data_type()));
        let rows = format::rows(&batches).map_err(Failure::new)?;
        Ok(DBOutput::Rows {
            types: types.collect(),
            rows,
        })
    }
}

#[async_trait]
impl AsyncDB for Engine {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        if let Some(lines) = sql.strip_prefix("WRITE") {
            self.write(lines).await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        if sql.trim() == "FLUSH" {
            self.storage.flush().await.map_err(Failure::new)?;
            return Ok(DBOutput::StatementComplete(0));
        }
        self.query(sql).await
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "tidemill"
    }
}
