//! `system.databases`.

use catalog::Database;

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
        ("size_bytes", Type::Integer),
        // NULL unless it was dropped and can be brought back.
        ("dropped_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let live = state.databases().map(|database| row(database, None));
    let dropped = state.dropped_databases();
    let dropped = dropped.map(|dropped| row(&dropped.item, Some(dropped.at_nanos)));
    let sees = |row: &Vec<Value>| match &row[0] {
        Value::Text(name) => view.caller.sees_database(name),
        _ => false,
    };
    let rows: Vec<_> = live.chain(dropped).filter(sees).collect();
    Box::new(rows.into_iter())
}

fn row(database: &Database, dropped_at: Option<i64>) -> Vec<Value> {
    let files = || database.tables().flat_map(|table| table.files());
    vec![
        Value::text(&*database.name),
        Value::count(database.id.0),
        Value::text(database.retention.to_string()),
        Value::count(database.tables().len()),
        Value::count(files().count()),
        Value::count(files().map(|file| file.rows).sum::<u64>()),
        Value::count(files().map(|file| file.size_bytes).sum::<u64>()),
        Value::or_null(dropped_at, Value::Time),
    ]
}
