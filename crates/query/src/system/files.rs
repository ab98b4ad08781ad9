//! `system.files`.

use std::sync::Arc;

use catalog::{FileRecord, Table};

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "files",
    columns: &[
        ("database_name", Type::Text),
        ("table_name", Type::Text),
        // Below the root of the object store.
        ("path", Type::Text),
        // How often its rows have been compacted.
        ("level", Type::Integer),
        ("row_count", Type::Integer),
        ("size_bytes", Type::Integer),
        ("time_min", Type::Time),
        ("time_max", Type::Time),
        ("partition_start", Type::Time),
        ("partition_end", Type::Time),
        // Whether it can be read without being merged with older files.
        ("keys_are_new", Type::Boolean),
        // Deletes that it has still to be read with.
        ("pending_deletes", Type::Integer),
        // NULL if the file does not keep the last rows of its series apart.
        ("series", Type::Integer),
        // CRC-32C of the file, in hexadecimal digits.
        ("checksum", Type::Text),
    ],
    rows,
};

/// There may be a great many: they are walked through as they are asked for, not listed first.
fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let databases: Vec<_> = state.databases().map(Arc::clone).collect();
    let caller = view.caller;
    let tables = databases.into_iter().flat_map(move |database| {
        let sees = |table: &&Arc<Table>| caller.sees_table(&database.name, &table.name);
        let tables: Vec<_> = database.tables().filter(sees).map(Arc::clone).collect();
        let name = Arc::clone(&database.name);
        tables
            .into_iter()
            .map(move |table| (Arc::clone(&name), table))
    });
    Box::new(tables.flat_map(|(database, table)| {
        let files = 0..table.files().len();
        files.map(move |at| row(&database, &table, &table.files()[at]))
    }))
}

fn row(database: &str, table: &Table, file: &FileRecord) -> Vec<Value> {
    vec![
        Value::text(database),
        Value::text(&*table.name),
        Value::text(file.path()),
        Value::count(file.level),
        Value::count(file.rows),
        Value::count(file.size_bytes),
        Value::Time(file.time_min),
        Value::Time(file.time_max),
        Value::Time(file.partition_start),
        Value::Time(file.partition_end()),
        Value::Boolean(file.keys_are_new),
        Value::count(table.deletes_of(file).count()),
        Value::or_null(file.last_rows, |part| Value::count(part.rows)),
        Value::text(format!("{:08x}", file.checksum)),
    ]
}
