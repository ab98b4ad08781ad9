//! A small plant: an engine with one table of a tag and two fields, whose store outlives it.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::util::pretty::pretty_format_batches;
use catalog::{
    Catalog, Clock, ColumnId, ColumnKind, ColumnRef, Comparison, DatabaseName, FieldType, Limits,
    Predicate, Retention, SystemClock, TableExtension, TableId, Value,
};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::io::LocalFileSystem;
use crate::merge::{KeyMerge, Step};
use crate::object_stores::DurableLocal;
use crate::series::{SeriesKey, key_columns};
use crate::snapshot::{FileRows, ScanUnit, TableSnapshot};
use crate::{DirectoryLock, Durability, Engine, Error, Progress, Settings, TableBatch, WriteBatch};

pub(crate) const DAY: i64 = 86_400_000_000_000;

/// A row: tag, time, the two fields.
pub(crate) type Row = (&'static str, i64, Option<f64>, Option<i64>);

/// Nobody looks how far it is.
pub(crate) fn unwatched(_: Progress) {}

/// A clock that stands.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) i64);

impl Clock for Stopped {
    fn now_nanos(&self) -> i64 {
        self.0
    }
}

/// A store and a data directory.
#[derive(Debug)]
pub(crate) struct Plant {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) data_dir: tempfile::TempDir,
}

impl Plant {
    pub(crate) fn in_memory() -> Self {
        Self::on(Arc::new(InMemory::new()))
    }

    pub(crate) fn on(store: Arc<dyn ObjectStore>) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        Self { store, data_dir }
    }

    pub(crate) fn on_disk() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let store = directory(&data_dir.path().join("objects"));
        Self { store, data_dir }
    }

    /// Waits for the last background task of an engine that was dropped.
    pub(crate) async fn lock(&self) -> DirectoryLock {
        loop {
            match DirectoryLock::acquire(self.data_dir.path()) {
                Err(Error::Locked { .. }) => tokio::task::yield_now().await,
                lock => return lock.unwrap(),
            }
        }
    }

    pub(crate) async fn start(&self) -> Running {
        let lock = self.lock().await;
        let store = Arc::clone(&self.store);
        let catalog = Catalog::open(Arc::clone(&store), Limits::default()).await;
        let catalog = Arc::new(catalog.unwrap());
        if catalog.state().database("plant").is_none() {
            make_table(&catalog).await;
        }
        let state = catalog.state();
        let table = state.database("plant").unwrap().table("motor").unwrap().id;
        let mut settings = Settings::default();
        settings.maintenance.interval = Duration::from_secs(3600);
        let clock = Arc::new(SystemClock);
        let opened = Engine::open(settings, lock, Arc::clone(&catalog), store, clock).await;
        let (engine, _) = opened.unwrap();
        Running {
            engine,
            catalog,
            store: Arc::clone(&self.store),
            table,
        }
    }
}

/// An object store in a directory.
pub(crate) fn directory(path: &std::path::Path) -> Arc<dyn ObjectStore> {
    Arc::new(DurableLocal::open(Arc::new(LocalFileSystem), path).unwrap())
}

async fn make_table(catalog: &Catalog) {
    let name = DatabaseName::new("plant").unwrap();
    let made = catalog.create_database(&name, Retention::Forever).await;
    made.unwrap();
    let columns = [
        ("asset", ColumnKind::Tag),
        ("a", ColumnKind::Field(FieldType::Float)),
        ("b", ColumnKind::Field(FieldType::Integer)),
    ];
    let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    let extension = TableExtension {
        table: "motor".to_owned(),
        columns,
    };
    catalog.extend("plant", &[extension]).await.unwrap();
}

/// An engine on a plant.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) engine: Engine,
    pub(crate) catalog: Arc<Catalog>,
    store: Arc<dyn ObjectStore>,
    pub(crate) table: TableId,
}

impl Running {
    pub(crate) async fn write(&self, rows: &[Row]) {
        let key = |tag: &str| SeriesKey::new([(ColumnId(0), tag)]);
        let a: Float64Array = rows.iter().map(|row| row.2).collect();
        let b: Int64Array = rows.iter().map(|row| row.3).collect();
        let fields: Vec<(ColumnId, ArrayRef)> =
            vec![(ColumnId(1), Arc::new(a)), (ColumnId(2), Arc::new(b))];
        let mut series: Vec<&str> = rows.iter().map(|row| row.0).collect();
        series.sort_unstable();
        series.dedup();
        let place = |tag| series.iter().position(|other| *other == tag).unwrap();
        let batch = WriteBatch {
            tables: vec![TableBatch {
                table: self.table,
                series_of_row: rows.iter().map(|row| place(row.0) as u32).collect(),
                series: series.iter().map(|tag| key(tag)).collect(),
                times: rows.iter().map(|row| row.1).collect(),
                fields,
            }],
        };
        let written = self.engine.write(batch, Durability::Synced).await;
        written.unwrap();
    }

    pub(crate) async fn flush(&self, rows: &[Row]) {
        self.write(rows).await;
        self.engine.flush().await.unwrap();
    }

    /// Noted in the manifest.
    pub(crate) async fn delete_asset(&self, asset: &str) {
        let predicate = Predicate::Compare {
            column: ColumnRef::Column(ColumnId(0)),
            comparison: Comparison::Equal,
            value: Value::Text(asset.to_owned()),
        };
        self.delete(predicate).await;
    }

    /// Made real at once: files are replaced by others.
    pub(crate) async fn delete_greater(&self, limit: i64) {
        let predicate = Predicate::Compare {
            column: ColumnRef::Column(ColumnId(2)),
            comparison: Comparison::Greater,
            value: Value::Integer(limit),
        };
        self.delete(predicate).await;
    }

    /// Waits until the engine has rewritten the files that hold deleted rows.
    pub(crate) async fn settle(&self) {
        while !self
            .catalog
            .state()
            .table(self.table)
            .unwrap()
            .deletes()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    }

    async fn delete(&self, predicate: Predicate) {
        let deleted = self.engine.delete_rows(vec![(self.table, predicate)]).await;
        deleted.unwrap();
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let state = self.catalog.state();
        let files = state.stored_tables().flat_map(|table| table.files());
        files.map(|file| file.path()).collect()
    }

    /// Every row, as a reader sees it.
    pub(crate) async fn rows(&self) -> Vec<String> {
        let snapshot = self.engine.snapshot(self.table).unwrap();
        let mut lines = Vec::new();
        for unit in snapshot.scan_units(&(i64::MIN..=i64::MAX)) {
            let (files, buffered) = match unit {
                ScanUnit::File(file) => (vec![file], None),
                ScanUnit::Buffered(buffered) => (Vec::new(), Some(buffered)),
                ScanUnit::Merged { files, buffered } => (files, buffered),
            };
            let mut inputs = Vec::new();
            for file in &files {
                inputs.push(self.read(&snapshot, file).await);
            }
            inputs
                .extend(buffered.map(|rows| rows.find().unwrap().sorted_unique(snapshot.schema())));
            let text = pretty_format_batches(&merged(&snapshot, inputs)).unwrap();
            let rows = text.to_string();
            lines.extend(
                rows.lines()
                    .filter(|line| line.contains("T"))
                    .map(str::to_owned),
            );
        }
        lines.sort();
        lines
    }

    async fn read(&self, snapshot: &TableSnapshot, file: &FileRows) -> RecordBatch {
        let object = self.store.get(&file.file.path().into()).await.unwrap();
        let bytes = object.bytes().await.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let mut batches = reader.build().unwrap();
        let rows = batches.next().unwrap().unwrap();
        assert!(batches.next().is_none());
        file.filter.apply(rows, snapshot.table()).unwrap()
    }
}

fn merged(snapshot: &TableSnapshot, inputs: Vec<RecordBatch>) -> Vec<RecordBatch> {
    let schema = snapshot.schema();
    let key = key_columns(snapshot.table()).map(|name| schema.index_of(name).unwrap());
    let mut merge =
        KeyMerge::try_new(Arc::clone(schema), key.collect(), inputs.len(), 100).unwrap();
    let mut inputs: Vec<_> = inputs.into_iter().map(Some).collect();
    let mut rows = Vec::new();
    loop {
        match merge.step().unwrap() {
            Step::NeedInput(input) => match inputs[input].take() {
                Some(batch) => merge.push(input, batch).unwrap(),
                None => merge.finish(input),
            },
            Step::Output(batch) => rows.push(batch),
            Step::Done => return rows,
        }
    }
}
