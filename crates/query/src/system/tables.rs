//! `system.tables`.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{DatabaseId, FloatStorage, Retention, State, Table};

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "tables",
    columns: &[
        ("database_name", Type::Text),
        ("table_name", Type::Text),
        ("id", Type::Integer),
        ("tags", Type::Integer),
        ("fields", Type::Integer),
        ("retention", Type::Text),
        // Whether the table has a retention of its own.
        ("retention_is_own", Type::Boolean),
        ("floats", Type::Text),
        ("files", Type::Integer),
        // In files, as are the next three.
        ("row_count", Type::Integer),
        ("size_bytes", Type::Integer),
        ("time_min", Type::Time),
        ("time_max", Type::Time),
        // Rows in memory, as they were written.
        ("buffered_rows", Type::Integer),
        // Deletes that some file has still to be read with.
        ("pending_deletes", Type::Integer),
        // NULL unless it, or its database, was dropped and can be brought back.
        ("dropped_at", Type::Time),
    ],
    rows,
};

/// A table with the name and retention of its database, and when it was dropped.
type Found = (Arc<str>, Retention, Arc<Table>, Option<i64>);

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let found = found(&state);
    let seen = found
        .into_iter()
        .filter(move |(database, _, table, _)| view.caller.sees_table(database, &table.name));
    let storage = view.storage;
    Box::new(seen.map(move |(database, inherited, table, dropped_at)| {
        let snapshot = storage.snapshot(table.id);
        let buffered = snapshot.map_or(0, |snapshot| snapshot.buffered_row_count());
        row(&database, inherited, &table, buffered, dropped_at)
    }))
}

fn found(state: &State) -> Vec<Found> {
    let mut homes: HashMap<DatabaseId, (Arc<str>, Retention)> = HashMap::new();
    let mut found = Vec::new();
    let live = state.databases().map(|database| (database, None));
    let dropped = state.dropped_databases();
    let dropped = dropped.map(|dropped| (&dropped.item, Some(dropped.at_nanos)));
    for (database, dropped_at) in live.chain(dropped) {
        let (name, retention) = (Arc::clone(&database.name), database.retention);
        for table in database.tables() {
            found.push((Arc::clone(&name), retention, Arc::clone(table), dropped_at));
        }
        homes.insert(database.id, (name, retention));
    }
    for dropped in state.dropped_tables() {
        // A database that was purged has taken its tables along.
        if let Some((name, retention)) = homes.get(&dropped.item.database) {
            let table = Arc::clone(&dropped.item);
            found.push((Arc::clone(name), *retention, table, Some(dropped.at_nanos)));
        }
    }
    found
}

fn row(
    database: &str,
    inherited: Retention,
    table: &Table,
    buffered_rows: usize,
    dropped_at: Option<i64>,
) -> Vec<Value> {
    let files = table.files();
    let floats = match table.float_storage {
        FloatStorage::Double => "double",
        FloatStorage::DecimalWhenExact => "decimal",
    };
    let earliest = files.iter().map(|file| file.time_min).min();
    let latest = files.iter().map(|file| file.time_max).max();
    vec![
        Value::text(database),
        Value::text(&*table.name),
        Value::count(table.id.0),
        Value::count(table.tags().count()),
        Value::count(table.fields().count()),
        Value::text(table.retention.unwrap_or(inherited).to_string()),
        Value::Boolean(table.retention.is_some()),
        Value::text(floats),
        Value::count(files.len()),
        Value::count(files.iter().map(|file| file.rows).sum::<u64>()),
        Value::count(files.iter().map(|file| file.size_bytes).sum::<u64>()),
        Value::or_null(earliest, Value::Time),
        Value::or_null(latest, Value::Time),
        Value::count(buffered_rows),
        Value::count(table.deletes().len()),
        Value::or_null(dropped_at, Value::Time),
    ]
}
