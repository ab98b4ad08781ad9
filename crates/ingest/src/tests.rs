//! What a write means: bodies in, rows and refused lines out, through a real catalog in memory.

mod accepted;
mod differential;
mod properties;
mod records;
mod refused;
mod schema;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use catalog::{Catalog, DatabaseName, Limits, Retention, State};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use storage::TableBatch;

use crate::{OnError, Parsed, Precision, Request, Settings};

/// The time of lines without a timestamp.
const NOW: i64 = 1_700_000_000_000_000_000;

/// A catalog with one database, `db`.
struct Fixture {
    catalog: Catalog,
    settings: Settings,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    fn with_limits(limits: Limits) -> Self {
        Self::with_store(Arc::new(InMemory::new()), limits)
    }

    /// Its commits take a moment, in which other tasks run.
    fn slow() -> Self {
        let wait_put_per_call = std::time::Duration::from_millis(1);
        let config = ThrottleConfig {
            wait_put_per_call,
            ..ThrottleConfig::default()
        };
        Self::with_store(
            Arc::new(ThrottledStore::new(InMemory::new(), config)),
            Limits::default(),
        )
    }

    fn with_store(store: Arc<dyn ObjectStore>, limits: Limits) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let catalog = runtime.block_on(async {
            let catalog = Catalog::open(store, limits).await.unwrap();
            catalog
                .create_database(&DatabaseName::new("db").unwrap(), Retention::Forever)
                .await
                .unwrap();
            catalog
        });
        Self {
            catalog,
            settings: Settings::default(),
            runtime,
        }
    }

    fn ingest(&self, request: Request<'_>) -> crate::Result<Parsed> {
        self.runtime
            .block_on(crate::ingest(&self.catalog, &self.settings, "db", request))
    }

    fn write(&self, body: impl AsRef<[u8]>) -> Parsed {
        self.ingest(request(body.as_ref())).unwrap()
    }

    /// Writes a body and compares the rows, as [`rows`] shows them, and the reasons of refused
    /// lines with their numbers.
    fn check(&self, body: impl AsRef<[u8]>, expected: &[&str], refused: &[(usize, &str)]) {
        let body = body.as_ref();
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
        let parsed = self.write(body);
        assert_eq!(rows(&parsed, &self.catalog.state()), expected, "{shown}");
        assert_eq!(reasons(&parsed), refused, "{shown}");
        assert_eq!(parsed.lines, expected.len() + refused.len(), "{shown}");
        assert_eq!(parsed.lines_refused, refused.len(), "{shown}");
    }
}

/// The state of a catalog whose database `db` has the tables and columns of a body.
pub(crate) fn state_after(body: &str) -> Arc<State> {
    let fixture = Fixture::new();
    fixture.write(body);
    fixture.catalog.state()
}

/// Writes a body to an empty database; see [`Fixture::check`].
fn check(body: impl AsRef<[u8]>, expected: &[&str], refused: &[(usize, &str)]) {
    Fixture::new().check(body, expected, refused);
}

fn request(body: &[u8]) -> Request<'_> {
    let (precision, on_error) = (Precision::Nanosecond, OnError::KeepValid);
    Request {
        body,
        precision,
        now_nanos: NOW,
        on_error,
    }
}

fn reasons(parsed: &Parsed) -> Vec<(usize, &'static str)> {
    parsed
        .line_errors
        .iter()
        .map(|error| (error.line_number, error.fault.reason()))
        .collect()
}

/// Every row as canonical text, tags and fields by column id, tables in the order of their first
/// line: `table tag=… field=… @time`. Floats always have a point, text is in quotes.
fn rows(parsed: &Parsed, state: &State) -> Vec<String> {
    assert_eq!(parsed.rows, parsed.batch.row_count());
    let tables = parsed.batch.tables.iter();
    tables
        .flat_map(|batch| rows_of_table(batch, state))
        .collect()
}

fn rows_of_table(batch: &TableBatch, state: &State) -> Vec<String> {
    let table = state.table(batch.table).unwrap();
    let name = |id: catalog::ColumnId| &table.columns()[usize::from(id.0)].name;
    for (id, values) in &batch.fields {
        assert_eq!(
            values.len(),
            batch.row_count(),
            "{}.{}",
            table.name,
            name(*id)
        );
    }
    let used: std::collections::HashSet<_> = batch.series_of_row.iter().collect();
    assert_eq!(
        used.len(),
        batch.series.len(),
        "every series of {} has a row",
        table.name
    );
    let row = |row: usize| {
        let mut text = table.name.to_string();
        for (id, value) in batch.series[batch.series_of_row[row] as usize].tags() {
            text += &format!(" {}={value}", name(id));
        }
        for (id, values) in batch
            .fields
            .iter()
            .filter(|(_, values)| values.is_valid(row))
        {
            text += &format!(" {}={}", name(*id), value(values, row));
        }
        match batch.times[row] {
            NOW => text,
            time => format!("{text} @{time}"),
        }
    };
    (0..batch.row_count()).map(row).collect()
}

fn value(values: &ArrayRef, row: usize) -> String {
    match values.data_type() {
        DataType::Float64 => format!("{:?}", values.as_primitive::<Float64Type>().value(row)),
        DataType::Int64 => format!("{}i", values.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => format!("{}u", values.as_primitive::<UInt64Type>().value(row)),
        DataType::Boolean => values.as_boolean().value(row).to_string(),
        DataType::Utf8 => format!("{:?}", values.as_string::<i32>().value(row)),
        other => panic!("no field is stored as {other}"),
    }
}
