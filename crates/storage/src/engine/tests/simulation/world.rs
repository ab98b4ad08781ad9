//! One life of the program in a simulated world, and what it writes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
use bytesize::ByteSize;
use catalog::{
    Catalog, Clock, ColumnId, ColumnKind, Database, FieldType, Limits, State, Table, TableId,
};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::model::{Row, Value};
use crate::batch::{TableBatch, WriteBatch};
use crate::compaction;
use crate::engine::{DirectoryLock, Engine, MaintenanceSettings, Settings, buffer, wal};
use crate::error::Result;
use crate::io::simulated::{Life, SimulatedDisk};
use crate::object_stores::DurableLocal;
use crate::object_stores::faults::FaultStore;
use crate::series::SeriesKey;

pub(super) const DATABASE: &str = "db";

/// What outlives the program.
pub(super) struct World {
    pub(super) disk: Arc<SimulatedDisk>,
    /// A store on another machine; without it objects are on the disk too.
    pub(super) remote: Option<Arc<InMemory>>,
    pub(super) settings: Settings,
    pub(super) clock: Arc<SetClock>,
    /// Every life's store has faults of its own.
    pub(super) seed: u64,
}

/// The program while it runs.
pub(super) struct Program {
    pub(super) life: Arc<Life>,
    pub(super) store: FaultStore,
    pub(super) catalog: Arc<Catalog>,
    pub(super) engine: Engine,
}

/// A clock that moves when it is told to.
#[derive(Debug)]
pub(super) struct SetClock(AtomicI64);

impl SetClock {
    pub(super) fn new(nanos: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(nanos)))
    }

    pub(super) fn advance(&self, nanos: i64) {
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now_nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Dropped tables are forgotten after this.
pub(super) const UNDROP_PERIOD: Duration = Duration::from_secs(36 * 3600);

/// Small limits, so that few writes reach them, and no timers that follow the real clock.
pub(super) fn settings(flush_bytes: ByteSize, replaced_file_age: Duration) -> Settings {
    Settings {
        wal: wal::Settings {
            segment_size: ByteSize::kib(4),
            segment_age: Duration::MAX,
            group_bytes_max: ByteSize::kib(4),
            queue_bytes_max: ByteSize::kib(256),
            quota: ByteSize::kib(512),
            unsynced_age_max: Duration::MAX,
            retry_interval: Duration::ZERO,
            ..wal::Settings::default()
        },
        buffer: buffer::Settings {
            flush_bytes,
            flush_age: Duration::MAX,
            ..buffer::Settings::default()
        },
        // What can be merged is merged when the schedule says so.
        compaction: compaction::Settings {
            fan_in: 2,
            settle_age: Duration::ZERO,
            ..compaction::Settings::default()
        },
        maintenance: MaintenanceSettings {
            niceness: 0, // the world has one thread, and a clock that waits for its work
            interval: Duration::MAX,
            undrop_period: UNDROP_PERIOD,
            replaced_file_age,
            ..MaintenanceSettings::default()
        },
        ..Settings::default()
    }
}

impl World {
    /// What this life's program sees below the faults of its store.
    pub(super) fn calm_store(&self, life: &Arc<Life>) -> Result<Arc<dyn ObjectStore>, String> {
        match &self.remote {
            Some(remote) => Ok(Arc::clone(remote) as _),
            None => {
                let root = Path::new("/data/objects");
                let store = DurableLocal::open(Arc::clone(life) as _, root);
                Ok(Arc::new(store.map_err(|error| error.to_string())?))
            }
        }
    }

    /// Begins a life: the disk, and the store with faults that `prepare` sets up.
    pub(super) fn begin(&mut self) -> Result<(Arc<Life>, FaultStore), String> {
        let life = self.disk.mount();
        self.seed = self.seed.wrapping_add(1);
        let calm = self.calm_store(&life)?;
        let store = FaultStore::new(calm, Arc::clone(&life), self.seed);
        Ok((life, store))
    }

    /// Starts the program.
    pub(super) async fn start(&self, life: Arc<Life>, store: FaultStore) -> Result<Program> {
        let lock = DirectoryLock::acquire_on(Arc::clone(&life) as _, Path::new("/data"))?;
        let objects: Arc<dyn ObjectStore> = Arc::new(store.clone());
        let catalog = Catalog::open(Arc::clone(&objects), Limits::default()).await?;
        let catalog = Arc::new(catalog);
        let settings = self.settings.clone();
        let clock = Arc::clone(&self.clock) as _;
        let opened = Engine::open(settings, lock, Arc::clone(&catalog), objects, clock);
        let (engine, _) = opened.await?;
        Ok(Program {
            life,
            store,
            catalog,
            engine,
        })
    }
}

impl Program {
    pub(super) fn tables(&self) -> Vec<Arc<Table>> {
        let state = self.catalog.state();
        let database: Option<&Arc<Database>> = state.database(DATABASE);
        database.map_or(Vec::new(), |database| database.tables().cloned().collect())
    }

    /// Ends what still runs of a program that is dead or has stopped.
    pub(super) async fn bury(self) {
        let ended = self.engine.wal.close();
        drop(super::busy(ended).await);
        let background = std::mem::take(&mut *self.engine.background.lock());
        for task in background {
            task.abort();
            drop(task.await);
        }
    }

    /// The rows as one batch. Every table and column must exist.
    pub(super) fn batch(&self, rows: &[Row]) -> WriteBatch {
        batch(&self.catalog.state(), rows)
    }
}

/// Rows of tables of this state as one batch.
pub(in crate::engine::tests) fn batch(state: &State, rows: &[Row]) -> WriteBatch {
    let mut by_table: BTreeMap<TableId, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_table.entry(row.0.table).or_default().push(row);
    }
    let batch =
        |(table, rows): (_, Vec<&Row>)| table_batch(state.stored_table(table).unwrap(), &rows);
    WriteBatch {
        tables: by_table.into_iter().map(batch).collect(),
    }
}

fn table_batch(table: &Table, rows: &[&Row]) -> TableBatch {
    let mut series: Vec<SeriesKey> = Vec::new();
    let mut series_of_row = Vec::new();
    for (key, _) in rows {
        let tag = |(name, value)| (table.column(name).unwrap().id, value);
        let mut tags: Vec<(ColumnId, &str)> = (key.tags.iter())
            .map(|(name, value)| tag((name.as_str(), value.as_str())))
            .collect();
        tags.sort_unstable();
        let key = SeriesKey::new(tags);
        let known = series.iter().position(|other| *other == key);
        let number = known.unwrap_or_else(|| {
            series.push(key);
            series.len() - 1
        });
        series_of_row.push(u32::try_from(number).unwrap());
    }
    let is_used = |name: &str| rows.iter().any(|(_, fields)| fields.contains_key(name));
    let fields = table.fields().filter(|column| is_used(&column.name));
    let fields = fields.map(|column| {
        let ColumnKind::Field(kind) = column.kind else {
            panic!("{} is no field", column.name);
        };
        let values = rows.iter().map(|(_, fields)| fields.get(&*column.name));
        (column.id, array(kind, values))
    });
    TableBatch {
        table: table.id,
        series,
        series_of_row,
        times: rows.iter().map(|(key, _)| key.time).collect(),
        fields: fields.collect(),
    }
}

fn array<'a>(kind: FieldType, values: impl Iterator<Item = Option<&'a Value>>) -> ArrayRef {
    macro_rules! collect {
        ($array:ty, $variant:ident, $value:ident => $convert:expr) => {
            Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::$variant($value)) => Some($convert),
                        None => None,
                        other => panic!("{other:?} in a column of another type"),
                    })
                    .collect::<$array>(),
            )
        };
    }
    match kind {
        FieldType::Float => collect!(Float64Array, Float, bits => f64::from_bits(*bits)),
        FieldType::Integer => collect!(Int64Array, Integer, value => *value),
        FieldType::UInteger => collect!(UInt64Array, Unsigned, value => *value),
        FieldType::Boolean => collect!(BooleanArray, Boolean, value => *value),
        FieldType::String => collect!(StringArray, Text, text => text.as_str()),
    }
}
