//! `system.databases`. Counts are of those tables that the caller sees.

use catalog::{Database, Table};

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "databases",
    columns: &[
        ("database_name", Type::Text),
        ("id", Type::Integer),
        ("retention", Type::Text),
        ("tables", Type::Integer),
        ("files", Type::Integer),
        // In files.
        ("row_count", Type::Integer),
        // Rows in memory, as they were written.
        ("buffered_rows", Type::Integer),
        ("size_bytes", Type::Integer),
        // NULL unless it was dropped and can be brought back.
        ("dropped_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let live = state.databases().map(|database| (database, None));
    let dropped = state.dropped_databases();
    let dropped = dropped.map(|dropped| (&dropped.item, Some(dropped.at_nanos)));
    let seen = live
        .chain(dropped)
        .filter(|(database, _)| view.caller.sees_database(&database.name));
    let rows: Vec<_> = seen
        .map(|(database, dropped_at)| row(&view, database, dropped_at))
        .collect();
    Box::new(rows.into_iter())
}

fn row(view: &View, database: &Database, dropped_at: Option<i64>) -> Vec<Value> {
    let sees = |table: &Table| view.caller.sees_table(&database.name, &table.name);
    let seen = database.with_tables(sees);
    let files = || seen.tables().flat_map(|table| table.files());
    let snapshots = seen.tables().filter_map(|it| view.storage.snapshot(it.id));
    let buffered: usize = snapshots.map(|it| it.buffered_row_count()).sum();
    vec![
        Value::text(&*database.name),
        Value::count(database.id.0),
        Value::text(database.retention.to_string()),
        Value::count(seen.tables().len()),
        Value::count(files().count()),
        Value::count(files().map(|file| file.rows).sum::<u64>()),
        Value::count(buffered),
        Value::count(files().map(|file| file.size_bytes).sum::<u64>()),
        Value::or_null(dropped_at, Value::Time),
    ]
}
